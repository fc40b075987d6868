/* changelog.c - appending to the log of changes and following it. */
#include "relevo/changelog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "changelog_private.h"
#include "relevo/digest.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

#define ENTRIES_PER_READ 500

uint64_t changelog_nonce(void)
{
	uint64_t nonce = 0;
	while (nonce == 0)
		digest_random(&nonce, sizeof(nonce));
	return nonce;
}

void changelog_put_nonce(struct redis_args *args, uint64_t nonce)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%016" PRIx64, nonce);
	redis_args_copy(args, text, (size_t)len);
}

uint64_t changelog_number(const redisReply *reply)
{
	if (reply == NULL)
		return 0;
	if (reply->type == REDIS_REPLY_INTEGER)
		return (uint64_t)reply->integer;
	return reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
}

bool changelog_epoch_is(const redisReply *reply, const char *epoch)
{
	return reply != NULL && reply->type == REDIS_REPLY_STRING && strcmp(reply->str, epoch) == 0;
}

/* --- reading entries --- */

struct log_entry {
	uint64_t seq, nonce;
	const char *changes;
	size_t len;
};

static bool entry_read(const redisReply *reply, struct log_entry *out)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY)
		return false;
	out->seq = changelog_number(reply->element[0]);
	out->changes = NULL;
	out->nonce = 0;
	const redisReply *pairs = reply->element[1];
	for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
		const redisReply *value = pairs->element[i + 1];
		if (strcmp(pairs->element[i]->str, "n") == 0) {
			out->nonce = strtoull(value->str, NULL, 16);
		} else if (strcmp(pairs->element[i]->str, "c") == 0) {
			out->changes = value->str;
			out->len = value->len;
		}
	}
	return out->seq != 0 && out->changes != NULL;
}

/* Apply a reply of XRANGE's shape. ERR_STALE when an entry in between is missing. */
static enum err_code entries_apply(const redisReply *list, struct mirror *m, const char *epoch,
				   struct err *e)
{
	for (size_t i = 0; i < list->elements; i++) {
		struct log_entry entry;
		if (!entry_read(list->element[i], &entry))
			return err_set(e, ERR_STALE, "the change log holds a foreign entry");
		if (mirror_position(m).seq >= entry.seq)
			continue;
		struct changes changes = { 0 };
		enum err_code code = changes_decode(&changes, entry.changes, entry.len, e);
		bool applied = code == ERR_NONE &&
			       mirror_apply(m, epoch, entry.seq, entry.nonce, &changes);
		changes_free(&changes);
		if (code != ERR_NONE)
			return code;
		if (!applied)
			return err_set(e, ERR_STALE, "the change log has a gap before %" PRIu64,
				       entry.seq);
	}
	return ERR_NONE;
}

/* One step: what the log says of itself, and the entries after the mirror's position. */
static enum err_code read_step(struct redis *r, const struct mirror_position *at,
			       redisReply **facts, redisReply **entries, struct err *e)
{
	char from[32], count[16];
	snprintf(from, sizeof(from), "(%" PRIu64 "-0", at->seq);
	snprintf(count, sizeof(count), "%d", ENTRIES_PER_READ);
	const char *ask[] = { "HMGET", "items:log", "epoch", "seq" };
	const char *range[] = { "XRANGE", "items:changes", from, "+", "COUNT", count };
	enum err_code code = redis_append(r, e, 4, ask, NULL);
	if (code == ERR_NONE)
		code = redis_append(r, e, 6, range, NULL);
	if (code == ERR_NONE)
		code = redis_reply(r, facts, e);
	if (code == ERR_NONE)
		code = redis_reply(r, entries, e);
	return code;
}

static enum err_code facts_check(const redisReply *facts, const struct mirror_position *at,
				 uint64_t *seq, struct err *e)
{
	if (facts->type != REDIS_REPLY_ARRAY || facts->elements < 2 ||
	    !changelog_epoch_is(facts->element[0], at->epoch))
		return err_set(e, ERR_EPOCH, "Redis is in another epoch of the change log");
	*seq = changelog_number(facts->element[1]);
	if (*seq < at->seq)
		return err_set(e, ERR_STALE, "Redis lost the end of the change log");
	return ERR_NONE;
}

enum err_code changelog_catch_up(struct redis *r, struct mirror *m, struct err *e)
{
	for (;;) {
		struct mirror_position at = mirror_position(m);
		redisReply *facts = NULL, *entries = NULL;
		uint64_t seq = 0;
		size_t got = 0;
		enum err_code code = read_step(r, &at, &facts, &entries, e);
		if (code == ERR_NONE)
			code = facts_check(facts, &at, &seq, e);
		if (code == ERR_NONE && entries->type == REDIS_REPLY_ARRAY) {
			got = entries->elements;
			code = entries_apply(entries, m, at.epoch, e);
		}
		if (code == ERR_NONE && got == 0 && mirror_position(m).seq < seq)
			code = err_set(e, ERR_STALE, "the change log is trimmed behind us");
		if (facts != NULL)
			freeReplyObject(facts);
		if (entries != NULL)
			freeReplyObject(entries);
		if (code != ERR_NONE || got < ENTRIES_PER_READ)
			return code;
	}
}

enum err_code changelog_follow(struct redis *r, struct mirror *m, int64_t wait_ms, struct err *e)
{
	struct mirror_position at = mirror_position(m);
	char from[32];
	snprintf(from, sizeof(from), "%" PRIu64 "-0", at.seq);
	redisReply *reply = NULL;
	enum err_code code = redis_wait(r, &reply, e, wait_ms,
					"XREAD COUNT %d BLOCK %lld STREAMS items:changes %s",
					ENTRIES_PER_READ, (long long)wait_ms, from);
	if (code != ERR_NONE)
		return code;
	bool some = reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
		    reply->element[0]->type == REDIS_REPLY_ARRAY &&
		    reply->element[0]->elements == 2;
	if (some)
		code = entries_apply(reply->element[0]->element[1], m, at.epoch, e);
	freeReplyObject(reply);
	if (some && code == ERR_NONE)
		return ERR_NONE;
	/* Nothing new, or a gap: ask what the log is like now. */
	if (code == ERR_STALE && e != NULL)
		err_clear(e);
	return changelog_catch_up(r, m, e);
}

enum err_code changelog_check(struct redis *r, struct mirror *m, struct err *e)
{
	struct mirror_position at = mirror_position(m);
	redisReply *facts = NULL, *entry = NULL;
	uint64_t seq = 0;
	enum err_code code = redis_callf(r, &facts, e, "HMGET items:log epoch seq");
	if (code != ERR_NONE)
		return code;
	if (facts->elements < 2 || facts->element[0]->type != REDIS_REPLY_STRING)
		code = err_set(e, ERR_NOT_FOUND, "Redis knows no change log");
	else
		code = facts_check(facts, &at, &seq, e);
	freeReplyObject(facts);
	if (code != ERR_NONE || at.nonce == 0)
		return code;
	code = redis_callf(r, &entry, e, "XRANGE items:changes %llu-0 %llu-0",
			   (unsigned long long)at.seq, (unsigned long long)at.seq);
	if (code != ERR_NONE)
		return code;
	struct log_entry there;
	if (entry->type == REDIS_REPLY_ARRAY && entry->elements == 1 &&
	    entry_read(entry->element[0], &there) && there.nonce != at.nonce)
		code = err_set(e, ERR_STALE, "the change log forked at %" PRIu64, at.seq);
	freeReplyObject(entry);
	return code;
}

/* --- appending --- */

enum err_code changelog_applied(struct redis *r, struct mirror *m, uint64_t seq, uint64_t nonce,
				const char *epoch, const struct changes *changes, struct err *e)
{
	if (changes != NULL && mirror_apply(m, epoch, seq, nonce, changes))
		return ERR_NONE;
	enum err_code code = changelog_catch_up(r, m, e);
	if (code != ERR_NONE)
		return code;
	struct mirror_position at = mirror_position(m);
	if (strcmp(at.epoch, epoch) != 0)
		return err_set(e, ERR_EPOCH, "the epoch changed meanwhile");
	return at.seq >= seq ? ERR_NONE
			     : err_set(e, ERR_STALE, "the log ends before %" PRIu64, seq);
}

struct changelog_entry {
	char epoch[EPOCH_SIZE];
	uint64_t nonce;
	struct buf text;
	struct redis_args *args;
};

static void entry_free(struct changelog_entry **slot)
{
	struct changelog_entry *entry = *slot;
	*slot = NULL;
	redis_args_free(&entry->args);
	buf_free(&entry->text);
	free(entry);
}

static struct changelog_entry *entry_new(const char *epoch, const char *instance,
					 const struct changes *changes,
					 const struct done_record *done, size_t done_count)
{
	struct changelog_entry *entry = mem_zero(1, sizeof(*entry));
	entry->args = redis_args_new();
	entry->nonce = changelog_nonce();
	memcpy(entry->epoch, epoch, EPOCH_SIZE);
	changes_encode(&entry->text, changes);
	redis_args_puts(entry->args, entry->epoch);
	redis_args_puts(entry->args, instance);
	changelog_put_nonce(entry->args, entry->nonce);
	redis_args_put(entry->args, entry->text.bytes, entry->text.len);
	for (size_t i = 0; i < done_count; i++) {
		char op[OPID_TEXT_SIZE];
		opid_format(done[i].op, op);
		redis_args_copy(entry->args, op, OPID_TEXT_SIZE - 1);
		redis_args_puts(entry->args, done[i].json);
		redis_args_i64(entry->args, done[i].ttl_s);
	}
	return entry;
}

enum err_code changelog_send(struct redis *r, const struct mirror *m, const char *instance,
			     const struct changes *changes, const struct done_record *done,
			     size_t done_count, struct changelog_entry **entry, struct err *e)
{
	struct mirror_position at = mirror_position(m);
	if (at.epoch[0] == '\0')
		return err_set(e, ERR_EPOCH, "no change log is followed yet");
	*entry = entry_new(at.epoch, instance, changes, done, done_count);
	enum err_code code = redis_script_send(r, SCRIPT_APPEND, (*entry)->args, e);
	if (code != ERR_NONE)
		entry_free(entry);
	return code;
}

enum err_code changelog_sent(struct redis *r, struct mirror *m, struct changelog_entry **entry,
			     const struct changes *changes, uint64_t *seq, struct err *e)
{
	redisReply *reply = NULL;
	struct changelog_entry *sent = *entry;
	enum err_code code = redis_script_reply(r, SCRIPT_APPEND, sent->args, &reply, e);
	if (code == ERR_NONE) {
		uint64_t at_seq = changelog_number(reply);
		freeReplyObject(reply);
		code = changelog_applied(r, m, at_seq, sent->nonce, sent->epoch, changes, e);
		if (code == ERR_NONE)
			*seq = at_seq;
	}
	entry_free(entry);
	return code;
}

enum err_code changelog_append(struct redis *r, struct mirror *m, const char *instance,
			       const struct changes *changes, const struct done_record *done,
			       size_t done_count, uint64_t *seq, struct err *e)
{
	struct changelog_entry *entry = NULL;
	enum err_code code = changelog_send(r, m, instance, changes, done, done_count, &entry, e);
	if (code != ERR_NONE)
		return code;
	ASSERT(entry != NULL);
	return changelog_sent(r, m, &entry, changes, seq, e);
}
