/* mirror.c - the mirror's public face: following the log, single reads, waiting, housekeeping. */
#include "relevo/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

struct mirror *mirror_new(void)
{
	struct mirror *m = mem_zero(1, sizeof(*m));
	PTOK(pthread_mutex_init(&m->lock, NULL));
	thread_cond_init(&m->moved);
	state_init(&m->state);
	return m;
}

void mirror_free(struct mirror **slot)
{
	struct mirror *m = *slot;
	*slot = NULL;
	if (m == NULL)
		return;
	state_free(&m->state);
	PTOK(pthread_cond_destroy(&m->moved));
	PTOK(pthread_mutex_destroy(&m->lock));
	free(m);
}

void mirror_lock(const struct mirror *m)
{
	PTOK(pthread_mutex_lock(&((struct mirror *)(uintptr_t)m)->lock));
}

void mirror_unlock(const struct mirror *m)
{
	PTOK(pthread_mutex_unlock(&((struct mirror *)(uintptr_t)m)->lock));
}

void mirror_wake(struct mirror *m)
{
	PTOK(pthread_cond_broadcast(&m->moved));
}

/* --- following the log --- */

struct mirror_position mirror_position(const struct mirror *m)
{
	mirror_lock(m);
	struct mirror_position position = m->position;
	mirror_unlock(m);
	return position;
}

bool mirror_apply(struct mirror *m, const char *epoch, uint64_t seq, uint64_t nonce,
		  const struct changes *changes)
{
	mirror_lock(m);
	bool same = epoch[0] != '\0' && strcmp(m->position.epoch, epoch) == 0;
	bool reached = same && seq <= m->position.seq + 1;
	if (reached && seq == m->position.seq + 1) {
		state_apply(&m->state, changes, true);
		m->position.seq = seq;
		m->position.nonce = nonce;
		mirror_wake(m);
	}
	mirror_unlock(m);
	return reached;
}

void mirror_apply_unlogged(struct mirror *m, const struct changes *changes)
{
	mirror_lock(m);
	state_apply(&m->state, changes, false);
	mirror_wake(m);
	mirror_unlock(m);
}

void mirror_apply_unread(struct mirror *m, const char *epoch, uint64_t seq,
			 const struct changes *changes)
{
	mirror_lock(m);
	bool read = strcmp(m->position.epoch, epoch) == 0 && m->position.seq >= seq;
	if (!read)
		state_apply(&m->state, changes, false);
	mirror_wake(m);
	mirror_unlock(m);
}

bool mirror_loaded(const struct mirror *m)
{
	mirror_lock(m);
	bool loaded = m->loaded;
	mirror_unlock(m);
	return loaded;
}

void mirror_mark_loaded(struct mirror *m)
{
	mirror_lock(m);
	m->loaded = true;
	mirror_wake(m);
	mirror_unlock(m);
}

/* --- readers --- */

static struct row *shown_row(struct mirror *m, int64_t id, struct opid temp)
{
	mirror_lock(m);
	struct item *it = state_find(&m->state, id, temp);
	struct row *row = it != NULL && it->shown != NULL ? row_ref(it->shown) : NULL;
	mirror_unlock(m);
	return row;
}

struct row *mirror_get(struct mirror *m, int64_t id)
{
	return id > 0 ? shown_row(m, id, (struct opid){ { 0 } }) : NULL;
}

struct row *mirror_get_temp(struct mirror *m, struct opid op)
{
	return shown_row(m, 0, op);
}

bool mirror_temp_waits(struct mirror *m, struct opid op)
{
	mirror_lock(m);
	struct item *it = state_temp(&m->state, op);
	bool waits = it != NULL && !ring_empty(&it->ops);
	mirror_unlock(m);
	return waits;
}

int64_t mirror_final_id(struct mirror *m, struct opid op)
{
	mirror_lock(m);
	struct final_id *f = state_final(&m->state, op);
	int64_t id = f != NULL ? f->id : 0;
	mirror_unlock(m);
	return id;
}

bool mirror_create_ended(struct mirror *m, struct opid op)
{
	mirror_lock(m);
	bool ended = state_has_ended(&m->state, op);
	mirror_unlock(m);
	return ended;
}

void mirror_item_state(struct mirror *m, int64_t id, struct opid temp,
		       struct mirror_item_state *out)
{
	*out = (struct mirror_item_state){ 0 };
	mirror_lock(m);
	struct item *it = state_find(&m->state, id, temp);
	if (it != NULL) {
		out->known = it->base != NULL || it->hidden || state_has_create(it);
		out->shown = it->shown != NULL;
		out->has_base = it->id > 0 && (it->base != NULL || it->hidden);
		out->base_version = out->has_base ? it->base_version : 0;
		if (out->has_base && it->base != NULL && !it->guess)
			out->base_updated_us = it->base->updated_us;
		out->base_own = out->has_base && it->base_own;
		out->row = it->shown != NULL ? row_ref(it->shown) : NULL;
		out->pending = !ring_empty(&it->ops) || (it->id == 0 && it->base != NULL);
	}
	if (it != NULL && !ring_empty(&it->ops)) {
		const struct operation *op = holder_of(it->ops.prev, struct waiting, in_item)->op;
		out->last_op = op->id;
		out->last_kind = op->kind;
	}
	mirror_unlock(m);
}

bool mirror_knows(struct mirror *m, int64_t id, struct opid temp)
{
	struct mirror_item_state state;
	mirror_item_state(m, id, temp, &state);
	row_unref(&state.row);
	return state.known;
}

void mirror_counts(const struct mirror *m, struct mirror_counts *out)
{
	mirror_lock(m);
	const struct state *s = &m->state;
	*out = (struct mirror_counts){
		.items = s->root->rows,
		.tombstones = s->tomb_count,
		.final_ids = s->finals.count,
		.unlogged = unlogged_count(m),
		.generation = s->generation,
	};
	out->snapshot_bytes = 2 + s->root->bytes + (out->items > 0 ? out->items - 1 : 0);
	memcpy(out->pending, s->pending, sizeof(out->pending));
	mirror_unlock(m);
}

struct operation *mirror_operation(struct mirror *m, struct opid op)
{
	mirror_lock(m);
	struct waiting *w = state_waiting(&m->state, op);
	struct operation *found = w != NULL ? operation_ref(w->op) : NULL;
	mirror_unlock(m);
	return found;
}

struct operation **mirror_operations(struct mirror *m, size_t *count)
{
	mirror_lock(m);
	struct state *s = &m->state;
	struct operation **ops = mem_zero(s->ops.count + 1, sizeof(struct operation *));
	size_t n = 0;
	for (const struct ring *r = s->all_ops.next; r != &s->all_ops; r = r->next)
		ops[n++] = operation_ref(holder_of(r, struct waiting, in_all)->op);
	mirror_unlock(m);
	*count = n;
	return ops;
}

json_t *mirror_sync_state(struct mirror *m, const char *name)
{
	json_t *found = NULL;
	mirror_lock(m);
	for (size_t i = 0; i < m->state.sync_count && found == NULL; i++) {
		json_t *object = m->state.sync[i];
		if (strcmp(json_string_value(json_object_get(object, "name")), name) == 0)
			found = json_incref(object);
	}
	mirror_unlock(m);
	return found;
}

/* --- waiting --- */

bool mirror_wait(struct mirror *m, uint64_t seq, int64_t deadline_ms)
{
	bool in_time = true;
	mirror_lock(m);
	while (m->position.seq < seq && in_time)
		in_time = thread_cond_wait_until(&m->moved, &m->lock, deadline_ms);
	bool reached = m->position.seq >= seq;
	mirror_unlock(m);
	return reached;
}

bool mirror_wait_change(struct mirror *m, uint64_t *stamp, int64_t deadline_ms)
{
	bool in_time = true;
	mirror_lock(m);
	while (m->state.stamp == *stamp && in_time)
		in_time = thread_cond_wait_until(&m->moved, &m->lock, deadline_ms);
	bool moved = m->state.stamp != *stamp;
	*stamp = m->state.stamp;
	mirror_unlock(m);
	return moved;
}

/* --- housekeeping --- */

static void expire_tombstones(struct state *s, int64_t before_us, size_t most)
{
	for (struct ring *r = s->tombs.next, *next; r != &s->tombs; r = next) {
		struct item *it = holder_of(r, struct item, tomb_age);
		next = r->next;
		if (it->tomb_us >= before_us && s->tomb_count <= most)
			return;
		if (it->unlogged != 0)
			continue;
		it->tombstone = false;
		s->tomb_count--;
		ring_remove(r);
		state_settle(s, it);
	}
}

static void expire_final_ids(struct state *s, int64_t before_us, size_t most)
{
	for (struct ring *r = s->ages.next, *next; r != &s->ages; r = next) {
		struct final_id *f = holder_of(r, struct final_id, age);
		next = r->next;
		if (f->at_us >= before_us && s->finals.count <= most)
			return;
		ring_remove(r);
		table_remove(&s->finals, &f->link);
		free(f);
	}
}

void mirror_expire(struct mirror *m, int64_t now_us, size_t most)
{
	mirror_lock(m);
	expire_tombstones(&m->state, now_us - TOMBSTONE_US, most);
	expire_final_ids(&m->state, now_us - FINAL_ID_US, most);
	mirror_unlock(m);
}
