/* session.c - GET /session: what the client may do here. */
#include "access.h"
#include "answer.h"
#include "handlers.h"
#include "server.h"

enum MHD_Result session_get(struct request *r)
{
	struct access *access = r->http->access;
	enum role role = access_role(access, &r->headers);
	struct MHD_Response *response;
	struct buf body = { 0 };

	/* The token may have gone with a reload since the request was let in. */
	if (role == ROLE_ANYONE)
		return answer_problem(r, PROBLEM_BAD_TOKEN, NULL, NULL);
	buf_printf(&body, "{\"access\":\"%s\",\"role\":\"%s\"}", access != NULL ? "token" : "open",
		   role_name(role));
	response = response_from_buf(&body, JSON_TYPE);
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return request_answer(r, MHD_HTTP_OK, response);
}
