/* test_operation.c - list entries: round trips, the Python backend's forms, unreadable ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "relevo/operation.h"

#define OP    "01890000-0000-7000-8000-000000000001"
#define OTHER "01890000-0000-7000-8000-000000000002"
#define HEX   "000102030405060708090a0b0c0d0eff"

static struct operation *decode(const char *entry, enum op_kind list)
{
	struct operation *o = NULL;
	struct err e = ERR_INIT;

	if (operation_decode(entry, strlen(entry), list, &o, &e) != ERR_NONE)
		fail_msg("%s: %s", entry, e.text);
	return o;
}

/* Decoded and encoded again it is the same text. */
static void assert_round_trip(const char *entry, enum op_kind list)
{
	struct operation *o = decode(entry, list);
	struct buf b = { .bytes = NULL };

	operation_encode_full(&b, o);
	assert_string_equal(b.bytes, entry);
	buf_free(&b);
	operation_unref(&o);
	assert_null(o);
}

static void a_create_round_trips(void **state)
{
	(void)state;
	assert_round_trip(
		"{\"data\":{\"code\":\"c\",\"type\":\"t\",\"status\":\"s\",\"area\":\"a\","
		"\"acquisition_date\":null},\"op\":\"" OP "\",\"kind\":\"create\","
		"\"accepted_at\":\"2026-01-31T12:00:00.123456Z\",\"instance\":\"n1\","
		"\"fingerprint\":\"" HEX "\",\"batch\":\"" OTHER "\",\"nth\":0,"
		"\"attempt\":2,\"seq\":4097}",
		OP_CREATE);
}

static void an_update_round_trips(void **state)
{
	(void)state;
	assert_round_trip("{\"id\":5,\"data\":{\"code\":\"c\"},\"op\":\"" OP
			  "\",\"kind\":\"update\","
			  "\"accepted_at\":\"2026-01-31T12:00:00.123456Z\",\"instance\":\"n1\","
			  "\"base\":{\"version\":3,\"updated_at\":\"2026-01-30T12:00:00.000000Z\"},"
			  "\"seq\":1}",
			  OP_UPDATE);
}

static void an_update_without_fields_round_trips(void **state)
{
	(void)state;
	assert_round_trip("{\"id\":5,\"data\":{},\"op\":\"" OP "\",\"kind\":\"update\"}",
			  OP_UPDATE);
}

static void a_delete_of_a_temporary_item_round_trips(void **state)
{
	(void)state;
	assert_round_trip("{\"id\":\"pending_" OTHER "\",\"op\":\"" OP
			  "\",\"kind\":\"delete\",\"seq\":9}",
			  OP_DELETE);
}

static void the_members_arrive_in_the_struct(void **state)
{
	struct operation *o = decode(
		"{\"id\":5,\"data\":{\"code\":\"c\"},\"op\":\"" OP "\",\"kind\":\"update\","
		"\"accepted_at\":\"1970-01-01T00:00:01.000000Z\",\"instance\":\"n1\",\"base\":"
		"{\"version\":3,\"updated_at\":\"1970-01-01T00:00:00.000007Z\"},\"fingerprint\":"
		"\"" HEX "\",\"batch\":\"" OTHER "\",\"nth\":4,\"attempt\":1,\"seq\":8}",
		OP_UPDATE);

	(void)state;
	assert_int_equal(o->kind, OP_UPDATE);
	assert_int_equal(o->item_id, 5);
	assert_true(opid_is_zero(o->temp));
	assert_string_equal(o->fields.at[0].text, "c");
	assert_false(o->fields.at[1].present);
	assert_int_equal(o->accepted_us, 1000000);
	assert_string_equal(o->instance, "n1");
	assert_int_equal(o->base_version, 3);
	assert_int_equal(o->base_updated_us, 7);
	assert_true(o->has_fingerprint);
	assert_int_equal(o->fingerprint[15], 0xff);
	assert_int_equal(o->nth, 4);
	assert_int_equal(o->attempt, 1);
	assert_int_equal(o->seq, 8);
	operation_unref(&o);
}

static void a_create_is_its_own_temporary_item(void **state)
{
	struct operation *o = decode("{\"data\":{\"code\":\"c\"},\"op\":\"" OP "\",\"kind\":"
				     "\"create\"}",
				     OP_CREATE);
	char key[ITEM_KEY_SIZE];

	(void)state;
	assert_true(opid_equal(o->id, o->temp));
	operation_item_key(o, key);
	assert_string_equal(key, "pending_" OP);
	operation_unref(&o);
}

static void the_item_key_of_a_final_id_is_the_number(void **state)
{
	struct operation *o = decode("9223372036854775807", OP_DELETE);
	char key[ITEM_KEY_SIZE];

	(void)state;
	operation_item_key(o, key);
	assert_string_equal(key, "9223372036854775807");
	operation_unref(&o);
}

static void encode_leaves_room_for_the_scripts_seq(void **state)
{
	struct operation *o =
		decode("{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"seq\":3}", OP_DELETE);
	struct buf b = { .bytes = NULL };

	(void)state;
	operation_encode(&b, o);
	assert_string_equal(b.bytes, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\"");
	buf_free(&b);
	operation_unref(&o);
}

static void a_long_instance_name_is_cut_at_a_character(void **state)
{
	struct operation *o = decode(
		"{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"instance\":\"x\xc3\xb1\xc3\xb1"
		"\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1"
		"\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1"
		"\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1"
		"\xc3\xb1\"}",
		OP_DELETE);

	(void)state;
	assert_int_equal(strlen(o->instance), 63);
	assert_int_equal(utf8_length(o->instance, 63), 32);
	operation_unref(&o);
}

/* --- what the Python backend left --- */

static void a_bare_item_is_a_create(void **state)
{
	struct operation *o =
		decode("{\"code\": \"c\", \"type\": \"t\", \"status\": \"s\", \"area\": "
		       "\"a\", \"acquisition_date\": null, \"id\": null}",
		       OP_CREATE);

	(void)state;
	assert_int_equal(o->kind, OP_CREATE);
	assert_true(opid_is_zero(o->id));
	assert_true(o->fields.at[4].present);
	assert_null(o->fields.at[4].text);
	assert_int_equal(o->seq, 0);
	assert_int_equal(o->accepted_us, 0);
	operation_unref(&o);
}

static void id_and_data_are_an_update(void **state)
{
	struct operation *o = decode("{\"id\": 5, \"data\": {\"status\": \"x\"}}", OP_UPDATE);

	(void)state;
	assert_int_equal(o->kind, OP_UPDATE);
	assert_int_equal(o->item_id, 5);
	assert_true(opid_is_zero(o->id));
	assert_string_equal(o->fields.at[2].text, "x");
	operation_unref(&o);
}

static void a_bare_number_is_a_delete(void **state)
{
	struct operation *o = decode("5", OP_DELETE);

	(void)state;
	assert_int_equal(o->kind, OP_DELETE);
	assert_int_equal(o->item_id, 5);
	operation_unref(&o);
}

static void an_object_with_an_id_is_a_delete(void **state)
{
	struct operation *o = decode("{\"id\":5}", OP_DELETE);

	(void)state;
	assert_int_equal(o->item_id, 5);
	assert_true(opid_is_zero(o->id));
	operation_unref(&o);
}

static void wrong_types_in_a_bare_item_are_left_to_validation(void **state)
{
	struct operation *o = decode("{\"code\":5,\"type\":\"t\"}", OP_CREATE);

	(void)state;
	assert_false(o->fields.at[0].present);
	assert_string_equal(o->misfits, "{\"code\":5}");
	operation_unref(&o);
}

static const struct {
	enum op_kind list;
	const char *entry, *faults; /* "": none */
} validated[] = {
	{ OP_UPDATE, "{\"id\":5,\"data\":{\"status\":5}}", "status: must be a string\n" },
	{ OP_UPDATE,
	  "{\"id\":5,\"data\":{\"code\":\"c\",\"area\":[\"a\"],\"acquisition_date\":20240101}}",
	  "area: must be a string\nacquisition_date: must be a string or null\n" },
	{ OP_UPDATE, "{\"id\":5,\"data\":{\"statuss\":\"z\",\"code\":\"\"}}",
	  "statuss: unknown field\ncode: must have 1 to 50 characters\n" },
	{ OP_UPDATE,
	  "{\"id\":5,\"data\":{\"id\":5,\"version\":1,\"updated_at\":\"x\",\"pending\":true}}",
	  "" },
	{ OP_UPDATE, "{\"id\":5,\"data\":{\"code\":true},\"op\":\"" OP "\",\"kind\":\"update\"}",
	  "code: must be a string\n" },
	{ OP_CREATE,
	  "{\"code\":5,\"type\":\"t\",\"status\":\"s\",\"area\":\"a\",\"id\":null,\"by\":\"me\"}",
	  "code: must be a string\n" },
	{ OP_CREATE, "{\"code\":\"c\",\"type\":\"t\",\"status\":\"s\",\"acquisition_date\":{}}",
	  "acquisition_date: must be a string or null\narea: required\n" },
	{ OP_DELETE, "5", "" },
};

static void each_fault_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof validated / sizeof validated[0]; i++) {
		struct operation *o = decode(validated[i].entry, validated[i].list);
		struct faults faults;
		struct buf named = { 0 };
		enum err_code code = operation_validate(o, &faults, NULL);

		for (size_t k = 0; k < faults.count; k++)
			buf_printf(&named, "%s: %s\n", faults.at[k].field, faults.at[k].message);
		assert_string_equal(named.bytes != NULL ? named.bytes : "", validated[i].faults);
		assert_int_equal(code, faults.count > 0 ? ERR_INVALID : ERR_NONE);
		buf_free(&named);
		operation_unref(&o);
	}
}

static void what_fits_no_column_round_trips(void **state)
{
	(void)state;
	assert_round_trip("{\"id\":5,\"data\":{\"code\":\"c\",\"area\":[1,{}],\"odd\":null},\"op\":"
			  "\"" OP "\",\"kind\":\"update\"}",
			  OP_UPDATE);
	assert_round_trip("{\"id\":5,\"data\":{\"area\":1.5},\"op\":\"" OP
			  "\",\"kind\":\"update\"}",
			  OP_UPDATE);
}

static void an_adopted_entry_keeps_its_values(void **state)
{
	struct operation *o = decode("{\"id\": 5, \"data\": {\"status\": \"x\"}}", OP_UPDATE);
	struct buf b = { .bytes = NULL };

	(void)state;
	assert_true(opid_parse(OP, strlen(OP), &o->id));
	operation_encode_full(&b, o);
	assert_string_equal(b.bytes, "{\"id\":5,\"data\":{\"status\":\"x\"},\"op\":\"" OP
				     "\",\"kind\":\"update\"}");
	buf_free(&b);
	operation_unref(&o);
}

/* --- unreadable --- */

static const struct {
	enum op_kind list;
	const char *entry, *why;
} unreadable[] = {
	{ OP_CREATE, "", "not JSON, from byte 0 on" },
	{ OP_CREATE, "hello", "not JSON, from byte 5 on" },
	{ OP_CREATE, "{\"code\":\"a\\u0000\"}", NULL },
	{ OP_CREATE, "{\"code\":\"\xff\"}", NULL },
	{ OP_CREATE, "{}", "of no known shape for a pending create" },
	{ OP_CREATE, "[]", "of no known shape for a pending create" },
	{ OP_CREATE, "5", "of no known shape for a pending create" },
	{ OP_CREATE, "{\"colour\":\"red\"}", "of no known shape for a pending create" },
	{ OP_UPDATE, "5", "of no known shape for a pending update" },
	{ OP_UPDATE, "{\"id\":5}", "of no known shape for a pending update" },
	{ OP_UPDATE, "{\"id\":0,\"data\":{}}", "of no known shape for a pending update" },
	{ OP_UPDATE, "{\"id\":5,\"data\":[]}", "of no known shape for a pending update" },
	{ OP_UPDATE, "{\"id\":\"x\",\"data\":{}}", "of no known shape for a pending update" },
	{ OP_DELETE, "-5", "of no known shape for a pending delete" },
	{ OP_DELETE, "5.0", "of no known shape for a pending delete" },
	{ OP_DELETE, "99999999999999999999", NULL },
	{ OP_DELETE, "null", "of no known shape for a pending delete" },
	{ OP_DELETE, "\"x\"", "of no known shape for a pending delete" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"x\",\"kind\":\"delete\"}",
	  "`op` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\"}", "`kind` of the entry is missing or broken" },
	{ OP_DELETE, "{\"op\":\"" OP "\",\"kind\":\"delete\"}",
	  "`id` of the entry is missing or broken" },
	{ OP_UPDATE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"update\"}",
	  "`data` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"accepted_at\":1}",
	  "`accepted_at` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"instance\":1}",
	  "`instance` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"base\":{\"version\":-1}}",
	  "`base` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"fingerprint\":\"00\"}",
	  "`fingerprint` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"batch\":\"\"}",
	  "`batch` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"nth\":4294967296}",
	  "`nth` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"attempt\":\"1\"}",
	  "`attempt` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"seq\":1.5}",
	  "`seq` of the entry is missing or broken" },
	{ OP_DELETE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\",\"seq\":9007199254740992}",
	  "`seq` of the entry is missing or broken" },
	{ OP_UPDATE, "{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\"}",
	  "a pending delete in the list of the pending updates" },
};

static void unreadable_entries_say_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
		struct operation *o = NULL;
		struct err e = ERR_INIT;
		const char *entry = unreadable[i].entry;
		enum err_code code =
			operation_decode(entry, strlen(entry), unreadable[i].list, &o, &e);
		if (code != ERR_INVALID || o != NULL)
			fail_msg("code %d for %s", (int)code, entry);
		if (unreadable[i].why != NULL)
			assert_string_equal(e.text, unreadable[i].why);
	}
}

static void from_json_knows_only_our_own_shape(void **state)
{
	json_t *legacy = json_loads("{\"id\":5,\"data\":{}}", 0, NULL);
	json_t *own = json_loads("{\"id\":5,\"op\":\"" OP "\",\"kind\":\"delete\"}", 0, NULL);
	struct operation *o = operation_from_json(own);

	(void)state;
	assert_null(operation_from_json(legacy));
	assert_null(operation_from_json(NULL));
	assert_non_null(o);
	operation_unref(&o);
	json_decref(own);
	json_decref(legacy);
}

static void kinds_have_names(void **state)
{
	enum op_kind kind = OP_CREATE;

	(void)state;
	assert_true(op_kind_parse("delete", &kind));
	assert_int_equal(kind, OP_DELETE);
	assert_false(op_kind_parse("overwritten", &kind));
	assert_string_equal(op_kind_name(OP_UPDATE), "update");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_create_round_trips),
		cmocka_unit_test(an_update_round_trips),
		cmocka_unit_test(an_update_without_fields_round_trips),
		cmocka_unit_test(a_delete_of_a_temporary_item_round_trips),
		cmocka_unit_test(the_members_arrive_in_the_struct),
		cmocka_unit_test(a_create_is_its_own_temporary_item),
		cmocka_unit_test(the_item_key_of_a_final_id_is_the_number),
		cmocka_unit_test(encode_leaves_room_for_the_scripts_seq),
		cmocka_unit_test(a_long_instance_name_is_cut_at_a_character),
		cmocka_unit_test(a_bare_item_is_a_create),
		cmocka_unit_test(id_and_data_are_an_update),
		cmocka_unit_test(a_bare_number_is_a_delete),
		cmocka_unit_test(an_object_with_an_id_is_a_delete),
		cmocka_unit_test(wrong_types_in_a_bare_item_are_left_to_validation),
		cmocka_unit_test(each_fault_is_named),
		cmocka_unit_test(what_fits_no_column_round_trips),
		cmocka_unit_test(an_adopted_entry_keeps_its_values),
		cmocka_unit_test(unreadable_entries_say_why),
		cmocka_unit_test(from_json_knows_only_our_own_shape),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
