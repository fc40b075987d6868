/* housekeeping.c - keeps the copies of dead letters and the records of applied operations small. */
#include "housekeeping.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/tables.h"

#define PURGE_STEP     1000
#define PURGE_MS       1000 /* at most so long in one cycle */
#define COPIES_AT_ONCE 200

/* Letters discarded while MySQL was down, or by an instance that died before it told MySQL. */
static enum err_code forget_discarded(struct session *session, struct err *e)
{
	redisReply *reply = NULL, *gone = NULL;
	enum err_code code =
		redis_callf(session->redis, &reply, e, "SMEMBERS items:dead:discarded");
	for (size_t i = 0; code == ERR_NONE && i < reply->elements; i++) {
		struct buf sql = { 0 };
		struct opid op;
		if (opid_parse(reply->element[i]->str, reply->element[i]->len, &op)) {
			dead_put_delete(&sql, op);
			code = db_run(session->db, sql.bytes, sql.len, true, false, NULL, NULL,
				      NULL, e);
		}
		buf_free(&sql);
		if (code == ERR_NONE)
			code = redis_callf(session->redis, &gone, e, "SREM items:dead:discarded %b",
					   reply->element[i]->str, reply->element[i]->len);
		if (code == ERR_NONE)
			freeReplyObject(gone);
	}
	if (reply != NULL)
		freeReplyObject(reply);
	return code;
}

/* The letter is queued again: its copy stays away until the drain has decided. */
static bool queued_again(struct store *s, struct opid op)
{
	struct operation *waiting = mirror_operation(s->mirror, op);
	bool queued = waiting != NULL;
	operation_unref(&waiting);
	return queued;
}

static enum err_code take_replies(struct session *session, size_t *sent, struct err *e)
{
	enum err_code code = ERR_NONE;
	for (; *sent > 0 && code == ERR_NONE; (*sent)--) {
		redisReply *reply = NULL;
		code = redis_reply(session->redis, &reply, e);
		if (code == ERR_NONE)
			freeReplyObject(reply);
	}
	return code;
}

/* *sent: copies on their way without an answer so far. */
static enum err_code copy_letter(struct session *session, const struct dead_letter *letter,
				 size_t *sent, struct err *e)
{
	char op[OPID_TEXT_SIZE];
	opid_format(letter->op, op);
	char *text = dead_letter_json(letter);
	const char *set[] = { "HSET", "items:dead", op, text };
	enum err_code code = redis_append(session->redis, e, 4, set, NULL);
	free(text);
	if (code == ERR_NONE && ++*sent == COPIES_AT_ONCE)
		code = take_replies(session, sent, e);
	return code;
}

static int by_op(const void *a, const void *b)
{
	const struct dead_letter *x = a, *y = b;
	return opid_compare(x->op, y->op);
}

static enum err_code drop_copy(struct session *session, const redisReply *op, struct err *e)
{
	redisReply *reply = NULL;
	enum err_code code =
		redis_callf(session->redis, &reply, e, "HDEL items:dead %b", op->str, op->len);
	if (code == ERR_NONE)
		freeReplyObject(reply);
	return code;
}

/* there[i]: Redis has list[i] as it is. Copies of letters that are not in the list go. */
static enum err_code compare_copies(struct session *session, const struct dead_letter *list,
				    size_t count, bool *there, struct err *e)
{
	redisReply *reply = NULL;
	enum err_code code = redis_callf(session->redis, &reply, e, "HGETALL items:dead");
	for (size_t i = 0; code == ERR_NONE && i + 1 < reply->elements; i += 2) {
		const redisReply *name = reply->element[i], *copy = reply->element[i + 1];
		struct dead_letter key = { .detail = NULL };
		const struct dead_letter *known = NULL;
		if (count > 0 && opid_parse(name->str, name->len, &key.op))
			known = bsearch(&key, list, count, sizeof(*list), by_op);
		if (known == NULL) {
			code = drop_copy(session, name, e);
			continue;
		}
		char *text = dead_letter_json(known);
		there[known - list] = strcmp(text, copy->str) == 0;
		free(text);
	}
	if (reply != NULL)
		freeReplyObject(reply);
	return code;
}

/* The newest of them, those that Redis has not or has otherwise. *waiting: letters that are queued
 * again. */
static enum err_code copy_letters(struct store *s, struct session *session, size_t *waiting,
				  struct err *e)
{
	struct dead_letter *list = NULL;
	size_t n = 0, sent = 0;
	enum err_code code = dead_letter_list(session->db, LETTERS_SHOWN, &list, &n, e);
	bool *there = mem_zero(n + 1, sizeof(*there));
	if (n > 0)
		qsort(list, n, sizeof(*list), by_op);
	if (code == ERR_NONE)
		code = compare_copies(session, list, n, there, e);
	for (size_t i = 0; i < n; i++) {
		bool queued = queued_again(s, list[i].op);
		*waiting += queued;
		if (code == ERR_NONE && !queued && !there[i])
			code = copy_letter(session, &list[i], &sent, e);
		dead_letter_free(&list[i]);
	}
	if (code == ERR_NONE)
		code = take_replies(session, &sent, e);
	free(there);
	free(list);
	return code;
}

static enum err_code care_for_letters(struct store *s, struct session *session,
				      struct household *out, struct err *e)
{
	uint64_t count = 0;
	size_t waiting = 0;
	enum err_code code = forget_discarded(session, e);
	if (code == ERR_NONE)
		code = copy_letters(s, session, &waiting, e);
	if (code == ERR_NONE)
		code = dead_letter_count(session->db, &count, e);
	if (code != ERR_NONE)
		return code;
	if (count > LETTERS_SHOWN && out->dead_letters <= LETTERS_SHOWN)
		log_warn(TAG_SYNC,
			 "%llu dead letters: /sync/dead and Redis have the newest %d of them",
			 (unsigned long long)count, LETTERS_SHOWN);
	out->dead_letters = (json_int_t)(count > waiting ? count - waiting : 0);
	return ERR_NONE;
}

/* Behind by many, it takes several cycles. */
static enum err_code purge(struct store *s, struct session *session, struct household *out,
			   struct err *e)
{
	int64_t until = clock_mono_ms() + PURGE_MS;
	uint64_t removed = PURGE_STEP, rows = 0;
	enum err_code code = ERR_NONE;
	while (code == ERR_NONE && removed == PURGE_STEP && clock_mono_ms() < until) {
		code = applied_purge(session->db, PURGE_STEP, &removed, e);
		if (code == ERR_NONE)
			atomic_fetch_add(&s->purged, removed);
	}
	if (code == ERR_NONE)
		code = applied_estimate(session->db, &rows, e);
	if (code == ERR_NONE)
		out->applied = (json_int_t)rows;
	return code;
}

enum err_code housekeeping(struct store *s, struct session *session, bool full,
			   struct household *out, struct err *e)
{
	if (!session_mysql(session, s))
		return ERR_NONE;
	enum err_code code = care_for_letters(s, session, out, e);
	if (code == ERR_NONE && full)
		code = purge(s, session, out, e);
	return code;
}
