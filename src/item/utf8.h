/* utf8.h - private to src/item: UTF-8 one character at a time. Pure functions, any thread. */
#ifndef RELEVO_ITEM_UTF8_H
#define RELEVO_ITEM_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character (RFC 3629) at `text`, which goes to *code; 0 if none is. */
size_t utf8_next(const char *text, size_t len, uint32_t *code);
/* Writes a code point as 1 to 4 bytes, returns how many. */
size_t utf8_put(char *to, uint32_t code);

#endif
