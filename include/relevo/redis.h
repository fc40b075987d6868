/* redis.h - one Redis session with deadlines, and the Lua scripts.
 *
 * A `struct redis` belongs to one thread at a time. After an I/O error the hiredis context is dead
 * and is dropped; redis_ready opens a new one. Every call ends within the configured time-out.
 */
#ifndef RELEVO_REDIS_H
#define RELEVO_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis.h>

#include "relevo/err.h"
#include "relevo/url.h"

struct redis;

struct redis *redis_new(const struct redis_url *url, int64_t timeout_ms, const char *who);
void redis_free(struct redis **r);
bool redis_is_open(const struct redis *r);
/* The last call failed because its connection was reset or closed, not for want of an answer nor by
 * a server that refuses: that says little of the server. Until the next redis_ready. */
bool redis_was_cut(const struct redis *r);
void redis_drop(struct redis *r);
/* Connect, AUTH, SELECT; with Sentinel ask the sentinels in order for the master and check ROLE.
 * A server that is loading or a replica (ROLE slave) is ERR_DOWN. */
MUST_CHECK enum err_code redis_ready(struct redis *r, struct err *e);

/* One command; arguments are binary-safe. On success *out is a new reply (freeReplyObject) that is
 * never an error reply. ERR_DOWN: connection broke, time-out, or -LOADING -READONLY -MASTERDOWN
 * -OOM -MISCONF -NOREPLICAS -NOAUTH -CLUSTERDOWN (the session is dropped for those that need it).
 * ERR_EPOCH, ERR_STALE, ERR_LEASE_LOST: error replies of our scripts that begin with EPOCH, STALE,
 * LEASE. Others: ERR_INTERNAL. */
MUST_CHECK enum err_code redis_command(struct redis *r, redisReply **out, struct err *e,
				       size_t argc, const char **argv, const size_t *lens);
/* The same from a hiredis format string (`%b` for binary). */
MUST_CHECK enum err_code redis_callf(struct redis *r, redisReply **out, struct err *e,
				     const char *format, ...);
/* Blocking read: like redis_callf with an extra `wait_ms` on top of the time-out. */
MUST_CHECK enum err_code redis_wait(struct redis *r, redisReply **out, struct err *e,
				    int64_t wait_ms, const char *format, ...);
/* Pipelining: append commands, then take their replies in order. Any error ends the pipeline. */
MUST_CHECK enum err_code redis_append(struct redis *r, struct err *e, size_t argc,
				      const char **argv, const size_t *lens);
MUST_CHECK enum err_code redis_reply(struct redis *r, redisReply **out, struct err *e);

/* The server's clock, in µs since 1970. */
MUST_CHECK enum err_code redis_time(struct redis *r, int64_t *us, struct err *e);
/* The same, as the session knows it from the last time it asked, 10 s ago at most; no earlier than
 * it is, later by the time that an answer took. */
MUST_CHECK enum err_code redis_time_about(struct redis *r, int64_t *us, struct err *e);
void redis_forget_time(struct redis *r); /* ask again: it was wrong */

enum redis_script {
	SCRIPT_APPEND,
	SCRIPT_ACCEPT,
	SCRIPT_PUBLISH,
	SCRIPT_SETTLE,
	SCRIPT_ADOPT,
	SCRIPT_LEASE,
	SCRIPT_FOUND,
	SCRIPT_PIECE,
	SCRIPT_DISCARD,
	SCRIPT_COUNT
};

/* A script's arguments, collected; keys are fixed names known to the scripts. Numbers are copied,
 * byte arguments borrowed until the call. */
struct redis_args;
struct redis_args *redis_args_new(void);
void redis_args_free(struct redis_args **a);
void redis_args_reset(struct redis_args *a);
void redis_args_put(struct redis_args *a, const char *bytes, size_t len); /* borrowed */
void redis_args_puts(struct redis_args *a, const char *text);		  /* borrowed */
void redis_args_i64(struct redis_args *a, int64_t n);
void redis_args_copy(struct redis_args *a, const char *bytes, size_t len); /* copied */

/* EVALSHA (0 keys, the arguments as ARGV), loading the script on NOSCRIPT. Errors as above. */
MUST_CHECK enum err_code redis_script(struct redis *r, enum redis_script script,
				      const struct redis_args *args, redisReply **out,
				      struct err *e);
/* The same in two steps, for a caller who has something else to do while Redis works: both with the
 * same arguments, and no other call on this session in between. */
MUST_CHECK enum err_code redis_script_send(struct redis *r, enum redis_script script,
					   const struct redis_args *args, struct err *e);
MUST_CHECK enum err_code redis_script_reply(struct redis *r, enum redis_script script,
					    const struct redis_args *args, redisReply **out,
					    struct err *e);

/* How safe pending operations are in the Redis at hand (contract, /health `durability`). */
enum redis_durability {
	DURABILITY_UNKNOWN,
	DURABILITY_NONE,
	DURABILITY_EVERYSEC,
	DURABILITY_ALWAYS
};
struct redis_facts {
	enum redis_durability durability;
	bool evicts;	 /* maxmemory-policy other than noeviction */
	char run_id[48]; /* INFO server */
};
/* PING, INFO and CONFIG GET (or INFO's aof_enabled where CONFIG is forbidden). */
MUST_CHECK enum err_code redis_probe(struct redis *r, struct redis_facts *facts, struct err *e);
const char *redis_durability_name(enum redis_durability d);

#endif
