/* cors.h - the CORS protocol of the Fetch standard: what pages of other origins may see. MHD
 * threads.
 *
 * A browser sends a POST without a body without asking first: what a page of another site wants to
 * change is refused unless its origin is in the list.
 *
 * No credentials mode: tokens travel in a header that the page sets itself, never in cookies.
 */
#ifndef RELEVO_HTTP_CORS_H
#define RELEVO_HTTP_CORS_H

#include <microhttpd.h>

#include "relevo/origins.h"
#include "request.h"

/* The headers that every answer to this request has; none if there are no origins. */
void cors_headers(const struct origins *o, const struct headers *h, struct MHD_Response *response);
/* Those that the answer to a preflight has besides; `methods` are the path's. Nothing if the
 * request is none, or not from an origin of the list. */
void cors_preflight(const struct origins *o, const struct headers *h, const char *methods,
		    struct MHD_Response *response);

/* A browser says that a page sends this which is of another site, and no origin of the list. Only
 * for requests that change something. */
bool cors_refuses(const struct origins *o, const struct headers *h);

#endif
