/* redis.c - one Redis session: commands in, replies out, errors sorted. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "relevo/mem.h"
#include "relevo/thread.h"
#include "session.h"

/* Error replies that mean something to us, by their beginning. Others are ERR_INTERNAL. */
static const struct {
	const char *prefix;
	enum err_code code;
	bool drop; /* the session is of no use any more */
} meanings[] = {
	{ "EPOCH", ERR_EPOCH, false },	    { "STALE", ERR_STALE, false },
	{ "LEASE", ERR_LEASE_LOST, false }, { "LOADING", ERR_DOWN, true },
	{ "READONLY", ERR_DOWN, true },	    { "MASTERDOWN", ERR_DOWN, true },
	{ "CLUSTERDOWN", ERR_DOWN, true },  { "NOAUTH", ERR_DOWN, true },
	{ "WRONGPASS", ERR_DOWN, true },    { "ERR max number of clients", ERR_DOWN, true },
	{ "BUSY ", ERR_DOWN, false },	    { "OOM", ERR_DOWN, false },
	{ "MISCONF", ERR_DOWN, false },	    { "NOREPLICAS", ERR_DOWN, false },
};

static struct timeval timeval_of(int64_t ms)
{
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000),
				 .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

/* ETIMEDOUT: the kernel gave the peer up (tcp(7), keep-alive). */
static bool is_silence(const redisContext *c)
{
	ASSERT(c != NULL);
	return c->err == REDIS_ERR_IO &&
	       (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT);
}

const char *redis_trouble(const redisContext *c)
{
	if (is_silence(c))
		return "no answer in time";
	return c->errstr[0] ? c->errstr : "connection lost";
}

struct redis *redis_new(const struct redis_url *url, int64_t timeout_ms, const char *who)
{
	struct redis *r = mem_zero(1, sizeof(*r));

	r->url = url;
	r->timeout_ms = timeout_ms;
	r->who = mem_string(who);
	return r;
}

void redis_free(struct redis **r)
{
	if (!*r)
		return;
	redis_drop(*r);
	free((*r)->who);
	free(*r);
	*r = NULL;
}

bool redis_is_open(const struct redis *r)
{
	return r->context != NULL;
}

bool redis_was_cut(const struct redis *r)
{
	return r->cut;
}

void redis_drop(struct redis *r)
{
	if (r->context)
		redisFree(r->context);
	r->context = NULL;
	r->outstanding = 0;
}

/* `c` fresh from a connect call: sets the time-outs, or frees it. */
static redisContext *check_dial(redisContext *c, const char *where, int64_t timeout_ms,
				struct err *e)
{
	if (!c) {
		(void)err_set(e, ERR_DOWN, "%s: no memory for a session", where);
		return NULL;
	}
	if (c->err || redisSetTimeout(c, timeval_of(timeout_ms)) != REDIS_OK) {
		(void)err_set(e, ERR_DOWN, "%s: %s", where, c->errstr);
		redisFree(c);
		return NULL;
	}
	return c;
}

redisContext *redis_dial(const char *host, unsigned port, int64_t timeout_ms, struct err *e)
{
	char where[300];

	(void)snprintf(where, sizeof(where), "%s:%u", host, port);
	return check_dial(redisConnectWithTimeout(host, (int)port, timeval_of(timeout_ms)), where,
			  timeout_ms, e);
}

bool redis_append_auth(redisContext *c, const struct redis_url *url)
{
	const char *user = url->user, *password = url->password;

	if (!password)
		return true;
	if (user && user[0])
		return redisAppendCommand(c, "AUTH %b %b", user, strlen(user), password,
					  strlen(password)) == REDIS_OK;
	return redisAppendCommand(c, "AUTH %b", password, strlen(password)) == REDIS_OK;
}

/* A replica is no use; a server that doesn't tell its role (ACL) is taken at its word. */
static bool is_replica(const redisReply *role)
{
	return role->type == REDIS_REPLY_ARRAY && role->elements > 0 &&
	       role->element[0]->type == REDIS_REPLY_STRING &&
	       strcmp(role->element[0]->str, "master") != 0;
}

/* AUTH, SELECT, a read (which a loading server refuses) and ROLE in one round trip. No PING: one
 * that can't save takes none, but reads. */
static enum err_code greet(struct redis *r, struct err *e)
{
	redisContext *c = r->context;
	unsigned replies = (r->url->password ? 1 : 0) + 3;

	if (!redis_append_auth(c, r->url) ||
	    redisAppendCommand(c, "SELECT %u", r->url->db) != REDIS_OK ||
	    redisAppendCommand(c, "EXISTS items:log") != REDIS_OK ||
	    redisAppendCommand(c, "ROLE") != REDIS_OK)
		return err_set(e, ERR_DOWN, "%s: no memory for a command", r->host);
	for (unsigned i = 1; i <= replies; i++) {
		enum err_code code = ERR_NONE;
		redisReply *reply;
		void *got = NULL;

		if (redisGetReply(c, &got) != REDIS_OK) {
			r->cut = !is_silence(c);
			return err_set(e, ERR_DOWN, "%s: %s", r->host, redis_trouble(c));
		}
		reply = got;
		if (i < replies && reply->type == REDIS_REPLY_ERROR)
			code = err_set(e, ERR_DOWN, "%s: %s", r->host, reply->str);
		else if (i == replies && is_replica(reply))
			code = err_set(e, ERR_DOWN, "%s: is a replica", r->host);
		freeReplyObject(reply);
		if (code)
			return code;
	}
	return ERR_NONE;
}

static enum err_code open_tcp(struct redis *r, const char *host, unsigned port, struct err *e)
{
	enum err_code code;

	(void)snprintf(r->host, sizeof(r->host), "%s:%u", host, port);
	r->context = redis_dial(host, port, r->timeout_ms, e);
	if (!r->context)
		return ERR_DOWN;
	(void)redisEnableKeepAlive(r->context);
	if (r->context->err)
		code = err_set(e, ERR_DOWN, "%s: %s", r->host, r->context->errstr);
	else
		code = greet(r, e);
	if (code)
		redis_drop(r);
	return code;
}

static enum err_code open_unix(struct redis *r, struct err *e)
{
	enum err_code code;

	(void)snprintf(r->host, sizeof(r->host), "%s", r->url->path);
	r->context =
		check_dial(redisConnectUnixWithTimeout(r->url->path, timeval_of(r->timeout_ms)),
			   r->host, r->timeout_ms, e);
	if (!r->context)
		return ERR_DOWN;
	code = greet(r, e);
	if (code)
		redis_drop(r);
	return code;
}

/* Sentinels in order, until one names a master that agrees to be one. The first failure is told. */
static enum err_code open_sentinel(struct redis *r, struct err *e)
{
	struct err first = ERR_INIT;

	for (size_t i = 0; i < r->url->host_count; i++) {
		struct err one = ERR_INIT;
		char *host = NULL;
		unsigned port = 0;
		enum err_code code = redis_ask_sentinel(r, i, &host, &port, &one);

		if (!code)
			code = open_tcp(r, host, port, &one);
		free(host);
		if (!code)
			return ERR_NONE;
		(void)err_set(&first, ERR_DOWN, "%s", one.text);
	}
	return err_set(e, ERR_DOWN, "%s", first.code ? first.text : "no sentinel");
}

/* Between calls the server has nothing to say: what is readable is the end of the connection. */
static bool is_stale(const struct redis *r)
{
	struct pollfd p = { .fd = r->context->fd, .events = POLLIN };

	return r->outstanding > 0 || poll(&p, 1, 0) != 0;
}

static enum err_code open_any(struct redis *r, struct err *e)
{
	r->cut = false;
	switch (r->url->form) {
	case REDIS_TCP:
		return open_tcp(r, r->url->hosts[0].host, r->url->hosts[0].port, e);
	case REDIS_UNIX:
		return open_unix(r, e);
	case REDIS_SENTINEL:
		return open_sentinel(r, e);
	}
	return err_set(e, ERR_INTERNAL, "unknown form of Redis address");
}

enum err_code redis_ready(struct redis *r, struct err *e)
{
	struct err first = ERR_INIT;
	enum err_code code;

	if (r->context && !is_stale(r))
		return ERR_NONE;
	redis_drop(r);
	code = open_any(r, &first);
	/* A connection that was cut while it was opened says little of the server. */
	if (code && r->cut)
		return open_any(r, e);
	return code ? err_set(e, code, "%s", first.text) : ERR_NONE;
}

static enum err_code not_open(struct err *e)
{
	return err_set(e, ERR_DOWN, "Redis: not connected");
}

static enum err_code broken(struct redis *r, struct err *e)
{
	bool cut = !is_silence(r->context);
	enum err_code code = err_set(e, ERR_DOWN, "%s: %s", r->host, redis_trouble(r->context));

	redis_drop(r);
	r->cut = cut;
	return code;
}

/* Takes one reply off the wire, error replies too. */
static enum err_code take(struct redis *r, redisReply **out, struct err *e)
{
	void *reply = NULL;

	if (!r->context)
		return not_open(e);
	if (redisGetReply(r->context, &reply) != REDIS_OK || !reply)
		return broken(r, e);
	if (r->outstanding > 0)
		r->outstanding--;
	*out = reply;
	return ERR_NONE;
}

/* Redis 6 wraps an error within a script: "ERR Error running script (...): @...: -OOM ...". */
static const char *unwrap(const char *text)
{
	static const char wrapped[] = "ERR Error running script";
	const char *inner = NULL;

	if (strncmp(text, wrapped, sizeof(wrapped) - 1) == 0)
		inner = strstr(text, ": -");
	return inner ? inner + 3 : text;
}

/* An error reply as our error; frees it and ends the pipeline. */
static enum err_code sort_error(struct redis *r, redisReply *reply, struct err *e)
{
	const char *text = unwrap(reply->str);
	enum err_code code = ERR_INTERNAL;
	bool drop = false;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strncasecmp(text, meanings[i].prefix, strlen(meanings[i].prefix)) == 0) {
			code = meanings[i].code;
			drop = meanings[i].drop;
			break;
		}
	}
	(void)err_set(e, code, "Redis: %s", text);
	freeReplyObject(reply);
	while (!drop && r->outstanding > 0) {
		redisReply *rest = NULL;
		if (take(r, &rest, NULL))
			return code; /* dropped already */
		freeReplyObject(rest);
	}
	if (drop)
		redis_drop(r);
	return code;
}

enum err_code redis_reply(struct redis *r, redisReply **out, struct err *e)
{
	redisReply *reply = NULL;
	enum err_code code = take(r, &reply, e);

	if (code)
		return code;
	ASSERT(reply != NULL);
	if (reply->type == REDIS_REPLY_ERROR)
		return sort_error(r, reply, e);
	*out = reply;
	return ERR_NONE;
}

enum err_code redis_append(struct redis *r, struct err *e, size_t argc, const char **argv,
			   const size_t *lens)
{
	if (!r->context)
		return not_open(e);
	if (argc > INT_MAX)
		return err_set(e, ERR_INTERNAL, "Redis: %zu arguments", argc);
	if (redisAppendCommandArgv(r->context, (int)argc, argv, lens) != REDIS_OK)
		return broken(r, e);
	r->outstanding++;
	return ERR_NONE;
}

/* Replies that a pipeline's owner left behind must not answer the next command. */
static enum err_code settle(struct redis *r, struct err *e)
{
	while (r->context && r->outstanding > 0) {
		redisReply *rest = NULL;
		enum err_code code = take(r, &rest, e);
		if (code)
			return code;
		freeReplyObject(rest);
	}
	return r->context ? ERR_NONE : not_open(e);
}

enum err_code redis_send(struct redis *r, struct err *e, size_t argc, const char **argv,
			 const size_t *lens)
{
	enum err_code code = settle(r, e);
	int written = 0;

	if (!code)
		code = redis_append(r, e, argc, argv, lens);
	while (!code && !written) {
		if (redisBufferWrite(r->context, &written) != REDIS_OK)
			code = broken(r, e);
	}
	return code;
}

enum err_code redis_command(struct redis *r, redisReply **out, struct err *e, size_t argc,
			    const char **argv, const size_t *lens)
{
	enum err_code code = settle(r, e);

	if (!code)
		code = redis_append(r, e, argc, argv, lens);
	return code ? code : redis_reply(r, out, e);
}

static enum err_code callv(struct redis *r, redisReply **out, struct err *e, const char *format,
			   va_list args)
{
	enum err_code code = settle(r, e);

	if (code)
		return code;
	if (redisvAppendCommand(r->context, format, args) != REDIS_OK)
		return broken(r, e);
	r->outstanding++;
	return redis_reply(r, out, e);
}

enum err_code redis_callf(struct redis *r, redisReply **out, struct err *e, const char *format, ...)
{
	enum err_code code;
	va_list args;

	va_start(args, format);
	code = callv(r, out, e, format, args);
	va_end(args);
	return code;
}

enum err_code redis_wait(struct redis *r, redisReply **out, struct err *e, int64_t wait_ms,
			 const char *format, ...)
{
	redisReply *reply = NULL;
	enum err_code code;
	va_list args;

	if (!r->context)
		return not_open(e);
	if (redisSetTimeout(r->context, timeval_of(r->timeout_ms + wait_ms)) != REDIS_OK)
		return broken(r, e);
	va_start(args, format);
	code = callv(r, &reply, e, format, args);
	va_end(args);
	if (r->context && redisSetTimeout(r->context, timeval_of(r->timeout_ms)) != REDIS_OK &&
	    !code) {
		freeReplyObject(reply);
		return broken(r, e);
	}
	if (!code)
		*out = reply;
	return code;
}
