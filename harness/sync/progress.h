#ifndef HOTBED_SYNC_PROGRESS_H
#define HOTBED_SYNC_PROGRESS_H

#include <stdio.h>

#include "harness/sync/report.h"
#include "sim/base/world.h"

/* Lines at the bottom of a terminal that are rewritten while a sync runs: one for each printer at
 * work, and the total. */
struct sync_progress {
    struct world *world;
    const struct sync_report *report;
    FILE *out;
    struct timer timer;
    size_t lines; /* on the screen now */
};

void sync_progress_begin(struct sync_progress *progress, struct world *world,
                         const struct sync_report *report, FILE *out);
void sync_progress_end(struct sync_progress *progress); /* takes its lines away */

/* The lines as they are now; `rows` and `columns` of the terminal. */
void sync_progress_render(const struct sync_report *report, size_t rows, size_t columns,
                          int64_t now_us, struct buffer *out, size_t *lines);

#endif
