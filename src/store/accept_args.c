/* accept_args.c - operations as arguments of the script `accept`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../redis/changelog_private.h"
#include "store_private.h"

static const char *const letters[OP_KINDS] = {
	[OP_CREATE] = "c", [OP_UPDATE] = "u", [OP_DELETE] = "d"
};

void accept_fingerprint(const struct operation *op, char hex[ACCEPT_FINGERPRINT_SIZE])
{
	memcpy(hex, "-", 2);
	for (size_t i = 0; op->has_fingerprint && i < sizeof(op->fingerprint); i++)
		snprintf(hex + 2 * i, 3, "%02x", op->fingerprint[i]);
}

void accept_marker(enum op_kind kind, struct opid op, char out[ACCEPT_MARKER_SIZE])
{
	out[0] = letters[kind][0];
	opid_format(op, out + 1);
}

void accept_args_begin(struct redis_args *args, const struct store *s, const char *epoch,
		       uint64_t nonce, int64_t limit, int64_t until_us)
{
	char until[24] = "";

	if (until_us != 0)
		snprintf(until, sizeof(until), "%" PRId64, until_us);

	redis_args_copy(args, epoch, strlen(epoch));
	redis_args_puts(args, s->options->instance);
	changelog_put_nonce(args, nonce);
	redis_args_i64(args, limit);
	redis_args_copy(args, until, strlen(until));
}

void accept_args_put(struct redis_args *args, const struct operation *op, const char *expected,
		     bool again)
{
	char id[OPID_TEXT_SIZE], key[ITEM_KEY_SIZE], hex[ACCEPT_FINGERPRINT_SIZE], seq[24] = "";
	struct buf entry = { 0 };

	opid_format(op->id, id);
	operation_item_key(op, key);
	operation_encode(&entry, op);
	accept_fingerprint(op, hex);
	if (again)
		snprintf(seq, sizeof(seq), "%" PRIu64, op->seq);
	redis_args_copy(args, id, strlen(id));
	redis_args_puts(args, letters[op->kind]);
	redis_args_copy(args, key, strlen(key));
	redis_args_copy(args, expected, strlen(expected));
	redis_args_copy(args, entry.bytes, entry.len);
	redis_args_copy(args, hex, strlen(hex));
	redis_args_copy(args, seq, strlen(seq));
	buf_free(&entry);
}
