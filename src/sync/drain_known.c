/* drain_known.c - entries that MySQL knows already, from a drain that died before it settled them
 * or a direct write whose COMMIT got lost: settled with their outcome, not applied again. */
#include "drain_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/commit.h"
#include "relevo/log.h"
#include "relevo/mem.h"

#define FIND_CHUNK  500
#define LETTERS_MAX 100000

struct known {
	struct entry *entry;
	struct applied outcome; /* owned */
	bool unrecorded;	/* applied as member of a batch: its own record is to be written */
	const char *refusal; /* it is none of what was applied under its id, because; NULL: it is */
	struct row *row;     /* as MySQL has it now; owned; NULL: gone */
};

struct knowns {
	struct known *at;
	size_t count, room;
	struct dead_letter *letters;
	size_t letter_count;
};

static void knowns_free(struct knowns *k)
{
	for (size_t i = 0; i < k->count; i++) {
		applied_free(&k->at[i].outcome);
		row_unref(&k->at[i].row);
	}
	for (size_t i = 0; i < k->letter_count; i++)
		dead_letter_free(&k->letters[i]);
	free(k->at);
	free(k->letters);
}

static struct known *knowns_add(struct knowns *k, struct entry *en)
{
	if (k->count == k->room) {
		k->room = k->room == 0 ? 64 : k->room * 2;
		k->at = mem_resize(k->at, k->room, sizeof(*k->at));
	}
	k->at[k->count] = (struct known){ .entry = en };
	return &k->at[k->count++];
}

static bool is_open(const struct entry *en)
{
	return !en->settled && !en->left;
}

/* --- batches whose COMMIT got lost --- */

static enum err_code ask_batch(struct run *r, struct entry *en, struct err *e)
{
	struct err why = ERR_INIT;
	bool applied = false;
	enum err_code code = commit_settle(r->d->db, en->op->batch, &applied, &en->first_id,
					   &en->applied_us, &why);

	if (code == ERR_LOCKED) {
		db_rollback(r->d->db);
		en->left = true;
		return ERR_NONE;
	}
	en->asked = code == ERR_NONE;
	en->in_batch = applied;
	return drain_db_error(code, &why, e);
}

/* Entries of one batch mostly stand together, so the last answer is worth keeping. */
static enum err_code ask_batches(struct run *r, struct err *e)
{
	const struct entry *last = NULL;

	for (size_t i = 0; i < r->count; i++) {
		struct entry *en = &r->at[i];
		enum err_code code;

		if (!is_open(en) || en->asked || en->op == NULL || opid_is_zero(en->op->batch))
			continue;
		if (last != NULL && opid_equal(last->op->batch, en->op->batch)) {
			en->left = last->left;
			en->asked = last->asked;
			en->in_batch = last->in_batch;
			en->first_id = last->first_id;
			en->applied_us = last->applied_us;
			continue;
		}
		code = ask_batch(r, en, e);
		if (code != ERR_NONE)
			return code;
		last = en;
	}
	return ERR_NONE;
}

/* --- looking up --- */

static struct entry *entry_of(struct entry *const *some, size_t count, struct opid op)
{
	for (size_t i = 0; i < count; i++)
		if (opid_equal(some[i]->id, op))
			return some[i];
	return NULL;
}

/* Retries of one letter are the same attempt; one that waits in no list was not acknowledged, and
 * is told by the one who asked for it (store/dead.c). */
static const char *refusal_of(const struct operation *op, const struct applied *a)
{
	if (op == NULL)
		return NULL;
	if (op->has_fingerprint && a->has_fingerprint &&
	    memcmp(op->fingerprint, a->fingerprint, sizeof(a->fingerprint)) != 0)
		return "its Idempotency-Key was applied for another request before";
	if (op->attempt > 0 && op->seq > 0 && op->attempt == a->attempt &&
	    op->accepted_us != a->accepted_us)
		return "another retry of it was decided before";
	return NULL;
}

/* Takes the record unless it speaks of an earlier attempt. */
static void take_record(struct knowns *k, struct entry *en, struct applied *a)
{
	struct operation *op = en->op;
	struct known *known;

	if (op != NULL && a->attempt < op->attempt) {
		if (a->has_fingerprint && !op->has_fingerprint) {
			op->has_fingerprint = true;
			memcpy(op->fingerprint, a->fingerprint, sizeof(op->fingerprint));
		}
		applied_free(a);
		return;
	}
	en->found = true;
	known = knowns_add(k, en);
	known->outcome = *a;
	known->refusal = refusal_of(op, a);
}

static void take_member(struct run *r, struct knowns *k, struct entry *en)
{
	const struct operation *op = en->op;
	struct known *known = knowns_add(k, en);
	struct applied *a = &known->outcome;

	known->unrecorded = true;
	*a = (struct applied){ .op = en->id,
			       .kind = (enum applied_kind)op->kind,
			       .attempt = op->attempt,
			       .accepted_us = op->accepted_us,
			       .applied_us = en->applied_us };
	if (op->kind == OP_CREATE)
		a->item_id = en->first_id + (int64_t)op->nth * (int64_t)db_increment(r->d->db);
	else
		a->item_id = op->item_id != 0 ? op->item_id : run_final_id(r, op->temp);
	a->version = op->kind == OP_CREATE ? 1 : 0;
}

static enum err_code look_up_chunk(struct run *r, struct knowns *k, struct entry **some,
				   size_t count, struct err *e)
{
	struct opid *ops = mem_zero(count, sizeof(*ops));
	struct applied *found = NULL;
	struct err why = ERR_INIT;
	size_t found_count = 0;
	enum err_code code;

	for (size_t i = 0; i < count; i++)
		ops[i] = some[i]->id;
	code = applied_find(r->d->db, ops, count, &found, &found_count, &why);
	for (size_t i = 0; i < found_count; i++) {
		struct entry *en = entry_of(some, count, found[i].op);

		if (en != NULL)
			take_record(k, en, &found[i]);
		else
			applied_free(&found[i]);
	}
	for (size_t i = 0; i < count && code == ERR_NONE; i++)
		if (some[i]->in_batch && !some[i]->found)
			take_member(r, k, some[i]);
	free(found);
	free(ops);
	return drain_db_error(code, &why, e);
}

static enum err_code look_up(struct run *r, struct knowns *k, struct err *e)
{
	struct entry *some[FIND_CHUNK];
	enum err_code code = ERR_NONE;
	size_t count = 0;

	for (size_t i = 0; i <= r->count && code == ERR_NONE; i++) {
		if (count == FIND_CHUNK || (i == r->count && count > 0)) {
			code = run_keep(r, e);
			if (code == ERR_NONE)
				code = look_up_chunk(r, k, some, count, e);
			count = 0;
		}
		if (i == r->count || !is_open(r->by_id[i]))
			continue;
		if (i == 0 || !opid_equal(r->by_id[i]->id, r->by_id[i - 1]->id))
			some[count++] = r->by_id[i];
	}
	return code;
}

/* Temporary items whose create is in no list any more: an earlier drain gave them their ids. */
static enum err_code find_temps(struct run *r, struct err *e)
{
	struct opid *temps = mem_zero(r->count + 1, sizeof(*temps));
	struct applied *found = NULL;
	struct err why = ERR_INIT;
	size_t count = 0, found_count = 0;
	enum err_code code;

	for (size_t i = 0; i < r->count; i++) {
		const struct operation *op = r->at[i].op;

		if (op == NULL || !is_open(&r->at[i]) || op->kind == OP_CREATE || op->item_id != 0)
			continue;
		if (run_final_id(r, op->temp) == 0)
			temps[count++] = op->temp;
	}
	code = applied_find(r->d->db, temps, count, &found, &found_count, &why);
	for (size_t i = 0; i < found_count; i++) {
		if (found[i].kind == APPLIED_CREATE && found[i].item_id != 0)
			mirror_set_final_id(r->d->mirror, found[i].op, found[i].item_id);
		applied_free(&found[i]);
	}
	free(found);
	free(temps);
	return drain_db_error(code, &why, e);
}

/* --- settling --- */

/* Entries stand in the order creates, updates, deletes. An item's create is settled no later than
 * its delete then, or the item would be shown again in between. */
static int by_place(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static bool take_row(void *ctx, unsigned statement, const struct db_row *result)
{
	struct knowns *k = ctx;
	struct row *row = tables_row(result);

	(void)statement;
	for (size_t i = 0; row != NULL && i < k->count; i++)
		if (k->at[i].outcome.item_id == row->id && k->at[i].row == NULL)
			k->at[i].row = row_ref(row);
	row_unref(&row);
	return true;
}

/* The items' present rows. `k` is a slice. */
static enum err_code read_rows(struct run *r, struct knowns *k, struct err *e)
{
	struct buf sql = { 0 };
	struct err why = ERR_INIT;
	enum err_code code;

	tables_put_select(&sql);
	buf_puts(&sql, " WHERE id IN (0");
	for (size_t i = 0; i < k->count; i++) {
		buf_putc(&sql, ',');
		buf_put_i64(&sql, k->at[i].outcome.item_id);
	}
	buf_putc(&sql, ')');
	code = db_run(r->d->db, sql.bytes, sql.len, false, false, take_row, k, NULL, &why);
	buf_free(&sql);
	return drain_db_error(code, &why, e);
}

static void put_record(struct buf *sql, struct known *known)
{
	struct applied *a = &known->outcome;
	struct applied_tuple tuple = { .op = a->op,
				       .kind = a->kind,
				       .attempt = a->attempt,
				       .accepted_us = a->accepted_us,
				       .lifetime_s = DRAIN_LIFETIME_S };
	char id[24], version[24];

	if (a->version == 0 && known->row != NULL)
		a->version = known->row->version;
	snprintf(id, sizeof(id), "%" PRId64, a->item_id);
	snprintf(version, sizeof(version), "%" PRIu64, a->version);
	tuple.item_id_sql = id;
	tuple.version_sql = version;
	buf_puts(sql, "SET @t:=");
	sql_put_time(sql, a->applied_us);
	buf_putc(sql, ';');
	applied_put_insert_head(sql);
	applied_put_tuple(sql, &tuple);
	buf_putc(sql, ';');
}

static void refused_letter(const struct known *known, struct dead_letter *l)
{
	const struct operation *op = known->entry->op;
	struct buf data = { 0 };

	*l = (struct dead_letter){ .op = op->id, .accepted_us = op->accepted_us };
	snprintf(l->kind, sizeof(l->kind), "%s", op_kind_name(op->kind));
	snprintf(l->reason, sizeof(l->reason), "refused");
	operation_item_key(op, l->item_key);
	l->detail = mem_string(known->refusal);
	fields_render(&data, &op->fields);
	l->data = op->kind == OP_DELETE ? NULL : mem_string(data.bytes);
	snprintf(l->instance, sizeof(l->instance), "%s", op->instance);
	buf_free(&data);
}

static enum err_code write_records(struct run *r, struct knowns *k, struct err *e)
{
	struct buf sql = { 0 };
	struct err why = ERR_INIT;
	enum err_code code = ERR_NONE;

	for (size_t i = 0; i < k->count; i++) {
		if (k->at[i].refusal != NULL) {
			struct dead_letter letter;

			refused_letter(&k->at[i], &letter);
			buf_puts(&sql, "SET @t:=NOW(6);");
			dead_put_replace(&sql, &letter);
			dead_letter_free(&letter);
		} else if (k->at[i].unrecorded) {
			put_record(&sql, &k->at[i]);
		}
	}
	if (sql.len > 0) {
		struct buf all = { 0 };

		buf_puts(&all, "START TRANSACTION;");
		buf_put(&all, sql.bytes, sql.len);
		buf_puts(&all, "COMMIT");
		code = db_run(r->d->db, all.bytes, all.len, true, false, NULL, NULL, NULL, &why);
		buf_free(&all);
		if (code != ERR_NONE)
			db_rollback(r->d->db);
	}
	buf_free(&sql);
	return drain_db_error(code, &why, e);
}

static void settle_known(struct settlement *s, struct run *r, const struct knowns *all,
			 const struct known *known)
{
	const struct applied *a = &known->outcome;
	const struct operation *op = known->entry->op;
	const struct opid none = { { 0 } };
	bool created =
		op != NULL && op->kind == OP_CREATE && a->item_id != 0 && known->refusal == NULL;
	bool temporary = created || (op != NULL && op->item_id == 0 && op->kind != OP_CREATE);
	char key[ITEM_KEY_SIZE] = "";
	struct dead_letter refused = { .detail = NULL };
	const struct dead_letter *letter = NULL;

	if (op != NULL)
		operation_item_key(op, key);
	if (known->refusal != NULL)
		refused_letter(known, &refused);
	for (size_t i = 0; i < all->letter_count; i++)
		if (opid_equal(all->letters[i].op, a->op))
			letter = &all->letters[i];
	settlement_op(s, a->op, key, temporary ? a->item_id : 0, known->refusal != NULL ? NULL : a);
	if (known->refusal != NULL || letter != NULL)
		settlement_letter(s, a->op, known->refusal != NULL ? &refused : letter);
	else if (a->attempt > 0)
		settlement_letter(s, a->op, NULL);
	changes_done(&s->changes, &a->op, 1, created ? a->op : none, created ? a->item_id : 0);
	if (known->row != NULL)
		settlement_row(s, r, known->row, a->applied_us);
	else if (a->item_id != 0)
		settlement_gone(s, r, a->item_id, a->version);
	dead_letter_free(&refused);
}

static enum err_code settle_slice(struct run *r, const struct knowns *all, struct knowns *slice,
				  struct err *e)
{
	struct settlement s = { .ops = NULL };
	enum err_code code = run_keep(r, e);

	if (code == ERR_NONE)
		code = read_rows(r, slice, e);
	if (code == ERR_NONE)
		code = write_records(r, slice, e);
	if (code != ERR_NONE)
		return code;
	for (size_t i = 0; i < slice->count; i++) {
		settle_known(&s, r, all, &slice->at[i]);
		r->report->rejected += slice->at[i].refusal != NULL;
	}
	return settlement_run(&s, r, e);
}

static enum err_code settle_all(struct run *r, struct knowns *k, struct err *e)
{
	struct err why = ERR_INIT;
	enum err_code code = drain_db_error(
		dead_letter_list(r->d->db, LETTERS_MAX, &k->letters, &k->letter_count, &why), &why,
		e);

	qsort(k->at, k->count, sizeof(*k->at), by_place);
	for (size_t from = 0; from < k->count && code == ERR_NONE; from += DRAIN_BATCH) {
		struct knowns slice = { .at = k->at + from, .count = k->count - from };

		if (slice.count > DRAIN_BATCH)
			slice.count = DRAIN_BATCH;
		code = settle_slice(r, k, &slice, e);
	}
	if (code == ERR_NONE)
		log_info(TAG_SYNC, "%zu waiting operations were applied before", k->count);
	return code;
}

enum err_code run_known(struct run *r, struct err *e)
{
	struct knowns k = { .at = NULL };
	enum err_code code = ask_batches(r, e);

	if (code == ERR_NONE)
		code = look_up(r, &k, e);
	if (code == ERR_NONE && k.count > 0)
		code = settle_all(r, &k, e);
	if (code == ERR_NONE)
		code = find_temps(r, e);
	knowns_free(&k);
	return code;
}
