/* drain_settle.c - after a transaction: forget its operations in Redis, log the result, follow it.
 */
#include "drain_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/log.h"
#include "relevo/mem.h"

/* Redis takes about a million arguments; an item hammered during an outage may need more. */
#define OPS_PER_CALL 50000

void settlement_op(struct settlement *s, struct opid op, const char *key, int64_t final_id,
		   const struct applied *outcome)
{
	struct settled_op *one;

	if (s->op_count == s->op_room) {
		s->op_room = s->op_room == 0 ? 64 : s->op_room * 2;
		s->ops = mem_resize(s->ops, s->op_room, sizeof(*s->ops));
	}
	one = &s->ops[s->op_count++];
	*one = (struct settled_op){ .op = op };
	snprintf(one->key, sizeof(one->key), "%s", key);
	if (final_id != 0)
		snprintf(one->final, sizeof(one->final), "%" PRId64, final_id);
	if (outcome != NULL)
		one->record = applied_record(outcome);
}

void settlement_letter(struct settlement *s, struct opid op, const struct dead_letter *letter)
{
	if (s->letter_count == s->letter_room) {
		s->letter_room = s->letter_room == 0 ? 8 : s->letter_room * 2;
		s->letters = mem_resize(s->letters, s->letter_room, sizeof(*s->letters));
	}
	s->letters[s->letter_count++] =
		(struct settled_letter){ .op = op,
					 .json = letter != NULL ? dead_letter_json(letter) : NULL };
}

void settlement_gone(struct settlement *s, struct run *r, int64_t id, uint64_t version)
{
	struct mirror_item_state state = { .known = false };
	const struct opid none = { { 0 } };

	mirror_item_state(r->d->mirror, id, none, &state);
	if (state.has_base && state.base_version + 1 > version)
		version = state.base_version + 1;
	row_unref(&state.row);
	changes_delete(&s->changes, id, version, true);
}

void settlement_row(struct settlement *s, struct run *r, struct row *row, int64_t own_us)
{
	struct mirror_item_state state = { .known = false };
	const struct opid none = { { 0 } };
	bool own = row->updated_us == own_us;

	mirror_item_state(r->d->mirror, row->id, none, &state);
	if (state.has_base && state.base_version == row->version &&
	    state.base_updated_us == row->updated_us)
		own |= state.base_own;
	row_unref(&state.row);
	changes_row(&s->changes, row, !own, false);
}

void settlement_free(struct settlement *s)
{
	changes_free(&s->changes);
	for (size_t i = 0; i < s->op_count; i++)
		free(s->ops[i].record);
	for (size_t i = 0; i < s->letter_count; i++)
		free(s->letters[i].json);
	free(s->ops);
	free(s->letters);
	memset(s, 0, sizeof(*s));
}

/* --- the call --- */

/* How many entries at the head of each list are settled and not trimmed yet. */
static void put_trims(struct run *r, struct redis_args *args, size_t trims[OP_KINDS], bool trim)
{
	for (int i = 0; i < OP_KINDS; i++) {
		trims[i] = 0;
		while (trim && r->head[i] + trims[i] < r->end[i] &&
		       r->at[r->head[i] + trims[i]].settled)
			trims[i]++;
		redis_args_i64(args, (int64_t)trims[i]);
	}
}

static void copy_opid(struct redis_args *args, struct opid op)
{
	char text[OPID_TEXT_SIZE];

	opid_format(op, text);
	redis_args_copy(args, text, strlen(text));
}

static void put_ops(const struct settlement *s, size_t from, size_t to, struct redis_args *args)
{
	size_t records = 0;

	redis_args_i64(args, (int64_t)(to - from));
	for (size_t i = from; i < to; i++) {
		copy_opid(args, s->ops[i].op);
		redis_args_puts(args, s->ops[i].key);
		redis_args_puts(args, s->ops[i].final);
		records += s->ops[i].record != NULL;
	}
	redis_args_i64(args, (int64_t)records);
	for (size_t i = from; i < to; i++) {
		if (s->ops[i].record == NULL)
			continue;
		copy_opid(args, s->ops[i].op);
		redis_args_puts(args, s->ops[i].record);
		redis_args_i64(args, DONE_TTL_DRAINED_S);
	}
}

static void put_letters(const struct settlement *s, size_t count, struct redis_args *args)
{
	redis_args_i64(args, (int64_t)count);
	for (size_t i = 0; i < count; i++) {
		copy_opid(args, s->letters[i].op);
		redis_args_puts(args, s->letters[i].json != NULL ? s->letters[i].json : "");
	}
}

static enum err_code follow(struct run *r, const struct settlement *s, const redisReply *reply,
			    uint64_t nonce, struct err *e)
{
	struct err why = ERR_INIT;
	enum err_code code;

	if (s->changes.count == 0 || reply->type != REDIS_REPLY_INTEGER)
		return ERR_NONE;
	code = changelog_applied(r->d->redis, r->d->mirror, (uint64_t)reply->integer, nonce,
				 r->epoch, &s->changes, &why);
	/* It is settled; a mirror that cannot follow now is loaded again by its follower. */
	if (code == ERR_STALE) {
		log_debug(TAG_SYNC, "the mirror falls behind: %s", why.text);
		return ERR_NONE;
	}
	return code == ERR_NONE ? ERR_NONE : err_set(e, code, "%s", why.text);
}

/* Operations from..to; the last call carries changes, letters and trims. */
static enum err_code call(struct run *r, const struct settlement *s, size_t from, size_t to,
			  struct err *e)
{
	bool last = to == s->op_count;
	struct redis_args *args = redis_args_new();
	struct buf changes = { 0 };
	size_t trims[OP_KINDS];
	uint64_t nonce = changelog_nonce();
	char nonce_text[24];
	redisReply *reply = NULL;
	enum err_code code;

	snprintf(nonce_text, sizeof(nonce_text), "%016" PRIx64, nonce);
	if (last && s->changes.count > 0)
		changes_encode(&changes, &s->changes);
	else
		buf_puts(&changes, "[]");
	redis_args_i64(args, (int64_t)r->d->lease->token);
	redis_args_puts(args, r->epoch);
	redis_args_puts(args, r->d->instance);
	redis_args_puts(args, nonce_text);
	redis_args_put(args, changes.bytes, changes.len);
	put_trims(r, args, trims, last);
	put_ops(s, from, to, args);
	put_letters(s, last ? s->letter_count : 0, args);
	code = redis_script(r->d->redis, SCRIPT_SETTLE, args, &reply, e);
	for (int i = 0; i < OP_KINDS && code == ERR_NONE; i++)
		r->head[i] += trims[i];
	if (code == ERR_NONE && last)
		code = follow(r, s, reply, nonce, e);
	if (reply != NULL)
		freeReplyObject(reply);
	redis_args_free(&args);
	buf_free(&changes);
	return code;
}

static enum err_code call_all(struct run *r, const struct settlement *s, struct err *e)
{
	enum err_code code = ERR_NONE;
	size_t from = 0;

	do {
		size_t to = s->op_count - from < OPS_PER_CALL ? s->op_count : from + OPS_PER_CALL;

		code = call(r, s, from, to, e);
		from = to;
	} while (code == ERR_NONE && from < s->op_count);
	return code;
}

enum err_code settlement_run(struct settlement *s, struct run *r, struct err *e)
{
	enum err_code code = ERR_NONE;

	for (size_t i = 0; i < s->op_count; i++)
		run_mark(r, s->ops[i].op, true);
	/* The lists hear of it when Redis is back: their entries are found applied then. */
	if (r->d->redis == NULL)
		mirror_apply_unlogged(r->d->mirror, &s->changes);
	else
		code = call_all(r, s, e);
	settlement_free(s);
	if (code == ERR_NONE && r->d->progress != NULL)
		r->d->progress(r->d->ctx, r->report->operations, r->count);
	return code;
}
