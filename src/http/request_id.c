/* request_id.c - the id that ties an answer and the log lines of its request together. */
#include "request_id.h"

#include <stddef.h>
#include <stdint.h>

#include "relevo/digest.h"

bool request_id_fits(const char *id)
{
	size_t len = 0;

	for (; id[len] != '\0'; len++) {
		char c = id[len];

		if (len == REQUEST_ID_MAX || c <= ' ' || c > '~' || c == '"' || c == '\'' ||
		    c == '\\')
			return false;
	}
	return len > 0;
}

/* The finaliser of splitmix64: one to one, so that different counts stay different. */
static uint64_t scramble(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static void put_hex(uint64_t x, char out[16])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < 16; i++)
		out[i] = hex[(x >> (60 - 4 * i)) & 15];
}

/* Of each request that brings none, so it costs a few nanoseconds: random bytes once a thread. */
void request_id_make(char out[REQUEST_ID_SIZE])
{
	static _Thread_local uint64_t thread[2]; /* prefix, count */

	if (thread[0] == 0) {
		digest_random(thread, sizeof(thread));
		thread[0] |= 1;
	}
	put_hex(thread[0], out);
	put_hex(scramble(thread[1]++), out + 16);
	out[REQUEST_ID_SIZE - 1] = '\0';
}
