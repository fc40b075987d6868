/* publisher.c - keeps `items:cache` in step with the mirror, within the publish budget.
 *
 * While the budget lasts a write is answered only after a snapshot that holds it is out; one
 * publish serves every write that waits. When it is used up writes are answered at once and the
 * snapshot follows as fast as the budget allows; sooner, if little of it changed: then only that
 * is sent.
 */
#include "store_private.h"

#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"

#define TICK_MS 250
/* Without budget one snapshot follows the other at this distance at least. */
#define PACE_MS 100
/* A snapshot that another instance owes is taken over after this long. */
#define TAKE_OVER_MS 1000
/* So many entries of mere state may follow the snapshot before it is published again, which trims
 * the log. */
#define STATE_ENTRIES 500

void publisher_init(struct publisher *p, struct store *s)
{
	*p = (struct publisher){ .store = s };
	p->tokens = (double)s->options->publish_budget;
	p->tokens_at_us = clock_mono_us();
	PTOK(pthread_mutex_init(&p->lock, NULL));
	thread_cond_init(&p->work);
}

void publisher_destroy(struct publisher *p)
{
	PTOK(pthread_cond_destroy(&p->work));
	PTOK(pthread_mutex_destroy(&p->lock));
}

/* Hold the lock. */
static double tokens_now(struct publisher *p)
{
	double budget = (double)p->store->options->publish_budget;
	int64_t now = clock_mono_us();
	p->tokens += budget * (double)(now - p->tokens_at_us) / 1e6;
	if (p->tokens > budget)
		p->tokens = budget;
	p->tokens_at_us = now;
	return p->tokens;
}

static bool budget_left(struct publisher *p)
{
	PTOK(pthread_mutex_lock(&p->lock));
	bool left = tokens_now(p) > 0;
	PTOK(pthread_mutex_unlock(&p->lock));
	return left;
}

void publisher_wrote(struct publisher *p, uint64_t seq)
{
	PTOK(pthread_mutex_lock(&p->lock));
	/* Unless it knows already that it owes a snapshot. */
	if (p->own_seq <= p->published && seq > p->published)
		PTOK(pthread_cond_signal(&p->work));
	if (seq > p->own_seq)
		p->own_seq = seq;
	PTOK(pthread_mutex_unlock(&p->lock));
}

/* Is a snapshot for this job worth waiting for? Hold the lock. */
static bool awaited(struct publisher *p, const struct job *j, bool same_epoch, double size)
{
	return (!same_epoch || j->wait_seq > p->published) && !p->stop && tokens_now(p) >= size &&
	       circuit_up(p->store->redis);
}

bool publisher_in_step(struct publisher *p)
{
	struct mirror_counts counts;
	mirror_counts(p->store->mirror, &counts);
	PTOK(pthread_mutex_lock(&p->lock));
	bool left = tokens_now(p) >= (double)counts.snapshot_bytes;
	PTOK(pthread_mutex_unlock(&p->lock));
	return left;
}

void publisher_finish(struct publisher *p, struct job *list)
{
	struct mirror_counts counts;
	struct job *now = NULL;
	mirror_counts(p->store->mirror, &counts);
	struct mirror_position at = mirror_position(p->store->mirror);
	PTOK(pthread_mutex_lock(&p->lock));
	bool same_epoch = strcmp(p->epoch, at.epoch) == 0;
	for (struct job *next; list != NULL; list = next) {
		next = list->next;
		/* A position beyond the mirror's is of an epoch that ended. */
		if (list->wait_seq != 0 && list->wait_seq <= at.seq &&
		    awaited(p, list, same_epoch, (double)counts.snapshot_bytes)) {
			list->next = NULL;
			if (p->waiting_last != NULL)
				p->waiting_last->next = list;
			else
				p->waiting = list;
			p->waiting_last = list;
			PTOK(pthread_cond_signal(&p->work));
		} else {
			list->next = now;
			now = list;
		}
	}
	PTOK(pthread_mutex_unlock(&p->lock));
	for (struct job *next; now != NULL; now = next) {
		next = now->next;
		job_finish(p->store, now);
	}
}

void publisher_stop(struct publisher *p)
{
	PTOK(pthread_mutex_lock(&p->lock));
	p->stop = true;
	PTOK(pthread_cond_signal(&p->work));
	PTOK(pthread_mutex_unlock(&p->lock));
}

/* Finish the waiting jobs up to `seq`. */
static void release(struct publisher *p, uint64_t seq)
{
	struct job *out = NULL, *kept = NULL, *kept_last = NULL;
	PTOK(pthread_mutex_lock(&p->lock));
	for (struct job *j = p->waiting, *next; j != NULL; j = next) {
		next = j->next;
		j->next = NULL;
		if (j->wait_seq <= seq) {
			j->next = out;
			out = j;
		} else if (kept == NULL) {
			kept = kept_last = j;
		} else {
			kept_last->next = j;
			kept_last = j;
		}
	}
	p->waiting = kept;
	p->waiting_last = kept_last;
	PTOK(pthread_mutex_unlock(&p->lock));
	for (struct job *next; out != NULL; out = next) {
		next = out->next;
		job_finish(p->store, out);
	}
}

static void note_published(struct publisher *p, const struct published *what)
{
	PTOK(pthread_mutex_lock(&p->lock));
	if (what->seq > p->published)
		p->published = what->seq;
	p->generation = what->generation;
	double tokens = tokens_now(p);
	bool whole = tokens > 0 && what->whole > what->sent;
	p->tokens = tokens - (double)(whole ? what->whole : what->sent);
	p->next_ms = clock_mono_ms() + PACE_MS;
	PTOK(pthread_mutex_unlock(&p->lock));
}

/* How much the next snapshot may send; without budget what refills until the one after it. */
static size_t may_send(struct publisher *p)
{
	if (budget_left(p))
		return SIZE_MAX;
	return (size_t)(p->store->options->publish_budget * PACE_MS / 1000);
}

static void wait_a_pace(struct publisher *p)
{
	PTOK(pthread_mutex_lock(&p->lock));
	p->next_ms = clock_mono_ms() + PACE_MS;
	PTOK(pthread_mutex_unlock(&p->lock));
}

/* What went out in vain counts too. */
static void charge(struct publisher *p, size_t sent)
{
	PTOK(pthread_mutex_lock(&p->lock));
	p->tokens = tokens_now(p) - (double)sent;
	PTOK(pthread_mutex_unlock(&p->lock));
	atomic_fetch_add_explicit(&p->store->publish_sent, sent, memory_order_relaxed);
}

/* One try, and a second one that sends all if Redis has another snapshot than we think. */
static enum err_code try_publish(struct publisher *p, struct mirror_view *v, size_t most,
				 struct published *out, struct err *e)
{
	struct mirror *m = p->store->mirror;
	enum err_code code = changelog_publish(p->redis, m, v, &p->last, most, out, e);
	if (code != ERR_NOT_FOUND)
		return code;
	err_clear(e);
	charge(p, out->sent);
	return changelog_publish(p->redis, m, v, &p->last, may_send(p), out, e);
}

/* One publish of the present state, of at most `most` bytes. False: Redis does not take it now. */
static bool publish_once(struct publisher *p, size_t most)
{
	struct store *s = p->store;
	struct err e = ERR_INIT;
	struct published what = { 0 };
	struct mirror_view *v =
		mirror_view_logged(s->mirror, clock_mono_ms() + s->options->redis_timeout_ms);
	enum err_code code = ERR_STALE;
	/* A snapshot must be the log up to its position and nothing else. */
	bool exact = !mirror_view_unlogged(v) && mirror_view_position(v).epoch[0] != '\0';
	if (exact)
		code = try_publish(p, v, most, &what, &e);
	mirror_view_unref(&v);
	if (exact && code == ERR_STALE) { /* a later one is there, by another instance */
		snapshot_free(&p->last);
		charge(p, what.sent);
		what.whole = what.sent = 0;
		code = ERR_NONE;
	}
	if (code == ERR_NONE) {
		note_published(p, &what);
		atomic_fetch_add_explicit(&s->publishes, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&s->publish_bytes, what.whole, memory_order_relaxed);
		atomic_fetch_add_explicit(&s->publish_sent, what.sent, memory_order_relaxed);
		release(p, what.seq); /* who is answered finds it counted */
		return true;
	}
	if (code == ERR_BUSY) {
		wait_a_pace(p);
		return true;
	}
	if (e.code != ERR_NONE)
		store_redis_failed(s, p->redis, &e);
	return false;
}

/* When the next snapshot may go: now, while the budget lasts. Hold the lock. */
static int64_t may_publish_ms(struct publisher *p)
{
	int64_t now = clock_mono_ms();
	double tokens = tokens_now(p),
	       missing_s = -tokens / (double)p->store->options->publish_budget;
	int64_t refilled = tokens > 0 ? now : now + 1 + (int64_t)(missing_s * 1000);
	return refilled < p->next_ms ? refilled : p->next_ms;
}

/* Wait for something to publish; the epoch's start forgets what was published before it. */
static bool wait_for_work(struct publisher *p, bool *urgent)
{
	int64_t until = clock_mono_ms() + TICK_MS;
	*urgent = false;
	PTOK(pthread_mutex_lock(&p->lock));
	while (!p->stop && !*urgent && clock_mono_ms() < until) {
		bool owed = p->own_seq > p->published || p->waiting != NULL;
		int64_t wake = owed ? may_publish_ms(p) : until;
		*urgent = wake <= clock_mono_ms();
		if (!*urgent)
			thread_cond_wait_until(&p->work, &p->lock, wake < until ? wake : until);
	}
	bool go = !p->stop;
	PTOK(pthread_mutex_unlock(&p->lock));
	return go;
}

/* Somebody else's changes: their instance publishes them, unless it died. */
static bool overdue(struct publisher *p, int64_t *behind_since)
{
	struct err e = ERR_INIT;
	uint64_t snapshot = 0;
	struct mirror_counts counts;
	uint64_t position = mirror_position(p->store->mirror).seq;
	mirror_counts(p->store->mirror, &counts);
	/* Entries that only carry the system's state do not change the snapshot. */
	if (position <= p->published + (counts.generation == p->generation ? STATE_ENTRIES : 0)) {
		*behind_since = 0;
		return false;
	}
	if (changelog_snapshot_seq(p->redis, &snapshot, &e) != ERR_NONE) {
		store_redis_failed(p->store, p->redis, &e);
		return false;
	}
	if (snapshot >= position) {
		snapshot_free(&p->last);
		note_published(
			p, &(struct published){ .seq = position, .generation = counts.generation });
		*behind_since = 0;
		return false;
	}
	if (*behind_since == 0)
		*behind_since = clock_mono_ms();
	return clock_mono_ms() - *behind_since >= TAKE_OVER_MS && budget_left(p);
}

/* In a new epoch positions start again. True: jobs that wait for one of the old epoch are served
 * by whatever is published next. */
static bool new_epoch(struct publisher *p)
{
	struct mirror_position at = mirror_position(p->store->mirror);
	PTOK(pthread_mutex_lock(&p->lock));
	bool changed = strcmp(at.epoch, p->epoch) != 0;
	if (changed) {
		memcpy(p->epoch, at.epoch, EPOCH_SIZE);
		p->published = 0;
		p->own_seq = at.seq;
	}
	PTOK(pthread_mutex_unlock(&p->lock));
	return changed;
}

void *publisher_main(void *arg)
{
	struct publisher *p = arg;
	struct store *s = p->store;
	int64_t behind_since = 0;
	uint64_t switches = 0;
	bool urgent = false;
	p->redis = redis_new(&s->options->redis, s->options->redis_timeout_ms, "publisher");
	while (wait_for_work(p, &urgent)) {
		struct err e = ERR_INIT;
		if (switches != circuit_switches(s->redis))
			redis_drop(p->redis);
		switches = circuit_switches(s->redis);
		if (!circuit_up(s->redis) || redis_ready(p->redis, &e) != ERR_NONE) {
			if (e.code != ERR_NONE)
				store_redis_failed(s, p->redis, &e);
			release(p, UINT64_MAX);
			snapshot_free(&p->last);
			(void)circuit_wait_up(s->redis, clock_mono_ms() + TICK_MS);
			continue;
		}
		bool fresh = new_epoch(p);
		bool published = !(urgent || fresh || overdue(p, &behind_since)) ||
				 publish_once(p, fresh ? SIZE_MAX : may_send(p));
		if (fresh || !published)
			release(p, UINT64_MAX);
		if (!published) {
			/* The follower puts it right; look again in a moment. */
			thread_pause(&p->lock, &p->work, 20);
		}
	}
	release(p, UINT64_MAX);
	snapshot_free(&p->last);
	redis_free(&p->redis);
	return NULL;
}
