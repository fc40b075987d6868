/* test_db_errors.c - what MySQL error numbers mean, and values as SQL literals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relevo/buf.h"
#include "relevo/db.h"
#include "relevo/opid.h"

static void expect(enum err_code code, const unsigned *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (db_classify(numbers[i]) != code)
			fail_msg("%u means %s, not %s", numbers[i],
				 err_name(db_classify(numbers[i])), err_name(code));
	}
}

#define EXPECT(code, ...)                                                    \
	do {                                                                 \
		static const unsigned numbers[] = { __VA_ARGS__ };           \
		expect(code, numbers, sizeof(numbers) / sizeof(numbers[0])); \
	} while (0)

static void zero_is_no_error(void **state)
{
	(void)state;
	assert_int_equal(db_classify(0), ERR_NONE);
}

static void lost_connections_are_down(void **state)
{
	(void)state;
	EXPECT(ERR_DOWN, 2002, 2003, 2005, 2006, 2013, 2014, 2026, 2027, 2055, 2999, 5013, 5014);
}

static void unusable_servers_are_down(void **state)
{
	(void)state;
	EXPECT(ERR_DOWN, 1040, 1045, 1047, 1053, 1129, 1203, 1290, 1792, 1836, 1927, 3032, 3100,
	       3168, 3169, 4031);
}

static void full_disks_and_lost_tables_are_down(void **state)
{
	(void)state;
	EXPECT(ERR_DOWN, 1021, 1026, 1030, 1114, 1146, 1180, 1881);
}

static void lock_conflicts_are_locked(void **state)
{
	(void)state;
	EXPECT(ERR_LOCKED, 1205, 1213, 1020, 1317, 1614, 1969, 3024, 3101, 3572);
}

static void taken_keys_are_duplicates(void **state)
{
	(void)state;
	EXPECT(ERR_DUPLICATE, 1022, 1062, 1586, 1859);
}

static void the_statements_own_faults_are_refused(void **state)
{
	(void)state;
	EXPECT(ERR_REFUSED, 1048, 1054, 1064, 1153, 1264, 1292, 1366, 1406, 1451, 1452, 1644, 2020,
	       3819, 4025, 9999);
}

static void expect_text(const char *text, size_t len, const char *literal)
{
	struct buf out = { 0 };

	sql_put_text(&out, text, len);
	assert_string_equal(out.bytes, literal);
	buf_free(&out);
}

static void text_is_quoted(void **state)
{
	(void)state;
	expect_text("plain", 5, "'plain'");
	expect_text("", 0, "''");
	expect_text("NULL", 4, "'NULL'");
	expect_text(NULL, 0, "NULL");
}

static void quotes_and_backslashes_are_escaped(void **state)
{
	(void)state;
	expect_text("it's", 4, "'it\\'s'");
	expect_text("a\\", 2, "'a\\\\'");
	expect_text("\\'", 2, "'\\\\\\''");
	expect_text("'); DROP TABLE items; -- ", 25, "'\\'); DROP TABLE items; -- '");
	expect_text("say \"hi\"\n%_", 11, "'say \"hi\"\n%_'");
	expect_text("a\0b", 3, "'a\\0b'");
}

static void utf8_passes_untouched(void **state)
{
	static const char text[] = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";

	(void)state;
	expect_text(text, sizeof(text) - 1, "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'");
}

static void bytes_and_operation_ids_are_hex(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x27, 0x5c, 0xff };
	struct buf out = { 0 };
	struct opid id;

	(void)state;
	sql_put_bytes(&out, bytes, sizeof(bytes));
	assert_string_equal(out.bytes, "x'00275cff'");
	buf_reset(&out);
	sql_put_bytes(&out, bytes, 0);
	assert_string_equal(out.bytes, "x''");
	buf_reset(&out);
	assert_true(opid_parse("0190f3c2-7a5b-7cde-8f01-23456789abcd", 36, &id));
	sql_put_opid(&out, id);
	assert_string_equal(out.bytes, "x'0190f3c27a5b7cde8f0123456789abcd'");
	buf_free(&out);
}

static void sessions_that_ended_say_nothing_of_the_server(void **state)
{
	static const unsigned cut[] = { 2006, 2013, 2055, 1927, 3169, 4031 };
	static const unsigned other[] = { 1040, 1053, 1114, 1290, 3032, 1213, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
		assert_true(db_is_cut(cut[i]));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_false(db_is_cut(other[i]));
}

static void times_are_spelled_as_mysql_does(void **state)
{
	struct buf out = { 0 };

	(void)state;
	sql_put_time(&out, 1769860800123456);
	assert_string_equal(out.bytes, "'2026-01-31 12:00:00.123456'");
	buf_reset(&out);
	sql_put_time(&out, 1000000);
	assert_string_equal(out.bytes, "'1970-01-01 00:00:01.000000'");
	buf_free(&out);
}

static void times_beyond_a_timestamp_are_its_first_or_last(void **state)
{
	struct buf out = { 0 };

	(void)state;
	sql_put_time(&out, 2147483648000000);
	assert_string_equal(out.bytes, "'2038-01-19 03:14:07.999999'");
	buf_reset(&out);
	sql_put_time(&out, INT64_MAX);
	assert_string_equal(out.bytes, "'2038-01-19 03:14:07.999999'");
	buf_reset(&out);
	sql_put_time(&out, 0);
	assert_string_equal(out.bytes, "'1970-01-01 00:00:01.000000'");
	buf_reset(&out);
	sql_put_time(&out, -1);
	assert_string_equal(out.bytes, "'1970-01-01 00:00:01.000000'");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_no_error),
		cmocka_unit_test(lost_connections_are_down),
		cmocka_unit_test(unusable_servers_are_down),
		cmocka_unit_test(full_disks_and_lost_tables_are_down),
		cmocka_unit_test(lock_conflicts_are_locked),
		cmocka_unit_test(taken_keys_are_duplicates),
		cmocka_unit_test(the_statements_own_faults_are_refused),
		cmocka_unit_test(text_is_quoted),
		cmocka_unit_test(quotes_and_backslashes_are_escaped),
		cmocka_unit_test(utf8_passes_untouched),
		cmocka_unit_test(bytes_and_operation_ids_are_hex),
		cmocka_unit_test(sessions_that_ended_say_nothing_of_the_server),
		cmocka_unit_test(times_are_spelled_as_mysql_does),
		cmocka_unit_test(times_beyond_a_timestamp_are_its_first_or_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
