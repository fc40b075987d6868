/* drain_read.c - the pending lists as entries; those that came without operation id get one. */
#include "drain_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

const char *const drain_lists[OP_KINDS] = {
	[OP_CREATE] = "items:pending",
	[OP_UPDATE] = "items:pending_updates",
	[OP_DELETE] = "items:pending_deletes",
};

/* --- marks --- */

static int by_id(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	int difference = opid_compare((*x)->id, (*y)->id);

	return difference != 0 ? difference : (*x > *y) - (*x < *y);
}

/* Where the entries of `op` begin in by_id. */
static size_t first_of(const struct run *r, struct opid op)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (opid_compare(r->by_id[middle]->id, op) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void run_mark(struct run *r, struct opid op, bool settled)
{
	for (size_t i = first_of(r, op); i < r->count && opid_equal(r->by_id[i]->id, op); i++) {
		struct entry *en = r->by_id[i];

		r->report->operations += settled && !en->settled;
		en->settled |= settled;
		en->left |= !settled;
	}
}

void run_leave(struct run *r, struct opid op, const struct err *why)
{
	char text[OPID_TEXT_SIZE];

	opid_format(op, text);
	log_limited(LOG_WARN, TAG_SYNC, "operation %s is left, with its letter: %s", text,
		    why->text);
	run_mark(r, op, false);
}

bool run_is_settled(const struct run *r, struct opid op)
{
	size_t i = first_of(r, op);

	return i < r->count && opid_equal(r->by_id[i]->id, op) && r->by_id[i]->settled;
}

void run_index(struct run *r)
{
	r->by_id = mem_zero(r->count + 1, sizeof(struct entry *));
	for (size_t i = 0; i < r->count; i++)
		r->by_id[i] = &r->at[i];
	qsort(r->by_id, r->count, sizeof(struct entry *), by_id);
}

void run_free(struct run *r)
{
	for (size_t i = 0; i < r->count; i++) {
		operation_unref(&r->at[i].op);
		free(r->at[i].raw);
		free(r->at[i].fault);
	}
	free(r->at);
	free(r->by_id);
	r->at = NULL;
	r->by_id = NULL;
	r->count = 0;
}

/* --- decoding --- */

/* Length of the well-formed character at `text`, 0 if there is none. NUL counts as none. */
static size_t character(const char *text, size_t len)
{
	if (text[0] == '\0')
		return 0;
	for (size_t n = 1; n <= 4 && n <= len; n++)
		if (utf8_length(text, n) == 1)
			return n;
	return 0;
}

/* A copy in which each byte that is no UTF-8 reads U+FFFD; of a long text no more than a letter has
 * room for. */
static char *readable(const char *text, size_t len)
{
	struct buf out = { 0 };

	if (len > LETTER_DETAIL_MAX) {
		buf_printf(&out, "%zu bytes that begin with: ", len);
		len = LETTER_DETAIL_MAX;
	}
	for (size_t i = 0, n; i<len; i += n> 0 ? n : 1) {
		n = character(text + i, len - i);
		buf_put(&out, n > 0 ? text + i : "\xEF\xBF\xBD", n > 0 ? n : 3);
	}
	return buf_take(&out, NULL);
}

/* {"op":OP,"unreadable":TEXT}: what adoption made of an unreadable entry. Also finds the id of an
 * entry that is broken otherwise. */
static void decode_unreadable(struct entry *en, const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, 0, NULL);
	json_t *op = json_object_get(json, "op");
	json_t *raw = json_object_get(json, "unreadable");

	if (json_is_string(op) &&
	    opid_parse(json_string_value(op), json_string_length(op), &en->id) &&
	    json_is_string(raw))
		en->raw = mem_string(json_string_value(raw));
	else
		en->raw = readable(text, len);
	json_decref(json);
}

/* All of them: the letter has room. */
static char *faults_text(const struct faults *faults)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < faults->count; i++)
		buf_printf(&out, "%s%s: %s", i > 0 ? "; " : "", faults->at[i].field,
			   faults->at[i].message);
	return buf_take(&out, NULL);
}

void entry_validate(struct entry *en, struct faults *faults, const char *text, size_t len)
{
	if (operation_validate(en->op, faults, NULL) == ERR_NONE)
		return;
	en->fault = faults_text(faults);
	en->raw = readable(text, len);
}

/* Returns true if the entry still needs an operation id in place. */
static bool decode(struct entry *en, const char *text, size_t len, struct faults *faults)
{
	struct err why = ERR_INIT;

	if (operation_decode(text, len, en->list, &en->op, &why) != ERR_NONE) {
		decode_unreadable(en, text, len);
		return opid_is_zero(en->id);
	}
	en->id = en->op->id;
	entry_validate(en, faults, text, len);
	return opid_is_zero(en->id);
}

/* --- adoption --- */

/* The entry as it is to stand in the list. */
static void adopted_text(struct entry *en, struct buf *out)
{
	char op[OPID_TEXT_SIZE];

	en->id = opid_fresh();
	if (en->op == NULL) {
		opid_format(en->id, op);
		buf_printf(out, "{\"op\":\"%s\",\"unreadable\":", op);
		buf_put_json(out, en->raw, strlen(en->raw));
		buf_putc(out, '}');
		return;
	}
	en->op->id = en->id;
	if (en->op->kind == OP_CREATE)
		en->op->temp = en->id;
	if (en->op->accepted_us == 0)
		en->op->accepted_us = clock_wall_us();
	operation_encode_full(out, en->op);
}

static enum err_code adopted(struct drain *d, struct entry *en, const redisReply *reply,
			     uint64_t nonce, const char *epoch, struct err *e)
{
	struct changes changes = { 0 };
	enum err_code code;

	if (en->op == NULL || reply->type != REDIS_REPLY_INTEGER)
		return ERR_NONE;
	changes_queued(&changes, en->op);
	code = changelog_applied(d->redis, d->mirror, (uint64_t)reply->integer, nonce, epoch,
				 &changes, e);
	changes_free(&changes);
	return code;
}

static enum err_code adopt(struct run *r, struct entry *en, size_t index, const char *text,
			   size_t len, struct err *e)
{
	static const char *const letters[OP_KINDS] = { "c", "u", "d" };
	struct redis_args *args = redis_args_new();
	struct drain *d = r->d;
	struct buf fresh = { 0 };
	char nonce_text[24], op[OPID_TEXT_SIZE], key[ITEM_KEY_SIZE] = "";
	uint64_t nonce = changelog_nonce();
	redisReply *reply = NULL;
	enum err_code code;

	adopted_text(en, &fresh);
	opid_format(en->id, op);
	if (en->op != NULL)
		operation_item_key(en->op, key);
	snprintf(nonce_text, sizeof(nonce_text), "%016" PRIx64, nonce);
	redis_args_i64(args, (int64_t)d->lease->token);
	redis_args_puts(args, r->epoch);
	redis_args_puts(args, d->instance);
	redis_args_puts(args, nonce_text);
	redis_args_puts(args, drain_lists[en->list]);
	redis_args_i64(args, (int64_t)index);
	redis_args_put(args, text, len);
	redis_args_put(args, fresh.bytes, fresh.len);
	redis_args_puts(args, op);
	redis_args_puts(args, en->op != NULL ? letters[en->op->kind] : "");
	redis_args_puts(args, key);
	code = redis_script(d->redis, SCRIPT_ADOPT, args, &reply, e);
	if (code == ERR_NONE)
		code = adopted(d, en, reply, nonce, r->epoch, e);
	if (reply != NULL)
		freeReplyObject(reply);
	redis_args_free(&args);
	buf_free(&fresh);
	return code;
}

/* --- reading --- */

/* Lengths of deletes, updates, creates, read in this order: so whatever an operation builds on is
 * within what is read. */
static enum err_code read_lengths(struct redis *r, size_t lengths[OP_KINDS], size_t *known,
				  struct err *e)
{
	static const char *const known_ops[] = { "HLEN", "items:ops" };
	long long numbers[OP_KINDS + 1] = { 0 };
	enum err_code code = ERR_NONE;

	for (int i = OP_KINDS - 1; i >= 0 && code == ERR_NONE; i--) {
		const char *ask[] = { "LLEN", drain_lists[i] };

		code = redis_append(r, e, 2, ask, NULL);
	}
	if (code == ERR_NONE)
		code = redis_append(r, e, 2, (const char **)known_ops, NULL);
	for (int i = 0; i <= OP_KINDS && code == ERR_NONE; i++) {
		redisReply *reply = NULL;

		code = redis_reply(r, &reply, e);
		if (code != ERR_NONE)
			break;
		numbers[i] = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
		freeReplyObject(reply);
	}
	for (int i = 0; i < OP_KINDS && code == ERR_NONE; i++)
		lengths[i] = (size_t)numbers[OP_KINDS - 1 - i];
	if (code == ERR_NONE)
		*known = (size_t)numbers[OP_KINDS];
	return code;
}

/* Take one chunk of a list, whose first entry has `index` there. */
static enum err_code take_chunk(struct run *r, enum op_kind list, size_t index,
				const redisReply *chunk, struct faults *faults, struct err *e)
{
	for (size_t i = 0; i < chunk->elements; i++) {
		const redisReply *text = chunk->element[i];
		struct entry *en;
		enum err_code code = ERR_NONE;

		if (text->type != REDIS_REPLY_STRING)
			return err_set(e, ERR_INTERNAL, "%s is no list of texts",
				       drain_lists[list]);
		if (r->count == r->room) {
			r->room = r->room == 0 ? DRAIN_CHUNK : r->room * 2;
			r->at = mem_resize(r->at, r->room, sizeof(*r->at));
		}
		en = &r->at[r->count++];
		*en = (struct entry){ .list = list };
		if (decode(en, text->str, text->len, faults))
			code = adopt(r, en, index + i, text->str, text->len, e);
		if (code != ERR_NONE)
			return code;
	}
	return ERR_NONE;
}

static enum err_code read_list(struct run *r, enum op_kind list, size_t length, struct err *e)
{
	struct faults *faults = mem_zero(1, sizeof(*faults));
	enum err_code code = ERR_NONE;
	bool more = true;

	for (size_t from = 0; from < length && more && code == ERR_NONE; from += DRAIN_CHUNK) {
		size_t to = length - from < DRAIN_CHUNK ? length : from + DRAIN_CHUNK;
		redisReply *chunk = NULL;

		code = run_keep(r, e);
		if (code == ERR_NONE)
			code = redis_callf(r->d->redis, &chunk, e, "LRANGE %s %llu %llu",
					   drain_lists[list], (unsigned long long)from,
					   (unsigned long long)(to - 1));
		if (code != ERR_NONE)
			break;
		if (chunk->type == REDIS_REPLY_ARRAY)
			code = take_chunk(r, list, from, chunk, faults, e);
		/* A list that is shorter now was lost with the rest of Redis. */
		more = chunk->type == REDIS_REPLY_ARRAY && chunk->elements == to - from;
		freeReplyObject(chunk);
	}
	free(faults);
	return code;
}

enum err_code run_read(struct run *r, struct err *e)
{
	size_t lengths[OP_KINDS] = { 0 }, known = 0;
	struct mirror_position at = mirror_position(r->d->mirror);
	enum err_code code = read_lengths(r->d->redis, lengths, &known, e);

	memcpy(r->epoch, at.epoch, sizeof(r->epoch));
	for (int i = 0; i < OP_KINDS && code == ERR_NONE; i++) {
		r->head[i] = r->count;
		code = read_list(r, (enum op_kind)i, lengths[i], e);
		r->end[i] = r->count;
	}
	if (code == ERR_NONE)
		run_index(r);
	return code;
}

/* `items:ops` names every operation that waits, so a longer list holds entries without one. */
enum err_code drain_adopt(struct drain *d, size_t *waiting, struct err *e)
{
	struct drain_report none = { .operations = 0 };
	struct run r = { .d = d, .report = &none };
	struct mirror_counts counts;
	size_t lengths[OP_KINDS] = { 0 }, known = 0, total = 0, mirrored = 0;
	enum err_code code = read_lengths(d->redis, lengths, &known, e);

	if (code != ERR_NONE)
		return code;
	mirror_counts(d->mirror, &counts);
	for (int i = 0; i < OP_KINDS; i++) {
		total += lengths[i];
		mirrored += counts.pending[i];
	}
	if (total != known && total != mirrored) {
		code = run_read(&r, e);
		run_free(&r);
	}
	if (code == ERR_NONE)
		*waiting = total;
	return code;
}
