/* drain_faulty.c - entries that are unreadable or break our validation become dead letters. */
#include "drain_private.h"

#include <stdlib.h>

#include "relevo/mem.h"

#define FAULTY_AT_ONCE 256

/* A stand-in for an entry, so that it can be recorded like any other. */
static void faulty_effect(struct entry *en, struct operation **op, struct net_effect *out)
{
	if (en->op != NULL) {
		*op = operation_ref(en->op);
	} else {
		*op = operation_new();
		(*op)->id = en->id;
		(*op)->kind = en->list;
	}
	*out = (struct net_effect){ .kind = NET_ORPHAN,
				    .item_id = (*op)->item_id,
				    .temp = (*op)->temp,
				    .fields = (*op)->fields,
				    .ops = op,
				    .op_count = 1,
				    .accepted_us = (*op)->accepted_us,
				    .attempt = (*op)->attempt };
}

/* As the entry has it, misfits included. */
static char *data_text(const struct operation *op)
{
	struct buf data = { 0 };

	operation_put_data(&data, op);
	return buf_take(&data, NULL);
}

static void faulty_letter(struct plan *p, const struct entry *en)
{
	struct buf detail = { 0 };

	if (en->fault != NULL)
		buf_printf(&detail, "%s; entry: ", en->fault);
	buf_puts(&detail, en->raw);
	p->fate = FATE_REFUSED;
	plan_letter(p, op_kind_name(en->list), en->op != NULL ? "refused" : "unreadable",
		    detail.bytes);
	buf_free(&detail);
	if (en->op == NULL)
		return;
	free(p->letter->data);
	p->letter->data = data_text(en->op);
}

static enum err_code attempt(struct run *r, struct entry **some, size_t count, struct err *e)
{
	struct plan *plans = mem_zero(count, sizeof(*plans));
	struct net_effect *effects = mem_zero(count, sizeof(*effects));
	struct operation **ops = mem_zero(count, sizeof(struct operation *));
	enum err_code code;

	for (size_t i = 0; i < count; i++) {
		faulty_effect(some[i], &ops[i], &effects[i]);
		plans[i].effect = &effects[i];
		faulty_letter(&plans[i], some[i]);
	}
	code = plans_transact(r, plans, count, e);
	plans_free(plans, count);
	for (size_t i = 0; i < count; i++)
		operation_unref(&ops[i]);
	free(ops);
	free(effects);
	return code;
}

/* Halved where MySQL refuses: a letter that it does not take is left to the next run. So are all of
 * them while somebody holds a lock. */
static enum err_code refuse_some(struct run *r, struct entry **some, size_t count, struct err *e)
{
	struct err why = ERR_INIT;
	enum err_code code = attempt(r, some, count, &why);

	if (code != ERR_REFUSED && code != ERR_LOCKED)
		return code == ERR_NONE ? ERR_NONE : err_set(e, code, "%s", why.text);
	if (count > 1 && code == ERR_REFUSED) {
		code = refuse_some(r, some, count / 2, e);
		return code != ERR_NONE ? code
					: refuse_some(r, some + count / 2, count - count / 2, e);
	}
	for (size_t i = 0; i < count; i++)
		run_leave(r, some[i]->id, &why);
	return ERR_NONE;
}

enum err_code run_refuse_faulty(struct run *r, struct err *e)
{
	struct entry *some[FAULTY_AT_ONCE];
	enum err_code code = ERR_NONE;
	size_t count = 0;

	for (size_t i = 0; i <= r->count && code == ERR_NONE; i++) {
		if (count == FAULTY_AT_ONCE || (i == r->count && count > 0)) {
			code = refuse_some(r, some, count, e);
			count = 0;
		}
		if (i < r->count && !r->by_id[i]->settled && !r->by_id[i]->left &&
		    r->by_id[i]->raw != NULL &&
		    (i == 0 || !opid_equal(r->by_id[i]->id, r->by_id[i - 1]->id)))
			some[count++] = r->by_id[i];
	}
	return code;
}
