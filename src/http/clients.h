/* clients.h - open connections and their deadlines.
 *
 * libmicrohttpd's time-out starts anew with every byte, so a client that sends one byte a second
 * would hold its connection for ever. Here a whole request has to arrive within 10 s, and an idle
 * connection is closed after 75 s. A reaper thread looks once a second. While the daemon stops,
 * connections without a request are closed after a short lull; a new one has half a second to send
 * its first.
 */
#ifndef RELEVO_HTTP_CLIENTS_H
#define RELEVO_HTTP_CLIENTS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#define RECEIVE_SECONDS 10
#define IDLE_SECONDS	75
#define GRACE_MS	500
#define LULL_MS		100

struct clients;
struct client;

enum client_phase {
	CLIENT_NEW,	  /* no request yet */
	CLIENT_RECEIVING, /* since the request line */
	CLIENT_IDLE,	  /* between requests */
	CLIENT_SERVED,	  /* ours to act */
	CLIENT_SENDING,	  /* the answer is MHD's and the client's */
	CLIENT_ENDED,	  /* a request was broken off: MHD closes it, when its thread wakes */
};

struct clients *clients_new(void); /* starts the reaper */
void clients_free(struct clients **c);
/* MHD's callback for new and closed connections; `cls` is the struct clients. */
void clients_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
		    enum MHD_ConnectionNotificationCode code);
struct client *client_of(struct MHD_Connection *connection);
/* By the MHD thread of the connection; `client` may be NULL, `now_ms` counts only if
 * neither SERVED nor SENDING. */
void client_phase(struct client *client, enum client_phase phase, int64_t now_ms);
/* Connections whose thread, or what works for it, is late by `patience_ms`: a request waits for us,
 * or the deadlines above went by and nobody closed it. */
size_t clients_stuck(struct clients *c, int64_t now_ms, int64_t patience_ms);
size_t clients_count(struct clients *c); /* open connections */
/* The daemon stops: shut connections that no request comes on. Returns how many are open, without
 * those that have ended. */
size_t clients_close_unused(struct clients *c, int64_t now_ms);

#endif
