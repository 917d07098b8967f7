#include "harness/sync/keys.h"

#include <stdlib.h>
#include <string.h>

#include "harness/sync/names.h"
#include "sim/base/memory.h"

void sync_keys_init(struct sync_keys *keys, size_t capacity)
{
    *keys = (struct sync_keys){.items = memory_new_array(capacity + 1, sizeof *keys->items)};
}

static int compare_keys(const void *a, const void *b)
{
    const struct sync_key *one = a, *other = b;
    int order = strcmp(one->text, other->text);
    return order != 0 ? order : (one->index > other->index) - (one->index < other->index);
}

void sync_keys_add(struct sync_keys *keys, const char *path, bool fold, size_t index)
{
    keys->items[keys->count++] =
        (struct sync_key){.text = sync_name_key(path, fold), .index = index};
}

void sync_keys_sort(struct sync_keys *keys)
{
    if (keys->count > 0) {
        qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
    }
}

const struct sync_key *sync_keys_find(const struct sync_keys *keys, const char *text, size_t *count)
{
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(keys->items[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < keys->count && strcmp(keys->items[end].text, text) == 0) {
        end++;
    }
    if (count != NULL) {
        *count = end - low;
    }
    return end > low ? &keys->items[low] : NULL;
}

void sync_keys_free(struct sync_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->items[i].text);
    }
    free(keys->items);
    *keys = (struct sync_keys){0};
}
