/* clients.c - open connections and their deadlines. */
#include "clients.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

struct client {
	/* owned by the connection's MHD thread, read by the reaper */
	atomic_int phase;
	_Atomic int64_t since_ms;
	/* shared: hold clients->lock */
	struct client *next, *previous;
	int fd;
};

struct clients {
	pthread_t reaper;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* shared: hold lock */
	bool stop;
	struct client head; /* of a ring */
	size_t count;
};

/* MHD closes the socket after it told us, so under the lock the descriptor is still this client's.
 */
static void shut(const struct client *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

/* The other side has said its last, and left nothing to be read. */
static bool hung_up(const struct client *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void reap(struct clients *all, int64_t now_ms)
{
	for (struct client *c = all->head.next; c != &all->head; c = c->next) {
		int phase = atomic_load_explicit(&c->phase, memory_order_acquire);
		int64_t age = now_ms - atomic_load_explicit(&c->since_ms, memory_order_relaxed);

		if (((phase == CLIENT_NEW || phase == CLIENT_RECEIVING) &&
		     age >= RECEIVE_SECONDS * 1000) ||
		    (phase == CLIENT_IDLE && (age >= IDLE_SECONDS * 1000 || hung_up(c))))
			shut(c);
	}
}

static void *reaper_main(void *arg)
{
	struct clients *all = arg;

	PTOK(pthread_mutex_lock(&all->lock));
	while (!all->stop) {
		thread_cond_wait_until(&all->wake, &all->lock, clock_mono_ms() + 1000);
		reap(all, clock_mono_ms());
	}
	PTOK(pthread_mutex_unlock(&all->lock));
	return NULL;
}

struct clients *clients_new(void)
{
	struct clients *c = mem_zero(1, sizeof *c);

	c->head.next = c->head.previous = &c->head;
	PTOK(pthread_mutex_init(&c->lock, NULL));
	thread_cond_init(&c->wake);
	c->reaper = thread_start("http-reaper", reaper_main, c);
	return c;
}

void clients_free(struct clients **c)
{
	struct clients *all = *c;

	if (all == NULL)
		return;
	PTOK(pthread_mutex_lock(&all->lock));
	all->stop = true;
	PTOK(pthread_cond_signal(&all->wake));
	PTOK(pthread_mutex_unlock(&all->lock));
	PTOK(pthread_join(all->reaper, NULL));
	PTOK(pthread_cond_destroy(&all->wake));
	PTOK(pthread_mutex_destroy(&all->lock));
	free(all);
	*c = NULL;
}

static struct client *client_new(struct clients *all, int fd)
{
	struct client *c = mem_zero(1, sizeof *c);
	unsigned stuck_ms = RECEIVE_SECONDS * 1000;

	/* A client that takes nothing of an answer for so long is cut by the kernel. */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stuck_ms, sizeof stuck_ms);
	c->fd = fd;
	client_phase(c, CLIENT_NEW, clock_mono_ms());
	PTOK(pthread_mutex_lock(&all->lock));
	c->next = all->head.next;
	c->previous = &all->head;
	c->next->previous = c->previous->next = c;
	all->count++;
	PTOK(pthread_mutex_unlock(&all->lock));
	return c;
}

static void client_gone(struct clients *all, struct client *c)
{
	PTOK(pthread_mutex_lock(&all->lock));
	c->next->previous = c->previous;
	c->previous->next = c->next;
	all->count--;
	PTOK(pthread_mutex_unlock(&all->lock));
	free(c);
}

void clients_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
		    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*socket_context != NULL)
			client_gone(cls, *socket_context);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*socket_context = client_new(cls, info->connect_fd);
}

struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

void client_phase(struct client *client, enum client_phase phase, int64_t now_ms)
{
	if (client == NULL)
		return;
	if (phase != CLIENT_SERVED && phase != CLIENT_SENDING)
		atomic_store_explicit(&client->since_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(&client->phase, (int)phase, memory_order_release);
}

/* When we have to have done something about it; -1: it is up to the client. */
static int64_t due_ms(enum client_phase phase)
{
	switch (phase) {
	case CLIENT_NEW:
	case CLIENT_RECEIVING:
		return RECEIVE_SECONDS * 1000;
	case CLIENT_IDLE:
		return IDLE_SECONDS * 1000;
	case CLIENT_SERVED: /* counted from its request line: the body may have been slow */
		return 0;
	case CLIENT_SENDING:
	case CLIENT_ENDED:
		break;
	}
	return -1;
}

size_t clients_stuck(struct clients *all, int64_t now_ms, int64_t patience_ms)
{
	size_t stuck = 0;

	PTOK(pthread_mutex_lock(&all->lock));
	for (struct client *c = all->head.next; c != &all->head; c = c->next) {
		int phase = atomic_load_explicit(&c->phase, memory_order_acquire);
		int64_t age = now_ms - atomic_load_explicit(&c->since_ms, memory_order_relaxed);
		int64_t due = due_ms((enum client_phase)phase);

		stuck += due >= 0 && age >= due + patience_ms;
	}
	PTOK(pthread_mutex_unlock(&all->lock));
	return stuck;
}

size_t clients_count(struct clients *all)
{
	PTOK(pthread_mutex_lock(&all->lock));
	size_t count = all->count;
	PTOK(pthread_mutex_unlock(&all->lock));
	return count;
}

/* No request comes on it any more. A connection that was just made is about to send one, and one
 * that was just answered may be sent the next one at this very moment: a load balancer that keeps
 * it takes the answered last first, so what idled a while is not about to be used. */
static bool unused(const struct client *c, int64_t now_ms)
{
	int phase = atomic_load_explicit(&c->phase, memory_order_acquire);
	int64_t age = now_ms - atomic_load_explicit(&c->since_ms, memory_order_relaxed);

	char byte;

	if (!(phase == CLIENT_IDLE && age >= LULL_MS) && !(phase == CLIENT_NEW && age >= GRACE_MS))
		return false;
	/* It may be here, and not read yet. */
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

size_t clients_close_unused(struct clients *all, int64_t now_ms)
{
	PTOK(pthread_mutex_lock(&all->lock));
	size_t count = 0;
	for (struct client *c = all->head.next; c != &all->head; c = c->next) {
		count += atomic_load_explicit(&c->phase, memory_order_acquire) != CLIENT_ENDED;
		if (unused(c, now_ms))
			shut(c);
	}
	PTOK(pthread_mutex_unlock(&all->lock));
	return count;
}
