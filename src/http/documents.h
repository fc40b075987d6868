/* documents.h - the documents of /health and /sync/status, for their handlers and for /events. Any
 * thread, never blocks. */
#ifndef RELEVO_HTTP_DOCUMENTS_H
#define RELEVO_HTTP_DOCUMENTS_H

#include "relevo/buf.h"
#include "server.h"

int64_t http_uptime_s(const struct http *http);
/* Appends to `b`; returns the status code that /health answers with. */
unsigned health_render(const struct http *http, int64_t uptime_s, struct buf *b);
void sync_status_render(const struct http *http, struct buf *b);

#endif
