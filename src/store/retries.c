/* retries.c - a lane's jobs that are to be tried again, all of them once a turn. */
#include "store_private.h"

#include <time.h>

#include "relevo/clock.h"

#define TURN_MS 20

static bool is_due(const struct retries *r)
{
	return r->due != NULL || (r->next != NULL && clock_mono_ms() >= r->turn_ms);
}

void retries_add(struct retries *r, struct job *j)
{
	jobs_push(&r->next, j);
	r->count++;
}

int64_t retries_due_ms(const struct retries *r, int64_t otherwise_ms)
{
	if (is_due(r))
		return 0;
	return r->next != NULL ? r->turn_ms : otherwise_ms;
}

struct job *retries_take(struct retries *r, size_t max, size_t *count)
{
	struct job *taken = NULL;
	*count = 0;
	if (!is_due(r))
		return NULL;
	if (r->due == NULL) {
		r->due = jobs_reverse(r->next);
		r->next = NULL;
		r->turn_ms = clock_mono_ms() + TURN_MS;
	}
	for (; r->due != NULL && *count < max; ++*count) {
		struct job *j = r->due;
		r->due = j->next;
		jobs_push(&taken, j);
	}
	r->count -= *count;
	return jobs_reverse(taken);
}

void retries_wait(const struct retries *r)
{
	int64_t left_ms = retries_due_ms(r, 0) - clock_mono_ms();
	struct timespec pause = { .tv_nsec = left_ms * 1000000 };
	if (left_ms > 0)
		nanosleep(&pause, NULL);
}
