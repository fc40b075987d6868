/* snapshot.c - `items:cache` and its hash: loading, founding an epoch, publishing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changelog_private.h"
#include "relevo/clock.h"
#include "relevo/digest.h"
#include "relevo/log.h"
#include "relevo/mem.h"

/* A snapshot above this size travels in pieces, so that Redis never stalls on one command. */
#define PIECE_SIZE    ((size_t)1 << 20)
#define SCRATCH_TTL_S "60"
/* The last rows and the closing bracket: they are digested anew for each snapshot. */
#define TAIL_PIECES ((size_t)2)
/* What changed while a large one went up follows it, until less than this differs. */
#define LITTLE_SIZE    (PIECE_SIZE / 4)
#define CATCH_UP_STEPS 8
#define CATCH_UP_MS    100 /* for a view of the log alone */

/* --- snapshots --- */

struct snapshot {
	struct mirror_view *view; /* owned: keeps the bytes of the pieces */
	struct iovec *pieces;
	size_t count, bytes;
	char hash[DIGEST_HEX_SIZE];
	struct digest *started; /* over the first `digested` pieces; owned */
	size_t digested;
	size_t same, same_pieces; /* at the start, that the last snapshot had too */
};

static size_t same_bytes(struct iovec a, struct iovec b)
{
	const char *x = a.iov_base, *y = b.iov_base;
	size_t len = a.iov_len < b.iov_len ? a.iov_len : b.iov_len, at = 0;
	if (x == y)
		return len;
	while (at < len && x[at] == y[at])
		at++;
	return at;
}

/* How many bytes both begin with, and how many whole pieces. Rows that did not change lie in the
 * same pieces of memory. */
static size_t snapshot_prefix(const struct snapshot *a, const struct snapshot *b, size_t *pieces)
{
	size_t sum = 0, i = 0;
	for (; i < a->count && i < b->count; i++) {
		size_t same = same_bytes(a->pieces[i], b->pieces[i]);
		sum += same;
		if (same < a->pieces[i].iov_len || same < b->pieces[i].iov_len)
			break;
	}
	*pieces = i;
	return sum;
}

/* The end of a list grows, so the digest up to there is kept for the next snapshot. */
static void snapshot_digest(struct snapshot *s, const struct snapshot *last)
{
	bool goes_on = last != NULL && s->same_pieces >= last->digested;
	size_t i = goes_on ? last->digested : 0;
	uint8_t sum[DIGEST_SIZE];
	s->digested = i < s->count - TAIL_PIECES ? s->count - TAIL_PIECES : i;
	s->started = goes_on ? digest_copy(last->started) : digest_begin();
	for (; i < s->digested; i++)
		digest_add(s->started, s->pieces[i].iov_base, s->pieces[i].iov_len);
	struct digest *whole = digest_copy(s->started);
	for (; i < s->count; i++)
		digest_add(whole, s->pieces[i].iov_base, s->pieces[i].iov_len);
	digest_end(&whole, sum);
	digest_hex(sum, s->hash);
}

/* Without a digest so far. `last` (or NULL) is the one to compare with. */
static struct snapshot *snapshot_new(struct mirror_view *v, const struct snapshot *last)
{
	struct snapshot *s = mem_zero(1, sizeof(*s));
	s->view = mirror_view_ref(v);
	s->pieces = mirror_view_array(v, &s->count, &s->bytes);
	if (last != NULL)
		s->same = snapshot_prefix(last, s, &s->same_pieces);
	return s;
}

void snapshot_free(struct snapshot **s)
{
	if (*s == NULL)
		return;
	digest_free(&(*s)->started);
	mirror_view_unref(&(*s)->view);
	free((*s)->pieces);
	free(*s);
	*s = NULL;
}

/* The bytes from `from` on. */
static void snapshot_put(struct buf *out, const struct snapshot *s, size_t from)
{
	buf_init(out, SIZE_MAX / 2);
	buf_reserve(out, s->bytes - from);
	for (size_t i = 0; i < s->count; i++) {
		struct iovec piece = s->pieces[i];
		if (from < piece.iov_len)
			buf_put(out, (const char *)piece.iov_base + from, piece.iov_len - from);
		from = from < piece.iov_len ? 0 : from - piece.iov_len;
	}
}

/* --- sending --- */

/* What a script needs to put a snapshot in place. */
struct payload {
	struct buf bytes;
	size_t from;	  /* where they belong in the scratch key */
	char scratch[96]; /* the key that has the bytes by now; "": they travel with the script */
};

static enum err_code simple_call(struct redis *r, struct err *e, size_t argc, const char **argv,
				 const size_t *lens)
{
	redisReply *reply = NULL;
	enum err_code code = redis_command(r, &reply, e, argc, argv, lens);
	if (code == ERR_NONE)
		freeReplyObject(reply);
	return code;
}

static enum err_code payload_piece(struct redis *r, const struct payload *p, size_t at,
				   struct err *e)
{
	char offset[24];
	size_t len = p->bytes.len - at < PIECE_SIZE ? p->bytes.len - at : PIECE_SIZE;
	snprintf(offset, sizeof(offset), "%zu", p->from + at);
	const char *put[] = { "SETRANGE", p->scratch, offset, p->bytes.bytes + at };
	const size_t lens[] = { 8, strlen(p->scratch), strlen(offset), len };
	return simple_call(r, e, 4, put, lens);
}

/* The last piece first, which makes room for all. (With APPEND Redis would move what is there for
 * every further piece.) */
static enum err_code payload_pieces(struct redis *r, const struct payload *p, struct err *e)
{
	size_t last = (p->bytes.len - 1) / PIECE_SIZE * PIECE_SIZE;
	enum err_code code = payload_piece(r, p, last, e);
	if (code == ERR_NONE) {
		const char *expire[] = { "EXPIRE", p->scratch, SCRATCH_TTL_S };
		code = simple_call(r, e, 3, expire, NULL);
	}
	for (size_t at = 0; at < last && code == ERR_NONE; at += PIECE_SIZE)
		code = payload_piece(r, p, at, e);
	return code;
}

/* Bring a large payload into a scratch key. */
static enum err_code payload_upload(struct redis *r, struct payload *p, struct err *e)
{
	if (p->bytes.len <= PIECE_SIZE)
		return ERR_NONE;
	snprintf(p->scratch, sizeof(p->scratch), "items:cache:next:%016" PRIx64, changelog_nonce());
	return payload_pieces(r, p, e);
}

static void payload_args(struct redis_args *args, const struct payload *p)
{
	redis_args_puts(args, p->scratch);
	redis_args_i64(args, (int64_t)(p->from + p->bytes.len));
	if (p->scratch[0] == '\0')
		redis_args_put(args, p->bytes.bytes, p->bytes.len);
}

/* --- publishing --- */

/* SETRANGE can make the value longer, not shorter. */
static bool can_follow(const struct snapshot *base, const struct snapshot *next)
{
	return strcmp(mirror_view_position(base->view).epoch,
		      mirror_view_position(next->view).epoch) == 0 &&
	       next->bytes >= base->bytes;
}

/* While a large snapshot went up its rows went on changing, by more than the next one could bring
 * in one step: it would have to go up whole again. So the scratch key goes on to the state of now,
 * as long as that gets less. */
static enum err_code payload_catch_up(struct redis *r, struct payload *p, struct mirror *m,
				      struct snapshot **next, struct err *e)
{
	enum err_code code = ERR_NONE;
	size_t before = (*next)->bytes;
	for (unsigned i = 0; i < CATCH_UP_STEPS && code == ERR_NONE; i++) {
		struct mirror_view *v = mirror_view_logged(m, clock_mono_ms() + CATCH_UP_MS);
		struct snapshot *later = snapshot_new(v, *next);
		size_t differs = later->bytes - later->same;
		bool goes_on = !mirror_view_unlogged(v) && can_follow(*next, later) &&
			       differs > LITTLE_SIZE && differs <= before / 2;
		mirror_view_unref(&v);
		if (!goes_on) {
			snapshot_free(&later);
			break;
		}
		before = differs;
		buf_free(&p->bytes);
		p->from = later->same;
		snapshot_put(&p->bytes, later, later->same);
		snapshot_digest(later, *next);
		snapshot_free(next);
		*next = later;
		code = payload_pieces(r, p, e);
	}
	return code;
}

/* The script's call; `base` as below. */
static enum err_code put_in_place(struct redis *r, const struct payload *p,
				  const struct snapshot *next, const struct snapshot *base,
				  bool again, struct err *e)
{
	struct mirror_position at = mirror_view_position(next->view);
	struct redis_args *args = redis_args_new();
	redisReply *reply = NULL;
	redis_args_puts(args, at.epoch);
	redis_args_i64(args, (int64_t)at.seq);
	redis_args_puts(args, next->hash);
	redis_args_i64(args, LOG_KEEP);
	redis_args_puts(args, again ? "1" : "0");
	redis_args_i64(args, base == NULL ? 0 : (int64_t)next->same);
	redis_args_i64(args, base == NULL ? 0 : (int64_t)base->bytes);
	redis_args_puts(args, base == NULL ? "" : base->hash);
	payload_args(args, p);
	enum err_code code = redis_script(r, SCRIPT_PUBLISH, args, &reply, e);
	if (reply != NULL && reply->type != REDIS_REPLY_INTEGER)
		code = err_set(e, ERR_NOT_FOUND, "another snapshot is there");
	if (reply != NULL)
		freeReplyObject(reply);
	redis_args_free(&args);
	return code;
}

/* What differs from `base`, or all if it is NULL. ERR_NOT_FOUND: what Redis has is not `base`. With
 * a mirror *next may become a later one. */
static enum err_code publish_from(struct redis *r, struct mirror *m, struct snapshot **next,
				  const struct snapshot *base, bool again, struct err *e)
{
	struct payload p = { .scratch = "" };
	snapshot_put(&p.bytes, *next, base == NULL ? 0 : (*next)->same);
	enum err_code code = base != NULL ? ERR_NONE : payload_upload(r, &p, e);
	if (code == ERR_NONE && p.scratch[0] != '\0' && m != NULL)
		code = payload_catch_up(r, &p, m, next, e);
	if (code == ERR_NONE)
		code = put_in_place(r, &p, *next, base, again, e);
	buf_free(&p.bytes);
	return code;
}

enum err_code changelog_publish(struct redis *r, struct mirror *m, struct mirror_view *v,
				struct snapshot **last, size_t most, struct published *out,
				struct err *e)
{
	if (mirror_view_position(v).epoch[0] == '\0')
		return err_set(e, ERR_EPOCH, "no change log is followed yet");
	struct snapshot *next = snapshot_new(v, *last);
	bool follows =
		*last != NULL && can_follow(*last, next) && next->bytes - next->same <= PIECE_SIZE;
	out->sent = follows ? next->bytes - next->same : next->bytes;
	enum err_code code = ERR_BUSY;
	if (out->sent <= most) {
		snapshot_digest(next, *last);
		code = publish_from(r, m, &next, follows ? *last : NULL, false, e);
	}
	out->whole = next->bytes;
	out->seq = mirror_view_position(next->view).seq;
	out->generation = mirror_view_generation(next->view);
	if (code == ERR_NONE || code == ERR_NOT_FOUND)
		snapshot_free(last);
	if (code == ERR_NONE) {
		*last = next;
		next = NULL;
	}
	snapshot_free(&next);
	return code;
}

enum err_code changelog_damaged(struct redis *r, struct err *e)
{
	const char *mark[] = { "HSET", "items:log", "damaged", "1" };
	return simple_call(r, e, 4, mark, NULL);
}

enum err_code changelog_repair(struct redis *r, struct mirror_view *v, bool again, struct err *e)
{
	if (mirror_view_position(v).epoch[0] == '\0')
		return err_set(e, ERR_EPOCH, "no change log is followed yet");
	struct snapshot *whole = snapshot_new(v, NULL);
	snapshot_digest(whole, NULL);
	enum err_code code = publish_from(r, NULL, &whole, NULL, again, e);
	snapshot_free(&whole);
	return code;
}

enum err_code changelog_found(struct redis *r, struct mirror *m, const char *was, struct err *e)
{
	struct mirror_position start = { .seq = 0 };
	struct mirror_view *v = mirror_view(m);
	json_t *metadata = mirror_sync_state(m, "metadata");
	char *metadata_text = metadata == NULL ? NULL : json_dumps(metadata, JSON_COMPACT);
	struct redis_args *args = redis_args_new();
	redisReply *reply = NULL;
	struct snapshot *all = snapshot_new(v, NULL);
	struct payload p = { .scratch = "" };
	snapshot_digest(all, NULL);
	opid_format(opid_fresh(), start.epoch);
	snapshot_put(&p.bytes, all, 0);
	enum err_code code = payload_upload(r, &p, e);
	if (code == ERR_NONE) {
		redis_args_puts(args, start.epoch);
		redis_args_puts(args, all->hash);
		redis_args_puts(args, metadata_text == NULL ? "" : metadata_text);
		redis_args_puts(args, was);
		payload_args(args, &p);
		code = redis_script(r, SCRIPT_FOUND, args, &reply, e);
	}
	if (code == ERR_NONE) {
		freeReplyObject(reply);
		mirror_rebase_at(m, &start, v);
	}
	redis_args_free(&args);
	buf_free(&p.bytes);
	snapshot_free(&all);
	free(metadata_text);
	json_decref(metadata);
	mirror_view_unref(&v);
	return code;
}

enum err_code changelog_snapshot_seq(struct redis *r, uint64_t *seq, struct err *e)
{
	redisReply *reply = NULL;
	enum err_code code = redis_callf(r, &reply, e, "HGET items:log snap");
	if (code == ERR_NONE) {
		*seq = changelog_number(reply);
		freeReplyObject(reply);
	}
	return code;
}

/* --- loading --- */

enum load_part {
	PART_LOG,
	PART_CACHE,
	PART_HASH,
	PART_CREATES,
	PART_UPDATES,
	PART_DELETES,
	PART_WAITING,
	PART_METADATA,
	PART_COUNT
};

static const char *const load_commands[PART_COUNT] = {
	[PART_LOG] = "HMGET items:log epoch snap",
	[PART_CACHE] = "GET items:cache",
	[PART_HASH] = "GET items:cache:hash",
	[PART_CREATES] = "LRANGE items:pending 0 -1",
	[PART_UPDATES] = "LRANGE items:pending_updates 0 -1",
	[PART_DELETES] = "LRANGE items:pending_deletes 0 -1",
	[PART_WAITING] = "HKEYS items:ops",
	[PART_METADATA] = "GET sync:metadata",
};

/* All parts at one instant (MULTI). */
static enum err_code load_read(struct redis *r, redisReply **out, struct err *e)
{
	redisReply *reply = NULL;
	enum err_code code = redis_callf(r, &reply, e, "MULTI");
	if (code != ERR_NONE)
		return code;
	freeReplyObject(reply);
	for (size_t i = 0; i < PART_COUNT; i++) {
		code = redis_callf(r, &reply, e, load_commands[i]);
		if (code != ERR_NONE)
			return code;
		freeReplyObject(reply);
	}
	code = redis_callf(r, &reply, e, "EXEC");
	if (code != ERR_NONE)
		return code;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != PART_COUNT) {
		freeReplyObject(reply);
		return err_set(e, ERR_INTERNAL, "Redis answered a transaction in part");
	}
	*out = reply;
	return ERR_NONE;
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
static struct operation **load_operations(const redisReply *parts, size_t *count)
{
	size_t room = 1, n = 0, waiting_count = 0;
	struct opid *waiting = load_waiting(parts->element[PART_WAITING], &waiting_count);
	for (size_t i = PART_CREATES; i <= PART_DELETES; i++)
		room += parts->element[i]->elements;
	struct operation **ops = mem_zero(room, sizeof(struct operation *));
	for (size_t kind = 0; kind < OP_KINDS; kind++) {
		const redisReply *list = parts->element[PART_CREATES + kind];
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
	redisReply *parts = NULL;
	struct row **rows = NULL;
	struct operation **ops = NULL;
	size_t row_count = 0, op_count = 0;
	was[0] = '\0';
	enum err_code code = load_read(r, &parts, e);
	if (code != ERR_NONE)
		return code;
	const redisReply *log = parts->element[PART_LOG];
	if (log->elements < 2 || log->element[0]->type != REDIS_REPLY_STRING) {
		code = err_set(e, ERR_NOT_FOUND, "Redis knows no change log");
		goto out;
	}
	snprintf(was, EPOCH_SIZE, "%s", log->element[0]->str);
	code = load_rows(parts->element[PART_CACHE], parts->element[PART_HASH], &rows, &row_count,
			 e);
	if (code != ERR_NONE)
		goto out;
	ops = load_operations(parts, &op_count);
	struct mirror_position at = { .seq = changelog_number(log->element[1]) };
	snprintf(at.epoch, sizeof(at.epoch), "%s", was);
	const struct changes *settled = known != NULL ? known->settled(known->ctx) : NULL;
	mirror_load(m, rows, row_count, ops, op_count, &at, known != NULL, settled);
	load_metadata(m, parts->element[PART_METADATA]);
	code = changelog_catch_up(r, m, e);
out:
	for (size_t i = 0; i < row_count; i++)
		row_unref(&rows[i]);
	for (size_t i = 0; i < op_count; i++)
		operation_unref(&ops[i]);
	free(rows);
	free(ops);
	freeReplyObject(parts);
	return code;
}
