/* log.h - log lines to stderr, text or JSON, with a tag that says which room speaks.
 *
 * text: `2026-01-31T12:00:00.123456Z INFO [SYNC] who message`; json: one object a line with
 * time, level, tag, message. One line is one write(2), so lines of threads never mix.
 * Any thread may call; the level may be switched at run time (SIGUSR1).
 */
#ifndef RELEVO_LOG_H
#define RELEVO_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

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

#define log_error(tag, ...) log_line(LOG_ERROR, tag, __VA_ARGS__)
#define log_warn(tag, ...)  log_line(LOG_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...)  log_line(LOG_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...)                                    \
	do {                                                   \
		if (log_enabled(LOG_DEBUG))                    \
			log_line(LOG_DEBUG, tag, __VA_ARGS__); \
	} while (0)

#endif
