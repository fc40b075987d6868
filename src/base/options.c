/* options.c - loading the options: defaults, environment, flags. */
#include "relevo/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options_table.h"

#define SHOWN_MAX   80
#define PORT_DIGITS 5

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

			if (digits > PORT_DIGITS || !strchr(",/?", text[i + digits]))
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

	if (option_parse(row, text, field, &reason) == ERR_NONE)
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
		{ "--man", OPTIONS_MANUAL },
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

static bool needs_values(enum options_action action)
{
	return action == OPTIONS_RUN || action == OPTIONS_CHECK || action == OPTIONS_PRINT;
}

enum err_code options_load(struct options *o, int argc, char **argv, char **env,
			   enum options_action *action, struct err *e)
{
	const char *values[OPTION_ROWS] = { NULL };
	char host[OPTION_INSTANCE_MAX + 2] = "";
	struct options loaded = { 0 };
	enum options_action asked = OPTIONS_RUN;
	enum err_code code;

	/* A longer name is cut; that it may then lack its NUL is why one byte stays zero. */
	gethostname(host, OPTION_INSTANCE_MAX + 1);
	host[OPTION_INSTANCE_MAX] = '\0';
	read_environment(env, values);
	code = read_flags(argc, argv, values, &asked, e);
	/* Help is given also to those whose configuration is broken. */
	if (code == ERR_NONE && needs_values(asked)) {
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
