#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/protocol/connect/buddy_partial.h"
#include "sim/protocol/connect/buddy_parts.h"

/* The USB drive of a machine under Buddy's names. */

static bool is_component(const struct file_node *folder, uint32_t index, const char *name,
                         size_t size)
{
    const char *long_name = folder->children[index]->name;
    char short_name[13];
    if (strlen(long_name) == size && strncasecmp(long_name, name, size) == 0) {
        return true;
    }
    buddy_short_name(folder, index, short_name);
    return strlen(short_name) == size && strncasecmp(short_name, name, size) == 0;
}

/* The node at `path` below "/usb", and where it lies; false: nothing. Trailing slashes are fine. */
static bool walk(struct machine *machine, const char *path, struct buffer *out,
                 const struct file_node **node, const struct file_node **parent, uint32_t *index)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, "/usb", &below);
    if (storage == NULL || strncmp(path, "/usb", 4) != 0 || (path[4] != '/' && path[4] != '\0')) {
        return false;
    }
    *node = storage->root;
    *parent = NULL;
    buffer_append_text(out, "/usb");
    for (const char *at = path + 4; *at != '\0';) {
        size_t size = strcspn(++at, "/");
        if (size == 0) {
            continue;
        }
        const struct file_node *folder = *node;
        uint32_t i = 0;
        while (folder->folder && i < folder->child_count && !is_component(folder, i, at, size)) {
            i++;
        }
        if (!folder->folder || i == folder->child_count) {
            return false;
        }
        *parent = folder;
        *index = i;
        *node = folder->children[i];
        buffer_append_char(out, '/');
        buffer_append_text(out, (*node)->name);
        at += size;
    }
    return true;
}

bool buddy_drive_resolve(struct machine *machine, const char *path, struct buffer *out)
{
    const struct file_node *node, *parent;
    uint32_t index;
    size_t before = out->size;
    bool found = walk(machine, path, out, &node, &parent, &index);
    if (!found) {
        out->size = before;
    }
    return found;
}

/* FAT gives folders no size. A file that is still coming in is a folder there, and shown as what it
 * will be (7.6). */
static void fill(struct buddy_entry *entry, const struct file_node *parent, uint32_t index)
{
    const struct file_node *node = parent->children[index];
    const struct file_node *partial = buddy_partial_file(node);
    const struct file_node *shown = partial == NULL ? node : partial;
    *entry = (struct buddy_entry){.folder = shown->folder,
                                  .has_stat = true,
                                  .read_only = partial != NULL,
                                  .size = shown->folder ? 0 : shown->size,
                                  .modified_s = shown->modified_s,
                                  .content = shown->content};
    char short_name[13];
    buddy_short_name(parent, index, short_name);
    snprintf(entry->short_name, sizeof entry->short_name, "%s", short_name);
    snprintf(entry->long_name, sizeof entry->long_name, "%s", node->name);
}

static bool look(void *owner, const char *path, struct buddy_entry *entry)
{
    const struct file_node *node, *parent;
    uint32_t index;
    struct buffer real = {0};
    bool found = walk(owner, path, &real, &node, &parent, &index);
    buffer_free(&real);
    if (found && parent != NULL) {
        fill(entry, parent, index);
    } else if (found) {
        *entry = (struct buddy_entry){.folder = true}; /* the root has no entry of its own */
    }
    return found;
}

static void list(void *owner, const char *path, buddy_list_each *each, void *each_owner)
{
    const struct file_node *node, *parent;
    uint32_t index;
    struct buffer real = {0};
    bool found = walk(owner, path, &real, &node, &parent, &index);
    buffer_free(&real);
    for (uint32_t i = 0; found && node->folder && i < node->child_count; i++) {
        if (!file_name_hidden(node->children[i]->name)) {
            struct buddy_entry entry;
            fill(&entry, node, i);
            each(each_owner, &entry);
        }
    }
}

const struct buddy_files_class buddy_drive_class = {look, list};
