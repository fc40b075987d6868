/* mirror_state.c - what the log determines: items, waiting operations, final ids and their tables.
 */
#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

/* --- life cycle --- */

void state_init(struct state *s)
{
	*s = (struct state){ .root = root_new(0) };
	ring_init(&s->all_ops);
	ring_init(&s->miles);
	ring_init(&s->tombs);
	ring_init(&s->ages);
	ring_init(&s->unlogged_items);
	ring_init(&s->unlogged_ops);
	ring_init(&s->unlogged_done);
}

static void item_free(struct item *it)
{
	row_unref(&it->base);
	row_unref(&it->shown);
	free(it);
}

static void free_each(struct table *t, void (*each)(struct link *l))
{
	for (size_t i = 0; i < t->size; i++) {
		for (struct link *l = t->slots[i], *next; l != NULL; l = next) {
			next = l->next;
			each(l);
		}
	}
	table_free(t);
}

static void free_item_link(struct link *l)
{
	item_free(holder_of(l, struct item, link));
}

static void free_waiting_link(struct link *l)
{
	struct waiting *w = holder_of(l, struct waiting, link);
	operation_unref(&w->op);
	free(w);
}

static void free_final_link(struct link *l)
{
	free(holder_of(l, struct final_id, link));
}

static void untold_free(struct untold *u)
{
	free(u->ops);
	free(u);
}

void state_told(struct state *s, struct untold *u)
{
	ring_remove(&u->in_unlogged);
	s->unlogged_count--;
	untold_free(u);
}

void state_free(struct state *s)
{
	for (struct ring *r = s->unlogged_done.next, *next; r != &s->unlogged_done; r = next) {
		next = r->next;
		untold_free(holder_of(r, struct untold, in_unlogged));
	}
	free_each(&s->ops, free_waiting_link);
	free_each(&s->items, free_item_link);
	free_each(&s->temps, free_item_link);
	free_each(&s->finals, free_final_link);
	root_unref(&s->root);
	for (size_t i = 0; i < s->sync_count; i++)
		json_decref(s->sync[i]);
}

/* --- finding --- */

struct item *state_item(const struct state *s, int64_t id)
{
	struct link *l = table_first(&s->items, hash_id(id));
	for (; l != NULL; l = table_same(l)) {
		struct item *it = holder_of(l, struct item, link);
		if (it->id == id)
			return it;
	}
	return NULL;
}

struct item *state_temp(const struct state *s, struct opid temp)
{
	struct link *l = table_first(&s->temps, opid_hash(temp));
	for (; l != NULL; l = table_same(l)) {
		struct item *it = holder_of(l, struct item, link);
		if (opid_equal(it->temp, temp))
			return it;
	}
	return NULL;
}

static struct item *item_new(int64_t id, struct opid temp)
{
	struct item *it = mem_zero(1, sizeof(*it));
	it->id = id;
	it->temp = temp;
	ring_init(&it->ops);
	ring_init(&it->tomb_age);
	ring_init(&it->in_unlogged);
	return it;
}

struct item *state_need(struct state *s, int64_t id)
{
	struct item *it = state_item(s, id);
	if (it == NULL) {
		it = item_new(id, (struct opid){ { 0 } });
		table_put(&s->items, &it->link, hash_id(id));
	}
	return it;
}

struct item *state_need_temp(struct state *s, struct opid temp)
{
	struct item *it = state_temp(s, temp);
	if (it == NULL) {
		it = item_new(0, temp);
		table_put(&s->temps, &it->link, opid_hash(temp));
	}
	return it;
}

struct item *state_find(const struct state *s, int64_t id, struct opid temp)
{
	if (id > 0)
		return state_item(s, id);
	struct item *it = state_temp(s, temp);
	if (it != NULL)
		return it;
	struct final_id *f = state_final(s, temp);
	return f != NULL ? state_item(s, f->id) : NULL;
}

struct waiting *state_waiting(const struct state *s, struct opid op)
{
	struct link *l = table_first(&s->ops, opid_hash(op));
	for (; l != NULL; l = table_same(l)) {
		struct waiting *w = holder_of(l, struct waiting, link);
		if (opid_equal(w->op->id, op))
			return w;
	}
	return NULL;
}

/* --- unlogged marks --- */

void state_mark(struct state *s, struct item *it, bool force)
{
	if (it->unlogged == 0)
		s->unlogged_count++;
	it->unlogged = ++s->ticket;
	it->unlogged_force = it->unlogged_force || force;
	ring_remove(&it->in_unlogged);
	ring_before(&s->unlogged_items, &it->in_unlogged);
}

void state_unmark(struct state *s, struct item *it)
{
	if (it->unlogged == 0)
		return;
	s->unlogged_count--;
	it->unlogged = 0;
	it->unlogged_force = false;
	ring_remove(&it->in_unlogged);
}

void state_mark_op(struct state *s, struct waiting *w)
{
	if (w->unlogged == 0)
		s->unlogged_count++;
	w->unlogged = ++s->ticket;
	ring_remove(&w->in_unlogged);
	ring_before(&s->unlogged_ops, &w->in_unlogged);
}

void state_mark_done(struct state *s, const struct change *c, int64_t id)
{
	struct untold *u = mem_zero(1, sizeof(*u));
	u->ops = mem_zero(c->op_count + 1, sizeof(*u->ops));
	memcpy(u->ops, c->ops, c->op_count * sizeof(*u->ops));
	u->count = c->op_count;
	u->temp = c->temp;
	u->id = id;
	ring_before(&s->unlogged_done, &u->in_unlogged);
	s->unlogged_count++;
}

void state_unmark_op(struct state *s, struct waiting *w)
{
	if (w->unlogged == 0)
		return;
	s->unlogged_count--;
	w->unlogged = 0;
	ring_remove(&w->in_unlogged);
}

/* --- bases and tombstones --- */

bool row_older(const struct row *a, const struct row *b)
{
	if (a->version != b->version)
		return a->version < b->version;
	return a->updated_us < b->updated_us;
}

bool row_same(const struct row *a, const struct row *b)
{
	return a == b || (a->json_len == b->json_len && memcmp(a->json, b->json, a->json_len) == 0);
}

static void drop_tombstone(struct state *s, struct item *it)
{
	if (!it->tombstone)
		return;
	it->tombstone = false;
	s->tomb_count--;
	ring_remove(&it->tomb_age);
}

void state_set_base(struct state *s, struct item *it, struct row *row)
{
	struct row *old = it->base;
	it->base = row_ref(row);
	it->base_version = row->version;
	it->guess = false;
	it->hidden = false;
	drop_tombstone(s, it);
	row_unref(&old);
}

void state_set_tombstone(struct state *s, struct item *it, uint64_t version, int64_t at_us)
{
	drop_tombstone(s, it);
	row_unref(&it->base);
	it->guess = false;
	it->hidden = false;
	it->tombstone = true;
	it->tomb_version = version;
	it->tomb_us = at_us;
	s->tomb_count++;
	ring_before(&s->tombs, &it->tomb_age);
}

/* --- waiting operations --- */

static struct item *target_of(struct state *s, const struct operation *op)
{
	if (op->kind == OP_CREATE)
		return state_final(s, op->id) != NULL ? NULL : state_need_temp(s, op->id);
	if (op->item_id > 0)
		return state_need(s, op->item_id);
	struct item *it = state_temp(s, op->temp);
	struct final_id *f = it == NULL ? state_final(s, op->temp) : NULL;
	if (f != NULL)
		return state_need(s, f->id);
	return it != NULL ? it : state_need_temp(s, op->temp);
}

/* In order of acceptance, among those without a number as they come. Nearly all come last. */
static void enlist(struct ring *head, struct ring *r, size_t offset, uint64_t seq)
{
	struct ring *before = head->prev;
	while (before != head &&
	       ((const struct waiting *)(void *)((char *)before - offset))->op->seq > seq)
		before = before->prev;
	ring_after(before, r);
}

static void enlist_in_item(struct item *it, struct waiting *w)
{
	w->item = it;
	enlist(&it->ops, &w->in_item, offsetof(struct waiting, in_item), w->op->seq);
}

struct waiting *state_wait_for(struct state *s, struct operation *op)
{
	struct item *it = target_of(s, op);
	if (it == NULL)
		return NULL;
	struct waiting *w = mem_zero(1, sizeof(*w));
	w->op = operation_ref(op);
	ring_init(&w->in_unlogged);
	enlist_in_item(it, w);
	enlist(&s->all_ops, &w->in_all, offsetof(struct waiting, in_all), op->seq);
	ring_init(&w->in_miles);
	if (opid_hash(op->id) % MILE == 0)
		enlist(&s->miles, &w->in_miles, offsetof(struct waiting, in_miles), op->seq);
	table_put(&s->ops, &w->link, opid_hash(op->id));
	s->pending[op->kind]++;
	s->stamp++;
	return w;
}

void state_forget(struct state *s, struct waiting *w)
{
	state_unmark_op(s, w);
	ring_remove(&w->in_item);
	ring_remove(&w->in_all);
	ring_remove(&w->in_miles);
	table_remove(&s->ops, &w->link);
	s->pending[w->op->kind]--;
	s->stamp++;
	operation_unref(&w->op);
	free(w);
}

bool state_has_create(const struct item *it)
{
	for (const struct ring *r = it->ops.next; r != &it->ops; r = r->next) {
		if (holder_of(r, struct waiting, in_item)->op->kind == OP_CREATE)
			return true;
	}
	return false;
}

/* --- a create gets its id --- */

void state_move(struct state *s, struct item *temp, int64_t id)
{
	struct item *to = state_need(s, id);
	for (struct ring *r = temp->ops.next, *next; r != &temp->ops; r = next) {
		struct waiting *w = holder_of(r, struct waiting, in_item);
		next = r->next;
		if (w->op->kind == OP_CREATE) {
			state_forget(s, w);
			continue;
		}
		ring_remove(r);
		enlist_in_item(to, w);
	}
	row_unref(&temp->base);
	state_dirty(s, temp);
	state_dirty(s, to);
}

/* --- what is shown --- */

/* Where a row without a final id stands: after all others, by order of acceptance. Legacy creates
 * have none and come first. A place that is taken moves on. */
static uint64_t temp_key(struct state *s, const struct item *it)
{
	uint64_t key = TEMP_KEY_BASE;
	struct waiting *create = state_waiting(s, it->temp);
	if (create != NULL && create->op->seq > 0)
		key += create->op->seq;
	else
		key += ++s->legacy;
	while (root_has(s->root, key))
		key++;
	return key;
}

void state_show(struct state *s, struct item *it, struct row *row)
{
	struct row *old = it->shown;
	if (old == row || (old != NULL && row != NULL && row_same(old, row)))
		return;
	if (row != NULL) {
		if (it->key == 0)
			it->key = it->id > 0 ? (uint64_t)it->id : temp_key(s, it);
		root_put(&s->root, it->key, row);
		it->shown = row_ref(row);
	} else {
		root_remove(&s->root, it->key);
		it->shown = NULL;
		it->key = 0;
	}
	row_unref(&old);
	s->generation++;
	s->stamp++;
}

/* Base and operations as one row (new reference), or NULL if nothing is to be shown. */
static struct row *overlay(const struct item *it)
{
	struct fields now = { 0 };
	uint64_t version = it->base != NULL ? it->base->version : 0;
	int64_t updated_us = it->base != NULL ? it->base->updated_us : 0;
	bool there = it->base != NULL;
	struct row *row = NULL;
	if (there)
		fields_copy(&now, &it->base->fields);
	for (const struct ring *r = it->ops.next; r != &it->ops; r = r->next) {
		const struct operation *op = holder_of(r, struct waiting, in_item)->op;
		struct fields next = { 0 };
		there = op->kind == OP_CREATE || (op->kind == OP_UPDATE && there);
		if (!there)
			continue;
		fields_merge(&next, &now, &op->fields);
		fields_free(&now);
		now = next;
		if (op->accepted_us != 0)
			updated_us = op->accepted_us;
	}
	if (there)
		row = row_new(it->id, it->temp, version, updated_us, true, &now);
	fields_free(&now);
	return row;
}

static void drop_idle(struct state *s, struct item *it)
{
	if (it->base != NULL || it->hidden || it->tombstone || it->shown != NULL ||
	    !ring_empty(&it->ops))
		return;
	state_unmark(s, it);
	table_remove(it->id > 0 ? &s->items : &s->temps, &it->link);
	item_free(it);
}

void state_settle(struct state *s, struct item *it)
{
	bool waits = !ring_empty(&it->ops);
	if (!waits)
		it->hidden = false;
	/* a snapshot's row without a final id stays pending until its create is done */
	struct row *row = NULL;
	if (waits)
		row = overlay(it);
	else if (it->base != NULL)
		row = row_ref(it->base);
	state_show(s, it, row);
	row_unref(&row);
	drop_idle(s, it);
}

void state_dirty(struct state *s, struct item *it)
{
	if (it->dirty)
		return;
	it->dirty = true;
	it->next_dirty = s->dirty;
	s->dirty = it;
}

void state_settle_dirty(struct state *s)
{
	while (s->dirty != NULL) {
		struct item *it = s->dirty;
		s->dirty = it->next_dirty;
		it->dirty = false;
		state_settle(s, it);
	}
}
