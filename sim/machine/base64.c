#include "sim/machine/base64.h"

#include <openssl/evp.h>

void base64_encode(struct buffer *out, const void *bytes, size_t size)
{
    enum { PART = 3 << 20 }; /* whole groups, within an int */
    const unsigned char *from = bytes;
    while (size > 0) {
        size_t part = size < PART ? size : PART;
        buffer_reserve(out, part / 3 * 4 + 5);
        out->size +=
            (size_t)EVP_EncodeBlock((unsigned char *)out->bytes + out->size, from, (int)part);
        from += part;
        size -= part;
    }
}
