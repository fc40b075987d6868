/* remember.c - what was applied, put back into a Redis that lost it. */
#include "remember.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/sync.h"
#include "relevo/tables.h"

#define STEP	    500
#define REMEMBER_MS 1000
/* The field `done` of items:log: the epoch it belongs to, and how far its records are there. */
#define DONE_ALL "all"

struct progress {
	struct opid after; /* up to here */
	bool all;
};

static enum err_code read_progress(struct redis *r, const char *epoch, struct progress *p,
				   struct err *e)
{
	size_t len = strlen(epoch);
	redisReply *reply = NULL;
	enum err_code code = redis_callf(r, &reply, e, "HGET items:log done");

	*p = (struct progress){ .all = false };
	if (code != ERR_NONE)
		return code;
	if (reply->type == REDIS_REPLY_STRING && reply->len > len && reply->str[len] == ' ' &&
	    memcmp(reply->str, epoch, len) == 0) {
		const char *at = reply->str + len + 1;
		p->all = strcmp(at, DONE_ALL) == 0;
		if (!p->all && !opid_parse(at, strlen(at), &p->after))
			p->after = (struct opid){ { 0 } };
	}
	freeReplyObject(reply);
	return ERR_NONE;
}

bool sync_is_remembered(struct redis *r, const char *epoch, struct err *e)
{
	struct progress p;
	return read_progress(r, epoch, &p, e) == ERR_NONE && p.all;
}

/* A record that is there stays: it is newer. */
static enum err_code send_record(struct redis *r, const struct applied *a, struct err *e)
{
	char op[OPID_TEXT_SIZE], key[sizeof("items:done:") + OPID_TEXT_SIZE], ttl[24];
	char *json = applied_record(a);

	opid_format(a->op, op);
	snprintf(key, sizeof(key), "items:done:%s", op);
	snprintf(ttl, sizeof(ttl), "%lld", (long long)(a->left_s > 0 ? a->left_s : 1));
	const char *set[] = { "SET", key, json, "NX", "EX", ttl };
	enum err_code code = redis_append(r, e, 6, set, NULL);
	free(json);
	return code;
}

static enum err_code send_progress(struct redis *r, const char *epoch, const struct progress *p,
				   struct err *e)
{
	char text[EPOCH_SIZE + OPID_TEXT_SIZE + 1], op[OPID_TEXT_SIZE];

	opid_format(p->after, op);
	snprintf(text, sizeof(text), "%s %s", epoch, p->all ? DONE_ALL : op);
	const char *set[] = { "HSET", "items:log", "done", text };
	return redis_append(r, e, 4, set, NULL);
}

/* The records, then how far they go. An epoch that ends meanwhile does not matter: the progress
 * says whose it is. */
static enum err_code send_step(struct redis *r, const char *epoch, const struct applied *found,
			       size_t count, const struct progress *p, size_t *put, struct err *e)
{
	enum err_code code = ERR_NONE;

	for (size_t i = 0; i < count && code == ERR_NONE; i++)
		code = send_record(r, &found[i], e);
	if (code == ERR_NONE)
		code = send_progress(r, epoch, p, e);
	for (size_t i = 0; i <= count && code == ERR_NONE; i++) {
		redisReply *reply = NULL;
		code = redis_reply(r, &reply, e);
		if (code != ERR_NONE)
			break;
		*put += reply->type == REDIS_REPLY_STATUS; /* nil: it was there */
		freeReplyObject(reply);
	}
	if (code != ERR_NONE)
		redis_drop(r); /* answers may be under way */
	return code;
}

static enum err_code step(struct session *session, const char *epoch, struct progress *p,
			  size_t *put, struct err *e)
{
	struct applied *found = NULL;
	size_t n = 0;
	enum err_code code = applied_after(session->db, p->after, STEP, &found, &n, e);

	if (code != ERR_NONE)
		return code;
	p->all = n < STEP;
	if (n > 0)
		p->after = found[n - 1].op;
	code = send_step(session->redis, epoch, found, n, p, put, e);
	for (size_t i = 0; i < n; i++)
		applied_free(&found[i]);
	free(found);
	return code;
}

enum err_code remember(struct store *s, struct session *session, struct err *e)
{
	struct mirror_position at = mirror_position(s->mirror);
	int64_t until = clock_mono_ms() + REMEMBER_MS;
	struct progress p;
	size_t put = 0;

	if (!session_mysql(session, s))
		return ERR_NONE;
	enum err_code code = read_progress(session->redis, at.epoch, &p, e);
	while (code == ERR_NONE && !p.all && clock_mono_ms() < until)
		code = step(session, at.epoch, &p, &put, e);
	if (put > 0)
		log_info(TAG_REBUILD, "%zu records of applied operations put back into Redis%s",
			 put, p.all ? "" : ", more to come");
	return code;
}
