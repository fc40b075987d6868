/* applied.c - rows of items, and the record of what was applied: their SQL both ways. */
#include "relevo/tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/mem.h"

#define FIND_CHUNK 500
#define APPLIED_COLUMNS \
	"op,kind,state,item_id,version,members,attempt,fingerprint,fields,accepted_at,applied_at"
#define SELECT_APPLIED \
	"SELECT " APPLIED_COLUMNS ",TIMESTAMPDIFF(SECOND,NOW(6),expires_at) FROM relevo_applied"

void tables_put_item_columns(struct buf *out)
{
	buf_puts(out, "id,");
	for (size_t i = 0; i < column_count; i++)
		buf_printf(out, "`%s`,", columns[i].name);
	buf_puts(out, "version,updated_at");
}

void tables_put_select(struct buf *out)
{
	buf_puts(out, "SELECT ");
	tables_put_item_columns(out);
	buf_puts(out, " FROM " TABLE_NAME);
}

struct row *tables_row(const struct db_row *result)
{
	struct fields fields = { .store = NULL };
	const size_t version = 1 + column_count, updated = version + 1;
	const struct opid none = { { 0 } };
	int64_t updated_us = 0;

	if (result->count != updated + 1 || result->text[0] == NULL ||
	    result->text[version] == NULL)
		return NULL;
	/* Such as 0000-00-00 00:00:00: a row like any other, but of no known time. */
	if (result->text[updated] == NULL || !clock_parse(result->text[updated], &updated_us))
		updated_us = 0;
	for (size_t i = 0; i < column_count; i++)
		fields.at[i] = (struct field){ .text = result->text[1 + i],
					       .len = (uint32_t)result->len[1 + i],
					       .present = true };
	return row_new(strtoll(result->text[0], NULL, 10), none,
		       strtoull(result->text[version], NULL, 10), updated_us, false, &fields);
}

struct each_row {
	void (*each)(void *ctx, struct row *row);
	void *ctx;
};

static bool give_row(void *ctx, unsigned statement, const struct db_row *result)
{
	struct each_row *to = ctx;
	struct row *row = tables_row(result);

	(void)statement;
	if (row != NULL)
		to->each(to->ctx, row);
	return true;
}

enum err_code tables_each_row(struct db *d, void (*each)(void *ctx, struct row *row), void *ctx,
			      struct err *e)
{
	struct each_row to = { .each = each, .ctx = ctx };
	struct buf sql = { 0 };

	tables_put_select(&sql);
	buf_puts(&sql, " WHERE id > 0 ORDER BY id");
	enum err_code code = db_run(d, sql.bytes, sql.len, false, true, give_row, &to, NULL, e);
	buf_free(&sql);
	return code;
}

void applied_put_insert_head(struct buf *out)
{
	buf_puts(out, "INSERT INTO relevo_applied (" APPLIED_COLUMNS ",expires_at) VALUES ");
}

void applied_put_tuple(struct buf *out, const struct applied_tuple *t)
{
	buf_putc(out, '(');
	sql_put_opid(out, t->op);
	buf_printf(out, ",%d,%d,%s,%s,%u,%u,", (int)t->kind, (int)t->state,
		   t->item_id_sql != NULL ? t->item_id_sql : "0",
		   t->version_sql != NULL ? t->version_sql : "0", t->members, t->attempt);
	if (t->fingerprint != NULL)
		sql_put_bytes(out, t->fingerprint, 16);
	else
		buf_puts(out, "NULL");
	buf_putc(out, ',');
	if (t->fields != NULL) {
		struct buf json = { 0 };

		fields_render(&json, t->fields);
		sql_put_text(out, json.bytes, json.len);
		buf_free(&json);
	} else {
		buf_puts(out, "NULL");
	}
	buf_putc(out, ',');
	if (t->accepted_us != 0)
		sql_put_time(out, t->accepted_us);
	else
		buf_puts(out, "@t");
	buf_printf(out, ",@t,NOW(6)+INTERVAL %u SECOND)", t->lifetime_s);
}

void applied_put_delete(struct buf *out, const struct opid *ops, size_t count)
{
	/* One by one: for a list of keys MariaDB reads a small table from end to end, and waits for
	 * whatever row somebody holds in it. */
	for (size_t i = 0; i < count; i++) {
		buf_puts(out, "DELETE FROM relevo_applied WHERE op=");
		sql_put_opid(out, ops[i]);
		buf_putc(out, ';');
	}
}

/* --- reading --- */

struct found {
	struct applied *at;
	size_t count, room;
};

static void found_free(struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		applied_free(&f->at[i]);
	free(f->at);
}

static void read_fields(struct applied *a, const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, 0, NULL);

	if (json_is_object(object)) {
		fields_from_json(&a->fields, object);
		a->has_fields = true;
	}
	json_decref(object);
}

/* Hands over what was found, or drops it after an error. */
static enum err_code found_give(struct found *f, enum err_code code, struct applied **out,
				size_t *count)
{
	if (code != ERR_NONE) {
		found_free(f);
		return code;
	}
	*out = f->at;
	*count = f->count;
	return ERR_NONE;
}

static bool found_row(void *ctx, unsigned statement, const struct db_row *row)
{
	struct found *f = ctx;
	struct applied a = { .item_id = 0 };

	(void)statement;
	if (row->count != 12 || row->text[0] == NULL || row->len[0] != sizeof(a.op.bytes))
		return true;
	for (size_t i = 1; i < 12; i++)
		if (row->text[i] == NULL && i != 7 && i != 8)
			return true;
	memcpy(a.op.bytes, row->text[0], sizeof(a.op.bytes));
	a.kind = (enum applied_kind)strtol(row->text[1], NULL, 10);
	a.state = (enum applied_state)strtol(row->text[2], NULL, 10);
	a.item_id = strtoll(row->text[3], NULL, 10);
	a.version = strtoull(row->text[4], NULL, 10);
	a.members = (unsigned)strtoul(row->text[5], NULL, 10);
	a.attempt = (unsigned)strtoul(row->text[6], NULL, 10);
	if (row->text[7] != NULL && row->len[7] == sizeof(a.fingerprint)) {
		memcpy(a.fingerprint, row->text[7], sizeof(a.fingerprint));
		a.has_fingerprint = true;
	}
	if (row->text[8] != NULL)
		read_fields(&a, row->text[8], row->len[8]);
	(void)clock_parse(row->text[9], &a.accepted_us);
	(void)clock_parse(row->text[10], &a.applied_us);
	a.left_s = strtoll(row->text[11], NULL, 10);
	if (f->count == f->room) {
		f->room = f->room == 0 ? 16 : f->room * 2;
		f->at = mem_resize(f->at, f->room, sizeof(*f->at));
	}
	f->at[f->count++] = a;
	return true;
}

enum err_code applied_find(struct db *d, const struct opid *ops, size_t count, struct applied **out,
			   size_t *found, struct err *e)
{
	struct found f = { .at = NULL };
	struct buf sql = { 0 };
	enum err_code code = ERR_NONE;

	for (size_t from = 0; from < count && code == ERR_NONE; from += FIND_CHUNK) {
		size_t to = count - from < FIND_CHUNK ? count : from + FIND_CHUNK;

		buf_reset(&sql);
		buf_puts(&sql, SELECT_APPLIED " WHERE op IN (");
		for (size_t i = from; i < to; i++) {
			if (i > from)
				buf_putc(&sql, ',');
			sql_put_opid(&sql, ops[i]);
		}
		buf_putc(&sql, ')');
		code = db_run(d, sql.bytes, sql.len, false, false, found_row, &f, NULL, e);
	}
	buf_free(&sql);
	return found_give(&f, code, out, found);
}

enum err_code applied_after(struct db *d, struct opid after, unsigned limit, struct applied **out,
			    size_t *found, struct err *e)
{
	struct found f = { .at = NULL };
	struct buf sql = { 0 };
	enum err_code code;

	buf_puts(&sql, SELECT_APPLIED " WHERE op>");
	sql_put_opid(&sql, after);
	buf_printf(&sql, " AND kind<%d AND expires_at>NOW(6) ORDER BY op LIMIT %u",
		   (int)APPLIED_BATCH, limit);
	code = db_run(d, sql.bytes, sql.len, false, false, found_row, &f, NULL, e);
	buf_free(&sql);
	return found_give(&f, code, out, found);
}

struct creates {
	void (*each)(void *ctx, struct opid op, int64_t id);
	void *ctx;
	struct opid *last;
	size_t *count;
};

static bool give_create(void *ctx, unsigned statement, const struct db_row *row)
{
	struct creates *to = ctx;

	(void)statement;
	if (row->count != 3 || row->text[0] == NULL || row->len[0] != sizeof(to->last->bytes))
		return true;
	memcpy(to->last->bytes, row->text[0], row->len[0]);
	++*to->count;
	if (row->text[2] != NULL && row->text[2][0] == '1')
		to->each(to->ctx, *to->last,
			 row->text[1] == NULL ? 0 : strtoll(row->text[1], NULL, 10));
	return true;
}

enum err_code applied_drained_creates(struct db *d, struct opid after, unsigned limit,
				      void (*each)(void *ctx, struct opid op, int64_t id),
				      void *ctx, struct opid *last, size_t *count, struct err *e)
{
	struct creates to = { .each = each, .ctx = ctx, .last = last, .count = count };
	struct buf sql = { 0 };

	*count = 0;
	/* Those that did not wait were accepted when they were applied. No condition but on the
	 * key: a statement that has to skip much may take longer than the time-out. */
	buf_printf(&sql,
		   "SELECT op,item_id,kind=%d AND accepted_at<>applied_at FROM relevo_applied "
		   "WHERE op>",
		   (int)APPLIED_CREATE);
	sql_put_opid(&sql, after);
	buf_printf(&sql, " ORDER BY op LIMIT %u", limit);
	enum err_code code = db_run(d, sql.bytes, sql.len, false, false, give_create, &to, NULL, e);
	buf_free(&sql);
	return code;
}

void applied_free(struct applied *a)
{
	if (a->has_fields)
		fields_free(&a->fields);
	a->has_fields = false;
}

static bool estimate_row(void *ctx, unsigned statement, const struct db_row *row)
{
	uint64_t *rows = ctx;

	(void)statement;
	if (row->count == 1 && row->text[0] != NULL)
		*rows = strtoull(row->text[0], NULL, 10);
	return true;
}

enum err_code applied_estimate(struct db *d, uint64_t *rows, struct err *e)
{
	static const char sql[] = "SELECT TABLE_ROWS FROM information_schema.TABLES"
				  " WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME='relevo_applied'";

	return db_run(d, sql, sizeof(sql) - 1, false, false, estimate_row, rows, NULL, e);
}

enum err_code applied_purge(struct db *d, unsigned limit, uint64_t *removed, struct err *e)
{
	struct db_outcome outcome = { 0 };
	struct buf sql = { 0 };
	enum err_code code;

	buf_printf(&sql,
		   "DELETE FROM relevo_applied WHERE expires_at<NOW(6)"
		   " ORDER BY expires_at LIMIT %u",
		   limit);
	code = db_run(d, sql.bytes, sql.len, true, false, NULL, NULL, &outcome, e);
	buf_free(&sql);
	if (code == ERR_NONE)
		*removed = outcome.affected[0];
	return code;
}

/* --- as answered --- */

struct row *applied_row(const struct applied *a)
{
	const struct opid none = { { 0 } };

	if (!a->has_fields)
		return NULL;
	if (a->item_id == 0)
		return row_new(0, a->op, 0, a->accepted_us, false, &a->fields);
	return row_new(a->item_id, none, a->version, a->applied_us, false, &a->fields);
}

static void put_time(struct buf *out, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(us, text);
	buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

char *applied_record(const struct applied *a)
{
	static const char *const states[] = { "applied", "conflict", "rejected" };
	struct buf out = { 0 };
	struct row *row = applied_row(a);

	buf_printf(&out, "{\"kind\":\"%s\",\"state\":\"%s\",\"id\":",
		   a->kind <= APPLIED_DELETE ? op_kind_name((enum op_kind)a->kind) : "batch",
		   states[a->state <= STATE_REJECTED ? a->state : STATE_REJECTED]);
	if (a->item_id != 0)
		buf_put_i64(&out, a->item_id);
	else
		buf_puts(&out, "null");
	put_time(&out, "accepted_at", a->accepted_us != 0 ? a->accepted_us : a->applied_us);
	put_time(&out, "applied_at", a->applied_us);
	if (a->has_fingerprint) {
		buf_puts(&out, ",\"fingerprint\":\"");
		for (size_t i = 0; i < sizeof(a->fingerprint); i++)
			buf_printf(&out, "%02x", a->fingerprint[i]);
		buf_putc(&out, '"');
	}
	if (row != NULL) {
		buf_puts(&out, ",\"item\":");
		buf_put(&out, row->json, row->json_len);
	}
	buf_putc(&out, '}');
	row_unref(&row);
	return buf_take(&out, NULL);
}
