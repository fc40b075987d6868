/* etag.h - entity tags in If-Match and If-None-Match (RFC 9110 section 8.8.3). Pure, any thread. */
#ifndef RELEVO_HTTP_ETAG_H
#define RELEVO_HTTP_ETAG_H

#include "relevo/err.h"
#include "relevo/store.h"

/* If-None-Match: does the list hold `tag`, or is it `*`? Weak comparison. A malformed list matches
 * nothing, so the answer is the full one. */
bool etag_none_match(const char *header, const char *tag);
/* If-Match into job->if_match, if_match_any and etags. Weak tags and tags longer than ours never
 * match and are left out. ERR_MALFORMED: no such list, or more than ETAG_LIST_MAX tags. */
MUST_CHECK enum err_code etag_if_match(const char *header, struct job *job, struct err *e);

#endif
