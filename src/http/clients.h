/* clients.h - open connections and their deadlines.
 *
 * libmicrohttpd's time-out starts anew with every byte, so a client that sends one byte a second
 * would hold its connection for ever. Here a whole request has to arrive within 10 s, and an idle
 * connection is closed after 75 s. A reaper thread looks once a second.
 */
#ifndef RELEVO_HTTP_CLIENTS_H
#define RELEVO_HTTP_CLIENTS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#define RECEIVE_SECONDS 10
#define IDLE_SECONDS	75

struct clients;
struct client;

enum client_phase {
	CLIENT_RECEIVING, /* since the connection or the request line */
	CLIENT_IDLE,	  /* between requests */
	CLIENT_SERVED,	  /* ours to act */
};

struct clients *clients_new(void); /* starts the reaper */
void clients_free(struct clients **c);
/* MHD's callback for new and closed connections; `cls` is the struct clients. */
void clients_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
		    enum MHD_ConnectionNotificationCode code);
struct client *client_of(struct MHD_Connection *connection);
/* By the MHD thread of the connection; `client` may be NULL, `now_ms` counts only if not SERVED. */
void client_phase(struct client *client, enum client_phase phase, int64_t now_ms);
/* Shut connections that are between requests (the daemon stops). */
void clients_close_idle(struct clients *c);

#endif
