/* access_log.c - one log line for each request, if RELEVO_ACCESS_LOG asks for it. */
#include "access_log.h"

#include <inttypes.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "server.h"

static bool is_on(const struct request *r)
{
	return r->http->options->access_log;
}

/* What the connection was given so far: sent for the first time, or not sent yet. */
static uint64_t bytes_given(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *of =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	if (of == NULL || getsockopt(of->connect_fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return 0;
	return info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
}

static void put_peer(struct MHD_Connection *connection, char out[NI_MAXHOST])
{
	const union MHD_ConnectionInfo *of =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	socklen_t len;

	snprintf(out, NI_MAXHOST, "-");
	if (of == NULL || of->client_addr == NULL)
		return;
	len = of->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						     : sizeof(struct sockaddr_in);
	getnameinfo(of->client_addr, len, out, NI_MAXHOST, NULL, 0, NI_NUMERICHOST);
}

void access_log_begin(struct request *r)
{
	if (is_on(r))
		r->bytes_before = bytes_given(r->connection);
}

void access_log_end(const struct request *r)
{
	char peer[NI_MAXHOST], status[16], bytes[24], seconds[32];
	const struct log_field fields[] = {
		{ "from", peer, false },
		{ "method", method_name(r->method), false },
		{ "path", r->url != NULL ? r->url : "-", false },
		{ "status", status, true },
		{ "bytes", bytes, true },
		{ "seconds", seconds, true },
	};

	if (!is_on(r) || !log_enabled(LOG_INFO))
		return;
	put_peer(r->connection, peer);
	snprintf(status, sizeof status, "%u", r->status);
	snprintf(bytes, sizeof bytes, "%" PRIu64, bytes_given(r->connection) - r->bytes_before);
	snprintf(seconds, sizeof seconds, "%.6f", (double)(clock_mono_us() - r->started_us) / 1e6);
	log_fields(LOG_INFO, TAG_HTTP, "access", fields, sizeof fields / sizeof fields[0]);
}
