/* status.c - what the daemon says of itself: health, sync status, counters. Never blocks. */
#include "store_private.h"

#include <string.h>

#include "relevo/mem.h"
#include "relevo/tables.h"

static size_t pending_total(const struct mirror_counts *c)
{
	return c->pending[OP_CREATE] + c->pending[OP_UPDATE] + c->pending[OP_DELETE];
}

/* The state named `name` that travels in the log, or an empty object. New reference. */
static json_t *state_of(struct store *s, const char *name)
{
	json_t *state = mirror_sync_state(s->mirror, name);
	return state != NULL ? state : json_object();
}

static const char *mode_of(struct store *s, const struct mirror_counts *counts, bool draining)
{
	if (!circuit_up(s->mysql))
		return "offline";
	return draining || pending_total(counts) > 0 ? "draining" : "online";
}

/* Without Redis nobody can say that a drain ended. */
static bool drain_running(struct store *s)
{
	json_t *drain = state_of(s, "drain");
	bool running = circuit_up(s->redis) && json_is_true(json_object_get(drain, "running"));
	json_decref(drain);
	return running;
}

bool store_durable(struct store *s)
{
	int d = atomic_load(&s->durability);
	return (d == DURABILITY_ALWAYS || d == DURABILITY_EVERYSEC) && !atomic_load(&s->evicts);
}

void store_health(struct store *s, struct store_health *out)
{
	struct mirror_counts counts;
	mirror_counts(s->mirror, &counts);
	*out = (struct store_health){
		.mysql = circuit_up(s->mysql),
		.redis = circuit_up(s->redis),
		.durability = (enum redis_durability)atomic_load(&s->durability),
	};
	if (!out->redis)
		out->durability = DURABILITY_UNKNOWN;
	out->mode = mode_of(s, &counts, drain_running(s));
	out->durable = out->redis && store_durable(s);
}

static void put_member(json_t *to, const char *name, json_t *from, const char *member,
		       json_t *otherwise /* taken */)
{
	json_t *value = json_object_get(from, member);
	if (value != NULL)
		json_object_set(to, name, value);
	else
		json_object_set(to, name, otherwise);
	json_decref(otherwise);
}

static json_t *details_json(json_t *metadata, const struct mirror_counts *counts)
{
	json_t *check = json_object_get(metadata, "check");
	json_t *details = json_object();
	put_member(details, "is_valid", check, "is_valid", json_false());
	json_object_set_new(details, "items_count", json_integer((json_int_t)counts->items));
	put_member(details, "hash_match", check, "hash_match", json_false());
	return details;
}

static json_t *drain_json(json_t *drain)
{
	json_t *out = json_object();
	put_member(out, "running", drain, "running", json_false());
	put_member(out, "done", drain, "done", json_integer(0));
	put_member(out, "total", drain, "total", json_integer(0));
	return out;
}

static void put_extras(struct store *s, json_t *out, json_t *metadata,
		       const struct mirror_counts *counts)
{
	json_t *drain = state_of(s, "drain");
	bool running = drain_running(s);
	json_object_set_new(out, "mode", json_string(mode_of(s, counts, running)));
	put_member(out, "dead_letters", metadata, "dead_letters", json_integer(0));
	put_member(out, "conflicts", metadata, "conflicts", json_integer(0));
	put_member(out, "last_sync", metadata, "last_sync", json_null());
	put_member(out, "rebuilds_total", metadata, "rebuilds_total", json_integer(0));
	json_object_set_new(out, "instances", json_integer((json_int_t)atomic_load(&s->instances)));
	json_object_set_new(out, "drain", drain_json(drain));
	json_decref(drain);
}

json_t *store_sync_status(struct store *s)
{
	struct mirror_counts counts;
	bool mysql = circuit_up(s->mysql), redis = circuit_up(s->redis);
	json_t *metadata = state_of(s, "metadata");
	json_t *out = json_object();
	mirror_counts(s->mirror, &counts);
	json_t *details = details_json(metadata, &counts);
	bool valid = json_is_true(json_object_get(details, "is_valid"));
	bool consistent = mysql && redis && pending_total(&counts) == 0 && valid;
	json_object_set_new(out, "mysql_available", json_boolean(mysql));
	json_object_set_new(out, "redis_available", json_boolean(redis));
	json_object_set_new(out, "cache_items", json_integer((json_int_t)counts.items));
	json_object_set_new(out, "pending_creates",
			    json_integer((json_int_t)counts.pending[OP_CREATE]));
	json_object_set_new(out, "pending_updates",
			    json_integer((json_int_t)counts.pending[OP_UPDATE]));
	json_object_set_new(out, "pending_deletes",
			    json_integer((json_int_t)counts.pending[OP_DELETE]));
	json_object_set_new(out, "is_consistent", json_boolean(consistent));
	json_object_set_new(out, "consistency_details", details);
	json_object_set_new(out, "status", json_string(consistent ? "synced" : "out_of_sync"));
	put_extras(s, out, metadata, &counts);
	json_decref(metadata);
	return out;
}

enum err_code store_sync_run(struct store *s, struct err *e)
{
	return sync_run_now(s->sync, e);
}

void store_count_request(struct store *s)
{
	atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
}

void store_counters(struct store *s, struct store_counters *out)
{
	struct sync_totals totals;
	sync_totals(s->sync, &totals);
	*out = (struct store_counters){
		.drains = totals.drains,
		.rebuilds = totals.rebuilds,
		.conflicts = totals.conflicts,
		.drained_operations = totals.drained_operations,
		.publishes = atomic_load(&s->publishes),
		.publish_bytes = atomic_load(&s->publish_bytes),
		.publish_sent = atomic_load(&s->publish_sent),
		.batch_operations = atomic_load(&s->batch_operations),
		.batch_count = atomic_load(&s->batch_count),
		.queued = atomic_load(&s->queued),
		.purged = atomic_load(&s->purged),
	};
	size_t unsent;
	done_list_size(&s->unsent, &unsent, &out->unsent_dropped);
	for (size_t i = 0; i < BATCH_BUCKETS; i++)
		out->batches[i] = atomic_load(&s->batch_sizes[i]);
}

/* --- what grows --- */

static size_t fullest_lane(struct store *s)
{
	size_t most = 0;
	for (size_t i = 0; i < s->lane_count; i++) {
		size_t count = queue_size(&s->lanes[i].queue);
		most = count > most ? count : most;
	}
	return most;
}

static size_t most_retries(struct store *s)
{
	size_t most = 0;
	for (size_t i = 0; i < s->lane_count; i++) {
		size_t count = atomic_load(&s->lanes[i].retries.count);
		most = count > most ? count : most;
	}
	return most;
}

static uint64_t counted(json_t *metadata, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(metadata, name));
}

void store_bounds(struct store *s, struct store_bound out[STORE_BOUNDS])
{
	json_t *metadata = state_of(s, "metadata");
	struct mirror_counts m;
	uint64_t dropped;
	size_t unsent;
	mirror_counts(s->mirror, &m);
	done_list_size(&s->unsent, &unsent, &dropped);
	const struct store_bound bounds[STORE_BOUNDS] = {
		{ "pending", "Operations that wait for MySQL, of all kinds.", pending_total(&m),
		  (uint64_t)s->options->max_pending },
		{ "lane_queue", "Writes that wait for the lane with the most.", fullest_lane(s),
		  QUEUE_LIMIT },
		{ "lane_retries", "Writes to be tried again by the lane with the most.",
		  most_retries(s), RETRIES_LIMIT },
		{ "reader_queue", "Reads that wait for a reader.", queue_size(&s->asked),
		  QUEUE_LIMIT },
		{ "keyed_requests", "Keyed writes in progress.", keyset_size(s->keys),
		  s->lane_count * (QUEUE_LIMIT + RETRIES_LIMIT + 2 * BATCH_MAX) },
		{ "unsent_records", "Records of keyed writes that Redis did not take yet.", unsent,
		  UNSENT_MAX },
		{ "tombstones", "Deleted items that are remembered.", m.tombstones,
		  MIRROR_FORMER_MAX },
		{ "final_ids", "Temporary ids of which it is remembered what became of them.",
		  m.final_ids, MIRROR_FORMER_MAX },
		{ "log_entries",
		  "Entries of items:changes; the limit is for those before the "
		  "snapshot.",
		  atomic_load(&s->log_entries), LOG_KEEP },
		{ "dead_letters", "Dead letters; up to the limit are listed, and copied to Redis.",
		  counted(metadata, "dead_letters"), LETTERS_SHOWN },
		{ "discarded_letters", "Discarded letters that MySQL is to forget yet.",
		  atomic_load(&s->discarded_letters), LETTERS_SHOWN },
		{ "applied_records", "Rows of relevo_applied, as MySQL estimates them.",
		  counted(metadata, "applied"), 0 },
	};
	memcpy(out, bounds, sizeof(bounds));
	json_decref(metadata);
}
