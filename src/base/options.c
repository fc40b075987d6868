/* options.c - the options table, and loading it from defaults, environment and flags. */
#include "relevo/options.h"

#include <ctype.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options_table.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

#define SECOND	     INT64_C(1000)
#define MINUTE	     (60 * SECOND)
#define HOUR	     (60 * MINUTE)
#define KIB	     INT64_C(1024)
#define MIB	     (1024 * KIB)
#define GIB	     (1024 * MIB)
#define INSTANCE_MAX 63
#define SHOWN_MAX    80
#define FIELD(name)  offsetof(struct options, name)

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
};

static enum err_code fail(struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, "%s", why);
}

void option_flag(const struct option_row *row, char out[OPTION_FLAG_SIZE])
{
	const char *name = row->variable + strlen("RELEVO_");
	size_t len = strlen(name);

	ASSERT(len + 3 <= OPTION_FLAG_SIZE);
	out[0] = out[1] = '-';
	for (size_t i = 0; i <= len; i++)
		out[i + 2] = (char)(name[i] == '_' ? '-' : tolower((unsigned char)name[i]));
}

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", SECOND }, { "m", MINUTE }, { "h", HOUR }, { NULL, 0 }
};
static const struct unit sizes[] = {
	{ "", 1 }, { "KiB", KIB }, { "MiB", MIB }, { "GiB", GIB }, { NULL, 0 }
};
static const struct unit plain[] = { { "", 1 }, { NULL, 0 } };

static void format_units(const struct unit *units, int64_t n, char *out, size_t size)
{
	const struct unit *best = units;

	for (const struct unit *u = units; u->name && n > 0; u++) {
		if (n % u->factor == 0)
			best = u;
	}
	snprintf(out, size, "%lld%s", (long long)(n / best->factor), best->name);
}

void option_format_duration(int64_t ms, char *out, size_t size)
{
	format_units(durations, ms, out, size);
}

void option_format_size(int64_t bytes, char *out, size_t size)
{
	format_units(sizes, bytes, out, size);
}

/* Digits and a unit of `units`, within the row's bounds. */
static enum err_code parse_units(const struct option_row *row, const char *text,
				 const struct unit *units, int64_t *out, struct err *e)
{
	size_t len = strspn(text, "0123456789");
	int64_t n = 0;

	if (len == 0)
		return fail(e, "not a number");
	for (size_t i = 0; i < len; i++) {
		if (__builtin_mul_overflow(n, INT64_C(10), &n) ||
		    __builtin_add_overflow(n, (int64_t)(text[i] - '0'), &n))
			return fail(e, "too large");
	}
	while (units->name && strcmp(units->name, text + len) != 0)
		units++;
	if (!units->name)
		return fail(e, "unit missing or unknown");
	if (__builtin_mul_overflow(n, units->factor, &n) || n > row->max)
		return fail(e, "too large");
	if (n < row->min)
		return fail(e, "too small");
	*out = n;
	return ERR_NONE;
}

typedef enum err_code parse_function(const struct option_row *row, const char *text, void *field,
				     struct err *e);

static enum err_code parse_listen(const struct option_row *row, const char *text, void *field,
				  struct err *e)
{
	(void)row;
	return url_parse_listen(text, field, e);
}

static enum err_code parse_mysql(const struct option_row *row, const char *text, void *field,
				 struct err *e)
{
	(void)row;
	return url_parse_mysql(text, field, e);
}

static enum err_code parse_redis(const struct option_row *row, const char *text, void *field,
				 struct err *e)
{
	(void)row;
	return url_parse_redis(text, field, e);
}

static enum err_code parse_duration(const struct option_row *row, const char *text, void *field,
				    struct err *e)
{
	return parse_units(row, text, durations, field, e);
}

static enum err_code parse_size(const struct option_row *row, const char *text, void *field,
				struct err *e)
{
	return parse_units(row, text, sizes, field, e);
}

static enum err_code parse_count(const struct option_row *row, const char *text, void *field,
				 struct err *e)
{
	return parse_units(row, text, plain, field, e);
}

static unsigned cores(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count < 1 ? 1 : (unsigned)count;
}

static enum err_code parse_threads(const struct option_row *row, const char *text, void *field,
				   struct err *e)
{
	enum err_code code;
	int64_t n = 0;

	if (strcmp(text, "cores") == 0) {
		n = (int64_t)cores();
		n = n > row->max ? row->max : n;
	} else {
		code = parse_units(row, text, plain, &n, e);
		if (code != ERR_NONE)
			return code;
	}
	*(unsigned *)field = (unsigned)n;
	return ERR_NONE;
}

static int find_word(const struct option_row *row, const char *text)
{
	for (int i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], text) == 0)
			return i;
	}
	return -1;
}

static enum err_code parse_word(const struct option_row *row, const char *text, void *field,
				struct err *e)
{
	int index = find_word(row, text);

	if (index < 0)
		return fail(e, "unknown word");
	*(unsigned *)field = (unsigned)index;
	return ERR_NONE;
}

static enum err_code parse_switch(const struct option_row *row, const char *text, void *field,
				  struct err *e)
{
	int index = find_word(row, text);

	if (index < 0)
		return fail(e, "unknown word");
	*(bool *)field = index == 1;
	return ERR_NONE;
}

static bool is_visible(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

static enum err_code parse_instance(const struct option_row *row, const char *text, void *field,
				    struct err *e)
{
	size_t len = strlen(text);

	(void)row;
	if (len < 1 || len > INSTANCE_MAX || !is_visible(text))
		return fail(e, "wrong length or characters");
	*(char **)field = mem_string(text);
	return ERR_NONE;
}

static enum err_code parse_tokens(const struct option_row *row, const char *text, void *field,
				  struct err *e)
{
	(void)row;
	return *text ? token_file_load(text, field, e) : ERR_NONE;
}

static enum err_code parse_folder(const struct option_row *row, const char *text, void *field,
				  struct err *e)
{
	struct stat st;

	(void)row;
	if (!*text)
		return ERR_NONE;
	if (stat(text, &st) < 0 || !S_ISDIR(st.st_mode) || access(text, R_OK | X_OK) < 0)
		return fail(e, "no readable folder");
	*(char **)field = mem_string(text);
	return ERR_NONE;
}

static enum err_code parse_origins(const struct option_row *row, const char *text, void *field,
				   struct err *e)
{
	(void)row;
	return origins_parse(text, field, e);
}

static parse_function *const parsers[OPTION_TYPES] = {
	[OPTION_LISTEN] = parse_listen,	    [OPTION_MYSQL] = parse_mysql,
	[OPTION_REDIS] = parse_redis,	    [OPTION_INSTANCE] = parse_instance,
	[OPTION_DURATION] = parse_duration, [OPTION_SIZE] = parse_size,
	[OPTION_COUNT] = parse_count,	    [OPTION_THREADS] = parse_threads,
	[OPTION_WORD] = parse_word,	    [OPTION_SWITCH] = parse_switch,
	[OPTION_TOKENS] = parse_tokens,	    [OPTION_FOLDER] = parse_folder,
	[OPTION_ORIGINS] = parse_origins,
};

/* How much of HOST:PORT... can be shown: up to a query, or to what stands in a port's place but is
 * no port, for it may be a password whose @host was forgotten. */
static size_t host_part_length(const char *text)
{
	size_t i = 0;

	while (text[i] && text[i] != '?') {
		if (text[i] == '[') {
			i += strcspn(text + i, "]?");
			continue;
		}
		if (text[i++] == ':') {
			size_t digits = strspn(text + i, "0123456789");

			if (!strchr(",/?", text[i + digits]))
				return i;
		}
	}
	return i;
}

/* A value fit for one line of an error: cut, control characters replaced, and of a server's URL
 * only what cannot be a secret, even if the URL is broken. */
static void show_value(const char *text, bool is_url, char out[SHOWN_MAX + 4])
{
	size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz+");
	const char *host = strncmp(text + scheme, "://", 3) == 0 ? text + scheme + 3 : text;
	const char *at = strrchr(host, '@');

	if (is_url) {
		const char *tail = at ? at + 1 : host;
		size_t shown = host_part_length(tail);

		snprintf(out, SHOWN_MAX + 1, "%.*s%s%.*s%s", (int)(host - text), text,
			 at ? "***@" : "", (int)(shown > SHOWN_MAX ? SHOWN_MAX : shown), tail,
			 tail[shown] ? "***" : "");
	} else {
		snprintf(out, SHOWN_MAX + 1, "%s", text);
		if (strlen(text) > SHOWN_MAX)
			strcat(out, "...");
	}
	for (char *c = out; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

static bool is_secret(const struct option_row *row)
{
	return row->type == OPTION_MYSQL || row->type == OPTION_REDIS;
}

static enum err_code set_value(struct options *o, const struct option_row *row, const char *text,
			       struct err *e)
{
	struct err reason = ERR_INIT;
	char shown[SHOWN_MAX + 4], accepted[160];
	void *field = (char *)o + row->field;

	if (parsers[row->type](row, text, field, &reason) == ERR_NONE)
		return ERR_NONE;
	show_value(text, is_secret(row), shown);
	option_accepted(row, accepted, sizeof(accepted));
	return err_set(e, ERR_USAGE, "%s=%s: %s; accepted: %s", row->variable, shown, reason.text,
		       accepted);
}

static const struct option_row *find_flag(const char *arg, size_t len)
{
	char flag[OPTION_FLAG_SIZE];

	for (size_t i = 0; i < OPTION_ROWS; i++) {
		option_flag(&option_rows[i], flag);
		if (strlen(flag) == len && memcmp(flag, arg, len) == 0)
			return &option_rows[i];
	}
	return NULL;
}

static bool find_action(const char *arg, enum options_action *action)
{
	static const struct {
		const char *flag;
		enum options_action action;
	} actions[] = {
		{ "--help", OPTIONS_HELP },	     { "-h", OPTIONS_HELP },
		{ "--version", OPTIONS_VERSION },    { "-V", OPTIONS_VERSION },
		{ "--check-config", OPTIONS_CHECK }, { "--print-config", OPTIONS_PRINT },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(arg, actions[i].flag) == 0) {
			*action = actions[i].action;
			return true;
		}
	}
	return false;
}

/* Where each row's value stands on the command line, without judging it. */
static enum err_code read_flags(int argc, char **argv, const char *values[OPTION_ROWS],
				enum options_action *action, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		size_t len = strcspn(argv[i], "=");
		const struct option_row *row = find_flag(argv[i], len);
		char shown[SHOWN_MAX + 4];

		if (row && argv[i][len] == '=') {
			values[row - option_rows] = argv[i] + len + 1;
		} else if (row && i + 1 < argc) {
			values[row - option_rows] = argv[++i];
		} else if (row) {
			return err_set(e, ERR_USAGE, "%s needs a value", argv[i]);
		} else if (!find_action(argv[i], action)) {
			/* A secret may follow the sign of a misspelt flag, or stand alone. */
			bool flag = argv[i][0] == '-';

			show_value(argv[i], !flag, shown);
			if (flag && len < strlen(shown))
				shown[len] = '\0';
			return err_set(e, ERR_USAGE, "unknown argument %s; accepted: see --help",
				       shown);
		}
	}
	return ERR_NONE;
}

static const char *find_variable(char **env, const char *name)
{
	size_t len = strlen(name);

	for (; env && *env; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	}
	return NULL;
}

static void read_environment(char **env, const char *values[OPTION_ROWS])
{
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const char *value = find_variable(env, option_rows[i].variable);

		if (value)
			values[i] = value;
	}
}

/* The text a row has when nobody sets it; `host` is the host name. */
static const char *fallback(const struct option_row *row, const char *host)
{
	if (row->type == OPTION_INSTANCE)
		return host;
	if (row->type == OPTION_THREADS && !row->fallback)
		return "cores";
	return row->fallback ? row->fallback : "";
}

enum err_code options_load(struct options *o, int argc, char **argv, char **env,
			   enum options_action *action, struct err *e)
{
	const char *values[OPTION_ROWS] = { NULL };
	char host[INSTANCE_MAX + 2] = "";
	struct options loaded = { 0 };
	enum options_action asked = OPTIONS_RUN;
	enum err_code code;

	/* A longer name is cut; that it may then lack its NUL is why one byte stays zero. */
	gethostname(host, INSTANCE_MAX + 1);
	host[INSTANCE_MAX] = '\0';
	read_environment(env, values);
	code = read_flags(argc, argv, values, &asked, e);
	/* Help is given also to those whose configuration is broken. */
	if (code == ERR_NONE && asked != OPTIONS_HELP && asked != OPTIONS_VERSION) {
		for (size_t i = 0; i < OPTION_ROWS && code == ERR_NONE; i++) {
			const struct option_row *row = &option_rows[i];

			code = set_value(&loaded, row, values[i] ? values[i] : fallback(row, host),
					 e);
		}
	}
	if (code != ERR_NONE) {
		options_free(&loaded);
		return code;
	}
	*o = loaded;
	*action = asked;
	return ERR_NONE;
}

void options_free(struct options *o)
{
	if (!o)
		return;
	url_free_listen(&o->listen);
	url_free_mysql(&o->mysql);
	url_free_redis(&o->redis);
	free(o->instance);
	token_file_free(&o->token_file);
	origins_free(&o->cors_origins);
	free(o->static_dir);
	*o = (struct options){ 0 };
}
