#include "harness/sync/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/sync/names.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/machine/storage.h"

struct sync_entry *sync_tree_add(struct sync_tree *tree, const char *path, const char *address)
{
    if (tree->count == tree->capacity) {
        tree->capacity = tree->capacity * 2 + 16;
        tree->entries = memory_resize(tree->entries, tree->capacity * sizeof *tree->entries);
    }
    struct sync_entry *entry = &tree->entries[tree->count++];
    const char *slash = strrchr(address, '/');
    *entry =
        (struct sync_entry){.path = memory_copy_text(path),
                            .address = memory_copy_text(address),
                            .short_name = memory_copy_text(slash == NULL ? address : slash + 1),
                            .download = memory_copy_text(""),
                            .key = sync_name_key(path, tree->fold),
                            .size = -1};
    return entry;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct sync_entry *)a)->path, ((const struct sync_entry *)b)->path);
}

void sync_tree_sort(struct sync_tree *tree)
{
    if (tree->count > 0) {
        qsort(tree->entries, tree->count, sizeof *tree->entries, compare_entries);
    }
}

void sync_tree_free(struct sync_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->entries[i].path);
        free(tree->entries[i].address);
        free(tree->entries[i].short_name);
        free(tree->entries[i].download);
        free(tree->entries[i].key);
    }
    free(tree->entries);
    *tree = (struct sync_tree){0};
}

struct sync_entry *sync_tree_find(const struct sync_tree *tree, const char *path)
{
    char *wanted = sync_name_key(path, tree->fold);
    struct sync_entry *found = NULL;
    for (size_t i = 0; i < tree->count && found == NULL; i++) {
        found = strcmp(tree->entries[i].key, wanted) == 0 ? &tree->entries[i] : NULL;
    }
    free(wanted);
    return found;
}

static void append_address(struct buffer *out, const struct sync_tree *tree,
                           const char *destination, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        buffer_format(out, "%s/%s", destination, path);
        return;
    }
    char *parent = memory_copy_slice(path, (size_t)(slash - path));
    const struct sync_entry *known = sync_tree_find(tree, parent);
    if (known != NULL && known->folder) {
        buffer_append_text(out, known->address);
    } else {
        append_address(out, tree, destination, parent);
    }
    buffer_append_text(out, slash);
    free(parent);
}

char *sync_tree_address(const struct sync_tree *tree, const char *destination, const char *path)
{
    struct buffer out = {0};
    append_address(&out, tree, destination, path);
    return buffer_detach(&out);
}

/* ---- Destinations ---- */

char *sync_destination(const char *destination, const char *storage, struct error *error)
{
    static const char *const storages[] = {"usb", "local", "sdcard"};
    const char *text = destination == NULL ? "" : destination;
    size_t root = strlen(storage);
    while (root > 1 && storage[root - 1] == '/') {
        root--;
    }
    if (*text == '/' && text[1] != '\0') {
        const char *rest = text + 1 + strcspn(text + 1, "/");
        size_t size = (size_t)(rest - text - 1);
        bool known = size + 1 == root && strncasecmp(text, storage, root) == 0;
        for (size_t i = 0; i < sizeof storages / sizeof *storages && !known; i++) {
            known = strlen(storages[i]) == size && strncasecmp(text + 1, storages[i], size) == 0;
        }
        if (!known) {
            error_set(error, "the destination %s is outside the printer's storage %.*s", text,
                      (int)root, storage);
            return NULL;
        }
        text = rest;
    }
    text += strspn(text, "/");
    size_t size = strlen(text);
    while (size > 0 && text[size - 1] == '/') {
        size--;
    }
    if (size > 0 && !file_path_good(text, size)) {
        error_set(error, "the destination %s is no path below a storage", destination);
        return NULL;
    }
    struct buffer out = {0};
    buffer_append(&out, storage, root);
    if (size > 0) {
        buffer_append_char(&out, '/');
        buffer_append(&out, text, size);
    }
    return buffer_detach(&out);
}
