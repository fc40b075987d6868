/* buf.c - the growing byte buffer with a maximum. */
#include "relevo/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"
#include "relevo/thread.h"

#define FIRST_ROOM 64

static size_t limit(const struct buf *b)
{
	return b->max ? b->max : BUF_DEFAULT_MAX;
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->bytes);
	*b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->bytes)
		b->bytes[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t max = limit(b), need, room;

	ASSERT(max < SIZE_MAX && b->len <= max && more <= max - b->len);
	need = b->len + more + 1;
	if (need <= b->room)
		return;
	room = b->room > SIZE_MAX / 2 ? SIZE_MAX : b->room * 2;
	if (room < FIRST_ROOM)
		room = FIRST_ROOM;
	if (room > max + 1)
		room = max + 1;
	if (room < need)
		room = need;
	b->bytes = mem_resize(b->bytes, room, 1);
	b->bytes[b->len] = '\0';
	b->room = room;
}

void buf_put(struct buf *b, const void *bytes, size_t len)
{
	buf_reserve(b, len);
	if (len)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	b->bytes[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	size_t room;
	int len;

	buf_reserve(b, 0);
	room = b->room - b->len;
	va_start(args, format);
	len = vsnprintf(b->bytes + b->len, room, format, args);
	va_end(args);
	ASSERT(len >= 0);
	if ((size_t)len >= room) {
		buf_reserve(b, (size_t)len);
		va_start(args, format);
		len = vsnprintf(b->bytes + b->len, (size_t)len + 1, format, args);
		va_end(args);
		ASSERT(len >= 0);
	}
	b->len += (size_t)len;
}

static void put_decimal(struct buf *b, bool negative, uint64_t n)
{
	char digits[21];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	if (negative)
		digits[--at] = '-';
	buf_put(b, digits + at, sizeof(digits) - at);
}

void buf_put_i64(struct buf *b, int64_t n)
{
	put_decimal(b, n < 0, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void buf_put_u64(struct buf *b, uint64_t n)
{
	put_decimal(b, false, n);
}

static void put_escape(struct buf *b, unsigned char c)
{
	static const char shorts[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};
	static const char hex[] = "0123456789abcdef";
	char out[6] = { '\\', (char)c, '0', '0', 0, 0 };
	size_t len = 2;

	if (c < 0x20 && shorts[c]) {
		out[1] = shorts[c];
	} else if (c < 0x20) {
		out[1] = 'u';
		out[4] = hex[c >> 4];
		out[5] = hex[c & 15];
		len = 6;
	}
	/* out[2] and out[3] are the leading zeros of the \u00xx form. */
	buf_put(b, out, len);
}

void buf_put_json(struct buf *b, const char *text, size_t len)
{
	size_t from = 0;

	buf_reserve(b, 2);
	buf_putc(b, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(b, text + from, i - from);
		put_escape(b, c);
		from = i + 1;
	}
	if (len > from)
		buf_put(b, text + from, len - from);
	buf_putc(b, '"');
}

char *buf_take(struct buf *b, size_t *len)
{
	char *bytes;

	buf_reserve(b, 0);
	bytes = b->bytes;
	if (len)
		*len = b->len;
	*b = (struct buf){ .max = b->max };
	return bytes;
}
