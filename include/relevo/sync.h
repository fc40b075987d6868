/* sync.h - the sync thread: every interval, and whenever a server comes back: lease, drain, verify,
 * repair, housekeeping.
 *
 * Created and stopped by the store; wake and state from any thread.
 */
#ifndef RELEVO_SYNC_H
#define RELEVO_SYNC_H

#include "relevo/err.h"
#include "relevo/mirror.h"

struct store;
struct sync;

struct sync *sync_new(struct store *s);
void sync_start(struct sync *y);
void sync_stop(struct sync *y); /* drops the lease, joins the thread */
void sync_free(struct sync **y);
/* A server came back, or operations wait: look soon. */
void sync_wake(struct sync *y);
/* Run a whole cycle now. ERR_BUSY if one runs here or elsewhere. */
MUST_CHECK enum err_code sync_run_now(struct sync *y, struct err *e);

struct sync_totals {
	uint64_t drains, rebuilds, conflicts, drained_operations; /* of this instance */
};
void sync_totals(struct sync *y, struct sync_totals *out);
/* A repair outside of the cycle (a new epoch after Redis lost its memory): counted as a rebuild. */
void sync_count_rebuild(struct sync *y);

#endif
