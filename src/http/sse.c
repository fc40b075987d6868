/* sse.c - server-sent events, rendered once and shared. */
#include "sse.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/mem.h"
#include "relevo/thread.h"

struct sse_message *sse_message_new(uint64_t run, uint64_t number, const char *name,
				    const char *data)
{
	struct sse_message *m = mem_zero(1, sizeof *m);
	struct buf b = { 0 };

	ASSERT(data[strcspn(data, "\r\n")] == '\0');
	buf_printf(&b, "retry: %d\nid: %llx-%llu\nevent: ", SSE_RETRY_MS, (unsigned long long)run,
		   (unsigned long long)number);
	buf_puts(&b, name);
	buf_puts(&b, "\ndata: ");
	buf_puts(&b, data);
	buf_puts(&b, "\n\n");
	atomic_init(&m->refs, 1);
	m->number = number;
	m->bytes = buf_take(&b, &m->len);
	return m;
}

struct sse_message *sse_message_ref(struct sse_message *m)
{
	if (m != NULL)
		atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void sse_message_unref(struct sse_message **m)
{
	if (*m != NULL && atomic_fetch_sub_explicit(&(*m)->refs, 1, memory_order_acq_rel) == 1) {
		free((*m)->bytes);
		free(*m);
	}
	*m = NULL;
}
