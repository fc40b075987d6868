/* commit.c - the transaction of a batch of direct writes. */
#include "commit_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/tables.h"

#define RETRIES 3
/* A failure that comes sooner than this is no time-out: a passing deadlock, a cut connection. */
#define QUICK_MS 200

static int row_order(const void *a, const void *b)
{
	const struct locked_row *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static struct locked_row *batch_find(struct batch *b, int64_t id)
{
	struct locked_row key = { .id = id };
	return b->row_count == 0 ? NULL
				 : bsearch(&key, b->rows, b->row_count, sizeof(key), row_order);
}

/* One entry per row that the batch wants to change. */
static void batch_collect(struct batch *b)
{
	b->rows = mem_zero(b->count + 1, sizeof(*b->rows));
	for (size_t i = 0; i < b->count; i++) {
		if (b->writes[i]->kind != OP_CREATE)
			b->rows[b->row_count++].id = b->writes[i]->id;
	}
	qsort(b->rows, b->row_count, sizeof(*b->rows), row_order);
	size_t kept = 0;
	for (size_t i = 0; i < b->row_count; i++) {
		if (kept == 0 || b->rows[kept - 1].id != b->rows[i].id)
			b->rows[kept++] = b->rows[i];
	}
	b->row_count = kept;
}

static void batch_release(struct batch *b)
{
	for (size_t i = 0; i < b->row_count; i++) {
		row_unref(&b->rows[i].row);
		fields_free(&b->rows[i].fields);
	}
	for (size_t i = 0; b->outcomes != NULL && i < b->count; i++)
		fields_free(&b->outcomes[i].fields);
	free(b->rows);
	free(b->outcomes);
	b->rows = NULL;
	b->outcomes = NULL;
	b->row_count = 0;
}

/* --- locking --- */

static bool each_locked(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct batch *b = ctx;
	struct row *row = tables_row(result);
	struct locked_row *entry = row == NULL ? NULL : batch_find(b, row->id);
	if (entry == NULL || entry->row != NULL) {
		row_unref(&row);
		return true;
	}
	entry->row = row;
	entry->exists = true;
	entry->version = row->version;
	fields_copy(&entry->fields, &row->fields);
	return true;
}

static bool each_existing(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct batch *b = ctx;
	struct locked_row *entry = batch_find(b, strtoll(result->text[0], NULL, 10));
	if (entry != NULL)
		entry->exists = true;
	return true;
}

static size_t put_ids(struct buf *sql, const struct batch *b, bool only_missing)
{
	size_t put = 0;
	for (size_t i = 0; i < b->row_count; i++) {
		if (only_missing && b->rows[i].row != NULL)
			continue;
		if (put++ > 0)
			buf_putc(sql, ',');
		buf_put_i64(sql, b->rows[i].id);
	}
	return put;
}

static enum err_code batch_lock(struct batch *b, struct err *e)
{
	struct buf sql = { 0 };
	buf_puts(&sql, "BEGIN; ");
	tables_put_select(&sql);
	buf_puts(&sql, " WHERE id IN (");
	put_ids(&sql, b, false);
	buf_puts(&sql, ") FOR UPDATE SKIP LOCKED");
	enum err_code code =
		db_run(b->db, sql.bytes, sql.len, false, false, each_locked, b, NULL, e);
	b->begun = true;
	if (code == ERR_NONE) {
		buf_reset(&sql);
		buf_puts(&sql, "SELECT id FROM " TABLE_NAME " WHERE id IN (");
		size_t missing = put_ids(&sql, b, true);
		buf_puts(&sql, ")");
		if (missing > 0)
			code = db_run(b->db, sql.bytes, sql.len, false, false, each_existing, b,
				      NULL, e);
	}
	buf_free(&sql);
	return code;
}

/* --- deciding under the lock --- */

static bool etag_matches(const struct commit_write *w, const struct locked_row *entry)
{
	if (!w->if_match || w->etags == NULL)
		return true;
	char now[ETAG_SIZE];
	struct row *row = row_new(entry->id, (struct opid){ { 0 } }, entry->version,
				  entry->row->updated_us, false, &entry->fields);
	row_etag(row, now);
	row_unref(&row);
	for (size_t i = 0; i < w->etag_count; i++) {
		if (strcmp(w->etags[i], now) == 0)
			return true;
	}
	return false;
}

static void decide_change(struct batch *b, size_t index)
{
	struct commit_write *w = b->writes[index];
	struct locked_row *entry = batch_find(b, w->id);
	if (entry->row == NULL) {
		w->verdict = entry->exists ? COMMIT_LOCKED : COMMIT_NOT_FOUND;
	} else if (entry->gone) {
		w->verdict = COMMIT_NOT_FOUND;
	} else if (w->if_match && w->etags != NULL && entry->version != entry->row->version) {
		/* A write of this very batch came first; its time is not known yet. */
		w->verdict = COMMIT_PRECONDITION;
	} else if (!etag_matches(w, entry)) {
		w->verdict = COMMIT_PRECONDITION;
	} else {
		struct outcome *o = &b->outcomes[index];
		struct fields before = entry->fields;
		if (w->kind == OP_UPDATE) {
			fields_merge(&entry->fields, &before, w->fields);
			fields_free(&before);
		} else {
			entry->gone = true;
		}
		entry->version += 1;
		o->version = entry->version;
		fields_copy(&o->fields, &entry->fields);
	}
}

/* Verdicts that need no writing; the others get their outcome. */
static void batch_decide(struct batch *b)
{
	b->outcomes = mem_zero(b->count + 1, sizeof(*b->outcomes));
	for (size_t i = 0; i < b->count; i++) {
		struct commit_write *w = b->writes[i];
		if (w->kind != OP_CREATE) {
			decide_change(b, i);
		} else {
			b->outcomes[i].version = 1;
			b->outcomes[i].create_nth = (int64_t)b->creates++;
			fields_copy(&b->outcomes[i].fields, w->fields);
		}
	}
}

/* --- writing --- */

/* The rows as the batch leaves them. */
static void batch_rows(struct batch *b)
{
	const struct opid none = { { 0 } };
	for (size_t i = 0; i < b->count; i++) {
		struct commit_write *w = b->writes[i];
		const struct outcome *o = &b->outcomes[i];
		if (w->verdict != COMMIT_OPEN)
			continue;
		int64_t id = w->kind == OP_CREATE
				     ? b->first_id + o->create_nth * (int64_t)db_increment(b->db)
				     : w->id;
		row_unref(&w->row);
		w->row = row_new(id, none, o->version, b->applied_us, false, &o->fields);
		w->applied_us = b->applied_us;
	}
}

/* Everything is written, COMMIT is under way: a good time to make the rows. */
static bool each_result(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct batch *b = ctx;
	if (result->count < 2 || result->text[0] == NULL)
		return true;
	clock_parse(result->text[0], &b->applied_us);
	b->first_id = result->text[1] == NULL ? 0 : strtoll(result->text[1], NULL, 10);
	batch_rows(b);
	return true;
}

static bool batch_has_work(const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->writes[i]->verdict == COMMIT_OPEN)
			return true;
	}
	return false;
}

static void batch_applied(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		if (b->writes[i]->verdict == COMMIT_OPEN)
			b->writes[i]->verdict = COMMIT_APPLIED;
	}
	b->lane->held = false;
	if (batch_forgets_records(b))
		b->lane->certain_count = 0;
	b->lane->certain[b->lane->certain_count++] = b->id;
}

static void batch_uncertain(struct batch *b, const struct err *e)
{
	for (size_t i = 0; i < b->count; i++) {
		struct commit_write *w = b->writes[i];
		if (w->verdict != COMMIT_OPEN)
			continue;
		row_unref(&w->row);
		w->verdict = COMMIT_UNCERTAIN;
		w->error = *e;
		w->batch = b->id;
		w->nth = (unsigned)b->outcomes[i].create_nth;
	}
}

/* The COMMIT got lost. If MySQL answers a new session, ask what became of it: ERR_NONE applied,
 * ERR_DOWN not applied for good, else it stays uncertain. */
static enum err_code batch_recover(struct batch *b)
{
	bool applied = false;
	struct err recover = ERR_INIT;
	if (db_ready(b->db, &recover) != ERR_NONE ||
	    commit_settle(b->db, b->id, &applied, &b->first_id, &b->applied_us, &recover) !=
		    ERR_NONE)
		return ERR_UNCERTAIN;
	if (!applied)
		return ERR_DOWN;
	batch_rows(b); /* from what the record says: the answer may not have come so far */
	return ERR_NONE;
}

/* One try of one transaction. Unless it is applied or uncertain, writes stay as decided so far. */
static enum err_code batch_try(struct batch *b, struct err *e)
{
	struct buf sql = { 0 };
	int64_t began = clock_mono_ms();
	enum err_code code = ERR_NONE;
	b->creates = 0;
	b->begun = false;
	b->id = opid_batch();
	batch_collect(b);
	if (b->row_count > 0)
		code = batch_lock(b, e);
	if (code == ERR_NONE) {
		batch_decide(b);
		if (!batch_has_work(b)) {
			db_rollback(b->db);
			goto out;
		}
		batch_put_sql(&sql, b);
		code = db_run(b->db, sql.bytes, sql.len, true, false, each_result, b, NULL, e);
	}
	if (code == ERR_UNCERTAIN && clock_mono_ms() - began < QUICK_MS)
		code = batch_recover(b);
	if (code == ERR_NONE)
		batch_applied(b);
	else if (code == ERR_UNCERTAIN)
		batch_uncertain(b, e);
	else if (code != ERR_DOWN)
		db_rollback(b->db);
	/* If it was the removal of old records that failed, it must not fail again: they expire. */
	if (batch_forgets_records(b) && (code == ERR_LOCKED || (code != ERR_NONE && b->count == 1)))
		b->lane->certain_count = 0;
out:
	buf_free(&sql);
	batch_release(b);
	return code;
}

/* Decisions that a rolled back transaction made under its locks must be made again. */
static void reopen(struct commit_write **writes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		writes[i]->verdict = COMMIT_OPEN;
		row_unref(&writes[i]->row);
	}
}

static void decide_all(struct commit_write **writes, size_t count, enum commit_verdict verdict,
		       const struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		writes[i]->verdict = verdict;
		writes[i]->error = *e;
	}
}

/* ERR_LOCKED: its transactions would wait for locks, and may not. */
static enum err_code session_for(struct db *d, bool waits, struct err *e)
{
	enum err_code code = db_ready(d, e);
	if (code == ERR_NONE && !db_wait_for_locks(d, waits))
		return err_set(e, ERR_LOCKED, "somebody holds a lock");
	return code;
}

/* *waits: it may be waited for a lock; no longer once a wait ran out. */
static void commit_part(struct db *d, struct commit_lane *lane, bool *waits,
			struct commit_write **writes, size_t count)
{
	enum err_code code = ERR_LOCKED;
	struct err e = ERR_INIT;
	bool quick = true, again = true;
	for (unsigned tries = 0; tries < RETRIES && quick && again; tries++) {
		struct batch b = { .db = d, .lane = lane, .writes = writes, .count = count };
		int64_t began = clock_mono_ms();
		err_clear(&e);
		reopen(writes, count);
		code = session_for(d, *waits, &e);
		if (code == ERR_NONE)
			code = batch_try(&b, &e);
		if (code == ERR_NONE || code == ERR_UNCERTAIN)
			return;
		quick = clock_mono_ms() - began < QUICK_MS;
		again = code == ERR_DOWN || (code == ERR_LOCKED && *waits);
	}
	reopen(writes, count);
	if (code == ERR_LOCKED && !quick) {
		*waits = false;
		lane->held = true;
	}
	if (code == ERR_DOWN) {
		decide_all(writes, count, COMMIT_DOWN, &e);
		return;
	}
	if (count > 1) {
		commit_part(d, lane, waits, writes, count / 2);
		commit_part(d, lane, waits, writes + count / 2, count - count / 2);
		return;
	}
	writes[0]->error = e;
	if (code == ERR_LOCKED)
		writes[0]->verdict = COMMIT_LOCKED;
	else if (code == ERR_DUPLICATE && !opid_is_zero(writes[0]->op))
		writes[0]->verdict = COMMIT_DUPLICATE;
	else
		writes[0]->verdict = COMMIT_REFUSED;
}

void commit_batch(struct db *d, struct commit_lane *lane, struct commit_write *writes, size_t count,
		  int64_t until_ms)
{
	bool waits = !lane->held || clock_mono_ms() < until_ms;
	if (count == 0)
		return;
	struct commit_write **list = mem_zero(count, sizeof(struct commit_write *));
	for (size_t i = 0; i < count; i++)
		list[i] = &writes[i];
	commit_part(d, lane, &waits, list, count);
	(void)db_wait_for_locks(d, true);
	free(list);
}

/* --- a lost COMMIT --- */

struct settle_result {
	bool found, applied;
	int64_t first_id, applied_us;
};

static bool each_settle(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct settle_result *s = ctx;
	s->found = true;
	s->applied = strtol(result->text[0], NULL, 10) == APPLIED_BATCH;
	s->first_id = strtoll(result->text[1], NULL, 10);
	if (result->text[2] != NULL)
		clock_parse(result->text[2], &s->applied_us);
	return true;
}

enum err_code commit_settle(struct db *d, struct opid batch, bool *applied, int64_t *first_id,
			    int64_t *applied_us, struct err *e)
{
	struct settle_result s = { 0 };
	struct buf sql = { 0 };
	struct applied_tuple tuple = { .op = batch,
				       .kind = APPLIED_VOID,
				       .lifetime_s = LIFETIME_DRAINED_S };
	buf_puts(&sql, "SET @t := NOW(6);");
	applied_put_insert_head(&sql);
	applied_put_tuple(&sql, &tuple);
	/* A no-op update keeps the row that is there, and waits for a transaction that is still
	 * open. */
	buf_puts(&sql, " ON DUPLICATE KEY UPDATE op=op; "
		       "SELECT kind, item_id, applied_at FROM relevo_applied WHERE op=");
	sql_put_opid(&sql, batch);
	enum err_code code = db_run(d, sql.bytes, sql.len, false, false, each_settle, &s, NULL, e);
	buf_free(&sql);
	if (code != ERR_NONE)
		return code;
	if (!s.found)
		return err_set(e, ERR_INTERNAL, "the record of a batch is not there");
	*applied = s.applied;
	*first_id = s.first_id;
	*applied_us = s.applied_us;
	return ERR_NONE;
}

/* --- a refusal for good --- */

enum err_code commit_reject(struct db *d, const struct commit_write *w, struct err *e)
{
	struct buf sql = { 0 };
	char id[24];
	snprintf(id, sizeof(id), "%" PRId64, w->kind == OP_CREATE ? 0 : w->id);
	struct applied_tuple tuple = { .op = w->op,
				       .kind = (enum applied_kind)w->kind,
				       .state = STATE_REJECTED,
				       .item_id_sql = id,
				       .fingerprint = w->fingerprint,
				       .lifetime_s = LIFETIME_DRAINED_S };
	buf_puts(&sql, "SET @t := NOW(6);");
	applied_put_insert_head(&sql);
	applied_put_tuple(&sql, &tuple);
	enum err_code code = db_run(d, sql.bytes, sql.len, true, false, NULL, NULL, NULL, e);
	buf_free(&sql);
	return code;
}
