/* sync_memory.c - drains without Redis: what waits here goes from the mirror's memory to MySQL. */
#include <stdlib.h>
#include <time.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "sync_private.h"

/* Waiting for a drain from memory that another thread or instance runs. */
#define BUSY_TRIES    10
#define BUSY_PAUSE_MS 20

static struct drain drain_of(struct sync *y, struct session *session)
{
	struct store *s = y->store;
	return (struct drain){ .db = session->db,
			       .mirror = s->mirror,
			       .instance = s->options->instance,
			       .policy = s->options->conflict };
}

static enum err_code drain_patiently(struct drain *d, struct operation *const *ops, size_t count,
				     struct drain_report *report, struct err *e)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000000L };
	enum err_code code = ERR_BUSY;
	for (unsigned tries = 0; tries < BUSY_TRIES && code == ERR_BUSY; tries++) {
		if (tries > 0)
			nanosleep(&pause, NULL);
		err_clear(e);
		code = drain_memory(d, ops, count, report, e);
	}
	return code;
}

static void count_memory_drain(struct sync *y, struct session *session, enum err_code code,
			       const struct drain_report *report, const struct err *e)
{
	if (code != ERR_BUSY)
		atomic_fetch_add(&y->drains, 1);
	atomic_fetch_add(&y->conflicts, report->conflicts);
	atomic_fetch_add(&y->conflicts_outside, report->conflicts);
	atomic_fetch_add(&y->drained, report->operations);
	if (code != ERR_NONE)
		store_mysql_failed(y->store, session->db, e);
}

static void free_operations(struct operation **ops, size_t count)
{
	for (size_t i = 0; i < count; i++)
		operation_unref(&ops[i]);
	free(ops);
}

enum err_code sync_drain_memory(struct sync *y, struct session *session,
				struct operation *const *ops, size_t count,
				struct drain_report *report, struct err *e)
{
	struct operation **all = ops == NULL ? mirror_operations(y->store->mirror, &count) : NULL;
	size_t owned = all != NULL ? count : 0;
	*report = (struct drain_report){ 0 };
	enum err_code code = ERR_NONE;
	if (count > 0) {
		struct drain d = drain_of(y, session);
		atomic_store(&y->unsettled, true);
		code = drain_patiently(&d, ops != NULL ? ops : all, count, report, e);
		count_memory_drain(y, session, code, report, e);
	}
	free_operations(all, owned);
	return code;
}

enum err_code sync_drain_memory_now(struct sync *y, struct session *session, bool unlocked,
				    struct err *e)
{
	struct drain d = drain_of(y, session);
	struct drain_report report = { 0 };
	size_t count = 0;
	struct operation **all = mirror_operations(y->store->mirror, &count);
	enum err_code code = ERR_NONE;
	d.unlocked = unlocked;
	if (count > 0) {
		atomic_store(&y->unsettled, true);
		code = drain_memory(&d, all, count, &report, e);
		count_memory_drain(y, session, code, &report, e);
	}
	free_operations(all, count);
	return code;
}

/* Redis is down: what waits here goes to MySQL all the same. */
void sync_without_redis(struct sync *y)
{
	struct drain_report report;
	struct err e = ERR_INIT;
	if (sync_waiting_here(y) == 0 || !session_mysql(&y->session, y->store))
		return;
	enum err_code code = sync_drain_memory(y, &y->session, NULL, 0, &report, &e);
	if (code != ERR_NONE && code != ERR_BUSY)
		log_limited(LOG_WARN, TAG_SYNC, "%s: drain without Redis ended early: %s",
			    y->store->options->instance, e.text);
}
