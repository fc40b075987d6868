/* answer.h - building answers: JSON, problem documents. MHD threads. */
#ifndef RELEVO_HTTP_ANSWER_H
#define RELEVO_HTTP_ANSWER_H

#include <jansson.h>

#include "problem.h"
#include "request.h"

#define JSON_TYPE    "application/json"
#define PROBLEM_TYPE "application/problem+json"

/* A response that takes the buffer's bytes. */
struct MHD_Response *response_from_buf(struct buf *b, const char *type);
void response_header(struct MHD_Response *response, const char *name, const char *value);
/* The object as compact JSON; `object` is borrowed. */
enum MHD_Result answer_object(struct request *r, unsigned status, json_t *object);
/* The full response (takes it) under its tag, or 304 if If-None-Match names that. MHD sends only
 * its headers with a 304, so that Content-Length is the one of the 200, as RFC 9110 section 8.6
 * wants. */
enum MHD_Result answer_tagged(struct request *r, struct MHD_Response *response, const char *etag);
/* A problem document; `code` is an err_code or a problem, `detail` and `faults` may be NULL. */
enum MHD_Result answer_problem(struct request *r, unsigned code, const char *detail,
			       const struct faults *faults);
/* Why the job failed. */
enum MHD_Result answer_job_error(struct request *r, const struct job *j);

#endif
