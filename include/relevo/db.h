/* db.h - one MySQL session with deadlines.
 *
 * Wraps the MySQL C API (libmysqlclient or MariaDB Connector/C). A `struct db` belongs to one
 * thread at a time. Every call that talks to the server ends within the configured time-out: the
 * library's own time-outs are whole seconds, so a watchdog thread shuts the socket of a call that
 * is over its deadline (millisecond precision); the call then fails like a broken connection. The
 * library never reconnects by itself.
 *
 * After ERR_DOWN or ERR_UNCERTAIN the session is closed; db_ready opens a new one.
 */
#ifndef RELEVO_DB_H
#define RELEVO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relevo/err.h"
#include "relevo/url.h"

struct db;

/* Before any thread / after all have ended. Starts and stops the watchdog. */
void db_library_init(void);
void db_library_end(void);
/* At the end of every thread that used a db (mysql_thread_end). */
void db_thread_end(void);

/* A closed session; `url` is borrowed for its life time. `who` appears in log lines. */
struct db *db_new(const struct mysql_url *url, int64_t timeout_ms, const char *who);
void db_free(struct db **d);
bool db_is_open(const struct db *d);
/* The last call failed because its connection was reset, closed or killed, not for want of an
 * answer nor by a server that refuses: that says little of the server. Until the next db_ready. */
bool db_was_cut(const struct db *d);
void db_close(struct db *d);

/* Open the session if it is closed: hosts in order, skipping those that are down or read-only
 * (@@global.read_only, super_read_only; Galera: wsrep_ready OFF or wsrep_cluster_status not
 * Primary), then the session settings: utf8mb4, strict sql_mode
 * (STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE...), time_zone '+00:00', READ COMMITTED,
 * autocommit on, innodb_lock_wait_timeout 1, lock_wait_timeout 1, wait_timeout 20, multi
 * statements. ERR_DOWN when no host will do. The whole call is bounded by one time-out per host. */
MUST_CHECK enum err_code db_ready(struct db *d, struct err *e);
/* The server is well: SELECT 1 and the read-only checks on an open or new session. */
MUST_CHECK enum err_code db_probe(struct db *d, struct err *e);
/* auto_increment_increment of the session (Galera sets it), read by db_ready. */
unsigned db_increment(const struct db *d);
/* Do the following statements wait for locks, a second each (as they do at first), or fail at once
 * with ERR_LOCKED? Not within a transaction. False: the session is not so, as it is closed or,
 * without `wait`, the server is a MySQL, which cannot. */
bool db_wait_for_locks(struct db *d, bool wait);

/* One result row; texts are borrowed until the callback returns. NULL text: SQL NULL. */
struct db_row {
	const char *const *text;
	const unsigned long *len;
	unsigned count;
};
/* Called for every row of statement number `statement` (0-based, in a multi statement). Return
 * false to stop early (the rest is read and dropped). */
typedef bool (*db_each)(void *ctx, unsigned statement, const struct db_row *row);

struct db_outcome {
	unsigned statements;   /* that succeeded */
	uint64_t affected[16]; /* by statement; further ones are not kept */
	uint64_t insert_id;    /* of the last statement that made one */
	unsigned sql_errno;    /* of the failed statement, 0: none */
	int64_t took_us;
};

/* Send one or more statements separated by `;` in one round trip and read every result. `each` and
 * `outcome` may be NULL. Rows are streamed (mysql_use_result) when `stream`, else stored first.
 * Errors: ERR_DOWN (the connection broke or the server is no longer usable; nothing committed if
 * the text holds no COMMIT), ERR_UNCERTAIN (the same, but the text held a COMMIT, or `autocommit`
 * writes: pass `commits`), else what db_classify says of the failed statement (ERR_REFUSED,
 * ERR_LOCKED, ERR_DUPLICATE, ERR_DOWN for a server that went read-only ...). After a failed
 * statement inside a transaction the caller rolls back (db_rollback). */
MUST_CHECK enum err_code db_run(struct db *d, const char *sql, size_t len, bool commits,
				bool stream, db_each each, void *ctx, struct db_outcome *outcome,
				struct err *e);
/* Allow the following statements this long instead of the time-out (schema changes); 0: as usual.
 */
void db_be_patient(struct db *d, int64_t ms);
/* Rolls back; closes the session if that fails. */
void db_rollback(struct db *d);

/* Append `text` as a quoted, escaped SQL string literal; NULL text as NULL. Never needs a
 * connection: the session is utf8mb4 without NO_BACKSLASH_ESCAPES. */
struct buf;
void sql_put_text(struct buf *out, const char *text, size_t len);
struct opid;
void sql_put_opid(struct buf *out, struct opid id); /* x'..' */
/* '2026-01-31 12:00:00.123456'; a time that no TIMESTAMP holds (a clock was wrong) becomes the
 * nearest one: MySQL would refuse the whole statement. */
void sql_put_time(struct buf *out, int64_t us);
void sql_put_bytes(struct buf *out, const void *bytes, size_t len); /* x'..' */

/* What a client or server error number means; one table. 2006, 2013, 1040, 1053, 1290 (read-only),
 * 1836, 3100.., 1047 (WSREP), 1205 and 1213 (locked), 1062 (duplicate), 1021/1114 (disk full: down)
 * and so on; unknown server errors are ERR_REFUSED, unknown client errors ERR_DOWN. */
enum err_code db_classify(unsigned error_number);
/* It speaks of this connection alone: lost, or killed by somebody. */
bool db_is_cut(unsigned error_number);

#endif
