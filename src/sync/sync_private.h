/* sync_private.h - what the files of the sync thread share (private to src/sync). */
#ifndef RELEVO_SYNC_SYNC_PRIVATE_H
#define RELEVO_SYNC_SYNC_PRIVATE_H

#include "../store/store_private.h"
#include "housekeeping.h"
#include "relevo/drain.h"
#include "relevo/sync.h"
#include "relevo/verify.h"

struct sync {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* shared: hold lock */
	bool woken, asked, running;
	atomic_bool stop; /* set with lock held, read by anyone */
	atomic_uint_fast64_t drains, rebuilds, conflicts, drained;
	/* not yet in the metadata: */
	atomic_uint_fast64_t rebuilds_outside, conflicts_outside;
	atomic_bool unsettled; /* the lists hold operations that were drained from memory */
	/* owned by the sync thread */
	struct session session;
	struct lease lease;
	int64_t cycle_at_ms, progress_at_ms;
	unsigned broken_off; /* checks in a row */
	bool said_check;     /* the log says that one was done */
	uint64_t mysql_switches;
};

/* What one cycle did, for the log line and `last_sync`. */
struct cycle {
	struct drain_report drained;
	struct verify_report checked;
	bool drain, verify;
	bool counted; /* what was drained is in the totals of the metadata */
	struct household household;
	int64_t began_ms;
};

/* Operations that wait, as far as the mirror knows. */
size_t sync_waiting_here(struct sync *y);

/* sync_state.c: what every instance hears of the sync thread that has the lease. By that thread. */
void sync_say_drain(struct sync *y, bool running, size_t done, size_t total);
void sync_say_progress(void *ctx, size_t done, size_t total); /* for struct drain */
void sync_say_metadata(struct sync *y, struct cycle *c);
json_int_t sync_metadata_total(json_t *metadata, const char *name); /* 0: none */

/* sync_memory.c: a cycle while Redis is down. By the sync thread. */
void sync_without_redis(struct sync *y);

#endif
