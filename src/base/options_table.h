/* options_table.h - the rows of the options table, shared by the files options*.c. */
#ifndef RELEVO_OPTIONS_TABLE_H
#define RELEVO_OPTIONS_TABLE_H

#include "relevo/options.h"

enum option_type {
	OPTION_LISTEN,	 /* struct listen_address */
	OPTION_MYSQL,	 /* struct mysql_url */
	OPTION_REDIS,	 /* struct redis_url */
	OPTION_INSTANCE, /* char *, 1 to 63 visible characters */
	OPTION_DURATION, /* int64_t milliseconds */
	OPTION_SIZE,	 /* int64_t bytes */
	OPTION_COUNT,	 /* int64_t */
	OPTION_THREADS,	 /* unsigned */
	OPTION_WORD,	 /* an enum: the index in `words` */
	OPTION_SWITCH,	 /* bool: the index in `words` */
	OPTION_TOKENS,	 /* struct token_file */
	OPTION_FOLDER,	 /* char *, NULL: none */
	OPTION_ORIGINS,	 /* struct origins */
	OPTION_TYPES
};

#define OPTION_WORDS_MAX    5
#define OPTION_FLAG_SIZE    32
#define OPTION_ROWS	    23
#define OPTION_INSTANCE_MAX 63

struct option_row {
	const char *variable;
	enum option_type type;
	size_t field;	      /* offset in struct options */
	const char *fallback; /* NULL: none, or computed from the machine */
	int64_t min, max;
	const char *words[OPTION_WORDS_MAX]; /* NULL-terminated */
	const char *prose;
};

extern const struct option_row option_rows[OPTION_ROWS];

/* `--sync-interval` from `RELEVO_SYNC_INTERVAL`. */
void option_flag(const struct option_row *row, char out[OPTION_FLAG_SIZE]);
/* The value that `text` stands for, into the row's field; the error says what is wrong with it. */
MUST_CHECK enum err_code option_parse(const struct option_row *row, const char *text, void *field,
				      struct err *e);
/* What a value may look like, bounds included, into `out`. */
void option_accepted(const struct option_row *row, char *out, size_t size);
/* The default in words, also where the machine decides. */
const char *option_default(const struct option_row *row);
/* `1500` is `1500ms`, `60000` is `1m`; `65536` is `64KiB`. */
void option_format_duration(int64_t ms, char *out, size_t size);
void option_format_size(int64_t bytes, char *out, size_t size);

#endif
