/* housekeeping.h - what a sync cycle does besides: dead letters in Redis, purge. Private to sync.
 */
#ifndef RELEVO_HOUSEKEEPING_H
#define RELEVO_HOUSEKEEPING_H

#include "../store/store_private.h"

/* How much MySQL keeps; as it was before, where it could not be asked. */
struct household {
	json_int_t dead_letters;
	json_int_t applied; /* rows of relevo_applied, about */
};

/* Forget discarded letters in MySQL, copy the newest to Redis; `full`: remove expired records. */
MUST_CHECK enum err_code housekeeping(struct store *s, struct session *session, bool full,
				      struct household *out, struct err *e);

#endif
