#ifndef HOTBED_BASE_BUFFER_H
#define HOTBED_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A growing run of bytes, always followed by a NUL that `size` does not count, so that text can be
 * read in place. Zeroed memory is an empty buffer. A buffer owns its bytes; out of memory aborts
 * the program. */
struct buffer {
    char *bytes; /* NULL only while nothing was ever written */
    size_t size;
    size_t capacity;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);             /* keeps the storage */
void buffer_grow(struct buffer *buffer, size_t more); /* reserve's slow half */

static inline void buffer_reserve(struct buffer *buffer, size_t more)
{
    if (more >= buffer->capacity - buffer->size) {
        buffer_grow(buffer, more);
    }
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
    buffer_reserve(buffer, size);
    if (size > 0) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
    }
    buffer->size += size;
    buffer->bytes[buffer->size] = '\0';
}

static inline void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

static inline void buffer_append_char(struct buffer *buffer, char byte)
{
    buffer_reserve(buffer, 1);
    buffer->bytes[buffer->size++] = byte;
    buffer->bytes[buffer->size] = '\0';
}

void buffer_append_int(struct buffer *buffer, long long value);
/* As "%.<decimals>f" of printf does it, up to 9 decimals; quick for the values of a `float`. */
void buffer_append_fixed(struct buffer *buffer, double value, int decimals);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_consume(struct buffer *buffer,
                    size_t size); /* drop from the front; size <= buffer->size */
const char *buffer_text(const struct buffer *buffer); /* never NULL */

/* The bytes now belong to the caller (free()); the buffer is empty. Never NULL. */
char *buffer_detach(struct buffer *buffer);

/* Buffers that are needed for a moment, again and again, by whoever shares the pool. */
enum { BUFFER_POOL = 16, BUFFER_POOLED_BYTES_MAX = 4 * 1024 };

struct buffer_pool {
    struct buffer kept[BUFFER_POOL];
    size_t count;
};

void buffer_pool_free(struct buffer_pool *pool);
struct buffer buffer_pool_take(struct buffer_pool *pool); /* empty, its bytes the caller's */
/* The buffer is empty then; its storage is kept for the next one who takes, unless it is large. */
void buffer_pool_give(struct buffer_pool *pool, struct buffer *buffer);

#endif
