/* drain_private.h - what the drain's files share: a run, its entries, and one transaction's plans.
 *
 * drain_read    lists -> entries, adoption of entries without operation id
 * drain_memory  the same from the mirror's operations, while Redis is away
 * drain_known   entries that MySQL knows already: settled, not applied again
 * drain_judge   what becomes of each net effect, under the rows' locks
 * drain_write   the statements of a transaction
 * drain_apply   the transactions, and splitting them when MySQL refuses one
 * drain_faulty  entries that are unreadable or invalid
 * drain_settle  afterwards: forget in Redis, log, mirror
 */
#ifndef RELEVO_DRAIN_PRIVATE_H
#define RELEVO_DRAIN_PRIVATE_H

#include "relevo/drain.h"
#include "relevo/fold.h"

#define DRAIN_CHUNK	 1000 /* list entries read at once */
#define DRAIN_BATCH	 256  /* net effects of one transaction */
#define DRAIN_BATCH_OPS	 2048 /* operations of one transaction, unless one item has more */
#define DRAIN_LIFETIME_S (7u * 86400u)

extern const char *const drain_lists[OP_KINDS];

/* --- a run --- */

struct entry {
	struct operation *op; /* owned reference; NULL: unreadable */
	struct opid id;
	char *raw;   /* owned: text of an unreadable or invalid entry, else NULL */
	char *fault; /* owned: what our validation says against it, else NULL */
	enum op_kind list;
	bool settled;	  /* forgotten in Redis */
	bool left;	  /* for the next run */
	bool asked;	  /* the batch it may belong to has been settled for good */
	bool in_batch;	  /* and was applied: */
	bool found;	  /* has its own record of having been applied */
	int64_t first_id; /* the batch's first create */
	int64_t applied_us;
};

struct run {
	struct drain *d;
	struct drain_report *report;
	struct entry *at; /* creates, updates, deletes, each in list order */
	size_t count, room;
	size_t end[OP_KINDS];	/* where each list ends in `at` */
	size_t head[OP_KINDS];	/* entries trimmed so far start here */
	struct entry **by_id;	/* all, sorted by operation id */
	char epoch[EPOCH_SIZE]; /* of the log, when the lists were read; settled in no other */
	unsigned waits;		/* for a lock, that ran out */
};

/* Read the lists up to their present lengths; entries without operation id are adopted. */
MUST_CHECK enum err_code run_read(struct run *r, struct err *e);
/* The entries are complete: prepare looking them up by operation. */
void run_index(struct run *r);
/* What our validation has against the entry; `text` is its spelling. */
void entry_validate(struct entry *en, struct faults *faults, const char *text, size_t len);
void run_free(struct run *r);
/* All that becomes of the entries. */
MUST_CHECK enum err_code run_all(struct run *r, struct err *e);
/* Keep the lease; without Redis there is none. */
MUST_CHECK enum err_code run_keep(struct run *r, struct err *e);
/* All entries of an operation are settled, or left. */
void run_mark(struct run *r, struct opid op, bool settled);
/* MySQL does not take its letter: that is for the next run, and holds up no other. */
void run_leave(struct run *r, struct opid op, const struct err *why);
bool run_is_settled(const struct run *r, struct opid op);
int64_t run_final_id(void *run, struct opid temp); /* for fold_operations */

/* Settle what MySQL knows already. ERR_DUPLICATE: another drain is at it, look again. */
MUST_CHECK enum err_code run_known(struct run *r, struct err *e);
/* Apply, in their order. ERR_DUPLICATE as above. */
MUST_CHECK enum err_code run_apply(struct run *r, const struct fold *f, struct err *e);
/* Dead letters for entries that are unreadable or invalid. */
MUST_CHECK enum err_code run_refuse_faulty(struct run *r, struct err *e);

/* MySQL's errors as the drain sees them: a commit that is uncertain is left to the next run. */
enum err_code drain_db_error(enum err_code code, struct err *why, struct err *e);

/* --- one transaction --- */

enum fate {
	FATE_OPEN,
	FATE_APPLY,
	FATE_DONE,    /* nothing to change: cancelled out, or a delete whose row is gone */
	FATE_LOST,    /* conflict: the row wins */
	FATE_GONE,    /* the row of an update is gone */
	FATE_REFUSED, /* by MySQL or our validation */
	FATE_LEFT,    /* somebody holds the row's lock */
};

struct plan {
	const struct net_effect *effect; /* borrowed */
	enum fate fate;
	struct row *row;	    /* as it stands, locked; owned; NULL: none */
	bool held;		    /* there is one, but somebody else holds its lock */
	bool suspect;		    /* the row is not what the operation was based on */
	bool explained;		    /* but an operation of ours made it so */
	struct dead_letter *letter; /* owned; NULL: none */
	int64_t item_id;	    /* once applied */
	uint64_t version;
};

/* Begin a transaction, lock and read the rows of FATE_OPEN plans; *now_us is MySQL's time, also
 * in @t. */
MUST_CHECK enum err_code plans_begin(struct run *r, struct plan *plans, size_t count,
				     int64_t *now_us, struct err *e);
/* Decide the fates, with their dead letters. */
MUST_CHECK enum err_code plans_judge(struct run *r, struct plan *plans, size_t count,
				     struct err *e);
/* Write and commit; *first_id is that of the first create. ERR_DUPLICATE: applied before. */
MUST_CHECK enum err_code plans_write(struct run *r, struct plan *plans, size_t count,
				     int64_t *first_id, struct err *e);
/* All of it, and settle. ERR_REFUSED, ERR_LOCKED, ERR_DUPLICATE: rolled back, nothing happened. */
MUST_CHECK enum err_code plans_transact(struct run *r, struct plan *plans, size_t count,
					struct err *e);
bool plan_is_applied(const struct plan *p, enum net_kind kind);
void plans_free(struct plan *plans, size_t count);
/* Gives the plan its dead letter; `detail` NULL: none. */
void plan_letter(struct plan *p, const char *kind, const char *reason, const char *detail);
enum applied_state plan_state(const struct plan *p, const struct operation *op);

/* The item's values as each operation of a plan leaves them, for keyed repeats. */
struct replay {
	struct fields now; /* owned */
	bool known;
};
void replay_begin(struct replay *s, const struct plan *p);
void replay_next(struct replay *s, const struct operation *op);
void replay_end(struct replay *s);

/* --- settling --- */

struct settled_op {
	struct opid op;
	char key[ITEM_KEY_SIZE], final[ITEM_KEY_SIZE];
	char *record; /* owned; NULL: none */
};
struct settled_letter {
	struct opid op;
	char *json; /* owned; NULL: the letter goes away */
};
struct settlement {
	struct changes changes;
	struct settled_op *ops;
	size_t op_count, op_room;
	struct settled_letter *letters;
	size_t letter_count, letter_room;
};

/* `key` "" for unreadable entries; `final_id` of a temporary item, else 0; `outcome` NULL: no
 * record. */
void settlement_op(struct settlement *s, struct opid op, const char *key, int64_t final_id,
		   const struct applied *outcome);
void settlement_letter(struct settlement *s, struct opid op, const struct dead_letter *letter);
/* The row is not in MySQL any more. */
void settlement_gone(struct settlement *s, struct run *r, int64_t id, uint64_t version);
/* The row as MySQL has it. */
void settlement_row(struct settlement *s, struct run *r, struct row *row, int64_t own_us);
/* Do it; frees the settlement. */
MUST_CHECK enum err_code settlement_run(struct settlement *s, struct run *r, struct err *e);
void settlement_free(struct settlement *s);

#endif
