#include "sim/protocol/connect/prusalink_telemetry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILTER_IDLE = 1,     /* held back outside prints */
    FILTER_PRINTING = 2, /* held back in PRINTING */
    FILTER_MMU_OFF = 4,
    JITTER = 8, /* only changes of more than 0.5 count */
    WAKES_IDLE = 16,
    WAKES_PRINTING = 32,
    FILTERS = FILTER_IDLE | FILTER_PRINTING | FILTER_MMU_OFF,
};

#define SLEEP_AFTER   SECONDS(180)
#define REFRESH_AFTER SECONDS(300)
#define PACE_SLEEPING SECONDS(4)
#define PACE_PRINTING SECONDS(1)
#define PACE_IDLE     MILLISECONDS(250)
#define JITTER_TENTHS 5

/* Units, filters and wake-up triggers (connect-sdk.md 4.3, 4.4). `scale` 0: a whole number, 1: a
 * boolean. */
static const struct key_rule {
    const char *name;
    int scale;
    unsigned modifiers;
} rules[TELEMETRY_KEYS] = {
    [TELEMETRY_TEMP_NOZZLE] = {"temp_nozzle", 10, JITTER},
    [TELEMETRY_TEMP_BED] = {"temp_bed", 10, JITTER},
    [TELEMETRY_TARGET_NOZZLE] = {"target_nozzle", 10, WAKES_IDLE},
    [TELEMETRY_TARGET_BED] = {"target_bed", 10, WAKES_IDLE},
    [TELEMETRY_AXIS_X] = {"axis_x", 100, WAKES_IDLE | FILTER_PRINTING},
    [TELEMETRY_AXIS_Y] = {"axis_y", 100, WAKES_IDLE | FILTER_PRINTING},
    [TELEMETRY_AXIS_Z] = {"axis_z", 100, WAKES_IDLE},
    [TELEMETRY_FAN_EXTRUDER] = {"fan_extruder", 0, 0},
    [TELEMETRY_FAN_HOTEND] = {"fan_hotend", 0, 0},
    [TELEMETRY_FAN_PRINT] = {"fan_print", 0, 0},
    [TELEMETRY_TARGET_FAN_EXTRUDER] = {"target_fan_extruder", 0, 0},
    [TELEMETRY_TARGET_FAN_HOTEND] = {"target_fan_hotend", 0, 0},
    [TELEMETRY_TARGET_FAN_PRINT] = {"target_fan_print", 0, WAKES_IDLE},
    [TELEMETRY_PROGRESS] = {"progress", 0, FILTER_IDLE},
    [TELEMETRY_FLOW] = {"flow", 0, 0},
    [TELEMETRY_SPEED] = {"speed", 0, WAKES_IDLE | WAKES_PRINTING},
    [TELEMETRY_TIME_PRINTING] = {"time_printing", 0, FILTER_IDLE},
    [TELEMETRY_TIME_REMAINING] = {"time_remaining", 0, FILTER_IDLE},
    [TELEMETRY_TOTAL_FILAMENT] = {"total_filament", 0, 0},
    [TELEMETRY_TOTAL_PRINT_TIME] = {"total_print_time", 0, 0},
    [TELEMETRY_FILAMENT_CHANGE_IN] = {"filament_change_in", 0, 0},
    [TELEMETRY_INACCURATE_ESTIMATES] = {"inaccurate_estimates", 1, FILTER_IDLE},
    [TELEMETRY_SLOT_ACTIVE] = {"active", 0, FILTER_MMU_OFF},
    [TELEMETRY_SLOT_STATE] = {"state", 0, FILTER_MMU_OFF},
    [TELEMETRY_SLOT_COMMAND] = {"command", 0, FILTER_MMU_OFF},
};

bool telemetry_state_prints(enum printer_state state)
{
    return state == STATE_PRINTING || state == STATE_PAUSED || state == STATE_FINISHED ||
           state == STATE_STOPPED;
}

void prusalink_telemetry_init(struct prusalink_telemetry *telemetry, int64_t now_us)
{
    memset(telemetry, 0, sizeof *telemetry);
    telemetry->state = STATE_BUSY;
    telemetry->filters = FILTER_IDLE | FILTER_MMU_OFF;
    telemetry->active_us = now_us;
    telemetry->refreshed_us = now_us - REFRESH_AFTER - 1;
}

static int32_t scaled(double value, int scale)
{
    double result = nearbyint(value * scale);
    if (result > INT32_MAX) {
        return INT32_MAX;
    }
    return result < INT32_MIN ? INT32_MIN : (int32_t)result;
}

static int32_t clipped(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value;
}

static void wait_for_message(struct prusalink_telemetry *telemetry, enum telemetry_key key)
{
    for (size_t i = 0; i < telemetry->waiting_count; i++) {
        if (telemetry->order[i] == key) {
            return;
        }
    }
    telemetry->order[telemetry->waiting_count++] = (uint8_t)key;
}

static bool is_news(const struct prusalink_telemetry *telemetry, enum telemetry_key key)
{
    if (!(telemetry->sent_known & 1U << key)) {
        return true;
    }
    int32_t old = telemetry->sent[key], new = telemetry->latest[key];
    if (rules[key].modifiers & JITTER) {
        return llabs((long long)old - new) > JITTER_TENTHS;
    }
    return old != new;
}

/* Returns whether the change is one that ends sleep in this state. */
static bool look_at(struct prusalink_telemetry *telemetry, enum telemetry_key key)
{
    uint32_t bit = 1U << key;
    if (rules[key].modifiers & telemetry->filters & FILTERS) {
        telemetry->visible &= ~bit;
        return false;
    }
    telemetry->visible |= bit;
    if (!is_news(telemetry, key)) {
        return false;
    }
    wait_for_message(telemetry, key);
    unsigned wakes =
        telemetry_state_prints((enum printer_state)telemetry->state) ? WAKES_PRINTING : WAKES_IDLE;
    return rules[key].modifiers & wakes;
}

static bool take_value(struct prusalink_telemetry *telemetry, enum telemetry_key key, int32_t value)
{
    telemetry->latest[key] = value;
    telemetry->known |= 1U << key;
    return look_at(telemetry, key);
}

static bool take_number(struct prusalink_telemetry *telemetry, enum telemetry_key key, double value)
{
    return isfinite(value) && take_value(telemetry, key, scaled(value, rules[key].scale));
}

static bool take_known(struct prusalink_telemetry *telemetry, enum telemetry_key key, int64_t value)
{
    return value >= 0 && take_value(telemetry, key, clipped(value));
}

bool prusalink_telemetry_active(struct prusalink_telemetry *telemetry, int64_t now_us)
{
    telemetry->active_us = now_us;
    return telemetry->sleeping;
}

/* The complete message is queued when new values come in, not by a timer of its own, as in the
 * original. */
static bool took(struct prusalink_telemetry *telemetry, bool wakes, int64_t now_us)
{
    if (now_us - telemetry->refreshed_us > REFRESH_AFTER) {
        telemetry->refreshed_us = now_us;
        prusalink_telemetry_resend(telemetry);
    }
    return wakes && prusalink_telemetry_active(telemetry, now_us);
}

static bool take_report(struct prusalink_telemetry *telemetry,
                        const struct machine_readings *readings)
{
    bool wakes = false;
    wakes |= take_number(telemetry, TELEMETRY_TEMP_NOZZLE, readings->nozzle_c);
    wakes |= take_number(telemetry, TELEMETRY_TEMP_BED, readings->bed_c);
    wakes |= take_number(telemetry, TELEMETRY_TARGET_NOZZLE, readings->nozzle_target_c);
    wakes |= take_number(telemetry, TELEMETRY_TARGET_BED, readings->bed_target_c);
    wakes |= take_number(telemetry, TELEMETRY_AXIS_X, readings->x_mm);
    wakes |= take_number(telemetry, TELEMETRY_AXIS_Y, readings->y_mm);
    wakes |= take_number(telemetry, TELEMETRY_AXIS_Z, readings->z_mm);
    wakes |= take_value(telemetry, TELEMETRY_FAN_EXTRUDER, readings->hotend_fan_rpm);
    wakes |= take_value(telemetry, TELEMETRY_FAN_HOTEND, readings->hotend_fan_rpm);
    wakes |= take_value(telemetry, TELEMETRY_FAN_PRINT, readings->print_fan_rpm);
    wakes |= take_value(telemetry, TELEMETRY_TARGET_FAN_EXTRUDER, readings->hotend_fan_power);
    wakes |= take_value(telemetry, TELEMETRY_TARGET_FAN_HOTEND, readings->hotend_fan_power);
    wakes |= take_value(telemetry, TELEMETRY_TARGET_FAN_PRINT, readings->print_fan_power);
    return wakes;
}

static bool take_print_info(struct prusalink_telemetry *telemetry,
                            const struct machine_readings *readings)
{
    if (!readings->job) {
        return false;
    }
    take_known(telemetry, TELEMETRY_PROGRESS, readings->progress_percent);
    take_known(telemetry, TELEMETRY_TIME_PRINTING, readings->time_printing_s);
    take_known(telemetry, TELEMETRY_TIME_REMAINING, readings->time_remaining_s);
    take_known(telemetry, TELEMETRY_FILAMENT_CHANGE_IN, readings->filament_change_in_s);
    take_value(telemetry, TELEMETRY_INACCURATE_ESTIMATES, readings->estimates_inaccurate);
    return false;
}

/* Commands of the MMU are a letter and at most two digits ("T1"): four bytes of text hold them. */
static int32_t packed_command(const char *text)
{
    int32_t packed = 0;
    memcpy(&packed, text, strnlen(text, sizeof packed));
    return packed;
}

static bool take_slot(struct prusalink_telemetry *telemetry,
                      const struct machine_readings *readings)
{
    if (readings->mmu) {
        take_value(telemetry, TELEMETRY_SLOT_ACTIVE, readings->slot_active);
        take_value(telemetry, TELEMETRY_SLOT_STATE, readings->slot_state);
        if (readings->slot_command[0] != '\0') {
            take_value(telemetry, TELEMETRY_SLOT_COMMAND, packed_command(readings->slot_command));
        }
    }
    return false;
}

bool prusalink_telemetry_set(struct prusalink_telemetry *telemetry, enum telemetry_source source,
                             const struct machine_readings *readings, int64_t now_us)
{
    bool wakes = false;
    switch (source) {
    case TELEMETRY_AUTO_REPORT:
        wakes = take_report(telemetry, readings);
        break;
    case TELEMETRY_HEATING:
        wakes |= take_number(telemetry, TELEMETRY_TEMP_NOZZLE, readings->nozzle_c);
        wakes |= take_number(telemetry, TELEMETRY_TEMP_BED, readings->bed_c);
        break;
    case TELEMETRY_MULTIPLIERS:
        wakes |= take_value(telemetry, TELEMETRY_FLOW, readings->flow_percent);
        wakes |= take_value(telemetry, TELEMETRY_SPEED, readings->speed_percent);
        break;
    case TELEMETRY_STATISTICS:
        wakes |= take_value(telemetry, TELEMETRY_TOTAL_FILAMENT,
                            readings->total_filament_mm > INT32_MAX
                                ? INT32_MAX
                                : (int32_t)readings->total_filament_mm);
        wakes |= take_value(telemetry, TELEMETRY_TOTAL_PRINT_TIME,
                            clipped(readings->total_print_time_s));
        break;
    case TELEMETRY_PRINT_INFO:
        wakes = take_print_info(telemetry, readings);
        break;
    case TELEMETRY_MMU:
        wakes = take_slot(telemetry, readings);
        break;
    }
    return took(telemetry, wakes, now_us);
}

bool prusalink_telemetry_set_key(struct prusalink_telemetry *telemetry, enum telemetry_key key,
                                 int32_t value, int64_t now_us)
{
    return took(telemetry, take_value(telemetry, key, value), now_us);
}

bool prusalink_telemetry_state(struct prusalink_telemetry *telemetry, enum printer_state state,
                               bool mmu, int64_t now_us)
{
    telemetry->state = (uint8_t)state;
    telemetry->filters = 0;
    if (!telemetry_state_prints(state)) {
        telemetry->filters |= FILTER_IDLE;
    }
    if (state == STATE_PRINTING) {
        telemetry->filters |= FILTER_PRINTING;
    }
    if (!mmu) {
        telemetry->filters |= FILTER_MMU_OFF;
    }
    bool wakes = false;
    for (int key = 0; key < TELEMETRY_KEYS; key++) {
        if (telemetry->known & 1U << key) {
            wakes |= look_at(telemetry, (enum telemetry_key)key);
        }
    }
    return took(telemetry, wakes, now_us);
}

void prusalink_telemetry_wipe(struct prusalink_telemetry *telemetry)
{
    telemetry->visible = 0;
    telemetry->sent_known = 0;
    telemetry->waiting_count = 0;
}

void prusalink_telemetry_resend(struct prusalink_telemetry *telemetry)
{
    telemetry->waiting_count = 0;
    for (int key = 0; key < TELEMETRY_KEYS; key++) {
        if (telemetry->visible & 1U << key) {
            telemetry->order[telemetry->waiting_count++] = (uint8_t)key;
        }
    }
}

int64_t prusalink_telemetry_interval_us(struct prusalink_telemetry *telemetry, int64_t now_us)
{
    bool prints = telemetry_state_prints((enum printer_state)telemetry->state);
    telemetry->sleeping =
        now_us - telemetry->active_us > SLEEP_AFTER && !(prints && telemetry->sleepless_prints);
    if (telemetry->sleeping) {
        return PACE_SLEEPING;
    }
    return prints ? PACE_PRINTING : PACE_IDLE;
}

static void add_field(struct telemetry_fields *fields, enum telemetry_key key, int32_t value)
{
    struct connect_field *field = &fields->fields[fields->count++];
    field->key = rules[key].name;
    switch (rules[key].scale) {
    case 0:
        field->kind = CONNECT_INT;
        field->integer = value;
        break;
    case 1:
        field->kind = CONNECT_BOOL;
        field->truth = value != 0;
        break;
    default:
        field->kind = CONNECT_FLOAT;
        field->number = (double)value / rules[key].scale;
        break;
    }
}

/* The members of `slot` go into one object, at the place of the first. */
static void add_slot(struct telemetry_fields *fields, enum telemetry_key key, int32_t value,
                     size_t *used)
{
    char command[sizeof value + 1] = {0};
    memcpy(command, &value, sizeof value);
    if (*used == 0) {
        fields->fields[fields->count++] =
            (struct connect_field){.key = "slot", .kind = CONNECT_JSON, .text = fields->slot};
        fields->slot[(*used)++] = '{';
    } else {
        fields->slot[*used - 1] = ',';
        fields->slot[(*used)++] = ' ';
    }
    char *at = fields->slot + *used;
    size_t room = sizeof fields->slot - *used;
    int size = key == TELEMETRY_SLOT_COMMAND
                   ? snprintf(at, room, "\"command\": \"%s\"}", command)
                   : snprintf(at, room, "\"%s\": %d}", rules[key].name, value);
    *used += (size_t)size;
}

void prusalink_telemetry_take(struct prusalink_telemetry *telemetry,
                              struct telemetry_fields *fields)
{
    size_t slot_used = 0;
    fields->count = 0;
    for (size_t i = 0; i < telemetry->waiting_count; i++) {
        enum telemetry_key key = (enum telemetry_key)telemetry->order[i];
        int32_t value = telemetry->latest[key];
        if (key >= TELEMETRY_SLOT_ACTIVE) {
            add_slot(fields, key, value, &slot_used);
        } else {
            add_field(fields, key, value);
        }
        telemetry->sent[key] = value;
        telemetry->sent_known |= 1U << key;
    }
    telemetry->waiting_count = 0;
}

bool prusalink_telemetry_value(const struct prusalink_telemetry *telemetry, enum telemetry_key key,
                               int32_t *value)
{
    *value = telemetry->latest[key];
    return telemetry->visible & 1U << key;
}

static void add_number(struct telemetry_fields *fields, enum telemetry_key key, double value)
{
    if (isfinite(value)) {
        add_field(fields, key, scaled(value, rules[key].scale));
    }
}

void telemetry_fields_full(struct telemetry_fields *fields, const struct machine_readings *readings,
                           enum printer_state state)
{
    fields->count = 0;
    add_number(fields, TELEMETRY_TEMP_NOZZLE, readings->nozzle_c);
    add_number(fields, TELEMETRY_TEMP_BED, readings->bed_c);
    add_number(fields, TELEMETRY_TARGET_NOZZLE, readings->nozzle_target_c);
    add_number(fields, TELEMETRY_TARGET_BED, readings->bed_target_c);
    add_number(fields, TELEMETRY_AXIS_X, readings->x_mm);
    add_number(fields, TELEMETRY_AXIS_Y, readings->y_mm);
    add_number(fields, TELEMETRY_AXIS_Z, readings->z_mm);
    add_field(fields, TELEMETRY_SPEED, readings->speed_percent);
    add_field(fields, TELEMETRY_FLOW, readings->flow_percent);
    add_field(fields, TELEMETRY_FAN_PRINT, readings->print_fan_rpm);
    add_field(fields, TELEMETRY_FAN_EXTRUDER, readings->hotend_fan_rpm);
    add_field(fields, TELEMETRY_FAN_HOTEND, readings->hotend_fan_rpm);
    if (!readings->job || !telemetry_state_prints(state)) {
        return;
    }
    if (readings->progress_percent >= 0) {
        add_field(fields, TELEMETRY_PROGRESS, readings->progress_percent);
    }
    if (readings->time_printing_s >= 0) {
        add_field(fields, TELEMETRY_TIME_PRINTING, clipped(readings->time_printing_s));
    }
    if (readings->time_remaining_s >= 0) {
        add_field(fields, TELEMETRY_TIME_REMAINING, clipped(readings->time_remaining_s));
    }
    add_field(fields, TELEMETRY_INACCURATE_ESTIMATES, readings->estimates_inaccurate);
}
