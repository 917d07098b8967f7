#include "harness/sync/names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "sim/base/memory.h"
#include "sim/machine/storage.h"

char *sync_name_key(const char *path, bool fold)
{
    utf8proc_uint8_t *key = NULL;
    utf8proc_option_t options = UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    if (fold) {
        options |= UTF8PROC_CASEFOLD;
    }
    if (utf8proc_map((const utf8proc_uint8_t *)path, 0, &key, options) < 0) {
        free(key);
        return memory_copy_text(path); /* no UTF-8: only equal to itself */
    }
    return (char *)key;
}

/* ---- Flavours ---- */

struct flavour {
    const char *forbidden;           /* bytes of ASCII */
    const char *forbidden_others[4]; /* characters beyond */
    const char *suffixes;            /* " gcode gco …" */
    bool any_case;                   /* of suffixes */
    bool fat; /* no blank or dot at the end of a name, no control characters */
    size_t name_bytes, path_bytes, target_bytes; /* 0: no limit */
};

/* prusalink.md 1.1 "print file extensions", 3.1 "URL length", 6.1; 3.9 for the 103 bytes with
 * "/usb/". A model's own suffix of S comes from the printer. */
static const struct flavour flavours[] = {
    [LINK_FLAVOUR_UNKNOWN] = {.forbidden = "",
                              .suffixes = " gcode bgcode ",
                              .any_case = true,
                              .name_bytes = 255},
    [LINK_FLAVOUR_PI] = {.forbidden = "\\?\"%#",
                         .forbidden_others = {"\xc2\xaf", "\xc2\xb0", "\xcb\x87", NULL},
                         .suffixes = " gcode gc g gco ",
                         .name_bytes = 248,
                         .target_bytes = 2000},
    [LINK_FLAVOUR_BUDDY] = {.forbidden = "\\:*?\"<>|",
                            .suffixes = " gcode gco g gc bgcode bgc ",
                            .any_case = true,
                            .fat = true,
                            .name_bytes = 160,
                            .path_bytes = 103,
                            .target_bytes = 168},
    [LINK_FLAVOUR_SLA] = {.forbidden = "\\:*?\"<>|",
                          .suffixes = " sl1 sl1s m1 ",
                          .any_case = true,
                          .name_bytes = 255},
};

const char *sync_name_suffix(const char *path)
{
    const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    const char *dot = strrchr(name, '.');
    return dot == NULL || dot == name ? "" : dot + 1;
}

bool sync_name_prints(enum link_flavour flavour, const char *suffixes, const char *path)
{
    const struct flavour *rules = &flavours[flavour];
    const char *suffix = sync_name_suffix(path);
    char word[16];
    size_t size = strlen(suffix);
    if (size == 0 || size > sizeof word - 3) {
        return false;
    }
    word[0] = ' ';
    for (size_t i = 0; i < size; i++) {
        word[1 + i] = rules->any_case ? (char)tolower((unsigned char)suffix[i]) : suffix[i];
    }
    memcpy(word + 1 + size, " ", 2);
    return strstr(suffixes != NULL ? suffixes : rules->suffixes, word) != NULL;
}

static bool has_forbidden(const struct flavour *rules, const char *path)
{
    if (strpbrk(path, rules->forbidden) != NULL) {
        return true;
    }
    for (const char *const *other = rules->forbidden_others; *other != NULL; other++) {
        if (strstr(path, *other) != NULL) {
            return true;
        }
    }
    for (const char *at = path; rules->fat && *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return true;
        }
    }
    return false;
}

/* FatFs drops blanks and dots at the end of a name: the file would be there under another one. */
static bool ends_badly(const char *path)
{
    for (const char *end = path; *end != '\0';) {
        end += strcspn(end, "/");
        if (end > path && (end[-1] == ' ' || end[-1] == '.')) {
            return true;
        }
        end += *end == '/';
    }
    return false;
}

static size_t longest_component(const char *path)
{
    size_t longest = 0;
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        longest = size > longest ? size : longest;
        path += size + (path[size] == '/');
    }
    return longest;
}

static size_t encoded_size(const char *text)
{
    size_t size = 0;
    for (; *text != '\0'; text++) {
        size += isalnum((unsigned char)*text) || strchr("/-_.~", *text) != NULL ? 1 : 3;
    }
    return size;
}

const char *sync_name_problem(enum link_flavour flavour, const char *address, const char *path)
{
    const struct flavour *rules = &flavours[flavour];
    if (has_forbidden(rules, path)) {
        return "the printer allows no such character in a name";
    }
    if (rules->fat && ends_badly(path)) {
        return "the printer's file system drops the dot or blank at the end of a name";
    }
    if (longest_component(path) > rules->name_bytes) {
        return "the name is longer than the printer allows";
    }
    if (rules->path_bytes > 0 && strlen(address) > rules->path_bytes) {
        return "the path is longer than the printer allows";
    }
    if (rules->target_bytes > 0 &&
        strlen("/api/v1/files") + encoded_size(address) > rules->target_bytes) {
        return "the path is longer than the printer allows in a request";
    }
    return NULL;
}

bool sync_name_safe(const char *path)
{
    if (!file_path_good(path, strlen(path)) || file_path_hidden(path)) {
        return false;
    }
    for (; *path != '\0'; path++) {
        if ((unsigned char)*path < 0x20 || *path == '\\') {
            return false;
        }
    }
    return true;
}

char *sync_path_join(const char *folder, const char *name)
{
    struct buffer path = {0};
    buffer_format(&path, "%s%s%s", folder, *folder != '\0' && *name != '\0' ? "/" : "", name);
    return buffer_detach(&path);
}

void sync_append_bytes(struct buffer *out, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1000;
        unit++;
    }
    buffer_format(out, unit == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}
