/* answer.c - building answers: JSON, problem documents. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "etag.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/thread.h"
#include "routes.h"

void response_header(struct MHD_Response *response, const char *name, const char *value)
{
	ASSERT(MHD_add_response_header(response, name, value) == MHD_YES);
}

struct MHD_Response *response_from_buf(struct buf *b, const char *type)
{
	size_t len;
	char *bytes = buf_take(b, &len);
	struct MHD_Response *response =
		mem_check(MHD_create_response_from_buffer_with_free_callback(len, bytes, free));

	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

enum MHD_Result answer_object(struct request *r, unsigned status, json_t *object)
{
	struct buf body = { 0 };
	char *text = mem_check(json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY));

	buf_puts(&body, text);
	free(text);
	return request_answer(r, status, response_from_buf(&body, JSON_TYPE));
}

enum MHD_Result answer_tagged(struct request *r, struct MHD_Response *response, const char *etag)
{
	const char *known = r->headers.if_none_match;
	bool unchanged = known != NULL && etag_none_match(known, etag);

	response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	return request_answer(r, unchanged ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

enum MHD_Result answer_problem(struct request *r, unsigned code, const char *detail,
			       const struct faults *faults)
{
	const struct problem_row *row = problem_find(code);
	struct MHD_Response *response;
	struct buf body = { 0 };
	char text[ALLOW_SIZE];

	if (row->status == MHD_HTTP_INTERNAL_SERVER_ERROR)
		log_limited(LOG_ERROR, TAG_HTTP, "%s %s: %s", method_name(r->method), r->path,
			    detail != NULL ? detail : row->title);
	else if (row->internal)
		log_debug(TAG_HTTP, "%s %s: %s", method_name(r->method), r->path,
			  detail != NULL ? detail : row->title);
	problem_render(&body, code, detail, faults);
	response = response_from_buf(&body, PROBLEM_TYPE);
	if (row->retry_after > 0) {
		snprintf(text, sizeof text, "%u", row->retry_after);
		response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
	}
	access_challenge(response, code, route_role(r->route, r->method));
	if (code == PROBLEM_METHOD && r->route != NULL) {
		route_allow(r->route, text);
		response_header(response, MHD_HTTP_HEADER_ALLOW, text);
	}
	return request_answer(r, row->status, response);
}

enum MHD_Result answer_job_error(struct request *r, const struct job *j)
{
	return answer_problem(r, j->error.code, j->error.text, j->faults);
}
