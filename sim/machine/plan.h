#ifndef HOTBED_MACHINE_PLAN_H
#define HOTBED_MACHINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/machine/model.h"
#include "sim/machine/storage.h"

/* What a print file means in time, for one model: where the axes are at each instant and what else
 * happens when. Built once per file content and model, never changed afterwards and shared by all
 * printers that print it (counted references; one thread).
 *
 * The plan's clock runs at a speed of 100 % and stands still while a job waits for a heater or is
 * paused; see job.h. */

enum {
    /* Positions kept; a longer print is sampled more coarsely in time, never refused for it. */
    PLAN_KEYS_MAX = 1 << 20,
    /* Orders to heaters, fans and the like; a file with more of them is refused. */
    PLAN_MARKS_MAX = 1 << 20,
    /* A print that takes longer is refused. */
    PLAN_DAYS_MAX = 400,
    PLAN_TEXT_BYTES_MAX = 96, /* of one message */
};

/* Bytes of the largest print file; a larger one is refused. */
#define PLAN_FILE_BYTES_MAX (UINT64_C(1) << 30)

struct plan;

enum plan_mark_kind {
    PLAN_NOZZLE_TARGET, /* M104: value is °C; `code` is the tool from 1, 0: the one in use */
    PLAN_NOZZLE_WAIT,   /* M109: set and wait; `cooling`: for cooling down too (R) */
    PLAN_BED_TARGET,    /* M140 */
    PLAN_BED_WAIT,      /* M190 */
    PLAN_CHAMBER,       /* M141: value is °C */
    PLAN_FAN,           /* M106, M107: value is 0..255 */
    PLAN_SPEED,         /* M220: value is percent */
    PLAN_FLOW,          /* M221: value is percent */
    PLAN_LAYER,         /* value is the number of the layer that begins, from 1 */
    PLAN_PAUSE,         /* M0, M1, M25, M600, M601: `code` says which; text of M0 and M1 */
    PLAN_MMU,           /* the MMU begins something: value is the slot from 0, `code` its progress
                           (connect-sdk.md 4.7), the text its command ("T1"); PLAN_TOOL ends it */
    PLAN_TOOL,          /* T: value is the tool, from 0; -1: all stand in their docks (P0) */
    PLAN_MESSAGE,       /* M117 */
    PLAN_HOMED,         /* G28 has ended */
    PLAN_MESH,          /* G80, G29 has ended */
    PLAN_MOTORS_OFF,    /* M84, M18 without axes */
    PLAN_OBJECT,        /* M486: `code` is its letter, value the number behind it; text of A */
    PLAN_KIND_COUNT,
};

struct plan_mark {
    int64_t at_us;    /* on the plan's clock */
    uint64_t offset;  /* bytes of the file up to the end of its line */
    const char *text; /* "" for kinds without; the plan's */
    float value;
    uint16_t code; /* 600 for M600 */
    uint8_t kind;  /* enum plan_mark_kind */
    bool cooling;
};

/* What the last M73 said, of each mode; -1: nothing yet. Letters: file-formats.md 3.1. */
enum plan_mode { PLAN_NORMAL, PLAN_QUIET, PLAN_MODES };

struct plan_progress {
    int64_t at_us;
    struct {
        float left_min;      /* R, S */
        float change_in_min; /* C, D */
        int16_t percent;     /* P, Q: 0..100 */
    } mode[PLAN_MODES];
};

struct plan_summary {
    int64_t total_us;    /* the plan's clock at its end */
    int64_t estimate_us; /* what a slicer's estimate counts: with the speeds of the file's own M220,
                            without homing and mesh levelling */
    double filament_mm;  /* net, all tools */
    double max_z_mm;     /* highest Z at which something was extruded */
    uint32_t layers;
    uint64_t size_bytes; /* of the text, decoded from binary g-code */
    uint64_t commands;   /* lines that are more than blank or comment */
    uint64_t moves;
    bool has_progress; /* there is at least one M73, with whatever letters */
};

struct plan_point {
    double x_mm, y_mm, z_mm;
    double e_mm;        /* the axis, as G92 leaves it */
    double filament_mm; /* net since the beginning */
    uint64_t offset;    /* bytes read of the file */
};

/* Read the whole file once, plain or binary g-code. NULL with the reason: too large, too many
 * orders, too long, unreadable; binary g-code with any fault in it, which a real printer finds only
 * when it gets there. What is not g-code in it is skipped like a firmware does; an empty file gives
 * an empty plan. `model` must outlive the plan. */
struct plan *plan_build(struct file_content *content, const struct model *model,
                        struct error *error);
struct plan *plan_share(struct plan *plan);
void plan_release(struct plan *plan); /* NULL is fine */

const struct plan_summary *plan_summary(const struct plan *plan);
/* Clamped to the plan; O(log n). */
void plan_at(const struct plan *plan, int64_t at_us, struct plan_point *point);
size_t plan_mark_count(const struct plan *plan);
/* In order of time, then of the file. */
const struct plan_mark *plan_mark(const struct plan *plan, size_t index);
/* The last M73 at or before `at_us`; NULL: none yet. O(log n). */
const struct plan_progress *plan_progress_at(const struct plan *plan, int64_t at_us);
/* The instant of the last 100th command at or before `at_us`: PrusaLink updates its printing time
 * only then (connect-sdk.md 4.3). 0 before the first. O(log n). */
int64_t plan_hundredth_at(const struct plan *plan, int64_t at_us);
/* The number of that command: 0, 100, 200, ... For a file without M73, PrusaLink takes its share of
 * plan_summary()->commands for the progress and stretches the printing time by it (Prusa-Link:
 * prusa/link/printer_adapter/print_stats.py). O(log n). */
uint64_t plan_commands_at(const struct plan *plan, int64_t at_us);
size_t plan_bytes(const struct plan *plan); /* of memory */

/* What a resin printer prints is a plan of layers instead: plan_resin.h has its questions, of those
 * above only plan_summary(), plan_share(), plan_release() and plan_bytes() apply. */

/* Plans by content and model: the same content (the same struct file_content) is read once. Living
 * plans are always found; beyond that, the ones used last stay until they need more than
 * `keep_bytes`. */
struct plan_cache;

struct plan_cache *plan_cache_new(size_t keep_bytes);
void plan_cache_destroy(struct plan_cache *cache); /* plans in use stay their users' */
struct plan *plan_cache_get(struct plan_cache *cache, struct file_content *content,
                            const struct model *model,
                            struct error *error); /* a reference for the caller */

#endif
