/* commit_sql.c - the statements that write a batch. */
#include "commit_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "relevo/plant.h"
#include "relevo/tables.h"

/* Of the first row of the last multi-row INSERT (MySQL 8.4 manual, 14.15 "Information functions").
 */
#define FIRST_ID "LAST_INSERT_ID()"

static void put_values(struct buf *sql, const struct fields *f)
{
	for (size_t c = 0; c < column_count; c++) {
		sql_put_text(sql, f->at[c].text, f->at[c].len);
		buf_putc(sql, ',');
	}
}

static void put_creates(struct buf *sql, const struct batch *b)
{
	buf_puts(sql, "INSERT INTO " TABLE_NAME " (");
	for (size_t c = 0; c < column_count; c++)
		buf_printf(sql, "%s,", columns[c].name);
	buf_puts(sql, "version,updated_at) VALUES ");
	bool first = true;
	for (size_t i = 0; i < b->count; i++) {
		if (b->writes[i]->kind != OP_CREATE)
			continue;
		buf_puts(sql, first ? "(" : ",(");
		put_values(sql, &b->outcomes[i].fields);
		buf_puts(sql, "1,@t)");
		first = false;
	}
	buf_putc(sql, ';');
}

static void put_change(struct buf *sql, const struct commit_write *w, const struct outcome *o)
{
	if (w->kind == OP_DELETE) {
		buf_puts(sql, "DELETE FROM " TABLE_NAME);
	} else {
		buf_puts(sql, "UPDATE " TABLE_NAME " SET ");
		for (size_t c = 0; c < column_count; c++) {
			if (!w->fields->at[c].present)
				continue;
			buf_printf(sql, "%s=", columns[c].name);
			sql_put_text(sql, w->fields->at[c].text, w->fields->at[c].len);
			buf_putc(sql, ',');
		}
		buf_puts(sql, "version=");
		buf_put_u64(sql, o->version);
		buf_puts(sql, ",updated_at=@t");
	}
	buf_puts(sql, " WHERE id=");
	buf_put_i64(sql, w->id);
	buf_putc(sql, ';');
}

static void put_own_record(struct buf *sql, const struct batch *b, size_t index)
{
	const struct commit_write *w = b->writes[index];
	const struct outcome *o = &b->outcomes[index];
	char id[64], version[24];
	if (w->kind == OP_CREATE)
		snprintf(id, sizeof(id), FIRST_ID "+%" PRId64, o->create_nth * db_increment(b->db));
	else
		snprintf(id, sizeof(id), "%" PRId64, w->id);
	snprintf(version, sizeof(version), "%" PRIu64, o->version);
	struct applied_tuple tuple = {
		.op = w->op,
		.kind = (enum applied_kind)w->kind,
		.item_id_sql = id,
		.version_sql = version,
		.members = 1,
		.fingerprint = w->fingerprint,
		.fields = &o->fields,
		.lifetime_s = w->fingerprint != NULL ? LIFETIME_KEYED_S : LIFETIME_DRAINED_S,
	};
	applied_put_tuple(sql, &tuple);
}

/* Comes right after the creates, whose first id LAST_INSERT_ID() is. */
static void put_records(struct buf *sql, const struct batch *b)
{
	struct applied_tuple tuple = {
		.op = b->id,
		.kind = APPLIED_BATCH,
		.item_id_sql = b->creates > 0 ? FIRST_ID : NULL,
		.members = b->lane->blind ? 0 : (unsigned)b->count,
		.lifetime_s = LIFETIME_DRAINED_S,
	};
	applied_put_insert_head(sql);
	for (size_t i = 0; i < b->count; i++) {
		if (opid_is_zero(b->writes[i]->op) || b->writes[i]->verdict != COMMIT_OPEN ||
		    planted(PLANT_DROPPED_OPERATION_ID))
			continue;
		put_own_record(sql, b, i);
		buf_putc(sql, ',');
	}
	applied_put_tuple(sql, &tuple);
	buf_putc(sql, ';');
}

bool batch_forgets_records(const struct batch *b)
{
	return b->lane->certain_count == COMMIT_RECORDS;
}

void batch_put_sql(struct buf *sql, const struct batch *b)
{
	buf_puts(sql, b->begun ? "SET @t := NOW(6);" : "BEGIN;SET @t := NOW(6);");
	if (b->creates > 0)
		put_creates(sql, b);
	put_records(sql, b);
	if (batch_forgets_records(b))
		applied_put_delete(sql, b->lane->certain, b->lane->certain_count);
	for (size_t i = 0; i < b->count; i++) {
		if (b->writes[i]->kind != OP_CREATE && b->writes[i]->verdict == COMMIT_OPEN)
			put_change(sql, b->writes[i], &b->outcomes[i]);
	}
	buf_puts(sql, "SELECT @t," FIRST_ID ";COMMIT");
}
