/* housekeeping.c - keeps the copies of dead letters and the records of applied operations small. */
#include "housekeeping.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/tables.h"

#define PURGE_STEP  1000
#define PURGE_MS    1000 /* at most so long in one cycle */
#define LETTERS_MAX 10000

/* Letters discarded while MySQL was down. */
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

static enum err_code copy_letter(struct session *session, const struct dead_letter *letter,
				 struct err *e)
{
	char op[OPID_TEXT_SIZE];
	redisReply *reply = NULL;
	opid_format(letter->op, op);
	char *text = dead_letter_json(letter);
	enum err_code code =
		redis_callf(session->redis, &reply, e, "HSET items:dead %s %s", op, text);
	if (code == ERR_NONE)
		freeReplyObject(reply);
	free(text);
	return code;
}

static bool letter_known(const struct dead_letter *list, size_t count, struct opid op)
{
	for (size_t i = 0; i < count; i++) {
		if (opid_equal(list[i].op, op))
			return true;
	}
	return false;
}

/* Copies of letters that MySQL no longer has. */
static enum err_code drop_stale(struct session *session, const struct dead_letter *list,
				size_t count, struct err *e)
{
	redisReply *reply = NULL, *gone = NULL;
	enum err_code code = redis_callf(session->redis, &reply, e, "HKEYS items:dead");
	for (size_t i = 0; code == ERR_NONE && i < reply->elements; i++) {
		struct opid op;
		if (opid_parse(reply->element[i]->str, reply->element[i]->len, &op) &&
		    letter_known(list, count, op))
			continue;
		code = redis_callf(session->redis, &gone, e, "HDEL items:dead %b",
				   reply->element[i]->str, reply->element[i]->len);
		if (code == ERR_NONE)
			freeReplyObject(gone);
	}
	if (reply != NULL)
		freeReplyObject(reply);
	return code;
}

static enum err_code copy_letters(struct store *s, struct session *session, json_int_t *count,
				  struct err *e)
{
	struct dead_letter *list = NULL;
	size_t n = 0;
	enum err_code code = dead_letter_list(session->db, LETTERS_MAX, &list, &n, e);
	/* A full list need not be all there are. */
	if (code == ERR_NONE && n < LETTERS_MAX)
		code = drop_stale(session, list, n, e);
	if (code == ERR_NONE)
		*count = 0;
	for (size_t i = 0; i < n; i++) {
		if (code == ERR_NONE && !queued_again(s, list[i].op)) {
			code = copy_letter(session, &list[i], e);
			*count += 1;
		}
		dead_letter_free(&list[i]);
	}
	free(list);
	return code;
}

/* Behind by many, it takes several cycles. */
static enum err_code purge(struct session *session, struct err *e)
{
	int64_t until = clock_mono_ms() + PURGE_MS;
	uint64_t removed = PURGE_STEP;
	enum err_code code = ERR_NONE;
	while (code == ERR_NONE && removed == PURGE_STEP && clock_mono_ms() < until)
		code = applied_purge(session->db, PURGE_STEP, &removed, e);
	return code;
}

enum err_code housekeeping(struct store *s, struct session *session, bool full,
			   json_int_t *dead_letters, struct err *e)
{
	if (!session_mysql(session, s))
		return ERR_NONE;
	enum err_code code = forget_discarded(session, e);
	if (code == ERR_NONE)
		code = copy_letters(s, session, dead_letters, e);
	if (code == ERR_NONE && full)
		code = purge(session, e);
	return code;
}
