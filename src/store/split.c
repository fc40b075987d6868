/* split.c - which way a write goes: into MySQL, or behind what waits on its item. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "../redis/changelog_private.h"
#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/plant.h"

/* Marks of waiting operations in `epoch` for the items of the list: HMGET of their keys. */
static enum err_code ask_marks(struct redis *r, const char *epoch, struct job *const *jobs,
			       size_t count, redisReply **out, struct err *e)
{
	const char *ask[] = { "HGET", "items:log", "epoch" };
	redisReply *present = NULL;
	const char **argv = mem_zero(count + 2, sizeof(char *));
	char(*keys)[24] = mem_zero(count, sizeof(*keys));
	argv[0] = "HMGET";
	argv[1] = "items:pending:ids";
	for (size_t i = 0; i < count; i++) {
		snprintf(keys[i], sizeof(keys[i]), "%lld", (long long)jobs[i]->ref.id);
		argv[i + 2] = keys[i];
	}
	enum err_code code = redis_append(r, e, 3, ask, NULL);
	if (code == ERR_NONE)
		code = redis_append(r, e, count + 2, argv, NULL);
	if (code == ERR_NONE)
		code = redis_reply(r, &present, e);
	if (code == ERR_NONE)
		code = redis_reply(r, out, e);
	if (code == ERR_NONE && !changelog_epoch_is(present, epoch))
		code = err_set(e, ERR_EPOCH, "the marks are of another epoch");
	if (present != NULL)
		freeReplyObject(present);
	free(argv);
	free(keys);
	return code;
}

/* NULL: Redis does not say. */
static redisReply *fetch_marks(struct lane *lane, struct job *const *jobs, size_t count)
{
	struct store *s = lane->store;
	struct mirror_position at = mirror_position(s->mirror);
	redisReply *marks = NULL;
	struct err e = ERR_INIT;
	if (count == 0 || !session_redis(&lane->session, s) ||
	    ask_marks(lane->session.redis, at.epoch, jobs, count, &marks, &e) == ERR_NONE)
		return marks;
	store_redis_failed(s, lane->session.redis, &e);
	if (marks != NULL)
		freeReplyObject(marks);
	return NULL;
}

bool split_waits(struct lane *lane, struct job *j)
{
	struct mirror_item_state state = { 0 };
	if (j->kind == JOB_CREATE)
		return false;
	(void)resolve_ref(lane->store, &lane->session, &j->ref);
	mirror_item_state(lane->store->mirror, j->ref.id, j->ref.temp, &state);
	row_unref(&state.row);
	return state.pending;
}

/* Where marks and mirror differ the log decides. Redis may still mark what was drained from memory
 * while it was away: the log told of every operation it marks, so one that does not wait here is
 * done. And it may have lost the mark of what waits here, which then has to be put back. */
static bool mark_counts(struct lane *lane, struct job *j, const redisReply *mark, bool *caught_up)
{
	struct store *s = lane->store;
	bool marked = mark->type == REDIS_REPLY_STRING;
	struct opid op;
	if (!marked && !split_waits(lane, j))
		return false;
	if (marked && (mark->len < 1 || !opid_parse(mark->str + 1, mark->len - 1, &op)))
		return true;
	if (!*caught_up && !session_catch_up(&lane->session, s))
		return true;
	*caught_up = true;
	if (!marked) {
		bool waits = split_waits(lane, j);
		if (waits)
			atomic_store(&s->follower.rejoin, true);
		return waits;
	}
	struct operation *waiting = mirror_operation(s->mirror, op);
	bool waits = waiting != NULL;
	operation_unref(&waiting);
	return waits;
}

/* Redis lost marks of what waits, and others may know of more: they put it back in a moment. */
static bool marks_are_lost(struct store *s)
{
	struct mirror_counts counts;
	if (!store_recalls(s))
		return false;
	mirror_counts(s->mirror, &counts);
	return counts.pending[OP_CREATE] + counts.pending[OP_UPDATE] + counts.pending[OP_DELETE] >
	       0;
}

/* What the mirror does not know was made since: its marks are all there. */
static bool mark_may_be_lost(const struct lane *lane, const struct job *j)
{
	return mirror_knows(lane->store->mirror, j->ref.id, j->ref.temp);
}

/* Queued unasked it would be overtaken by an instance that Redis is gone for: that one writes into
 * MySQL what it knows of nothing before. So it waits until the marks are back; nobody waits longer
 * than that, nor while the daemon ends: then it is queued after all. */
static bool may_be_held(const struct lane *lane, const struct job *j)
{
	return !atomic_load(&lane->store->ending) &&
	       clock_mono_us() < j->submitted_us + RECALL_MAX_MS * 1000;
}

/* Writes to items with operations waiting go behind these, even with MySQL up (no overtaking). */
static void split_changes(struct lane *lane, struct job **changes, size_t count, struct split *out)
{
	redisReply *marks = fetch_marks(lane, changes, count);
	bool known = marks != NULL && marks->type == REDIS_REPLY_ARRAY && marks->elements == count;
	bool lost = marks_are_lost(lane->store), caught_up = false;
	for (size_t i = 0; i < count; i++) {
		bool unsure = lost && mark_may_be_lost(lane, changes[i]);
		if (unsure && may_be_held(lane, changes[i])) {
			retries_add(&lane->retries, changes[i]);
			continue;
		}
		bool waits = unsure ||
			     (known ? mark_counts(lane, changes[i], marks->element[i], &caught_up)
				    : split_waits(lane, changes[i]));
		if (planted(PLANT_DIRECT_OVER_PENDING))
			waits = false;
		jobs_push(waits ? &out->queue : &out->direct, changes[i]);
		out->direct_count += !waits;
	}
	if (marks != NULL)
		freeReplyObject(marks);
}

static bool keyed_repeat(struct lane *lane, struct job *j)
{
	return j->keyed && resolve_repeat(lane->store, &lane->session, j);
}

void split_jobs(struct lane *lane, struct job *list, bool mysql, struct split *out)
{
	struct job **changes = mem_zero(BATCH_MAX, sizeof(struct job *));
	size_t count = 0;
	for (struct job *next; list != NULL; list = next) {
		next = list->next;
		struct job *j = list;
		if (keyed_repeat(lane, j)) {
			jobs_push(&out->done, j);
		} else if (!mysql || !opid_is_zero(j->batch)) {
			jobs_push(&out->queue, j); /* also what may be in MySQL already */
		} else if (j->kind == JOB_CREATE) {
			jobs_push(&out->direct, j);
			out->direct_count++;
		} else if (!resolve_ref(lane->store, &lane->session, &j->ref)) {
			jobs_push(&out->queue, j); /* waits itself, or is unknown */
		} else {
			ASSERT(count < BATCH_MAX);
			changes[count++] = j;
		}
	}
	split_changes(lane, changes, count, out);
	free(changes);
}
