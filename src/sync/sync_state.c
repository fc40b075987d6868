/* sync_state.c - the state of drains and checks, which travels in the log. */
#include <stdlib.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "sync_private.h"

/* Progress travels in the log at most this often. */
#define PROGRESS_MS 100

static void log_state(struct sync *y, json_t *state)
{
	struct changes changes = { 0 };
	uint64_t seq = 0;
	struct err e = ERR_INIT;
	changes_sync(&changes, state);
	if (changelog_append(y->session.redis, y->store->mirror, y->store->options->instance,
			     &changes, NULL, 0, &seq, &e) != ERR_NONE)
		store_redis_failed(y->store, y->session.redis, &e);
	changes_free(&changes);
}

void sync_say_drain(struct sync *y, bool running, size_t done, size_t total)
{
	json_t *state =
		json_pack("{s:s, s:s, s:b, s:I, s:I}", "t", "sync", "name", "drain", "running",
			  running, "done", (json_int_t)done, "total", (json_int_t)total);
	log_state(y, state);
	json_decref(state);
}

void sync_say_progress(void *ctx, size_t done, size_t total)
{
	struct sync *y = ctx;
	int64_t now = clock_mono_ms();
	publisher_wrote(&y->store->publisher, mirror_position(y->store->mirror).seq);
	if (now < y->progress_at_ms)
		return;
	y->progress_at_ms = now + PROGRESS_MS;
	sync_say_drain(y, true, done, total);
}

json_int_t sync_metadata_total(json_t *metadata, const char *name)
{
	return json_integer_value(json_object_get(metadata, name));
}

static json_t *last_sync_json(const struct cycle *c)
{
	char now[CLOCK_TEXT_SIZE];
	clock_format(clock_wall_us(), now);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "at", now, "duration_ms",
			 (json_int_t)(clock_mono_ms() - c->began_ms), "deletes",
			 (json_int_t)c->drained.deletes, "updates", (json_int_t)c->drained.updates,
			 "creates", (json_int_t)c->drained.creates, "rebuilt",
			 (int)c->checked.rebuilt);
}

/* sync:metadata, and the same for every instance through the log. */
void sync_say_metadata(struct sync *y, struct cycle *c)
{
	struct store *s = y->store;
	json_t *old = mirror_sync_state(s->mirror, "metadata");
	json_int_t outside = (json_int_t)atomic_exchange(&y->rebuilds_outside, 0);
	json_int_t rebuilds =
		sync_metadata_total(old, "rebuilds_total") + (c->checked.rebuilt ? 1 : 0) + outside;
	json_int_t conflicts = sync_metadata_total(old, "conflicts") +
			       (c->counted ? 0 : (json_int_t)c->drained.conflicts) +
			       (json_int_t)atomic_exchange(&y->conflicts_outside, 0);
	json_t *new =
		json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "t", "sync", "name",
			  "metadata", "by", s->options->instance, "last_sync", last_sync_json(c),
			  "rebuilds_total", rebuilds, "conflicts", conflicts, "dead_letters",
			  c->household.dead_letters, "applied", c->household.applied);
	c->counted = true;
	if (c->checked.rebuilt || outside > 0)
		json_object_set(new, "last_rebuild",
				json_object_get(json_object_get(new, "last_sync"), "at"));
	else if (json_object_get(old, "last_rebuild") != NULL)
		json_object_set(new, "last_rebuild", json_object_get(old, "last_rebuild"));
	if (c->verify)
		json_object_set_new(new, "check",
				    json_pack("{s:b, s:I, s:b}", "is_valid",
					      (int)c->checked.is_valid, "items_count",
					      (json_int_t)c->checked.items, "hash_match",
					      (int)c->checked.hash_match));
	else if (json_object_get(old, "check") != NULL)
		json_object_set(new, "check", json_object_get(old, "check"));
	log_state(y, new);
	char *text = json_dumps(new, JSON_COMPACT);
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	if (redis_callf(y->session.redis, &reply, &e, "SET sync:metadata %s", text) == ERR_NONE)
		freeReplyObject(reply);
	free(text);
	json_decref(new);
	json_decref(old);
}
