/* columns.h - the one table that says what an item is made of.
 *
 * SQL, validation, rendering and filters are driven by it; no other file names a data column.
 * id, version and updated_at belong to relevo itself and are not in the table. Read-only, any
 * thread.
 */
#ifndef RELEVO_COLUMNS_H
#define RELEVO_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

enum column_type {
	COLUMN_TEXT, /* Unicode text, bounds in characters (code points) */
	COLUMN_DATE, /* Gregorian YYYY-MM-DD */
};

struct column {
	const char *name;     /* JSON member and SQL column */
	const char *sql_type; /* for CREATE TABLE */
	enum column_type type;
	unsigned min_chars, max_chars; /* COLUMN_TEXT */
	bool nullable;		       /* null is a value, and the default of POST and PUT */
	bool filter;		       /* `?name=` exact filter, indexed in the mirror */
};

#define COLUMNS_MAX 16
#define TABLE_NAME  "items"

extern const struct column columns[];
extern const size_t column_count; /* <= COLUMNS_MAX */

/* Index of the column called `name` (`len` bytes), or -1. */
int column_find(const char *name, size_t len);

#endif
