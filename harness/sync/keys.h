#ifndef HOTBED_SYNC_KEYS_H
#define HOTBED_SYNC_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* Paths under the keys by which a printer's file system finds them (names.h), so that both sides
 * can be looked up in each other. */

struct sync_key {
    char *text;
    size_t index; /* whose it is, of the caller */
};

struct sync_keys {
    struct sync_key *items; /* by text, then by index, once sync_keys_sort() was called */
    size_t count;
};

void sync_keys_init(struct sync_keys *keys, size_t capacity); /* no more than that are added */
void sync_keys_add(struct sync_keys *keys, const char *path, bool fold, size_t index);
void sync_keys_sort(struct sync_keys *keys);
/* The first item of that text, NULL: none; `count` (may be NULL) gets how many have it. */
const struct sync_key *sync_keys_find(const struct sync_keys *keys, const char *text,
                                      size_t *count);
void sync_keys_free(struct sync_keys *keys);

#endif
