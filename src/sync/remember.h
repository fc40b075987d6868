/* remember.h - what was applied, put back into a Redis that lost it. Private to sync. */
#ifndef RELEVO_REMEMBER_H
#define RELEVO_REMEMBER_H

#include "../store/store_private.h"

/* Once an epoch of the log: copy the records of applied operations from MySQL to `items:done:<OP>`,
 * so that temporary ids and repeats of keyed requests are known there while MySQL is down. A second
 * at most; the next call goes on. */
MUST_CHECK enum err_code remember(struct store *s, struct session *session, struct err *e);

#endif
