/* digest.c - SHA-256 and random bytes by libcrypto. */
#include "relevo/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "relevo/mem.h"
#include "relevo/thread.h"

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

void digest_end(struct digest **d, uint8_t out[DIGEST_SIZE])
{
	ASSERT(EVP_DigestFinal_ex((*d)->context, out, NULL) == 1);
	EVP_MD_CTX_free((*d)->context);
	free(*d);
	*d = NULL;
}

void digest_of(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE])
{
	ASSERT(EVP_Digest(bytes, len, out, NULL, algorithm(), NULL) == 1);
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

void digest_random(void *out, size_t len)
{
	ASSERT(len <= INT_MAX);
	ASSERT(RAND_bytes(out, (int)len) == 1);
}
