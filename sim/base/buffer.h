#ifndef HOTBED_BASE_BUFFER_H
#define HOTBED_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* A growing run of bytes, always followed by a NUL that `size` does not count, so that text can be
 * read in place. Zeroed memory is an empty buffer. A buffer owns its bytes; out of memory aborts
 * the program. */
struct buffer {
    char *bytes; /* NULL only while nothing was ever written */
    size_t size;
    size_t capacity;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* keeps the storage */
void buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_char(struct buffer *buffer, char byte);
void buffer_append_int(struct buffer *buffer, long long value);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_consume(struct buffer *buffer,
                    size_t size); /* drop from the front; size <= buffer->size */
const char *buffer_text(const struct buffer *buffer); /* never NULL */

/* The bytes now belong to the caller (free()); the buffer is empty. Never NULL. */
char *buffer_detach(struct buffer *buffer);

#endif
