#ifndef HOTBED_SYNC_ENGINE_H
#define HOTBED_SYNC_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/clients/link_client.h"
#include "harness/sync/farm.h"
#include "harness/sync/folder.h"
#include "harness/sync/journal.h"
#include "harness/sync/plan.h"
#include "harness/sync/report.h"

/* Brings many printers into step with a folder, each for itself: ask its state, list it, plan, do
 * what the plan says one after the other and look at each answer. Everything happens in the
 * transport's world, so the same sync runs in virtual time. A printer that fails, hangs or turns
 * busy ends its own part and nobody else's. */

struct sync_settings {
    const struct sync_farm *farm;
    const struct sync_folder *folder;
    struct sync_policy policy;
    const char *destination; /* as sync_destination() takes it; NULL: the storage */
    bool execute;            /* else only the reading half */
    bool any_state; /* work on printers that are not idle, too; a file in print is left alone all
                       the same */
    bool compare_content; /* what looks the same is downloaded and compared, where the printer
                             offers a download */
    bool verify_content;  /* so is each upload */
    bool copy_back;       /* instead of all else: fetch what is only on printers into the folder */
    unsigned jobs;        /* printers at a time; 0: 16 */
    unsigned retries;     /* of each step when it fails as something that passes */
    int64_t timeout_us; /* without a byte; 0: 30 s. A connection has a third of it, at most 10 s. */
    struct sync_journal *journal;
    void (*changed)(void *owner, size_t seat); /* its report has changed; may be NULL */
    void *owner;
};

struct sync_run;

/* Everything outlives the run. `report` was initialised with the farm's number of printers. */
struct sync_run *sync_run_new(struct link_transport *transport,
                              const struct sync_settings *settings, struct sync_report *report);
void sync_run_start(struct sync_run *run);
/* Becomes true when every printer is through: for world_run(). */
const volatile bool *sync_run_over(const struct sync_run *run);
/* Break off: transfers under way are cut, which leaves no file behind on the printer
 * (prusalink.md 6.6), and what was not done is reported as interrupted. */
void sync_run_stop(struct sync_run *run);
void sync_run_destroy(struct sync_run *run); /* NULL is fine */

#endif
