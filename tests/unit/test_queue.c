/* test_queue.c - the queue between HTTP threads and lanes: order, bounds, gathering, crowds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/store/store_private.h"

#define TRIES 1000

static int make(void **state)
{
	static struct queue q;

	queue_init(&q);
	*state = &q;
	return 0;
}

static int unmake(void **state)
{
	queue_destroy(*state);
	return 0;
}

static void jobs_come_out_in_the_order_they_came(void **state)
{
	struct job jobs[3] = { 0 };

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(queue_put(*state, &jobs[i]), i + 1);
	struct job *list = queue_take(*state, 2);
	assert_ptr_equal(list, &jobs[0]);
	assert_ptr_equal(list->next, &jobs[1]);
	assert_null(list->next->next);
	assert_ptr_equal(queue_take(*state, 2), &jobs[2]);
	assert_null(queue_take(*state, 2));
}

static void a_full_or_closed_queue_takes_nothing(void **state)
{
	static struct job jobs[QUEUE_LIMIT + 1];
	struct queue *q = *state;

	for (size_t i = 0; i < QUEUE_LIMIT; i++)
		assert_int_equal(queue_put(q, &jobs[i]), i + 1);
	assert_int_equal(queue_put(q, &jobs[QUEUE_LIMIT]), 0);
	assert_non_null(queue_take(q, 1));
	assert_int_equal(queue_put(q, &jobs[QUEUE_LIMIT]), QUEUE_LIMIT);
	queue_close(q);
	assert_non_null(queue_take(q, 1));
	assert_int_equal(queue_put(q, &jobs[0]), 0);
	assert_false(queue_ended(q));
	assert_non_null(queue_take(q, QUEUE_LIMIT));
	assert_true(queue_ended(q));
}

/* What does not wait must not learn from it either. */
static void nobody_waits_for_nothing_enough_or_a_closed_queue(void **state)
{
	struct queue *q = *state;
	struct job jobs[2] = { 0 };
	int64_t patience = 400;

	q->patience_us = patience;
	queue_gather(q, 10);
	assert_int_equal(q->patience_us, patience);
	queue_put(q, &jobs[0]);
	queue_put(q, &jobs[1]);
	queue_gather(q, 2);
	assert_int_equal(q->patience_us, patience);
	queue_close(q);
	queue_gather(q, 3);
	assert_int_equal(q->enough, 0);
}

static void patience_that_does_not_pay_shrinks_to_a_minimum(void **state)
{
	struct queue *q = *state;
	struct job job = { 0 };

	queue_put(q, &job);
	q->patience_us = 800;
	queue_gather(q, 2);
	assert_int_equal(q->patience_us, 400);
	for (int i = 0; i < 5; i++)
		queue_gather(q, 2);
	assert_in_range(q->patience_us, 1, 100);
	int64_t least = q->patience_us;
	queue_gather(q, 2);
	assert_int_equal(q->patience_us, least);
	assert_int_equal(queue_put(q, &(struct job){ 0 }), 2);
}

static void patience_is_tried_again_once_in_a_while(void **state)
{
	struct queue *q = *state;
	struct job job = { 0 };
	unsigned tries = 0;

	queue_put(q, &job);
	q->patience_us = 50;
	while (q->patience_us <= 50 && tries < 100) {
		queue_gather(q, 2);
		tries++;
	}
	assert_in_range(tries, 8, 32);
	assert_in_range(q->patience_us, 400, 800);
}

struct other {
	struct queue *q;
	struct job job;
};

static void *put_one(void *arg)
{
	struct other *o = arg;

	while (true) {
		PTOK(pthread_mutex_lock(&o->q->lock));
		bool gathers = o->q->enough == 2;
		PTOK(pthread_mutex_unlock(&o->q->lock));
		if (gathers)
			break;
	}
	queue_put(o->q, &o->job);
	return NULL;
}

static void set_enough(struct queue *q, size_t enough)
{
	PTOK(pthread_mutex_lock(&q->lock));
	q->enough = enough;
	PTOK(pthread_mutex_unlock(&q->lock));
}

/* The other thread may be too late once, but not always. */
static void patience_that_pays_grows_to_a_maximum(void **state)
{
	struct queue *q = *state;
	unsigned paid = 0;

	for (unsigned i = 0; i < TRIES && paid < 8; i++) {
		struct other other = { .q = q };
		struct job job = { 0 };
		pthread_t thread;
		int64_t before = q->patience_us = i % 2 == 0 ? 400 : 700;
		queue_put(q, &job);
		PTOK(pthread_create(&thread, NULL, put_one, &other));
		queue_gather(q, 2);
		bool grew = q->patience_us > before;
		set_enough(q, 2); /* lets it go on if it was too late */
		PTOK(pthread_join(thread, NULL));
		set_enough(q, 0);
		assert_int_equal(q->patience_us, grew ? 800 : before / 2);
		assert_non_null(queue_take(q, 2)->next);
		paid += grew;
	}
	assert_int_equal(paid, 8);
}

static void a_crowd_is_the_most_at_a_time_and_forgotten_after_a_while(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	assert_int_equal(crowd_size(&c), 0);
	for (int i = 0; i < 5; i++)
		crowd_enter(&c);
	for (int i = 0; i < 4; i++)
		crowd_leave(&c);
	assert_int_equal(crowd_size(&c), 5);
	crowd_age(&c);
	assert_int_equal(crowd_size(&c), 5);
	for (int i = 0; i < 100; i++)
		crowd_age(&c);
	assert_int_equal(crowd_size(&c), 1);
	crowd_leave(&c);
	for (int i = 0; i < 100; i++)
		crowd_age(&c);
	assert_int_equal(crowd_size(&c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_come_out_in_the_order_they_came, make, unmake),
		cmocka_unit_test_setup_teardown(a_full_or_closed_queue_takes_nothing, make, unmake),
		cmocka_unit_test_setup_teardown(nobody_waits_for_nothing_enough_or_a_closed_queue,
						make, unmake),
		cmocka_unit_test_setup_teardown(patience_that_does_not_pay_shrinks_to_a_minimum,
						make, unmake),
		cmocka_unit_test_setup_teardown(patience_is_tried_again_once_in_a_while, make,
						unmake),
		cmocka_unit_test_setup_teardown(patience_that_pays_grows_to_a_maximum, make,
						unmake),
		cmocka_unit_test(a_crowd_is_the_most_at_a_time_and_forgotten_after_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
