/* tokens.h - bearer tokens and what each may do, read from a file.
 *
 * The file has one `token:role` a line; blank lines and lines that begin with # are skipped. In
 * memory stands only the SHA-256 of each token. A set never changes after it is read; it is
 * reference counted, and any thread may look into one that it holds.
 */
#ifndef RELEVO_TOKENS_H
#define RELEVO_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "relevo/err.h"

#define TOKENS_MAX	1000
#define TOKEN_MAX	256		  /* characters */
#define TOKENS_FILE_MAX ((size_t)1 << 20) /* bytes */
#define TOKENS_ACCEPTED                                                                  \
	"a file of token:role lines, token 1 to 256 letters, digits or -._~+/ and = at " \
	"its end, role read, write or admin"

/* Each role may do what those after it may. What nobody gave a role to is an admin's. */
enum role { ROLE_ADMIN, ROLE_WRITE, ROLE_READ, ROLE_ANYONE };

struct tokens;

/* What RELEVO_TOKEN_FILE says; path NULL: the API is open. */
struct token_file {
	char *path;
	struct tokens *tokens; /* as read at start */
};

/* New set out of `len` bytes. ERR_USAGE: a bad line, whose number the text names, or no token at
 * all; no text of the file is ever shown. */
MUST_CHECK enum err_code tokens_parse(const char *text, size_t len, struct tokens **out,
				      struct err *e);
/* The same from a regular file of at most TOKENS_FILE_MAX bytes; ERR_USAGE also if it cannot be
 * read. */
MUST_CHECK enum err_code tokens_load(const char *path, struct tokens **out, struct err *e);
struct tokens *tokens_hold(struct tokens *t); /* one more holder */
void tokens_drop(struct tokens **t);	      /* one less; the last one frees the set */
size_t tokens_count(const struct tokens *t);
/* May users besides the file's owner and group read it? */
bool tokens_exposed(const struct tokens *t);
/* ROLE_ANYONE: no such token. The time taken does not depend on where or whether it is found. */
enum role tokens_find(const struct tokens *t, const char *token, size_t len);
const char *role_name(enum role r);

/* On failure *out is all zero. */
MUST_CHECK enum err_code token_file_load(const char *path, struct token_file *out, struct err *e);
void token_file_free(struct token_file *f);

#endif
