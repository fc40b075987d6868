/* options_manual.c - the manual page relevod(8), from the options table. */
#include <string.h>

#include "options_table.h"

#define WRITTEN "2026-11-28" /* when the prose below last changed */

static const char front[] =
	".TH RELEVOD 8 " WRITTEN " \"relevo " RELEVO_VERSION "\" \"relevo\"\n"
	".SH NAME\n"
	"relevod \\- keep a MySQL table readable and writable while MySQL is down\n"
	".SH SYNOPSIS\n"
	".B relevod\n"
	".RI [ \\-\\-option\\ value ]...\n"
	".SH DESCRIPTION\n"
	".B relevod\n"
	"puts an HTTP/JSON API in front of a MySQL table.\n"
	"MySQL is the source of truth.\n"
	"Redis holds a cache of the table, the cache's hash, and the operations that wait for\n"
	"MySQL: while MySQL is down, reads come from the cache and writes are queued, and what\n"
	"was queued is applied when MySQL is back.\n"
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
	"It hears nothing while a request has waited too long for one of the daemon's threads.\n"
	".SH \"EXIT STATUS\"\n"
	".TP\n.B 0\nIt stopped as it was asked to.\n"
	".TP\n.B 1\nIt could not start, for example because the port is taken.\n"
	".TP\n.B 2\nThe configuration is not valid; one line on standard error says why.\n"
	".SH \"SEE ALSO\"\n"
	".BR systemd.service (5),\n"
	".BR redis\\-server (1),\n"
	".BR mariadbd (8)\n";

/* Behind a macro's line begin, so a full stop or an apostrophe in front would be a request. */
static void put_roff(const char *text, FILE *out)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			fputs(*text == '-' ? "\\-" : "\\e", out);
		else
			fputc(*text, out);
	}
}

/* Each sentence on a line of its own, as the formatter wants it to tell where one ends. */
static void put_sentences(const char *text, FILE *out)
{
	const char *end;

	while ((end = strstr(text, ". ")) != NULL) {
		char sentence[512];
		int len = (int)(end + 1 - text);

		snprintf(sentence, sizeof(sentence), "%.*s", len, text);
		put_roff(sentence, out);
		fputc('\n', out);
		text = end + 2;
	}
	put_roff(text, out);
	fputc('\n', out);
}

void options_print_manual(FILE *out)
{
	fputs(front, out);
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];
		char flag[OPTION_FLAG_SIZE], accepted[160];

		option_flag(row, flag);
		option_accepted(row, accepted, sizeof(accepted));
		fputs(".TP\n.BR ", out);
		put_roff(flag, out);
		fprintf(out, " \", \" %s\n", row->variable);
		put_sentences(row->prose, out);
		fputs(".br\nAccepted: ", out);
		put_roff(accepted, out);
		fputs(".\n.br\nDefault: ", out);
		put_roff(option_default(row), out);
		fputs(".\n", out);
	}
	fputs(back, out);
}
