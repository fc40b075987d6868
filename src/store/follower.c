/* follower.c - keeps the mirror in step with the log: joins it, follows it, founds it anew. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/plant.h"
#include "relevo/tables.h"
#include "relevo/verify.h"

#define FOLLOW_WAIT_MS 50
#define RETRY_MS       100
#define UNLOGGED_BATCH 500
/* How long the others may take to notice that Redis lost its memory, and to put back what they
 * know: a look at the log each, and their operations. */
#define RECALL_MS 1500
/* When the log moves without end it is looked at in intervals: most of the entries are our own
 * lanes', which the mirror has already when we look a little later. */
#define FOLLOW_BUSY	16 /* looks without a wait */
#define FOLLOW_PAUSE_MS 10

struct follow {
	struct store *store;
	struct session session;
	struct changes settled; /* what MySQL said of what waits here, during a load */
	uint64_t followed;	/* since this many switches of Redis' circuit; 0 never */
};

static void pause_ms(struct store *s, int64_t ms)
{
	thread_pause(&s->probe_lock, &s->probe_wake, ms);
}

/* One entry of them, with records of keyed operations. *count, *done_count: how many. */
static enum err_code log_some(struct follow *f, size_t *count, size_t *done_count, struct err *e)
{
	struct store *s = f->store;
	struct changes changes = { 0 };
	struct done_record *done = mem_zero(UNLOGGED_BATCH, sizeof(*done));
	uint64_t ticket = 0, seq = 0, last = 0;
	enum err_code code = ERR_NONE;
	*count = mirror_unlogged(s->mirror, &changes, UNLOGGED_BATCH, &ticket);
	*done_count = done_list_peek(&s->unsent, done, UNLOGGED_BATCH, &last);
	if (*count > 0 || *done_count > 0)
		code = changelog_append(f->session.redis, s->mirror, s->options->instance, &changes,
					done, *done_count, &seq, e);
	if (*count > 0 && code == ERR_NONE)
		mirror_logged(s->mirror, &changes, ticket);
	if (seq > 0 && code == ERR_NONE) {
		done_list_sent(&s->unsent, last);
		publisher_wrote(&s->publisher, seq);
	}
	for (size_t i = 0; i < *done_count; i++)
		free(done[i].json);
	free(done);
	changes_free(&changes);
	return code;
}

/* Bring what was changed while Redis was away into the log. */
static enum err_code log_unlogged(struct follow *f, struct err *e)
{
	enum err_code code = ERR_NONE;
	struct store *s = f->store;
	size_t total = 0, count = 0, done_count = 0;
	/* What lanes have sent just now is not ours to wait for. */
	while (code == ERR_NONE &&
	       (mirror_unlogged_count(s->mirror) > 0 || !done_list_empty(&s->unsent))) {
		code = log_some(f, &count, &done_count, e);
		total += count;
	}
	if (total > 0 && code == ERR_NONE)
		log_info(TAG_REDIS, "%zu changes made without Redis are in the log now", total);
	return code;
}

/* --- operations that Redis forgot --- */

/* Those that are done go to `done`, which has room for `count`. */
static void take_done(const redisReply *reply, struct operation *const *ops, size_t count,
		      struct operation **done, size_t *done_count)
{
	for (size_t i = 0; i < count && reply->type == REDIS_REPLY_ARRAY; i++) {
		if (i + 1 < reply->elements && reply->element[i + 1]->type == REDIS_REPLY_STRING &&
		    strcmp(reply->element[i + 1]->str, "done") == 0)
			done[(*done_count)++] = ops[i];
	}
}

/* Queue operations again; the script knows by their ids which ones it has. `sure`: also if a record
 * says that it is done (`done` is NULL); a retried operation has one of an earlier attempt. */
static enum err_code queue_again(struct follow *f, struct operation *const *ops, size_t count,
				 bool sure, struct operation **done, size_t *done_count,
				 struct err *e)
{
	struct store *s = f->store;
	enum err_code code = ERR_NONE;
	struct redis_args *args = redis_args_new();
	struct mirror_position at = mirror_position(s->mirror);
	for (size_t i = 0, n; i < count && code == ERR_NONE; i += n) {
		redisReply *reply = NULL;
		redis_args_reset(args);
		accept_args_begin(args, s, at.epoch, changelog_nonce(), ACCEPT_UNLIMITED, 0);
		for (n = 0; n < BATCH_MAX && i + n < count; n++) {
			bool any = sure || ops[i + n]->attempt > 0;
			accept_args_put(args, ops[i + n], any ? "*" : "+", true);
		}
		code = redis_script(f->session.redis, SCRIPT_ACCEPT, args, &reply, e);
		if (code != ERR_NONE)
			break;
		if (!sure)
			take_done(reply, ops + i, n, done, done_count);
		freeReplyObject(reply);
	}
	redis_args_free(&args);
	return code == ERR_NONE ? changelog_catch_up(f->session.redis, s->mirror, e) : code;
}

static bool still_waits(struct store *s, const struct operation *op)
{
	struct operation *waiting = mirror_operation(s->mirror, op->id);
	bool waits = waiting != NULL;
	operation_unref(&waiting);
	return waits;
}

/* Queue what waits here and is not in the lists. What a drain settled since we looked at them the
 * log tells; put back, it would be shown as waiting once more. Where the log does not tell it, the
 * drain has to find out. */
static enum err_code put_back(struct follow *f, struct err *e)
{
	struct store *s = f->store;
	size_t count = 0, done_count = 0, left = 0;
	struct operation **ops = mirror_operations(s->mirror, &count);
	struct operation **done = mem_zero(count + 1, sizeof(struct operation *));
	enum err_code code = queue_again(f, ops, count, false, done, &done_count, e);
	for (size_t i = 0; i < done_count; i++) {
		if (still_waits(s, done[i]))
			done[left++] = done[i];
	}
	if (code == ERR_NONE && left > 0)
		code = queue_again(f, done, left, true, NULL, NULL, e);
	if (code == ERR_NONE && count > 0)
		log_info(TAG_REDIS, "%zu waiting operations checked against the lists", count);
	for (size_t i = 0; i < count; i++)
		operation_unref(&ops[i]);
	free(ops);
	free(done);
	return code;
}

/* --- joining --- */

/* Redis knows nothing: start its log with what we know, from MySQL where that is up. */
static enum err_code found(struct follow *f, const char *was, bool lost, struct err *e)
{
	struct store *s = f->store;
	/* At the start the first probe of MySQL may still be on its way. */
	if (!mirror_loaded(s->mirror))
		(void)circuit_wait_up(s->mysql, clock_mono_ms() + s->options->mysql_timeout_ms);
	if (session_mysql(&f->session, s)) {
		struct err read = ERR_INIT;
		if (verify_read_all(f->session.db, s->mirror, &read) != ERR_NONE)
			store_mysql_failed(s, f->session.db, &read);
	}
	enum err_code code = changelog_found(f->session.redis, s->mirror, was, e);
	if (code == ERR_NONE && lost) {
		sync_count_rebuild(s->sync);
		log_warn(TAG_REBUILD,
			 "Redis had lost its memory: cache, hash and log are built anew");
	} else if (code == ERR_NONE) {
		log_info(TAG_REDIS, "a new change log begins");
	}
	if (code == ERR_NONE)
		publisher_wrote(&s->publisher, 0);
	return code;
}

/* What waits here may be done: Redis was told, and lost it. Without MySQL nobody can know. */
static const struct changes *ask_settled(void *ctx)
{
	struct follow *f = ctx;
	struct store *s = f->store;
	struct err e = ERR_INIT;
	if (session_mysql(&f->session, s)) {
		if (verify_settled(f->session.db, s->mirror, &f->settled, &e) != ERR_NONE)
			store_mysql_failed(s, f->session.db, &e);
		db_rollback(f->session.db);
	}
	return &f->settled;
}

static enum err_code load(struct follow *f, bool known, char was[EPOCH_SIZE], struct err *e)
{
	const struct changelog_known keeps = { .settled = ask_settled, .ctx = f };
	enum err_code code =
		changelog_load(f->session.redis, f->store->mirror, known ? &keeps : NULL, was, e);
	changes_free(&f->settled);
	return code;
}

static enum err_code join(struct follow *f, uint64_t switches, struct err *e)
{
	struct store *s = f->store;
	struct mirror_position before = mirror_position(s->mirror);
	bool known = before.epoch[0] != '\0';
	char was[EPOCH_SIZE] = "";
	enum err_code code = ERR_EPOCH;
	if (known) {
		code = changelog_check(f->session.redis, s->mirror, e);
		if (code == ERR_NONE)
			code = changelog_catch_up(f->session.redis, s->mirror, e);
	}
	/* Who followed the log until Redis lost it has missed nothing. */
	if (code == ERR_STALE || (code != ERR_NONE && switches != f->followed))
		atomic_fetch_add(&s->final_ids.gaps, 1);
	if (code == ERR_EPOCH || code == ERR_STALE) {
		err_clear(e);
		code = load(f, known, was, e);
	}
	for (int tries = 0; tries < 3 && (code == ERR_NOT_FOUND || code == ERR_STALE); tries++) {
		err_clear(e);
		code = found(f, was, known, e);
		if (code == ERR_STALE) { /* another instance was faster */
			err_clear(e);
			code = load(f, known, was, e);
		}
	}
	if (code == ERR_NONE && known &&
	    strcmp(before.epoch, mirror_position(s->mirror).epoch) != 0)
		atomic_store(&s->follower.recalled_ms, clock_mono_ms() + RECALL_MS);
	if (code == ERR_NONE && !planted(PLANT_NOT_PUT_BACK))
		code = put_back(f, e);
	if (code == ERR_NONE)
		code = log_unlogged(f, e);
	if (code == ERR_NONE)
		mirror_mark_loaded(s->mirror);
	return code;
}

/* Wait for the log to move; where it moves without a pause look at intervals instead. *busy counts
 * how long it does. */
static enum err_code follow_step(struct follow *f, unsigned *busy, struct err *e)
{
	struct store *s = f->store;
	int64_t began = clock_mono_ms();
	uint64_t seq = mirror_position(s->mirror).seq;
	if (*busy >= FOLLOW_BUSY) {
		pause_ms(s, FOLLOW_PAUSE_MS);
		enum err_code code = changelog_catch_up(f->session.redis, s->mirror, e);
		if (mirror_position(s->mirror).seq == seq)
			*busy = 0;
		return code;
	}
	enum err_code code = changelog_follow(f->session.redis, s->mirror, FOLLOW_WAIT_MS, e);
	*busy = clock_mono_ms() - began < FOLLOW_PAUSE_MS ? *busy + 1 : 0;
	return code;
}

static void follow(struct follow *f, uint64_t switches)
{
	struct store *s = f->store;
	struct err e = ERR_INIT;
	unsigned busy = 0;
	while (!atomic_load(&s->stopping) && circuit_switches(s->redis) == switches &&
	       !atomic_load(&s->follower.rejoin)) {
		enum err_code code = follow_step(f, &busy, &e);
		bool more = mirror_unlogged_count(s->mirror) > 0 || !done_list_empty(&s->unsent);
		if (code == ERR_NONE && more)
			code = log_unlogged(f, &e);
		if (code != ERR_NONE) {
			store_redis_failed(s, f->session.redis, &e);
			return;
		}
	}
}

/* Redis answers but takes no writes (full, its disk broken): what waits in it can be known all the
 * same, and be drained from memory. */
static void read_only(struct follow *f)
{
	struct store *s = f->store;
	struct err e = ERR_INIT;
	char was[EPOCH_SIZE] = "";
	if (redis_ready(f->session.redis, &e) != ERR_NONE || load(f, false, was, &e) != ERR_NONE) {
		log_debug(TAG_REDIS, "reading what waits: %s", e.text);
		return;
	}
	atomic_store(&s->follower.read, true);
	log_info(TAG_REDIS, "Redis takes no writes; what waits in it was read");
}

/* Without Redis' log: have at least what MySQL says, for the time when both are down. */
static void load_without_log(struct follow *f)
{
	struct store *s = f->store;
	struct err e = ERR_INIT;
	bool loaded = mirror_loaded(s->mirror), read = atomic_load(&s->follower.read);
	if (!read && atomic_load(&s->redis_readable))
		read_only(f);
	if (!loaded && session_mysql(&f->session, s)) {
		if (verify_read_all(f->session.db, s->mirror, &e) == ERR_NONE)
			mirror_mark_loaded(s->mirror);
		else
			store_mysql_failed(s, f->session.db, &e);
	}
	if (!read && atomic_load(&s->follower.read)) {
		atomic_store(&s->follower.settled, true);
		sync_wake(s->sync);
	}
}

void *follower_main(void *arg)
{
	struct store *s = arg;
	struct follow f = { .store = s };
	session_open(&f.session, s, "follower");
	while (!atomic_load(&s->stopping)) {
		struct err e = ERR_INIT;
		uint64_t switches = circuit_switches(s->redis);
		if (!session_redis(&f.session, s)) {
			load_without_log(&f);
			(void)circuit_wait_up(s->redis, clock_mono_ms() + RETRY_MS);
			continue;
		}
		atomic_store(&s->follower.rejoin, false);
		if (join(&f, switches, &e) == ERR_NONE) {
			f.followed = switches;
			atomic_store(&s->follower.joined, switches);
			atomic_store(&s->follower.read, true);
			atomic_store(&s->follower.settled, true);
			sync_wake(s->sync);
			follow(&f, switches);
			atomic_store(&s->follower.joined, 0);
		} else {
			store_redis_failed(s, f.session.redis, &e);
			log_debug(TAG_REDIS, "joining the log: %s", e.text);
			pause_ms(s, RETRY_MS);
		}
	}
	session_close(&f.session);
	return NULL;
}
