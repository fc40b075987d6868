/* mirror_view.c - the list of shown rows: chunks of row pointers, copied on write, and views on it.
 */
#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"
#include "relevo/mem.h"

#define ROOT_SLACK 16

/* --- chunks --- */

static struct chunk *chunk_new(void)
{
	struct chunk *c = mem_alloc(sizeof(*c));
	atomic_init(&c->refs, 1);
	c->count = 0;
	atomic_init(&c->rendered, NULL);
	return c;
}

static struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

static void chunk_unref(struct chunk *c)
{
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		row_unref(&c->rows[i]);
	free(atomic_load_explicit(&c->rendered, memory_order_acquire));
	free(c);
}

static struct chunk *chunk_clone(const struct chunk *from)
{
	struct chunk *c = chunk_new();
	c->count = from->count;
	memcpy(c->keys, from->keys, from->count * sizeof(c->keys[0]));
	for (uint32_t i = 0; i < from->count; i++)
		c->rows[i] = row_ref(from->rows[i]);
	return c;
}

/* Index of the first key above `key`. */
static uint32_t chunk_above(const struct chunk *c, uint64_t key)
{
	uint32_t low = 0, high = c->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (c->keys[middle] <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct rendered *render(const struct chunk *c)
{
	size_t bytes = 0;
	for (uint32_t i = 0; i < c->count; i++)
		bytes += c->rows[i]->json_len + 1;
	struct rendered *r = mem_alloc(sizeof(*r) + bytes);
	uint32_t at = 0;
	for (uint32_t i = 0; i < c->count; i++) {
		const struct row *row = c->rows[i];
		r->bytes[at++] = ',';
		r->start[i] = at;
		memcpy(r->bytes + at, row->json, row->json_len);
		at += row->json_len;
	}
	r->start[c->count] = at + 1;
	return r;
}

const struct rendered *chunk_render(struct chunk *c)
{
	struct rendered *present = atomic_load_explicit(&c->rendered, memory_order_acquire);
	if (present != NULL)
		return present;
	struct rendered *mine = render(c);
	if (atomic_compare_exchange_strong_explicit(&c->rendered, &present, mine,
						    memory_order_acq_rel, memory_order_acquire))
		return mine;
	free(mine);
	return present;
}

/* --- the root --- */

struct root *root_new(size_t room)
{
	struct root *r = mem_alloc(sizeof(*r) + room * sizeof(r->at[0]));
	atomic_init(&r->refs, 1);
	r->count = 0;
	r->room = room;
	r->rows = 0;
	r->bytes = 0;
	r->sum = (struct list_sum){ { 0, 0 } };
	return r;
}

struct root *root_ref(struct root *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void root_unref(struct root **slot)
{
	struct root *r = *slot;
	*slot = NULL;
	if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < r->count; i++)
		chunk_unref(r->at[i]);
	free(r);
}

/* Make the root the caller's own, with room for one more chunk. */
static struct root *root_own(struct root **slot)
{
	struct root *r = *slot;
	bool shared = atomic_load_explicit(&r->refs, memory_order_acquire) > 1;
	if (!shared && r->count < r->room)
		return r;
	struct root *own = root_new(r->count + r->count / 4 + ROOT_SLACK);
	own->count = r->count;
	own->rows = r->rows;
	own->bytes = r->bytes;
	own->sum = r->sum;
	for (size_t i = 0; i < r->count; i++)
		own->at[i] = chunk_ref(r->at[i]);
	root_unref(slot);
	*slot = own;
	return own;
}

/* Make chunk `i` of an own root the caller's own, without rendered bytes. */
static struct chunk *chunk_own(struct root *r, size_t i)
{
	struct chunk *c = r->at[i];
	if (atomic_load_explicit(&c->refs, memory_order_acquire) > 1) {
		r->at[i] = chunk_clone(c);
		chunk_unref(c);
		return r->at[i];
	}
	free(atomic_exchange_explicit(&c->rendered, NULL, memory_order_acq_rel));
	return c;
}

/* The chunk that holds `key` or would: the last one that does not begin above it. */
static size_t chunk_for(const struct root *r, uint64_t key)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->at[middle]->keys[0] <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? 0 : low - 1;
}

static bool find(const struct root *r, uint64_t key, size_t *chunk, uint32_t *row)
{
	if (r->count == 0)
		return false;
	*chunk = chunk_for(r, key);
	uint32_t above = chunk_above(r->at[*chunk], key);
	if (above == 0 || r->at[*chunk]->keys[above - 1] != key)
		return false;
	*row = above - 1;
	return true;
}

bool root_has(const struct root *r, uint64_t key)
{
	size_t chunk;
	uint32_t row;
	return find(r, key, &chunk, &row);
}

size_t root_above(const struct root *r, uint64_t key, uint32_t *row)
{
	*row = 0;
	if (r->count == 0)
		return 0;
	size_t chunk = chunk_for(r, key);
	*row = chunk_above(r->at[chunk], key);
	if (*row < r->at[chunk]->count)
		return chunk;
	*row = 0;
	return chunk + 1;
}

static void insert_chunk(struct root *r, size_t at, struct chunk *c)
{
	memmove(&r->at[at + 1], &r->at[at], (r->count - at) * sizeof(r->at[0]));
	r->at[at] = c;
	r->count++;
}

static void remove_chunk(struct root *r, size_t at)
{
	chunk_unref(r->at[at]);
	r->count--;
	memmove(&r->at[at], &r->at[at + 1], (r->count - at) * sizeof(r->at[0]));
}

/* Move the rows from `from` on to the end of `to`. */
static void move_rows(struct chunk *to, struct chunk *c, uint32_t from)
{
	uint32_t moved = c->count - from;
	memcpy(&to->keys[to->count], &c->keys[from], moved * sizeof(c->keys[0]));
	memcpy(&to->rows[to->count], &c->rows[from], moved * sizeof(c->rows[0]));
	to->count += moved;
	c->count = from;
}

/* Room in chunk *i for `key`: a full one is split in the middle, but rows that come at the end of
 * the list begin a chunk of their own, so that ascending ids leave full chunks behind. */
static struct chunk *make_room(struct root *r, size_t *i, uint64_t key)
{
	if (r->count == 0)
		insert_chunk(r, 0, chunk_new());
	if (r->at[*i]->count < CHUNK_ROWS)
		return chunk_own(r, *i);
	bool at_end = *i + 1 == r->count && key > r->at[*i]->keys[CHUNK_ROWS - 1];
	struct chunk *upper = chunk_new();
	if (!at_end)
		move_rows(upper, chunk_own(r, *i), CHUNK_ROWS / 2);
	insert_chunk(r, *i + 1, upper);
	if (at_end || key >= upper->keys[0])
		(*i)++;
	return r->at[*i];
}

/* A row comes or goes. A sum does not depend on the order in which they came; the digests are
 * weighted by their keys, because pages tell those of rows without a final id as cursors. */
static void account(struct root *r, uint64_t key, const struct row *row, bool comes)
{
	uint64_t weight = 2 * key + 1;
	uint64_t half[2];
	_Static_assert(sizeof(half) == sizeof(row->digest), "two halves are the digest");

	memcpy(half, row->digest, sizeof(half));
	for (size_t i = 0; i < 2; i++)
		r->sum.half[i] += comes ? half[i] * weight : -(half[i] * weight);
	r->rows += comes ? 1 : (size_t)-1;
	r->bytes += comes ? row->json_len : -(size_t)row->json_len;
}

void root_put(struct root **slot, uint64_t key, struct row *row)
{
	struct root *r = root_own(slot);
	size_t i = 0;
	uint32_t at;
	if (find(r, key, &i, &at)) {
		struct chunk *c = chunk_own(r, i);
		struct row *old = c->rows[at];
		account(r, key, old, false);
		account(r, key, row, true);
		c->rows[at] = row_ref(row);
		row_unref(&old);
		return;
	}
	struct chunk *c = make_room(r, &i, key);
	at = chunk_above(c, key);
	memmove(&c->keys[at + 1], &c->keys[at], (c->count - at) * sizeof(c->keys[0]));
	memmove(&c->rows[at + 1], &c->rows[at], (c->count - at) * sizeof(c->rows[0]));
	c->keys[at] = key;
	c->rows[at] = row_ref(row);
	c->count++;
	account(r, key, row, true);
}

/* A small chunk joins its left or right neighbour if half a chunk stays free. */
static void merge_small(struct root *r, size_t i)
{
	if (r->count < 2 || r->at[i]->count >= CHUNK_SMALL)
		return;
	size_t left = i > 0 ? i - 1 : 0;
	if (r->at[left]->count + r->at[left + 1]->count > CHUNK_ROWS / 2)
		return;
	struct chunk *to = chunk_own(r, left);
	move_rows(to, chunk_own(r, left + 1), 0);
	remove_chunk(r, left + 1);
}

void root_remove(struct root **slot, uint64_t key)
{
	size_t i;
	uint32_t at;
	if (!find(*slot, key, &i, &at))
		return;
	struct root *r = root_own(slot);
	struct chunk *c = chunk_own(r, i);
	account(r, key, c->rows[at], false);
	row_unref(&c->rows[at]);
	c->count--;
	memmove(&c->keys[at], &c->keys[at + 1], (c->count - at) * sizeof(c->keys[0]));
	memmove(&c->rows[at], &c->rows[at + 1], (c->count - at) * sizeof(c->rows[0]));
	if (c->count == 0)
		remove_chunk(r, i);
	else
		merge_small(r, i);
}

/* --- views --- */

struct mirror_view *view_new(struct mirror *m)
{
	struct mirror_view *v = mem_alloc(sizeof(*v));
	atomic_init(&v->refs, 1);
	v->root = root_ref(m->state.root);
	v->position = m->position;
	v->generation = m->state.generation;
	v->ticket = m->state.ticket;
	v->unlogged = m->state.unlogged_count > 0;
	return v;
}

struct mirror_view *mirror_view(struct mirror *m)
{
	mirror_lock(m);
	struct mirror_view *v = view_new(m);
	mirror_unlock(m);
	return v;
}

struct mirror_view *mirror_view_ref(struct mirror_view *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void mirror_view_unref(struct mirror_view **slot)
{
	struct mirror_view *v = *slot;
	*slot = NULL;
	if (v == NULL || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
		return;
	root_unref(&v->root);
	free(v);
}

struct mirror_position mirror_view_position(const struct mirror_view *v)
{
	return v->position;
}

uint64_t mirror_view_generation(const struct mirror_view *v)
{
	return v->generation;
}

bool mirror_view_unlogged(const struct mirror_view *v)
{
	return v->unlogged;
}

size_t mirror_view_items(const struct mirror_view *v)
{
	return v->root->rows;
}

struct list_sum mirror_view_sum(const struct mirror_view *v)
{
	return v->root->sum;
}

static struct iovec piece(const void *bytes, size_t len)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
}

struct iovec *mirror_view_array(struct mirror_view *v, size_t *count, size_t *bytes)
{
	struct root *r = v->root;
	struct iovec *at = mem_zero(r->count + 2, sizeof(*at));
	size_t n = 0, sum = 2;
	at[n++] = piece("[", 1);
	for (size_t i = 0; i < r->count; i++) {
		const struct rendered *done = chunk_render(r->at[i]);
		size_t skip = i == 0 ? 1 : 0;
		size_t len = done->start[r->at[i]->count] - 1 - skip;
		at[n++] = piece(done->bytes + skip, len);
		sum += len;
	}
	at[n++] = piece("]", 1);
	*count = n;
	*bytes = sum;
	return at;
}

void mirror_view_each(struct mirror_view *v, bool (*each)(void *ctx, struct row *row), void *ctx)
{
	for (size_t i = 0; i < v->root->count; i++) {
		struct chunk *c = v->root->at[i];
		for (uint32_t k = 0; k < c->count; k++) {
			if (c->rows[k]->id > 0 && !each(ctx, c->rows[k]))
				return;
		}
	}
}
