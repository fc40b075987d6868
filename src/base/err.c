/* err.c - the error value: the first one wins. */
#include "relevo/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[ERR_NONE] = "none",
	[ERR_USAGE] = "usage",
	[ERR_MALFORMED] = "malformed",
	[ERR_INVALID] = "invalid",
	[ERR_NOT_FOUND] = "not-found",
	[ERR_PRECONDITION] = "precondition",
	[ERR_KEY_REUSED] = "key-reused",
	[ERR_KEY_BUSY] = "key-busy",
	[ERR_DEAD_LETTER] = "dead-letter",
	[ERR_LETTER_TAKEN] = "letter-taken",
	[ERR_BUSY] = "busy",
	[ERR_FULL] = "full",
	[ERR_BOTH_DOWN] = "both-down",
	[ERR_NOT_DURABLE] = "not-durable",
	[ERR_STOPPING] = "stopping",
	[ERR_DOWN] = "down",
	[ERR_UNCERTAIN] = "uncertain",
	[ERR_REFUSED] = "refused",
	[ERR_LOCKED] = "locked",
	[ERR_DUPLICATE] = "duplicate",
	[ERR_EPOCH] = "epoch",
	[ERR_STALE] = "stale",
	[ERR_LEASE_LOST] = "lease-lost",
	[ERR_INTERNAL] = "internal",
};

/* A cut in the middle of a UTF-8 character would make the text unfit for a JSON answer. */
static void drop_partial_character(char *text)
{
	size_t end = strlen(text), start = end;
	unsigned char lead;
	size_t need;

	while (start > 0 && end - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return;
	lead = (unsigned char)text[--start];
	need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	if (end - start < need)
		text[start] = '\0';
}

enum err_code err_set(struct err *e, enum err_code code, const char *format, ...)
{
	va_list args;
	int len;

	if (!e)
		return code;
	if (e->code != ERR_NONE)
		return e->code;
	e->code = code;
	va_start(args, format);
	len = vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	if (len < 0)
		e->text[0] = '\0';
	else if ((size_t)len >= sizeof(e->text))
		drop_partial_character(e->text);
	return code;
}

void err_clear(struct err *e)
{
	if (!e)
		return;
	e->code = ERR_NONE;
	e->text[0] = '\0';
}

const char *err_name(enum err_code code)
{
	size_t index = (size_t)code;

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : "unknown";
}
