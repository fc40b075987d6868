/* test_url.c - the URL forms of the contract: what is understood and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relevo/url.h"

#define TEST(name) static void name(void **state)

static void mysql_ok(const char *text, struct mysql_url *u)
{
	struct err e = ERR_INIT;

	assert_int_equal(url_parse_mysql(text, u, &e), ERR_NONE);
	assert_string_equal(e.text, "");
}

static void mysql_refused(const char *text, const char *reason)
{
	static const struct mysql_url zero;
	struct mysql_url u;
	struct err e = ERR_INIT;

	assert_int_equal(url_parse_mysql(text, &u, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, reason));
	assert_memory_equal(&u, &zero, sizeof(u));
}

static void redis_ok(const char *text, struct redis_url *u)
{
	struct err e = ERR_INIT;

	assert_int_equal(url_parse_redis(text, u, &e), ERR_NONE);
}

static void redis_refused(const char *text, const char *reason)
{
	static const struct redis_url zero;
	struct redis_url u;
	struct err e = ERR_INIT;

	assert_int_equal(url_parse_redis(text, &u, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, reason));
	assert_memory_equal(&u, &zero, sizeof(u));
}

TEST(mysql_parts_are_taken_apart)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://relevo:secret@db.example:3307/stock", &u);
	assert_string_equal(u.user, "relevo");
	assert_string_equal(u.password, "secret");
	assert_int_equal(u.host_count, 1);
	assert_string_equal(u.hosts[0].host, "db.example");
	assert_int_equal(u.hosts[0].port, 3307);
	assert_string_equal(u.database, "stock");
	assert_int_equal(u.tls, TLS_OFF);
	assert_null(u.ca);
	assert_null(u.socket);
	url_free_mysql(&u);
}

TEST(mysql_percent_escapes_are_decoded)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://a%40b:p%2F%3a%25@h/d%C3%A9", &u);
	assert_string_equal(u.user, "a@b");
	assert_string_equal(u.password, "p/:%");
	assert_string_equal(u.database, "d\xC3\xA9");
	url_free_mysql(&u);
}

TEST(mysql_password_may_hold_colon_and_at)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://u:p:q@r@h/d", &u);
	assert_string_equal(u.password, "p:q@r");
	assert_string_equal(u.hosts[0].host, "h");
	url_free_mysql(&u);
}

TEST(mysql_missing_password_is_empty)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://root@h/d", &u);
	assert_string_equal(u.password, "");
	url_free_mysql(&u);
}

TEST(mysql_several_hosts_keep_their_order)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://u:p@h1:3306,h2,[::1]:3308/d", &u);
	assert_int_equal(u.host_count, 3);
	assert_string_equal(u.hosts[0].host, "h1");
	assert_string_equal(u.hosts[1].host, "h2");
	assert_int_equal(u.hosts[1].port, 3306);
	assert_string_equal(u.hosts[2].host, "::1");
	assert_int_equal(u.hosts[2].port, 3308);
	url_free_mysql(&u);
}

TEST(mysql_parameters_are_understood)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://u:p@h/d?tls=required&ca=/etc/ca%20x.pem", &u);
	assert_int_equal(u.tls, TLS_REQUIRED);
	assert_string_equal(u.ca, "/etc/ca x.pem");
	url_free_mysql(&u);
}

TEST(mysql_ca_alone_means_verify)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://u:p@h/d?ca=/ca.pem", &u);
	assert_int_equal(u.tls, TLS_VERIFY);
	url_free_mysql(&u);
}

TEST(mysql_socket_is_understood)
{
	struct mysql_url u;

	(void)state;
	mysql_ok("mysql://u:p@localhost/d?socket=/run/m.sock", &u);
	assert_string_equal(u.socket, "/run/m.sock");
	url_free_mysql(&u);
}

TEST(mysql_faults_are_refused)
{
	(void)state;
	mysql_refused("", "must start");
	mysql_refused("http://u:p@h/d", "must start");
	mysql_refused("mysql://h/d", "user missing");
	mysql_refused("mysql://u:p@/d", "host missing");
	mysql_refused("mysql://u:p@h", "database missing");
	mysql_refused("mysql://u:p@h/", "database missing");
	mysql_refused("mysql://u:p@h/a/b", "no slash");
	mysql_refused("mysql://u:p@h:0/d", "port");
	mysql_refused("mysql://u:p@h:65536/d", "port");
	mysql_refused("mysql://u:p@h:/d", "port");
	mysql_refused("mysql://u:p@h:12x/d", "port");
	mysql_refused("mysql://u:p@h1,,h2/d", "host missing");
	mysql_refused("mysql://u:p@[::1/d", "broken [IPv6]");
	mysql_refused("mysql://u:%zz@h/d", "percent");
	mysql_refused("mysql://u:%4", "user missing");
	mysql_refused("mysql://u:%4@h/d", "percent");
	mysql_refused("mysql://u:%00@h/d", "percent");
	mysql_refused("mysql://u:p w@h/d", "percent-encoded");
	mysql_refused("mysql://u:p#w@h/d", "percent-encoded");
	mysql_refused("mysql://u:p@h/d?tls=maybe", "tls must be");
	mysql_refused("mysql://u:p@h/d?colour=red", "unknown parameter");
	mysql_refused("mysql://u:p@h/d?ca=", "empty");
	mysql_refused("mysql://u:p@h/d?ca=/a&ca=/b", "twice");
	mysql_refused("mysql://u:p@h/d?socket=m.sock", "absolute");
	mysql_refused("mysql://u:p@a,b/d?socket=/m.sock", "one host");
	mysql_refused("mysql://u:p@1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/d", "16 hosts");
}

TEST(a_reason_never_quotes_the_url)
{
	struct mysql_url u;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(url_parse_mysql("mysql://relevo:sesame", &u, &e), ERR_USAGE);
	assert_null(strstr(e.text, "sesame"));
}

TEST(redis_parts_are_taken_apart)
{
	struct redis_url u;

	(void)state;
	redis_ok("redis://app:s%20t@cache:6380/3", &u);
	assert_int_equal(u.form, REDIS_TCP);
	assert_string_equal(u.user, "app");
	assert_string_equal(u.password, "s t");
	assert_string_equal(u.hosts[0].host, "cache");
	assert_int_equal(u.hosts[0].port, 6380);
	assert_int_equal(u.db, 3);
	url_free_redis(&u);
}

TEST(redis_defaults_fill_what_is_missing)
{
	struct redis_url u;

	(void)state;
	redis_ok("redis://cache", &u);
	assert_null(u.user);
	assert_null(u.password);
	assert_int_equal(u.hosts[0].port, 6379);
	assert_int_equal(u.db, 0);
	url_free_redis(&u);
}

TEST(redis_password_without_user)
{
	struct redis_url u;

	(void)state;
	redis_ok("redis://:pw@cache/", &u);
	assert_null(u.user);
	assert_string_equal(u.password, "pw");
	url_free_redis(&u);
}

TEST(redis_unix_path_and_db)
{
	struct redis_url u;

	(void)state;
	redis_ok("unix:///run/redis%20a/r.sock?db=4", &u);
	assert_int_equal(u.form, REDIS_UNIX);
	assert_string_equal(u.path, "/run/redis a/r.sock");
	assert_int_equal(u.db, 4);
	url_free_redis(&u);
}

TEST(redis_sentinel_group_and_db)
{
	struct redis_url u;

	(void)state;
	redis_ok("redis+sentinel://:pw@s1:26380,s2/mymaster/1", &u);
	assert_int_equal(u.form, REDIS_SENTINEL);
	assert_string_equal(u.password, "pw");
	assert_int_equal(u.host_count, 2);
	assert_int_equal(u.hosts[0].port, 26380);
	assert_int_equal(u.hosts[1].port, 26379);
	assert_string_equal(u.master, "mymaster");
	assert_int_equal(u.db, 1);
	url_free_redis(&u);
}

TEST(redis_faults_are_refused)
{
	(void)state;
	redis_refused("rediss://h", "must start");
	redis_refused("redis://", "host missing");
	redis_refused("redis://h/x", "number");
	redis_refused("redis://h/0/1", "number");
	redis_refused("redis://h/99999999999", "number");
	redis_refused("redis://a,b/0", "only one host");
	redis_refused("redis://h/0?db=1", "no parameters");
	redis_refused("unix://run/r.sock?db=1x", "path must follow");
	redis_refused("unix://", "path must follow");
	redis_refused("unix:///r.sock?db=1x", "number");
	redis_refused("unix:///r.sock?x=1", "db=N");
	redis_refused("redis+sentinel://s1,s2", "group");
	redis_refused("redis+sentinel://s1,s2//0", "group");
}

TEST(listen_address_forms)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		bool ipv6;
	} cases[] = {
		{ "0.0.0.0:8000", "0.0.0.0", 8000, false },
		{ "127.0.0.1:0", "127.0.0.1", 0, false },
		{ "localhost:80", "127.0.0.1", 80, false },
		{ "[::]:8000", "::", 8000, true },
		{ "[::1]:65535", "::1", 65535, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listen_address a;
		struct err e = ERR_INIT;

		assert_int_equal(url_parse_listen(cases[i].text, &a, &e), ERR_NONE);
		assert_string_equal(a.host, cases[i].host);
		assert_int_equal(a.port, cases[i].port);
		assert_int_equal(a.ipv6, cases[i].ipv6);
		url_free_listen(&a);
	}
}

TEST(listen_faults_are_refused)
{
	static const char *const bad[] = { "",		 "8000",     ":8000",
					   "0.0.0.0",	 "0.0.0.0:", "0.0.0.0:65536",
					   "0.0.0.0:x",	 "1.2.3:80", "::1:80",
					   "[::1]",	 "[::1:80",  "[1.2.3.4]:80",
					   "example:80", "[]:80" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct listen_address a;
		struct err e = ERR_INIT;

		assert_int_equal(url_parse_listen(bad[i], &a, &e), ERR_USAGE);
		assert_null(a.host);
	}
}

TEST(free_functions_accept_null)
{
	(void)state;
	url_free_mysql(NULL);
	url_free_redis(NULL);
	url_free_listen(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mysql_parts_are_taken_apart),
		cmocka_unit_test(mysql_percent_escapes_are_decoded),
		cmocka_unit_test(mysql_password_may_hold_colon_and_at),
		cmocka_unit_test(mysql_missing_password_is_empty),
		cmocka_unit_test(mysql_several_hosts_keep_their_order),
		cmocka_unit_test(mysql_parameters_are_understood),
		cmocka_unit_test(mysql_ca_alone_means_verify),
		cmocka_unit_test(mysql_socket_is_understood),
		cmocka_unit_test(mysql_faults_are_refused),
		cmocka_unit_test(a_reason_never_quotes_the_url),
		cmocka_unit_test(redis_parts_are_taken_apart),
		cmocka_unit_test(redis_defaults_fill_what_is_missing),
		cmocka_unit_test(redis_password_without_user),
		cmocka_unit_test(redis_unix_path_and_db),
		cmocka_unit_test(redis_sentinel_group_and_db),
		cmocka_unit_test(redis_faults_are_refused),
		cmocka_unit_test(listen_address_forms),
		cmocka_unit_test(listen_faults_are_refused),
		cmocka_unit_test(free_functions_accept_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
