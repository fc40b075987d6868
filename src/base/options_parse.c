/* options_parse.c - the value of an option from its text, by the row's type and bounds. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options_table.h"
#include "relevo/mem.h"

static enum err_code fail(struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, "%s", why);
}

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 }
};
static const struct unit sizes[] = {
	{ "", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 }
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
	if (len < 1 || len > OPTION_INSTANCE_MAX || !is_visible(text))
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

enum err_code option_parse(const struct option_row *row, const char *text, void *field,
			   struct err *e)
{
	return parsers[row->type](row, text, field, e);
}
