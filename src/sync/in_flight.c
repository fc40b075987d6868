/* in_flight.c - rows that MySQL has and nobody has been told of yet.
 *
 * Whoever writes a row records it in relevo_applied with the row's own time, so a row with such a
 * record is ours. While creates wait anywhere it may be the effect of one whose COMMIT got lost,
 * which the drain finds out.
 */
#include "in_flight.h"

#include <inttypes.h>
#include <string.h>

#include "relevo/buf.h"
#include "relevo/clock.h"

struct search {
	struct row *const *rows;
	size_t count;
	bool *flags;
	bool creates_wait;
};

static bool is_unknown(struct mirror *m, const struct row *row)
{
	struct mirror_item_state state;

	mirror_item_state(m, row->id, (struct opid){ { 0 } }, &state);
	row_unref(&state.row);
	return !state.known;
}

static bool creates_wait(struct mirror *m)
{
	struct mirror_counts counts;

	mirror_counts(m, &counts);
	return counts.pending[OP_CREATE] > 0;
}

static bool take_record(void *ctx, unsigned statement, const struct db_row *result)
{
	struct search *s = ctx;
	int64_t applied_us;

	(void)statement;
	if (result->count != 2 || result->text[0] == NULL || result->text[1] == NULL ||
	    !clock_parse(result->text[0], &applied_us))
		return true;
	for (size_t i = 0; i < s->count; i++)
		if (s->rows[i]->updated_us == applied_us)
			s->flags[i] = s->creates_wait || strcmp(result->text[1], "1") == 0;
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
		   " MICROSECOND FROM relevo_applied WHERE applied_at IN (",
		   young_ms * 1000);
	for (size_t i = 0; i < count; i++) {
		if (!is_unknown(m, rows[i]))
			continue;
		if (put++ > 0)
			buf_putc(&sql, ',');
		sql_put_time(&sql, rows[i]->updated_us);
	}
	buf_putc(&sql, ')');
	s.creates_wait = creates_wait(m);
	if (put > 0)
		code = db_run(d, sql.bytes, sql.len, false, false, take_record, &s, NULL, e);
	for (size_t i = 0; i < count && put > 0; i++)
		flags[i] = flags[i] && is_unknown(m, rows[i]);
	buf_free(&sql);
	return code;
}
