/* in_flight.c - rows that MySQL has and nobody has been told of yet.
 *
 * Whoever writes a row records it in relevo_applied with the row's own time, so a row with such a
 * record is ours. If the record is that of a waiting create, whose COMMIT got lost, the drain will
 * find that out.
 */
#include "in_flight.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/clock.h"

struct search {
	struct row *const *rows;
	size_t count;
	bool *flags;
	struct operation **waiting; /* owned references */
	size_t waiting_count;
};

static bool is_unknown(struct mirror *m, const struct row *row)
{
	return !mirror_knows(m, row->id, (struct opid){ { 0 } });
}

/* The record is that of a waiting create, or of the batch it was in. */
static bool is_of_waiting(const struct search *s, struct opid record)
{
	for (size_t i = 0; i < s->waiting_count; i++) {
		const struct operation *op = s->waiting[i];

		if (op->kind == OP_CREATE &&
		    (opid_equal(op->id, record) || opid_equal(op->batch, record)))
			return true;
	}
	return false;
}

static bool take_record(void *ctx, unsigned statement, const struct db_row *result)
{
	struct search *s = ctx;
	struct opid record;
	int64_t applied_us;
	bool flag;

	(void)statement;
	if (result->count != 3 || result->text[0] == NULL || result->text[1] == NULL ||
	    result->text[2] == NULL || result->len[2] != sizeof(record.bytes) ||
	    !clock_parse(result->text[0], &applied_us))
		return true;
	memcpy(record.bytes, result->text[2], sizeof(record.bytes));
	flag = strcmp(result->text[1], "1") == 0 || is_of_waiting(s, record);
	for (size_t i = 0; i < s->count && flag; i++)
		if (s->rows[i]->updated_us == applied_us)
			s->flags[i] = true;
	return true;
}

enum err_code in_flight_find(struct db *d, struct mirror *m, int64_t young_ms,
			     struct row *const *rows, size_t count, bool *flags, struct err *e)
{
	struct search s = { .rows = rows, .count = count, .flags = flags };
	struct buf sql = { 0 };
	enum err_code code = ERR_NONE;
	size_t put = 0;

	buf_printf(&sql,
		   "SELECT applied_at,applied_at>NOW(6)-INTERVAL %" PRId64
		   " MICROSECOND,op FROM relevo_applied WHERE applied_at IN (",
		   young_ms * 1000);
	for (size_t i = 0; i < count; i++) {
		if (!is_unknown(m, rows[i]))
			continue;
		if (put++ > 0)
			buf_putc(&sql, ',');
		sql_put_time(&sql, rows[i]->updated_us);
	}
	buf_putc(&sql, ')');
	if (put > 0) {
		s.waiting = mirror_operations(m, &s.waiting_count);
		code = db_run(d, sql.bytes, sql.len, false, false, take_record, &s, NULL, e);
	}
	for (size_t i = 0; i < s.waiting_count; i++)
		operation_unref(&s.waiting[i]);
	free(s.waiting);
	for (size_t i = 0; i < count && put > 0; i++)
		flags[i] = flags[i] && is_unknown(m, rows[i]);
	buf_free(&sql);
	return code;
}
