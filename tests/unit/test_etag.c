/* test_etag.c - If-None-Match and If-Match lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/http/etag.h"

static void none_match_compares_weakly(void **state)
{
	(void)state;
	assert_true(etag_none_match("\"a\"", "\"a\""));
	assert_true(etag_none_match("W/\"a\"", "\"a\""));
	assert_true(etag_none_match(" \"x\" ,, \t\"a\"", "\"a\""));
	assert_true(etag_none_match(" * ", "\"a\""));
	assert_false(etag_none_match("\"b\"", "\"a\""));
	assert_false(etag_none_match("\"ab\"", "\"a\""));
	assert_false(etag_none_match("", "\"a\""));
}

static void none_match_ignores_malformed_lists(void **state)
{
	(void)state;
	assert_false(etag_none_match("a", "\"a\""));
	assert_false(etag_none_match("\"a", "\"a\""));
	assert_false(etag_none_match("w/\"a\"", "\"a\""));
	assert_false(etag_none_match("\"x\" \"a\"", "\"a\""));
	assert_false(etag_none_match("\"x\", *", "\"a\""));
}

static void if_match_keeps_strong_tags_only(void **state)
{
	struct job job = { .kind = JOB_PATCH };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(etag_if_match("\"a\", W/\"b\", \"c,d\"", &job, &e), ERR_NONE);
	assert_true(job.if_match);
	assert_false(job.if_match_any);
	assert_int_equal(job.etag_count, 2);
	assert_string_equal(job.etags[0], "\"a\"");
	assert_string_equal(job.etags[1], "\"c,d\"");
}

static void if_match_takes_star(void **state)
{
	struct job job = { .kind = JOB_PATCH };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(etag_if_match("*", &job, &e), ERR_NONE);
	assert_true(job.if_match && job.if_match_any);
}

static void if_match_with_weak_tags_matches_nothing(void **state)
{
	struct job job = { .kind = JOB_PATCH };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(etag_if_match("W/\"a\"", &job, &e), ERR_NONE);
	assert_true(job.if_match);
	assert_int_equal(job.etag_count, 0);
}

static void if_match_leaves_out_tags_longer_than_ours(void **state)
{
	struct job job = { .kind = JOB_PATCH };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(etag_if_match("\"0123456789012345678901234567890123456789\"", &job, &e),
			 ERR_NONE);
	assert_int_equal(job.etag_count, 0);
}

static void if_match_refuses_malformed_and_long_lists(void **state)
{
	static const char *const bad[] = { "", ",", "a", "\"a", "*, \"a\"", "\"a\" \"b\"", "W/a" };
	char many[128] = "";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct job job = { .kind = JOB_PATCH };
		struct err e = ERR_INIT;
		assert_int_equal(etag_if_match(bad[i], &job, &e), ERR_MALFORMED);
	}
	for (int i = 0; i < ETAG_LIST_MAX + 1; i++)
		strcat(many, "\"a\",");
	struct job job = { .kind = JOB_PATCH };
	struct err e = ERR_INIT;
	assert_int_equal(etag_if_match(many, &job, &e), ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_match_compares_weakly),
		cmocka_unit_test(none_match_ignores_malformed_lists),
		cmocka_unit_test(if_match_keeps_strong_tags_only),
		cmocka_unit_test(if_match_takes_star),
		cmocka_unit_test(if_match_with_weak_tags_matches_nothing),
		cmocka_unit_test(if_match_leaves_out_tags_longer_than_ours),
		cmocka_unit_test(if_match_refuses_malformed_and_long_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
