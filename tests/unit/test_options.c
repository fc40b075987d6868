/* test_options.c - the configuration: defaults, precedence, refusals that tell no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "relevo/options.h"

#define TEST(name) static void name(void **state)

/* One environment entry and up to two arguments; NULL for none. */
static enum err_code load(struct options *o, enum options_action *action, char *variable,
			  char *first, char *second, struct err *e)
{
	char program[] = "relevod";
	char *argv[] = { program, first, second, NULL };
	char *env[] = { variable, NULL };
	int argc = first ? (second ? 3 : 2) : 1;

	return options_load(o, argc, argv, env, action, e);
}

static void load_ok(struct options *o, char *variable, char *first, char *second)
{
	struct err e = ERR_INIT;
	enum options_action action;

	if (load(o, &action, variable, first, second, &e) != ERR_NONE)
		fail_msg("%s", e.text);
	assert_int_equal(action, OPTIONS_RUN);
}

static void refused(const char *variable, const char *named)
{
	char entry[400];
	struct options o;
	enum options_action action;
	struct err e = ERR_INIT;

	snprintf(entry, sizeof(entry), "%s", variable);
	if (load(&o, &action, entry, NULL, NULL, &e) != ERR_USAGE)
		fail_msg("%s was accepted", variable);
	if (!strstr(e.text, named))
		fail_msg("\"%s\" lacks \"%s\"", e.text, named);
	assert_null(strchr(e.text, '\n'));
}

static char *printed(const struct options *o)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	options_print(o, out);
	fclose(out);
	return text;
}

TEST(defaults_are_those_of_the_contract)
{
	struct options o;

	(void)state;
	load_ok(&o, NULL, NULL, NULL);
	assert_string_equal(o.listen.host, "0.0.0.0");
	assert_int_equal(o.listen.port, 8000);
	assert_string_equal(o.mysql.user, "relevo");
	assert_string_equal(o.mysql.password, "relevo");
	assert_string_equal(o.mysql.database, "relevo");
	assert_string_equal(o.redis.hosts[0].host, "127.0.0.1");
	assert_int_equal(o.sync_interval_ms, 30000);
	assert_int_equal(o.probe_interval_ms, 1000);
	assert_int_equal(o.mysql_timeout_ms, 1000);
	assert_int_equal(o.redis_timeout_ms, 500);
	assert_in_range(o.http_threads, 1, 64);
	assert_int_equal(o.writers, 2);
	assert_int_equal(o.read_from, READ_FROM_CACHE);
	assert_int_equal(o.publish_budget, 16 << 20);
	assert_int_equal(o.max_pending, 1000000);
	assert_int_equal(o.max_body, 65536);
	assert_int_equal(o.conflict, CONFLICT_LAST_WRITE_WINS);
	assert_false(o.require_durable);
	assert_int_equal(o.stop_delay_ms, 500);
	assert_null(o.token_file.path);
	assert_null(o.cors_origins.text);
	assert_null(o.static_dir);
	assert_int_equal(o.log_level, LOG_INFO);
	assert_false(o.log_json);
	options_free(&o);
}

TEST(instance_defaults_to_the_host_name)
{
	struct options o;
	char host[256] = "";

	(void)state;
	gethostname(host, sizeof(host) - 1);
	host[63] = '\0';
	load_ok(&o, NULL, NULL, NULL);
	assert_string_equal(o.instance, host);
	options_free(&o);
}

TEST(environment_beats_the_default)
{
	struct options o;
	char variable[] = "RELEVO_SYNC_INTERVAL=5s";

	(void)state;
	load_ok(&o, variable, NULL, NULL);
	assert_int_equal(o.sync_interval_ms, 5000);
	options_free(&o);
}

TEST(flag_beats_the_environment)
{
	struct options o;
	char variable[] = "RELEVO_SYNC_INTERVAL=5s", flag[] = "--sync-interval", value[] = "2m";

	(void)state;
	load_ok(&o, variable, flag, value);
	assert_int_equal(o.sync_interval_ms, 120000);
	options_free(&o);
}

TEST(flag_takes_its_value_behind_an_equals_sign)
{
	struct options o;
	char flag[] = "--sync-interval=1h";

	(void)state;
	load_ok(&o, NULL, flag, NULL);
	assert_int_equal(o.sync_interval_ms, 3600000);
	options_free(&o);
}

TEST(last_of_repeated_flags_wins)
{
	struct options o;
	char first[] = "--max-pending=1", second[] = "--max-pending=2";

	(void)state;
	load_ok(&o, NULL, first, second);
	assert_int_equal(o.max_pending, 2);
	options_free(&o);
}

TEST(switches_take_on_and_off)
{
	struct options o;
	char flag[] = "--require-durable", on[] = "on";

	(void)state;
	load_ok(&o, NULL, flag, on);
	assert_true(o.require_durable);
	options_free(&o);
}

TEST(sizes_take_binary_units_and_plain_bytes)
{
	struct options o;
	char budget[] = "--publish-budget=2MiB", body[] = "--max-body=1000";

	(void)state;
	load_ok(&o, NULL, budget, body);
	assert_int_equal(o.publish_budget, 2 << 20);
	assert_int_equal(o.max_body, 1000);
	options_free(&o);
}

TEST(words_choose_policy_and_reader)
{
	struct options o;
	char conflict[] = "--conflict=queue-wins", reader[] = "--read-from=mysql";

	(void)state;
	load_ok(&o, NULL, conflict, reader);
	assert_int_equal(o.conflict, CONFLICT_QUEUE_WINS);
	assert_int_equal(o.read_from, READ_FROM_MYSQL);
	options_free(&o);
}

TEST(log_level_and_format_are_chosen_by_word)
{
	struct options o;
	char level[] = "--log-level=debug", format[] = "--log-format=json";

	(void)state;
	load_ok(&o, NULL, level, format);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_true(o.log_json);
	options_free(&o);
}

TEST(empty_optional_value_means_none)
{
	struct options o;
	char variable[] = "RELEVO_TOKEN_FILE=";

	(void)state;
	load_ok(&o, variable, NULL, NULL);
	assert_null(o.token_file.path);
	options_free(&o);
}

TEST(origins_lose_their_blanks)
{
	struct options o;
	char variable[] = "RELEVO_CORS_ORIGINS=https://a.example, http://b:3000";

	(void)state;
	load_ok(&o, variable, NULL, NULL);
	assert_string_equal(o.cors_origins.text, "https://a.example,http://b:3000");
	options_free(&o);
}

TEST(bounds_themselves_are_accepted)
{
	static const char *const good[] = {
		"RELEVO_SYNC_INTERVAL=500ms",
		"RELEVO_SYNC_INTERVAL=1h",
		"RELEVO_PROBE_INTERVAL=100ms",
		"RELEVO_PROBE_INTERVAL=60s",
		"RELEVO_MYSQL_TIMEOUT=50ms",
		"RELEVO_REDIS_TIMEOUT=60s",
		"RELEVO_HTTP_THREADS=1",
		"RELEVO_WRITERS=64",
		"RELEVO_HTTP_THREADS=cores",
		"RELEVO_MAX_PENDING=0",
		"RELEVO_MAX_PENDING=100000000",
		"RELEVO_MAX_BODY=16MiB",
		"RELEVO_STOP_DELAY=0s",
		"RELEVO_STOP_DELAY=1m",
		"RELEVO_CORS_ORIGINS=*",
		"RELEVO_STATIC_DIR=/tmp",
		"RELEVO_INSTANCE=a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char variable[64];
		struct options o;

		snprintf(variable, sizeof(variable), "%s", good[i]);
		load_ok(&o, variable, NULL, NULL);
		options_free(&o);
	}
}

TEST(bad_values_name_variable_value_and_what_is_accepted)
{
	(void)state;
	refused("RELEVO_SYNC_INTERVAL=5x",
		"RELEVO_SYNC_INTERVAL=5x: unit missing or unknown; accepted: a duration in ms, s, "
		"m or h from 500ms to 1h");
	refused("RELEVO_READ_FROM=disk",
		"RELEVO_READ_FROM=disk: unknown word; accepted: cache or mysql");
	refused("RELEVO_CONFLICT=none", "last-write-wins, mysql-wins or queue-wins");
	refused("RELEVO_HTTP_THREADS=65", "a number from 1 to 64, or cores");
	refused("RELEVO_MAX_BODY=1KB", "bytes, KiB, MiB or GiB from 256 to 16MiB");
}

TEST(values_out_of_bounds_or_shape_are_refused)
{
	static const char *const bad[] = {
		"SYNC_INTERVAL=499ms",
		"SYNC_INTERVAL=61m",
		"SYNC_INTERVAL=30",
		"SYNC_INTERVAL=",
		"SYNC_INTERVAL=-1s",
		"SYNC_INTERVAL=1.5s",
		"SYNC_INTERVAL= 1s",
		"SYNC_INTERVAL=1S",
		"SYNC_INTERVAL=99999999999999999999s",
		"SYNC_INTERVAL=9223372036854775807h",
		"PROBE_INTERVAL=99ms",
		"MYSQL_TIMEOUT=49ms",
		"REDIS_TIMEOUT=61s",
		"WRITERS=0",
		"MAX_PENDING=100000001",
		"MAX_PENDING=1k",
		"MAX_BODY=255",
		"PUBLISH_BUDGET=0",
		"REQUIRE_DURABLE=yes",
		"STOP_DELAY=61s",
		"STOP_DELAY=0",
		"LOG_LEVEL=INFO",
		"LOG_FORMAT=xml",
		"LISTEN=8000",
		"INSTANCE=",
		"INSTANCE=two words",
		"INSTANCE=caf\xC3\xA9",
		"INSTANCE=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"TOKEN_FILE=/nowhere",
		"TOKEN_FILE=/tmp",
		"STATIC_DIR=/etc/passwd",
		"CORS_ORIGINS=example.org",
		"CORS_ORIGINS=https://a/,https://b",
		"CORS_ORIGINS=https://a,",
		"CORS_ORIGINS=*,https://a",
		"MYSQL_URL=",
		"REDIS_URL=h",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char variable[128];

		snprintf(variable, sizeof(variable), "RELEVO_%s", bad[i]);
		refused(variable, "; accepted: ");
	}
}

TEST(refused_urls_show_no_secret)
{
	static const char *const bad[] = {
		"MYSQL_URL=mysql://relevo:sesame@h:99999/d",
		"MYSQL_URL=mysql://relevo:sesame",
		"MYSQL_URL=relevo:sesame@h/d",
		"MYSQL_URL=mysql://relevo:a/sesame@h/d",
		"MYSQL_URL=mysql://relevo:a?sesame@h/d",
		"MYSQL_URL=mysql://relevo:a@sesame@h:x/d",
		"MYSQL_URL=mysql:relevo:sesame@h://d",
		"MYSQL_URL=mysql://u:p@h/d?password=sesame",
		"REDIS_URL=rediss://:sesame@h",
		"REDIS_URL=redis://sesame@h:x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char variable[128];
		struct options o;
		enum options_action action;
		struct err e = ERR_INIT;

		snprintf(variable, sizeof(variable), "RELEVO_%s", bad[i]);
		assert_int_equal(load(&o, &action, variable, NULL, NULL, &e), ERR_USAGE);
		if (strstr(e.text, "sesame"))
			fail_msg("%s", e.text);
	}
}

TEST(refused_url_shows_its_host)
{
	(void)state;
	refused("RELEVO_MYSQL_URL=mysql://u:p@db:99999/d",
		"RELEVO_MYSQL_URL=mysql://***@db:99999/d: port must be");
	/* no port: a password whose @host was forgotten */
	refused("RELEVO_MYSQL_URL=mysql://u:123456/d",
		"RELEVO_MYSQL_URL=mysql://u:***: user missing");
}

TEST(long_and_unprintable_values_stay_one_short_line)
{
	char variable[360] = "RELEVO_READ_FROM=\n\x1b[1m";

	(void)state;
	memset(variable + strlen(variable), 'x', 320);
	refused(variable, "accepted: cache or mysql");
}

TEST(unknown_flags_are_refused_without_their_value)
{
	struct options o;
	enum options_action action;
	struct err e = ERR_INIT;
	char flag[] = "--mysqlurl=mysql://u:sesame@h/d";

	(void)state;
	assert_int_equal(load(&o, &action, NULL, flag, NULL, &e), ERR_USAGE);
	assert_non_null(strstr(e.text, "--mysqlurl;"));
	assert_null(strstr(e.text, "sesame"));
}

TEST(stray_arguments_are_refused)
{
	struct options o;
	enum options_action action;
	struct err e = ERR_INIT;
	char stray[] = "mysql://u:sesame@h/d";

	(void)state;
	assert_int_equal(load(&o, &action, NULL, stray, NULL, &e), ERR_USAGE);
	assert_null(strstr(e.text, "sesame"));
}

TEST(flag_without_value_is_refused)
{
	struct options o;
	enum options_action action;
	struct err e = ERR_INIT;
	char flag[] = "--writers";

	(void)state;
	assert_int_equal(load(&o, &action, NULL, flag, NULL, &e), ERR_USAGE);
	assert_string_equal(e.text, "--writers needs a value");
}

TEST(actions_are_recognised)
{
	static const struct {
		const char *flag;
		enum options_action action;
	} cases[] = {
		{ "--help", OPTIONS_HELP },
		{ "--version", OPTIONS_VERSION },
		{ "--check-config", OPTIONS_CHECK },
		{ "--print-config", OPTIONS_PRINT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char flag[32];
		struct options o;
		enum options_action action;
		struct err e = ERR_INIT;

		snprintf(flag, sizeof(flag), "%s", cases[i].flag);
		assert_int_equal(load(&o, &action, NULL, flag, NULL, &e), ERR_NONE);
		assert_int_equal(action, cases[i].action);
		options_free(&o);
	}
}

TEST(help_is_given_despite_a_broken_configuration)
{
	struct options o;
	enum options_action action;
	struct err e = ERR_INIT;
	char variable[] = "RELEVO_WRITERS=none", flag[] = "--help";

	(void)state;
	assert_int_equal(load(&o, &action, variable, flag, NULL, &e), ERR_NONE);
	assert_int_equal(action, OPTIONS_HELP);
	options_free(&o);
}

TEST(check_config_judges_the_configuration)
{
	struct options o;
	enum options_action action;
	struct err e = ERR_INIT;
	char variable[] = "RELEVO_WRITERS=none", flag[] = "--check-config";

	(void)state;
	assert_int_equal(load(&o, &action, variable, flag, NULL, &e), ERR_USAGE);
}

TEST(failure_leaves_the_results_untouched)
{
	struct options o, before;
	enum options_action action = OPTIONS_PRINT;
	struct err e = ERR_INIT;
	char variable[] = "RELEVO_WRITERS=none";

	(void)state;
	memset(&o, 0x5A, sizeof(o));
	before = o;
	assert_int_equal(load(&o, &action, variable, NULL, NULL, &e), ERR_USAGE);
	assert_memory_equal(&o, &before, sizeof(o));
	assert_int_equal(action, OPTIONS_PRINT);
}

TEST(print_masks_passwords)
{
	struct options o;
	char mysql[] = "--mysql-url=mysql://relevo:sesame@h1,h2/d?tls=verify";
	char redis[] = "--redis-url=redis+sentinel://:sesame@s1,s2/m/1";
	char *text;

	(void)state;
	load_ok(&o, NULL, mysql, redis);
	text = printed(&o);
	assert_null(strstr(text, "sesame"));
	assert_non_null(
		strstr(text, "RELEVO_MYSQL_URL=mysql://relevo:***@h1:3306,h2:3306/d?tls=verify\n"));
	assert_non_null(
		strstr(text, "RELEVO_REDIS_URL=redis+sentinel://:***@s1:26379,s2:26379/m/1\n"));
	free(text);
	options_free(&o);
}

TEST(print_shows_values_as_they_are_written)
{
	struct options o;
	char first[] = "--sync-interval=1500ms", second[] = "--redis-url=unix:///run/r.sock";
	char *text;

	(void)state;
	load_ok(&o, NULL, first, second);
	text = printed(&o);
	assert_non_null(strstr(text, "RELEVO_LISTEN=0.0.0.0:8000\n"));
	assert_non_null(strstr(text, "RELEVO_REDIS_URL=unix:///run/r.sock?db=0\n"));
	assert_non_null(strstr(text, "RELEVO_SYNC_INTERVAL=1500ms\n"));
	assert_non_null(strstr(text, "RELEVO_PUBLISH_BUDGET=16MiB\n"));
	assert_non_null(strstr(text, "RELEVO_REQUIRE_DURABLE=off\n"));
	assert_non_null(strstr(text, "RELEVO_TOKEN_FILE=\n"));
	free(text);
	options_free(&o);
}

static char *output_of(void (*print)(FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(out);
	fclose(out);
	return text;
}

TEST(help_names_each_flag_variable_and_default)
{
	char *text = output_of(options_print_help);

	(void)state;
	assert_non_null(strstr(text, "--sync-interval, RELEVO_SYNC_INTERVAL"));
	assert_non_null(strstr(text, "--log-format, RELEVO_LOG_FORMAT"));
	assert_non_null(strstr(text, "Default: 30s."));
	assert_non_null(strstr(text, "--check-config"));
	free(text);
}

TEST(help_fits_80_columns)
{
	char *text = output_of(options_print_help), *rest = text, *line;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strlen(line) > 80)
			fail_msg("%s", line);
	}
	free(text);
}

TEST(manual_is_roff)
{
	char *text = output_of(options_print_manual);

	(void)state;
	assert_int_equal(strncmp(text, ".TH RELEVOD 8 ", 14), 0);
	assert_non_null(strstr(text, "\nPort 0 takes any free one.\n"));
	free(text);
}

TEST(manual_shows_what_follows_each_flag)
{
	char *text = output_of(options_print_manual);

	(void)state;
	assert_non_null(strstr(text, ".TP\n\\fB\\-\\-listen\\fR \\fIaddress:port\\fR, "
				     "\\fBRELEVO_LISTEN\\fR\n"));
	assert_non_null(strstr(text, "\\-\\-sync\\-interval\\fR \\fIduration\\fR, "));
	assert_non_null(strstr(text, "\\-\\-access\\-log\\fR \\fBoff\\fR|\\fBon\\fR, "));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_contract),
		cmocka_unit_test(instance_defaults_to_the_host_name),
		cmocka_unit_test(environment_beats_the_default),
		cmocka_unit_test(flag_beats_the_environment),
		cmocka_unit_test(flag_takes_its_value_behind_an_equals_sign),
		cmocka_unit_test(last_of_repeated_flags_wins),
		cmocka_unit_test(switches_take_on_and_off),
		cmocka_unit_test(sizes_take_binary_units_and_plain_bytes),
		cmocka_unit_test(words_choose_policy_and_reader),
		cmocka_unit_test(log_level_and_format_are_chosen_by_word),
		cmocka_unit_test(empty_optional_value_means_none),
		cmocka_unit_test(origins_lose_their_blanks),
		cmocka_unit_test(bounds_themselves_are_accepted),
		cmocka_unit_test(bad_values_name_variable_value_and_what_is_accepted),
		cmocka_unit_test(values_out_of_bounds_or_shape_are_refused),
		cmocka_unit_test(refused_urls_show_no_secret),
		cmocka_unit_test(refused_url_shows_its_host),
		cmocka_unit_test(long_and_unprintable_values_stay_one_short_line),
		cmocka_unit_test(unknown_flags_are_refused_without_their_value),
		cmocka_unit_test(stray_arguments_are_refused),
		cmocka_unit_test(flag_without_value_is_refused),
		cmocka_unit_test(actions_are_recognised),
		cmocka_unit_test(help_is_given_despite_a_broken_configuration),
		cmocka_unit_test(check_config_judges_the_configuration),
		cmocka_unit_test(failure_leaves_the_results_untouched),
		cmocka_unit_test(print_masks_passwords),
		cmocka_unit_test(print_shows_values_as_they_are_written),
		cmocka_unit_test(help_names_each_flag_variable_and_default),
		cmocka_unit_test(help_fits_80_columns),
		cmocka_unit_test(manual_is_roff),
		cmocka_unit_test(manual_shows_what_follows_each_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
