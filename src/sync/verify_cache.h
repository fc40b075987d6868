/* verify_cache.h - the part of a check that is about the items:cache key. Private to src/sync; the
 * thread of the check alone calls these. Errors are those of Redis. */
#ifndef RELEVO_VERIFY_CACHE_H
#define RELEVO_VERIFY_CACHE_H

#include "relevo/verify.h"

/* Own bytes against own hash, then against the mirror; repairs it. Fills is_valid, hash_match,
 * items and rebuilt of the report. */
MUST_CHECK enum err_code verify_cache_check(struct verify *v, struct verify_report *report,
					    struct err *e);
/* Publish the mirror, `again`: also over a snapshot of the same position. *put (or NULL): it is
 * there now; else a later one was, or not all that is shown here is in the log yet. */
MUST_CHECK enum err_code verify_cache_publish(struct verify *v, bool again, bool *put,
					      struct err *e);

#endif
