/* probe.c - one thread a server that looks whether it is well, and the heartbeat. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/tables.h"

#define HEARTBEAT_MS	2000
#define HEARTBEAT_TTL_S 5
#define ASKED_GAP_MS	20 /* between probes that writes ask for */
#define TRIES		4  /* in a row, as long as the connection is cut: that may be one of many */
#define SCHEMA_MS	600000 /* adopting a large table copies it */
#define REGISTRY_S	86400  /* how long an instance that went away stays in the registry */

/* At once if the other server failed, or came back, since we asked; soon if a write asks. */
static int64_t next_probe_ms(struct store *s, int64_t asked_ms, const struct circuit *other)
{
	if (asked_ms < circuit_switched_ms(other))
		return asked_ms;
	if (asked_ms < atomic_load(&s->wanted_ms))
		return asked_ms + ASKED_GAP_MS;
	return asked_ms + s->options->probe_interval_ms;
}

static void probe_pause(struct store *s, int64_t asked_ms, const struct circuit *other)
{
	int64_t next;
	PTOK(pthread_mutex_lock(&s->probe_lock));
	while (!atomic_load(&s->stopping) &&
	       clock_mono_ms() < (next = next_probe_ms(s, asked_ms, other)))
		(void)thread_cond_wait_until(&s->probe_wake, &s->probe_lock, next);
	PTOK(pthread_mutex_unlock(&s->probe_lock));
}

/* A server that stays down is one log line, not one a probe; further reasons are for debugging. */
static void note_failure(struct circuit *c, enum log_tag tag, const struct err *e, bool *noted)
{
	bool was_up = circuit_up(c), never_up = circuit_switches(c) == 0;
	circuit_trip(c, e->text);
	if (!was_up && !*noted)
		log_line(never_up ? LOG_WARN : LOG_DEBUG, tag, "not usable: %s", e->text);
	*noted = true;
}

static enum err_code look_at_mysql(struct store *s, struct db *db, struct err *e)
{
	enum err_code code = db_ready(db, e);
	if (code == ERR_NONE)
		code = db_probe(db, e);
	/* Usable means that our tables are there, too. */
	if (code == ERR_NONE && !circuit_up(s->mysql)) {
		db_be_patient(db, SCHEMA_MS);
		code = tables_ensure(db, e);
		db_be_patient(db, 0);
	}
	return code;
}

void *mysql_probe_main(void *arg)
{
	struct store *s = arg;
	struct db *db = db_new(&s->options->mysql, s->options->mysql_timeout_ms, "probe");
	bool noted = false;
	while (!atomic_load(&s->stopping)) {
		struct err e = ERR_INIT;
		int64_t asked_ms = clock_mono_ms();
		uint64_t seen = circuit_switches(s->mysql);
		enum err_code code = look_at_mysql(s, db, &e);
		for (int tries = 1; code != ERR_NONE && db_was_cut(db) && tries < TRIES; tries++) {
			err_clear(&e);
			code = look_at_mysql(s, db, &e);
		}
		if (code == ERR_NONE) {
			circuit_close(s->mysql, seen);
			noted = false;
		} else {
			note_failure(s->mysql, TAG_MYSQL, &e, &noted);
		}
		circuit_probed(s->mysql, asked_ms);
		/* Opened since we asked: ask again at once. */
		if (code != ERR_NONE || circuit_up(s->mysql))
			probe_pause(s, asked_ms, s->redis);
	}
	db_free(&db);
	db_thread_end();
	return NULL;
}

/* --- Redis --- */

struct pulse {
	struct store *store;
	struct redis *redis;
	int64_t beat_at_ms;
	uint64_t reported; /* requests that are in the counter key */
	char run_id[48];
	bool warned_aof, warned_evicts;
};

/* Once each time it becomes so. */
static void warn_if(bool is_so, bool *warned, const char *text)
{
	if (is_so && !*warned)
		log_warn(TAG_REDIS, "%s", text);
	*warned = is_so;
}

static void warn_durability(struct pulse *p, const struct redis_facts *facts)
{
	warn_if(facts->durability == DURABILITY_NONE, &p->warned_aof,
		"AOF is off or never synced: writes accepted during an outage of MySQL are lost if "
		"Redis dies before they are drained");
	warn_if(facts->evicts, &p->warned_evicts,
		"the eviction policy may drop pending operations; use maxmemory-policy noeviction");
}

static enum err_code count(struct pulse *p, const char *command, const char *key,
			   atomic_size_t *out, struct err *e)
{
	redisReply *reply = NULL;
	enum err_code code = redis_callf(p->redis, &reply, e, "%s %s", command, key);
	if (code != ERR_NONE)
		return code;
	atomic_store(out, (size_t)reply->integer);
	freeReplyObject(reply);
	return ERR_NONE;
}

/* instance:{name}, requests:{name} and the registry of names. */
static enum err_code heartbeat(struct pulse *p, struct err *e)
{
	struct store *s = p->store;
	const char *name = s->options->instance;
	uint64_t requests = atomic_load(&s->requests);
	redisReply *reply = NULL;
	enum err_code code = redis_callf(p->redis, &reply, e, "SET instance:%s Online EX %d", name,
					 HEARTBEAT_TTL_S);
	if (code != ERR_NONE)
		return code;
	freeReplyObject(reply);
	code = redis_callf(p->redis, &reply, e, "INCRBY requests:%s %llu", name,
			   (unsigned long long)(requests - p->reported));
	if (code != ERR_NONE)
		return code;
	freeReplyObject(reply);
	p->reported = requests;
	int64_t now_us = 0;
	code = redis_time(p->redis, &now_us, e);
	if (code != ERR_NONE)
		return code;
	long long now_s = now_us / 1000000;
	code = redis_callf(p->redis, &reply, e, "ZADD sync:instances %lld %s", now_s, name);
	if (code != ERR_NONE)
		return code;
	freeReplyObject(reply);
	code = redis_callf(p->redis, &reply, e, "ZREMRANGEBYSCORE sync:instances -inf %lld",
			   now_s - REGISTRY_S);
	if (code != ERR_NONE)
		return code;
	freeReplyObject(reply);
	code = redis_callf(p->redis, &reply, e, "ZCOUNT sync:instances %lld +inf",
			   now_s - HEARTBEAT_TTL_S);
	if (code != ERR_NONE)
		return code;
	atomic_store(&s->instances, (size_t)reply->integer);
	freeReplyObject(reply);
	code = count(p, "XLEN", "items:changes", &s->log_entries, e);
	return code == ERR_NONE
		       ? count(p, "SCARD", "items:dead:discarded", &s->discarded_letters, e)
		       : code;
}

static enum err_code pulse_once(struct pulse *p, struct err *e)
{
	struct store *s = p->store;
	struct redis_facts facts = { .durability = DURABILITY_UNKNOWN };
	bool was_up = circuit_up(s->redis);
	/* Somebody found it down: it is up when it takes new sessions, and writes. */
	if (!was_up)
		redis_drop(p->redis);
	enum err_code code = redis_ready(p->redis, e);
	if (code == ERR_NONE)
		code = redis_probe(p->redis, &facts, e);
	if (code != ERR_NONE) {
		atomic_store(&s->redis_readable, false);
		return code;
	}
	/* A restarted or promoted Redis may lack the end of the log: join it again. */
	if (strcmp(facts.run_id, p->run_id) != 0) {
		if (p->run_id[0] != '\0')
			atomic_store(&s->follower.rejoin, true);
		p->warned_aof = p->warned_evicts = false;
	}
	memcpy(p->run_id, facts.run_id, sizeof(p->run_id));
	atomic_store(&s->durability, (int)facts.durability);
	atomic_store(&s->evicts, facts.evicts);
	warn_durability(p, &facts);
	if (was_up && clock_mono_ms() < p->beat_at_ms)
		return ERR_NONE;
	code = heartbeat(p, e);
	atomic_store(&s->redis_readable, code != ERR_NONE && redis_is_open(p->redis));
	if (code == ERR_NONE)
		p->beat_at_ms = clock_mono_ms() + HEARTBEAT_MS;
	return code;
}

void *redis_probe_main(void *arg)
{
	struct store *s = arg;
	struct pulse p = { .store = s };
	bool noted = false;
	p.redis = redis_new(&s->options->redis, s->options->redis_timeout_ms, "probe");
	while (!atomic_load(&s->stopping)) {
		struct err e = ERR_INIT;
		int64_t asked_ms = clock_mono_ms();
		uint64_t seen = circuit_switches(s->redis);
		enum err_code code = pulse_once(&p, &e);
		for (int tries = 1; code != ERR_NONE && redis_was_cut(p.redis) && tries < TRIES;
		     tries++) {
			err_clear(&e);
			code = pulse_once(&p, &e);
		}
		if (code == ERR_NONE) {
			circuit_close(s->redis, seen);
			noted = false;
		} else {
			note_failure(s->redis, TAG_REDIS, &e, &noted);
		}
		circuit_probed(s->redis, asked_ms);
		/* Opened since we asked: ask again at once. */
		if (code != ERR_NONE || circuit_up(s->redis))
			probe_pause(s, asked_ms, s->mysql);
	}
	if (redis_is_open(p.redis)) {
		struct err e = ERR_INIT;
		redisReply *reply = NULL;
		/* Tell the others at once that this instance is gone. */
		if (heartbeat(&p, &e) == ERR_NONE &&
		    redis_callf(p.redis, &reply, &e, "DEL instance:%s", s->options->instance) ==
			    ERR_NONE)
			freeReplyObject(reply);
	}
	redis_free(&p.redis);
	return NULL;
}
