/* verify_cache.c - items:cache against its hash, and both against what the log says. */
#include "verify_cache.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/digest.h"
#include "relevo/log.h"

#define CACHE_TRIES 5
#define LOGGED_MS   1000 /* for entries on their way, a time-out of Redis or two */

enum cache_state { CACHE_GOOD, CACHE_BAD, CACHE_MOVING };

static enum err_code cache_read(struct redis *r, redisReply **out, struct err *e)
{
	static const char *const commands[] = { "MULTI", "HMGET items:log epoch seq snap",
						"GET items:cache", "GET items:cache:hash" };
	redisReply *reply = NULL;
	for (size_t i = 0; i < 4; i++) {
		enum err_code code = redis_callf(r, &reply, e, commands[i]);
		if (code != ERR_NONE)
			return code;
		freeReplyObject(reply);
	}
	enum err_code code = redis_callf(r, &reply, e, "EXEC");
	if (code != ERR_NONE)
		return code;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
		freeReplyObject(reply);
		return err_set(e, ERR_INTERNAL, "Redis answered a transaction in part");
	}
	*out = reply;
	return ERR_NONE;
}

static void view_hash(struct mirror_view *view, char out[DIGEST_HEX_SIZE])
{
	size_t count = 0, bytes = 0;
	uint8_t raw[DIGEST_SIZE];
	struct iovec *pieces = mirror_view_array(view, &count, &bytes);
	struct digest *d = digest_begin();
	for (size_t i = 0; i < count; i++)
		digest_add(d, pieces[i].iov_base, pieces[i].iov_len);
	digest_end(&d, raw);
	digest_hex(raw, out);
	free(pieces);
}

/* Does the log say more after the snapshot than the state of the system? */
static bool items_changed_since(struct verify *v, uint64_t snap)
{
	static const char state_entry[] = "[{\"t\":\"sync\"";
	redisReply *entries = NULL;
	struct err ignored = ERR_INIT;
	bool changed = false;
	if (redis_callf(v->redis, &entries, &ignored, "XRANGE items:changes (%llu-0 + COUNT 1000",
			(unsigned long long)snap) != ERR_NONE)
		return true;
	for (size_t i = 0; i < entries->elements && !changed; i++) {
		const redisReply *entry = entries->element[i];
		const redisReply *pairs = entry->elements == 2 ? entry->element[1] : NULL;
		const char *text =
			pairs != NULL && pairs->elements == 6 ? pairs->element[5]->str : "";
		changed = strncmp(text, state_entry, sizeof(state_entry) - 1) != 0;
	}
	freeReplyObject(entries);
	return changed;
}

/* What is on its way into the log is in no snapshot of the others. */
static struct mirror_view *logged_view(struct verify *v)
{
	return mirror_view_logged(v->mirror, clock_mono_ms() + LOGGED_MS);
}

/* Own bytes against own hash, then, when both stand at the same position, against the mirror. */
static enum cache_state cache_judge(struct verify *v, const redisReply *facts,
				    struct verify_report *report)
{
	const redisReply *log = facts->element[0], *cache = facts->element[1],
			 *hash = facts->element[2];
	char text[DIGEST_HEX_SIZE], mine[DIGEST_HEX_SIZE];
	uint8_t raw[DIGEST_SIZE];
	report->hash_match = false;
	if (cache->type != REDIS_REPLY_STRING || hash->type != REDIS_REPLY_STRING)
		return CACHE_BAD;
	digest_of(cache->str, cache->len, raw);
	digest_hex(raw, text);
	if (strcmp(text, hash->str) != 0)
		return CACHE_BAD;
	report->hash_match = true;
	struct mirror_view *view = logged_view(v);
	struct mirror_position at = mirror_view_position(view);
	enum cache_state state = CACHE_MOVING;
	if (log->elements == 3 && log->element[2]->type == REDIS_REPLY_STRING &&
	    !mirror_view_unlogged(view)) {
		uint64_t snap = strtoull(log->element[2]->str, NULL, 10);
		if (snap == at.seq || (snap < at.seq && !items_changed_since(v, snap))) {
			view_hash(view, mine);
			state = strcmp(mine, text) == 0 ? CACHE_GOOD : CACHE_BAD;
		}
	}
	report->items = mirror_view_items(view);
	mirror_view_unref(&view);
	return state;
}

enum err_code verify_cache_publish(struct verify *v, bool again, bool *put, struct err *e)
{
	struct mirror_view *view = logged_view(v);
	bool exact = !mirror_view_unlogged(view);
	enum err_code code = exact ? changelog_repair(v->redis, view, again, e) : ERR_NONE;
	mirror_view_unref(&view);
	if (put != NULL)
		*put = exact && code == ERR_NONE;
	if (code == ERR_STALE) {
		err_clear(e);
		code = ERR_NONE;
	}
	return code;
}

/* The instances go on publishing: what is damaged must not become part of their next one. */
static enum err_code cache_repair(struct verify *v, const struct verify_report *report,
				  struct err *e)
{
	bool put = false;
	enum err_code code = changelog_damaged(v->redis, e);
	if (code == ERR_NONE)
		code = verify_cache_publish(v, true, &put, e);
	if (code == ERR_NONE)
		log_warn(TAG_REBUILD, "%s: items:cache %s; %s", v->instance,
			 report->hash_match ? "differs from the log" : "does not match its hash",
			 put ? "published anew" : "left to the next snapshot");
	return code;
}

/* A snapshot that is behind is published, but not where items change while we look: there it would
 * be behind again, and the instances publish it in their own time. */
enum err_code verify_cache_check(struct verify *v, struct verify_report *report, struct err *e)
{
	enum cache_state state = CACHE_MOVING;
	enum err_code code = ERR_NONE;
	uint64_t generation = 0;
	for (unsigned i = 0; i < CACHE_TRIES && state != CACHE_GOOD && code == ERR_NONE; i++) {
		redisReply *facts = NULL;
		struct mirror_counts now;
		code = changelog_catch_up(v->redis, v->mirror, e);
		mirror_counts(v->mirror, &now);
		if (i > 0 && state == CACHE_MOVING && now.generation != generation)
			break;
		generation = now.generation;
		if (code == ERR_NONE && state == CACHE_MOVING && i > 0)
			code = verify_cache_publish(v, false, NULL, e);
		if (code == ERR_NONE)
			code = cache_read(v->redis, &facts, e);
		if (code != ERR_NONE)
			break;
		state = cache_judge(v, facts, report);
		freeReplyObject(facts);
		if (state == CACHE_BAD) {
			report->rebuilt = true;
			code = cache_repair(v, report, e);
		}
	}
	/* A cache that never stands still while we look is in use and matched its hash. */
	report->is_valid = state != CACHE_BAD && report->hash_match;
	return code;
}
