/* err.h - what went wrong, in one value.
 *
 * Functions that can fail return `enum err_code` (ERR_NONE = 0 on success) and take a
 * `struct err *` that receives code and text. `out` parameters are untouched on failure. The first
 * error wins: err_set on an err that already carries a code does nothing, so a caller may add no
 * noise on the way up. The struct is plain memory, owned by whoever declared it.
 */
#ifndef RELEVO_ERR_H
#define RELEVO_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_USAGE,	  /* bad configuration or command line */
	ERR_MALFORMED,	  /* not JSON, broken escape, bad query parameter: HTTP 400 */
	ERR_INVALID,	  /* well-formed but breaks validation: HTTP 422 */
	ERR_NOT_FOUND,	  /* no such item or operation */
	ERR_PRECONDITION, /* If-Match did not match: HTTP 412 */
	ERR_KEY_REUSED,	  /* Idempotency-Key used for another request: HTTP 422 */
	ERR_KEY_BUSY,	  /* the keyed request is still in progress: HTTP 409 */
	ERR_DEAD_LETTER,  /* the keyed operation ended as a dead letter: HTTP 409 */
	ERR_LETTER_TAKEN, /* the dead letter was retried or discarded meanwhile: HTTP 409 */
	ERR_BUSY,	  /* a sync cycle runs already: HTTP 409 */
	ERR_FULL,	  /* pending limit or queue bound reached: HTTP 503 + Retry-After */
	ERR_BOTH_DOWN,	  /* neither server can take it: HTTP 503 + Retry-After */
	ERR_NOT_DURABLE,  /* RELEVO_REQUIRE_DURABLE refuses: HTTP 503 + Retry-After */
	ERR_STOPPING,	  /* the daemon is shutting down: HTTP 503 */
	ERR_DOWN,	  /* a server is unreachable, nothing of the call took effect */
	ERR_UNCERTAIN,	  /* the connection broke while a commit was on its way */
	ERR_REFUSED,	  /* MySQL said no to the statement itself (constraint, trigger, data) */
	ERR_LOCKED,	  /* another session holds the row's lock */
	ERR_DUPLICATE,	  /* unique key taken: the operation was applied before */
	ERR_EPOCH,	  /* Redis lost its memory: the epoch is not the one we follow */
	ERR_STALE,	  /* somebody else is further ahead */
	ERR_LEASE_LOST,	  /* the fencing token is no longer the current one */
	ERR_INTERNAL,	  /* a broken answer from a server, or a bug */
};

struct err {
	enum err_code code;
	char text[320];
};

#define ERR_INIT             \
	{                    \
		ERR_NONE, "" \
	}
#define MUST_CHECK __attribute__((warn_unused_result))

/* Set code and text unless one is set already; returns the code that now stands. `e` may be NULL.
 */
enum err_code err_set(struct err *e, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Forget the error, to use the value again. */
void err_clear(struct err *e);
/* A short constant name ("down", "locked") for logs. */
const char *err_name(enum err_code code);

#endif
