/* notify.c - what a service manager wants to hear: the protocol of sd_notify(3). */
#include "relevo/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

struct notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un to;
	socklen_t to_len;
	int64_t watchdog_ms;
};

static const char *variable(char **env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	}
	return NULL;
}

/* False: no address that a datagram could go to. */
static bool take_address(struct notify *n, const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(n->to.sun_path))
		return false;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, len);
	if (name[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

/* sd_watchdog_enabled(3): WATCHDOG_PID says whom it is meant for. */
static int64_t watchdog_ms(char **env, int64_t pid)
{
	const char *us = variable(env, "WATCHDOG_USEC"), *of = variable(env, "WATCHDOG_PID");
	char *end = NULL;
	long long n;

	if (us == NULL || (of != NULL && strtoll(of, NULL, 10) != pid))
		return 0;
	errno = 0;
	n = strtoll(us, &end, 10);
	if (errno != 0 || end == us || *end != '\0' || n < 2000) {
		log_warn(TAG_MAIN, "WATCHDOG_USEC=%s is no time that could be kept", us);
		return 0;
	}
	return n / 1000;
}

struct notify *notify_new(char **env, int64_t pid)
{
	struct notify *n = mem_zero(1, sizeof(*n));
	const char *name = variable(env, "NOTIFY_SOCKET");

	n->fd = -1;
	if (name == NULL || *name == '\0')
		return n;
	if (!take_address(n, name)) {
		log_warn(TAG_MAIN, "NOTIFY_SOCKET=%s is no path and no abstract name", name);
		return n;
	}
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		log_warn(TAG_MAIN, "cannot talk to the service manager: %s", strerror(errno));
	else
		n->watchdog_ms = watchdog_ms(env, pid);
	return n;
}

void notify_free(struct notify **n)
{
	if (*n == NULL)
		return;
	if ((*n)->fd >= 0)
		close((*n)->fd);
	free(*n);
	*n = NULL;
}

int64_t notify_watchdog_ms(const struct notify *n)
{
	return n->watchdog_ms;
}

int64_t notify_period_ms(const struct notify *n)
{
	return n->watchdog_ms / 2;
}

static void say(struct notify *n, const char *text)
{
	ssize_t sent;

	if (n->fd < 0)
		return;
	do
		sent = sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
			      (const struct sockaddr *)&n->to, n->to_len);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		log_limited(LOG_WARN, TAG_MAIN, "the service manager did not hear %.*s: %s",
			    (int)strcspn(text, "\n"), text, strerror(errno));
}

void notify_ready(struct notify *n, const char *status)
{
	char text[512];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=%s", status);
	say(n, text);
}

/* MONOTONIC_USEC tells this reload from an earlier one (Type=notify-reload, since systemd 253). */
void notify_reloading(struct notify *n)
{
	char text[80];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)clock_mono_us());
	say(n, text);
}

void notify_stopping(struct notify *n)
{
	say(n, "STOPPING=1\nSTATUS=Stopping");
}

void notify_alive(struct notify *n)
{
	say(n, "WATCHDOG=1");
}
