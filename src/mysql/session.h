/* session.h - what the files of src/mysql share about one session (private to src/mysql). */
#ifndef RELEVO_MYSQL_SESSION_H
#define RELEVO_MYSQL_SESSION_H

#include <mysql.h>

#include "relevo/db.h"
#include "watchdog.h"

/* owned by the session's thread; `watch` belongs to the watchdog while armed */
struct db {
	const struct mysql_url *url; /* borrowed */
	int64_t timeout_ms, patience_ms;
	char *who;
	MYSQL *mysql; /* NULL: closed */
	/* Our own duplicate of the socket: the library may close its descriptor within a call,
	 * the watchdog must never shut a number that somebody else got meanwhile. */
	int fd;
	struct watch watch;
	int64_t used_ms; /* clock_mono_ms() of the last answer */
	unsigned increment;
	bool mariadb;
	bool waits;	/* for locks, a second each */
	bool cut;	/* the last connection ended by itself, not by silence */
	char host[300]; /* for error texts */
};

/* How long a statement may take: see db.c. */
int64_t db_statement_ms(const struct db *d);
/* db_run with a deadline given by the caller. */
enum err_code db_run_until(struct db *d, const char *sql, size_t len, bool commits,
			   int64_t deadline_ms, db_each each, void *ctx, struct err *e);
/* Read-only and cluster checks on an open session; closes it unless ERR_NONE. */
enum err_code db_check_health(struct db *d, int64_t deadline_ms, struct err *e);
/* Connect to the socket or to host number `i` with the options of the URL. */
enum err_code db_connect(struct db *d, size_t i, struct err *e);

#endif
