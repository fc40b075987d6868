/* notify.h - what a service manager wants to hear: the protocol of sd_notify(3).
 *
 * A message is one datagram to the socket that NOTIFY_SOCKET names: a path, or an abstract name
 * behind `@`. Without that variable nothing is sent. For the main thread.
 */
#ifndef RELEVO_NOTIFY_H
#define RELEVO_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify;

/* From the environment (environ-like), where `pid` is this process. Never NULL; a socket that
 * cannot be used is logged and left alone. */
struct notify *notify_new(char **env, int64_t pid);
void notify_free(struct notify **n);
/* How often WATCHDOG=1 is due, half of WATCHDOG_USEC; 0: nobody waits for it. */
int64_t notify_period_ms(const struct notify *n);
/* WATCHDOG_USEC in milliseconds, or 0. */
int64_t notify_watchdog_ms(const struct notify *n);
void notify_ready(struct notify *n, const char *status); /* one line */
void notify_reloading(struct notify *n);		 /* ends with the next notify_ready */
void notify_stopping(struct notify *n);
void notify_alive(struct notify *n);

#endif
