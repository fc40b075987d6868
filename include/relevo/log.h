/* log.h - log lines to stderr, text or JSON, with a tag that says which room speaks.
 *
 * text: `2026-01-31T12:00:00.123456Z INFO [SYNC] who message`; json: one object a line with
 * time, level, tag, message and further members, in text ` name=value` at the end. One line is one
 * write(2), so lines of threads never mix. Any thread may call; the level may be switched at run
 * time (SIGUSR1).
 */
#ifndef RELEVO_LOG_H
#define RELEVO_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
#define LOG_LEVELS 4

enum log_tag { TAG_MAIN, TAG_HTTP, TAG_MYSQL, TAG_REDIS, TAG_SYNC, TAG_REBUILD, TAG_STORE };

/* Before any thread starts. */
void log_init(enum log_level level, bool json);
/* Switch between the configured level and LOG_DEBUG; returns true if debug is now on. Any thread.
 */
bool log_toggle_debug(void);
bool log_enabled(enum log_level level);
/* One line; control characters in the message are escaped. Cut at 2,000 bytes. */
void log_line(enum log_level level, enum log_tag tag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A further member of a line. */
struct log_field {
	const char *name, *text;
	bool bare; /* a number: no quotes in JSON */
};
/* A line with further members; each is cut at 1,000 bytes. */
void log_fields(enum log_level level, enum log_tag tag, const char *message,
		const struct log_field *fields, size_t count);
/* Lines of this thread carry `request=id` until it is called with NULL; `id` is borrowed. */
void log_request(const char *id);
uint64_t log_written(enum log_level level); /* lines since the start */
const char *log_level_name(enum log_level level);

/* For a line that one fault may bring forth again and again: of lines that differ in digits alone
 * one a minute is written, of others one a second. The next one says how many were left out. */
struct log_limit {
	pthread_mutex_t lock;
	/* shared: hold lock */
	uint64_t wording;
	int64_t passed_ms;
	uint64_t left_out;
};
#define LOG_LIMIT_INIT                            \
	{                                         \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}
/* Pure but for *l. *left_out is set if it passes. */
bool log_limit_passes(struct log_limit *l, const char *text, int64_t now_ms, uint64_t *left_out);
/* `limit` NULL: like log_line. */
void log_line_limited(struct log_limit *limit, enum log_level level, enum log_tag tag,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* One limit for each place in the source. */
#define log_limited(level, tag, ...)                                   \
	do {                                                           \
		static struct log_limit log_limit = LOG_LIMIT_INIT;    \
		log_line_limited(&log_limit, level, tag, __VA_ARGS__); \
	} while (0)

#define log_error(tag, ...) log_line(LOG_ERROR, tag, __VA_ARGS__)
#define log_warn(tag, ...)  log_line(LOG_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...)  log_line(LOG_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...)                                    \
	do {                                                   \
		if (log_enabled(LOG_DEBUG))                    \
			log_line(LOG_DEBUG, tag, __VA_ARGS__); \
	} while (0)

#endif
