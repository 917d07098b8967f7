#include "sim/base/hash.h"

#include <string.h>

/* Eight bytes at a time: the halves of a product of 128 bits folded together, so that each bit of a
 * word reaches all of the result. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
    const uint64_t first = UINT64_C(0x9e3779b97f4a7c15), second = UINT64_C(0xd1b54a32d192ed03);
    const char *at = bytes;
    uint64_t hash = first ^ size, word;
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash ^ word, second);
    }
    word = 0;
    if (size > 0) {
        memcpy(&word, at, size);
    }
    return mix(hash ^ word, first);
}
