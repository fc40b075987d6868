/* access.h - who may do what: the Authorization header against the tokens in force.
 *
 * The tokens in force may be exchanged at any time by the main thread; a request is judged by those
 * that it finds. Everything else is for MHD threads.
 */
#ifndef RELEVO_HTTP_ACCESS_H
#define RELEVO_HTTP_ACCESS_H

#include <microhttpd.h>

#include "relevo/tokens.h"
#include "request.h"

struct access;

/* NULL if `file` names none: the API is open. Holds its tokens; `file` is borrowed until
 * access_free. */
struct access *access_new(const struct token_file *file);
void access_free(struct access **a);
/* Read the file again, main thread; a bad one is logged and changes nothing. */
void access_reload(struct access *a);

enum bearer { BEARER_NONE, BEARER_MALFORMED, BEARER_TOKEN };

/* The token in an Authorization header (RFC 6750 section 2.1), NULL for no such header. NONE:
 * nothing in it is of the Bearer scheme. A token of foreign characters is a token that nobody has.
 * Pure. */
enum bearer bearer_parse(const char *header, const char **token, size_t *len);

/* What the token of these headers allows: ROLE_ANYONE without a valid one, ROLE_ADMIN if the API is
 * open (`a` is NULL). */
enum role access_role(struct access *a, const struct headers *h);
/* 0: these headers allow what asks for `needed`; else the problem to answer with. */
unsigned access_refusal(struct access *a, const struct headers *h, enum role needed);
/* The WWW-Authenticate header of an answer with the problem `code`, if it has one. */
void access_challenge(struct MHD_Response *response, unsigned code, enum role needed);

#endif
