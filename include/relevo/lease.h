/* lease.h - the right to drain and verify: one holder at a time, with a fencing token.
 * Key `sync:lease`. One thread. */
#ifndef RELEVO_LEASE_H
#define RELEVO_LEASE_H

#include "relevo/redis.h"

#define LEASE_TTL_MS 10000

struct lease {
	uint64_t token; /* 0: not held */
	int64_t renew_at_ms;
};

/* ERR_BUSY: somebody holds it. */
MUST_CHECK enum err_code lease_take(struct redis *r, struct lease *l, const char *instance,
				    struct err *e);
/* Renews when a third of its time has passed; ERR_LEASE_LOST. */
MUST_CHECK enum err_code lease_keep(struct redis *r, struct lease *l, struct err *e);
void lease_drop(struct redis *r, struct lease *l);

#endif
