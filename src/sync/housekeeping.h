/* housekeeping.h - what a sync cycle does besides: dead letters in Redis, purge. Private to sync.
 */
#ifndef RELEVO_HOUSEKEEPING_H
#define RELEVO_HOUSEKEEPING_H

#include "../store/store_private.h"

/* Forget discarded letters in MySQL, copy all to Redis, remove expired records. *dead_letters =
 * how many there are. */
MUST_CHECK enum err_code housekeeping(struct store *s, struct session *session, bool full,
				      json_int_t *dead_letters, struct err *e);

#endif
