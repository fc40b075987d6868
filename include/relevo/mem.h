/* mem.h - allocation that never returns NULL.
 *
 * relevo is crash-only towards memory: every unbounded input has a bound of its own (body, list
 * page, batch, pending limit), so running out of memory means the machine is out of memory. The
 * process then logs one line and aborts; the promises of the daemon hold across a crash at any
 * instant, and a half-working process would be worse than a restarted one.
 *
 * All functions may be called from any thread. Free with free().
 */
#ifndef RELEVO_MEM_H
#define RELEVO_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *mem_zero(size_t count, size_t size)
	__attribute__((malloc, returns_nonnull, warn_unused_result));
/* Grow or shrink; `old` may be NULL and is invalid afterwards. count * size must not overflow. */
void *mem_resize(void *old, size_t count, size_t size)
	__attribute__((returns_nonnull, warn_unused_result));
/* A new NUL-terminated copy of `len` bytes at `bytes`. */
char *mem_copy(const void *bytes, size_t len)
	__attribute__((malloc, returns_nonnull, warn_unused_result));
char *mem_string(const char *text) __attribute__((malloc, returns_nonnull, warn_unused_result));
/* Abort with one log line if `pointer` is NULL; else return it. For library results (jansson). */
void *mem_check(void *pointer) __attribute__((returns_nonnull));

#endif
