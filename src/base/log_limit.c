/* log_limit.c - which of the lines of one place pass, when they come again and again. */
#include "relevo/log.h"

#include "relevo/thread.h"

#define SAME_MS	 60000
#define OTHER_MS 1000

/* FNV-1a of the text without its digits: times, ids and counts make no other line of it. Never 0.
 */
static uint64_t wording(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			continue;
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	}
	return h | 1;
}

bool log_limit_passes(struct log_limit *l, const char *text, int64_t now_ms, uint64_t *left_out)
{
	uint64_t is = wording(text);
	bool passes;

	PTOK(pthread_mutex_lock(&l->lock));
	passes =
		l->wording == 0 || now_ms - l->passed_ms >= (l->wording == is ? SAME_MS : OTHER_MS);
	if (passes) {
		*left_out = l->left_out;
		l->wording = is;
		l->passed_ms = now_ms;
		l->left_out = 0;
	} else {
		l->left_out++;
	}
	PTOK(pthread_mutex_unlock(&l->lock));
	return passes;
}
