#include "sim/machine/storage_node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

/* The nodes of trees: who shares them, how they are copied before they change, what they count. */

struct file_node *file_node_new(const char *name, size_t size)
{
    struct file_node *node = memory_new(sizeof *node + size + 1);
    node->references = 1;
    node->entries = 1;
    memcpy(node->name, name, size);
    return node;
}

struct file_node *file_node_folder(const char *name, bool read_only, int64_t modified_s)
{
    struct file_node *node = file_node_new(name, strlen(name));
    node->folder = true;
    node->read_only = read_only;
    node->modified_s = modified_s;
    return node;
}

struct file_node *file_node_file(const char *name, bool read_only, int64_t modified_s,
                                 struct file_content *content)
{
    struct file_node *node = file_node_new(name, strlen(name));
    node->read_only = read_only;
    node->modified_s = modified_s;
    node->content = content;
    node->size = node->medium_bytes = file_content_size(content);
    return node;
}

struct file_node *file_node_share(struct file_node *node)
{
    node->references++;
    return node;
}

void file_node_release(struct file_node *node)
{
    if (node == NULL || --node->references > 0) {
        return;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        file_node_release(node->children[i]);
    }
    free(node->children);
    file_content_release(node->content);
    free(node);
}

void file_node_count_in(struct file_node *folder, const struct file_node *child)
{
    folder->entries += child->entries;
    folder->medium_bytes += child->medium_bytes;
    folder->size += file_name_hidden(child->name) ? 0 : child->size;
}

void file_node_count_out(struct file_node *folder, const struct file_node *child)
{
    folder->entries -= child->entries;
    folder->medium_bytes -= child->medium_bytes;
    folder->size -= file_name_hidden(child->name) ? 0 : child->size;
}

void file_node_add(struct file_node *folder, struct file_node *child)
{
    assert(folder->folder && folder->references == 1);
    uint32_t count = folder->child_count;
    if ((count & (count - 1)) == 0) { /* room doubles at powers of two */
        folder->children = memory_resize(folder->children, (count == 0 ? 1 : 2 * (size_t)count) *
                                                               sizeof *folder->children);
    }
    folder->children[folder->child_count++] = child;
    file_node_count_in(folder, child);
}

static bool is_named(const struct file_node *node, const char *name, size_t size)
{
    return strncmp(node->name, name, size) == 0 && node->name[size] == '\0';
}

struct file_node **file_node_slot(const struct file_node *folder, const char *name, size_t size)
{
    for (uint32_t i = 0; i < folder->child_count; i++) {
        if (is_named(folder->children[i], name, size)) {
            return &folder->children[i];
        }
    }
    return NULL;
}

const struct file_node *file_node_child(const struct file_node *folder, const char *name)
{
    struct file_node **slot = file_node_slot(folder, name, strlen(name));
    return slot == NULL ? NULL : *slot;
}

struct file_node *file_node_own(struct file_node **slot)
{
    struct file_node *shared = *slot;
    if (shared->references == 1) {
        return shared;
    }
    struct file_node *copy = file_node_new(shared->name, strlen(shared->name));
    copy->folder = shared->folder;
    copy->read_only = shared->read_only;
    copy->modified_s = shared->modified_s;
    copy->short_number = shared->short_number;
    if (shared->folder) {
        for (uint32_t i = 0; i < shared->child_count; i++) {
            file_node_add(copy, file_node_share(shared->children[i]));
        }
    } else {
        copy->content = file_content_share(shared->content);
        copy->size = copy->medium_bytes = shared->size;
    }
    file_node_release(shared);
    *slot = copy;
    return copy;
}
