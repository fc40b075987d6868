/* dead.c - dead letters: listing, queueing again, discarding. */
#include <stdlib.h>
#include <string.h>

#include "../redis/changelog_private.h"
#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/tables.h"
#include "store_private.h"

#define RETRY_TRIES	  5 /* each waits a moment for a drain that runs */
#define QUEUE_TRIES	  2 /* a second one if what waited was drained meanwhile */
#define LETTER_TAKEN_TEXT "the dead letter was retried or discarded meanwhile"

/* --- reading letters --- */

static int newest_first(const void *a, const void *b)
{
	json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	/* Operation ids are time-ordered; the time of acceptance decides where it is known. */
	const char *tx = json_string_value(json_object_get(x, "accepted_at"));
	const char *ty = json_string_value(json_object_get(y, "accepted_at"));
	int order = strcmp(ty == NULL ? "" : ty, tx == NULL ? "" : tx);
	if (order != 0)
		return order;
	tx = json_string_value(json_object_get(x, "operation"));
	ty = json_string_value(json_object_get(y, "operation"));
	return strcmp(ty == NULL ? "" : ty, tx == NULL ? "" : tx);
}

static json_t *sorted_array(json_t **letters, size_t count)
{
	json_t *array = json_array();
	qsort(letters, count, sizeof(json_t *), newest_first);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, letters[i]);
	return array;
}

static json_t *letters_from_redis(struct store *s, struct session *session)
{
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	if (!session_redis(session, s))
		return NULL;
	if (redis_callf(session->redis, &reply, &e, "HVALS items:dead") != ERR_NONE) {
		store_redis_failed(s, session->redis, &e);
		return NULL;
	}
	json_t **letters = mem_zero(reply->elements + 1, sizeof(json_t *));
	size_t count = 0;
	for (size_t i = 0; i < reply->elements; i++) {
		json_t *one = json_loadb(reply->element[i]->str, reply->element[i]->len, 0, NULL);
		if (one != NULL)
			letters[count++] = one;
	}
	json_t *array = sorted_array(letters, count);
	free(letters);
	freeReplyObject(reply);
	return array;
}

/* Takes the list. One that is queued again is no letter until the drain has decided. */
static json_t *letters_array(struct store *s, struct dead_letter *list, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		struct operation *waiting = mirror_operation(s->mirror, list[i].op);
		char *text = dead_letter_json(&list[i]);
		if (waiting == NULL)
			json_array_append_new(array, json_loads(text, 0, NULL));
		operation_unref(&waiting);
		free(text);
		dead_letter_free(&list[i]);
	}
	free(list);
	return array;
}

/* All that are shown, or the one of `op`. */
static json_t *letters_from_mysql(struct store *s, struct session *session, const struct opid *op)
{
	struct dead_letter *list = NULL;
	size_t count = 0;
	struct err e = ERR_INIT;
	if (!session_mysql(session, s))
		return NULL;
	enum err_code code =
		op != NULL ? dead_letter_find(session->db, *op, &list, &count, &e)
			   : dead_letter_list(session->db, LETTERS_SHOWN, &list, &count, &e);
	if (code == ERR_NONE)
		return letters_array(s, list, count);
	store_mysql_failed(s, session->db, &e);
	return NULL;
}

/* MySQL decides what is dead; the copy in Redis serves while it is down. */
static json_t *letters(struct store *s, struct session *session, const struct opid *op)
{
	json_t *array = letters_from_mysql(s, session, op);
	return array != NULL ? array : letters_from_redis(s, session);
}

static void list_job(struct store *s, struct session *session, struct job *j)
{
	json_t *array = letters(s, session, NULL);
	if (array == NULL) {
		job_fail(j, ERR_BOTH_DOWN, "neither server can be asked for dead letters");
		return;
	}
	j->result = JOB_DONE;
	j->json = json_pack("{s:i, s:o}", "count", (int)json_array_size(array), "data", array);
}

static json_t *find_letter(struct store *s, struct session *session, struct opid op, bool *asked)
{
	char id[OPID_TEXT_SIZE];
	json_t *array = letters(s, session, &op), *found = NULL, *one;
	size_t i;
	opid_format(op, id);
	*asked = array != NULL;
	json_array_foreach(array, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "operation"));
		if (name != NULL && strcmp(name, id) == 0)
			found = json_incref(one);
	}
	json_decref(array);
	return found;
}

/* Which attempt its retry is: above the one that ended in the letter (see letter_operation), and
 * the same whoever retries it, and when, so that two retries of one letter count once. */
static unsigned next_attempt(json_t *letter)
{
	const char *text = json_string_value(json_object_get(letter, "accepted_at"));
	int64_t before = 0;
	if (text == NULL || !clock_parse(text, &before) || before < 0)
		before = 0;
	return (unsigned)(before / 1000000) + 1;
}

/* --- discarding --- */

/* ERR_LETTER_TAKEN: somebody else was first. */
static enum err_code discard_in_redis(struct store *s, struct session *session, const char *op,
				      unsigned attempt)
{
	struct err e = ERR_INIT;
	redisReply *reply = NULL;
	if (!session_redis(session, s))
		return ERR_DOWN;
	struct redis_args *args = redis_args_new();
	redis_args_puts(args, op);
	redis_args_i64(args, attempt);
	enum err_code code = redis_script(session->redis, SCRIPT_DISCARD, args, &reply, &e);
	redis_args_free(&args);
	if (code != ERR_NONE) {
		store_redis_failed(s, session->redis, &e);
		return code;
	}
	bool taken = reply->type == REDIS_REPLY_INTEGER && reply->integer == 0;
	freeReplyObject(reply);
	return taken ? ERR_LETTER_TAKEN : ERR_NONE;
}

/* What stays there, the next sync cycle forgets in MySQL. */
static void discarded_in_both(struct store *s, struct session *session, const char *op)
{
	struct err e = ERR_INIT;
	redisReply *reply = NULL;
	if (redis_callf(session->redis, &reply, &e, "SREM items:dead:discarded %s", op) == ERR_NONE)
		freeReplyObject(reply);
	else
		store_redis_failed(s, session->redis, &e);
}

static bool discard_in_mysql(struct store *s, struct session *session, struct opid op)
{
	struct buf sql = { 0 };
	struct err e = ERR_INIT;
	if (!session_mysql(session, s))
		return false;
	dead_put_delete(&sql, op);
	enum err_code code =
		db_run(session->db, sql.bytes, sql.len, true, false, NULL, NULL, NULL, &e);
	buf_free(&sql);
	if (code != ERR_NONE)
		store_mysql_failed(s, session->db, &e);
	return code == ERR_NONE;
}

static void discard_job(struct store *s, struct session *session, struct job *j)
{
	char op[OPID_TEXT_SIZE];
	bool asked = false;
	json_t *letter = find_letter(s, session, j->op, &asked);
	opid_format(j->op, op);
	if (letter == NULL) {
		job_fail(j, asked ? ERR_NOT_FOUND : ERR_BOTH_DOWN,
			 asked ? "no such dead letter" : "neither server can be asked");
		return;
	}
	enum err_code redis = discard_in_redis(s, session, op, next_attempt(letter));
	json_decref(letter);
	if (redis == ERR_LETTER_TAKEN) {
		job_fail(j, redis, LETTER_TAKEN_TEXT);
		return;
	}
	bool mysql = discard_in_mysql(s, session, j->op);
	if (mysql && redis == ERR_NONE)
		discarded_in_both(s, session, op);
	if (!mysql && redis != ERR_NONE)
		job_fail(j, ERR_BOTH_DOWN, "neither server can forget the dead letter");
	else
		j->result = JOB_DONE;
}

/* --- queueing again --- */

static bool letter_target(struct operation *op, json_t *letter)
{
	json_t *id = json_object_get(letter, "id");
	if (json_is_integer(id)) {
		op->item_id = json_integer_value(id);
		return op->item_id > 0;
	}
	return json_is_string(id) &&
	       opid_parse_temp(json_string_value(id), json_string_length(id), &op->temp);
}

static bool is_overwritten(json_t *letter)
{
	const char *kind = json_string_value(json_object_get(letter, "kind"));
	return kind != NULL && strcmp(kind, "overwritten") == 0;
}

/* The values that a retry writes; null if they were too long to be kept. */
static json_t *letter_content(json_t *letter)
{
	return json_object_get(letter, is_overwritten(letter) ? "current" : "data");
}

/* What the letter asks for; a corrected body counts instead of its data. */
static struct operation *letter_operation(struct job *j, json_t *letter)
{
	struct operation *op = operation_new();
	const char *kind = json_string_value(json_object_get(letter, "kind"));
	op->id = j->op;
	if (is_overwritten(letter) || kind == NULL || !op_kind_parse(kind, &op->kind))
		op->kind = OP_UPDATE;
	if (op->kind == OP_CREATE)
		op->temp = op->id;
	else if (!letter_target(op, letter))
		op->kind = OP_CREATE, op->temp = op->id; /* unreadable: as good as a create */
	if (j->has_fields && op->kind != OP_DELETE)
		fields_copy(&op->fields, &j->fields);
	else if (op->kind != OP_DELETE)
		operation_take_data(op, letter_content(letter));
	/* Now, but not before the attempt's second, whatever our clock says: the next one, if there
	 * has to be one, is to be greater. Retries of one attempt are told apart by it. */
	op->attempt = next_attempt(letter);
	op->accepted_us = clock_wall_us();
	if (op->accepted_us < (int64_t)op->attempt * 1000000)
		op->accepted_us = (int64_t)op->attempt * 1000000 + op->accepted_us % 1000000;
	return op;
}

static bool letter_valid(struct job *j, const struct operation *op, json_t *letter)
{
	struct err e = ERR_INIT;
	if (op->kind == OP_UPDATE && !j->has_fields && !json_is_object(letter_content(letter))) {
		job_fail(j, ERR_INVALID, "the letter does not say what to write; a body has to");
		return false;
	}
	if (j->faults == NULL)
		j->faults = mem_zero(1, sizeof(*j->faults));
	if (operation_validate(op, j->faults, &e) == ERR_NONE)
		return true;
	job_fail(j, ERR_INVALID, e.text);
	return false;
}

/* What the script said. ERR_DUPLICATE: the operation waits already. */
static enum err_code verdict_of(const redisReply *reply, struct err *e)
{
	const char *said = reply->elements == 2 ? reply->element[1]->str : "";
	if (strcmp(said, "full") == 0)
		return err_set(e, ERR_FULL, "too many pending operations");
	if (strcmp(said, "taken") == 0)
		return err_set(e, ERR_LETTER_TAKEN, LETTER_TAKEN_TEXT);
	if (strncmp(said, "dup:", 4) == 0)
		return err_set(e, ERR_DUPLICATE, "its earlier attempt is being settled");
	return ERR_NONE;
}

static enum err_code queue_once(struct store *s, struct session *session, struct operation *op,
				struct err *e)
{
	struct mirror_position at = mirror_position(s->mirror);
	struct redis_args *args = redis_args_new();
	redisReply *reply = NULL;
	uint64_t nonce = changelog_nonce();
	char marker[16];
	snprintf(marker, sizeof(marker), "#%u", op->attempt);
	accept_args_begin(args, s, at.epoch, nonce, s->options->max_pending, 0);
	accept_args_put(args, op, marker, false);
	enum err_code code = redis_script(session->redis, SCRIPT_ACCEPT, args, &reply, e);
	if (code == ERR_NONE) {
		uint64_t seq = changelog_number(reply->element[0]);
		code = verdict_of(reply, e);
		if (code == ERR_NONE && seq != 0)
			code = changelog_applied(session->redis, s->mirror, seq, nonce, at.epoch,
						 NULL, e);
		publisher_wrote(&s->publisher, seq);
		freeReplyObject(reply);
	}
	redis_args_free(&args);
	return code;
}

/* It waits already: a retry that asks for the same was first, which is as good as ours.
 * ERR_DUPLICATE: nobody knows of one, so it is an earlier attempt that was decided while Redis was
 * away, and is in the lists still. */
static enum err_code join_waiting(struct store *s, struct session *session,
				  const struct operation *op, struct err *e)
{
	enum err_code code = changelog_catch_up(session->redis, s->mirror, e);
	struct operation *waiting = mirror_operation(s->mirror, op->id);
	if (code == ERR_NONE && waiting == NULL)
		code = err_set(e, ERR_DUPLICATE, "its earlier attempt is being settled");
	else if (code == ERR_NONE &&
		 (waiting->attempt != op->attempt || !fields_equal(&waiting->fields, &op->fields)))
		code = err_set(e, ERR_LETTER_TAKEN, LETTER_TAKEN_TEXT);
	operation_unref(&waiting);
	return code;
}

static enum err_code queue_again(struct store *s, struct session *session, struct operation *op,
				 struct err *e)
{
	enum err_code code = ERR_DUPLICATE;
	for (unsigned tries = 0; tries < QUEUE_TRIES && code == ERR_DUPLICATE; tries++) {
		err_clear(e);
		code = queue_once(s, session, op, e);
		if (code != ERR_DUPLICATE)
			break;
		err_clear(e);
		code = join_waiting(s, session, op, e);
	}
	return code;
}

/* Without Redis: straight into MySQL, behind what waits. */
static enum err_code retry_in_mysql(struct store *s, struct session *session, struct operation *op,
				    struct drain_report *report, struct err *e)
{
	enum err_code code = ERR_BUSY;
	for (unsigned tries = 0; tries < RETRY_TRIES && code == ERR_BUSY; tries++) {
		err_clear(e);
		if (!session_mysql(session, s))
			return err_set(e, ERR_BOTH_DOWN, "neither server can take it");
		code = sync_drain_memory(s->sync, session, NULL, 0, report, e);
		if (code == ERR_NONE && report->left > 0)
			code = err_set(e, ERR_BUSY, "operations before it wait for a locked row");
		if (code == ERR_NONE)
			code = sync_drain_memory(s->sync, session, &op, 1, report, e);
		if (code == ERR_NONE && report->left > 0)
			code = err_set(e, ERR_BUSY, "somebody holds the row's lock");
	}
	return code;
}

/* Another retry of the letter may have been decided before. */
static enum err_code was_ours(struct session *session, const struct operation *op, struct err *e)
{
	struct applied *found = NULL;
	size_t count = 0;
	enum err_code code = applied_find(session->db, &op->id, 1, &found, &count, e);
	if (code == ERR_NONE && count == 1 && found[0].accepted_us != op->accepted_us)
		code = err_set(e, ERR_LETTER_TAKEN, LETTER_TAKEN_TEXT);
	for (size_t i = 0; i < count; i++)
		applied_free(&found[i]);
	free(found);
	return code;
}

static void retry_without_redis(struct store *s, struct session *session, struct operation *op,
				struct job *j)
{
	struct drain_report report = { 0 };
	struct err e = ERR_INIT;
	enum err_code code = retry_in_mysql(s, session, op, &report, &e);
	if (code == ERR_NONE)
		resolve_tell_redis(s, session, op->id);
	if (code == ERR_NONE)
		code = was_ours(session, op, &e);
	if (code != ERR_NONE)
		job_fail(j, code == ERR_LETTER_TAKEN ? code : ERR_BOTH_DOWN, e.text);
	else if (report.rejected > 0)
		job_fail(j, ERR_REFUSED, "MySQL refused it again; it is in /sync/dead");
	else if (report.conflicts > 0)
		job_fail(j, ERR_DEAD_LETTER, "it ended in /sync/dead again");
	else
		j->result = JOB_DONE;
}

static void retry_with_redis(struct store *s, struct session *session, struct operation *op,
			     struct job *j)
{
	struct err e = ERR_INIT;
	j->result = JOB_QUEUED;
	if (queue_again(s, session, op, &e) == ERR_NONE)
		return;
	store_redis_failed(s, session->redis, &e);
	if (e.code == ERR_DOWN || e.code == ERR_DUPLICATE)
		retry_without_redis(s, session, op, j);
	else
		job_fail(j,
			 e.code == ERR_FULL || e.code == ERR_LETTER_TAKEN ? e.code : ERR_BOTH_DOWN,
			 e.text);
}

static void retry_job(struct store *s, struct session *session, struct job *j)
{
	bool asked = false;
	json_t *letter = find_letter(s, session, j->op, &asked);
	if (letter == NULL) {
		job_fail(j, asked ? ERR_NOT_FOUND : ERR_BOTH_DOWN,
			 asked ? "no such dead letter" : "neither server can be asked");
		return;
	}
	struct operation *op = letter_operation(j, letter);
	snprintf(op->instance, sizeof(op->instance), "%s", s->options->instance);
	if (letter_valid(j, op, letter)) {
		j->operation = j->op;
		if (session_redis(session, s))
			retry_with_redis(s, session, op, j);
		else
			retry_without_redis(s, session, op, j);
		sync_wake(s->sync);
	}
	json_decref(letter);
	operation_unref(&op);
}

void dead_job(struct store *s, struct session *session, struct job *j)
{
	if (j->kind == JOB_DEAD_LIST)
		list_job(s, session, j);
	else if (j->kind == JOB_DEAD_RETRY)
		retry_job(s, session, j);
	else
		discard_job(s, session, j);
}
