/* watchdog.h - deadlines in milliseconds for sockets of the MySQL library (private to src/mysql).
 *
 * One thread shuts down (never closes) the socket of a call that is over its deadline; the call
 * then fails like a broken connection. A socket is armed with a descriptor that the caller owns and
 * keeps open until watchdog_disarm has returned, so that a reused number is never hit.
 */
#ifndef RELEVO_MYSQL_WATCHDOG_H
#define RELEVO_MYSQL_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* shared: hold the watchdog's lock, that is use the functions below */
struct watch {
	struct watch *next, *prev;
	int fd;
	int64_t deadline_ms; /* clock_mono_ms() */
	bool armed, fired;
};

void watchdog_start(void);
void watchdog_stop(void);
void watchdog_arm(struct watch *w, int fd, int64_t deadline_ms);
/* A later deadline for an armed watch. */
void watchdog_renew(struct watch *w, int64_t deadline_ms);
/* True if the deadline passed and the socket was shut down. */
bool watchdog_disarm(struct watch *w);

#endif
