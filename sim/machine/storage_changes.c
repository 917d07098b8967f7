#include <stdio.h>
#include <string.h>

#include "sim/machine/storage_directory.h"

/* What a watcher of a storage is told (connect-sdk.md 8.5). */

struct telling {
    storage_changed *changed;
    void *owner;
    char path[FILE_PATH_BYTES_MAX + 1]; /* of where we are */
};

static size_t enter(struct telling *telling, const char *name)
{
    size_t before = strlen(telling->path);
    snprintf(telling->path + before, sizeof telling->path - before, "%s%s", before == 0 ? "" : "/",
             name);
    return before;
}

static void tell(struct telling *telling, enum storage_change_kind kind)
{
    telling->changed(telling->owner, kind, telling->path);
}

static void tell_files(struct telling *telling, const struct file_node *node,
                       enum storage_change_kind kind)
{
    if (!node->folder) {
        tell(telling, kind);
        return;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        size_t before = enter(telling, node->children[i]->name);
        tell_files(telling, node->children[i], kind);
        telling->path[before] = '\0';
    }
}

static void tell_whole(struct telling *telling, const struct file_node *node,
                       enum storage_change_kind kind)
{
    tell_files(telling, node, kind);
    if (node->folder) {
        tell(telling, kind);
    }
}

void storage_tell_tree(const struct file_node *node, const char *path,
                       enum storage_change_kind kind, storage_changed *changed, void *owner)
{
    struct telling telling = {.changed = changed, .owner = owner};
    snprintf(telling.path, sizeof telling.path, "%s", path);
    tell_whole(&telling, node, kind);
}

static void tell_difference(struct telling *telling, const struct file_node *old,
                            const struct file_node *new);

static void tell_child(struct telling *telling, const struct file_node *old,
                       const struct file_node *new)
{
    if (old->folder && new->folder) {
        tell_difference(telling, old, new);
    } else if (old->folder || new->folder) {
        tell_whole(telling, old, STORAGE_DELETED);
        tell_whole(telling, new, STORAGE_CREATED);
    } else if (!file_content_same_file(old->content, new->content)) {
        tell(telling, STORAGE_MODIFIED);
    }
}

/* Looks first where the last one was found: both lists have nearly the same order, and folders may
 * be large. */
static const struct file_node *child_near(const struct file_node *folder, const char *name,
                                          uint32_t *near)
{
    for (uint32_t i = 0; i < folder->child_count; i++) {
        uint32_t at = (*near + i) % folder->child_count;
        if (strcmp(folder->children[at]->name, name) == 0) {
            *near = at + 1;
            return folder->children[at];
        }
    }
    return NULL;
}

static void tell_difference(struct telling *telling, const struct file_node *old,
                            const struct file_node *new)
{
    uint32_t near = 0;
    for (uint32_t i = 0; i < old->child_count; i++) {
        const struct file_node *child = old->children[i];
        if (child_near(new, child->name, &near) == NULL) {
            size_t before = enter(telling, child->name);
            tell_whole(telling, child, STORAGE_DELETED);
            telling->path[before] = '\0';
        }
    }
    near = 0;
    for (uint32_t i = 0; i < new->child_count; i++) {
        const struct file_node *child = new->children[i];
        const struct file_node *before_it = child_near(old, child->name, &near);
        size_t before = enter(telling, child->name);
        if (before_it == NULL) {
            tell_whole(telling, child, STORAGE_CREATED);
        } else {
            tell_child(telling, before_it, child);
        }
        telling->path[before] = '\0';
    }
}

enum storage_result storage_rescan(struct storage *storage, storage_changed *changed, void *owner)
{
    if (storage->directory == NULL) {
        return STORAGE_OK; /* nothing outside of us reaches a tree in memory */
    }
    struct file_node *new = storage_directory_read(storage->directory, NULL);
    if (new == NULL) {
        return STORAGE_IO;
    }
    struct file_node *old = storage->root;
    storage->root = new;
    if (changed != NULL) {
        struct telling telling = {.changed = changed, .owner = owner};
        tell_difference(&telling, old, new);
    }
    file_node_release(old);
    return STORAGE_OK;
}
