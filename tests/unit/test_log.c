/* test_log.c - members of a line, the request's id, and repeats that are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "relevo/log.h"

/* What `body` writes to stderr, without the time at the front of each line. */
static void logged(void (*body)(void), bool json, char *out, size_t size)
{
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(file);
	assert_true(kept >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
	log_init(LOG_INFO, json);
	body();
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
	rewind(file);
	len = fread(out, 1, size - 1, file);
	out[len] = '\0';
	fclose(file);
}

static void members(void)
{
	const struct log_field fields[] = {
		{ "path", "/a b\"\n", false },
		{ "status", "200", true },
	};

	log_request("r-1");
	log_fields(LOG_INFO, TAG_HTTP, "access", fields, 2);
	log_request(NULL);
	log_info(TAG_HTTP, "next");
}

static void members_in_text_are_words_behind_the_message(void **state)
{
	char out[8192];

	(void)state;
	logged(members, false, out, sizeof(out));
	assert_non_null(strstr(out, "Z INFO [HTTP] access path=/a\\x20b\"\\n status=200 "
				    "request=r-1\n"));
	assert_non_null(strstr(out, "Z INFO [HTTP] next\n"));
}

static void members_in_json_are_members(void **state)
{
	char out[8192];

	(void)state;
	logged(members, true, out, sizeof(out));
	assert_non_null(strstr(out,
			       "\"message\":\"access\",\"path\":\"/a b\\\"\\n\",\"status\":200,"
			       "\"request\":\"r-1\"}\n"));
	assert_non_null(strstr(out, "\"message\":\"next\"}\n"));
}

static void long_member(void)
{
	char path[5000];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	log_request("r-2");
	log_fields(LOG_INFO, TAG_HTTP, path, &(struct log_field){ "path", path, false }, 1);
	log_request(NULL);
}

static void a_long_line_is_cut_and_still_whole(void **state)
{
	char out[8192];

	(void)state;
	logged(long_member, true, out, sizeof(out));
	assert_in_range(strlen(out), 3000, 4096);
	assert_string_equal(out + strlen(out) - 20, "x\",\"request\":\"r-2\"}\n");
}

static void the_same_line_passes_once_a_minute(void **state)
{
	struct log_limit l = LOG_LIMIT_INIT;
	uint64_t left_out = 7;

	(void)state;
	assert_true(log_limit_passes(&l, "session 17 was cut", 5000, &left_out));
	assert_int_equal(left_out, 0);
	for (int i = 0; i < 300; i++)
		assert_false(log_limit_passes(&l, "session 18 was cut", 5000 + 100 * i, &left_out));
	assert_false(log_limit_passes(&l, "session 9 was cut", 64999, &left_out));
	assert_true(log_limit_passes(&l, "session 19 was cut", 65000, &left_out));
	assert_int_equal(left_out, 301);
	assert_false(log_limit_passes(&l, "session 20 was cut", 65001, &left_out));
}

static void another_line_passes_after_a_second(void **state)
{
	struct log_limit l = LOG_LIMIT_INIT;
	uint64_t left_out = 0;

	(void)state;
	assert_true(log_limit_passes(&l, "refused", 0, &left_out));
	assert_false(log_limit_passes(&l, "timed out", 999, &left_out));
	assert_true(log_limit_passes(&l, "timed out", 1000, &left_out));
	assert_int_equal(left_out, 1);
	assert_true(log_limit_passes(&l, "refused", 2000, &left_out));
	assert_int_equal(left_out, 0);
}

static void one_fault_again_and_again(void)
{
	for (int i = 0; i < 100; i++)
		log_limited(LOG_WARN, TAG_MYSQL, "session %d was cut", i);
}

static void repeats_of_one_place_are_one_line(void **state)
{
	char out[8192];
	uint64_t before = log_written(LOG_WARN);

	(void)state;
	logged(one_fault_again_and_again, false, out, sizeof(out));
	assert_non_null(strstr(out, "session 0 was cut\n"));
	assert_null(strstr(out, "session 1 was cut"));
	assert_int_equal(log_written(LOG_WARN) - before, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_in_text_are_words_behind_the_message),
		cmocka_unit_test(members_in_json_are_members),
		cmocka_unit_test(a_long_line_is_cut_and_still_whole),
		cmocka_unit_test(the_same_line_passes_once_a_minute),
		cmocka_unit_test(another_line_passes_after_a_second),
		cmocka_unit_test(repeats_of_one_place_are_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
