#include "sim/base/buffer.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

enum { SMALLEST_CAPACITY = 64 };

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    if (buffer->bytes != NULL) {
        buffer->bytes[0] = '\0';
    }
}

void buffer_grow(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->size + more + 1;
    assert(needed > buffer->size);
    size_t capacity = buffer->capacity < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : buffer->capacity;
    while (capacity < needed) {
        capacity += capacity / 2;
    }
    buffer->bytes = memory_resize(buffer->bytes, capacity);
    buffer->capacity = capacity;
}

void buffer_append_int(struct buffer *buffer, long long value)
{
    char digits[24];
    char *end = digits + sizeof digits;
    char *start = end;
    unsigned long long rest =
        value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
    do {
        *--start = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *--start = '-';
    }
    buffer_append(buffer, start, (size_t)(end - start));
}

/* What printf rounds is the exact value. A `float` has 24 bits, so a `double` holds it exactly
 * times a thousand, and rounding that to even is the same. */
static bool is_exact_scaled(double value, int decimals)
{
    return decimals <= 3 && fabs(value) < 1e9 && (double)(float)value == value;
}

void buffer_append_fixed(struct buffer *buffer, double value, int decimals)
{
    static const int scales[] = {1, 10, 100, 1000};
    assert(decimals >= 0 && decimals <= 9);
    if (!is_exact_scaled(value, decimals)) {
        buffer_format(buffer, "%.*f", decimals, value);
        return;
    }
    char digits[24];
    char *end = digits + sizeof digits, *start = end;
    unsigned long long rest = (unsigned long long)nearbyint(fabs(value) * scales[decimals]);
    for (int i = 0; i < decimals; i++, rest /= 10) {
        *--start = (char)('0' + rest % 10);
    }
    if (decimals > 0) {
        *--start = '.';
    }
    do {
        *--start = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (signbit(value)) {
        *--start = '-';
    }
    buffer_append(buffer, start, (size_t)(end - start));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(size >= 0);
    buffer_reserve(buffer, (size_t)size);
    vsnprintf(buffer->bytes + buffer->size, (size_t)size + 1, format, again);
    va_end(again);
    buffer->size += (size_t)size;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    if (size == 0) {
        return;
    }
    memmove(buffer->bytes, buffer->bytes + size, buffer->size - size + 1);
    buffer->size -= size;
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->bytes == NULL ? "" : buffer->bytes;
}

char *buffer_detach(struct buffer *buffer)
{
    buffer_reserve(buffer, 0);
    buffer->bytes[buffer->size] = '\0';
    char *bytes = buffer->bytes;
    *buffer = (struct buffer){0};
    return bytes;
}

void buffer_pool_free(struct buffer_pool *pool)
{
    while (pool->count > 0) {
        buffer_free(&pool->kept[--pool->count]);
    }
}

struct buffer buffer_pool_take(struct buffer_pool *pool)
{
    struct buffer none = {0};
    return pool->count == 0 ? none : pool->kept[--pool->count];
}

void buffer_pool_give(struct buffer_pool *pool, struct buffer *buffer)
{
    bool keep = buffer->bytes != NULL && buffer->capacity <= BUFFER_POOLED_BYTES_MAX &&
                pool->count < BUFFER_POOL;
    if (keep) {
        buffer_clear(buffer);
        pool->kept[pool->count++] = *buffer;
        *buffer = (struct buffer){0};
    } else {
        buffer_free(buffer);
    }
}
