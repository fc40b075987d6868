/* plant.h - bugs planted on purpose, to prove that the judge of histories (tests/history) finds
 * them.
 *
 * Only `scripts/build --planted` (RELEVO_PLANT_BUGS) knows them; every other build has constants
 * here, so nothing of this is left in it. The planted daemon has the one bug that the environment
 * variable RELEVO_PLANT names, or none; it refuses to start with a name that is not in the table.
 * Any thread may ask.
 */
#ifndef RELEVO_PLANT_H
#define RELEVO_PLANT_H

#include <stdbool.h>

#include "relevo/redis.h"

/* Each bug: its constant, its name, and the mechanism that it takes away. */
#define PLANTS(X)                                                                            \
	X(DROPPED_OPERATION_ID, "dropped-operation-id", "relevo_applied knows no operation") \
	X(TRIM_WITHOUT_TOKEN, "trim-without-token", "a lost lease does not stop the drain")  \
	X(DIRECT_OVER_PENDING, "direct-over-pending", "writes overtake waiting operations")  \
	X(VERSION_CHECK_OFF, "version-check-off", "an older row replaces a newer one")       \
	X(TOMBSTONE_IGNORED, "tombstone-ignored", "a late row brings a deleted item back")   \
	X(HASH_NOT_UPDATED, "hash-not-updated", "items:cache changes without its hash")      \
	X(ACCEPTED_NOT_QUEUED, "accepted-not-queued", "some operations are in no list")      \
	X(NOT_PUT_BACK, "not-put-back", "what Redis forgot stays forgotten")

#define PLANT_CONSTANT(constant, name, what) PLANT_##constant,
enum plant { PLANT_NONE, PLANTS(PLANT_CONSTANT) PLANT_COUNT };
#undef PLANT_CONSTANT

#ifdef RELEVO_PLANT_BUGS

/* Is this the bug to have? */
bool planted(enum plant bug);
/* The script's text with the bug in it, allocated once and never freed, or `source` itself. */
const char *plant_script(enum redis_script script, const char *source);

#else

static inline bool planted(enum plant bug)
{
	(void)bug;
	return false;
}

static inline const char *plant_script(enum redis_script script, const char *source)
{
	(void)script;
	return source;
}

#endif

#endif
