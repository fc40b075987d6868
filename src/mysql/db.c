/* db.c - one MySQL session: statements in, rows and outcomes out, each within its deadline. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/thread.h"
#include "session.h"

#define AFFECTED_MAX (sizeof(((struct db_outcome *)0)->affected) / sizeof(uint64_t))
#define RENEW_ROWS   1000 /* a streamed result renews its deadline this often */

/* One db_run under way. */
struct run {
	struct db *d;
	db_each each; /* NULL once it asked to stop */
	void *ctx;
	bool stream;
	struct db_outcome out;
};

void db_library_init(void)
{
	ASSERT(mysql_library_init(0, NULL, NULL) == 0);
	watchdog_start();
}

void db_library_end(void)
{
	watchdog_stop();
	mysql_library_end();
}

void db_thread_end(void)
{
	mysql_thread_end();
}

struct db *db_new(const struct mysql_url *url, int64_t timeout_ms, const char *who)
{
	struct db *d = mem_zero(1, sizeof(*d));

	d->url = url;
	d->timeout_ms = timeout_ms;
	d->who = mem_string(who);
	d->fd = -1;
	d->increment = 1;
	return d;
}

void db_free(struct db **d)
{
	if (!*d)
		return;
	db_close(*d);
	free((*d)->who);
	free(*d);
	*d = NULL;
}

bool db_is_open(const struct db *d)
{
	return d->mysql != NULL;
}

bool db_was_cut(const struct db *d)
{
	return d->cut;
}

void db_close(struct db *d)
{
	if (!d->mysql)
		return;
	mysql_close(d->mysql);
	d->mysql = NULL;
	(void)close(d->fd);
	d->fd = -1;
}

/* After a failure: no farewell to a server that may hang, the kernel tells it. */
static void abandon(struct db *d)
{
	if (d->mysql)
		(void)shutdown(d->fd, SHUT_RDWR);
	db_close(d);
}

unsigned db_increment(const struct db *d)
{
	return d->increment;
}

bool db_wait_for_locks(struct db *d, bool wait)
{
	static const char on[] = "SET innodb_lock_wait_timeout=1,lock_wait_timeout=1";
	static const char off[] = "SET innodb_lock_wait_timeout=0,lock_wait_timeout=0";
	const char *sql = wait ? on : off;

	if (d->mysql && d->mariadb && d->waits != wait) {
		if (db_run(d, sql, strlen(sql), false, false, NULL, NULL, NULL, NULL))
			abandon(d);
		else
			d->waits = wait;
	}
	return d->mysql && d->waits == wait;
}

/* The server's own lock wait limit is one second; its error is worth a little patience. */
int64_t db_statement_ms(const struct db *d)
{
	if (d->patience_ms > 0)
		return d->patience_ms;
	return d->timeout_ms >= 1000 ? d->timeout_ms + 100 : d->timeout_ms;
}

void db_be_patient(struct db *d, int64_t ms)
{
	d->patience_ms = ms;
}

static void hand_over(struct run *r, MYSQL_ROW row, MYSQL_RES *res)
{
	struct db_row out = {
		.text = (const char *const *)row,
		.len = mysql_fetch_lengths(res),
		.count = mysql_num_fields(res),
	};

	if (!r->each(r->ctx, r->out.statements, &out))
		r->each = NULL;
}

/* Reads one result to its end, also what nobody wants any more; returns the number of rows. */
static uint64_t read_rows(struct run *r, MYSQL_RES *res)
{
	uint64_t rows = 0;
	MYSQL_ROW row;

	while ((row = mysql_fetch_row(res))) {
		rows++;
		if (r->each)
			hand_over(r, row, res);
		if (r->stream && rows % RENEW_ROWS == 0)
			watchdog_renew(&r->d->watch, clock_mono_ms() + db_statement_ms(r->d));
	}
	return rows;
}

/* The result of the current statement; returns the error number, 0 for none. */
static unsigned take_result(struct run *r)
{
	MYSQL *m = r->d->mysql;
	MYSQL_RES *res = r->stream ? mysql_use_result(m) : mysql_store_result(m);
	uint64_t count, made = 0;
	unsigned number = 0;

	if (res) {
		count = read_rows(r, res);
		number = mysql_errno(m);
		mysql_free_result(res);
	} else {
		/* Not by mysql_field_count: a session that breaks off in the rows forgets it. */
		number = mysql_errno(m);
		count = mysql_affected_rows(m);
		made = mysql_insert_id(m);
	}
	if (number)
		return number;
	if (r->out.statements < AFFECTED_MAX)
		r->out.affected[r->out.statements] = count;
	if (made)
		r->out.insert_id = made;
	r->out.statements++;
	return 0;
}

static unsigned run_all(struct run *r, const char *sql, size_t len)
{
	MYSQL *m = r->d->mysql;
	unsigned number;
	int next;

	if (mysql_real_query(m, sql, (unsigned long)len))
		return mysql_errno(m);
	do {
		number = take_result(r);
		if (number)
			return number;
		next = mysql_next_result(m);
	} while (next == 0);
	/* Connector/C says -1, no more results, also when a session breaks off in the columns. */
	return mysql_errno(m);
}

static enum err_code explain(struct run *r, bool late, int64_t limit_ms, bool commits,
			     struct err *e)
{
	struct db *d = r->d;
	enum err_code code = late ? ERR_DOWN : db_classify(r->out.sql_errno);

	if (code == ERR_DOWN && commits)
		code = ERR_UNCERTAIN;
	if (late)
		(void)err_set(e, code, "%s: no answer within %lld ms", d->host,
			      (long long)limit_ms);
	else if (code == ERR_DOWN || code == ERR_UNCERTAIN)
		(void)err_set(e, code, "%s: %s (%u)", d->host, mysql_error(d->mysql),
			      r->out.sql_errno);
	else
		(void)err_set(e, code, "MySQL %u: %s", r->out.sql_errno, mysql_error(d->mysql));
	if (code == ERR_DOWN || code == ERR_UNCERTAIN) {
		abandon(d);
		d->cut = !late && db_is_cut(r->out.sql_errno);
	}
	return code;
}

static enum err_code run_armed(struct run *r, const char *sql, size_t len, bool commits,
			       int64_t deadline_ms, struct err *e)
{
	struct db *d = r->d;
	int64_t began_us = clock_mono_us(), limit_ms = deadline_ms - began_us / 1000;
	enum err_code code = ERR_NONE;
	bool late;

	if (!d->mysql)
		return err_set(e, ERR_DOWN, "MySQL: not connected");
	watchdog_arm(&d->watch, d->fd, deadline_ms);
	r->out.sql_errno = run_all(r, sql, len);
	late = watchdog_disarm(&d->watch);
	r->out.took_us = clock_mono_us() - began_us;
	if (r->out.sql_errno)
		code = explain(r, late, limit_ms, commits, e);
	else if (late)
		abandon(d); /* the whole answer came just in time, the socket is gone */
	else
		d->used_ms = clock_mono_ms();
	return code;
}

enum err_code db_run_until(struct db *d, const char *sql, size_t len, bool commits,
			   int64_t deadline_ms, db_each each, void *ctx, struct err *e)
{
	struct run r = { .d = d, .each = each, .ctx = ctx };

	return run_armed(&r, sql, len, commits, deadline_ms, e);
}

enum err_code db_run(struct db *d, const char *sql, size_t len, bool commits, bool stream,
		     db_each each, void *ctx, struct db_outcome *outcome, struct err *e)
{
	struct run r = { .d = d, .each = each, .ctx = ctx, .stream = stream };
	enum err_code code =
		run_armed(&r, sql, len, commits, clock_mono_ms() + db_statement_ms(d), e);

	if (outcome)
		*outcome = r.out;
	return code;
}

void db_rollback(struct db *d)
{
	static const char sql[] = "ROLLBACK";

	if (!d->mysql)
		return;
	if (db_run_until(d, sql, sizeof(sql) - 1, false, clock_mono_ms() + db_statement_ms(d), NULL,
			 NULL, NULL))
		abandon(d);
}
