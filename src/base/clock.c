/* clock.c - time and its spellings, without the C library's time zone machinery. */
#include "relevo/clock.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "relevo/thread.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (86400 * US_PER_SECOND)
#define YEAR_0_US     (INT64_C(-719528) * US_PER_DAY) /* 0000-01-01 */
#define YEAR_10000_US (INT64_C(2932897) * US_PER_DAY) /* 10000-01-01 */

static int64_t now_us(clockid_t id)
{
	struct timespec t;

	ASSERT(clock_gettime(id, &t) == 0);
	return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years start in March here, so the
 * leap day is the last of its year. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

static char *put_digits(char *at, int64_t n, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		at[i] = (char)('0' + n % 10);
		n /= 10;
	}
	return at + width;
}

void clock_format(int64_t us, char out[CLOCK_TEXT_SIZE])
{
	int64_t days, rest, year, month, day;
	char *at = out;

	if (us < YEAR_0_US)
		us = YEAR_0_US;
	if (us >= YEAR_10000_US)
		us = YEAR_10000_US - 1;
	days = us / US_PER_DAY;
	rest = us % US_PER_DAY;
	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	at = put_digits(at, year, 4);
	*at++ = '-';
	at = put_digits(at, month, 2);
	*at++ = '-';
	at = put_digits(at, day, 2);
	*at++ = 'T';
	at = put_digits(at, rest / (3600 * US_PER_SECOND), 2);
	*at++ = ':';
	at = put_digits(at, rest / (60 * US_PER_SECOND) % 60, 2);
	*at++ = ':';
	at = put_digits(at, rest / US_PER_SECOND % 60, 2);
	*at++ = '.';
	at = put_digits(at, rest % US_PER_SECOND, 6);
	*at++ = 'Z';
	*at = '\0';
}

/* `width` digits at `text`, or -1. Stops at the first other byte, so a NUL is never passed. */
static int64_t get_digits(const char *text, size_t width)
{
	int64_t n = 0;

	for (size_t i = 0; i < width; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The date in the first ten bytes of `text`. */
static bool get_date(const char *text, int64_t *year, int64_t *month, int64_t *day)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	*year = get_digits(text, 4);
	if (*year < 0 || text[4] != '-')
		return false;
	*month = get_digits(text + 5, 2);
	if (*month < 1 || *month > 12 || text[7] != '-')
		return false;
	*day = get_digits(text + 8, 2);
	return *day >= 1 && *day <= lengths[*month - 1] + (*month == 2 && is_leap(*year) ? 1 : 0);
}

/* `HH:MM:SS` in the first eight bytes of `text`, in seconds, or -1. */
static int64_t get_time(const char *text)
{
	int64_t hour, minute, second;

	hour = get_digits(text, 2);
	if (hour < 0 || hour > 23 || text[2] != ':')
		return -1;
	minute = get_digits(text + 3, 2);
	if (minute < 0 || minute > 59 || text[5] != ':')
		return -1;
	second = get_digits(text + 6, 2);
	if (second < 0 || second > 59)
		return -1;
	return (hour * 60 + minute) * 60 + second;
}

bool clock_parse(const char *text, int64_t *us)
{
	int64_t year, month, day, seconds, fraction = 0;
	const char *at;

	if (!get_date(text, &year, &month, &day) || (text[10] != 'T' && text[10] != ' '))
		return false;
	seconds = get_time(text + 11);
	if (seconds < 0)
		return false;
	at = text + 19;
	if (*at == '.') {
		size_t width = strspn(++at, "0123456789");

		if (width < 1 || width > 6)
			return false;
		fraction = get_digits(at, width);
		at += width;
		for (; width < 6; width++)
			fraction *= 10;
	}
	if (*at == 'Z')
		at++;
	if (*at != '\0')
		return false;
	*us = days_from_date(year, month, day) * US_PER_DAY + seconds * US_PER_SECOND + fraction;
	return true;
}

bool clock_is_date(const char *text, unsigned long len)
{
	int64_t year, month, day;

	return len == 10 && get_date(text, &year, &month, &day) && year >= 1;
}
