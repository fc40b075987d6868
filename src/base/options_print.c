/* options_print.c - the options table in words: help, what is accepted, the configuration in force.
 */
#include <ctype.h>
#include <string.h>

#include "options_table.h"
#include "relevo/buf.h"

#define HELP_WIDTH 78

static void join_words(const struct option_row *row, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (int i = 0; row->words[i] && len < size; i++) {
		const char *glue = i == 0 ? "" : row->words[i + 1] ? ", " : " or ";
		int wrote = snprintf(out + len, size - len, "%s%s", glue, row->words[i]);

		len += wrote > 0 ? (size_t)wrote : 0;
	}
}

static void bounds_in_words(const struct option_row *row, char *out, size_t size)
{
	char min[32], max[32];

	if (row->type == OPTION_DURATION) {
		option_format_duration(row->min, min, sizeof(min));
		option_format_duration(row->max, max, sizeof(max));
		snprintf(out, size, "a duration in ms, s, m or h from %s to %s", min, max);
	} else if (row->type == OPTION_SIZE) {
		option_format_size(row->min, min, sizeof(min));
		option_format_size(row->max, max, sizeof(max));
		snprintf(out, size, "bytes, KiB, MiB or GiB from %s to %s", min, max);
	} else {
		snprintf(out, size, "a number from %lld to %lld%s", (long long)row->min,
			 (long long)row->max, row->type == OPTION_THREADS ? ", or cores" : "");
	}
}

void option_accepted(const struct option_row *row, char *out, size_t size)
{
	static const char *const texts[OPTION_TYPES] = {
		[OPTION_LISTEN] = "ADDRESS:PORT such as 0.0.0.0:8000 or [::]:8000",
		[OPTION_MYSQL] =
			"mysql://USER:PASSWORD@HOST:PORT[,HOST:PORT]/DATABASE[?PARAMETERS]",
		[OPTION_REDIS] = "redis://USER:PASSWORD@HOST:PORT/DB, unix:///PATH?db=DB or "
				 "redis+sentinel://:PASSWORD@HOST:PORT,HOST:PORT/GROUP/DB",
		[OPTION_INSTANCE] = "1 to 63 visible ASCII characters without spaces",
		[OPTION_TOKENS] = TOKENS_ACCEPTED,
		[OPTION_FOLDER] = "a readable folder",
		[OPTION_ORIGINS] = "* or origins such as https://example.org, separated by commas",
	};

	if (texts[row->type])
		snprintf(out, size, "%s", texts[row->type]);
	else if (row->words[0])
		join_words(row, out, size);
	else
		bounds_in_words(row, out, size);
}

const char *option_default(const struct option_row *row)
{
	if (row->type == OPTION_INSTANCE)
		return "the host name";
	if (row->type == OPTION_THREADS && !row->fallback)
		return "cores";
	return row->fallback ? row->fallback : "none";
}

/* Words of `text` on lines of HELP_WIDTH behind an indent. */
static void print_wrapped(const char *text, FILE *out)
{
	static const int indent = 6;
	int column = 0;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > 0 && column + 1 + len > HELP_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0)
			column = fprintf(out, "%*s%.*s", indent, "", len, text);
		else
			column += fprintf(out, " %.*s", len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void options_print_help(FILE *out)
{
	fputs("Usage: relevod [--OPTION VALUE]...\n\n"
	      "Keeps an HTTP/JSON API in front of a MySQL table readable and writable while\n"
	      "MySQL is down. Each option is an environment variable and a flag; the flag wins.\n\n"
	      "  -h, --help      this text\n"
	      "  -V, --version   the version\n"
	      "  --check-config  check the configuration and exit\n"
	      "  --print-config  print the configuration in force, passwords masked, and exit\n\n"
	      "Options:\n",
	      out);
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];
		char flag[OPTION_FLAG_SIZE], accepted[160], line[256];

		option_flag(row, flag);
		option_accepted(row, accepted, sizeof(accepted));
		fprintf(out, "\n  %s, %s\n", flag, row->variable);
		print_wrapped(row->prose, out);
		snprintf(line, sizeof(line), "Accepted: %s.", accepted);
		print_wrapped(line, out);
		snprintf(line, sizeof(line), "Default: %s.", option_default(row));
		print_wrapped(line, out);
	}
}

/* Percent-encode what would change the meaning of a URL; slashes stay in paths. */
static void put_encoded(struct buf *b, const char *text, bool is_path)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c) || (is_path && c == '/'))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

static void put_user(struct buf *b, const char *user, const char *password)
{
	if (user)
		put_encoded(b, user, false);
	if (password && *password)
		buf_puts(b, ":***");
	if (user || (password && *password))
		buf_putc(b, '@');
}

static void put_hosts(struct buf *b, const struct host_port *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_putc(b, ',');
		if (strchr(hosts[i].host, ':'))
			buf_printf(b, "[%s]", hosts[i].host);
		else
			put_encoded(b, hosts[i].host, false);
		buf_printf(b, ":%u", hosts[i].port);
	}
}

static void put_mysql(struct buf *b, const struct mysql_url *u)
{
	static const char *const modes[] = { "off", "preferred", "required", "verify" };

	buf_puts(b, "mysql://");
	put_user(b, u->user, u->password);
	put_hosts(b, u->hosts, u->host_count);
	buf_putc(b, '/');
	put_encoded(b, u->database, false);
	buf_printf(b, "?tls=%s", modes[u->tls]);
	if (u->ca) {
		buf_puts(b, "&ca=");
		put_encoded(b, u->ca, true);
	}
	if (u->socket) {
		buf_puts(b, "&socket=");
		put_encoded(b, u->socket, true);
	}
}

static void put_redis(struct buf *b, const struct redis_url *u)
{
	static const char *const schemes[] = { "redis://", "unix://", "redis+sentinel://" };

	buf_puts(b, schemes[u->form]);
	put_user(b, u->user, u->password);
	if (u->form == REDIS_UNIX) {
		put_encoded(b, u->path, true);
		buf_printf(b, "?db=%u", u->db);
		return;
	}
	put_hosts(b, u->hosts, u->host_count);
	if (u->form == REDIS_SENTINEL) {
		buf_putc(b, '/');
		put_encoded(b, u->master, false);
	}
	buf_printf(b, "/%u", u->db);
}

static void put_listen(struct buf *b, const struct listen_address *a)
{
	buf_printf(b, a->ipv6 ? "[%s]:%u" : "%s:%u", a->host, a->port);
}

static void put_text(struct buf *b, const char *text)
{
	if (text)
		buf_puts(b, text);
}

/* The value of a row as one could write it, passwords masked. */
static void put_value(struct buf *b, const struct option_row *row, const void *field)
{
	char text[32] = "";

	switch (row->type) {
	case OPTION_LISTEN:
		put_listen(b, field);
		return;
	case OPTION_MYSQL:
		put_mysql(b, field);
		return;
	case OPTION_REDIS:
		put_redis(b, field);
		return;
	case OPTION_DURATION:
		option_format_duration(*(const int64_t *)field, text, sizeof(text));
		break;
	case OPTION_SIZE:
		option_format_size(*(const int64_t *)field, text, sizeof(text));
		break;
	case OPTION_COUNT:
		buf_put_i64(b, *(const int64_t *)field);
		break;
	case OPTION_THREADS:
		buf_put_u64(b, *(const unsigned *)field);
		break;
	case OPTION_WORD:
		buf_puts(b, row->words[*(const unsigned *)field]);
		break;
	case OPTION_SWITCH:
		buf_puts(b, row->words[*(const bool *)field ? 1 : 0]);
		break;
	case OPTION_TOKENS:
		put_text(b, ((const struct token_file *)field)->path);
		break;
	case OPTION_ORIGINS:
		put_text(b, ((const struct origins *)field)->text);
		break;
	default:
		put_text(b, *(char *const *)field);
		break;
	}
	buf_puts(b, text);
}

void options_print(const struct options *o, FILE *out)
{
	struct buf line = { 0 };

	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		buf_reset(&line);
		buf_printf(&line, "%s=", row->variable);
		put_value(&line, row, (const char *)o + row->field);
		fprintf(out, "%s\n", line.bytes);
	}
	buf_free(&line);
}
