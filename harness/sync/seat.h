#ifndef HOTBED_SYNC_SEAT_H
#define HOTBED_SYNC_SEAT_H

#include "harness/sync/engine.h"
#include "harness/sync/keys.h"

/* One printer's part of a run. Only harness/sync includes this: seat.c goes from step to step and
 * ends it, seat_scan.c finds out what the printer has, seat_act.c does what the plan says,
 * seat_content.c downloads. */

struct seat;

struct seat_folder { /* still to be listed */
    char *path, *address;
    unsigned depth;
};

struct seat {
    struct sync_run *run;
    const struct sync_settings *settings;
    struct world *world;
    const struct sync_printer *printer;
    struct sync_seat_report *report;
    size_t index;
    struct link_client *client; /* NULL: not at work */
    bool reached;               /* it answered */
    struct timer timer;
    void (*then)(struct seat *seat); /* when the timer fires */
    unsigned attempts;               /* of the present step, failed so far */
    /* What was found. */
    char *storage; /* "/usb" */
    struct sync_target target;
    char *destination; /* target.destination */
    char suffixes[64]; /* target.suffixes */
    bool destination_missing;
    bool clock_known;      /* measured in this run; */
    int64_t clock_slack_s; /* to so many seconds */
    char *job_name, *job_display_name;
    struct seat_folder *folders;
    size_t folder_count;
    char *listing_path; /* of the folder that is being listed */
    unsigned listing_depth;
    struct sync_tree tree;
    struct sync_keys here; /* the files here, by the names that the printer finds them under */
    struct sync_plan plan;
    unsigned rounds; /* plans that were carried out */
    size_t cursor;   /* in plan.unsure, tree.entries or plan.actions, by step */
    /* The action under way. */
    char *address; /* of what is written */
    char *made;    /* the level of the destination that was made last */
    int64_t step_began_us, step_ended_us;
    int64_t waiting_since_us; /* for another transfer of the printer to end; 0: not waiting */
    char why[200];            /* the upload was refused */
    int64_t verified_s;       /* the time that the printer shows for what was uploaded */
    struct seat_compare *compare;
    struct seat_copy *copy;
};

/* ---- seat.c ---- */

void seat_init(struct seat *seat, struct sync_run *run, const struct sync_settings *settings,
               struct world *world, struct sync_seat_report *report, size_t index);
void seat_free(struct seat *seat);
void seat_begin(struct seat *seat, struct link_transport *transport);
void seat_end(struct seat *seat, enum sync_outcome outcome,
              const char *why); /* `why` NULL: the items say it */
void seat_later(struct seat *seat, int64_t delay_us, void (*then)(struct seat *seat));
void seat_changed(struct seat *seat);
/* The step failed: whether it is tried again after a while, and `again` is called then. */
bool seat_retry(struct seat *seat, const struct link_result *result,
                void (*again)(struct seat *seat));
/* The step failed for good, and without it nothing more can be done. */
void seat_give_up(struct seat *seat, const char *doing, const struct link_result *result);
bool seat_idle(enum link_state state);

/* ---- The way ---- */

void seat_scan(struct seat *seat); /* storages, job, lists; then */
void seat_planning(
    struct seat *seat); /* … sizes and contents where they are in doubt, the plan; then */
void seat_act(struct seat *seat);       /* … what the plan says */
void seat_list(struct seat *seat);      /* the tree once more, and the plan */
void seat_copy_back(struct seat *seat); /* or this instead */

/* The file here that is `entry` there; NULL: none. */
const struct sync_file *seat_file_here(struct seat *seat, const struct sync_entry *entry);

/* ---- seat_content.c ---- */

/* Whether the content behind `download` is that of `file`; told to `then` by `seat->compare`. */
enum seat_likeness { SEAT_ALIKE, SEAT_DIFFERENT, SEAT_UNREADABLE };
struct seat_compare {
    struct seat *seat;
    const struct sync_file *file;
    int fd;
    uint64_t at;
    enum seat_likeness likeness;
    char why[200]; /* of UNREADABLE */
    void (*then)(struct seat *seat, enum seat_likeness likeness, const char *why);
};
void seat_content_compare(struct seat *seat, const char *download, const struct sync_file *file,
                          void (*then)(struct seat *seat, enum seat_likeness likeness,
                                       const char *why));
void seat_content_free(struct seat *seat);
void seat_copy_free(struct seat *seat); /* what was half fetched goes */

/* The printer over whose part the run goes on. */
void sync_run_seat_ended(struct sync_run *run);

#endif
