#ifndef HOTBED_BASE_HASH_H
#define HOTBED_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64 bits of a run of bytes, to find and to compare by: not for secrets, and never written
 * anywhere. */
uint64_t hash_bytes(const void *bytes, size_t size);

#endif
