/* sync_status.c - /sync/status, /sync/run, dead letters and instances. */
#include <stdlib.h>

#include "answer.h"
#include "documents.h"
#include "handlers.h"
#include "relevo/mem.h"

void sync_status_render(const struct http *http, struct buf *b)
{
	json_t *status = mem_check(store_sync_status(http->store));
	char *text = mem_check(json_dumps(status, JSON_COMPACT));

	buf_puts(b, text);
	free(text);
	json_decref(status);
}

enum MHD_Result sync_status_get(struct request *r)
{
	struct buf body = { 0 };

	sync_status_render(r->http, &body);
	return request_answer(r, MHD_HTTP_OK, response_from_buf(&body, JSON_TYPE));
}

enum MHD_Result sync_run(struct request *r)
{
	struct err e = ERR_INIT;
	struct buf body = { 0 };

	if (store_sync_run(r->http->store, &e) != ERR_NONE)
		return answer_problem(r, e.code, e.text, NULL);
	buf_puts(&body, "{\"status\":\"started\"}");
	return request_answer(r, MHD_HTTP_ACCEPTED, response_from_buf(&body, JSON_TYPE));
}

/* --- what a job of the store renders itself --- */

static enum MHD_Result rendered(struct request *r, struct job *j)
{
	if (j->result == JOB_FAILED || j->json == NULL)
		return answer_job_error(r, j);
	return answer_object(r, MHD_HTTP_OK, j->json);
}

enum MHD_Result dead_list(struct request *r)
{
	return request_submit(r, job_new(JOB_DEAD_LIST), rendered);
}

enum MHD_Result instances_get(struct request *r)
{
	return request_submit(r, job_new(JOB_INSTANCES), rendered);
}

/* --- changes under /sync/dead --- */

static enum MHD_Result answer_dead(struct request *r, const struct job *j, unsigned code,
				   const char *status)
{
	struct buf body = { 0 };
	char op[OPID_TEXT_SIZE];

	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	opid_format(j->op, op);
	buf_puts(&body, "{\"status\":\"");
	buf_puts(&body, status);
	buf_puts(&body, "\",\"operation\":\"");
	buf_puts(&body, op);
	buf_puts(&body, "\"}");
	return request_answer(r, code, response_from_buf(&body, JSON_TYPE));
}

static enum MHD_Result retried(struct request *r, struct job *j)
{
	return answer_dead(r, j, MHD_HTTP_ACCEPTED, j->result == JOB_DONE ? "applied" : "pending");
}

static enum MHD_Result discarded(struct request *r, struct job *j)
{
	return answer_dead(r, j, MHD_HTTP_OK, "discarded");
}

enum MHD_Result dead_discard(struct request *r)
{
	struct job *j;
	struct opid op;

	if (!opid_parse(r->arg, r->arg_len, &op))
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	j = job_new(JOB_DEAD_DISCARD);
	j->op = op;
	return request_submit(r, j, discarded);
}

enum MHD_Result dead_retry(struct request *r)
{
	struct body_target any = { .id = 0 };
	struct faults faults;
	struct err e = ERR_INIT;
	struct job *j;
	struct opid op;

	if (!opid_parse(r->arg, r->arg_len, &op))
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	j = job_new(JOB_DEAD_RETRY);
	j->op = op;
	j->has_fields = r->body.len > 0;
	if (j->has_fields && fields_decode(&j->fields, r->body.bytes, r->body.len, BODY_PATCH, &any,
					   &faults, &e) != ERR_NONE) {
		job_free(&j);
		return answer_problem(r, e.code, e.text, &faults);
	}
	return request_submit(r, j, retried);
}
