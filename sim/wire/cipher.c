#include "sim/wire/cipher.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sim/base/memory.h"

struct cipher {
    EVP_CIPHER_CTX *context;
    bool blocks; /* whole ones only */
};

/* AES is part of every OpenSSL: what fails here is a lack of memory, as elsewhere. */
static void demand(int done)
{
    if (done != 1) {
        abort();
    }
}

static struct cipher *cipher_new(const EVP_CIPHER *kind, const uint8_t *key, const uint8_t *start,
                                 bool blocks)
{
    struct cipher *cipher = memory_new(sizeof *cipher);
    cipher->context = EVP_CIPHER_CTX_new();
    cipher->blocks = blocks;
    demand(cipher->context != NULL);
    demand(EVP_EncryptInit_ex(cipher->context, kind, NULL, key, start));
    demand(EVP_CIPHER_CTX_set_padding(cipher->context, 0));
    return cipher;
}

struct cipher *cipher_counter_new(const uint8_t key[CIPHER_KEY_BYTES],
                                  const uint8_t counter[CIPHER_BLOCK_BYTES])
{
    return cipher_new(EVP_aes_128_ctr(), key, counter, false);
}

struct cipher *cipher_chaining_new(const uint8_t key[CIPHER_KEY_BYTES],
                                   const uint8_t iv[CIPHER_BLOCK_BYTES])
{
    return cipher_new(EVP_aes_128_cbc(), key, iv, true);
}

void cipher_destroy(struct cipher *cipher)
{
    if (cipher != NULL) {
        EVP_CIPHER_CTX_free(cipher->context); /* wipes the key */
        free(cipher);
    }
}

void cipher_run(struct cipher *cipher, const void *in, void *out, size_t size)
{
    enum { PIECE_BYTES = 1 << 20 };
    assert(!cipher->blocks || size % CIPHER_BLOCK_BYTES == 0);
    const uint8_t *from = in;
    for (uint8_t *to = out; size > 0;) {
        int got = 0, piece = size < PIECE_BYTES ? (int)size : PIECE_BYTES;
        demand(EVP_EncryptUpdate(cipher->context, to, &got, from, piece));
        assert(got == piece);
        from += piece;
        to += piece;
        size -= (size_t)piece;
    }
}
