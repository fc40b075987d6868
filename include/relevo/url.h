/* url.h - addresses of servers: percent-decoded parts of the contract's URL forms.
 * Pure functions; structs own their strings. Any thread. */
#ifndef RELEVO_URL_H
#define RELEVO_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "relevo/err.h"

struct host_port {
	char *host; /* no brackets */
	unsigned port;
};

struct listen_address {
	char *host;    /* "0.0.0.0", "127.0.0.1", "::" */
	unsigned port; /* 0: any free one */
	bool ipv6;     /* [::] listens on both families */
};

enum tls_mode { TLS_OFF, TLS_PREFERRED, TLS_REQUIRED, TLS_VERIFY };

#define URL_HOSTS_MAX 16

/* mysql://user:pass@h1:3306,h2:3306/database?tls=off|preferred|required|verify&ca=PATH
 * A Unix socket: mysql://user:pass@localhost/db?socket=/path */
struct mysql_url {
	char *user, *password, *database;
	struct host_port hosts[URL_HOSTS_MAX];
	size_t host_count;
	char *socket; /* NULL: TCP */
	enum tls_mode tls;
	char *ca; /* NULL: none */
};

enum redis_form { REDIS_TCP, REDIS_UNIX, REDIS_SENTINEL };

/* redis://[user][:pass]@host:port/db, unix:///path[?db=N],
 * redis+sentinel://[:pass@]s1:26379,s2/name/db */
struct redis_url {
	enum redis_form form;
	char *user, *password;		       /* NULL: none */
	struct host_port hosts[URL_HOSTS_MAX]; /* server, or the sentinels */
	size_t host_count;
	char *path;   /* REDIS_UNIX */
	char *master; /* REDIS_SENTINEL: the group's name */
	unsigned db;
};

/* Errors: ERR_USAGE with the reason (never the password). On failure *out is all zero. */
MUST_CHECK enum err_code url_parse_mysql(const char *text, struct mysql_url *out, struct err *e);
MUST_CHECK enum err_code url_parse_redis(const char *text, struct redis_url *out, struct err *e);
MUST_CHECK enum err_code url_parse_listen(const char *text, struct listen_address *out,
					  struct err *e);
void url_free_mysql(struct mysql_url *u);
void url_free_redis(struct redis_url *u);
void url_free_listen(struct listen_address *a);

#endif
