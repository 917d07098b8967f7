#ifndef HOTBED_NET_PEM_H
#define HOTBED_NET_PEM_H

#include <stdbool.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* The text of a certificate or key file of at most 1 MiB; `path` NULL says that one is missing. */
bool pem_read(const char *path, struct buffer *out, struct error *error);

#endif
