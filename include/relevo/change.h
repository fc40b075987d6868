/* change.h - what travels in the change log, and its JSON spelling.
 *
 * One log entry carries a JSON array of changes, in the order in which they are to be applied:
 *   {"t":"row","item":{..}[,"foreign":true][,"force":true]}   a row as MySQL has it
 *   {"t":"del","id":N,"version":V[,"force":true]}             it is gone; V = last version + 1
 *   {"t":"op","entry":{..}}                                   an operation was accepted
 *   {"t":"done","ops":[OP,..][,"temp":OP,"id":N]}             operations no longer wait; a drained
 *                                                             create also names its final id
 *   {"t":"sync",..}                                           system state (sync_state in mirror.h)
 * A value owned by one thread; the row and operation inside are shared by reference.
 */
#ifndef RELEVO_CHANGE_H
#define RELEVO_CHANGE_H

#include "relevo/operation.h"
#include "relevo/row.h"

enum change_type { CHANGE_ROW, CHANGE_DELETE, CHANGE_QUEUED, CHANGE_DONE, CHANGE_SYNC };

struct change {
	enum change_type type;
	struct row *row;      /* ROW: owned reference; pending is false, temp zero */
	int64_t id;	      /* DELETE; DONE of a drained create: the final id, else 0 */
	uint64_t version;     /* DELETE */
	bool force;	      /* ROW, DELETE: applies whatever the versions say (repair) */
	bool foreign;	      /* ROW: found in MySQL, not written by an instance of ours */
	struct operation *op; /* QUEUED: owned reference */
	struct opid *ops;     /* DONE: owned array */
	size_t op_count;
	struct opid temp; /* DONE of a drained create: its operation, else zero */
	json_t *sync;	  /* SYNC: owned reference */
};

struct changes {
	struct change *at;
	size_t count, room;
};

void changes_free(struct changes *c); /* drops all references, zeroes */
void changes_row(struct changes *c, struct row *row /* takes a new reference */, bool foreign,
		 bool force);
void changes_delete(struct changes *c, int64_t id, uint64_t version, bool force);
void changes_queued(struct changes *c, struct operation *op /* takes a new reference */);
void changes_done(struct changes *c, const struct opid *ops, size_t count, struct opid temp,
		  int64_t final_id);
void changes_sync(struct changes *c, json_t *sync /* takes a new reference */);
/* One change as JSON (QUEUED in full, with seq). */
void change_encode(struct buf *out, const struct change *c);
/* The array. */
void changes_encode(struct buf *out, const struct changes *c);
/* Appends what the array holds; unknown "t" values and elements that are not what change_encode
 * writes are skipped. ERR_INTERNAL if it is no array. */
MUST_CHECK enum err_code changes_decode(struct changes *out, const char *json, size_t len,
					struct err *e);

#endif
