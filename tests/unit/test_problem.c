/* test_problem.c - every error has its HTTP answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../src/http/problem.h"

static void every_code_has_a_complete_row(void **state)
{
	(void)state;
	for (unsigned code = 0; code < PROBLEM_COUNT; code++) {
		const struct problem_row *row = problem_find(code);
		assert_in_range(row->status, 400, 599);
		assert_non_null(row->type);
		assert_non_null(row->title);
		assert_non_null(row->detail);
		if (row->status == 503)
			assert_true(row->retry_after > 0);
		else
			assert_int_equal(row->retry_after, 0);
	}
}

static void statuses_are_those_of_the_contract(void **state)
{
	static const struct {
		unsigned code, status;
	} expected[] = {
		{ ERR_MALFORMED, 400 },	    { ERR_INVALID, 422 },
		{ ERR_NOT_FOUND, 404 },	    { ERR_PRECONDITION, 412 },
		{ ERR_KEY_REUSED, 422 },    { ERR_KEY_BUSY, 409 },
		{ ERR_DEAD_LETTER, 409 },   { ERR_BUSY, 409 },
		{ ERR_FULL, 503 },	    { ERR_BOTH_DOWN, 503 },
		{ ERR_NOT_DURABLE, 503 },   { ERR_STOPPING, 503 },
		{ ERR_INTERNAL, 500 },	    { PROBLEM_METHOD, 405 },
		{ PROBLEM_TOO_LARGE, 413 }, { PROBLEM_MEDIA_TYPE, 415 },
		{ PROBLEM_HEADERS, 431 },   { PROBLEM_NO_TOKEN, 401 },
		{ PROBLEM_BAD_TOKEN, 401 }, { PROBLEM_CREDENTIALS, 400 },
		{ PROBLEM_SCOPE, 403 },	    { PROBLEM_LISTENERS, 503 },
		{ ERR_LETTER_TAKEN, 409 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		assert_int_equal(problem_find(expected[i].code)->status, expected[i].status);
}

static void unknown_codes_are_internal(void **state)
{
	(void)state;
	assert_ptr_equal(problem_find(PROBLEM_COUNT), problem_find(ERR_INTERNAL));
}

static json_t *rendered(unsigned code, const char *detail, const struct faults *faults)
{
	struct buf b = { 0 };
	json_t *object;

	problem_render(&b, code, detail, faults);
	object = json_loadb(b.bytes, b.len, 0, NULL);
	buf_free(&b);
	assert_non_null(object);
	return object;
}

static void documents_list_every_fault(void **state)
{
	static struct faults faults = { .at = { { .field = "code", .message = "required" },
						{ .field = "a\"b", .message = "unknown" } },
					.count = 2 };
	json_t *object = rendered(ERR_INVALID, "code: required (and 1 more)", &faults);
	json_t *errors = json_object_get(object, "errors");

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(object, "status")), 422);
	assert_string_equal(json_string_value(json_object_get(object, "type")),
			    "urn:relevo:problem:invalid");
	assert_int_equal(json_array_size(errors), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(errors, 1), "field")),
			    "a\"b");
	json_decref(object);
}

static void the_last_fault_tells_of_those_without_room(void **state)
{
	static struct faults faults = { .at = { { .field = "code", .message = "required" } },
					.count = 1,
					.more = 7 };
	json_t *object = rendered(ERR_INVALID, "code: required (and 7 more)", &faults);
	json_t *last = json_array_get(json_object_get(object, "errors"), 1);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(last, "field")), "");
	assert_string_equal(json_string_value(json_object_get(last, "message")),
			    "7 more are not listed");
	json_decref(object);
}

static void internal_texts_are_not_shown(void **state)
{
	json_t *object = rendered(ERR_INTERNAL, "secret host 10.0.0.1", NULL);

	(void)state;
	assert_null(strstr(json_string_value(json_object_get(object, "detail")), "secret"));
	assert_null(json_object_get(object, "errors"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_complete_row),
		cmocka_unit_test(statuses_are_those_of_the_contract),
		cmocka_unit_test(unknown_codes_are_internal),
		cmocka_unit_test(documents_list_every_fault),
		cmocka_unit_test(the_last_fault_tells_of_those_without_room),
		cmocka_unit_test(internal_texts_are_not_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
