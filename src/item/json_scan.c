/* json_scan.c - recursive descent over RFC 8259 JSON, strict, of bounded depth. */
#include "json_scan.h"

#include <string.h>

#include "utf8.h"

struct scan {
	const char *at, *end;
	char *to; /* next free byte of the arena; never ahead of the input */
	bool has_nul, bad_utf8;
	scan_member member;
	void *ctx;
};

static bool scan_any(struct scan *s, unsigned depth, struct scan_value *out);

static void skip_space(struct scan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
}

/* Is `c` the next byte? Then step over it. */
static bool accept(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool accept_token(struct scan *s, char c)
{
	skip_space(s);
	return accept(s, c);
}

static bool accept_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

static bool scan_hex4(struct scan *s, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++) {
		if (s->at == s->end)
			return false;
		char c = *s->at++;
		if (c >= '0' && c <= '9')
			*code = *code << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*code = *code << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool scan_unicode_escape(struct scan *s)
{
	uint32_t code, low;

	if (!scan_hex4(s, &code) || (code >= 0xdc00 && code <= 0xdfff))
		return false;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (!accept_word(s, "\\u") || !scan_hex4(s, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	s->has_nul = s->has_nul || code == 0;
	s->to += utf8_put(s->to, code);
	return true;
}

static bool scan_escape(struct scan *s)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";

	if (s->at == s->end)
		return false;
	char c = *s->at++;
	if (c == 'u')
		return scan_unicode_escape(s);
	const char *found = c == '\0' ? NULL : strchr(names, c);
	if (found == NULL)
		return false;
	*s->to++ = values[found - names];
	return true;
}

static void scan_char(struct scan *s)
{
	uint32_t code;
	size_t size = utf8_next(s->at, (size_t)(s->end - s->at), &code);

	if (size == 0) {
		s->bad_utf8 = true;
		*s->to++ = '?';
		s->at++;
		return;
	}
	memcpy(s->to, s->at, size);
	s->to += size;
	s->at += size;
}

/* Behind the opening quote. */
static bool scan_string(struct scan *s, struct scan_value *out)
{
	char *text = s->to;

	while (!accept(s, '"')) {
		if (s->at == s->end || (unsigned char)*s->at < 0x20)
			return false;
		if (!accept(s, '\\'))
			scan_char(s);
		else if (!scan_escape(s))
			return false;
	}
	*out = (struct scan_value){ .kind = SCAN_STRING,
				    .text = text,
				    .len = (size_t)(s->to - text) };
	*s->to++ = '\0';
	return true;
}

static bool scan_digits(struct scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

static bool scan_number(struct scan *s, struct scan_value *out)
{
	const char *from = s->at;

	(void)accept(s, '-');
	if (!accept(s, '0') && !scan_digits(s))
		return false;
	if (accept(s, '.') && !scan_digits(s))
		return false;
	if (accept(s, 'e') || accept(s, 'E')) {
		if (!accept(s, '+'))
			(void)accept(s, '-');
		if (!scan_digits(s))
			return false;
	}
	*out = (struct scan_value){ .kind = SCAN_NUMBER,
				    .text = from,
				    .len = (size_t)(s->at - from) };
	return true;
}

/* Behind the opening bracket. */
static bool scan_array(struct scan *s, unsigned depth)
{
	struct scan_value value;

	if (accept_token(s, ']'))
		return true;
	do {
		if (!scan_any(s, depth, &value))
			return false;
	} while (accept_token(s, ','));
	return accept_token(s, ']');
}

/* Behind the opening brace. */
static bool scan_object(struct scan *s, unsigned depth)
{
	struct scan_value key, value;

	if (accept_token(s, '}'))
		return true;
	do {
		if (depth == 1)
			s->has_nul = s->bad_utf8 = false;
		if (!accept_token(s, '"') || !scan_string(s, &key) || !accept_token(s, ':') ||
		    !scan_any(s, depth, &value))
			return false;
		value.has_nul = s->has_nul;
		value.bad_utf8 = s->bad_utf8;
		if (depth == 1)
			s->member(s->ctx, &key, &value);
	} while (accept_token(s, ','));
	return accept_token(s, '}');
}

/* A value inside `depth` arrays and objects. */
static bool scan_any(struct scan *s, unsigned depth, struct scan_value *out)
{
	skip_space(s);
	*out = (struct scan_value){ .kind = SCAN_NULL };
	if (accept(s, '"'))
		return scan_string(s, out);
	if (accept(s, '{')) {
		out->kind = SCAN_OBJECT;
		return depth < SCAN_DEPTH_MAX && scan_object(s, depth + 1);
	}
	if (accept(s, '[')) {
		out->kind = SCAN_ARRAY;
		return depth < SCAN_DEPTH_MAX && scan_array(s, depth + 1);
	}
	if (accept_word(s, "null"))
		return true;
	if (accept_word(s, "true") || accept_word(s, "false")) {
		out->kind = SCAN_BOOL;
		return true;
	}
	return scan_number(s, out);
}

bool json_scan(const char *json, size_t len, char *arena, enum scan_kind *kind, scan_member member,
	       void *ctx)
{
	struct scan s = {
		.at = json, .end = json + len, .to = arena, .member = member, .ctx = ctx
	};
	struct scan_value value;

	if (!scan_any(&s, 0, &value))
		return false;
	skip_space(&s);
	*kind = value.kind;
	return s.at == s.end;
}
