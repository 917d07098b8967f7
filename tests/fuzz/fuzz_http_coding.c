#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sim/wire/http_coding.h"

static bool count(void *owner, const char *bytes, size_t size)
{
    size_t *left = owner;
    (void)bytes;
    if (size > *left) {
        return false;
    }
    *left -= size;
    return true;
}

/* The first byte says how it is coded and into what pieces it is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t piece = 1 + (bytes[0] >> 1), left = 1 << 20;
    struct http_coding *coding =
        http_coding_new(slice_of((bytes[0] & 1) != 0 ? "gzip" : "deflate"));
    enum http_coded result = HTTP_CODED_FINE;
    for (size_t at = 1; at < size && result == HTTP_CODED_FINE; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        result = http_coding_feed(coding, (const char *)bytes + at, part, count, &left);
    }
    http_coding_destroy(coding);
    return 0;
}
