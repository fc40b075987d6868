/* request.c - one HTTP request from its request line to its answer. */
#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "access.h"
#include "access_log.h"
#include "answer.h"
#include "clients.h"
#include "cors.h"
#include "counters.h"
#include "media_type.h"
#include "query.h"
#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "routes.h"
#include "server.h"

/* A refused body up to this size is read and dropped, so that the client sees the answer and can
 * keep its connection; a larger one costs the connection. */
#define SWALLOW_MAX ((size_t)16 << 20)

static const char *const method_names[METHODS] = {
	[METHOD_GET] = "GET",	      [METHOD_HEAD] = "HEAD",	[METHOD_POST] = "POST",
	[METHOD_PUT] = "PUT",	      [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
	[METHOD_OPTIONS] = "OPTIONS", [METHOD_OTHER] = "other",
};

const char *method_name(enum method m)
{
	return method_names[m];
}

static enum method method_find(const char *name)
{
	for (unsigned m = 0; m < METHOD_OTHER; m++)
		if (strcmp(method_names[m], name) == 0)
			return (enum method)m;
	return METHOD_OTHER;
}

/* --- birth and death --- */

void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct request *r = mem_zero(1, sizeof *r);
	const char *query = strchr(uri, '?');

	r->http = cls;
	r->connection = connection;
	r->started_us = clock_mono_us();
	r->client = client_of(connection);
	client_phase(r->client, CLIENT_RECEIVING, r->started_us / 1000);
	if (query != NULL)
		r->query = mem_string(query + 1);
	access_log_begin(r);
	atomic_init(&r->finished, false);
	return r;
}

static void request_free(struct request *r)
{
	if (r->list != NULL)
		list_query_free(r->list);
	free(r->list);
	free(r->path_store);
	free(r->query);
	for (unsigned i = 0; i < JOINED; i++)
		free(r->joined[i]);
	job_free(&r->job);
	buf_free(&r->body);
	free(r);
}

void request_completed(void *cls, struct MHD_Connection *connection, void **state,
		       enum MHD_RequestTerminationCode code)
{
	struct http *http = cls;
	struct request *r = *state;

	(void)connection;
	if (r == NULL)
		return;
	client_phase(r->client,
		     code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? CLIENT_IDLE : CLIENT_ENDED,
		     clock_mono_ms());
	if (r->counted_in)
		atomic_fetch_sub(&http->in_flight, 1);
	log_request(r->id);
	access_log_end(r);
	log_request(NULL);
	request_free(r);
	*state = NULL;
}

/* --- what the request line and the headers say --- */

/* The same list header in several lines is one list (RFC 9110 section 5.3). */
static const char *join(char **owned, const char *before, const char *value)
{
	struct buf both = { 0 };

	if (before == NULL)
		return value;
	buf_puts(&both, before);
	buf_puts(&both, ", ");
	buf_puts(&both, value);
	free(*owned);
	*owned = buf_take(&both, NULL);
	return *owned;
}

static bool named(const char *key, const char *name)
{
	return strcasecmp(key, name) == 0;
}

/* One pass over all headers; the first letter settles most of them. */
static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	struct request *r = cls;
	struct headers *h = &r->headers;

	(void)kind;
	value = value != NULL ? value : "";
	switch (key[0] | 0x20) {
	case 'a':
		if (named(key, "Accept")) {
			h->accept = join(&r->joined[JOINED_ACCEPT], h->accept, value);
		} else if (named(key, "Accept-Encoding")) {
			h->accept_encoding =
				join(&r->joined[JOINED_ACCEPT_ENCODING], h->accept_encoding, value);
		} else if (named(key, "Authorization")) {
			h->authorization_twice = h->authorization != NULL;
			h->authorization = value;
		} else if (r->method == METHOD_OPTIONS &&
			   named(key, "Access-Control-Request-Method")) {
			h->preflight = true;
		}
		break;
	case 'c':
		if (named(key, "Content-Type")) {
			h->type_twice = h->type != NULL;
			h->type = value;
		} else if (named(key, "Content-Length")) {
			h->length_twice = h->length != NULL;
			h->length = value;
		} else if (named(key, "Cache-Control")) {
			h->cache_control =
				join(&r->joined[JOINED_CACHE_CONTROL], h->cache_control, value);
		}
		break;
	case 'e':
		if (named(key, "Expect"))
			h->expect = value;
		break;
	case 'i':
		if (named(key, "Idempotency-Key")) {
			h->key_twice = h->key != NULL;
			h->key = value;
		} else if (named(key, "If-Match")) {
			h->if_match = join(&r->joined[JOINED_MATCH], h->if_match, value);
		} else if (named(key, "If-None-Match")) {
			h->if_none_match =
				join(&r->joined[JOINED_NONE_MATCH], h->if_none_match, value);
		}
		break;
	case 'h':
		if (named(key, "Host"))
			h->hosts++;
		break;
	case 'o':
		if (named(key, "Origin")) {
			h->origin_twice = h->origin != NULL;
			h->origin = value;
		}
		break;
	case 's':
		if (named(key, "Sec-Fetch-Site"))
			h->cross_site = strcmp(value, "cross-site") == 0;
		break;
	case 't':
		if (named(key, "Transfer-Encoding"))
			h->transfer = value;
		break;
	case 'x':
		if (named(key, REQUEST_ID_HEADER)) {
			h->request_id_twice = h->request_id != NULL;
			h->request_id = value;
		}
		break;
	}
	return MHD_YES;
}

/* What is logged for the request from here on carries its id. */
static void take_id(struct request *r)
{
	const struct headers *h = &r->headers;

	if (h->request_id != NULL && !h->request_id_twice && request_id_fits(h->request_id)) {
		r->id = h->request_id;
	} else {
		request_id_make(r->made_id);
		r->id = r->made_id;
	}
	log_request(r->id);
}

/* MHD hands the path over as it came: absolute form and escapes are undone here. False: an escape
 * that no path of ours can hold. */
static bool take_path(struct request *r, const char *url)
{
	long len;

	r->path = url;
	if (strncasecmp(url, "http://", 7) == 0) {
		r->path = strchr(url + 7, '/');
		if (r->path == NULL)
			r->path = "/";
	}
	if (strchr(r->path, '%') == NULL)
		return true;
	r->path_store = mem_string(r->path);
	len = percent_decode(r->path_store, strlen(r->path_store), false);
	if (len < 0)
		return false;
	r->path_store[len] = '\0';
	r->path = r->path_store;
	return true;
}

static size_t header_bytes(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info != NULL ? info->header_size : 0;
}

/* Where a body begins and ends must not be open to interpretation (RFC 9112
 * sections 3.2, 6.1, 6.3). NULL: all is well. */
static const char *framing_fault(const struct headers *h, const char *version)
{
	if (h->hosts > 1 || (h->hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0))
		return "exactly one Host header is required";
	if (h->length_twice)
		return "Content-Length is given twice";
	if (h->transfer != NULL && h->length != NULL)
		return "Content-Length together with Transfer-Encoding";
	if (h->transfer != NULL && strcasecmp(h->transfer, "chunked") != 0)
		return "the only Transfer-Encoding understood is chunked";
	return NULL;
}

static bool has_body(const struct request *r)
{
	return r->headers.transfer != NULL ||
	       (r->headers.length != NULL && strcmp(r->headers.length, "0") != 0);
}

/* Content-Length; unknown is 0 (chunked), absurd ones are SIZE_MAX. */
static size_t declared_length(const struct request *r)
{
	size_t n = 0;

	if (r->headers.transfer != NULL || r->headers.length == NULL)
		return 0;
	for (const char *at = r->headers.length; *at >= '0' && *at <= '9'; at++) {
		if (n > SIZE_MAX / 16)
			return SIZE_MAX;
		n = n * 10 + (size_t)(*at - '0');
	}
	return n;
}

bool request_no_cache(const struct request *r)
{
	return r->headers.cache_control != NULL &&
	       strcasestr(r->headers.cache_control, "no-cache") != NULL;
}

/* --- answers --- */

enum MHD_Result request_answer(struct request *r, unsigned status, struct MHD_Response *response)
{
	struct http *http = r->http;
	enum MHD_Result queued;

	if (atomic_load_explicit(&http->stopping, memory_order_relaxed))
		response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	cors_headers(&http->options->cors_origins, &r->headers, response);
	response_header(response, REQUEST_ID_HEADER, r->id);
	client_phase(r->client, CLIENT_SENDING, 0);
	queued = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
	r->stage = STAGE_ANSWERED;
	r->status = status;
	counters_count(http->counters, route_index(r->route), r->method, status,
		       clock_mono_us() - r->started_us);
	store_count_request(http->store);
	return queued;
}

static enum MHD_Result answer_options(struct request *r)
{
	char allow[ALLOW_SIZE];
	struct MHD_Response *response =
		mem_check(MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));

	route_allow(r->route, allow);
	response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	cors_preflight(&r->http->options->cors_origins, &r->headers, allow, response);
	return request_answer(r, MHD_HTTP_NO_CONTENT, response);
}

/* --- jobs --- */

static void job_done(struct job *j)
{
	struct request *r = j->ctx;
	struct MHD_Connection *connection = r->connection;

	atomic_fetch_sub(&r->http->suspended, 1);
	atomic_store_explicit(&r->finished, true, memory_order_release);
	MHD_resume_connection(connection);
}

enum MHD_Result request_submit(struct request *r, struct job *j,
			       enum MHD_Result (*then)(struct request *r, struct job *j))
{
	client_phase(r->client, CLIENT_SERVED, 0);
	job_free(&r->job);
	r->job = j;
	r->then = then;
	r->stage = STAGE_WAIT;
	atomic_store_explicit(&r->finished, false, memory_order_relaxed);
	j->ctx = r;
	j->request = r->id;
	j->done = job_done;
	atomic_fetch_add(&r->http->suspended, 1);
	MHD_suspend_connection(r->connection);
	store_submit(r->http->store, j);
	return MHD_YES;
}

/* --- the calls of libmicrohttpd, in order --- */

/* What can be refused before the body. 0: go on. */
static unsigned refusal(const struct request *r, bool path_ok)
{
	const struct endpoint *e;
	unsigned problem;

	if (header_bytes(r->connection) > HEADERS_MAX)
		return PROBLEM_HEADERS;
	if (!path_ok || r->route == NULL)
		return ERR_NOT_FOUND;
	if (atomic_load_explicit(&r->http->closed, memory_order_relaxed) &&
	    !r->route->while_stopping)
		return ERR_STOPPING;
	if (r->method == METHOD_OPTIONS)
		return 0;
	e = route_endpoint(r->route, r->method);
	if (e == NULL)
		return PROBLEM_METHOD;
	if (r->method != METHOD_GET && r->method != METHOD_HEAD &&
	    cors_refuses(&r->http->options->cors_origins, &r->headers))
		return PROBLEM_CROSS_SITE;
	problem = access_refusal(r->http->access, &r->headers, e->role);
	if (problem != 0)
		return problem;
	if (e->body == BODY_IGNORED || !has_body(r))
		return 0;
	if (r->headers.type == NULL || r->headers.type_twice ||
	    !media_type_is_json(r->headers.type))
		return PROBLEM_MEDIA_TYPE;
	if (declared_length(r) > (size_t)r->http->options->max_body)
		return PROBLEM_TOO_LARGE;
	return 0;
}

static bool wants_body(const struct request *r)
{
	return r->method != METHOD_OPTIONS &&
	       route_endpoint(r->route, r->method)->body != BODY_IGNORED;
}

static const struct route *find_route(struct request *r)
{
	const struct route *found = route_find(r->path, &r->arg, &r->arg_len);

	if (found == NULL && r->http->options->static_dir != NULL)
		found = route_static(r->path);
	return found;
}

/* The first call: request line and headers are complete, no body yet. MHD closes a connection that
 * is answered here, so that is done only when we cannot tell where the body ends, or to keep a
 * client from sending a large one in vain. */
static enum MHD_Result first_call(struct request *r, const char *url, const char *method,
				  const char *version)
{
	bool path_ok = take_path(r, url);
	const char *fault;
	bool body, wanted;
	unsigned code;

	r->url = url;
	r->method = method_find(method);
	r->route = path_ok ? find_route(r) : NULL;
	r->counted_in = true;
	atomic_fetch_add(&r->http->in_flight, 1);
	MHD_get_connection_values(r->connection, MHD_HEADER_KIND, take_header, r);
	take_id(r);
	fault = framing_fault(&r->headers, version);
	if (fault != NULL)
		return answer_problem(r, ERR_MALFORMED, fault, NULL);
	code = refusal(r, path_ok);
	body = has_body(r);
	wanted = body && code == 0 && wants_body(r);
	if (wanted)
		buf_init(&r->body, (size_t)r->http->options->max_body);
	r->stage = wanted || !body ? STAGE_COLLECT : STAGE_SWALLOW;
	r->refusal = code;
	if (code != 0 && body && (r->headers.expect != NULL || declared_length(r) > SWALLOW_MAX))
		return answer_problem(r, code, NULL, NULL);
	return MHD_YES;
}

/* A piece of the body. MHD takes no answer here. */
static enum MHD_Result body_call(struct request *r, const char *upload, size_t len)
{
	if (r->stage == STAGE_COLLECT) {
		if (r->body.len + len <= (size_t)r->http->options->max_body) {
			buf_put(&r->body, upload, len);
			return MHD_YES;
		}
		r->stage = STAGE_SWALLOW;
		r->refusal = PROBLEM_TOO_LARGE;
		r->swallowed = r->body.len;
	}
	r->swallowed += len;
	return r->swallowed <= SWALLOW_MAX ? MHD_YES : MHD_NO;
}

/* The request is complete. */
static enum MHD_Result last_call(struct request *r)
{
	if (r->refusal != 0)
		return answer_problem(r, r->refusal, NULL, NULL);
	if (r->method == METHOD_OPTIONS)
		return answer_options(r);
	return route_endpoint(r->route, r->method)->handle(r);
}

static enum MHD_Result call(struct request *r, const char *url, const char *method,
			    const char *version, const char *upload, size_t *upload_size)
{
	size_t len = *upload_size;

	switch (r->stage) {
	case STAGE_NEW:
		return first_call(r, url, method, version);
	case STAGE_COLLECT:
	case STAGE_SWALLOW:
		if (len == 0)
			return last_call(r);
		*upload_size = 0;
		return body_call(r, upload, len);
	case STAGE_WAIT:
		if (!atomic_load_explicit(&r->finished, memory_order_acquire))
			return MHD_YES;
		return r->then(r, r->job);
	case STAGE_ANSWERED:
		break;
	}
	return MHD_YES;
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **state)
{
	struct request *r = *state;
	enum MHD_Result result;

	(void)cls;
	(void)connection;
	log_request(r->id);
	result = call(r, url, method, version, upload, upload_size);
	log_request(NULL);
	return result;
}
