#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_state.h"

/* The watcher of files (connect-sdk.md 8.5): what happens waits for its next turn and is then told
 * as FILE_CHANGED, in order. Of a folder that comes with folders in it the reference sees the inner
 * ones badly: the first level without attributes, empty ones below not at all (defect Q-12); those
 * are remembered as flaws until they go. */

struct sdk_flaw {
    struct sdk_flaw *next;
    enum sdk_sight sight;
    char path[];
};

static void turn(void *owner);

static struct sdk_watch *watch_of(struct connect_sdk *sdk)
{
    if (sdk->watch == NULL) {
        sdk->watch = memory_new(sizeof *sdk->watch);
        sdk->watch->sdk = sdk;
        timer_init(&sdk->watch->timer, turn, sdk->watch);
    }
    return sdk->watch;
}

static void forget_changes(struct sdk_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        free(watch->changes[i]);
    }
    free(watch->changes);
    watch->changes = NULL;
    watch->count = watch->capacity = 0;
}

/* The path is `folder` or lies below it. */
static bool within(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static void forget_flaws(struct sdk_watch *watch, const char *below)
{
    struct sdk_flaw **place = &watch->flaws;
    while (*place != NULL) {
        struct sdk_flaw *flaw = *place;
        if (below == NULL || within(flaw->path, below)) {
            *place = flaw->next;
            free(flaw);
        } else {
            place = &flaw->next;
        }
    }
}

static void release_if_empty(struct connect_sdk *sdk)
{
    if (sdk->watch != NULL && sdk->watch->count == 0 && sdk->watch->flaws == NULL) {
        sdk_watch_free(sdk);
    }
}

void sdk_watch_free(struct connect_sdk *sdk)
{
    if (sdk->watch != NULL) {
        world_cancel(sdk->world, &sdk->watch->timer);
        forget_changes(sdk->watch);
        forget_flaws(sdk->watch, NULL);
        free(sdk->watch);
        sdk->watch = NULL;
    }
}

enum sdk_sight sdk_sight(const struct connect_sdk *sdk, const char *path)
{
    if (sdk->watch == NULL) {
        return SDK_SEEN;
    }
    for (const struct sdk_flaw *flaw = sdk->watch->flaws; flaw != NULL; flaw = flaw->next) {
        if (strcmp(flaw->path, path) == 0) {
            return flaw->sight;
        }
        if (flaw->sight == SDK_UNSEEN && within(path, flaw->path)) {
            return SDK_UNSEEN;
        }
    }
    return SDK_SEEN;
}

static void add_flaw(struct sdk_watch *watch, const char *path, enum sdk_sight sight)
{
    size_t size = strlen(path) + 1;
    struct sdk_flaw *flaw = memory_new(sizeof *flaw + size);
    memcpy(flaw->path, path, size);
    flaw->sight = sight;
    flaw->next = watch->flaws;
    watch->flaws = flaw;
}

static void add_change(struct connect_sdk *sdk, enum storage_change_kind kind, const char *path,
                       bool lost_storage)
{
    struct sdk_watch *watch = watch_of(sdk);
    if (watch->count == watch->capacity) {
        watch->capacity = watch->capacity == 0 ? 4 : watch->capacity * 2;
        watch->changes = memory_resize(watch->changes, watch->capacity * sizeof *watch->changes);
    }
    size_t size = strlen(path) + 1;
    struct sdk_change *change = memory_new(sizeof *change + size);
    change->kind = kind;
    change->lost_storage = lost_storage;
    memcpy(change->path, path, size);
    watch->changes[watch->count++] = change;
    if (!timer_armed(&watch->timer)) {
        int64_t period = sdk->watch_interval_us;
        world_arm(sdk->world, &watch->timer, (sdk->world->now_us / period + 1) * period);
    }
}

void connect_sdk_file_changed(struct connect_sdk *sdk, enum storage_change_kind kind,
                              const char *path)
{
    if (!sdk_hidden(path)) {
        add_change(sdk, kind, path, false);
    }
}

void connect_sdk_storage_lost(struct connect_sdk *sdk, const struct storage *storage)
{
    struct buffer path = {0};
    buffer_append_char(&path, '/');
    buffer_append_text(&path, storage->name);
    add_change(sdk, STORAGE_DELETED, path.bytes, true);
    buffer_free(&path);
}

static struct storage *storage_of(struct connect_sdk *sdk, const char *path)
{
    return sdk_storage_named(sdk, path + 1, strcspn(path + 1, "/"));
}

static const char *below_of(const char *path)
{
    const char *slash = strchr(path + 1, '/');
    return slash == NULL ? "" : slash + 1;
}

static bool storage_is_lost(const struct sdk_watch *watch, const char *path)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->changes[i]->lost_storage && within(path, watch->changes[i]->path)) {
            return true;
        }
    }
    return false;
}

static void tell_change(struct sdk_watch *watch, const struct sdk_change *change,
                        const struct file_node *node)
{
    struct connect_sdk *sdk = watch->sdk;
    const struct storage *storage = storage_of(sdk, change->path);
    struct sdk_event event;
    if (!sdk_event_open(sdk, &event, CONNECT_FILE_CHANGED, SOURCE_WUI, NULL)) {
        return;
    }
    json_object(&event.json, "data");
    if (change->kind != STORAGE_CREATED) {
        json_string(&event.json, "old_path", change->path);
    }
    if (change->kind != STORAGE_DELETED) {
        json_string(&event.json, "new_path", change->path);
        sdk_write_file(sdk, &event.json, "file", storage, change->path, node);
    }
    if (storage != NULL && storage_total_bytes(storage) > 0 &&
        !storage_is_lost(watch, change->path)) {
        json_int(&event.json, "free_space", (int64_t)storage_free_bytes(storage));
    }
    json_object_end(&event.json);
    sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
}

static void tell_lost_storage(struct connect_sdk *sdk, const struct sdk_change *change)
{
    struct sdk_event event;
    if (!sdk_event_open(sdk, &event, CONNECT_FILE_CHANGED, SOURCE_WUI, NULL)) {
        return;
    }
    struct buffer path = {0};
    buffer_append_text(&path, change->path);
    buffer_append_char(&path, '/');
    struct json_writer *json = &event.json;
    json_object(json, "data");
    json_string(json, "old_path", path.bytes);
    json_string(json, "new_path", path.bytes);
    json_object(json, "file");
    json_string(json, "type", "FOLDER");
    json_string(json, "name", change->path + 1);
    json_int(json, "size", 0);
    json_array(json, "children");
    json_array_end(json);
    json_object_end(json);
    json_object_end(json);
    buffer_free(&path);
    sdk_event_close(sdk, &event, &(struct connect_event){0}, (enum printer_state)sdk->state);
}

static bool holds_files(const struct file_node *folder)
{
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const struct file_node *child = folder->children[i];
        if (child->name[0] != '.' && (!child->folder || holds_files(child))) {
            return true;
        }
    }
    return false;
}

/* What the watcher makes of the folders in a folder that came whole. */
static void see_inner_folders(struct sdk_watch *watch, const struct file_node *folder,
                              struct buffer *path, unsigned level)
{
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const struct file_node *child = folder->children[i];
        if (!child->folder || child->name[0] == '.') {
            continue;
        }
        size_t size = path->size;
        buffer_append_char(path, '/');
        buffer_append_text(path, child->name);
        bool unseen = level > 1 && !holds_files(child);
        add_flaw(watch, path->bytes, unseen ? SDK_UNSEEN : SDK_SEEN_BARE);
        if (!unseen) {
            see_inner_folders(watch, child, path, level + 1);
        }
        path->size = size;
        path->bytes[size] = '\0';
    }
}

/* The watch of a new folder begins with it: what came inside it is not told apart (8.5). */
static bool inside_new_folder(const struct sdk_watch *watch, size_t index)
{
    const struct sdk_change *change = watch->changes[index];
    for (size_t i = 0; i < watch->count; i++) {
        const struct sdk_change *other = watch->changes[i];
        if (i != index && other->kind == STORAGE_CREATED &&
            strlen(other->path) < strlen(change->path) && within(change->path, other->path)) {
            return true;
        }
    }
    return false;
}

/* False: the reference raises here and loses the rest of what it was told. */
static bool tell(struct sdk_watch *watch, size_t index)
{
    const struct sdk_change *change = watch->changes[index];
    struct storage *storage = storage_of(watch->sdk, change->path);
    if (change->lost_storage) {
        tell_lost_storage(watch->sdk, change);
        forget_flaws(watch, change->path);
        return true;
    }
    if (change->kind == STORAGE_DELETED) {
        if (sdk_sight(watch->sdk, change->path) == SDK_UNSEEN) {
            return false;
        }
        forget_flaws(watch, change->path);
        if (sdk_view_has(watch->sdk, change->path)) {
            add_flaw(watch, change->path, SDK_SEEN_ANEW);
        }
        tell_change(watch, change, NULL);
        return true;
    }
    const struct file_node *node =
        storage == NULL ? NULL : storage_find(storage, below_of(change->path));
    if (node == NULL || (node->folder && inside_new_folder(watch, index))) {
        return true; /* gone again, or part of a folder that is told as a whole */
    }
    if (node->folder && change->kind == STORAGE_CREATED &&
        sdk_quirk(watch->sdk, CONNECT_QUIRK_INNER_FOLDERS)) {
        struct buffer path = {0};
        buffer_append_text(&path, change->path);
        see_inner_folders(watch, node, &path, 1);
        buffer_free(&path);
    }
    tell_change(watch, change, node);
    return true;
}

static void turn(void *owner)
{
    struct sdk_watch *watch = owner;
    struct connect_sdk *sdk = watch->sdk;
    size_t count = watch->count;
    for (size_t i = 0; i < count && tell(watch, i); i++) {
    }
    forget_changes(watch);
    release_if_empty(sdk);
}
