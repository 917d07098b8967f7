#include "sim/machine/storage.h"

#include <string.h>

/* --- names and paths --- */

bool file_name_hidden(const char *name)
{
    return name[0] == '.';
}

bool file_path_hidden(const char *path)
{
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

/* Length of the UTF-8 sequence at `bytes`, 0 when it is none: over-long forms, surrogates and what
 * lies above U+10FFFF are none (RFC 3629), else one name could be spelt in two ways. */
static size_t utf8_sequence(const unsigned char *bytes, size_t size)
{
    unsigned char first = bytes[0];
    if (first < 0x80) {
        return first == 0 ? 0 : 1;
    }
    size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                    : (first & 0xF0) == 0xE0         ? 3
                    : first >= 0xF0 && first <= 0xF4 ? 4
                                                     : 0;
    if (length == 0 || length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    unsigned char second = bytes[1];
    bool bad = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
               (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return bad ? 0 : length;
}

static bool name_good(const char *name, size_t size)
{
    if (size == 0 || size > FILE_NAME_BYTES_MAX) {
        return false;
    }
    if (name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.'))) {
        return false;
    }
    for (size_t at = 0; at < size;) {
        size_t length = utf8_sequence((const unsigned char *)name + at, size - at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

bool file_path_good(const char *path, size_t size)
{
    if (size > FILE_PATH_BYTES_MAX) {
        return false;
    }
    for (unsigned depth = 1; depth <= FILE_DEPTH_MAX; depth++) {
        const char *slash = memchr(path, '/', size);
        size_t length = slash == NULL ? size : (size_t)(slash - path);
        if (!name_good(path, length)) {
            return false;
        }
        if (slash == NULL) {
            return true;
        }
        path = slash + 1;
        size -= length + 1;
    }
    return false;
}
