/* test_notify.c - what a service manager's socket receives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "relevo/notify.h"

#define PID 4711

/* A datagram socket under an abstract name that the kernel chooses; `variable` names it. */
static int manager(char variable[128])
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(at.sun_family);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	len = sizeof(at);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(variable, 128, "NOTIFY_SOCKET=@%.*s",
		 (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), at.sun_path + 1);
	return fd;
}

static void heard(int fd, const char *expected)
{
	char text[600];
	ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(len >= 0);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

static void nothing_heard(int fd)
{
	char byte;

	assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) < 0);
}

static void each_message_is_a_datagram(void **state)
{
	char name[128], text[600];
	int fd = manager(name);
	char *env[] = { name, NULL };
	struct notify *n = notify_new(env, PID);

	(void)state;
	notify_ready(n, "listening");
	heard(fd, "READY=1\nSTATUS=listening");
	notify_alive(n);
	heard(fd, "WATCHDOG=1");
	notify_reloading(n);
	ssize_t len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(len > 0);
	text[len] = '\0';
	assert_int_equal(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	assert_true(strtoll(text + 27, NULL, 10) > 0);
	notify_stopping(n);
	heard(fd, "STOPPING=1\nSTATUS=Stopping");
	nothing_heard(fd);
	notify_free(&n);
	assert_null(n);
	close(fd);
}

static void nobody_listens_without_the_variable(void **state)
{
	char watchdog[] = "WATCHDOG_USEC=1000000", empty[] = "NOTIFY_SOCKET=";
	char relative[] = "NOTIFY_SOCKET=run/notify", vsock[] = "NOTIFY_SOCKET=vsock:2:1";
	char *const sockets[] = { watchdog, empty, relative, vsock };

	(void)state;
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		char *env[] = { sockets[i], watchdog, NULL };
		struct notify *n = notify_new(env, PID);

		assert_int_equal(notify_period_ms(n), 0);
		notify_ready(n, "listening");
		notify_free(&n);
	}
}

static int64_t watchdog_of(char *usec, char *pid)
{
	char name[128];
	int fd = manager(name);
	char *env[] = { name, usec, pid, NULL };
	struct notify *n = notify_new(env, PID);
	int64_t ms = notify_watchdog_ms(n);

	assert_int_equal(notify_period_ms(n), ms / 2);
	notify_free(&n);
	close(fd);
	return ms;
}

static void the_watchdog_is_for_the_process_that_is_named(void **state)
{
	char usec[] = "WATCHDOG_USEC=30000000", ours[] = "WATCHDOG_PID=4711";
	char theirs[] = "WATCHDOG_PID=4712", words[] = "WATCHDOG_USEC=30s";
	char zero[] = "WATCHDOG_USEC=0", none[] = "WATCHDOG_USEC=";

	(void)state;
	assert_int_equal(watchdog_of(usec, ours), 30000);
	assert_int_equal(watchdog_of(usec, NULL), 30000);
	assert_int_equal(watchdog_of(usec, theirs), 0);
	assert_int_equal(watchdog_of(words, NULL), 0);
	assert_int_equal(watchdog_of(zero, NULL), 0);
	assert_int_equal(watchdog_of(none, NULL), 0);
}

static void a_manager_that_went_away_does_no_harm(void **state)
{
	char name[128];
	int fd = manager(name);
	char *env[] = { name, NULL };
	struct notify *n = notify_new(env, PID);

	(void)state;
	close(fd);
	notify_alive(n);
	notify_free(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_is_a_datagram),
		cmocka_unit_test(nobody_listens_without_the_variable),
		cmocka_unit_test(the_watchdog_is_for_the_process_that_is_named),
		cmocka_unit_test(a_manager_that_went_away_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
