#include "sim/protocol/connect/buddy_files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"

/* ---- paths and types ---- */

bool buddy_path_allowed(const char *path)
{
    bool on_usb = strncmp(path, "/usb/", 5) == 0 || strcmp(path, "/usb") == 0;
    return on_usb && strstr(path, "/../") == NULL;
}

const char *buddy_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool ends_with_one_of(const char *path, const char *const *endings)
{
    size_t size = strlen(path);
    for (; *endings != NULL; endings++) {
        size_t length = strlen(*endings);
        if (size >= length && strcasecmp(path + size - length, *endings) == 0) {
            return true;
        }
    }
    return false;
}

bool buddy_file_printable(const char *path)
{
    /* PFB: src/common/filename_type.cpp */
    static const char *const endings[] = {".g", ".gc", ".gco", ".gcode", ".bgc", ".bgcode", NULL};
    return ends_with_one_of(path, endings);
}

static bool is_firmware(const char *path)
{
    static const char *const endings[] = {".bbf", NULL};
    return ends_with_one_of(path, endings);
}

bool buddy_file_transferable(const char *path)
{
    return buddy_file_printable(path) || is_firmware(path);
}

const char *buddy_file_type(const char *path)
{
    return buddy_file_printable(path) ? "PRINT_FILE" : is_firmware(path) ? "FIRMWARE" : "FILE";
}

void buddy_short_path(struct buffer *out, const char *path, const struct buddy_entry *entry)
{
    const char *name = buddy_path_name(path);
    if (entry == NULL || entry->short_name[0] == '\0' || *name == '\0') {
        buffer_append_text(out, path);
        return;
    }
    buffer_append(out, path, (size_t)(name - path));
    buffer_append_text(out, entry->short_name);
}

/* ---- folders ---- */

struct listing {
    struct buddy_message *message;
    int64_t count;
};

static void list_one(void *owner, const struct buddy_entry *entry)
{
    struct listing *listing = owner;
    struct buddy_message *message = listing->message;
    const char *name = entry->short_name[0] == '\0' ? entry->long_name : entry->short_name;
    buddy_object(message, NULL);
    buddy_text(message, "name", name);
    buddy_text(message, "display_name", entry->long_name);
    buddy_int(message, "size", (int64_t)entry->size);
    buddy_int(message, "m_timestamp", entry->modified_s);
    buddy_bool(message, "read_only", entry->read_only);
    buddy_text(message, "type", entry->folder ? "FOLDER" : buddy_file_type(entry->long_name));
    buddy_object_end(message);
    listing->count++;
}

void buddy_folder_details(struct buddy_message *message, const struct buddy_files *files,
                          const char *path)
{
    struct listing listing = {.message = message};
    buddy_array(message, "children");
    files->class->list(files->owner, path, list_one, &listing);
    buddy_array_end(message);
    buddy_int(message, "file_count", listing.count);
}

/* ---- short names, as FatFs makes them (create_name and gen_numname of ff.c) ---- */

enum { BODY = 8, ENDING = 3 };

/* One part in upper case, at most `room` characters; false: something was changed or left out. */
static bool shorten(const char *text, size_t size, char *out, size_t room)
{
    bool exact = size <= room;
    size_t used = 0;
    for (size_t i = 0; i < size && used < room; i++) {
        unsigned char letter = (unsigned char)text[i];
        if (letter == ' ' || letter == '.') {
            exact = false;
            continue;
        }
        if (letter >= 0x80 || strchr("+,;=[]\"*:<>?|", letter) != NULL) {
            /* one per character, not per byte of it */
            exact = false;
            if ((letter & 0xc0U) == 0x80U) {
                continue;
            }
            letter = '_';
        }
        out[used++] = (char)toupper(letter);
    }
    out[used] = '\0';
    return exact;
}

struct short_parts {
    char body[BODY + 1], ending[ENDING + 1];
    bool exact;
};

static struct short_parts parts_of(const char *name)
{
    struct short_parts parts = {0};
    const char *dot = strrchr(name, '.');
    size_t size = dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name);
    parts.exact = shorten(name, size, parts.body, BODY);
    if (name[size] == '.') {
        parts.exact &= shorten(name + size + 1, strlen(name + size + 1), parts.ending, ENDING);
    }
    return parts;
}

/* Whether these two need numbers that differ: what is left of the body in front of "~1", or of
 * "~ABCD". */
static bool alike(const char *name, const struct short_parts *parts, size_t body)
{
    struct short_parts other = parts_of(name);
    return !other.exact && strncmp(other.body, parts->body, body) == 0 &&
           strcmp(other.ending, parts->ending) == 0;
}

enum { COUNTED_MAX = 5, COUNTED_BODY = BODY - 2, HASHED_BODY = BODY - 5 };

static uint32_t hash_unit(uint32_t sum, uint32_t unit)
{
    for (int bit = 0; bit < 16; bit++, unit >>= 1) {
        sum = (sum << 1) + (unit & 1);
        sum ^= sum > UINT16_MAX ? 0x11021U : 0;
    }
    return sum;
}

/* The character at the front of UTF-8, as names on a drive are. */
static uint32_t next_letter(const char **text)
{
    uint32_t first = (unsigned char)*(*text)++;
    uint32_t letter = first;
    if (first >= 0xc0) {
        letter &= first >= 0xf0 ? 0x07U : first >= 0xe0 ? 0x0fU : 0x1fU;
    }
    for (; ((unsigned char)**text & 0xc0U) == 0x80U; ++*text) {
        letter = letter << 6 | ((unsigned char)**text & 0x3fU);
    }
    return letter;
}

/* After the fifth of a kind the number is a sum over the long name in UTF-16 (gen_numname). */
static uint16_t hashed_number(const char *name, uint32_t sequence)
{
    uint32_t sum = sequence;
    while (*name != '\0') {
        uint32_t letter = next_letter(&name);
        if (letter > UINT16_MAX) {
            sum = hash_unit(sum, 0xd7c0 + (letter >> 10));
            letter = 0xdc00 + (letter & 0x3ff);
        }
        sum = hash_unit(sum, letter);
    }
    return (uint16_t)sum;
}

/* Which sums are taken beside names like these. */
static bool *hashed_numbers(const struct file_node *folder, const struct short_parts *parts)
{
    bool *taken = memory_new((UINT16_MAX + 1) * sizeof *taken);
    for (uint32_t i = 0; i < folder->child_count; i++) {
        uint16_t number = folder->children[i]->short_number;
        if (number > COUNTED_MAX && alike(folder->children[i]->name, parts, HASHED_BODY)) {
            taken[number] = true;
        }
    }
    return taken;
}

static uint16_t free_number(const char *name, bool counted[COUNTED_MAX + 1], const bool *hashed)
{
    for (uint16_t number = 1; number <= COUNTED_MAX; number++) {
        if (!counted[number]) {
            counted[number] = true;
            return number;
        }
    }
    uint16_t number = 0;
    for (uint32_t sequence = COUNTED_MAX + 1; number <= COUNTED_MAX || hashed[number]; sequence++) {
        number = hashed_number(name, sequence);
    }
    return number;
}

/* Each that has none yet gets the first number that is free, in their order. A name keeps its
 * number whatever becomes of the others. */
static void number_alike(const struct file_node *folder, const struct short_parts *parts)
{
    bool counted[COUNTED_MAX + 1] = {false};
    uint32_t count = 0;
    for (uint32_t i = 0; i < folder->child_count; i++) {
        uint16_t number = folder->children[i]->short_number;
        if (alike(folder->children[i]->name, parts, COUNTED_BODY)) {
            count++;
            counted[number <= COUNTED_MAX ? number : 0] = true;
        }
    }
    bool *hashed = count > COUNTED_MAX ? hashed_numbers(folder, parts) : NULL;
    for (uint32_t i = 0; i < folder->child_count; i++) {
        struct file_node *child = folder->children[i];
        if (child->short_number == 0 && alike(child->name, parts, COUNTED_BODY)) {
            child->short_number = free_number(child->name, counted, hashed);
            if (hashed != NULL) {
                hashed[child->short_number] = true;
            }
        }
    }
    free(hashed);
}

void buddy_short_name(const struct file_node *folder, uint32_t index, char out[13])
{
    struct short_parts parts = parts_of(folder->children[index]->name);
    if (!parts.exact) {
        if (folder->children[index]->short_number == 0) {
            number_alike(folder, &parts);
        }
        char tail[12];
        int length =
            snprintf(tail, sizeof tail, "~%X", (unsigned)folder->children[index]->short_number);
        size_t keep = strlen(parts.body);
        keep = keep > (size_t)(BODY - length) ? (size_t)(BODY - length) : keep;
        memcpy(parts.body + keep, tail, (size_t)length + 1);
    }
    snprintf(out, 13, "%s%s%s", parts.body, parts.ending[0] == '\0' ? "" : ".", parts.ending);
}
