/* test_routes.c - the route table: which path finds which row, and with which methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/http/routes.h"

static const struct route *find(const char *path)
{
	const char *arg;
	size_t len;

	return route_find(path, &arg, &len);
}

static void every_pattern_finds_its_own_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < route_count; i++) {
		const struct route *r = find(routes[i].pattern);
		bool for_files = strcmp(routes[i].pattern, "*") == 0;
		assert_ptr_equal(for_files ? route_static("/") : r, &routes[i]);
		assert_int_equal(route_index(&routes[i]), i);
		if (for_files)
			assert_null(r);
	}
	assert_int_equal(route_index(NULL), route_count);
}

static void captures_one_segment(void **state)
{
	const char *arg;
	size_t len;

	(void)state;
	assert_string_equal(route_find("/items/15", &arg, &len)->pattern, "/items/{id}");
	assert_int_equal(len, 2);
	assert_memory_equal(arg, "15", 2);
	assert_string_equal(route_find("/sync/dead/x-y/retry", &arg, &len)->pattern,
			    "/sync/dead/{op}/retry");
	assert_int_equal(len, 3);
	assert_memory_equal(arg, "x-y", 3);
}

static void other_paths_are_not_found(void **state)
{
	static const char *const paths[] = {
		"",	     "/",	    "/item",	    "/itemss",		 "/items/",
		"/items/1/", "/items//",    "/items/1/2",   "//items",		 "/ITEMS",
		"/sync",     "/sync/dead/", "/health/live", "/sync/dead//retry", "*"
	};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_null(find(paths[i]));
}

static void static_files_get_what_begins_like_nothing_of_the_api(void **state)
{
	static const char *const files[] = { "/",	   "/index.html", "/item",
					     "/items.css", "/a/items",	  "//items",
					     "/ITEMS",	   "*",		  "" };
	static const char *const api[] = { "/items/",	     "/items/1/2",  "/sync",
					   "/sync/x",	     "/events/x",   "/operations",
					   "/openapi.json/", "/health/live" };

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		assert_ptr_equal(route_static(files[i]), &routes[route_count - 1]);
	for (size_t i = 0; i < sizeof api / sizeof api[0]; i++)
		assert_null(route_static(api[i]));
}

static void head_goes_where_get_goes(void **state)
{
	const struct route *items = find("/items"), *run = find("/sync/run");

	(void)state;
	assert_ptr_equal(route_endpoint(items, METHOD_HEAD), route_endpoint(items, METHOD_GET));
	assert_null(route_endpoint(run, METHOD_HEAD));
	assert_null(route_endpoint(items, METHOD_PUT));
	assert_null(route_endpoint(items, METHOD_OTHER));
}

static void allow_names_the_methods(void **state)
{
	char allow[ALLOW_SIZE];

	(void)state;
	route_allow(find("/items/1"), allow);
	assert_string_equal(allow, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
	route_allow(find("/sync/run"), allow);
	assert_string_equal(allow, "POST, OPTIONS");
}

static void only_writes_want_a_body(void **state)
{
	(void)state;
	assert_int_equal(route_endpoint(find("/items"), METHOD_POST)->body, BODY_JSON);
	assert_int_equal(route_endpoint(find("/items/1"), METHOD_PUT)->body, BODY_JSON);
	assert_int_equal(route_endpoint(find("/items/1"), METHOD_DELETE)->body, BODY_IGNORED);
	assert_int_equal(route_endpoint(find("/sync/dead/x/retry"), METHOD_POST)->body,
			 BODY_OPTIONAL);
}

/* The rule of the contract, so that a new row cannot forget it. */
static enum role role_by_rule(const char *path, enum method m)
{
	if (strcmp(path, "/health") == 0 || strcmp(path, "*") == 0)
		return ROLE_ANYONE;
	if (m == METHOD_GET || m == METHOD_HEAD)
		return ROLE_READ;
	return strncmp(path, "/items", 6) == 0 ? ROLE_WRITE : ROLE_ADMIN;
}

static void every_endpoint_asks_for_the_role_of_the_contract(void **state)
{
	(void)state;
	for (size_t i = 0; i < route_count; i++)
		for (unsigned m = 0; m < METHODS; m++)
			if (route_endpoint(&routes[i], (enum method)m) != NULL)
				assert_int_equal(route_role(&routes[i], (enum method)m),
						 role_by_rule(routes[i].pattern, (enum method)m));
}

static void what_is_not_there_asks_for_no_role(void **state)
{
	(void)state;
	assert_int_equal(route_role(NULL, METHOD_GET), ROLE_ANYONE);
	assert_int_equal(route_role(find("/items"), METHOD_PUT), ROLE_ANYONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pattern_finds_its_own_row),
		cmocka_unit_test(captures_one_segment),
		cmocka_unit_test(other_paths_are_not_found),
		cmocka_unit_test(static_files_get_what_begins_like_nothing_of_the_api),
		cmocka_unit_test(head_goes_where_get_goes),
		cmocka_unit_test(allow_names_the_methods),
		cmocka_unit_test(only_writes_want_a_body),
		cmocka_unit_test(every_endpoint_asks_for_the_role_of_the_contract),
		cmocka_unit_test(what_is_not_there_asks_for_no_role),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
