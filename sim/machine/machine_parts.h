#ifndef HOTBED_MACHINE_MACHINE_PARTS_H
#define HOTBED_MACHINE_MACHINE_PARTS_H

#include "sim/machine/fan.h"
#include "sim/machine/heater.h"
#include "sim/machine/job.h"
#include "sim/machine/machine.h"
#include "sim/machine/objects.h"
#include "sim/machine/prompt.h"

/* Inside of a machine: only machine*.c use this. An idle machine is this struct and nothing else;
 * what it does beyond keeping warm hangs on it for as long as it is done. */

enum { X, Y, Z, E };

enum machine_power {
    POWER_OFF,
    POWER_BOOTING,   /* first start */
    POWER_RESETTING, /* until the firmware says "start" */
    POWER_STARTED,   /* until the host knows it again */
    POWER_ON,
    POWER_LOSING, /* the cable is out, the host has not noticed */
    POWER_LOST,
    POWER_RETURNING, /* the cable is back, the host looks for its printer */
    POWER_DARK,      /* no mains */
};

enum print_phase {
    PRINT_RUNNING,  /* the job's clock runs, or a heater is waited for */
    PRINT_DRAINING, /* told to pause, moves in the planner still run */
    PRINT_PAUSED,   /* maybe still on the way to the parking position */
    PRINT_REHEATING,
    PRINT_RETURNING,
    PRINT_USER,      /* M600, M0: waits for a click */
    PRINT_FINISHING, /* all of it is printed, the head parks */
    PRINT_ABORTING,  /* stopped, the head parks */
    PRINT_CRASHED,   /* finds out where it is */
    PRINT_PANIC,     /* without mains, or before it goes on after that */
    PRINT_ENDED,     /* FINISHED or STOPPED is held */
};

enum print_wait { WAIT_NOTHING, WAIT_NOZZLE, WAIT_BED };

struct machine_print {
    struct machine_job info;
    struct job job;
    enum print_phase phase;
    enum print_wait wait;
    bool wait_cooling;
    uint8_t wait_tool;  /* WAIT_NOZZLE: of which, from 1; 0: the one in use */
    bool anomaly;       /* held by the thermal model: goes on by itself once that is content */
    uint16_t user_code; /* in PRINT_USER: 600, 0, 1 */
    int64_t due_us;     /* end of draining, or of holding the end of the print */
    double saved[MODEL_AXES]; /* where to go on */
    double saved_nozzle_c, saved_bed_c;
    int saved_fan;
    uint32_t layer;
    int64_t crash_us[2]; /* the last two */
    bool skipping;       /* an object that is left out */
    struct {
        struct file_content *content; /* NULL: all of it was there at the start */
        uint64_t there_bytes, planned_bytes;
        uint8_t trouble; /* a prompt: what is behind `planned_bytes` cannot be printed */
    } partial;
};

struct motion;
struct machine_host;
struct resin;
struct machine_tools;
struct machine_chamber;

/* A head of a tool changer. */
struct machine_head {
    struct heater nozzle;
    struct fan hotend_fan, print_fan;
    int64_t follow_us; /* when its hot-end fan must be looked at */
};

struct machine {
    struct world *world;
    const struct model *model;
    struct plan_cache *plans;
    struct timer timer;
    struct machine_listener *listeners;
    struct storage **storages;
    int64_t clock_ahead_s; /* of the world's: files are dated by the printer's own */
    struct motion *motion; /* moves beside those of a job; NULL: stands, or a job moves */
    struct machine_print *print;
    struct machine_host *host; /* lines of g-code under way */
    struct transfer *transfer; /* NULL: none */
    struct resin *resin; /* NULL: has heaters and axes; else these are not there and never asked */
    struct machine_tools *tools;     /* NULL: one head */
    struct machine_chamber *chamber; /* NULL: stands in the open */
    double *mesh;
    struct machine_objects *objects; /* NULL: none */
    char *firmware;                  /* NULL: the model's */
    uint64_t index;
    uint64_t total_filament_um;
    int64_t total_print_us;
    double position[MODEL_AXES]; /* without motion and job */
    int64_t power_due_us;
    int64_t follow_us; /* when the hot-end fan must be looked at */
    int64_t safety_us; /* heaters go off for want of anybody using them */
    float room_c;
    uint32_t job_counter;
    uint32_t transfer_counter;
    uint32_t storage_count;
    uint32_t faults;
    uint16_t speed_percent, flow_percent;
    uint8_t power;           /* enum machine_power */
    uint8_t fan_error;       /* 0, or 1 + enum { hot-end, print } */
    uint8_t tool;            /* MMU: 1..5, 0 none */
    uint8_t prompt, warning; /* enum machine_prompt; a warning lies over what is asked */
    uint8_t halt;            /* enum machine_halt */
    uint32_t prompt_changes;
    bool sensor_off;    /* the filament sensor, by somebody's answer */
    uint8_t slot_state; /* of the MMU, and its command: "T1"; "" none */
    char slot_command[4];
    bool relative, relative_e; /* what a host's lines have set, as is the feed */
    float feed_mm_s;
    bool halted; /* Stopped until a reset */
    bool settling, unsettled;
    struct printer_layers layers;
    char serial[32];
    struct heater nozzle, bed;
    struct fan hotend_fan, print_fan;
};

/* --- machine.c --- */
static inline int64_t machine_now(const struct machine *machine)
{
    return machine->world->now_us;
}

/* Let everything happen that is due, then arm the timer. Every order does this before and after. */
void machine_settle(struct machine *machine);
/* Before only asking: settle if something is due, else let the temperatures come to now. */
void machine_look(struct machine *machine);
void machine_set_nozzle(struct machine *machine, double target_c);
void machine_set_bed(struct machine *machine, double target_c);
void machine_set_print_fan(struct machine *machine, int power);
void machine_forget_settings(struct machine *machine); /* speed, flow, modes of a fresh start */
void machine_measure_mesh(struct machine *machine);

/* --- machine_state.c --- */
/* Why a trigger happens, where it is not the default: source SOURCE_COUNT is the rule's own. */
void machine_trigger(struct machine *machine, enum state_trigger trigger, enum state_source source,
                     const char *reason);
/* The same for firmware that has one state and no layers of them. Says nothing when it is that
 * already. */
void machine_show(struct machine *machine, enum printer_state state, enum state_source source,
                  const char *reason);
/* TELL(machine, layer_changed, (face, layer)): a listener may take itself off the list meanwhile.
 */
#define TELL(machine, event, arguments)                                                            \
    do {                                                                                           \
        for (struct machine_listener *listener_ = (machine)->listeners, *next_; listener_ != NULL; \
             listener_ = next_) {                                                                  \
            void *face = listener_->face;                                                          \
            next_ = listener_->next;                                                               \
            if (listener_->events->event != NULL) {                                                \
                listener_->events->event arguments;                                                \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* --- machine_motion.c --- */
enum {
    MOTION_LEGS_MAX = 16
}; /* blocks of the planner (Prusa-Firmware: Firmware/Configuration_adv.h) */
/* Queue a straight move to `to` (NAN: the axis stays), at most `feed_mm_s` and within the limits.
 * False: no room. */
bool motion_add(struct machine *machine, const double to[MODEL_AXES], double feed_mm_s);
void motion_dwell(struct machine *machine, double seconds); /* stand there */
void motion_target(const struct machine *machine,
                   double at[MODEL_AXES]); /* where the last queued move ends */
bool motion_full(const struct machine *machine);
int64_t motion_first_end_us(const struct machine *machine); /* INT64_MAX: stands */
int64_t motion_end_us(const struct machine *machine);       /* INT64_MAX: stands */
bool motion_step(struct machine *machine);
void motion_cancel(struct machine *machine); /* stop where it is */
void machine_position(const struct machine *machine, double at[MODEL_AXES]);

/* --- machine_partial.c --- */
/* The plan is at its end. True: there is more of the file, or will be. */
bool print_outruns_file(struct machine *machine);
/* Of printers with a screen: a file that `error` keeps from being printed is looked at on it, and
 * printed as far as it is good. False: it is nothing like a print file, or too large for us. */
bool print_broken_file(struct machine *machine, const char *path, const struct file_node *file,
                       bool from_sd, struct error *error);

/* --- machine_tools.c: tools count from 1; of a machine with one head these do nothing --- */
void tools_init(struct machine *machine, struct random *random);
void tools_free(struct machine *machine);
/* NULL: in use, none, or cold and at rest since the beginning. */
struct machine_head *tools_docked(struct machine *machine, int tool);
struct machine_head *tools_head(struct machine *machine, int tool); /* NULL: in use, or none */
struct heater *tools_nozzle(struct machine *machine, int tool);     /* 0: the one in use */
int tools_in_use(const struct machine *machine);                    /* 0: all are docked */
void tools_pick(struct machine *machine, int tool);                 /* 0 and below: park */
void tools_advance(struct machine *machine);
void tools_cool(struct machine *machine);       /* all */
bool tools_heat(const struct machine *machine); /* one in its dock has a target */
void tools_restart(struct machine *machine);
void tools_set_room(struct machine *machine, double room_c); /* before it is so */
void tools_read(struct machine *machine, struct machine_readings *readings);

/* --- machine_chamber.c: of a machine without one these do nothing --- */
void chamber_start(struct machine *machine);
void chamber_free(struct machine *machine);
bool chamber_step(struct machine *machine);
int64_t chamber_next_us(const struct machine *machine);
void chamber_bed_changed(struct machine *machine); /* its target */
void chamber_room_changed(struct machine *machine);
void chamber_read(struct machine *machine, struct machine_readings *readings);

/* --- machine_print.c --- */
enum machine_refusal print_may_begin(const struct machine *machine, struct error *error);
void print_begin(struct machine *machine, const char *path, const struct file_node *file,
                 bool from_sd, struct plan *plan); /* takes over the plan */
enum machine_refusal print_find_file(struct machine *machine, const char *path,
                                     const struct file_node **file, bool *from_sd,
                                     struct error *error);
bool print_step(struct machine *machine);
int64_t print_next_us(const struct machine *machine);
bool print_moves(const struct machine *machine); /* a job moves the axes right now */
/* The host no longer prints: the axes stand, the figures stay, the id goes. The layers are the
 * caller's. */
void print_break_off(struct machine *machine);
/* The head lifts and goes aside. */
void print_park(struct machine *machine, double x_mm, double y_mm, double lift_mm);
bool print_has_screen(const struct machine *machine);
void print_finish(struct machine *machine); /* all of the job is done */
void print_end(struct machine *machine, enum state_trigger trigger);
void print_free(struct machine *machine);
void print_stand_still(struct machine *machine);
void print_pause_now(struct machine *machine);
void print_begin_reheating(struct machine *machine);
void print_begin_return(struct machine *machine);

/* --- machine_wait.c: a print waits for somebody --- */
void print_want_user(struct machine *machine, uint16_t code); /* M0, M1, M600 */
void print_pause_for_fan(struct machine *machine);
void print_hold_for_anomaly(struct machine *machine);
void print_recover(struct machine *machine);
bool print_confirm(struct machine *machine);         /* a click; false: nobody waited for one */
void print_change_filament(struct machine *machine); /* runout: M600 in front of everything */
bool print_change_step(struct machine *machine);     /* of PRINT_USER */
bool print_change_answer(struct machine *machine, enum machine_answer answer);
void print_ask_before(struct machine *machine, enum machine_prompt prompt); /* the print begins */
bool print_in_preview(const struct machine *machine); /* it was asked so, and not answered */
void print_abort_preview(struct machine *machine);
void print_medium_gone(struct machine *machine, const struct storage *storage);
bool print_medium_missing(struct machine *machine); /* and says so */

/* --- machine_recovery.c: crashes and losses of mains --- */
bool recovery_step(struct machine *machine); /* of PRINT_CRASHED and PRINT_PANIC */
void recovery_crash(struct machine *machine);
bool recovery_answer(struct machine *machine, enum machine_answer answer);
void recovery_mains(struct machine *machine, bool lost);
void recovery_after_boot(struct machine *machine);
void recovery_go_on_cold(struct machine *machine); /* somebody has seen that the bed is cold */

/* --- machine_prompt.c --- */
void prompt_show(struct machine *machine, enum machine_prompt prompt); /* NONE: takes it away */
/* Over what is asked. ATTENTION, unless it is only a hint to somebody at rest. */
void prompt_warn(struct machine *machine, enum machine_prompt warning);
void prompt_clear(struct machine *machine); /* both */

/* --- machine_objects.c --- */
void objects_forget(struct machine *machine); /* a print begins */
void objects_mark(struct machine *machine, const struct plan_mark *mark);

/* --- machine_host.c --- */
bool host_step(struct machine *machine);
int64_t host_next_us(const struct machine *machine);
bool host_confirm(struct machine *machine);
void host_interrupt(struct machine *machine, const char *why);

/* --- machine_power.c --- */
bool power_step(struct machine *machine);
bool protection_step(struct machine *machine);
void machine_apply_faults(struct machine *machine);  /* to the head in use and the bed */
bool machine_answers(const struct machine *machine); /* the host talks to a firmware that runs */

/* --- resin.c: but for init and free, of a machine with `resin` alone --- */
void resin_init(struct machine *machine); /* does nothing for other models */
void resin_free(struct machine *machine);
bool resin_step(struct machine *machine);
int64_t resin_next_us(const struct machine *machine);
void resin_set_room(struct machine *machine); /* room_c is another one */
void resin_fault_changed(struct machine *machine);
void resin_powered(struct machine *machine);
void resin_restart(struct machine *machine);
const struct machine_job *resin_job(const struct machine *machine); /* NULL: none */
void resin_read(struct machine *machine, struct machine_readings *readings);
/* `at_once`: nobody needs to confirm it. */
enum machine_refusal resin_open(struct machine *machine, const char *path, bool at_once,
                                struct error *error);
enum machine_refusal resin_order(struct machine *machine,
                                 enum machine_refusal (*order)(struct machine *machine));
enum machine_refusal resin_continue(struct machine *machine);
enum machine_print_stage resin_print_stage(const struct machine *machine);
enum machine_refusal resin_print_pause(struct machine *machine);
enum machine_refusal resin_print_stop(struct machine *machine);
void resin_user_confirms(struct machine *machine);
bool resin_dismiss_end(struct machine *machine);

#endif
