/* settled.c - operations that wait here although MySQL has them already. */
#include "settled.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"
#include "relevo/tables.h"

#define FIND_CHUNK 500

/* An operation that is done; its item, 0 if it left none. */
struct settled {
	const struct operation *op;
	int64_t item_id;
	const struct applied *record; /* its own, or that of its batch */
};

struct search {
	struct applied *records; /* by id */
	size_t record_count;
	struct settled *found;
	size_t count;
	struct row **rows; /* by id */
	size_t row_count;
};

static void search_free(struct search *s)
{
	for (size_t i = 0; i < s->record_count; i++)
		applied_free(&s->records[i]);
	for (size_t i = 0; i < s->row_count; i++)
		row_unref(&s->rows[i]);
	free(s->records);
	free(s->found);
	free(s->rows);
}

enum err_code settled_begin(struct db *d, struct err *e)
{
	static const char begin[] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
				    "START TRANSACTION WITH CONSISTENT SNAPSHOT";

	return db_run(d, begin, sizeof(begin) - 1, false, false, NULL, NULL, NULL, e);
}

/* --- records --- */

static int by_op(const void *a, const void *b)
{
	const struct applied *x = a, *y = b;

	return opid_compare(x->op, y->op);
}

static enum err_code ask_records(struct search *s, struct db *d, struct operation *const *ops,
				 size_t count, struct err *e)
{
	struct opid *ids = mem_zero(2 * count + 1, sizeof(*ids));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		ids[n++] = ops[i]->id;
		if (!opid_is_zero(ops[i]->batch))
			ids[n++] = ops[i]->batch;
	}
	enum err_code code = applied_find(d, ids, n, &s->records, &s->record_count, e);
	if (code == ERR_NONE && s->record_count > 0)
		qsort(s->records, s->record_count, sizeof(*s->records), by_op);
	free(ids);
	return code;
}

static const struct applied *record_of(const struct search *s, struct opid op)
{
	struct applied key = { .op = op };

	if (s->record_count == 0 || opid_is_zero(op))
		return NULL;
	return bsearch(&key, s->records, s->record_count, sizeof(key), by_op);
}

/* Done by its own record, or as part of a batch. */
static void take(struct search *s, const struct operation *op, unsigned increment)
{
	const struct applied *own = record_of(s, op->id), *batch = record_of(s, op->batch);
	struct settled *f = &s->found[s->count];

	if (own != NULL && own->attempt >= op->attempt)
		*f = (struct settled){ .op = op, .item_id = own->item_id, .record = own };
	else if (batch != NULL && batch->kind == APPLIED_BATCH)
		*f = (struct settled){
			.op = op,
			.item_id = batch->item_id + (int64_t)op->nth * (int64_t)increment,
			.record = batch,
		};
	else
		return;
	s->count++;
}

/* --- rows --- */

static bool take_row(void *ctx, unsigned statement, const struct db_row *result)
{
	struct search *s = ctx;
	struct row *row = tables_row(result);

	(void)statement;
	if (row != NULL && s->row_count < s->count)
		s->rows[s->row_count++] = row;
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static enum err_code ask_rows(struct search *s, struct db *d, struct err *e)
{
	enum err_code code = ERR_NONE;
	struct buf sql = { 0 };

	s->rows = mem_zero(s->count + 1, sizeof(struct row *));
	for (size_t from = 0; from < s->count && code == ERR_NONE; from += FIND_CHUNK) {
		size_t to = s->count - from < FIND_CHUNK ? s->count : from + FIND_CHUNK;

		buf_reset(&sql);
		tables_put_select(&sql);
		buf_puts(&sql, " WHERE id IN (0");
		for (size_t i = from; i < to; i++) {
			buf_putc(&sql, ',');
			buf_put_i64(&sql, s->found[i].item_id);
		}
		buf_putc(&sql, ')');
		code = db_run(d, sql.bytes, sql.len, false, false, take_row, s, NULL, e);
	}
	if (s->row_count > 0)
		qsort(s->rows, s->row_count, sizeof(struct row *), by_id);
	buf_free(&sql);
	return code;
}

static struct row *row_of(const struct search *s, int64_t id)
{
	size_t low = 0, high = s->row_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->rows[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->row_count && s->rows[low]->id == id ? s->rows[low] : NULL;
}

/* --- telling --- */

static void tell_done(const struct settled *f, struct changes *out)
{
	const struct opid none = { { 0 } };
	bool created = f->op->kind == OP_CREATE && f->item_id != 0;

	changes_done(out, &f->op->id, 1, created ? f->op->id : none, created ? f->item_id : 0);
}

/* A row that is not what the record says was written after it, perhaps by others. */
static void tell_item(const struct search *s, struct mirror *m, const struct settled *f,
		      struct changes *out)
{
	struct row *row = row_of(s, f->item_id);
	struct mirror_item_state known;
	uint64_t version = f->record->version;

	if (row != NULL) {
		changes_row(out, row, row->updated_us != f->record->applied_us, false);
		return;
	}
	mirror_item_state(m, f->item_id, (struct opid){ { 0 } }, &known);
	row_unref(&known.row);
	if (known.has_base && known.base_version > version)
		version = known.base_version;
	changes_delete(out, f->item_id, version + 1, false);
}

enum err_code settled_find(struct db *d, struct mirror *m, struct operation *const *ops,
			   size_t count, struct changes *out, struct err *e)
{
	struct search s = { .count = 0 };
	enum err_code code = count > 0 ? ask_records(&s, d, ops, count, e) : ERR_NONE;

	s.found = mem_zero(count + 1, sizeof(*s.found));
	for (size_t i = 0; i < count && code == ERR_NONE; i++)
		take(&s, ops[i], db_increment(d));
	if (code == ERR_NONE && s.count > 0)
		code = ask_rows(&s, d, e);
	for (size_t i = 0; i < s.count && code == ERR_NONE; i++) {
		tell_done(&s.found[i], out);
		if (s.found[i].item_id != 0)
			tell_item(&s, m, &s.found[i], out);
	}
	search_free(&s);
	return code;
}
