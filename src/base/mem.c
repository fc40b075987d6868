/* mem.c - allocation that logs one line and aborts instead of returning NULL. */
#include "relevo/mem.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/log.h"

static void die(size_t count, size_t size) __attribute__((noreturn));

static void die(size_t count, size_t size)
{
	log_error(TAG_MAIN, "out of memory: cannot allocate %zu x %zu bytes", count, size);
	abort();
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		die(1, size);
	return p;
}

void *mem_zero(size_t count, size_t size)
{
	size_t total;
	void *p = NULL;

	if (!__builtin_mul_overflow(count, size, &total))
		p = calloc(1, total ? total : 1);
	if (!p)
		die(count, size);
	return p;
}

void *mem_resize(void *old, size_t count, size_t size)
{
	size_t total;
	void *p = NULL;

	if (!__builtin_mul_overflow(count, size, &total))
		p = realloc(old, total ? total : 1);
	if (!p)
		die(count, size);
	return p;
}

char *mem_copy(const void *bytes, size_t len)
{
	size_t room;
	char *p;

	if (__builtin_add_overflow(len, (size_t)1, &room))
		die(len, 1);
	p = mem_alloc(room);
	if (len)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

char *mem_string(const char *text)
{
	return mem_copy(text, strlen(text));
}

void *mem_check(void *pointer)
{
	if (!pointer) {
		log_error(TAG_MAIN, "out of memory in a library call");
		abort();
	}
	return pointer;
}
