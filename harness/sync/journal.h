#ifndef HOTBED_SYNC_JOURNAL_H
#define HOTBED_SYNC_JOURNAL_H

#include "harness/sync/plan.h"

/* What was brought to which printer, kept in a file between runs: PrusaLink cannot set the time of
 * a file, so that a printer's clock, zone and rounding decide what looks newer. A file that is here
 * and there as it was written down is in step whatever the clocks say (10.3 scenarios 5 to 7). It
 * is a help and no truth: without it, or for a file that somebody else put there, sizes and times
 * decide. No secrets are in it. */
struct sync_journal;

/* A file that is missing is an empty journal; one that cannot be read or is none as well, and
 * `warning` says so. */
struct sync_journal *sync_journal_open(const char *path, struct error *warning);
/* One that is never written. */
struct sync_journal *sync_journal_new(void);
void sync_journal_destroy(struct sync_journal *journal); /* NULL is fine; does not save */
/* If anything has changed: to a temporary name and renamed; makes the folders above. */
bool sync_journal_save(struct sync_journal *journal, struct error *error);

/* $XDG_STATE_HOME/hotbed/sync/<digest of the farm file's place>.json, or below ~/.local/state. A
 * text to be freed; NULL: there is no home. */
char *sync_journal_place(const char *farm_file);

/* `host` is the printer's in the farm file, `path` the whole one there: "/usb/jobs/a cube.gcode".
 */
bool sync_journal_find(const struct sync_journal *journal, const char *host, const char *path,
                       struct sync_record *record);
void sync_journal_put(struct sync_journal *journal, const char *host, const char *path,
                      const struct sync_record *record);
void sync_journal_forget(struct sync_journal *journal, const char *host, const char *path);
/* How far the printer's clock was ahead of ours when something was last brought there. */
bool sync_journal_clock(const struct sync_journal *journal, const char *host, int64_t *ahead_s);
void sync_journal_set_clock(struct sync_journal *journal, const char *host, int64_t ahead_s);

#endif
