/* test_request_id.c - which ids of clients are taken, and that made ones differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/http/media_type.h"
#include "../../src/http/request_id.h"
#include "relevo/thread.h"

static void well_formed_ids_are_taken(void **state)
{
	char longest[REQUEST_ID_MAX + 2];

	(void)state;
	assert_true(request_id_fits("a"));
	assert_true(request_id_fits("4bf92f3577b34da6a3ce929d0e0e4736"));
	assert_true(request_id_fits("!#$%&()*+,-./:;<=>?@[]^_`{|}~"));
	memset(longest, 'x', sizeof longest);
	longest[REQUEST_ID_MAX] = '\0';
	assert_true(request_id_fits(longest));
	longest[REQUEST_ID_MAX] = 'x';
	longest[REQUEST_ID_MAX + 1] = '\0';
	assert_false(request_id_fits(longest));
}

static void other_ids_are_not(void **state)
{
	static const char *const bad[] = {
		"", "a b", "a\tb", "a\"b", "a'b", "a\\b", "\x7f", "\xC3\xA9", "a\nb", "\x01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (request_id_fits(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

#define MANY 20000

static void *make_many(void *arg)
{
	char(*ids)[REQUEST_ID_SIZE] = arg;

	for (size_t i = 0; i < MANY; i++)
		request_id_make(ids[i]);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void made_ids_fit_and_differ_also_between_threads(void **state)
{
	static char ids[2 * MANY][REQUEST_ID_SIZE];
	pthread_t thread = thread_start("maker", make_many, ids + MANY);

	(void)state;
	make_many(ids);
	PTOK(pthread_join(thread, NULL));
	qsort(ids, sizeof ids / sizeof ids[0], sizeof ids[0], compare);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		assert_int_equal(strspn(ids[i], "0123456789abcdef"), REQUEST_ID_SIZE - 1);
		assert_true(request_id_fits(ids[i]));
		if (i > 0)
			assert_string_not_equal(ids[i - 1], ids[i]);
	}
}

static void json_is_told_from_other_types(void **state)
{
	(void)state;
	assert_true(media_type_is_json("application/json"));
	assert_true(media_type_is_json("Application/JSON ; charset=\"UTF-8\""));
	assert_false(media_type_is_json("application/jsonp"));
	assert_false(media_type_is_json("application/json; charset=latin1"));
	assert_false(media_type_is_json("application/json; charset=\"utf-8"));
	assert_false(media_type_is_json("text/json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_ids_are_taken),
		cmocka_unit_test(other_ids_are_not),
		cmocka_unit_test(made_ids_fit_and_differ_also_between_threads),
		cmocka_unit_test(json_is_told_from_other_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
