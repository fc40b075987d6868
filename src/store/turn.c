/* turn.c - one lane at a time works in MySQL. */
#include "store_private.h"

#include "relevo/clock.h"

/* A transaction takes less unless MySQL hangs or somebody holds its locks. */
#define PATIENCE_MS 20

void turn_init(struct turn *t)
{
	t->taken = false;
	PTOK(pthread_mutex_init(&t->lock, NULL));
	thread_cond_init(&t->left);
}

void turn_destroy(struct turn *t)
{
	PTOK(pthread_cond_destroy(&t->left));
	PTOK(pthread_mutex_destroy(&t->lock));
}

bool turn_enter(struct turn *t)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	PTOK(pthread_mutex_lock(&t->lock));
	while (t->taken) {
		if (!thread_cond_wait_until(&t->left, &t->lock, until))
			break;
	}
	bool entered = !t->taken;
	t->taken = true;
	PTOK(pthread_mutex_unlock(&t->lock));
	return entered;
}

void turn_leave(struct turn *t)
{
	PTOK(pthread_mutex_lock(&t->lock));
	t->taken = false;
	PTOK(pthread_cond_signal(&t->left));
	PTOK(pthread_mutex_unlock(&t->lock));
}
