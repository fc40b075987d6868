/* test_circuit.c - circuits switch once, wake their waiters and tell who listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relevo/circuit.h"
#include "relevo/clock.h"
#include "relevo/thread.h"

static void count_wake(void *ctx)
{
	(*(int *)ctx)++;
}

static void close_now(struct circuit *c)
{
	circuit_close(c, circuit_switches(c));
}

static int make(void **state)
{
	log_init(LOG_ERROR, false);
	*state = circuit_new("server", TAG_MYSQL);
	return 0;
}

static int unmake(void **state)
{
	struct circuit *c = *state;

	circuit_free(&c);
	assert_null(c);
	circuit_free(&c);
	return 0;
}

static void a_new_circuit_is_open(void **state)
{
	assert_false(circuit_up(*state));
	assert_int_equal(circuit_switches(*state), 0);
	circuit_trip(*state, "still nobody there");
	assert_int_equal(circuit_switches(*state), 0);
}

static void every_switch_counts_once(void **state)
{
	close_now(*state);
	close_now(*state);
	assert_true(circuit_up(*state));
	assert_int_equal(circuit_switches(*state), 1);
	circuit_trip(*state, "gone");
	circuit_trip(*state, "gone again");
	assert_false(circuit_up(*state));
	assert_int_equal(circuit_switches(*state), 2);
}

/* Its probe had asked before. */
static void what_was_tripped_since_stays_open(void **state)
{
	close_now(*state);
	uint64_t seen = circuit_switches(*state);
	circuit_trip(*state, "gone");
	circuit_close(*state, seen);
	assert_false(circuit_up(*state));
	assert_int_equal(circuit_switches(*state), 2);
	close_now(*state);
	assert_true(circuit_up(*state));
}

static void it_tells_when_it_switched_and_was_asked(void **state)
{
	int64_t before = clock_mono_ms();

	assert_int_equal(circuit_switched_ms(*state), 0);
	assert_int_equal(circuit_probed_ms(*state), -1);
	circuit_trip(*state, "open already");
	assert_int_equal(circuit_switched_ms(*state), 0);
	close_now(*state);
	assert_true(circuit_switched_ms(*state) >= before);
	circuit_probed(*state, before);
	assert_int_equal(circuit_probed_ms(*state), before);
}

static void a_listener_hears_switches_only(void **state)
{
	int heard = 0;

	circuit_on_switch(*state, count_wake, &heard);
	circuit_trip(*state, "open already");
	assert_int_equal(heard, 0);
	close_now(*state);
	close_now(*state);
	assert_int_equal(heard, 1);
	circuit_trip(*state, "gone");
	assert_int_equal(heard, 2);
}

static void waiting_ends_at_the_deadline(void **state)
{
	int64_t began = clock_mono_ms();

	assert_false(circuit_wait_up(*state, began + 30));
	assert_in_range(clock_mono_ms() - began, 29, 1000);
}

static void waiting_for_a_closed_circuit_is_no_wait(void **state)
{
	close_now(*state);
	assert_true(circuit_wait_up(*state, clock_mono_ms() + 60000));
	assert_true(circuit_wait_up(*state, 0));
}

static void *wait_long(void *arg)
{
	return circuit_wait_up(arg, clock_mono_ms() + 60000) ? arg : NULL;
}

static void closing_wakes_every_waiter(void **state)
{
	pthread_t waiters[4];
	int64_t began = clock_mono_ms();

	for (int i = 0; i < 4; i++)
		waiters[i] = thread_start("waiter", wait_long, *state);
	while (clock_mono_ms() < began + 20)
		(void)circuit_wait_up(*state, began + 20);
	close_now(*state);
	for (int i = 0; i < 4; i++) {
		void *up = NULL;
		PTOK(pthread_join(waiters[i], &up));
		assert_ptr_equal(up, *state);
	}
	assert_true(clock_mono_ms() - began < 30000);
}

static void *flap(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		circuit_trip(arg, "flap");
		close_now(arg);
	}
	return NULL;
}

static void threads_agree_on_the_number_of_switches(void **state)
{
	pthread_t flappers[3];
	int heard = 0;

	circuit_on_switch(*state, NULL, NULL);
	for (int i = 0; i < 3; i++)
		flappers[i] = thread_start("flapper", flap, *state);
	for (int i = 0; i < 3; i++)
		PTOK(pthread_join(flappers[i], NULL));
	assert_true(circuit_up(*state));
	assert_int_equal(circuit_switches(*state) % 2, 1);
	circuit_on_switch(*state, count_wake, &heard);
	circuit_trip(*state, "end");
	assert_int_equal(heard, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_circuit_is_open),
		CASE(every_switch_counts_once),
		CASE(what_was_tripped_since_stays_open),
		CASE(it_tells_when_it_switched_and_was_asked),
		CASE(a_listener_hears_switches_only),
		CASE(waiting_ends_at_the_deadline),
		CASE(waiting_for_a_closed_circuit_is_no_wait),
		CASE(closing_wakes_every_waiter),
		CASE(threads_agree_on_the_number_of_switches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
