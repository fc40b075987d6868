/* routes.c - the one table of paths and methods, and how a path finds its row. */
#include "routes.h"

#include <string.h>

#include "handlers.h"

/* Static files and /events are rows of this table like all others. What anybody may
 * see without a token, as static files, says ROLE_ANYONE. */
const struct route routes[] = {
	{ "/items", .at = { [METHOD_GET] = { items_list, BODY_IGNORED, ROLE_READ },
			    [METHOD_POST] = { items_create, BODY_JSON, ROLE_WRITE } } },
	{ "/items/{id}", .at = { [METHOD_GET] = { items_get, BODY_IGNORED, ROLE_READ },
				 [METHOD_PUT] = { items_replace, BODY_JSON, ROLE_WRITE },
				 [METHOD_PATCH] = { items_patch, BODY_JSON, ROLE_WRITE },
				 [METHOD_DELETE] = { items_delete, BODY_IGNORED, ROLE_WRITE } } },
	{ "/operations/{op}",
	  .at = { [METHOD_GET] = { operations_get, BODY_IGNORED, ROLE_READ } } },
	{ "/health", .while_stopping = true,
	  .at = { [METHOD_GET] = { health_get, BODY_IGNORED, ROLE_ANYONE } } },
	{ "/sync/status", .at = { [METHOD_GET] = { sync_status_get, BODY_IGNORED, ROLE_READ } } },
	{ "/sync/run", .at = { [METHOD_POST] = { sync_run, BODY_IGNORED, ROLE_ADMIN } } },
	{ "/sync/dead", .at = { [METHOD_GET] = { dead_list, BODY_IGNORED, ROLE_READ } } },
	{ "/sync/dead/{op}",
	  .at = { [METHOD_DELETE] = { dead_discard, BODY_IGNORED, ROLE_ADMIN } } },
	{ "/sync/dead/{op}/retry",
	  .at = { [METHOD_POST] = { dead_retry, BODY_OPTIONAL, ROLE_ADMIN } } },
	{ "/session", .at = { [METHOD_GET] = { session_get, BODY_IGNORED, ROLE_READ } } },
	{ "/instances", .at = { [METHOD_GET] = { instances_get, BODY_IGNORED, ROLE_READ } } },
	{ "/events", .at = { [METHOD_GET] = { events_get, BODY_IGNORED, ROLE_READ } } },
	{ "/openapi.json", .at = { [METHOD_GET] = { openapi_get, BODY_IGNORED, ROLE_READ } } },
	{ "/metrics", .while_stopping = true,
	  .at = { [METHOD_GET] = { metrics_get, BODY_IGNORED, ROLE_READ } } },
};
const size_t route_count = sizeof routes / sizeof routes[0];

static bool match(const char *pattern, const char *path, const char **arg, size_t *arg_len)
{
	while (*pattern != '\0') {
		if (*pattern == '{') {
			size_t len = strcspn(path, "/");
			if (len == 0)
				return false;
			*arg = path;
			*arg_len = len;
			path += len;
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

const struct route *route_find(const char *path, const char **arg, size_t *arg_len)
{
	for (size_t i = 0; i < route_count; i++) {
		*arg = NULL;
		*arg_len = 0;
		if (match(routes[i].pattern, path, arg, arg_len))
			return &routes[i];
	}
	*arg = NULL;
	*arg_len = 0;
	return NULL;
}

const struct endpoint *route_endpoint(const struct route *r, enum method m)
{
	const struct endpoint *e = &r->at[m == METHOD_HEAD ? METHOD_GET : m];

	return e->handle != NULL ? e : NULL;
}

enum role route_role(const struct route *r, enum method m)
{
	const struct endpoint *e = r != NULL ? route_endpoint(r, m) : NULL;

	return e != NULL ? e->role : ROLE_ANYONE;
}

void route_allow(const struct route *r, char out[ALLOW_SIZE])
{
	char *at = out;

	for (unsigned m = 0; m < METHOD_OPTIONS; m++) {
		if (route_endpoint(r, (enum method)m) == NULL)
			continue;
		at = stpcpy(at, method_name((enum method)m));
		at = stpcpy(at, ", ");
	}
	stpcpy(at, method_name(METHOD_OPTIONS));
}

size_t route_index(const struct route *r)
{
	return r != NULL ? (size_t)(r - routes) : route_count;
}
