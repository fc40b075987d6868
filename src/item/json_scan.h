/* json_scan.h - private to src/item: a strict JSON scanner for bytes that clients send.
 *
 * jansson stops at the first thing it dislikes and calls numbers that are too big for it, bad UTF-8
 * and duplicate keys syntax errors alike; the API has to tell these apart and to list every faulty
 * field. The scanner walks the whole text once, knows the members of the outermost object, and
 * interprets no number. Pure functions, any thread.
 */
#ifndef RELEVO_ITEM_JSON_SCAN_H
#define RELEVO_ITEM_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define SCAN_DEPTH_MAX 64

enum scan_kind { SCAN_NULL, SCAN_BOOL, SCAN_NUMBER, SCAN_STRING, SCAN_ARRAY, SCAN_OBJECT };

struct scan_value {
	enum scan_kind kind;
	const char *text; /* string: unescaped, in the arena, NUL behind it; number: as spelled */
	size_t len;
	bool has_nul;  /* member values: a NUL character somewhere inside (or in the key) */
	bool bad_utf8; /* likewise; each bad byte reads as `?` */
};

/* Called for each member of the outermost object, in order. */
typedef void (*scan_member)(void *ctx, const struct scan_value *key,
			    const struct scan_value *value);

/* Scan one JSON text. `arena` has room for len + 1 bytes and holds the strings. False if it is not
 * JSON (lone surrogates and nesting over SCAN_DEPTH_MAX included); `member` may have been called
 * for what came before the mistake. */
bool json_scan(const char *json, size_t len, char *arena, enum scan_kind *kind, scan_member member,
	       void *ctx);

#endif
