/* test_access.c - the Authorization header, and what it allows while the tokens change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/http/access.h"
#include "../../src/http/problem.h"
#include "relevo/log.h"
#include "relevo/thread.h"

#define TEST(name) static void name(void **state)

static void is_token(const char *header, const char *token)
{
	const char *at;
	size_t len;

	assert_int_equal(bearer_parse(header, &at, &len), BEARER_TOKEN);
	assert_int_equal(len, strlen(token));
	assert_memory_equal(at, token, len);
}

static void is(const char *header, enum bearer expected)
{
	const char *at;
	size_t len;

	assert_int_equal(bearer_parse(header, &at, &len), expected);
}

TEST(a_bearer_token_is_found)
{
	(void)state;
	is_token("Bearer abc", "abc");
	is_token("bearer abc", "abc");
	is_token("BEARER abc==", "abc==");
	is_token("Bearer   abc", "abc");
	is_token(" Bearer abc \t", "abc");
	is_token("Bearer a,b", "a,b");
}

TEST(other_schemes_bear_no_token)
{
	(void)state;
	is(NULL, BEARER_NONE);
	is("", BEARER_NONE);
	is("  ", BEARER_NONE);
	is("Basic dTpw", BEARER_NONE);
	is("Bearerabc", BEARER_NONE);
	is("Beare abc", BEARER_NONE);
	is("abc", BEARER_NONE);
}

TEST(a_scheme_without_one_token_is_malformed)
{
	(void)state;
	is("Bearer", BEARER_MALFORMED);
	is("Bearer  ", BEARER_MALFORMED);
	is("Bearer a b", BEARER_MALFORMED);
	is("Bearer abc, Basic dTpw", BEARER_MALFORMED);
}

/* --- with a file --- */

static char path[] = "/tmp/relevo-test-access-XXXXXX";

static void write_file(const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static struct access *opened(const char *text)
{
	struct token_file f;
	struct access *a;

	write_file(text);
	assert_int_equal(token_file_load(path, &f, NULL), ERR_NONE);
	free(f.path);
	f.path = path;
	a = access_new(&f);
	f.path = NULL;
	token_file_free(&f);
	return a;
}

static unsigned asked(struct access *a, const char *authorization, enum role needed)
{
	const struct headers h = { .authorization = authorization };

	return access_refusal(a, &h, needed);
}

TEST(without_a_file_everything_is_allowed)
{
	const struct token_file none = { 0 };
	const struct headers h = { 0 };

	(void)state;
	assert_null(access_new(&none));
	assert_int_equal(access_refusal(NULL, &h, ROLE_ADMIN), 0);
	assert_int_equal(access_role(NULL, &h), ROLE_ADMIN);
}

TEST(a_role_allows_what_it_names_and_less)
{
	static const char *const headers[] = { "Bearer a", "Bearer w", "Bearer r" };
	struct access *a = opened("r:read\nw:write\na:admin\n");

	(void)state;
	for (unsigned has = ROLE_ADMIN; has < ROLE_ANYONE; has++) {
		const struct headers h = { .authorization = headers[has] };

		assert_int_equal(access_role(a, &h), has);
		for (unsigned needed = ROLE_ADMIN; needed <= ROLE_ANYONE; needed++)
			assert_int_equal(access_refusal(a, &h, (enum role)needed),
					 has <= needed ? 0 : PROBLEM_SCOPE);
	}
	access_free(&a);
	assert_null(a);
}

TEST(what_no_token_allows_is_refused)
{
	const struct headers twice = { .authorization = "Bearer a", .authorization_twice = true };
	struct access *a = opened("a:admin");

	(void)state;
	assert_int_equal(asked(a, NULL, ROLE_READ), PROBLEM_NO_TOKEN);
	assert_int_equal(asked(a, "Basic YTph", ROLE_READ), PROBLEM_NO_TOKEN);
	assert_int_equal(asked(a, "Bearer b", ROLE_READ), PROBLEM_BAD_TOKEN);
	assert_int_equal(asked(a, "Bearer a:admin", ROLE_READ), PROBLEM_BAD_TOKEN);
	assert_int_equal(asked(a, "Bearer", ROLE_READ), PROBLEM_CREDENTIALS);
	assert_int_equal(asked(a, "Bearer a a", ROLE_READ), PROBLEM_CREDENTIALS);
	assert_int_equal(access_refusal(a, &twice, ROLE_READ), PROBLEM_CREDENTIALS);
	assert_int_equal(access_role(a, &twice), ROLE_ANYONE);
	assert_int_equal(asked(a, "Bearer", ROLE_ANYONE), 0);
	access_free(&a);
}

TEST(a_reload_takes_the_new_tokens_or_keeps_the_old_ones)
{
	struct access *a = opened("old:write");

	(void)state;
	write_file("new:read");
	access_reload(a);
	assert_int_equal(asked(a, "Bearer old", ROLE_READ), PROBLEM_BAD_TOKEN);
	assert_int_equal(asked(a, "Bearer new", ROLE_READ), 0);
	write_file("new:read\nbad");
	access_reload(a);
	assert_int_equal(asked(a, "Bearer new", ROLE_READ), 0);
	access_free(&a);
}

static struct access *contested;
static atomic_bool enough;

static void *ask_again_and_again(void *arg)
{
	const struct headers h = { .authorization = "Bearer same" };

	(void)arg;
	while (!atomic_load(&enough))
		ASSERT(access_role(contested, &h) == ROLE_WRITE);
	return NULL;
}

/* For the thread sanitizer, and for who frees what. */
TEST(reloads_and_requests_do_not_disturb_each_other)
{
	pthread_t threads[3];

	(void)state;
	contested = opened("same:write\nother:read");
	for (size_t i = 0; i < 3; i++)
		threads[i] = thread_start("asks", ask_again_and_again, NULL);
	for (int i = 0; i < 200; i++)
		access_reload(contested);
	atomic_store(&enough, true);
	for (size_t i = 0; i < 3; i++)
		PTOK(pthread_join(threads[i], NULL));
	access_free(&contested);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	log_init(LOG_ERROR, false);
	return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bearer_token_is_found),
		cmocka_unit_test(other_schemes_bear_no_token),
		cmocka_unit_test(a_scheme_without_one_token_is_malformed),
		cmocka_unit_test(without_a_file_everything_is_allowed),
		cmocka_unit_test(a_role_allows_what_it_names_and_less),
		cmocka_unit_test(what_no_token_allows_is_refused),
		cmocka_unit_test(a_reload_takes_the_new_tokens_or_keeps_the_old_ones),
		cmocka_unit_test(reloads_and_requests_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
