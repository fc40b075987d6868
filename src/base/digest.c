/* digest.c - SHA-256 and random bytes by libcrypto. */
#include "relevo/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"
#include "relevo/thread.h"

#define RANDOM_KEPT 512

struct digest {
	EVP_MD_CTX *context;
};

/* Fetched once: with EVP_sha256() OpenSSL 3 would look it up anew for every digest
 * (openssl ossl-guide-libcrypto-introduction(7), "implicit fetching"). Never freed. */
static EVP_MD *sha256;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	sha256 = mem_check(EVP_MD_fetch(NULL, "SHA256", NULL));
}

static const EVP_MD *algorithm(void)
{
	PTOK(pthread_once(&fetched, fetch));
	return sha256;
}

struct digest *digest_begin(void)
{
	struct digest *d = mem_zero(1, sizeof(*d));

	d->context = mem_check(EVP_MD_CTX_new());
	ASSERT(EVP_DigestInit_ex(d->context, algorithm(), NULL) == 1);
	return d;
}

void digest_add(struct digest *d, const void *bytes, size_t len)
{
	ASSERT(EVP_DigestUpdate(d->context, bytes, len) == 1);
}

struct digest *digest_copy(const struct digest *d)
{
	struct digest *copy = mem_zero(1, sizeof(*copy));

	copy->context = mem_check(EVP_MD_CTX_new());
	ASSERT(EVP_MD_CTX_copy_ex(copy->context, d->context) == 1);
	return copy;
}

void digest_free(struct digest **d)
{
	if (*d == NULL)
		return;
	EVP_MD_CTX_free((*d)->context);
	free(*d);
	*d = NULL;
}

void digest_end(struct digest **d, uint8_t out[DIGEST_SIZE])
{
	ASSERT(EVP_DigestFinal_ex((*d)->context, out, NULL) == 1);
	digest_free(d);
}

void digest_of(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE])
{
	ASSERT(EVP_Digest(bytes, len, out, NULL, algorithm(), NULL) == 1);
}

bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
	return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

void digest_hex(const uint8_t in[DIGEST_SIZE], char out[DIGEST_HEX_SIZE])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = hex[in[i] >> 4];
		out[2 * i + 1] = hex[in[i] & 15];
	}
	out[DIGEST_HEX_SIZE - 1] = '\0';
}

/* OpenSSL's generator costs the same for a few bytes as for many, so each thread keeps some. */
void digest_random(void *out, size_t len)
{
	static _Thread_local uint8_t kept[RANDOM_KEPT];
	static _Thread_local size_t left;

	ASSERT(len <= sizeof(kept));
	if (left < len) {
		ASSERT(RAND_bytes(kept, sizeof(kept)) == 1);
		left = sizeof(kept);
	}
	left -= len;
	memcpy(out, kept + left, len);
	OPENSSL_cleanse(kept + left, len);
}
