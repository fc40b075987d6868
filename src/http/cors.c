/* cors.c - the CORS protocol of the Fetch standard. */
#include "cors.h"

#include "answer.h"

/* What a page may send besides the few headers that need no leave, and read besides those that are
 * always shown. */
#define ALLOWED                                                                                 \
	"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, " \
	"Cache-Control"
#define EXPOSED "ETag, Location, Retry-After, X-Request-Id"
#define MAX_AGE "3600" /* seconds that a browser may keep the answer to a preflight */

static bool is_allowed(const struct origins *o, const struct headers *h)
{
	return o->any || (h->origin != NULL && !h->origin_twice && origins_match(o, h->origin));
}

/* With `*` the answer is the same for all, so that caches may give it to all. With a list it
 * depends on Origin, also where there is none. */
void cors_headers(const struct origins *o, const struct headers *h, struct MHD_Response *response)
{
	if (!o->any && o->count == 0)
		return;
	if (!o->any)
		response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
	if (!is_allowed(o, h))
		return;
	response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
			o->any ? "*" : h->origin);
	response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

bool cors_refuses(const struct origins *o, const struct headers *h)
{
	return h->cross_site && !is_allowed(o, h);
}

void cors_preflight(const struct origins *o, const struct headers *h, const char *methods,
		    struct MHD_Response *response)
{
	if (h->origin == NULL || !h->preflight || !is_allowed(o, h))
		return;
	response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS, methods);
	response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
	response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}
