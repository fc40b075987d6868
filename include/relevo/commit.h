/* commit.h - one batch of direct writes as one MySQL transaction.
 *
 * Rows and the record of what was applied are written together. Updates and deletes lock their rows
 * first (SKIP LOCKED: a row that somebody else holds does not hold up the batch); If-Match is
 * checked under that lock. Several writes to one row within a batch apply in order. If the server
 * refuses the transaction it is rolled back and split, so nobody fails for a neighbour. A batch
 * waits for a lock of another kind (of the table, a gap) a second at most, once: what is split
 * after that does not wait, or is not tried where the server could only wait.
 * One thread at a time (the session's owner).
 */
#ifndef RELEVO_COMMIT_H
#define RELEVO_COMMIT_H

#include "relevo/db.h"
#include "relevo/operation.h"
#include "relevo/row.h"

enum commit_verdict {
	COMMIT_OPEN, /* not decided */
	COMMIT_APPLIED,
	COMMIT_NOT_FOUND,
	COMMIT_PRECONDITION, /* If-Match */
	COMMIT_LOCKED,	     /* somebody holds the row (or a gap); nothing happened */
	COMMIT_REFUSED,	     /* MySQL said no: `error` has its text */
	COMMIT_DUPLICATE,    /* a keyed operation that was applied before */
	COMMIT_DOWN,	     /* nothing happened, MySQL is not usable */
	COMMIT_UNCERTAIN,    /* may have been applied as member `nth` of `batch` */
};

struct commit_write {
	/* by the caller, borrowed */
	enum op_kind kind;
	int64_t id;		     /* UPDATE, DELETE */
	const struct fields *fields; /* CREATE: all; UPDATE: the present ones */
	bool if_match;
	const char (*etags)[ETAG_SIZE]; /* any of them; NULL with if_match: any row will do */
	size_t etag_count;
	struct opid op;		    /* recorded on its own: keyed, or perhaps queued; else zero */
	const uint8_t *fingerprint; /* keyed operations only, else NULL */
	void *ctx;

	/* result */
	enum commit_verdict verdict;
	struct row *row; /* APPLIED: the new row (DELETE: the row that went); new reference */
	struct opid batch;
	unsigned nth; /* which create of the batch */
	int64_t applied_us;
	struct err error;
};

#define COMMIT_RECORDS 16 /* batch records that a lane leaves behind at most */

/* What a lane remembers between its batches. */
struct commit_lane {
	/* records of certain batches, to be removed together now and then */
	struct opid certain[COMMIT_RECORDS];
	size_t certain_count;
	/* set by the caller: what waits is not known, so its records tell no drain that what waits
	 * was accepted before */
	bool blind;
	bool held; /* its last wait for a lock ran out, and nothing was written since */
};

/* `writes` are decided one by one; order is kept for writes to the same row. While the lane is held
 * up, nothing is waited for from `until_ms` on (clock_mono_ms): the youngest has waited enough. */
void commit_batch(struct db *d, struct commit_lane *lane, struct commit_write *writes, size_t count,
		  int64_t until_ms);

/* Settle for good whether a batch whose COMMIT got lost was applied: takes its key if it was not,
 * so that it never can be. *applied says which; *first_id and *applied_us are its results.
 * ERR_LOCKED: its transaction is still open in MySQL. */
MUST_CHECK enum err_code commit_settle(struct db *d, struct opid batch, bool *applied,
				       int64_t *first_id, int64_t *applied_us, struct err *e);

/* Take the id of a write that is not done and may be queued: a drain finds it rejected then, and
 * drops it. On its own, outside of any transaction. ERR_DUPLICATE: it was applied or judged before;
 * ERR_UNCERTAIN: it may be taken; else it is not. */
MUST_CHECK enum err_code commit_reject(struct db *d, const struct commit_write *w, struct err *e);

#define LIFETIME_KEYED_S   86400u
#define LIFETIME_DRAINED_S (7u * 86400u)

#endif
