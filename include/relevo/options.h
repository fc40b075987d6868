/* options.h - the configuration: one table drives environment, flags, help, check and manual.
 *
 * Each option is a row of the table in src/base/options_table.c: variable name, flag, type,
 * default, bounds, prose. Read once at start by the main thread; read-only afterwards, any thread.
 */
#ifndef RELEVO_OPTIONS_H
#define RELEVO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "relevo/err.h"
#include "relevo/log.h"
#include "relevo/origins.h"
#include "relevo/tokens.h"
#include "relevo/url.h"

enum read_from { READ_FROM_CACHE, READ_FROM_MYSQL };
enum conflict_policy { CONFLICT_LAST_WRITE_WINS, CONFLICT_MYSQL_WINS, CONFLICT_QUEUE_WINS };

struct options {
	struct listen_address listen;
	struct mysql_url mysql;
	struct redis_url redis;
	char *instance;
	int64_t sync_interval_ms, probe_interval_ms;
	int64_t mysql_timeout_ms, redis_timeout_ms;
	unsigned http_threads, writers;
	enum read_from read_from;
	int64_t publish_budget; /* bytes per second */
	int64_t max_pending, max_body;
	enum conflict_policy conflict;
	bool require_durable;
	int64_t stop_delay_ms;
	struct token_file token_file;
	struct origins cors_origins;
	char *static_dir; /* NULL: none */
	enum log_level log_level;
	bool log_json, access_log;
};

enum options_action {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_CHECK,
	OPTIONS_PRINT,
	OPTIONS_MANUAL,
};

/* Defaults, then environment, then flags (`--sync-interval 5s` or `--sync-interval=5s`; booleans
 * `--require-durable on`). On a bad value: ERR_USAGE and one line naming variable, value and what
 * is accepted. Secrets never appear in the text. `env` is environ-like. */
MUST_CHECK enum err_code options_load(struct options *o, int argc, char **argv, char **env,
				      enum options_action *action, struct err *e);
void options_free(struct options *o);
void options_print_help(FILE *out);
/* `RELEVO_X=value` lines with passwords as `***`. */
void options_print(const struct options *o, FILE *out);
/* The manual page, relevod(8). */
void options_print_manual(FILE *out);

#endif
