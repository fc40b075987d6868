/* server.h - what the HTTP room's threads share. */
#ifndef RELEVO_HTTP_SERVER_H
#define RELEVO_HTTP_SERVER_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "relevo/http.h"

struct access;
struct clients;
struct counters;
struct events;

struct http {
	/* fixed after http_start */
	struct MHD_Daemon *daemon;
	const struct options *options;
	char host[256]; /* the machine's name, for /health */
	struct store *store;
	struct clients *clients;
	struct counters *counters;
	struct events *events;
	struct access *access; /* NULL: the API is open */
	unsigned port;
	int64_t started_ms;	 /* clock_mono_ms */
	int64_t started_wall_us; /* clock_wall_us */
	int listen_fd;		 /* MHD's as long as there is a daemon */
	unsigned connections_max;

	/* shared, atomic */
	atomic_bool stopping; /* answers close their connection, /health says so */
	atomic_bool closed;   /* nothing new is begun */
	atomic_size_t in_flight;
	atomic_size_t suspended;
};

#endif
