/* events.h - GET /events: the state of the daemon to everybody who listens.
 *
 * One thread, the observer, renders the documents every 100 ms while anybody listens, and makes a
 * message of them when they differ from the last one or that is 9 s old. A listener is a suspended
 * connection: a message wakes it, its MHD thread sends, and it is suspended again. All listeners
 * share one copy of the message. One that is slow gets, once it has taken what was being sent, the
 * newest message and none of those between; besides that message each holds 24 KiB of MHD's and
 * what the kernel keeps for its socket. Who takes nothing for 10 s is cut.
 *
 * Threads: new, renew, stop, end and free are the main thread's; all others may be called by any.
 */
#ifndef RELEVO_HTTP_EVENTS_H
#define RELEVO_HTTP_EVENTS_H

#include <stddef.h>

struct events;
struct http;

/* `http` is borrowed until events_free. At most `limit` may listen. */
struct events *events_new(const struct http *http, size_t limit);
/* Who listens has to ask again: another token file is in force. */
void events_renew(struct events *e);
/* The daemon stops: each stream ends after a message that says so, also those that begin now. */
void events_stop(struct events *e);
/* Before MHD stops: no stream is suspended afterwards. NULL is fine, as for events_free. */
void events_end(struct events *e);
void events_free(struct events **e); /* after MHD stopped */
size_t events_count(struct events *e);
size_t events_limit(const struct events *e);

#endif
