/* query.c - query parameters: splitting, decoding, and those of the lists. */
#include "query.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/columns.h"
#include "relevo/mem.h"

#define LIMIT_MAX	 1000
#define OPERATIONS_LIMIT 100
#define NAME_SHOWN	 64 /* bytes of a parameter's name in an error */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

long percent_decode(char *text, size_t len, bool plus)
{
	char *to = text;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
			if (low < 0 || (high == 0 && low == 0))
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		*to++ = c;
	}
	return to - text;
}

static enum err_code decode(char *text, size_t *len, struct err *e)
{
	long decoded = percent_decode(text, *len, true);

	if (decoded < 0)
		return err_set(e, ERR_MALFORMED, "broken percent escape in the query");
	if (utf8_length(text, (size_t)decoded) < 0)
		return err_set(e, ERR_MALFORMED, "the query is not UTF-8");
	text[decoded] = '\0';
	*len = (size_t)decoded;
	return ERR_NONE;
}

/* For `%.*s`. */
static int shown(const char *name)
{
	return (int)utf8_cut(name, strlen(name), NAME_SHOWN);
}

static enum err_code add_pair(struct query *q, char *part, size_t len, struct err *e)
{
	char *equals = memchr(part, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - part) : len;
	char *value = equals != NULL ? equals + 1 : part + len;
	size_t value_len = equals != NULL ? len - name_len - 1 : 0;

	if (decode(part, &name_len, e) != ERR_NONE || decode(value, &value_len, e) != ERR_NONE)
		return e->code;
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->at[i].name, part) == 0)
			return err_set(e, ERR_MALFORMED, "parameter %.*s is given twice",
				       shown(part), part);
	if (q->count == QUERY_MAX)
		return err_set(e, ERR_MALFORMED, "more than %d parameters", QUERY_MAX);
	q->at[q->count++] =
		(struct query_pair){ .name = part, .value = value, .value_len = value_len };
	return ERR_NONE;
}

enum err_code query_parse(const char *raw, struct query *out, struct err *e)
{
	struct query q = { .count = 0 };
	struct err local = ERR_INIT;
	char *part;

	q.store = mem_string(raw);
	for (part = q.store; part != NULL;) {
		size_t len = strcspn(part, "&");
		char *next = part[len] == '&' ? part + len + 1 : NULL;
		part[len] = '\0';
		if (len > 0 && add_pair(&q, part, len, &local) != ERR_NONE) {
			query_free(&q);
			return err_set(e, local.code, "%s", local.text);
		}
		part = next;
	}
	*out = q;
	return ERR_NONE;
}

void query_free(struct query *q)
{
	free(q->store);
	*q = (struct query){ .count = 0 };
}

static bool is_limit(const char *text, unsigned *out)
{
	unsigned n = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > LIMIT_MAX)
			return false;
	}
	if (n == 0)
		return false;
	*out = n;
	return true;
}

static enum err_code set_limit(const struct query_pair *p, unsigned *out, struct err *e)
{
	if (!is_limit(p->value, out))
		return err_set(e, ERR_MALFORMED, "limit has to be 1 to %d", LIMIT_MAX);
	return ERR_NONE;
}

static enum err_code bad_cursor(struct err *e)
{
	return err_set(e, ERR_MALFORMED, "after is no cursor of ours");
}

static enum err_code unknown(const struct query_pair *p, struct err *e)
{
	return err_set(e, ERR_MALFORMED, "unknown parameter %.*s", shown(p->name), p->name);
}

static enum err_code set_needle(struct list_query *out, const struct query_pair *p, struct err *e)
{
	if (p->value_len == 0)
		return ERR_NONE;
	out->needle = text_fold(p->value, p->value_len, &out->needle_len);
	if (out->needle == NULL)
		return err_set(e, ERR_MALFORMED, "q is not UTF-8");
	return ERR_NONE;
}

static enum err_code set_parameter(struct list_query *out, const struct query_pair *p,
				   struct err *e)
{
	int column;

	if (strcmp(p->name, "limit") == 0)
		return set_limit(p, &out->limit, e);
	if (strcmp(p->name, "after") == 0)
		return cursor_parse(p->value, &out->after) ? ERR_NONE : bad_cursor(e);
	if (strcmp(p->name, "q") == 0)
		return set_needle(out, p, e);
	column = column_find(p->name, strlen(p->name));
	if (column < 0 || !columns[column].filter)
		return unknown(p, e);
	out->filter[column] = (struct field){ .text = mem_copy(p->value, p->value_len),
					      .len = (uint32_t)p->value_len,
					      .present = true };
	return ERR_NONE;
}

enum err_code query_list(const struct query *q, struct list_query *out, struct err *e)
{
	struct list_query list = { .limit = 0 };

	for (size_t i = 0; i < q->count; i++) {
		enum err_code code = set_parameter(&list, &q->at[i], e);
		if (code != ERR_NONE) {
			list_query_free(&list);
			return code;
		}
	}
	*out = list;
	return ERR_NONE;
}

static enum err_code set_operation_parameter(struct operation_query *out,
					     const struct query_pair *p, struct err *e)
{
	if (strcmp(p->name, "limit") == 0)
		return set_limit(p, &out->limit, e);
	if (strcmp(p->name, "after") != 0)
		return unknown(p, e);
	out->has_after = true;
	return operation_cursor_parse(p->value, &out->after) ? ERR_NONE : bad_cursor(e);
}

enum err_code query_operations(const struct query *q, struct operation_query *out, struct err *e)
{
	struct operation_query wanted = { .limit = OPERATIONS_LIMIT };

	for (size_t i = 0; i < q->count; i++) {
		enum err_code code = set_operation_parameter(&wanted, &q->at[i], e);
		if (code != ERR_NONE)
			return code;
	}
	*out = wanted;
	return ERR_NONE;
}
