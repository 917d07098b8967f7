#include "sim/protocol/connect/prusalink_face.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/machine/metadata.h"

/* Files on the printer's own card: PrusaLink knows their tree from M20 and never sees their bytes
 * (connect-sdk.md 8.1, 8.4, 8.6). */

enum { SHORT_NAME_BYTES = 13, LONG_NAME_MAX = 52 };

static const char card_root[] = "/SD Card";

bool face_path_on_sd(const char *path)
{
    size_t size = sizeof card_root - 1;
    return strncmp(path, card_root, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool allowed(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("_-!#$%&'()@^`{}", byte) != NULL;
}

/* Up to `room` characters that FAT allows, in lower case as PrusaLink hands them on. */
static size_t squeeze(const char *from, size_t size, size_t room, char *out, bool *changed)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        if (!allowed(from[i]) || used == room) {
            *changed = true;
            continue;
        }
        out[used++] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] - 'A' + 'a') : from[i];
    }
    out[used] = '\0';
    return used;
}

/* "cube_20mm_PLA.gcode" is "cube_2~1.gco". `number` tells names apart that begin alike. */
static bool short_name(const char *name, unsigned number, char out[SHORT_NAME_BYTES])
{
    const char *dot = strrchr(name, '.');
    size_t base_size = dot == NULL ? strlen(name) : (size_t)(dot - name);
    char base[9], extension[4];
    bool changed = false;
    squeeze(name, base_size, 8, base, &changed);
    squeeze(dot == NULL ? "" : dot + 1, dot == NULL ? 0 : strlen(dot + 1), 3, extension, &changed);
    if (changed) {
        snprintf(base + (strlen(base) < 6 ? strlen(base) : 6), 3, "~%u", number % 10);
    }
    snprintf(out, SHORT_NAME_BYTES, "%s%s%s", base, extension[0] == '\0' ? "" : ".", extension);
    return changed;
}

static void short_name_in(const struct file_node *folder, const char *name,
                          char out[SHORT_NAME_BYTES])
{
    unsigned number = 1;
    char wanted[SHORT_NAME_BYTES], other[SHORT_NAME_BYTES];
    if (short_name(name, 1, wanted)) {
        for (uint32_t i = 0;
             i < folder->child_count && strcmp(folder->children[i]->name, name) != 0; i++) {
            if (short_name(folder->children[i]->name, 1, other) && strcmp(other, wanted) == 0) {
                number++;
            }
        }
    }
    short_name(name, number, out);
}

static const struct storage *card(struct connect_face *face)
{
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        if (machine_storage(face->machine, i)->kind == STORAGE_SDCARD && face->sd_shown) {
            return machine_storage(face->machine, i);
        }
    }
    return NULL;
}

bool face_short_path(struct connect_face *face, const char *path, char *out, size_t size)
{
    const struct storage *storage = card(face);
    const struct file_node *node = storage == NULL ? NULL : storage->root;
    size_t used = 0;
    while (node != NULL && *path != '\0') {
        path += strspn(path, "/");
        size_t name_size = strcspn(path, "/");
        char name[FILE_NAME_BYTES_MAX + 1], shortened[SHORT_NAME_BYTES];
        if (name_size == 0) {
            break;
        }
        if (!node->folder || name_size > FILE_NAME_BYTES_MAX ||
            used + SHORT_NAME_BYTES + 2 > size) {
            return false;
        }
        memcpy(name, path, name_size);
        name[name_size] = '\0';
        short_name_in(node, name, shortened);
        used += (size_t)snprintf(out + used, size - used, "/%s", shortened);
        node = file_node_child(node, name);
        path += name_size;
    }
    return node != NULL && used > 0 && !node->folder;
}

static void write_attributes(const struct file_node *node, const char *short_path,
                             struct json_writer *json)
{
    json_bool(json, "read_only", true);
    if (!node->folder) {
        const char *name = strrchr(short_path, '/');
        json_string(json, "sfn", name == NULL ? short_path : name + 1);
        json_bool(json, "filename_too_long", strlen(node->name) >= LONG_NAME_MAX);
    }
    json_int(json, "size", (int64_t)node->size);
    if (!node->folder) {
        json_int(json, "m_timestamp", node->modified_s);
    }
}

/* By the entry in the tree and the file's name alone; succeeds for what isn't there, and for
 * folders (8.6). */
void face_sd_file_info(struct connect_face *face, const char *path, struct buffer *data)
{
    struct json_writer json;
    const struct storage *storage = card(face);
    const char *below = path + sizeof card_root - 1;
    below += strspn(below, "/");
    const struct file_node *node = storage == NULL ? NULL : storage_find(storage, below);
    char short_path[FILE_PATH_BYTES_MAX] = "";
    json_begin(&json, data, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "path", path);
    if (node != NULL) {
        face_short_path(face, path + sizeof card_root - 1, short_path, sizeof short_path);
        write_attributes(node, short_path, &json);
    }
    const char *name = strrchr(path, '/') + 1;
    struct metadata metadata;
    if (metadata_read(&metadata, name, NULL)) {
        metadata_write(&metadata, &json);
        metadata_free(&metadata);
    }
    json_object_end(&json);
}
