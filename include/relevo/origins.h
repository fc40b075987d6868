/* origins.h - the list of web origins whose pages may call the API.
 *
 * Pure functions; a list does not change after it is parsed, any thread may look into it.
 */
#ifndef RELEVO_ORIGINS_H
#define RELEVO_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>

#include "relevo/err.h"

#define ORIGINS_MAX 64
#define ORIGIN_MAX  300 /* bytes */

struct origins {
	bool any;  /* `*` */
	char **at; /* owned; as browsers write them */
	size_t count;
	char *text; /* owned; the list with commas, or `*`; NULL: none */
};

/* `*`, or scheme://host[:port] with commas between; blanks around them are dropped, scheme and host
 * become lower case, a port that is the scheme's own is left out. Empty text: none. ERR_USAGE with
 * the reason; *out is all zero then. */
MUST_CHECK enum err_code origins_parse(const char *text, struct origins *out, struct err *e);
void origins_free(struct origins *o);
/* Is this, byte for byte, one of them? With `*` everything is. */
bool origins_match(const struct origins *o, const char *origin);

#endif
