/* test_tokens.c - the token file: what it may hold, and what a token then allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "relevo/buf.h"
#include "relevo/tokens.h"

#define TEST(name) static void name(void **state)

static struct tokens *parsed(const char *text)
{
	struct err e = ERR_INIT;
	struct tokens *t = NULL;

	if (tokens_parse(text, strlen(text), &t, &e) != ERR_NONE)
		fail_msg("%s", e.text);
	return t;
}

static enum role found(const struct tokens *t, const char *token)
{
	return tokens_find(t, token, strlen(token));
}

static void refused_bytes(const char *text, size_t len, const char *reason)
{
	struct err e = ERR_INIT;
	struct tokens *t = NULL;

	assert_int_equal(tokens_parse(text, len, &t, &e), ERR_USAGE);
	assert_null(t);
	assert_string_equal(e.text, reason);
}

static void refused(const char *text, const char *reason)
{
	refused_bytes(text, strlen(text), reason);
}

TEST(each_line_gives_a_token_its_role)
{
	struct tokens *t = parsed("reader:read\nwriter:write\nboss:admin\n");

	(void)state;
	assert_int_equal(tokens_count(t), 3);
	assert_int_equal(found(t, "reader"), ROLE_READ);
	assert_int_equal(found(t, "writer"), ROLE_WRITE);
	assert_int_equal(found(t, "boss"), ROLE_ADMIN);
	tokens_drop(&t);
	assert_null(t);
}

TEST(other_tokens_are_nobodys)
{
	static const char *const others[] = { "",	  "a",	  "ab",	  "abcd", "ABC",
					      "abc:read", "abc ", " abc", "read", "abc\n" };
	struct tokens *t = parsed("abc:read");

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(found(t, others[i]), ROLE_ANYONE);
	assert_int_equal(tokens_find(t, "abcd", 3), ROLE_READ);
	tokens_drop(&t);
}

TEST(comments_blank_lines_and_blanks_around_are_skipped)
{
	struct tokens *t = parsed("# people\r\n\r\n  \t\n\t abc:read \t\r\n  # x:admin\nd:write");

	(void)state;
	assert_int_equal(tokens_count(t), 2);
	assert_int_equal(found(t, "abc"), ROLE_READ);
	assert_int_equal(found(t, "d"), ROLE_WRITE);
	assert_int_equal(found(t, "x"), ROLE_ANYONE);
	tokens_drop(&t);
}

TEST(tokens_are_of_the_characters_of_rfc_6750)
{
	struct tokens *t = parsed("AZaz09-._~+/==:write");

	(void)state;
	assert_int_equal(found(t, "AZaz09-._~+/=="), ROLE_WRITE);
	tokens_drop(&t);
	refused("ok:read\na b:read", "line 2: no token before a colon");
	refused("a=b:read", "line 1: no token before a colon");
	refused("=:read", "line 1: no token before a colon");
	refused("caf\xC3\xA9:read", "line 1: no token before a colon");
	refused("\"abc\":read", "line 1: no token before a colon");
	refused("a,b:read", "line 1: no token before a colon");
}

TEST(a_bad_line_is_named_by_its_number)
{
	(void)state;
	refused("# one\n\nsesame\n", "line 3: no token before a colon");
	refused("sesame", "line 1: no token before a colon");
	refused(":read", "line 1: no token before a colon");
	refused("a:read\nb:", "line 2: unknown role");
	refused("a:read\r\nb:root\r\n", "line 2: unknown role");
	refused("a:READ", "line 1: unknown role");
	refused("a: read", "line 1: unknown role");
	refused("a :read", "line 1: no token before a colon");
	refused("a:read:write", "line 1: unknown role");
	refused("a:reader", "line 1: unknown role");
	refused("a:rea", "line 1: unknown role");
	refused("a:none", "line 1: unknown role");
	refused("a:read # comment", "line 1: unknown role");
	refused("\xEF\xBB\xBF"
		"a:read",
		"line 1: no token before a colon");
	refused("a:read\rb:write", "line 1: unknown role");
}

TEST(a_token_stands_once)
{
	(void)state;
	refused("a:read\n#\nb:read\na:admin", "line 4: the token of line 1 again");
	refused("a:read\na:read", "line 2: the token of line 1 again");
}

TEST(nul_characters_are_refused)
{
	static const char inside[] = "a\0b:read", role[] = "a:read\0", alone[] = "a:read\n\0";

	(void)state;
	refused_bytes(inside, sizeof inside - 1, "line 1: no token before a colon");
	refused_bytes(role, sizeof role - 1, "line 1: unknown role");
	refused_bytes(alone, sizeof alone - 1, "line 2: no token before a colon");
}

TEST(a_file_without_tokens_is_refused)
{
	(void)state;
	refused("", "no token in it");
	refused("\n", "no token in it");
	refused("# only words\n\n   \n", "no token in it");
}

TEST(length_of_a_token_is_bounded)
{
	char line[TOKEN_MAX + 16];
	struct tokens *t;

	(void)state;
	memset(line, 'x', TOKEN_MAX + 1);
	strcpy(line + TOKEN_MAX, ":read");
	t = parsed(line);
	assert_int_equal(tokens_find(t, line, TOKEN_MAX), ROLE_READ);
	tokens_drop(&t);
	memset(line, 'x', TOKEN_MAX + 1);
	strcpy(line + TOKEN_MAX + 1, ":read");
	refused(line, "line 1: no token before a colon");
}

TEST(number_of_tokens_is_bounded)
{
	struct buf b = { 0 };
	struct tokens *t;

	(void)state;
	for (int i = 0; i < TOKENS_MAX; i++)
		buf_printf(&b, "t%d:%s\n", i, i % 2 == 0 ? "read" : "admin");
	t = parsed(b.bytes);
	assert_int_equal(tokens_count(t), TOKENS_MAX);
	assert_int_equal(found(t, "t0"), ROLE_READ);
	assert_int_equal(found(t, "t999"), ROLE_ADMIN);
	tokens_drop(&t);
	buf_puts(&b, "one-more:read\n");
	refused(b.bytes, "line 1001: more than 1000 tokens");
	buf_free(&b);
}

TEST(a_set_lives_until_its_last_holder_drops_it)
{
	struct tokens *t = parsed("abc:write"), *other = tokens_hold(t);

	(void)state;
	tokens_drop(&t);
	assert_int_equal(found(other, "abc"), ROLE_WRITE);
	tokens_drop(&other);
	tokens_drop(&other);
	assert_null(other);
}

/* --- files --- */

static char path[] = "/tmp/relevo-test-tokens-XXXXXX";

static void write_file(const char *text, size_t len, mode_t mode)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void load_refused(const char *file, const char *reason)
{
	struct token_file f = { .path = path };
	struct err e = ERR_INIT;

	assert_int_equal(token_file_load(file, &f, &e), ERR_USAGE);
	assert_null(f.path);
	assert_null(f.tokens);
	assert_string_equal(e.text, reason);
}

static bool exposed(mode_t mode)
{
	struct token_file f;
	struct err e = ERR_INIT;
	bool answer;

	write_file("abc:read\n", 9, mode);
	if (token_file_load(path, &f, &e) != ERR_NONE)
		fail_msg("%s", e.text);
	assert_string_equal(f.path, path);
	assert_int_equal(found(f.tokens, "abc"), ROLE_READ);
	answer = tokens_exposed(f.tokens);
	token_file_free(&f);
	assert_null(f.path);
	return answer;
}

TEST(files_that_others_can_read_are_told_apart)
{
	(void)state;
	assert_false(exposed(0600));
	assert_false(exposed(0640));
	assert_true(exposed(0644));
	assert_true(exposed(0604));
}

TEST(what_is_no_readable_file_is_refused)
{
	(void)state;
	load_refused("/nowhere/tokens", "No such file or directory");
	load_refused("/tmp", "not a regular file");
	load_refused("/dev/null", "not a regular file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	load_refused(path, "not a regular file");
	assert_int_equal(unlink(path), 0);
}

TEST(size_of_a_file_is_bounded)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "abc:read\n#");
	while (b.len < TOKENS_FILE_MAX)
		buf_putc(&b, 'x');
	write_file(b.bytes, b.len, 0600);
	{
		struct token_file f;

		assert_int_equal(token_file_load(path, &f, NULL), ERR_NONE);
		token_file_free(&f);
	}
	buf_putc(&b, 'x');
	write_file(b.bytes, b.len, 0600);
	load_refused(path, "more than 1048576 bytes");
	buf_free(&b);
	write_file("", 0, 0600);
	load_refused(path, "no token in it");
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_gives_a_token_its_role),
		cmocka_unit_test(other_tokens_are_nobodys),
		cmocka_unit_test(comments_blank_lines_and_blanks_around_are_skipped),
		cmocka_unit_test(tokens_are_of_the_characters_of_rfc_6750),
		cmocka_unit_test(a_bad_line_is_named_by_its_number),
		cmocka_unit_test(a_token_stands_once),
		cmocka_unit_test(nul_characters_are_refused),
		cmocka_unit_test(a_file_without_tokens_is_refused),
		cmocka_unit_test(length_of_a_token_is_bounded),
		cmocka_unit_test(number_of_tokens_is_bounded),
		cmocka_unit_test(a_set_lives_until_its_last_holder_drops_it),
		cmocka_unit_test(files_that_others_can_read_are_told_apart),
		cmocka_unit_test(size_of_a_file_is_bounded),
		cmocka_unit_test(what_is_no_readable_file_is_refused),
	};
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
