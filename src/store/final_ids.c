/* final_ids.c - what became of temporary ids, learnt from MySQL in time: when MySQL is away and
 * Redis has lost its memory, nobody else can be asked. */
#include "store_private.h"

#include "relevo/clock.h"
#include "relevo/tables.h"

#define STEP	 5000
#define LEARN_MS 1000

static void learn(void *ctx, struct opid op, int64_t id)
{
	mirror_learn_create(ctx, op, id);
}

/* The log tells of creates that are drained from then on, as long as no part of it is missed. */
bool final_ids_lack(struct store *s)
{
	return atomic_load(&s->final_ids.learnt) != atomic_load(&s->final_ids.gaps);
}

bool final_ids_known(struct store *s)
{
	struct mirror_counts counts;
	if (final_ids_lack(s) || !store_in_step(s))
		return false;
	mirror_counts(s->mirror, &counts);
	return counts.final_ids < MIRROR_FORMER_MAX; /* else the oldest gave way */
}

void final_ids_learn(struct store *s, struct session *session)
{
	struct final_ids *f = &s->final_ids;
	uint64_t gaps = atomic_load(&f->gaps);
	int64_t until = clock_mono_ms() + LEARN_MS;
	size_t count = STEP;
	struct err e = ERR_INIT;
	/* In step after that: the load is over, and what waits is known to wait. */
	if (!final_ids_lack(s) || !store_in_step(s) || !session_mysql(session, s))
		return;
	if (f->learning != gaps)
		f->after = (struct opid){ { 0 } };
	f->learning = gaps;
	while (count == STEP && clock_mono_ms() < until) {
		if (applied_drained_creates(session->db, f->after, STEP, learn, s->mirror,
					    &f->after, &count, &e) != ERR_NONE) {
			store_mysql_failed(s, session->db, &e);
			return;
		}
		db_rollback(session->db);
	}
	if (count < STEP)
		atomic_store(&f->learnt, gaps);
}
