/* fold_text.c - simple Unicode case folding for the substring search. */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <wctype.h>

#include "relevo/mem.h"
#include "relevo/row.h"
#include "relevo/thread.h"
#include "utf8.h"

#define FINAL_SIGMA 0x3c2
#define SIGMA	    0x3c3

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t unicode;

static void open_locale(void)
{
	unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	ASSERT(unicode != (locale_t)0);
}

static uint32_t fold_code(uint32_t code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
	uint32_t lower = (uint32_t)towlower_l((wint_t)code, unicode);
	return lower == FINAL_SIGMA ? SIGMA : lower;
}

char *text_fold(const char *text, size_t len, size_t *out_len)
{
	/* ASCII stays one byte; the lower case of a two-byte letter has three at most. */
	char *out = mem_alloc(len * 2 + 1), *to = out;
	uint32_t code;

	PTOK(pthread_once(&once, open_locale));
	for (size_t at = 0; at < len;) {
		size_t size = utf8_next(text + at, len - at, &code);
		if (size == 0) {
			free(out);
			return NULL;
		}
		to += utf8_put(to, fold_code(code));
		at += size;
	}
	*to = '\0';
	*out_len = (size_t)(to - out);
	return out;
}
