/* log.c - log lines to stderr: built on the stack, written with one write(2). */
#include "relevo/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relevo/clock.h"

/* All of a line stays below PIPE_BUF, so that a pipe takes it in one piece. */
#define MESSAGE_MAX 2000
#define FIELD_MAX   1000
#define LINE_SIZE   4096

static const char *const level_names[] = { "ERROR", "WARN", "INFO", "DEBUG" };
static const char *const tag_names[] = { "MAIN", "HTTP",    "MYSQL", "REDIS",
					 "SYNC", "REBUILD", "STORE" };

static enum log_level configured = LOG_INFO;
static bool as_json;
static atomic_int current = LOG_INFO;
static atomic_uint_fast64_t written[LOG_LEVELS];
static _Thread_local const char *request; /* that the thread works on */

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

void log_request(const char *id)
{
	request = id;
}

uint64_t log_written(enum log_level level)
{
	return atomic_load_explicit(&written[level], memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
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

/* Always shorter than LINE_SIZE: what is left of it limits each piece. */
struct line {
	char text[LINE_SIZE];
	size_t len;
};

static void put(struct line *l, const char *text)
{
	size_t len = strlen(text), room = LINE_SIZE - l->len;

	len = len < room ? len : room;
	memcpy(l->text + l->len, text, len);
	l->len += len;
}

/* Escaped, and cut between characters so that it keeps its bound. `word`: in text, blanks would end
 * it. */
static void put_escaped(struct line *l, const char *text, size_t max, bool word)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t end = l->len + max;

	while (*s) {
		char piece[12];
		size_t took = spell(s, piece);

		if (word && !as_json && *s == ' ')
			strcpy(piece, "\\x20");
		if (l->len + strlen(piece) > end)
			break;
		put(l, piece);
		s += took;
	}
}

static void put_field(struct line *l, const struct log_field *f)
{
	const char *quote = as_json && !f->bare ? "\"" : "";

	put(l, as_json ? ",\"" : " ");
	put(l, f->name);
	put(l, as_json ? "\":" : "=");
	put(l, quote);
	put_escaped(l, f->text, FIELD_MAX, true);
	put(l, quote);
}

static void put_head(struct line *l, enum log_level level, enum log_tag tag)
{
	char when[CLOCK_TEXT_SIZE];

	clock_format(clock_wall_us(), when);
	put(l, as_json ? "{\"time\":\"" : "");
	put(l, when);
	put(l, as_json ? "\",\"level\":\"" : " ");
	put(l, level_names[level]);
	put(l, as_json ? "\",\"tag\":\"" : " [");
	put(l, tag_names[tag]);
	put(l, as_json ? "\",\"message\":\"" : "] ");
}

static void emit(enum log_level level, enum log_tag tag, const char *message,
		 const struct log_field *fields, size_t count)
{
	struct line l = { .len = 0 };

	put_head(&l, level, tag);
	put_escaped(&l, message, MESSAGE_MAX, false);
	put(&l, as_json ? "\"" : "");
	for (size_t i = 0; i < count; i++)
		put_field(&l, &fields[i]);
	if (request != NULL)
		put_field(&l, &(struct log_field){ "request", request, false });
	put(&l, as_json ? "}\n" : "\n");
	atomic_fetch_add_explicit(&written[level], 1, memory_order_relaxed);
	while (write(STDERR_FILENO, l.text, l.len) < 0 && errno == EINTR)
		;
}

static void log_text(struct log_limit *limit, enum log_level level, enum log_tag tag,
		     const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void log_text(struct log_limit *limit, enum log_level level, enum log_tag tag,
		     const char *format, va_list args)
{
	char message[MESSAGE_MAX + 4], count[24];
	uint64_t left_out = 0;
	int saved_errno = errno;

	if (!log_enabled(level))
		return;
	if (vsnprintf(message, sizeof(message), format, args) < 0)
		message[0] = '\0';
	if (limit == NULL || log_limit_passes(limit, message, clock_mono_ms(), &left_out)) {
		snprintf(count, sizeof(count), "%llu", (unsigned long long)left_out);
		emit(level, tag, message, &(struct log_field){ "left_out", count, true },
		     left_out > 0);
	}
	errno = saved_errno;
}

void log_line(enum log_level level, enum log_tag tag, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_text(NULL, level, tag, format, args);
	va_end(args);
}

void log_fields(enum log_level level, enum log_tag tag, const char *message,
		const struct log_field *fields, size_t count)
{
	int saved_errno = errno;

	if (!log_enabled(level))
		return;
	emit(level, tag, message, fields, count);
	errno = saved_errno;
}

void log_line_limited(struct log_limit *limit, enum log_level level, enum log_tag tag,
		      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_text(limit, level, tag, format, args);
	va_end(args);
}
