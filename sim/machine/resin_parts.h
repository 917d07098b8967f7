#ifndef HOTBED_MACHINE_RESIN_PARTS_H
#define HOTBED_MACHINE_RESIN_PARTS_H

#include "sim/machine/machine_parts.h"
#include "sim/machine/plan_resin.h"
#include "sim/machine/resin.h"
#include "sim/machine/uv_led.h"

/* What a resin printer is made of: for resin*.c alone. */

/* What it does until `due_us`. Each shows one of the firmware's phases (resin_stage.c). */
enum resin_stage {
    STAGE_READ,
    STAGE_CONFIRM,
    STAGE_HOME,
    STAGE_POUR,
    STAGE_FANS, /* the checks: from here … */
    STAGE_COVER,
    STAGE_MEASURE,
    STAGE_START_POSITION,
    STAGE_STIR, /* … to here */
    STAGE_WARNING,
    STAGE_DARK, /* a layer: waiting, and the panel's own time */
    STAGE_LIT,
    STAGE_PEEL,
    STAGE_COOL,
    STAGE_FEED_UP,
    STAGE_FEED,
    STAGE_FEED_COVER,
    STAGE_FEED_STIR,
    STAGE_FEED_DOWN,
    STAGE_STUCK,
    STAGE_UNSTICK,
    STAGE_STUCK_STIR,
    STAGE_TILT_DOWN,
    STAGE_UP,
    STAGE_FINISHED,
    STAGE_CANCELED,
    STAGE_FAILED,
    RESIN_STAGES,
};

enum { RESIN_WARNINGS_MAX = 4 };

struct resin_print {
    struct machine_job info;
    struct plan *plan;            /* own reference */
    struct file_content *content; /* of the project, own reference */
    uint8_t stage;                /* enum resin_stage */
    uint8_t after;                /* stage behind STAGE_WARNING */
    bool held;                    /* by an open cover, with so much left to do: */
    bool at_once;                 /* CONFIRM needs nobody */
    bool pausing, cancelling;
    bool by_user; /* it was paused by somebody, not for want of resin */
    bool fed;     /* the layer that comes is printed whatever the resin says */
    bool low;
    uint8_t tries; /* of measuring */
    uint8_t warning_count;
    uint16_t warnings[RESIN_WARNINGS_MAX]; /* to be asked about, last digits of the code */
    int64_t left_us;
    int64_t stage_us, due_us; /* begin and end of the stage; INT64_MAX: somebody must act */
    uint32_t measured;        /* pictures, in STAGE_READ */
    uint32_t layer;           /* finished ones */
    int64_t begun_us;         /* the first layer; INT64_MAX: not yet */
    int64_t ended_us;         /* INT64_MAX: not yet */
    double from_mm, to_mm;    /* of the tower, in this stage */
    double volume_ml;         /* measured or filled, with what was used until then; NAN: not */
    double consumed_ml;
};

struct resin {
    struct uv_led led;
    double tank_ml;
    int64_t on_us; /* when it got power; INT64_MAX: off */
    struct resin_print *print;
    double tower_mm;          /* without a print */
    enum state_source source; /* of changes that happen now */
    uint16_t code;
    struct file_content *shown; /* own reference: the project whose layer was exposed last */
    uint32_t shown_layer;       /* from 0 */
    bool cover_open, tank_out, uncalibrated, fans_on;
};

/* The firmware's numbers have the printer's in front. */
enum { RESIN_CODE_PREFIX = 10000 };

enum {
    RESIN_CODE_TILT = 101,
    RESIN_CODE_FAN = 106,
    RESIN_CODE_TOO_LOW = 108,
    RESIN_CODE_TOO_HIGH = 109,
    RESIN_CODE_NOT_CALIBRATED = 113,
    RESIN_CODE_SENSOR = 307,
    RESIN_CODE_STATE = 506,
    RESIN_CODE_NO_FILE = 518,
    RESIN_CODE_EXTENSION = 519,
    RESIN_CODE_AMBIENT_HOT = 702,
    RESIN_CODE_AMBIENT_COLD = 703,
    RESIN_CODE_NOT_ENOUGH = 706,
    RESIN_CODE_LOW = 712,
    RESIN_CODE_OVERHEATING = 713,
};

/* resin_stage.c: what a stage shows */
enum resin_phase resin_phase_of(const struct resin_print *print); /* NULL: no project */
enum printer_state resin_state_of(const struct resin_print *print);
bool resin_stage_moves(enum resin_stage stage);  /* an open cover stops it */
bool resin_stage_prints(enum resin_stage stage); /* a layer is in work, or about to be */

/* resin.c */
void resin_show(struct machine *machine); /* tell the state if it is another one */
void resin_light(struct machine *machine, bool on);
void resin_fans(struct machine *machine, bool on);
int resin_fan_rpm(const struct machine *machine, enum machine_fault stalled, int rpm);

/* resin_print.c */
void resin_print_begin(struct machine *machine, const char *path, const struct file_node *file,
                       struct plan *plan, bool at_once);
void resin_print_free(struct machine *machine);
enum machine_refusal resin_print_confirm(struct machine *machine, bool person);
void resin_print_refill(struct machine *machine);
void resin_print_cover(struct machine *machine); /* it was opened or closed */
bool resin_print_step(struct machine *machine);
double resin_tower_mm(const struct machine *machine);
/* Begin a stage and show it; INT64_MAX: until somebody acts. */
void resin_enter(struct machine *machine, enum resin_stage stage, int64_t duration_us);
/* The stage that comes moves the tower there; how long that takes at its speed. */
int64_t resin_drive(struct machine *machine, double to_mm);
void resin_fail(struct machine *machine, int code); /* RESIN_CODE_ or enum sl1_fault */

/* resin_panel.c */
void resin_panel_show(struct machine *machine, uint32_t layer);
void resin_panel_clear(struct machine *machine); /* of the print before */

/* resin_checks.c */
bool resin_fan_stalled(const struct machine *machine); /* any */
void resin_begin_checks(struct machine *machine);
void resin_end_fans(struct machine *machine);
void resin_end_measure(struct machine *machine);
void resin_end_cover(struct machine *machine);
void resin_end_warning(struct machine *machine);

#endif
