/* drain_write.c - a transaction's statements: rows, records of what was applied, dead letters. */
#include "drain_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "relevo/plant.h"

#define SEND_AT	       ((size_t)1 << 20) /* bytes of SQL sent at once */
#define TUPLES_AT_ONCE 500

/* The statements of a transaction, sent in a few pieces. */
struct script {
	struct run *run;
	struct buf sql;
	unsigned statements;	       /* in `sql` */
	unsigned records, records_end; /* those that write relevo_applied */
	int64_t first_id;	       /* of the creates, once sent */
};

/* --- sending --- */

static bool script_row(void *ctx, unsigned statement, const struct db_row *result)
{
	struct script *s = ctx;

	(void)statement;
	if (result->count == 1 && result->text[0] != NULL)
		s->first_id = strtoll(result->text[0], NULL, 10);
	return true;
}

/* What a failed statement means: ERR_DUPLICATE only if the record says it was applied before. */
static enum err_code script_send(struct script *s, bool commit, struct err *e)
{
	struct db_outcome outcome = { .statements = 0 };
	struct err why = ERR_INIT;
	enum err_code code;

	if (commit)
		buf_puts(&s->sql, "COMMIT");
	code = db_run(s->run->d->db, s->sql.bytes, s->sql.len, commit, false, script_row, s,
		      &outcome, &why);
	if (code == ERR_DUPLICATE &&
	    (outcome.statements < s->records || outcome.statements >= s->records_end))
		code = ERR_REFUSED;
	buf_reset(&s->sql);
	s->statements = s->records = s->records_end = 0;
	return drain_db_error(code, &why, e);
}

/* One statement has been added. */
static enum err_code script_next(struct script *s, struct err *e)
{
	s->statements++;
	return s->sql.len >= SEND_AT ? script_send(s, false, e) : ERR_NONE;
}

/* --- the rows --- */

static void put_assignments(struct buf *out, const struct fields *f)
{
	for (size_t i = 0; i < column_count; i++) {
		if (!f->at[i].present)
			continue;
		buf_printf(out, "`%s`=", columns[i].name);
		sql_put_text(out, f->at[i].text, f->at[i].len);
		buf_putc(out, ',');
	}
}

static enum err_code put_update(struct script *s, const struct net_effect *n, struct err *e)
{
	buf_puts(&s->sql, "UPDATE " TABLE_NAME " SET ");
	put_assignments(&s->sql, &n->fields);
	buf_puts(&s->sql, "version=version+1,updated_at=@t WHERE id=");
	buf_put_i64(&s->sql, n->item_id);
	buf_putc(&s->sql, ';');
	return script_next(s, e);
}

static void put_new_row(struct buf *out, const struct fields *f)
{
	buf_putc(out, '(');
	for (size_t i = 0; i < column_count; i++) {
		sql_put_text(out, f->at[i].text, f->at[i].len);
		buf_putc(out, ',');
	}
	buf_puts(out, "1,@t)");
}

bool plan_is_applied(const struct plan *p, enum net_kind kind)
{
	return p->fate == FATE_APPLY && p->effect->kind == kind;
}

static enum err_code put_deletes(struct script *s, const struct plan *plans, size_t count,
				 struct err *e)
{
	size_t put = 0;

	for (size_t i = 0; i < count; i++) {
		if (!plan_is_applied(&plans[i], NET_DELETE))
			continue;
		buf_puts(&s->sql, put++ == 0 ? "DELETE FROM " TABLE_NAME " WHERE id IN (" : ",");
		buf_put_i64(&s->sql, plans[i].effect->item_id);
	}
	if (put == 0)
		return ERR_NONE;
	buf_puts(&s->sql, ");");
	return script_next(s, e);
}

static enum err_code put_creates(struct script *s, const struct plan *plans, size_t count,
				 struct err *e)
{
	size_t put = 0;

	for (size_t i = 0; i < count; i++) {
		if (!plan_is_applied(&plans[i], NET_CREATE))
			continue;
		if (put++ == 0) {
			buf_puts(&s->sql, "INSERT INTO " TABLE_NAME " (");
			for (size_t k = 0; k < column_count; k++)
				buf_printf(&s->sql, "`%s`,", columns[k].name);
			buf_puts(&s->sql, "version,updated_at) VALUES ");
		} else {
			buf_putc(&s->sql, ',');
		}
		put_new_row(&s->sql, &plans[i].effect->fields);
	}
	if (put == 0)
		return ERR_NONE;
	buf_puts(&s->sql, ";SET @first:=LAST_INSERT_ID();SELECT @first;");
	s->statements += 2;
	return script_next(s, e);
}

static enum err_code put_effects(struct script *s, const struct plan *plans, size_t count,
				 struct err *e)
{
	enum err_code code = put_deletes(s, plans, count, e);

	for (size_t i = 0; i < count && code == ERR_NONE; i++)
		if (plan_is_applied(&plans[i], NET_UPDATE))
			code = put_update(s, plans[i].effect, e);
	return code == ERR_NONE ? put_creates(s, plans, count, e) : code;
}

/* --- the records --- */

/* A retried operation has the record of its earlier attempt, and a letter. */
static enum err_code put_retries(struct script *s, const struct plan *plans, size_t count,
				 struct err *e)
{
	enum err_code code = ERR_NONE;

	for (size_t i = 0; i < count; i++) {
		const struct net_effect *n = plans[i].effect;

		if (plans[i].fate == FATE_LEFT || n->attempt == 0)
			continue;
		for (size_t k = 0; k < n->op_count && code == ERR_NONE; k++) {
			if (n->ops[k]->attempt == 0)
				continue;
			buf_puts(&s->sql, "DELETE FROM relevo_applied WHERE op=");
			sql_put_opid(&s->sql, n->ops[k]->id);
			buf_printf(&s->sql, " AND attempt<%u;", n->ops[k]->attempt);
			dead_put_delete(&s->sql, n->ops[k]->id);
			s->statements++;
			code = script_next(s, e);
		}
	}
	return code;
}

static void put_tuple(struct script *s, const struct plan *p, size_t nth_create,
		      const struct operation *op, const struct fields *values)
{
	struct applied_tuple tuple = { .op = op->id,
				       .kind = (enum applied_kind)op->kind,
				       .state = plan_state(p, op),
				       .attempt = op->attempt,
				       .accepted_us = op->accepted_us,
				       .lifetime_s = DRAIN_LIFETIME_S };
	char id[64], version[24];

	if (plan_is_applied(p, NET_CREATE))
		snprintf(id, sizeof(id), "@first+%zu", nth_create * db_increment(s->run->d->db));
	else
		snprintf(id, sizeof(id), "%" PRId64, p->item_id);
	snprintf(version, sizeof(version), "%" PRIu64, p->version);
	tuple.item_id_sql = id;
	tuple.version_sql = version;
	if (op->has_fingerprint)
		tuple.fingerprint = op->fingerprint;
	if (op->has_fingerprint && values != NULL && tuple.state == STATE_APPLIED)
		tuple.fields = values;
	applied_put_tuple(&s->sql, &tuple);
}

/* Ends the INSERT that is being written. */
static enum err_code end_records(struct script *s, size_t *tuples, struct err *e)
{
	if (*tuples == 0)
		return ERR_NONE;
	*tuples = 0;
	buf_putc(&s->sql, ';');
	s->records_end = s->statements + 1;
	return script_next(s, e);
}

static enum err_code put_records(struct script *s, const struct plan *plans, size_t count,
				 struct err *e)
{
	size_t tuples = 0, creates = 0;
	enum err_code code = ERR_NONE;

	s->records = s->statements;
	for (size_t i = 0; i < count && code == ERR_NONE; i++) {
		const struct net_effect *n = plans[i].effect;
		struct replay replay;

		replay_begin(&replay, &plans[i]);
		for (size_t k = 0; k < n->op_count && code == ERR_NONE; k++) {
			if (plans[i].fate == FATE_LEFT || planted(PLANT_DROPPED_OPERATION_ID))
				break;
			replay_next(&replay, n->ops[k]);
			if (tuples++ == 0)
				applied_put_insert_head(&s->sql);
			else
				buf_putc(&s->sql, ',');
			put_tuple(s, &plans[i], creates, n->ops[k],
				  replay.known ? &replay.now : NULL);
			if (tuples == TUPLES_AT_ONCE)
				code = end_records(s, &tuples, e);
		}
		replay_end(&replay);
		creates += plan_is_applied(&plans[i], NET_CREATE);
	}
	return code == ERR_NONE ? end_records(s, &tuples, e) : code;
}

enum err_code plans_write(struct run *r, struct plan *plans, size_t count, int64_t *first_id,
			  struct err *e)
{
	struct script s = { .run = r };
	enum err_code code = put_effects(&s, plans, count, e);

	if (code == ERR_NONE)
		code = put_retries(&s, plans, count, e);
	if (code == ERR_NONE)
		code = put_records(&s, plans, count, e);
	for (size_t i = 0; i < count && code == ERR_NONE; i++) {
		if (plans[i].fate == FATE_LEFT || plans[i].letter == NULL)
			continue;
		dead_put_replace(&s.sql, plans[i].letter);
		code = script_next(&s, e);
	}
	if (code == ERR_NONE)
		code = script_send(&s, true, e);
	*first_id = s.first_id;
	buf_free(&s.sql);
	return code;
}
