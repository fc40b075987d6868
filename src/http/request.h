/* request.h - one HTTP request from its request line to its answer.
 *
 * libmicrohttpd calls in several times; this struct carries the state between the calls. It is born
 * when the request line is read and freed by the completed callback. It belongs to the MHD thread
 * of its connection, except while a job runs: then only `finished` may be touched, by the store.
 */
#ifndef RELEVO_HTTP_REQUEST_H
#define RELEVO_HTTP_REQUEST_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "relevo/buf.h"
#include "relevo/store.h"
#include "request_id.h"

/* Request line and headers; beyond it 431. */
#define HEADERS_MAX ((size_t)16 << 10)

struct http;
struct route;
struct client;

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_OTHER
};
#define METHODS 8

/* Header values of interest, borrowed from MHD until the request is completed; NULL: absent. */
struct headers {
	const char *type;     /* Content-Type */
	const char *length;   /* Content-Length */
	const char *transfer; /* Transfer-Encoding */
	const char *expect;
	const char *accept, *accept_encoding;
	const char *cache_control;
	const char *key; /* Idempotency-Key */
	const char *if_match, *if_none_match;
	const char *authorization, *origin;
	const char *request_id;
	bool preflight;	 /* OPTIONS with Access-Control-Request-Method */
	bool cross_site; /* Sec-Fetch-Site: a page of another site sends it (Fetch Metadata) */
	bool key_twice, type_twice, length_twice, authorization_twice, origin_twice;
	bool request_id_twice;
	unsigned hosts;
};

/* Headers that are lists, which may come in several lines. */
enum joined {
	JOINED_ACCEPT,
	JOINED_ACCEPT_ENCODING,
	JOINED_CACHE_CONTROL,
	JOINED_MATCH,
	JOINED_NONE_MATCH,
	JOINED
};

enum request_stage {
	STAGE_NEW,     /* request line read */
	STAGE_COLLECT, /* reading a body we want, if there is one */
	STAGE_SWALLOW, /* reading a body nobody wants */
	STAGE_WAIT,    /* suspended, a job runs */
	STAGE_ANSWERED,
};

struct request {
	struct http *http;
	struct MHD_Connection *connection;
	struct client *client;
	enum request_stage stage;
	bool counted_in; /* among http->in_flight */
	enum method method;
	const char *id; /* the client's, or `made_id`; NULL before the headers are read */
	char made_id[REQUEST_ID_SIZE];
	const char *url;	   /* as it came; MHD's */
	const struct route *route; /* NULL: unknown path */
	const char *path;	   /* decoded, without query; owned by MHD or `path_store` */
	char *path_store;
	const char *arg; /* the path's {id} or {op}, inside `path` */
	size_t arg_len;
	char *query; /* raw, owned; NULL: none */
	struct headers headers;
	char *joined[JOINED]; /* owned: given in several lines */
	struct buf body;
	size_t swallowed;
	unsigned refusal; /* problem to answer with once the body is swallowed; 0: none */
	int64_t started_us;
	unsigned status;       /* answered; 0: not yet */
	uint64_t bytes_before; /* sent on the connection; for the access log */

	/* one job at a time */
	struct job *job; /* owned; the store's while it runs */
	enum MHD_Result (*then)(struct request *r, struct job *j);
	struct list_query *list; /* owned: what GET /items asked for */
	atomic_bool finished;	 /* set by `done` */
};

/* MHD callbacks; `cls` is the struct http. */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **state);
void request_completed(void *cls, struct MHD_Connection *connection, void **state,
		       enum MHD_RequestTerminationCode code);

/* For handlers: suspend, run the job (takes it), then call `then` with the finished job, which is
 * freed after the answer. */
enum MHD_Result request_submit(struct request *r, struct job *j,
			       enum MHD_Result (*then)(struct request *r, struct job *j));
/* Queue the answer (takes `response`) and count it. */
enum MHD_Result request_answer(struct request *r, unsigned status, struct MHD_Response *response);
/* True if Cache-Control asks for no-cache. */
bool request_no_cache(const struct request *r);
const char *method_name(enum method m);

#endif
