#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "tests/golden/sdk_host.h"

/* The disk of the recording machine. */
#define DISK_BYTES UINT64_C(270553174016)

static const char GEAR[] = "full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode";

static int64_t now_s(const struct sdk_host *host)
{
    return world_wall_us(&host->replay->world) / 1000000;
}

struct storage *sdk_host_storage_of(struct sdk_host *host, const char *path, const char **below)
{
    const char *name = *path == '/' ? path + 1 : path;
    size_t size = strcspn(name, "/");
    *below = name[size] == '/' ? name + size + 1 : name + size;
    for (size_t i = 0; i < host->storage_count; i++) {
        if (strlen(host->storages[i].name) == size &&
            memcmp(host->storages[i].name, name, size) == 0) {
            return &host->storages[i];
        }
    }
    return NULL;
}

enum storage_result sdk_host_make_folder(void *owner, const char *path)
{
    struct sdk_host *host = owner;
    const char *below = NULL;
    struct storage *storage = sdk_host_storage_of(host, path, &below);
    char first[512]; /* the topmost folder that is missing: what the watcher sees */
    size_t size = (size_t)(below - path);
    do {
        size += strcspn(path + size, "/");
        snprintf(first, sizeof first, "%.*s", (int)size, path);
        size += path[size] == '/' ? 1 : 0;
    } while (storage_find(storage, first + (below - path)) != NULL && path[size] != '\0');
    enum storage_result result = storage_make_folder(storage, below, now_s(host));
    if (result == STORAGE_OK) {
        connect_sdk_file_changed(host->sdk, STORAGE_CREATED, first);
    }
    return result;
}

struct telling {
    struct sdk_host *host;
    const char *storage;
};

static void tell(void *owner, enum storage_change_kind kind, const char *below)
{
    const struct telling *telling = owner;
    char path[512];
    snprintf(path, sizeof path, "/%s/%s", telling->storage, below);
    connect_sdk_file_changed(telling->host->sdk, kind, path);
}

enum storage_result sdk_host_remove(void *owner, const char *path, bool whole_tree)
{
    struct sdk_host *host = owner;
    const char *below = NULL;
    struct storage *storage = sdk_host_storage_of(host, path, &below);
    const struct file_node *found = storage_find(storage, below);
    struct file_node *node = found == NULL ? NULL : file_node_share((struct file_node *)found);
    enum storage_result result = storage_remove(storage, below, whole_tree, now_s(host));
    if (result == STORAGE_OK) {
        struct telling telling = {host, storage->name};
        storage_tell_tree(node, below, STORAGE_DELETED, tell, &telling);
    }
    file_node_release(node);
    return result;
}

enum storage_result sdk_host_append(void *owner, const char *path, const void *bytes, size_t size)
{
    struct sdk_host *host = owner;
    const char *below = NULL;
    struct storage *storage = sdk_host_storage_of(host, path, &below);
    return storage_append(storage, below, bytes, size, now_s(host)); /* hidden: nobody is told */
}

enum storage_result sdk_host_rename(void *owner, const char *from, const char *to)
{
    struct sdk_host *host = owner;
    const char *below = NULL, *target = NULL;
    struct storage *storage = sdk_host_storage_of(host, from, &below);
    sdk_host_storage_of(host, to, &target);
    enum storage_result result = storage_rename(storage, below, target, now_s(host));
    if (result == STORAGE_OK) {
        connect_sdk_file_changed(host->sdk, STORAGE_CREATED, to);
    }
    return result;
}

/* What the recording host had under this name, or as many zeros. */
static struct file_content *content_of(const char *name, size_t size)
{
    char relative[300];
    snprintf(relative, sizeof relative, "data/%s", name);
    char *path = capture_path(relative);
    struct file_content *content = path == NULL ? NULL : file_content_of_file(path, NULL);
    free(path);
    if (content != NULL && (size == 0 || file_content_size(content) == size)) {
        return content;
    }
    file_content_release(content);
    char *zeros = memory_new(size + 1);
    content = file_content_of_bytes(zeros, size);
    free(zeros);
    return content;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return item == NULL ? 0.0 : item->valuedouble;
}

static const char *name_of(const cJSON *object, const char *otherwise)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(object, "name");
    return name == NULL ? otherwise : name->valuestring;
}

/* A tree as INFO and MEDIUM_INSERTED show it. */
static struct file_node *node_of(const cJSON *tree, const char *name)
{
    const cJSON *children = cJSON_GetObjectItemCaseSensitive(tree, "children"), *child = NULL;
    int64_t modified_s = (int64_t)number_of(tree, "m_timestamp");
    if (children == NULL) {
        return file_node_file(name, false, modified_s,
                              content_of(name, (size_t)number_of(tree, "size")));
    }
    struct file_node *folder = file_node_folder(name, false, modified_s);
    cJSON_ArrayForEach(child, children)
    {
        file_node_add(folder, node_of(child, name_of(child, "")));
    }
    return folder;
}

static uint64_t recorded_free_bytes(const struct sdk_host *host)
{
    const struct capture *capture = &host->replay->capture;
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        const char *found = entry->kind != CAPTURE_REQUEST
                                ? NULL
                                : memmem(entry->bytes, entry->size, "\"free_space\": ", 14);
        if (found != NULL) {
            return strtoull(found + 14, NULL, 10);
        }
    }
    return DISK_BYTES / 2;
}

static struct storage *attach(struct sdk_host *host, const char *name, enum storage_kind kind,
                              struct file_node *root)
{
    struct storage *storage = &host->storages[host->storage_count++];
    storage_init(storage, name, kind, root);
    if (kind != STORAGE_SDCARD) {
        storage->total_bytes = DISK_BYTES;
        storage->used_by_others_bytes =
            DISK_BYTES - recorded_free_bytes(host) - storage->root->medium_bytes;
    }
    connect_sdk_medium_inserted(host->sdk, storage);
    return storage;
}

/* Of the captures whose first INFO, if any, is not of their beginning. */
static const struct {
    const char *capture;
    int64_t modified_s;
    const char *files[2];
} beginnings[] = {
    {"20-", 1795229366, {GEAR, NULL}},        {"21-", 1795229366, {GEAR, NULL}},
    {"22-", 1795229366, {GEAR, NULL}},        {"24-", 1795229366, {GEAR, "box.gcode"}},
    {"25-", 1795229366, {GEAR, "box.gcode"}}, {"34-", 1795228760, {"Shape-Box.sl1", NULL}},
    {"42-", 1795229139, {GEAR, NULL}},
};

void sdk_host_attach_recorded(struct sdk_host *host)
{
    struct world *world = &host->replay->world;
    world->now_us = -SECONDS(1); /* before the record */
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(host->info, "files");
    const cJSON *local = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(files, "children"), 0);
    struct file_node *root = local == NULL ? file_node_folder("", false, 0) : node_of(local, "");
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(host->name, beginnings[i].capture, 3) == 0) {
            file_node_release(root);
            root = file_node_folder("", false, beginnings[i].modified_s);
            for (size_t f = 0; f < 2 && beginnings[i].files[f] != NULL; f++) {
                const char *name = beginnings[i].files[f];
                file_node_add(root, file_node_file(name, false, beginnings[i].modified_s,
                                                   content_of(name, 0)));
            }
        }
    }
    const struct storage *storage = attach(host, "local", STORAGE_LOCAL, root);
    if (storage_find(storage, "tree") != NULL) { /* it came whole while an earlier record ran */
        connect_sdk_file_changed(host->sdk, STORAGE_CREATED, "/local/tree");
    }
    world_run(world, 0, NULL);
}

/* ---- notes of captures 42 and 43 ---- */

static void put_at(struct sdk_host *host, const char *path, size_t size, int64_t modified_s,
                   enum storage_change_kind kind)
{
    const char *below = NULL;
    struct storage *storage = sdk_host_storage_of(host, path, &below);
    storage_put(storage, below, content_of("", size), modified_s);
    connect_sdk_file_changed(host->sdk, kind, path);
}

static void put(struct sdk_host *host, const char *path, size_t size)
{
    put_at(host, path, size, now_s(host), STORAGE_CREATED);
}

static void move(struct sdk_host *host, const char *from, const char *to)
{
    const char *below = NULL;
    const struct storage *storage = sdk_host_storage_of(host, from, &below);
    const struct file_node *node = storage_find(storage, below);
    int64_t modified_s = node->modified_s;
    size_t size = (size_t)node->size;
    sdk_host_remove(host, from, false);
    put_at(host, to, size, modified_s, STORAGE_CREATED);
}

static void tree_comes(struct sdk_host *host, const char *name, int64_t modified_s)
{
    static const char *const files[] = {"in/b.gcode", "a.gcode"};
    struct storage *storage = &host->storages[0];
    char path[64];
    for (size_t i = 0; i < 2; i++) { /* the folder's listing begins with its folders */
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        storage_put(storage, path, content_of("", 1), modified_s);
    }
    for (size_t i = 2; i-- > 0;) {
        snprintf(path, sizeof path, "/local/%s/%s", name, files[i]);
        connect_sdk_file_changed(host->sdk, STORAGE_CREATED, path);
    }
    snprintf(path, sizeof path, "/local/%s", name);
    connect_sdk_file_changed(host->sdk, STORAGE_CREATED, path);
}

static void small_appears(struct sdk_host *host)
{
    put(host, "/local/small.gcode", 26);
}

static void small_changes(struct sdk_host *host)
{
    put_at(host, "/local/small.gcode", 8, now_s(host), STORAGE_MODIFIED);
}

static void small_is_renamed(struct sdk_host *host)
{
    move(host, "/local/small.gcode", "/local/big.GCO");
}

static void sub_is_made(struct sdk_host *host)
{
    sdk_host_make_folder(host, "/local/sub");
}

static void big_is_moved(struct sdk_host *host)
{
    move(host, "/local/big.GCO", "/local/sub/big.GCO");
}

static void four_appear(struct sdk_host *host)
{
    put(host, "/local/fw.hex", 1);
    put(host, "/local/model.sl1", 1);
    put(host, "/local/note.txt", 1);
    put(host, "/local/.hidden.gcode", 1);
}

static void read_only_appears(struct sdk_host *host)
{
    put(host, "/local/ro.gcode", 1); /* the host ran as root: writable for it (captures README) */
}

static void tree_is_moved_in(struct sdk_host *host)
{
    tree_comes(host, "tree", now_s(host));
}

static void tree_is_copied(struct sdk_host *host)
{
    tree_comes(host, "tree2", storage_find(&host->storages[0], "tree/a.gcode")->modified_s);
}

static void tree_is_deleted(struct sdk_host *host)
{
    storage_remove(&host->storages[0], "tree2", true, now_s(host));
    connect_sdk_file_changed(host->sdk, STORAGE_DELETED, "/local/tree2/a.gcode");
    connect_sdk_file_changed(host->sdk, STORAGE_DELETED, "/local/tree2/in/b.gcode");
    connect_sdk_file_changed(host->sdk, STORAGE_DELETED, "/local/tree2");
}

static void read_only_is_deleted(struct sdk_host *host)
{
    sdk_host_remove(host, "/local/ro.gcode", false);
}

static void unicode_appears(struct sdk_host *host)
{
    put(host, "/local/p\xC5\x99\xC3\xADklad \xE2\x91\xA0.gcode", 1);
}

static void sub_is_deleted(struct sdk_host *host)
{
    sdk_host_remove(host, "/local/sub", true);
}

/* A storage as the MEDIUM_INSERTED of the capture shows it. */
static void mount_recorded(struct sdk_host *host, const char *name, enum storage_kind kind)
{
    const struct capture *capture = &host->replay->capture;
    char root[64];
    snprintf(root, sizeof root, "/%s", name);
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->kind != CAPTURE_REQUEST || strstr(entry->body, "MEDIUM_INSERTED") == NULL) {
            continue;
        }
        cJSON *body = cJSON_ParseWithLength(entry->body, entry->body_size);
        const cJSON *data = cJSON_GetObjectItemCaseSensitive(body, "data");
        const cJSON *where = cJSON_GetObjectItemCaseSensitive(data, "root");
        if (strcmp(cJSON_GetStringValue(where), root) == 0) {
            attach(host, name, kind, node_of(cJSON_GetObjectItemCaseSensitive(data, "files"), ""));
        }
        cJSON_Delete(body);
    }
}

static void usb_is_mounted(struct sdk_host *host)
{
    mount_recorded(host, "usb", STORAGE_USB);
}

static void card_is_mounted(struct sdk_host *host)
{
    mount_recorded(host, "SD Card", STORAGE_SDCARD);
}

static void last_is_unmounted(struct sdk_host *host)
{
    struct storage *storage = &host->storages[--host->storage_count];
    connect_sdk_medium_ejected(host->sdk, storage->name);
    storage_free(storage);
}

static void local_is_deleted(struct sdk_host *host)
{
    static const char *const gone[] = {"note.txt",
                                       "tree/a.gcode",
                                       "tree/in/b.gcode",
                                       "p\xC5\x99\xC3\xADklad \xE2\x91\xA0.gcode",
                                       "model.sl1",
                                       "fw.hex",
                                       GEAR};
    struct telling telling = {host, "local"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        tell(&telling, STORAGE_DELETED, gone[i]);
    }
    connect_sdk_storage_lost(host->sdk, &host->storages[0]);
}

bool sdk_host_disk_note(struct sdk_host *host, const char *note)
{
    static const struct {
        const char *note;
        void (*act)(struct sdk_host *host);
    } acts[] = {
        {"a file small.gcode appears", small_appears},
        {"it is changed", small_changes},
        {"it is renamed to big.GCO", small_is_renamed},
        {"a folder sub is made", sub_is_made},
        {"big.GCO is moved into it", big_is_moved},
        {"fw.hex, model.sl1, note.txt and .hidden.gcode appear", four_appear},
        {"a read-only file ro.gcode appears by move", read_only_appears},
        {"a folder tree with tree/a.gcode and tree/in/b.gcode is moved in", tree_is_moved_in},
        {"it is copied to tree2", tree_is_copied},
        {"tree2 is deleted with all in it", tree_is_deleted},
        {"ro.gcode is deleted", read_only_is_deleted},
        {"a file with a name beyond ASCII appears", unicode_appears},
        {"sub is deleted with all in it", sub_is_deleted},
        {"a second folder is mounted as /usb", usb_is_mounted},
        {"it is unmounted", last_is_unmounted},
        {"a tree without a folder is mounted as /SD Card", card_is_mounted},
        {"the folder of /local is deleted with all in it", local_is_deleted},
    };
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (strcmp(note, acts[i].note) == 0) {
            acts[i].act(host);
            return true;
        }
    }
    return false;
}
