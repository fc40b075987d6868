/* row.h - one item as clients see it: immutable, reference-counted, rendered once.
 *
 * A row never changes after row_new, so any number of threads may read it while they hold a
 * reference; references are counted atomically.
 */
#ifndef RELEVO_ROW_H
#define RELEVO_ROW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "relevo/fields.h"

#define ETAG_SIZE	36 /* '"' + 32 hex + '"' + NUL, rounded up */
#define ROW_DIGEST_SIZE 16

struct row {
	atomic_int refs;
	int64_t id;	      /* 0: no final id yet, `temp` counts */
	struct opid temp;     /* operation that created it offline; zero if none or drained */
	uint64_t version;     /* 0: not in MySQL yet */
	int64_t updated_us;   /* microseconds UTC */
	bool pending;	      /* operations on it wait */
	struct fields fields; /* every column present; texts live in the row */
	const char *json;     /* the item object, compact, fields in contract order */
	uint32_t json_len;
	uint8_t digest[ROW_DIGEST_SIZE]; /* of `json`: half of its SHA-256 */
	_Atomic(char *) folded; /* case-folded data columns, 0xff before each; made on first use */
};

/* A new row with one reference; copies the fields (missing ones become NULL). */
struct row *row_new(int64_t id, struct opid temp, uint64_t version, int64_t updated_us,
		    bool pending, const struct fields *fields);
struct row *row_ref(struct row *r); /* returns r */
void row_unref(struct row **r);	    /* NULL inside is fine; sets *r to NULL */
/* From the JSON object that row_new renders (snapshot, change log). NULL if it is no such object.
 */
struct row *row_from_json(json_t *object);
/* The item's ETag with its quotes, made of its digest: differs whenever the rendered JSON does. */
void row_etag(const struct row *r, char out[ETAG_SIZE]);
/* The same of any digest. */
void etag_format(const uint8_t digest[ROW_DIGEST_SIZE], char out[ETAG_SIZE]);
/* Substring in any data column; `needle` was folded by text_fold. */
bool row_contains(struct row *r, const char *needle, size_t len);
/* Simple Unicode case folding (towlower of each code point in the C.UTF-8 locale, final sigma as
 * sigma); NULL on invalid UTF-8. Caller frees. Independent of the process locale. */
char *text_fold(const char *text, size_t len, size_t *out_len);

#endif
