/* accept.c - queueing writes in Redis while MySQL cannot take them: one Lua call a batch. */
#include "store_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../redis/changelog_private.h"
#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

/* How long a write is decided again because its item changed meanwhile, and how long at least after
 * what Redis had lost is put back. */
#define PATIENCE_MS    2000
#define LAST_ROUNDS_MS 500
/* Rounds in vain without a pause between them. */
#define ROUNDS_QUICK   5
#define ROUND_PAUSE_NS 10000000
/* A Redis that hung does nothing any more that we waited for when it goes on: what was written
 * meanwhile by other ways would be older for it. One time-out is for the answer, one for an error
 * in what we take for its clock. */
#define ANSWER_TIMEOUTS 2

/* The entry of what another instance brought into MySQL, and answered, may be on its way into the
 * log for so long: until then what it tells of is not known here, or in an older state. */
#define LOG_LAG_MS 50

/* One write on its way into a pending list. */
struct candidate {
	struct job *job;
	struct operation *op;
	char key[ITEM_KEY_SIZE];
	char expected[ACCEPT_MARKER_SIZE]; /* the item's marker as the mirror knows it */
};

struct round {
	struct store *store;
	struct session *session;
	struct accept_lists *out;
	struct candidate *at;
	size_t count;
	struct job *later;	/* newest first: next round */
	bool again;		/* not the first round */
	bool unread;		/* what the script accepted could not be read in the log, */
	char epoch[EPOCH_SIZE]; /* where it is this epoch's */
	uint64_t seq;		/* entry */
};

static void finish_failed(struct round *r, struct job *j, enum err_code code, const char *text)
{
	if (job_is_unsure(j) &&
	    (code == ERR_FULL || code == ERR_EPOCH || code == ERR_NOT_DURABLE)) {
		jobs_push(&r->out->unsure, j);
		return;
	}
	job_fail(j, code, text);
	jobs_push(&r->out->done, j);
}

static bool tag_matches(const struct job *j, const struct row *row)
{
	char now[ETAG_SIZE];
	if (!j->if_match || j->if_match_any)
		return true;
	row_etag(row, now);
	for (size_t i = 0; i < j->etag_count; i++) {
		if (strcmp(j->etags[i], now) == 0)
			return true;
	}
	return false;
}

/* A write keeps one operation id for life, however often it is tried. */
static struct operation *operation_of(const struct store *s, struct job *j,
				      const struct mirror_item_state *state)
{
	struct operation *op = operation_new();
	if (opid_is_zero(j->op))
		j->op = opid_fresh();
	op->id = j->op;
	op->kind = j->kind == JOB_CREATE   ? OP_CREATE
		   : j->kind == JOB_DELETE ? OP_DELETE
					   : OP_UPDATE;
	op->item_id = j->ref.id;
	op->temp = op->kind == OP_CREATE ? op->id : j->ref.temp;
	if (op->item_id != 0)
		op->temp = (struct opid){ { 0 } };
	if (op->kind != OP_DELETE)
		fields_copy(&op->fields, &j->fields);
	op->accepted_us = clock_wall_us();
	op->base_version = state->pending ? 0 : state->base_version;
	op->base_updated_us = state->pending ? 0 : state->base_updated_us;
	if (op->base_version != 0 && state->row != NULL)
		op->base_json = mem_copy(state->row->json, state->row->json_len);
	op->has_fingerprint = j->keyed;
	memcpy(op->fingerprint, j->fingerprint, sizeof(op->fingerprint));
	op->batch = j->batch;
	op->nth = j->nth;
	snprintf(op->instance, sizeof(op->instance), "%s", s->options->instance);
	return op;
}

/* The item's marker as Redis has it, before the log is read up to now: while the marker stays the
 * same nothing is accepted that the mirror does not know then. The mirror's own idea of it differs
 * where something was drained from memory, or waits under the item's other id. */
static bool read_marker(struct round *r, const struct item_ref *ref, char out[ACCEPT_MARKER_SIZE])
{
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	char key[ITEM_KEY_SIZE];
	if (ref->id != 0)
		snprintf(key, sizeof(key), "%lld", (long long)ref->id);
	else
		opid_format_temp(ref->temp, key);
	if (redis_callf(r->session->redis, &reply, &e, "HGET items:pending:ids %s", key) !=
	    ERR_NONE) {
		store_redis_failed(r->store, r->session->redis, &e);
		return false;
	}
	bool fits = reply->type != REDIS_REPLY_STRING || reply->len < ACCEPT_MARKER_SIZE;
	if (fits)
		snprintf(out, ACCEPT_MARKER_SIZE, "%s",
			 reply->type == REDIS_REPLY_STRING ? reply->str : "");
	freeReplyObject(reply);
	return session_catch_up(r->session, r->store) && fits;
}

static bool key_taken(const struct round *r, const char *key)
{
	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->at[i].key, key) == 0)
			return true;
	}
	return false;
}

/* Redis may have lost it again before anybody read of it: then it is known here, to be put back. */
static void keep_accepted(struct round *r, struct operation *op)
{
	struct changes changes = { 0 };
	changes_queued(&changes, op);
	mirror_apply_unread(r->store->mirror, r->epoch, r->seq, &changes);
	changes_free(&changes);
	atomic_store(&r->store->follower.rejoin, true);
}

static void answer_queued(struct round *r, struct candidate *c, uint64_t seq)
{
	struct job *j = c->job;
	struct store *s = r->store;
	if (r->unread && seq != 0)
		keep_accepted(r, c->op);
	j->result = JOB_QUEUED;
	j->source = SOURCE_BACKUP;
	j->operation = c->op->id;
	j->wait_seq = seq;
	if (j->kind == JOB_CREATE)
		j->row = mirror_get_temp(s->mirror, c->op->id);
	else if (j->kind != JOB_DELETE)
		j->row = j->ref.id != 0 ? mirror_get(s->mirror, j->ref.id)
					: mirror_get_temp(s->mirror, j->ref.temp);
	atomic_fetch_add_explicit(&s->queued, 1, memory_order_relaxed);
	jobs_push(&r->out->done, j);
}

/* An earlier try of ours queued it after all. */
static bool answer_own(struct round *r, struct job *j)
{
	struct candidate c = { .job = j, .op = mirror_operation(r->store->mirror, j->op) };
	if (c.op == NULL)
		return false;
	answer_queued(r, &c, 0);
	operation_unref(&c.op);
	return true;
}

/* What it meets may be its own effect. */
static enum err_code unless_unsure(const struct job *j, enum err_code code)
{
	return j->maybe_queued ? ERR_UNCERTAIN : code;
}

/* Redis does not take it. What may be in MySQL already must not be written there again. */
static void turn_away(struct round *r, struct job *j)
{
	jobs_push(opid_is_zero(j->batch) ? &r->out->direct : &r->out->unsure, j);
}

/* Whatever was answered before this write came is in the log by now. An instance that is alone has
 * its own entries in the mirror, but may not have heard of one that ran until MySQL went. */
static bool is_told(const struct store *s, const struct job *j)
{
	bool alone = atomic_load(&s->instances) == 1;
	int64_t since_ms = alone ? circuit_switched_ms(s->mysql) : j->submitted_us / 1000;
	return clock_mono_ms() >= since_ms + LOG_LAG_MS;
}

/* Is there such an item, and in the asked state? Not asked of what may be applied already: it was
 * then. */
static bool may_change(struct round *r, struct job *j, const struct mirror_item_state *state)
{
	bool fits = state->shown && state->row != NULL && tag_matches(j, state->row);
	if ((!state->known && store_recalls(r->store)) || (!fits && !is_told(r->store, j)))
		jobs_push(&r->later, j);
	else if (!state->known && !resolve_is_no_item(r->store, r->session, &j->ref))
		finish_failed(r, j, unless_unsure(j, ERR_DOWN), "nobody who knows it can be asked");
	else if (!state->shown || state->row == NULL)
		finish_failed(r, j, unless_unsure(j, ERR_NOT_FOUND), "no such item");
	else if (!fits)
		finish_failed(r, j, unless_unsure(j, ERR_PRECONDITION), "the item has changed");
	else
		return true;
	return false;
}

/* Decide by the mirror, which the script then holds us to: without Redis nothing can be decided. */
static void candidate_add(struct round *r, struct job *j)
{
	struct store *s = r->store;
	struct mirror_item_state state = { 0 };
	struct candidate *c = &r->at[r->count];
	if (j->ref.id == 0 && j->kind != JOB_CREATE)
		(void)resolve_ref(s, r->session, &j->ref);
	if (j->maybe_queued && answer_own(r, j))
		return;
	if (!session_redis(r->session, s)) {
		turn_away(r, j);
		return;
	}
	bool read = r->again && j->kind != JOB_CREATE && read_marker(r, &j->ref, c->expected);
	mirror_item_state(s->mirror, j->ref.id, j->ref.temp, &state);
	if (j->kind != JOB_CREATE && opid_is_zero(j->batch) && !may_change(r, j, &state))
		goto out;
	struct operation *op = operation_of(s, j, &state);
	operation_item_key(op, c->key);
	if (key_taken(r, c->key)) {
		operation_unref(&op);
		jobs_push(&r->later, j);
		goto out;
	}
	if (!read)
		c->expected[0] = '\0';
	if (!read && state.pending)
		accept_marker(state.last_kind, state.last_op, c->expected);
	c->job = j;
	c->op = op;
	r->count++;
out:
	row_unref(&state.row);
}

static enum err_code round_call(struct round *r, redisReply **out, struct err *e)
{
	struct store *s = r->store;
	struct mirror_position at = mirror_position(s->mirror);
	uint64_t nonce = changelog_nonce();
	int64_t now_us = 0;
	enum err_code code = redis_time_about(r->session->redis, &now_us, e);
	if (code != ERR_NONE)
		return code;
	struct redis_args *args = redis_args_new();
	accept_args_begin(args, s, at.epoch, nonce, s->options->max_pending,
			  now_us + ANSWER_TIMEOUTS * 1000 * s->options->redis_timeout_ms);
	for (size_t i = 0; i < r->count; i++)
		accept_args_put(args, r->at[i].op, r->at[i].expected, false);
	code = redis_script(r->session->redis, SCRIPT_ACCEPT, args, out, e);
	redis_args_free(&args);
	/* A script that was sent may run yet, for a little. */
	for (size_t i = 0; code == ERR_DOWN && i < r->count; i++)
		r->at[i].job->maybe_queued = true;
	if (code != ERR_NONE)
		return code;
	uint64_t seq = (*out)->elements > 0 ? changelog_number((*out)->element[0]) : 0;
	/* The entries' own numbers come from the script, so they are read back from the log. */
	struct err late = ERR_INIT;
	if (seq == 0)
		return ERR_NONE;
	publisher_wrote(&s->publisher, seq);
	if (changelog_applied(r->session->redis, s->mirror, seq, nonce, at.epoch, NULL, &late) !=
	    ERR_NONE) {
		r->unread = true;
		memcpy(r->epoch, at.epoch, EPOCH_SIZE);
		r->seq = seq;
		store_redis_failed(s, r->session->redis, &late);
	}
	return ERR_NONE;
}

/* The operation waits already: a second try of ours, or a keyed request that came elsewhere too. */
static void answer_known(struct round *r, struct candidate *c, const char *fingerprint)
{
	char mine[ACCEPT_FINGERPRINT_SIZE];
	accept_fingerprint(c->op, mine);
	if (!session_catch_up(r->session, r->store)) {
		jobs_push(&r->later, c->job);
		return;
	}
	if (strcmp(mine, fingerprint) == 0)
		answer_queued(r, c, 0);
	else
		finish_failed(r, c->job, ERR_KEY_REUSED,
			      "the Idempotency-Key belongs to another request");
}

static void answer_verdict(struct round *r, struct candidate *c, const char *verdict, uint64_t seq)
{
	struct job *j = c->job;
	if (strncmp(verdict, "ok:", 3) == 0) {
		c->op->seq = strtoull(verdict + 3, NULL, 10);
		answer_queued(r, c, seq);
	} else if (strncmp(verdict, "dup:", 4) == 0) {
		answer_known(r, c, verdict + 4);
	} else if (strcmp(verdict, "full") == 0) {
		finish_failed(r, j, ERR_FULL, "too many pending operations");
	} else if (strcmp(verdict, "done") == 0 && resolve_repeat(r->store, r->session, j)) {
		jobs_push(&r->out->done, j);
	} else {
		/* stale, moved: the item changed; decide again with what the log says. */
		(void)session_catch_up(r->session, r->store);
		jobs_push(&r->later, j);
	}
}

static void round_failed(struct round *r, const struct err *e)
{
	for (size_t i = 0; i < r->count; i++) {
		struct job *j = r->at[i].job;
		if (e->code == ERR_EPOCH || e->code == ERR_STALE)
			jobs_push(&r->later, j);
		else
			turn_away(r, j);
	}
}

static void round_run(struct round *r)
{
	redisReply *reply = NULL;
	struct err e = ERR_INIT;
	enum err_code code = ERR_DOWN;
	/* The script knows operations by id, so a second try queues nothing twice. */
	for (unsigned tries = 0; tries < 2 && session_redis(r->session, r->store); tries++) {
		err_clear(&e);
		code = round_call(r, &reply, &e);
		if (code == ERR_STALE)
			redis_forget_time(r->session->redis);
		if (code != ERR_DOWN || !redis_was_cut(r->session->redis))
			break;
	}
	if (code == ERR_NONE && reply->elements != r->count + 1)
		code = err_set(&e, ERR_INTERNAL, "the script answered in part");
	if (code == ERR_NONE) {
		uint64_t seq = changelog_number(reply->element[0]);
		for (size_t i = 0; i < r->count; i++)
			answer_verdict(r, &r->at[i], reply->element[i + 1]->str, seq);
	} else {
		if (e.code != ERR_NONE)
			store_redis_failed(r->store, r->session->redis, &e);
		round_failed(r, &e);
	}
	if (reply != NULL)
		freeReplyObject(reply);
}

static void round_clear(struct round *r)
{
	for (size_t i = 0; i < r->count; i++)
		operation_unref(&r->at[i].op);
	memset(r->at, 0, (r->count + 1) * sizeof(*r->at));
	r->count = 0;
	r->unread = false;
}

static bool durable_enough(struct store *s)
{
	return !s->options->require_durable || store_durable(s);
}

static size_t length_of(const struct job *list)
{
	size_t count = 0;
	for (; list != NULL; list = list->next)
		count++;
	return count;
}

/* Rounds in which nothing was settled wait for something. */
static void pause_if_idle(size_t before, size_t now, unsigned *idle)
{
	const struct timespec pause = { .tv_nsec = ROUND_PAUSE_NS };
	*idle = now < before ? 0 : *idle + 1;
	if (now > 0 && *idle >= ROUNDS_QUICK)
		nanosleep(&pause, NULL);
}

void accept_jobs(struct store *s, struct session *session, struct job *list,
		 struct accept_lists *out)
{
	size_t count = length_of(list);
	struct round r = { .store = s, .session = session, .out = out };
	unsigned idle = 0;
	r.at = mem_zero(count + 1, sizeof(*r.at));
	int64_t began = clock_mono_ms(), until = began + PATIENCE_MS;
	(void)session_catch_up(session, s);
	while (list != NULL) {
		bool recalls = store_recalls(s);
		int64_t now = clock_mono_ms();
		if (recalls && now + LAST_ROUNDS_MS > until)
			until = now + LAST_ROUNDS_MS;
		bool late =
			idle >= ROUNDS_QUICK && now >= (recalls ? began + RECALL_MAX_MS : until);
		for (struct job *next; list != NULL; list = next) {
			next = list->next;
			if (!durable_enough(s))
				finish_failed(&r, list, ERR_NOT_DURABLE,
					      "Redis is not durable enough to queue writes");
			else if (late && recalls)
				finish_failed(&r, list, ERR_EPOCH, "Redis lost what waits");
			else if (late)
				finish_failed(&r, list, ERR_FULL, "the item changes too fast");
			else
				candidate_add(&r, list);
		}
		if (r.count > 0)
			round_run(&r);
		round_clear(&r);
		list = jobs_reverse(r.later);
		r.later = NULL;
		r.again = true;
		pause_if_idle(count, length_of(list), &idle);
		count = length_of(list);
	}
	free(r.at);
}
