/* plant.c - which bug to have, and the bugs in Lua. Part of the planted build only. */
#ifndef RELEVO_PLANT_BUGS
#define RELEVO_PLANT_BUGS /* for tools that look at this file alone */
#endif
#include "relevo/plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/log.h"
#include "relevo/thread.h"

#define PLANT_ROW(constant, name, what) [PLANT_##constant] = { name, what },
static const struct {
	const char *name, *what;
} plants[PLANT_COUNT] = { [PLANT_NONE] = { "", "" }, PLANTS(PLANT_ROW) };
#undef PLANT_ROW

/* What a bug makes of a script. */
static const struct edit {
	enum plant bug;
	enum redis_script script;
	const char *is, *becomes;
} edits[] = {
	{ PLANT_TRIM_WITHOUT_TOKEN, SCRIPT_SETTLE, "if redis.call('GET', 'sync:lease') ~= ARGV[1]",
	  "if false" },
	{ PLANT_HASH_NOT_UPDATED, SCRIPT_PUBLISH, "redis.call('SET', 'items:cache:hash', ARGV[3])",
	  "" },
	{ PLANT_ACCEPTED_NOT_QUEUED, SCRIPT_ACCEPT, "redis.call('RPUSH', lists[kind], entry)",
	  "if number % 20 ~= 0 then"
	  " redis.call('RPUSH', lists[kind], entry) end" },
};

/* written once, before the first use */
static enum plant chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
	const char *name = getenv("RELEVO_PLANT");

	while (name != NULL && chosen < PLANT_COUNT && strcmp(plants[chosen].name, name) != 0)
		chosen++;
	if (chosen == PLANT_COUNT) {
		fprintf(stderr, "relevod: RELEVO_PLANT=%s: no such bug\n", name);
		exit(2);
	}
	if (chosen != PLANT_NONE)
		log_warn(TAG_MAIN, "planted: %s (%s)", plants[chosen].name, plants[chosen].what);
}

bool planted(enum plant bug)
{
	PTOK(pthread_once(&once, choose));
	return chosen == bug;
}

const char *plant_script(enum redis_script script, const char *source)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		const struct edit *edit = &edits[i];
		struct buf out = { 0 };
		const char *at;

		if (edit->script != script || !planted(edit->bug))
			continue;
		at = strstr(source, edit->is);
		ASSERT(at != NULL); /* the script changed: so must the table */
		buf_put(&out, source, (size_t)(at - source));
		buf_puts(&out, edit->becomes);
		buf_puts(&out, at + strlen(edit->is));
		return buf_take(&out, NULL);
	}
	return source;
}
