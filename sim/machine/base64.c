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

bool base64_decode(struct buffer *out, const char *text, size_t size)
{
    enum { TEXT_MAX = 1 << 30 };
    if (size > TEXT_MAX || size % 4 != 0) {
        return false;
    }
    size_t padding = size > 0 && text[size - 1] == '=' ? text[size - 2] == '=' ? 2 : 1 : 0;
    buffer_reserve(out, size / 4 * 3 + 1);
    int got = size == 0 ? 0
                        : EVP_DecodeBlock((unsigned char *)out->bytes + out->size,
                                          (const unsigned char *)text, (int)size);
    if (got < (int)padding) {
        return false;
    }
    out->size += (size_t)got - padding;
    out->bytes[out->size] = '\0';
    return true;
}
