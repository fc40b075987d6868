/* buf.h - a growing byte buffer with a maximum.
 *
 * Owned by one thread at a time. Zero-initialised (`struct buf b = {0}`) is empty and valid, with
 * the default maximum. Going over the maximum is a bug of the caller's bounds and aborts. `bytes`
 * is NUL-terminated whenever it is not NULL.
 */
#ifndef RELEVO_BUF_H
#define RELEVO_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define BUF_DEFAULT_MAX ((size_t)1 << 30)

struct buf {
	char *bytes;
	size_t len, room, max;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);  /* frees and zeroes */
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_i64(struct buf *b, int64_t n); /* decimal, no printf */
void buf_put_u64(struct buf *b, uint64_t n);
/* A JSON string literal with its quotes: only `"`, `\` and control characters below 0x20 are
 * escaped (RFC 8259 section 7), short forms \b \f \n \r \t where they exist, lower-case \u00xx
 * else. */
void buf_put_json(struct buf *b, const char *text, size_t len);
/* The bytes, whose ownership passes to the caller; the buffer is empty afterwards. */
char *buf_take(struct buf *b, size_t *len);

#endif
