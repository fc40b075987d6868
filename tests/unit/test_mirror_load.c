/* test_mirror_load.c - loading a snapshot, joining it with what was known, unlogged changes. */
#include "mirror_kit.h"

/* --- unlogged changes --- */

static void test_unlogged_round_trip(void **state)
{
	struct changes c = { 0 };
	uint64_t ticket;
	log_row(*state, 2, 1, "B");
	apply_unlogged_row(*state, 1, 1, "A");
	changes_delete(&c, 2, 2, false);
	mirror_apply_unlogged(*state, &c);
	changes_free(&c);
	assert_int_equal(mirror_unlogged_count(*state), 2);
	assert_int_equal(mirror_unlogged(*state, &c, 10, &ticket), 2);
	assert_int_equal(c.at[0].type, CHANGE_ROW);
	assert_int_equal(c.at[1].type, CHANGE_DELETE);
	assert_int_equal(c.at[1].version, 2);
	mirror_logged(*state, &c, ticket);
	assert_int_equal(mirror_unlogged_count(*state), 0);
	changes_free(&c);
}

static void test_item_touched_since_stays_unlogged(void **state)
{
	struct changes c = { 0 };
	uint64_t ticket;
	apply_unlogged_row(*state, 1, 1, "A");
	apply_unlogged_row(*state, 2, 1, "A");
	assert_int_equal(mirror_unlogged(*state, &c, 10, &ticket), 2);
	apply_unlogged_row(*state, 1, 2, "B");
	mirror_logged(*state, &c, ticket);
	changes_free(&c);
	assert_int_equal(mirror_unlogged(*state, &c, 10, &ticket), 1);
	assert_int_equal(c.at[0].row->version, 2);
	changes_free(&c);
}

static void test_unlogged_hands_out_at_most_max(void **state)
{
	struct changes c = { 0 };
	uint64_t ticket;
	for (int i = 1; i <= 5; i++)
		apply_unlogged_row(*state, i, 1, "A");
	assert_int_equal(mirror_unlogged(*state, &c, 3, &ticket), 3);
	mirror_logged(*state, &c, ticket);
	assert_int_equal(mirror_unlogged_count(*state), 2);
	changes_free(&c);
}

static void test_unlogged_tombstone_does_not_expire(void **state)
{
	struct changes c = { 0 };
	changes_delete(&c, 2, 2, false);
	mirror_apply_unlogged(*state, &c);
	changes_free(&c);
	mirror_expire(*state, clock_mono_us() + 60 * MINUTE_US, SIZE_MAX);
	assert_int_equal(mirror_unlogged_count(*state), 1);
	assert_int_equal(counts_of(*state).tombstones, 1);
}

static void test_log_takes_over_an_unlogged_row(void **state)
{
	apply_unlogged_row(*state, 1, 2, "A");
	log_row(*state, 1, 1, "late");
	assert_int_equal(mirror_unlogged_count(*state), 1);
	log_row(*state, 1, 2, "A");
	assert_int_equal(mirror_unlogged_count(*state), 0);
}

static void test_view_says_that_it_is_unlogged(void **state)
{
	apply_unlogged_row(*state, 1, 2, "A");
	struct mirror_view *v = mirror_view(*state);
	assert_true(mirror_view_unlogged(v));
	mirror_view_unref(&v);
}

static void test_rebase_makes_rows_logged(void **state)
{
	struct mirror_position p = { .epoch = "second" };
	apply_unlogged_row(*state, 1, 1, "A");
	mirror_rebase(*state, &p);
	assert_int_equal(mirror_unlogged_count(*state), 0);
	assert_text(mirror_position(*state).epoch, "second");
	assert_text(shown(*state, 1), "A/Operativa/1");
}

static void test_rebase_at_a_view_keeps_what_came_since(void **state)
{
	struct mirror_position p = { .epoch = "second" };
	apply_unlogged_row(*state, 1, 1, "A");
	struct mirror_view *v = mirror_view(*state);
	apply_unlogged_row(*state, 2, 1, "A");
	mirror_rebase_at(*state, &p, v);
	mirror_view_unref(&v);
	assert_int_equal(mirror_unlogged_count(*state), 1);
}

/* --- loading --- */

struct snapshot {
	struct row *rows[8];
	struct operation *ops[8];
	size_t row_count, op_count;
};

static void snapshot_load(struct mirror *m, struct snapshot *s, const char *epoch, uint64_t seq,
			  bool keep_ops)
{
	struct mirror_position p = { .seq = seq };
	snprintf(p.epoch, sizeof(p.epoch), "%s", epoch);
	mirror_load(m, s->rows, s->row_count, s->ops, s->op_count, &p, keep_ops, NULL);
	for (size_t i = 0; i < s->row_count; i++)
		row_unref(&s->rows[i]);
	for (size_t i = 0; i < s->op_count; i++)
		operation_unref(&s->ops[i]);
}

static void test_load_of_an_empty_mirror_is_the_snapshot(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A"), kit_row(3, 2, "B") }, .row_count = 2 };
	struct mirror *m = mirror_new();
	assert_false(mirror_loaded(m));
	snapshot_load(m, &s, EPOCH, 12, false);
	assert_true(mirror_loaded(m));
	assert_int_equal(mirror_position(m).seq, 12);
	assert_text(shown(m, 3), "B/Operativa/2");
	assert_int_equal(mirror_unlogged_count(m), 0);
	mirror_free(&m);
	(void)state;
}

static void build_outage(struct mirror *m)
{
	for (int i = 1; i <= 4; i++)
		log_row(m, i, 3, "A");
	log_op(m, OP_UPDATE, 11, 1, 0, "x");
	log_op(m, OP_UPDATE, 12, 1, 0, "y");
	log_op(m, OP_DELETE, 13, 2, 0, NULL);
	log_op(m, OP_CREATE, 14, 0, 0, "n");
	log_op(m, OP_UPDATE, 15, 0, 14, "o");
	log_op(m, OP_CREATE, 16, 0, 0, "gone");
	log_op(m, OP_DELETE, 17, 0, 16, NULL);
}

static void test_load_shows_what_the_snapshot_shows(void **state)
{
	struct mirror_item_state s;
	build_outage(*state);
	struct mirror *m = reload(*state);
	assert_text(shown(m, 1), "A/y/3p");
	assert_text(shown_temp(m, 14), "NEW/o/0p");
	mirror_item_state(m, 2, NO_OP, &s);
	assert_true(s.known && s.has_base && !s.shown && s.pending);
	mirror_item_state(m, 1, NO_OP, &s);
	assert_int_equal(s.base_version, 3);
	row_unref(&s.row);
	mirror_free(&m);
}

static void test_loaded_operations_are_done_as_if_never_loaded(void **state)
{
	build_outage(*state);
	struct mirror *m = reload(*state);
	struct mirror *both[2] = { *state, m };
	for (int i = 0; i < 2; i++) {
		struct changes c = { 0 };
		for (unsigned n = 11; n <= 13; n++)
			add_done(&c, n, 0);
		changes_delete(&c, 2, 4, false);
		add_row(&c, 1, 4, "B");
		add_done(&c, 14, 50);
		add_row(&c, 50, 1, "NEW");
		add_done(&c, 15, 0);
		add_done(&c, 16, 0);
		add_done(&c, 17, 0);
		log_next(both[i], &c);
	}
	char *one = kit_text(*state), *two = kit_text(m);
	assert_text(one, two);
	assert_null(strstr(one, "pending"));
	free(one);
	free(two);
	mirror_free(&m);
}

static void test_operation_accepted_after_the_snapshot_is_shown(void **state)
{
	struct snapshot s = {
		.rows = { kit_row(1, 1, "A") },
		.row_count = 1,
		.ops = { kit_op(OP_UPDATE, 5, 1, 0, "x"), kit_op(OP_CREATE, 6, 0, 0, "n") },
		.op_count = 2,
	};
	struct mirror *m = mirror_new();
	snapshot_load(m, &s, EPOCH, 4, false);
	assert_text(shown(m, 1), "A/x/1p");
	assert_text(shown_temp(m, 6), "NEW/n/0p");
	log_op(m, OP_UPDATE, 5, 1, 0, "x");
	log_op(m, OP_CREATE, 6, 0, 0, "n");
	assert_int_equal(counts_of(m).pending[OP_UPDATE], 1);
	assert_int_equal(counts_of(m).items, 2);
	mirror_free(&m);
	(void)state;
}

static void test_row_whose_operation_was_drained_since_the_snapshot(void **state)
{
	struct fields f = kit_fields("NEW", "n");
	struct snapshot s = {
		.rows = { row_new(1, NO_OP, 3, 5000, true, &f),
			  row_new(0, kit_id(9), 0, 9000, true, &f) },
		.row_count = 2,
	};
	struct mirror *m = mirror_new();
	struct changes c = { 0 };
	snapshot_load(m, &s, EPOCH, 4, false);
	assert_text(shown(m, 1), "NEW/n/3p");
	assert_text(shown_temp(m, 9), "NEW/n/0p");
	add_done(&c, 5, 0);
	add_row(&c, 1, 4, "B");
	add_done(&c, 9, 8);
	add_row(&c, 8, 1, "C");
	log_next(m, &c);
	assert_text(shown(m, 1), "B/Operativa/4");
	assert_text(shown_temp(m, 9), "C/Operativa/1");
	assert_int_equal(counts_of(m).items, 2);
	mirror_free(&m);
	(void)state;
}

static void test_join_keeps_newer_rows_and_marks_them(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A"), kit_row(2, 9, "Z") }, .row_count = 2 };
	log_row(*state, 1, 2, "B");
	log_row(*state, 2, 1, "Y");
	log_row(*state, 3, 1, "C");
	snapshot_load(*state, &s, "other", 0, false);
	assert_text(shown(*state, 1), "B/Operativa/2");
	assert_text(shown(*state, 2), "Z/Operativa/9");
	assert_text(shown(*state, 3), "C/Operativa/1");
	assert_int_equal(mirror_unlogged_count(*state), 2);
}

static void test_join_keeps_newer_tombstones(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A"), kit_row(2, 5, "B") }, .row_count = 2 };
	log_delete(*state, 1, 2);
	log_delete(*state, 2, 2);
	snapshot_load(*state, &s, "other", 0, false);
	assert_text(shown(*state, 1), "-");
	assert_text(shown(*state, 2), "B/Operativa/5");
	assert_int_equal(mirror_unlogged_count(*state), 1);
}

static void test_join_drops_rows_deleted_while_we_were_behind(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A") }, .row_count = 1 };
	log_row(*state, 1, 1, "A");
	log_row(*state, 2, 1, "B");
	apply_unlogged_row(*state, 3, 1, "C");
	snapshot_load(*state, &s, EPOCH, 500, false);
	assert_text(shown(*state, 2), "-");
	assert_text(shown(*state, 3), "C/Operativa/1");
	assert_int_equal(mirror_unlogged_count(*state), 1);
}

static void test_join_keeps_missing_operations_on_request(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A") }, .row_count = 1 };
	struct changes c = { 0 };
	uint64_t ticket;
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 4, 1, 0, "x");
	log_op(*state, OP_UPDATE, 5, 1, 0, "y");
	snapshot_load(*state, &s, "other", 0, true);
	assert_text(shown(*state, 1), "A/y/1p");
	assert_int_equal(mirror_unlogged(*state, &c, 9, &ticket), 2);
	assert_int_equal(c.at[0].type, CHANGE_QUEUED);
	assert_true(opid_equal(c.at[0].op->id, kit_id(4)));
	assert_true(opid_equal(c.at[1].op->id, kit_id(5)));
	mirror_logged(*state, &c, ticket);
	assert_int_equal(mirror_unlogged_count(*state), 0);
	changes_free(&c);
}

/* Somebody else has put back the create, and accepted an update that came after ours. */
static void test_kept_operations_stay_in_their_places(void **state)
{
	struct fields f = kit_fields("NEW", "third");
	struct snapshot s = { .rows = { row_new(0, kit_id(2), 0, 5000, true, &f) },
			      .row_count = 1,
			      .ops = { kit_op(OP_CREATE, 2, 0, 0, "n"),
				       kit_op(OP_UPDATE, 5, 0, 2, "third") },
			      .op_count = 2 };
	size_t count = 0;
	log_op(*state, OP_CREATE, 2, 0, 0, "n");
	log_op(*state, OP_UPDATE, 3, 0, 2, "first");
	log_op(*state, OP_UPDATE, 4, 0, 2, "second");
	snapshot_load(*state, &s, "other", 0, true);
	assert_text(shown_temp(*state, 2), "NEW/third/0p");
	struct operation **ops = mirror_operations(*state, &count);
	assert_int_equal(count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(opid_equal(ops[i]->id, kit_id(i + 2)));
		operation_unref(&ops[i]);
	}
	free(ops);
}

/* The entry that told of it may have been read meanwhile, and what came after: that it is done. */
static void test_unread_operation_counts_unless_its_entry_was_read(void **state)
{
	struct mirror_position at;
	struct changes c = { 0 };
	log_row(*state, 1, 1, "A");
	at = mirror_position(*state);
	add_op(&c, OP_UPDATE, 4, 1, 0, "x");
	mirror_apply_unread(*state, EPOCH, at.seq, &c);
	assert_text(shown(*state, 1), "A/Operativa/1");
	mirror_apply_unread(*state, EPOCH, at.seq + 1, &c);
	assert_text(shown(*state, 1), "A/x/1p");
	assert_int_equal(mirror_unlogged_count(*state), 1);
	changes_free(&c);
	add_op(&c, OP_UPDATE, 5, 1, 0, "y");
	mirror_apply_unread(*state, "the epoch before", 1, &c);
	assert_text(shown(*state, 1), "A/y/1p");
	changes_free(&c);
}

static void test_join_drops_missing_operations_otherwise(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A") }, .row_count = 1 };
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 4, 1, 0, "x");
	snapshot_load(*state, &s, "other", 0, false);
	assert_text(shown(*state, 1), "A/Operativa/1");
	assert_int_equal(counts_of(*state).pending[OP_UPDATE], 0);
}

static void test_join_learns_the_base_under_a_pending_row(void **state)
{
	struct fields f = kit_fields("A", "x");
	struct snapshot s = {
		.rows = { row_new(1, NO_OP, 1, 4000, true, &f) },
		.row_count = 1,
		.ops = { kit_op(OP_UPDATE, 4, 1, 0, "x") },
		.op_count = 1,
	};
	log_row(*state, 1, 1, "A");
	snapshot_load(*state, &s, EPOCH, 9, false);
	assert_text(shown(*state, 1), "A/x/1p");
	log_done(*state, 4, 0);
	assert_text(shown(*state, 1), "A/Operativa/1");
	assert_int_equal(mirror_unlogged_count(*state), 0);
}

/* An operation that Redis had lost comes back after later ones were accepted. */
static void test_an_older_operation_that_comes_late_stays_older(void **state)
{
	struct mirror_item_state item;
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 9, 1, 0, "newer");
	log_op(*state, OP_UPDATE, 8, 1, 0, "older");
	assert_text(shown(*state, 1), "A/newer/1p");
	log_op(*state, OP_DELETE, 7, 1, 0, NULL);
	mirror_item_state(*state, 1, NO_OP, &item);
	assert_true(opid_equal(item.last_op, kit_id(9)));
	row_unref(&item.row);
	log_op(*state, OP_CREATE, 6, 0, 0, "second");
	log_op(*state, OP_CREATE, 5, 0, 0, "first");
	char *text = kit_text(*state);
	assert_true(strstr(text, "first") < strstr(text, "second"));
	free(text);
}

/* Applied while Redis was away: the others would take the row for one more item. */
static void test_what_is_done_is_told_along_with_its_row(void **state)
{
	struct changes c = { 0 };
	uint64_t ticket;
	log_op(*state, OP_CREATE, 2, 0, 0, "n");
	add_done(&c, 2, 7);
	add_row(&c, 7, 1, "A");
	mirror_apply_unlogged(*state, &c);
	changes_free(&c);
	assert_int_equal(mirror_unlogged_count(*state), 2);
	struct mirror *m = reload(*state);
	mirror_free(&m);
	assert_true(mirror_unlogged(*state, &c, 9, &ticket) >= 2);
	assert_int_equal(c.at[0].type, CHANGE_DONE);
	assert_true(opid_equal(c.at[0].temp, kit_id(2)));
	assert_int_equal(c.at[0].id, 7);
	assert_int_equal(c.at[1].type, CHANGE_ROW);
	mirror_logged(*state, &c, ticket);
	assert_int_equal(mirror_unlogged_count(*state), 0);
	changes_free(&c);
}

/* A load keeps what is to be told. */
static void test_join_keeps_what_is_done_and_untold(void **state)
{
	struct snapshot s = { .rows = { kit_row(1, 1, "A") }, .row_count = 1 };
	struct changes c = { 0 };
	uint64_t ticket;
	log_row(*state, 1, 1, "A");
	log_op(*state, OP_UPDATE, 4, 1, 0, "x");
	add_done(&c, 4, 0);
	mirror_apply_unlogged(*state, &c);
	changes_free(&c);
	snapshot_load(*state, &s, "other", 0, true);
	assert_int_equal(mirror_unlogged(*state, &c, 9, &ticket), 1);
	assert_int_equal(c.at[0].type, CHANGE_DONE);
	changes_free(&c);
}

/* On its temporary id an item waits for older operations than on its final one, or newer ones. */
static void test_operations_of_both_ids_of_an_item_are_in_order(void **state)
{
	log_op(*state, OP_CREATE, 2, 0, 0, "n");
	log_op(*state, OP_UPDATE, 3, 0, 2, "third");
	log_op(*state, OP_UPDATE, 6, 0, 2, "sixth");
	log_op(*state, OP_UPDATE, 5, 7, 0, "fifth");
	log_row(*state, 7, 1, "A");
	log_done(*state, 2, 7);
	assert_text(shown(*state, 7), "A/sixth/1p");
	log_done(*state, 6, 0);
	assert_text(shown(*state, 7), "A/fifth/1p");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_unlogged_round_trip),
		WITH(test_item_touched_since_stays_unlogged),
		WITH(test_unlogged_hands_out_at_most_max),
		WITH(test_unlogged_tombstone_does_not_expire),
		WITH(test_log_takes_over_an_unlogged_row),
		WITH(test_view_says_that_it_is_unlogged),
		WITH(test_rebase_makes_rows_logged),
		WITH(test_rebase_at_a_view_keeps_what_came_since),
		WITH(test_load_of_an_empty_mirror_is_the_snapshot),
		WITH(test_load_shows_what_the_snapshot_shows),
		WITH(test_loaded_operations_are_done_as_if_never_loaded),
		WITH(test_operation_accepted_after_the_snapshot_is_shown),
		WITH(test_row_whose_operation_was_drained_since_the_snapshot),
		WITH(test_join_keeps_newer_rows_and_marks_them),
		WITH(test_join_keeps_newer_tombstones),
		WITH(test_join_drops_rows_deleted_while_we_were_behind),
		WITH(test_join_keeps_missing_operations_on_request),
		WITH(test_kept_operations_stay_in_their_places),
		WITH(test_unread_operation_counts_unless_its_entry_was_read),
		WITH(test_join_drops_missing_operations_otherwise),
		WITH(test_join_learns_the_base_under_a_pending_row),
		WITH(test_an_older_operation_that_comes_late_stays_older),
		WITH(test_operations_of_both_ids_of_an_item_are_in_order),
		WITH(test_what_is_done_is_told_along_with_its_row),
		WITH(test_join_keeps_what_is_done_and_untold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
