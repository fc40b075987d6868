/* test_digest.c - SHA-256 and random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relevo/digest.h"

static void assert_digest(const char *text, const char *hex)
{
	uint8_t digest[DIGEST_SIZE];
	char out[DIGEST_HEX_SIZE];

	digest_of(text, strlen(text), digest);
	digest_hex(digest, out);
	assert_string_equal(out, hex);
}

static void digest_matches_the_vectors_of_fips_180(void **state)
{
	(void)state;
	assert_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void digest_stream_equals_the_whole(void **state)
{
	struct digest *d = digest_begin();
	uint8_t streamed[DIGEST_SIZE], whole[DIGEST_SIZE];

	(void)state;
	digest_add(d, "a", 1);
	digest_add(d, "", 0);
	digest_add(d, "bc", 2);
	digest_end(&d, streamed);
	digest_of("abc", 3, whole);
	assert_null(d);
	assert_memory_equal(streamed, whole, DIGEST_SIZE);
}

static void digest_copy_goes_on_from_the_same_bytes(void **state)
{
	struct digest *d = digest_begin();
	uint8_t one[DIGEST_SIZE], other[DIGEST_SIZE], whole[DIGEST_SIZE];

	(void)state;
	digest_add(d, "ab", 2);
	struct digest *copy = digest_copy(d);
	digest_add(d, "c", 1);
	digest_add(copy, "d", 1);
	digest_end(&copy, other);
	digest_end(&d, one);
	digest_of("abc", 3, whole);
	assert_memory_equal(one, whole, DIGEST_SIZE);
	digest_of("abd", 3, whole);
	assert_memory_equal(other, whole, DIGEST_SIZE);
	d = digest_begin();
	digest_free(&d);
	assert_null(d);
	digest_free(&d);
}

/* Across the stock that each thread keeps. */
static void digest_random_never_repeats(void **state)
{
	uint8_t drawn[200][24];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		digest_random(drawn[i], sizeof(drawn[i]));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(drawn[k], drawn[i], sizeof(drawn[i]));
	}
}

static void digest_random_differs(void **state)
{
	uint8_t a[16], b[16];

	(void)state;
	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_matches_the_vectors_of_fips_180),
		cmocka_unit_test(digest_stream_equals_the_whole),
		cmocka_unit_test(digest_copy_goes_on_from_the_same_bytes),
		cmocka_unit_test(digest_random_never_repeats),
		cmocka_unit_test(digest_random_differs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
