/* test_row.c - rows: rendering, reading back, ETags, search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/row.h"

#define OP   "01890000-0000-7000-8000-000000000001"
#define TIME 1769860800123456

static const struct opid none;

static struct opid op(void)
{
	struct opid id;

	assert_true(opid_parse(OP, strlen(OP), &id));
	return id;
}

static struct fields sample(void)
{
	return (struct fields){ .at = { { "PC-01", 5, true },
					{ "Computadora", 11, true },
					{ "Operativa", 9, true },
					{ "Sala 1", 6, true },
					{ "2024-01-01", 10, true } } };
}

#define SAMPLE_DATA                                                                             \
	"\"code\":\"PC-01\",\"type\":\"Computadora\",\"status\":\"Operativa\",\"area\":\"Sala " \
	"1\","                                                                                  \
	"\"acquisition_date\":\"2024-01-01\""

static void an_item_renders_as_the_contract_says(void **state)
{
	struct fields f = sample();
	struct row *r = row_new(1, none, 1, TIME, false, &f);

	(void)state;
	assert_string_equal(r->json, "{\"id\":1," SAMPLE_DATA ",\"version\":1,\"updated_at\":"
				     "\"2026-01-31T12:00:00.123456Z\"}");
	assert_int_equal(r->json_len, strlen(r->json));
	row_unref(&r);
	assert_null(r);
}

static void a_pending_item_without_id_shows_its_temporary_id(void **state)
{
	struct fields f = sample();
	struct row *r = row_new(0, op(), 0, TIME, true, &f);

	(void)state;
	assert_string_equal(r->json, "{\"id\":\"pending_" OP "\"," SAMPLE_DATA
				     ",\"version\":0,\"updated_at\":"
				     "\"2026-01-31T12:00:00.123456Z\",\"pending\":true}");
	row_unref(&r);
}

static void greatest_numbers_fit(void **state)
{
	struct fields f = sample();
	struct row *r = row_new(INT64_MAX, none, UINT64_MAX, TIME, true, &f);

	(void)state;
	assert_non_null(strstr(r->json, "{\"id\":9223372036854775807,"));
	assert_non_null(strstr(r->json, "\"version\":18446744073709551615,"));
	row_unref(&r);
}

static void missing_fields_become_null(void **state)
{
	struct fields f = { .store = NULL };
	struct row *r = row_new(1, none, 1, TIME, false, &f);

	(void)state;
	assert_non_null(strstr(r->json, "\"code\":null,\"type\":null,"));
	assert_true(r->fields.at[4].present);
	assert_null(r->fields.at[4].text);
	row_unref(&r);
}

static void texts_are_copied_and_terminated(void **state)
{
	char text[] = "abcdef";
	struct fields f = { .at = { { text, 3, true } } };
	struct row *r = row_new(1, none, 1, TIME, false, &f);

	(void)state;
	memset(text, 'x', 6);
	assert_string_equal(r->fields.at[0].text, "abc");
	row_unref(&r);
}

static void strings_are_escaped_like_buf_put_json(void **state)
{
	char text[256];
	struct buf expected = { .bytes = NULL };

	(void)state;
	for (int i = 1; i < 0x80; i++)
		text[i - 1] = (char)i;
	memcpy(text + 0x7f, "\xc3\xa9\xf0\x9f\x98\x80", 6);
	struct fields f = { .at = { { text, 0x7f + 6, true } } };
	struct row *r = row_new(1, none, 1, TIME, false, &f);
	buf_puts(&expected, "{\"id\":1,\"code\":");
	buf_put_json(&expected, text, 0x7f + 6);
	assert_memory_equal(r->json, expected.bytes, expected.len);
	assert_int_equal(r->json_len, strlen(r->json));
	buf_free(&expected);
	row_unref(&r);
}

static struct row *parse(const char *json)
{
	json_t *object = json_loads(json, JSON_DECODE_ANY, NULL);
	struct row *r;

	assert_non_null(object);
	r = row_from_json(object);
	json_decref(object);
	return r;
}

static void a_rendered_row_reads_back(void **state)
{
	struct fields f = sample();

	(void)state;
	f.at[4] = (struct field){ NULL, 0, true };
	f.at[3] = (struct field){ "\"\x01\xc3\xb1\n", 5, true };
	struct row *a = row_new(77, none, 12, TIME, true, &f);
	struct row *b = parse(a->json);
	assert_non_null(b);
	assert_string_equal(a->json, b->json);
	assert_int_equal(b->id, 77);
	assert_true(b->version == 12);
	assert_true(b->updated_us == TIME);
	assert_true(b->pending);
	assert_true(fields_equal(&a->fields, &b->fields));
	row_unref(&a);
	row_unref(&b);
}

static void a_row_with_a_temporary_id_reads_back(void **state)
{
	struct fields f = sample();
	struct row *a = row_new(0, op(), 0, TIME, true, &f);
	struct row *b = parse(a->json);

	(void)state;
	assert_non_null(b);
	assert_string_equal(a->json, b->json);
	assert_true(opid_equal(b->temp, op()));
	row_unref(&a);
	row_unref(&b);
}

#define TAIL ",\"version\":1,\"updated_at\":\"2026-01-31T12:00:00.123456Z\""

static void what_row_new_never_renders_is_no_row(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"5",
		"{\"id\":0," SAMPLE_DATA TAIL "}",
		"{\"id\":\"5\"," SAMPLE_DATA TAIL "}",
		"{\"id\":1.5," SAMPLE_DATA TAIL "}",
		"{" SAMPLE_DATA TAIL "}",
		"{\"id\":1" TAIL "}",
		"{\"id\":1," SAMPLE_DATA TAIL ",\"more\":1}",
		"{\"id\":1," SAMPLE_DATA TAIL ",\"pending\":false}",
		"{\"id\":1," SAMPLE_DATA ",\"version\":-1,\"updated_at\":"
		"\"2026-01-31T12:00:00.123456Z\"}",
		"{\"id\":1," SAMPLE_DATA ",\"version\":1,\"updated_at\":\"now\"}",
		"{\"id\":1,\"code\":5,\"type\":\"\",\"status\":\"\",\"area\":\"\","
		"\"acquisition_date\":null" TAIL "}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct row *r = parse(bad[i]);
		if (r != NULL)
			fail_msg("read as a row: %s", bad[i]);
	}
	struct row *good = parse("{\"id\":1," SAMPLE_DATA TAIL "}");
	assert_non_null(good);
	row_unref(&good);
}

static void the_etag_follows_the_rendering(void **state)
{
	struct fields f = sample();
	struct row *a = row_new(1, none, 1, TIME, false, &f);
	struct row *b = row_new(1, none, 1, TIME, false, &f);
	struct row *c = row_new(1, none, 1, TIME, true, &f);
	char ea[ETAG_SIZE], eb[ETAG_SIZE], ec[ETAG_SIZE];

	(void)state;
	row_etag(a, ea);
	row_etag(b, eb);
	row_etag(c, ec);
	assert_int_equal(strlen(ea), 34);
	assert_int_equal(ea[0], '"');
	assert_int_equal(ea[33], '"');
	assert_string_equal(ea, eb);
	assert_string_not_equal(ea, ec);
	row_unref(&a);
	row_unref(&b);
	row_unref(&c);
}

static bool contains(struct row *r, const char *needle)
{
	size_t len;
	char *folded = text_fold(needle, strlen(needle), &len);
	bool found = row_contains(r, folded, len);

	free(folded);
	return found;
}

static void search_finds_any_column_whatever_the_case(void **state)
{
	struct fields f = sample();

	(void)state;
	f.at[3] = (struct field){ "\xc3\x91"
				  "AND\xc3\x9a",
				  7, true };
	struct row *r = row_new(1, none, 1, TIME, false, &f);
	assert_true(contains(r, "pc-0"));
	assert_true(contains(r, "\xc3\xb1"
				"and\xc3\xba"));
	assert_true(contains(r, "2024-01"));
	assert_true(contains(r, ""));
	assert_false(contains(r, "sala"));
	row_unref(&r);
}

static void search_does_not_look_into_id_version_and_time(void **state)
{
	struct fields f = { .store = NULL };
	struct row *r = row_new(987, none, 654, TIME, false, &f);

	(void)state;
	assert_false(contains(r, "987"));
	assert_false(contains(r, "654"));
	assert_false(contains(r, "2026"));
	row_unref(&r);
}

static void search_does_not_reach_over_two_columns(void **state)
{
	struct fields f = sample();
	struct row *r = row_new(1, none, 1, TIME, false, &f);

	(void)state;
	assert_false(contains(r, "pc-01computadora"));
	assert_false(contains(r, "pc-01\ncomputadora"));
	assert_false(row_contains(r, "pc-01\0", 6));
	row_unref(&r);
}

static void a_reference_keeps_the_row(void **state)
{
	struct fields f = sample();
	struct row *a = row_new(1, none, 1, TIME, false, &f);
	struct row *b = row_ref(a);

	(void)state;
	assert_true(contains(a, "pc"));
	row_unref(&a);
	assert_string_equal(b->fields.at[0].text, "PC-01");
	row_unref(&b);
	row_unref(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_renders_as_the_contract_says),
		cmocka_unit_test(a_pending_item_without_id_shows_its_temporary_id),
		cmocka_unit_test(greatest_numbers_fit),
		cmocka_unit_test(missing_fields_become_null),
		cmocka_unit_test(texts_are_copied_and_terminated),
		cmocka_unit_test(strings_are_escaped_like_buf_put_json),
		cmocka_unit_test(a_rendered_row_reads_back),
		cmocka_unit_test(a_row_with_a_temporary_id_reads_back),
		cmocka_unit_test(what_row_new_never_renders_is_no_row),
		cmocka_unit_test(the_etag_follows_the_rendering),
		cmocka_unit_test(search_finds_any_column_whatever_the_case),
		cmocka_unit_test(search_does_not_look_into_id_version_and_time),
		cmocka_unit_test(search_does_not_reach_over_two_columns),
		cmocka_unit_test(a_reference_keeps_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
