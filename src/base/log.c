/* log.c - log lines to stderr: built on the stack, written with one write(2). */
#include "relevo/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relevo/clock.h"

#define MESSAGE_MAX 2000

static const char *const level_names[] = { "ERROR", "WARN", "INFO", "DEBUG" };
static const char *const tag_names[] = { "MAIN", "HTTP",    "MYSQL", "REDIS",
					 "SYNC", "REBUILD", "STORE" };

static enum log_level configured = LOG_INFO;
static bool as_json;
static atomic_int current = LOG_INFO;

void log_init(enum log_level level, bool json)
{
	configured = level;
	as_json = json;
	atomic_store(&current, (int)level);
}

bool log_toggle_debug(void)
{
	int was = atomic_load(&current), now;

	do
		now = was == LOG_DEBUG ? (int)configured : LOG_DEBUG;
	while (!atomic_compare_exchange_weak(&current, &was, now));
	return now == LOG_DEBUG;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current, memory_order_relaxed);
}

/* Bytes of the well-formed UTF-8 character at `s`, 0 if there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
	size_t need = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;

	if (s[0] > 0xF4)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
	    (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return need;
}

/* Spell the character at `s` safely into `out`; returns how many bytes of `s` it took. */
static size_t spell(const unsigned char *s, char out[12])
{
	size_t len = utf8_length(s);

	if (len == 0) {
		snprintf(out, 12, as_json ? "\\ufffd" : "\\x%02x", s[0]);
		return 1;
	}
	if (len == 2 && s[0] == 0xC2 && s[1] < 0xA0)
		snprintf(out, 12, "\\u%04x", s[1]);
	else if (s[0] == '\n')
		strcpy(out, "\\n");
	else if (s[0] < 0x20 || s[0] == 0x7F)
		snprintf(out, 12, as_json ? "\\u%04x" : "\\x%02x", s[0]);
	else if (as_json && (s[0] == '"' || s[0] == '\\'))
		snprintf(out, 12, "\\%c", s[0]);
	else {
		memcpy(out, s, len);
		out[len] = '\0';
	}
	return len;
}

/* Escape `message` into `out`, cut between characters so that the line keeps its bound. */
static void escape(const char *message, char out[MESSAGE_MAX + 1])
{
	const unsigned char *s = (const unsigned char *)message;
	size_t len = 0;

	while (*s) {
		char piece[12];
		size_t took = spell(s, piece), add = strlen(piece);

		if (len + add > MESSAGE_MAX)
			break;
		memcpy(out + len, piece, add);
		len += add;
		s += took;
	}
	out[len] = '\0';
}

void log_line(enum log_level level, enum log_tag tag, const char *format, ...)
{
	char raw[MESSAGE_MAX + 4], message[MESSAGE_MAX + 1], line[MESSAGE_MAX + 128];
	char when[CLOCK_TEXT_SIZE];
	int saved_errno = errno, len;
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	va_end(args);
	escape(raw, message);
	clock_format(clock_wall_us(), when);
	if (as_json)
		len = snprintf(line, sizeof(line),
			       "{\"time\":\"%s\",\"level\":\"%s\",\"tag\":\"%s\","
			       "\"message\":\"%s\"}\n",
			       when, level_names[level], tag_names[tag], message);
	else
		len = snprintf(line, sizeof(line), "%s %s [%s] %s\n", when, level_names[level],
			       tag_names[tag], message);
	while (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}
