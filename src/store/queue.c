/* queue.c - the bounded queue that HTTP threads fill and the store's threads empty. */
#include "store_private.h"

#include "relevo/clock.h"

/* A crowd of clients is answered together and comes back together. */
#define GATHER_US 1000
#define QUIET_US  300 /* nobody came for so long: they do not come back */

void queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	PTOK(pthread_mutex_init(&q->lock, NULL));
	thread_cond_init(&q->filled);
}

void queue_destroy(struct queue *q)
{
	PTOK(pthread_cond_destroy(&q->filled));
	PTOK(pthread_mutex_destroy(&q->lock));
}

size_t queue_put(struct queue *q, struct job *j)
{
	size_t count = 0;

	PTOK(pthread_mutex_lock(&q->lock));
	if (!q->closed && q->count < QUEUE_LIMIT) {
		j->next = NULL;
		if (q->last != NULL)
			q->last->next = j;
		else
			q->first = j;
		q->last = j;
		count = ++q->count;
		if (count == 1 || count == q->enough)
			PTOK(pthread_cond_signal(&q->filled));
	}
	PTOK(pthread_mutex_unlock(&q->lock));
	return count;
}

void queue_wait(struct queue *q, int64_t deadline_ms)
{
	PTOK(pthread_mutex_lock(&q->lock));
	while (q->count == 0 && !q->closed) {
		if (!thread_cond_wait_until(&q->filled, &q->lock, deadline_ms))
			break;
	}
	PTOK(pthread_mutex_unlock(&q->lock));
}

void queue_gather(struct queue *q, size_t enough)
{
	int64_t until = clock_mono_us() + GATHER_US;
	size_t before = 0;

	PTOK(pthread_mutex_lock(&q->lock));
	q->enough = enough;
	while (q->count < enough && q->count > before && !q->closed) {
		int64_t quiet = clock_mono_us() + QUIET_US;
		before = q->count;
		while (q->count < enough && !q->closed &&
		       thread_cond_wait_until_us(&q->filled, &q->lock, quiet))
			;
		if (quiet > until)
			break;
	}
	q->enough = 0;
	PTOK(pthread_mutex_unlock(&q->lock));
}

struct job *queue_take(struct queue *q, size_t max)
{
	PTOK(pthread_mutex_lock(&q->lock));
	struct job *list = q->first, *end = NULL;
	size_t taken = 0;
	for (struct job *j = list; j != NULL && taken < max; j = j->next) {
		end = j;
		taken++;
	}
	if (end != NULL) {
		q->first = end->next;
		if (q->first == NULL)
			q->last = NULL;
		end->next = NULL;
		q->count -= taken;
		/* Another thread may wait for the rest. */
		if (q->count > 0)
			PTOK(pthread_cond_signal(&q->filled));
	}
	PTOK(pthread_mutex_unlock(&q->lock));
	return list;
}

void queue_close(struct queue *q)
{
	PTOK(pthread_mutex_lock(&q->lock));
	q->closed = true;
	PTOK(pthread_cond_broadcast(&q->filled));
	PTOK(pthread_mutex_unlock(&q->lock));
}

bool queue_ended(struct queue *q)
{
	PTOK(pthread_mutex_lock(&q->lock));
	bool ended = q->closed && q->count == 0;
	PTOK(pthread_mutex_unlock(&q->lock));
	return ended;
}
