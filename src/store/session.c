/* session.c - a thread's pair of sessions and the circuits they report to. */
#include "store_private.h"

#include "relevo/log.h"

void session_open(struct session *s, struct store *store, const char *who)
{
	s->db = db_new(&store->options->mysql, store->options->mysql_timeout_ms, who);
	s->redis = redis_new(&store->options->redis, store->options->redis_timeout_ms, who);
}

void session_close(struct session *s)
{
	db_free(&s->db);
	redis_free(&s->redis);
	db_thread_end();
}

void store_mysql_failed(struct store *s, struct db *db, const struct err *e)
{
	struct err fresh = ERR_INIT;
	if ((e->code != ERR_DOWN && e->code != ERR_UNCERTAIN) || !circuit_up(s->mysql))
		return;
	/* The session that failed is closed: one that is open is newer. */
	if ((db_is_open(db) || db_was_cut(db)) && db_ready(db, &fresh) == ERR_NONE)
		log_limited(LOG_INFO, TAG_MYSQL, "a session was cut, MySQL is well: %s", e->text);
	else
		circuit_trip(s->mysql, e->text);
}

void store_redis_failed(struct store *s, struct redis *redis, const struct err *e)
{
	struct err fresh = ERR_INIT;
	if (e->code == ERR_EPOCH || e->code == ERR_STALE)
		atomic_store(&s->follower.rejoin, true);
	if (e->code != ERR_DOWN || !circuit_up(s->redis))
		return;
	if (redis_was_cut(redis) && redis_ready(redis, &fresh) == ERR_NONE)
		log_limited(LOG_INFO, TAG_REDIS, "a session was cut, Redis is well: %s", e->text);
	else
		circuit_trip(s->redis, e->text);
}

bool session_mysql(struct session *s, struct store *store)
{
	struct err e = ERR_INIT;
	uint64_t switches = circuit_switches(store->mysql);
	if (!circuit_up(store->mysql))
		return false;
	/* A session from before the outage is dead, though nobody told us yet. */
	if (switches != s->mysql_switches)
		db_close(s->db);
	s->mysql_switches = switches;
	if (db_ready(s->db, &e) == ERR_NONE)
		return true;
	circuit_trip(store->mysql, e.text);
	return false;
}

bool session_redis(struct session *s, struct store *store)
{
	struct err e = ERR_INIT;
	uint64_t switches = circuit_switches(store->redis);
	if (!circuit_up(store->redis))
		return false;
	if (switches != s->redis_switches)
		redis_drop(s->redis);
	s->redis_switches = switches;
	if (redis_ready(s->redis, &e) == ERR_NONE)
		return true;
	circuit_trip(store->redis, e.text);
	return false;
}

bool session_catch_up(struct session *s, struct store *store)
{
	struct err e = ERR_INIT;
	if (!session_redis(s, store))
		return false;
	if (changelog_catch_up(s->redis, store->mirror, &e) == ERR_NONE)
		return true;
	store_redis_failed(store, s->redis, &e);
	return false;
}
