#include "sim/machine/storage.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/storage_directory.h"
#include "sim/machine/storage_node.h"

/* Storages: finding, making and removing what is in them, in the tree as on disk. */

const char *storage_result_text(enum storage_result result)
{
    static const char *const texts[] = {
        [STORAGE_OK] = "done",
        [STORAGE_NOT_FOUND] = "no such file or folder",
        [STORAGE_EXISTS] = "something else is there already",
        [STORAGE_NOT_EMPTY] = "the folder is not empty",
        [STORAGE_READ_ONLY] = "read-only",
        [STORAGE_FULL] = "the medium is full",
        [STORAGE_BAD_PATH] = "not a path below the storage",
        [STORAGE_IO] = "the medium failed",
    };
    return texts[result];
}

void storage_init(struct storage *storage, const char *name, enum storage_kind kind,
                  struct file_node *root)
{
    *storage = (struct storage){
        .name = memory_copy_text(name),
        .kind = kind,
        .root = root == NULL ? file_node_folder("", false, 0) : root,
    };
}

bool storage_init_directory(struct storage *storage, const char *name, enum storage_kind kind,
                            const char *path, struct error *error)
{
    struct storage_directory *directory = storage_directory_open(path, error);
    if (directory == NULL) {
        return false;
    }
    struct file_node *root = storage_directory_read(directory, error);
    if (root == NULL) {
        storage_directory_release(directory);
        return error_prefix(error, "%s", path);
    }
    storage_init(storage, name, kind, root);
    storage->directory = directory;
    return true;
}

void storage_free(struct storage *storage)
{
    file_node_release(storage->root);
    if (storage->directory != NULL) {
        storage_directory_release(storage->directory);
    }
    free(storage->name);
    *storage = (struct storage){0};
}

uint64_t storage_total_bytes(const struct storage *storage)
{
    uint64_t total = storage->total_bytes, rest;
    if (storage->directory != NULL) {
        storage_directory_space(storage->directory, &total, &rest);
    }
    return total;
}

uint64_t storage_free_bytes(const struct storage *storage)
{
    if (storage->directory != NULL) {
        uint64_t total, rest;
        storage_directory_space(storage->directory, &total, &rest);
        return rest;
    }
    uint64_t used = storage->used_by_others_bytes + storage->root->medium_bytes;
    return used < storage->total_bytes ? storage->total_bytes - used : 0;
}

/* The next component of a path that is known to be good; false behind the last. */
static bool next_name(const char **path, const char **name, size_t *size)
{
    if (**path == '\0') {
        return false;
    }
    *name = *path;
    *size = strcspn(*path, "/");
    *path += *size + ((*path)[*size] == '/');
    return true;
}

const struct file_node *storage_find(const struct storage *storage, const char *path)
{
    const struct file_node *node = storage->root;
    const char *name;
    size_t size;
    if (path[0] != '\0' && !file_path_good(path, strlen(path))) {
        return NULL;
    }
    while (node != NULL && next_name(&path, &name, &size)) {
        struct file_node **slot = file_node_slot(node, name, size);
        node = slot == NULL ? NULL : *slot;
    }
    return node;
}

/* What stands on the way to `path`: how many of its components are missing, and why nothing may be
 * made there. */
static enum storage_result look_for_place(const struct storage *storage, const char *path,
                                          uint32_t *missing)
{
    const struct file_node *node = storage->root;
    const char *name;
    size_t size;
    *missing = 0;
    if (!file_path_good(path, strlen(path))) {
        return STORAGE_BAD_PATH;
    }
    if (storage->read_only) {
        return STORAGE_READ_ONLY;
    }
    while (next_name(&path, &name, &size)) {
        if (*missing == 0 && !node->folder) {
            return STORAGE_EXISTS;
        }
        struct file_node **slot = *missing == 0 ? file_node_slot(node, name, size) : NULL;
        if (slot != NULL) {
            node = *slot;
        } else if (*missing == 0 && node->read_only) {
            return STORAGE_READ_ONLY;
        } else {
            (*missing)++;
        }
    }
    return storage->root->entries + *missing > STORAGE_ENTRIES_MAX ? STORAGE_FULL : STORAGE_OK;
}

/* Own every node on the way and make folders that are missing; returns how many nodes of `way` are
 * filled, the root among them. With a `leaf`, the last component is not walked to. */
static unsigned own_way(struct storage *storage, const char *path, bool leaf, int64_t now_s,
                        struct file_node *way[FILE_DEPTH_MAX + 1], const char **last)
{
    const char *name = "";
    size_t size;
    unsigned count = 0;
    way[count++] = file_node_own(&storage->root);
    while (next_name(&path, &name, &size) && !(leaf && *path == '\0')) {
        struct file_node *folder = way[count - 1];
        struct file_node **slot = file_node_slot(folder, name, size);
        if (slot == NULL) {
            struct file_node *made = file_node_new(name, size);
            made->folder = true;
            made->modified_s = now_s;
            file_node_add(folder, made);
            folder->modified_s = now_s;
            for (unsigned i = 0; i + 1 < count; i++) {
                way[i]->entries++;
            }
            slot = &folder->children[folder->child_count - 1];
        }
        way[count++] = file_node_own(slot);
    }
    *last = name;
    return count;
}

/* A node of the way has been counted in or out of its own folder; now of all above. */
static void count_above(struct file_node *const way[], unsigned count,
                        const struct file_node *child, bool in)
{
    bool hidden = file_name_hidden(child->name);
    for (unsigned i = count - 1; i-- > 0;) {
        hidden = hidden || file_name_hidden(way[i + 1]->name);
        uint64_t shown = hidden ? 0 : child->size;
        way[i]->entries += in ? child->entries : 0U - child->entries;
        way[i]->medium_bytes += in ? child->medium_bytes : 0U - child->medium_bytes;
        way[i]->size += in ? shown : 0U - shown;
    }
}

enum storage_result storage_make_folder(struct storage *storage, const char *path, int64_t now_s)
{
    uint32_t missing;
    enum storage_result result = look_for_place(storage, path, &missing);
    if (result == STORAGE_OK && missing == 0) {
        result = STORAGE_EXISTS;
    }
    if (result == STORAGE_OK && storage->directory != NULL) {
        result = storage_directory_make_folder(storage->directory, path);
    }
    if (result == STORAGE_OK) {
        struct file_node *way[FILE_DEPTH_MAX + 1];
        const char *last;
        own_way(storage, path, false, now_s, way, &last);
    }
    return result;
}

static enum storage_result make_node(struct storage *storage, const char *path,
                                     struct file_content *content, int64_t now_s,
                                     struct file_node **node)
{
    const struct file_node *old = storage_find(storage, path);
    if (old != NULL && old->folder) {
        return STORAGE_EXISTS;
    }
    if (old != NULL && old->read_only) {
        return STORAGE_READ_ONLY;
    }
    if (storage->directory != NULL) {
        return storage_directory_write(storage->directory, path, content, now_s, node);
    }
    uint64_t room = storage_free_bytes(storage) + (old == NULL ? 0 : old->medium_bytes);
    if (storage->total_bytes > 0 && file_content_size(content) > room) {
        return STORAGE_FULL;
    }
    const char *slash = strrchr(path, '/');
    *node =
        file_node_file(slash == NULL ? path : slash + 1, false, now_s, file_content_share(content));
    return STORAGE_OK;
}

/* Takes the reference over. What was there under its name goes. */
static void place_node(struct storage *storage, const char *path, struct file_node *node,
                       int64_t now_s)
{
    struct file_node *way[FILE_DEPTH_MAX + 1];
    const char *last;
    unsigned count = own_way(storage, path, true, now_s, way, &last);
    struct file_node *folder = way[count - 1];
    struct file_node **slot = file_node_slot(folder, last, strlen(last));
    if (slot == NULL) {
        file_node_add(folder, node);
        folder->modified_s = now_s;
    } else {
        file_node_count_out(folder, *slot);
        count_above(way, count, *slot, false);
        file_node_release(*slot);
        *slot = node;
        file_node_count_in(folder, node);
    }
    count_above(way, count, node, true);
}

static void take_out(struct storage *storage, const char *path, int64_t now_s)
{
    struct file_node *way[FILE_DEPTH_MAX + 1];
    const char *last;
    unsigned count = own_way(storage, path, true, now_s, way, &last);
    struct file_node *folder = way[count - 1];
    struct file_node **slot = file_node_slot(folder, last, strlen(last));
    file_node_count_out(folder, *slot);
    count_above(way, count, *slot, false);
    file_node_release(*slot);
    size_t behind = folder->child_count - (size_t)(slot - folder->children) - 1;
    memmove(slot, slot + 1, behind * sizeof *slot);
    folder->child_count--;
    folder->modified_s = now_s;
}

enum storage_result storage_put(struct storage *storage, const char *path,
                                struct file_content *content, int64_t now_s)
{
    uint32_t missing;
    struct file_node *node = NULL;
    enum storage_result result = look_for_place(storage, path, &missing);
    if (result == STORAGE_OK) {
        result = make_node(storage, path, content, now_s, &node);
    }
    file_content_release(content);
    if (result != STORAGE_OK) {
        return result;
    }
    place_node(storage, path, node, now_s);
    return STORAGE_OK;
}

static bool any_read_only(const struct file_node *node)
{
    bool found = node->read_only;
    for (uint32_t i = 0; i < node->child_count && !found; i++) {
        found = any_read_only(node->children[i]);
    }
    return found;
}

static enum storage_result may_remove(const struct storage *storage, const char *path,
                                      bool whole_tree, const struct file_node **found)
{
    if (!file_path_good(path, strlen(path))) {
        return STORAGE_BAD_PATH;
    }
    const struct file_node *node = *found = storage_find(storage, path);
    if (node == NULL) {
        return STORAGE_NOT_FOUND;
    }
    if (storage->read_only || any_read_only(node)) {
        return STORAGE_READ_ONLY;
    }
    return node->child_count > 0 && !whole_tree ? STORAGE_NOT_EMPTY : STORAGE_OK;
}

/* The file at `path` with more behind it; the bytes that it had are not copied again. */
static enum storage_result longer_node(struct storage *storage, const char *path, const void *bytes,
                                       size_t size, int64_t now_s, struct file_node **node)
{
    const struct file_node *old = storage_find(storage, path);
    if (old != NULL && old->folder) {
        return STORAGE_EXISTS;
    }
    if (old != NULL && old->read_only) {
        return STORAGE_READ_ONLY;
    }
    if (storage->directory != NULL) {
        return storage_directory_append(storage->directory, path, bytes, size, now_s, node);
    }
    if (storage->total_bytes > 0 && size > storage_free_bytes(storage)) {
        return STORAGE_FULL;
    }
    const char *slash = strrchr(path, '/');
    *node = file_node_file(slash == NULL ? path : slash + 1, false, now_s,
                           file_content_grown(old == NULL ? NULL : old->content, bytes, size));
    return STORAGE_OK;
}

enum storage_result storage_append(struct storage *storage, const char *path, const void *bytes,
                                   size_t size, int64_t now_s)
{
    uint32_t missing;
    struct file_node *node = NULL;
    enum storage_result result = look_for_place(storage, path, &missing);
    if (result == STORAGE_OK) {
        result = longer_node(storage, path, bytes, size, now_s, &node);
    }
    if (result == STORAGE_OK) {
        place_node(storage, path, node, now_s);
    }
    return result;
}

enum storage_result storage_reserve(struct storage *storage, const char *path, uint64_t size,
                                    int64_t now_s)
{
    uint32_t missing;
    struct file_node *node = NULL;
    enum storage_result result = look_for_place(storage, path, &missing);
    if (result != STORAGE_OK) {
        return result;
    }
    if (missing != 1) {
        return missing == 0 ? STORAGE_EXISTS : STORAGE_NOT_FOUND;
    }
    if (storage_total_bytes(storage) > 0 && size > storage_free_bytes(storage)) {
        return STORAGE_FULL;
    }
    if (storage->directory != NULL) {
        result = storage_directory_reserve(storage->directory, path, size, now_s, &node);
    } else {
        const char *slash = strrchr(path, '/');
        node = file_node_file(slash == NULL ? path : slash + 1, false, now_s,
                              file_content_of_size(size));
    }
    if (result == STORAGE_OK) {
        place_node(storage, path, node, now_s);
    }
    return result;
}

enum storage_result storage_write(struct storage *storage, const char *path, uint64_t offset,
                                  const void *bytes, size_t size)
{
    const struct file_node *node = storage_find(storage, path);
    if (node == NULL || node->folder) {
        return node == NULL ? STORAGE_NOT_FOUND : STORAGE_EXISTS;
    }
    if (storage->read_only || node->read_only) {
        return STORAGE_READ_ONLY;
    }
    if (offset > node->size || size > node->size - offset) {
        return STORAGE_BAD_PATH;
    }
    if (storage->directory != NULL) {
        return storage_directory_write_at(storage->directory, path, offset, bytes, size);
    }
    return file_content_write(node->content, offset, bytes, size) ? STORAGE_OK : STORAGE_READ_ONLY;
}

enum storage_result storage_rename(struct storage *storage, const char *from, const char *to,
                                   int64_t now_s)
{
    uint32_t missing;
    const struct file_node *old = NULL, *there = NULL;
    enum storage_result result = may_remove(storage, from, false, &old);
    result = result == STORAGE_OK ? look_for_place(storage, to, &missing) : result;
    if (result != STORAGE_OK) {
        return result;
    }
    there = storage_find(storage, to);
    if (old->folder || (there != NULL && there->folder)) {
        return STORAGE_EXISTS;
    }
    if (there != NULL && there->read_only) {
        return STORAGE_READ_ONLY;
    }
    struct file_node *node = NULL;
    if (storage->directory != NULL) {
        result = storage_directory_rename(storage->directory, from, to, &node);
    } else {
        const char *slash = strrchr(to, '/');
        node = file_node_file(slash == NULL ? to : slash + 1, false, old->modified_s,
                              file_content_share(old->content));
    }
    if (result == STORAGE_OK && strcmp(from, to) == 0) {
        file_node_release(node);
    } else if (result == STORAGE_OK) {
        take_out(storage, from, now_s);
        place_node(storage, to, node, now_s);
    }
    return result;
}

enum storage_result storage_remove(struct storage *storage, const char *path, bool whole_tree,
                                   int64_t now_s)
{
    const struct file_node *found;
    enum storage_result result = may_remove(storage, path, whole_tree, &found);
    if (result == STORAGE_OK && storage->directory != NULL) {
        result = storage_directory_remove(storage->directory, path, found->folder);
    }
    if (result == STORAGE_OK) {
        take_out(storage, path, now_s);
    }
    return result;
}

enum storage_result storage_set_read_only(struct storage *storage, const char *path, bool read_only)
{
    if (storage->directory != NULL) {
        return STORAGE_IO;
    }
    if (path[0] != '\0' && !file_path_good(path, strlen(path))) {
        return STORAGE_BAD_PATH;
    }
    if (storage_find(storage, path) == NULL) {
        return STORAGE_NOT_FOUND;
    }
    struct file_node *way[FILE_DEPTH_MAX + 1];
    const char *last;
    unsigned count = own_way(storage, path, false, 0, way, &last);
    way[count - 1]->read_only = read_only;
    return STORAGE_OK;
}
