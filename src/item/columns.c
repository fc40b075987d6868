/* columns.c - the column table: the only place that names the data columns. */
#include "relevo/columns.h"

#include <string.h>

/* One row a column: name, SQL type, type, least and most characters, nullable, filter. */
const struct column columns[] = {
	{ "code", "VARCHAR(50)", COLUMN_TEXT, 1, 50, false, true },
	{ "type", "VARCHAR(50)", COLUMN_TEXT, 1, 50, false, true },
	{ "status", "VARCHAR(50)", COLUMN_TEXT, 1, 50, false, true },
	{ "area", "VARCHAR(100)", COLUMN_TEXT, 1, 100, false, true },
	{ "acquisition_date", "DATE", COLUMN_DATE, 0, 0, true, false },
};
const size_t column_count = sizeof columns / sizeof columns[0];
_Static_assert(sizeof columns / sizeof columns[0] <= COLUMNS_MAX, "COLUMNS_MAX is too small");

int column_find(const char *name, size_t len)
{
	for (size_t i = 0; i < column_count; i++)
		if (strlen(columns[i].name) == len && memcmp(columns[i].name, name, len) == 0)
			return (int)i;
	return -1;
}
