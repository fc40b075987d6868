/* settled.h - operations that wait here although MySQL has them already. Private to the daemon.
 *
 * Another instance applied them and could not tell us, because Redis was away or has lost what it
 * was told; or we did, and do not know. */
#ifndef RELEVO_SETTLED_H
#define RELEVO_SETTLED_H

#include "relevo/db.h"
#include "relevo/mirror.h"

/* Begin a transaction that sees one instant, for several questions; end it with db_rollback. */
MUST_CHECK enum err_code settled_begin(struct db *d, struct err *e);
/* Which of `ops` has MySQL a record of? Appends to `out` for each that it is done, with its final
 * id, and the row of its item as it is, or that this is gone: to be applied at once, so that no
 * item is seen twice or not at all. `m` tells how far the versions of items are known. Borrows all.
 */
MUST_CHECK enum err_code settled_find(struct db *d, struct mirror *m, struct operation *const *ops,
				      size_t count, struct changes *out, struct err *e);

#endif
