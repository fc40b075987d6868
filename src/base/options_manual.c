/* options_manual.c - the manual page relevod(8), from the options table. */
#include <string.h>

#include "options_table.h"

#define WRITTEN	   "2026-11-29" /* when the prose below last changed */
#define LINE_WIDTH 78

/* Unhyphenated, so that what is copied from the page is what was written. */
static const char front[] =
	".TH RELEVOD 8 " WRITTEN " \"relevo " RELEVO_VERSION "\" \"relevo\"\n"
	".nh\n"
	".ad l\n"
	".SH NAME\n"
	"relevod \\- keep a MySQL table readable and writable while MySQL is down\n"
	".SH SYNOPSIS\n"
	".B relevod\n"
	".RI [ \\-\\-option\\ value ]...\n"
	".SH DESCRIPTION\n"
	".B relevod\n"
	"puts an HTTP/JSON API in front of a MySQL table.\n"
	"MySQL is the source of truth.\n"
	"Redis holds a cache of the table, the cache's hash, and the operations that\n"
	"wait for MySQL: while MySQL is down, reads come from the cache and writes are\n"
	"queued, and what was queued is applied when MySQL is back.\n"
	"It stays in the foreground and logs to standard error.\n"
	".PP\n"
	"Without a token file the API is open to whoever reaches its port.\n"
	".SH OPTIONS\n"
	"Each option is an environment variable and a flag; the flag wins.\n"
	"A value follows its flag as the next argument or behind an equals sign.\n"
	".TP\n.BR \\-h \", \" \\-\\-help\nPrint the options and exit.\n"
	".TP\n.BR \\-V \", \" \\-\\-version\nPrint the version and exit.\n"
	".TP\n.B \\-\\-check\\-config\nCheck the configuration and exit.\n"
	".TP\n.B \\-\\-print\\-config\n"
	"Print the configuration in force, passwords masked, and exit.\n"
	".TP\n.B \\-\\-man\nPrint this page as roff and exit.\n";

static const char back[] =
	".SH SIGNALS\n"
	".TP\n.BR SIGTERM \", \" SIGINT\n"
	"Stop: say so in\n.IR /health ,\nfinish what is in flight, and exit.\n"
	"A second one cuts the announcement short.\n"
	".TP\n.B SIGHUP\nRead the token file again.\n"
	"A bad one is logged, and the tokens in force stay.\n"
	".TP\n.B SIGUSR1\nSwitch debug logging on or off.\n"
	".SH ENVIRONMENT\n"
	"Besides the options:\n"
	".TP\n.B NOTIFY_SOCKET\n"
	"Where the daemon reports that it serves, reloads and stops, as\n"
	".BR sd_notify (3)\nhas it.\n"
	".TP\n.BR WATCHDOG_USEC \", \" WATCHDOG_PID\n"
	"How often the service manager wants to hear that the daemon makes progress.\n"
	"It hears nothing while a request has waited too long for one of the daemon's\n"
	"threads.\n"
	".SH FILES\n"
	".TP\n.I /etc/relevo/relevod.env\n"
	"The options of the unit, one RELEVO_NAME=value a line.\n"
	"It may hold passwords; systemd reads it as root, so nobody else has to.\n"
	".TP\n.I /etc/relevo/tokens\n"
	"The tokens, where\n.B RELEVO_TOKEN_FILE\nsays so.\n"
	"The daemon reads it as the user relevo: owner root, group relevo, mode 640.\n"
	".TP\n.I /usr/lib/systemd/system/relevod.service\n"
	"The unit.\n"
	".TP\n.I /usr/lib/sysusers.d/relevo.conf\n"
	"The account of the unit.\n"
	".TP\n.I /usr/share/relevo/dashboard\n"
	"The dashboard, for\n.BR RELEVO_STATIC_DIR .\n"
	".TP\n.I /usr/share/doc/relevo\n"
	"Documents, and in\n.I examples\nthe files to begin with.\n"
	".PP\n"
	"These are the places for the prefix\n.IR /usr .\n"
	"With any other prefix they are below it, the configuration in\n.IR etc/relevo .\n"
	".SH \"EXIT STATUS\"\n"
	".TP\n.B 0\nIt stopped as it was asked to.\n"
	".TP\n.B 1\nIt could not start, for example because the port is taken.\n"
	".TP\n.B 2\nThe configuration is not valid; one line on standard error says why.\n"
	".SH \"SEE ALSO\"\n"
	".BR systemd.service (5),\n"
	".BR redis\\-server (1),\n"
	".BR mariadbd (8)\n";

/* What follows a flag; the types that are missing take one of their words. */
static const char *const arguments[OPTION_TYPES] = {
	[OPTION_LISTEN] = "address:port", [OPTION_MYSQL] = "url",	  [OPTION_REDIS] = "url",
	[OPTION_INSTANCE] = "name",	  [OPTION_DURATION] = "duration", [OPTION_SIZE] = "size",
	[OPTION_COUNT] = "number",	  [OPTION_THREADS] = "number",	  [OPTION_TOKENS] = "file",
	[OPTION_FOLDER] = "folder",	  [OPTION_ORIGINS] = "origins",
};

/* A line may end in front of a bracket: the shape of a URL can be wider than the page. */
static void put_roff(const char *text, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '[' && i > 0)
			fputs("\\:", out);
		if (text[i] == '-' || text[i] == '\\')
			fputs(text[i] == '-' ? "\\-" : "\\e", out);
		else
			fputc(text[i], out);
	}
}

/* In the font of that letter. */
static void put_font(char font, const char *text, FILE *out)
{
	fprintf(out, "\\f%c", font);
	put_roff(text, strlen(text), out);
	fputs("\\fR", out);
}

/* Short lines, each sentence on lines of its own, as the formatter wants it to tell where one ends.
 * A full stop or an apostrophe in front of a line would make it a request. */
static void put_filled(const char *text, FILE *out)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > 0 && column + 1 + len > LINE_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column > 0)
			fputc(' ', out);
		else if (*text == '.' || *text == '\'')
			fputs("\\&", out);
		put_roff(text, len, out);
		column += 1 + len;
		if (len > 0 && text[len - 1] == '.' && text[len] == ' ') {
			fputc('\n', out);
			column = 0;
		}
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void put_head(const struct option_row *row, FILE *out)
{
	char flag[OPTION_FLAG_SIZE];

	option_flag(row, flag);
	fputs(".TP\n", out);
	put_font('B', flag, out);
	fputc(' ', out);
	if (arguments[row->type])
		put_font('I', arguments[row->type], out);
	for (int i = 0; row->words[i]; i++) {
		if (i > 0)
			fputc('|', out);
		put_font('B', row->words[i], out);
	}
	fputs(", ", out);
	put_font('B', row->variable, out);
	fputc('\n', out);
}

void options_print_manual(FILE *out)
{
	fputs(front, out);
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];
		char accepted[160], line[192];

		put_head(row, out);
		put_filled(row->prose, out);
		option_accepted(row, accepted, sizeof(accepted));
		snprintf(line, sizeof(line), "Accepted: %s.", accepted);
		fputs(".br\n", out);
		put_filled(line, out);
		snprintf(line, sizeof(line), "Default: %s.", option_default(row));
		fputs(".br\n", out);
		put_filled(line, out);
	}
	fputs(back, out);
}
