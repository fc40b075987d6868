/* list_body.c - the body of GET /items. */
#include "list_body.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "relevo/mem.h"

/* A small body is cheaper in one piece: MHD sends it with its headers in one call. */
#define COPY_MAX ((size_t)16 << 10)
/* MHD copies the vector into the connection's own memory and cuts the connection if it does not
 * fit, so a longer one goes through the reader callback. */
#define IOVEC_MAX 256
#define BLOCK	  ((size_t)256 << 10)

void list_put_source(struct buf *b, enum source s)
{
	buf_puts(b, "{\"source\":\"");
	buf_puts(b, source_name(s));
	buf_puts(b, s == SOURCE_MEMORY ? "\",\"stale\":true,\"data\":" : "\",\"data\":");
}

static bool is_whole(const struct list_query *q)
{
	if (q->limit != 0 || q->after != 0 || q->needle != NULL)
		return false;
	for (size_t i = 0; i < column_count; i++)
		if (q->filter[i].present)
			return false;
	return true;
}

static void put_tail(struct buf *tail, size_t count, size_t total, uint64_t next)
{
	char cursor[CURSOR_SIZE];

	buf_puts(tail, ",\"count\":");
	buf_put_u64(tail, count);
	buf_puts(tail, ",\"total\":");
	buf_put_u64(tail, total);
	buf_puts(tail, ",\"next\":");
	if (next == 0) {
		buf_puts(tail, "null}");
		return;
	}
	cursor_format(next, cursor);
	buf_put_json(tail, cursor, strlen(cursor));
	buf_putc(tail, '}');
}

static void join_pieces(struct list_body *b, const struct iovec *items, size_t count)
{
	b->piece_count = count + 2;
	b->pieces = mem_zero(b->piece_count, sizeof *b->pieces);
	b->pieces[0] = (struct iovec){ b->head.bytes, b->head.len };
	if (count > 0)
		memcpy(b->pieces + 1, items, count * sizeof *items);
	b->pieces[count + 1] = (struct iovec){ b->tail.bytes, b->tail.len };
	for (size_t i = 0; i < b->piece_count; i++)
		b->bytes += b->pieces[i].iov_len;
}

struct list_body *list_body_new(struct mirror_view *view, const struct list_query *q,
				enum source source)
{
	struct list_body *b = mem_zero(1, sizeof *b);
	size_t count, bytes;

	b->view = view;
	list_put_source(&b->head, source);
	if (is_whole(q)) {
		size_t items = mirror_view_items(view);
		b->array = mirror_view_array(view, &count, &bytes);
		put_tail(&b->tail, items, items, 0);
		join_pieces(b, b->array, count);
	} else {
		mirror_view_list(view, q, &b->page);
		buf_putc(&b->head, '[');
		buf_putc(&b->tail, ']');
		put_tail(&b->tail, b->page.count, b->page.total, b->page.next);
		join_pieces(b, b->page.pieces, b->page.piece_count);
	}
	return b;
}

void list_body_free(struct list_body *b)
{
	if (b == NULL)
		return;
	list_page_free(&b->page);
	free(b->array);
	free(b->pieces);
	buf_free(&b->head);
	buf_free(&b->tail);
	mirror_view_unref(&b->view);
	free(b);
}

static void free_callback(void *cls)
{
	list_body_free(cls);
}

/* MHD asks for consecutive blocks. */
static ssize_t read_block(void *cls, uint64_t position, char *out, size_t max)
{
	struct list_body *b = cls;
	size_t done = 0;

	(void)position;
	while (done < max && b->at < b->piece_count) {
		const struct iovec *piece = &b->pieces[b->at];
		size_t left = piece->iov_len - b->offset;
		size_t take = left < max - done ? left : max - done;

		memcpy(out + done, (const char *)piece->iov_base + b->offset, take);
		done += take;
		b->offset += take;
		if (b->offset == piece->iov_len) {
			b->at++;
			b->offset = 0;
		}
	}
	return done > 0 ? (ssize_t)done : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *copied(struct list_body *b)
{
	struct buf all = { 0 };

	buf_reserve(&all, b->bytes);
	for (size_t i = 0; i < b->piece_count; i++)
		buf_put(&all, b->pieces[i].iov_base, b->pieces[i].iov_len);
	list_body_free(b);
	return response_from_buf(&all, JSON_TYPE);
}

/* MHD copies the vector. */
static struct MHD_Response *from_vector(struct list_body *b)
{
	struct MHD_IoVec vector[IOVEC_MAX];

	for (size_t i = 0; i < b->piece_count; i++)
		vector[i] = (struct MHD_IoVec){ b->pieces[i].iov_base, b->pieces[i].iov_len };
	return MHD_create_response_from_iovec(vector, (unsigned)b->piece_count, free_callback, b);
}

struct MHD_Response *list_body_response(struct list_body *b)
{
	struct MHD_Response *response;

	if (b->bytes <= COPY_MAX)
		return copied(b);
	if (b->piece_count <= IOVEC_MAX)
		response = mem_check(from_vector(b));
	else
		response = mem_check(MHD_create_response_from_callback(b->bytes, BLOCK, read_block,
								       b, free_callback));
	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, JSON_TYPE);
	return response;
}
