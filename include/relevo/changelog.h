/* changelog.h - the log of changes in Redis, and the snapshot it goes with.
 *
 * Keys: `items:log` (hash: epoch, seq, snap, damaged, done), `items:changes` (stream; entry ids are
 * SEQ-0, dense), `items:cache` + `items:cache:hash` (snapshot at seq `snap`). Each function uses
 * the caller's session (one thread at a time); the mirror is shared.
 */
#ifndef RELEVO_CHANGELOG_H
#define RELEVO_CHANGELOG_H

#include "relevo/mirror.h"
#include "relevo/redis.h"

/* How a finished operation is remembered in Redis under `items:done:<OP>`, so that its temporary
 * id and its key work while MySQL is down. JSON: {"kind":..,"state":..,"id":N|null,
 * "accepted_at":..,"applied_at":..,"fingerprint":HEX?,"item":{..}?} */
struct done_record {
	struct opid op;
	char *json; /* owned by whoever filled it */
	unsigned ttl_s;
};
/* Entries kept in the log before the snapshot, for instances that are a little behind. */
#define LOG_KEEP 1000

#define DONE_TTL_KEYED_S   86400
#define DONE_TTL_DRAINED_S (7 * 86400)

/* Append one entry and apply it to the mirror (catching up first where the log is ahead). On
 * success the mirror's position is >= *seq. ERR_DOWN, ERR_EPOCH: nothing was applied to the mirror;
 * the caller decides (mirror_apply_unlogged). `changes` is borrowed. */
MUST_CHECK enum err_code changelog_append(struct redis *r, struct mirror *m, const char *instance,
					  const struct changes *changes,
					  const struct done_record *done, size_t done_count,
					  uint64_t *seq, struct err *e);
/* The same in two steps: the entry is sent, and the mirror told when Redis answered. In between no
 * other call may use the session. changelog_sent frees *entry, also when it fails. */
struct changelog_entry;
MUST_CHECK enum err_code changelog_send(struct redis *r, const struct mirror *m,
					const char *instance, const struct changes *changes,
					const struct done_record *done, size_t done_count,
					struct changelog_entry **entry, struct err *e);
MUST_CHECK enum err_code changelog_sent(struct redis *r, struct mirror *m,
					struct changelog_entry **entry,
					const struct changes *changes, uint64_t *seq,
					struct err *e);
/* After a script that logged entry `seq` with `changes` already known here: apply or catch up. */
MUST_CHECK enum err_code changelog_applied(struct redis *r, struct mirror *m, uint64_t seq,
					   uint64_t nonce, const char *epoch,
					   const struct changes *changes, struct err *e);
/* Read and apply everything up to the present end of the log. ERR_STALE: entries we need are
 * trimmed, or the log forked (load again); ERR_EPOCH. */
MUST_CHECK enum err_code changelog_catch_up(struct redis *r, struct mirror *m, struct err *e);
/* Wait up to `wait_ms` for new entries and apply them. Errors as catch_up. */
MUST_CHECK enum err_code changelog_follow(struct redis *r, struct mirror *m, int64_t wait_ms,
					  struct err *e);
/* Does the log still continue what the mirror has? ERR_NONE: yes, catch_up will do. ERR_NOT_FOUND:
 * there is no epoch at all; *was is "". ERR_EPOCH/ERR_STALE: another epoch, a fork or a gap. */
MUST_CHECK enum err_code changelog_check(struct redis *r, struct mirror *m, struct err *e);
/* What to do with operations that wait in a mirror that knows more than Redis. */
struct changelog_known {
	/* Which of them are done? Called after the snapshot was read, so that nothing in it is
	 * newer than the answer, which stays the caller's. */
	const struct changes *(*settled)(void *ctx);
	void *ctx;
};
/* Load snapshot and pending lists, join with what the mirror knows, then catch up. `known`: keep
 * operations that the lists do not hold; NULL: drop them.
 * ERR_NOT_FOUND: no epoch. ERR_STALE: the snapshot is unreadable or older than the log's start:
 * `found` a new epoch from the mirror or MySQL, ending the epoch in `was`. */
MUST_CHECK enum err_code changelog_load(struct redis *r, struct mirror *m,
					const struct changelog_known *known, char was[EPOCH_SIZE],
					struct err *e);
/* Begin a new epoch with the mirror's present content. ERR_STALE: somebody else did. */
MUST_CHECK enum err_code changelog_found(struct redis *r, struct mirror *m, const char *was,
					 struct err *e);
/* A snapshot that was published; it keeps its view. */
struct snapshot;
void snapshot_free(struct snapshot **s); /* sets *s to NULL */
struct published {
	size_t whole; /* bytes of the snapshot */
	size_t sent;  /* what differed from the last one, and followed while it went up */
	uint64_t seq, generation;
};
/* Publish the view as the snapshot of its position, or, if it was long on its way, a later one of
 * the mirror. ERR_STALE: a later one is there (fine). *last: the caller's last one (or NULL) and
 * then this one: only the bytes from the first difference on are sent. ERR_NOT_FOUND: it is not
 * what Redis has, the next try sends all. ERR_BUSY: more than `most` bytes would have to be sent;
 * nothing was. *out is set in any case but ERR_EPOCH. */
MUST_CHECK enum err_code changelog_publish(struct redis *r, struct mirror *m, struct mirror_view *v,
					   struct snapshot **last, size_t most,
					   struct published *out, struct err *e);
/* The snapshot in Redis is damaged: no instance builds on it, until one is published whole. */
MUST_CHECK enum err_code changelog_damaged(struct redis *r, struct err *e);
/* Publish all of the view. `again`: also when this very position is published already. */
MUST_CHECK enum err_code changelog_repair(struct redis *r, struct mirror_view *v, bool again,
					  struct err *e);
/* Position of the snapshot in Redis. */
MUST_CHECK enum err_code changelog_snapshot_seq(struct redis *r, uint64_t *seq, struct err *e);

/* A nonce for one entry. */
uint64_t changelog_nonce(void);

#endif
