/* mirror_apply.c - how each kind of change moves the state; the rules are in mirror.h. */
#include <string.h>

#include "mirror_private.h"
#include "relevo/clock.h"
#include "relevo/plant.h"

/* Is a row that comes in older than what is known of the item? */
static bool is_late(const struct item *it, const struct row *row)
{
	if (it->tombstone && row->version <= it->tomb_version)
		return !planted(PLANT_TOMBSTONE_IGNORED);
	if (planted(PLANT_VERSION_CHECK_OFF))
		return false;
	if (it->base == NULL)
		return it->hidden && row->version < it->base_version;
	return it->guess ? row->version < it->base_version : row_older(row, it->base);
}

static void apply_row(struct state *s, const struct change *c, bool logged)
{
	struct row *row = c->row;
	if (row->id <= 0)
		return;
	struct item *it = state_need(s, row->id);
	/* A repair does not know what was written here while Redis was away: that was later. */
	bool spares = logged && it->unlogged != 0;
	if ((!c->force || spares) && is_late(it, row)) {
		/* Whoever logged it does not know of the delete: a snapshot tells of none. */
		if (logged && it->tombstone)
			state_mark(s, it, false);
		return;
	}
	bool same = it->base != NULL && !it->guess && row_same(it->base, row);
	/* reading again what an instance of ours wrote does not make it foreign */
	it->base_own = !c->foreign || (same && it->base_own);
	if (!same)
		state_set_base(s, it, row);
	if (logged)
		state_unmark(s, it);
	else if (!same)
		state_mark(s, it, c->force);
	state_settle(s, it);
}

static void apply_delete(struct state *s, const struct change *c, bool logged)
{
	if (c->id <= 0)
		return;
	struct item *it = state_need(s, c->id);
	bool has_base = it->base != NULL || it->hidden;
	bool newer = !it->tombstone || c->version > it->tomb_version;
	if (has_base)
		newer = c->version > it->base_version;
	if (newer || c->force) {
		state_set_tombstone(s, it, c->version, clock_mono_us());
		if (!logged)
			state_mark(s, it, c->force);
	}
	if (logged && it->tombstone && c->version >= it->tomb_version)
		state_unmark(s, it);
	state_settle(s, it);
}

/* Lay one more operation over what is shown: the same as all of them over the base. */
static void lay(struct state *s, const struct waiting *w)
{
	struct item *it = w->item;
	const struct operation *op = w->op;
	bool last = w->in_item.next == &it->ops;
	if (op->kind != OP_UPDATE || it->shown == NULL || !last) {
		state_settle(s, it);
		return;
	}
	struct fields merged = { 0 };
	fields_merge(&merged, &it->shown->fields, &op->fields);
	int64_t updated_us = op->accepted_us != 0 ? op->accepted_us : it->shown->updated_us;
	struct row *row = row_new(it->id, it->temp, it->shown->version, updated_us, true, &merged);
	state_show(s, it, row);
	row_unref(&row);
	fields_free(&merged);
}

static void apply_queued(struct state *s, const struct change *c, bool logged)
{
	struct waiting *w = state_waiting(s, c->op->id);
	if (w != NULL) {
		if (logged)
			state_unmark_op(s, w);
		return;
	}
	if (opid_is_zero(c->op->id))
		return;
	w = state_wait_for(s, c->op);
	if (w == NULL)
		return;
	if (!logged)
		state_mark_op(s, w);
	lay(s, w);
}

static void apply_done(struct state *s, const struct change *c, bool logged)
{
	int64_t id = c->id;
	for (size_t i = 0; i < c->op_count; i++) {
		struct waiting *w = state_waiting(s, c->ops[i]);
		struct item *temp = state_temp(s, c->ops[i]);
		if (w != NULL) {
			if (w->op->kind == OP_CREATE)
				state_remember_final(s, c->ops[i], 0, clock_mono_us());
			id = w->item->id > 0 ? w->item->id : id;
			state_dirty(s, w->item);
			state_forget(s, w);
		}
		/* the create of a row that a snapshot brought is done: no row without it */
		if (temp != NULL) {
			row_unref(&temp->base);
			state_dirty(s, temp);
		}
	}
	if (!opid_is_zero(c->temp) && c->id > 0) {
		struct item *temp = state_temp(s, c->temp);
		state_remember_final(s, c->temp, c->id, clock_mono_us());
		if (temp != NULL)
			state_move(s, temp, c->id);
	}
	if (!logged)
		state_mark_done(s, c, id);
	state_settle_dirty(s);
}

static void apply_sync(struct state *s, const struct change *c)
{
	const char *name = json_string_value(json_object_get(c->sync, "name"));
	if (name == NULL)
		return;
	s->stamp++;
	for (size_t i = 0; i < s->sync_count; i++) {
		const char *known = json_string_value(json_object_get(s->sync[i], "name"));
		if (strcmp(known, name) != 0)
			continue;
		json_t *old = s->sync[i];
		s->sync[i] = json_incref(c->sync);
		json_decref(old);
		return;
	}
	if (s->sync_count < SYNC_NAMES_MAX)
		s->sync[s->sync_count++] = json_incref(c->sync);
}

void state_apply(struct state *s, const struct changes *changes, bool logged)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *c = &changes->at[i];
		switch (c->type) {
		case CHANGE_ROW:
			apply_row(s, c, logged);
			break;
		case CHANGE_DELETE:
			apply_delete(s, c, logged);
			break;
		case CHANGE_QUEUED:
			apply_queued(s, c, logged);
			break;
		case CHANGE_DONE:
			apply_done(s, c, logged);
			break;
		case CHANGE_SYNC:
			apply_sync(s, c);
			break;
		}
	}
}
