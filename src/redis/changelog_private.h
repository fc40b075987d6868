/* changelog_private.h - what changelog.c, snapshot.c and snapshot_load.c share. */
#ifndef RELEVO_CHANGELOG_PRIVATE_H
#define RELEVO_CHANGELOG_PRIVATE_H

#include "relevo/changelog.h"

void changelog_put_nonce(struct redis_args *args, uint64_t nonce);
uint64_t changelog_number(const redisReply *reply); /* integer or decimal text, else 0 */
bool changelog_epoch_is(const redisReply *reply, const char *epoch);

#endif
