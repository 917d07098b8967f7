#include <string.h>
#include <strings.h>

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

static void write_attributes(struct walk *walk, const struct file_node *node, bool bare)
{
    struct json_writer *json = walk->json;
    bool sd_card = walk->storage->kind == STORAGE_SDCARD;
    if (!bare) {
        json_bool(json, "read_only", sd_card || walk->storage->read_only || node->read_only);
        if (!sd_card || !node->folder) { /* the folders of a card have no time */
            json_int(json, "m_timestamp", node->modified_s);
        }
    }
    json_int(json, "size", (int64_t)node->size);
}

static void write_node(struct walk *walk, const char *key, const char *name,
                       const struct file_node *node, const struct storage *top);

static void write_children(struct walk *walk, const struct file_node *node)
{
    json_array(walk->json, "children");
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (node->children[i]->name[0] != '.') {
            write_node(walk, NULL, node->children[i]->name, node->children[i], NULL);
        }
    }
    json_array_end(walk->json);
}

/* Depth is bounded by FILE_DEPTH_MAX. `top`: the node is the root of this storage. */
static void write_node(struct walk *walk, const char *key, const char *name,
                       const struct file_node *node, const struct storage *top)
{
    size_t path_size = walk->path.size;
    enum sdk_sight sight = SDK_SEEN;
    if (top == NULL) {
        sight = walk_enter(walk, node);
    } else if (walk->keep_path) {
        buffer_append_char(&walk->path, '/');
        buffer_append_text(&walk->path, top->name);
    }
    if (sight != SDK_UNSEEN) {
        struct json_writer *json = walk->json;
        json_object(json, key);
        json_string(json, "type", node->folder ? "DIR" : "FILE");
        json_string(json, "name", name);
        write_attributes(walk, node, sight == SDK_SEEN_BARE);
        if (node->folder) {
            write_children(walk, node);
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
    write_node(&walk, key, storage->name, storage->root, storage);
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

static void write_flat(struct walk *walk, const char *key, const struct file_node *node, bool bare)
{
    json_object(walk->json, key);
    json_string(walk->json, "type", flat_type(node));
    json_string(walk->json, "name", node->name);
    write_attributes(walk, node, bare);
}

void sdk_write_file(struct connect_sdk *sdk, struct json_writer *json, const char *key,
                    const struct storage *storage, const char *path, const struct file_node *node)
{
    struct walk walk;
    walk_begin(&walk, sdk, storage, json);
    write_flat(&walk, key, node, sdk_sight(sdk, path) == SDK_SEEN_BARE);
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
                write_flat(&walk, NULL, node->children[i], sight == SDK_SEEN_BARE);
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
    struct sdk_event event;
    if (open_medium(sdk, &event, CONNECT_MEDIUM_INSERTED, storage->name)) {
        write_storage(sdk, &event.json, "files", storage);
        json_object_end(&event.json);
        sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
    }
}

void connect_sdk_medium_ejected(struct connect_sdk *sdk, const char *storage_name)
{
    struct sdk_event event;
    if (open_medium(sdk, &event, CONNECT_MEDIUM_EJECTED, storage_name)) {
        json_object_end(&event.json);
        sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
    }
}
