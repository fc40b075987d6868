/* clock.h - time: wall clock in microseconds UTC, monotonic milliseconds, and their spellings.
 * Any thread. */
#ifndef RELEVO_CLOCK_H
#define RELEVO_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 28 /* "2026-01-31T12:00:00.123456Z" and NUL */

int64_t clock_wall_us(void); /* microseconds since 1970-01-01 UTC */
int64_t clock_mono_ms(void); /* for deadlines; never goes back */
int64_t clock_mono_us(void);
/* RFC 3339 with six digits and Z, always 27 characters for years 0..9999. */
void clock_format(int64_t us, char out[CLOCK_TEXT_SIZE]);
/* Accepts `YYYY-MM-DD(T| )HH:MM:SS[.f{1,6}][Z]`: our own spelling and MySQL's. False if it is
 * no valid time; *us untouched then. */
bool clock_parse(const char *text, int64_t *us);
/* True if `text` of `len` bytes is a real Gregorian date YYYY-MM-DD, year 0001..9999. */
bool clock_is_date(const char *text, unsigned long len);

#endif
