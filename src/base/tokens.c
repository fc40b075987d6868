/* tokens.c - the file of bearer tokens, and looking one up in constant time. */
#include "relevo/tokens.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relevo/digest.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

struct entry {
	uint8_t digest[DIGEST_SIZE];
	enum role role;
	size_t line; /* it stands on, from 1 */
};

struct tokens {
	atomic_size_t holders;
	bool exposed;
	size_t count;
	struct entry at[TOKENS_MAX];
};

static const char *const role_names[] = {
	[ROLE_ADMIN] = "admin", [ROLE_WRITE] = "write", [ROLE_READ] = "read", [ROLE_ANYONE] = "none"
};

const char *role_name(enum role r)
{
	return role_names[r];
}

/* Length of the token in front of `text` (RFC 6750 section 2.1, b64token). */
static size_t token_span(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] != '\0' &&
	       (isalnum((unsigned char)text[n]) || strchr("-._~+/", text[n]) != NULL))
		n++;
	while (n > 0 && n < len && text[n] == '=')
		n++;
	return n;
}

static bool role_find(const char *name, size_t len, enum role *out)
{
	for (unsigned r = 0; r < ROLE_ANYONE; r++)
		if (strlen(role_names[r]) == len && memcmp(role_names[r], name, len) == 0) {
			*out = (enum role)r;
			return true;
		}
	return false;
}

/* --- the file --- */

/* A line without blanks around it. */
static enum err_code add_line(struct tokens *t, const char *line, size_t len, size_t number,
			      struct err *e)
{
	struct entry *new = &t->at[t->count];
	size_t token = token_span(line, len);

	if (t->count == TOKENS_MAX)
		return err_set(e, ERR_USAGE, "line %zu: more than %d tokens", number, TOKENS_MAX);
	if (token == 0 || token > TOKEN_MAX || token == len || line[token] != ':')
		return err_set(e, ERR_USAGE, "line %zu: no token before a colon", number);
	if (!role_find(line + token + 1, len - token - 1, &new->role))
		return err_set(e, ERR_USAGE, "line %zu: unknown role", number);
	digest_of(line, token, new->digest);
	for (size_t i = 0; i < t->count; i++)
		if (digest_equal(t->at[i].digest, new->digest))
			return err_set(e, ERR_USAGE, "line %zu: the token of line %zu again",
				       number, t->at[i].line);
	new->line = number;
	t->count++;
	return ERR_NONE;
}

static void trim(const char **line, size_t *len)
{
	while (*len > 0 && strchr(" \t\r", (*line)[*len - 1]) != NULL && (*line)[*len - 1] != '\0')
		--*len;
	while (*len > 0 && (**line == ' ' || **line == '\t')) {
		++*line;
		--*len;
	}
}

static enum err_code add_lines(struct tokens *t, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;

	for (size_t number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line = text, *stop = newline != NULL ? newline : end;
		size_t line_len = (size_t)(stop - line);

		trim(&line, &line_len);
		if (line_len > 0 && *line != '#' &&
		    add_line(t, line, line_len, number, e) != ERR_NONE)
			return ERR_USAGE;
		text = stop + 1;
	}
	if (t->count == 0)
		return err_set(e, ERR_USAGE, "no token in it");
	return ERR_NONE;
}

enum err_code tokens_parse(const char *text, size_t len, struct tokens **out, struct err *e)
{
	struct tokens *t = mem_zero(1, sizeof *t);

	atomic_init(&t->holders, 1);
	if (add_lines(t, text, len, e) != ERR_NONE) {
		tokens_drop(&t);
		return ERR_USAGE;
	}
	*out = t;
	return ERR_NONE;
}

/* All of a file into `text`, which has room for one byte more than is allowed. */
static enum err_code read_all(int fd, char *text, size_t *len, struct err *e)
{
	ssize_t got = 1;

	*len = 0;
	while (got > 0 && *len <= TOKENS_FILE_MAX) {
		got = read(fd, text + *len, TOKENS_FILE_MAX + 1 - *len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			return err_set(e, ERR_USAGE, "%s", strerror(errno));
		else
			*len += (size_t)got;
	}
	if (*len > TOKENS_FILE_MAX)
		return err_set(e, ERR_USAGE, "more than %zu bytes", TOKENS_FILE_MAX);
	return ERR_NONE;
}

/* The mode is that of what is read, and a pipe would hold up whoever reads it. */
static int open_regular(const char *path, struct stat *st, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		err_set(e, ERR_USAGE, "%s", strerror(errno));
		return -1;
	}
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	err_set(e, ERR_USAGE, "not a regular file");
	close(fd);
	return -1;
}

enum err_code tokens_load(const char *path, struct tokens **out, struct err *e)
{
	struct stat st;
	int fd = open_regular(path, &st, e);
	enum err_code code;
	char *text;
	size_t len;

	if (fd < 0)
		return ERR_USAGE;
	text = mem_alloc(TOKENS_FILE_MAX + 1);
	code = read_all(fd, text, &len, e);
	close(fd);
	if (code == ERR_NONE)
		code = tokens_parse(text, len, out, e);
	if (code == ERR_NONE)
		(*out)->exposed = (st.st_mode & S_IROTH) != 0;
	explicit_bzero(text, len);
	free(text);
	return code;
}

enum err_code token_file_load(const char *path, struct token_file *out, struct err *e)
{
	*out = (struct token_file){ 0 };
	if (tokens_load(path, &out->tokens, e) != ERR_NONE)
		return ERR_USAGE;
	out->path = mem_string(path);
	return ERR_NONE;
}

void token_file_free(struct token_file *f)
{
	free(f->path);
	tokens_drop(&f->tokens);
	*f = (struct token_file){ 0 };
}

/* --- the set --- */

struct tokens *tokens_hold(struct tokens *t)
{
	atomic_fetch_add_explicit(&t->holders, 1, memory_order_relaxed);
	return t;
}

void tokens_drop(struct tokens **t)
{
	struct tokens *set = *t;

	*t = NULL;
	if (set != NULL && atomic_fetch_sub_explicit(&set->holders, 1, memory_order_acq_rel) == 1)
		free(set);
}

size_t tokens_count(const struct tokens *t)
{
	return t->count;
}

bool tokens_exposed(const struct tokens *t)
{
	return t->exposed;
}

enum role tokens_find(const struct tokens *t, const char *token, size_t len)
{
	uint8_t digest[DIGEST_SIZE];
	unsigned found = ROLE_ANYONE;

	digest_of(token, len, digest);
	for (size_t i = 0; i < t->count; i++) {
		unsigned equal = digest_equal(t->at[i].digest, digest), mask = 0u - equal;

		found = (t->at[i].role & mask) | (found & ~mask);
	}
	return (enum role)found;
}
