/* verify.h - compare cache, hash and MySQL; repair what differs through the log.
 * One thread (the sync thread under the lease, or the follower for verify_read_all). */
#ifndef RELEVO_VERIFY_H
#define RELEVO_VERIFY_H

#include "relevo/changelog.h"
#include "relevo/db.h"
#include "relevo/lease.h"

struct verify {
	struct db *db;
	struct redis *redis;
	struct mirror *mirror;
	struct lease *lease;
	const char *instance;
	/* It takes an instance no longer than this from COMMIT to telling the log of it. */
	int64_t in_flight_ms;
	/* Told the log position of a repair, so that the snapshot follows. May be NULL. */
	void (*wrote)(void *ctx, uint64_t seq);
	void *ctx;
};

struct verify_report {
	bool is_valid;	  /* cache, hash and MySQL are equal, or were made so */
	bool hash_match;  /* items:cache:hash is the hash of items:cache */
	size_t items;	  /* in items:cache */
	size_t repaired;  /* rows that differed */
	size_t in_flight; /* rows whose writer has still to tell of them: look again soon */
	bool rebuilt;	  /* something was repaired: one rebuild */
};

/* Errors: ERR_DOWN (either server), ERR_LEASE_LOST, ERR_EPOCH. */
MUST_CHECK enum err_code verify_run(struct verify *v, struct verify_report *report, struct err *e);

/* Begin a transaction that sees one instant, to be ended with db_rollback, and append to `out`
 * which of the operations that wait in the mirror are done, with the rows of their items. */
MUST_CHECK enum err_code verify_settled(struct db *d, struct mirror *m, struct changes *out,
					struct err *e);
/* Read all rows of MySQL into the mirror, and which of the operations that wait there are done, as
 * unlogged changes. */
MUST_CHECK enum err_code verify_read_all(struct db *d, struct mirror *m, struct err *e);

#endif
