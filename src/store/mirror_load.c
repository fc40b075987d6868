/* mirror_load.c - loading a snapshot and joining it with what was known; the unlogged changes. */
#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"
#include "relevo/clock.h"
#include "relevo/mem.h"

/* --- a fresh state from a snapshot --- */

static void load_operation(struct state *s, struct operation *op)
{
	if (opid_is_zero(op->id) || state_waiting(s, op->id) != NULL)
		return;
	struct waiting *w = state_wait_for(s, op);
	if (w != NULL)
		state_dirty(s, w->item);
}

/* A pending row is the shown one: of its base only the version is known for certain. */
static void load_pending(struct state *s, struct item *it, struct row *row)
{
	struct row *base =
		row_new(it->id, it->temp, row->version, row->updated_us, it->id == 0, &row->fields);
	state_set_base(s, it, base);
	it->guess = true;
	state_show(s, it, row);
	row_unref(&base);
}

static uint64_t free_key(const struct state *s, uint64_t key)
{
	while (root_has(s->root, key))
		key++;
	return key;
}

static void load_row(struct state *s, struct row *row, uint64_t *last_temp)
{
	if (row->id <= 0 && opid_is_zero(row->temp))
		return;
	if (row->id <= 0) {
		struct item *it = state_need_temp(s, row->temp);
		if (state_waiting(s, row->temp) == NULL)
			it->key = free_key(s, *last_temp + 1); /* its create is done: as listed */
		load_pending(s, it, row);
		*last_temp = it->key;
		return;
	}
	struct item *it = state_need(s, row->id);
	it->base_own = true;
	if (row->pending) {
		load_pending(s, it, row);
		return;
	}
	state_set_base(s, it, row);
	state_show(s, it, row);
}

/* A delete waits and the snapshot does not show the item: there is a row, but it is unknown. */
static void hide_deleted(struct state *s)
{
	for (struct item *it = s->dirty; it != NULL; it = it->next_dirty) {
		if (it->id == 0 || it->base != NULL)
			continue;
		for (struct ring *r = it->ops.next; r != &it->ops; r = r->next) {
			const struct operation *op = holder_of(r, struct waiting, in_item)->op;
			if (op->base_version > it->base_version)
				it->base_version = op->base_version;
			if (op->kind == OP_DELETE)
				it->hidden = true;
		}
		it->base_own = true;
	}
}

static void load(struct state *s, struct row **rows, size_t row_count, struct operation **ops,
		 size_t op_count)
{
	uint64_t last_temp = TEMP_KEY_BASE;
	for (size_t i = 0; i < op_count; i++)
		load_operation(s, ops[i]);
	for (size_t i = 0; i < row_count; i++)
		load_row(s, rows[i], &last_temp);
	hide_deleted(s);
	state_settle_dirty(s);
}

/* --- joining it with the old state --- */

static void join_base(struct state *s, const struct item *old, bool later)
{
	struct item *it = state_item(s, old->id);
	bool known = it != NULL && it->base != NULL;
	bool hidden = it != NULL && it->hidden;
	if (!known && !hidden && later && old->unlogged == 0)
		return; /* it was there when we last looked, so it was deleted since */
	uint64_t version = known || hidden ? it->base_version : 0;
	bool newer = !known || old->base->version > version;
	if (known && !it->guess)
		newer = row_older(it->base, old->base);
	bool same = known && !it->guess && row_same(it->base, old->base);
	bool fills = known && it->guess && old->base->version == version;
	if (hidden && old->base->version < version)
		return;
	if (same)
		it->base_own = old->base_own;
	if (!newer && !fills)
		return;
	it = state_need(s, old->id);
	state_set_base(s, it, old->base);
	it->base_own = old->base_own;
	if (newer && (!hidden || old->unlogged != 0))
		state_mark(s, it, old->unlogged_force);
	state_dirty(s, it);
}

static void join_bases(struct state *s, const struct state *old, bool later)
{
	for (size_t i = 0; i < old->items.size; i++) {
		for (struct link *l = old->items.slots[i]; l != NULL; l = l->next) {
			const struct item *it = holder_of(l, struct item, link);
			if (it->base != NULL && !it->guess)
				join_base(s, it, later);
		}
	}
}

static void join_tombstones(struct state *s, const struct state *old)
{
	for (const struct ring *r = old->tombs.next; r != &old->tombs; r = r->next) {
		const struct item *was = holder_of(r, struct item, tomb_age);
		struct item *it = state_need(s, was->id);
		bool has_base = it->base != NULL || it->hidden;
		if (has_base && it->base_version >= was->tomb_version)
			continue;
		state_set_tombstone(s, it, was->tomb_version, was->tomb_us);
		if (has_base || was->unlogged != 0)
			state_mark(s, it, was->unlogged_force);
		state_dirty(s, it);
	}
}

static void join_final_ids(struct state *s, const struct state *old)
{
	for (const struct ring *r = old->ages.next; r != &old->ages; r = r->next) {
		const struct final_id *f = holder_of(r, struct final_id, age);
		state_remember_final(s, f->op, f->id, f->at_us);
		struct item *temp = state_temp(s, f->op);
		if (temp != NULL && f->id != 0)
			state_move(s, temp, f->id);
	}
}

static void join_operations(struct state *s, const struct state *old, bool keep_ops)
{
	for (const struct ring *r = old->all_ops.next; r != &old->all_ops; r = r->next) {
		const struct waiting *was = holder_of(r, struct waiting, in_all);
		if (state_waiting(s, was->op->id) != NULL || (!keep_ops && was->unlogged == 0))
			continue;
		struct waiting *w = state_wait_for(s, was->op);
		if (w == NULL)
			continue;
		state_mark_op(s, w);
		state_dirty(s, w->item);
	}
}

static void join_sync(struct state *s, const struct state *old)
{
	for (size_t i = 0; i < old->sync_count; i++)
		s->sync[s->sync_count++] = json_incref(old->sync[i]);
}

static void join_done(struct state *s, struct state *old)
{
	while (!ring_empty(&old->unlogged_done)) {
		struct ring *r = old->unlogged_done.next;
		ring_remove(r);
		ring_before(&s->unlogged_done, r);
		old->unlogged_count--;
		s->unlogged_count++;
	}
}

static void join(struct state *s, struct state *old, bool later, bool keep_ops)
{
	s->ticket = old->ticket;
	s->legacy += old->legacy;
	join_bases(s, old, later);
	join_tombstones(s, old);
	join_final_ids(s, old);
	join_operations(s, old, keep_ops);
	join_done(s, old);
	join_sync(s, old);
	state_settle_dirty(s);
	s->generation += old->generation + 1;
	s->stamp += old->stamp + 1;
}

/* Pointers from the heads' neighbours lead to the old place of the heads: turn them round. */
static void ring_rehome(struct ring *to, struct ring *from)
{
	if (ring_empty(from)) {
		ring_init(to);
		return;
	}
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	ring_init(from);
}

static void state_move_to(struct state *to, struct state *from)
{
	*to = *from;
	ring_rehome(&to->all_ops, &from->all_ops);
	ring_rehome(&to->miles, &from->miles);
	ring_rehome(&to->tombs, &from->tombs);
	ring_rehome(&to->ages, &from->ages);
	ring_rehome(&to->unlogged_items, &from->unlogged_items);
	ring_rehome(&to->unlogged_ops, &from->unlogged_ops);
	ring_rehome(&to->unlogged_done, &from->unlogged_done);
}

void mirror_load(struct mirror *m, struct row **rows, size_t row_count, struct operation **ops,
		 size_t op_count, const struct mirror_position *position, bool keep_ops,
		 const struct changes *settled)
{
	struct state fresh, old;
	state_init(&fresh);
	load(&fresh, rows, row_count, ops, op_count);
	mirror_lock(m);
	bool later =
		strcmp(m->position.epoch, position->epoch) == 0 && position->seq >= m->position.seq;
	join(&fresh, &m->state, later, keep_ops);
	if (settled != NULL)
		state_apply(&fresh, settled, false);
	state_move_to(&old, &m->state);
	state_move_to(&m->state, &fresh);
	m->position = *position;
	m->loaded = true;
	mirror_wake(m);
	mirror_unlock(m);
	state_free(&old);
}

/* --- a new epoch --- */

void mirror_rebase_at(struct mirror *m, const struct mirror_position *position,
		      const struct mirror_view *v)
{
	mirror_lock(m);
	struct state *s = &m->state;
	uint64_t ticket = v != NULL ? v->ticket : s->ticket;
	for (struct ring *r = s->unlogged_items.next, *next; r != &s->unlogged_items; r = next) {
		struct item *it = holder_of(r, struct item, in_unlogged);
		next = r->next;
		if (it->unlogged > ticket)
			break;
		state_unmark(s, it);
	}
	m->position = *position;
	m->loaded = true;
	s->stamp++;
	mirror_wake(m);
	mirror_unlock(m);
}

void mirror_rebase(struct mirror *m, const struct mirror_position *position)
{
	mirror_rebase_at(m, position, NULL);
}

/* --- changes that are in no log yet --- */

static size_t put_item(struct changes *out, const struct item *it)
{
	if (it == NULL || it->unlogged == 0)
		return 0;
	if (it->base != NULL)
		changes_row(out, it->base, !it->base_own, it->unlogged_force);
	else
		changes_delete(out, it->id, it->tomb_version, it->unlogged_force);
	return 1;
}

/* What is done goes along with what became of its item, as nobody is to see one without the other.
 */
static size_t put_done(const struct state *s, struct changes *out, size_t max)
{
	size_t count = 0;
	for (struct ring *r = s->unlogged_done.next; r != &s->unlogged_done; r = r->next) {
		const struct untold *u = holder_of(r, struct untold, in_unlogged);
		if (count + 2 > max)
			break;
		bool created = !opid_is_zero(u->temp);
		changes_done(out, u->ops, u->count, u->temp, created ? u->id : 0);
		count += 1 + put_item(out, u->id > 0 ? state_item(s, u->id) : NULL);
	}
	return count;
}

size_t mirror_unlogged(struct mirror *m, struct changes *out, size_t max, uint64_t *ticket)
{
	mirror_lock(m);
	struct state *s = &m->state;
	size_t count = put_done(s, out, max);
	*ticket = s->ticket;
	for (struct ring *r = s->unlogged_items.next; r != &s->unlogged_items; r = r->next) {
		if (count >= max)
			break;
		count += put_item(out, holder_of(r, struct item, in_unlogged));
	}
	for (struct ring *r = s->unlogged_ops.next; r != &s->unlogged_ops; r = r->next) {
		if (count >= max)
			break;
		changes_queued(out, holder_of(r, struct waiting, in_unlogged)->op);
		count++;
	}
	mirror_unlock(m);
	return count;
}

/* They are told oldest first. */
static void unmark_done(struct state *s, const struct change *c)
{
	struct ring *first = s->unlogged_done.next;
	if (first == &s->unlogged_done)
		return;
	struct untold *u = holder_of(first, struct untold, in_unlogged);
	if (u->count == c->op_count && memcmp(u->ops, c->ops, c->op_count * sizeof(*u->ops)) == 0)
		state_told(s, u);
}

static void unmark(struct state *s, const struct change *c, uint64_t ticket)
{
	if (c->type == CHANGE_QUEUED) {
		struct waiting *w = state_waiting(s, c->op->id);
		if (w != NULL && w->unlogged <= ticket)
			state_unmark_op(s, w);
		return;
	}
	if (c->type == CHANGE_DONE)
		unmark_done(s, c);
	if (c->type != CHANGE_ROW && c->type != CHANGE_DELETE)
		return;
	struct item *it = state_item(s, c->type == CHANGE_ROW ? c->row->id : c->id);
	if (it != NULL && it->unlogged <= ticket)
		state_unmark(s, it);
}

void mirror_logged(struct mirror *m, const struct changes *appended, uint64_t ticket)
{
	mirror_lock(m);
	for (size_t i = 0; i < appended->count; i++)
		unmark(&m->state, &appended->at[i], ticket);
	mirror_unlock(m);
}
