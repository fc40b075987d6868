/* http.h - the HTTP server: libmicrohttpd's life cycle, routes, handlers, problem documents.
 *
 * http_start makes the listening socket and the epoll threads; handlers run in those threads and
 * never block: what needs I/O becomes a store job while the connection is suspended. All functions
 * here are for the main thread.
 */
#ifndef RELEVO_HTTP_H
#define RELEVO_HTTP_H

#include "relevo/options.h"
#include "relevo/store.h"

struct http;

/* ERR_USAGE/ERR_DOWN: cannot listen. `o` and `s` are borrowed until http_free. */
MUST_CHECK enum err_code http_start(struct http **out, const struct options *o, struct store *s,
				    struct err *e);
unsigned http_port(const struct http *h); /* the port it listens on */
/* False: a client has waited for `patience_ms` more than it should for one of the daemon's threads,
 * be it one of HTTP, a lane or a reader. */
bool http_makes_progress(const struct http *h, int64_t patience_ms);
/* Read the token file again; a bad one is logged and changes nothing. */
void http_reload(struct http *h);
/* From now on /health says 503 stopping and answers close their connection; all is still served. */
void http_announce_stop(struct http *h);
/* Take no new connections; serve those that are there until each has had its answer, or the
 * deadline. What no request comes on is closed. */
void http_quiesce(struct http *h, int64_t deadline_ms);
void http_free(struct http **h);

#endif
