/* operation_data.c - what an operation is to write: its fields, and what came with them but fits no
 * column, kept for validation to refuse. */
#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"
#include "relevo/operation.h"
#include "validate.h"

/* Members of other names are refused in updates, where a slip would change nothing, but for the
 * item's own; the Python backend's creates have some. */
static bool fits(enum op_kind kind, const char *name, json_t *value)
{
	size_t len = strlen(name);

	if (column_find(name, len) >= 0)
		return json_is_string(value) || json_is_null(value);
	return kind != OP_UPDATE || own_member_find(name, len) >= 0;
}

void operation_take_data(struct operation *o, json_t *data)
{
	json_t *misfits = json_object(), *value;
	const char *name;

	json_object_foreach(data, name, value)
	{
		if (!fits(o->kind, name, value))
			json_object_set(misfits, name, value);
	}
	if (json_object_size(misfits) > 0)
		o->misfits = mem_check(json_dumps(misfits, JSON_COMPACT));
	json_decref(misfits);
	fields_from_json(&o->fields, data);
}

void operation_put_data(struct buf *out, const struct operation *o)
{
	struct buf fields = { 0 };

	if (o->misfits == NULL) {
		fields_render(out, &o->fields);
		return;
	}
	fields_render(&fields, &o->fields);
	/* Without the braces between the two objects. */
	buf_put(out, fields.bytes, fields.len - 1);
	if (fields.len > 2)
		buf_putc(out, ',');
	buf_puts(out, o->misfits + 1);
	buf_free(&fields);
}

enum err_code operation_validate(const struct operation *o, struct faults *faults, struct err *e)
{
	json_t *misfits = o->misfits == NULL ? NULL : json_loads(o->misfits, 0, NULL), *value;
	const char *name;

	faults_init(faults);
	json_object_foreach(misfits, name, value)
	{
		int column = column_find(name, strlen(name));

		if (column >= 0)
			column_wrong_type(faults, &columns[column]);
		else
			faults_add(faults, name, strlen(name), FAULT_UNKNOWN);
	}
	json_decref(misfits);
	if (o->kind == OP_DELETE)
		return ERR_NONE;
	return fields_validate(&o->fields, o->kind == OP_CREATE, faults, e);
}
