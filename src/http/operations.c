/* operations.c - GET /operations and GET /operations/{op}. */
#include "answer.h"
#include "handlers.h"
#include "query.h"
#include "server.h"

/* --- one --- */

static enum MHD_Result operation_read(struct request *r, struct job *j)
{
	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	if (j->json == NULL)
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	return answer_object(r, MHD_HTTP_OK, j->json);
}

enum MHD_Result operations_get(struct request *r)
{
	struct job *j;
	struct opid op;

	if (!opid_parse(r->arg, r->arg_len, &op))
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	j = job_new(JOB_OPERATION);
	j->op = op;
	return request_submit(r, j, operation_read);
}

/* --- those that wait --- */

static void put_next(struct buf *b, const struct operation_page *page)
{
	const struct operation *last = page->more ? page->ops[page->count - 1] : NULL;
	char cursor[OPERATION_CURSOR_SIZE];

	if (last == NULL) {
		buf_puts(b, "null");
		return;
	}
	operation_cursor_format(&(struct operation_cursor){ .seq = last->seq, .op = last->id },
				cursor);
	buf_putc(b, '"');
	buf_puts(b, cursor);
	buf_putc(b, '"');
}

static void put_page(struct buf *b, const struct operation_page *page)
{
	buf_puts(b, "{\"count\":");
	buf_put_u64(b, page->count);
	buf_puts(b, ",\"total\":");
	buf_put_u64(b, page->total);
	buf_puts(b, ",\"next\":");
	put_next(b, page);
	buf_puts(b, ",\"data\":[");
	for (size_t i = 0; i < page->count; i++) {
		if (i > 0)
			buf_putc(b, ',');
		operation_show(b, page->ops[i]);
	}
	buf_puts(b, "]}");
}

static enum err_code take_query(const struct request *r, struct operation_query *wanted,
				struct err *e)
{
	struct query q = { .count = 0 };
	enum err_code code = r->query != NULL ? query_parse(r->query, &q, e) : ERR_NONE;

	if (code == ERR_NONE)
		code = query_operations(&q, wanted, e);
	query_free(&q);
	return code;
}

enum MHD_Result operations_list(struct request *r)
{
	struct operation_query wanted;
	struct operation_page page;
	struct buf body = { 0 };
	struct err e = ERR_INIT;

	if (take_query(r, &wanted, &e) != ERR_NONE)
		return answer_problem(r, e.code, e.text, NULL);
	mirror_operations_page(store_mirror(r->http->store),
			       wanted.has_after ? &wanted.after : NULL, wanted.limit, &page);
	put_page(&body, &page);
	operation_page_free(&page);
	return request_answer(r, MHD_HTTP_OK, response_from_buf(&body, JSON_TYPE));
}
