/* routes.c - the one table of paths and methods, and how a path finds its row. */
#include "routes.h"

#include <string.h>

#include "handlers.h"

/* What anybody may see without a token says ROLE_ANYONE. The last row is for static files, all that
 * the API has no use for. */
const struct route routes[] = {
	{ "/items", .at = { [METHOD_GET] = { items_list, BODY_IGNORED, ROLE_READ },
			    [METHOD_POST] = { items_create, BODY_JSON, ROLE_WRITE } } },
	{ "/items/{id}", .at = { [METHOD_GET] = { items_get, BODY_IGNORED, ROLE_READ },
				 [METHOD_PUT] = { items_replace, BODY_JSON, ROLE_WRITE },
				 [METHOD_PATCH] = { items_patch, BODY_JSON, ROLE_WRITE },
				 [METHOD_DELETE] = { items_delete, BODY_IGNORED, ROLE_WRITE } } },
	{ "/operations", .at = { [METHOD_GET] = { operations_list, BODY_IGNORED, ROLE_READ } } },
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
	{ "*", .at = { [METHOD_GET] = { static_files_get, BODY_IGNORED, ROLE_ANYONE } } },
};
const size_t route_count = sizeof routes / sizeof routes[0];
#define STATIC_ROUTE (sizeof routes / sizeof routes[0] - 1)

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
	for (size_t i = 0; i < STATIC_ROUTE; i++) {
		*arg = NULL;
		*arg_len = 0;
		if (match(routes[i].pattern, path, arg, arg_len))
			return &routes[i];
	}
	*arg = NULL;
	*arg_len = 0;
	return NULL;
}

const struct route *route_static(const char *path)
{
	size_t len = path[0] == '/' ? 1 + strcspn(path + 1, "/") : 0;

	for (size_t i = 0; i < STATIC_ROUTE; i++) {
		const char *pattern = routes[i].pattern;

		if (len == 1 + strcspn(pattern + 1, "/") && strncmp(path, pattern, len) == 0)
			return NULL;
	}
	return &routes[STATIC_ROUTE];
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
