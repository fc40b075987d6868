/* session.h - what the files of src/redis share about one session (private to src/redis). */
#ifndef RELEVO_REDIS_SESSION_H
#define RELEVO_REDIS_SESSION_H

#include "relevo/redis.h"

/* owned by the session's thread */
struct redis {
	const struct redis_url *url; /* borrowed */
	int64_t timeout_ms;
	char *who;
	redisContext *context; /* NULL: closed */
	size_t outstanding;    /* replies of the pipeline not taken yet */
	bool cut;	       /* the last connection ended by itself, not by silence */
	char host[300];	       /* for error texts */
	int64_t ahead_us;      /* the server's clock before clock_mono_us(), */
	int64_t timed_ms;      /* as asked then; 0: unknown */
};

/* A new connection to a TCP server with its time-outs set, not authenticated; NULL and *e on
 * failure. */
redisContext *redis_dial(const char *host, unsigned port, int64_t timeout_ms, struct err *e);
/* A connection's own word on what went wrong. */
const char *redis_trouble(const redisContext *c);
/* AUTH as the URL says, or nothing. False if a command could not be queued. */
bool redis_append_auth(redisContext *c, const struct redis_url *url);
/* One command on its way: its reply is the next that redis_reply gives. */
enum err_code redis_send(struct redis *r, struct err *e, size_t argc, const char **argv,
			 const size_t *lens);
/* The master's address by sentinel number `i`; *host is new. */
enum err_code redis_ask_sentinel(const struct redis *r, size_t i, char **host, unsigned *port,
				 struct err *e);

#endif
