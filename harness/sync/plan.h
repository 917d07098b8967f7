#ifndef HOTBED_SYNC_PLAN_H
#define HOTBED_SYNC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/sync/folder.h"
#include "harness/sync/tree.h"

/* What has to be done to one printer: a function of the folder, of what the printer lists and of
 * what was written down when a file was brought there. No I/O, no clock. */

/* ---- What was written down ---- */

/* Of a file that was brought to this printer and verified: as it was here and as the printer told
 * it afterwards. While both are still so, nothing has changed, whatever the clocks say. */
struct sync_record {
    uint64_t size;
    int64_t modified_us; /* here */
    int64_t remote_s;    /* there */
};

struct sync_target {
    enum link_flavour flavour;
    const char
        *suffixes; /* " sl1 ", as sync_name_prints() takes them; NULL: those of the flavour */
    const char *destination; /* as requests name it: "/usb/jobs", "/local" */
    bool read_only;
    /* The printer's clock minus ours. Buddy's is local time without a zone, so this holds zones as
     * well. */
    int64_t clock_ahead_s;
    /* NULL: nothing was written down; false: not of this path. */
    bool (*record)(void *owner, const char *path, struct sync_record *record);
    void *owner;
};

struct sync_policy {
    int64_t tolerance_s; /* 60: a file is newer only when it is by more (SYNC-25) */
    bool keep_excess;    /* delete nothing */
    bool delete_folders; /* also folders that are not here, once they are empty */
    size_t delete_max;   /* more deletions than that are refused, all of them; SIZE_MAX: no limit */
    const struct sync_rules *rules;
};

/* ---- What has to be done ---- */

enum sync_act {
    SYNC_DELETE, /* it is not here; or `aside`: only to be written again */
    SYNC_MAKE_FOLDER,
    SYNC_REPLACE, /* it is older than here, or of another size */
    SYNC_UPLOAD,  /* it is missing there */
    SYNC_DELETE_FOLDER,
};

const char *sync_act_name(enum sync_act act); /* "delete" */

struct sync_action {
    enum sync_act act;
    char *path;                   /* below the destination */
    char *address;                /* of what is there: what to delete or replace; NULL: not there */
    const struct sync_file *file; /* here; NULL: none */
    const char *reason;           /* "newer", "size", "missing", "not in the folder", "case" */
    bool aside;
    int64_t replaced_s; /* remote time of what is replaced */
};

/* What cannot be done, and why. Nothing is done to that path. */
struct sync_conflict {
    char *path;
    char *why;
};

struct sync_plan {
    struct sync_action *actions; /* in the order in which they are done: deletions, folders,
                                    replacements, uploads */
    size_t count;
    struct sync_conflict *conflicts;
    size_t conflict_count;
    size_t same;    /* files that are as here */
    size_t foreign; /* files here that this kind of printer does not print */
    size_t kept;    /* files there that are not here and stay: excluded, protected, or by policy */
    /* Files that would be the same, if only their size were known: ask and plan again. Indices of
     * the tree. */
    size_t *unsure;
    size_t unsure_count;
};

void sync_plan_make(struct sync_plan *plan, const struct sync_folder *folder,
                    const struct sync_tree *tree, const struct sync_target *target,
                    const struct sync_policy *policy);
void sync_plan_free(struct sync_plan *plan);
size_t sync_plan_counted(const struct sync_plan *plan, enum sync_act act);
uint64_t sync_plan_bytes(const struct sync_plan *plan); /* to be sent */

#endif
