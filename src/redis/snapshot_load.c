/* snapshot_load.c - the mirror from `items:cache` and the lists of what waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changelog_private.h"
#include "relevo/digest.h"
#include "relevo/log.h"
#include "relevo/mem.h"

/* How often a snapshot that moves meanwhile is read. */
#define SNAPSHOT_TRIES 50

enum load_part {
	PART_CACHE,
	PART_HASH,
	PART_LOG,
	PART_CREATES,
	PART_UPDATES,
	PART_DELETES,
	PART_WAITING,
	PART_METADATA,
	PART_COUNT
};

static const char *const load_commands[PART_COUNT] = {
	[PART_CACHE] = "GET items:cache",
	[PART_HASH] = "GET items:cache:hash",
	[PART_LOG] = "HMGET items:log epoch snap",
	[PART_CREATES] = "LRANGE items:pending 0 -1",
	[PART_UPDATES] = "LRANGE items:pending_updates 0 -1",
	[PART_DELETES] = "LRANGE items:pending_deletes 0 -1",
	[PART_WAITING] = "HKEYS items:ops",
	[PART_METADATA] = "GET sync:metadata",
};

/* NULL: what is there has another type. */
struct parts {
	redisReply *at[PART_COUNT];
};

static const redisReply *part(const struct parts *parts, enum load_part i)
{
	static const redisReply nothing = { .type = REDIS_REPLY_NIL };
	return parts->at[i] != NULL ? parts->at[i] : &nothing;
}

static void parts_free(struct parts *parts)
{
	for (size_t i = 0; i < PART_COUNT; i++)
		freeReplyObject(parts->at[i]);
}

static enum err_code part_read(struct redis *r, struct parts *parts, enum load_part i,
			       struct err *e)
{
	struct err why = ERR_INIT;
	freeReplyObject(parts->at[i]);
	parts->at[i] = NULL;
	enum err_code code = redis_callf(r, &parts->at[i], &why, load_commands[i]);
	/* Somebody put another type there: as if there was nothing. */
	if (code == ERR_NONE || strstr(why.text, "WRONGTYPE") != NULL)
		return ERR_NONE;
	return err_set(e, code, "%s", why.text);
}

static bool same_text(const redisReply *a, const redisReply *b)
{
	return a->type == b->type && (a->type != REDIS_REPLY_STRING ||
				      (a->len == b->len && memcmp(a->str, b->str, a->len) == 0));
}

static bool same_log(const redisReply *a, const redisReply *b)
{
	if (a->elements != b->elements)
		return false;
	for (size_t i = 0; i < a->elements; i++)
		if (!same_text(a->element[i], b->element[i]))
			return false;
	return true;
}

/* Snapshot, hash and position of one publish: all three move at once, so they belong together if
 * the position is the same afterwards. No MULTI, as a full Redis takes none. *same: they do. */
static enum err_code snapshot_read(struct redis *r, struct parts *parts, bool *same, struct err *e)
{
	struct parts before = { { NULL } };
	enum err_code code = part_read(r, &before, PART_LOG, e);
	for (enum load_part i = PART_CACHE; i <= PART_LOG && code == ERR_NONE; i++)
		code = part_read(r, parts, i, e);
	*same = same_log(part(&before, PART_LOG), part(parts, PART_LOG));
	parts_free(&before);
	return code;
}

/* The lists come last: what changes after the position the log tells once more. */
static enum err_code parts_read(struct redis *r, struct parts *parts, struct err *e)
{
	enum err_code code = ERR_NONE;
	bool same = false;
	for (unsigned tries = 0; tries < SNAPSHOT_TRIES && !same && code == ERR_NONE; tries++)
		code = snapshot_read(r, parts, &same, e);
	if (code == ERR_NONE && !same)
		return err_set(e, ERR_BUSY, "the snapshot moves faster than it is read");
	for (enum load_part i = PART_CREATES; i < PART_COUNT && code == ERR_NONE; i++)
		code = part_read(r, parts, i, e);
	return code;
}

static enum err_code load_rows(const redisReply *cache, const redisReply *hash, struct row ***rows,
			       size_t *count, struct err *e)
{
	if (cache->type != REDIS_REPLY_STRING)
		return err_set(e, ERR_STALE, "items:cache is missing");
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	digest_of(cache->str, cache->len, digest);
	digest_hex(digest, hex);
	/* Better a doubtful cache than none: the next check against MySQL repairs it. */
	if (hash->type != REDIS_REPLY_STRING || strcmp(hash->str, hex) != 0)
		log_limited(LOG_WARN, TAG_REDIS, "items:cache does not match its hash");
	json_t *array = json_loadb(cache->str, cache->len, 0, NULL);
	if (!json_is_array(array)) {
		json_decref(array);
		return err_set(e, ERR_STALE, "items:cache is no JSON array");
	}
	size_t n = 0;
	struct row **made = mem_zero(json_array_size(array) + 1, sizeof(*made));
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct row *row = row_from_json(json_array_get(array, i));
		if (row != NULL)
			made[n++] = row;
	}
	json_decref(array);
	*rows = made;
	*count = n;
	return ERR_NONE;
}

static int operation_order(const void *a, const void *b)
{
	const struct operation *x = *(struct operation *const *)a;
	const struct operation *y = *(struct operation *const *)b;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int opid_order(const void *a, const void *b)
{
	return opid_compare(*(const struct opid *)a, *(const struct opid *)b);
}

/* The operations that wait, sorted; free it. */
static struct opid *load_waiting(const redisReply *names, size_t *count)
{
	struct opid *waiting = mem_zero(names->elements + 1, sizeof(*waiting));
	size_t n = 0;
	for (size_t i = 0; i < names->elements; i++) {
		if (opid_parse(names->element[i]->str, names->element[i]->len, &waiting[n]))
			n++;
	}
	qsort(waiting, n, sizeof(*waiting), opid_order);
	*count = n;
	return waiting;
}

/* The readable entries that wait, in order of acceptance. The lists are trimmed at their heads
 * only: a drain that died may have left settled entries behind one that waits. */
static struct operation **load_operations(const struct parts *parts, size_t *count)
{
	size_t room = 1, n = 0, waiting_count = 0;
	struct opid *waiting = load_waiting(part(parts, PART_WAITING), &waiting_count);
	for (enum load_part i = PART_CREATES; i <= PART_DELETES; i++)
		room += part(parts, i)->elements;
	struct operation **ops = mem_zero(room, sizeof(struct operation *));
	for (size_t kind = 0; kind < OP_KINDS; kind++) {
		const redisReply *list = part(parts, PART_CREATES + (enum load_part)kind);
		for (size_t i = 0; i < list->elements; i++) {
			struct operation *op = NULL;
			const redisReply *entry = list->element[i];
			if (operation_decode(entry->str, entry->len, (enum op_kind)kind, &op,
					     NULL) != ERR_NONE)
				continue;
			if (bsearch(&op->id, waiting, waiting_count, sizeof(*waiting),
				    opid_order) == NULL)
				operation_unref(&op);
			else
				ops[n++] = op;
		}
	}
	free(waiting);
	qsort(ops, n, sizeof(struct operation *), operation_order);
	*count = n;
	return ops;
}

static void load_metadata(struct mirror *m, const redisReply *text)
{
	json_t *object =
		text->type == REDIS_REPLY_STRING ? json_loadb(text->str, text->len, 0, NULL) : NULL;
	if (json_is_object(object)) {
		struct changes changes = { 0 };
		changes_sync(&changes, object);
		mirror_apply_unlogged(m, &changes);
		changes_free(&changes);
	}
	json_decref(object);
}

enum err_code changelog_load(struct redis *r, struct mirror *m, const struct changelog_known *known,
			     char was[EPOCH_SIZE], struct err *e)
{
	struct parts parts = { { NULL } };
	struct row **rows = NULL;
	struct operation **ops = NULL;
	size_t row_count = 0, op_count = 0;
	was[0] = '\0';
	enum err_code code = parts_read(r, &parts, e);
	if (code != ERR_NONE)
		goto out;
	const redisReply *log = part(&parts, PART_LOG);
	if (log->elements < 2 || log->element[0]->type != REDIS_REPLY_STRING) {
		code = err_set(e, ERR_NOT_FOUND, "Redis knows no change log");
		goto out;
	}
	snprintf(was, EPOCH_SIZE, "%s", log->element[0]->str);
	code = load_rows(part(&parts, PART_CACHE), part(&parts, PART_HASH), &rows, &row_count, e);
	if (code != ERR_NONE)
		goto out;
	ops = load_operations(&parts, &op_count);
	struct mirror_position at = { .seq = changelog_number(log->element[1]) };
	snprintf(at.epoch, sizeof(at.epoch), "%s", was);
	const struct changes *settled = known != NULL ? known->settled(known->ctx) : NULL;
	mirror_load(m, rows, row_count, ops, op_count, &at, known != NULL, settled);
	load_metadata(m, part(&parts, PART_METADATA));
	code = changelog_catch_up(r, m, e);
out:
	for (size_t i = 0; i < row_count; i++)
		row_unref(&rows[i]);
	for (size_t i = 0; i < op_count; i++)
		operation_unref(&ops[i]);
	free(rows);
	free(ops);
	parts_free(&parts);
	return code;
}
