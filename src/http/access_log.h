/* access_log.h - one log line for each request, if RELEVO_ACCESS_LOG asks for it.
 *
 * Both are called by the MHD thread of the connection. The bytes are those handed to the socket,
 * heads and interim answers included, so they hold for streams and broken answers as well. */
#ifndef RELEVO_HTTP_ACCESS_LOG_H
#define RELEVO_HTTP_ACCESS_LOG_H

#include "request.h"

/* The request line is there: remember what the connection has sent before. */
void access_log_begin(struct request *r);
/* The request is done with, well or not. */
void access_log_end(const struct request *r);

#endif
