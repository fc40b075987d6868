/* test_retries.c - a lane's jobs that are to be tried again: order, share, turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/store/store_private.h"

#define TRIES	  1000
#define OTHERWISE 7

static void without_any_there_is_nothing_to_wait_for(void **state)
{
	struct retries r = { 0 };
	size_t count = 1;

	(void)state;
	assert_int_equal(retries_due_ms(&r, OTHERWISE), OTHERWISE);
	assert_null(retries_take(&r, 3, &count));
	assert_int_equal(count, 0);
	retries_wait(&r);
}

static void a_turn_is_taken_in_parts_the_oldest_first(void **state)
{
	struct retries r = { 0 };
	struct job jobs[5] = { 0 };
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		retries_add(&r, &jobs[i]);
	assert_int_equal(r.count, 5);
	assert_int_equal(retries_due_ms(&r, OTHERWISE), 0);
	struct job *list = retries_take(&r, 3, &count);
	assert_int_equal(count, 3);
	assert_int_equal(r.count, 2);
	for (size_t i = 0; i < 3; i++, list = list->next)
		assert_ptr_equal(list, &jobs[i]);
	assert_null(list);
	assert_int_equal(retries_due_ms(&r, OTHERWISE), 0);
	list = retries_take(&r, 3, &count);
	assert_int_equal(count, 2);
	assert_ptr_equal(list, &jobs[3]);
	assert_ptr_equal(list->next, &jobs[4]);
	assert_null(list->next->next);
	assert_int_equal(r.count, 0);
}

/* True unless the test was held up for a whole turn. */
static bool waits_for_its_turn(void)
{
	struct retries r = { 0 };
	struct job jobs[2] = { 0 };
	size_t count = 0;

	retries_add(&r, &jobs[0]);
	retries_add(&r, &jobs[1]);
	assert_ptr_equal(retries_take(&r, 1, &count), &jobs[0]);
	retries_add(&r, &jobs[0]);
	assert_ptr_equal(retries_take(&r, 2, &count), &jobs[1]);
	assert_int_equal(count, 1);
	if (retries_take(&r, 2, &count) != NULL)
		return false;
	assert_int_equal(r.count, 1);
	retries_wait(&r);
	assert_ptr_equal(retries_take(&r, 2, &count), &jobs[0]);
	return true;
}

static void what_fails_again_waits_for_the_next_turn(void **state)
{
	int tries = 0;

	(void)state;
	while (!waits_for_its_turn())
		assert_true(++tries < TRIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_there_is_nothing_to_wait_for),
		cmocka_unit_test(a_turn_is_taken_in_parts_the_oldest_first),
		cmocka_unit_test(what_fails_again_waits_for_the_next_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
