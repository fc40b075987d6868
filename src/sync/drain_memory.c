/* drain_memory.c - a drain without Redis: the mirror's operations instead of the lists, a lock in
 * MySQL instead of the lease. */
#include "drain_private.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/log.h"
#include "relevo/mem.h"

/* One for each database of a server. */
#define LOCK_NAME "CONCAT('relevo_drain:',LEFT(SHA2(DATABASE(),256),32))"

static bool lock_row(void *ctx, unsigned statement, const struct db_row *row)
{
	bool *got = ctx;

	(void)statement;
	*got = row->count == 1 && row->text[0] != NULL && strcmp(row->text[0], "1") == 0;
	return true;
}

/* A server that knows no such locks will do too: the record of what was applied keeps two drains
 * from doing anything twice, the lock only spares them the trouble. */
static enum err_code lock_take(struct db *d, bool *taken, struct err *e)
{
	static const char sql[] = "SELECT GET_LOCK(" LOCK_NAME ",0)";
	struct err why = ERR_INIT;
	enum err_code code =
		db_run(d, sql, sizeof(sql) - 1, false, false, lock_row, taken, NULL, &why);

	if (code == ERR_REFUSED)
		return ERR_NONE;
	if (code == ERR_NONE && !*taken)
		return err_set(e, ERR_BUSY, "a drain without Redis runs already");
	return drain_db_error(code, &why, e);
}

static void lock_drop(struct db *d)
{
	static const char sql[] = "SELECT RELEASE_LOCK(" LOCK_NAME ")";
	struct err ignored = ERR_INIT;

	if (db_is_open(d) &&
	    db_run(d, sql, sizeof(sql) - 1, false, false, NULL, NULL, NULL, &ignored) != ERR_NONE)
		log_debug(TAG_MYSQL, "releasing the drain's lock: %s", ignored.text);
}

static void take_one(struct run *r, struct operation *op, struct faults *faults)
{
	struct entry *en = &r->at[r->count++];
	struct buf text = { 0 };

	*en = (struct entry){ .op = operation_ref(op), .id = op->id, .list = op->kind };
	operation_encode_full(&text, op);
	entry_validate(en, faults, text.bytes, text.len);
	buf_free(&text);
}

/* As the lists would have them. */
static void take_operations(struct run *r, struct operation *const *ops, size_t count)
{
	struct faults *faults = mem_zero(1, sizeof(*faults));

	r->at = mem_zero(count + 1, sizeof(*r->at));
	r->room = count + 1;
	for (int kind = 0; kind < OP_KINDS; kind++) {
		r->head[kind] = r->count;
		for (size_t i = 0; i < count; i++)
			if (ops[i]->kind == (enum op_kind)kind)
				take_one(r, ops[i], faults);
		r->end[kind] = r->count;
	}
	run_index(r);
	free(faults);
}

enum err_code drain_memory(struct drain *d, struct operation *const *ops, size_t count,
			   struct drain_report *report, struct err *e)
{
	struct drain_report counts = { .operations = 0 };
	struct run r = { .d = d, .report = &counts };
	bool locked = false;
	enum err_code code = db_ready(d->db, e);

	if (code == ERR_NONE && !d->unlocked)
		code = lock_take(d->db, &locked, e);
	if (code == ERR_NONE) {
		take_operations(&r, ops, count);
		code = run_all(&r, e);
	}
	if (locked)
		lock_drop(d->db);
	*report = counts;
	run_free(&r);
	return code;
}
