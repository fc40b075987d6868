/* change.c - lists of changes, and their JSON in the change log. */
#include "relevo/change.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"

static void change_release(struct change *c)
{
	row_unref(&c->row);
	operation_unref(&c->op);
	free(c->ops);
	json_decref(c->sync);
}

void changes_free(struct changes *c)
{
	for (size_t i = 0; i < c->count; i++)
		change_release(&c->at[i]);
	free(c->at);
	*c = (struct changes){ .at = NULL };
}

static void add(struct changes *c, struct change change /* takes its references */)
{
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 8;
		c->at = mem_resize(c->at, c->room, sizeof *c->at);
	}
	c->at[c->count++] = change;
}

void changes_row(struct changes *c, struct row *row, bool foreign, bool force)
{
	add(c,
	    (struct change){
		    .type = CHANGE_ROW, .row = row_ref(row), .foreign = foreign, .force = force });
}

void changes_delete(struct changes *c, int64_t id, uint64_t version, bool force)
{
	add(c,
	    (struct change){ .type = CHANGE_DELETE, .id = id, .version = version, .force = force });
}

void changes_queued(struct changes *c, struct operation *op)
{
	add(c, (struct change){ .type = CHANGE_QUEUED, .op = operation_ref(op) });
}

void changes_done(struct changes *c, const struct opid *ops, size_t count, struct opid temp,
		  int64_t final_id)
{
	struct opid *copy = mem_resize(NULL, count + 1, sizeof *copy);

	if (count > 0)
		memcpy(copy, ops, count * sizeof *copy);
	add(c, (struct change){ .type = CHANGE_DONE,
				.ops = copy,
				.op_count = count,
				.temp = temp,
				.id = final_id });
}

void changes_sync(struct changes *c, json_t *sync)
{
	add(c, (struct change){ .type = CHANGE_SYNC, .sync = json_incref(sync) });
}

static void put_opid(struct buf *out, struct opid id)
{
	char text[OPID_TEXT_SIZE];

	opid_format(id, text);
	buf_put_json(out, text, strlen(text));
}

static void put_done(struct buf *out, const struct change *c)
{
	buf_puts(out, "{\"t\":\"done\",\"ops\":[");
	for (size_t i = 0; i < c->op_count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		put_opid(out, c->ops[i]);
	}
	buf_putc(out, ']');
	if (!opid_is_zero(c->temp)) {
		buf_puts(out, ",\"temp\":");
		put_opid(out, c->temp);
	}
	if (c->id != 0) {
		buf_puts(out, ",\"id\":");
		buf_put_i64(out, c->id);
	}
}

static void put_sync(struct buf *out, json_t *sync)
{
	const char *name;
	json_t *value;

	buf_puts(out, "{\"t\":\"sync\"");
	json_object_foreach(sync, name, value)
	{
		if (strcmp(name, "t") == 0)
			continue;
		char *text = mem_check(json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY));
		buf_putc(out, ',');
		buf_put_json(out, name, strlen(name));
		buf_putc(out, ':');
		buf_puts(out, text);
		free(text);
	}
}

void change_encode(struct buf *out, const struct change *c)
{
	switch (c->type) {
	case CHANGE_ROW:
		buf_puts(out, "{\"t\":\"row\",\"item\":");
		buf_put(out, c->row->json, c->row->json_len);
		if (c->foreign)
			buf_puts(out, ",\"foreign\":true");
		break;
	case CHANGE_DELETE:
		buf_puts(out, "{\"t\":\"del\",\"id\":");
		buf_put_i64(out, c->id);
		buf_puts(out, ",\"version\":");
		buf_put_u64(out, c->version);
		break;
	case CHANGE_QUEUED:
		buf_puts(out, "{\"t\":\"op\",\"entry\":");
		operation_encode_full(out, c->op);
		break;
	case CHANGE_DONE:
		put_done(out, c);
		break;
	case CHANGE_SYNC:
		put_sync(out, c->sync);
		break;
	}
	if (c->force)
		buf_puts(out, ",\"force\":true");
	buf_putc(out, '}');
}

void changes_encode(struct buf *out, const struct changes *c)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < c->count; i++) {
		if (i > 0)
			buf_putc(out, ',');
		change_encode(out, &c->at[i]);
	}
	buf_putc(out, ']');
}

static void read_row(struct changes *out, json_t *object)
{
	struct row *row = row_from_json(json_object_get(object, "item"));

	if (row != NULL)
		changes_row(out, row, json_is_true(json_object_get(object, "foreign")),
			    json_is_true(json_object_get(object, "force")));
	row_unref(&row);
}

static void read_delete(struct changes *out, json_t *object)
{
	json_int_t id = json_integer_value(json_object_get(object, "id"));
	json_int_t version = json_integer_value(json_object_get(object, "version"));

	if (id > 0 && version >= 0)
		changes_delete(out, id, (uint64_t)version,
			       json_is_true(json_object_get(object, "force")));
}

static void read_queued(struct changes *out, json_t *object)
{
	struct operation *op = operation_from_json(json_object_get(object, "entry"));

	if (op != NULL)
		changes_queued(out, op);
	operation_unref(&op);
}

static bool read_opid(json_t *value, struct opid *out)
{
	return json_is_string(value) &&
	       opid_parse(json_string_value(value), json_string_length(value), out);
}

static void read_done(struct changes *out, json_t *object)
{
	json_t *names = json_object_get(object, "ops");
	json_int_t id = json_integer_value(json_object_get(object, "id"));
	struct opid temp = { { 0 } };
	size_t count = 0;

	struct opid *ops = mem_resize(NULL, json_array_size(names) + 1, sizeof *ops);
	for (size_t i = 0; i < json_array_size(names); i++)
		if (read_opid(json_array_get(names, i), &ops[count]))
			count++;
	if (!read_opid(json_object_get(object, "temp"), &temp))
		id = 0;
	changes_done(out, ops, count, temp, id);
	free(ops);
}

/* One table row a spelling of "t". */
static const struct {
	const char *type;
	void (*read)(struct changes *out, json_t *object);
} readers[] = {
	{ "row", read_row },   { "del", read_delete },	 { "op", read_queued },
	{ "done", read_done }, { "sync", changes_sync },
};

enum err_code changes_decode(struct changes *out, const char *json, size_t len, struct err *e)
{
	json_error_t error;
	json_t *array = json_loadb(json, len, 0, &error);
	json_t *object;
	size_t at;

	if (!json_is_array(array)) {
		json_decref(array);
		return err_set(e, ERR_INTERNAL, "a change log entry is no JSON array");
	}
	json_array_foreach(array, at, object)
	{
		const char *type = json_string_value(json_object_get(object, "t"));
		for (size_t i = 0; type != NULL && i < sizeof readers / sizeof readers[0]; i++)
			if (strcmp(readers[i].type, type) == 0)
				readers[i].read(out, object);
	}
	json_decref(array);
	return ERR_NONE;
}
