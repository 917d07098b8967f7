#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/machine_parts.h"

static int64_t wall_s(const struct machine *machine)
{
    return world_wall_us(machine->world) / 1000000 + machine->clock_ahead_s;
}

void machine_set_clock(struct machine *machine, int64_t ahead_s)
{
    machine->clock_ahead_s = ahead_s;
}

struct storage *machine_attach(struct machine *machine, const struct storage *storage)
{
    struct storage *own = memory_new(sizeof *own);
    *own = *storage;
    machine->storages =
        memory_resize(machine->storages, (machine->storage_count + 1) * sizeof *machine->storages);
    machine->storages[machine->storage_count++] = own;
    TELL(machine, medium_changed, (face, own, true));
    return own;
}

bool machine_detach(struct machine *machine, const char *name, struct storage *out)
{
    for (uint32_t i = 0; i < machine->storage_count; i++) {
        struct storage *storage = machine->storages[i];
        if (strcmp(storage->name, name) != 0) {
            continue;
        }
        machine->storage_count--;
        memmove(&machine->storages[i], &machine->storages[i + 1],
                (machine->storage_count - i) * sizeof *machine->storages);
        print_medium_gone(machine, storage);
        TELL(machine, medium_changed, (face, storage, false));
        if (out != NULL) {
            *out = *storage;
        } else {
            storage_free(storage);
        }
        free(storage);
        return true;
    }
    return false;
}

size_t machine_storage_count(const struct machine *machine)
{
    return machine->storage_count;
}

struct storage *machine_storage(struct machine *machine, size_t index)
{
    return index < machine->storage_count ? machine->storages[index] : NULL;
}

struct storage *machine_storage_of(struct machine *machine, const char *path, const char **below)
{
    if (path[0] != '/') {
        return NULL;
    }
    size_t size = strcspn(path + 1, "/");
    for (uint32_t i = 0; i < machine->storage_count; i++) {
        struct storage *storage = machine->storages[i];
        if (strncmp(storage->name, path + 1, size) == 0 && storage->name[size] == '\0') {
            if (below != NULL) {
                *below = path + 1 + size + (path[1 + size] == '/');
            }
            return storage;
        }
    }
    return NULL;
}

/* --- changes, told with full paths --- */

struct telling {
    struct machine *machine;
    const struct storage *storage;
};

static void tell(void *owner, enum storage_change_kind kind, const char *path)
{
    const struct telling *telling = owner;
    size_t size = strlen(telling->storage->name) + strlen(path) + 3;
    char *full = memory_new(size);
    snprintf(full, size, "/%s/%s", telling->storage->name, path);
    TELL(telling->machine, file_changed, (face, telling->storage, kind, full));
    free(full);
}

/* The first component of a path that is not there yet, with what is before it; the path itself when
 * all are. */
static char *first_missing(const struct storage *storage, const char *below)
{
    char *path = memory_copy_text(below);
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (storage_find(storage, path) == NULL) {
            return path;
        }
        *slash = '/';
    }
    return path;
}

enum storage_result machine_make_folder(struct machine *machine, const char *path)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, path, &below);
    if (storage == NULL) {
        return STORAGE_NOT_FOUND;
    }
    char *topmost = first_missing(storage, below);
    enum storage_result result = storage_make_folder(storage, below, wall_s(machine));
    if (result == STORAGE_OK) { /* folders that come with their parents are told as one
                                   (connect-sdk.md 8.5) */
        tell(&(struct telling){machine, storage}, STORAGE_CREATED, topmost);
    }
    free(topmost);
    return result;
}

enum storage_result machine_put_file(struct machine *machine, const char *path,
                                     struct file_content *content)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, path, &below);
    if (storage == NULL) {
        file_content_release(content);
        return STORAGE_NOT_FOUND;
    }
    bool known = storage_find(storage, below) != NULL;
    enum storage_result result = storage_put(storage, below, content, wall_s(machine));
    if (result == STORAGE_OK) {
        tell(&(struct telling){machine, storage}, known ? STORAGE_MODIFIED : STORAGE_CREATED,
             below);
    }
    return result;
}

enum storage_result machine_append_file(struct machine *machine, const char *path,
                                        const void *bytes, size_t size)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, path, &below);
    if (storage == NULL) {
        return STORAGE_NOT_FOUND;
    }
    bool known = storage_find(storage, below) != NULL;
    enum storage_result result = storage_append(storage, below, bytes, size, wall_s(machine));
    if (result == STORAGE_OK) {
        tell(&(struct telling){machine, storage}, known ? STORAGE_MODIFIED : STORAGE_CREATED,
             below);
    }
    return result;
}

enum storage_result machine_reserve_file(struct machine *machine, const char *path, uint64_t size)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, path, &below);
    if (storage == NULL) {
        return STORAGE_NOT_FOUND;
    }
    enum storage_result result = storage_reserve(storage, below, size, wall_s(machine));
    if (result == STORAGE_OK) {
        tell(&(struct telling){machine, storage}, STORAGE_CREATED, below);
    }
    return result;
}

enum storage_result machine_write_file(struct machine *machine, const char *path, uint64_t offset,
                                       const void *bytes, size_t size)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, path, &below);
    return storage == NULL ? STORAGE_NOT_FOUND : storage_write(storage, below, offset, bytes, size);
}

enum storage_result machine_rename_file(struct machine *machine, const char *from, const char *to)
{
    const char *below, *target;
    struct storage *storage = machine_storage_of(machine, from, &below);
    if (storage == NULL || machine_storage_of(machine, to, &target) != storage) {
        return STORAGE_NOT_FOUND;
    }
    enum storage_result result = storage_rename(storage, below, target, wall_s(machine));
    if (result == STORAGE_OK) {
        tell(&(struct telling){machine, storage}, STORAGE_DELETED, below);
        tell(&(struct telling){machine, storage}, STORAGE_CREATED, target);
    }
    return result;
}

enum storage_result machine_remove(struct machine *machine, const char *path, bool whole_tree)
{
    const char *below;
    struct storage *storage = machine_storage_of(machine, path, &below);
    if (storage == NULL) {
        return STORAGE_NOT_FOUND;
    }
    /* A reference of our own, to tell of what was in it. */
    const struct file_node *found = below[0] == '\0' ? NULL : storage_find(storage, below);
    struct file_node *gone =
        found == NULL ? NULL : file_node_share((struct file_node *)(uintptr_t)found);
    enum storage_result result = storage_remove(storage, below, whole_tree, wall_s(machine));
    if (result == STORAGE_OK && gone != NULL) {
        storage_tell_tree(gone, below, STORAGE_DELETED, tell, &(struct telling){machine, storage});
    }
    file_node_release(gone);
    return result;
}

void machine_rescan(struct machine *machine)
{
    for (uint32_t i = 0; i < machine->storage_count; i++) {
        storage_rescan(machine->storages[i], tell,
                       &(struct telling){machine, machine->storages[i]});
    }
}
