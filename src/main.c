/* main.c - boot and shutdown, in order. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "relevo/clock.h"
#include "relevo/db.h"
#include "relevo/http.h"
#include "relevo/log.h"
#include "relevo/notify.h"
#include "relevo/options.h"
#include "relevo/plant.h"
#include "relevo/store.h"
#include "relevo/thread.h"

#define LOAD_MS	   10000
#define QUIESCE_MS 5000

#define TIMEOUTS_IN_A_ROW 20 /* no request meets more */

#define EXIT_USAGE 2

extern char **environ;

/* Before any thread, so that all threads leave signals to sigwait in main. */
static sigset_t block_signals(void)
{
	const int taken[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		sigaddset(&set, taken[i]);
	PTOK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	sigaction(SIGPIPE, &ignore, NULL);
	return set;
}

struct run {
	const struct options *options;
	const sigset_t *signals;
	struct http *http;
	struct notify *notify;
	char status[160];    /* for the service manager */
	int64_t alive_at_ms; /* clock_mono_ms() of the next keepalive */
};

/* A keepalive means that nobody waits in vain. What the servers may take is no hang: a write may
 * meet several time-outs in a row. */
static void tell_alive(struct run *r)
{
	const struct options *o = r->options;
	int64_t servers_ms = TIMEOUTS_IN_A_ROW * (o->mysql_timeout_ms + o->redis_timeout_ms);

	if (http_makes_progress(r->http, notify_watchdog_ms(r->notify) + servers_ms))
		notify_alive(r->notify);
}

/* The next signal, or 0 when a keepalive is due: signals do not put it off. */
static int next_signal(struct run *r)
{
	int64_t period = notify_period_ms(r->notify);

	for (;;) {
		int64_t ms = r->alive_at_ms - clock_mono_ms();
		struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

		if (period > 0 && ms <= 0) {
			r->alive_at_ms = clock_mono_ms() + period;
			return 0;
		}
		int number = sigtimedwait(r->signals, NULL, period > 0 ? &wait : NULL);
		if (number > 0)
			return number;
	}
}

static void serve_until_stopped(struct run *r)
{
	for (;;) {
		int number = next_signal(r);

		switch (number) {
		case 0:
			tell_alive(r);
			break;
		case SIGUSR1:
			log_info(TAG_MAIN, "debug logging is %s",
				 log_toggle_debug() ? "on" : "off");
			break;
		case SIGHUP:
			notify_reloading(r->notify);
			http_reload(r->http);
			notify_ready(r->notify, r->status);
			break;
		default:
			log_info(TAG_MAIN, "stopping on %s",
				 number == SIGTERM ? "SIGTERM" : "SIGINT");
			return;
		}
	}
}

/* Until the delay is over or a second signal asks for more haste. */
static void let_balancers_move_on(struct http *http, int64_t delay_ms)
{
	int64_t until = clock_mono_ms() + delay_ms;
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	http_announce_stop(http);
	for (int64_t left = delay_ms; left > 0; left = until - clock_mono_ms()) {
		struct timespec wait = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

		if (sigtimedwait(&stop, NULL, &wait) > 0)
			return;
	}
}

static void say_url(struct run *r)
{
	const struct listen_address *at = &r->options->listen;

	snprintf(r->status, sizeof(r->status), "listening on http://%s%s%s:%u", at->ipv6 ? "[" : "",
		 at->host, at->ipv6 ? "]" : "", http_port(r->http));
	log_info(TAG_MAIN, "%s", r->status);
	notify_ready(r->notify, r->status);
}

static int run(const struct options *o, const sigset_t *signals)
{
	struct store *store = store_new(o);
	struct run r = { .options = o, .signals = signals };
	struct err e = ERR_INIT;
	int status = EXIT_FAILURE;

	r.notify = notify_new(environ, getpid());
	store_start(store);
	store_wait_loaded(store, clock_mono_ms() + LOAD_MS);
	if (http_start(&r.http, o, store, &e) == ERR_NONE) {
		say_url(&r);
		serve_until_stopped(&r);
		notify_stopping(r.notify);
		let_balancers_move_on(r.http, o->stop_delay_ms);
		http_quiesce(r.http, clock_mono_ms() + QUIESCE_MS);
		status = EXIT_SUCCESS;
	} else {
		log_error(TAG_MAIN, "%s", e.text);
	}
	store_stop(store);
	http_free(&r.http);
	store_free(&store);
	notify_free(&r.notify);
	log_info(TAG_MAIN, "stopped");
	return status;
}

static int boot(const struct options *o)
{
	sigset_t signals = block_signals();
	int status;

	log_init(o->log_level, o->log_json);
	(void)planted(PLANT_NONE); /* a planted build says which bug it has, or ends */
	json_object_seed(0);
	db_library_init();
	status = run(o, &signals);
	db_library_end();
	return status;
}

static int act(const struct options *o, enum options_action action)
{
	switch (action) {
	case OPTIONS_HELP:
		options_print_help(stdout);
		return EXIT_SUCCESS;
	case OPTIONS_VERSION:
		puts("relevod " RELEVO_VERSION);
		return EXIT_SUCCESS;
	case OPTIONS_CHECK:
		puts("configuration is valid");
		return EXIT_SUCCESS;
	case OPTIONS_PRINT:
		options_print(o, stdout);
		return EXIT_SUCCESS;
	case OPTIONS_MANUAL:
		options_print_manual(stdout);
		return EXIT_SUCCESS;
	case OPTIONS_RUN:
		break;
	}
	return boot(o);
}

int main(int argc, char **argv)
{
	enum options_action action = OPTIONS_RUN;
	struct options o = { .instance = NULL };
	struct err e = ERR_INIT;
	int status;

	if (options_load(&o, argc, argv, environ, &action, &e) != ERR_NONE) {
		fprintf(stderr, "relevod: %s\n", e.text);
		return EXIT_USAGE;
	}
	status = act(&o, action);
	options_free(&o);
	return status;
}
