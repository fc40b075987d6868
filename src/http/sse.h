/* sse.h - server-sent events (HTML Living Standard, section 9.2): rendered once, shared by all who
 * listen. Any thread. */
#ifndef RELEVO_HTTP_SSE_H
#define RELEVO_HTTP_SSE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SSE_TYPE "text/event-stream"
/* How long a client waits before it connects again. */
#define SSE_RETRY_MS 2000

struct sse_message {
	atomic_uint refs;
	/* fixed */
	uint64_t number; /* of the stream, from 1 */
	size_t len;
	char *bytes; /* owned */
};

/* An event named `name` with the id `RUN-NUMBER`; `data` is one line. New reference. */
struct sse_message *sse_message_new(uint64_t run, uint64_t number, const char *name,
				    const char *data);
struct sse_message *sse_message_ref(struct sse_message *m); /* NULL stays NULL */
void sse_message_unref(struct sse_message **m);

#endif
