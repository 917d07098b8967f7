/* The files as the program knows them: a tree of its own that follows the media some time later
 * (prusalink.md 6.3), shows no dot files, keeps the time stamps of folders as it first saw them,
 * and misses what is in folders that came together with their parents (cap 24, 26). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

const char *pi_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool pi_tree_blind(const struct pi *pi, const char *path)
{
    for (const struct pi_blind *blind = pi->blind; blind != NULL; blind = blind->next) {
        if (strcmp(blind->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* --- following the media --- */

/* The child of that name in the tree of before; most are where they were. */
static const struct file_node *was(const struct file_node *before, const char *name, uint32_t hint)
{
    if (before == NULL || !before->folder) {
        return NULL;
    }
    if (hint < before->child_count && strcmp(before->children[hint]->name, name) == 0) {
        return before->children[hint];
    }
    return file_node_child(before, name);
}

static struct file_node *follow(struct pi *pi, struct file_node *now,
                                const struct file_node *before, struct buffer *path)
{
    if (!now->folder) {
        return file_node_share(now);
    }
    int64_t modified_s = before != NULL && before->folder ? before->modified_s : now->modified_s;
    struct file_node *view = file_node_folder(now->name, now->read_only, modified_s);
    if (pi_tree_blind(pi, path->bytes)) {
        return view;
    }
    for (uint32_t i = 0; i < now->child_count; i++) {
        struct file_node *child = now->children[i];
        if (file_name_hidden(child->name)) {
            continue;
        }
        size_t size = path->size;
        buffer_append_char(path, '/');
        buffer_append_text(path, child->name);
        file_node_add(view, follow(pi, child, was(before, child->name, view->child_count), path));
        path->size = size;
        path->bytes[size] = '\0';
    }
    return view;
}

static const struct file_node *root_before(const struct pi_view *views, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(views[i].name, name) == 0) {
            return views[i].root;
        }
    }
    return NULL;
}

static void free_views(struct pi_view *views, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(views[i].name);
        file_node_release(views[i].root);
    }
    free(views);
}

/* Folders that are gone are no longer blind. */
static void forget_blind(struct pi *pi)
{
    for (struct pi_blind **place = &pi->blind; *place != NULL;) {
        struct pi_blind *blind = *place;
        const char *below;
        const struct storage *storage = machine_storage_of(pi->face->machine, blind->path, &below);
        if (storage == NULL || storage_find(storage, below) == NULL) {
            *place = blind->next;
            free(blind);
        } else {
            place = &blind->next;
        }
    }
}

void pi_tree_refresh(struct pi *pi)
{
    struct machine *machine = pi->face->machine;
    struct pi_view *before = pi->views;
    size_t count_before = pi->view_count, count = machine_storage_count(machine);
    world_cancel(pi->face->world, &pi->refresh);
    forget_blind(pi);
    pi->views = count == 0 ? NULL : memory_new_array(count, sizeof *pi->views);
    pi->view_count = count;
    for (size_t i = 0; i < count; i++) {
        struct storage *storage = machine_storage(machine, i);
        struct buffer path = {0};
        buffer_append_char(&path, '/');
        buffer_append_text(&path, storage->name);
        pi->views[i].name = memory_copy_text(storage->name);
        pi->views[i].root =
            follow(pi, storage->root, root_before(before, count_before, storage->name), &path);
        buffer_free(&path);
    }
    free_views(before, count_before);
    pi->changed_us = world_wall_us(pi->face->world) | 1; /* never a whole second: see pi_fresh() */
}

static void on_refresh(void *owner)
{
    pi_tree_refresh(owner);
}

void pi_tree_changed(struct pi *pi)
{
    if (!timer_armed(&pi->refresh)) {
        world_arm_in(pi->face->world, &pi->refresh, PI_TREE_LAG);
    }
}

void pi_tree_open(struct pi *pi)
{
    timer_init(&pi->refresh, on_refresh, pi);
    pi_tree_refresh(pi);
}

void pi_tree_close(struct pi *pi)
{
    world_cancel(pi->face->world, &pi->refresh);
    free_views(pi->views, pi->view_count);
    while (pi->blind != NULL) {
        struct pi_blind *next = pi->blind->next;
        free(pi->blind);
        pi->blind = next;
    }
}

void pi_tree_new_folders(struct pi *pi, const char *path, bool folder)
{
    const char *below;
    const struct storage *storage = machine_storage_of(pi->face->machine, path, &below);
    if (storage == NULL || !link_quirk(pi->face, 52)) {
        return;
    }
    unsigned missing = 0;
    for (const char *at = below; *at != '\0';) {
        size_t size = (size_t)(at - below) + strcspn(at, "/");
        bool last = below[size] == '\0' || below[size + 1] == '\0';
        char *part = memory_copy_slice(below, size);
        missing += (!last || folder) && storage_find(storage, part) == NULL ? 1 : 0;
        free(part);
        if (missing == 2) {
            size_t whole = (size_t)(below - path) + size;
            struct pi_blind *blind = memory_new(sizeof *blind + whole + 1);
            memcpy(blind->path, path, whole);
            blind->next = pi->blind;
            pi->blind = blind;
            return;
        }
        at = below + size + (below[size] == '/' ? 1 : 0);
    }
}

/* --- looking up --- */

static const struct file_node *child_of(const struct file_node *node, const char *name, size_t size)
{
    for (uint32_t i = 0; node->folder && i < node->child_count; i++) {
        const struct file_node *child = node->children[i];
        if (strncmp(child->name, name, size) == 0 && child->name[size] == '\0') {
            return child;
        }
    }
    return NULL;
}

/* A slash at the end is not looked at (cap 27, 26). */
const struct file_node *pi_tree_find(const struct pi *pi, const char *path)
{
    if (*path != '/') {
        return NULL;
    }
    size_t size = strcspn(path + 1, "/");
    const struct file_node *node = NULL;
    for (size_t i = 0; i < pi->view_count && node == NULL; i++) {
        const char *name = pi->views[i].name;
        node = strncmp(name, path + 1, size) == 0 && name[size] == '\0' ? pi->views[i].root : NULL;
    }
    for (path += 1 + size; node != NULL && *path == '/' && path[1] != '\0'; path += size) {
        path++;
        size = strcspn(path, "/");
        node = child_of(node, path, size);
    }
    bool slash = node != NULL && *path == '/' && !node->folder;
    return slash && !link_quirk(pi->face, 55) ? NULL : node;
}

struct storage *pi_storage(const struct link_request *request, enum storage_kind kind)
{
    struct machine *machine = pi_machine(request);
    for (size_t i = 0; i < machine_storage_count(machine); i++) {
        struct storage *storage = machine_storage(machine, i);
        bool card = storage->kind == STORAGE_SDCARD;
        if (card == (kind == STORAGE_SDCARD) && (!card || pi_known(request, PI_CARD_AFTER))) {
            return storage;
        }
    }
    return NULL;
}

const char *pi_storage_name(const struct link_request *request, enum storage_kind kind)
{
    const struct storage *storage = pi_storage(request, kind);
    return storage == NULL ? NULL : storage->name;
}

bool pi_on_card(const struct link_request *request, const char *path)
{
    const struct storage *storage = machine_storage_of(pi_machine(request), path, NULL);
    return storage != NULL && storage->kind == STORAGE_SDCARD;
}

/* --- kinds of files (Prusa-Connect-SDK-Printer: prusa/connect/printer/const.py) --- */

static bool ends_with(const char *name, const char *const *extensions, size_t count)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < count; i++) {
        size_t tail = strlen(extensions[i]);
        if (size >= tail && strcasecmp(name + size - tail, extensions[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool pi_printable(const char *name)
{
    static const char *const gcode[] = {".gcode", ".gc", ".g", ".gco"};
    return ends_with(name, gcode, sizeof gcode / sizeof *gcode);
}

const char *pi_file_type(const struct file_node *node)
{
    static const char *const firmware[] = {".hex"};
    return node->folder                         ? "FOLDER"
           : pi_printable(node->name)           ? "PRINT_FILE"
           : ends_with(node->name, firmware, 1) ? "FIRMWARE"
                                                : "FILE";
}
