/* test_mirror_ahead.c - changes that are shown while their entry is on its way into the log. */
#include <pthread.h>

#include "mirror_kit.h"
#include "relevo/thread.h"

#define LONG_MS 60000

static void show_ahead(struct mirror *m, struct changes *c, int64_t id)
{
	struct row *row = kit_row(id, 1, "A");
	changes_row(c, row, false, false);
	row_unref(&row);
	assert_true(mirror_go_ahead(m, c->count));
	mirror_apply_unlogged(m, c);
}

static bool only_logged(struct mirror *m)
{
	struct mirror_view *v = mirror_view(m);
	bool only = !mirror_view_unlogged(v);
	mirror_view_unref(&v);
	return only;
}

static void test_it_is_shown_and_nobody_has_to_log_it(void **state)
{
	struct changes c = { 0 };
	show_ahead(*state, &c, 1);
	assert_text(shown(*state, 1), "A/Operativa/1");
	assert_int_equal(mirror_unlogged_count(*state), 0);
	assert_int_equal(counts_of(*state).unlogged, 0);
	assert_false(only_logged(*state));
	mirror_end_ahead(*state, 1);
	changes_free(&c);
}

static void test_its_entry_makes_it_logged(void **state)
{
	struct changes c = { 0 };
	show_ahead(*state, &c, 1);
	log_next(*state, &c); /* frees them */
	mirror_end_ahead(*state, 1);
	assert_int_equal(mirror_unlogged_count(*state), 0);
	assert_true(only_logged(*state));
}

static void test_what_redis_did_not_take_is_left_to_be_logged(void **state)
{
	struct changes c = { 0 };
	show_ahead(*state, &c, 1);
	mirror_end_ahead(*state, 1);
	changes_free(&c);
	assert_int_equal(mirror_unlogged_count(*state), 1);
}

static void test_others_that_are_not_logged_count(void **state)
{
	struct changes c = { 0 }, lost = { 0 };
	struct row *row = kit_row(2, 1, "B");
	changes_row(&lost, row, false, false);
	mirror_apply_unlogged(*state, &lost);
	show_ahead(*state, &c, 1);
	assert_int_equal(mirror_unlogged_count(*state), 1);
	mirror_end_ahead(*state, 1);
	row_unref(&row);
	changes_free(&lost);
	changes_free(&c);
}

static void test_a_view_of_the_log_does_not_wait_for_ever(void **state)
{
	struct changes c = { 0 };
	show_ahead(*state, &c, 1);
	struct mirror_view *v = mirror_view_logged(*state, clock_mono_ms());
	assert_true(mirror_view_unlogged(v));
	mirror_view_unref(&v);
	mirror_end_ahead(*state, 1);
	changes_free(&c);
}

static void *take_view(void *arg)
{
	return mirror_view_logged(arg, clock_mono_ms() + LONG_MS);
}

/* While somebody waits for it nothing new goes ahead; then it has all. */
static void test_a_view_of_the_log_waits_for_what_is_on_its_way(void **state)
{
	struct changes c = { 0 };
	pthread_t thread;
	void *got = NULL;
	show_ahead(*state, &c, 1);
	assert_int_equal(pthread_create(&thread, NULL, take_view, *state), 0);
	while (mirror_go_ahead(*state, 1))
		mirror_end_ahead(*state, 1);
	log_next(*state, &c);
	mirror_end_ahead(*state, 1);
	assert_int_equal(pthread_join(thread, &got), 0);
	struct mirror_view *v = got;
	assert_false(mirror_view_unlogged(v));
	assert_int_equal(mirror_view_items(v), 1);
	mirror_view_unref(&v);
	assert_true(mirror_go_ahead(*state, 1));
	mirror_end_ahead(*state, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_it_is_shown_and_nobody_has_to_log_it),
		WITH(test_its_entry_makes_it_logged),
		WITH(test_what_redis_did_not_take_is_left_to_be_logged),
		WITH(test_others_that_are_not_logged_count),
		WITH(test_a_view_of_the_log_does_not_wait_for_ever),
		WITH(test_a_view_of_the_log_waits_for_what_is_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
