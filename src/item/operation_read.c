/* operation_read.c - read list entries: our own shape and those of the Python backend. */
#include <limits.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/operation.h"
#include "utf8.h"

/* Each reader of an optional member leaves the operation alone if it is absent, and is false if it
 * is there but not what we write. */

static bool read_number(json_t *object, const char *name, uint64_t max, uint64_t *out)
{
	json_t *value = json_object_get(object, name);

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t)json_integer_value(value) > max)
		return false;
	*out = (uint64_t)json_integer_value(value);
	return true;
}

static bool read_unsigned(json_t *object, const char *name, unsigned *out)
{
	uint64_t n = 0;

	if (!read_number(object, name, UINT_MAX, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

static bool read_time(json_t *object, const char *name, int64_t *out)
{
	json_t *value = json_object_get(object, name);

	return value == NULL ||
	       (json_is_string(value) && clock_parse(json_string_value(value), out));
}

static bool read_opid(json_t *object, const char *name, struct opid *out)
{
	json_t *value = json_object_get(object, name);

	return value == NULL ||
	       (json_is_string(value) &&
		opid_parse(json_string_value(value), json_string_length(value), out));
}

static bool read_instance(json_t *object, struct operation *o)
{
	json_t *value = json_object_get(object, "instance");

	if (value == NULL)
		return true;
	if (!json_is_string(value))
		return false;
	size_t len = utf8_cut(json_string_value(value), json_string_length(value),
			      sizeof o->instance - 1);
	memcpy(o->instance, json_string_value(value), len);
	return true;
}

static bool read_base(json_t *object, struct operation *o)
{
	json_t *base = json_object_get(object, "base");

	if (base == NULL)
		return true;
	if (!json_is_object(base) || !read_number(base, "version", INT64_MAX, &o->base_version) ||
	    !read_time(base, "updated_at", &o->base_updated_us))
		return false;
	/* Version and time alone are what an entry without the whole item carries. */
	if (json_object_size(base) > 2)
		o->base_json = mem_check(json_dumps(base, JSON_COMPACT));
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_fingerprint(json_t *object, struct operation *o)
{
	json_t *value = json_object_get(object, "fingerprint");
	const char *text = json_string_value(value);

	if (value == NULL)
		return true;
	if (text == NULL || json_string_length(value) != 2 * sizeof o->fingerprint)
		return false;
	for (size_t i = 0; i < sizeof o->fingerprint; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		o->fingerprint[i] = (uint8_t)(high << 4 | low);
	}
	o->has_fingerprint = true;
	return true;
}

/* The item an update or delete is about: a positive number or "pending_<OP>". */
static bool read_target(json_t *id, struct operation *o)
{
	if (json_is_string(id))
		return opid_parse_temp(json_string_value(id), json_string_length(id), &o->temp);
	if (!json_is_integer(id) || json_integer_value(id) <= 0)
		return false;
	o->item_id = json_integer_value(id);
	return true;
}

static bool read_data(json_t *data, struct operation *o)
{
	if (!json_is_object(data))
		return false;
	operation_take_data(o, data);
	return true;
}

/* Fills `o` from our own shape; returns the name of the member that is missing or broken. */
static const char *read_own(json_t *object, struct operation *o)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));

	if (!read_opid(object, "op", &o->id) || opid_is_zero(o->id))
		return "op";
	if (kind == NULL || !op_kind_parse(kind, &o->kind))
		return "kind";
	if (o->kind == OP_CREATE)
		o->temp = o->id;
	else if (!read_target(json_object_get(object, "id"), o))
		return "id";
	if (o->kind != OP_DELETE && !read_data(json_object_get(object, "data"), o))
		return "data";
	if (!read_time(object, "accepted_at", &o->accepted_us))
		return "accepted_at";
	if (!read_instance(object, o))
		return "instance";
	if (!read_base(object, o))
		return "base";
	if (!read_fingerprint(object, o))
		return "fingerprint";
	if (!read_opid(object, "batch", &o->batch))
		return "batch";
	if (!read_unsigned(object, "nth", &o->nth))
		return "nth";
	if (!read_unsigned(object, "attempt", &o->attempt))
		return "attempt";
	return read_number(object, "seq", OPERATION_SEQ_MAX, &o->seq) ? NULL : "seq";
}

static bool has_column(json_t *data)
{
	for (size_t i = 0; i < column_count; i++)
		if (json_object_get(data, columns[i].name) != NULL)
			return true;
	return false;
}

/* Fills `o` from what the Python backend wrote into the list of its kind. */
static bool read_legacy(json_t *entry, struct operation *o)
{
	switch (o->kind) {
	case OP_CREATE:
		return read_data(entry, o) && has_column(entry);
	case OP_UPDATE:
		return read_target(json_object_get(entry, "id"), o) &&
		       read_data(json_object_get(entry, "data"), o);
	case OP_DELETE:
		return read_target(json_is_object(entry) ? json_object_get(entry, "id") : entry, o);
	}
	return false;
}

struct operation *operation_from_json(json_t *object)
{
	struct operation *o = operation_new();

	if (read_own(object, o) != NULL)
		operation_unref(&o);
	return o;
}

static enum err_code read_entry(json_t *entry, enum op_kind list, struct operation *o,
				struct err *e)
{
	o->kind = list;
	if (json_object_get(entry, "op") == NULL) {
		if (read_legacy(entry, o))
			return ERR_NONE;
		return err_set(e, ERR_INVALID, "of no known shape for a pending %s",
			       op_kind_name(list));
	}
	const char *broken = read_own(entry, o);
	if (broken != NULL)
		return err_set(e, ERR_INVALID, "`%s` of the entry is missing or broken", broken);
	if (o->kind != list)
		return err_set(e, ERR_INVALID, "a pending %s in the list of the pending %ss",
			       op_kind_name(o->kind), op_kind_name(list));
	return ERR_NONE;
}

enum err_code operation_decode(const char *entry, size_t len, enum op_kind list,
			       struct operation **out, struct err *e)
{
	json_error_t error;
	json_t *json = json_loadb(entry, len, JSON_DECODE_ANY, &error);
	struct operation *o = operation_new();
	enum err_code code;

	if (json == NULL)
		code = err_set(e, ERR_INVALID, "not JSON, from byte %d on", error.position);
	else
		code = read_entry(json, list, o, e);
	if (code == ERR_NONE) {
		*out = o;
		o = NULL;
	}
	operation_unref(&o);
	json_decref(json);
	return code;
}
