/* watchdog.c - the thread that shuts the sockets of MySQL calls that are over their deadline. */
#include "watchdog.h"

#include <stddef.h>
#include <sys/socket.h>

#include "relevo/clock.h"
#include "relevo/thread.h"

#define IDLE_MS 3600000

static struct {
	pthread_t thread;
	pthread_cond_t wake;
	/* shared: hold lock */
	pthread_mutex_t lock;
	struct watch *first;
	int64_t sleeps_until_ms;
	bool running, stopping;
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Shuts what is over its deadline; returns when to look again. Call with the lock held. */
static int64_t bite(int64_t now_ms)
{
	int64_t next = now_ms + IDLE_MS;

	for (struct watch *w = dog.first; w; w = w->next) {
		if (w->fired)
			continue;
		if (w->deadline_ms <= now_ms) {
			w->fired = true;
			(void)shutdown(w->fd, SHUT_RDWR);
		} else if (w->deadline_ms < next) {
			next = w->deadline_ms;
		}
	}
	return next;
}

static void *watch_loop(void *arg)
{
	(void)arg;
	PTOK(pthread_mutex_lock(&dog.lock));
	while (!dog.stopping) {
		dog.sleeps_until_ms = bite(clock_mono_ms());
		(void)thread_cond_wait_until(&dog.wake, &dog.lock, dog.sleeps_until_ms);
	}
	PTOK(pthread_mutex_unlock(&dog.lock));
	return NULL;
}

void watchdog_start(void)
{
	ASSERT(!dog.running);
	thread_cond_init(&dog.wake);
	dog.stopping = false;
	dog.sleeps_until_ms = 0;
	dog.running = true;
	dog.thread = thread_start("mysql-watchdog", watch_loop, NULL);
}

void watchdog_stop(void)
{
	if (!dog.running)
		return;
	PTOK(pthread_mutex_lock(&dog.lock));
	dog.stopping = true;
	PTOK(pthread_cond_signal(&dog.wake));
	PTOK(pthread_mutex_unlock(&dog.lock));
	PTOK(pthread_join(dog.thread, NULL));
	PTOK(pthread_cond_destroy(&dog.wake));
	dog.running = false;
}

void watchdog_arm(struct watch *w, int fd, int64_t deadline_ms)
{
	PTOK(pthread_mutex_lock(&dog.lock));
	ASSERT(dog.running && !w->armed);
	*w = (struct watch){
		.next = dog.first, .fd = fd, .deadline_ms = deadline_ms, .armed = true
	};
	if (dog.first)
		dog.first->prev = w;
	dog.first = w;
	/* Most calls end long before the thread's next look; only an earlier deadline wakes it. */
	if (deadline_ms < dog.sleeps_until_ms) {
		dog.sleeps_until_ms = deadline_ms;
		PTOK(pthread_cond_signal(&dog.wake));
	}
	PTOK(pthread_mutex_unlock(&dog.lock));
}

void watchdog_renew(struct watch *w, int64_t deadline_ms)
{
	PTOK(pthread_mutex_lock(&dog.lock));
	ASSERT(w->armed);
	w->deadline_ms = deadline_ms;
	PTOK(pthread_mutex_unlock(&dog.lock));
}

bool watchdog_disarm(struct watch *w)
{
	bool fired;

	PTOK(pthread_mutex_lock(&dog.lock));
	ASSERT(w->armed);
	if (w->prev)
		w->prev->next = w->next;
	else
		dog.first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	fired = w->fired;
	*w = (struct watch){ .fd = -1 };
	PTOK(pthread_mutex_unlock(&dog.lock));
	return fired;
}
