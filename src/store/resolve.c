/* resolve.c - what became of an operation: temporary ids and repeats of keyed requests. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/tables.h"

/* The record under `items:done:<OP>`, or NULL. */
static json_t *fetch_done(struct store *s, struct session *session, struct opid op)
{
	char text[OPID_TEXT_SIZE];
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	json_t *record = NULL;
	if (!session_redis(session, s))
		return NULL;
	opid_format(op, text);
	if (redis_callf(session->redis, &reply, &e, "GET items:done:%s", text) != ERR_NONE) {
		store_redis_failed(s, session->redis, &e);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_STRING)
		record = json_loadb(reply->str, reply->len, 0, NULL);
	freeReplyObject(reply);
	return record;
}

/* The record in relevo_applied, or NULL. *asked: MySQL answered. */
static struct applied *fetch_applied(struct store *s, struct session *session, struct opid op,
				     bool *asked)
{
	struct applied *found = NULL;
	size_t count = 0;
	struct err e = ERR_INIT;
	*asked = false;
	if (!session_mysql(session, s))
		return NULL;
	if (applied_find(session->db, &op, 1, &found, &count, &e) != ERR_NONE) {
		store_mysql_failed(s, session->db, &e);
		return NULL;
	}
	*asked = true;
	if (count == 0) {
		free(found);
		return NULL;
	}
	return found;
}

/* The item that the record of a create tells of; 0: none. */
static int64_t item_of_record(json_t *record)
{
	const char *kind = json_string_value(json_object_get(record, "kind"));
	const char *state = json_string_value(json_object_get(record, "state"));
	if (kind == NULL || strcmp(kind, "create") != 0 || state == NULL ||
	    strcmp(state, "applied") != 0)
		return 0;
	return json_integer_value(json_object_get(record, "id"));
}

static int64_t item_of_applied(const struct applied *a)
{
	return a->kind == APPLIED_CREATE && a->state == STATE_APPLIED ? a->item_id : 0;
}

static void free_applied(struct applied *a)
{
	if (a != NULL)
		applied_free(a);
	free(a);
}

/* As MySQL records it, in the form of Redis. Records of batches are nobody's operation. */
static json_t *record_from_mysql(struct store *s, struct session *session, struct opid op)
{
	bool asked;
	struct applied *found = fetch_applied(s, session, op, &asked);
	json_t *record = NULL;
	if (found != NULL && found->kind <= APPLIED_DELETE) {
		char *text = applied_record(found);
		record = json_loads(text, 0, NULL);
		free(text);
	}
	free_applied(found);
	return record;
}

json_t *resolve_record(struct store *s, struct session *session, struct opid op)
{
	json_t *record = fetch_done(s, session, op);
	return record != NULL ? record : record_from_mysql(s, session, op);
}

/* As the mirror has it. *waits: something does under the temporary id, so there its place is, also
 * if MySQL has the item already: the drain has not come so far as to say so. */
static int64_t item_of_mirror(struct store *s, struct opid temp, bool *waits)
{
	*waits = mirror_temp_waits(s->mirror, temp);
	return *waits ? 0 : mirror_final_id(s->mirror, temp);
}

/* 0: MySQL does not know it, or it waits. What the drain brought there waited before, and of that
 * the log tells. */
static int64_t item_of_mysql(struct store *s, struct session *session, struct opid temp)
{
	bool asked, waits;
	struct applied *found = fetch_applied(s, session, temp, &asked);
	int64_t id = found != NULL ? item_of_applied(found) : 0;
	free_applied(found);
	if (id == 0 || !session_catch_up(session, s))
		return id;
	int64_t followed = item_of_mirror(s, temp, &waits);
	return waits ? 0 : followed != 0 ? followed : id;
}

bool resolve_ref(struct store *s, struct session *session, struct item_ref *ref)
{
	bool waits;
	if (ref->id != 0)
		return true;
	ref->id = item_of_mirror(s, ref->temp, &waits);
	if (ref->id != 0 || waits)
		return ref->id != 0;
	json_t *record = fetch_done(s, session, ref->temp);
	ref->id = item_of_record(record);
	json_decref(record);
	if (ref->id == 0)
		ref->id = item_of_mysql(s, session, ref->temp);
	if (ref->id != 0)
		mirror_set_final_id(s->mirror, ref->temp, ref->id);
	return ref->id != 0;
}

/* MySQL does not know what waits: who never followed the log, and cannot, knows neither. */
static bool may_wait_unseen(struct store *s)
{
	return mirror_position(s->mirror).epoch[0] == '\0';
}

/* `item`: is it no item; else: is it no operation. */
static bool is_none(struct store *s, struct session *session, struct opid op, bool item)
{
	struct err e = ERR_INIT;
	bool asked;
	struct applied *found = fetch_applied(s, session, op, &asked);
	if (found != NULL) {
		bool none = item ? item_of_applied(found) == 0 : found->kind > APPLIED_DELETE;
		free_applied(found);
		return none;
	}
	if (may_wait_unseen(s))
		return false;
	if (asked)
		return true;
	if (!session_redis(session, s))
		return false;
	bool all = sync_is_remembered(session->redis, mirror_position(s->mirror).epoch, &e);
	if (e.code != ERR_NONE)
		store_redis_failed(s, session->redis, &e);
	return all;
}

bool resolve_is_no_operation(struct store *s, struct session *session, struct opid op)
{
	return is_none(s, session, op, false);
}

bool resolve_is_no_item(struct store *s, struct session *session, const struct item_ref *ref)
{
	return ref->id != 0 || final_ids_known(s) || mirror_create_ended(s->mirror, ref->temp) ||
	       is_none(s, session, ref->temp, true);
}

void resolve_tell_redis(struct store *s, struct session *session, struct opid op)
{
	bool asked;
	struct applied *found = fetch_applied(s, session, op, &asked);
	if (found == NULL)
		return;
	struct done_record done = { .op = op,
				    .json = applied_record(found),
				    .ttl_s = DONE_TTL_DRAINED_S };
	done_list_add(&s->unsent, &done, 1);
	free(done.json);
	free_applied(found);
}

/* --- repeats --- */

static void hex_of(const uint8_t bytes[16], char out[33])
{
	for (size_t i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool same_request(struct job *j, const char *fingerprint)
{
	char mine[33];
	if (!j->keyed)
		return true;
	hex_of(j->fingerprint, mine);
	if (fingerprint != NULL && strcmp(fingerprint, mine) == 0)
		return true;
	job_fail(j, ERR_KEY_REUSED, "the Idempotency-Key belongs to another request");
	return false;
}

/* It still waits: 202 as the first time. */
static bool repeat_waiting(struct store *s, struct job *j)
{
	struct operation *op = mirror_operation(s->mirror, j->op);
	char hex[33];
	if (op == NULL)
		return false;
	hex_of(op->fingerprint, hex);
	if (same_request(j, op->has_fingerprint ? hex : NULL)) {
		j->result = JOB_QUEUED;
		j->source = SOURCE_BACKUP;
		j->operation = j->op;
		if (op->kind == OP_CREATE)
			j->row = mirror_get_temp(s->mirror, op->id);
		else if (op->kind == OP_UPDATE)
			j->row = op->item_id != 0 ? mirror_get(s->mirror, op->item_id)
						  : mirror_get_temp(s->mirror, op->temp);
	}
	operation_unref(&op);
	return true;
}

static void answer_outcome(struct job *j, const char *state, int64_t id, struct row *row)
{
	char op[OPID_TEXT_SIZE];
	if (strcmp(state, "applied") != 0) {
		opid_format(j->op, op);
		j->result = JOB_FAILED;
		err_clear(&j->error);
		err_set(&j->error, ERR_DEAD_LETTER, "operation %s ended in /sync/dead", op);
		return;
	}
	j->result = JOB_DONE;
	j->source = SOURCE_MYSQL;
	j->created_replay = true;
	j->deleted_id = id;
	if (row != NULL)
		j->row = row_ref(row);
	else if (j->kind != JOB_DELETE)
		job_fail(j, ERR_NOT_FOUND, "the item of this operation is gone");
}

static bool repeat_done(struct store *s, struct session *session, struct job *j)
{
	json_t *record = fetch_done(s, session, j->op);
	if (record == NULL)
		return false;
	const char *state = json_string_value(json_object_get(record, "state"));
	struct row *row = row_from_json(json_object_get(record, "item"));
	if (same_request(j, json_string_value(json_object_get(record, "fingerprint"))))
		answer_outcome(j, state == NULL ? "applied" : state,
			       json_integer_value(json_object_get(record, "id")), row);
	row_unref(&row);
	json_decref(record);
	return true;
}

static bool keep_row(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct row **out = ctx;
	row_unref(out);
	*out = tables_row(result);
	return true;
}

/* The instance that applied it may have died before it told the log: what is answered now must be
 * known to all from now on. */
static void tell_log(struct store *s, struct session *session, int64_t id)
{
	struct buf sql = { 0 };
	struct row *row = NULL, *known = mirror_get(s->mirror, id);
	struct err e = ERR_INIT;
	struct changes changes = { 0 };
	tables_put_select(&sql);
	buf_puts(&sql, " WHERE id=");
	buf_put_i64(&sql, id);
	bool asked = session_mysql(session, s);
	if (asked && db_run(session->db, sql.bytes, sql.len, false, false, keep_row, &row, NULL,
			    &e) != ERR_NONE)
		store_mysql_failed(s, session->db, &e);
	if (row != NULL && (known == NULL || known->version < row->version))
		changes_row(&changes, row, false, false);
	else if (asked && e.code == ERR_NONE && row == NULL && known != NULL)
		changes_delete(&changes, id, known->version + 1, false);
	if (changes.count > 0)
		(void)store_log(s, session, &changes, NULL, 0);
	changes_free(&changes);
	row_unref(&row);
	row_unref(&known);
	buf_free(&sql);
}

bool resolve_applied(struct store *s, struct session *session, struct job *j, bool *asked)
{
	static const char *const states[] = { "applied", "conflict", "rejected" };
	struct applied *found = fetch_applied(s, session, j->op, asked);
	char hex[33];
	if (found == NULL)
		return false;
	hex_of(found->fingerprint, hex);
	struct row *row = applied_row(found);
	if (same_request(j, found->has_fingerprint ? hex : NULL))
		answer_outcome(j, states[found->state], found->item_id, row);
	if (found->item_id != 0)
		tell_log(s, session, found->item_id);
	row_unref(&row);
	free_applied(found);
	return true;
}

bool resolve_repeat(struct store *s, struct session *session, struct job *j)
{
	if (repeat_waiting(s, j) || repeat_done(s, session, j))
		return true;
	/* Accepted elsewhere a moment ago? The log tells. */
	(void)session_catch_up(session, s);
	return repeat_waiting(s, j);
}
