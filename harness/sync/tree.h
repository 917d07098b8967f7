#ifndef HOTBED_SYNC_TREE_H
#define HOTBED_SYNC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/clients/link_client.h"
#include "sim/base/error.h"

/* What a printer lists below the destination. */

struct sync_entry {
    char *path;       /* below the destination, as people see it: "jobs/a cube.gcode" */
    char *address;    /* as requests name it: "/usb/JOBS~1/ACUBE~1.GCO" */
    char *short_name; /* the last component of `address` */
    bool folder;
    bool print_file; /* else firmware or another file, which is never touched */
    bool read_only;  /* can't be deleted or replaced: a medium that can't be written, a file that is
                        being received */
    bool in_print;   /* it is being printed, or its print is paused */
    bool differs;    /* its content was compared, and is another */
    int64_t size;    /* bytes; -1: not told */
    int64_t modified_s; /* as the printer tells it; below SYNC_CLOCKLESS_S: it knows no time */
    char *download;     /* "": none */
    char *key;          /* of `path`, sync_name_key() */
};

/* A printer without a clock dates files to FAT's zero, which is read as November 1979
 * (prusalink.md 6.2). */
#define SYNC_CLOCKLESS_S INT64_C(315532800) /* 1980-01-01 */

struct sync_tree {
    bool fold; /* the printer finds names in any case of letters; before the first entry */
    struct sync_entry *entries; /* by path once sync_tree_sort() was called */
    size_t count, capacity;
};

/* Copies the texts; valid until the next one is added. */
struct sync_entry *sync_tree_add(struct sync_tree *tree, const char *path, const char *address);
void sync_tree_sort(struct sync_tree *tree);
void sync_tree_free(struct sync_tree *tree);
/* The entry that the printer finds under this path; NULL: none. */
struct sync_entry *sync_tree_find(const struct sync_tree *tree, const char *path);

/* How requests name something new at `path`: the short names of the folders that are there, long
 * names behind them. A printer cuts or refuses long paths, and a file keeps the name that it is
 * sent under. A text to be freed. */
char *sync_tree_address(const struct sync_tree *tree, const char *destination, const char *path);

/* What a destination means on a printer whose storage is at `storage` ("/usb/", "/local"): nothing
 * or "/" is the storage; "jobs" is below it; "/usb/jobs" names the storage, and so does it on a
 * printer whose storage has another name
 * ("/usb", "/local", "/sdcard" stand for whichever the printer has: one command serves a mixed
 * farm). A text to be freed; NULL with the reason: "..", or an absolute path of no storage. */
char *sync_destination(const char *destination, const char *storage, struct error *error);

#endif
