/* crowd.c - how many writes a lane may expect at a time. */
#include "store_private.h"

#define WINDOW 16 /* transactions */

void crowd_enter(struct crowd *c)
{
	size_t now = atomic_fetch_add(&c->present, 1) + 1;
	size_t most = atomic_load(&c->most);

	while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
		;
}

void crowd_leave(struct crowd *c)
{
	atomic_fetch_sub(&c->present, 1);
}

size_t crowd_size(const struct crowd *c)
{
	size_t most = atomic_load(&c->most), before = atomic_load(&c->most_before);

	return most > before ? most : before;
}

void crowd_age(struct crowd *c)
{
	if (++c->age % WINDOW == 0)
		atomic_store(&c->most_before, atomic_exchange(&c->most, atomic_load(&c->present)));
}
