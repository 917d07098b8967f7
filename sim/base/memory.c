#include "sim/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *present(void *memory)
{
    if (memory == NULL) {
        fputs("hotbed: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_new(size_t size)
{
    return present(calloc(1, size > 0 ? size : 1));
}

void *memory_new_array(size_t count, size_t size)
{
    return present(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *memory_resize(void *memory, size_t size)
{
    return present(realloc(memory, size > 0 ? size : 1));
}

char *memory_copy_text(const char *text)
{
    return text == NULL ? NULL : memory_copy_slice(text, strlen(text));
}

char *memory_copy_slice(const char *bytes, size_t size)
{
    char *copy = present(malloc(size + 1));
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    return copy;
}
