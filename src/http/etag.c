/* etag.c - entity tags in If-Match and If-None-Match. */
#include "etag.h"

#include <string.h>

enum token_kind { TOKEN_END, TOKEN_TAG, TOKEN_ANY, TOKEN_BAD };

struct token {
	enum token_kind kind;
	bool weak;
	const char *tag; /* with its quotes */
	size_t len;
};

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

static bool is_tag_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u > 0x20 && u != '"' && u != 0x7f;
}

/* The next element of a comma-separated list; empty elements are allowed (RFC 9110 5.6.1.2). */
static struct token next_token(const char **at)
{
	struct token t = { .kind = TOKEN_BAD };
	const char *p = *at;

	while (*p == ' ' || *p == '\t' || *p == ',')
		p++;
	if (*p == '\0') {
		t.kind = TOKEN_END;
	} else if (*p == '*') {
		t.kind = TOKEN_ANY;
		p++;
	} else {
		t.weak = p[0] == 'W' && p[1] == '/';
		p += t.weak ? 2 : 0;
		t.tag = p;
		if (*p++ != '"')
			return t;
		while (is_tag_char(*p))
			p++;
		if (*p++ != '"')
			return t;
		t.len = (size_t)(p - t.tag);
		t.kind = TOKEN_TAG;
	}
	p = skip_space(p);
	if (*p != ',' && *p != '\0')
		t.kind = TOKEN_BAD;
	*at = p;
	return t;
}

/* `*` stands alone. */
static bool is_any(const char *header)
{
	header = skip_space(header);
	return *header == '*' && *skip_space(header + 1) == '\0';
}

bool etag_none_match(const char *header, const char *tag)
{
	size_t len = strlen(tag);

	if (is_any(header))
		return true;
	for (;;) {
		struct token t = next_token(&header);
		if (t.kind != TOKEN_TAG)
			return false;
		if (t.len == len && memcmp(t.tag, tag, len) == 0)
			return true;
	}
}

enum err_code etag_if_match(const char *header, struct job *job, struct err *e)
{
	size_t seen = 0;

	job->if_match = true;
	job->if_match_any = is_any(header);
	job->etag_count = 0;
	while (!job->if_match_any) {
		struct token t = next_token(&header);
		if (t.kind == TOKEN_END)
			break;
		if (t.kind != TOKEN_TAG)
			return err_set(e, ERR_MALFORMED, "If-Match is no list of entity tags");
		if (seen++ == ETAG_LIST_MAX)
			return err_set(e, ERR_MALFORMED, "If-Match has more than %d entity tags",
				       ETAG_LIST_MAX);
		if (t.weak || t.len >= ETAG_SIZE)
			continue;
		memcpy(job->etags[job->etag_count], t.tag, t.len);
		job->etags[job->etag_count++][t.len] = '\0';
	}
	if (!job->if_match_any && seen == 0)
		return err_set(e, ERR_MALFORMED, "If-Match is empty");
	return ERR_NONE;
}
