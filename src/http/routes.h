/* routes.h - the one table of paths and methods. Read-only, any thread. */
#ifndef RELEVO_HTTP_ROUTES_H
#define RELEVO_HTTP_ROUTES_H

#include "relevo/tokens.h"
#include "request.h"

enum body_need {
	BODY_IGNORED, /* whatever comes is read and dropped */
	BODY_OPTIONAL,
	BODY_JSON, /* the handler wants JSON */
};

typedef enum MHD_Result (*route_handler)(struct request *r);

struct endpoint {
	route_handler handle; /* NULL: method not allowed */
	enum body_need body;
	enum role role; /* the least that may */
};

struct route {
	const char *pattern; /* at most one {id} or {op}, a whole segment; `*`: static files */
	bool while_stopping; /* answered even when the daemon stops */
	struct endpoint at[METHODS];
};

extern const struct route routes[];
extern const size_t route_count;

/* The row of the API for `path`, or NULL. *arg: what stands for {id} or {op}, inside `path`. */
const struct route *route_find(const char *path, const char **arg, size_t *arg_len);
/* The row of static files, for a path that the API has no row for; NULL if it begins like one of
 * the API's all the same. */
const struct route *route_static(const char *path);
/* The endpoint for a method; HEAD is answered by GET's. NULL: not allowed. */
const struct endpoint *route_endpoint(const struct route *r, enum method m);
#define ALLOW_SIZE 64
/* Value of an Allow header. */
void route_allow(const struct route *r, char out[ALLOW_SIZE]);
/* What the endpoint asks for; ROLE_ANYONE where there is none. `r` may be NULL. */
enum role route_role(const struct route *r, enum method m);
size_t route_index(const struct route *r); /* NULL: route_count */

#endif
