/* append.c - changes of ours go into the log, or are kept until Redis takes them. */
#include "store_private.h"

uint64_t store_log(struct store *s, struct session *session, const struct changes *changes,
		   const struct done_record *done, size_t done_count)
{
	uint64_t seq = 0;
	struct err e = ERR_INIT;
	/* A second try is harmless: versions make a change that is logged twice count once. */
	for (unsigned tries = 0; tries < 2 && session_redis(session, s); tries++) {
		err_clear(&e);
		if (changelog_append(session->redis, s->mirror, s->options->instance, changes, done,
				     done_count, &seq, &e) == ERR_NONE) {
			publisher_wrote(&s->publisher, seq);
			return seq;
		}
		if (e.code != ERR_DOWN || !redis_was_cut(session->redis))
			break;
	}
	if (e.code != ERR_NONE)
		store_redis_failed(s, session->redis, &e);
	done_list_add(&s->unsent, done, done_count);
	mirror_apply_unlogged(s->mirror, changes);
	return 0;
}

bool store_log_send(struct store *s, struct session *session, const struct changes *changes,
		    struct log_ahead *out)
{
	struct err e = ERR_INIT;
	if (!session_redis(session, s) || !mirror_go_ahead(s->mirror, changes->count))
		return false;
	*out = (struct log_ahead){ .changes = changes };
	if (changelog_send(session->redis, s->mirror, s->options->instance, changes, NULL, 0,
			   &out->entry, &e) != ERR_NONE) {
		mirror_end_ahead(s->mirror, changes->count);
		store_redis_failed(s, session->redis, &e);
		return false;
	}
	mirror_apply_unlogged(s->mirror, changes);
	return true;
}

/* What Redis did not take stays marked as unlogged: the follower appends it. */
void store_log_sent(struct store *s, struct session *session, struct log_ahead *ahead)
{
	uint64_t seq = 0;
	struct err e = ERR_INIT;
	if (changelog_sent(session->redis, s->mirror, &ahead->entry, ahead->changes, &seq, &e) ==
	    ERR_NONE)
		publisher_wrote(&s->publisher, seq);
	else
		store_redis_failed(s, session->redis, &e);
	mirror_end_ahead(s->mirror, ahead->changes->count);
}
