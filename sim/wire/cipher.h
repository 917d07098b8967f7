#ifndef HOTBED_WIRE_CIPHER_H
#define HOTBED_WIRE_CIPHER_H

#include <stddef.h>
#include <stdint.h>

/* AES-128 as Connect's encrypted downloads have it: in counter mode, which printers take
 * (connect-buddy.md 7.2), and in block chaining, which older firmware took and today's refuses
 * (7.3). The work is OpenSSL's. */

enum { CIPHER_KEY_BYTES = 16, CIPHER_BLOCK_BYTES = 16 };

struct cipher;

/* Counter mode is its own inverse. `counter` is the first counter block, big-endian; it counts in
 * all of its 16 bytes. */
struct cipher *cipher_counter_new(const uint8_t key[CIPHER_KEY_BYTES],
                                  const uint8_t counter[CIPHER_BLOCK_BYTES]);
/* Encrypts, without padding: whole blocks only. */
struct cipher *cipher_chaining_new(const uint8_t key[CIPHER_KEY_BYTES],
                                   const uint8_t iv[CIPHER_BLOCK_BYTES]);
void cipher_destroy(struct cipher *cipher); /* NULL is fine */

/* The next `size` bytes; `out` may be `in`. Pieces of any size in counter mode, multiples of
 * CIPHER_BLOCK_BYTES in the other. */
void cipher_run(struct cipher *cipher, const void *in, void *out, size_t size);

#endif
