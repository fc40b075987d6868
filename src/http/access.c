/* access.c - who may do what: the Authorization header against the tokens in force. */
#include "access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

struct access {
	const char *path; /* borrowed */

	/* shared: hold lock */
	pthread_mutex_t lock;
	struct tokens *tokens;
};

/* --- the tokens in force --- */

static void log_tokens(const char *path, const struct tokens *t)
{
	log_info(TAG_HTTP, "tokens in %s: %zu", path, tokens_count(t));
	if (tokens_exposed(t))
		log_warn(TAG_HTTP, "%s can be read by everybody on this machine", path);
}

struct access *access_new(const struct token_file *file)
{
	struct access *a;

	if (file->path == NULL)
		return NULL;
	a = mem_zero(1, sizeof *a);
	a->path = file->path;
	PTOK(pthread_mutex_init(&a->lock, NULL));
	a->tokens = tokens_hold(file->tokens);
	log_tokens(a->path, a->tokens);
	return a;
}

void access_free(struct access **a)
{
	if (*a == NULL)
		return;
	tokens_drop(&(*a)->tokens);
	PTOK(pthread_mutex_destroy(&(*a)->lock));
	free(*a);
	*a = NULL;
}

void access_reload(struct access *a)
{
	struct tokens *fresh = NULL, *old;
	struct err e = ERR_INIT;

	if (tokens_load(a->path, &fresh, &e) != ERR_NONE) {
		log_error(TAG_HTTP, "%s: %s; accepted: %s. The tokens read before stay in force",
			  a->path, e.text, TOKENS_ACCEPTED);
		return;
	}
	log_tokens(a->path, fresh);
	PTOK(pthread_mutex_lock(&a->lock));
	old = a->tokens;
	a->tokens = fresh;
	PTOK(pthread_mutex_unlock(&a->lock));
	tokens_drop(&old);
}

static struct tokens *in_force(struct access *a)
{
	struct tokens *t;

	PTOK(pthread_mutex_lock(&a->lock));
	t = tokens_hold(a->tokens);
	PTOK(pthread_mutex_unlock(&a->lock));
	return t;
}

/* --- a request --- */

enum bearer bearer_parse(const char *header, const char **token, size_t *len)
{
	static const char scheme[] = "Bearer";
	size_t end;

	if (header == NULL)
		return BEARER_NONE;
	header += strspn(header, " \t");
	end = strcspn(header, " \t");
	if (end != sizeof scheme - 1 || strncasecmp(header, scheme, end) != 0)
		return BEARER_NONE;
	header += end;
	header += strspn(header, " \t");
	*token = header;
	*len = strcspn(header, " \t");
	if (*len == 0 || header[*len + strspn(header + *len, " \t")] != '\0')
		return BEARER_MALFORMED;
	return BEARER_TOKEN;
}

static unsigned identify(struct access *a, const struct headers *h, enum role *out)
{
	struct tokens *tokens;
	const char *token;
	size_t len;

	*out = ROLE_ANYONE;
	if (h->authorization_twice)
		return PROBLEM_CREDENTIALS;
	switch (bearer_parse(h->authorization, &token, &len)) {
	case BEARER_NONE:
		return PROBLEM_NO_TOKEN;
	case BEARER_MALFORMED:
		return PROBLEM_CREDENTIALS;
	case BEARER_TOKEN:
		break;
	}
	tokens = in_force(a);
	*out = tokens_find(tokens, token, len);
	tokens_drop(&tokens);
	return *out == ROLE_ANYONE ? PROBLEM_BAD_TOKEN : 0;
}

enum role access_role(struct access *a, const struct headers *h)
{
	enum role role = ROLE_ADMIN;

	if (a != NULL)
		(void)identify(a, h, &role);
	return role;
}

unsigned access_refusal(struct access *a, const struct headers *h, enum role needed)
{
	enum role role;
	unsigned problem;

	if (a == NULL || needed == ROLE_ANYONE)
		return 0;
	problem = identify(a, h, &role);
	if (problem != 0)
		return problem;
	return role <= needed ? 0 : PROBLEM_SCOPE;
}

/* RFC 6750 section 3: who sent no token is told of none of the errors. */
void access_challenge(struct MHD_Response *response, unsigned code, enum role needed)
{
	static const char *const errors[PROBLEM_COUNT] = {
		[PROBLEM_NO_TOKEN] = "",
		[PROBLEM_CREDENTIALS] = ", error=\"invalid_request\"",
		[PROBLEM_BAD_TOKEN] = ", error=\"invalid_token\"",
		[PROBLEM_SCOPE] = ", error=\"insufficient_scope\", scope=",
	};
	char text[128];

	if (code >= PROBLEM_COUNT || errors[code] == NULL)
		return;
	snprintf(text, sizeof text, "Bearer realm=\"relevo\"%s", errors[code]);
	if (code == PROBLEM_SCOPE)
		snprintf(text + strlen(text), sizeof text - strlen(text), "\"%s\"",
			 role_name(needed));
	response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, text);
}
