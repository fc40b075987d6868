/* operation.c - life of accepted operations, and writing them as list entries. */
#include "relevo/operation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/mem.h"

static const char *const kind_names[OP_KINDS] = {
	[OP_CREATE] = "create",
	[OP_UPDATE] = "update",
	[OP_DELETE] = "delete",
};

const char *op_kind_name(enum op_kind kind)
{
	return kind_names[kind];
}

bool op_kind_parse(const char *name, enum op_kind *out)
{
	for (int i = 0; i < OP_KINDS; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*out = (enum op_kind)i;
			return true;
		}
	}
	return false;
}

struct operation *operation_new(void)
{
	struct operation *o = mem_zero(1, sizeof *o);

	atomic_init(&o->refs, 1);
	return o;
}

struct operation *operation_ref(struct operation *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void operation_unref(struct operation **o)
{
	struct operation *op = *o;

	*o = NULL;
	if (op == NULL || atomic_fetch_sub_explicit(&op->refs, 1, memory_order_acq_rel) > 1)
		return;
	fields_free(&op->fields);
	free(op->base_json);
	free(op->misfits);
	free(op);
}

void operation_item_key(const struct operation *o, char out[ITEM_KEY_SIZE])
{
	if (o->item_id == 0)
		opid_format_temp(o->temp, out);
	else
		(void)snprintf(out, ITEM_KEY_SIZE, "%" PRId64, o->item_id);
}

/* `"name":`, after a comma unless it is the object's first member. */
static void put_name(struct buf *out, const char *name)
{
	if (out->bytes[out->len - 1] != '{')
		buf_putc(out, ',');
	buf_putc(out, '"');
	buf_puts(out, name);
	buf_puts(out, "\":");
}

static void put_string(struct buf *out, const char *name, const char *text)
{
	put_name(out, name);
	buf_put_json(out, text, strlen(text));
}

static void put_number(struct buf *out, const char *name, uint64_t n)
{
	put_name(out, name);
	buf_put_u64(out, n);
}

static void put_opid(struct buf *out, const char *name, struct opid id)
{
	char text[OPID_TEXT_SIZE];

	if (opid_is_zero(id))
		return;
	opid_format(id, text);
	put_string(out, name, text);
}

static void put_time(struct buf *out, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	if (us == 0)
		return;
	clock_format(us, text);
	put_string(out, name, text);
}

static void put_target(struct buf *out, const struct operation *o)
{
	char key[ITEM_KEY_SIZE];

	if (o->kind == OP_CREATE)
		return;
	operation_item_key(o, key);
	if (o->item_id == 0)
		put_string(out, "id", key);
	else
		put_number(out, "id", (uint64_t)o->item_id);
}

static void put_base(struct buf *out, const struct operation *o)
{
	if (o->base_version == 0)
		return;
	put_name(out, "base");
	if (o->base_json != NULL) {
		buf_puts(out, o->base_json);
		return;
	}
	buf_putc(out, '{');
	put_number(out, "version", o->base_version);
	put_time(out, "updated_at", o->base_updated_us);
	buf_putc(out, '}');
}

static void put_fingerprint(struct buf *out, const struct operation *o)
{
	static const char digits[] = "0123456789abcdef";

	if (!o->has_fingerprint)
		return;
	put_name(out, "fingerprint");
	buf_putc(out, '"');
	for (size_t i = 0; i < sizeof o->fingerprint; i++) {
		buf_putc(out, digits[o->fingerprint[i] >> 4]);
		buf_putc(out, digits[o->fingerprint[i] & 15]);
	}
	buf_putc(out, '"');
}

void operation_encode(struct buf *out, const struct operation *o)
{
	buf_putc(out, '{');
	put_target(out, o);
	if (o->kind != OP_DELETE) {
		put_name(out, "data");
		operation_put_data(out, o);
	}
	put_opid(out, "op", o->id);
	put_string(out, "kind", op_kind_name(o->kind));
	put_time(out, "accepted_at", o->accepted_us);
	if (o->instance[0] != '\0')
		put_string(out, "instance", o->instance);
	put_base(out, o);
	put_fingerprint(out, o);
	if (!opid_is_zero(o->batch)) {
		put_opid(out, "batch", o->batch);
		put_number(out, "nth", o->nth);
	}
	if (o->attempt > 0)
		put_number(out, "attempt", o->attempt);
}

void operation_encode_full(struct buf *out, const struct operation *o)
{
	operation_encode(out, o);
	if (o->seq > 0)
		put_number(out, "seq", o->seq);
	buf_putc(out, '}');
}

/* As put_time, for an object whose members are always there. */
static void put_time_or_null(struct buf *out, const char *name, int64_t us)
{
	if (us != 0) {
		put_time(out, name, us);
		return;
	}
	put_name(out, name);
	buf_puts(out, "null");
}

void operation_show(struct buf *out, const struct operation *o)
{
	char text[OPID_TEXT_SIZE], key[ITEM_KEY_SIZE];

	opid_format(o->id, text);
	operation_item_key(o, key);
	buf_putc(out, '{');
	put_string(out, "operation", text);
	put_string(out, "kind", op_kind_name(o->kind));
	put_string(out, "state", "pending");
	if (o->item_id == 0)
		put_string(out, "item_id", key);
	else
		put_number(out, "item_id", (uint64_t)o->item_id);
	put_time_or_null(out, "accepted_at", o->accepted_us);
	put_string(out, "instance", o->instance);
	put_name(out, "data");
	if (o->kind == OP_DELETE)
		buf_puts(out, "null");
	else
		operation_put_data(out, o);
	put_name(out, "base");
	buf_puts(out, o->base_json != NULL ? o->base_json : "null");
	buf_putc(out, '}');
}
