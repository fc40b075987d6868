/* test_done_list.c - the list of records that Redis did not take: order, sending, its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/store/store_private.h"

static int setup(void **state)
{
	struct done_list *l = calloc(1, sizeof(*l));

	done_list_init(l);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	done_list_destroy(*state);
	free(*state);
	return 0;
}

static void add(struct done_list *l, unsigned n, unsigned ttl_s)
{
	char json[] = "{}";
	struct done_record r = { .json = json, .ttl_s = ttl_s };

	r.op.bytes[0] = (uint8_t)(n >> 16);
	r.op.bytes[1] = (uint8_t)(n >> 8);
	r.op.bytes[2] = (uint8_t)n;
	done_list_add(l, &r, 1);
}

/* Number of the oldest record, and how many `max` of them give. */
static unsigned oldest(struct done_list *l, size_t max, size_t *count, uint64_t *last)
{
	struct done_record *out = calloc(max, sizeof(*out));
	unsigned n;

	*count = done_list_peek(l, out, max, last);
	n = *count == 0 ? 0
			: (unsigned)(out[0].op.bytes[0] << 16 | out[0].op.bytes[1] << 8 |
				     out[0].op.bytes[2]);
	for (size_t i = 0; i < *count; i++)
		free(out[i].json);
	free(out);
	return n;
}

static void assert_size(struct done_list *l, size_t count, uint64_t dropped)
{
	size_t is = 0;
	uint64_t gone = 0;

	done_list_size(l, &is, &gone);
	assert_int_equal(is, count);
	assert_int_equal(gone, dropped);
}

static void test_what_was_sent_goes(void **state)
{
	size_t count;
	uint64_t last;

	for (unsigned n = 1; n <= 5; n++)
		add(*state, n, 100);
	assert_int_equal(oldest(*state, 3, &count, &last), 1);
	assert_int_equal(count, 3);
	done_list_sent(*state, last);
	assert_int_equal(oldest(*state, 10, &count, &last), 4);
	assert_int_equal(count, 2);
	assert_false(done_list_empty(*state));
	done_list_sent(*state, last);
	assert_true(done_list_empty(*state));
	assert_size(*state, 0, 0);
}

static void test_an_expired_record_is_not_sent(void **state)
{
	size_t count;
	uint64_t last;

	add(*state, 1, 0);
	add(*state, 2, 100);
	assert_int_equal(oldest(*state, 10, &count, &last), 2);
	assert_int_equal(count, 1);
	assert_size(*state, 1, 0);
}

static void test_beyond_the_bound_the_oldest_give_way_and_are_counted(void **state)
{
	size_t count;
	uint64_t last;

	for (unsigned n = 1; n <= UNSENT_MAX + 5; n++)
		add(*state, n, 100);
	assert_size(*state, UNSENT_MAX, 5);
	assert_int_equal(oldest(*state, 1, &count, &last), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_was_sent_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_expired_record_is_not_sent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_beyond_the_bound_the_oldest_give_way_and_are_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
