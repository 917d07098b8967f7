#include "harness/net/pem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1024 * 1024 };

bool pem_read(const char *path, struct buffer *out, struct error *error)
{
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        return error_set(error, "%s: %s", path == NULL ? "TLS needs a certificate and a key" : path,
                         strerror(errno));
    }
    buffer_reserve(out, FILE_BYTES_MAX);
    size_t size = fread(out->bytes, 1, FILE_BYTES_MAX, file);
    out->bytes[size] = '\0';
    out->size = size;
    bool good = ferror(file) == 0 && feof(file) != 0;
    fclose(file);
    return good || error_set(error, "%s: cannot be read, or is larger than 1 MiB", path);
}
