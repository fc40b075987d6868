/* mirror_list.c - pages of the list: cursors, exact filters and the substring search. */
#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"
#include "relevo/mem.h"

#define CURSOR_DIGITS 16

static const char hex_digits[] = "0123456789abcdef";

void cursor_format(uint64_t cursor, char out[CURSOR_SIZE])
{
	out[0] = 'c';
	for (unsigned i = 0; i < CURSOR_DIGITS; i++)
		out[1 + i] = hex_digits[(cursor >> (4 * (CURSOR_DIGITS - 1 - i))) & 15];
	out[1 + CURSOR_DIGITS] = '\0';
}

bool cursor_parse(const char *text, uint64_t *out)
{
	if (text[0] != 'c' || strlen(text) != 1 + CURSOR_DIGITS)
		return false;
	uint64_t cursor = 0;
	for (unsigned i = 0; i < CURSOR_DIGITS; i++) {
		const char *digit = strchr(hex_digits, text[1 + i]);
		if (digit == NULL)
			return false;
		cursor = cursor << 4 | (uint64_t)(digit - hex_digits);
	}
	if (cursor == 0)
		return false;
	*out = cursor;
	return true;
}

static bool has_filter(const struct list_query *q)
{
	for (size_t i = 0; i < column_count; i++) {
		if (q->filter[i].present)
			return true;
	}
	return q->needle != NULL && q->needle_len > 0;
}

static bool field_same(const struct field *a, const struct field *b)
{
	if (a->text == NULL || b->text == NULL)
		return a->text == b->text;
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool matches(struct row *row, const struct list_query *q)
{
	for (size_t i = 0; i < column_count; i++) {
		if (q->filter[i].present && !field_same(&q->filter[i], &row->fields.at[i]))
			return false;
	}
	return q->needle == NULL || q->needle_len == 0 ||
	       row_contains(row, q->needle, q->needle_len);
}

/* Rows `from` up to `to` of chunk `c` as one piece of its rendered bytes. */
static void add_piece(struct list_page *out, struct chunk *c, uint32_t from, uint32_t to)
{
	const struct rendered *r = chunk_render(c);
	uint32_t start = r->start[from] - (out->count > 0 ? 1 : 0);
	size_t len = r->start[to] - 1 - start;
	out->pieces[out->piece_count++] = (struct iovec){
		.iov_base = (void *)(uintptr_t)(r->bytes + start),
		.iov_len = len,
	};
	out->bytes += len;
	out->count += to - from;
}

static void list_plain(const struct root *r, const struct list_query *q, struct list_page *out)
{
	uint32_t row;
	size_t i = root_above(r, q->after, &row);
	size_t wanted = q->limit == 0 ? r->rows : q->limit;
	size_t chunks = r->count - i;
	/* only a page's first and last chunk give fewer rows than they hold, and none is empty */
	out->pieces = mem_zero((chunks < wanted ? chunks : wanted) + 1, sizeof(struct iovec));
	out->total = r->rows;
	for (; i < r->count && out->count < wanted; i++, row = 0) {
		struct chunk *c = r->at[i];
		size_t left = wanted - out->count;
		uint32_t to = left < c->count - row ? row + (uint32_t)left : c->count;
		add_piece(out, c, row, to);
		if (out->count == wanted && (to < c->count || i + 1 < r->count))
			out->next = c->keys[to - 1];
	}
}

static void add_copy(struct buf *b, struct list_page *out, const struct row *row)
{
	if (out->count++ > 0)
		buf_putc(b, ',');
	buf_put(b, row->json, row->json_len);
}

static void list_filtered(const struct root *r, const struct list_query *q, struct list_page *out)
{
	struct buf b;
	uint64_t last = 0;
	bool more = false;
	buf_init(&b, r->bytes + r->rows + 1);
	for (size_t i = 0; i < r->count; i++) {
		struct chunk *c = r->at[i];
		for (uint32_t k = 0; k < c->count; k++) {
			if (!matches(c->rows[k], q))
				continue;
			out->total++;
			if (c->keys[k] <= q->after)
				continue;
			more = q->limit != 0 && out->count == q->limit;
			if (more)
				continue;
			add_copy(&b, out, c->rows[k]);
			last = c->keys[k];
		}
	}
	out->next = more ? last : 0;
	out->bytes = b.len;
	out->pieces = mem_zero(1, sizeof(struct iovec));
	out->piece_count = b.len > 0 ? 1 : 0;
	out->owned = buf_take(&b, NULL);
	out->pieces[0] = (struct iovec){ .iov_base = out->owned, .iov_len = out->bytes };
}

void mirror_view_list(struct mirror_view *v, const struct list_query *q, struct list_page *out)
{
	*out = (struct list_page){ 0 };
	if (has_filter(q))
		list_filtered(v->root, q, out);
	else
		list_plain(v->root, q, out);
}

void list_page_free(struct list_page *p)
{
	free(p->pieces);
	free(p->owned);
	*p = (struct list_page){ 0 };
}

void list_query_free(struct list_query *q)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++)
		free((void *)(uintptr_t)q->filter[i].text);
	free(q->needle);
	*q = (struct list_query){ 0 };
}
