/* lane.c - a write lane: takes everything queued and brings it into MySQL, or queues it in Redis.
 */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/plant.h"
#include "relevo/tables.h"

#define IDLE_PING_MS 5000

static enum op_kind job_op_kind(const struct job *j)
{
	return j->kind == JOB_CREATE ? OP_CREATE : j->kind == JOB_DELETE ? OP_DELETE : OP_UPDATE;
}

/* --- direct writes --- */

static void fill_write(struct commit_write *w, struct job *j)
{
	*w = (struct commit_write){
		.kind = job_op_kind(j),
		.id = j->ref.id,
		.fields = &j->fields,
		.if_match = j->if_match,
		.etags = j->if_match_any ? NULL : (const char(*)[ETAG_SIZE])j->etags,
		.etag_count = j->etag_count,
		.ctx = j,
	};
	if (j->keyed || j->maybe_queued)
		w->op = j->op;
	if (j->keyed)
		w->fingerprint = j->fingerprint;
}

static char *done_json(const struct commit_write *w, const struct job *j)
{
	struct applied a = {
		.op = w->op,
		.kind = (enum applied_kind)w->kind,
		.state = STATE_APPLIED,
		.item_id = w->row->id,
		.version = w->row->version,
		.members = 1,
		.has_fingerprint = true,
		.has_fields = true,
		.fields = w->row->fields,
		.accepted_us = w->applied_us,
		.applied_us = w->applied_us,
	};
	memcpy(a.fingerprint, j->fingerprint, sizeof(a.fingerprint));
	return applied_record(&a); /* borrows the row's fields */
}

/* The changes of what was applied, and the records of keyed operations. Rows that were written
 * blindly are as somebody else's to a drain: they may be newer than what waits. */
static void collect_applied(const struct lane *lane, const struct commit_write *writes,
			    size_t count, struct changes *changes, struct done_record *done,
			    size_t *done_count)
{
	for (size_t i = 0; i < count; i++) {
		const struct commit_write *w = &writes[i];
		const struct job *j = w->ctx;
		if (w->verdict != COMMIT_APPLIED)
			continue;
		if (w->kind == OP_DELETE)
			changes_delete(changes, w->row->id, w->row->version, false);
		else
			changes_row(changes, w->row, lane->commit.blind, false);
		if (j->keyed) {
			done[*done_count].op = j->op;
			done[*done_count].json = done_json(w, j);
			done[(*done_count)++].ttl_s = DONE_TTL_KEYED_S;
		}
	}
}

static uint64_t log_applied(struct lane *lane, const struct commit_write *writes, size_t count)
{
	struct changes changes = { 0 };
	struct done_record *done = mem_zero(count + 1, sizeof(*done));
	size_t done_count = 0;
	uint64_t seq = 0;
	collect_applied(lane, writes, count, &changes, done, &done_count);
	if (changes.count > 0)
		seq = store_log(lane->store, &lane->session, &changes, done, done_count);
	for (size_t i = 0; i < done_count; i++)
		free(done[i].json);
	free(done);
	changes_free(&changes);
	return seq;
}

static void answer_applied(struct job *j, struct commit_write *w, uint64_t seq)
{
	j->result = JOB_DONE;
	j->source = SOURCE_MYSQL;
	j->wait_seq = seq;
	j->deleted_id = w->kind == OP_DELETE ? w->id : 0;
	j->row = row_ref(w->row);
}

static int64_t patience_ends_ms(const struct lane *lane, const struct job *j)
{
	return j->submitted_us / 1000 + lane->store->options->mysql_timeout_ms;
}

/* It is tried again until the deadline, then it is queued; without one so far it has a time-out. */
static void again_or_queue(struct lane *lane, struct job *j, struct job **queue)
{
	int64_t now = clock_mono_ms();
	if (j->deadline_ms == 0)
		j->deadline_ms = now + lane->store->options->mysql_timeout_ms;
	if (now < j->deadline_ms)
		retries_add(&lane->retries, j);
	else
		jobs_push(queue, j);
}

/* A drain must not do later what is said not to be done. False: that is not known, or not so. */
static bool stays_undone(struct lane *lane, const struct commit_write *w, struct err *e)
{
	const struct job *j = w->ctx;
	if (!j->maybe_queued)
		return !j->keyed;
	if (commit_reject(lane->session.db, w, e) == ERR_NONE)
		return true;
	store_mysql_failed(lane->store, lane->session.db, e);
	return false;
}

/* MySQL does not do it. A repeat may meet the item as the first request left it, and what may be
 * queued its own effect: then there is a record. False: MySQL went before it could tell. */
static bool answer_not_done(struct lane *lane, const struct commit_write *w, enum err_code code,
			    const char *text)
{
	struct job *j = w->ctx;
	struct err e = ERR_INIT;
	bool asked = true;
	if (stays_undone(lane, w, &e))
		job_fail(j, code, text);
	else if (e.code == ERR_UNCERTAIN)
		job_fail(j, ERR_UNCERTAIN, "it may be queued, or refused for good");
	else if (e.code != ERR_NONE && e.code != ERR_DUPLICATE)
		asked = false;
	else if (!resolve_applied(lane->store, &lane->session, j, &asked) && asked)
		job_fail(j, code, text);
	return asked;
}

static void route_verdict(struct lane *lane, struct commit_write *w, uint64_t seq,
			  struct split *out)
{
	struct job *j = w->ctx;
	bool answered = true;
	switch (w->verdict) {
	case COMMIT_APPLIED:
		answer_applied(j, w, seq);
		break;
	case COMMIT_NOT_FOUND:
		answered = answer_not_done(lane, w, ERR_NOT_FOUND, "no such item");
		break;
	case COMMIT_PRECONDITION:
		answered = answer_not_done(lane, w, ERR_PRECONDITION, "the item has changed");
		break;
	case COMMIT_REFUSED:
	case COMMIT_DUPLICATE:
		answered = answer_not_done(lane, w, ERR_REFUSED, w->error.text);
		break;
	case COMMIT_LOCKED: /* all in all it waits one time-out */
		if (j->deadline_ms == 0)
			j->deadline_ms = patience_ends_ms(lane, j);
		again_or_queue(lane, j, &out->queue);
		return;
	case COMMIT_UNCERTAIN:
		j->batch = w->batch;
		j->nth = w->nth;
		/* fall through */
	case COMMIT_DOWN:
	case COMMIT_OPEN:
		store_mysql_failed(lane->store, lane->session.db, &w->error);
		answered = false;
		break;
	}
	jobs_push(answered ? &out->done : &out->queue, j);
}

static void count_batch(struct store *s, size_t count)
{
	unsigned bucket = 0;
	while (bucket < BATCH_BUCKETS - 1 && ((size_t)1 << bucket) < count)
		bucket++;
	atomic_fetch_add_explicit(&s->batch_sizes[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->batch_operations, count, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->batch_count, 1, memory_order_relaxed);
}

/* Answered before Redis has the log's entry: all of it is done in MySQL, and nobody waits for the
 * snapshot. A repeat of a keyed write may come to any instance next, so its record goes first. */
static bool may_answer_ahead(struct lane *lane, const struct commit_write *writes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct job *j = writes[i].ctx;
		if (writes[i].verdict != COMMIT_APPLIED || j->keyed || j->maybe_queued)
			return false;
	}
	return !publisher_in_step(&lane->store->publisher);
}

/* False: not this time, nothing was done. */
static bool answer_ahead(struct lane *lane, struct commit_write *writes, size_t count,
			 struct split *out)
{
	struct changes changes = { 0 };
	struct log_ahead ahead;
	collect_applied(lane, writes, count, &changes, NULL, NULL);
	bool sent = store_log_send(lane->store, &lane->session, &changes, &ahead);
	if (sent) {
		for (size_t i = 0; i < count; i++)
			route_verdict(lane, &writes[i], 0, out);
		publisher_finish(&lane->store->publisher, jobs_reverse(out->done));
		out->done = NULL;
		store_log_sent(lane->store, &lane->session, &ahead);
	}
	changes_free(&changes);
	return sent;
}

static void run_direct(struct lane *lane, struct job *list, size_t count, struct split *out)
{
	struct commit_write *writes = mem_zero(count + 1, sizeof(*writes));
	size_t n = 0;
	int64_t until_ms = 0;
	for (struct job *j = list; j != NULL; j = j->next) {
		fill_write(&writes[n++], j);
		if (patience_ends_ms(lane, j) > until_ms)
			until_ms = patience_ends_ms(lane, j);
	}
	lane->commit.blind = !atomic_load(&lane->store->follower.read);
	commit_batch(lane->session.db, &lane->commit, writes, n, until_ms);
	count_batch(lane->store, n);
	if (!may_answer_ahead(lane, writes, n) || !answer_ahead(lane, writes, n, out)) {
		uint64_t seq = log_applied(lane, writes, n);
		for (size_t i = 0; i < n; i++)
			route_verdict(lane, &writes[i], seq, out);
	}
	for (size_t i = 0; i < n; i++)
		row_unref(&writes[i].row);
	free(writes);
}

/* --- the lane's loop --- */

/* Bring what waits into MySQL from memory, that nothing overtakes it. Busy: another drain has the
 * lock. */
static bool drain_waiting(struct lane *lane, bool unlocked)
{
	struct err e = ERR_INIT;
	return sync_drain_memory_now(lane->store->sync, &lane->session, unlocked, &e) == ERR_BUSY;
}

/* It waited for another drain as long as a write may, or nobody may wait any more. */
static bool waited_enough(struct lane *lane, const struct job *j)
{
	return atomic_load(&lane->store->ending) ||
	       (j->deadline_ms != 0 && clock_mono_ms() >= j->deadline_ms);
}

/* Redis does not take them: with MySQL up write them there all the same, else refuse. */
static void run_without_redis(struct lane *lane, struct job *list, struct split *out)
{
	struct split now = { 0 };
	bool mysql = session_mysql(&lane->session, lane->store);
	bool drained = false, busy = false;
	for (struct job *j = list, *next; j != NULL; j = next) {
		next = j->next;
		bool waits = mysql && split_waits(lane, j);
		if (waits && !drained) {
			busy = drain_waiting(lane, false);
			drained = true;
			waits = split_waits(lane, j);
		}
		if (waits && busy && waited_enough(lane, j)) {
			busy = drain_waiting(lane, true);
			waits = split_waits(lane, j);
		}
		if (!mysql) {
			jobs_push(&out->queue, j);
		} else if (!waits) {
			jobs_push(&now.direct, j);
			now.direct_count++;
		} else {
			again_or_queue(lane, j, &out->queue);
		}
	}
	if (now.direct != NULL)
		run_direct(lane, jobs_reverse(now.direct), now.direct_count, out);
}

bool job_is_unsure(const struct job *j)
{
	return j->maybe_queued || !opid_is_zero(j->batch);
}

/* Neither server can be used: was each asked after this write came? */
static bool may_be_back(struct store *s, const struct job *j)
{
	int64_t came_ms = j->submitted_us / 1000 + 1;
	if (!store_is_cut_off(s, 0))
		return true;
	if (store_is_cut_off(s, came_ms) || clock_mono_ms() >= came_ms + STORE_ASK_MS)
		return false;
	store_ask(s, came_ms);
	return true;
}

static bool came_back(const struct circuit *c, const struct job *j)
{
	return circuit_up(c) && circuit_switched_ms(c) > j->submitted_us / 1000;
}

/* A server may have come back while the last try took long: one more time-out is better than a
 * refusal that the write did not deserve. */
static bool extend(struct lane *lane, struct job *j)
{
	struct store *s = lane->store;
	if (j->extended || !(came_back(s->redis, j) || came_back(s->mysql, j)))
		return false;
	j->extended = true;
	j->deadline_ms = clock_mono_ms() + s->options->mysql_timeout_ms;
	return true;
}

/* What neither server took is refused, unless one came back meanwhile, or may have: a moment later
 * it will. What cannot be told that nothing happened waits a little for a better answer. */
static void refuse(struct lane *lane, struct job *list, struct split *out)
{
	struct store *s = lane->store;
	for (struct job *j = list, *next; j != NULL; j = next) {
		struct job *late = j;
		next = j->next;
		if ((job_is_unsure(j) || may_be_back(s, j)) && !atomic_load(&s->ending)) {
			late = NULL;
			again_or_queue(lane, j, &late);
			if (late != NULL && extend(lane, j)) {
				late = NULL;
				retries_add(&lane->retries, j);
			}
		}
		if (late == NULL)
			continue;
		if (job_is_unsure(j))
			job_fail(j, ERR_UNCERTAIN, "the write may be done when a server is back");
		else
			job_fail(j, ERR_BOTH_DOWN, "neither MySQL nor Redis can take the write");
		jobs_push(&out->done, j);
	}
}

static void run_batch(struct lane *lane, struct job *list)
{
	struct store *s = lane->store;
	struct split split = { 0 };
	bool mysql = session_mysql(&lane->session, s);
	split_jobs(lane, list, mysql, &split);
	if (split.direct != NULL) {
		struct split after = { .queue = split.queue, .done = split.done };
		run_direct(lane, jobs_reverse(split.direct), split.direct_count, &after);
		split = after;
	}
	if (split.queue != NULL) {
		struct accept_lists accepted = { 0 };
		struct split after = { .done = split.done };
		accept_jobs(s, &lane->session, jobs_reverse(split.queue), &accepted);
		after.queue = accepted.unsure;
		run_without_redis(lane, jobs_reverse(accepted.direct), &after);
		refuse(lane, jobs_reverse(after.queue), &after);
		for (struct job *j = accepted.done, *next; j != NULL; j = next) {
			next = j->next;
			jobs_push(&after.done, j);
		}
		split.done = after.done;
	}
	publisher_finish(&s->publisher, jobs_reverse(split.done));
}

/* Jobs to be tried again come first, they are older, and leave half of the batch to new ones. NULL:
 * nothing came for a while, or all there is has to wait for its turn. */
static struct job *take_jobs(struct lane *lane)
{
	size_t count, crowd = crowd_size(&lane->crowd);
	queue_wait(&lane->queue, retries_due_ms(&lane->retries, clock_mono_ms() + IDLE_PING_MS));
	struct job *list = retries_take(&lane->retries, BATCH_MAX / 2, &count);
	size_t room = lane->retries.count < RETRIES_LIMIT ? BATCH_MAX - count : 0;
	struct job **end = &list;
	while (*end != NULL)
		end = &(*end)->next;
	queue_gather(&lane->queue, crowd < room ? crowd : room);
	*end = room > 0 ? queue_take(&lane->queue, room) : NULL;
	crowd_age(&lane->crowd);
	return list;
}

/* Sessions end after a while without a word (wait_timeout), so say one. */
static void keep_alive(struct lane *lane)
{
	struct err e = ERR_INIT;
	if (session_mysql(&lane->session, lane->store) &&
	    db_run(lane->session.db, "DO 0", 4, false, false, NULL, NULL, NULL, &e) != ERR_NONE)
		log_debug(TAG_MYSQL, "lane lost its session: %s", e.text);
}

void *lane_main(void *arg)
{
	struct lane *lane = arg;
	session_open(&lane->session, lane->store, "lane");
	while (!queue_ended(&lane->queue) || lane->retries.count > 0) {
		struct job *list = take_jobs(lane);
		if (list != NULL)
			run_batch(lane, list);
		else if (lane->retries.count > 0) /* and nothing new may be begun */
			retries_wait(&lane->retries);
		else
			keep_alive(lane);
	}
	session_close(&lane->session);
	return NULL;
}
