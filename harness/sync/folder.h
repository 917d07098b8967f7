#ifndef HOTBED_SYNC_FOLDER_H
#define HOTBED_SYNC_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* The folder that a farm is brought into step with, as it was when it was read. It is read as a
 * whole or not at all: what could not be read would look as if it were gone, and would be deleted
 * from every printer (link-sync.md 3, SYNC-34). */

enum {
    SYNC_FILES_MAX = 100000,
    SYNC_DEPTH_MAX = 32,
    SYNC_READINGS = 4,     /* of a folder that changes meanwhile */
    SYNC_PROBLEMS_MAX = 3, /* are told, then how many more there are */
};

struct sync_file {
    char *path; /* below the folder, components separated by '/', UTF-8 */
    uint64_t size;
    int64_t modified_us; /* Unix time */
    uint64_t device, inode;
};

/* What is looked at. A pattern (glob, `*` stops at no slash) is tried on the whole path and on each
 * component's name; a folder that matches an `exclude` is left out with all that is in it. */
struct sync_rules {
    const char *const *suffixes; /* exactly these: "gcode" (SYNC-09) */
    size_t suffix_count;
    const char *const *include; /* none: all */
    size_t include_count;
    const char *const *exclude;
    size_t exclude_count;
};

struct sync_folder {
    char *root;              /* absolute, links resolved */
    struct sync_file *files; /* by path */
    size_t count;
    char **folders; /* with or without files, by path */
    size_t folder_count;
    char **ignored; /* files of other suffixes, by path: their copies on printers are nobody's
                       business here */
    size_t ignored_count;
    uint64_t bytes;
    struct sync_folder_state *state; /* what sync_folder_changed() compares */
    size_t state_count;
};

/* False with the reason, one line per problem: no such folder, something unreadable in it, a link
 * that points outside or to a folder above itself, a name that is no UTF-8, a folder that does not
 * stop changing. Links to files and folders inside are followed. What begins with a dot, and
 * sockets, pipes and devices, are passed over. */
bool sync_folder_read(struct sync_folder *folder, const char *path, const struct sync_rules *rules,
                      struct error *error);
void sync_folder_free(struct sync_folder *folder);
/* Whether it is no longer as it was read; `what` (may be NULL) tells the first difference. */
bool sync_folder_changed(const struct sync_folder *folder, struct error *what);

/* Whether the rules leave a path alone: an `exclude` matches, or no `include`. */
bool sync_rules_exclude(const struct sync_rules *rules, const char *path);
/* Whether files of this name are brought to printers. */
bool sync_rules_want(const struct sync_rules *rules, const char *path);

/* The file of that path; NULL: none. */
const struct sync_file *sync_folder_find(const struct sync_folder *folder, const char *path);

#endif
