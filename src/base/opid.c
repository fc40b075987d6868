/* opid.c - 128-bit operation ids: UUIDv7 for fresh ones, UUIDv8 for keyed ones. */
#include "relevo/opid.h"

#include <string.h>

#include "relevo/clock.h"
#include "relevo/digest.h"
#include "relevo/thread.h"

static void put_version(struct opid *id, unsigned version)
{
	id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0F) | (version << 4));
	id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3F) | 0x80);
}

/* The 12 bits after the millisecond hold its fraction (RFC 9562 section 6.2, method 3). */
struct opid opid_fresh(void)
{
	struct opid id;
	int64_t us = clock_wall_us();
	uint64_t ms = us > 0 ? (uint64_t)us / 1000 : 0;
	unsigned fraction = us > 0 ? (unsigned)((uint64_t)us % 1000 * 4096 / 1000) : 0;

	for (size_t i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
	id.bytes[6] = (uint8_t)(fraction >> 8);
	id.bytes[7] = (uint8_t)fraction;
	digest_random(id.bytes + 8, 8);
	put_version(&id, 7);
	return id;
}

struct opid opid_batch(void)
{
	return opid_base(opid_fresh(), NULL);
}

struct opid opid_member(struct opid base, unsigned index)
{
	ASSERT(index < OPID_BATCH_MAX);
	ASSERT(base.bytes[15] == 0 && (base.bytes[14] & 0x0F) == 0);
	base.bytes[14] = (uint8_t)(base.bytes[14] | (index >> 8));
	base.bytes[15] = (uint8_t)index;
	return base;
}

struct opid opid_base(struct opid id, unsigned *index)
{
	if (index)
		*index = (unsigned)(id.bytes[14] & 0x0F) << 8 | id.bytes[15];
	id.bytes[14] &= 0xF0;
	id.bytes[15] = 0;
	return id;
}

struct opid opid_from_key(const char *key, size_t len)
{
	uint8_t digest[DIGEST_SIZE];
	struct opid id;

	digest_of(key, len, digest);
	memcpy(id.bytes, digest, sizeof(id.bytes));
	put_version(&id, 8);
	return id;
}

bool opid_is_keyed(struct opid id)
{
	return id.bytes[6] >> 4 == 8;
}

bool opid_is_zero(struct opid id)
{
	static const struct opid zero;

	return opid_equal(id, zero);
}

bool opid_equal(struct opid a, struct opid b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

int opid_compare(struct opid a, struct opid b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes));
}

/* Members of a batch differ in 12 bits only, so both halves go through splitmix64's finaliser. */
uint64_t opid_hash(struct opid id)
{
	uint64_t high, low, h;

	memcpy(&high, id.bytes, sizeof(high));
	memcpy(&low, id.bytes + 8, sizeof(low));
	h = high * UINT64_C(0x9E3779B97F4A7C15) ^ low;
	h = (h ^ (h >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94D049BB133111EB);
	return h ^ (h >> 31);
}

static bool dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void opid_format(struct opid id, char out[OPID_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;

	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		if (dash_before(i))
			*at++ = '-';
		*at++ = hex[id.bytes[i] >> 4];
		*at++ = hex[id.bytes[i] & 15];
	}
	*at = '\0';
}

void opid_format_temp(struct opid id, char out[OPID_TEMP_SIZE])
{
	memcpy(out, "pending_", 8);
	opid_format(id, out + 8);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool opid_parse(const char *text, size_t len, struct opid *out)
{
	struct opid id;
	const char *at = text;

	if (len != OPID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < sizeof(id.bytes); i++) {
		int high, low;

		if (dash_before(i) && *at++ != '-')
			return false;
		high = hex_value(*at++);
		low = hex_value(*at++);
		if (high < 0 || low < 0)
			return false;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = id;
	return true;
}

bool opid_parse_temp(const char *text, size_t len, struct opid *out)
{
	return len == OPID_TEMP_SIZE - 1 && memcmp(text, "pending_", 8) == 0 &&
	       opid_parse(text + 8, len - 8, out);
}
