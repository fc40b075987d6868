/* done_list.c - records of keyed operations that Redis did not take, until it does. */
#include "store_private.h"

#include <stdlib.h>

#include "relevo/clock.h"
#include "relevo/mem.h"

struct done_kept {
	struct done_kept *next;
	struct done_record record; /* owns its text */
	uint64_t number;
	int64_t until_ms;
};

void done_list_init(struct done_list *l)
{
	*l = (struct done_list){ 0 };
	PTOK(pthread_mutex_init(&l->lock, NULL));
}

/* With the lock. */
static void drop_first(struct done_list *l)
{
	struct done_kept *k = l->first;
	l->first = k->next;
	if (l->first == NULL)
		l->last = NULL;
	l->count--;
	free(k->record.json);
	free(k);
}

void done_list_destroy(struct done_list *l)
{
	while (l->first != NULL)
		drop_first(l);
	PTOK(pthread_mutex_destroy(&l->lock));
}

static struct done_kept *kept_new(const struct done_record *record)
{
	struct done_kept *k = mem_zero(1, sizeof(*k));
	k->record = *record;
	k->record.json = mem_string(record->json);
	k->until_ms = clock_mono_ms() + (int64_t)record->ttl_s * 1000;
	return k;
}

void done_list_add(struct done_list *l, const struct done_record *done, size_t count)
{
	PTOK(pthread_mutex_lock(&l->lock));
	for (size_t i = 0; i < count; i++) {
		for (; l->count >= UNSENT_MAX; l->dropped++)
			drop_first(l);
		struct done_kept *k = kept_new(&done[i]);
		k->number = ++l->numbers;
		/* drop_first leaves `last` alone unless it took the last one, and then clears it.
		 */
		if (l->last != NULL)
			l->last->next = k; // NOLINT(clang-analyzer-unix.Malloc)
		else
			l->first = k;
		l->last = k;
		l->count++;
	}
	PTOK(pthread_mutex_unlock(&l->lock));
}

size_t done_list_peek(struct done_list *l, struct done_record *out, size_t max, uint64_t *last)
{
	int64_t now = clock_mono_ms();
	size_t count = 0;
	PTOK(pthread_mutex_lock(&l->lock));
	while (l->first != NULL && l->first->until_ms - now < 1000)
		drop_first(l);
	for (struct done_kept *k = l->first; k != NULL && count < max; k = k->next) {
		int64_t left_s = (k->until_ms - now) / 1000;
		out[count] = k->record;
		out[count].json = mem_string(k->record.json);
		out[count++].ttl_s = left_s < 1 ? 1 : (unsigned)left_s;
		*last = k->number;
	}
	PTOK(pthread_mutex_unlock(&l->lock));
	return count;
}

void done_list_sent(struct done_list *l, uint64_t last)
{
	PTOK(pthread_mutex_lock(&l->lock));
	while (l->first != NULL && l->first->number <= last)
		drop_first(l);
	PTOK(pthread_mutex_unlock(&l->lock));
}

void done_list_size(struct done_list *l, size_t *count, uint64_t *dropped)
{
	PTOK(pthread_mutex_lock(&l->lock));
	*count = l->count;
	*dropped = l->dropped;
	PTOK(pthread_mutex_unlock(&l->lock));
}

bool done_list_empty(struct done_list *l)
{
	PTOK(pthread_mutex_lock(&l->lock));
	bool empty = l->first == NULL;
	PTOK(pthread_mutex_unlock(&l->lock));
	return empty;
}
