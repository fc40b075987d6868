/* reader_list.c - all items as MySQL has them, with what waits laid over them. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include "../sync/settled.h"
#include "relevo/mem.h"
#include "relevo/tables.h"

/* Rows are told the mirror in steps: others read it, too. */
#define LEARN_STEP 1000

struct all_rows {
	struct row **at;
	size_t count, room;
};

static void add_row(void *ctx, struct row *row)
{
	struct all_rows *all = ctx;
	if (all->count == all->room) {
		all->room = all->room == 0 ? 1024 : all->room * 2;
		all->at = mem_resize(all->at, all->room, sizeof(struct row *));
	}
	all->at[all->count++] = row;
}

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
			reader_learn_row(s, &changes, all->at[i]);
		reader_learn(s, &changes);
	}
	mirror_view_each(before, add_gone, &gone);
	reader_learn(s, &gone.changes);
}

/* --- what waits --- */

/* What waits here, and what MySQL says of it: another instance may have drained it and cannot tell
 * us while Redis is away. */
struct overlay {
	struct operation **ops;
	int64_t *final_ids; /* of the items they change, where temporary ones are drained; else 0 */
	size_t count;
	struct changes settled;
};

static void overlay_free(struct overlay *o)
{
	for (size_t i = 0; i < o->count; i++)
		operation_unref(&o->ops[i]);
	changes_free(&o->settled);
	free(o->ops);
	free(o->final_ids);
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

/* MySQL's rows with what waits laid over them, as a mirror of their own. */
static struct mirror_view *view_of(const struct all_rows *all, const struct overlay *o)
{
	struct mirror_position at = { .epoch = "mysql", .seq = 0 };
	struct mirror *own = mirror_new();
	for (size_t i = 0; i < o->count; i++)
		if (o->final_ids[i] != 0)
			mirror_set_final_id(own, o->ops[i]->temp, o->final_ids[i]);
	mirror_load(own, all->at, all->count, o->ops, o->count, &at, false, &o->settled);
	struct mirror_view *view = mirror_view(own);
	mirror_free(&own);
	return view;
}

/* Rows and records as they are at one instant; without operations that wait there are no records
 * to ask for. */
static enum err_code read_all(struct store *s, struct db *db, struct all_rows *all,
			      struct overlay *o, struct err *e)
{
	if (o->count == 0)
		return tables_each_row(db, add_row, all, e);
	enum err_code code = settled_begin(db, e);
	if (code == ERR_NONE)
		code = tables_each_row(db, add_row, all, e);
	if (code == ERR_NONE)
		code = settled_find(db, s->mirror, o->ops, o->count, &o->settled, e);
	db_rollback(db);
	return code;
}

void reader_list_job(struct store *s, struct session *session, struct job *j)
{
	struct all_rows all = { 0 };
	struct overlay waiting = { 0 };
	struct err e = ERR_INIT;
	bool read = false;
	bool learns = !store_in_step(s);
	struct mirror_view *before = learns ? mirror_view(s->mirror) : NULL;
	overlay_take(&waiting, s->mirror);
	if (session_mysql(session, s)) {
		read = read_all(s, session->db, &all, &waiting, &e) == ERR_NONE;
		if (!read)
			store_mysql_failed(s, session->db, &e);
	}
	j->result = JOB_DONE;
	if (read) {
		j->source = SOURCE_MYSQL;
		if (learns)
			learn_all(s, &all, before);
		j->view = view_of(&all, &waiting);
	} else {
		(void)session_catch_up(session, s);
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
