/* thread.c - pthread calls that cannot fail unless we have a bug. */
#include "relevo/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

#define NAME_SIZE 16

struct start {
	char name[NAME_SIZE];
	void *(*body)(void *);
	void *arg;
};

void thread_fail(const char *file, int line, const char *what, int error)
{
	if (error)
		log_error(TAG_MAIN, "%s:%d: %s failed: error %d", file, line, what, error);
	else
		log_error(TAG_MAIN, "%s:%d: assertion failed: %s", file, line, what);
	abort();
}

void thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	PTOK(pthread_condattr_init(&attr));
	PTOK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	PTOK(pthread_cond_init(cond, &attr));
	PTOK(pthread_condattr_destroy(&attr));
}

bool thread_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms)
{
	return thread_cond_wait_until_us(cond, lock, deadline_ms * 1000);
}

bool thread_cond_wait_until_us(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_us)
{
	struct timespec until = { 0 };
	int error;

	if (deadline_us > 0) {
		until.tv_sec = (time_t)(deadline_us / 1000000);
		until.tv_nsec = (long)(deadline_us % 1000000) * 1000;
	}
	error = pthread_cond_timedwait(cond, lock, &until);
	if (error == ETIMEDOUT)
		return false;
	PTOK(error);
	return true;
}

/* The thread names itself: from outside, a short-lived one might be gone already. */
static void *run(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	PTOK(pthread_setname_np(pthread_self(), start.name));
	return start.body(start.arg);
}

pthread_t thread_start(const char *name, void *(*body)(void *), void *arg)
{
	struct start *start = mem_zero(1, sizeof(*start));
	sigset_t all, before;
	pthread_t thread;

	ASSERT(strlen(name) < NAME_SIZE);
	memcpy(start->name, name, strlen(name));
	start->body = body;
	start->arg = arg;
	sigfillset(&all);
	PTOK(pthread_sigmask(SIG_SETMASK, &all, &before));
	PTOK(pthread_create(&thread, NULL, run, start));
	PTOK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return thread;
}

void thread_pause(pthread_mutex_t *lock, pthread_cond_t *cond, int64_t ms)
{
	PTOK(pthread_mutex_lock(lock));
	(void)thread_cond_wait_until(cond, lock, clock_mono_ms() + ms);
	PTOK(pthread_mutex_unlock(lock));
}
