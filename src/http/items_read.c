/* items_read.c - GET /items and GET /items/{id}. */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "handlers.h"
#include "list_body.h"
#include "query.h"
#include "relevo/digest.h"
#include "relevo/mem.h"
#include "server.h"

static struct read_mode read_mode(const struct request *r)
{
	return (struct read_mode){ .no_cache = request_no_cache(r) };
}

/* --- one item --- */

static enum MHD_Result answer_item(struct request *r, const struct row *row, enum source source)
{
	struct buf body = { 0 };
	char etag[ETAG_SIZE];

	row_etag(row, etag);
	buf_reserve(&body, row->json_len + 64);
	list_put_source(&body, source);
	buf_put(&body, row->json, row->json_len);
	buf_putc(&body, '}');
	return answer_tagged(r, response_from_buf(&body, JSON_TYPE), etag);
}

static enum MHD_Result item_read(struct request *r, struct job *j)
{
	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	if (j->row == NULL)
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	return answer_item(r, j->row, j->source);
}

static enum MHD_Result ask_item(struct request *r, struct item_ref ref)
{
	struct job *j = job_new(JOB_GET);

	j->ref = ref;
	j->mode = read_mode(r);
	return request_submit(r, j, item_read);
}

enum MHD_Result items_get(struct request *r)
{
	struct store *store = r->http->store;
	enum MHD_Result result;
	struct item_ref ref;
	enum source source;
	struct row *row;

	if (!item_ref_parse(r->arg, r->arg_len, &ref))
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	source = store_read_source(store, read_mode(r));
	if (source == SOURCE_MYSQL)
		return ask_item(r, ref);
	row = store_get(store, ref);
	if (row == NULL)
		return ask_item(r, ref);
	result = answer_item(r, row, source);
	row_unref(&row);
	return result;
}

/* --- the list --- */

/* The sum stands for the items, the query for what is told of them. */
static void list_etag(const struct request *r, const struct mirror_view *view, enum source source,
		      char out[ETAG_SIZE])
{
	struct list_sum items = mirror_view_sum(view);
	struct digest *d = digest_begin();
	uint8_t sum[DIGEST_SIZE], from = (uint8_t)source;

	digest_add(d, &items, sizeof items);
	digest_add(d, &from, 1);
	if (r->query != NULL)
		digest_add(d, r->query, strlen(r->query));
	digest_end(&d, sum);
	etag_format(sum, out);
}

/* Takes the view. */
static enum MHD_Result answer_list(struct request *r, struct mirror_view *view, enum source source)
{
	char etag[ETAG_SIZE];

	list_etag(r, view, source, etag);
	return answer_tagged(r, list_body_response(list_body_new(view, r->list, source)), etag);
}

static enum MHD_Result list_read(struct request *r, struct job *j)
{
	struct mirror_view *view = j->view;

	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	j->view = NULL;
	return answer_list(r, view, j->source);
}

static enum err_code take_query(struct request *r, struct err *e)
{
	struct query q = { .count = 0 };
	enum err_code code = query_parse(r->query, &q, e);

	if (code != ERR_NONE)
		return code;
	code = query_list(&q, r->list, e);
	query_free(&q);
	return code;
}

enum MHD_Result items_list(struct request *r)
{
	struct err e = ERR_INIT;
	enum source source;
	struct job *j;

	r->list = mem_zero(1, sizeof *r->list);
	if (r->query != NULL && take_query(r, &e) != ERR_NONE)
		return answer_problem(r, e.code, e.text, NULL);
	source = store_read_source(r->http->store, read_mode(r));
	if (source != SOURCE_MYSQL)
		return answer_list(r, mirror_view(store_mirror(r->http->store)), source);
	j = job_new(JOB_LIST);
	j->mode = read_mode(r);
	return request_submit(r, j, list_read);
}
