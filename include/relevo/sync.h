/* sync.h - the sync thread: every interval, and whenever a server comes back: lease, drain, verify,
 * repair, housekeeping.
 *
 * Created and stopped by the store; wake and state from any thread.
 */
#ifndef RELEVO_SYNC_H
#define RELEVO_SYNC_H

#include "relevo/drain.h"
#include "relevo/err.h"
#include "relevo/mirror.h"

struct redis;
struct session;
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
/* Redis has a record of every operation that was applied and has not expired. False with *e set if
 * it does not answer. */
bool sync_is_remembered(struct redis *r, const char *epoch, struct err *e);
/* A repair outside of the cycle (a new epoch after Redis lost its memory): counted as a rebuild. */
void sync_count_rebuild(struct sync *y);
/* Redis is down: bring these operations (NULL: all that the mirror holds) into MySQL from memory,
 * with the caller's session, by any thread. ERR_BUSY: another thread or instance is at it. */
MUST_CHECK enum err_code sync_drain_memory(struct sync *y, struct session *session,
					   struct operation *const *ops, size_t count,
					   struct drain_report *report, struct err *e);
/* The same for a lane, with all that the mirror holds: tried once. `unlocked`: though another drain
 * keeps the lock (a stopped process, perhaps); what both do counts once. */
MUST_CHECK enum err_code sync_drain_memory_now(struct sync *y, struct session *session,
					       bool unlocked, struct err *e);

#endif
