/* tables.h - the MySQL tables: creation, adoption, and SQL over them. One place for their names.
 *
 * items          see contract 5
 * relevo_applied what was applied, written in the transaction that applies it
 *   op BINARY(16) PRIMARY KEY; kind TINYINT (enum applied_kind); state TINYINT (enum
 *   applied_state); item_id BIGINT (batch: id of its first create, 0 none); version BIGINT
 *   UNSIGNED (after it); members INT UNSIGNED (batch: number of operations, 0 if what waited was
 *   not known; direct write: 1; drained: 0); attempt INT UNSIGNED; fingerprint BINARY(16) NULL;
 *   fields MEDIUMTEXT NULL (the item's values after it, as JSON object);
 *   accepted_at, applied_at TIMESTAMP(6); expires_at TIMESTAMP(6), indexed; index
 *   (item_id, applied_at).
 * relevo_dead    dead letters
 *   op BINARY(16) PRIMARY KEY; kind VARCHAR(12); reason VARCHAR(12); item_key VARCHAR(48);
 *   detail TEXT; data, base, current MEDIUMTEXT NULL (JSON); accepted_at TIMESTAMP(6) NULL;
 *   created_at TIMESTAMP(6), indexed; instance VARCHAR(64).
 * All ENGINE=InnoDB, utf8mb4 (binary collation for relevo_ tables).
 */
#ifndef RELEVO_TABLES_H
#define RELEVO_TABLES_H

#include "relevo/db.h"
#include "relevo/operation.h"
#include "relevo/row.h"

enum applied_kind { APPLIED_CREATE, APPLIED_UPDATE, APPLIED_DELETE, APPLIED_BATCH, APPLIED_VOID };
enum applied_state { STATE_APPLIED, STATE_CONFLICT, STATE_REJECTED };

struct applied {
	struct opid op;
	enum applied_kind kind;
	enum applied_state state;
	int64_t item_id;
	uint64_t version;
	unsigned members, attempt;
	bool has_fingerprint;
	uint8_t fingerprint[16];
	bool has_fields;
	struct fields fields; /* owned; applied_free */
	int64_t accepted_us, applied_us;
	int64_t left_s; /* until it expires; as read */
};

/* Create what is missing, adopt an older items table (adds version and updated_at, keeps rows),
 * under GET_LOCK so that several instances may start at once. */
MUST_CHECK enum err_code tables_ensure(struct db *d, struct err *e);

/* SELECT list of an item: id, the data columns in table order, version, updated_at. */
void tables_put_item_columns(struct buf *out);
/* `SELECT` of those `FROM items`, without a condition. */
void tables_put_select(struct buf *out);
/* All rows of items in order of id; `each`
 * takes new references to those that can be read. */
MUST_CHECK enum err_code tables_each_row(struct db *d, void (*each)(void *ctx, struct row *row),
					 void *ctx, struct err *e);
/* A row from such a result row; NULL if it cannot be read. Never pending. */
struct row *tables_row(const struct db_row *result);

/* Appends `INSERT INTO relevo_applied (all columns) VALUES ` and one tuple each; applied_at and
 * item_id, version are SQL expressions where given as text ("@t", "@first+2"). Lifetime in s,
 * from now on by the clock of MySQL. */
void applied_put_insert_head(struct buf *out);
struct applied_tuple {
	struct opid op;
	enum applied_kind kind;
	enum applied_state state;
	const char *item_id_sql; /* NULL: 0 */
	const char *version_sql; /* NULL: 0 */
	unsigned members, attempt;
	const uint8_t *fingerprint;  /* NULL: none */
	const struct fields *fields; /* NULL: none */
	int64_t accepted_us;	     /* 0: @t */
	unsigned lifetime_s;
};
void applied_put_tuple(struct buf *out, const struct applied_tuple *t); /* uses @t */
/* Appends statements, each with its semicolon. */
void applied_put_delete(struct buf *out, const struct opid *ops, size_t count);
/* Look up by ids; *out is a new array of those found, any order, each freed by applied_free. */
MUST_CHECK enum err_code applied_find(struct db *d, const struct opid *ops, size_t count,
				      struct applied **out, size_t *found, struct err *e);
/* Records of single operations that have not expired, in order of their ids after `after`, at most
 * `limit`; *out as above. */
MUST_CHECK enum err_code applied_after(struct db *d, struct opid after, unsigned limit,
				       struct applied **out, size_t *found, struct err *e);
/* Drained creates among the records after `after` in order of their ids, of which at most `limit`
 * are looked at: calls `each` with the operation and the id of its item, 0 where it left none
 * (cancelled, refused). *last: the last record looked at, *count how many. */
MUST_CHECK enum err_code
applied_drained_creates(struct db *d, struct opid after, unsigned limit,
			void (*each)(void *ctx, struct opid op, int64_t id), void *ctx,
			struct opid *last, size_t *count, struct err *e);
void applied_free(struct applied *a);
/* How many rows there are, as MySQL estimates it without counting. */
MUST_CHECK enum err_code applied_estimate(struct db *d, uint64_t *rows, struct err *e);
/* Delete up to `limit` expired rows; *removed how many. */
MUST_CHECK enum err_code applied_purge(struct db *d, unsigned limit, uint64_t *removed,
				       struct err *e);
/* The row that the operation left, as it was answered: from item_id, version, applied_us, fields
 * (a create that was cancelled, item_id 0, keeps its temporary id). NULL without fields. */
struct row *applied_row(const struct applied *a);
/* The `items:done:` record of it; new string. */
char *applied_record(const struct applied *a);

/* --- dead letters --- */

#define LETTER_DETAIL_MAX 60000 /* bytes; more are cut off: TEXT holds 65,535 */
/* `data` and `base` are not kept, but null, beyond 64 KiB each. */
struct dead_letter {
	struct opid op;
	char kind[12],
		reason[12]; /* "overwritten" | op_kind_name; conflict gone refused unreadable */
	char item_key[ITEM_KEY_SIZE];
	char *detail, *data, *base, *current; /* owned; JSON or NULL */
	int64_t accepted_us, created_us;
	char instance[64];
};
void dead_letter_free(struct dead_letter *l);
/* As the API shows it (contract 3, /sync/dead). New string / new reference. */
char *dead_letter_json(const struct dead_letter *l);
/* `REPLACE INTO relevo_dead ...;` with created_at = @t. */
void dead_put_replace(struct buf *out, const struct dead_letter *l);
void dead_put_delete(struct buf *out, struct opid op);
/* Letters are never removed but by a person: each is a write that was acknowledged. Only so many
 * are listed, and copied to Redis; of older ones MySQL alone knows, until newer ones are gone. */
#define LETTERS_SHOWN 10000
/* Newest first, at most `limit`. */
MUST_CHECK enum err_code dead_letter_list(struct db *d, unsigned limit, struct dead_letter **out,
					  size_t *count, struct err *e);
/* The one of this operation, as a list of one or none. */
MUST_CHECK enum err_code dead_letter_find(struct db *d, struct opid op, struct dead_letter **out,
					  size_t *count, struct err *e);
MUST_CHECK enum err_code dead_letter_count(struct db *d, uint64_t *count, struct err *e);

#endif
