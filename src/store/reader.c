/* reader.c - reads that need I/O: confirming a miss, MySQL itself, operations, instances. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/tables.h"

#define READER_WAIT_MS 5000

static struct row *from_mirror(struct store *s, struct item_ref ref)
{
	return ref.id != 0 ? mirror_get(s->mirror, ref.id) : mirror_get_temp(s->mirror, ref.temp);
}

static void catch_up(struct store *s, struct session *session)
{
	struct err e = ERR_INIT;
	if (session_redis(session, s) &&
	    changelog_catch_up(session->redis, s->mirror, &e) != ERR_NONE)
		store_redis_failed(s, session->redis, &e);
}

/* --- one item --- */

static void put_select(struct buf *sql)
{
	buf_puts(sql, "SELECT ");
	tables_put_item_columns(sql);
	buf_puts(sql, " FROM " TABLE_NAME);
}

static bool keep_row(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct row **out = ctx;
	row_unref(out);
	*out = tables_row(result);
	return true;
}

/* What was read from MySQL because the mirror is out of step must not be newer than what the mirror
 * shows when it is in step again, be it before the read ends. */
static void learn(struct store *s, struct changes *changes)
{
	if (changes->count > 0)
		mirror_apply_unlogged(s->mirror, changes);
	changes_free(changes);
}

static bool creates_wait(struct store *s)
{
	struct mirror_counts counts;
	mirror_counts(s->mirror, &counts);
	return counts.pending[OP_CREATE] > 0;
}

/* Instances of ours raise the version with every change, other programs move the time only. A row
 * that is new here may be what a waiting create has become, which the drain will tell. */
static void learn_row(struct store *s, struct changes *changes, struct row *row)
{
	const struct opid none = { { 0 } };
	struct mirror_item_state known;
	mirror_item_state(s->mirror, row->id, none, &known);
	row_unref(&known.row);
	if (!known.known && creates_wait(s))
		return;
	bool foreign = known.has_base && known.base_version == row->version &&
		       known.base_updated_us != row->updated_us;
	changes_row(changes, row, foreign, false);
}

static bool get_from_mysql(struct store *s, struct session *session, struct job *j)
{
	struct mirror_item_state state;
	struct changes changes = { 0 };
	struct buf sql = { 0 };
	struct err e = ERR_INIT;
	struct row *row = NULL;
	bool learns = !store_in_step(s);
	mirror_item_state(s->mirror, j->ref.id, j->ref.temp, &state);
	row_unref(&state.row);
	if (state.pending || j->ref.id == 0 || !session_mysql(session, s))
		return false;
	put_select(&sql);
	buf_puts(&sql, " WHERE id=");
	buf_put_i64(&sql, j->ref.id);
	enum err_code code =
		db_run(session->db, sql.bytes, sql.len, false, false, keep_row, &row, NULL, &e);
	buf_free(&sql);
	if (code != ERR_NONE) {
		store_mysql_failed(s, session->db, &e);
		return false;
	}
	j->source = SOURCE_MYSQL;
	if (learns && row != NULL)
		learn_row(s, &changes, row);
	else if (learns && state.has_base)
		changes_delete(&changes, j->ref.id, state.base_version + 1, false);
	learn(s, &changes);
	j->result = JOB_DONE;
	j->row = row;
	if (row == NULL)
		job_fail(j, ERR_NOT_FOUND, "no such item");
	return true;
}

static void get_job(struct store *s, struct session *session, struct job *j)
{
	catch_up(s, session);
	(void)resolve_ref(s, session, &j->ref);
	if (store_read_source(s, j->mode) == SOURCE_MYSQL && get_from_mysql(s, session, j))
		return;
	j->source = store_read_source(s, (struct read_mode){ 0 });
	if (j->source == SOURCE_MYSQL)
		j->source = SOURCE_CACHE; /* it waits: only the mirror knows it */
	j->row = from_mirror(s, j->ref);
	j->result = JOB_DONE;
	if (j->row == NULL)
		job_fail(j, ERR_NOT_FOUND, "no such item");
}

/* --- all items --- */

struct all_rows {
	struct row **at;
	size_t count, room;
};

static bool add_row(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct all_rows *all = ctx;
	struct row *row = tables_row(result);
	if (row == NULL)
		return true;
	if (all->count == all->room) {
		all->room = all->room == 0 ? 1024 : all->room * 2;
		all->at = mem_resize(all->at, all->room, sizeof(struct row *));
	}
	all->at[all->count++] = row;
	return true;
}

#define LEARN_STEP 1000

struct gone {
	const struct all_rows *all;
	size_t at;
	struct changes changes;
};

/* Both are in order of id. */
static bool add_gone(void *ctx, struct row *row)
{
	struct gone *g = ctx;
	while (g->at < g->all->count && g->all->at[g->at]->id < row->id)
		g->at++;
	bool there = g->at < g->all->count && g->all->at[g->at]->id == row->id;
	if (!there && row->id > 0 && !row->pending)
		changes_delete(&g->changes, row->id, row->version + 1, false);
	return true;
}

/* `before`: the mirror as it was before MySQL was asked; what MySQL does not have of it is gone. */
static void learn_all(struct store *s, const struct all_rows *all, struct mirror_view *before)
{
	struct gone gone = { .all = all };
	for (size_t from = 0; from < all->count; from += LEARN_STEP) {
		struct changes changes = { 0 };
		for (size_t i = from; i < all->count && i < from + LEARN_STEP; i++)
			learn_row(s, &changes, all->at[i]);
		learn(s, &changes);
	}
	mirror_view_each(before, add_gone, &gone);
	learn(s, &gone.changes);
}

/* What waits here, and what MySQL says of it: another instance may have drained it and cannot tell
 * us while Redis is away. */
struct overlay {
	struct operation **ops;
	int64_t *final_ids; /* of the items they change, where temporary ones are drained; else 0 */
	size_t count;
	struct applied *applied; /* by id, of operations and of lost batches */
	size_t applied_count;
};

static void overlay_free(struct overlay *o)
{
	for (size_t i = 0; i < o->count; i++)
		operation_unref(&o->ops[i]);
	for (size_t i = 0; i < o->applied_count; i++)
		applied_free(&o->applied[i]);
	free(o->ops);
	free(o->final_ids);
	free(o->applied);
}

/* Before MySQL is asked: what is done in between has its record, which is to be found along with
 * its row. */
static void overlay_take(struct overlay *o, struct mirror *m)
{
	o->ops = mirror_operations(m, &o->count);
	o->final_ids = mem_zero(o->count + 1, sizeof(*o->final_ids));
	for (size_t i = 0; i < o->count; i++)
		if (o->ops[i]->kind != OP_CREATE)
			o->final_ids[i] = mirror_final_id(m, o->ops[i]->temp);
}

static int by_op(const void *a, const void *b)
{
	const struct applied *x = a, *y = b;
	return opid_compare(x->op, y->op);
}

static enum err_code overlay_ask(struct overlay *o, struct db *db, struct err *e)
{
	struct opid *ids = mem_zero(2 * o->count + 1, sizeof(*ids));
	size_t count = 0;
	for (size_t i = 0; i < o->count; i++) {
		ids[count++] = o->ops[i]->id;
		if (!opid_is_zero(o->ops[i]->batch))
			ids[count++] = o->ops[i]->batch;
	}
	enum err_code code = applied_find(db, ids, count, &o->applied, &o->applied_count, e);
	if (code == ERR_NONE && o->applied_count > 0)
		qsort(o->applied, o->applied_count, sizeof(*o->applied), by_op);
	free(ids);
	return code;
}

static const struct applied *overlay_find(const struct overlay *o, struct opid op)
{
	struct applied key = { .op = op };
	return o->applied_count == 0
		       ? NULL
		       : bsearch(&key, o->applied, o->applied_count, sizeof(key), by_op);
}

/* Is it done, by its own record or as part of a batch? A create's item: *id. */
static bool overlay_done(const struct overlay *o, const struct operation *op, unsigned increment,
			 int64_t *id)
{
	const struct applied *own = overlay_find(o, op->id);
	const struct applied *batch = opid_is_zero(op->batch) ? NULL : overlay_find(o, op->batch);
	if (own != NULL && own->attempt >= op->attempt) {
		*id = own->item_id;
		return true;
	}
	if (batch == NULL || batch->kind != APPLIED_BATCH)
		return false;
	*id = batch->item_id + (int64_t)op->nth * (int64_t)increment;
	return true;
}

/* MySQL's rows with what waits laid over them, as a mirror of their own. */
static struct mirror_view *view_of(const struct all_rows *all, const struct overlay *o,
				   unsigned increment)
{
	struct operation **ops = mem_zero(o->count + 1, sizeof(struct operation *));
	size_t op_count = 0;
	struct mirror_position at = { .epoch = "mysql", .seq = 0 };
	struct mirror *own = mirror_new();
	for (size_t i = 0; i < o->count; i++) {
		const struct operation *op = o->ops[i];
		int64_t id = o->final_ids[i];
		if (id != 0)
			mirror_set_final_id(own, op->temp, id);
		if (!overlay_done(o, op, increment, &id))
			ops[op_count++] = o->ops[i];
		else if (op->kind == OP_CREATE && id != 0)
			mirror_set_final_id(own, op->id, id);
	}
	mirror_load(own, all->at, all->count, ops, op_count, &at, false);
	struct mirror_view *view = mirror_view(own);
	mirror_free(&own);
	free(ops);
	return view;
}

/* Rows and records as they are at one instant. */
static enum err_code read_all(struct db *db, struct all_rows *all, struct overlay *o, struct err *e)
{
	static const char begin[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
				    "START TRANSACTION WITH CONSISTENT SNAPSHOT";
	struct buf sql = { 0 };
	enum err_code code =
		db_run(db, begin, sizeof(begin) - 1, false, false, NULL, NULL, NULL, e);
	put_select(&sql);
	buf_puts(&sql, " WHERE id > 0 ORDER BY id");
	if (code == ERR_NONE)
		code = db_run(db, sql.bytes, sql.len, false, true, add_row, all, NULL, e);
	if (code == ERR_NONE && o->count > 0)
		code = overlay_ask(o, db, e);
	db_rollback(db);
	buf_free(&sql);
	return code;
}

static void list_job(struct store *s, struct session *session, struct job *j)
{
	struct all_rows all = { 0 };
	struct overlay waiting = { 0 };
	struct err e = ERR_INIT;
	bool read = false;
	bool learns = !store_in_step(s);
	struct mirror_view *before = learns ? mirror_view(s->mirror) : NULL;
	overlay_take(&waiting, s->mirror);
	if (session_mysql(session, s)) {
		read = read_all(session->db, &all, &waiting, &e) == ERR_NONE;
		if (!read)
			store_mysql_failed(s, session->db, &e);
	}
	j->result = JOB_DONE;
	if (read) {
		j->source = SOURCE_MYSQL;
		if (learns)
			learn_all(s, &all, before);
		j->view = view_of(&all, &waiting, db_increment(session->db));
	} else {
		catch_up(s, session);
		j->source = store_read_source(s, (struct read_mode){ 0 });
		if (j->source == SOURCE_MYSQL)
			j->source = SOURCE_MEMORY;
		j->view = mirror_view(s->mirror);
	}
	for (size_t i = 0; i < all.count; i++)
		row_unref(&all.at[i]);
	overlay_free(&waiting);
	mirror_view_unref(&before);
	free(all.at);
}

/* --- operations and instances --- */

static void put_time(json_t *object, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];
	if (us == 0) {
		json_object_set_new(object, name, json_null());
		return;
	}
	clock_format(us, text);
	json_object_set_new(object, name, json_string(text));
}

static json_t *waiting_json(const struct operation *op)
{
	char id[OPID_TEXT_SIZE], key[ITEM_KEY_SIZE];
	json_t *object = json_object();
	opid_format(op->id, id);
	operation_item_key(op, key);
	json_object_set_new(object, "operation", json_string(id));
	json_object_set_new(object, "kind", json_string(op_kind_name(op->kind)));
	json_object_set_new(object, "state", json_string("pending"));
	json_object_set_new(object, "item_id",
			    op->item_id != 0 ? json_integer(op->item_id) : json_string(key));
	put_time(object, "accepted_at", op->accepted_us);
	put_time(object, "applied_at", 0);
	return object;
}

static json_t *finished_json(struct opid op, json_t *record)
{
	static const char *const copied[] = { "kind", "state" };
	static const char *const times[] = { "accepted_at", "applied_at" };
	char id[OPID_TEXT_SIZE];
	json_t *object = json_object();
	opid_format(op, id);
	json_object_set_new(object, "operation", json_string(id));
	for (size_t i = 0; i < 2; i++)
		json_object_set(object, copied[i], json_object_get(record, copied[i]));
	json_t *item = json_object_get(record, "id");
	json_object_set(object, "item_id", item);
	if (item == NULL || json_integer_value(item) == 0)
		json_object_set_new(object, "item_id", json_null());
	for (size_t i = 0; i < 2; i++) {
		json_t *time = json_object_get(record, times[i]);
		json_object_set_new(object, times[i],
				    time == NULL ? json_null() : json_incref(time));
	}
	return object;
}

static json_t *record_from_redis(struct store *s, struct session *session, const char *op)
{
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	json_t *record = NULL;
	if (!session_redis(session, s))
		return NULL;
	if (redis_callf(session->redis, &reply, &e, "GET items:done:%s", op) != ERR_NONE) {
		store_redis_failed(s, session->redis, &e);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_STRING)
		record = json_loadb(reply->str, reply->len, 0, NULL);
	freeReplyObject(reply);
	return record;
}

static json_t *record_from_mysql(struct store *s, struct session *session, struct opid op)
{
	struct applied *found = NULL;
	size_t count = 0;
	struct err e = ERR_INIT;
	json_t *record = NULL;
	if (!session_mysql(session, s))
		return NULL;
	if (applied_find(session->db, &op, 1, &found, &count, &e) != ERR_NONE) {
		store_mysql_failed(s, session->db, &e);
		return NULL;
	}
	if (count > 0 && found[0].kind <= APPLIED_DELETE) {
		char *text = applied_record(&found[0]);
		record = json_loads(text, 0, NULL);
		free(text);
	}
	for (size_t i = 0; i < count; i++)
		applied_free(&found[i]);
	free(found);
	return record;
}

static void operation_job(struct store *s, struct session *session, struct job *j)
{
	char text[OPID_TEXT_SIZE];
	catch_up(s, session);
	struct operation *op = mirror_operation(s->mirror, j->op);
	j->result = JOB_DONE;
	if (op != NULL) {
		j->json = waiting_json(op);
		operation_unref(&op);
		return;
	}
	opid_format(j->op, text);
	json_t *record = record_from_redis(s, session, text);
	if (record == NULL)
		record = record_from_mysql(s, session, j->op);
	if (record == NULL)
		job_fail(j, ERR_NOT_FOUND, "no such operation");
	else
		j->json = finished_json(j->op, record);
	json_decref(record);
}

static json_t *instance_json(struct redis *r, const char *name, double seen_s, struct err *e)
{
	redisReply *status = NULL, *requests = NULL;
	if (redis_callf(r, &status, e, "GET instance:%s", name) != ERR_NONE)
		return NULL;
	if (redis_callf(r, &requests, e, "GET requests:%s", name) != ERR_NONE) {
		freeReplyObject(status);
		return NULL;
	}
	json_t *object = NULL;
	if (status->type == REDIS_REPLY_STRING) {
		object = json_object();
		json_object_set_new(object, "instance", json_string(name));
		json_object_set_new(object, "status", json_string(status->str));
		json_object_set_new(object, "requests",
				    json_integer(requests->type == REDIS_REPLY_STRING
							 ? strtoll(requests->str, NULL, 10)
							 : 0));
		put_time(object, "last_seen", (int64_t)(seen_s * 1e6));
	}
	freeReplyObject(status);
	freeReplyObject(requests);
	return object;
}

static void instances_job(struct store *s, struct session *session, struct job *j)
{
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	j->result = JOB_DONE;
	j->json = json_array();
	if (!session_redis(session, s))
		return;
	if (redis_callf(session->redis, &reply, &e, "ZRANGE sync:instances 0 -1 WITHSCORES") !=
	    ERR_NONE) {
		store_redis_failed(s, session->redis, &e);
		return;
	}
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		json_t *one = instance_json(session->redis, reply->element[i]->str,
					    strtod(reply->element[i + 1]->str, NULL), &e);
		if (one != NULL)
			json_array_append_new(j->json, one);
	}
	freeReplyObject(reply);
}

/* --- the thread --- */

static void run_job(struct store *s, struct session *session, struct job *j)
{
	switch (j->kind) {
	case JOB_GET:
		get_job(s, session, j);
		break;
	case JOB_LIST:
		list_job(s, session, j);
		break;
	case JOB_OPERATION:
		operation_job(s, session, j);
		break;
	case JOB_INSTANCES:
		instances_job(s, session, j);
		break;
	default:
		dead_job(s, session, j);
		break;
	}
}

void *reader_main(void *arg)
{
	struct reader *r = arg;
	struct store *s = r->store;
	session_open(&r->session, s, "reader");
	while (!queue_ended(&s->asked)) {
		queue_wait(&s->asked, clock_mono_ms() + READER_WAIT_MS);
		struct job *j = queue_take(&s->asked, 1);
		if (j == NULL)
			continue;
		run_job(s, &r->session, j);
		job_finish(s, j);
	}
	session_close(&r->session);
	return NULL;
}
