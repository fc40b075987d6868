/* opid.h - 128-bit operation ids.
 *
 * Fresh ids are UUIDv7 (RFC 9562 section 5.7): time-ordered. A batch of writes takes one base id
 * whose low 12 bits are zero; operation i of the batch is base + i, so one row that records the
 * base records them all. An id derived from an Idempotency-Key is a UUIDv8 (section 5.8) made of
 * the key's SHA-256; it never looks like a batch member. Text form: 36 lower-case characters.
 * Any thread.
 */
#ifndef RELEVO_OPID_H
#define RELEVO_OPID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPID_TEXT_SIZE 37
#define OPID_TEMP_SIZE 45 /* "pending_" + text + NUL */
#define OPID_BATCH_MAX 4096

struct opid {
	uint8_t bytes[16];
};

struct opid opid_batch(void);				   /* fresh base, low 12 bits 0 */
struct opid opid_member(struct opid base, unsigned index); /* index < OPID_BATCH_MAX */
struct opid opid_base(struct opid id, unsigned *index);	   /* clears the low 12 bits */
struct opid opid_fresh(void);				   /* UUIDv7, random low bits */
struct opid opid_from_key(const char *key, size_t len);	   /* UUIDv8 of SHA-256(key) */
bool opid_is_keyed(struct opid id);			   /* version nibble is 8 */
bool opid_is_zero(struct opid id);
bool opid_equal(struct opid a, struct opid b);
int opid_compare(struct opid a, struct opid b);
uint64_t opid_hash(struct opid id); /* for hash tables */
void opid_format(struct opid id, char out[OPID_TEXT_SIZE]);
void opid_format_temp(struct opid id, char out[OPID_TEMP_SIZE]); /* "pending_<id>" */
/* `text` need not be NUL-terminated; upper case is accepted. */
bool opid_parse(const char *text, size_t len, struct opid *out);
bool opid_parse_temp(const char *text, size_t len, struct opid *out);

#endif
