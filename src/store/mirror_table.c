/* mirror_table.c - the mirror's hash tables and rings: intrusive, no allocation per entry. */
#include <stdlib.h>

#include "mirror_private.h"
#include "relevo/mem.h"

#define TABLE_FIRST_SIZE 64

static void grow(struct table *t)
{
	size_t size = t->size == 0 ? TABLE_FIRST_SIZE : t->size * 2;
	struct link **slots = mem_zero(size, sizeof(struct link *));
	for (size_t i = 0; i < t->size; i++) {
		while (t->slots[i] != NULL) {
			struct link *l = t->slots[i];
			t->slots[i] = l->next;
			l->next = slots[l->hash & (size - 1)];
			slots[l->hash & (size - 1)] = l;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->size = size;
}

void table_put(struct table *t, struct link *l, uint64_t hash)
{
	if (t->count >= t->size)
		grow(t);
	struct link **slot = &t->slots[hash & (t->size - 1)];
	l->hash = hash;
	l->next = *slot;
	*slot = l;
	t->count++;
}

void table_remove(struct table *t, struct link *l)
{
	struct link **at = &t->slots[l->hash & (t->size - 1)];
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->next = NULL;
	t->count--;
}

struct link *table_first(const struct table *t, uint64_t hash)
{
	if (t->size == 0)
		return NULL;
	struct link *l = t->slots[hash & (t->size - 1)];
	while (l != NULL && l->hash != hash)
		l = l->next;
	return l;
}

struct link *table_same(const struct link *l)
{
	uint64_t hash = l->hash;
	struct link *next = l->next;
	while (next != NULL && next->hash != hash)
		next = next->next;
	return next;
}

void table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

/* The finaliser of splitmix64: neighbouring ids land far apart. */
uint64_t hash_id(int64_t id)
{
	uint64_t x = (uint64_t)id;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

void ring_init(struct ring *r)
{
	r->prev = r;
	r->next = r;
}

bool ring_empty(const struct ring *r)
{
	return r->next == r;
}

void ring_before(struct ring *at, struct ring *r)
{
	r->prev = at->prev;
	r->next = at;
	at->prev->next = r;
	at->prev = r;
}

void ring_after(struct ring *at, struct ring *r)
{
	ring_before(at->next, r);
}

void ring_remove(struct ring *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
	ring_init(r);
}
