/* test_base.c - buffers, time, operation ids, errors, logging, memory and threads. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "relevo/buf.h"
#include "relevo/clock.h"
#include "relevo/err.h"
#include "relevo/log.h"
#include "relevo/mem.h"
#include "relevo/opid.h"
#include "relevo/thread.h"

#define TEST(name) static void name(void **state)

/* Let malloc return NULL under the sanitizers, as it does without. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* Run `body` in a child, what it writes to stderr into `out`; returns the wait status. */
static int in_child(void (*body)(void), char *out, size_t size)
{
	int ends[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		body();
		_exit(0);
	}
	close(ends[1]);
	while (len < size - 1 && (got = read(ends[0], out + len, size - 1 - len)) > 0)
		len += (size_t)got;
	out[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_aborts(void (*body)(void), const char *said)
{
	char out[8192];
	int status = in_child(body, out, sizeof(out));

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(out, said));
}

static void assert_logs(void (*body)(void), char *out, size_t size)
{
	assert_int_equal(in_child(body, out, size), 0);
}

/* ---- buf */

TEST(buf_zero_initialised_is_empty_and_valid)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "ab");
	buf_putc(&b, 'c');
	buf_put(&b, "d\0e", 3);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.bytes, "abcd\0e", 7);
	buf_free(&b);
	assert_null(b.bytes);
}

TEST(buf_grows_past_its_first_room)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i);
	assert_int_equal(b.len, 40000);
	assert_memory_equal(b.bytes + 39996, "9999", 5);
	buf_free(&b);
}

TEST(buf_reset_keeps_the_memory)
{
	struct buf b = { 0 };
	const char *before;

	(void)state;
	buf_puts(&b, "text");
	before = b.bytes;
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_ptr_equal(b.bytes, before);
	assert_string_equal(b.bytes, "");
	buf_free(&b);
}

TEST(buf_printf_longer_than_the_room)
{
	struct buf b = { 0 };

	(void)state;
	buf_printf(&b, "%0500d", 7);
	assert_int_equal(b.len, 500);
	assert_int_equal(b.bytes[499], '7');
	buf_free(&b);
}

TEST(buf_decimals_at_their_limits)
{
	struct buf b = { 0 };

	(void)state;
	buf_put_i64(&b, INT64_MIN);
	buf_putc(&b, ' ');
	buf_put_i64(&b, INT64_MAX);
	buf_putc(&b, ' ');
	buf_put_u64(&b, UINT64_MAX);
	buf_putc(&b, ' ');
	buf_put_i64(&b, 0);
	assert_string_equal(b.bytes, "-9223372036854775808 9223372036854775807 "
				     "18446744073709551615 0");
	buf_free(&b);
}

TEST(buf_json_escapes_only_what_it_must)
{
	static const char text[] = "a\"\\/\b\f\n\r\t\x01\x1f\x7f\xC3\xA9";
	struct buf b = { 0 };

	(void)state;
	buf_put_json(&b, text, sizeof(text));
	assert_string_equal(b.bytes,
			    "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xC3\xA9\\u0000\"");
	buf_free(&b);
}

TEST(buf_json_of_nothing_is_two_quotes)
{
	struct buf b = { 0 };

	(void)state;
	buf_put_json(&b, "", 0);
	assert_string_equal(b.bytes, "\"\"");
	buf_free(&b);
}

TEST(buf_take_passes_the_bytes_on)
{
	struct buf b = { 0 };
	size_t len;
	char *bytes;

	(void)state;
	buf_puts(&b, "mine");
	bytes = buf_take(&b, &len);
	assert_string_equal(bytes, "mine");
	assert_int_equal(len, 4);
	assert_null(b.bytes);
	assert_int_equal(b.len, 0);
	free(bytes);
}

TEST(buf_take_of_an_empty_buffer_is_an_empty_string)
{
	struct buf b = { 0 };
	char *bytes = buf_take(&b, NULL);

	(void)state;
	assert_string_equal(bytes, "");
	free(bytes);
}

TEST(buf_may_be_filled_to_its_maximum)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (int i = 0; i < 100; i++)
		buf_putc(&b, 'x');
	assert_int_equal(b.len, 100);
	buf_free(&b);
}

static void overfill(void)
{
	struct buf b;

	buf_init(&b, 4);
	buf_puts(&b, "12345");
}

TEST(buf_over_its_maximum_aborts)
{
	(void)state;
	assert_aborts(overfill, "assertion failed");
}

/* ---- clock */

TEST(clock_formats_known_instants)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ 1769860800123456, "2026-01-31T12:00:00.123456Z" },
		{ 951782400000000, "2000-02-29T00:00:00.000000Z" },
		{ 253402300799999999, "9999-12-31T23:59:59.999999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999999Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000000Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLOCK_TEXT_SIZE];

		clock_format(cases[i].us, text);
		assert_string_equal(text, cases[i].text);
	}
}

TEST(clock_parses_our_spelling_and_that_of_mysql)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{ "2026-01-31T12:00:00.123456Z", 1769860800123456 },
		{ "2026-01-31 12:00:00.123456", 1769860800123456 },
		{ "2026-01-31 12:00:00", 1769860800000000 },
		{ "2026-01-31T12:00:00.5Z", 1769860800500000 },
		{ "1969-12-31T23:59:59.999999Z", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = 0;

		assert_true(clock_parse(cases[i].text, &us));
		assert_int_equal(us, cases[i].us);
	}
}

TEST(clock_refuses_what_is_no_time)
{
	static const char *const bad[] = {
		"",
		"2026-01-31",
		"2026-01-31T",
		"2026-02-29T00:00:00Z",
		"0000-00-00 00:00:00",
		"2026-13-01T00:00:00Z",
		"2026-01-31T24:00:00Z",
		"2026-01-31T12:60:00Z",
		"2026-01-31T12:00:60Z",
		"2026-01-31T12:00:00.Z",
		"2026-01-31T12:00:00.1234567Z",
		"2026-01-31T12:00:00+01:00",
		"2026-01-31T12:00:00Zx",
		"2026-01-31t12:00:00Z",
		" 2026-01-31T12:00:00Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t us = 42;

		if (clock_parse(bad[i], &us))
			fail_msg("%s was accepted", bad[i]);
		assert_int_equal(us, 42);
	}
}

TEST(clock_parse_undoes_format_on_every_day_of_eight_centuries)
{
	(void)state;
	for (int64_t day = -150000; day < 150000; day++) {
		int64_t us = day * INT64_C(86400000000) + 43200000001, back;
		char text[CLOCK_TEXT_SIZE];

		clock_format(us, text);
		assert_true(clock_parse(text, &back));
		assert_true(back == us);
	}
}

TEST(clock_knows_real_dates)
{
	static const char *const good[] = { "2024-02-29", "2000-02-29", "0001-01-01",
					    "9999-12-31" };
	static const char *const bad[] = {
		"2023-02-29", "1900-02-29", "0000-01-01", "2024-00-01", "2024-01-00", "2024-04-31",
		"2024-1-01",  "2024/01/01", "2024-01-1",  "20240101",	"",	      "2024-01-01 "
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(clock_is_date(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (clock_is_date(bad[i], strlen(bad[i])))
			fail_msg("%s was accepted", bad[i]);
	}
}

TEST(clock_wall_is_this_century)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format(clock_wall_us(), text);
	assert_memory_equal(text, "20", 2);
}

TEST(clock_mono_does_not_go_back)
{
	int64_t before = clock_mono_us();

	(void)state;
	assert_true(clock_mono_us() >= before);
	assert_true(clock_mono_ms() >= before / 1000);
}

/* ---- opid */

TEST(opid_fresh_is_a_uuid_of_version_7_with_the_time)
{
	int64_t before = clock_wall_us() / 1000, ms = 0;
	struct opid id = opid_fresh();

	(void)state;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id.bytes[i];
	assert_in_range(ms, before, clock_wall_us() / 1000);
	assert_int_equal(id.bytes[6] >> 4, 7);
	assert_int_equal(id.bytes[8] >> 6, 2);
	assert_false(opid_is_keyed(id));
}

TEST(opid_orders_by_time)
{
	struct opid a = opid_fresh(), b;

	(void)state;
	usleep(2000);
	b = opid_fresh();
	assert_true(opid_compare(a, b) < 0);
	assert_true(opid_compare(b, a) > 0);
	assert_int_equal(opid_compare(a, a), 0);
}

TEST(opid_member_and_base_undo_each_other)
{
	static const unsigned indices[] = { 0, 1, 255, 256, OPID_BATCH_MAX - 1 };
	struct opid base = opid_batch();

	(void)state;
	for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		struct opid member = opid_member(base, indices[i]);
		unsigned index;

		assert_true(opid_equal(opid_base(member, &index), base));
		assert_int_equal(index, indices[i]);
	}
}

static void member_out_of_range(void)
{
	opid_member(opid_batch(), OPID_BATCH_MAX);
}

TEST(opid_member_beyond_the_batch_aborts)
{
	(void)state;
	assert_aborts(member_out_of_range, "assertion failed");
}

TEST(opid_from_key_is_the_sha256_as_a_uuid_of_version_8)
{
	struct opid id = opid_from_key("abc", 3);
	char text[OPID_TEXT_SIZE];

	(void)state;
	opid_format(id, text);
	assert_string_equal(text, "ba7816bf-8f01-8fea-8141-40de5dae2223");
	assert_true(opid_is_keyed(id));
}

TEST(opid_text_survives_parsing)
{
	struct opid id = opid_fresh(), back;
	char text[OPID_TEXT_SIZE], temp[OPID_TEMP_SIZE];

	(void)state;
	opid_format(id, text);
	opid_format_temp(id, temp);
	assert_true(opid_parse(text, strlen(text), &back));
	assert_true(opid_equal(id, back));
	memset(&back, 0, sizeof(back));
	assert_true(opid_is_zero(back));
	assert_true(opid_parse_temp(temp, strlen(temp), &back));
	assert_true(opid_equal(id, back));
}

TEST(opid_parse_accepts_upper_case)
{
	struct opid id;
	char text[OPID_TEXT_SIZE];

	(void)state;
	assert_true(opid_parse("BA7816BF-8F01-8FEA-8141-40DE5DAE2223", 36, &id));
	opid_format(id, text);
	assert_string_equal(text, "ba7816bf-8f01-8fea-8141-40de5dae2223");
}

TEST(opid_parse_refuses_other_shapes)
{
	static const char *const bad[] = { "",
					   "ba7816bf8f018fea814140de5dae2223",
					   "ba7816bf-8f01-8fea-8141-40de5dae222",
					   "ba7816bf-8f01-8fea-8141-40de5dae22233",
					   "ba7816bf-8f01-8fea-8141-40de5dae222g",
					   "ba7816bf-8f01-8fea-81414-0de5dae2223",
					   "pending_ba7816bf-8f01-8fea-8141-40de5dae2223" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct opid id;

		assert_false(opid_parse(bad[i], strlen(bad[i]), &id));
	}
}

TEST(opid_parse_temp_needs_its_prefix)
{
	struct opid id;

	(void)state;
	assert_false(opid_parse_temp("ba7816bf-8f01-8fea-8141-40de5dae2223", 36, &id));
	assert_false(opid_parse_temp("Pending_ba7816bf-8f01-8fea-8141-40de5dae2223", 44, &id));
}

TEST(opid_hash_spreads_a_batch)
{
	struct opid base = opid_batch();
	unsigned seen[64] = { 0 };

	(void)state;
	for (unsigned i = 0; i < OPID_BATCH_MAX; i++)
		seen[opid_hash(opid_member(base, i)) % 64]++;
	for (int i = 0; i < 64; i++)
		assert_in_range(seen[i], 16, 160);
}

/* ---- err */

TEST(err_first_one_wins)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_DOWN, "first %d", 1), ERR_DOWN);
	assert_int_equal(err_set(&e, ERR_INTERNAL, "second"), ERR_DOWN);
	assert_string_equal(e.text, "first 1");
}

TEST(err_clear_makes_room_for_another)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_DOWN, "first");
	err_clear(&e);
	assert_int_equal(e.code, ERR_NONE);
	assert_int_equal(err_set(&e, ERR_FULL, "second"), ERR_FULL);
	assert_string_equal(e.text, "second");
}

TEST(err_nobody_listens_to_still_has_its_code)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_LOCKED, "text"), ERR_LOCKED);
	err_clear(NULL);
}

TEST(err_cut_text_ends_with_a_whole_character)
{
	struct err e = ERR_INIT;
	char text[400] = "";

	(void)state;
	for (int i = 0; i < 120; i++)
		strcat(text, "\xE2\x82\xAC");
	err_set(&e, ERR_INVALID, "%s", text);
	assert_int_equal(strlen(e.text), 318);
	err_clear(&e);
	err_set(&e, ERR_INVALID, "x%s", text);
	assert_int_equal(strlen(e.text), 319);
	err_clear(&e);
	err_set(&e, ERR_INVALID, "xy%s", text);
	assert_int_equal(strlen(e.text), 317);
}

TEST(err_every_code_has_a_name)
{
	(void)state;
	for (int code = ERR_NONE; code <= ERR_INTERNAL; code++) {
		assert_non_null(err_name((enum err_code)code));
		assert_string_not_equal(err_name((enum err_code)code), "unknown");
	}
	assert_string_equal(err_name((enum err_code)999), "unknown");
}

/* ---- log */

static void log_text(void)
{
	log_init(LOG_INFO, false);
	log_info(TAG_SYNC, "drained %d", 3);
}

TEST(log_text_line_has_time_level_tag_message)
{
	char out[8192];
	int64_t us;

	(void)state;
	assert_logs(log_text, out, sizeof(out));
	assert_string_equal(out + 27, " INFO [SYNC] drained 3\n");
	out[27] = '\0';
	assert_true(clock_parse(out, &us));
}

static void log_json(void)
{
	log_init(LOG_INFO, true);
	log_error(TAG_REBUILD, "a \"b\" \\ \x01\n\xC3\xA9\xFF");
}

TEST(log_json_line_is_one_escaped_object)
{
	char out[8192];

	(void)state;
	assert_logs(log_json, out, sizeof(out));
	assert_memory_equal(out, "{\"time\":\"", 9);
	assert_string_equal(out + 36, "\",\"level\":\"ERROR\",\"tag\":\"REBUILD\",\"message\":"
				      "\"a \\\"b\\\" \\\\ \\u0001\\n\xC3\xA9\\ufffd\"}\n");
}

static void log_controls(void)
{
	log_init(LOG_INFO, false);
	log_warn(TAG_HTTP, "a\nb\x1b[1m\xC2\x9B\x7f");
}

TEST(log_text_escapes_control_characters)
{
	char out[8192];

	(void)state;
	assert_logs(log_controls, out, sizeof(out));
	assert_string_equal(out + 27, " WARN [HTTP] a\\nb\\x1b[1m\\u009b\\x7f\n");
}

static void log_long(void)
{
	char text[5000];

	memset(text, 1, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_init(LOG_INFO, true);
	log_info(TAG_MAIN, "%s", text);
}

TEST(log_line_is_cut_and_still_whole)
{
	char out[8192];
	size_t len;

	(void)state;
	assert_logs(log_long, out, sizeof(out));
	len = strlen(out);
	assert_in_range(len, 1990, 2128);
	assert_string_equal(out + len - 9, "\\u0001\"}\n");
}

static void log_quiet(void)
{
	log_init(LOG_WARN, false);
	log_info(TAG_MAIN, "unheard");
	log_debug(TAG_MAIN, "unheard");
}

TEST(log_below_the_level_is_silent)
{
	char out[8192];

	(void)state;
	assert_logs(log_quiet, out, sizeof(out));
	assert_string_equal(out, "");
}

TEST(log_toggle_switches_debug_on_and_off)
{
	(void)state;
	log_init(LOG_WARN, false);
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_toggle_debug());
	assert_true(log_enabled(LOG_DEBUG));
	assert_false(log_toggle_debug());
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARN));
}

/* ---- mem */

static void allocate_too_much(void)
{
	volatile size_t size = SIZE_MAX / 2;

	free(mem_alloc(size));
}

TEST(mem_exhausted_logs_and_aborts)
{
	(void)state;
	assert_aborts(allocate_too_much, "ERROR [MAIN] out of memory");
}

static void overflow_resize(void)
{
	volatile size_t count = SIZE_MAX / 2 + 2;

	free(mem_resize(NULL, count, 2));
}

TEST(mem_resize_overflow_aborts)
{
	(void)state;
	assert_aborts(overflow_resize, "out of memory");
}

static void check_null(void)
{
	mem_check(NULL);
}

TEST(mem_check_of_null_aborts)
{
	(void)state;
	assert_aborts(check_null, "out of memory");
}

TEST(mem_sizes_of_zero_are_fine)
{
	void *a = mem_alloc(0), *b = mem_zero(0, 8), *c = mem_resize(NULL, 0, 1);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	free(a);
	free(b);
	free(c);
}

TEST(mem_copy_ends_with_nul)
{
	char *copy = mem_copy("abc", 2), *empty = mem_copy(NULL, 0), *text = mem_string("abc");

	(void)state;
	assert_string_equal(copy, "ab");
	assert_string_equal(empty, "");
	assert_string_equal(text, "abc");
	free(copy);
	free(empty);
	free(text);
}

/* ---- thread */

static void fail_pthread(void)
{
	PTOK(22);
}

TEST(ptok_names_place_call_and_error)
{
	(void)state;
	assert_aborts(fail_pthread, "test_base.c:");
	assert_aborts(fail_pthread, "22 failed: error 22");
}

static void *look_around(void *arg)
{
	sigset_t blocked;

	PTOK(pthread_getname_np(pthread_self(), arg, 16));
	PTOK(pthread_sigmask(SIG_SETMASK, NULL, &blocked));
	return sigismember(&blocked, SIGTERM) ? arg : NULL;
}

TEST(thread_starts_named_and_without_signals)
{
	char name[16] = "";
	void *result;

	(void)state;
	PTOK(pthread_join(thread_start("fifteen-letters", look_around, name), &result));
	assert_string_equal(name, "fifteen-letters");
	assert_ptr_equal(result, name);
}

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung; /* hold lock */
};

static void *ring(void *arg)
{
	struct bell *bell = arg;

	PTOK(pthread_mutex_lock(&bell->lock));
	bell->rung = true;
	PTOK(pthread_cond_signal(&bell->cond));
	PTOK(pthread_mutex_unlock(&bell->lock));
	return NULL;
}

TEST(thread_wait_ends_when_signalled)
{
	struct bell bell = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int64_t deadline = clock_mono_ms() + 10000;
	bool in_time = true;
	pthread_t ringer;

	(void)state;
	thread_cond_init(&bell.cond);
	PTOK(pthread_mutex_lock(&bell.lock));
	ringer = thread_start("ringer", ring, &bell);
	while (!bell.rung && in_time)
		in_time = thread_cond_wait_until(&bell.cond, &bell.lock, deadline);
	PTOK(pthread_mutex_unlock(&bell.lock));
	PTOK(pthread_join(ringer, NULL));
	PTOK(pthread_cond_destroy(&bell.cond));
	assert_true(bell.rung);
}

TEST(thread_wait_ends_at_its_deadline)
{
	struct bell bell = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int64_t deadline = clock_mono_ms() + 20;

	(void)state;
	thread_cond_init(&bell.cond);
	PTOK(pthread_mutex_lock(&bell.lock));
	while (thread_cond_wait_until(&bell.cond, &bell.lock, deadline))
		;
	PTOK(pthread_mutex_unlock(&bell.lock));
	assert_in_range(clock_mono_ms(), deadline, deadline + 5000);
	PTOK(pthread_cond_destroy(&bell.cond));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_zero_initialised_is_empty_and_valid),
		cmocka_unit_test(buf_grows_past_its_first_room),
		cmocka_unit_test(buf_reset_keeps_the_memory),
		cmocka_unit_test(buf_printf_longer_than_the_room),
		cmocka_unit_test(buf_decimals_at_their_limits),
		cmocka_unit_test(buf_json_escapes_only_what_it_must),
		cmocka_unit_test(buf_json_of_nothing_is_two_quotes),
		cmocka_unit_test(buf_take_passes_the_bytes_on),
		cmocka_unit_test(buf_take_of_an_empty_buffer_is_an_empty_string),
		cmocka_unit_test(buf_may_be_filled_to_its_maximum),
		cmocka_unit_test(buf_over_its_maximum_aborts),
		cmocka_unit_test(clock_formats_known_instants),
		cmocka_unit_test(clock_parses_our_spelling_and_that_of_mysql),
		cmocka_unit_test(clock_refuses_what_is_no_time),
		cmocka_unit_test(clock_parse_undoes_format_on_every_day_of_eight_centuries),
		cmocka_unit_test(clock_knows_real_dates),
		cmocka_unit_test(clock_wall_is_this_century),
		cmocka_unit_test(clock_mono_does_not_go_back),
		cmocka_unit_test(opid_fresh_is_a_uuid_of_version_7_with_the_time),
		cmocka_unit_test(opid_orders_by_time),
		cmocka_unit_test(opid_member_and_base_undo_each_other),
		cmocka_unit_test(opid_member_beyond_the_batch_aborts),
		cmocka_unit_test(opid_from_key_is_the_sha256_as_a_uuid_of_version_8),
		cmocka_unit_test(opid_text_survives_parsing),
		cmocka_unit_test(opid_parse_accepts_upper_case),
		cmocka_unit_test(opid_parse_refuses_other_shapes),
		cmocka_unit_test(opid_parse_temp_needs_its_prefix),
		cmocka_unit_test(opid_hash_spreads_a_batch),
		cmocka_unit_test(err_first_one_wins),
		cmocka_unit_test(err_clear_makes_room_for_another),
		cmocka_unit_test(err_nobody_listens_to_still_has_its_code),
		cmocka_unit_test(err_cut_text_ends_with_a_whole_character),
		cmocka_unit_test(err_every_code_has_a_name),
		cmocka_unit_test(log_text_line_has_time_level_tag_message),
		cmocka_unit_test(log_json_line_is_one_escaped_object),
		cmocka_unit_test(log_text_escapes_control_characters),
		cmocka_unit_test(log_line_is_cut_and_still_whole),
		cmocka_unit_test(log_below_the_level_is_silent),
		cmocka_unit_test(log_toggle_switches_debug_on_and_off),
		cmocka_unit_test(mem_exhausted_logs_and_aborts),
		cmocka_unit_test(mem_resize_overflow_aborts),
		cmocka_unit_test(mem_check_of_null_aborts),
		cmocka_unit_test(mem_sizes_of_zero_are_fine),
		cmocka_unit_test(mem_copy_ends_with_nul),
		cmocka_unit_test(ptok_names_place_call_and_error),
		cmocka_unit_test(thread_starts_named_and_without_signals),
		cmocka_unit_test(thread_wait_ends_when_signalled),
		cmocka_unit_test(thread_wait_ends_at_its_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
