/* test_validate.c - request bodies: what is accepted, what is malformed, and every fault listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/fields.h"
#include "relevo/mem.h"

#define OP    "01890000-0000-7000-8000-000000000001"
#define OTHER "01890000-0000-7000-8000-000000000002"
#define REST  "\"type\":\"t\",\"status\":\"s\",\"area\":\"a\""
#define FULL  "\"code\":\"c\"," REST

static struct body_target target(void)
{
	struct body_target t = { .id = 5 };

	assert_true(opid_parse(OP, strlen(OP), &t.temp));
	return t;
}

/* The faults as "field: message; field: message", in *out. */
static void join(const struct faults *faults, char *out, size_t room)
{
	out[0] = '\0';
	for (size_t i = 0; i < faults->count; i++)
		snprintf(out + strlen(out), room - strlen(out), "%s%s: %s", i > 0 ? "; " : "",
			 faults->at[i].field, faults->at[i].message);
}

/* --- bodies that are refused --- */

struct bad_body {
	const char *name;
	enum body_kind kind;
	const char *body;
	size_t len; /* 0: strlen */
	enum err_code code;
	const char *faults;
};

#define MALFORMED(name, text)                                                \
	{                                                                    \
		name, BODY_CREATE, text, sizeof(text) - 1, ERR_MALFORMED, "" \
	}
#define INVALID(name, kind, text, faults)                               \
	{                                                               \
		name, kind, text, sizeof(text) - 1, ERR_INVALID, faults \
	}
#define TEN(x) x x x x x x x x x x

static const struct bad_body bad_bodies[] = {
	MALFORMED("white space only", " \n"),
	MALFORMED("no JSON", "hello"),
	MALFORMED("a NUL byte", "\0"),
	MALFORMED("unclosed object", "{\"code\":\"c\""),
	MALFORMED("unclosed string", "{\"code\":\"c"),
	MALFORMED("ends in an escape", "{\"code\":\"c\\"),
	MALFORMED("ends in a unicode escape", "\"\\u12"),
	MALFORMED("trailing comma", "{" FULL ",}"),
	MALFORMED("trailing comma in an array", "[1,]"),
	MALFORMED("leading comma", "{,\"code\":1}"),
	MALFORMED("text behind the object", "{" FULL "} x"),
	MALFORMED("two objects", "{}{}"),
	MALFORMED("single quotes", "{'code':'c'}"),
	MALFORMED("key without quotes", "{code:\"c\"}"),
	MALFORMED("key without value", "{\"code\"}"),
	MALFORMED("number as key", "{1:2}"),
	MALFORMED("a comment", "{/* */" FULL "}"),
	MALFORMED("NaN", "{\"code\":NaN}"),
	MALFORMED("literal in capitals", "{\"code\":True}"),
	MALFORMED("cut literal", "nul"),
	MALFORMED("number with leading zero", "{\"code\":01}"),
	MALFORMED("number with plus", "{\"code\":+1}"),
	MALFORMED("number with bare point", "{\"code\":1.}"),
	MALFORMED("number starting with a point", "{\"code\":.1}"),
	MALFORMED("number with bare exponent", "{\"code\":1e}"),
	MALFORMED("bare minus", "-"),
	MALFORMED("byte order mark", "\xef\xbb\xbf{" FULL "}"),
	MALFORMED("unknown escape", "{\"code\":\"\\x41\"," REST "}"),
	MALFORMED("escaped NUL byte", "{\"code\":\"\\\0\"," REST "}"),
	MALFORMED("broken unicode escape", "{\"code\":\"\\u00g0\"," REST "}"),
	MALFORMED("lone high surrogate", "{\"code\":\"\\ud800\"," REST "}"),
	MALFORMED("lone low surrogate", "{\"code\":\"\\udc00\"," REST "}"),
	MALFORMED("high surrogate before a letter", "{\"code\":\"\\ud800x\"," REST "}"),
	MALFORMED("two high surrogates", "{\"code\":\"\\ud800\\ud800\"," REST "}"),
	MALFORMED("lone surrogate in a key", "{\"\\ud800\":1}"),
	MALFORMED("lone surrogate in an ignored value", "{\"version\":\"\\udfff\"}"),
	MALFORMED("raw newline in a string", "{\"code\":\"a\nb\"," REST "}"),
	MALFORMED("raw NUL in a string", "{\"code\":\"a\0b\"," REST "}"),
	MALFORMED("raw tab in a key", "{\"a\tb\":1}"),
	MALFORMED("nesting of 65", "{\"code\":" TEN("[[[[[[") "[[[["
							      "]]]]" TEN("]]]]]]") "}"),
	MALFORMED("vertical tab between tokens", "{\v}"),

	INVALID("an array", BODY_CREATE, "[{" FULL "}]", ": must be a JSON object"),
	INVALID("a string", BODY_CREATE, "\"code\"", ": must be a JSON object"),
	INVALID("a number", BODY_CREATE, " 12.5e-3 ", ": must be a JSON object"),
	INVALID("null", BODY_CREATE, "null", ": must be a JSON object"),
	INVALID("true", BODY_PATCH, "true", ": must be a JSON object"),
	INVALID("a huge number", BODY_CREATE, "1e999999", ": must be a JSON object"),
	INVALID("an empty object names all required fields", BODY_CREATE, "{}",
		"code: required; type: required; status: required; area: required"),
	INVALID("an empty PUT names all required fields", BODY_REPLACE, "{}",
		"code: required; type: required; status: required; area: required"),
	INVALID("every faulty field is listed once", BODY_CREATE,
		"{\"x\":1,\"code\":\"\",\"type\":1,\"status\":null,\"acquisition_date\":\"soon\","
		"\"y\":2,\"x\":3}",
		"code: must have 1 to 50 characters; type: must be a string; status: must be a "
		"string; area: required; acquisition_date: must be a real date YYYY-MM-DD or null; "
		"x: unknown field; y: unknown field"),
	INVALID("an integer beyond 64 bits", BODY_CREATE,
		"{\"code\":99999999999999999999," REST "}", "code: must be a string"),
	INVALID("a real beyond doubles", BODY_CREATE, "{\"code\":1e9999," REST "}",
		"code: must be a string"),
	INVALID("an object as value", BODY_CREATE, "{\"code\":{\"a\":{}}," REST "}",
		"code: must be a string"),
	INVALID("nesting of 64 is only a wrong type", BODY_CREATE,
		"{\"code\":" TEN("[[[[[[") "[[["
					   "]]]" TEN("]]]]]]") "," REST "}",
		"code: must be a string"),
	INVALID("51 characters", BODY_CREATE, "{\"code\":\"" TEN("xxxxx") "x\"," REST "}",
		"code: must have 1 to 50 characters"),
	INVALID("101 characters of area", BODY_PATCH, "{\"area\":\"" TEN(TEN("x")) "x\"}",
		"area: must have 1 to 100 characters"),
	INVALID("51 characters beyond the BMP", BODY_PATCH,
		"{\"code\":\"" TEN("\xf0\x9f\x98\x80\\ud83d\\ude00\xf0\x9f\x98\x80"
				   "\xf0\x9f\x98\x80\xf0\x9f\x98\x80") "x\"}",
		"code: must have 1 to 50 characters"),
	INVALID("29 February of no leap year", BODY_PATCH, "{\"acquisition_date\":\"2023-02-29\"}",
		"acquisition_date: must be a real date YYYY-MM-DD or null"),
	INVALID("a date with time", BODY_PATCH, "{\"acquisition_date\":\"2024-01-01T00:00:00Z\"}",
		"acquisition_date: must be a real date YYYY-MM-DD or null"),
	INVALID("an empty date", BODY_PATCH, "{\"acquisition_date\":\"\"}",
		"acquisition_date: must be a real date YYYY-MM-DD or null"),
	INVALID("a number as date", BODY_PATCH, "{\"acquisition_date\":20240101}",
		"acquisition_date: must be a string or null"),
	INVALID("a duplicate key", BODY_CREATE, "{" FULL ",\"code\":\"c\"}", "code: duplicate key"),
	INVALID("a duplicate key in another spelling", BODY_CREATE, "{" FULL ",\"c\\u006fde\":1}",
		"code: duplicate key"),
	INVALID("a duplicate ignored key", BODY_PATCH, "{\"version\":1,\"version\":1}",
		"version: duplicate key"),
	INVALID("keys are case-sensitive", BODY_CREATE, "{\"Code\":\"x\"," FULL "}",
		"Code: unknown field"),
	INVALID("an empty key", BODY_CREATE, "{\"\":1," FULL "}", ": unknown field"),
	INVALID("a NUL character", BODY_CREATE, "{\"code\":\"a\\u0000b\"," REST "}",
		"code: must not contain NUL characters"),
	INVALID("a NUL character in a nested value", BODY_CREATE,
		"{\"code\":[\"\\u0000\"]," REST "}", "code: must not contain NUL characters"),
	INVALID("a NUL character in an ignored value", BODY_PATCH, "{\"version\":\"\\u0000\"}",
		"version: must not contain NUL characters"),
	INVALID("a NUL character in a key", BODY_CREATE, "{\"code\\u0000\":\"x\"," FULL "}",
		"code?: unknown field"),
	INVALID("a stray byte", BODY_CREATE, "{\"code\":\"\xff\"," REST "}",
		"code: must be valid UTF-8"),
	INVALID("an overlong form", BODY_PATCH, "{\"area\":\"\xc0\xaf\"}",
		"area: must be valid UTF-8"),
	INVALID("an encoded surrogate", BODY_PATCH, "{\"area\":\"\xed\xa0\x80\"}",
		"area: must be valid UTF-8"),
	INVALID("beyond U+10FFFF", BODY_PATCH, "{\"area\":\"\xf4\x90\x80\x80\"}",
		"area: must be valid UTF-8"),
	INVALID("a cut character", BODY_PATCH, "{\"area\":\"\xe2\x82\"}",
		"area: must be valid UTF-8"),
	INVALID("invalid UTF-8 does not hide other faults", BODY_CREATE,
		"{\"code\":\"\xff\",\"type\":\"t\",\"area\":\"\"}",
		"code: must be valid UTF-8; status: required; area: must have 1 to 100 characters"),
	INVALID("invalid UTF-8 in a key", BODY_PATCH, "{\"\xff\":1}", "?: unknown field"),
	INVALID("invalid UTF-8 in an ignored value", BODY_PATCH, "{\"pending\":\"\xff\"}",
		"pending: must be valid UTF-8"),
	INVALID("bytes that are no text", BODY_CREATE, "\xff\xfe{", ": must be valid UTF-8"),
	INVALID("POST knows no id", BODY_CREATE, "{\"id\":5," FULL "}", "id: unknown field"),
	INVALID("POST knows no version, updated_at, pending", BODY_CREATE,
		"{" FULL ",\"version\":1,\"updated_at\":\"x\",\"pending\":true}",
		"version: unknown field; updated_at: unknown field; pending: unknown field"),
	INVALID("another id", BODY_REPLACE, "{\"id\":6," FULL "}",
		"id: must equal the id in the path"),
	INVALID("an id beyond 64 bits", BODY_PATCH, "{\"id\":18446744073709551621}",
		"id: must equal the id in the path"),
	INVALID("the id as text", BODY_PATCH, "{\"id\":\"5\"}",
		"id: must equal the id in the path"),
	INVALID("a null id", BODY_PATCH, "{\"id\":null}", "id: must equal the id in the path"),
	INVALID("a negative id", BODY_PATCH, "{\"id\":-5}", "id: must equal the id in the path"),
	INVALID("another temporary id", BODY_PATCH, "{\"id\":\"pending_" OTHER "\"}",
		"id: must equal the id in the path"),
	INVALID("an unknown field in PATCH", BODY_PATCH, "{\"colour\":\"red\"}",
		"colour: unknown field"),
	INVALID("a null for a required field in PATCH", BODY_PATCH, "{\"code\":null}",
		"code: must be a string"),
};

static void bad_bodies_are_refused_with_all_faults(void **state)
{
	struct body_target t = target();

	(void)state;
	for (size_t i = 0; i < sizeof bad_bodies / sizeof bad_bodies[0]; i++) {
		const struct bad_body *bad = &bad_bodies[i];
		struct fields f;
		struct faults faults;
		struct err e = ERR_INIT;
		char text[2048];
		/* An exact copy, so that the sanitizer sees a read beyond it. */
		char *body = memcpy(mem_alloc(bad->len), bad->body, bad->len);
		memset(&f, 0x5a, sizeof f);
		enum err_code code =
			fields_decode(&f, body, bad->len, bad->kind,
				      bad->kind == BODY_CREATE ? NULL : &t, &faults, &e);
		free(body);
		join(&faults, text, sizeof text);
		if (code != bad->code || strcmp(text, bad->faults) != 0)
			fail_msg("%s: code %d, faults \"%s\"", bad->name, (int)code, text);
		assert_int_equal(e.code, code);
		assert_int_equal(f.at[0].len, 0x5a5a5a5a); /* out is untouched */
	}
}

static void an_empty_body_is_malformed(void **state)
{
	struct fields f;
	struct faults faults;

	(void)state;
	assert_int_equal(fields_decode(&f, NULL, 0, BODY_CREATE, NULL, &faults, NULL),
			 ERR_MALFORMED);
	assert_int_equal(fields_decode(&f, "", 0, BODY_PATCH, NULL, &faults, NULL), ERR_MALFORMED);
}

static void many_unknown_fields_do_not_hide_those_of_columns(void **state)
{
	struct buf b = { .bytes = NULL };
	struct fields f;
	struct faults faults;

	(void)state;
	buf_putc(&b, '{');
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "\"u%d\":1,", i);
	buf_puts(&b, "\"code\":\"\"}");
	assert_int_equal(fields_decode(&f, b.bytes, b.len, BODY_PATCH, NULL, &faults, NULL),
			 ERR_INVALID);
	assert_int_equal(faults.count, FAULTS_MAX);
	assert_string_equal(faults.at[0].field, "code");
	assert_string_equal(faults.at[63].field, "u62");
	assert_int_equal(faults.more, 3000 - 63);
	buf_free(&b);
}

static void long_unknown_keys_with_the_same_beginning_are_all_listed(void **state)
{
	static const char body[] = "{\"" TEN("xxxxxxx") "1\":1,\"" TEN("xxxxxxx") "2\":1}";
	struct fields f;
	struct faults faults;

	(void)state;
	assert_int_equal(fields_decode(&f, body, sizeof body - 1, BODY_PATCH, NULL, &faults, NULL),
			 ERR_INVALID);
	assert_int_equal(faults.count, 2);
	assert_string_equal(faults.at[0].field, faults.at[1].field);
}

static void a_long_unknown_key_is_cut_at_a_character(void **state)
{
	static const char body[] = "{\"x" TEN("\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1") "\":1}";
	struct fields f;
	struct faults faults;

	(void)state;
	assert_int_equal(fields_decode(&f, body, sizeof body - 1, BODY_PATCH, NULL, &faults, NULL),
			 ERR_INVALID);
	assert_int_equal(strlen(faults.at[0].field), 63);
	assert_true(utf8_length(faults.at[0].field, 63) == 32);
	assert_int_equal(utf8_length("\xc3", 1), -1);
}

static void nothing_is_read_beyond_any_prefix(void **state)
{
	static const char whole[] =
		"{\"code\":\"\\ud83d\\ude00\xf0\x9f\x98\x80\",\"x\":[-1.5e+3,true,"
		"false,null,{\"y\":\"\\n\"}],\"id\":5}";
	struct body_target t = target();
	struct fields f;
	struct faults faults;

	(void)state;
	for (size_t len = 1; len < sizeof whole - 1; len++) {
		char *body = memcpy(mem_alloc(len), whole, len);
		enum err_code code = fields_decode(&f, body, len, BODY_PATCH, &t, &faults, NULL);
		assert_true(code == ERR_MALFORMED ||
			    (code == ERR_INVALID && utf8_length(whole, len) < 0));
		free(body);
	}
}

/* --- bodies that are accepted --- */

static void decode(struct fields *out, const char *body, enum body_kind kind)
{
	struct body_target t = target();
	struct faults faults;
	struct err e = ERR_INIT;

	if (fields_decode(out, body, strlen(body), kind, &t, &faults, &e) != ERR_NONE)
		fail_msg("%s: %s", body, e.text);
	assert_int_equal(faults.count, 0);
}

static void assert_decodes(const char *body, enum body_kind kind, const char *expected)
{
	struct fields f;
	struct buf b = { .bytes = NULL };

	decode(&f, body, kind);
	fields_render(&b, &f);
	assert_string_equal(b.bytes, expected);
	buf_free(&b);
	fields_free(&f);
}

static void a_missing_date_of_a_create_is_null(void **state)
{
	(void)state;
	assert_decodes("{" FULL "}", BODY_CREATE, "{" FULL ",\"acquisition_date\":null}");
}

static void a_missing_date_of_a_put_is_null(void **state)
{
	(void)state;
	assert_decodes("{" FULL "}", BODY_REPLACE, "{" FULL ",\"acquisition_date\":null}");
}

static void a_patch_gives_only_what_it_names(void **state)
{
	(void)state;
	assert_decodes("{\"acquisition_date\":null}", BODY_PATCH, "{\"acquisition_date\":null}");
	assert_decodes("{\"area\":\"x\"}", BODY_PATCH, "{\"area\":\"x\"}");
}

static void an_empty_patch_changes_nothing(void **state)
{
	(void)state;
	assert_decodes(" { } ", BODY_PATCH, "{}");
}

static void an_item_can_be_sent_back_as_it_was_got(void **state)
{
	(void)state;
	assert_decodes("{\"id\":5," FULL ",\"acquisition_date\":\"2024-02-29\",\"version\":7,"
		       "\"updated_at\":\"2026-01-31T12:00:00.123456Z\",\"pending\":true}",
		       BODY_REPLACE, "{" FULL ",\"acquisition_date\":\"2024-02-29\"}");
}

static void the_temporary_id_is_accepted_too(void **state)
{
	(void)state;
	assert_decodes("{\"id\":\"pending_" OP "\"}", BODY_PATCH, "{}");
}

static void ignored_members_may_hold_anything(void **state)
{
	(void)state;
	assert_decodes("{\"version\":1e9999,\"updated_at\":{\"a\":[null]},\"pending\":"
		       "99999999999999999999999}",
		       BODY_PATCH, "{}");
}

static void escapes_are_decoded(void **state)
{
	(void)state;
	assert_decodes(
		"{\"code\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude00\"}", BODY_PATCH,
		"{\"code\":\"\\\"\\\\/\\b\\f\\n\\r\\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}");
}

static void white_space_counts_as_characters(void **state)
{
	(void)state;
	assert_decodes("{\"code\":\" \"}", BODY_PATCH, "{\"code\":\" \"}");
}

static void fifty_characters_beyond_the_bmp_fit(void **state)
{
	static const char body[] = "{\"code\":\"" TEN("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98"
						      "\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80") "\"}";

	(void)state;
	assert_decodes(body, BODY_PATCH, body);
}

/* --- typed values, merging --- */

static void typed_values_give_the_same_faults(void **state)
{
	struct fields f = { .at = { { "", 0, true }, { "\xff", 1, true }, { NULL, 0, true } } };
	struct faults faults;
	char text[1024];

	(void)state;
	faults_init(&faults);
	assert_int_equal(fields_validate(&f, true, &faults, NULL), ERR_INVALID);
	join(&faults, text, sizeof text);
	assert_string_equal(text, "code: must have 1 to 50 characters; type: must be valid UTF-8; "
				  "status: must be a string; area: required");
	faults_init(&faults);
	assert_int_equal(fields_validate(&f, false, &faults, NULL), ERR_INVALID);
	assert_int_equal(faults.count, 3);
}

static void typed_values_in_order_are_accepted(void **state)
{
	struct fields f;
	struct faults faults;

	(void)state;
	faults_init(&faults);
	decode(&f, "{" FULL "}", BODY_CREATE);
	assert_int_equal(fields_validate(&f, true, &faults, NULL), ERR_NONE);
	fields_free(&f);
}

static void the_error_text_names_the_first_fault(void **state)
{
	struct fields f = { .store = NULL };
	struct faults faults;
	struct err e = ERR_INIT;

	(void)state;
	faults_init(&faults);
	assert_int_equal(fields_validate(&f, true, &faults, &e), ERR_INVALID);
	assert_string_equal(e.text, "code: required (and 3 more)");
}

static void merging_lays_present_fields_over_the_base(void **state)
{
	struct fields base, change, merged;
	struct buf b = { .bytes = NULL };

	(void)state;
	decode(&base, "{" FULL ",\"acquisition_date\":\"2024-01-01\"}", BODY_CREATE);
	decode(&change, "{\"type\":\"new\",\"acquisition_date\":null}", BODY_PATCH);
	fields_merge(&merged, &base, &change);
	assert_false(fields_equal(&merged, &base));
	fields_free(&base);
	fields_free(&change);
	fields_render(&b, &merged);
	assert_string_equal(b.bytes, "{\"code\":\"c\",\"type\":\"new\",\"status\":\"s\",\"area\":"
				     "\"a\",\"acquisition_date\":null}");
	buf_free(&b);
	fields_free(&merged);
}

static void a_null_differs_from_empty_and_from_absent(void **state)
{
	struct fields null = { .at = { { NULL, 0, true } } };
	struct fields empty = { .at = { { "", 0, true } } };
	struct fields absent = { .store = NULL };

	(void)state;
	assert_true(fields_equal(&null, &null));
	assert_false(fields_equal(&null, &empty));
	assert_false(fields_equal(&empty, &null));
	assert_false(fields_equal(&null, &absent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_bodies_are_refused_with_all_faults),
		cmocka_unit_test(an_empty_body_is_malformed),
		cmocka_unit_test(many_unknown_fields_do_not_hide_those_of_columns),
		cmocka_unit_test(long_unknown_keys_with_the_same_beginning_are_all_listed),
		cmocka_unit_test(a_long_unknown_key_is_cut_at_a_character),
		cmocka_unit_test(nothing_is_read_beyond_any_prefix),
		cmocka_unit_test(a_missing_date_of_a_create_is_null),
		cmocka_unit_test(a_missing_date_of_a_put_is_null),
		cmocka_unit_test(a_patch_gives_only_what_it_names),
		cmocka_unit_test(an_empty_patch_changes_nothing),
		cmocka_unit_test(an_item_can_be_sent_back_as_it_was_got),
		cmocka_unit_test(the_temporary_id_is_accepted_too),
		cmocka_unit_test(ignored_members_may_hold_anything),
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(white_space_counts_as_characters),
		cmocka_unit_test(fifty_characters_beyond_the_bmp_fit),
		cmocka_unit_test(typed_values_give_the_same_faults),
		cmocka_unit_test(typed_values_in_order_are_accepted),
		cmocka_unit_test(the_error_text_names_the_first_fault),
		cmocka_unit_test(merging_lays_present_fields_over_the_base),
		cmocka_unit_test(a_null_differs_from_empty_and_from_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
