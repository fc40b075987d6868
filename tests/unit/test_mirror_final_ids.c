/* test_mirror_final_ids.c - what became of creates that waited: temporary ids and their final ones.
 */
#include "mirror_kit.h"

static void test_create_and_delete_cancel_out(void **state)
{
	struct changes c = { 0 };
	struct opid ops[2] = { kit_id(2), kit_id(3) };
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	log_op(*state, OP_DELETE, 3, 0, 2, NULL);
	assert_text(shown_temp(*state, 2), "-");
	changes_done(&c, ops, 2, NO_OP, 0);
	log_next(*state, &c);
	assert_text(shown_temp(*state, 2), "-");
	struct mirror_item_state s;
	mirror_item_state(*state, 0, kit_id(2), &s);
	assert_false(s.known);
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 0);
	assert_true(mirror_create_ended(*state, kit_id(2)));
}

static void test_drained_create_moves_to_its_final_id(void **state)
{
	struct changes c = { 0 };
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	add_done(&c, 2, 77);
	add_row(&c, 77, 1, "NEW");
	log_next(*state, &c);
	assert_text(shown(*state, 77), "NEW/Operativa/1");
	assert_text(shown_temp(*state, 2), "NEW/Operativa/1");
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 77);
	assert_int_equal(counts_of(*state).items, 1);
}

static void test_later_update_follows_a_drained_create(void **state)
{
	struct changes c = { 0 };
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	log_op(*state, OP_UPDATE, 3, 0, 2, "y");
	assert_text(shown_temp(*state, 2), "NEW/y/0p");
	add_done(&c, 2, 77);
	add_row(&c, 77, 1, "NEW");
	log_next(*state, &c);
	assert_text(shown(*state, 77), "NEW/y/1p");
	log_op(*state, OP_UPDATE, 4, 0, 2, "z");
	assert_text(shown(*state, 77), "NEW/z/1p");
	log_done(*state, 3, 0);
	log_done(*state, 4, 0);
	assert_text(shown(*state, 77), "NEW/Operativa/1");
}

static void test_create_that_is_done_does_not_come_back(void **state)
{
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	log_done(*state, 2, 77);
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	assert_int_equal(counts_of(*state).items, 0);
	assert_int_equal(counts_of(*state).pending[OP_CREATE], 0);
}

static void test_final_ids_expire_after_seven_days(void **state)
{
	mirror_set_final_id(*state, kit_id(2), 5);
	mirror_expire(*state, clock_mono_us() + 6 * 1440 * MINUTE_US, SIZE_MAX);
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 5);
	mirror_expire(*state, clock_mono_us() + 8 * 1440 * MINUTE_US, SIZE_MAX);
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 0);
}

static void test_beyond_the_bound_the_oldest_final_ids_go(void **state)
{
	for (unsigned n = 1; n <= 5; n++)
		mirror_set_final_id(*state, kit_id(n), n);
	mirror_expire(*state, clock_mono_us(), 2);
	assert_int_equal(counts_of(*state).final_ids, 2);
	assert_int_equal(mirror_final_id(*state, kit_id(3)), 0);
	assert_int_equal(mirror_final_id(*state, kit_id(4)), 4);
}

static void test_a_create_that_left_no_item_may_wait_again(void **state)
{
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	log_done(*state, 2, 0);
	assert_true(mirror_create_ended(*state, kit_id(2)));
	log_op(*state, OP_CREATE, 2, 0, 0, "y"); /* a dead letter that is tried again */
	assert_text(shown_temp(*state, 2), "NEW/y/0p");
	log_done(*state, 2, 77);
	assert_false(mirror_create_ended(*state, kit_id(2)));
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 77);
}

static void test_learnt_creates_are_known(void **state)
{
	mirror_learn_create(*state, kit_id(2), 77);
	mirror_learn_create(*state, kit_id(3), 0);
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 77);
	assert_false(mirror_create_ended(*state, kit_id(2)));
	assert_int_equal(mirror_final_id(*state, kit_id(3)), 0);
	assert_true(mirror_create_ended(*state, kit_id(3)));
	assert_false(mirror_create_ended(*state, kit_id(4)));
}

static void test_what_is_known_of_a_create_is_not_learnt_anew(void **state)
{
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	mirror_learn_create(*state, kit_id(2), 77); /* the log will tell */
	assert_int_equal(mirror_final_id(*state, kit_id(2)), 0);
	assert_text(shown_temp(*state, 2), "NEW/x/0p");
	mirror_set_final_id(*state, kit_id(3), 30);
	mirror_learn_create(*state, kit_id(3), 0);
	assert_int_equal(mirror_final_id(*state, kit_id(3)), 30);
}

static void test_join_keeps_what_became_of_creates(void **state)
{
	mirror_set_final_id(*state, kit_id(3), 30);
	log_op(*state, OP_CREATE, 2, 0, 0, "x");
	log_done(*state, 2, 0);
	const struct mirror_position other = { .epoch = "other" };
	mirror_load(*state, NULL, 0, NULL, 0, &other, false, NULL);
	assert_int_equal(mirror_final_id(*state, kit_id(3)), 30);
	assert_true(mirror_create_ended(*state, kit_id(2)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_create_and_delete_cancel_out),
		WITH(test_drained_create_moves_to_its_final_id),
		WITH(test_later_update_follows_a_drained_create),
		WITH(test_create_that_is_done_does_not_come_back),
		WITH(test_final_ids_expire_after_seven_days),
		WITH(test_beyond_the_bound_the_oldest_final_ids_go),
		WITH(test_a_create_that_left_no_item_may_wait_again),
		WITH(test_learnt_creates_are_known),
		WITH(test_what_is_known_of_a_create_is_not_learnt_anew),
		WITH(test_join_keeps_what_became_of_creates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
