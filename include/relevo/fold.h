/* fold.h - what a set of waiting operations comes to, item by item. Pure: no I/O, no clock.
 *
 * The operations on one item are folded in order of acceptance (seq; legacy entries, seq 0, come
 * first in the order creates, updates, deletes, each in list order). An item's net effect is what
 * an online run of the same operations would leave.
 */
#ifndef RELEVO_FOLD_H
#define RELEVO_FOLD_H

#include "relevo/operation.h"

enum net_kind {
	NET_DELETE,  /* of an existing row */
	NET_UPDATE,  /* of an existing row, `fields` = those given */
	NET_CREATE,  /* `fields` = all */
	NET_NOTHING, /* created and deleted again: only recorded */
	NET_ORPHAN,  /* updates or deletes of a temporary item whose create is unknown: gone */
};

struct net_effect {
	enum net_kind kind;
	int64_t item_id;	/* existing row; 0 for creates */
	struct opid temp;	/* creates, NOTHING and ORPHAN: the create's operation */
	struct fields fields;	/* owned */
	struct operation **ops; /* owned array of references, order of acceptance */
	size_t op_count;
	uint64_t base_version; /* of the first operation that has one; 0 unknown */
	int64_t base_updated_us;
	int64_t accepted_us; /* of the last operation */
	unsigned attempt;    /* greatest of its operations: > 0 skips the conflict check */
	uint64_t seq;	     /* of the first operation */
};

struct fold {
	struct net_effect *at; /* deletes, NOTHING and orphans, then updates, then creates; each
				* kind by seq */
	size_t count;
};

/* `final_id(ctx, temp)` gives the id of a create drained earlier, or 0. `ops` are borrowed. */
void fold_operations(struct fold *out, struct operation *const *ops, size_t count,
		     int64_t (*final_id)(void *ctx, struct opid temp), void *ctx);
void fold_free(struct fold *f);

#endif
