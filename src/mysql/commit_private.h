/* commit_private.h - a batch on its way through commit.c and commit_sql.c (private to src/mysql).
 */
#ifndef RELEVO_MYSQL_COMMIT_PRIVATE_H
#define RELEVO_MYSQL_COMMIT_PRIVATE_H

#include "relevo/buf.h"
#include "relevo/commit.h"

/* The rows that the batch holds locked, with their state as the batch leaves it. */
struct locked_row {
	int64_t id;
	struct row *row; /* as it stands before the batch; owned */
	bool exists;	 /* plain read found it, though it may be locked by somebody */
	uint64_t version;
	struct fields fields; /* after the writes so far; owned */
	bool gone;	      /* a write of the batch deleted it */
};

struct batch {
	struct db *db;
	struct commit_lane *lane;
	struct commit_write **writes; /* borrowed; undecided ones */
	size_t count;
	struct locked_row *rows; /* sorted by id */
	size_t row_count;
	bool begun;
	struct opid id;
	size_t creates;
	int64_t first_id, applied_us;
	/* per write: what it leaves */
	struct outcome {
		struct fields fields; /* owned */
		uint64_t version;
		int64_t create_nth;
	} * outcomes;
};

/* Appends everything that writes the batch as decided, from BEGIN (unless it holds locks already)
 * to COMMIT. Before COMMIT it selects the time of the batch and the id of its first create. */
void batch_put_sql(struct buf *sql, const struct batch *b);
/* Does this batch remove the records of the lane's last ones? */
bool batch_forgets_records(const struct batch *b);

#endif
