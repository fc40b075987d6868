/* circuit.c - is a server usable? Closed by the probe, opened by whoever saw it fail. */
#include "relevo/circuit.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

struct circuit {
	char *name;
	enum log_tag tag;
	void (*wake)(void *ctx); /* set before threads start */
	void *ctx;
	atomic_bool up;			  /* written with lock held, read by anyone */
	atomic_uint_least64_t switches;	  /* likewise */
	atomic_int_least64_t switched_ms; /* likewise */
	atomic_int_least64_t probed_ms;
	pthread_mutex_t lock;
	pthread_cond_t switched;
};

struct circuit *circuit_new(const char *name, enum log_tag tag)
{
	struct circuit *c = mem_zero(1, sizeof(*c));

	c->name = mem_string(name);
	c->tag = tag;
	atomic_init(&c->up, false);
	atomic_init(&c->switches, 0);
	atomic_init(&c->switched_ms, 0);
	atomic_init(&c->probed_ms, -1);
	PTOK(pthread_mutex_init(&c->lock, NULL));
	thread_cond_init(&c->switched);
	return c;
}

void circuit_free(struct circuit **c)
{
	if (!*c)
		return;
	PTOK(pthread_cond_destroy(&(*c)->switched));
	PTOK(pthread_mutex_destroy(&(*c)->lock));
	free((*c)->name);
	free(*c);
	*c = NULL;
}

bool circuit_up(const struct circuit *c)
{
	return atomic_load_explicit(&c->up, memory_order_acquire);
}

uint64_t circuit_switches(const struct circuit *c)
{
	return atomic_load_explicit(&c->switches, memory_order_acquire);
}

int64_t circuit_switched_ms(const struct circuit *c)
{
	return atomic_load_explicit(&c->switched_ms, memory_order_acquire);
}

void circuit_probed(struct circuit *c, int64_t asked_ms)
{
	atomic_store_explicit(&c->probed_ms, asked_ms, memory_order_release);
}

int64_t circuit_probed_ms(const struct circuit *c)
{
	return atomic_load_explicit(&c->probed_ms, memory_order_acquire);
}

/* True if this call switched it: from what it was after `seen` switches, if that is given. */
static bool turn(struct circuit *c, bool up, const uint64_t *seen)
{
	bool changed;

	if (circuit_up(c) == up)
		return false;
	PTOK(pthread_mutex_lock(&c->lock));
	changed = atomic_load(&c->up) != up && (seen == NULL || atomic_load(&c->switches) == *seen);
	if (changed) {
		atomic_store(&c->up, up);
		atomic_fetch_add(&c->switches, 1);
		atomic_store(&c->switched_ms, clock_mono_ms());
		PTOK(pthread_cond_broadcast(&c->switched));
	}
	PTOK(pthread_mutex_unlock(&c->lock));
	return changed;
}

void circuit_trip(struct circuit *c, const char *why)
{
	if (!turn(c, false, NULL))
		return;
	log_warn(c->tag, "%s is down: %s", c->name, why);
	if (c->wake)
		c->wake(c->ctx);
}

void circuit_close(struct circuit *c, uint64_t seen)
{
	if (!turn(c, true, &seen))
		return;
	log_info(c->tag, "%s is up", c->name);
	if (c->wake)
		c->wake(c->ctx);
}

bool circuit_wait_up(struct circuit *c, int64_t deadline_ms)
{
	uint64_t seen;
	bool up;

	PTOK(pthread_mutex_lock(&c->lock));
	seen = atomic_load(&c->switches);
	while (!atomic_load(&c->up) && atomic_load(&c->switches) == seen) {
		if (!thread_cond_wait_until(&c->switched, &c->lock, deadline_ms))
			break;
	}
	up = atomic_load(&c->up);
	PTOK(pthread_mutex_unlock(&c->lock));
	return up;
}

void circuit_on_switch(struct circuit *c, void (*wake)(void *ctx), void *ctx)
{
	c->wake = wake;
	c->ctx = ctx;
}
