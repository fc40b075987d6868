/* test_static_path.c - which file a path names, and how it is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/http/static_path.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void paths_name_files(void **state)
{
	static const char *const pairs[][2] = {
		{ "/", "index.html" },
		{ "/index.html", "index.html" },
		{ "/favicon.svg", "favicon.svg" },
		{ "/assets/index-Ab3dEf9_.js", "assets/index-Ab3dEf9_.js" },
		{ "/a/b/c", "a/b/c" },
		{ "/a..b/c.", "a..b/c." },
		{ "/a\\..\\b", "a\\..\\b" }, /* no separator here */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		const char *file = static_path_file(pairs[i][0]);
		assert_non_null(file);
		assert_string_equal(file, pairs[i][1]);
	}
}

static void folders_have_a_page(void **state)
{
	static const char *const pairs[][2] = {
		{ "/docs", "docs/index.html" },
		{ "/docs/", "docs/index.html" },
		{ "/a/b/", "a/b/index.html" },
		{ "/a b", "a b/index.html" },
	};
	static const char *const none[] = { "",	       "/",	  "//",	    "docs",  "/.git",
					    "/a/../b", "/docs//", "//docs", "/a/.b/" };
	char name[64];

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		assert_true(static_path_folder(pairs[i][0], name, sizeof name));
		assert_string_equal(name, pairs[i][1]);
	}
	for (size_t i = 0; i < COUNT(none); i++)
		assert_false(static_path_folder(none[i], name, sizeof name));
	assert_true(static_path_folder("/docs", name, sizeof "docs/index.html"));
	assert_false(static_path_folder("/docs", name, sizeof "docs/index.html" - 1));
}

static void plain_names_can_stand_in_a_location(void **state)
{
	static const char *const none[] = { "/",	  "/docs/", "/a b", "/a:b",
					    "/a\r\nX: y", "/ñ",	    "/a.b" };

	(void)state;
	assert_string_equal(static_path_plain_name("/docs"), "docs");
	assert_string_equal(static_path_plain_name("/a:b/C_d-1"), "C_d-1");
	for (size_t i = 0; i < COUNT(none); i++)
		assert_null(static_path_plain_name(none[i]));
}

static void no_path_leads_out_or_to_what_is_hidden(void **state)
{
	static const char *const paths[] = {
		"",	      "index.html", "*",	"/.",	 "/..",		"/../x",
		"/a/../../x", "/a/..",	    "/./x",	"/.env", "/a/.git/x",	"//etc/x",
		"/a//b",      "/a/",	    "/assets/", "/...",	 "/.hidden.js", "http://other/x",
		"/a/.",	      "..",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		assert_null(static_path_file(paths[i]));
}

static void pages_look_like_no_file(void **state)
{
	static const char *const pages[] = { "/",	 "/inventario", "/a/b/",      "/asset",
					     "/assetsx", "/x/assets/y", "/v1.2/ayuda" };
	static const char *const others[] = { "",	   "x",		  "/x.js",  "/assets",
					      "/assets/",  "/assets/x",	  "/.env",  "/a/..",
					      "/a/../b",   "/a/b.min.js", "//evil", "/a//b",
					      "/.git/head" };

	(void)state;
	for (size_t i = 0; i < COUNT(pages); i++)
		assert_true(static_path_is_page(pages[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(static_path_is_page(others[i]));
}

static void only_built_files_with_a_hash_never_change(void **state)
{
	static const char *const hashed[] = {
		"assets/index-Ab3dEf9_.js", "assets/index-DiwrgTda.css",
		"assets/x-12345678.svg",    "assets/roboto-a-_B-cd-.woff2",
		"assets/x.12345678.js",	    "assets/sub/x-abcdefG1.js",
	};
	static const char *const others[] = {
		"index.html",
		"index-Ab3dEf9_.js",
		"assets/photo-elephant.png",
		"assets/index.js",
		"assets/-Ab3dEf9_",
		"assets/Ab3dEf9_.js",
		"assets/-Ab3dEf9_.js",
		"assets/x-Ab3dEf9.js",
		"assets/xAb3dEf9_.js",
		"assets/x-Ab3d\303\2519_.js",
		"assets/x-Ab3dEf9_",
		"x/assets/x-Ab3dEf9_.js",
		"assets/",
		"assets/a-/Ab3dEf9.js",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hashed); i++)
		assert_true(static_path_is_hashed(hashed[i]));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(static_path_is_hashed(others[i]));
}

static void extensions_have_types(void **state)
{
	static const char *const pairs[][2] = {
		{ "index.html", "text/html; charset=utf-8" },
		{ "assets/x.js", "text/javascript; charset=utf-8" },
		{ "assets/x.js.map", "application/json" },
		{ "x.CSS", "text/css; charset=utf-8" },
		{ "favicon.svg", "image/svg+xml" },
		{ "x.woff2", "font/woff2" },
		{ "x", "application/octet-stream" },
		{ "x.unheard", "application/octet-stream" },
		{ "x.html/y", "application/octet-stream" },
		{ "x.", "application/octet-stream" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++)
		assert_string_equal(static_path_type(pairs[i][0]), pairs[i][1]);
}

static void lists_are_read(void **state)
{
	static const char *const with[] = {
		"gzip",
		"br, gzip",
		"GZip",
		"deflate;q=0, gzip;q=0.5",
		" gzip ;q=1, br ",
		"gzip;q=0.01",
		"br;q=1.0,gzip;q=1.0",
		"identity,,gzip",
	};
	static const char *const without[] = {
		"",	    "br",	 "gzipx",	  "x-gzip",	  "*",
		"gzip;q=0", "gzip;q=0.", "gzip; Q=0.000", "br, gzip;q=0", "gzip;x=1;q=0",
		"gzip/x",   ",;,",	 "gzip;q=0, br",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(with); i++)
		assert_true(static_path_accepts(with[i], "gzip"));
	for (size_t i = 0; i < COUNT(without); i++)
		assert_false(static_path_accepts(without[i], "gzip"));
	assert_false(static_path_accepts(NULL, "gzip"));
	assert_true(static_path_accepts("text/html,application/xml;q=0.9,*/*;q=0.8", "text/html"));
	assert_false(static_path_accepts("application/json, */*", "text/html"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_name_files),
		cmocka_unit_test(folders_have_a_page),
		cmocka_unit_test(plain_names_can_stand_in_a_location),
		cmocka_unit_test(no_path_leads_out_or_to_what_is_hidden),
		cmocka_unit_test(pages_look_like_no_file),
		cmocka_unit_test(only_built_files_with_a_hash_never_change),
		cmocka_unit_test(extensions_have_types),
		cmocka_unit_test(lists_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
