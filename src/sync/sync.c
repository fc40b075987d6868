/* sync.c - the sync thread: when to look, and what a cycle does, in order. */
#include <inttypes.h>
#include <stdlib.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "remember.h"
#include "sync_private.h"

/* A write that MySQL does not answer is queued: read the log, two tries, a pause. */
#define IN_FLIGHT_TRIES 4

/* The pause before a check that broke off is done again doubles so often at most. */
#define BROKEN_OFF_MAX 10u

struct sync *sync_new(struct store *s)
{
	struct sync *y = mem_zero(1, sizeof(*y));
	y->store = s;
	PTOK(pthread_mutex_init(&y->lock, NULL));
	thread_cond_init(&y->wake);
	return y;
}

void sync_free(struct sync **y)
{
	if (*y == NULL)
		return;
	PTOK(pthread_cond_destroy(&(*y)->wake));
	PTOK(pthread_mutex_destroy(&(*y)->lock));
	free(*y);
	*y = NULL;
}

void sync_wake(struct sync *y)
{
	PTOK(pthread_mutex_lock(&y->lock));
	y->woken = true;
	PTOK(pthread_cond_signal(&y->wake));
	PTOK(pthread_mutex_unlock(&y->lock));
}

static bool state_running(struct sync *y)
{
	json_t *drain = mirror_sync_state(y->store->mirror, "drain");
	bool running = json_is_true(json_object_get(drain, "running"));
	json_decref(drain);
	return running;
}

enum err_code sync_run_now(struct sync *y, struct err *e)
{
	PTOK(pthread_mutex_lock(&y->lock));
	bool busy = y->running || y->asked || state_running(y);
	if (!busy) {
		y->asked = true;
		PTOK(pthread_cond_signal(&y->wake));
	}
	PTOK(pthread_mutex_unlock(&y->lock));
	return busy ? err_set(e, ERR_BUSY, "a sync cycle runs already") : ERR_NONE;
}

void sync_totals(struct sync *y, struct sync_totals *out)
{
	*out = (struct sync_totals){
		.drains = atomic_load(&y->drains),
		.rebuilds = atomic_load(&y->rebuilds),
		.conflicts = atomic_load(&y->conflicts),
		.drained_operations = atomic_load(&y->drained),
	};
}

void sync_count_rebuild(struct sync *y)
{
	atomic_fetch_add(&y->rebuilds, 1);
	atomic_fetch_add(&y->rebuilds_outside, 1);
}

/* --- a cycle --- */

size_t sync_waiting_here(struct sync *y)
{
	struct mirror_counts counts;
	mirror_counts(y->store->mirror, &counts);
	return counts.pending[OP_CREATE] + counts.pending[OP_UPDATE] + counts.pending[OP_DELETE];
}

/* The lists are empty. */
static void nothing_waits(struct sync *y)
{
	atomic_store(&y->unsettled, false);
	/* What only the mirror knows of is put back by the follower; the drain finds out. */
	if (sync_waiting_here(y) > 0)
		atomic_store(&y->store->follower.rejoin, true);
}

static enum err_code run_drain(struct sync *y, struct cycle *c, struct err *e)
{
	struct store *s = y->store;
	struct drain d = { .db = y->session.db,
			   .redis = y->session.redis,
			   .mirror = s->mirror,
			   .lease = &y->lease,
			   .instance = s->options->instance,
			   .policy = s->options->conflict,
			   .stop = &y->stop,
			   .progress = sync_say_progress,
			   .ctx = y };
	size_t waiting = 0;
	enum err_code code = drain_adopt(&d, &waiting, e);
	if (code != ERR_NONE)
		return code;
	if (waiting == 0)
		nothing_waits(y);
	/* What others put back yet may be older. */
	if (waiting == 0 || store_recalls(s) || !session_mysql(&y->session, s)) {
		/* The lease is ours: a drain that is said to run broke off. */
		if (state_running(y))
			sync_say_drain(y, false, 0, 0);
		return ERR_NONE;
	}
	c->drain = true;
	atomic_fetch_add(&y->drains, 1);
	sync_say_drain(y, true, 0, waiting);
	/* What is accepted while we drain is drained too, as long as there is progress. */
	for (size_t settled = 1; code == ERR_NONE && settled > 0 && waiting > 0;) {
		struct drain_report report = { 0 };
		code = drain_run(&d, &report, e);
		settled = report.operations;
		c->drained.deletes += report.deletes;
		c->drained.updates += report.updates;
		c->drained.creates += report.creates;
		c->drained.conflicts += report.conflicts;
		c->drained.rejected += report.rejected;
		c->drained.left = report.left;
		c->drained.operations += report.operations;
		if (code == ERR_NONE)
			code = drain_adopt(&d, &waiting, e);
	}
	atomic_fetch_add(&y->conflicts, c->drained.conflicts);
	atomic_fetch_add(&y->drained, c->drained.operations);
	publisher_wrote(&s->publisher, mirror_position(s->mirror).seq);
	return code;
}

/* The drain is over for all to see once its letters and conflicts are counted. */
static enum err_code end_drain(struct sync *y, struct cycle *c, enum err_code code, struct err *e)
{
	if (code == ERR_NONE)
		code = housekeeping(y->store, &y->session, false, &c->household, e);
	if (!redis_is_open(y->session.redis))
		return code;
	sync_say_metadata(y, c);
	sync_say_drain(y, false, c->drained.operations, c->drained.operations);
	return code;
}

static void on_repair(void *ctx, uint64_t seq)
{
	struct sync *y = ctx;
	publisher_wrote(&y->store->publisher, seq);
}

/* Later ones are heard of when they find something. */
static void say_first_check(struct sync *y, const struct cycle *c, int64_t began_ms)
{
	const char *found = c->checked.is_valid ? "all equal" : "not equal yet";
	if (y->said_check)
		return;
	y->said_check = true;
	log_info(TAG_SYNC, "%s: first check: %zu items, %s, %" PRId64 " ms",
		 y->store->options->instance, c->checked.items,
		 c->checked.rebuilt ? "differences repaired" : found, clock_mono_ms() - began_ms);
}

static enum err_code run_verify(struct sync *y, struct cycle *c, struct err *e)
{
	struct store *s = y->store;
	struct verify v = { .db = y->session.db,
			    .redis = y->session.redis,
			    .mirror = s->mirror,
			    .lease = &y->lease,
			    .instance = s->options->instance,
			    .in_flight_ms = s->options->mysql_timeout_ms +
					    IN_FLIGHT_TRIES * s->options->redis_timeout_ms,
			    .wrote = on_repair,
			    .ctx = y };
	if (!session_mysql(&y->session, s))
		return ERR_NONE;
	int64_t began_ms = clock_mono_ms();
	enum err_code code = lease_keep(y->session.redis, &y->lease, e);
	if (code == ERR_NONE)
		code = verify_run(&v, &c->checked, e);
	c->verify = code == ERR_NONE;
	if (c->checked.in_flight > 0)
		y->cycle_at_ms = clock_mono_ms() + s->options->probe_interval_ms;
	if (code == ERR_NONE && c->checked.rebuilt)
		atomic_fetch_add(&y->rebuilds, 1);
	if (c->verify)
		say_first_check(y, c, began_ms);
	return code;
}

static enum err_code run_under_lease(struct sync *y, bool full, struct cycle *c, struct err *e)
{
	static struct log_limit idle = LOG_LIMIT_INIT; /* drains that do nothing, see drain.c */
	struct store *s = y->store;
	json_t *old = mirror_sync_state(s->mirror, "metadata");
	c->household.dead_letters = sync_metadata_total(old, "dead_letters");
	c->household.applied = sync_metadata_total(old, "applied");
	json_decref(old);
	enum err_code code = changelog_catch_up(y->session.redis, s->mirror, e);
	if (code == ERR_NONE)
		code = run_drain(y, c, e);
	if (code == ERR_NONE)
		code = remember(s, &y->session, e);
	if (c->drain)
		code = end_drain(y, c, code, e);
	if (code == ERR_NONE && (full || c->drain))
		code = run_verify(y, c, e);
	if (code == ERR_NONE && full)
		code = housekeeping(s, &y->session, full, &c->household, e);
	if (redis_is_open(y->session.redis) && c->verify)
		sync_say_metadata(y, c);
	if (c->drain || c->checked.rebuilt)
		log_line_limited(c->drained.operations > 0 || c->checked.rebuilt ? NULL : &idle,
				 LOG_INFO, TAG_SYNC,
				 "%s: cycle of %" PRId64
				 " ms: %zu deletes, %zu updates, %zu creates, %zu left, "
				 "%zu dead letters%s",
				 s->options->instance, clock_mono_ms() - c->began_ms,
				 c->drained.deletes, c->drained.updates, c->drained.creates,
				 c->drained.left, c->drained.conflicts + c->drained.rejected,
				 c->checked.rebuilt ? ", rebuilt" : "");
	return code;
}

/* A check that broke off is done again, each time later, until it is due anyway. */
static void check_again(struct sync *y)
{
	int64_t pause_ms = y->store->options->probe_interval_ms;
	for (unsigned i = 0; i < y->broken_off; i++)
		pause_ms *= 2;
	if (y->broken_off < BROKEN_OFF_MAX)
		y->broken_off++;
	if (clock_mono_ms() + pause_ms < y->cycle_at_ms)
		y->cycle_at_ms = clock_mono_ms() + pause_ms;
}

static void run_cycle(struct sync *y, bool full)
{
	struct store *s = y->store;
	struct cycle c = { .began_ms = clock_mono_ms() };
	struct err e = ERR_INIT;
	bool redis = session_redis(&y->session, s);
	if (!redis)
		sync_without_redis(y);
	if (!redis || mirror_position(s->mirror).epoch[0] == '\0') {
		/* Nothing could be checked: a daemon that starts does it as soon as it can. */
		if (full)
			y->cycle_at_ms = clock_mono_ms() + s->options->probe_interval_ms;
		return;
	}
	enum err_code code = lease_take(y->session.redis, &y->lease, s->options->instance, &e);
	if (code != ERR_NONE) {
		store_redis_failed(s, y->session.redis, &e);
		if (full && code != ERR_BUSY)
			check_again(y);
		return;
	}
	code = run_under_lease(y, full, &c, &e);
	if (code != ERR_NONE && (full || c.drain))
		check_again(y);
	else if (c.verify)
		y->broken_off = 0;
	if (code != ERR_NONE) {
		/* Which server failed shows in which session is closed; that of MySQL may not have
		 * been opened yet. */
		if (redis_is_open(y->session.redis) && !db_is_open(y->session.db))
			store_mysql_failed(s, y->session.db, &e);
		else
			store_redis_failed(s, y->session.redis, &e);
		/* That a server died was said once, when its circuit opened. */
		bool known = !circuit_up(s->mysql) || !circuit_up(s->redis);
		log_limited(known ? LOG_DEBUG : LOG_WARN, TAG_SYNC, "%s: cycle ended early: %s",
			    s->options->instance, e.text);
	}
	lease_drop(y->session.redis, &y->lease);
}

/* --- when --- */

/* Wait for the next cycle; *full when everything is to be checked. False: stop. */
static bool next_cycle(struct sync *y, bool *full)
{
	struct store *s = y->store;
	bool waiting = sync_waiting_here(y) > 0 || atomic_load(&y->unsettled) || state_running(y) ||
		       (final_ids_lack(s) && circuit_up(s->mysql));
	int64_t now = clock_mono_ms();
	int64_t until = y->cycle_at_ms;
	if (waiting && now + s->options->probe_interval_ms < until)
		until = now + s->options->probe_interval_ms;
	PTOK(pthread_mutex_lock(&y->lock));
	y->running = false;
	while (!atomic_load(&y->stop) && !y->woken && !y->asked) {
		if (!thread_cond_wait_until(&y->wake, &y->lock, until))
			break;
	}
	bool switched = circuit_switches(s->mysql) != y->mysql_switches;
	y->mysql_switches = circuit_switches(s->mysql);
	*full = y->asked || switched || clock_mono_ms() >= y->cycle_at_ms;
	y->woken = false;
	y->asked = false;
	y->running = true;
	bool go = !atomic_load(&y->stop);
	PTOK(pthread_mutex_unlock(&y->lock));
	if (*full)
		y->cycle_at_ms = clock_mono_ms() + s->options->sync_interval_ms;
	return go;
}

static void *sync_main(void *arg)
{
	struct sync *y = arg;
	bool full = false;
	log_info(TAG_SYNC, "%s: the sync loop starts, a check every %g s",
		 y->store->options->instance, (double)y->store->options->sync_interval_ms / 1000);
	session_open(&y->session, y->store, "sync");
	while (next_cycle(y, &full)) {
		final_ids_learn(y->store, &y->session);
		run_cycle(y, full);
		mirror_expire(y->store->mirror, clock_mono_us(), MIRROR_FORMER_MAX);
	}
	session_close(&y->session);
	return NULL;
}

void sync_start(struct sync *y)
{
	y->thread = thread_start("sync", sync_main, y);
}

void sync_stop(struct sync *y)
{
	PTOK(pthread_mutex_lock(&y->lock));
	atomic_store(&y->stop, true);
	PTOK(pthread_cond_signal(&y->wake));
	PTOK(pthread_mutex_unlock(&y->lock));
	PTOK(pthread_join(y->thread, NULL));
}
