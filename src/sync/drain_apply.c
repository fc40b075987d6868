/* drain_apply.c - the transactions of a drain: one for up to 256 net effects, split where MySQL
 * refuses. */
#include "drain_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

/* A failure that comes sooner is no wait for a lock that ran out. */
#define QUICK_MS 200
/* So many waits find the one operation that is held in a full transaction. Without Redis writes
 * wait for the drain. */
#define WAITS	     9
#define WAITS_MEMORY 1

/* --- afterwards --- */

/* Taken for deleted, but somebody has put the row back: its versions began anew. */
static bool is_back(struct run *r, int64_t id)
{
	struct mirror_item_state state = { .known = false };
	const struct opid none = { { 0 } };

	mirror_item_state(r->d->mirror, id, none, &state);
	row_unref(&state.row);
	return !state.has_base;
}

static void settle_item(struct settlement *s, struct run *r, const struct plan *p, int64_t now_us)
{
	const struct net_effect *n = p->effect;
	const struct opid none = { { 0 } };
	struct fields values = { .store = NULL };
	struct row *row = NULL;

	if (p->fate == FATE_APPLY && n->kind == NET_DELETE) {
		changes_delete(&s->changes, p->item_id, p->version, false);
	} else if (p->fate == FATE_APPLY) {
		if (n->kind == NET_UPDATE)
			fields_merge(&values, &p->row->fields, &n->fields);
		else
			fields_copy(&values, &n->fields);
		row = row_new(p->item_id, none, p->version, now_us, false, &values);
		changes_row(&s->changes, row, false, n->kind == NET_UPDATE && is_back(r, row->id));
		row_unref(&row);
		fields_free(&values);
	} else if (p->fate == FATE_LOST) {
		settlement_row(s, r, p->row, 0);
	} else if (p->fate != FATE_REFUSED && (n->kind == NET_UPDATE || n->kind == NET_DELETE)) {
		settlement_gone(s, r, p->item_id, n->base_version + 1);
	}
}

static void settle_ops(struct settlement *s, const struct plan *p, int64_t now_us)
{
	const struct net_effect *n = p->effect;
	struct replay replay;

	replay_begin(&replay, p);
	for (size_t i = 0; i < n->op_count; i++) {
		const struct operation *op = n->ops[i];
		struct applied outcome = { .op = op->id,
					   .kind = (enum applied_kind)op->kind,
					   .state = plan_state(p, op),
					   .item_id = p->item_id,
					   .version = p->version,
					   .attempt = op->attempt,
					   .has_fingerprint = op->has_fingerprint,
					   .accepted_us = op->accepted_us,
					   .applied_us = now_us };
		char key[ITEM_KEY_SIZE] = "";

		replay_next(&replay, op);
		memcpy(outcome.fingerprint, op->fingerprint, sizeof(outcome.fingerprint));
		outcome.has_fields =
			op->has_fingerprint && replay.known && outcome.state == STATE_APPLIED;
		if (outcome.has_fields)
			outcome.fields = replay.now;
		if (op->item_id != 0 || !opid_is_zero(op->temp))
			operation_item_key(op, key);
		settlement_op(s, op->id, key, op->item_id == 0 ? p->item_id : 0, &outcome);
		if (op->attempt > 0)
			settlement_letter(s, op->id, NULL);
	}
	replay_end(&replay);
}

static void report_letter(struct run *r, const struct dead_letter *l)
{
	bool conflict = strcmp(l->reason, "conflict") == 0 || strcmp(l->reason, "gone") == 0;
	char op[OPID_TEXT_SIZE];

	opid_format(l->op, op);
	if (conflict)
		r->report->conflicts++;
	else
		r->report->rejected++;
	log_warn(TAG_SYNC, "dead letter %s: %s of item %s, %s: %s", op, l->kind,
		 l->item_key[0] != '\0' ? l->item_key : "(unknown)", l->reason,
		 l->detail != NULL ? l->detail : "");
}

static void settle_plan(struct settlement *s, struct run *r, struct plan *p, int64_t now_us)
{
	const struct net_effect *n = p->effect;
	const struct opid none = { { 0 } };
	bool created = plan_is_applied(p, NET_CREATE);
	struct opid *ops = mem_zero(n->op_count, sizeof(*ops));

	for (size_t i = 0; i < n->op_count; i++)
		ops[i] = n->ops[i]->id;
	settle_ops(s, p, now_us);
	changes_done(&s->changes, ops, n->op_count, created ? n->temp : none,
		     created ? p->item_id : 0);
	free(ops);
	settle_item(s, r, p, now_us);
	r->report->creates += created;
	r->report->updates += plan_is_applied(p, NET_UPDATE);
	r->report->deletes +=
		plan_is_applied(p, NET_DELETE) || (p->fate == FATE_DONE && n->kind == NET_DELETE);
	if (p->letter == NULL)
		return;
	p->letter->created_us = now_us;
	settlement_letter(s, p->letter->op, p->letter);
	report_letter(r, p->letter);
}

static enum err_code settle_plans(struct run *r, struct plan *plans, size_t count, int64_t first_id,
				  int64_t now_us, struct err *e)
{
	struct settlement s = { .ops = NULL };
	int64_t next = first_id;

	for (size_t i = 0; i < count; i++) {
		struct plan *p = &plans[i];

		if (plan_is_applied(p, NET_CREATE)) {
			p->item_id = next;
			next += (int64_t)db_increment(r->d->db);
		}
		if (p->fate != FATE_LEFT)
			settle_plan(&s, r, p, now_us);
	}
	return settlement_run(&s, r, e);
}

/* --- one transaction --- */

/* Item and version as the record will have them; a create's id comes with its row. */
static bool prepare(struct run *r, struct plan *plans, size_t count)
{
	bool work = false;

	for (size_t i = 0; i < count; i++) {
		struct plan *p = &plans[i];
		const struct net_effect *n = p->effect;

		if (p->fate == FATE_LEFT) {
			for (size_t k = 0; k < n->op_count; k++)
				run_mark(r, n->ops[k]->id, false);
			continue;
		}
		work = true;
		p->item_id = n->item_id;
		if (p->row != NULL)
			p->version = p->row->version + (p->fate == FATE_APPLY ? 1 : 0);
		else if (plan_is_applied(p, NET_CREATE))
			p->version = 1;
		else if (n->kind == NET_DELETE)
			p->version = n->base_version + 1;
	}
	return work;
}

/* ERR_REFUSED, ERR_LOCKED, ERR_DUPLICATE: rolled back, nothing happened. */
enum err_code plans_transact(struct run *r, struct plan *plans, size_t count, struct err *e)
{
	int64_t now_us = 0, first_id = 0;
	enum err_code code = run_keep(r, e);

	/* A session that a refused statement was too long for is gone. */
	if (code == ERR_NONE)
		code = db_ready(r->d->db, e);
	if (code != ERR_NONE)
		return code;
	code = plans_begin(r, plans, count, &now_us, e);
	if (code == ERR_NONE)
		code = plans_judge(r, plans, count, e);
	if (code == ERR_NONE && !prepare(r, plans, count)) {
		db_rollback(r->d->db);
		return ERR_NONE;
	}
	if (code == ERR_NONE)
		code = plans_write(r, plans, count, &first_id, e);
	if (code != ERR_NONE) {
		db_rollback(r->d->db);
		return code;
	}
	return settle_plans(r, plans, count, first_id, now_us, e);
}

static enum err_code attempt(struct run *r, const struct net_effect *effects, size_t count,
			     const char *refusal, struct err *e)
{
	struct plan *plans = mem_zero(count, sizeof(*plans));
	enum err_code code;

	for (size_t i = 0; i < count; i++) {
		plans[i].effect = &effects[i];
		if (refusal == NULL)
			continue;
		plans[i].fate = FATE_REFUSED;
		plan_letter(&plans[i], op_kind_name(effects[i].ops[effects[i].op_count - 1]->kind),
			    "refused", refusal);
	}
	code = plans_transact(r, plans, count, e);
	plans_free(plans, count);
	return code;
}

/* --- splitting --- */

static enum err_code apply_range(struct run *r, const struct net_effect *effects, size_t count,
				 struct err *e);

/* MySQL refuses what several operations on one item come to: try them one by one, as an online run
 * would have done. */
static enum err_code apply_singly(struct run *r, const struct net_effect *n, struct err *e)
{
	enum err_code code = ERR_NONE;

	for (size_t i = 0; i < n->op_count && code == ERR_NONE; i++) {
		struct fold fold = { .at = NULL };

		fold_operations(&fold, &n->ops[i], 1, run_final_id, r);
		code = apply_range(r, fold.at, fold.count, e);
		fold_free(&fold);
		if (code != ERR_NONE || run_is_settled(r, n->ops[i]->id))
			continue;
		for (size_t k = i; k < n->op_count; k++)
			run_mark(r, n->ops[k]->id, false);
		break;
	}
	return code;
}

static void leave(struct run *r, const struct net_effect *effects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < effects[i].op_count; k++)
			run_mark(r, effects[i].ops[k]->id, false);
}

/* Once it waited for a lock in vain a run waits no more; where the server can only wait, not much
 * longer. */
static bool may_try(struct run *r)
{
	return r->waits == 0 || db_wait_for_locks(r->d->db, false) ||
	       r->waits < (r->d->lease != NULL ? WAITS : WAITS_MEMORY);
}

static enum err_code apply_range(struct run *r, const struct net_effect *effects, size_t count,
				 struct err *e)
{
	struct err why = ERR_INIT, unwritten = ERR_INIT;
	int64_t began = clock_mono_ms();
	enum err_code code;

	if (!may_try(r)) {
		leave(r, effects, count);
		return ERR_NONE;
	}
	code = attempt(r, effects, count, NULL, &why);
	r->waits += code == ERR_LOCKED && clock_mono_ms() - began >= QUICK_MS;
	if (code != ERR_REFUSED && code != ERR_LOCKED)
		return code == ERR_NONE ? ERR_NONE : err_set(e, code, "%s", why.text);
	if (count > 1) {
		code = apply_range(r, effects, count / 2, e);
		return code != ERR_NONE ? code
					: apply_range(r, effects + count / 2, count - count / 2, e);
	}
	if (code == ERR_LOCKED) {
		leave(r, effects, 1);
		return ERR_NONE;
	}
	if (effects->op_count > 1)
		return apply_singly(r, effects, e);
	code = attempt(r, effects, 1, why.text, &unwritten);
	if (code != ERR_REFUSED && code != ERR_LOCKED)
		return code == ERR_NONE ? ERR_NONE : err_set(e, code, "%s", unwritten.text);
	run_leave(r, effects->ops[0]->id, &unwritten);
	return ERR_NONE;
}

static bool same_phase(const struct net_effect *a, const struct net_effect *b)
{
	return (a->kind == NET_UPDATE) == (b->kind == NET_UPDATE) &&
	       (a->kind == NET_CREATE) == (b->kind == NET_CREATE);
}

enum err_code run_apply(struct run *r, const struct fold *f, struct err *e)
{
	enum err_code code = ERR_NONE;

	for (size_t from = 0, to; from < f->count && code == ERR_NONE; from = to) {
		size_t ops = f->at[from].op_count;

		for (to = from + 1; to < f->count && to - from < DRAIN_BATCH; to++) {
			ops += f->at[to].op_count;
			if (ops > DRAIN_BATCH_OPS || !same_phase(&f->at[from], &f->at[to]))
				break;
		}
		code = apply_range(r, f->at + from, to - from, e);
	}
	return code;
}
