/* test_change.c - the change log's JSON: each type round trips, foreign elements are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "relevo/change.h"

#define OP    "01890000-0000-7000-8000-000000000001"
#define OTHER "01890000-0000-7000-8000-000000000002"
#define ITEM                                                                       \
	"{\"id\":1,\"code\":\"c\",\"type\":\"t\",\"status\":\"s\",\"area\":\"a\"," \
	"\"acquisition_date\":null,\"version\":2,\"updated_at\":\"2026-01-31T12:00:00.123456Z\"}"

static const struct opid none;

static struct opid parse(const char *text)
{
	struct opid id;

	assert_true(opid_parse(text, strlen(text), &id));
	return id;
}

static void assert_encodes(const struct changes *c, const char *expected)
{
	struct buf b = { .bytes = NULL };

	changes_encode(&b, c);
	assert_string_equal(b.bytes, expected);
	buf_free(&b);
}

static void decode(struct changes *c, const char *json)
{
	struct err e = ERR_INIT;

	assert_int_equal(changes_decode(c, json, strlen(json), &e), ERR_NONE);
}

/* Decoded and encoded again it is the same text. */
static void assert_round_trip(const char *json)
{
	struct changes c = { .at = NULL };

	decode(&c, json);
	assert_encodes(&c, json);
	changes_free(&c);
	assert_null(c.at);
}

static void no_changes_are_an_empty_array(void **state)
{
	(void)state;
	assert_round_trip("[]");
}

static void a_row_round_trips(void **state)
{
	(void)state;
	assert_round_trip("[{\"t\":\"row\",\"item\":" ITEM "}]");
}

static void a_foreign_forced_row_round_trips(void **state)
{
	(void)state;
	assert_round_trip("[{\"t\":\"row\",\"item\":" ITEM ",\"foreign\":true,\"force\":true}]");
}

static void a_delete_round_trips(void **state)
{
	(void)state;
	assert_round_trip("[{\"t\":\"del\",\"id\":7,\"version\":3}]");
	assert_round_trip("[{\"t\":\"del\",\"id\":7,\"version\":3,\"force\":true}]");
}

static void an_operation_round_trips_with_its_seq(void **state)
{
	(void)state;
	assert_round_trip("[{\"t\":\"op\",\"entry\":{\"id\":5,\"op\":\"" OP
			  "\",\"kind\":\"delete\",\"seq\":4096}}]");
}

static void done_round_trips(void **state)
{
	(void)state;
	assert_round_trip("[{\"t\":\"done\",\"ops\":[\"" OP "\",\"" OTHER "\"]}]");
	assert_round_trip("[{\"t\":\"done\",\"ops\":[\"" OP "\"],\"temp\":\"" OP "\",\"id\":9}]");
	assert_round_trip("[{\"t\":\"done\",\"ops\":[]}]");
}

static void system_state_round_trips(void **state)
{
	(void)state;
	assert_round_trip("[{\"t\":\"sync\",\"name\":\"drain\",\"n\":[1,null,\"\xc3\xb1\\n\"]}]");
}

static void system_state_need_not_name_its_type(void **state)
{
	struct changes c = { .at = NULL };
	json_t *sync = json_loads("{\"name\":\"drain\",\"done\":1}", 0, NULL);

	(void)state;
	changes_sync(&c, sync);
	json_decref(sync);
	assert_encodes(&c, "[{\"t\":\"sync\",\"name\":\"drain\",\"done\":1}]");
	changes_free(&c);
}

static void order_is_kept_over_many_changes(void **state)
{
	struct changes c = { .at = NULL }, back = { .at = NULL };
	struct buf b = { .bytes = NULL };

	(void)state;
	for (int i = 1; i <= 100; i++)
		changes_delete(&c, i, (uint64_t)i + 1, i % 2 == 0);
	changes_encode(&b, &c);
	decode(&back, b.bytes);
	assert_int_equal(back.count, 100);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(back.at[i].id, i + 1);
		assert_int_equal(back.at[i].force, i % 2);
	}
	buf_free(&b);
	changes_free(&c);
	changes_free(&back);
}

static void changes_hold_references_of_their_own(void **state)
{
	struct changes c = { .at = NULL };
	struct fields f = { .store = NULL };
	struct row *row = row_new(1, none, 1, 0, false, &f);
	struct operation *op = operation_new();
	struct opid id = parse(OP);

	(void)state;
	changes_row(&c, row, false, false);
	changes_queued(&c, op);
	changes_done(&c, &id, 1, id, 4);
	row_unref(&row);
	operation_unref(&op);
	id = none;
	assert_int_equal(c.at[0].row->id, 1);
	assert_int_equal(c.at[1].op->kind, OP_CREATE);
	assert_true(opid_equal(c.at[2].ops[0], parse(OP)));
	assert_int_equal(c.at[2].id, 4);
	changes_free(&c);
}

static void decode_appends(void **state)
{
	struct changes c = { .at = NULL };

	(void)state;
	decode(&c, "[{\"t\":\"del\",\"id\":1,\"version\":1}]");
	decode(&c, "[{\"t\":\"del\",\"id\":2,\"version\":1}]");
	assert_int_equal(c.count, 2);
	assert_int_equal(c.at[1].id, 2);
	changes_free(&c);
}

static void unknown_and_broken_elements_are_skipped(void **state)
{
	struct changes c = { .at = NULL };

	(void)state;
	decode(&c,
	       "[5,null,{},{\"t\":5},{\"t\":\"later\"},{\"t\":\"row\"},{\"t\":\"row\",\"item\":{}},"
	       "{\"t\":\"del\"},{\"t\":\"op\",\"entry\":5},"
	       "{\"t\":\"del\",\"id\":1,\"version\":1}]");
	assert_int_equal(c.count, 1);
	assert_int_equal(c.at[0].type, CHANGE_DELETE);
	changes_free(&c);
}

static void what_is_no_array_is_an_error(void **state)
{
	static const char *const bad[] = { "", "{}", "5", "[", "[1]x" };
	struct changes c = { .at = NULL };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err e = ERR_INIT;
		assert_int_equal(changes_decode(&c, bad[i], strlen(bad[i]), &e), ERR_INTERNAL);
		assert_int_equal(e.code, ERR_INTERNAL);
	}
	assert_int_equal(c.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_changes_are_an_empty_array),
		cmocka_unit_test(a_row_round_trips),
		cmocka_unit_test(a_foreign_forced_row_round_trips),
		cmocka_unit_test(a_delete_round_trips),
		cmocka_unit_test(an_operation_round_trips_with_its_seq),
		cmocka_unit_test(done_round_trips),
		cmocka_unit_test(system_state_round_trips),
		cmocka_unit_test(system_state_need_not_name_its_type),
		cmocka_unit_test(order_is_kept_over_many_changes),
		cmocka_unit_test(changes_hold_references_of_their_own),
		cmocka_unit_test(decode_appends),
		cmocka_unit_test(unknown_and_broken_elements_are_skipped),
		cmocka_unit_test(what_is_no_array_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
