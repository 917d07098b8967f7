#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_FILES_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/machine/storage.h"
#include "sim/protocol/connect/buddy_message.h"

/* The drive of a Buddy printer as Connect sees it: full paths below "/usb", each component a short
 * (8.3) or a long name (connect-buddy.md 9). */

enum {
    BUDDY_NAME_BYTES = 256,
    BUDDY_SHORT_PATH_MAX = 103, /* characters of a path that a print can be started with */
};

struct buddy_entry {
    bool folder;
    bool has_stat; /* false of the root, for which size and time are left out */
    bool read_only;
    uint64_t size;
    int64_t modified_s;
    char short_name[BUDDY_NAME_BYTES]; /* "" : nothing better than what was asked for */
    char long_name[BUDDY_NAME_BYTES];
    const struct file_content *content; /* files only; valid until something changes */
};

typedef void buddy_list_each(void *owner, const struct buddy_entry *entry);

struct buddy_files_class {
    /* False: there is nothing at `path`. */
    bool (*look)(void *files, const char *path, struct buddy_entry *entry);
    /* Each entry of a folder that is shown, in the drive's order. */
    void (*list)(void *files, const char *path, buddy_list_each *each, void *owner);
};

struct buddy_files {
    const struct buddy_files_class *class;
    void *owner;
};

bool buddy_path_allowed(const char *path);     /* "/usb" or below it, without "/../" */
const char *buddy_path_name(const char *path); /* what follows the last slash */
const char *buddy_file_type(const char *path); /* "PRINT_FILE", "FIRMWARE", "FILE": by its ending */
bool buddy_file_printable(const char *path);
bool buddy_file_transferable(const char *path); /* printable or firmware */

/* The members of FILE_INFO that come out of the file: `preview` and the metadata of a printable one
 * (connect-buddy.md 5.4). */
void buddy_file_details(struct buddy_message *message, const char *path,
                        const struct file_content *content);

/* `children` and `file_count` of a folder. */
void buddy_folder_details(struct buddy_message *message, const struct buddy_files *files,
                          const char *path);

/* A path with its last component replaced by the short name that it has. */
void buddy_short_path(struct buffer *out, const char *path, const struct buddy_entry *entry);

/* The 8.3 name that FAT gives to child `index` of `folder`, at most 12 bytes and a NUL:
 * "CUBE.GCO" of "cube.gco", "BOX02M~1.GCO" of "Box 0.2mm.gcode". */
void buddy_short_name(const struct file_node *folder, uint32_t index, char out[13]);

#endif
