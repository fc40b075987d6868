/* options_table.c - the one table of options: variable, flag, type, default, bounds, prose. */
#include "options_table.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "relevo/thread.h"

#define SECOND	    INT64_C(1000)
#define MINUTE	    (60 * SECOND)
#define HOUR	    (60 * MINUTE)
#define KIB	    INT64_C(1024)
#define MIB	    (1024 * KIB)
#define GIB	    (1024 * MIB)
#define FIELD(name) offsetof(struct options, name)

const struct option_row option_rows[OPTION_ROWS] = {
	{ "RELEVO_LISTEN", OPTION_LISTEN, FIELD(listen), "0.0.0.0:8000",
	  .prose = "Address and port of the HTTP API; [::]:8000 serves IPv6 and IPv4. Port 0 takes "
		   "any free one." },
	{ "RELEVO_MYSQL_URL", OPTION_MYSQL, FIELD(mysql),
	  "mysql://relevo:relevo@127.0.0.1:3306/relevo",
	  .prose = "The MySQL server, percent-encoded. Several hosts h1:3306,h2:3306 are tried in "
		   "order, a read-only one is skipped. Parameters: ca=PATH, socket=PATH, "
		   "tls=off|preferred|required|verify (default off; verify if ca is given)." },
	{ "RELEVO_REDIS_URL", OPTION_REDIS, FIELD(redis), "redis://127.0.0.1:6379/0",
	  .prose = "The Redis server: redis://user:pass@host:port/db, unix:///path?db=N, or "
		   "redis+sentinel://:pass@s1:26379,s2:26379/mymaster/0." },
	{ "RELEVO_INSTANCE", OPTION_INSTANCE, FIELD(instance), NULL,
	  .prose = "Name of this instance in heartbeats and counters. Two instances must not share "
		   "one." },
	{ "RELEVO_SYNC_INTERVAL", OPTION_DURATION, FIELD(sync_interval_ms), "30s", 500, HOUR,
	  .prose = "Period of the sync loop, which compares the cache with MySQL and repairs it." },
	{ "RELEVO_PROBE_INTERVAL", OPTION_DURATION, FIELD(probe_interval_ms), "1s", 100, MINUTE,
	  .prose = "How often each server is probed; a recovery wakes the sync loop at once." },
	{ "RELEVO_MYSQL_TIMEOUT", OPTION_DURATION, FIELD(mysql_timeout_ms), "1s", 50, MINUTE,
	  .prose = "Limit of connecting, reading and writing to MySQL, each." },
	{ "RELEVO_REDIS_TIMEOUT", OPTION_DURATION, FIELD(redis_timeout_ms), "500ms", 50, MINUTE,
	  .prose = "Limit of connecting, reading and writing to Redis, each." },
	{ "RELEVO_HTTP_THREADS", OPTION_THREADS, FIELD(http_threads), NULL, 1, 64,
	  .prose = "Threads that serve HTTP." },
	{ "RELEVO_WRITERS", OPTION_THREADS, FIELD(writers), "2", 1, 64,
	  .prose = "Write lanes, each with its own MySQL connection." },
	{ "RELEVO_READ_FROM", OPTION_WORD, FIELD(read_from), "cache", .words = { "cache", "mysql" },
	  .prose = "Where GET reads while MySQL is up." },
	{ "RELEVO_PUBLISH_BUDGET", OPTION_SIZE, FIELD(publish_budget), "16MiB", KIB, 64 * GIB,
	  .prose = "Bytes of items:cache published per second before writes stop waiting for it." },
	{ "RELEVO_MAX_PENDING", OPTION_COUNT, FIELD(max_pending), "1000000", 0, 100000000,
	  .prose = "Pending operations beyond which writes get 503; 0 refuses every write of an "
		   "outage." },
	{ "RELEVO_MAX_BODY", OPTION_SIZE, FIELD(max_body), "64KiB", 256, 16 * MIB,
	  .prose = "Largest request body; beyond it the answer is 413." },
	{ "RELEVO_CONFLICT", OPTION_WORD, FIELD(conflict), "last-write-wins",
	  .words = { "last-write-wins", "mysql-wins", "queue-wins" },
	  .prose = "Who wins when a pending operation meets a row that changed in MySQL meanwhile. "
		   "The loser is kept in /sync/dead." },
	{ "RELEVO_REQUIRE_DURABLE", OPTION_SWITCH, FIELD(require_durable), "off",
	  .words = { "off", "on" },
	  .prose = "Refuse outage writes with 503 unless Redis runs with AOF and noeviction." },
	{ "RELEVO_STOP_DELAY", OPTION_DURATION, FIELD(stop_delay_ms), "500ms", 0, MINUTE,
	  .prose = "How long /health says 503 stopping, with everything still served, before the "
		   "listener closes: long enough for the load balancer's health check to notice. A "
		   "second signal ends it." },
	{ "RELEVO_TOKEN_FILE", OPTION_TOKENS, FIELD(token_file), NULL,
	  .prose = "File of token:role lines, role read, write or admin; SIGHUP reads it again. "
		   "None leaves the API open to whoever reaches its port." },
	{ "RELEVO_CORS_ORIGINS", OPTION_ORIGINS, FIELD(cors_origins), NULL,
	  .prose = "Origins whose pages may call the API, separated by commas, or * for all." },
	{ "RELEVO_STATIC_DIR", OPTION_FOLDER, FIELD(static_dir), NULL,
	  .prose = "Folder of the built dashboard, served at /." },
	{ "RELEVO_LOG_LEVEL", OPTION_WORD, FIELD(log_level), "info",
	  .words = { "error", "warn", "info", "debug" },
	  .prose = "Least severe lines that are logged; SIGUSR1 switches debug on and off." },
	{ "RELEVO_LOG_FORMAT", OPTION_SWITCH, FIELD(log_json), "text", .words = { "text", "json" },
	  .prose = "Form of the log lines, which go to stderr." },
	{ "RELEVO_ACCESS_LOG", OPTION_SWITCH, FIELD(access_log), "off", .words = { "off", "on" },
	  .prose = "One line at level info for each request: source address, method, path, status, "
		   "bytes sent, seconds, request id." },
};

void option_flag(const struct option_row *row, char out[OPTION_FLAG_SIZE])
{
	const char *name = row->variable + strlen("RELEVO_");
	size_t len = strlen(name);

	ASSERT(len + 3 <= OPTION_FLAG_SIZE);
	out[0] = out[1] = '-';
	for (size_t i = 0; i <= len; i++)
		out[i + 2] = (char)(name[i] == '_' ? '-' : tolower((unsigned char)name[i]));
}
