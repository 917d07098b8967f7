#ifndef HOTBED_BASE_MEMORY_H
#define HOTBED_BASE_MEMORY_H

#include <stddef.h>

/* Memory for what is bounded by our own code: these never return NULL, they end the program with a
 * message. What a wire, a file or a script asks for is checked against its limit before it gets
 * here. */
void *memory_new(size_t size); /* zeroed */
void *memory_new_array(size_t count, size_t size);
void *memory_resize(void *memory, size_t size);
char *memory_copy_text(const char *text);                /* NULL gives NULL */
char *memory_copy_slice(const char *bytes, size_t size); /* with a NUL behind it */

#endif
