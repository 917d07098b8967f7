#ifndef HOTBED_MACHINE_JOB_H
#define HOTBED_MACHINE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/machine/plan.h"

/* A print under way: a plan and the few numbers that tie its clock to the world's. All questions
 * are answered in closed form, O(log n) however long ago the last one was. Times are the world's,
 * µs, and never run backwards.
 *
 * The owner arms one timer at job_next_us(). When it fires it takes marks with job_take_mark()
 * until there is none due, does what each says, and arms again; the plan does not go past a mark
 * that is not taken. PLAN_NOZZLE_WAIT, PLAN_BED_WAIT and PLAN_PAUSE hold the job where it is:
 * nothing is due until job_go_on(). PLAN_SPEED is only told: the owner decides and calls
 * job_set_speed(). */

enum job_state {
    JOB_RUNNING,
    JOB_DONE, /* all of the plan was done and every mark taken */
    JOB_STOPPED,
};

struct job {
    struct plan *plan; /* own reference; NULL: no job */
    enum job_state state;
    bool held;   /* at a wait or a pause of the file */
    bool paused; /* from outside */
    int speed_percent;
    size_t next_mark;
    uint64_t mark_offset; /* of the last mark taken */
    int64_t begun_us;     /* world time of the start */
    int64_t since_us;     /* world time from which what follows holds */
    int64_t plan_us;      /* the plan's clock then */
    int64_t printing_us;  /* time printing then: pauses do not count, waiting for heaters does */
    int64_t hundredth_us; /* time printing at the last 100th command before then */
    bool pause_held;      /* `held` by a pause and not by a heater */
    uint64_t whole_bytes; /* of a file of which the plan is only the beginning; 0: it is all */
    double skipped_mm;    /* of filament */
};

struct job_reading {
    struct plan_point point;
    int64_t plan_us;      /* on the plan's clock */
    int64_t printing_us;  /* time printing */
    int64_t hundredth_us; /* time printing as PrusaLink knows it: at the last 100th command
                             (connect-sdk.md 4.3) */
    uint64_t commands;    /* the number of that command: 0, 100, ...; see plan_commands_at() */
    int64_t left_us; /* to the end at the present speed, without heating and pauses: the truth */
    int percent_of_bytes;             /* 0..100 */
    int percent[PLAN_MODES];          /* by M73; -1: nothing said yet */
    double left_min[PLAN_MODES];      /* by M73; -1 */
    double change_in_min[PLAN_MODES]; /* by M73; -1 */
};

void job_start(struct job *job, struct plan *plan, int64_t now_us); /* takes over the reference */
void job_free(struct job *job); /* fine for zeroed memory; leaves it zeroed */

void job_read(const struct job *job, int64_t now_us, struct job_reading *reading);

/* World time of the next mark or, when all are taken, of the end; INT64_MAX while held, paused or
 * over. Not before the instant of the last change, but maybe in the past when the owner is late. */
int64_t job_next_us(const struct job *job);
/* The next mark that is due at `now_us`; NULL: none. After the last one, when the end is reached,
 * the state becomes JOB_DONE. A mark that holds the job holds it at its own instant of the plan,
 * however late it is taken. */
const struct plan_mark *job_take_mark(struct job *job, int64_t now_us);

/* The heater is there, the pause of the file is over. */
void job_go_on(struct job *job, int64_t now_us);
/* To the next mark, or the end, without what lies before it: an object that is left out. It takes
 * no time, and its filament does not count. */
void job_skip(struct job *job, int64_t now_us);
void job_pause(struct job *job, int64_t now_us);
void job_resume(struct job *job, int64_t now_us);
/* A longer plan of the same file, which begins as the present one: goes on where that has ended.
 * Takes over the reference. */
void job_extend(struct job *job, struct plan *plan, int64_t now_us);
void job_stop(struct job *job, int64_t now_us); /* for good; readings stay those of this instant */
/* 10..999, as the firmware takes them; clipped. */
void job_set_speed(struct job *job, int percent, int64_t now_us);

#endif
