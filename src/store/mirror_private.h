/* mirror_private.h - what the files of the mirror share: hash tables, rings, items, the list.
 *
 * `struct state` is everything the log determines; it belongs to one thread while a load builds it
 * and is guarded by the mirror's lock once it is in use. Roots, chunks and rendered chunks are
 * reference-counted and shared with views; whoever holds the only reference may change them.
 */
#ifndef RELEVO_MIRROR_PRIVATE_H
#define RELEVO_MIRROR_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "relevo/mirror.h"

#define CHUNK_ROWS		   256
#define CHUNK_SMALL		   64
#define TEMP_KEY_BASE		   ((uint64_t)1 << 63)
#define SYNC_NAMES_MAX		   64
#define MILE			   256
#define TOMBSTONE_US		   ((int64_t)600 * 1000000)
#define FINAL_ID_US		   ((int64_t)7 * 86400 * 1000000)
#define holder_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* --- hash table of intrusive links (mirror_table.c) --- */

struct link {
	struct link *next;
	uint64_t hash;
};
struct table {
	struct link **slots;
	size_t size, count; /* size: a power of two, or 0 */
};
void table_put(struct table *t, struct link *l, uint64_t hash);
void table_remove(struct table *t, struct link *l);
/* First link with this hash; go on with table_same(l). */
struct link *table_first(const struct table *t, uint64_t hash);
struct link *table_same(const struct link *l);
void table_free(struct table *t); /* the links stay their owners' */
uint64_t hash_id(int64_t id);

/* --- rings: doubly linked lists with a head --- */

struct ring {
	struct ring *prev, *next;
};
void ring_init(struct ring *r);
bool ring_empty(const struct ring *r);
void ring_before(struct ring *at, struct ring *r); /* before the head: at the end */
void ring_after(struct ring *at, struct ring *r);
void ring_remove(struct ring *r); /* leaves r alone and valid; does nothing if it is alone */

/* --- the list of shown rows (mirror_view.c) --- */

struct rendered {
	uint32_t start[CHUNK_ROWS +
		       1]; /* of each row; its comma is the byte before; last: end + 1 */
	char bytes[];
};
struct chunk {
	atomic_int refs;
	uint32_t count;
	uint64_t keys[CHUNK_ROWS]; /* ascending */
	struct row *rows[CHUNK_ROWS];
	_Atomic(struct rendered *) rendered; /* made by the first reader that needs it */
};
struct root {
	atomic_int refs;
	size_t count, room; /* chunks; none is empty */
	size_t rows, bytes; /* bytes: sum of the rows' JSON */
	struct list_sum sum;
	struct chunk *at[];
};
struct root *root_new(size_t room);
struct root *root_ref(struct root *r);
void root_unref(struct root **r);
/* Put a row (a new reference is taken) at `key` or replace the one there. */
void root_put(struct root **r, uint64_t key, struct row *row);
void root_remove(struct root **r, uint64_t key);
bool root_has(const struct root *r, uint64_t key);
/* First position whose key is above `key`: chunk index (count if none) and row in it. */
size_t root_above(const struct root *r, uint64_t key, uint32_t *row);
const struct rendered *chunk_render(struct chunk *c);

struct mirror_view {
	atomic_int refs;
	struct root *root;
	struct mirror_position position;
	uint64_t generation, ticket;
	bool unlogged;
};

/* --- items and operations (mirror_state.c) --- */

struct item {
	struct link link; /* in state.items by id, or state.temps by temp while id is 0 */
	int64_t id;
	struct opid temp;
	struct row *base; /* as MySQL has it; best known fields if `guess`; or NULL */
	bool guess;	  /* base came from a snapshot that shows it with its operations */
	bool hidden;	  /* there is a base, but a waiting delete hides it and it is unknown */
	bool base_own;
	uint64_t base_version; /* with base or hidden */
	struct row *shown;     /* in the list at `key`, or NULL */
	uint64_t key;
	struct ring ops; /* of waiting.in_item, in order of acceptance */
	bool tombstone;
	uint64_t tomb_version;
	int64_t tomb_us;
	struct ring tomb_age;
	uint64_t unlogged; /* ticket of the last change that is in no log; 0: none */
	bool unlogged_force;
	struct ring in_unlogged;
	bool dirty;
	struct item *next_dirty;
};

struct waiting {
	struct link link; /* in state.ops by operation id */
	struct operation *op;
	struct item *item;
	struct ring in_item, in_all;
	struct ring in_miles; /* alone: it is no milestone */
	uint64_t unlogged;
	struct ring in_unlogged;
};

/* Operations that are done, which the log does not say. */
struct untold {
	struct opid *ops; /* owned */
	size_t count;
	struct opid temp; /* of a create with a final id */
	int64_t id;	  /* of their item; 0: it has none */
	struct ring in_unlogged;
};

struct final_id {
	struct link link; /* in state.finals by operation id */
	struct opid op;
	int64_t id; /* 0: the create left no item */
	int64_t at_us;
	struct ring age;
};

struct state {
	struct table items, temps, ops, finals;
	struct ring all_ops; /* in order of acceptance */
	struct ring miles;   /* one operation in MILE, in that order: a place is found by them */
	struct ring tombs, ages;		  /* oldest first */
	struct ring unlogged_items, unlogged_ops; /* least recently touched first */
	struct ring unlogged_done;		  /* oldest first */
	size_t tomb_count, unlogged_count;
	size_t pending[OP_KINDS];
	struct root *root;
	uint64_t generation; /* moves with every change of a shown row */
	uint64_t stamp;	     /* moves with generation, operations and system state */
	uint64_t ticket;     /* of the last unlogged change */
	uint64_t legacy;     /* creates without an order of acceptance so far */
	struct item *dirty;
	json_t *sync[SYNC_NAMES_MAX];
	size_t sync_count;
};

void state_init(struct state *s);
void state_free(struct state *s);
struct item *state_item(const struct state *s, int64_t id);
struct item *state_temp(const struct state *s, struct opid temp);
struct item *state_need(struct state *s, int64_t id);
struct item *state_need_temp(struct state *s, struct opid temp);
/* The item an id or temporary id means now, following final ids; NULL if not known. */
struct item *state_find(const struct state *s, int64_t id, struct opid temp);
struct waiting *state_waiting(const struct state *s, struct opid op);
/* It takes its place among those that wait. The item is to be settled. NULL: refused, it is done.
 */
struct waiting *state_wait_for(struct state *s, struct operation *op);
void state_forget(struct state *s, struct waiting *w);
bool state_has_create(const struct item *it);
/* The temporary item becomes item `id`, with what still waits on it. */
void state_move(struct state *s, struct item *temp, int64_t id);
void state_set_base(struct state *s, struct item *it, struct row *row);
void state_set_tombstone(struct state *s, struct item *it, uint64_t version, int64_t at_us);
void state_mark(struct state *s, struct item *it, bool force);
void state_unmark(struct state *s, struct item *it);
void state_mark_op(struct state *s, struct waiting *w);
void state_unmark_op(struct state *s, struct waiting *w);
/* `c`: DONE, of operations on item `id`. */
void state_mark_done(struct state *s, const struct change *c, int64_t id);
void state_told(struct state *s, struct untold *u); /* frees it */
void state_show(struct state *s, struct item *it, struct row *row);
void state_dirty(struct state *s, struct item *it);
/* What is shown becomes base plus waiting operations; an item with nothing left is freed. */
void state_settle(struct state *s, struct item *it);
void state_settle_dirty(struct state *s);
/* Is (version, updated_us) of `a` older than that of `b`? */
bool row_older(const struct row *a, const struct row *b);
bool row_same(const struct row *a, const struct row *b);

/* --- application of changes (mirror_apply.c) --- */

void state_apply(struct state *s, const struct changes *changes, bool logged);

struct mirror {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	/* shared: hold lock */
	struct state state;
	struct mirror_position position;
	bool loaded;
	size_t ahead;		  /* changes on their way into the log */
	unsigned ahead_unwelcome; /* threads that wait until there are none */
};

void mirror_lock(const struct mirror *m);
void mirror_unlock(const struct mirror *m);
void mirror_wake(struct mirror *m); /* lock held */

/* --- ahead of the log (mirror_ahead.c) --- */

/* What no log has and none is about to have, or somewhat less. Lock held. */
size_t unlogged_count(const struct mirror *m);
/* Lock held. */
struct mirror_view *view_new(struct mirror *m);

/* --- what became of creates (mirror_finals.c) --- */

struct final_id *state_final(const struct state *s, struct opid op); /* NULL without an item */
bool state_has_ended(const struct state *s, struct opid op);	     /* a create that left none */
/* `id` 0: it left none. */
void state_remember_final(struct state *s, struct opid op, int64_t id, int64_t at_us);

#endif
