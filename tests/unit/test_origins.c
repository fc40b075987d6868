/* test_origins.c - the list of web origins: what is one, and what matches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relevo/buf.h"
#include "relevo/origins.h"

#define TEST(name) static void name(void **state)

static struct origins parsed(const char *text)
{
	struct err e = ERR_INIT;
	struct origins o;

	if (origins_parse(text, &o, &e) != ERR_NONE)
		fail_msg("%s: %s", text, e.text);
	return o;
}

static void becomes(const char *text, const char *list)
{
	struct origins o = parsed(text);

	assert_string_equal(o.text, list);
	assert_false(o.any);
	origins_free(&o);
	assert_null(o.text);
}

static void refused(const char *text)
{
	struct origins o = { .any = true };
	struct err e = ERR_INIT;

	if (origins_parse(text, &o, &e) != ERR_USAGE)
		fail_msg("%s was accepted", text);
	assert_true(e.text[0] != '\0');
	assert_null(o.text);
	assert_null(o.at);
	assert_int_equal(o.count, 0);
}

TEST(a_list_is_kept_as_browsers_write_origins)
{
	(void)state;
	becomes("https://a.example", "https://a.example");
	becomes(" HTTPS://A.Example:8443 ,\thttp://b ", "https://a.example:8443,http://b");
	becomes("http://127.0.0.1:5173,http://[::1]:5173,http://[2001:DB8::1]",
		"http://127.0.0.1:5173,http://[::1]:5173,http://[2001:db8::1]");
	becomes("chrome-extension://abcdefgh,capacitor://localhost",
		"chrome-extension://abcdefgh,capacitor://localhost");
	becomes("http://xn--caf-dma.example:65535", "http://xn--caf-dma.example:65535");
}

TEST(the_schemes_own_port_is_left_out)
{
	(void)state;
	becomes("http://a:80,https://a:443", "http://a,https://a");
	becomes("http://a:443,https://a:80", "http://a:443,https://a:80");
	becomes("http://[::1]:80", "http://[::1]");
}

TEST(nothing_means_none_and_star_means_all)
{
	struct origins none = parsed(" "), all = parsed(" * ");

	(void)state;
	assert_null(none.text);
	assert_false(none.any);
	assert_false(origins_match(&none, "http://a"));
	assert_true(all.any);
	assert_string_equal(all.text, "*");
	assert_true(origins_match(&all, "http://a"));
	assert_true(origins_match(&all, "null"));
	origins_free(&none);
	origins_free(&all);
	assert_false(all.any);
}

TEST(what_is_no_origin_is_refused)
{
	static const char *const bad[] = {
		"a.example",
		"//a.example",
		"://a",
		"http:/a",
		"http:a",
		"http://",
		"http://:80",
		"http:///",
		"http://a/",
		"http://a/b",
		"http://a?b",
		"http://a#b",
		"http://user@a",
		"http://user:secret@a",
		"http://a:",
		"http://a:0",
		"http://a:080",
		"http://a:65536",
		"http://a:999999",
		"http://a:8o",
		"http://a:80:80",
		"http://a b",
		"http://*.example",
		"http://*",
		"*,http://a",
		"http://a,*",
		"**",
		"null",
		"http://a,null",
		"http://a,",
		",http://a",
		"http://a,,http://b",
		",",
		"http://[::1",
		"http://[::1]x",
		"http://[]",
		"http://[a]",
		"http://[1.2.3.4]",
		"http://[::1%25eth0]",
		"http://caf\xC3\xA9",
		"1http://a",
		"ht_tp://a",
		"http://a;http://b",
		"http://a http://b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i]);
}

TEST(matching_is_exact)
{
	static const char *const others[] = {
		"",
		"null",
		"http://a.example",
		"https://a.example:443",
		"https://a.example:8443",
		"https://a.example/",
		"https://A.example",
		"https://a.example.evil",
		"https://xa.example",
		"https://a.exampl",
		"https://b.example",
		"https://a.example,http://b:1",
		"*",
	};
	struct origins o = parsed("https://a.example,http://b:1");

	(void)state;
	assert_true(origins_match(&o, "https://a.example"));
	assert_true(origins_match(&o, "http://b:1"));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(origins_match(&o, others[i]));
	origins_free(&o);
}

TEST(number_and_length_are_bounded)
{
	struct buf b = { 0 };
	struct origins o;
	char one[ORIGIN_MAX + 2];

	(void)state;
	for (int i = 0; i < ORIGINS_MAX; i++)
		buf_printf(&b, "%shttp://h%d", i > 0 ? "," : "", i);
	o = parsed(b.bytes);
	assert_int_equal(o.count, ORIGINS_MAX);
	assert_true(origins_match(&o, "http://h63"));
	origins_free(&o);
	buf_puts(&b, ",http://more");
	refused(b.bytes);
	buf_free(&b);
	memset(one, 'a', sizeof one);
	memcpy(one, "http://", 7);
	one[ORIGIN_MAX] = '\0';
	o = parsed(one);
	origins_free(&o);
	one[ORIGIN_MAX] = 'a';
	one[ORIGIN_MAX + 1] = '\0';
	refused(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_kept_as_browsers_write_origins),
		cmocka_unit_test(the_schemes_own_port_is_left_out),
		cmocka_unit_test(nothing_means_none_and_star_means_all),
		cmocka_unit_test(what_is_no_origin_is_refused),
		cmocka_unit_test(matching_is_exact),
		cmocka_unit_test(number_and_length_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
