/* store.h - the only place that decides between MySQL and Redis.
 *
 * HTTP handlers hand requests to the store and never see a server. Reads that memory can answer
 * come back at once; everything that needs I/O is a *job*: submitted, run by a thread of the store
 * (writes by a lane, the rest by a reader), and finished by one call of its `done`.
 *
 * Threads: store_new/start/stop/free by the main thread; all others by any thread.
 */
#ifndef RELEVO_STORE_H
#define RELEVO_STORE_H

#include "relevo/circuit.h"
#include "relevo/fields.h"
#include "relevo/mirror.h"
#include "relevo/options.h"
#include "relevo/redis.h"
#include "relevo/row.h"

struct store;

enum source { SOURCE_MYSQL, SOURCE_CACHE, SOURCE_BACKUP, SOURCE_MEMORY };
const char *source_name(enum source s); /* "MySQL", "REDIS_CACHE", "REDIS_BACKUP", "MEMORY" */

/* --- life cycle --- */
struct store *store_new(const struct options *o); /* `o` is borrowed for the store's life */
void store_start(struct store *s); /* starts lanes, readers, follower, publisher, probes, sync */
/* Wait until the first load is settled (cache or MySQL read, or found to be down). */
void store_wait_loaded(struct store *s, int64_t deadline_ms);
void store_stop(struct store *s); /* finishes queued jobs, releases the lease, joins threads */
void store_free(struct store **s);

/* --- identity of an item in a request path --- */
struct item_ref {
	int64_t id;	  /* > 0, or 0 */
	struct opid temp; /* when id is 0 */
};
/* `5` or `pending_<OP>`; false: no such form (the answer is 404). */
bool item_ref_parse(const char *text, size_t len, struct item_ref *out);

/* --- reads from memory --- */
struct read_mode {
	bool no_cache; /* Cache-Control: no-cache */
};
/* Where a GET is answered now: SOURCE_CACHE or SOURCE_MEMORY (stale) from the mirror, SOURCE_MYSQL
 * by a job. */
enum source store_read_source(struct store *s, struct read_mode mode);
struct row *store_get(struct store *s, struct item_ref ref); /* new reference or NULL: ask by job */
struct mirror *store_mirror(struct store *s);

/* --- jobs --- */
enum job_kind {
	JOB_CREATE,
	JOB_REPLACE,
	JOB_PATCH,
	JOB_DELETE,
	JOB_GET,	/* confirm a miss with the log, or read one item from MySQL */
	JOB_LIST,	/* read all from MySQL: result in `view` of a private mirror */
	JOB_OPERATION,	/* GET /operations/{op}: `json` */
	JOB_DEAD_LIST,	/* `json` */
	JOB_DEAD_RETRY, /* `op`, optional `fields` */
	JOB_DEAD_DISCARD,
	JOB_INSTANCES, /* `json` */
};

enum job_result {
	JOB_DONE,   /* applied in MySQL (or read) */
	JOB_QUEUED, /* accepted, waits: 202 */
	JOB_FAILED, /* `error` says why */
};

#define ETAG_LIST_MAX 16

struct job {
	/* filled by the caller; texts and fields owned by the job */
	enum job_kind kind;
	struct item_ref ref;
	struct fields fields;		      /* CREATE, REPLACE: all; PATCH, RETRY: those given */
	bool has_fields;		      /* DEAD_RETRY: a corrected body came */
	bool if_match;			      /* If-Match present */
	bool if_match_any;		      /* `*` */
	char etags[ETAG_LIST_MAX][ETAG_SIZE]; /* strong tags of If-Match */
	size_t etag_count;
	struct opid op; /* write: derived from the key, else the store's; OPERATION, DEAD_*: the
			   path's */
	bool keyed;
	uint8_t fingerprint[16]; /* of method, path and body */
	struct read_mode mode;
	struct faults *faults;	     /* owned: details of ERR_INVALID found by the store */
	void (*done)(struct job *j); /* called exactly once, by a thread of the store or, when the
				      * store refuses at once, by the submitter; the job then
				      * belongs to the callee again */
	void *ctx;		     /* the caller's */
	const char *request;	     /* id for log lines, borrowed until `done`; NULL: none */

	/* filled by the store before `done` */
	enum job_result result;
	enum source source;
	struct err error;
	struct row *row;	  /* item answered: new reference */
	int64_t deleted_id;	  /* DELETE of an item with a final id */
	struct opid operation;	  /* QUEUED: the operation's id */
	bool created_replay;	  /* a keyed repeat: answer as the first time */
	json_t *json;		  /* new reference */
	struct mirror_view *view; /* LIST: new reference */

	/* owned by the store while submitted */
	struct job *next;
	uint64_t wait_seq;   /* answered once the snapshot has reached this */
	int64_t deadline_ms; /* of being tried again; 0: none yet */
	int64_t submitted_us;
	unsigned nth, index;
	unsigned lane; /* that has it */
	uint64_t base_version;
	int64_t base_updated_us;
	struct opid batch;
	bool maybe_queued; /* a script that would queue it was sent, and may run later */
	bool extended;	   /* the deadline was set a second time */
};

struct job *job_new(enum job_kind kind);
void job_free(struct job **j);
/* Ownership passes to the store until `done`. */
void store_submit(struct store *s, struct job *j);

/* --- state for /health, /sync/status, /metrics --- */
struct store_health {
	bool mysql, redis;
	const char *mode; /* "online", "offline", "draining" */
	enum redis_durability durability;
	bool durable; /* durability is always or everysec, and no eviction */
};
void store_health(struct store *s, struct store_health *out);

/* The object of GET /sync/status, fields in contract order. New reference. Never blocks. */
json_t *store_sync_status(struct store *s);
/* Start a sync cycle now. ERR_BUSY if one runs anywhere. */
MUST_CHECK enum err_code store_sync_run(struct store *s, struct err *e);
void store_count_request(struct store *s); /* for requests:{name} */

#define BATCH_BUCKETS 10 /* upper bounds 1, 2, 4, .. 256, +Inf */
struct store_counters {
	uint64_t drains, rebuilds, conflicts, drained_operations, publishes, publish_bytes,
		publish_sent;
	uint64_t batches[BATCH_BUCKETS], batch_operations, batch_count;
	uint64_t queued, unsent_dropped, purged;
};
void store_counters(struct store *s, struct store_counters *out);

/* What the store holds of everything that grows, and how much it may be. */
struct store_bound {
	const char *name; /* of the metric, without prefix */
	const char *help;
	uint64_t size;
	uint64_t limit; /* 0: bounded by age only */
};
#define STORE_BOUNDS 12
void store_bounds(struct store *s, struct store_bound out[STORE_BOUNDS]);

#endif
