/* lease.c - taking, keeping and dropping the lease of the sync thread. */
#include "relevo/lease.h"

#include <inttypes.h>
#include <stdio.h>

#include "relevo/clock.h"

static enum err_code lease_call(struct redis *r, const char *action, const char *who,
				int64_t *answer, struct err *e)
{
	struct redis_args *args = redis_args_new();
	redis_args_puts(args, action);
	redis_args_puts(args, who);
	redis_args_i64(args, LEASE_TTL_MS);
	redisReply *reply = NULL;
	enum err_code code = redis_script(r, SCRIPT_LEASE, args, &reply, e);
	if (code == ERR_NONE) {
		*answer = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
		freeReplyObject(reply);
	}
	redis_args_free(&args);
	return code;
}

static void lease_extend(struct lease *l)
{
	l->renew_at_ms = clock_mono_ms() + LEASE_TTL_MS / 3;
}

enum err_code lease_take(struct redis *r, struct lease *l, const char *instance, struct err *e)
{
	int64_t token = 0;
	enum err_code code = lease_call(r, "take", instance, &token, e);
	if (code != ERR_NONE)
		return code;
	if (token == 0)
		return err_set(e, ERR_BUSY, "another instance holds the lease");
	l->token = (uint64_t)token;
	lease_extend(l);
	return ERR_NONE;
}

enum err_code lease_keep(struct redis *r, struct lease *l, struct err *e)
{
	if (clock_mono_ms() < l->renew_at_ms)
		return ERR_NONE;
	char token[24];
	snprintf(token, sizeof(token), "%" PRIu64, l->token);
	int64_t answer = 0;
	enum err_code code = lease_call(r, "keep", token, &answer, e);
	if (code == ERR_NONE)
		lease_extend(l);
	return code;
}

void lease_drop(struct redis *r, struct lease *l)
{
	if (l->token == 0)
		return;
	char token[24];
	snprintf(token, sizeof(token), "%" PRIu64, l->token);
	int64_t answer = 0;
	struct err e = ERR_INIT;
	/* A lease that cannot be dropped ends by itself. */
	if (redis_is_open(r))
		(void)!lease_call(r, "drop", token, &answer, &e);
	l->token = 0;
}
