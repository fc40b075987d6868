/* queue.c - the bounded queue that HTTP threads fill and the store's threads empty. */
#include "store_private.h"

#include "relevo/clock.h"

/* A crowd of clients is answered together and comes back together: wait for the rest of it while
 * somebody comes within the patience, which grows where it pays and shrinks where it does not. A
 * crowd that fell into two groups would never come together again within the least patience, so
 * once in a while it is tried with the greatest. */
#define GATHER_US	2000
#define PATIENCE_MIN_US 50
#define PATIENCE_MAX_US 800
#define RETRY_EVERY	16

void queue_init(struct queue *q)
{
	*q = (struct queue){ .patience_us = PATIENCE_MIN_US };
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

size_t queue_size(struct queue *q)
{
	PTOK(pthread_mutex_lock(&q->lock));
	size_t count = q->count;
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

static void learn_patience(struct queue *q, bool paid)
{
	bool least = q->patience_us <= PATIENCE_MIN_US;

	q->patience_us = paid ? q->patience_us * 2 : q->patience_us / 2;
	if (!paid && least && ++q->in_vain % RETRY_EVERY == 0)
		q->patience_us = PATIENCE_MAX_US;
	if (q->patience_us > PATIENCE_MAX_US)
		q->patience_us = PATIENCE_MAX_US;
	if (q->patience_us < PATIENCE_MIN_US)
		q->patience_us = PATIENCE_MIN_US;
}

void queue_gather(struct queue *q, size_t enough)
{
	int64_t until = clock_mono_us() + GATHER_US, quiet = 0;
	size_t before = 0;

	PTOK(pthread_mutex_lock(&q->lock));
	bool waits = q->count > 0 && q->count < enough;
	q->enough = enough;
	while (q->count < enough && q->count > before && !q->closed && quiet < until) {
		quiet = clock_mono_us() + q->patience_us;
		before = q->count;
		while (q->count < enough && !q->closed &&
		       thread_cond_wait_until_us(&q->filled, &q->lock, quiet))
			;
	}
	q->enough = 0;
	if (waits)
		learn_patience(q, q->count >= enough);
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
