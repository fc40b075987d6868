/* probe.c - is Redis well, and how safe are pending operations in it? */
#include <stdio.h>
#include <string.h>

#include "session.h"

/* The value of `name` in an INFO text, copied to `out` (empty if it is not there). */
static void info_value(const char *info, const char *name, char *out, size_t room)
{
	size_t len = strlen(name);

	out[0] = '\0';
	for (const char *line = info; line && *line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			const char *value = line + len + 1;
			(void)snprintf(out, room, "%.*s", (int)strcspn(value, "\r\n"), value);
			return;
		}
	}
}

/* The appendfsync of a CONFIG GET reply, or "". */
static const char *config_value(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements >= 2 &&
	    reply->element[1]->type == REDIS_REPLY_STRING)
		return reply->element[1]->str;
	return "";
}

/* Without AOF, or with one that is written at the kernel's leisure, a crash loses operations. Where
 * INFO or CONFIG is forbidden nobody knows. */
static enum redis_durability durability_of(const char *aof_enabled, const char *fsync)
{
	if (aof_enabled[0] == '\0')
		return DURABILITY_UNKNOWN;
	if (strcmp(aof_enabled, "1") != 0 || strcmp(fsync, "no") == 0)
		return DURABILITY_NONE;
	if (strcmp(fsync, "always") == 0)
		return DURABILITY_ALWAYS;
	return strcmp(fsync, "everysec") == 0 ? DURABILITY_EVERYSEC : DURABILITY_UNKNOWN;
}

static enum err_code read_info(struct redis *r, const char *info, struct redis_facts *facts,
			       char aof_enabled[8], struct err *e)
{
	char value[64];

	info_value(info, "role", value, sizeof(value));
	if (value[0] && strcmp(value, "master") != 0) {
		redis_drop(r);
		return err_set(e, ERR_DOWN, "%s: is a replica", r->host);
	}
	info_value(info, "maxmemory_policy", value, sizeof(value));
	facts->evicts = value[0] && strcmp(value, "noeviction") != 0;
	info_value(info, "run_id", facts->run_id, sizeof(facts->run_id));
	info_value(info, "aof_enabled", aof_enabled, 8);
	return ERR_NONE;
}

enum err_code redis_probe(struct redis *r, struct redis_facts *facts, struct err *e)
{
	struct redis_facts found = { 0 };
	struct err forbidden = ERR_INIT;
	redisReply *reply = NULL;
	char aof_enabled[8] = "";
	enum err_code code = redis_ready(r, e);

	if (!code)
		code = redis_callf(r, &reply, e, "EXISTS items:log");
	if (code)
		return code;
	freeReplyObject(reply);
	code = redis_callf(r, &reply, &forbidden, "INFO");
	if (code == ERR_DOWN)
		return err_set(e, code, "%s", forbidden.text);
	if (!code) {
		code = read_info(r, reply->str ? reply->str : "", &found, aof_enabled, e);
		freeReplyObject(reply);
		if (code)
			return code;
	}
	err_clear(&forbidden);
	code = redis_callf(r, &reply, &forbidden, "CONFIG GET appendfsync");
	if (code == ERR_DOWN)
		return err_set(e, code, "%s", forbidden.text);
	found.durability = durability_of(aof_enabled, code ? "" : config_value(reply));
	if (!code)
		freeReplyObject(reply);
	*facts = found;
	return ERR_NONE;
}

const char *redis_durability_name(enum redis_durability d)
{
	switch (d) {
	case DURABILITY_NONE:
		return "none";
	case DURABILITY_EVERYSEC:
		return "everysec";
	case DURABILITY_ALWAYS:
		return "always";
	case DURABILITY_UNKNOWN:
		break;
	}
	return "unknown";
}
