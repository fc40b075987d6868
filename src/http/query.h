/* query.h - query parameters: splitting, decoding, and those of the lists. Pure, any thread. */
#ifndef RELEVO_HTTP_QUERY_H
#define RELEVO_HTTP_QUERY_H

#include "relevo/err.h"
#include "relevo/mirror.h"

#define QUERY_MAX 32

struct query_pair {
	const char *name, *value; /* decoded, NUL-terminated, inside `store` */
	size_t value_len;
};

struct query {
	struct query_pair at[QUERY_MAX];
	size_t count;
	char *store; /* owned */
};

/* Decode %XX in place (and `+` if `plus`); returns the new length, or -1 for a broken escape or one
 * that stands for NUL. */
long percent_decode(char *text, size_t len, bool plus);

/* `raw` is what stands behind the question mark. ERR_MALFORMED: broken escapes, invalid UTF-8, NUL,
 * a name given twice, too many. */
MUST_CHECK enum err_code query_parse(const char *raw, struct query *out, struct err *e);
void query_free(struct query *q);

/* Parameters of GET /items: limit, after, q and the column table's filters; free with
 * list_query_free. ERR_MALFORMED: unknown or bad parameter. */
MUST_CHECK enum err_code query_list(const struct query *q, struct list_query *out, struct err *e);

/* Parameters of GET /operations: limit and after. */
struct operation_query {
	unsigned limit;
	bool has_after;
	struct operation_cursor after;
};
MUST_CHECK enum err_code query_operations(const struct query *q, struct operation_query *out,
					  struct err *e);

#endif
