#include <string.h>

#include "sim/protocol/connect/sdk_state.h"

/* BLAKE2b with a digest of any length up to 64 bytes and without a key (RFC 7693): OpenSSL 3.0 has
 * only that of 64, of which a shorter one is no part. */

static uint64_t turned(uint64_t value, unsigned by)
{
    return value >> by | value << (64 - by);
}

static void mix(uint64_t v[16], unsigned a, unsigned b, unsigned c, unsigned d, uint64_t x,
                uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = turned(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = turned(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = turned(v[b] ^ v[c], 63);
}

static const uint64_t start[8] = {UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                  UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
                                  UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
                                  UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)};

static void compress(uint64_t h[8], const unsigned char block[128], uint64_t count, bool last)
{
    static const uint8_t order[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                          {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                          {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                          {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                          {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                          {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                          {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                          {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                          {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                          {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
    uint64_t m[16], v[16];
    for (unsigned i = 0; i < 16; i++) {
        m[i] = 0;
        for (unsigned k = 0; k < 8; k++) {
            m[i] |= (uint64_t)block[8 * i + k] << (8 * k);
        }
        v[i] = i < 8 ? h[i] : start[i - 8];
    }
    v[12] ^= count;
    v[14] = last ? ~v[14] : v[14];
    for (unsigned round = 0; round < 12; round++) {
        const uint8_t *s = order[round % 10];
        for (unsigned i = 0; i < 4; i++) {
            mix(v, i, i + 4, i + 8, i + 12, m[s[2 * i]], m[s[2 * i + 1]]);
        }
        for (unsigned i = 0; i < 4; i++) {
            mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[s[8 + 2 * i]],
                m[s[9 + 2 * i]]);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        h[i] ^= v[i] ^ v[i + 8];
    }
}

void sdk_blake2b(const void *bytes, size_t size, unsigned char *digest, size_t digest_size)
{
    unsigned char block[128];
    const unsigned char *at = bytes;
    uint64_t h[8], count = 0;
    memcpy(h, start, sizeof h);
    h[0] ^= 0x01010000 ^ digest_size;
    for (; size > sizeof block; at += sizeof block, size -= sizeof block) {
        count += sizeof block;
        compress(h, at, count, false);
    }
    memset(block, 0, sizeof block);
    memcpy(block, at, size);
    compress(h, block, count + size, true);
    for (size_t i = 0; i < digest_size; i++) {
        digest[i] = (unsigned char)(h[i / 8] >> (8 * (i % 8)));
    }
}
