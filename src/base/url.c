/* url.c - parsing of server addresses; no reason ever quotes the text, which may hold a secret. */
#include "relevo/url.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "relevo/mem.h"

#define MYSQL_PORT    3306
#define REDIS_PORT    6379
#define SENTINEL_PORT 26379

struct slice {
	const char *at;
	size_t len;
};

/* The raw pieces of SCHEME://USERINFO@HOSTS/PATH?QUERY; `path` starts behind its slash. */
struct parts {
	bool has_user, has_path;
	struct slice user, hosts, path, query;
};

static enum err_code fail(struct err *e, const char *why)
{
	return err_set(e, ERR_USAGE, "%s", why);
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Cut `s` at the first `c`: returns what is before, leaves in `s` what is behind. */
static struct slice cut(struct slice *s, char c, bool *found)
{
	const char *at = s->len ? memchr(s->at, c, s->len) : NULL;
	struct slice head = *s;

	*found = at != NULL;
	if (at) {
		head.len = (size_t)(at - s->at);
		*s = (struct slice){ at + 1, s->len - head.len - 1 };
	} else {
		*s = (struct slice){ s->at + s->len, 0 };
	}
	return head;
}

static bool slice_is(struct slice s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* *out gets the percent-decoded text, new. */
static enum err_code decode(struct slice s, char **out, struct err *e)
{
	char *text = mem_alloc(s.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		int high, low;

		if (s.at[i] != '%') {
			text[len++] = s.at[i];
			continue;
		}
		high = s.len - i > 2 ? hex_value(s.at[i + 1]) : -1;
		low = high >= 0 ? hex_value(s.at[i + 2]) : -1;
		if (low < 0 || high + low == 0) {
			free(text);
			return fail(e, "broken percent escape");
		}
		text[len++] = (char)(high << 4 | low);
		i += 2;
	}
	text[len] = '\0';
	*out = text;
	return ERR_NONE;
}

static enum err_code split(const char *rest, struct parts *out, struct err *e)
{
	struct slice all = { rest, strcspn(rest, "?") };
	struct slice authority = { rest, strcspn(rest, "/?") };
	const char *at = memrchr(authority.at, '@', authority.len);

	*out = (struct parts){ .path = { "", 0 }, .query = { "", 0 } };
	for (const char *c = rest; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == '#' || *c == 0x7F)
			return fail(e, "spaces, control characters and # must be percent-encoded");
	}
	if (rest[all.len] == '?')
		out->query = (struct slice){ rest + all.len + 1, strlen(rest + all.len + 1) };
	out->has_path = authority.len < all.len;
	if (out->has_path)
		out->path = (struct slice){ rest + authority.len + 1, all.len - authority.len - 1 };
	out->hosts = authority;
	if (at) {
		out->has_user = true;
		out->user = (struct slice){ rest, (size_t)(at - rest) };
		out->hosts = (struct slice){ at + 1, authority.len - out->user.len - 1 };
	}
	return ERR_NONE;
}

/* User and password of `USER[:PASSWORD]`; NULL for what is empty or missing. */
static enum err_code take_user(const struct parts *p, char **user, char **password, struct err *e)
{
	struct slice rest = p->user, name;
	enum err_code code = ERR_NONE;
	bool found;

	if (!p->has_user)
		return ERR_NONE;
	name = cut(&rest, ':', &found);
	if (name.len)
		code = decode(name, user, e);
	if (code == ERR_NONE && rest.len)
		code = decode(rest, password, e);
	return code;
}

static bool parse_number(struct slice s, unsigned long max, unsigned *out)
{
	unsigned long n = 0;

	if (s.len == 0 || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (unsigned long)(s.at[i] - '0');
	}
	if (n > max)
		return false;
	*out = (unsigned)n;
	return true;
}

/* Split `HOST[:PORT]` or `[V6][:PORT]`; the port's slice has at == NULL if there is none. */
static enum err_code split_host(struct slice s, struct slice *host, struct slice *port,
				struct err *e)
{
	bool found;

	*port = (struct slice){ 0 };
	if (s.len && s.at[0] == '[') {
		s = (struct slice){ s.at + 1, s.len - 1 };
		*host = cut(&s, ']', &found);
		if (!found || (s.len && s.at[0] != ':'))
			return fail(e, "broken [IPv6] address");
		if (s.len)
			*port = (struct slice){ s.at + 1, s.len - 1 };
	} else {
		*host = cut(&s, ':', &found);
		if (found)
			*port = s;
	}
	return host->len ? ERR_NONE : fail(e, "host missing");
}

static enum err_code take_host(struct slice s, unsigned fallback, struct host_port *out,
			       struct err *e)
{
	struct slice host, port;
	unsigned number = fallback;
	enum err_code code = split_host(s, &host, &port, e);

	if (code != ERR_NONE)
		return code;
	if (port.at && (!parse_number(port, 65535, &number) || number == 0))
		return fail(e, "port must be a number from 1 to 65535");
	code = decode(host, &out->host, e);
	if (code == ERR_NONE)
		out->port = number;
	return code;
}

static enum err_code take_hosts(struct slice s, unsigned fallback, struct host_port *hosts,
				size_t *count, struct err *e)
{
	bool more = true;

	while (more) {
		struct slice one = cut(&s, ',', &more);
		enum err_code code;

		if (*count == URL_HOSTS_MAX)
			return fail(e, "more than 16 hosts");
		code = take_host(one, fallback, &hosts[*count], e);
		if (code != ERR_NONE)
			return code;
		(*count)++;
	}
	return ERR_NONE;
}

static enum err_code take_tls(struct slice value, enum tls_mode *out, struct err *e)
{
	static const char *const words[] = { "off", "preferred", "required", "verify" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_is(value, words[i])) {
			*out = (enum tls_mode)i;
			return ERR_NONE;
		}
	}
	return fail(e, "tls must be off, preferred, required or verify");
}

/* The path decoded into *field, once and not empty. */
static enum err_code take_path_once(struct slice value, char **field, struct err *e)
{
	if (*field || !value.len)
		return fail(e, "a parameter is empty or given twice");
	return decode(value, field, e);
}

static enum err_code take_mysql_query(struct slice query, struct mysql_url *u, struct err *e)
{
	enum err_code code = ERR_NONE;
	bool more = query.len > 0, tls_given = false;

	while (more && code == ERR_NONE) {
		struct slice value = cut(&query, '&', &more), name;
		bool found;

		name = cut(&value, '=', &found);
		if (slice_is(name, "tls")) {
			code = take_tls(value, &u->tls, e);
			tls_given = true;
		} else if (slice_is(name, "ca")) {
			code = take_path_once(value, &u->ca, e);
		} else if (slice_is(name, "socket")) {
			code = take_path_once(value, &u->socket, e);
		} else {
			code = fail(e, "unknown parameter (known are tls, ca, socket)");
		}
	}
	/* Whoever names a CA wants it used. */
	if (code == ERR_NONE && u->ca && !tls_given)
		u->tls = TLS_VERIFY;
	return code;
}

static enum err_code check_socket(const char *path, struct err *e)
{
	struct sockaddr_un address;

	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
		return fail(e, "a socket is an absolute path of at most 107 bytes");
	return ERR_NONE;
}

static enum err_code fill_mysql(const char *rest, struct mysql_url *u, struct err *e)
{
	struct parts p;
	enum err_code code = split(rest, &p, e);

	if (code == ERR_NONE)
		code = take_user(&p, &u->user, &u->password, e);
	if (code == ERR_NONE && !u->user)
		code = fail(e, "user missing");
	if (code == ERR_NONE && !u->password)
		u->password = mem_string("");
	if (code == ERR_NONE)
		code = take_hosts(p.hosts, MYSQL_PORT, u->hosts, &u->host_count, e);
	if (code == ERR_NONE && p.path.len == 0)
		code = fail(e, "database missing");
	if (code == ERR_NONE)
		code = decode(p.path, &u->database, e);
	if (code == ERR_NONE && strchr(u->database, '/'))
		code = fail(e, "a database name has no slash");
	if (code == ERR_NONE)
		code = take_mysql_query(p.query, u, e);
	if (code == ERR_NONE && u->socket)
		code = u->host_count == 1 ? check_socket(u->socket, e)
					  : fail(e, "a socket goes with one host only");
	return code;
}

enum err_code url_parse_mysql(const char *text, struct mysql_url *out, struct err *e)
{
	enum err_code code;

	*out = (struct mysql_url){ 0 };
	if (!starts_with(text, "mysql://"))
		return fail(e, "must start with mysql://");
	code = fill_mysql(text + strlen("mysql://"), out, e);
	if (code != ERR_NONE)
		url_free_mysql(out);
	return code;
}

static enum err_code take_db(struct slice s, unsigned *db, struct err *e)
{
	if (s.len && !parse_number(s, INT_MAX, db))
		return fail(e, "the database must be a number");
	return ERR_NONE;
}

static enum err_code fill_redis_tcp(const struct parts *p, struct redis_url *u, struct err *e)
{
	enum err_code code = take_hosts(p->hosts, REDIS_PORT, u->hosts, &u->host_count, e);

	if (code == ERR_NONE && u->host_count != 1)
		code = fail(e, "only one host (several need redis+sentinel://)");
	if (code == ERR_NONE && p->query.len)
		code = fail(e, "no parameters here");
	return code == ERR_NONE ? take_db(p->path, &u->db, e) : code;
}

static enum err_code fill_redis_unix(const struct parts *p, struct redis_url *u, struct err *e)
{
	struct slice query = p->query, name;
	enum err_code code;
	bool found;

	if (p->hosts.len || p->path.len == 0)
		return fail(e, "a path must follow unix://, as in unix:///run/redis.sock");
	code = decode((struct slice){ p->path.at - 1, p->path.len + 1 }, &u->path, e);
	if (code == ERR_NONE)
		code = check_socket(u->path, e);
	if (code != ERR_NONE || query.len == 0)
		return code;
	name = cut(&query, '=', &found);
	if (!slice_is(name, "db") || query.len == 0)
		return fail(e, "the only parameter here is db=N");
	return take_db(query, &u->db, e);
}

static enum err_code fill_redis_sentinel(const struct parts *p, struct redis_url *u, struct err *e)
{
	enum err_code code = take_hosts(p->hosts, SENTINEL_PORT, u->hosts, &u->host_count, e);
	struct slice db = p->path, name;
	bool found;

	if (code != ERR_NONE)
		return code;
	name = cut(&db, '/', &found);
	if (name.len == 0)
		return fail(e, "the group's name is missing, as in /mymaster/0");
	if (p->query.len)
		return fail(e, "no parameters here");
	code = decode(name, &u->master, e);
	return code == ERR_NONE ? take_db(db, &u->db, e) : code;
}

enum err_code url_parse_redis(const char *text, struct redis_url *out, struct err *e)
{
	static const struct {
		const char *scheme;
		enum err_code (*fill)(const struct parts *, struct redis_url *, struct err *);
	} forms[] = {
		[REDIS_TCP] = { "redis://", fill_redis_tcp },
		[REDIS_UNIX] = { "unix://", fill_redis_unix },
		[REDIS_SENTINEL] = { "redis+sentinel://", fill_redis_sentinel },
	};
	struct parts p;
	enum err_code code;
	size_t form = 0;

	*out = (struct redis_url){ 0 };
	while (!starts_with(text, forms[form].scheme)) {
		if (++form == sizeof(forms) / sizeof(forms[0]))
			return fail(e, "must start with redis://, unix:// or redis+sentinel://");
	}
	out->form = (enum redis_form)form;
	code = split(text + strlen(forms[form].scheme), &p, e);
	if (code == ERR_NONE)
		code = take_user(&p, &out->user, &out->password, e);
	if (code == ERR_NONE)
		code = forms[form].fill(&p, out, e);
	if (code != ERR_NONE)
		url_free_redis(out);
	return code;
}

enum err_code url_parse_listen(const char *text, struct listen_address *out, struct err *e)
{
	struct slice host, port;
	unsigned char address[sizeof(struct in6_addr)];
	bool ipv6 = text[0] == '[';
	unsigned number = 0;
	char *name;
	enum err_code code;

	*out = (struct listen_address){ 0 };
	code = split_host((struct slice){ text, strlen(text) }, &host, &port, e);
	if (code != ERR_NONE)
		return code;
	if (!port.at || !parse_number(port, 65535, &number))
		return fail(e, "port must be a number from 0 to 65535");
	name = slice_is(host, "localhost") ? mem_string("127.0.0.1") : mem_copy(host.at, host.len);
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, name, address) != 1) {
		free(name);
		return fail(e, "not a numeric address");
	}
	*out = (struct listen_address){ .host = name, .port = number, .ipv6 = ipv6 };
	return ERR_NONE;
}

static void free_hosts(struct host_port *hosts)
{
	for (size_t i = 0; i < URL_HOSTS_MAX; i++)
		free(hosts[i].host);
}

/* A secret does not stay behind in freed memory. */
static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void url_free_mysql(struct mysql_url *u)
{
	if (!u)
		return;
	free(u->user);
	free_secret(u->password);
	free(u->database);
	free_hosts(u->hosts);
	free(u->socket);
	free(u->ca);
	*u = (struct mysql_url){ 0 };
}

void url_free_redis(struct redis_url *u)
{
	if (!u)
		return;
	free(u->user);
	free_secret(u->password);
	free_hosts(u->hosts);
	free(u->path);
	free(u->master);
	*u = (struct redis_url){ 0 };
}

void url_free_listen(struct listen_address *a)
{
	if (!a)
		return;
	free(a->host);
	*a = (struct listen_address){ 0 };
}
