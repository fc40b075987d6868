/* events.c - GET /events: one observer, many listeners. */
#include "events.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "answer.h"
#include "documents.h"
#include "handlers.h"
#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/thread.h"
#include "sse.h"

#define TICK_MS	     100
#define HEARTBEAT_MS 9000  /* 10 s are promised */
#define STUCK_MS     10000 /* with nothing taken */
#define HURRY_MS     500   /* the same when streams have to end */
#define BLOCK_SIZE   1024
#define SOCKET_BYTES 16384 /* that the kernel may keep unsent, it takes twice that */

struct listener {
	struct events *events;
	struct MHD_Connection *connection;
	int fd; /* MHD's, open as long as the listener is in the ring */
	/* owned by the connection's MHD thread */
	struct sse_message *message; /* being sent; owned */
	size_t sent;
	uint64_t seen; /* number of the last message taken */
	/* shared: hold events->lock */
	struct listener *next, *previous;
	uint64_t era;
	uint64_t acked;	  /* bytes that the client took */
	int64_t still_ms; /* since when it took no more, though there were some */
	bool waiting;	  /* suspended until something is there for it */
	bool gone;	  /* its client went away */
};

/* Connections, not listeners: these may be gone as soon as they are resumed. */
struct released {
	struct MHD_Connection **at; /* room for `limit` */
	size_t count;
};

struct events {
	const struct http *http;
	size_t limit;
	uint64_t run; /* makes ids of this daemon its own */
	pthread_t observer;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* shared: hold lock */
	struct listener head; /* of a ring */
	size_t count;
	struct sse_message *newest; /* NULL: nobody has listened lately; owned */
	uint64_t era;		    /* streams of an earlier one end */
	bool hurry;		    /* the observer is to look now */
	bool stop_asked;	    /* streams are to end after a message that says so */
	uint64_t farewell;	    /* its number; 0: none yet */
	bool dead;
	/* owned by the observer */
	struct buf data, candidate; /* of the last message, and of the next one perhaps */
	int64_t uptime_s;	    /* in `data` */
	int64_t published_ms;
	uint64_t number;
	struct pollfd *polled;	   /* room for `limit` */
	struct listener **watched; /* whose they are */
	struct released released;
};

/* --- who is to be resumed --- */

/* Under the lock. */
static void release(struct listener *l, struct released *to)
{
	l->waiting = false;
	to->at[to->count++] = l->connection;
}

/* Under the lock. */
static void release_all(struct events *e, struct released *to)
{
	for (struct listener *l = e->head.next; l != &e->head; l = l->next)
		if (l->waiting)
			release(l, to);
}

/* Without the lock. */
static void resume(struct released *r)
{
	for (size_t i = 0; i < r->count; i++)
		MHD_resume_connection(r->at[i]);
	r->count = 0;
}

/* --- the observer --- */

static void render(const struct http *http, int64_t uptime_s, struct buf *out)
{
	buf_reset(out);
	buf_puts(out, "{\"health\":");
	health_render(http, uptime_s, out);
	buf_puts(out, ",\"sync\":");
	sync_status_render(http, out);
	buf_putc(out, '}');
}

/* Does anything but the uptime differ from the last message? */
static bool changed(struct events *e)
{
	render(e->http, e->uptime_s, &e->candidate);
	return e->candidate.len != e->data.len ||
	       memcmp(e->candidate.bytes, e->data.bytes, e->data.len) != 0;
}

static void publish(struct events *e, bool stop)
{
	struct sse_message *m;

	e->uptime_s = http_uptime_s(e->http);
	render(e->http, e->uptime_s, &e->data);
	m = sse_message_new(e->run, ++e->number, "status", e->data.bytes);
	e->published_ms = clock_mono_ms();
	PTOK(pthread_mutex_lock(&e->lock));
	struct sse_message *old = e->newest;
	e->newest = m;
	if (stop && e->farewell == 0)
		e->farewell = m->number;
	release_all(e, &e->released);
	PTOK(pthread_mutex_unlock(&e->lock));
	sse_message_unref(&old);
	resume(&e->released);
}

/* Under the lock. The kernel calls a socket writable only when a third of it is free, so it is
 * asked itself what the client took. */
static bool is_stuck(struct listener *l, int64_t now_ms, int64_t patience_ms)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof info;

	if (getsockopt(l->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return false;
	if ((info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0) ||
	    info.tcpi_bytes_acked != l->acked) {
		l->acked = info.tcpi_bytes_acked;
		l->still_ms = now_ms;
	}
	return now_ms - l->still_ms >= patience_ms;
}

/* Under the lock: MHD shall end it, whatever it is doing with it. */
static void cut(struct listener *l, struct released *to)
{
	l->gone = true;
	if (l->waiting)
		release(l, to);
	else
		shutdown(l->fd, SHUT_RDWR);
}

/* A suspended connection is not read from, so MHD does not see that its client went away. */
static void sweep(struct events *e, int64_t now_ms)
{
	size_t n = 0;

	PTOK(pthread_mutex_lock(&e->lock));
	int64_t patience_ms = e->farewell > 0 ? HURRY_MS : STUCK_MS;
	for (struct listener *l = e->head.next; l != &e->head; l = l->next) {
		if (is_stuck(l, now_ms, patience_ms)) {
			cut(l, &e->released);
		} else if (l->waiting) {
			e->polled[n] = (struct pollfd){ .fd = l->fd, .events = POLLRDHUP };
			e->watched[n++] = l;
		}
	}
	if (n > 0 && poll(e->polled, n, 0) > 0)
		for (size_t i = 0; i < n; i++)
			if (e->polled[i].revents != 0)
				cut(e->watched[i], &e->released);
	PTOK(pthread_mutex_unlock(&e->lock));
	resume(&e->released);
}

static void look(struct events *e, bool first, bool stop, bool said)
{
	int64_t now = clock_mono_ms();

	if (first || (stop && !said) || now - e->published_ms >= HEARTBEAT_MS || changed(e))
		publish(e, stop);
	sweep(e, now);
}

static void *observer_main(void *arg)
{
	struct events *e = arg;

	PTOK(pthread_mutex_lock(&e->lock));
	while (!e->dead) {
		if (e->count == 0 && !e->hurry) {
			sse_message_unref(&e->newest);
			PTOK(pthread_cond_wait(&e->wake, &e->lock));
			continue;
		}
		bool first = e->newest == NULL, stop = e->stop_asked, said = e->farewell > 0;
		int64_t next_ms = clock_mono_ms() + TICK_MS;
		e->hurry = false;
		PTOK(pthread_mutex_unlock(&e->lock));
		look(e, first, stop, said);
		PTOK(pthread_mutex_lock(&e->lock));
		while (!e->hurry && !e->dead && thread_cond_wait_until(&e->wake, &e->lock, next_ms))
			;
	}
	PTOK(pthread_mutex_unlock(&e->lock));
	return NULL;
}

/* --- a listener, seen from its connection --- */

/* Under the lock: what is to be done next for it. */
enum next { NEXT_WAIT, NEXT_MESSAGE, NEXT_END, NEXT_CUT };

static enum next next_of(const struct listener *l)
{
	const struct events *e = l->events;

	if (e->dead || l->gone)
		return NEXT_CUT;
	if (l->era != e->era || (e->farewell > 0 && l->seen >= e->farewell))
		return NEXT_END;
	return e->newest != NULL && e->newest->number > l->seen ? NEXT_MESSAGE : NEXT_WAIT;
}

static enum next take_next(struct listener *l)
{
	struct events *e = l->events;

	PTOK(pthread_mutex_lock(&e->lock));
	enum next next = next_of(l);
	if (next == NEXT_MESSAGE) {
		l->message = sse_message_ref(e->newest);
		l->seen = l->message->number;
		l->sent = 0;
	}
	PTOK(pthread_mutex_unlock(&e->lock));
	return next;
}

/* Suspended before anybody can know that it waits, so that it is not resumed too early. */
static void wait_for_more(struct listener *l)
{
	struct events *e = l->events;
	struct MHD_Connection *connection = l->connection;

	MHD_suspend_connection(connection);
	PTOK(pthread_mutex_lock(&e->lock));
	bool waits = l->waiting = next_of(l) == NEXT_WAIT;
	PTOK(pthread_mutex_unlock(&e->lock));
	if (!waits)
		MHD_resume_connection(connection);
}

/* MHD can send up to `max` more bytes. */
static ssize_t give(void *cls, uint64_t position, char *bytes, size_t max)
{
	struct listener *l = cls;
	size_t n;

	(void)position;
	if (l->message == NULL) {
		switch (take_next(l)) {
		case NEXT_CUT:
			return MHD_CONTENT_READER_END_WITH_ERROR;
		case NEXT_END:
			return MHD_CONTENT_READER_END_OF_STREAM;
		case NEXT_WAIT:
			wait_for_more(l);
			return 0;
		case NEXT_MESSAGE:
			break;
		}
	}
	n = l->message->len - l->sent;
	n = n < max ? n : max;
	memcpy(bytes, l->message->bytes + l->sent, n);
	l->sent += n;
	if (l->sent == l->message->len)
		sse_message_unref(&l->message);
	return (ssize_t)n;
}

/* MHD is done with the stream; the socket is still open. */
static void leave(void *cls)
{
	struct listener *l = cls;
	struct events *e = l->events;

	PTOK(pthread_mutex_lock(&e->lock));
	l->next->previous = l->previous;
	l->previous->next = l->next;
	e->count--;
	PTOK(pthread_mutex_unlock(&e->lock));
	sse_message_unref(&l->message);
	free(l);
}

/* NULL: there are as many as may be. */
static struct listener *join(struct events *e, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct listener *l = mem_zero(1, sizeof *l);

	l->events = e;
	l->connection = connection;
	l->fd = info->connect_fd;
	l->still_ms = clock_mono_ms();
	PTOK(pthread_mutex_lock(&e->lock));
	bool full = e->count >= e->limit;
	if (!full) {
		l->era = e->era;
		l->next = e->head.next;
		l->previous = &e->head;
		l->next->previous = l->previous->next = l;
		e->count++;
		if (e->newest == NULL) {
			e->hurry = true;
			PTOK(pthread_cond_signal(&e->wake));
		}
	}
	PTOK(pthread_mutex_unlock(&e->lock));
	if (!full)
		return l;
	free(l);
	return NULL;
}

/* --- life cycle --- */

struct events *events_new(const struct http *http, size_t limit)
{
	struct events *e = mem_zero(1, sizeof *e);

	e->http = http;
	e->limit = limit;
	e->run = (uint64_t)http->started_wall_us / 1000;
	e->head.next = e->head.previous = &e->head;
	e->polled = mem_zero(limit, sizeof *e->polled);
	e->watched = mem_zero(limit, sizeof *e->watched);
	e->released.at = mem_zero(limit, sizeof(*e->released.at));
	PTOK(pthread_mutex_init(&e->lock, NULL));
	thread_cond_init(&e->wake);
	e->observer = thread_start("http-events", observer_main, e);
	return e;
}

/* By the main thread: what waits has to look again. */
static void wake_all(struct events *e, bool dead)
{
	struct released all = { .at = mem_zero(e->limit, sizeof(*all.at)) };

	PTOK(pthread_mutex_lock(&e->lock));
	e->era++;
	e->dead = dead;
	PTOK(pthread_cond_signal(&e->wake));
	release_all(e, &all);
	PTOK(pthread_mutex_unlock(&e->lock));
	resume(&all);
	free(all.at);
}

void events_renew(struct events *e)
{
	wake_all(e, false);
}

void events_stop(struct events *e)
{
	PTOK(pthread_mutex_lock(&e->lock));
	e->stop_asked = e->hurry = true;
	PTOK(pthread_cond_signal(&e->wake));
	PTOK(pthread_mutex_unlock(&e->lock));
}

void events_end(struct events *e)
{
	if (e == NULL)
		return;
	wake_all(e, true);
	PTOK(pthread_join(e->observer, NULL));
}

void events_free(struct events **e)
{
	struct events *events = *e;

	if (events == NULL)
		return;
	ASSERT(events->count == 0);
	PTOK(pthread_cond_destroy(&events->wake));
	PTOK(pthread_mutex_destroy(&events->lock));
	sse_message_unref(&events->newest);
	buf_free(&events->data);
	buf_free(&events->candidate);
	free(events->polled);
	free(events->watched);
	free(events->released.at);
	free(events);
	*e = NULL;
}

size_t events_count(struct events *e)
{
	PTOK(pthread_mutex_lock(&e->lock));
	size_t count = e->count;
	PTOK(pthread_mutex_unlock(&e->lock));
	return count;
}

size_t events_limit(const struct events *e)
{
	return e->limit;
}

/* --- the handler --- */

/* For HEAD, which never asks for a byte. */
static ssize_t give_nothing(void *cls, uint64_t position, char *bytes, size_t max)
{
	(void)cls;
	(void)position;
	(void)bytes;
	(void)max;
	return MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *stream(struct listener *l)
{
	int bytes = SOCKET_BYTES;
	unsigned never = 0;

	setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	/* The kernel would cut who reads, but little at a time. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &never, sizeof never);
	return mem_check(
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, give, l, leave));
}

enum MHD_Result events_get(struct request *r)
{
	struct MHD_Response *response;
	struct listener *l;

	if (r->method == METHOD_HEAD) {
		response = mem_check(MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE,
								       give_nothing, NULL, NULL));
	} else {
		l = join(r->http->events, r->connection);
		if (l == NULL)
			return answer_problem(r, PROBLEM_LISTENERS, NULL, NULL);
		response = stream(l);
	}
	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, SSE_TYPE);
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	response_header(response, "X-Accel-Buffering", "no");
	return request_answer(r, MHD_HTTP_OK, response);
}
