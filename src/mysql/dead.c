/* dead.c - dead letters: their SQL both ways, and their spelling for the API and Redis. */
#include "relevo/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/mem.h"

#define DEAD_COLUMNS \
	"op,kind,reason,item_key,detail,`data`,`base`,`current`,accepted_at,created_at,instance"
#define JSON_MAX 65536 /* bytes of data and base each */

void dead_letter_free(struct dead_letter *l)
{
	free(l->detail);
	free(l->data);
	free(l->base);
	free(l->current);
	memset(l, 0, sizeof(*l));
}

/* At most `max` bytes of `text`, cut at a character boundary. */
static size_t cut(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	len = max;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* --- spelling --- */

/* No letter may be too long to be written: what no rule of ours let pass knows no bound. */
static const char *kept(const char *json)
{
	return json != NULL && strnlen(json, JSON_MAX + 1) <= JSON_MAX ? json : NULL;
}

static void put_json_or_null(struct buf *out, const char *name, const char *json)
{
	buf_printf(out, ",\"%s\":", name);
	buf_puts(out, json != NULL ? json : "null");
}

static void put_time_or_null(struct buf *out, const char *name, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];

	buf_printf(out, ",\"%s\":", name);
	if (us == 0) {
		buf_puts(out, "null");
		return;
	}
	clock_format(us, text);
	buf_printf(out, "\"%s\"", text);
}

static void put_item_id(struct buf *out, const char *key)
{
	if (key[0] == '\0')
		buf_puts(out, "null");
	else if (key[0] == 'p')
		buf_put_json(out, key, strlen(key));
	else
		buf_put_i64(out, strtoll(key, NULL, 10));
}

char *dead_letter_json(const struct dead_letter *l)
{
	struct buf out = { 0 };
	char op[OPID_TEXT_SIZE];

	opid_format(l->op, op);
	buf_printf(&out, "{\"operation\":\"%s\",\"kind\":\"%s\",\"id\":", op, l->kind);
	put_item_id(&out, l->item_key);
	buf_printf(&out, ",\"reason\":\"%s\",\"detail\":", l->reason);
	if (l->detail != NULL)
		buf_put_json(&out, l->detail, cut(l->detail, LETTER_DETAIL_MAX));
	else
		buf_puts(&out, "null");
	put_json_or_null(&out, "data", kept(l->data));
	put_json_or_null(&out, "base", kept(l->base));
	put_json_or_null(&out, "current", l->current);
	put_time_or_null(&out, "accepted_at", l->accepted_us);
	buf_puts(&out, ",\"instance\":");
	buf_put_json(&out, l->instance, strlen(l->instance));
	put_time_or_null(&out, "created_at", l->created_us);
	buf_putc(&out, '}');
	return buf_take(&out, NULL);
}

/* --- writing --- */

static void put_text(struct buf *out, const char *text)
{
	buf_putc(out, ',');
	sql_put_text(out, text, text != NULL ? strlen(text) : 0);
}

void dead_put_replace(struct buf *out, const struct dead_letter *l)
{
	buf_puts(out, "REPLACE INTO relevo_dead (" DEAD_COLUMNS ") VALUES (");
	sql_put_opid(out, l->op);
	put_text(out, l->kind);
	put_text(out, l->reason);
	put_text(out, l->item_key);
	buf_putc(out, ',');
	sql_put_text(out, l->detail, l->detail != NULL ? cut(l->detail, LETTER_DETAIL_MAX) : 0);
	put_text(out, kept(l->data));
	put_text(out, kept(l->base));
	put_text(out, l->current);
	buf_putc(out, ',');
	if (l->accepted_us != 0)
		sql_put_time(out, l->accepted_us);
	else
		buf_puts(out, "NULL");
	buf_puts(out, ",@t");
	put_text(out, l->instance);
	buf_puts(out, ");");
}

void dead_put_delete(struct buf *out, struct opid op)
{
	buf_puts(out, "DELETE FROM relevo_dead WHERE op=");
	sql_put_opid(out, op);
	buf_putc(out, ';');
}

/* --- reading --- */

struct letters {
	struct dead_letter *at;
	size_t count, room;
};

static void take_text(char *out, size_t size, const struct db_row *row, unsigned i)
{
	snprintf(out, size, "%s", row->text[i] != NULL ? row->text[i] : "");
}

static char *new_text(const struct db_row *row, unsigned i)
{
	return row->text[i] != NULL ? mem_copy(row->text[i], row->len[i]) : NULL;
}

static bool letter_row(void *ctx, unsigned statement, const struct db_row *row)
{
	struct letters *all = ctx;
	struct dead_letter l = { .detail = NULL };

	(void)statement;
	if (row->count != 11 || row->text[0] == NULL || row->len[0] != sizeof(l.op.bytes))
		return true;
	memcpy(l.op.bytes, row->text[0], sizeof(l.op.bytes));
	take_text(l.kind, sizeof(l.kind), row, 1);
	take_text(l.reason, sizeof(l.reason), row, 2);
	take_text(l.item_key, sizeof(l.item_key), row, 3);
	l.detail = new_text(row, 4);
	l.data = new_text(row, 5);
	l.base = new_text(row, 6);
	l.current = new_text(row, 7);
	if (row->text[8] != NULL)
		(void)clock_parse(row->text[8], &l.accepted_us);
	if (row->text[9] != NULL)
		(void)clock_parse(row->text[9], &l.created_us);
	take_text(l.instance, sizeof(l.instance), row, 10);
	if (all->count == all->room) {
		all->room = all->room == 0 ? 16 : all->room * 2;
		all->at = mem_resize(all->at, all->room, sizeof(*all->at));
	}
	all->at[all->count++] = l;
	return true;
}

/* Takes `sql`. */
static enum err_code read_letters(struct db *d, struct buf *sql, struct dead_letter **out,
				  size_t *count, struct err *e)
{
	struct letters all = { .at = NULL };
	enum err_code code =
		db_run(d, sql->bytes, sql->len, false, false, letter_row, &all, NULL, e);

	buf_free(sql);
	if (code != ERR_NONE) {
		for (size_t i = 0; i < all.count; i++)
			dead_letter_free(&all.at[i]);
		free(all.at);
		return code;
	}
	*out = all.at;
	*count = all.count;
	return ERR_NONE;
}

enum err_code dead_letter_list(struct db *d, unsigned limit, struct dead_letter **out,
			       size_t *count, struct err *e)
{
	struct buf sql = { 0 };

	buf_printf(&sql,
		   "SELECT " DEAD_COLUMNS " FROM relevo_dead ORDER BY created_at DESC,op DESC"
		   " LIMIT %u",
		   limit);
	return read_letters(d, &sql, out, count, e);
}

enum err_code dead_letter_find(struct db *d, struct opid op, struct dead_letter **out,
			       size_t *count, struct err *e)
{
	struct buf sql = { 0 };

	buf_puts(&sql, "SELECT " DEAD_COLUMNS " FROM relevo_dead WHERE op=");
	sql_put_opid(&sql, op);
	return read_letters(d, &sql, out, count, e);
}

static bool count_row(void *ctx, unsigned statement, const struct db_row *row)
{
	uint64_t *count = ctx;

	(void)statement;
	if (row->count == 1 && row->text[0] != NULL)
		*count = strtoull(row->text[0], NULL, 10);
	return true;
}

enum err_code dead_letter_count(struct db *d, uint64_t *count, struct err *e)
{
	static const char sql[] = "SELECT COUNT(*) FROM relevo_dead";

	return db_run(d, sql, sizeof(sql) - 1, false, false, count_row, count, NULL, e);
}
