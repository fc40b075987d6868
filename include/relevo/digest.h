/* digest.h - SHA-256 (FIPS 180-4) and random bytes by libcrypto. Any thread; a stream belongs to
 * one. */
#ifndef RELEVO_DIGEST_H
#define RELEVO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE	32
#define DIGEST_HEX_SIZE 65

struct digest;

struct digest *digest_begin(void); /* new */
void digest_add(struct digest *d, const void *bytes, size_t len);
struct digest *digest_copy(const struct digest *d); /* new: goes on from the same bytes */
void digest_free(struct digest **d);		    /* without a result; sets *d to NULL */
/* Ends and frees the stream, sets *d to NULL. */
void digest_end(struct digest **d, uint8_t out[DIGEST_SIZE]);
void digest_of(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE]);
/* In a time that tells nothing about where they differ. */
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);
void digest_hex(const uint8_t in[DIGEST_SIZE], char out[DIGEST_HEX_SIZE]);
/* At most 512 bytes from the library's CSPRNG; aborts if it has none. */
void digest_random(void *out, size_t len);

#endif
