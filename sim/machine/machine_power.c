#include <stdio.h>
#include <string.h>

#include "sim/machine/machine_parts.h"

/* Boot, reset, the cable, and what the firmware's protections do (mk3-serial.md 8,
 * connect-sdk.md 6.5, 7.4). */

#define BOOT_US          SECONDS(3)        /* from power to the banner, bootloader included */
#define KNOWN_US         MILLISECONDS(500) /* from the banner to IDLE: below 1 s (mk3-serial.md 11.6) */
#define LOST_US          MILLISECONDS(20) /* until the host notices that the cable is out */
#define BACK_US          SECONDS(9)       /* until it has its printer again; [L-07] */
#define BACK_PRINTING_US SECONDS(8)       /* the same when it had been printing; [L-12] */
#define BACK_IDLE_US     MILLISECONDS(5)
#define BACK_STOPPED_US  MILLISECONDS(3)
#define SAFETY_US        SECONDS(1800) /* printer-models.md 2, safety timer */

bool machine_is_up(const struct machine *machine)
{
    return machine->power == POWER_ON;
}

bool machine_answers(const struct machine *machine)
{
    return machine->power == POWER_ON && !machine->halted;
}

/* The mainboard starts anew: what it knew is gone, what is hot stays hot. */
static void restart_firmware(struct machine *machine)
{
    machine->halted = false;
    host_interrupt(machine, "interrupted");
    if (machine->resin != NULL) {
        resin_restart(machine);
        return;
    }
    print_break_off(machine);
    motion_cancel(machine);
    heater_reset(&machine->nozzle, machine_now(machine));
    heater_reset(&machine->bed, machine_now(machine));
    machine_set_print_fan(machine, 0);
    machine_forget_settings(machine);
    machine->halt = HALT_NONE;
    prompt_clear(machine);
    machine_trigger(machine, TRIGGER_RECOVERED, SOURCE_COUNT, NULL);
    machine->fan_error = 0;
    tools_restart(machine);
    chamber_bed_changed(machine);
    machine->tool = machine->tools != NULL ? machine->tool : 0;
}

void machine_power_on(struct machine *machine)
{
    if (machine->power == POWER_OFF) {
        machine->power = POWER_BOOTING;
        machine->power_due_us = machine_now(machine) + BOOT_US;
        if (machine->resin != NULL) {
            resin_powered(machine);
        }
        machine_settle(machine);
    }
}

void machine_reset(struct machine *machine)
{
    machine_settle(machine);
    if (machine->power == POWER_OFF || machine->power == POWER_LOST ||
        machine->power == POWER_LOSING || machine->power == POWER_DARK) {
        return;
    }
    bool printing = machine->print != NULL && machine->print->phase != PRINT_ENDED;
    TELL(machine, resetting, (face));
    restart_firmware(machine);
    if (machine->print != NULL && print_has_screen(machine)) {
        machine->print->due_us = machine_now(machine); /* it does not know that there was one */
    } else if (printing) {
        machine->print->due_us +=
            BOOT_US; /* STOPPED comes with the banner and is held from then on */
    }
    machine->power = POWER_RESETTING;
    machine->power_due_us = machine_now(machine) + BOOT_US;
    machine_settle(machine);
}

static void forget_job(struct machine *machine)
{
    if (machine->print != NULL) {
        machine->print->info.id = 0;
    }
}

static void become_known(struct machine *machine, bool first)
{
    machine->power = POWER_ON;
    machine->power_due_us = INT64_MAX;
    machine_trigger(machine, TRIGGER_CONFIRMED, SOURCE_COUNT, NULL);
    recovery_after_boot(machine);
    if (first) {
        TELL(machine, info_changed, (face, MACHINE_INFO_IDENTITY));
        TELL(machine, info_changed, (face, MACHINE_INFO_SHEETS));
        TELL(machine, info_changed, (face, MACHINE_INFO_ACTIVE_SHEET));
        if (machine->model->mmu) {
            TELL(machine, info_changed, (face, MACHINE_INFO_MMU));
        }
    }
}

/* The ERROR names no job any more, the print that it hides is over (connect-sdk.md 7.4, 7.5). */
static void lose_print(struct machine *machine, enum state_trigger trigger, const char *reason)
{
    forget_job(machine);
    machine_trigger(machine, trigger, SOURCE_COUNT, reason);
    print_break_off(machine);
    machine_trigger(machine, TRIGGER_PRINT_CANCELLED, SOURCE_COUNT, NULL);
    host_interrupt(machine, "interrupted");
}

static void find_printer_again(struct machine *machine)
{
    /* The source says SERIAL and a reason; what is seen is WUI without one (connect-sdk.md 6.5). */
    machine_trigger(machine, TRIGGER_SERIAL_BACK, SOURCE_WUI, NULL);
    if (machine->print != NULL) {
        machine->power = POWER_ON;
        machine->power_due_us = INT64_MAX;
        if (machine->print->due_us < machine_now(machine) + BACK_STOPPED_US) {
            machine->print->due_us = machine_now(machine) + BACK_STOPPED_US;
        }
        machine_trigger(machine, TRIGGER_CONFIRMED, SOURCE_COUNT, NULL);
        return;
    }
    machine_trigger(machine, TRIGGER_BUSY, SOURCE_COUNT, NULL);
    machine->power = POWER_STARTED;
    machine->power_due_us = machine_now(machine) + BACK_IDLE_US;
}

bool power_step(struct machine *machine)
{
    if (machine->power_due_us > machine_now(machine)) {
        return false;
    }
    machine->power_due_us = INT64_MAX;
    switch ((enum machine_power)machine->power) {
    case POWER_BOOTING:
        become_known(machine, true);
        break;
    case POWER_RESETTING:
        machine->power = POWER_STARTED;
        machine->power_due_us = machine_now(machine) + KNOWN_US;
        machine_trigger(machine, TRIGGER_REBOOT, SOURCE_COUNT, NULL);
        forget_job(machine);
        TELL(machine, rebooted, (face));
        break;
    case POWER_STARTED:
        become_known(machine, false);
        break;
    case POWER_LOSING:
        machine->power = POWER_LOST;
        lose_print(machine, TRIGGER_SERIAL_LOST, "Communication with the printer has failed");
        break;
    case POWER_RETURNING:
        find_printer_again(machine);
        break;
    case POWER_OFF:
    case POWER_ON:
    case POWER_LOST:
    case POWER_DARK:
        break;
    }
    return true;
}

/* Called with the cable's state changed. Opening the port again resets the mainboard. */
static void change_cable(struct machine *machine, bool lost)
{
    if (machine->power == POWER_OFF) {
        return;
    }
    if (lost) {
        machine->power = POWER_LOSING;
        machine->power_due_us = machine_now(machine) + LOST_US;
        return;
    }
    if (machine->power == POWER_LOSING) { /* nobody noticed */
        machine->power = POWER_STARTED;
        machine->power_due_us = machine_now(machine) + KNOWN_US;
        return;
    }
    bool printing = machine->print != NULL;
    restart_firmware(machine);
    machine->power = POWER_RETURNING;
    machine->power_due_us = machine_now(machine) + (printing ? BACK_PRINTING_US : BACK_US);
}

/* --- faults --- */

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_NOZZLE_HEATER_DEAD] = "nozzle-heater-dead",
    [FAULT_BED_HEATER_DEAD] = "bed-heater-dead",
    [FAULT_NOZZLE_THERMISTOR_OPEN] = "nozzle-thermistor-open",
    [FAULT_NOZZLE_THERMISTOR_SHORT] = "nozzle-thermistor-short",
    [FAULT_BED_THERMISTOR_OPEN] = "bed-thermistor-open",
    [FAULT_BED_THERMISTOR_SHORT] = "bed-thermistor-short",
    [FAULT_HOTEND_FAN_STALLED] = "hotend-fan-stalled",
    [FAULT_PRINT_FAN_STALLED] = "print-fan-stalled",
    [FAULT_SERIAL_LOST] = "serial-lost",
    [FAULT_FILAMENT_RUNOUT] = "filament-runout",
    [FAULT_AXIS_BLOCKED] = "axis-blocked",
    [FAULT_MAINS_LOST] = "mains-lost",
    [FAULT_UV_LED_FAN_STALLED] = "uv-led-fan-stalled",
    [FAULT_BLOWER_FAN_STALLED] = "blower-fan-stalled",
    [FAULT_REAR_FAN_STALLED] = "rear-fan-stalled",
    [FAULT_TILT_STUCK] = "tilt-stuck",
    [FAULT_RESIN_SENSOR_DEAD] = "resin-sensor-dead",
};

const char *machine_fault_name(enum machine_fault fault)
{
    return fault_names[fault];
}

bool machine_fault_parse(const char *name, enum machine_fault *fault)
{
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (strcmp(name, fault_names[i]) == 0) {
            *fault = (enum machine_fault)i;
            return true;
        }
    }
    return false;
}

bool machine_fault(const struct machine *machine, enum machine_fault fault)
{
    return (machine->faults & 1U << fault) != 0;
}

/* A heater has one fault at a time: the thermistor's before that of what it measures. */
static enum heater_fault heater_fault_of(const struct machine *machine, enum machine_fault open,
                                         enum machine_fault shorted, enum machine_fault dead)
{
    return machine_fault(machine, open)      ? HEATER_FAULT_SENSOR_OPEN
           : machine_fault(machine, shorted) ? HEATER_FAULT_SENSOR_SHORT
           : machine_fault(machine, dead)    ? HEATER_FAULT_DEAD
                                             : HEATER_FAULT_NONE;
}

void machine_apply_faults(struct machine *machine)
{
    int64_t now_us = machine_now(machine);
    heater_set_fault(&machine->nozzle, now_us,
                     heater_fault_of(machine, FAULT_NOZZLE_THERMISTOR_OPEN,
                                     FAULT_NOZZLE_THERMISTOR_SHORT, FAULT_NOZZLE_HEATER_DEAD));
    heater_set_fault(&machine->bed, now_us,
                     heater_fault_of(machine, FAULT_BED_THERMISTOR_OPEN, FAULT_BED_THERMISTOR_SHORT,
                                     FAULT_BED_HEATER_DEAD));
    fan_set_stalled(&machine->hotend_fan, now_us, machine_fault(machine, FAULT_HOTEND_FAN_STALLED));
    fan_set_stalled(&machine->print_fan, now_us, machine_fault(machine, FAULT_PRINT_FAN_STALLED));
}

void machine_set_fault(struct machine *machine, enum machine_fault fault, bool on)
{
    machine_settle(machine);
    if (machine_fault(machine, fault) == on) {
        return;
    }
    machine->faults ^= 1U << fault;
    if (machine->resin != NULL) {
        resin_fault_changed(machine);
    } else {
        machine_apply_faults(machine);
        if (fault == FAULT_SERIAL_LOST && !print_has_screen(machine)) {
            change_cable(machine, on);
        } else if (fault == FAULT_MAINS_LOST && print_has_screen(machine)) {
            recovery_mains(machine, on);
        }
    }
    machine_settle(machine);
}

/* --- protections --- */

/* As the host words it from the firmware's line (LINK: state_manager.py, parse_error_reason). */
static void halt_reason(enum heater_alarm alarm, bool nozzle, char *out, size_t size)
{
    switch (alarm) {
    case HEATER_MIN_TEMP:
    case HEATER_MAX_TEMP:
        snprintf(out, size, "%s triggered by the %s thermistor. Manual restart required!",
                 alarm == HEATER_MIN_TEMP ? "Mintemp" : "Maxtemp", nozzle ? "hotend" : "heatbed");
        break;
    default:
        snprintf(out, size, "%s%s thermal runaway. Manual restart required!",
                 nozzle ? "Hotend" : "Heatbed", alarm == HEATER_PREHEAT ? " preheat" : "");
    }
}

static enum machine_halt halt_of(enum heater_alarm alarm, bool nozzle)
{
    enum machine_halt of_bed = alarm == HEATER_PREHEAT    ? HALT_BED_PREHEAT
                               : alarm == HEATER_MAX_TEMP ? HALT_BED_MAXTEMP
                               : alarm == HEATER_MIN_TEMP ? HALT_BED_MINTEMP
                                                          : HALT_BED_RUNAWAY;
    return nozzle ? of_bed + 1 : of_bed;
}

static void halt(struct machine *machine, enum heater_alarm alarm, bool nozzle)
{
    char reason[96];
    halt_reason(alarm, nozzle, reason, sizeof reason);
    machine->halted = true;
    machine->halt = (uint8_t)halt_of(alarm, nozzle);
    prompt_clear(machine);
    machine->fan_error = 0;
    lose_print(machine, TRIGGER_HALTED, reason);
    motion_cancel(machine);
    machine_set_nozzle(machine, 0);
    machine_set_bed(machine, 0);
    tools_cool(machine);
    machine_set_print_fan(machine, 255); /* fans full on (mk3-serial.md 8.2) */
}

static void hold_for_anomaly(struct machine *machine)
{
    char reason[128];
    bool printing = machine->layers.printing == STATE_PRINTING;
    snprintf(reason, sizeof reason,
             "The nozzle temperature has deviated too far from the expected one. %s",
             printing ? "Print paused." : "Resolve the error and reset the printer.");
    machine_trigger(machine, TRIGGER_USER_WANTED, SOURCE_MARLIN, reason);
    print_hold_for_anomaly(machine);
}

static bool heater_protection(struct machine *machine, struct heater *heater, bool nozzle)
{
    enum heater_alarm alarm = heater_alarm(heater);
    if (alarm == HEATER_FINE || machine->halted || machine->power != POWER_ON) {
        return false;
    }
    if (alarm != HEATER_ANOMALY) {
        halt(machine, alarm, nozzle);
        return true;
    }
    if (machine->layers.override != STATE_NONE) {
        return false; /* known */
    }
    hold_for_anomaly(machine);
    return true;
}

/* Whatever the tool, it is the hot end that halts a printer. */
static bool nozzle_protection(struct machine *machine)
{
    bool protects = heater_protection(machine, &machine->nozzle, true);
    for (int tool = 1; !protects && machine->tools != NULL && tool <= MACHINE_TOOLS_MAX; tool++) {
        struct machine_head *head = tools_docked(machine, tool);
        protects = head != NULL && heater_protection(machine, &head->nozzle, true);
    }
    return protects;
}

static const char *const fan_names[] = {"Hotend", "Print"};

static bool fan_protection(struct machine *machine)
{
    const struct fan *fans[] = {&machine->hotend_fan, &machine->print_fan};
    char reason[48];
    if (machine->fan_error == 0) {
        unsigned bad = fan_failed(fans[0]) ? 0 : fan_failed(fans[1]) ? 1 : 2;
        if (bad == 2 || !machine_answers(machine) || machine->layers.override != STATE_NONE ||
            (machine->print != NULL && machine->print->phase != PRINT_RUNNING &&
             machine->print->phase != PRINT_DRAINING)) {
            return false;
        }
        machine->fan_error = (uint8_t)(1 + bad);
        snprintf(reason, sizeof reason, "%s fan error", fan_names[bad]);
        machine_trigger(machine, TRIGGER_FAN_FAILED, SOURCE_COUNT, reason);
        prompt_warn(machine, bad == 0 ? PROMPT_HOTEND_FAN : PROMPT_PRINT_FAN);
        if (machine->print != NULL) {
            print_pause_for_fan(machine);
        } else {
            machine_set_nozzle(machine, 0);
        }
        return true;
    }
    /* Over when a report shows it turning, power or no power on paper (mk3-serial.md 8.6). */
    const struct fan *fan = fans[machine->fan_error - 1];
    if (fan_rpm(fan) > fan_power(fan) && fan_power(fan) > 0) {
        snprintf(reason, sizeof reason, "%s fan error resolved", fan_names[machine->fan_error - 1]);
        machine->fan_error = 0;
        if (!print_has_screen(machine)) { /* there it is shown until somebody has seen it */
            machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, reason);
        }
        return true;
    }
    return false;
}

static bool safety_timer(struct machine *machine)
{
    bool used = machine->print != NULL || machine->host != NULL || machine->power == POWER_OFF ||
                (heater_target(&machine->nozzle) <= 0 && heater_target(&machine->bed) <= 0 &&
                 !tools_heat(machine));
    if (used) {
        machine->safety_us = INT64_MAX;
    } else if (machine->safety_us == INT64_MAX) {
        machine->safety_us = machine_now(machine) + SAFETY_US;
    } else if (machine->safety_us <= machine_now(machine)) {
        machine_set_nozzle(machine, 0);
        machine_set_bed(machine, 0);
        tools_cool(machine);
        prompt_warn(machine, PROMPT_HEATERS_TIMEOUT);
        return true;
    }
    return false;
}

bool protection_step(struct machine *machine)
{
    if (machine_fault(machine, FAULT_FILAMENT_RUNOUT) && machine_answers(machine) &&
        !machine->sensor_off) {
        print_change_filament(machine);
    }
    if (machine_fault(machine, FAULT_AXIS_BLOCKED) && machine_answers(machine)) {
        recovery_crash(machine);
    }
    return nozzle_protection(machine) || heater_protection(machine, &machine->bed, false) ||
           fan_protection(machine) || safety_timer(machine);
}

/* Somebody at the screen takes what leads on. */
static bool confirm_prompt(struct machine *machine)
{
    static const enum machine_answer leads_on[PROMPT_COUNT] = {
        [PROMPT_QUICK_PAUSE] = ANSWER_RESUME,       [PROMPT_CHANGE_INSERT] = ANSWER_CONTINUE,
        [PROMPT_CHANGE_COLOR] = ANSWER_YES,         [PROMPT_NO_FILAMENT] = ANSWER_YES,
        [PROMPT_HOTEND_FAN] = ANSWER_CONTINUE,      [PROMPT_PRINT_FAN] = ANSWER_CONTINUE,
        [PROMPT_MEDIUM_GONE] = ANSWER_CONTINUE,     [PROMPT_CRASH_REPEATED] = ANSWER_RESUME,
        [PROMPT_HOME_FAILED] = ANSWER_RETRY,        [PROMPT_COLD_BED] = ANSWER_CONTINUE,
        [PROMPT_HEATERS_TIMEOUT] = ANSWER_CONTINUE, [PROMPT_NOT_DOWNLOADED] = ANSWER_CONTINUE,
        [PROMPT_FILE_ERROR] = ANSWER_STOP,          [PROMPT_FILE_CORRUPT] = ANSWER_CONTINUE,
        [PROMPT_FILE_CROPPED] = ANSWER_CONTINUE,
    };
    return print_has_screen(machine) && machine_answer(machine, leads_on[machine_prompt(machine)]);
}

void machine_user_confirms(struct machine *machine)
{
    if (machine->resin != NULL) {
        resin_user_confirms(machine);
        return;
    }
    machine_settle(machine);
    if (confirm_prompt(machine)) {
        return;
    }
    bool dead = machine_fault(machine, FAULT_NOZZLE_HEATER_DEAD) ||
                machine_fault(machine, FAULT_BED_HEATER_DEAD);
    if (heater_alarm(&machine->nozzle) == HEATER_ANOMALY && !dead) {
        heater_recover(&machine->nozzle, machine_now(machine));
        machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
        print_recover(machine);
    } else if (print_confirm(machine)) {
        /* Whoever changes the filament has put new one in. */
        machine->faults &= ~(1U << FAULT_FILAMENT_RUNOUT);
    } else {
        host_confirm(machine);
    }
    machine_settle(machine);
}
