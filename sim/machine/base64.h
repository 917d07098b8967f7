#ifndef HOTBED_MACHINE_BASE64_H
#define HOTBED_MACHINE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buffer.h"

void base64_encode(struct buffer *out, const void *bytes, size_t size); /* without line ends */
/* False: not base64, or longer than 1 GiB; nothing is appended then. */
bool base64_decode(struct buffer *out, const char *text, size_t size);

#endif
