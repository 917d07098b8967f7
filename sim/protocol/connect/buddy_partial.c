#include "sim/protocol/connect/buddy_partial.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/connect/buddy_parts.h"

/* A file that comes in: blocks that are written, its state, and what becomes of it (PFB:
 * src/transfers/partial_file.cpp, transfer.cpp). */

enum { INDEX_BYTES_MAX = 64 * 1024, STATE_BYTES_MAX = 4096 };

static const char temporary_path[] = "/usb/prusa-temporary-file.gcode";

static void inner(const struct buddy_partial *partial, const char *name, struct buffer *out)
{
    buffer_append_text(out, partial->path);
    buffer_append_char(out, '/');
    buffer_append_text(out, name);
}

static const struct file_node *node_at(struct machine *machine, const char *path)
{
    const char *below;
    const struct storage *storage = machine_storage_of(machine, path, &below);
    return storage == NULL ? NULL : storage_find(storage, below);
}

/* ---- making ---- */

/* The folder's path in a parent that is there, under a name that FAT can hold; false: none. */
static bool place_of(struct machine *machine, const char *path, struct buffer *out)
{
    const char *name = buddy_path_name(path);
    char *parent = memory_copy_slice(path, (size_t)(name - path));
    bool good = *name != '\0' && strpbrk(name, "\"*:<>?|\\") == NULL;
    for (const char *at = name; *at != '\0'; at++) {
        good = good && (unsigned char)*at >= ' ';
    }
    good = good && buddy_drive_resolve(machine, parent, out);
    free(parent);
    if (good) {
        buffer_append_char(out, '/');
        buffer_append_text(out, name);
    }
    return good;
}

static enum storage_result put_text(struct machine *machine, const char *path, const char *text,
                                    size_t size)
{
    return machine_put_file(machine, path, file_content_of_bytes(text, size));
}

static bool put_state(const struct buddy_partial *partial, const struct buddy_backup *backup)
{
    struct buffer path = {0}, text = {0};
    inner(partial, "d", &path);
    if (backup != NULL) {
        buddy_backup_write(&text, backup);
    }
    bool done = put_text(partial->machine, path.bytes, buffer_text(&text), text.size) == STORAGE_OK;
    buffer_free(&path);
    buffer_free(&text);
    return done;
}

static const char *reserve(struct buddy_partial *partial)
{
    struct buffer path = {0};
    inner(partial, "p", &path);
    enum storage_result result =
        machine_reserve_file(partial->machine, path.bytes, partial->valid.size);
    buffer_free(&path);
    return result == STORAGE_OK     ? NULL
           : result == STORAGE_FULL ? "USB drive full"
                                    : "Failed to prepare file for writing";
}

static bool note_in_index(const struct buddy_partial *partial)
{
    struct buffer line = {0};
    buffer_format(&line, "%s\n", partial->path);
    bool done = machine_append_file(partial->machine, BUDDY_INDEX_PATH, line.bytes, line.size) ==
                STORAGE_OK;
    buffer_free(&line);
    return done;
}

static void init(struct buddy_partial *partial, struct machine *machine, struct buffer *path,
                 const struct buddy_valid *valid)
{
    enum { TYPE_MINI = 2 }; /* whose memory is small (PFB: src/transfers/partial_file.hpp) */
    *partial = (struct buddy_partial){
        .machine = machine,
        .path = buffer_detach(path),
        .valid = *valid,
        .block_bytes =
            machine_model(machine)->type == TYPE_MINI ? BUDDY_SECTOR_BYTES : BUDDY_BLOCK_BYTES_MAX,
    };
}

const char *buddy_partial_create(struct buddy_partial *partial, struct machine *machine,
                                 const char *path, const struct buddy_backup *backup)
{
    struct buffer place = {0};
    if (!place_of(machine, path, &place) ||
        machine_make_folder(machine, place.bytes) != STORAGE_OK) {
        buffer_free(&place);
        return "Failed to create directory";
    }
    init(partial, machine, &place, &backup->valid);
    const char *why = NULL;
    if (!note_in_index(partial)) {
        why = "Failed to store path to index";
    } else if (!put_state(partial, backup)) {
        why = "Failed to create backup file";
    } else {
        why = reserve(partial);
    }
    if (why != NULL) {
        machine_remove(machine, partial->path, true);
        buddy_partial_close(partial);
        buddy_partial_clean_up(machine, NULL, NULL, NULL);
    }
    return why;
}

bool buddy_partial_usable(const struct buddy_partial *partial)
{
    const struct file_node *folder = node_at(partial->machine, partial->path);
    const struct file_node *p = folder == NULL ? NULL : file_node_child(folder, "p");
    const struct file_node *d = folder == NULL ? NULL : file_node_child(folder, "d");
    return p != NULL && !p->folder && p->size == partial->valid.size && d != NULL && d->size > 0;
}

bool buddy_partial_open(struct buddy_partial *partial, struct machine *machine, const char *path,
                        struct buddy_backup *backup)
{
    const struct file_node *folder = node_at(machine, path);
    const struct file_node *d = folder == NULL ? NULL : file_node_child(folder, "d");
    char text[STATE_BYTES_MAX];
    struct error error;
    long size =
        d == NULL || d->folder ? -1 : file_content_read(d->content, 0, text, sizeof text, &error);
    if (size < 0 || !buddy_backup_read(backup, text, (size_t)size)) {
        return false;
    }
    struct buffer copy = {0};
    buffer_append_text(&copy, path);
    init(partial, machine, &copy, &backup->valid);
    if (!buddy_partial_usable(partial)) {
        buddy_partial_close(partial);
        return false;
    }
    return true;
}

void buddy_partial_close(struct buddy_partial *partial)
{
    free(partial->path);
    *partial = (struct buddy_partial){0};
}

/* ---- writing ---- */

void buddy_partial_seek(struct buddy_partial *partial, uint32_t position)
{
    partial->position = position;
    partial->pending = 0;
}

static bool put(struct buddy_partial *partial, uint32_t at, const uint8_t *bytes, size_t size)
{
    struct buffer path = {0};
    inner(partial, "p", &path);
    enum storage_result result = machine_write_file(partial->machine, path.bytes, at, bytes, size);
    buffer_free(&path);
    return result == STORAGE_OK && buddy_valid_add(&partial->valid, at, at + (uint32_t)size);
}

bool buddy_partial_flush(struct buddy_partial *partial)
{
    uint32_t size = partial->pending;
    partial->pending = 0;
    return size == 0 || put(partial, partial->position - size, partial->block, size);
}

/* Into the block, up to its end at most; how much. */
static uint32_t collect(struct buddy_partial *partial, const uint8_t *bytes, uint32_t size)
{
    uint32_t at = partial->position % partial->block_bytes;
    uint32_t room = partial->block_bytes - at;
    uint32_t part = size < room ? size : room;
    memcpy(partial->block + partial->pending, bytes, part);
    partial->pending += part;
    partial->position += part;
    return part;
}

bool buddy_partial_write(struct buddy_partial *partial, const uint8_t *bytes, size_t size)
{
    uint32_t left = partial->valid.size - partial->position;
    uint32_t rest = size < left ? (uint32_t)size : left;
    while (rest > 0) {
        uint32_t whole = rest / partial->block_bytes * partial->block_bytes;
        uint32_t part;
        if (partial->position % partial->block_bytes == 0 && whole > 0) {
            if (!put(partial, partial->position, bytes, whole)) {
                return false;
            }
            part = whole;
            partial->position += part;
        } else {
            part = collect(partial, bytes, rest);
            if (partial->position % partial->block_bytes == 0 && !buddy_partial_flush(partial)) {
                return false;
            }
        }
        bytes += part;
        rest -= part;
    }
    return partial->position < partial->valid.size || buddy_partial_flush(partial);
}

bool buddy_partial_save(const struct buddy_partial *partial, struct buddy_backup *backup)
{
    backup->valid = partial->valid;
    return put_state(partial, backup);
}

void buddy_partial_complete(struct buddy_partial *partial)
{
    struct buffer path = {0};
    inner(partial, "d", &path);
    machine_remove(partial->machine, path.bytes, false);
    buffer_free(&path);
}

void buddy_partial_give_up(struct buddy_partial *partial)
{
    const struct file_node *folder = node_at(partial->machine, partial->path);
    if (folder != NULL && file_node_child(folder, "d") != NULL) {
        put_state(partial, NULL);
    }
}

/* ---- the index ---- */

const struct file_node *buddy_partial_file(const struct file_node *folder)
{
    if (!folder->folder || !buddy_file_printable(folder->name)) {
        return NULL;
    }
    const struct file_node *p = file_node_child(folder, "p"), *d = file_node_child(folder, "d");
    return p != NULL && !p->folder && (d == NULL || (!d->folder && d->size > 0)) ? p : NULL;
}

/* The next line of the index as a path below the drive; false: no more. `path` is empty when the
 * line is none. */
static bool next_in_index(const char **at, struct buffer *path)
{
    if (**at == '\0') {
        return false;
    }
    size_t size = strcspn(*at, "\r\n");
    buffer_clear(path);
    buffer_append(path, *at, size);
    *at += size;
    *at += strspn(*at, "\r\n");
    if (path->size <= strlen("/usb/") || strncmp(path->bytes, "/usb/", strlen("/usb/")) != 0) {
        buffer_clear(path);
    }
    return true;
}

static char *read_index(struct machine *machine)
{
    const struct file_node *node = node_at(machine, BUDDY_INDEX_PATH);
    if (node == NULL || node->folder) {
        return NULL;
    }
    char *text = memory_new(INDEX_BYTES_MAX + 1);
    struct error error;
    long size = 0, got;
    while (size < INDEX_BYTES_MAX &&
           (got = file_content_read(node->content, (uint64_t)size, text + size,
                                    (size_t)(INDEX_BYTES_MAX - size), &error)) > 0) {
        size += got;
    }
    text[size] = '\0';
    return text;
}

static void short_name_of(struct machine *machine, const char *path, char out[BUDDY_NAME_BYTES])
{
    struct buddy_entry entry = {0};
    buddy_drive_class.look(machine, path, &entry);
    snprintf(out, BUDDY_NAME_BYTES, "%s", entry.short_name);
}

static bool move_into_place(struct machine *machine, const char *path, buddy_cleaned *cleaned,
                            void *owner)
{
    char before[BUDDY_NAME_BYTES], behind[BUDDY_NAME_BYTES];
    struct buffer p = {0};
    short_name_of(machine, path, before);
    buffer_format(&p, "%s/p", path);
    machine_remove(machine, temporary_path, false);
    bool moved = machine_rename_file(machine, p.bytes, temporary_path) == STORAGE_OK &&
                 machine_remove(machine, path, false) == STORAGE_OK &&
                 machine_rename_file(machine, temporary_path, path) == STORAGE_OK;
    buffer_free(&p);
    if (moved && cleaned != NULL) {
        short_name_of(machine, path, behind);
        cleaned(owner, path, true, strcmp(before, behind) != 0);
    }
    return moved;
}

static bool take_away(struct machine *machine, const char *path, buddy_cleaned *cleaned,
                      void *owner)
{
    struct buddy_entry entry = {0};
    struct buffer told = {0};
    buddy_drive_class.look(machine, path, &entry);
    buddy_short_path(&told, path, &entry);
    bool gone = machine_remove(machine, path, true) == STORAGE_OK;
    if (gone && cleaned != NULL) {
        cleaned(owner, told.bytes, false, false);
    }
    buffer_free(&told);
    return gone;
}

/* One folder of the index; true: nothing is left to be done about it. */
static bool clean_up_one(struct machine *machine, const char *path, const char *busy,
                         buddy_cleaned *cleaned, void *owner)
{
    const struct file_node *folder = node_at(machine, path);
    const struct file_node *p =
        folder == NULL || !folder->folder ? NULL : file_node_child(folder, "p");
    if (p == NULL) {
        return true;
    }
    const struct file_node *d = file_node_child(folder, "d");
    if (d != NULL && d->size > 0) {
        return false; /* it may go on */
    }
    if (busy != NULL && strcmp(busy, path) == 0) {
        return false;
    }
    return d == NULL ? move_into_place(machine, path, cleaned, owner)
                     : take_away(machine, path, cleaned, owner);
}

bool buddy_partial_clean_up(struct machine *machine, const char *busy, buddy_cleaned *cleaned,
                            void *owner)
{
    char *index = read_index(machine);
    struct buffer path = {0};
    bool all = true;
    const char *at = index == NULL ? "" : index;
    while (next_in_index(&at, &path)) {
        if (path.size > 0 && !clean_up_one(machine, path.bytes, busy, cleaned, owner)) {
            all = false;
        }
    }
    if (index != NULL && all) {
        machine_remove(machine, BUDDY_INDEX_PATH, false);
    }
    buffer_free(&path);
    free(index);
    return all;
}

bool buddy_partial_listed(struct machine *machine)
{
    return node_at(machine, BUDDY_INDEX_PATH) != NULL;
}

bool buddy_partial_find(struct machine *machine, struct buffer *path)
{
    char *index = read_index(machine);
    const char *at = index == NULL ? "" : index;
    bool found = false;
    while (!found && next_in_index(&at, path)) {
        const struct file_node *folder = path->size == 0 ? NULL : node_at(machine, path->bytes);
        const struct file_node *d =
            folder == NULL || !folder->folder ? NULL : file_node_child(folder, "d");
        found = d != NULL && d->size > 0 && file_node_child(folder, "p") != NULL;
    }
    free(index);
    return found;
}
