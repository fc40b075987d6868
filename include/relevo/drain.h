/* drain.h - bring the waiting operations into MySQL. One thread, under the lease.
 *
 * A run reads the three lists up to their present lengths, gives entries without one an operation
 * id, drops those that relevo_applied already knows, folds the rest, and applies deletes, updates,
 * creates in batches; each transaction records all operations it stands for, then `settle` forgets
 * them in Redis and logs the result. A crash anywhere leaves a state from which the next run ends
 * in the same result.
 *
 * While Redis is away the same is done from memory, for operations that the mirror knows
 * (drain_memory): MySQL's record of what was applied makes the lists, once they are back, a matter
 * of settling only.
 */
#ifndef RELEVO_DRAIN_H
#define RELEVO_DRAIN_H

#include <stdatomic.h>

#include "relevo/changelog.h"
#include "relevo/db.h"
#include "relevo/lease.h"
#include "relevo/options.h"
#include "relevo/tables.h"

struct drain {
	struct db *db;
	struct redis *redis; /* NULL with drain_memory */
	struct mirror *mirror;
	struct lease *lease; /* NULL with drain_memory */
	const char *instance;
	enum conflict_policy policy;
	const atomic_bool *stop; /* set: end after the transaction at hand. May be NULL. */
	bool unlocked; /* drain_memory: do not wait for its lock, somebody keeps it too long */
	/* Called after every batch; `done` of `total` operations. May be NULL. */
	void (*progress)(void *ctx, size_t done, size_t total);
	void *ctx;
};

struct drain_report {
	size_t deletes, updates, creates; /* net effects applied */
	size_t operations;		  /* settled, all told */
	size_t conflicts, rejected;	  /* dead letters written */
	size_t left;			  /* not settled: row or table locked by somebody */
};

/* Give ids to entries that have none (also while MySQL is down). *waiting = length of the lists. */
MUST_CHECK enum err_code drain_adopt(struct drain *d, size_t *waiting, struct err *e);
/* One run. Errors: ERR_DOWN (either server), ERR_LEASE_LOST, ERR_EPOCH, ERR_STOPPING; what was
 * settled before is in the report, which is always filled. */
MUST_CHECK enum err_code drain_run(struct drain *d, struct drain_report *report, struct err *e);

/* Drain these without Redis: the result goes to the mirror, unlogged. One at a time in the whole
 * system, by a lock in MySQL, unless `unlocked`. Errors: ERR_BUSY (somebody has the lock), ERR_DOWN
 * (MySQL). */
MUST_CHECK enum err_code drain_memory(struct drain *d, struct operation *const *ops, size_t count,
				      struct drain_report *report, struct err *e);

#endif
