/* drain.c - one run: read, skip what is applied, fold, apply. */
#include "drain_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

#define ROUNDS_MAX 5

enum err_code drain_db_error(enum err_code code, struct err *why, struct err *e)
{
	if (code == ERR_NONE)
		return ERR_NONE;
	if (code == ERR_UNCERTAIN)
		code = ERR_DOWN;
	return err_set(e, code, "%s", why->text);
}

enum err_code run_keep(struct run *r, struct err *e)
{
	if (r->d->stop != NULL && atomic_load(r->d->stop))
		return err_set(e, ERR_STOPPING, "the daemon is stopping");
	return r->d->lease == NULL ? ERR_NONE : lease_keep(r->d->redis, r->d->lease, e);
}

int64_t run_final_id(void *run, struct opid temp)
{
	struct run *r = run;

	return mirror_final_id(r->d->mirror, temp);
}

/* --- what to fold --- */

/* Which item an operation is about. */
struct target {
	int64_t id;
	struct opid temp;
};

static struct target target_of(struct run *r, const struct operation *op)
{
	struct target t = { .id = op->item_id };

	if (t.id == 0)
		t.id = mirror_final_id(r->d->mirror, op->temp);
	if (t.id == 0)
		t.temp = op->temp;
	return t;
}

static int by_target(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return opid_compare(x->temp, y->temp);
}

static bool is_waiting(const struct entry *en)
{
	return !en->settled && !en->left && en->op != NULL;
}

/* Nothing may overtake an operation that is left: what waits on its item is left too. */
static void leave_followers(struct run *r)
{
	struct target *blocked = mem_zero(r->count + 1, sizeof(*blocked));
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++)
		if (r->at[i].left && r->at[i].op != NULL)
			blocked[count++] = target_of(r, r->at[i].op);
	qsort(blocked, count, sizeof(*blocked), by_target);
	for (size_t i = 0; count > 0 && i < r->count; i++) {
		struct target t;

		if (!is_waiting(&r->at[i]))
			continue;
		t = target_of(r, r->at[i].op);
		if (bsearch(&t, blocked, count, sizeof(t), by_target) != NULL)
			r->at[i].left = true;
	}
	free(blocked);
}

/* The first entry of an operation stands for all (it may have been queued twice). */
static void fold_run(struct run *r, struct fold *out)
{
	struct operation **ops = mem_zero(r->count + 1, sizeof(*ops));
	bool *again = mem_zero(r->count + 1, sizeof(*again));
	size_t count = 0;

	for (size_t i = 1; i < r->count; i++)
		if (opid_equal(r->by_id[i]->id, r->by_id[i - 1]->id))
			again[r->by_id[i] - r->at] = true;
	for (size_t i = 0; i < r->count; i++)
		if (is_waiting(&r->at[i]) && !again[i])
			ops[count++] = r->at[i].op;
	fold_operations(out, ops, count, run_final_id, r);
	free(again);
	free(ops);
}

static enum err_code run_round(struct run *r, struct err *e)
{
	struct fold fold = { .at = NULL };
	enum err_code code = run_known(r, e);

	if (code == ERR_NONE)
		code = run_refuse_faulty(r, e);
	if (code != ERR_NONE)
		return code;
	leave_followers(r);
	fold_run(r, &fold);
	code = run_apply(r, &fold, e);
	fold_free(&fold);
	return code;
}

/* --- the run --- */

/* While rows stay locked it runs once a probe interval, and does nothing. */
static void log_run(const struct drain_report *report, int64_t took_ms, enum err_code code)
{
	static struct log_limit nothing_done = LOG_LIMIT_INIT;
	bool repeats = code == ERR_NONE && report->operations == 0;

	log_line_limited(repeats ? &nothing_done : NULL, LOG_INFO, TAG_SYNC,
			 "drained %zu operations in %lld ms: %zu deletes, %zu updates, %zu creates;"
			 " %zu conflicts, %zu rejected, %zu left%s%s",
			 report->operations, (long long)took_ms, report->deletes, report->updates,
			 report->creates, report->conflicts, report->rejected, report->left,
			 code != ERR_NONE ? "; stopped: " : "",
			 code != ERR_NONE ? err_name(code) : "");
}

enum err_code run_all(struct run *r, struct err *e)
{
	int64_t began = clock_mono_ms();
	enum err_code code = ERR_NONE;
	unsigned rounds = 0;

	do {
		struct err why = ERR_INIT;

		code = run_round(r, &why);
		if (code != ERR_NONE && code != ERR_DUPLICATE)
			(void)err_set(e, code, "%s", why.text);
	} while (code == ERR_DUPLICATE && ++rounds < ROUNDS_MAX);
	if (code == ERR_DUPLICATE)
		code = ERR_NONE;
	(void)db_wait_for_locks(r->d->db, true);
	for (size_t i = 0; i < r->count; i++)
		r->report->left += !r->at[i].settled;
	log_run(r->report, clock_mono_ms() - began, code);
	return code;
}

enum err_code drain_run(struct drain *d, struct drain_report *report, struct err *e)
{
	struct drain_report counts = { .operations = 0 };
	struct run r = { .d = d, .report = &counts };
	enum err_code code = db_ready(d->db, e);

	if (code == ERR_NONE)
		code = run_read(&r, e);
	if (code == ERR_NONE && r.count > 0)
		code = run_all(&r, e);
	*report = counts;
	run_free(&r);
	return code;
}
