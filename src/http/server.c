/* server.c - libmicrohttpd's life cycle: socket, threads, limits, stop. */
#include "server.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access.h"
#include "clients.h"
#include "counters.h"
#include "events.h"
#include "relevo/clock.h"
#include "relevo/mem.h"
#include "request.h"

/* Room for 16 KiB of headers, what MHD keeps besides them (some 60 bytes for each), and the
 * answer's own headers. What does not fit MHD refuses itself, without a problem document, so there
 * is room to refuse in for us. MHD clears all of it for every request, so each connection in use
 * costs as much. */
#define CONNECTION_MEMORY ((size_t)64 << 10)
#define CONNECTIONS_MAX	  16384u
#define LISTENERS_MAX	  1024u /* of /events; at most half the connections */
#define FILES_KEPT	  128u	/* for logs, MySQL and Redis sessions */
#define BACKLOG		  4096
#define HANDSHAKE_MS	  100 /* for connections that were begun before new ones are dropped */

/* --- the listening socket --- */

static int listen_on(const struct addrinfo *at, struct err *e)
{
	int on = 1, off = 0;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		err_set(e, ERR_DOWN, "socket: %s", strerror(errno));
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		err_set(e, ERR_DOWN, "%s", strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int make_listener(const struct listen_address *a, struct err *e)
{
	const struct addrinfo hints = { .ai_family = a->ipv6 ? AF_INET6 : AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct err reason = ERR_INIT;
	struct addrinfo *at = NULL;
	char port[16];
	int fd, error;

	snprintf(port, sizeof port, "%u", a->port);
	error = getaddrinfo(a->host, port, &hints, &at);
	if (error != 0) {
		err_set(e, ERR_USAGE, "cannot listen on %s: %s", a->host, gai_strerror(error));
		return -1;
	}
	fd = listen_on(at, &reason);
	freeaddrinfo(at);
	if (fd < 0)
		err_set(e, ERR_DOWN, "cannot listen on %s port %s: %s", a->host, port, reason.text);
	return fd;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof address;
	char port[16] = "";

	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof port,
			    NI_NUMERICSERV);
	return (unsigned)strtoul(port, NULL, 10);
}

/* As many connections as the descriptors allow, after asking for all we may have. */
static unsigned connection_limit(unsigned threads)
{
	struct rlimit files;
	rlim_t usable;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return 512;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NOFILE, &files);
	usable = files.rlim_cur > 2 * FILES_KEPT ? files.rlim_cur - FILES_KEPT : FILES_KEPT;
	if (usable > CONNECTIONS_MAX)
		usable = CONNECTIONS_MAX;
	return (unsigned)usable > threads ? (unsigned)usable : threads;
}

static size_t listener_limit(unsigned connections)
{
	return connections / 2 < LISTENERS_MAX ? connections / 2 : LISTENERS_MAX;
}

/* --- start --- */

static void log_mhd(void *cls, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void log_mhd(void *cls, const char *format, va_list args)
{
	char text[512];
	size_t len;

	(void)cls;
	if (!log_enabled(LOG_DEBUG))
		return;
	vsnprintf(text, sizeof text, format, args);
	len = strcspn(text, "\n");
	log_line(LOG_DEBUG, TAG_HTTP, "%.*s", (int)len, text);
}

/* Paths and queries reach us as they came; query.c and request.c decode. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static struct MHD_Daemon *start_daemon(struct http *h)
{
	unsigned threads = h->options->http_threads;
	const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			       MHD_USE_TURBO | MHD_USE_ERROR_LOG;
	const struct MHD_OptionItem pool[] = { { MHD_OPTION_THREAD_POOL_SIZE, threads, NULL },
					       { MHD_OPTION_END, 0, NULL } };
	const struct MHD_OptionItem *no_pool = &pool[1];

	return MHD_start_daemon(
		flags, 0, NULL, NULL, request_handle, h, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL,
		MHD_OPTION_LISTEN_SOCKET, h->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		h->connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_URI_LOG_CALLBACK,
		request_begin, h, MHD_OPTION_NOTIFY_COMPLETED, request_completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, clients_notify, h->clients,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY,
		threads > 1 ? pool : no_pool, MHD_OPTION_END);
}

enum err_code http_start(struct http **out, const struct options *o, struct store *s, struct err *e)
{
	struct http *h = mem_zero(1, sizeof *h);

	h->options = o;
	if (gethostname(h->host, sizeof(h->host) - 1) != 0)
		snprintf(h->host, sizeof(h->host), "%s", o->instance);
	h->store = s;
	h->started_ms = clock_mono_ms();
	h->started_wall_us = clock_wall_us();
	h->listen_fd = make_listener(&o->listen, e);
	if (h->listen_fd < 0)
		goto out;
	h->port = port_of(h->listen_fd);
	h->clients = clients_new();
	h->counters = counters_new();
	h->access = access_new(&o->token_file);
	h->connections_max = connection_limit(o->http_threads);
	h->events = events_new(h, listener_limit(h->connections_max));
	h->daemon = start_daemon(h);
	if (h->daemon == NULL) {
		err_set(e, ERR_DOWN, "cannot start the HTTP threads: %s", strerror(errno));
		goto out;
	}
	*out = h;
	return ERR_NONE;
out:
	http_free(&h);
	return e->code;
}

unsigned http_port(const struct http *h)
{
	return h->port;
}

bool http_makes_progress(const struct http *h, int64_t patience_ms)
{
	size_t stuck = clients_stuck(h->clients, clock_mono_ms(), patience_ms);

	if (stuck > 0)
		log_limited(LOG_ERROR, TAG_HTTP,
			    "%zu connections wait for threads that do not get on", stuck);
	return stuck == 0;
}

/* --- reload --- */

void http_reload(struct http *h)
{
	if (h->access == NULL) {
		log_info(TAG_HTTP, "there is no token file to read again");
		return;
	}
	access_reload(h->access);
	events_renew(h->events);
}

/* --- stop --- */

static bool wait_zero(atomic_size_t *count, int64_t deadline_ms)
{
	while (atomic_load(count) > 0) {
		if (clock_mono_ms() >= deadline_ms)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

void http_announce_stop(struct http *h)
{
	atomic_store(&h->stopping, true);
	events_stop(h->events);
}

/* A listener that is closed resets the connections that wait to be accepted, though their clients
 * may have sent a request already. So first let no further one begin: the kernel drops segments
 * with SYN and without ACK, and who tries again after the end is refused. */
static void drop_new_connections(int listen_fd)
{
	/* The filter sees a segment from its TCP header on; the flags are in byte 13. */
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog filter = { .len = sizeof program / sizeof program[0], .filter = program };

	if (setsockopt(listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
		log_info(TAG_HTTP, "connections that come now may be reset: %s", strerror(errno));
}

static bool waits_to_be_accepted(int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void http_quiesce(struct http *h, int64_t deadline_ms)
{
	int64_t closes_ms = clock_mono_ms() + HANDSHAKE_MS;
	size_t open = 1;

	http_announce_stop(h);
	drop_new_connections(h->listen_fd);
	while (open > 0 && clock_mono_ms() < deadline_ms) {
		poll(NULL, 0, 5);
		open = clients_close_unused(h->clients, clock_mono_ms());
		if (clock_mono_ms() < closes_ms || waits_to_be_accepted(h->listen_fd))
			open++;
	}
	if (open > 0)
		log_warn(TAG_HTTP, "%zu connections are still open, %zu requests in flight", open,
			 atomic_load(&h->in_flight));
	atomic_store(&h->closed, true);
}

void http_free(struct http **h)
{
	struct http *http = *h;

	if (http == NULL)
		return;
	/* MHD must not be stopped while a connection is suspended; the store answers every job. */
	events_end(http->events);
	if (http->daemon != NULL) {
		wait_zero(&http->suspended, INT64_MAX);
		MHD_stop_daemon(http->daemon);
	} else if (http->listen_fd >= 0)
		close(http->listen_fd);
	events_free(&http->events);
	clients_free(&http->clients);
	counters_free(&http->counters);
	access_free(&http->access);
	free(http);
	*h = NULL;
}
