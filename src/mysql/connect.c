/* connect.c - opens MySQL sessions: hosts in order, TLS, session settings, read-only checks. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relevo/clock.h"
#include "session.h"

/* An idle session is renewed before the server's wait_timeout (20 s) can end it under a call. */
#define IDLE_MAX_MS   15000
#define SSL_ERROR     2026 /* CR_SSL_CONNECTION_ERROR */
#define SERVER_GONE   2006 /* CR_SERVER_GONE_ERROR */
#define SERVER_LOST   2013 /* CR_SERVER_LOST */
#define SETTINGS_LEFT 100  /* ms that the settings get at least after a slow connect */

static const char settings_sql[] =
	"SET NAMES utf8mb4;"
	"SET SESSION sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
	"ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',time_zone='+00:00',autocommit=1,"
	"innodb_lock_wait_timeout=1,lock_wait_timeout=1,wait_timeout=20;"
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
	"SET SESSION TRANSACTION READ WRITE;"
	"SELECT @@SESSION.auto_increment_increment";

/* SHOW, not @@name: it answers for variables that this server doesn't have. */
static const char health_sql[] =
	"SELECT 1;"
	"SHOW GLOBAL VARIABLES WHERE Variable_name IN"
	" ('read_only','super_read_only','innodb_read_only','offline_mode','wsrep_on');"
	"SHOW GLOBAL STATUS LIKE 'wsrep\\_%'";

struct health {
	bool galera, not_ready, not_primary;
	char read_only[64]; /* the variable that says so */
};

static bool is_off(const char *value)
{
	return strcasecmp(value, "OFF") == 0 || strcmp(value, "0") == 0;
}

static bool note_health(void *ctx, unsigned statement, const struct db_row *row)
{
	struct health *h = ctx;
	const char *name = row->text[0], *value;

	if (statement == 0 || row->count < 2 || !name || !row->text[1])
		return true;
	value = row->text[1];
	if (statement == 1 && strcasecmp(name, "wsrep_on") == 0)
		h->galera = !is_off(value);
	else if (statement == 1 && !is_off(value))
		(void)snprintf(h->read_only, sizeof(h->read_only), "%s", name);
	else if (statement == 2 && strcasecmp(name, "wsrep_ready") == 0)
		h->not_ready = is_off(value);
	else if (statement == 2 && strcasecmp(name, "wsrep_cluster_status") == 0)
		h->not_primary = strcasecmp(value, "Primary") != 0;
	return true;
}

enum err_code db_check_health(struct db *d, int64_t deadline_ms, struct err *e)
{
	struct health h = { 0 };
	enum err_code code;

	code = db_run_until(d, health_sql, sizeof(health_sql) - 1, false, deadline_ms, note_health,
			    &h, e);
	if (code) {
		db_close(d);
		return code;
	}
	if (h.read_only[0])
		code = err_set(e, ERR_DOWN, "%s: %s is on", d->host, h.read_only);
	else if (h.galera && h.not_ready)
		code = err_set(e, ERR_DOWN, "%s: wsrep_ready is off", d->host);
	else if (h.galera && h.not_primary)
		code = err_set(e, ERR_DOWN, "%s: not in the primary component", d->host);
	if (code)
		db_close(d);
	return code;
}

#ifdef LIBMARIADB
static void set_tls(MYSQL *m, enum tls_mode mode, const char *ca)
{
	/* Connector/C 3.4 verifies by default and then insists on TLS: always say both. */
	bool enforce = mode != TLS_OFF, verify = mode == TLS_VERIFY;

	(void)mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	if (ca && enforce)
		(void)mysql_options(m, MYSQL_OPT_SSL_CA, ca);
	(void)mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &enforce);
}
#else
static void set_tls(MYSQL *m, enum tls_mode mode, const char *ca)
{
	static const unsigned int modes[] = {
		[TLS_OFF] = SSL_MODE_DISABLED,
		[TLS_PREFERRED] = SSL_MODE_REQUIRED, /* falls back in db_connect */
		[TLS_REQUIRED] = SSL_MODE_REQUIRED,
		[TLS_VERIFY] = SSL_MODE_VERIFY_IDENTITY,
	};
	bool fetch_key = true; /* caching_sha2_password without TLS */

	if (ca && mode != TLS_OFF)
		(void)mysql_options(m, MYSQL_OPT_SSL_CA, ca);
	(void)mysql_options(m, MYSQL_OPT_SSL_MODE, &modes[mode]);
	(void)mysql_options(m, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &fetch_key);
}
#endif

static void set_options(struct db *d, MYSQL *m, enum tls_mode mode)
{
	unsigned int connect_s = (unsigned int)((d->timeout_ms + 999) / 1000);
	unsigned int io_s = 3600; /* a backstop: the watchdog knows how long a call may take */
	unsigned int protocol = d->url->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
	unsigned int local_infile = 0;
	unsigned long packet = 1UL << 30;

	(void)mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	(void)mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &io_s);
	(void)mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
	(void)mysql_options(m, MYSQL_OPT_PROTOCOL, &protocol);
	(void)mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &local_infile);
	(void)mysql_options(m, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	(void)mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	(void)mysql_options4(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", d->who);
	set_tls(m, mode, d->url->ca);
}

static int socket_of(MYSQL *m)
{
#ifdef LIBMARIADB
	return (int)mysql_get_socket(m);
#else
	return (int)m->net.fd;
#endif
}

/* One attempt; on failure *number is the client's or server's error. */
static enum err_code connect_once(struct db *d, size_t i, enum tls_mode mode, unsigned *number,
				  struct err *e)
{
	const struct mysql_url *u = d->url;
	const char *host = u->socket ? NULL : u->hosts[i].host;
	unsigned port = u->socket ? 0 : u->hosts[i].port;
	int64_t began = clock_mono_ms();
	MYSQL *m = mysql_init(NULL);

	if (!m)
		return err_set(e, ERR_DOWN, "%s: no memory for a session", d->host);
	set_options(d, m, mode);
	if (!mysql_real_connect(m, host, u->user, u->password, u->database, port, u->socket,
				CLIENT_MULTI_STATEMENTS)) {
		*number = mysql_errno(m);
		(void)err_set(e, ERR_DOWN, "%s: %s (%u)", d->host, mysql_error(m), *number);
		/* The library tells a time-out by the same number. */
		d->cut = (*number == SERVER_GONE || *number == SERVER_LOST) &&
			 clock_mono_ms() - began < d->timeout_ms / 2;
		mysql_close(m);
		return ERR_DOWN;
	}
	/* Where a server offers none, Connector/C goes on without, MYSQL_OPT_SSL_ENFORCE or not. */
	if (mode >= TLS_REQUIRED && mysql_get_ssl_cipher(m) == NULL) {
		mysql_close(m);
		return err_set(e, ERR_DOWN, "%s: TLS is required, the server offers none", d->host);
	}
	d->fd = fcntl(socket_of(m), F_DUPFD_CLOEXEC, 0);
	if (d->fd < 0) {
		mysql_close(m);
		return err_set(e, ERR_DOWN, "%s: out of file descriptors", d->host);
	}
	d->mysql = m;
	return ERR_NONE;
}

enum err_code db_connect(struct db *d, size_t i, struct err *e)
{
	enum tls_mode mode = d->url->tls;
	struct err first = ERR_INIT;
	unsigned number = 0;

	if (d->url->socket) {
		(void)snprintf(d->host, sizeof(d->host), "%s", d->url->socket);
		if (mode == TLS_PREFERRED)
			mode = TLS_OFF; /* nobody listens on a Unix socket */
	} else {
		(void)snprintf(d->host, sizeof(d->host), "%s:%u", d->url->hosts[i].host,
			       d->url->hosts[i].port);
	}
	if (mode != TLS_PREFERRED)
		return connect_once(d, i, mode, &number, e);
	if (connect_once(d, i, TLS_PREFERRED, &number, &first) == ERR_NONE)
		return ERR_NONE;
	if (number == SSL_ERROR)
		return connect_once(d, i, TLS_OFF, &number, e);
	return err_set(e, first.code, "%s", first.text);
}

static bool note_increment(void *ctx, unsigned statement, const struct db_row *row)
{
	struct db *d = ctx;

	(void)statement;
	if (row->count == 1 && row->text[0])
		d->increment = (unsigned)strtoul(row->text[0], NULL, 10);
	return true;
}

/* Everything for one host within one time-out, counted from the first packet. */
static enum err_code open_once(struct db *d, size_t i, struct err *e)
{
	int64_t deadline = clock_mono_ms() + db_statement_ms(d), least;
	enum err_code code = db_connect(d, i, e);

	if (code)
		return code;
	d->mariadb = strstr(mysql_get_server_info(d->mysql), "MariaDB") != NULL;
	d->increment = 1;
	d->waits = true;
	least = clock_mono_ms() + SETTINGS_LEFT;
	if (deadline < least)
		deadline = least;
	code = db_run_until(d, settings_sql, sizeof(settings_sql) - 1, false, deadline,
			    note_increment, d, e);
	if (!code)
		code = db_check_health(d, deadline, e);
	if (d->increment == 0)
		d->increment = 1;
	if (code)
		db_close(d);
	return code;
}

/* A connection that was cut while it was opened says little of the host: it gets a second one. */
static enum err_code open_host(struct db *d, size_t i, struct err *e)
{
	struct err first = ERR_INIT;
	enum err_code code;

	d->cut = false;
	code = open_once(d, i, &first);
	if (code && d->cut) {
		d->cut = false;
		return open_once(d, i, e);
	}
	return code ? err_set(e, code, "%s", first.text) : ERR_NONE;
}

/* The server has nothing to say to an idle session: what is readable is its farewell. */
static bool is_stale(const struct db *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLIN };

	return clock_mono_ms() - d->used_ms >= IDLE_MAX_MS || poll(&p, 1, 0) != 0;
}

enum err_code db_ready(struct db *d, struct err *e)
{
	size_t hosts = d->url->socket ? 1 : d->url->host_count;
	char why[sizeof(e->text)] = "no host";
	size_t used = 0;

	if (d->mysql && !is_stale(d))
		return ERR_NONE;
	db_close(d);
	for (size_t i = 0; i < hosts; i++) {
		struct err one = ERR_INIT;
		if (open_host(d, i, &one) == ERR_NONE)
			return ERR_NONE;
		if (used < sizeof(why)) {
			int n = snprintf(why + used, sizeof(why) - used, "%s%s", i ? "; " : "",
					 one.text);
			used += n > 0 ? (size_t)n : 0;
		}
	}
	return err_set(e, ERR_DOWN, "%s", why);
}

enum err_code db_probe(struct db *d, struct err *e)
{
	struct err first = ERR_INIT;
	int64_t began = clock_mono_ms();

	if (!d->mysql || is_stale(d))
		return db_ready(d, e);
	if (db_check_health(d, began + db_statement_ms(d), &first) == ERR_NONE)
		return ERR_NONE;
	/* What failed at once (read-only, gone) may have a better host; what hung had its time. */
	if (clock_mono_ms() - began < d->timeout_ms / 2)
		return db_ready(d, e);
	return err_set(e, ERR_DOWN, "%s", first.text);
}
