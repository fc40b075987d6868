/* test_mirror_waiting.c - pages of waiting operations, also while they are drained in between. */
#include "mirror_kit.h"

#define MANY 3000

static struct mirror *with_deletes(unsigned count)
{
	struct mirror *m = kit_mirror();
	for (unsigned n = 1; n <= count; n++)
		log_op(m, OP_DELETE, n, (int64_t)n, 0, NULL);
	return m;
}

static struct operation_cursor cursor_at(unsigned n)
{
	return (struct operation_cursor){ .seq = n, .op = kit_id(n) };
}

/* Asks behind operation number `after`; 0: from the start. The page holds `first` to `last`. */
static void expect_page(struct mirror *m, unsigned after, unsigned limit, unsigned first,
			unsigned last)
{
	struct operation_cursor cursor = cursor_at(after);
	struct operation_page page;
	mirror_operations_page(m, after != 0 ? &cursor : NULL, limit, &page);
	assert_int_equal(page.count, last + 1 - first);
	for (unsigned i = 0; i < page.count; i++)
		assert_int_equal(page.ops[i]->seq, first + i);
	operation_page_free(&page);
}

static void pages_follow_each_other(void **state)
{
	(void)state;
	struct mirror *m = with_deletes(10);
	struct operation_page page;
	expect_page(m, 0, 4, 1, 4);
	expect_page(m, 4, 4, 5, 8);
	expect_page(m, 8, 4, 9, 10);
	expect_page(m, 10, 4, 1, 0);
	mirror_operations_page(m, NULL, 9, &page);
	assert_true(page.more);
	assert_int_equal(page.total, 10);
	operation_page_free(&page);
	mirror_operations_page(m, NULL, 10, &page);
	assert_false(page.more);
	operation_page_free(&page);
	mirror_free(&m);
}

static void a_place_outlives_its_operation(void **state)
{
	(void)state;
	struct mirror *m = with_deletes(MANY);
	for (unsigned n = 1; n <= MANY; n += 100) {
		log_done(m, n, 0);
		expect_page(m, n, 50, n + 1, n + 50);
	}
	log_done(m, MANY, 0);
	expect_page(m, MANY, 50, 1, 0);
	mirror_free(&m);
}

static void a_place_is_found_after_a_load_too(void **state)
{
	(void)state;
	struct mirror *m = with_deletes(MANY);
	struct mirror_position at = mirror_position(m);
	mirror_load(m, NULL, 0, NULL, 0, &at, true, NULL);
	log_done(m, 1500, 0);
	expect_page(m, 1500, 3, 1501, 1503);
	mirror_free(&m);
}

static void what_is_accepted_out_of_order_takes_its_place(void **state)
{
	(void)state;
	struct mirror *m = kit_mirror();
	for (unsigned n = MANY; n > 0; n--)
		log_op(m, OP_DELETE, n, (int64_t)n, 0, NULL);
	log_done(m, 777, 0);
	expect_page(m, 777, 5, 778, 782);
	mirror_free(&m);
}

static void cursors_are_read_as_they_were_written(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"c0000000000000001",
		"0000000000000001-",
		"0000000000000001-018f0000-0000-7000-8000-00000000000",
		"0000000000000001-018f0000-0000-7000-8000-00000000000g",
		"000000000000000g-018f0000-0000-7000-8000-000000000000",
		"-000000000000001-018f0000-0000-7000-8000-000000000000",
		" 000000000000001-018f0000-0000-7000-8000-000000000000",
		"00000000000000x1-018f0000-0000-7000-8000-000000000000",
		"0000000000000001 018f0000-0000-7000-8000-000000000000",
	};
	struct operation_cursor c = cursor_at(0xabc), read = { 0 };
	char text[OPERATION_CURSOR_SIZE];
	operation_cursor_format(&c, text);
	assert_true(operation_cursor_parse(text, &read));
	assert_int_equal(read.seq, c.seq);
	assert_true(opid_equal(read.op, c.op));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(operation_cursor_parse(bad[i], &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_follow_each_other),
		cmocka_unit_test(a_place_outlives_its_operation),
		cmocka_unit_test(a_place_is_found_after_a_load_too),
		cmocka_unit_test(what_is_accepted_out_of_order_takes_its_place),
		cmocka_unit_test(cursors_are_read_as_they_were_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
