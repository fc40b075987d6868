/* schema.c - the tables in MySQL: created when missing, an older items table adopted. */
#include "relevo/tables.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "relevo/log.h"

#define LOCK_NAME     "CONCAT('relevo:',LEFT(SHA2(DATABASE(),256),32))"
#define LOCK_TRIES    50
#define LOCK_PAUSE_MS 100

enum { ER_DUP_FIELDNAME = 1060 };

/* Every TIMESTAMP has an explicit default, so that none gets one of the server's own making. */
#define CREATE_APPLIED                                                    \
	"CREATE TABLE IF NOT EXISTS relevo_applied ("                     \
	"op BINARY(16) NOT NULL PRIMARY KEY,"                             \
	"kind TINYINT NOT NULL,"                                          \
	"state TINYINT NOT NULL,"                                         \
	"item_id BIGINT NOT NULL DEFAULT 0,"                              \
	"version BIGINT UNSIGNED NOT NULL DEFAULT 0,"                     \
	"members INT UNSIGNED NOT NULL DEFAULT 0,"                        \
	"attempt INT UNSIGNED NOT NULL DEFAULT 0,"                        \
	"fingerprint BINARY(16) NULL,"                                    \
	"fields MEDIUMTEXT NULL,"                                         \
	"accepted_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)," \
	"applied_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"  \
	"expires_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"  \
	"KEY expires (expires_at),"                                       \
	"KEY applied (applied_at,item_id)"                                \
	") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
#define CREATE_DEAD                                                      \
	"CREATE TABLE IF NOT EXISTS relevo_dead ("                       \
	"op BINARY(16) NOT NULL PRIMARY KEY,"                            \
	"kind VARCHAR(12) NOT NULL,"                                     \
	"reason VARCHAR(12) NOT NULL,"                                   \
	"item_key VARCHAR(48) NOT NULL,"                                 \
	"detail TEXT NULL,"                                              \
	"`data` MEDIUMTEXT NULL,"                                        \
	"`base` MEDIUMTEXT NULL,"                                        \
	"`current` MEDIUMTEXT NULL,"                                     \
	"accepted_at TIMESTAMP(6) NULL DEFAULT NULL,"                    \
	"created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)," \
	"instance VARCHAR(64) NOT NULL DEFAULT '',"                      \
	"KEY created (created_at)"                                       \
	") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
#define VERSION_TYPE "BIGINT UNSIGNED NOT NULL DEFAULT 1"
#define UPDATED_TYPE \
	"TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)"

/* What stands in the database. */
struct shape {
	bool items, applied, dead;
	bool version, updated_at, column[COLUMNS_MAX];
};

static bool shape_row(void *ctx, unsigned statement, const struct db_row *row)
{
	struct shape *s = ctx;
	int i;

	(void)statement;
	if (row->count < 2 || row->text[0] == NULL || row->text[1] == NULL)
		return true;
	s->applied |= strcasecmp(row->text[0], "relevo_applied") == 0;
	s->dead |= strcasecmp(row->text[0], "relevo_dead") == 0;
	if (strcasecmp(row->text[0], TABLE_NAME) != 0)
		return true;
	s->items = true;
	s->version |= strcasecmp(row->text[1], "version") == 0;
	s->updated_at |= strcasecmp(row->text[1], "updated_at") == 0;
	i = column_find(row->text[1], row->len[1]);
	if (i >= 0)
		s->column[i] = true;
	return true;
}

static enum err_code shape_read(struct db *d, struct shape *out, struct err *e)
{
	static const char sql[] =
		"SELECT TABLE_NAME,COLUMN_NAME FROM information_schema.COLUMNS"
		" WHERE TABLE_SCHEMA=DATABASE()"
		" AND TABLE_NAME IN ('" TABLE_NAME "','relevo_applied','relevo_dead')";
	struct shape s = { .items = false };
	enum err_code code = db_run(d, sql, sizeof(sql) - 1, false, false, shape_row, &s, NULL, e);

	if (code == ERR_NONE)
		*out = s;
	return code;
}

static bool shape_complete(const struct shape *s)
{
	return s->items && s->applied && s->dead && s->version && s->updated_at;
}

/* An items table without one of the data columns is not ours to mend. */
static enum err_code shape_check(const struct shape *s, struct err *e)
{
	for (size_t i = 0; s->items && i < column_count; i++)
		if (!s->column[i])
			return err_set(e, ERR_REFUSED, "table %s has no column %s", TABLE_NAME,
				       columns[i].name);
	return ERR_NONE;
}

static void put_create_items(struct buf *out)
{
	buf_puts(out, "CREATE TABLE IF NOT EXISTS " TABLE_NAME
		      " (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,");
	for (size_t i = 0; i < column_count; i++)
		buf_printf(out, "`%s` %s,", columns[i].name, columns[i].sql_type);
	buf_puts(out, "version " VERSION_TYPE ",updated_at " UPDATED_TYPE
		      ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4");
}

static void put_adopt_items(struct buf *out, const struct shape *s)
{
	buf_puts(out, "ALTER TABLE " TABLE_NAME " ");
	if (!s->version)
		buf_puts(out, "ADD COLUMN version " VERSION_TYPE);
	if (!s->version && !s->updated_at)
		buf_putc(out, ',');
	if (!s->updated_at)
		buf_puts(out, "ADD COLUMN updated_at " UPDATED_TYPE);
}

static enum err_code run_ddl(struct db *d, const struct buf *sql, struct err *e)
{
	struct db_outcome outcome = { 0 };
	struct err why = ERR_INIT;
	enum err_code code =
		db_run(d, sql->bytes, sql->len, false, false, NULL, NULL, &outcome, &why);

	if (code == ERR_NONE || outcome.sql_errno == ER_DUP_FIELDNAME)
		return ERR_NONE;
	return err_set(e, code, "%s", why.text);
}

static enum err_code mend(struct db *d, const struct shape *s, struct err *e)
{
	struct buf sql = { 0 };
	enum err_code code = ERR_NONE;

	if (!s->items) {
		put_create_items(&sql);
		code = run_ddl(d, &sql, e);
	} else if (!s->version || !s->updated_at) {
		log_info(TAG_MYSQL, "adopting table %s: adding version and updated_at", TABLE_NAME);
		put_adopt_items(&sql, s);
		code = run_ddl(d, &sql, e);
	}
	if (code == ERR_NONE && !s->applied) {
		buf_reset(&sql);
		buf_puts(&sql, CREATE_APPLIED);
		code = run_ddl(d, &sql, e);
	}
	if (code == ERR_NONE && !s->dead) {
		buf_reset(&sql);
		buf_puts(&sql, CREATE_DEAD);
		code = run_ddl(d, &sql, e);
	}
	buf_free(&sql);
	return code;
}

static bool lock_row(void *ctx, unsigned statement, const struct db_row *row)
{
	bool *got = ctx;

	(void)statement;
	*got = row->count == 1 && row->text[0] != NULL && strcmp(row->text[0], "1") == 0;
	return true;
}

/* The server's own waiting could outlast our deadline, so we ask again and again instead. */
static enum err_code lock_take(struct db *d, struct err *e)
{
	static const char sql[] = "SELECT GET_LOCK(" LOCK_NAME ",0)";
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };

	for (int i = 0; i < LOCK_TRIES; i++) {
		bool got = false;
		enum err_code code =
			db_run(d, sql, sizeof(sql) - 1, false, false, lock_row, &got, NULL, e);

		if (code != ERR_NONE || got)
			return code;
		nanosleep(&pause, NULL);
	}
	return err_set(e, ERR_LOCKED, "another instance is working on the tables");
}

static void lock_drop(struct db *d)
{
	static const char sql[] = "SELECT RELEASE_LOCK(" LOCK_NAME ")";
	struct err ignored = ERR_INIT;

	if (db_is_open(d) &&
	    db_run(d, sql, sizeof(sql) - 1, false, false, NULL, NULL, NULL, &ignored) != ERR_NONE)
		log_debug(TAG_MYSQL, "releasing the schema lock: %s", ignored.text);
}

enum err_code tables_ensure(struct db *d, struct err *e)
{
	struct shape s = { .items = false };
	enum err_code code = shape_read(d, &s, e);

	if (code != ERR_NONE)
		return code;
	if (shape_complete(&s))
		return shape_check(&s, e);
	code = lock_take(d, e);
	if (code != ERR_NONE)
		return code;
	code = shape_read(d, &s, e);
	if (code == ERR_NONE)
		code = shape_check(&s, e);
	if (code == ERR_NONE)
		code = mend(d, &s, e);
	lock_drop(d);
	return code;
}
