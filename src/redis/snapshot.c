/* snapshot.c - `items:cache` and its hash: founding an epoch, publishing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changelog_private.h"
#include "relevo/clock.h"
#include "relevo/digest.h"
#include "relevo/mem.h"

/* A snapshot above this size travels in pieces, so that Redis never stalls on one command. */
#define PIECE_SIZE    ((size_t)1 << 20)
#define SCRATCH_TTL_S "60"
/* As much may differ from the last one, else all is sent: Redis copies it in one command. */
#define STEP_SIZE (4 * PIECE_SIZE)
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

/* The scratch key never outlives an upload for long. ERR_NOT_FOUND: it went, and is not begun anew
 * without what was in it. */
static enum err_code payload_piece(struct redis *r, const struct payload *p, size_t at,
				   struct err *e)
{
	size_t len = p->bytes.len - at < PIECE_SIZE ? p->bytes.len - at : PIECE_SIZE;
	struct redis_args *args = redis_args_new();
	redisReply *reply = NULL;
	redis_args_puts(args, p->scratch);
	redis_args_puts(args, SCRATCH_TTL_S);
	redis_args_i64(args, (int64_t)(p->from + at));
	redis_args_put(args, p->bytes.bytes + at, len);
	enum err_code code = redis_script(r, SCRIPT_PIECE, args, &reply, e);
	if (code == ERR_NONE && reply->integer != 1)
		code = err_set(e, ERR_NOT_FOUND, "the pieces of the snapshot were lost");
	if (reply != NULL)
		freeReplyObject(reply);
	redis_args_free(&args);
	return code;
}

/* The last piece first, which makes room for all. (With APPEND Redis would move what is there for
 * every further piece.) */
static enum err_code payload_pieces(struct redis *r, const struct payload *p, struct err *e)
{
	size_t last = (p->bytes.len - 1) / PIECE_SIZE * PIECE_SIZE;
	enum err_code code = payload_piece(r, p, last, e);
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
	const char *begin[] = { "SET", p->scratch, "", "EX", SCRATCH_TTL_S };
	enum err_code code = simple_call(r, e, 5, begin, NULL);
	return code == ERR_NONE ? payload_pieces(r, p, e) : code;
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
				      struct snapshot **next, size_t *sent, struct err *e)
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
		*sent += differs;
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
		code = err_set(e, ERR_NOT_FOUND, "another snapshot is there, or not all of this");
	if (reply != NULL)
		freeReplyObject(reply);
	redis_args_free(&args);
	return code;
}

/* What differs from `base`, or all if it is NULL. ERR_NOT_FOUND: what Redis has is not `base`, or
 * what went up was lost on the way. With a mirror *next may become a later one, for which more is
 * sent. */
static enum err_code publish_from(struct redis *r, struct mirror *m, struct snapshot **next,
				  const struct snapshot *base, bool again, size_t *sent,
				  struct err *e)
{
	struct payload p = { .scratch = "" };
	snapshot_put(&p.bytes, *next, base == NULL ? 0 : (*next)->same);
	enum err_code code = payload_upload(r, &p, e);
	if (code == ERR_NONE && base == NULL && p.scratch[0] != '\0' && m != NULL)
		code = payload_catch_up(r, &p, m, next, sent, e);
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
		*last != NULL && can_follow(*last, next) && next->bytes - next->same <= STEP_SIZE;
	out->sent = follows ? next->bytes - next->same : next->bytes;
	enum err_code code = ERR_BUSY;
	if (out->sent <= most) {
		snapshot_digest(next, *last);
		code = publish_from(r, m, &next, follows ? *last : NULL, false, &out->sent, e);
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
	size_t sent = whole->bytes;
	enum err_code code = publish_from(r, NULL, &whole, NULL, again, &sent, e);
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
