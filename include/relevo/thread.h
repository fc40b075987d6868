/* thread.h - pthread calls that cannot fail unless we have a bug, and asserts that stay on. */
#ifndef RELEVO_THREAD_H
#define RELEVO_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Abort with file, line and text: for our own bugs only, never for the world's errors. */
void thread_fail(const char *file, int line, const char *what, int error) __attribute__((noreturn));

#define PTOK(call)                                                          \
	do {                                                                \
		int ptok_error = (call);                                    \
		if (ptok_error != 0)                                        \
			thread_fail(__FILE__, __LINE__, #call, ptok_error); \
	} while (0)
#define ASSERT(condition)                                               \
	do {                                                            \
		if (!(condition))                                       \
			thread_fail(__FILE__, __LINE__, #condition, 0); \
	} while (0)

/* A condition variable on CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *cond);
/* Wait until signalled or until clock_mono_ms() reaches `deadline_ms`; false on time-out. */
bool thread_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms);
/* The same by clock_mono_us(). */
bool thread_cond_wait_until_us(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_us);
/* Wait up to `ms`, or until the condition is signalled: a pause that a stop cuts short. */
void thread_pause(pthread_mutex_t *lock, pthread_cond_t *cond, int64_t ms);
/* Start a thread named `name` (15 characters at most) with all signals blocked. */
pthread_t thread_start(const char *name, void *(*body)(void *), void *arg);

#endif
