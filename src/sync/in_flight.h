/* in_flight.h - rows that MySQL has and nobody has been told of yet (private to src/sync). */
#ifndef RELEVO_IN_FLIGHT_H
#define RELEVO_IN_FLIGHT_H

#include <stdbool.h>

#include "relevo/db.h"
#include "relevo/mirror.h"
#include "relevo/row.h"

/* Which of the rows, that the mirror does not know, were created by an instance that may not have
 * its answer yet: it tells the log of them, or queues the create once more. Such rows are no
 * difference. `flags[i]` becomes true for them; it is at most `young_ms` that an answer takes.
 * Errors are MySQL's. The thread that owns `d`. */
MUST_CHECK enum err_code in_flight_find(struct db *d, struct mirror *m, int64_t young_ms,
					struct row *const *rows, size_t count, bool *flags,
					struct err *e);

#endif
