#include "sim/machine/resin_parts.h"

/* What each stage of a print shows to others: the firmware's phase, and the state that a server is
 * told (printer-models.md 8.2, 8.4). Where the last column of 8.4 is marked [set], so is this. */

static const struct {
    enum resin_phase phase;
    enum printer_state state;
    bool moves;  /* tower, tilt or light: not with an open cover */
    bool prints; /* pausing and cancelling wait for the end of the layer */
} stages[RESIN_STAGES] = {
    [STAGE_READ] = {RESIN_READING_DATA, STATE_BUSY, false, false},
    /* "READY-like; a print waits for confirmation" */
    [STAGE_CONFIRM] = {RESIN_CONFIRM, STATE_READY, false, false},
    /* Until the resin is in, the firmware does not look at the cover (sla-fw:
     * slafw/exposure/exposure.py, check_cover_override). */
    [STAGE_HOME] = {RESIN_HOMING_AXIS, STATE_BUSY, false, false},
    [STAGE_POUR] = {RESIN_POUR_IN_RESIN, STATE_ATTENTION, false, false},
    [STAGE_FANS] = {RESIN_CHECKS, STATE_BUSY, false, false},
    [STAGE_COVER] = {RESIN_COVER_OPEN, STATE_BUSY, false, false},
    [STAGE_MEASURE] = {RESIN_CHECKS, STATE_BUSY, true, false},
    [STAGE_START_POSITION] = {RESIN_CHECKS, STATE_BUSY, true, false},
    [STAGE_STIR] = {RESIN_CHECKS, STATE_BUSY, true, false},
    [STAGE_WARNING] = {RESIN_CHECK_WARNING, STATE_BUSY, false, false},
    [STAGE_DARK] = {RESIN_PRINTING, STATE_PRINTING, true, true},
    [STAGE_LIT] = {RESIN_PRINTING, STATE_PRINTING, true, true},
    [STAGE_PEEL] = {RESIN_PRINTING, STATE_PRINTING, true, true},
    [STAGE_COOL] = {RESIN_COOLING_DOWN, STATE_BUSY, false, false},
    [STAGE_FEED_UP] = {RESIN_GOING_UP, STATE_BUSY, true, false},
    [STAGE_FEED] = {RESIN_FEED_ME, STATE_ATTENTION, false, false},
    [STAGE_FEED_COVER] = {RESIN_COVER_OPEN, STATE_BUSY, false, false},
    [STAGE_FEED_STIR] = {RESIN_STIRRING, STATE_BUSY, true, false},
    [STAGE_FEED_DOWN] = {RESIN_GOING_DOWN, STATE_BUSY, true, false},
    [STAGE_STUCK] = {RESIN_STUCK, STATE_ERROR, false, false},
    [STAGE_UNSTICK] = {RESIN_STUCK_RECOVERY, STATE_BUSY, true, false},
    [STAGE_STUCK_STIR] = {RESIN_STIRRING, STATE_BUSY, true, false},
    [STAGE_TILT_DOWN] = {RESIN_TILTING_DOWN, STATE_BUSY, true, false},
    [STAGE_UP] = {RESIN_GOING_UP, STATE_BUSY, true, false},
    [STAGE_FINISHED] = {RESIN_FINISHED, STATE_FINISHED, false, false},
    [STAGE_CANCELED] = {RESIN_CANCELED, STATE_STOPPED, false, false},
    [STAGE_FAILED] = {RESIN_FAILURE, STATE_ERROR, false, false},
};

bool resin_stage_moves(enum resin_stage stage)
{
    return stages[stage].moves;
}

bool resin_stage_prints(enum resin_stage stage)
{
    return stages[stage].prints;
}

static bool action_pends(const struct resin_print *print)
{
    return stages[print->stage].prints && (print->pausing || print->cancelling);
}

enum resin_phase resin_phase_of(const struct resin_print *print)
{
    return print == NULL         ? RESIN_NO_PROJECT
           : print->held         ? RESIN_COVER_OPEN
           : action_pends(print) ? RESIN_PENDING_ACTION
                                 : stages[print->stage].phase;
}

enum printer_state resin_state_of(const struct resin_print *print)
{
    if (print->held || action_pends(print)) {
        return STATE_BUSY;
    }
    return print->stage == STAGE_FEED && print->by_user ? STATE_PAUSED : stages[print->stage].state;
}

enum machine_print_stage resin_print_stage(const struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    switch (print == NULL ? RESIN_STAGES : (enum resin_stage)print->stage) {
    case STAGE_DARK:
    case STAGE_LIT:
    case STAGE_PEEL:
    case STAGE_COOL:
        return print->cancelling ? MACHINE_STAGE_ABORTING
               : print->pausing  ? MACHINE_STAGE_PAUSING
                                 : MACHINE_STAGE_RUNNING;
    case STAGE_FEED_UP:
        return MACHINE_STAGE_PAUSING;
    case STAGE_FEED:
        return print->by_user ? MACHINE_STAGE_PAUSED : MACHINE_STAGE_WAITING;
    case STAGE_FEED_COVER:
    case STAGE_FEED_STIR:
    case STAGE_FEED_DOWN:
        return MACHINE_STAGE_RESUMING;
    case STAGE_TILT_DOWN:
        return MACHINE_STAGE_ABORTING;
    case STAGE_UP:
        return print->cancelling ? MACHINE_STAGE_ABORTING : MACHINE_STAGE_FINISHING;
    case STAGE_FINISHED:
    case STAGE_CANCELED:
    case STAGE_FAILED:
        return MACHINE_STAGE_ENDED;
    case STAGE_CONFIRM:
    case STAGE_POUR:
    case STAGE_COVER:
    case STAGE_WARNING:
    case STAGE_STUCK:
        return MACHINE_STAGE_WAITING;
    case STAGE_READ:
    case STAGE_HOME:
    case STAGE_FANS:
    case STAGE_MEASURE:
    case STAGE_START_POSITION:
    case STAGE_STIR:
    case STAGE_UNSTICK:
    case STAGE_STUCK_STIR:
        return MACHINE_STAGE_RUNNING;
    case RESIN_STAGES:
        break;
    }
    return MACHINE_STAGE_NONE;
}

const char *resin_phase_name(enum resin_phase phase)
{
    switch (phase) {
    case RESIN_NO_PROJECT:
        return "no-project";
    case RESIN_INIT:
        return "init";
    case RESIN_READING_DATA:
        return "reading-data";
    case RESIN_CONFIRM:
        return "confirm";
    case RESIN_CHECKS:
        return "checks";
    case RESIN_PRINTING:
        return "printing";
    case RESIN_GOING_UP:
        return "going-up";
    case RESIN_GOING_DOWN:
        return "going-down";
    case RESIN_WAITING:
        return "waiting";
    case RESIN_COVER_OPEN:
        return "cover-open";
    case RESIN_FEED_ME:
        return "feed-me";
    case RESIN_FAILURE:
        return "failure";
    case RESIN_STIRRING:
        return "stirring";
    case RESIN_PENDING_ACTION:
        return "pending-action";
    case RESIN_FINISHED:
        return "finished";
    case RESIN_STUCK:
        return "stuck";
    case RESIN_STUCK_RECOVERY:
        return "stuck-recovery";
    case RESIN_CHECK_WARNING:
        return "check-warning";
    case RESIN_TILTING_DOWN:
        return "tilting-down";
    case RESIN_CANCELED:
        return "canceled";
    case RESIN_DONE:
        return "done";
    case RESIN_COOLING_DOWN:
        return "cooling-down";
    case RESIN_POUR_IN_RESIN:
        return "pour-in-resin";
    case RESIN_HOMING_AXIS:
        return "homing-axis";
    }
    return "no-project";
}
