/* mirror_kit.h - what the tests of the mirror share: short ways to make rows, operations, changes.
 */
#ifndef MIRROR_KIT_H
#define MIRROR_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relevo/clock.h"
#include "relevo/mem.h"
#include "relevo/mirror.h"

#define EPOCH  "test-epoch"
#define NO_OP  ((struct opid){ { 0 } })
#define UNUSED __attribute__((unused))

UNUSED static struct fields kit_fields(const char *code, const char *status)
{
	const char *texts[] = { code, "Computadora", status, "Sala 1", NULL };
	struct fields f = { 0 };
	for (size_t i = 0; i < 5; i++) {
		if (i < 4 && texts[i] == NULL)
			continue;
		f.at[i].present = true;
		f.at[i].text = texts[i];
		f.at[i].len = texts[i] != NULL ? (uint32_t)strlen(texts[i]) : 0;
	}
	return f;
}

UNUSED static struct row *kit_row(int64_t id, uint64_t version, const char *code)
{
	struct fields f = kit_fields(code, "Operativa");
	return row_new(id, NO_OP, version, (int64_t)version * 1000000, false, &f);
}

UNUSED static struct opid kit_id(unsigned n)
{
	struct opid id = { { 1 } };
	id.bytes[6] = 0x70;
	id.bytes[14] = (uint8_t)(n >> 8);
	id.bytes[15] = (uint8_t)n;
	return id;
}

/* Operation number `n`, accepted n-th. `temp` 0: on item `id`; `status` of an update or create. */
UNUSED static struct operation *kit_op(enum op_kind kind, unsigned n, int64_t id, unsigned temp,
				       const char *status)
{
	struct operation *o = operation_new();
	struct fields f = kit_fields(kind == OP_CREATE ? "NEW" : NULL, status);
	o->id = kit_id(n);
	o->kind = kind;
	o->item_id = id;
	o->temp = temp != 0 ? kit_id(temp) : NO_OP;
	o->accepted_us = (int64_t)n * 1000;
	o->seq = n;
	if (kind == OP_CREATE)
		o->temp = o->id;
	if (kind == OP_UPDATE) {
		f.at[1].present = false;
		f.at[3].present = false;
		f.at[4].present = false;
	}
	if (kind != OP_DELETE)
		fields_copy(&o->fields, &f);
	return o;
}

UNUSED static void add_row(struct changes *c, int64_t id, uint64_t version, const char *code)
{
	struct row *row = kit_row(id, version, code);
	changes_row(c, row, false, false);
	row_unref(&row);
}

UNUSED static void add_op(struct changes *c, enum op_kind kind, unsigned n, int64_t id,
			  unsigned temp, const char *status)
{
	struct operation *o = kit_op(kind, n, id, temp, status);
	changes_queued(c, o);
	operation_unref(&o);
}

/* Apply as the next log entry and free the changes. */
UNUSED static void log_next(struct mirror *m, struct changes *c)
{
	struct mirror_position p = mirror_position(m);
	assert_true(mirror_apply(m, p.epoch, p.seq + 1, 7, c));
	changes_free(c);
}

UNUSED static void log_row(struct mirror *m, int64_t id, uint64_t version, const char *code)
{
	struct changes c = { 0 };
	add_row(&c, id, version, code);
	log_next(m, &c);
}

UNUSED static void log_delete(struct mirror *m, int64_t id, uint64_t version)
{
	struct changes c = { 0 };
	changes_delete(&c, id, version, false);
	log_next(m, &c);
}

UNUSED static void log_op(struct mirror *m, enum op_kind kind, unsigned n, int64_t id,
			  unsigned temp, const char *status)
{
	struct changes c = { 0 };
	add_op(&c, kind, n, id, temp, status);
	log_next(m, &c);
}

/* Operation `n` is done; `final_id` if it was a drained create. */
UNUSED static void add_done(struct changes *c, unsigned n, int64_t final_id)
{
	struct opid op = kit_id(n);
	changes_done(c, &op, 1, final_id != 0 ? op : NO_OP, final_id);
}

UNUSED static void log_done(struct mirror *m, unsigned n, int64_t final_id)
{
	struct changes c = { 0 };
	add_done(&c, n, final_id);
	log_next(m, &c);
}

UNUSED static struct mirror *kit_mirror(void)
{
	struct mirror *m = mirror_new();
	struct mirror_position p = { .epoch = EPOCH };
	mirror_rebase(m, &p);
	return m;
}

/* The mirror's array as one string; caller frees. */
UNUSED static char *kit_view_text(struct mirror_view *v)
{
	size_t count, bytes;
	struct iovec *pieces = mirror_view_array(v, &count, &bytes);
	struct buf b = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_put(&b, pieces[i].iov_base, pieces[i].iov_len);
	assert_int_equal(b.len, bytes);
	free(pieces);
	return buf_take(&b, NULL);
}

UNUSED static char *kit_text(struct mirror *m)
{
	struct mirror_view *v = mirror_view(m);
	struct mirror_counts counts;
	char *text = kit_view_text(v);
	mirror_counts(m, &counts);
	assert_int_equal(counts.snapshot_bytes, strlen(text));
	mirror_view_unref(&v);
	return text;
}

/* "code/status/version[p]" of an item, "-" if it is not shown. */
UNUSED static const char *kit_show_row(struct row *row)
{
	static char out[160];
	if (row == NULL)
		return "-";
	snprintf(out, sizeof(out), "%s/%s/%llu%s", row->fields.at[0].text, row->fields.at[2].text,
		 (unsigned long long)row->version, row->pending ? "p" : "");
	row_unref(&row);
	return out;
}
#define shown(m, id)	  kit_show_row(mirror_get(m, id))
#define shown_temp(m, op) kit_show_row(mirror_get_temp(m, kit_id(op)))
#define assert_text(a, b) assert_string_equal(a, b)

UNUSED static int setup(void **state)
{
	*state = kit_mirror();
	return 0;
}

UNUSED static int teardown(void **state)
{
	struct mirror *m = *state;
	mirror_free(&m);
	return 0;
}

UNUSED static struct mirror_counts counts_of(struct mirror *m)
{
	struct mirror_counts c;
	mirror_counts(m, &c);
	return c;
}

UNUSED static void apply_unlogged_row(struct mirror *m, int64_t id, uint64_t version,
				      const char *code)
{
	struct changes c = { 0 };
	add_row(&c, id, version, code);
	mirror_apply_unlogged(m, &c);
	changes_free(&c);
}

/* Load what `from` shows and waits for into a new mirror: the bytes must be the same. */
UNUSED static struct mirror *reload(struct mirror *from)
{
	struct mirror *m = mirror_new();
	struct mirror_position p = mirror_position(from);
	size_t op_count;
	struct operation **ops = mirror_operations(from, &op_count);
	char *before = kit_text(from);
	json_t *array = json_loads(before, 0, NULL);
	size_t row_count = json_array_size(array);
	struct row **rows = mem_zero(row_count + 1, sizeof(struct row *));
	for (size_t i = 0; i < row_count; i++)
		rows[i] = row_from_json(json_array_get(array, i));
	mirror_load(m, rows, row_count, ops, op_count, &p, false, NULL);
	char *after = kit_text(m);
	assert_text(after, before);
	for (size_t i = 0; i < row_count; i++)
		row_unref(&rows[i]);
	for (size_t i = 0; i < op_count; i++)
		operation_unref(&ops[i]);
	free(rows);
	free(ops);
	free(before);
	free(after);
	json_decref(array);
	return m;
}

#define MINUTE_US ((int64_t)60 * 1000000)
#define WITH(f)	  cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
