/* test_query.c - splitting and decoding of queries, parameters of GET /items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/http/query.h"

static enum err_code list(const char *raw, struct list_query *out)
{
	struct query q = { .count = 0 };
	struct err e = ERR_INIT;
	enum err_code code = query_parse(raw, &q, &e);

	if (code == ERR_NONE)
		code = query_list(&q, out, &e);
	query_free(&q);
	return code;
}

static void splits_and_decodes(void **state)
{
	struct query q;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(query_parse("&a=1%202&b=x+y&c&d=%C3%B1=&", &q, &e), ERR_NONE);
	assert_int_equal(q.count, 4);
	assert_string_equal(q.at[0].value, "1 2");
	assert_string_equal(q.at[1].value, "x y");
	assert_string_equal(q.at[2].name, "c");
	assert_int_equal(q.at[2].value_len, 0);
	assert_string_equal(q.at[3].value, "\xc3\xb1=");
	query_free(&q);
}

static void refuses_what_cannot_be_decoded(void **state)
{
	static const char *const bad[] = { "a=%",   "a=%1",   "a=%zz", "a=%00",	  "%00=a",
					   "a=%ff", "a=\xff", "a=%c3", "a=1&a=2", "a&%61=1" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct query q = { .count = 0 };
		struct err e = ERR_INIT;
		assert_int_equal(query_parse(bad[i], &q, &e), ERR_MALFORMED);
		assert_null(q.store);
	}
}

static void refuses_too_many_parameters(void **state)
{
	char raw[QUERY_MAX * 4 + 8] = "";
	struct query q;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i <= QUERY_MAX; i++) {
		char part[] = { (char)('0' + i), '=', '&', '\0' };
		strcat(raw, part);
	}
	assert_int_equal(query_parse(raw, &q, &e), ERR_MALFORMED);
}

static void reads_limit_cursor_and_filters(void **state)
{
	struct list_query out = { 0 };
	char cursor[CURSOR_SIZE], raw[128] = "limit=1000&code=PC%2B1&q=ABC&after=";
	int code = column_find("code", 4), area = column_find("area", 4);

	(void)state;
	cursor_format(77, cursor);
	strcat(raw, cursor);
	assert_int_equal(list(raw, &out), ERR_NONE);
	assert_int_equal(out.limit, 1000);
	assert_int_equal(out.after, 77);
	assert_true(out.filter[code].present);
	assert_string_equal(out.filter[code].text, "PC+1");
	assert_false(out.filter[area].present);
	assert_string_equal(out.needle, "abc");
	list_query_free(&out);
}

static void empty_filter_is_exact_and_empty_q_is_none(void **state)
{
	struct list_query out = { 0 };
	int code = column_find("code", 4);

	(void)state;
	assert_int_equal(list("code=&q=", &out), ERR_NONE);
	assert_true(out.filter[code].present);
	assert_int_equal(out.filter[code].len, 0);
	assert_null(out.needle);
	list_query_free(&out);
}

static void refuses_unknown_and_bad_parameters(void **state)
{
	static const char *const bad[] = { "x=1",
					   "Limit=1",
					   "limit=",
					   "limit=0",
					   "limit=1001",
					   "limit=-1",
					   "limit=+1",
					   "limit=1x",
					   "limit=99999999999999999999",
					   "after=",
					   "after=-1",
					   "after=x y",
					   "id=1",
					   "version=1",
					   "q=a&nope",
					   "code=a&pending=true" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct list_query out = { 0 };
		assert_int_equal(list(bad[i], &out), ERR_MALFORMED);
		assert_null(out.needle);
	}
}

static void path_decoding_keeps_plus(void **state)
{
	char text[] = "/items/%31+";

	(void)state;
	assert_int_equal(percent_decode(text, strlen(text), false), 9);
	assert_memory_equal(text, "/items/1+", 9);
}

static void cuts_a_long_name_at_a_character(void **state)
{
	char name[241] = "", text[512];

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(name, "%C3%B1");
	for (size_t i = 0; i < 2; i++) {
		struct list_query out;
		struct err e = ERR_INIT;
		struct query q = { .count = 0 };
		if (i == 0)
			(void)snprintf(text, sizeof text, "a%s=1", name);
		else
			(void)snprintf(text, sizeof text, "a%s=1&a%s=2", name, name);
		if (query_parse(text, &q, &e) == ERR_NONE)
			assert_int_equal(query_list(&q, &out, &e), ERR_MALFORMED);
		query_free(&q);
		assert_non_null(strstr(e.text, "a\xc3\xb1"));
		assert_true(utf8_length(e.text, strlen(e.text)) > 31);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_and_decodes),
		cmocka_unit_test(refuses_what_cannot_be_decoded),
		cmocka_unit_test(refuses_too_many_parameters),
		cmocka_unit_test(reads_limit_cursor_and_filters),
		cmocka_unit_test(empty_filter_is_exact_and_empty_q_is_none),
		cmocka_unit_test(refuses_unknown_and_bad_parameters),
		cmocka_unit_test(cuts_a_long_name_at_a_character),
		cmocka_unit_test(path_decoding_keeps_plus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
