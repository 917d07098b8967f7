#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/link/buddy_link.h"

/* Paths: how a target becomes a path on the drive, and what lies there (prusalink.md 3.1, 6.1). */

/* ---- from targets to paths ---- */

static int hexadecimal(char letter)
{
    return letter >= '0' && letter <= '9'   ? letter - '0'
           : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
           : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                            : -1;
}

/* '+' is a blank, "%00" ends the text. */
static bool decode(const char *text, size_t size, struct buffer *out)
{
    for (size_t i = 0; i < size; i++) {
        int letter = (unsigned char)text[i];
        if (letter == '+') {
            letter = ' ';
        } else if (letter == '%') {
            int high = i + 1 < size ? hexadecimal(text[i + 1]) : -1;
            int low = i + 2 < size ? hexadecimal(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            letter = high << 4 | low;
            i += 2;
        }
        if (letter == 0) {
            break;
        }
        buffer_append_char(out, (char)letter);
    }
    return true;
}

/* Nobody leaves a folder (PFB: lib/WUI/nhttp/req_parser.cpp, uri_filename). */
static bool escapes(const char *path, size_t size)
{
    return strncmp(path, "../", 3) == 0 || (size >= 3 && strcmp(path + size - 3, "/..") == 0) ||
           strstr(path, "/../") != NULL;
}

bool buddy_decode(const char *target, size_t room, struct buffer *out)
{
    size_t size = strcspn(target, "?");
    buffer_clear(out);
    return size <= room && decode(target, size, out) && out->size < room &&
           !escapes(buffer_text(out), out->size);
}

static void collapse_slashes(struct buffer *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < path->size; i++) {
        if (path->bytes[i] != '/' || kept == 0 || path->bytes[kept - 1] != '/') {
            path->bytes[kept++] = path->bytes[i];
        }
    }
    path->size = kept;
    path->bytes[kept] = '\0';
}

/* Names of the root that the OctoPrint interface has. */
static bool octoprint_root(const char *path)
{
    static const char *const roots[] = {"", "/", "/local", "/local/", "/sdcard", "/sdcard/"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        if (strcmp(path, roots[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum buddy_path buddy_path_of(const char *target, size_t skip, size_t room, bool octoprint,
                              struct buffer *path)
{
    if (!buddy_decode(target, room, path) || path->size < skip) {
        return BUDDY_PATH_BAD;
    }
    buffer_consume(path, skip);
    if (octoprint && octoprint_root(buffer_text(path))) {
        buffer_clear(path);
        buffer_append_text(path, "/usb/");
    }
    if (strncmp(buffer_text(path), "/usb/", 5) != 0 && strcmp(buffer_text(path), "/usb") != 0) {
        return BUDDY_PATH_FORBIDDEN;
    }
    collapse_slashes(path);
    return BUDDY_PATH_GOOD;
}

bool buddy_fat_name_good(const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || strchr("\\:*?\"<>|\x7f", *at) != NULL) {
            return false;
        }
    }
    const char *below = strncmp(path, "/usb/", 5) == 0 ? path + 5 : path;
    return file_path_good(below, strlen(below));
}

/* ---- what lies there ---- */

bool buddy_drive_present(struct machine *machine)
{
    return machine_storage_of(machine, "/usb", NULL) != NULL;
}

/* Long names are compared first: they need no work. */
static bool find_child(const struct file_node *folder, const char *name, size_t size,
                       uint32_t *index)
{
    enum { SHORT_MAX = 12 };
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const char *long_name = folder->children[i]->name;
        if (strncasecmp(long_name, name, size) == 0 && long_name[size] == '\0') {
            *index = i;
            return true;
        }
    }
    for (uint32_t i = 0; size <= SHORT_MAX && i < folder->child_count; i++) {
        char short_name[SHORT_MAX + 1];
        buddy_short_name(folder, i, short_name);
        if (strncasecmp(short_name, name, size) == 0 && short_name[size] == '\0') {
            *index = i;
            return true;
        }
    }
    return false;
}

static void add_name(struct buffer *path, const char *name, size_t size)
{
    buffer_append_char(path, '/');
    buffer_append(path, name, size);
}

static void add_rest(struct buddy_place *place, const char *at, size_t size)
{
    add_name(&place->path, at, size);
    add_name(&place->shorter, at, size);
    place->node = NULL;
}

static void step_down(struct buddy_place *place, const char *at, size_t size)
{
    const struct file_node *folder = place->node;
    uint32_t index;
    if (folder == NULL || !folder->folder || !find_child(folder, at, size, &index)) {
        place->in_file |= folder != NULL && !folder->folder;
        add_rest(place, at, size);
        return;
    }
    char short_name[13];
    buddy_short_name(folder, index, short_name);
    place->parent = folder;
    place->index = index;
    place->node = folder->children[index];
    add_name(&place->path, place->node->name, strlen(place->node->name));
    add_name(&place->shorter, short_name, strlen(short_name));
}

bool buddy_place_find(struct machine *machine, const char *path, struct buddy_place *place)
{
    struct storage *usb = machine_storage_of(machine, "/usb", NULL);
    *place = (struct buddy_place){.node = usb == NULL ? NULL : usb->root};
    buffer_append_text(&place->path, "/usb");
    buffer_append_text(&place->shorter, "/usb");
    if (strncmp(path, "/usb", 4) == 0) {
        for (const char *at = path + 4; *at != '\0';) {
            at += *at == '/';
            size_t size = strcspn(at, "/");
            if (size > 0) {
                step_down(place, at, size);
            }
            at += size;
        }
    }
    return place->node != NULL;
}

void buddy_place_short_name(struct machine *machine, const struct buddy_place *place,
                            uint32_t index, char out[13])
{
    (void)machine;
    buddy_short_name(place->node, index, out);
}

void buddy_place_free(struct buddy_place *place)
{
    buffer_free(&place->path);
    buffer_free(&place->shorter);
}

/* What comes from Connect is a folder with the data and the state in it until it is whole
 * (connect-buddy.md 9). */
bool buddy_place_partial(const struct file_node *node)
{
    return node->folder && buddy_file_printable(node->name) && file_node_child(node, "p") != NULL;
}

int64_t buddy_fat_time(int64_t unix_s)
{
    enum { MINUTE_S = 60 };
    static const int64_t first_s = 315532800; /* FAT begins with 1980 */
    static const int64_t no_date_s = 312768000;
    if (unix_s < first_s) {
        return no_date_s;
    }
    int64_t seconds = unix_s % MINUTE_S;
    return unix_s - seconds + seconds / 2; /* the count of two seconds is taken for seconds */
}
