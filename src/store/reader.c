/* reader.c - reads that need I/O: confirming a miss, MySQL itself, operations, instances. The list
 * is in reader_list.c. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/tables.h"

#define READER_WAIT_MS 5000
#define PAUSE_NS       10000000 /* while what may be told in a moment is waited for */

static struct row *from_mirror(struct store *s, struct item_ref ref)
{
	return ref.id != 0 ? mirror_get(s->mirror, ref.id) : mirror_get_temp(s->mirror, ref.temp);
}

/* --- one item --- */

static bool keep_row(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct row **out = ctx;
	row_unref(out);
	*out = tables_row(result);
	return true;
}

void reader_learn(struct store *s, struct changes *changes)
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
void reader_learn_row(struct store *s, struct changes *changes, struct row *row)
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
	bool news = !state.known; /* what is shown once must not be missing from the next list */
	if (state.pending || j->ref.id == 0 || !session_mysql(session, s))
		return false;
	tables_put_select(&sql);
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
	if ((learns || news) && row != NULL)
		reader_learn_row(s, &changes, row);
	else if (learns && state.has_base)
		changes_delete(&changes, j->ref.id, state.base_version + 1, false);
	reader_learn(s, &changes);
	j->result = JOB_DONE;
	j->row = row;
	if (row == NULL)
		job_fail(j, ERR_NOT_FOUND, "no such item");
	return true;
}

static bool pause_until(int64_t until)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	if (clock_mono_ms() >= until)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

/* Nobody knows it, so far. May it come back? Then after a moment. */
static bool may_be_recalled(struct store *s, int64_t until)
{
	return store_recalls(s) && pause_until(until);
}

static bool is_known(struct store *s, struct session *session, struct item_ref *ref)
{
	(void)session_catch_up(session, s);
	(void)resolve_ref(s, session, ref);
	return mirror_knows(s->mirror, ref->id, ref->temp);
}

/* MySQL tells of what has an id, whatever is put back. An instance that is in step asks it for what
 * it does not know: the entry may still be on its way into the log, or another program made the
 * row. Not while creates wait: it may be what one of them has become. */
static bool mysql_tells(struct store *s, const struct job *j, bool known)
{
	if (store_read_source(s, j->mode) == SOURCE_MYSQL)
		return true;
	return !known && j->ref.id != 0 && circuit_up(s->mysql) && !creates_wait(s);
}

static void get_job(struct store *s, struct session *session, struct job *j)
{
	int64_t until = clock_mono_ms() + RECALL_MAX_MS;
	bool known = is_known(s, session, &j->ref);
	while (!known && (j->ref.id == 0 || !mysql_tells(s, j, known)) && may_be_recalled(s, until))
		known = is_known(s, session, &j->ref);
	if (mysql_tells(s, j, known) && get_from_mysql(s, session, j))
		return;
	j->source = store_read_source(s, (struct read_mode){ 0 });
	if (j->source == SOURCE_MYSQL)
		j->source = SOURCE_CACHE; /* it waits: only the mirror knows it */
	j->row = from_mirror(s, j->ref);
	j->result = JOB_DONE;
	if (j->row != NULL)
		return;
	bool blind = j->source == SOURCE_MEMORY;
	if (!known && (blind || !resolve_is_no_item(s, session, &j->ref)))
		job_fail(j, ERR_DOWN, "no item that anybody remembers who can be asked");
	else
		job_fail(j, ERR_NOT_FOUND, "no such item");
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

static json_t *find_operation(struct store *s, struct session *session, struct opid id)
{
	json_t *found = NULL;
	(void)session_catch_up(session, s);
	struct operation *op = mirror_operation(s->mirror, id);
	if (op != NULL) {
		found = waiting_json(op);
		operation_unref(&op);
		return found;
	}
	json_t *record = resolve_record(s, session, id);
	if (record != NULL)
		found = finished_json(id, record);
	json_decref(record);
	return found;
}

static void operation_job(struct store *s, struct session *session, struct job *j)
{
	int64_t until = clock_mono_ms() + RECALL_MAX_MS;
	j->result = JOB_DONE;
	do {
		j->json = find_operation(s, session, j->op);
	} while (j->json == NULL && may_be_recalled(s, until));
	if (j->json == NULL && resolve_is_no_operation(s, session, j->op))
		job_fail(j, ERR_NOT_FOUND, "no such operation");
	else if (j->json == NULL)
		job_fail(j, ERR_DOWN, "no operation that anybody remembers who can be asked");
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

static void run_once(struct store *s, struct session *session, struct job *j)
{
	switch (j->kind) {
	case JOB_GET:
		get_job(s, session, j);
		break;
	case JOB_LIST:
		reader_list_job(s, session, j);
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

/* What only reads may be done again. */
static bool lacks_server(const struct job *j)
{
	return j->result == JOB_FAILED &&
	       (j->error.code == ERR_DOWN || j->error.code == ERR_BOTH_DOWN) &&
	       j->kind != JOB_DEAD_RETRY && j->kind != JOB_DEAD_DISCARD;
}

/* Before nobody can be asked, each server that was given up is asked once more: it may have come
 * back since it was. */
static void run_job(struct store *s, struct session *session, struct job *j)
{
	int64_t came_ms = j->submitted_us / 1000 + 1, until = clock_mono_ms() + STORE_ASK_MS;
	uint64_t switches;
	bool asked;
	do {
		switches = circuit_switches(s->mysql) + circuit_switches(s->redis);
		asked = store_has_asked(s, came_ms);
		run_once(s, session, j);
		asked = asked &&
			switches == circuit_switches(s->mysql) + circuit_switches(s->redis);
		if (!lacks_server(j) || asked)
			return;
		store_ask(s, came_ms);
	} while (pause_until(until));
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
		log_request(j->request);
		run_job(s, &r->session, j);
		log_request(NULL);
		job_finish(s, j);
	}
	session_close(&r->session);
	return NULL;
}
