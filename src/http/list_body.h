/* list_body.h - the body of GET /items: pieces of the mirror's own memory between a head and a
 * tail. Nothing is copied or rendered again, whatever the size of the table. */
#ifndef RELEVO_HTTP_LIST_BODY_H
#define RELEVO_HTTP_LIST_BODY_H

#include <microhttpd.h>

#include "relevo/buf.h"
#include "relevo/store.h"

struct list_body {
	struct mirror_view *view; /* owned: keeps the items alive */
	struct list_page page;	  /* owned, for a limited or filtered list */
	struct iovec *array;	  /* owned, for the whole list */
	struct buf head, tail;
	struct iovec *pieces; /* owned: head, items, tail */
	size_t piece_count, bytes;
	size_t at, offset; /* how far the reader callback has come */
};

/* Takes the view; `q` is borrowed. */
struct list_body *list_body_new(struct mirror_view *view, const struct list_query *q,
				enum source source);
void list_body_free(struct list_body *b);
/* Takes the body, which lives until the response is sent. */
struct MHD_Response *list_body_response(struct list_body *b);
/* `{"source":"..","data":` with `"stale":true` between for SOURCE_MEMORY. */
void list_put_source(struct buf *b, enum source s);

#endif
