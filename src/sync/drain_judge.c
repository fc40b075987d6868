/* drain_judge.c - what becomes of each net effect, decided under the locks of the rows. */
#include "drain_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/mem.h"

/* --- plans --- */

void plans_free(struct plan *plans, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		row_unref(&plans[i].row);
		if (plans[i].letter != NULL)
			dead_letter_free(plans[i].letter);
		free(plans[i].letter);
	}
	free(plans);
}

/* Then nothing is lost where the row is gone. */
static bool ends_in_delete(const struct net_effect *n)
{
	return n->ops[n->op_count - 1]->kind == OP_DELETE;
}

enum applied_state plan_state(const struct plan *p, const struct operation *op)
{
	switch (p->fate) {
	case FATE_REFUSED:
		return STATE_REJECTED;
	case FATE_LOST:
		return STATE_CONFLICT;
	case FATE_GONE:
		return op->kind == OP_DELETE ? STATE_APPLIED : STATE_CONFLICT;
	default:
		return STATE_APPLIED;
	}
}

/* --- dead letters --- */

static const char *effect_kind(const struct net_effect *n)
{
	switch (n->kind) {
	case NET_CREATE:
		return op_kind_name(OP_CREATE);
	case NET_DELETE:
		return op_kind_name(OP_DELETE);
	case NET_UPDATE:
		return op_kind_name(OP_UPDATE);
	default:
		return op_kind_name(n->ops[n->op_count - 1]->kind);
	}
}

/* The operations that the letter speaks for besides the one it is filed under. */
static void put_others(struct buf *out, const struct net_effect *n)
{
	char op[OPID_TEXT_SIZE];

	for (size_t i = 0; i + 1 < n->op_count && i < 100; i++) {
		opid_format(n->ops[i]->id, op);
		buf_puts(out, i == 0 ? "; together with " : ", ");
		buf_puts(out, op);
	}
	if (n->op_count > 101)
		buf_printf(out, " and %zu more", n->op_count - 101);
}

static char *data_text(const struct net_effect *n)
{
	const struct fields *f = &n->fields;
	struct buf out = { 0 };
	bool some = false;

	for (size_t i = 0; i < column_count; i++)
		some |= f->at[i].present;
	if (!some && n->kind != NET_UPDATE)
		return NULL;
	fields_render(&out, f);
	return buf_take(&out, NULL);
}

static char *base_text(const struct net_effect *n)
{
	struct buf out = { 0 };
	char at[CLOCK_TEXT_SIZE];

	if (n->base_version == 0)
		return NULL;
	for (size_t i = 0; i < n->op_count; i++)
		if (n->ops[i]->base_json != NULL)
			return mem_string(n->ops[i]->base_json);
	clock_format(n->base_updated_us, at);
	buf_printf(&out, "{\"version\":%" PRIu64 ",\"updated_at\":\"%s\"}", n->base_version, at);
	return buf_take(&out, NULL);
}

void plan_letter(struct plan *p, const char *kind, const char *reason, const char *detail)
{
	const struct net_effect *n = p->effect;
	const struct operation *last = n->ops[n->op_count - 1];
	bool overwritten = strcmp(kind, "overwritten") == 0;
	struct dead_letter *l = mem_zero(1, sizeof(*l));
	struct buf text = { 0 };

	l->op = last->id;
	snprintf(l->kind, sizeof(l->kind), "%s", kind);
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	if (n->item_id != 0)
		snprintf(l->item_key, sizeof(l->item_key), "%" PRId64, n->item_id);
	else if (!opid_is_zero(n->temp))
		opid_format_temp(n->temp, l->item_key);
	if (detail != NULL) {
		buf_puts(&text, detail);
		put_others(&text, n);
		l->detail = buf_take(&text, NULL);
	}
	l->data = overwritten ? NULL : data_text(n);
	l->base = base_text(n);
	l->current = p->row != NULL ? mem_copy(p->row->json, p->row->json_len) : NULL;
	l->accepted_us = n->accepted_us;
	snprintf(l->instance, sizeof(l->instance), "%s", last->instance);
	p->letter = l;
}

/* The row that a refused operation met is known later than its letter. */
static void letter_met(struct plan *p)
{
	if (p->letter != NULL && p->letter->current == NULL && p->row != NULL)
		p->letter->current = mem_copy(p->row->json, p->row->json_len);
}

/* --- reading the rows under lock --- */

struct reading {
	struct plan *plans;
	size_t count;
	int64_t now_us;
	bool broken;
};

enum { READ_BEGIN, READ_LOCKED, READ_ALL, READ_SET, READ_NOW };

/* Also what was refused, for its letter. */
static bool needs_row(const struct plan *p)
{
	return (p->fate == FATE_OPEN || p->fate == FATE_REFUSED) &&
	       (p->effect->kind == NET_UPDATE || p->effect->kind == NET_DELETE);
}

static struct plan *plan_of(struct reading *all, int64_t id)
{
	for (size_t i = 0; i < all->count; i++)
		if (needs_row(&all->plans[i]) && all->plans[i].effect->item_id == id)
			return &all->plans[i];
	return NULL;
}

static bool read_result(void *ctx, unsigned statement, const struct db_row *result)
{
	struct reading *all = ctx;
	struct plan *p;

	if (statement == READ_NOW) {
		all->broken |=
			result->text[0] == NULL || !clock_parse(result->text[0], &all->now_us);
		return true;
	}
	if (result->text[0] == NULL)
		return true;
	p = plan_of(all, strtoll(result->text[0], NULL, 10));
	if (p == NULL)
		return true;
	if (statement == READ_LOCKED) {
		p->row = tables_row(result);
	} else if (statement == READ_ALL) {
		/* Also if the row cannot be read: that is no other plan's concern. */
		p->held = p->row == NULL;
	}
	return true;
}

static void put_ids(struct buf *sql, const struct plan *plans, size_t count)
{
	buf_puts(sql, " FROM " TABLE_NAME " WHERE id IN (0");
	for (size_t i = 0; i < count; i++) {
		if (!needs_row(&plans[i]))
			continue;
		buf_putc(sql, ',');
		buf_put_i64(sql, plans[i].effect->item_id);
	}
	buf_putc(sql, ')');
}

enum err_code plans_begin(struct run *r, struct plan *plans, size_t count, int64_t *now_us,
			  struct err *e)
{
	struct reading all = { .plans = plans, .count = count };
	struct err why = ERR_INIT;
	struct buf sql = { 0 };
	enum err_code code;

	buf_puts(&sql, "START TRANSACTION;SELECT ");
	tables_put_item_columns(&sql);
	put_ids(&sql, plans, count);
	buf_puts(&sql, " FOR UPDATE SKIP LOCKED;SELECT id");
	put_ids(&sql, plans, count);
	buf_puts(&sql, ";SET @t:=NOW(6);SELECT @t");
	code = db_run(r->d->db, sql.bytes, sql.len, false, false, read_result, &all, NULL, &why);
	buf_free(&sql);
	/* What refuses to be read is no operation's fault. */
	if (code == ERR_REFUSED || (code == ERR_NONE && all.broken))
		return err_set(e, ERR_INTERNAL, "the items cannot be read: %s", why.text);
	if (code == ERR_NONE)
		*now_us = all.now_us;
	return drain_db_error(code, &why, e);
}

/* --- conflicts --- */

/* Does MySQL hold another state than the one the operations were based on? */
static bool differs(const struct net_effect *n, const struct row *row)
{
	if (n->attempt > 0 || n->base_version == 0)
		return false;
	return row->version != n->base_version ||
	       (n->base_updated_us != 0 && row->updated_us != n->base_updated_us);
}

static bool mirror_explains(struct run *r, const struct row *row)
{
	struct mirror_item_state state = { .known = false };
	const struct opid none = { { 0 } };
	bool explains;

	mirror_item_state(r->d->mirror, row->id, none, &state);
	explains = state.has_base && state.base_own && state.base_version == row->version &&
		   state.base_updated_us == row->updated_us;
	row_unref(&state.row);
	return explains;
}

static bool is_open_suspect(const struct plan *p)
{
	return p->suspect && !p->explained;
}

static bool read_explanation(void *ctx, unsigned statement, const struct db_row *result)
{
	struct reading *all = ctx;
	int64_t id, applied_us;
	bool batch;

	(void)statement;
	if (result->count != 3 || result->text[0] == NULL || result->text[1] == NULL ||
	    result->text[2] == NULL || !clock_parse(result->text[2], &applied_us))
		return true;
	id = strtoll(result->text[0], NULL, 10);
	batch = strtol(result->text[1], NULL, 10) == APPLIED_BATCH;
	for (size_t i = 0; i < all->count; i++) {
		struct plan *p = &all->plans[i];

		/* What wrote the base itself explains no change after it. */
		if (is_open_suspect(p) && p->row->updated_us == applied_us &&
		    p->effect->base_updated_us != applied_us && (batch || p->row->id == id))
			p->explained = true;
	}
	return true;
}

/* Ask Redis for what ours wrote while the suspect's operation was queued. */
static enum err_code ask_overtaken(struct redis *redis, struct plan *p, struct err *e)
{
	char state[48], at[CLOCK_TEXT_SIZE];
	redisReply *reply = NULL;
	enum err_code code =
		redis_callf(redis, &reply, e, "HGET items:overtaken %lld", (long long)p->row->id);

	if (code != ERR_NONE)
		return code;
	clock_format(p->row->updated_us, at);
	snprintf(state, sizeof(state), "%" PRIu64 " %s", p->row->version, at);
	p->explained = reply->type == REDIS_REPLY_STRING && strcmp(reply->str, state) == 0;
	freeReplyObject(reply);
	return ERR_NONE;
}

/* Ask the record of what was applied about the suspects. */
static enum err_code ask_applied(struct run *r, struct plan *plans, size_t count, struct err *e)
{
	struct reading all = { .plans = plans, .count = count };
	struct err why = ERR_INIT;
	struct buf sql = { 0 };
	enum err_code code;

	buf_puts(&sql, "SELECT item_id,kind,applied_at FROM relevo_applied WHERE applied_at IN (");
	for (size_t i = 0, put = 0; i < count; i++) {
		if (!is_open_suspect(&plans[i]))
			continue;
		if (put++ > 0)
			buf_putc(&sql, ',');
		sql_put_time(&sql, plans[i].row->updated_us);
	}
	/* Batches that were not written blindly, and what was drained. */
	buf_printf(&sql, ") AND (kind=%d)=(members>0)", (int)APPLIED_BATCH);
	code = db_run(r->d->db, sql.bytes, sql.len, false, false, read_explanation, &all, NULL,
		      &why);
	buf_free(&sql);
	return drain_db_error(code, &why, e);
}

/* Who changed the rows that are not what the operations were based on: one of ours? */
static enum err_code explain(struct run *r, struct plan *plans, size_t count, struct err *e)
{
	enum err_code code = ERR_NONE;
	bool ask = false;

	for (size_t i = 0; i < count && code == ERR_NONE; i++) {
		struct plan *p = &plans[i];

		p->suspect = p->fate == FATE_OPEN && p->row != NULL && differs(p->effect, p->row);
		p->explained = p->suspect && mirror_explains(r, p->row);
		if (is_open_suspect(p) && r->d->redis != NULL)
			code = ask_overtaken(r->d->redis, p, e);
		ask |= is_open_suspect(p);
	}
	return code == ERR_NONE && ask ? ask_applied(r, plans, count, e) : code;
}

static bool operation_wins(const struct run *r, const struct plan *p)
{
	switch (r->d->policy) {
	case CONFLICT_QUEUE_WINS:
		return true;
	case CONFLICT_MYSQL_WINS:
		return false;
	default:
		return p->effect->accepted_us > p->row->updated_us;
	}
}

static void judge_conflict(const struct run *r, struct plan *p)
{
	char detail[256], now[CLOCK_TEXT_SIZE], base[CLOCK_TEXT_SIZE];

	clock_format(p->row->updated_us, now);
	clock_format(p->effect->base_updated_us, base);
	snprintf(detail, sizeof(detail),
		 "the row changed in MySQL meanwhile: it is version %" PRIu64
		 " of %s, the operation was based on version %" PRIu64 " of %s",
		 p->row->version, now, p->effect->base_version, base);
	if (operation_wins(r, p)) {
		p->fate = FATE_APPLY;
		plan_letter(p, "overwritten", "conflict", detail);
	} else {
		p->fate = FATE_LOST;
		plan_letter(p, effect_kind(p->effect), "conflict", detail);
	}
}

static void judge(const struct run *r, struct plan *p)
{
	const struct net_effect *n = p->effect;

	if (n->kind == NET_CREATE) {
		p->fate = FATE_APPLY;
	} else if (n->kind == NET_NOTHING) {
		p->fate = FATE_DONE;
	} else if (p->held) {
		p->fate = FATE_LEFT;
	} else if (p->row != NULL && p->suspect && !p->explained) {
		judge_conflict(r, p);
	} else if (p->row != NULL) {
		p->fate = FATE_APPLY;
	} else if (ends_in_delete(n)) {
		p->fate = FATE_DONE;
	} else {
		p->fate = FATE_GONE;
		plan_letter(p, effect_kind(n), "gone",
			    n->kind == NET_ORPHAN ? "there is no such item (any more)"
						  : "the row is gone from MySQL");
	}
}

enum err_code plans_judge(struct run *r, struct plan *plans, size_t count, struct err *e)
{
	enum err_code code = explain(r, plans, count, e);

	for (size_t i = 0; i < count && code == ERR_NONE; i++) {
		if (plans[i].fate == FATE_REFUSED)
			letter_met(&plans[i]);
		else if (plans[i].fate == FATE_OPEN)
			judge(r, &plans[i]);
	}
	return code;
}

/* --- values as each operation leaves them --- */

void replay_begin(struct replay *s, const struct plan *p)
{
	*s = (struct replay){ .known = p->row != NULL };
	if (s->known)
		fields_copy(&s->now, &p->row->fields);
}

void replay_next(struct replay *s, const struct operation *op)
{
	struct fields merged;

	s->known |= op->kind == OP_CREATE;
	if (!s->known || op->kind == OP_DELETE)
		return;
	fields_merge(&merged, &s->now, &op->fields);
	fields_free(&s->now);
	s->now = merged;
}

void replay_end(struct replay *s)
{
	fields_free(&s->now);
}
