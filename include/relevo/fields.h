/* fields.h - values for the data columns: what a body carries, what a row holds.
 *
 * `at[i]` belongs to `columns[i]`. A field that is not `present` was not given (PATCH); a present
 * field whose text is NULL is SQL NULL. Texts are UTF-8, NUL-terminated, never contain NUL.
 * Plain data: one owner at a time.
 */
#ifndef RELEVO_FIELDS_H
#define RELEVO_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "relevo/buf.h"
#include "relevo/columns.h"
#include "relevo/err.h"
#include "relevo/opid.h"

struct field {
	const char *text; /* NULL: SQL NULL */
	uint32_t len;	  /* bytes */
	bool present;
};

struct fields {
	struct field at[COLUMNS_MAX];
	char *store; /* owned memory behind the texts; NULL if they are borrowed */
};

void fields_free(struct fields *f);
/* A deep copy that owns its texts. */
void fields_copy(struct fields *out, const struct fields *in);
/* `base` with every present field of `change` laid over it; out owns its texts. */
void fields_merge(struct fields *out, const struct fields *base, const struct fields *change);
bool fields_equal(const struct fields *a, const struct fields *b);
/* The present fields as a JSON object `{"code":"..",..}` in column order. */
void fields_render(struct buf *out, const struct fields *f);
/* From a JSON object we or the Python backend wrote into Redis: strings and nulls of known
 * columns; unknown members and other types are skipped (operation_take_data keeps them). No
 * validation beyond that. */
void fields_from_json(struct fields *out, json_t *object);

/* --- validation of request bodies (contract 3) --- */

#define FAULTS_MAX 64
struct fault {
	char field[64]; /* "" for the body as a whole; cut at a character boundary */
	char message[160];
	uint64_t name; /* hash of the whole name, however long */
};
/* 15 KiB, so it is not cleared for every request: faults_init, or what fills it. */
struct faults {
	struct fault at[FAULTS_MAX];
	size_t count;
	size_t more; /* faulty members that found no room */
};

static inline void faults_init(struct faults *f)
{
	f->count = 0;
	f->more = 0;
}

enum body_kind { BODY_CREATE, BODY_REPLACE, BODY_PATCH };

/* What a PUT/PATCH path says of the item, to compare a body's `id` with: the final id (0: unknown)
 * and the temporary id (zero: none). A body's `id` may be either (contract 7). */
struct body_target {
	int64_t id;
	struct opid temp;
};

/* Decode and validate a body. CREATE and REPLACE give every column (nullable ones default to
 * null); PATCH only those named. ERR_MALFORMED: not JSON (including invalid UTF-8? no: that is
 * ERR_INVALID), lone surrogates, raw control characters, nesting over 64. ERR_INVALID with every
 * fault listed: no object, invalid UTF-8, NUL characters, duplicate keys, unknown fields, wrong
 * types, lengths, dates, `id` that differs. `target` is NULL for CREATE. */
MUST_CHECK enum err_code fields_decode(struct fields *out, const char *body, size_t len,
				       enum body_kind kind, const struct body_target *target,
				       struct faults *faults, struct err *e);
/* Check already typed values (operation_validate). Same rules; adds to `faults`, which is
 * initialised, and is ERR_INVALID if there is any. */
MUST_CHECK enum err_code fields_validate(const struct fields *f, bool all_required,
					 struct faults *faults, struct err *e);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). Returns the
 * number of code points, or -1. */
long utf8_length(const char *text, size_t len);
/* The longest length <= max at which well-formed `text` of `len` bytes may be cut. */
size_t utf8_cut(const char *text, size_t len, size_t max);

#endif
