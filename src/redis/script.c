/* script.c - runs the Lua scripts that are embedded at build time. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/mem.h"
#include "relevo/plant.h"
#include "relevo/thread.h"
#include "session.h"

#define SHA1_SIZE     20
#define SHA1_HEX_SIZE 41
#define HEAD	      3 /* EVALSHA sha 0 */

extern const char lua_append[], lua_accept[], lua_publish[], lua_settle[], lua_adopt[], lua_lease[],
	lua_found[], lua_piece[], lua_discard[];

static const char *const sources[SCRIPT_COUNT] = {
	[SCRIPT_APPEND] = lua_append, [SCRIPT_ACCEPT] = lua_accept, [SCRIPT_PUBLISH] = lua_publish,
	[SCRIPT_SETTLE] = lua_settle, [SCRIPT_ADOPT] = lua_adopt,   [SCRIPT_LEASE] = lua_lease,
	[SCRIPT_FOUND] = lua_found,   [SCRIPT_PIECE] = lua_piece,   [SCRIPT_DISCARD] = lua_discard,
};

/* written once, before the first use */
static const char *texts[SCRIPT_COUNT];
static char hashes[SCRIPT_COUNT][SHA1_HEX_SIZE];
static pthread_once_t hashed = PTHREAD_ONCE_INIT;

struct argument {
	const char *bytes; /* borrowed; NULL: copied, at `offset` of the copies */
	size_t offset, len;
};

struct redis_args {
	struct argument *list;
	size_t count, room;
	struct buf copies;
};

/* Redis names scripts by their SHA-1 (EVALSHA); nothing secret hangs on it. */
static void hash_sources(void)
{
	for (size_t i = 0; i < SCRIPT_COUNT; i++) {
		unsigned char sum[EVP_MAX_MD_SIZE];
		unsigned int len = 0;

		texts[i] = plant_script((enum redis_script)i, sources[i]);
		ASSERT(EVP_Digest(texts[i], strlen(texts[i]), sum, &len, EVP_sha1(), NULL) == 1 &&
		       len == SHA1_SIZE);
		for (size_t k = 0; k < SHA1_SIZE; k++)
			(void)snprintf(hashes[i] + 2 * k, 3, "%02x", sum[k]);
	}
}

struct redis_args *redis_args_new(void)
{
	return mem_zero(1, sizeof(struct redis_args));
}

void redis_args_free(struct redis_args **a)
{
	if (!*a)
		return;
	buf_free(&(*a)->copies);
	free((*a)->list);
	free(*a);
	*a = NULL;
}

void redis_args_reset(struct redis_args *a)
{
	a->count = 0;
	buf_reset(&a->copies);
}

static void add(struct redis_args *a, struct argument argument)
{
	if (a->count == a->room) {
		a->room = a->room ? a->room * 2 : 16;
		a->list = mem_resize(a->list, a->room, sizeof(*a->list));
	}
	a->list[a->count++] = argument;
}

void redis_args_put(struct redis_args *a, const char *bytes, size_t len)
{
	add(a, (struct argument){ .bytes = len ? bytes : "", .len = len });
}

void redis_args_puts(struct redis_args *a, const char *text)
{
	redis_args_put(a, text, strlen(text));
}

void redis_args_copy(struct redis_args *a, const char *bytes, size_t len)
{
	struct argument argument = { .offset = a->copies.len, .len = len };

	buf_put(&a->copies, bytes, len);
	add(a, argument);
}

void redis_args_i64(struct redis_args *a, int64_t n)
{
	struct argument argument = { .offset = a->copies.len };

	buf_put_i64(&a->copies, n);
	argument.len = a->copies.len - argument.offset;
	add(a, argument);
}

/* A script call as hiredis takes it. */
struct call {
	size_t argc;
	const char **argv;
	size_t *lens;
};

static struct call call_new(const struct redis_args *args, const char *verb, const char *what)
{
	size_t argc = HEAD + args->count;
	struct call c = {
		.argc = argc,
		.argv = mem_zero(argc, sizeof(*c.argv)),
		.lens = mem_zero(argc, sizeof(*c.lens)),
	};

	c.argv[0] = verb;
	c.argv[1] = what;
	c.argv[2] = "0";
	for (size_t i = 0; i < HEAD; i++)
		c.lens[i] = strlen(c.argv[i]);
	for (size_t i = 0; i < args->count; i++) {
		const struct argument *one = &args->list[i];
		c.argv[HEAD + i] = one->bytes ? one->bytes : args->copies.bytes + one->offset;
		c.lens[HEAD + i] = one->len;
	}
	return c;
}

static void call_free(struct call *c)
{
	free(c->argv);
	free(c->lens);
}

enum err_code redis_script_send(struct redis *r, enum redis_script script,
				const struct redis_args *args, struct err *e)
{
	struct call c;
	enum err_code code;

	PTOK(pthread_once(&hashed, hash_sources));
	c = call_new(args, "EVALSHA", hashes[script]);
	code = redis_send(r, e, c.argc, c.argv, c.lens);
	call_free(&c);
	return code;
}

/* Redis does not know the script: EVAL runs and loads it in one step. */
static enum err_code evaluate(struct redis *r, enum redis_script script,
			      const struct redis_args *args, redisReply **out, struct err *e)
{
	struct call c = call_new(args, "EVAL", texts[script]);
	enum err_code code = redis_command(r, out, e, c.argc, c.argv, c.lens);

	call_free(&c);
	return code;
}

enum err_code redis_script_reply(struct redis *r, enum redis_script script,
				 const struct redis_args *args, redisReply **out, struct err *e)
{
	struct err missing = ERR_INIT;
	enum err_code code = redis_reply(r, out, &missing);

	if (code == ERR_INTERNAL && strncmp(missing.text, "Redis: NOSCRIPT", 15) == 0)
		return evaluate(r, script, args, out, e);
	return code ? err_set(e, code, "%s", missing.text) : ERR_NONE;
}

enum err_code redis_script(struct redis *r, enum redis_script script, const struct redis_args *args,
			   redisReply **out, struct err *e)
{
	enum err_code code = redis_script_send(r, script, args, e);

	return code ? code : redis_script_reply(r, script, args, out, e);
}
