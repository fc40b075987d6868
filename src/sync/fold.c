/* fold.c - what a set of waiting operations comes to, item by item. */
#include "relevo/fold.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"

/* One operation, its place in the order of acceptance, and the item it is about. */
struct turn {
	struct operation *op;
	size_t order;
	int64_t id;	  /* existing row, or 0: */
	struct opid temp; /* an item without final id */
};

struct ranked {
	struct net_effect effect;
	size_t order; /* of the first operation */
};

struct effects {
	struct ranked *at;
	size_t count, room;
};

static int by_acceptance(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->op->seq != y->op->seq)
		return x->op->seq < y->op->seq ? -1 : 1;
	if (x->op->seq == 0 && x->op->kind != y->op->kind)
		return x->op->kind < y->op->kind ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int by_item(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;
	int difference;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	difference = opid_compare(x->temp, y->temp);
	if (difference != 0)
		return difference;
	return (x->order > y->order) - (x->order < y->order);
}

static int by_opid(const void *a, const void *b)
{
	const struct opid *x = a, *y = b;

	return opid_compare(*x, *y);
}

static int rank(enum net_kind kind)
{
	static const int ranks[] = { [NET_DELETE] = 0,
				     [NET_NOTHING] = 0,
				     [NET_ORPHAN] = 0,
				     [NET_UPDATE] = 1,
				     [NET_CREATE] = 2 };

	return ranks[kind];
}

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int difference = rank(x->effect.kind) - rank(y->effect.kind);

	if (difference != 0)
		return difference;
	return (x->order > y->order) - (x->order < y->order);
}

static void lay_over(struct fields *base, const struct fields *change)
{
	struct fields merged;

	fields_merge(&merged, base, change);
	fields_free(base);
	*base = merged;
}

/* Count `turn` among the operations behind the effect. */
static void effect_add(struct ranked *r, const struct turn *turn)
{
	struct net_effect *n = &r->effect;
	struct operation *op = turn->op;

	if (n->op_count == 0) {
		n->item_id = turn->id;
		n->temp = turn->temp;
		n->seq = op->seq;
		r->order = turn->order;
	}
	if ((n->op_count & (n->op_count - 1)) == 0)
		n->ops =
			mem_resize(n->ops, n->op_count == 0 ? 1 : n->op_count * 2, sizeof(*n->ops));
	n->ops[n->op_count++] = operation_ref(op);
	if (n->base_version == 0 && op->base_version != 0) {
		n->base_version = op->base_version;
		n->base_updated_us = op->base_updated_us;
	}
	n->accepted_us = op->accepted_us;
	if (op->attempt > n->attempt)
		n->attempt = op->attempt;
	if (op->kind == OP_DELETE)
		fields_free(&n->fields);
	else
		lay_over(&n->fields, &op->fields);
}

static void effects_take(struct effects *all, struct ranked *r, enum net_kind kind)
{
	if (r->effect.op_count == 0)
		return;
	r->effect.kind = kind;
	if (all->count == all->room) {
		all->room = all->room == 0 ? 16 : all->room * 2;
		all->at = mem_resize(all->at, all->room, sizeof(*all->at));
	}
	all->at[all->count++] = *r;
}

/* Run the operations on one item. What an online run would have answered 404 goes into an effect
 * of its own, an orphan. */
static void fold_item(struct effects *all, const struct turn *turns, size_t count)
{
	struct ranked net = { .order = 0 }, refused = { .order = 0 };
	bool existing = turns[0].id != 0;
	bool present = existing, created = false;

	for (size_t i = 0; i < count; i++) {
		enum op_kind kind = turns[i].op->kind;
		bool accepted = kind == OP_CREATE ? !existing && !created : present;

		effect_add(accepted ? &net : &refused, &turns[i]);
		if (!accepted)
			continue;
		created |= kind == OP_CREATE;
		present = kind != OP_DELETE;
	}
	if (existing)
		effects_take(all, &net, present ? NET_UPDATE : NET_DELETE);
	else
		effects_take(all, &net, present ? NET_CREATE : NET_NOTHING);
	effects_take(all, &refused, NET_ORPHAN);
}

/* Which item is it: one created among `ops` stays temporary, whatever is known of its final id. */
static void find_items(struct turn *turns, size_t count,
		       int64_t (*final_id)(void *ctx, struct opid temp), void *ctx)
{
	struct opid *creates = mem_zero(count + 1, sizeof(*creates));
	size_t create_count = 0;

	for (size_t i = 0; i < count; i++)
		if (turns[i].op->kind == OP_CREATE)
			creates[create_count++] = turns[i].op->id;
	qsort(creates, create_count, sizeof(*creates), by_opid);
	for (size_t i = 0; i < count; i++) {
		const struct operation *op = turns[i].op;

		turns[i].id = op->kind == OP_CREATE ? 0 : op->item_id;
		if (turns[i].id != 0)
			continue;
		turns[i].temp = op->kind == OP_CREATE ? op->id : op->temp;
		if (bsearch(&turns[i].temp, creates, create_count, sizeof(*creates), by_opid) ==
		    NULL)
			turns[i].id = final_id(ctx, turns[i].temp);
		if (turns[i].id != 0)
			turns[i].temp = (struct opid){ { 0 } };
	}
	free(creates);
}

void fold_operations(struct fold *out, struct operation *const *ops, size_t count,
		     int64_t (*final_id)(void *ctx, struct opid temp), void *ctx)
{
	struct turn *turns = mem_zero(count + 1, sizeof(*turns));
	struct effects all = { .at = NULL };

	for (size_t i = 0; i < count; i++)
		turns[i] = (struct turn){ .op = ops[i], .order = i };
	qsort(turns, count, sizeof(*turns), by_acceptance);
	for (size_t i = 0; i < count; i++)
		turns[i].order = i;
	find_items(turns, count, final_id, ctx);
	qsort(turns, count, sizeof(*turns), by_item);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count; to++)
			if (turns[to].id != turns[from].id ||
			    !opid_equal(turns[to].temp, turns[from].temp))
				break;
		fold_item(&all, turns + from, to - from);
	}
	if (all.count > 0)
		qsort(all.at, all.count, sizeof(*all.at), by_rank);
	out->at = mem_zero(all.count + 1, sizeof(*out->at));
	out->count = all.count;
	for (size_t i = 0; i < all.count; i++)
		out->at[i] = all.at[i].effect;
	free(all.at);
	free(turns);
}

void fold_free(struct fold *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct net_effect *n = &f->at[i];

		for (size_t k = 0; k < n->op_count; k++)
			operation_unref(&n->ops[k]);
		free(n->ops);
		fields_free(&n->fields);
	}
	free(f->at);
	memset(f, 0, sizeof(*f));
}
