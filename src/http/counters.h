/* counters.h - requests by path, method and code, and latency histograms. Lock-free, any thread. */
#ifndef RELEVO_HTTP_COUNTERS_H
#define RELEVO_HTTP_COUNTERS_H

#include "relevo/buf.h"
#include "request.h"

struct counters;

struct counters *counters_new(void);
void counters_free(struct counters **c);
/* `route` is a route_index. */
void counters_count(struct counters *c, size_t route, enum method m, unsigned status, int64_t us);
/* Prometheus text of what was counted. */
void counters_render(const struct counters *c, struct buf *out);

#endif
