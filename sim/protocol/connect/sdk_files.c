#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_state.h"

/* The tree of files as it goes out (connect-sdk.md 8.2 to 8.4): the legacy form in INFO and
 * MEDIUM_INSERTED, the flat form in FILE_CHANGED. */

bool sdk_hidden(const char *path)
{
    for (;;) {
        path += *path == '/' ? 1 : 0;
        if (*path == '.') {
            return true;
        }
        path += strcspn(path, "/");
        if (*path == '\0') {
            return false;
        }
    }
}

struct storage *sdk_storage_named(struct connect_sdk *sdk, const char *name, size_t size)
{
    for (size_t i = 0; i < sdk->host_class->storage_count(sdk->host); i++) {
        struct storage *storage = sdk->host_class->storage(sdk->host, i);
        if (strlen(storage->name) == size && memcmp(storage->name, name, size) == 0) {
            return storage;
        }
    }
    return NULL;
}

static struct sdk_view **view_of(struct connect_sdk *sdk, const char *storage)
{
    struct sdk_view **place = &sdk->views;
    while (*place != NULL && strcmp((*place)->storage, storage) != 0) {
        place = &(*place)->next;
    }
    return place;
}

static void forget_view(struct connect_sdk *sdk, const char *storage)
{
    struct sdk_view **place = view_of(sdk, storage);
    struct sdk_view *view = *place;
    if (view != NULL) {
        *place = view->next;
        file_node_release(view->root);
        free(view);
    }
}

static void keep_view(struct connect_sdk *sdk, const struct storage *storage)
{
    forget_view(sdk, storage->name);
    size_t size = strlen(storage->name) + 1;
    struct sdk_view *view = memory_new(sizeof *view + size);
    memcpy(view->storage, storage->name, size);
    view->root = file_node_share(storage->root);
    view->next = sdk->views;
    sdk->views = view;
}

void sdk_views_free(struct connect_sdk *sdk)
{
    while (sdk->views != NULL) {
        forget_view(sdk, sdk->views->storage);
    }
}

/* The node at a full path when its storage was attached; NULL: there was none. */
static const struct file_node *seen_at(struct connect_sdk *sdk, const struct storage *storage,
                                       const char *path)
{
    const struct sdk_view *view = *view_of(sdk, storage->name);
    const struct file_node *node = view == NULL ? NULL : view->root;
    const char *at = strchr(path + 1, '/');
    while (node != NULL && at != NULL) {
        char name[FILE_NAME_BYTES_MAX + 1];
        size_t size = strcspn(++at, "/");
        if (size >= sizeof name || !node->folder) {
            return NULL;
        }
        memcpy(name, at, size);
        name[size] = '\0';
        node = file_node_child(node, name);
        char *so_far = memory_copy_slice(path, (size_t)(at - path) + size);
        node = sdk_sight(sdk, so_far) == SDK_SEEN ? node : NULL;
        free(so_far);
        at = strchr(at, '/');
    }
    return node;
}

bool sdk_view_has(struct connect_sdk *sdk, const char *path)
{
    const struct storage *storage = sdk_storage_named(sdk, path + 1, strcspn(path + 1, "/"));
    const struct file_node *node = storage == NULL ? NULL : seen_at(sdk, storage, path);
    return node != NULL && node->folder;
}

/* A walk through one tree; the path is kept only while some folders were seen badly. */
struct walk {
    const struct connect_sdk *sdk;
    const struct storage *storage;
    struct json_writer *json;
    struct buffer path;
    bool keep_path;
};

static void walk_begin(struct walk *walk, const struct connect_sdk *sdk,
                       const struct storage *storage, struct json_writer *json)
{
    *walk = (struct walk){.sdk = sdk, .storage = storage, .json = json};
    walk->keep_path = sdk->watch != NULL && sdk->watch->flaws != NULL;
}

static enum sdk_sight walk_enter(struct walk *walk, const struct file_node *node)
{
    if (!walk->keep_path) {
        return SDK_SEEN;
    }
    buffer_append_char(&walk->path, '/');
    buffer_append_text(&walk->path, node->name);
    return sdk_sight(walk->sdk, walk->path.bytes);
}

static void walk_leave(struct walk *walk, size_t size)
{
    if (walk->keep_path) {
        walk->path.size = size;
        walk->path.bytes[size] = '\0';
    }
}

/* The time that goes out for a node; `seen` is the same folder when the storage was attached. */
static int64_t shown_time(const struct file_node *node, const struct file_node *seen)
{
    return seen != NULL && seen->folder && node->folder ? seen->modified_s : node->modified_s;
}

static const struct file_node *seen_child(const struct file_node *seen,
                                          const struct file_node *child)
{
    return seen == NULL || !seen->folder || !child->folder ? NULL
                                                           : file_node_child(seen, child->name);
}

static void write_attributes(struct walk *walk, const struct file_node *node,
                             const struct file_node *seen, bool bare)
{
    struct json_writer *json = walk->json;
    bool sd_card = walk->storage->kind == STORAGE_SDCARD;
    if (!bare) {
        json_bool(json, "read_only", sd_card || walk->storage->read_only || node->read_only);
        if (!sd_card || !node->folder) { /* the folders of a card have no time */
            json_int(json, "m_timestamp", shown_time(node, seen));
        }
    }
    json_int(json, "size", (int64_t)node->size);
}

static void write_node(struct walk *walk, const char *key, const struct file_node *node,
                       const struct file_node *seen, const struct storage *top);

static void write_children(struct walk *walk, const struct file_node *node,
                           const struct file_node *seen)
{
    json_array(walk->json, "children");
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (node->children[i]->name[0] != '.') {
            write_node(walk, NULL, node->children[i], seen_child(seen, node->children[i]), NULL);
        }
    }
    json_array_end(walk->json);
}

/* Depth is bounded by FILE_DEPTH_MAX. `top`: the node is the root of this storage. */
static void write_node(struct walk *walk, const char *key, const struct file_node *node,
                       const struct file_node *seen, const struct storage *top)
{
    size_t path_size = walk->path.size;
    enum sdk_sight sight = SDK_SEEN;
    if (top == NULL) {
        sight = walk_enter(walk, node);
    } else if (walk->keep_path) {
        buffer_append_char(&walk->path, '/');
        buffer_append_text(&walk->path, top->name);
    }
    seen = sight == SDK_SEEN ? seen : NULL;
    if (sight != SDK_UNSEEN) {
        struct json_writer *json = walk->json;
        json_object(json, key);
        json_string(json, "type", node->folder ? "DIR" : "FILE");
        json_string(json, "name", top == NULL ? node->name : top->name);
        write_attributes(walk, node, seen, sight == SDK_SEEN_BARE);
        if (node->folder) {
            write_children(walk, node, seen);
        }
        if (top != NULL && storage_total_bytes(top) > 0) {
            if (storage_free_bytes(top) > 0) {
                json_int(json, "free_space", (int64_t)storage_free_bytes(top));
            }
            json_int(json, "total_space", (int64_t)storage_total_bytes(top));
        }
        json_object_end(json);
    }
    walk_leave(walk, path_size);
}

static void write_storage(struct connect_sdk *sdk, struct json_writer *json, const char *key,
                          const struct storage *storage)
{
    struct walk walk;
    walk_begin(&walk, sdk, storage, json);
    const struct sdk_view *view = *view_of(sdk, storage->name);
    write_node(&walk, key, storage->root, view == NULL ? NULL : view->root, storage);
    buffer_free(&walk.path);
}

void sdk_write_tree(struct connect_sdk *sdk, struct json_writer *json, const char *key)
{
    json_object(json, key);
    json_string(json, "type", "DIR");
    json_string(json, "name", "/");
    json_bool(json, "read_only", true);
    json_array(json, "children");
    for (size_t i = 0; i < sdk->host_class->storage_count(sdk->host); i++) {
        const struct storage *storage = sdk->host_class->storage(sdk->host, i);
        write_storage(sdk, json, NULL, storage);
    }
    json_array_end(json);
    json_object_end(json);
}

static const char *flat_type(const struct file_node *node)
{
    static const char *const extensions[] = {".gcode", ".gc", ".g", ".gco"};
    if (node->folder) {
        return "FOLDER";
    }
    const char *extension = strrchr(node->name, '.');
    for (size_t i = 0; extension != NULL && i < sizeof extensions / sizeof *extensions; i++) {
        if (strcasecmp(extension, extensions[i]) == 0) {
            return "PRINT_FILE";
        }
    }
    return extension != NULL && strcasecmp(extension, ".hex") == 0 ? "FIRMWARE" : "FILE";
}

static void write_flat(struct walk *walk, const char *key, const struct file_node *node,
                       const struct file_node *seen, bool bare)
{
    json_object(walk->json, key);
    json_string(walk->json, "type", flat_type(node));
    json_string(walk->json, "name", node->name);
    write_attributes(walk, node, seen, bare);
}

void sdk_write_file(struct connect_sdk *sdk, struct json_writer *json, const char *key,
                    const struct storage *storage, const char *path, const struct file_node *node)
{
    struct walk walk;
    walk_begin(&walk, sdk, storage, json);
    const struct file_node *seen = seen_at(sdk, storage, path);
    write_flat(&walk, key, node, seen, sdk_sight(sdk, path) == SDK_SEEN_BARE);
    if (node->folder) {
        json_array(json, "children");
        if (walk.keep_path) {
            buffer_append_text(&walk.path, path);
        }
        size_t path_size = walk.path.size;
        for (uint32_t i = 0; i < node->child_count; i++) {
            if (node->children[i]->name[0] == '.') {
                continue;
            }
            enum sdk_sight sight = walk_enter(&walk, node->children[i]);
            if (sight != SDK_UNSEEN) {
                write_flat(&walk, NULL, node->children[i],
                           sight == SDK_SEEN ? seen_child(seen, node->children[i]) : NULL,
                           sight == SDK_SEEN_BARE);
                json_object_end(json);
            }
            walk_leave(&walk, path_size);
        }
        json_array_end(json);
    }
    json_object_end(json);
    buffer_free(&walk.path);
}

static bool open_medium(struct connect_sdk *sdk, struct sdk_event *event,
                        enum connect_event_name name, const char *storage_name)
{
    if (!sdk_event_open(sdk, event, name, SOURCE_WUI, NULL)) {
        return false;
    }
    struct buffer root = {0};
    buffer_append_char(&root, '/');
    buffer_append_text(&root, storage_name);
    json_object(&event->json, "data");
    json_text(&event->json, "root", root.bytes, root.size);
    buffer_free(&root);
    return true;
}

void connect_sdk_medium_inserted(struct connect_sdk *sdk, const struct storage *storage)
{
    keep_view(sdk, storage);
    struct sdk_event event;
    if (open_medium(sdk, &event, CONNECT_MEDIUM_INSERTED, storage->name)) {
        write_storage(sdk, &event.json, "files", storage);
        json_object_end(&event.json);
        sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
    }
}

void connect_sdk_medium_ejected(struct connect_sdk *sdk, const char *storage_name)
{
    forget_view(sdk, storage_name);
    struct sdk_event event;
    if (open_medium(sdk, &event, CONNECT_MEDIUM_EJECTED, storage_name)) {
        json_object_end(&event.json);
        sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
    }
}
