/* keyset.c - the keyed requests in progress in this process, so that a repeat gets 409. */
#include "store_private.h"

#include <stdlib.h>

#include "relevo/mem.h"

#define KEY_SLOTS 1024

struct key_node {
	struct opid key;
	struct key_node *next;
};

struct keyset {
	pthread_mutex_t lock;
	/* shared: hold lock */
	struct key_node *slots[KEY_SLOTS];
	size_t count;
};

struct keyset *keyset_new(void)
{
	struct keyset *k = mem_zero(1, sizeof(*k));
	PTOK(pthread_mutex_init(&k->lock, NULL));
	return k;
}

void keyset_free(struct keyset **k)
{
	if (*k == NULL)
		return;
	for (size_t i = 0; i < KEY_SLOTS; i++) {
		while ((*k)->slots[i] != NULL)
			keyset_leave(*k, (*k)->slots[i]->key);
	}
	PTOK(pthread_mutex_destroy(&(*k)->lock));
	free(*k);
	*k = NULL;
}

bool keyset_enter(struct keyset *k, struct opid key)
{
	struct key_node **slot = &k->slots[opid_hash(key) % KEY_SLOTS];
	bool entered = true;
	PTOK(pthread_mutex_lock(&k->lock));
	for (struct key_node *n = *slot; n != NULL && entered; n = n->next)
		entered = !opid_equal(n->key, key);
	if (entered) {
		struct key_node *n = mem_zero(1, sizeof(*n));
		n->key = key;
		n->next = *slot;
		*slot = n;
		k->count++;
	}
	PTOK(pthread_mutex_unlock(&k->lock));
	return entered;
}

void keyset_leave(struct keyset *k, struct opid key)
{
	struct key_node **at = &k->slots[opid_hash(key) % KEY_SLOTS];
	PTOK(pthread_mutex_lock(&k->lock));
	while (*at != NULL && !opid_equal((*at)->key, key))
		at = &(*at)->next;
	struct key_node *gone = *at;
	if (gone != NULL) {
		*at = gone->next;
		k->count--;
	}
	PTOK(pthread_mutex_unlock(&k->lock));
	free(gone);
}

size_t keyset_size(struct keyset *k)
{
	PTOK(pthread_mutex_lock(&k->lock));
	size_t count = k->count;
	PTOK(pthread_mutex_unlock(&k->lock));
	return count;
}
