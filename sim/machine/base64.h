#ifndef HOTBED_MACHINE_BASE64_H
#define HOTBED_MACHINE_BASE64_H

#include <stddef.h>

#include "sim/base/buffer.h"

void base64_encode(struct buffer *out, const void *bytes, size_t size); /* without line ends */

#endif
