/* test_mirror.c - the mirror as a state machine: versions, the log, waiting operations. */
#include "mirror_kit.h"

/* --- versions and tombstones --- */

static void test_newer_row_replaces(void **state)
{
	log_row(*state, 1, 1, "A");
	log_row(*state, 1, 2, "B");
	assert_text(shown(*state, 1), "B/Operativa/2");
}

static void test_late_row_is_ignored(void **state)
{
	log_row(*state, 1, 2, "B");
	log_row(*state, 1, 1, "A");
	assert_text(shown(*state, 1), "B/Operativa/2");
}

static void test_same_version_later_time_replaces(void **state)
{
	struct fields f = kit_fields("X", "Operativa");
	struct row *row = row_new(1, NO_OP, 1, 99000000, false, &f);
	struct changes c = { 0 };
	log_row(*state, 1, 1, "A");
	changes_row(&c, row, true, false);
	log_next(*state, &c);
	row_unref(&row);
	assert_text(shown(*state, 1), "X/Operativa/1");
	log_row(*state, 1, 1, "A");
	assert_text(shown(*state, 1), "X/Operativa/1");
}

static void test_row_late_after_delete_stays_away(void **state)
{
	log_row(*state, 1, 1, "A");
	log_delete(*state, 1, 3);
	log_row(*state, 1, 2, "B");
	assert_text(shown(*state, 1), "-");
	log_row(*state, 1, 4, "C");
	assert_text(shown(*state, 1), "C/Operativa/4");
	assert_int_equal(counts_of(*state).tombstones, 0);
}

static void test_delete_before_its_rows_arrive(void **state)
{
	log_delete(*state, 1, 3);
	log_row(*state, 1, 1, "A");
	log_row(*state, 1, 2, "B");
	assert_text(shown(*state, 1), "-");
}

static void test_late_delete_is_ignored(void **state)
{
	log_row(*state, 1, 3, "C");
	log_delete(*state, 1, 3);
	assert_text(shown(*state, 1), "C/Operativa/3");
	log_delete(*state, 1, 4);
	assert_text(shown(*state, 1), "-");
}

static void test_tombstone_only_rises(void **state)
{
	log_delete(*state, 1, 5);
	log_delete(*state, 1, 3);
	log_row(*state, 1, 4, "A");
	assert_text(shown(*state, 1), "-");
}

static void test_every_order_ends_the_same(void **state)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	for (int id = 1; id <= 6; id++) {
		for (int k = 0; k < 3; k++) {
			int which = orders[id - 1][k];
			if (which == 2)
				log_delete(*state, id, 3);
			else
				log_row(*state, id, (uint64_t)which + 1, "A");
		}
		assert_text(shown(*state, id), "-");
	}
	assert_int_equal(counts_of(*state).tombstones, 6);
}

static void test_forced_row_goes_back(void **state)
{
	struct changes c = { 0 };
	struct row *row = kit_row(1, 1, "OLD");
	log_row(*state, 1, 5, "A");
	changes_row(&c, row, true, true);
	log_next(*state, &c);
	assert_text(shown(*state, 1), "OLD/Operativa/1");
	log_delete(*state, 1, 9);
	changes_row(&c, row, true, true);
	log_next(*state, &c);
	row_unref(&row);
	assert_text(shown(*state, 1), "OLD/Operativa/1");
}

static void test_forced_row_spares_what_is_newer_and_unlogged(void **state)
{
	struct changes c = { 0 };
	struct row *old = kit_row(1, 5, "OLD"), *row = kit_row(1, 6, "NEW");
	log_row(*state, 1, 4, "A");
	changes_row(&c, row, false, false);
	mirror_apply_unlogged(*state, &c);
	changes_free(&c);
	changes_row(&c, old, true, true);
	log_next(*state, &c);
	assert_text(shown(*state, 1), "NEW/Operativa/6");
	assert_int_equal(mirror_unlogged_count(*state), 1);
	changes_delete(&c, 1, 7, false);
	mirror_apply_unlogged(*state, &c);
	changes_free(&c);
	changes_row(&c, row, true, true);
	log_next(*state, &c);
	assert_text(shown(*state, 1), "-");
	assert_int_equal(mirror_unlogged_count(*state), 1);
	row_unref(&old);
	row_unref(&row);
}

static void test_forced_delete_removes_newer_row(void **state)
{
	struct changes c = { 0 };
	log_row(*state, 1, 5, "A");
	changes_delete(&c, 1, 2, true);
	log_next(*state, &c);
	assert_text(shown(*state, 1), "-");
}

static void test_tombstones_expire_after_ten_minutes(void **state)
{
	log_row(*state, 1, 1, "A");
	log_delete(*state, 1, 2);
	mirror_expire(*state, clock_mono_us() + 9 * MINUTE_US, SIZE_MAX);
	assert_int_equal(counts_of(*state).tombstones, 1);
	mirror_expire(*state, clock_mono_us() + 11 * MINUTE_US, SIZE_MAX);
	assert_int_equal(counts_of(*state).tombstones, 0);
}

static void test_a_delete_is_told_again_to_who_logs_the_row(void **state)
{
	log_row(*state, 1, 1, "A");
	log_delete(*state, 1, 2);
	assert_int_equal(mirror_unlogged_count(*state), 0);
	log_row(*state, 1, 1, "A");
	assert_text(shown(*state, 1), "-");
	assert_int_equal(mirror_unlogged_count(*state), 1);
	log_delete(*state, 1, 2);
	assert_int_equal(mirror_unlogged_count(*state), 0);
}

static void test_beyond_the_bound_the_oldest_tombstones_go(void **state)
{
	for (int64_t id = 1; id <= 5; id++) {
		log_row(*state, id, 1, "A");
		log_delete(*state, id, 2);
	}
	mirror_expire(*state, clock_mono_us(), 5);
	assert_int_equal(counts_of(*state).tombstones, 5);
	mirror_expire(*state, clock_mono_us(), 2);
	assert_int_equal(counts_of(*state).tombstones, 2);
	/* A late change of an item without one is taken, of one with it refused. */
	log_row(*state, 3, 1, "late");
	log_row(*state, 4, 1, "late");
	assert_text(shown(*state, 3), "late/Operativa/1");
	assert_text(shown(*state, 4), "-");
}

static void test_foreign_rows_are_not_own(void **state)
{
	struct mirror_item_state s;
	struct changes c = { 0 };
	struct row *row = kit_row(1, 2, "B");
	log_row(*state, 1, 1, "A");
	mirror_item_state(*state, 1, NO_OP, &s);
	assert_true(s.base_own);
	row_unref(&s.row);
	changes_row(&c, row, true, false);
	log_next(*state, &c);
	mirror_item_state(*state, 1, NO_OP, &s);
	assert_false(s.base_own);
	assert_int_equal(s.base_version, 2);
	row_unref(&s.row);
	row_unref(&row);
}

static void test_foreign_echo_of_own_row_stays_own(void **state)
{
	struct mirror_item_state s;
	struct changes c = { 0 };
	struct row *row = kit_row(1, 1, "A");
	log_row(*state, 1, 1, "A");
	changes_row(&c, row, true, false);
	log_next(*state, &c);
	mirror_item_state(*state, 1, NO_OP, &s);
	assert_true(s.base_own);
	row_unref(&s.row);
	row_unref(&row);
}

/* --- following the log --- */

static void test_gap_is_refused(void **state)
{
	struct changes c = { 0 };
	add_row(&c, 1, 1, "A");
	assert_false(mirror_apply(*state, EPOCH, 2, 0, &c));
	assert_int_equal(mirror_position(*state).seq, 0);
	assert_text(shown(*state, 1), "-");
	changes_free(&c);
}

static void test_known_entry_is_not_applied_again(void **state)
{
	struct changes c = { 0 };
	log_row(*state, 1, 1, "A");
	add_row(&c, 2, 1, "B");
	assert_true(mirror_apply(*state, EPOCH, 1, 0, &c));
	assert_text(shown(*state, 2), "-");
	changes_free(&c);
}

static void test_other_epoch_is_refused(void **state)
{
	struct changes c = { 0 };
	assert_false(mirror_apply(*state, "other", 1, 0, &c));
	assert_int_equal(mirror_position(*state).seq, 0);
}

static void test_position_keeps_the_nonce(void **state)
{
	log_row(*state, 1, 1, "A");
	assert_int_equal(mirror_position(*state).nonce, 7);
}

static void test_wait_times_out_and_succeeds(void **state)
{
	assert_false(mirror_wait(*state, 1, clock_mono_ms() + 5));
	log_row(*state, 1, 1, "A");
	assert_true(mirror_wait(*state, 1, clock_mono_ms() + 5));
}

static void test_wait_change_sees_rows_operations_and_sync(void **state)
{
	uint64_t stamp = UINT64_MAX;
	struct changes c = { 0 };
	json_t *sync = json_pack("{s:s,s:s,s:i}", "t", "sync", "name", "last", "n", 1);
	assert_true(mirror_wait_change(*state, &stamp, clock_mono_ms() + 5));
	assert_false(mirror_wait_change(*state, &stamp, clock_mono_ms() + 5));
	log_row(*state, 1, 1, "A");
	assert_true(mirror_wait_change(*state, &stamp, clock_mono_ms() + 5));
	log_op(*state, OP_UPDATE, 1, 9, 0, "x"); /* of an item not shown */
	assert_true(mirror_wait_change(*state, &stamp, clock_mono_ms() + 5));
	changes_sync(&c, sync);
	log_next(*state, &c);
	assert_true(mirror_wait_change(*state, &stamp, clock_mono_ms() + 5));
	json_decref(sync);
}

static void test_sync_state_is_the_last_per_name(void **state)
{
	for (int i = 1; i <= 3; i++) {
		struct changes c = { 0 };
		json_t *sync = json_pack("{s:s,s:s,s:i}", "t", "sync", "name",
					 i == 3 ? "other" : "last", "n", i);
		changes_sync(&c, sync);
		json_decref(sync);
		log_next(*state, &c);
	}
	json_t *found = mirror_sync_state(*state, "last");
	assert_int_equal(json_integer_value(json_object_get(found, "n")), 2);
	json_decref(found);
	assert_null(mirror_sync_state(*state, "none"));
}

static void test_generation_moves_only_with_shown_rows(void **state)
{
	log_row(*state, 1, 1, "A");
	uint64_t generation = counts_of(*state).generation;
	log_row(*state, 1, 1, "A");
	log_delete(*state, 7, 3);
	assert_int_equal(counts_of(*state).generation, generation);
	log_row(*state, 1, 2, "A");
	assert_int_equal(counts_of(*state).generation, generation + 1);
}

/* --- operations that wait --- */

static void test_offline_create_is_shown_last(void **state)
{
	log_op(*state, OP_CREATE, 5, 0, 0, "Nueva");
	log_row(*state, 100, 1, "A");
	assert_text(shown_temp(*state, 5), "NEW/Nueva/0p");
	char *text = kit_text(*state);
	assert_true(strstr(text, "\"id\":100") < strstr(text, "\"id\":\"pending_"));
	free(text);
	assert_int_equal(counts_of(*state).pending[OP_CREATE], 1);
}

static void test_offline_creates_stand_in_order_of_acceptance(void **state)
{
	log_op(*state, OP_CREATE, 2, 0, 0, "first");
	log_op(*state, OP_CREATE, 3, 0, 0, "second");
	char *text = kit_text(*state);
	assert_true(strstr(text, "first") < strstr(text, "second"));
	free(text);
}

static void test_offline_update_keeps_version_and_takes_acceptance(void **state)
{
	log_row(*state, 1, 4, "A");
	log_op(*state, OP_UPDATE, 9, 1, 0, "Rota");
	struct row *row = mirror_get(*state, 1);
	assert_int_equal(row->updated_us, 9000);
	assert_text(kit_show_row(row), "A/Rota/4p");
}

static void test_offline_delete_hides(void **state)
{
	struct mirror_item_state s;
	log_row(*state, 1, 4, "A");
	log_op(*state, OP_DELETE, 9, 1, 0, NULL);
	assert_text(shown(*state, 1), "-");
	mirror_item_state(*state, 1, NO_OP, &s);
	assert_true(s.known && !s.shown && s.pending && s.has_base && s.row == NULL);
	assert_int_equal(s.base_version, 4);
	assert_int_equal(s.last_kind, OP_DELETE);
	assert_true(opid_equal(s.last_op, kit_id(9)));
}

static void test_known_operation_is_ignored(void **state)
{
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 2, 1, 0, "x");
	log_op(*state, OP_UPDATE, 3, 1, 0, "y");
	log_op(*state, OP_UPDATE, 2, 1, 0, "x");
	assert_text(shown(*state, 1), "A/y/1p");
	assert_int_equal(counts_of(*state).pending[OP_UPDATE], 2);
}

static void test_done_in_full_shows_the_base(void **state)
{
	struct changes c = { 0 };
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 2, 1, 0, "x");
	add_done(&c, 2, 0);
	add_row(&c, 1, 2, "B");
	log_next(*state, &c);
	assert_text(shown(*state, 1), "B/Operativa/2");
	assert_int_equal(counts_of(*state).pending[OP_UPDATE], 0);
}

static void test_done_in_part_lays_the_rest_over_the_new_base(void **state)
{
	struct changes c = { 0 };
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 2, 1, 0, "x");
	log_op(*state, OP_UPDATE, 3, 1, 0, "y");
	add_done(&c, 2, 0);
	add_row(&c, 1, 2, "B");
	log_next(*state, &c);
	assert_text(shown(*state, 1), "B/y/2p");
}

static void test_row_under_a_waiting_update_gives_its_version(void **state)
{
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 2, 1, 0, "x");
	log_row(*state, 1, 2, "A");
	assert_text(shown(*state, 1), "A/x/2p");
}

static void test_delete_done_leaves_nothing(void **state)
{
	struct changes c = { 0 };
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_DELETE, 2, 1, 0, NULL);
	add_done(&c, 2, 0);
	changes_delete(&c, 1, 2, false);
	log_next(*state, &c);
	assert_text(shown(*state, 1), "-");
	assert_int_equal(counts_of(*state).items, 0);
}

static void test_refused_delete_shows_the_item_again(void **state)
{
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_DELETE, 2, 1, 0, NULL);
	log_done(*state, 2, 0);
	assert_text(shown(*state, 1), "A/Operativa/1");
}

static void test_update_waits_for_a_row_that_comes_late(void **state)
{
	log_op(*state, OP_UPDATE, 2, 5, 0, "x");
	assert_text(shown(*state, 5), "-");
	log_row(*state, 5, 1, "A");
	assert_text(shown(*state, 5), "A/x/1p");
}

static void test_operations_come_in_order_of_acceptance(void **state)
{
	size_t count;
	log_op(*state, OP_UPDATE, 2, 5, 0, "x");
	log_op(*state, OP_CREATE, 3, 0, 0, "x");
	log_op(*state, OP_DELETE, 4, 5, 0, NULL);
	struct operation **ops = mirror_operations(*state, &count);
	assert_int_equal(count, 3);
	for (unsigned i = 0; i < count; i++) {
		assert_true(opid_equal(ops[i]->id, kit_id(i + 2)));
		operation_unref(&ops[i]);
	}
	free(ops);
	struct operation *op = mirror_operation(*state, kit_id(3));
	assert_int_equal(op->kind, OP_CREATE);
	operation_unref(&op);
	assert_null(mirror_operation(*state, kit_id(9)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_newer_row_replaces),
		WITH(test_late_row_is_ignored),
		WITH(test_same_version_later_time_replaces),
		WITH(test_row_late_after_delete_stays_away),
		WITH(test_delete_before_its_rows_arrive),
		WITH(test_late_delete_is_ignored),
		WITH(test_tombstone_only_rises),
		WITH(test_every_order_ends_the_same),
		WITH(test_forced_row_goes_back),
		WITH(test_forced_row_spares_what_is_newer_and_unlogged),
		WITH(test_forced_delete_removes_newer_row),
		WITH(test_tombstones_expire_after_ten_minutes),
		WITH(test_a_delete_is_told_again_to_who_logs_the_row),
		WITH(test_beyond_the_bound_the_oldest_tombstones_go),
		WITH(test_foreign_rows_are_not_own),
		WITH(test_foreign_echo_of_own_row_stays_own),
		WITH(test_gap_is_refused),
		WITH(test_known_entry_is_not_applied_again),
		WITH(test_other_epoch_is_refused),
		WITH(test_position_keeps_the_nonce),
		WITH(test_wait_times_out_and_succeeds),
		WITH(test_wait_change_sees_rows_operations_and_sync),
		WITH(test_sync_state_is_the_last_per_name),
		WITH(test_generation_moves_only_with_shown_rows),
		WITH(test_offline_create_is_shown_last),
		WITH(test_offline_creates_stand_in_order_of_acceptance),
		WITH(test_offline_update_keeps_version_and_takes_acceptance),
		WITH(test_offline_delete_hides),
		WITH(test_known_operation_is_ignored),
		WITH(test_done_in_full_shows_the_base),
		WITH(test_done_in_part_lays_the_rest_over_the_new_base),
		WITH(test_row_under_a_waiting_update_gives_its_version),
		WITH(test_delete_done_leaves_nothing),
		WITH(test_refused_delete_shows_the_item_again),
		WITH(test_update_waits_for_a_row_that_comes_late),
		WITH(test_operations_come_in_order_of_acceptance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
