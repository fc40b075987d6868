/* problem.h - RFC 9457 problem documents: what each error means in HTTP. Any thread. */
#ifndef RELEVO_HTTP_PROBLEM_H
#define RELEVO_HTTP_PROBLEM_H

#include "relevo/buf.h"
#include "relevo/err.h"
#include "relevo/fields.h"

/* Errors that only HTTP knows stand behind those of err.h, in the same table. */
enum problem {
	PROBLEM_METHOD = ERR_INTERNAL + 1, /* 405 */
	PROBLEM_TOO_LARGE,		   /* 413 */
	PROBLEM_MEDIA_TYPE,		   /* 415 */
	PROBLEM_HEADERS,		   /* 431 */
	PROBLEM_NO_TOKEN,		   /* 401 */
	PROBLEM_BAD_TOKEN,		   /* 401 */
	PROBLEM_CREDENTIALS,		   /* 400 */
	PROBLEM_SCOPE,			   /* 403 */
	PROBLEM_CROSS_SITE,		   /* 403 */
	PROBLEM_LISTENERS,		   /* 503 */
	PROBLEM_COUNT
};

struct problem_row {
	unsigned status;
	unsigned retry_after; /* seconds, 0: no such header */
	const char *type;     /* last part of the type URN */
	const char *title;
	const char *detail; /* always used instead of the error's text if `internal` */
	bool internal;	    /* the error's text speaks of our servers: logged, not shown */
};

/* `code` is an err_code or a problem; unknown ones are ERR_INTERNAL. Never NULL. */
const struct problem_row *problem_find(unsigned code);
/* The document. `detail` and `faults` may be NULL. */
void problem_render(struct buf *out, unsigned code, const char *detail,
		    const struct faults *faults);

#endif
