/* literal.c - values as SQL literals, appended to a statement. */
#include <string.h>

#include "relevo/buf.h"
#include "relevo/clock.h"
#include "relevo/db.h"
#include "relevo/opid.h"

/* The first second of 1970 stands for no time at all. */
#define TIMESTAMP_MIN_US INT64_C(1000000)
#define TIMESTAMP_MAX_US INT64_C(2147483647999999) /* 2038-01-19 03:14:07.999999 */

static const char *escape_of(char c)
{
	switch (c) {
	case '\'':
		return "\\'";
	case '\\':
		return "\\\\";
	case '\0':
		return "\\0";
	default:
		return NULL;
	}
}

void sql_put_text(struct buf *out, const char *text, size_t len)
{
	size_t plain = 0;

	if (!text) {
		buf_puts(out, "NULL");
		return;
	}
	buf_putc(out, '\'');
	for (size_t i = 0; i < len; i++) {
		const char *escape = escape_of(text[i]);
		if (!escape)
			continue;
		buf_put(out, text + plain, i - plain);
		buf_puts(out, escape);
		plain = i + 1;
	}
	buf_put(out, text + plain, len - plain);
	buf_putc(out, '\'');
}

void sql_put_bytes(struct buf *out, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *byte = bytes;

	buf_puts(out, "x'");
	for (size_t i = 0; i < len; i++) {
		buf_putc(out, digits[byte[i] >> 4]);
		buf_putc(out, digits[byte[i] & 15]);
	}
	buf_putc(out, '\'');
}

void sql_put_opid(struct buf *out, struct opid id)
{
	sql_put_bytes(out, id.bytes, sizeof(id.bytes));
}

void sql_put_time(struct buf *out, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	if (us < TIMESTAMP_MIN_US)
		us = TIMESTAMP_MIN_US;
	if (us > TIMESTAMP_MAX_US)
		us = TIMESTAMP_MAX_US;
	clock_format(us, text);
	text[10] = ' ';
	buf_putc(out, '\'');
	buf_put(out, text, strlen(text) - 1); /* no Z: the session's time zone is UTC */
	buf_putc(out, '\'');
}
