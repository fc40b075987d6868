/* origins.c - the list of web origins: parsing and matching (RFC 6454, Fetch standard). */
#include "relevo/origins.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/mem.h"

#define ALPHA "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

static bool is_ipv6(const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* Length of the host in front of `text`, brackets included; 0: none. */
static size_t host_length(const char *text)
{
	if (*text == '[') {
		size_t len = strcspn(text + 1, "]");

		return text[len + 1] == ']' && is_ipv6(text + 1, len) ? len + 2 : 0;
	}
	return strspn(text, ALPHA DIGIT "-._");
}

static bool is_default_port(const char *origin, const char *port)
{
	return (strncmp(origin, "http:", 5) == 0 && strcmp(port, "80") == 0) ||
	       (strncmp(origin, "https:", 6) == 0 && strcmp(port, "443") == 0);
}

/* `text` in lower case; checks it, and cuts a port that browsers do not send. NULL: all is well. */
static const char *origin_fault(char *text)
{
	size_t scheme = strspn(text, ALPHA DIGIT "+-.");
	char *host = text + scheme + 3, *port;
	size_t host_len, digits;

	if (strcmp(text, "null") == 0)
		return "null is no origin to trust";
	if (scheme == 0 || !islower((unsigned char)*text) || strncmp(text + scheme, "://", 3) != 0)
		return "an origin begins with a scheme such as https://";
	host_len = host_length(host);
	if (host_len == 0)
		return "an origin needs a host name or address";
	port = host + host_len;
	if (*port == '\0')
		return NULL;
	if (*port != ':')
		return "an origin ends after host and port";
	digits = strspn(port + 1, DIGIT);
	if (digits == 0 || digits > 5 || port[1] == '0' || port[digits + 1] != '\0' ||
	    strtoul(port + 1, NULL, 10) > 65535)
		return "a port is a number from 1 to 65535, and the end of the origin";
	if (is_default_port(text, port + 1))
		*port = '\0';
	return NULL;
}

static enum err_code add(struct origins *o, const char *text, size_t len, struct err *e)
{
	const char *fault;
	char *origin;

	if (len > ORIGIN_MAX)
		return err_set(e, ERR_USAGE, "an origin of more than %d bytes", ORIGIN_MAX);
	if (o->count == ORIGINS_MAX)
		return err_set(e, ERR_USAGE, "more than %d origins", ORIGINS_MAX);
	origin = mem_copy(text, len);
	for (char *c = origin; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	fault = origin_fault(origin);
	if (fault != NULL) {
		free(origin);
		return err_set(e, ERR_USAGE, "%s", fault);
	}
	o->at[o->count++] = origin;
	return ERR_NONE;
}

/* Each piece between commas, without the blanks around it. */
static enum err_code add_all(struct origins *o, const char *text, struct err *e)
{
	bool more = true;

	o->at = mem_zero(ORIGINS_MAX, sizeof *o->at);
	while (more) {
		size_t piece = strcspn(text, ","), len, lead = strspn(text, " \t");

		more = text[piece] == ',';
		len = lead < piece ? piece - lead : 0;
		while (len > 0 && strchr(" \t", text[lead + len - 1]) != NULL)
			len--;
		if (add(o, text + lead, len, e) != ERR_NONE)
			return ERR_USAGE;
		text += piece + more;
	}
	return ERR_NONE;
}

static char *listed(const struct origins *o)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < o->count; i++) {
		buf_puts(&b, i > 0 ? "," : "");
		buf_puts(&b, o->at[i]);
	}
	return buf_take(&b, NULL);
}

enum err_code origins_parse(const char *text, struct origins *out, struct err *e)
{
	size_t lead = strspn(text, " \t");
	bool any = text[lead] == '*' && text[lead + 1 + strspn(text + lead + 1, " \t")] == '\0';

	*out = (struct origins){ .any = any };
	if (any)
		out->text = mem_string("*");
	if (any || text[lead] == '\0')
		return ERR_NONE;
	if (add_all(out, text, e) != ERR_NONE) {
		origins_free(out);
		return ERR_USAGE;
	}
	out->text = listed(out);
	return ERR_NONE;
}

void origins_free(struct origins *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->at[i]);
	free(o->at);
	free(o->text);
	*o = (struct origins){ 0 };
}

bool origins_match(const struct origins *o, const char *origin)
{
	if (o->any)
		return true;
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->at[i], origin) == 0)
			return true;
	return false;
}
