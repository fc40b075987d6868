/* verify.c - is the cache what MySQL says? Finds differences, looks twice, repairs by the log. */
#include "relevo/verify.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "in_flight.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/tables.h"
#include "settled.h"
#include "verify_cache.h"

#define REPAIR_BATCH   500
#define SECOND_LOOK_MS 100

/* A growing list of item ids. */
struct ids {
	int64_t *at;
	size_t count, room;
};

static void ids_add(struct ids *list, int64_t id)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 64 : list->room * 2;
		list->at = mem_resize(list->at, list->room, sizeof(*list->at));
	}
	list->at[list->count++] = id;
}

/* --- MySQL against the mirror --- */

struct compare {
	struct mirror *mirror;
	struct row **rows; /* of the view, by id; new references */
	size_t count, room, next;
	struct ids differ;
};

static bool collect_row(void *ctx, struct row *row)
{
	struct compare *c = ctx;
	if (row->id == 0)
		return true;
	if (c->count == c->room) {
		c->room = c->room == 0 ? 1024 : c->room * 2;
		c->rows = mem_resize(c->rows, c->room, sizeof(struct row *));
	}
	c->rows[c->count++] = row_ref(row);
	return true;
}

static bool same_row(const struct row *a, const struct row *b)
{
	return a->json_len == b->json_len && memcmp(a->json, b->json, a->json_len) == 0;
}

static void compare_row(void *ctx, struct row *theirs)
{
	struct compare *c = ctx;
	while (c->next < c->count && c->rows[c->next]->id < theirs->id)
		ids_add(&c->differ, c->rows[c->next++]->id);
	if (c->next < c->count && c->rows[c->next]->id == theirs->id) {
		const struct row *mine = c->rows[c->next++];
		if (!mine->pending && !same_row(mine, theirs))
			ids_add(&c->differ, theirs->id);
	} else {
		ids_add(&c->differ, theirs->id);
	}
	row_unref(&theirs);
}

static enum err_code compare_all(struct verify *v, struct ids *differ, struct err *e)
{
	struct compare c = { .mirror = v->mirror };
	struct mirror_view *view = mirror_view(v->mirror);
	mirror_view_each(view, collect_row, &c);
	mirror_view_unref(&view);
	enum err_code code = tables_each_row(v->db, compare_row, &c, e);
	while (c.next < c.count)
		ids_add(&c.differ, c.rows[c.next++]->id);
	for (size_t i = 0; i < c.count; i++)
		row_unref(&c.rows[i]);
	free(c.rows);
	*differ = c.differ;
	return code;
}

/* --- a second look, and the repair --- */

struct fetched {
	struct row **rows;
	size_t count;
};

static bool fetch_row(void *ctx, unsigned statement, const struct db_row *result)
{
	(void)statement;
	struct fetched *f = ctx;
	struct row *row = tables_row(result);
	if (row != NULL && f->count < REPAIR_BATCH)
		f->rows[f->count++] = row;
	return true;
}

static struct row *fetched_find(const struct fetched *f, int64_t id)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->rows[i]->id == id)
			return f->rows[i];
	}
	return NULL;
}

static void fetched_free(struct fetched *f)
{
	for (size_t i = 0; i < f->count; i++)
		row_unref(&f->rows[i]);
	free(f->rows);
}

static enum err_code fetch(struct verify *v, const int64_t *ids, size_t count, const char *head,
			   const char *tail, struct fetched *out, struct err *e)
{
	struct buf sql = { 0 };
	out->rows = mem_zero(REPAIR_BATCH, sizeof(struct row *));
	out->count = 0;
	buf_puts(&sql, head);
	tables_put_select(&sql);
	buf_puts(&sql, " WHERE id IN (");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(&sql, ',');
		buf_put_i64(&sql, ids[i]);
	}
	buf_puts(&sql, ")");
	buf_puts(&sql, tail);
	enum err_code code =
		db_run(v->db, sql.bytes, sql.len, false, false, fetch_row, out, NULL, e);
	buf_free(&sql);
	return code;
}

/* What has to be said about this item, if anything: nothing while operations wait on it. */
static bool add_repair(struct verify *v, int64_t id, struct row *theirs, struct changes *changes)
{
	struct mirror_item_state state;
	bool differs = false;
	mirror_item_state(v->mirror, id, (struct opid){ { 0 } }, &state);
	if (state.pending) {
		differs = false;
	} else if (theirs == NULL) {
		differs = state.row != NULL;
		if (differs && changes != NULL)
			changes_delete(changes, id, state.base_version + 1, true);
	} else {
		differs = state.row == NULL || !same_row(state.row, theirs);
		if (differs && changes != NULL)
			changes_row(changes, theirs, true, true);
	}
	row_unref(&state.row);
	return differs;
}

static enum err_code second_look(struct verify *v, const struct ids *differ, struct ids *still,
				 struct err *e)
{
	enum err_code code = ERR_NONE;
	const struct timespec pause = { .tv_nsec = SECOND_LOOK_MS * 1000000L };
	nanosleep(&pause, NULL);
	for (size_t i = 0; i < differ->count && code == ERR_NONE; i += REPAIR_BATCH) {
		size_t n = differ->count - i < REPAIR_BATCH ? differ->count - i : REPAIR_BATCH;
		struct fetched f = { 0 };
		code = fetch(v, differ->at + i, n, "", "", &f, e);
		if (code == ERR_NONE)
			code = changelog_catch_up(v->redis, v->mirror, e);
		for (size_t k = 0; k < n && code == ERR_NONE; k++) {
			int64_t id = differ->at[i + k];
			if (add_repair(v, id, fetched_find(&f, id), NULL))
				ids_add(still, id);
		}
		fetched_free(&f);
	}
	return code;
}

/* Forget those whose writer has still to tell of them. */
static enum err_code leave_in_flight(struct verify *v, struct fetched *f, size_t *left,
				     struct err *e)
{
	bool *flags = mem_zero(REPAIR_BATCH, sizeof(*flags));
	size_t kept = 0;
	enum err_code code =
		in_flight_find(v->db, v->mirror, v->in_flight_ms, f->rows, f->count, flags, e);
	for (size_t i = 0; i < f->count && code == ERR_NONE; i++) {
		if (flags[i])
			row_unref(&f->rows[i]);
		else
			f->rows[kept++] = f->rows[i];
	}
	if (code == ERR_NONE) {
		*left += f->count - kept;
		f->count = kept;
	}
	free(flags);
	return code;
}

/* Repair under the row locks, so that no write of ours slips in between. */
static enum err_code repair_batch(struct verify *v, const int64_t *ids, size_t count,
				  struct verify_report *report, struct err *e)
{
	struct fetched locked = { 0 }, plain = { 0 };
	struct changes changes = { 0 };
	uint64_t seq = 0;
	enum err_code code = lease_keep(v->redis, v->lease, e);
	if (code == ERR_NONE)
		code = fetch(v, ids, count, "BEGIN;", " FOR UPDATE SKIP LOCKED", &locked, e);
	if (code == ERR_NONE)
		code = fetch(v, ids, count, "", "", &plain, e);
	if (code == ERR_NONE)
		code = changelog_catch_up(v->redis, v->mirror, e);
	if (code == ERR_NONE)
		code = leave_in_flight(v, &locked, &report->in_flight, e);
	for (size_t i = 0; i < count && code == ERR_NONE; i++) {
		struct row *theirs = fetched_find(&locked, ids[i]);
		/* Locked by somebody or in flight: the next check sees what comes of it. */
		if (theirs == NULL && fetched_find(&plain, ids[i]) != NULL)
			continue;
		add_repair(v, ids[i], theirs, &changes);
	}
	if (code == ERR_NONE && changes.count > 0)
		code = changelog_append(v->redis, v->mirror, v->instance, &changes, NULL, 0, &seq,
					e);
	if (code == ERR_NONE && changes.count > 0) {
		report->repaired += changes.count;
		if (v->wrote != NULL)
			v->wrote(v->ctx, seq);
	}
	db_rollback(v->db);
	changes_free(&changes);
	fetched_free(&locked);
	fetched_free(&plain);
	return code;
}

static enum err_code repair(struct verify *v, const struct ids *still, struct verify_report *report,
			    struct err *e)
{
	enum err_code code = ERR_NONE;
	for (size_t i = 0; i < still->count && code == ERR_NONE; i += REPAIR_BATCH) {
		size_t n = still->count - i < REPAIR_BATCH ? still->count - i : REPAIR_BATCH;
		code = repair_batch(v, still->at + i, n, report, e);
	}
	if (report->repaired > 0) {
		report->rebuilt = true;
		log_warn(TAG_REBUILD, "%s: %zu items differed from MySQL (first id %lld); repaired",
			 v->instance, report->repaired, (long long)still->at[0]);
	}
	return code;
}

enum err_code verify_run(struct verify *v, struct verify_report *report, struct err *e)
{
	struct ids differ = { 0 }, still = { 0 };
	*report = (struct verify_report){ 0 };
	enum err_code code = verify_cache_check(v, report, e);
	bool rebuilt = report->rebuilt;
	if (code == ERR_NONE)
		code = compare_all(v, &differ, e);
	if (code == ERR_NONE && differ.count > 0)
		code = second_look(v, &differ, &still, e);
	if (code == ERR_NONE && still.count > 0)
		code = repair(v, &still, report, e);
	if (code == ERR_NONE && report->repaired > 0) {
		code = verify_cache_publish(v, false, NULL, e);
		if (code == ERR_NONE)
			code = verify_cache_check(v, report, e);
	}
	report->rebuilt |= rebuilt || report->repaired > 0;
	free(differ.at);
	free(still.at);
	return code;
}

/* --- reading everything --- */

struct read_all {
	struct mirror *mirror;
	struct changes changes;
};

static void read_flush(struct read_all *r)
{
	mirror_apply_unlogged(r->mirror, &r->changes);
	changes_free(&r->changes);
}

static void read_row(void *ctx, struct row *row)
{
	struct read_all *r = ctx;
	changes_row(&r->changes, row, true, false);
	row_unref(&row);
	if (r->changes.count >= 1000)
		read_flush(r);
}

enum err_code verify_settled(struct db *d, struct mirror *m, struct changes *out, struct err *e)
{
	size_t count = 0;
	struct operation **ops = mirror_operations(m, &count);
	enum err_code code = settled_begin(d, e);
	if (code == ERR_NONE)
		code = settled_find(d, m, ops, count, out, e);
	for (size_t i = 0; i < count; i++)
		operation_unref(&ops[i]);
	free(ops);
	return code;
}

/* All at one instant: an item must not be seen as a row and as a create that waits. */
enum err_code verify_read_all(struct db *d, struct mirror *m, struct err *e)
{
	struct read_all r = { .mirror = m };
	enum err_code code = verify_settled(d, m, &r.changes, e);
	read_flush(&r);
	if (code == ERR_NONE)
		code = tables_each_row(d, read_row, &r, e);
	read_flush(&r);
	db_rollback(d);
	return code;
}
