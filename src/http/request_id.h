/* request_id.h - the id that ties an answer and the log lines of its request together. Any thread.
 */
#ifndef RELEVO_HTTP_REQUEST_ID_H
#define RELEVO_HTTP_REQUEST_ID_H

#include <stdbool.h>

#define REQUEST_ID_HEADER "X-Request-Id"
#define REQUEST_ID_MAX	  128 /* characters of one that a client sends */
#define REQUEST_ID_SIZE	  33  /* of one that is made: 32 hex digits and NUL */

/* Visible ASCII without quotes and backslashes, so that it means the same in a header, in a line of
 * text and in JSON. */
bool request_id_fits(const char *id);
/* No two are the same, on any instance: a thread's ids begin with the same random 64 bits and end
 * with a count, scrambled. They are no secrets. */
void request_id_make(char out[REQUEST_ID_SIZE]);

#endif
