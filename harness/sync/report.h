#ifndef HOTBED_SYNC_REPORT_H
#define HOTBED_SYNC_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/base/buffer.h"

/* What a sync has to say, printer by printer, and how it is written. */

enum sync_outcome {
    SYNC_WAITING, /* its turn has not come */
    SYNC_WORKING,
    SYNC_IN_STEP,     /* it holds what the folder holds */
    SYNC_PLANNED,     /* a dry run: so much would have to be done */
    SYNC_BUSY,        /* it prints or is otherwise not idle: nothing, or not everything, was done */
    SYNC_FAILED,      /* something could not be done */
    SYNC_UNREACHED,   /* it did not answer */
    SYNC_INTERRUPTED, /* Ctrl-C came before it was through */
};

const char *sync_outcome_name(enum sync_outcome outcome); /* "in step" */

enum sync_item_kind { SYNC_ITEM_DONE, SYNC_ITEM_PLANNED, SYNC_ITEM_FAILED, SYNC_ITEM_CONFLICT };

struct sync_item {
    enum sync_item_kind kind;
    char *act;  /* "upload"; NULL: nothing was tried */
    char *path; /* below the destination */
    char *why;  /* the reason of it, or why not */
};

struct sync_seat_report {
    char *name, *type, *host, *destination; /* destination NULL: not known yet */
    enum sync_outcome outcome;
    char *state; /* word; NULL: not known */
    char *why;   /* of everything but in step; NULL: the items say it */
    struct sync_item *items;
    size_t count;
    size_t deleted, made, replaced, uploaded, copied_back, same, foreign, kept, failed;
    size_t todo;                   /* actions of the plan; */
    size_t done;                   /* ended, well or not */
    uint64_t bytes, bytes_planned; /* of files, sent */
    uint64_t sending, sent;        /* the file that is on its way */
    const char *path;              /* what is being done; NULL: nothing */
    int64_t began_us, ended_us;
};

struct sync_report {
    struct sync_seat_report *seats; /* in the farm file's order */
    size_t count;
    bool execute, interrupted;
    int64_t took_us;
    size_t files, ignored; /* in the folder */
    uint64_t bytes;        /* in the folder */
    const char *folder;    /* borrowed */
};

void sync_report_init(struct sync_report *report, size_t count);
void sync_report_free(struct sync_report *report);
void sync_report_add(struct sync_seat_report *seat, enum sync_item_kind kind, const char *act,
                     const char *path, const char *why);
size_t sync_report_counted(const struct sync_report *report, enum sync_outcome outcome);

/* Add what an earlier part of the same sync has done to the same printers. */
void sync_report_join(struct sync_report *report, const struct sync_report *earlier);

/* 0 all in step, or a dry run that planned for all; 1 something failed or a printer is not in step;
 * 3 no printer was reached; 130 interrupted. */
int sync_report_exit_code(const struct sync_report *report);

/* For people. `items`: with a line for each thing done, too, not only what was planned or failed.
 */
void sync_report_text(const struct sync_report *report, bool items, struct buffer *out);
void sync_report_json(const struct sync_report *report, struct buffer *out);

/* "Ada  uploading jobs/a.gcode  3 of 20, 41 %, 4.9 MB" cut at `columns`. */
void sync_report_line(const struct sync_seat_report *seat, size_t columns, int64_t now_us,
                      struct buffer *out);

#endif
