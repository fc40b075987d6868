/* store_private.h - the parts of the store and what they share.
 *
 * Threads: lanes (writes), readers (reads that need I/O), follower (the log), publisher (the
 * snapshot), two probes (one a server), and the sync thread of src/sync/. Each has its own
 * sessions; they meet in the mirror, the circuits and the queues below.
 */
#ifndef RELEVO_STORE_PRIVATE_H
#define RELEVO_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "relevo/changelog.h"
#include "relevo/commit.h"
#include "relevo/db.h"
#include "relevo/store.h"
#include "relevo/sync.h"
#include "relevo/thread.h"

#define BATCH_MAX   256
#define QUEUE_LIMIT 8192 /* jobs waiting in one lane or for the readers; more get 503 */
#define READERS	    2

/* A bounded queue of jobs with a condition. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	/* shared: hold lock */
	struct job *first, *last;
	size_t count;
	size_t enough;	     /* of them wake the thread that gathers */
	int64_t patience_us; /* of the gathering thread, between two jobs */
	unsigned in_vain;    /* times that the least patience did not pay */
	bool closed;
};
void queue_init(struct queue *q);
void queue_destroy(struct queue *q);
size_t queue_put(struct queue *q, struct job *j); /* how many wait now; 0: full or closed */
size_t queue_size(struct queue *q);
/* Waits until there is a job, the queue is closed or the deadline. */
void queue_wait(struct queue *q, int64_t deadline_ms);
/* While jobs keep coming in quick succession wait until there are `enough`, 3 ms at most: one large
 * transaction costs much less than several small ones. How long a pause between two of them may be
 * it learns. One thread of a queue may gather. */
void queue_gather(struct queue *q, size_t enough);
struct job *queue_take(struct queue *q, size_t max); /* up to `max` jobs as a list, no waiting */
void queue_close(struct queue *q);
bool queue_ended(struct queue *q); /* closed and empty */

/* retries.c: jobs that a lane tries again, as somebody holds their rows or the marks of what waits
 * on their items are not back (split.c). In turns, so that they neither keep the lane from other
 * jobs nor MySQL busy. Owned by the lane's thread. */
struct retries {
	struct job *next; /* for the next turn, the newest first */
	struct job *due;  /* whose turn it is, the oldest first */
	int64_t turn_ms;  /* when the next turn begins (clock_mono_ms) */
	/* of both; read by anyone */
	atomic_size_t count;
};
#define RETRIES_LIMIT 8192 /* at so many a lane begins nothing new */
void retries_add(struct retries *r, struct job *j);
/* When retries_take has something to give, 0 for now; `otherwise_ms` if there is none. */
int64_t retries_due_ms(const struct retries *r, int64_t otherwise_ms);
/* Up to `max` whose turn it is, the oldest first, no waiting. */
struct job *retries_take(struct retries *r, size_t max, size_t *count);
void retries_wait(const struct retries *r); /* until then */

/* crowd.c: the writes of a lane that are in progress, and the most of them at a time lately. A
 * closed group of clients is answered together and comes back together: a lane that waits for all
 * of them makes few, large transactions. */
struct crowd {
	atomic_size_t present, most, most_before;
	unsigned age; /* owned by the lane's thread */
};
void crowd_enter(struct crowd *c); /* any thread */
void crowd_leave(struct crowd *c); /* any thread */
size_t crowd_size(const struct crowd *c);
/* Once a transaction: a crowd that went is forgotten after a while. */
void crowd_age(struct crowd *c);

/* The sessions of one thread. */
struct session {
	struct db *db;
	struct redis *redis;
	uint64_t mysql_switches, redis_switches; /* of the circuits, when last used */
};
void session_open(struct session *s, struct store *store, const char *who);
void session_close(struct session *s);
/* Ready to use now? Trips the circuit when the server does not answer. */
bool session_mysql(struct session *s, struct store *store);
bool session_redis(struct session *s, struct store *store);
/* The mirror knows what the log says now. False: Redis could not be asked. */
bool session_catch_up(struct session *s, struct store *store);
/* A call on this session failed: opens the circuit if the error speaks of the server. A connection
 * that was cut says little of it, so that is judged by a new one. */
void store_redis_failed(struct store *s, struct redis *redis, const struct err *e);
void store_mysql_failed(struct store *s, struct db *db, const struct err *e);

struct lane {
	struct store *store;
	unsigned index;
	struct queue queue;
	struct crowd crowd;
	pthread_t thread;
	/* owned by the lane's thread */
	struct session session;
	struct commit_lane commit;
	struct retries retries;
};

struct reader {
	struct store *store;
	pthread_t thread;
	struct session session;
};

struct publisher {
	struct store *store;
	pthread_t thread;
	struct redis *redis;
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* shared: hold lock */
	struct job *waiting, *waiting_last;
	char epoch[EPOCH_SIZE]; /* that the two positions belong to */
	uint64_t own_seq;	/* latest log entry written here */
	uint64_t published;	/* latest position known to be published */
	double tokens;		/* bytes of the publish budget; may go below zero */
	int64_t tokens_at_us;
	int64_t next_ms; /* without budget: not before */
	bool stop;
	/* owned by the publisher's thread */
	uint64_t generation; /* of the mirror's content when last published */
	struct snapshot *last;
};

struct follower {
	pthread_t thread;
	struct redis *redis;
	/* The mirror is in step with the log since this many switches of Redis' circuit; 0 never.
	 */
	atomic_uint_fast64_t joined;
	atomic_bool rejoin;  /* somebody met another epoch or a gap */
	atomic_bool settled; /* the first load succeeded or was found impossible */
	atomic_bool read;    /* the lists of what waits were read since the start */
	atomic_int_fast64_t
		recalled_ms; /* clock_mono_ms(): by then all have put back what they know */
};

/* done_list.c: records of keyed operations that Redis did not take yet. Beyond the bound the oldest
 * give way: a repeat then learns its outcome from MySQL alone. */
#define UNSENT_MAX 100000
struct done_list {
	pthread_mutex_t lock;
	/* shared: hold lock */
	struct done_kept *first, *last;
	size_t count;
	uint64_t numbers; /* given out */
	uint64_t dropped;
};
void done_list_init(struct done_list *l);
void done_list_destroy(struct done_list *l);
void done_list_add(struct done_list *l, const struct done_record *done, size_t count);
/* Copies of the oldest, with what is left of their time; the caller frees the texts. *last: number
 * of the last one, for done_list_sent. */
size_t done_list_peek(struct done_list *l, struct done_record *out, size_t max, uint64_t *last);
void done_list_sent(struct done_list *l, uint64_t last);
void done_list_size(struct done_list *l, size_t *count, uint64_t *dropped);
bool done_list_empty(struct done_list *l);

/* final_ids.c: what became of temporary ids, learnt from MySQL by the sync thread */
struct final_ids {
	atomic_uint_fast64_t gaps;   /* in the log as it was followed: parts that may be missed */
	atomic_uint_fast64_t learnt; /* all of MySQL's, after that many gaps */
	/* owned by the sync thread */
	uint64_t learning; /* after that many gaps */
	struct opid after; /* up to here */
};
bool final_ids_lack(struct store *s);
/* A second at most; the next call goes on. */
void final_ids_learn(struct store *s, struct session *session);
/* The mirror knows of every temporary id: what it does not know is none. */
bool final_ids_known(struct store *s);

struct keyset; /* keyed requests in progress in this process */

struct store {
	const struct options *options;
	struct mirror *mirror;
	struct circuit *mysql, *redis;
	struct lane *lanes;
	size_t lane_count;
	atomic_uint create_lane; /* where creates go at present, modulo lane_count */
	struct reader readers[READERS];
	struct queue asked; /* jobs of the readers */
	struct publisher publisher;
	struct follower follower;
	struct final_ids final_ids;
	pthread_t mysql_probe, redis_probe;
	atomic_bool redis_readable; /* it answers, but takes no writes */
	pthread_mutex_t probe_lock;
	pthread_cond_t probe_wake;
	atomic_int_least64_t wanted_ms; /* a write wants to know of both servers as of then */
	atomic_bool ending;		/* no new jobs: the lanes wait for nobody any more */
	atomic_bool stopping;		/* the jobs are done, the other threads end */
	struct keyset *keys;
	struct done_list unsent;
	struct sync *sync;
	atomic_uint_fast64_t requests; /* answered since start */
	atomic_int durability;	       /* enum redis_durability */
	atomic_bool evicts;
	atomic_size_t instances;
	/* in items:changes and items:dead:discarded, as of the last heartbeat */
	atomic_size_t log_entries, discarded_letters;
	atomic_uint_fast64_t purged; /* records of applied operations, by this instance */
	atomic_uint_fast64_t batch_sizes[BATCH_BUCKETS], batch_operations, batch_count;
	atomic_uint_fast64_t publishes, publish_bytes, publish_sent, queued;
};

/* The mirror follows Redis' log; else reads go to MySQL. */
bool store_in_step(struct store *s);
/* Neither server can be used, and each was asked again since `since_ms` (clock_mono_ms), and since
 * the other one failed: one of them may have come back in time. */
bool store_is_cut_off(struct store *s, int64_t since_ms);
/* Each server can be used, or was asked again since `since_ms` and cannot. */
bool store_has_asked(struct store *s, int64_t since_ms);
/* Both servers are probed soon, if they were not since `since_ms`. */
void store_ask(struct store *s, int64_t since_ms);
/* So long a request waits for that before it is refused: a hung server does not hold up the answer.
 */
#define STORE_ASK_MS 200
/* Redis lost its memory a moment ago: what another instance alone knows of may yet be put back, so
 * nothing is unknown for certain. */
bool store_recalls(struct store *s);
/* Nobody waits longer for that: noticing it takes a while too. */
#define RECALL_MAX_MS 4000

/* status.c: would a restart of Redis, as last seen, keep what is queued there? */
bool store_durable(struct store *s);

/* keyset.c */
struct keyset *keyset_new(void);
void keyset_free(struct keyset **k);
bool keyset_enter(struct keyset *k, struct opid key); /* false: in progress */
void keyset_leave(struct keyset *k, struct opid key);
size_t keyset_size(struct keyset *k);

/* lane.c: bodies of the threads, and how a job ends */
void *lane_main(void *arg);
void *reader_main(void *arg);
void *publisher_main(void *arg);
void *follower_main(void *arg);
void *mysql_probe_main(void *arg);
void *redis_probe_main(void *arg);
/* Hand the job back to its owner. */
void job_finish(struct store *s, struct job *j);
void job_fail(struct job *j, enum err_code code, const char *text);
/* One of the servers may do it yet, or have done it. */
bool job_is_unsure(const struct job *j);

/* append.c */
/* Log entries of ours: applied, or kept as unlogged when Redis does not take them. Returns the
 * entry's number, 0 if it is in no log yet. */
uint64_t store_log(struct store *s, struct session *session, const struct changes *changes,
		   const struct done_record *done, size_t done_count);
/* The same in two steps, for changes that may be answered in between: they are shown and on their
 * way into the log. False: nothing was done, this is no time for it. store_log_sent ends it. */
struct log_ahead {
	const struct changes *changes; /* borrowed */
	struct changelog_entry *entry;
};
bool store_log_send(struct store *s, struct session *session, const struct changes *changes,
		    struct log_ahead *out);
void store_log_sent(struct store *s, struct session *session, struct log_ahead *ahead);

/* publisher.c */
void publisher_init(struct publisher *p, struct store *s);
void publisher_destroy(struct publisher *p);
/* Our log reached `seq`: publish soon. */
void publisher_wrote(struct publisher *p, uint64_t seq);
/* Do writes wait for their snapshot, as far as the budget goes? */
bool publisher_in_step(struct publisher *p);
/* Finish the jobs of the list once a snapshot holds their wait_seq, at once if it is not awaited.
 */
void publisher_finish(struct publisher *p, struct job *list);
void publisher_stop(struct publisher *p);

/* job_list.c: lists that are pushed to are newest first; writes to one item keep their order. */
void jobs_push(struct job **list, struct job *j);
struct job *jobs_reverse(struct job *list);

/* split.c: which way the writes of a list go. */
struct split {
	struct job *direct, *queue, *done; /* newest first */
	size_t direct_count;
};
void split_jobs(struct lane *lane, struct job *list, bool mysql, struct split *out);
/* Do operations wait on its item, as far as we know? A temporary id that is drained by now becomes
 * the final one. */
bool split_waits(struct lane *lane, struct job *j);

/* accept.c: queue jobs in Redis. Each job of the list is finished (moved to *done), or comes back
 * in *direct because it no longer waits behind anything, or in *unsure because Redis did not take
 * it and MySQL may have it already. */
struct accept_lists {
	struct job *done, *direct, *unsure;
};
void accept_jobs(struct store *s, struct session *session, struct job *list,
		 struct accept_lists *out);

/* accept_args.c: the arguments of the script `accept` (src/redis/lua/accept.lua). */
#define ACCEPT_UNLIMITED	(INT64_C(1) << 53)
#define ACCEPT_FINGERPRINT_SIZE 33
#define ACCEPT_MARKER_SIZE	(1 + OPID_TEXT_SIZE)
/* Hex digits, or `-` if it came without an Idempotency-Key. */
void accept_fingerprint(const struct operation *op, char hex[ACCEPT_FINGERPRINT_SIZE]);
/* What `items:pending:ids` says of an item whose last operation this is. */
void accept_marker(enum op_kind kind, struct opid op, char out[ACCEPT_MARKER_SIZE]);
/* Everything is copied but the instance's name. `until_us`: by the clock of Redis, later it does
 * nothing; 0: any time. */
void accept_args_begin(struct redis_args *args, const struct store *s, const char *epoch,
		       uint64_t nonce, int64_t limit, int64_t until_us);
/* `expected`: the item's marker, or `*` or `+`, see there. `again`: it was accepted before and
 * keeps its place in the order. */
void accept_args_put(struct redis_args *args, const struct operation *op, const char *expected,
		     bool again);

/* resolve.c: temporary ids and keyed repeats */
/* Fill job->ref.id of a temporary id that is drained. False: still waits, or unknown. */
bool resolve_ref(struct store *s, struct session *session, struct item_ref *ref);
/* What became of an operation, as Redis or else MySQL has recorded it; new reference. NULL: neither
 * that can be asked has. */
json_t *resolve_record(struct store *s, struct session *session, struct opid op);
/* Neither is the operation known here, nor to anybody who has to know all of them: it is none.
 * False: whoever could tell is away, or has lost its memory. */
bool resolve_is_no_operation(struct store *s, struct session *session, struct opid op);
/* The same of what resolve_ref did not find and does not wait here. */
bool resolve_is_no_item(struct store *s, struct session *session, const struct item_ref *ref);
/* Redis has an older record of the operation than MySQL: correct it once it can be asked. */
void resolve_tell_redis(struct store *s, struct session *session, struct opid op);
/* A keyed operation that was accepted before: fills the job's answer. True: answered. */
bool resolve_repeat(struct store *s, struct session *session, struct job *j);
/* From the record in MySQL. True: answered. *asked: MySQL has told, else it may have one. */
bool resolve_applied(struct store *s, struct session *session, struct job *j, bool *asked);

/* dead.c, reader.c, reader_list.c */
void dead_job(struct store *s, struct session *session, struct job *j);
void reader_list_job(struct store *s, struct session *session, struct job *j);
/* What was read from MySQL because the mirror is out of step must not be newer than what the mirror
 * shows when it is in step again, be it before the read ends: it is told the mirror, and freed. */
void reader_learn(struct store *s, struct changes *changes);
void reader_learn_row(struct store *s, struct changes *changes, struct row *row);

#endif
