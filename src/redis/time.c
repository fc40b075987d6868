/* time.c - the clock of Redis: those of the instances may differ from it, and be stepped. */
#include <stdlib.h>

#include "relevo/clock.h"
#include "session.h"

#define TRUSTED_MS 10000

enum err_code redis_time(struct redis *r, int64_t *us, struct err *e)
{
	redisReply *reply = NULL;
	int64_t asked_us = clock_mono_us();
	enum err_code code = redis_callf(r, &reply, e, "TIME");

	if (code != ERR_NONE)
		return code;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
		*us = strtoll(reply->element[0]->str, NULL, 10) * 1000000 +
		      strtoll(reply->element[1]->str, NULL, 10);
		r->ahead_us = *us - asked_us;
		r->timed_ms = clock_mono_ms();
	} else {
		code = err_set(e, ERR_INTERNAL, "Redis does not tell the time");
	}
	freeReplyObject(reply);
	return code;
}

enum err_code redis_time_about(struct redis *r, int64_t *us, struct err *e)
{
	if (r->timed_ms == 0 || clock_mono_ms() - r->timed_ms > TRUSTED_MS)
		return redis_time(r, us, e);
	*us = clock_mono_us() + r->ahead_us;
	return ERR_NONE;
}

void redis_forget_time(struct redis *r)
{
	r->timed_ms = 0;
}
