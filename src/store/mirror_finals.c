/* mirror_finals.c - what became of creates that waited: their final ids, or that they left no item.
 */
#include "mirror_private.h"
#include "relevo/clock.h"
#include "relevo/mem.h"

static struct final_id *find_final(const struct state *s, struct opid op)
{
	struct link *l = table_first(&s->finals, opid_hash(op));
	for (; l != NULL; l = table_same(l)) {
		struct final_id *f = holder_of(l, struct final_id, link);
		if (opid_equal(f->op, op))
			return f;
	}
	return NULL;
}

struct final_id *state_final(const struct state *s, struct opid op)
{
	struct final_id *f = find_final(s, op);
	return f != NULL && f->id != 0 ? f : NULL;
}

bool state_has_ended(const struct state *s, struct opid op)
{
	const struct final_id *f = find_final(s, op);
	return f != NULL && f->id == 0;
}

void state_remember_final(struct state *s, struct opid op, int64_t id, int64_t at_us)
{
	struct final_id *f = find_final(s, op);
	if (f == NULL) {
		f = mem_zero(1, sizeof(*f));
		f->op = op;
		ring_init(&f->age);
		table_put(&s->finals, &f->link, opid_hash(op));
	}
	f->id = id;
	f->at_us = at_us;
	ring_remove(&f->age);
	ring_before(&s->ages, &f->age);
}

/* --- learnt elsewhere --- */

static void learn_final(struct mirror *m, struct opid op, int64_t id)
{
	struct state *s = &m->state;
	state_remember_final(s, op, id, clock_mono_us());
	struct item *temp = state_temp(s, op);
	/* while its create waits here, the log will tell when to move it */
	if (temp != NULL && temp->base == NULL && !state_has_create(temp)) {
		state_move(s, temp, id);
		state_settle_dirty(s);
		mirror_wake(m);
	}
}

void mirror_set_final_id(struct mirror *m, struct opid op, int64_t id)
{
	mirror_lock(m);
	learn_final(m, op, id);
	mirror_unlock(m);
}

void mirror_learn_create(struct mirror *m, struct opid op, int64_t id)
{
	mirror_lock(m);
	if (state_final(&m->state, op) == NULL && state_waiting(&m->state, op) == NULL) {
		if (id != 0)
			learn_final(m, op, id);
		else
			state_remember_final(&m->state, op, 0, clock_mono_us());
	}
	mirror_unlock(m);
}
