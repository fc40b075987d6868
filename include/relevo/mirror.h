/* mirror.h - every item in memory: a replay of the change log.
 *
 * The mirror is a state machine: it is always exactly the log up to `position` (dense integers
 * 1, 2, .. of one epoch) applied in order, plus changes made while Redis was away ("unlogged"),
 * which are appended to the log when it is back. Versions order what is applied, so an entry that
 * arrives late never takes an item back in time.
 *
 * Rules of application
 *   row     replaces the item's base if (version, updated_us) is not older than the base, and
 *           version is above a tombstone's; `force` always applies, but for a newer state that is
 *           unlogged. If no operation waits on the item the shown row is the base, else the
 *           operations are laid over the new base. An identical row that is `foreign` does not
 *           make an own base foreign.
 *           A logged row that comes after the item's delete makes that unlogged: it is told again.
 *   del     removes the base and leaves a tombstone if its version is above the base's (or force).
 *   queued  remembers the operation, at its place by `seq` (a known id is ignored, so is a create
 *           whose final id is known). create: a shown row with temp id, version 0, updated_us =
 *           accepted_us, pending. update: shown = shown + fields, base version kept, updated_us =
 *           accepted_us, pending. delete: nothing is shown.
 *   done    forgets the operations. Those of an item that has none left shows its base again; a
 *           create with a final id moves its item there (temp -> id is remembered for 7 days,
 *           and of a create that left no item that it did).
 *           Within one log entry `done` comes before the row or del that results.
 *   Operations of an item stay in order of acceptance; if only the first ones are done, the
 *   remaining ones are laid over the new base again.
 *
 * Threads: every function may be called from any thread unless it says otherwise. One mutex inside,
 * never held across I/O, rendering of lists or scans: readers take a *view*, an immutable
 * reference-counted state (chunks of rows, copy on write), and work on that without the lock.
 */
#ifndef RELEVO_MIRROR_H
#define RELEVO_MIRROR_H

#include <sys/uio.h>

#include "relevo/change.h"

#define EPOCH_SIZE 40 /* text of an opid and NUL */

struct mirror;
struct mirror_view;

struct mirror *mirror_new(void);
void mirror_free(struct mirror **m); /* no other thread may use it any more */

/* --- following the log --- */

struct mirror_position {
	char epoch[EPOCH_SIZE]; /* "": follows no log yet */
	uint64_t seq;
	uint64_t nonce; /* of the entry at seq: tells a fork of the log; 0 unknown */
};
struct mirror_position mirror_position(const struct mirror *m);

/* Apply entry `seq` of `epoch`. Returns true if afterwards position >= seq (applied now or before).
 * False: epoch differs, or entries before it are missing (nothing was applied: catch up first).
 * `changes` is borrowed. */
bool mirror_apply(struct mirror *m, const char *epoch, uint64_t seq, uint64_t nonce,
		  const struct changes *changes);
/* Apply changes that are in no log yet (Redis is down): the items touched are marked unlogged. */
void mirror_apply_unlogged(struct mirror *m, const struct changes *changes);
/* The same unless entry `seq` of `epoch`, which told of them, has been applied meanwhile: it and
 * later ones count then. */
void mirror_apply_unread(struct mirror *m, const char *epoch, uint64_t seq,
			 const struct changes *changes);
/* What still has to be appended to the log, as DONE, ROW, DELETE and QUEUED changes with the
 * current states, two at least as `max`; `ticket` tells mirror_logged what to unmark (items touched
 * again since stay marked). */
size_t mirror_unlogged(struct mirror *m, struct changes *out, size_t max, uint64_t *ticket);
void mirror_logged(struct mirror *m, const struct changes *appended, uint64_t ticket);
/* How many items and operations those are; what is on its way (below) is not counted. */
size_t mirror_unlogged_count(const struct mirror *m);

/* Changes may be shown, by mirror_apply_unlogged, while their entry is on its way into the log:
 * between these two calls, with the same `count` of them. False: somebody waits for a view of the
 * log alone, so the log comes first this time. */
bool mirror_go_ahead(struct mirror *m, size_t count);
void mirror_end_ahead(struct mirror *m, size_t count);

/* Replace everything: items of a snapshot (rows in list order; pending ones carry pending = true,
 * offline-created ones their temp), the operations in the pending lists in order of acceptance,
 * and the position. Rows and ops are borrowed. Rows, tombstones and final ids that the old state
 * knew and that are newer than the new state's are kept, rows and tombstones marked unlogged (a
 * join: nothing known is lost), also operations that `ops` does not hold if `keep_ops`; operations
 * that were unlogged before stay in any case. A row that the snapshot does not have is dropped,
 * unless it was unlogged, when the snapshot is of the same epoch and no older than the old state:
 * it was deleted since. `settled` (borrowed, or NULL): changes that are in no log yet, applied
 * along with all that. */
void mirror_load(struct mirror *m, struct row **rows, size_t row_count, struct operation **ops,
		 size_t op_count, const struct mirror_position *position, bool keep_ops,
		 const struct changes *settled);
/* Start a new epoch with the present content at seq 0: no row is unlogged any more, operations
 * stay so. */
void mirror_rebase(struct mirror *m, const struct mirror_position *position);
/* The same when the content that was published is that of an earlier view: rows touched since stay
 * unlogged. */
void mirror_rebase_at(struct mirror *m, const struct mirror_position *position,
		      const struct mirror_view *v);
bool mirror_loaded(const struct mirror *m); /* false until the first load, rebase or mark */
void mirror_mark_loaded(struct mirror *m);

/* --- readers --- */

struct row *mirror_get(struct mirror *m, int64_t id);	       /* new reference or NULL */
struct row *mirror_get_temp(struct mirror *m, struct opid op); /* by temporary id, also drained */
/* Do operations wait under the temporary id? They may though its final one is known. */
bool mirror_temp_waits(struct mirror *m, struct opid op);
/* Final id of a drained create; 0 if not known here. */
int64_t mirror_final_id(struct mirror *m, struct opid op);
void mirror_set_final_id(struct mirror *m, struct opid op, int64_t id);
/* A drained create that MySQL has a record of; id 0: it left no item. What is known here stays. */
void mirror_learn_create(struct mirror *m, struct opid op, int64_t id);
/* It is known here that the create left no item. */
bool mirror_create_ended(struct mirror *m, struct opid op);

struct mirror_item_state {
	bool known;	     /* there is a base or a waiting create */
	bool shown;	     /* not hidden by a waiting delete */
	bool pending;	     /* operations wait */
	struct opid last_op; /* last waiting operation, zero if none */
	enum op_kind last_kind;
	bool has_base;
	uint64_t base_version;
	int64_t base_updated_us;
	bool base_own;	 /* the base was written by an instance of ours */
	struct row *row; /* shown row, new reference, or NULL */
};
void mirror_item_state(struct mirror *m, int64_t id, struct opid temp,
		       struct mirror_item_state *out);
/* `known` of it alone. */
bool mirror_knows(struct mirror *m, int64_t id, struct opid temp);

struct mirror_counts {
	size_t items; /* shown */
	size_t pending[OP_KINDS];
	size_t tombstones, final_ids, unlogged;
	uint64_t generation;   /* moves with every change of a shown item */
	size_t snapshot_bytes; /* length of the rendered array */
};
void mirror_counts(const struct mirror *m, struct mirror_counts *out);

/* A waiting operation by id, new reference or NULL. */
struct operation *mirror_operation(struct mirror *m, struct opid op);
/* All waiting operations, in order of acceptance: new array of new references, caller frees. */
struct operation **mirror_operations(struct mirror *m, size_t *count);

/* A place in the order of acceptance: behind this operation, whether or not it still waits. */
struct operation_cursor {
	uint64_t seq;
	struct opid op;
};
#define OPERATION_CURSOR_SIZE (17 + OPID_TEXT_SIZE)
void operation_cursor_format(const struct operation_cursor *c, char out[OPERATION_CURSOR_SIZE]);
bool operation_cursor_parse(const char *text, struct operation_cursor *out);

struct operation_page {
	struct operation **ops; /* owned: array and references */
	size_t count, total;	/* total: of all that wait */
	bool more;		/* behind the last one */
};
/* `limit` of the waiting operations, in order of acceptance; `after` NULL: the first ones. However
 * many wait, the lock is held for a small part of them. */
void mirror_operations_page(struct mirror *m, const struct operation_cursor *after, size_t limit,
			    struct operation_page *out);
void operation_page_free(struct operation_page *p);

/* System state that travels in the log ("sync" changes): the last object per name. New reference
 * or NULL. Objects look like {"t":"sync","name":NAME,..}. */
json_t *mirror_sync_state(struct mirror *m, const char *name);

/* Wait until position >= seq of the current epoch, or the deadline (clock_mono_ms). */
bool mirror_wait(struct mirror *m, uint64_t seq, int64_t deadline_ms);
/* Wait until `generation or sync state` moves past *stamp or deadline; updates *stamp. For events.
 */
bool mirror_wait_change(struct mirror *m, uint64_t *stamp, int64_t deadline_ms);

/* --- views --- */

struct mirror_view *mirror_view(struct mirror *m); /* new reference */
/* The same once nothing that it shows is on its way into the log any more, or at the deadline
 * (clock_mono_ms). */
struct mirror_view *mirror_view_logged(struct mirror *m, int64_t deadline_ms);
struct mirror_view *mirror_view_ref(struct mirror_view *v);
void mirror_view_unref(struct mirror_view **v);
struct mirror_position mirror_view_position(const struct mirror_view *v);
uint64_t mirror_view_generation(const struct mirror_view *v);
bool mirror_view_unlogged(const struct mirror_view *v); /* holds changes that are in no log yet */
size_t mirror_view_items(const struct mirror_view *v);
/* A digest of the rows and their places, the same wherever they are the same: on another instance,
 * after a restart. Costs nothing: it is kept up to date. */
struct list_sum {
	uint64_t half[2];
};
struct list_sum mirror_view_sum(const struct mirror_view *v);

/* The whole array `[item,item,..]` as pieces of memory that live as long as the view: new array of
 * iovecs, caller frees the array. Byte for byte what `items:cache` holds. */
struct iovec *mirror_view_array(struct mirror_view *v, size_t *count, size_t *bytes);

struct list_query {
	struct field filter[COLUMNS_MAX]; /* present: exact match */
	char *needle;			  /* folded `q`, NULL: none */
	size_t needle_len;
	unsigned limit; /* 0: all */
	uint64_t after; /* cursor; 0: from the start */
};
struct list_page {
	struct iovec *pieces; /* the items joined by commas, without brackets; owned */
	size_t piece_count, bytes;
	void *owned; /* further memory behind the pieces */
	size_t count, total;
	uint64_t next; /* cursor of the last item, 0: no more */
};
/* Without filters no item is copied; the page lives as long as the view. */
void mirror_view_list(struct mirror_view *v, const struct list_query *q, struct list_page *out);
void list_page_free(struct list_page *p);
void list_query_free(struct list_query *q);
/* Cursor text: opaque, letters and digits; parse is false for what format never wrote. */
#define CURSOR_SIZE 24
void cursor_format(uint64_t cursor, char out[CURSOR_SIZE]);
bool cursor_parse(const char *text, uint64_t *out);

/* Rows in list order, for comparing with MySQL: calls `each` with borrowed rows until it returns
 * false. Only rows with a final id; one that is pending shows its operations, not its base. Rows
 * that a waiting delete hides are not there. */
void mirror_view_each(struct mirror_view *v, bool (*each)(void *ctx, struct row *row), void *ctx);

/* Housekeeping, in every sync cycle: forget tombstones older than 10 minutes and final ids older
 * than 7 days, and of each kind the oldest ones beyond `most`. A tombstone that is in no log yet
 * stays. What goes early is looked up elsewhere: final ids in Redis and MySQL, and a late change
 * that a tombstone would have stopped is a difference that the next check repairs. `now_us`:
 * clock_mono_us(). */
#define MIRROR_FORMER_MAX 1000000
void mirror_expire(struct mirror *m, int64_t now_us, size_t most);

#endif
