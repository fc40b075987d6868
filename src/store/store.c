/* store.c - the store's life, where a request goes, and what the daemon says of itself. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

const char *source_name(enum source s)
{
	static const char *const names[] = { "MySQL", "REDIS_CACHE", "REDIS_BACKUP", "MEMORY" };
	return names[s];
}

bool item_ref_parse(const char *text, size_t len, struct item_ref *out)
{
	struct item_ref ref = { 0 };
	if (opid_parse_temp(text, len, &ref.temp)) {
		*out = ref;
		return true;
	}
	if (len == 0 || len > 19 || text[0] == '0')
		return false;
	uint64_t id = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(text[i] - '0');
	}
	if (id > INT64_MAX)
		return false;
	ref.id = (int64_t)id;
	*out = ref;
	return true;
}

/* --- jobs --- */

struct job *job_new(enum job_kind kind)
{
	struct job *j = mem_zero(1, sizeof(*j));
	j->kind = kind;
	return j;
}

void job_free(struct job **j)
{
	if (*j == NULL)
		return;
	fields_free(&(*j)->fields);
	row_unref(&(*j)->row);
	mirror_view_unref(&(*j)->view);
	json_decref((*j)->json);
	free((*j)->faults);
	free(*j);
	*j = NULL;
}

void job_fail(struct job *j, enum err_code code, const char *text)
{
	j->result = JOB_FAILED;
	err_clear(&j->error);
	err_set(&j->error, code, "%s", text);
}

static bool job_is_write(const struct job *j)
{
	return j->kind <= JOB_DELETE;
}

void job_finish(struct store *s, struct job *j)
{
	if (job_is_write(j) && j->keyed)
		keyset_leave(s->keys, j->op);
	if (job_is_write(j))
		crowd_leave(&s->lanes[j->lane].crowd);
	j->next = NULL;
	j->done(j);
}

/* Writes to one item always go to the same lane. */
static unsigned lane_of(const struct store *s, const struct job *j)
{
	struct item_ref ref = j->ref;
	if (ref.id == 0)
		ref.id = mirror_final_id(s->mirror, ref.temp);
	return ref.id != 0 ? (unsigned)ref.id : (unsigned)opid_hash(ref.temp);
}

/* Creates go to one lane together, that they make large transactions, until it has a full one
 * waiting. Keyed ones are looked up one by one first, and share that work. */
static unsigned create_lane(struct store *s, const struct job *j)
{
	return j->keyed ? (unsigned)opid_hash(j->op) : atomic_load(&s->create_lane);
}

static bool submit_write(struct store *s, struct job *j)
{
	unsigned chosen = j->kind == JOB_CREATE ? create_lane(s, j) : lane_of(s, j);
	struct lane *lane = &s->lanes[chosen % s->lane_count];
	j->lane = lane->index;
	crowd_enter(&lane->crowd);
	size_t waiting = queue_put(&lane->queue, j);
	if (waiting >= BATCH_MAX) /* the next creates go elsewhere, if they come here at present */
		atomic_compare_exchange_strong(&s->create_lane, &chosen, chosen + 1);
	return waiting > 0;
}

static bool submit(struct store *s, struct job *j)
{
	return job_is_write(j) ? submit_write(s, j) : queue_put(&s->asked, j) > 0;
}

void store_submit(struct store *s, struct job *j)
{
	j->submitted_us = clock_mono_us();
	if (job_is_write(j) && j->keyed && !keyset_enter(s->keys, j->op)) {
		job_fail(j, ERR_KEY_BUSY, "a request with this Idempotency-Key is in progress");
		j->done(j);
		return;
	}
	if (submit(s, j))
		return;
	if (atomic_load(&s->ending))
		job_fail(j, ERR_STOPPING, "the daemon is stopping");
	else
		job_fail(j, ERR_FULL, "too many requests wait");
	job_finish(s, j);
}

/* --- reads --- */

bool store_in_step(struct store *s)
{
	return circuit_up(s->redis) &&
	       atomic_load(&s->follower.joined) == circuit_switches(s->redis);
}

static bool asked_since(const struct circuit *c, const struct circuit *other, int64_t since_ms)
{
	int64_t probed = circuit_probed_ms(c);
	return probed >= circuit_switched_ms(other) && probed >= since_ms;
}

bool store_is_cut_off(struct store *s, int64_t since_ms)
{
	return !circuit_up(s->mysql) && !circuit_up(s->redis) &&
	       asked_since(s->mysql, s->redis, since_ms) &&
	       asked_since(s->redis, s->mysql, since_ms);
}

static bool usable_or_asked(const struct circuit *c, int64_t since_ms)
{
	return circuit_up(c) || circuit_probed_ms(c) >= since_ms;
}

bool store_has_asked(struct store *s, int64_t since_ms)
{
	return usable_or_asked(s->mysql, since_ms) && usable_or_asked(s->redis, since_ms);
}

static void wake_probes(struct store *s)
{
	PTOK(pthread_mutex_lock(&s->probe_lock));
	PTOK(pthread_cond_broadcast(&s->probe_wake));
	PTOK(pthread_mutex_unlock(&s->probe_lock));
}

void store_ask(struct store *s, int64_t since_ms)
{
	int_least64_t wanted = atomic_load(&s->wanted_ms);
	while (wanted < since_ms)
		if (atomic_compare_exchange_weak(&s->wanted_ms, &wanted, since_ms)) {
			wake_probes(s);
			return;
		}
}

bool store_recalls(struct store *s)
{
	return circuit_up(s->redis) && (!store_in_step(s) || atomic_load(&s->follower.rejoin) ||
					clock_mono_ms() < atomic_load(&s->follower.recalled_ms));
}

enum source store_read_source(struct store *s, struct read_mode mode)
{
	bool mysql = circuit_up(s->mysql);
	if (mysql && (mode.no_cache || s->options->read_from == READ_FROM_MYSQL))
		return SOURCE_MYSQL;
	if (store_in_step(s))
		return SOURCE_CACHE;
	return mysql ? SOURCE_MYSQL : SOURCE_MEMORY;
}

struct row *store_get(struct store *s, struct item_ref ref)
{
	return ref.id != 0 ? mirror_get(s->mirror, ref.id) : mirror_get_temp(s->mirror, ref.temp);
}

struct mirror *store_mirror(struct store *s)
{
	return s->mirror;
}

/* --- life cycle --- */

static void wake_on_switch(void *ctx)
{
	struct store *s = ctx;
	if (s->sync != NULL)
		sync_wake(s->sync);
	wake_probes(s);
}

struct store *store_new(const struct options *o)
{
	struct store *s = mem_zero(1, sizeof(*s));
	s->options = o;
	s->mirror = mirror_new();
	s->mysql = circuit_new("MySQL", TAG_MYSQL);
	s->redis = circuit_new("Redis", TAG_REDIS);
	s->keys = keyset_new();
	done_list_init(&s->unsent);
	s->lane_count = o->writers;
	s->lanes = mem_zero(s->lane_count, sizeof(*s->lanes));
	PTOK(pthread_mutex_init(&s->probe_lock, NULL));
	thread_cond_init(&s->probe_wake);
	queue_init(&s->asked);
	for (size_t i = 0; i < s->lane_count; i++) {
		s->lanes[i].store = s;
		s->lanes[i].index = (unsigned)i;
		queue_init(&s->lanes[i].queue);
	}
	publisher_init(&s->publisher, s);
	s->sync = sync_new(s);
	circuit_on_switch(s->mysql, wake_on_switch, s);
	circuit_on_switch(s->redis, wake_on_switch, s);
	return s;
}

void store_start(struct store *s)
{
	s->mysql_probe = thread_start("probe-mysql", mysql_probe_main, s);
	s->redis_probe = thread_start("probe-redis", redis_probe_main, s);
	s->follower.thread = thread_start("follower", follower_main, s);
	s->publisher.thread = thread_start("publisher", publisher_main, &s->publisher);
	for (size_t i = 0; i < s->lane_count; i++)
		s->lanes[i].thread = thread_start("lane", lane_main, &s->lanes[i]);
	for (size_t i = 0; i < READERS; i++) {
		s->readers[i].store = s;
		s->readers[i].thread = thread_start("reader", reader_main, &s->readers[i]);
	}
	sync_start(s->sync);
}

void store_wait_loaded(struct store *s, int64_t deadline_ms)
{
	/* A dead Redis is known after one time-out and one probe; do not hold up the start for it.
	 * One that can be read is waited for. */
	int64_t give_up = clock_mono_ms() + s->options->redis_timeout_ms +
			  s->options->mysql_timeout_ms + s->options->probe_interval_ms;
	while (clock_mono_ms() < deadline_ms && !atomic_load(&s->follower.settled)) {
		bool down = !circuit_up(s->redis);
		bool asked = circuit_probed_ms(s->redis) >= 0;
		bool have = mirror_loaded(s->mirror) && !atomic_load(&s->redis_readable);
		if (down && ((asked && have) || clock_mono_ms() > give_up))
			break;
		thread_pause(&s->probe_lock, &s->probe_wake, 5);
	}
}

void store_stop(struct store *s)
{
	sync_stop(s->sync);
	atomic_store(&s->ending, true);
	queue_close(&s->asked);
	for (size_t i = 0; i < s->lane_count; i++)
		queue_close(&s->lanes[i].queue);
	for (size_t i = 0; i < s->lane_count; i++)
		PTOK(pthread_join(s->lanes[i].thread, NULL));
	for (size_t i = 0; i < READERS; i++)
		PTOK(pthread_join(s->readers[i].thread, NULL));
	publisher_stop(&s->publisher);
	PTOK(pthread_join(s->publisher.thread, NULL));
	PTOK(pthread_mutex_lock(&s->probe_lock));
	atomic_store(&s->stopping, true);
	PTOK(pthread_cond_broadcast(&s->probe_wake));
	PTOK(pthread_mutex_unlock(&s->probe_lock));
	PTOK(pthread_join(s->follower.thread, NULL));
	PTOK(pthread_join(s->mysql_probe, NULL));
	PTOK(pthread_join(s->redis_probe, NULL));
}

void store_free(struct store **s)
{
	if (*s == NULL)
		return;
	sync_free(&(*s)->sync);
	for (size_t i = 0; i < (*s)->lane_count; i++)
		queue_destroy(&(*s)->lanes[i].queue);
	queue_destroy(&(*s)->asked);
	publisher_destroy(&(*s)->publisher);
	keyset_free(&(*s)->keys);
	done_list_destroy(&(*s)->unsent);
	mirror_free(&(*s)->mirror);
	circuit_free(&(*s)->mysql);
	circuit_free(&(*s)->redis);
	PTOK(pthread_cond_destroy(&(*s)->probe_wake));
	PTOK(pthread_mutex_destroy(&(*s)->probe_lock));
	free((*s)->lanes);
	free(*s);
	*s = NULL;
}
