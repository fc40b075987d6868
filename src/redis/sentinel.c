/* sentinel.c - asks a sentinel which server is the master of the group. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relevo/mem.h"
#include "session.h"

static redisReply *ask(redisContext *c, const char *master)
{
	return redisCommand(c, "SENTINEL get-master-addr-by-name %s", master);
}

/* A sentinel may want the group's password or none at all: it is offered only on demand. */
static redisReply *ask_with_password(redisContext *c, const struct redis_url *url)
{
	void *reply = NULL;

	if (!redis_append_auth(c, url) || redisGetReply(c, &reply) != REDIS_OK)
		return NULL;
	freeReplyObject(reply);
	return ask(c, url->master);
}

static enum err_code read_address(const redisReply *reply, const struct redis_url *url, size_t i,
				  char **host, unsigned *port, struct err *e)
{
	const char *from = url->hosts[i].host;
	unsigned from_port = url->hosts[i].port;
	unsigned long number;

	if (reply->type == REDIS_REPLY_ERROR)
		return err_set(e, ERR_DOWN, "sentinel %s:%u: %s", from, from_port, reply->str);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		return err_set(e, ERR_DOWN, "sentinel %s:%u knows no master %s", from, from_port,
			       url->master);
	number = strtoul(reply->element[1]->str, NULL, 10);
	if (number == 0 || number > 65535)
		return err_set(e, ERR_DOWN, "sentinel %s:%u: bad port", from, from_port);
	*host = mem_copy(reply->element[0]->str, reply->element[0]->len);
	*port = (unsigned)number;
	return ERR_NONE;
}

enum err_code redis_ask_sentinel(const struct redis *r, size_t i, char **host, unsigned *port,
				 struct err *e)
{
	const struct redis_url *url = r->url;
	redisReply *reply = NULL;
	enum err_code code;
	redisContext *c = redis_dial(url->hosts[i].host, url->hosts[i].port, r->timeout_ms, e);

	if (!c)
		return ERR_DOWN;
	reply = ask(c, url->master);
	if (reply && reply->type == REDIS_REPLY_ERROR && url->password &&
	    strncasecmp(reply->str, "NOAUTH", 6) == 0) {
		freeReplyObject(reply);
		reply = ask_with_password(c, url);
	}
	if (reply)
		code = read_address(reply, url, i, host, port, e);
	else
		code = err_set(e, ERR_DOWN, "sentinel %s:%u: %s", url->hosts[i].host,
			       url->hosts[i].port, redis_trouble(c));
	if (reply)
		freeReplyObject(reply);
	redisFree(c);
	return code;
}
