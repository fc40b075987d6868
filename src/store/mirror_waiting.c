/* mirror_waiting.c - the waiting operations, a page at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirror_private.h"
#include "relevo/mem.h"

#define SEQ_DIGITS 16

void operation_cursor_format(const struct operation_cursor *c, char out[OPERATION_CURSOR_SIZE])
{
	char op[OPID_TEXT_SIZE];

	opid_format(c->op, op);
	(void)snprintf(out, OPERATION_CURSOR_SIZE, "%016" PRIx64 "-%s", c->seq, op);
}

bool operation_cursor_parse(const char *text, struct operation_cursor *out)
{
	char again[OPERATION_CURSOR_SIZE];
	struct operation_cursor c;

	if (strlen(text) != OPERATION_CURSOR_SIZE - 1)
		return false;
	c.seq = strtoull(text, NULL, 16);
	if (!opid_parse(text + SEQ_DIGITS + 1, OPID_TEXT_SIZE - 1, &c.op))
		return false;
	operation_cursor_format(&c, again);
	if (strcmp(again, text) != 0)
		return false;
	*out = c;
	return true;
}

static uint64_t seq_at(const struct ring *r)
{
	return holder_of(r, const struct waiting, in_all)->op->seq;
}

/* The first behind a place where nothing stands any more. Those without a number are the oldest,
 * and in no order that could be found again: all of them are told once more. */
static const struct ring *first_above(const struct state *s, uint64_t seq)
{
	const struct ring *at = &s->all_ops;

	if (seq == 0)
		return at->next;
	for (const struct ring *r = s->miles.next; r != &s->miles; r = r->next) {
		const struct waiting *mile = holder_of(r, const struct waiting, in_miles);
		if (mile->op->seq > seq)
			break;
		at = &mile->in_all;
	}
	do
		at = at->next;
	while (at != &s->all_ops && seq_at(at) <= seq);
	return at;
}

static const struct ring *first_after(const struct state *s, const struct operation_cursor *after)
{
	const struct waiting *w;

	if (after == NULL)
		return s->all_ops.next;
	w = state_waiting(s, after->op);
	/* A retried dead letter waits under its old id, at another place. */
	return w != NULL && w->op->seq == after->seq ? w->in_all.next : first_above(s, after->seq);
}

void mirror_operations_page(struct mirror *m, const struct operation_cursor *after, size_t limit,
			    struct operation_page *out)
{
	struct operation_page page = { .ops = mem_zero(limit, sizeof(struct operation *)) };
	const struct ring *r;

	mirror_lock(m);
	for (unsigned kind = 0; kind < OP_KINDS; kind++)
		page.total += m->state.pending[kind];
	r = first_after(&m->state, after);
	for (; r != &m->state.all_ops && page.count < limit; r = r->next)
		page.ops[page.count++] = operation_ref(holder_of(r, struct waiting, in_all)->op);
	page.more = r != &m->state.all_ops;
	mirror_unlock(m);
	*out = page;
}

void operation_page_free(struct operation_page *p)
{
	for (size_t i = 0; i < p->count; i++)
		operation_unref(&p->ops[i]);
	free(p->ops);
	*p = (struct operation_page){ 0 };
}
