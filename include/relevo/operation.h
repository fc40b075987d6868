/* operation.h - one accepted operation: what waits in the pending lists, and its JSON spelling.
 *
 * Immutable after creation and reference-counted: any thread that holds a reference may read.
 *
 * Entry, compact JSON, members in this order, absent when empty:
 *   {"id":ID,"data":{..},"op":OP,"kind":"create|update|delete","accepted_at":TIME,
 *    "instance":NAME,"base":{the item it was based on},"fingerprint":HEX32,
 *    "batch":OP,"nth":K,"attempt":N,"seq":N}
 * `id` is a number, or "pending_<OP>" for an item that has no final id yet; a create has no id.
 * `seq` is put in by the script that accepts (it alone knows the order of acceptance, see
 * src/redis/lua/accept.lua), so encode leaves it and the closing brace out: operation_encode writes
 * `{...` and the script appends `,"seq":N}`.
 */
#ifndef RELEVO_OPERATION_H
#define RELEVO_OPERATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "relevo/buf.h"
#include "relevo/err.h"
#include "relevo/fields.h"
#include "relevo/opid.h"

enum op_kind { OP_CREATE, OP_UPDATE, OP_DELETE };
#define OP_KINDS 3
/* Scripts count in doubles. */
#define OPERATION_SEQ_MAX ((INT64_C(1) << 53) - 1)

struct operation {
	atomic_int refs;
	struct opid id; /* zero: a legacy entry that has none yet */
	enum op_kind kind;
	int64_t item_id;      /* target with a final id, else 0 */
	struct opid temp;     /* target (update, delete) without one; for a create its own id */
	struct fields fields; /* create: all; update: those given; delete: none */
	char *misfits;	     /* owned: JSON object of those members of an entry's `data` that fit no
			      * column, which only validation speaks of; NULL: none */
	int64_t accepted_us; /* 0: unknown (legacy) */
	uint64_t
		base_version; /* the row it was based on; 0: unknown, or pending on top of others */
	int64_t base_updated_us;
	char *base_json;      /* owned: that row as it was shown, for dead letters; NULL: unknown */
	bool has_fingerprint; /* came with an Idempotency-Key */
	uint8_t fingerprint[16];
	struct opid batch; /* nonzero: may have been applied already as part of this batch */
	unsigned nth;	   /* which create of that batch */
	unsigned attempt;  /* 0; n-th retry of a dead letter: no conflict check */
	uint64_t seq;	   /* order of acceptance over all lists; 0: legacy, older than all */
	char instance[64];
};

struct operation *operation_new(void); /* one reference, all zero; fill it before sharing */
struct operation *operation_ref(struct operation *o);
void operation_unref(struct operation **o);
/* Appends the entry without `seq` and closing brace, see above. */
void operation_encode(struct buf *out, const struct operation *o);
/* Appends the whole entry with its seq. */
void operation_encode_full(struct buf *out, const struct operation *o);
/* Appends it as GET /operations shows it while it waits. */
void operation_show(struct buf *out, const struct operation *o);
/* Reads one list entry, also the three legacy forms (bare item object in the create list;
 * {"id":5,"data":{..}} in the update list; a bare number or {"id":5} in the delete list), whose
 * id then is zero. `list` is the list it came from. ERR_INVALID: not JSON or of no known shape;
 * the text says why. */
MUST_CHECK enum err_code operation_decode(const char *entry, size_t len, enum op_kind list,
					  struct operation **out, struct err *e);
/* The same from parsed JSON, our own shape only. NULL if it is none. */
struct operation *operation_from_json(json_t *object);
/* What it is to write, from a JSON object: fields, and misfits. `kind` is set before. */
void operation_take_data(struct operation *o, json_t *data);
/* Appends it as a JSON object, misfits included. */
void operation_put_data(struct buf *out, const struct operation *o);
/* By the rules of a request's body (but that a create may have members of any other name: the
 * Python backend's do); ERR_INVALID with every fault listed. */
MUST_CHECK enum err_code operation_validate(const struct operation *o, struct faults *faults,
					    struct err *e);
const char *op_kind_name(enum op_kind kind); /* "create", "update", "delete" */
bool op_kind_parse(const char *name, enum op_kind *out);
/* Key of the item an operation is about: "5" or "pending_<OP>". */
#define ITEM_KEY_SIZE 48
void operation_item_key(const struct operation *o, char out[ITEM_KEY_SIZE]);

#endif
