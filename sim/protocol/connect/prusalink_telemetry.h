#ifndef HOTBED_CONNECT_PRUSALINK_TELEMETRY_H
#define HOTBED_CONNECT_PRUSALINK_TELEMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine/machine.h"
#include "sim/machine/state.h"
#include "sim/protocol/connect/sdk.h"

/* What PrusaLink puts into its telemetry and how fast it sends it: connect-sdk.md 4.3, 4.4
 * (LINK: prusa/link/printer_adapter/telemetry_passer.py). A stream of differences: what changed
 * since it was last sent waits, in the order in which it changed, for the next message. Pure: time
 * and values come in, key and values out. */

/* In the order of PrusaLink's own record, which is that of a complete message
 * (LINK: prusa/link/printer_adapter/structures/model_classes.py). */
enum telemetry_key {
    TELEMETRY_TEMP_NOZZLE,
    TELEMETRY_TEMP_BED,
    TELEMETRY_TARGET_NOZZLE,
    TELEMETRY_TARGET_BED,
    TELEMETRY_AXIS_X,
    TELEMETRY_AXIS_Y,
    TELEMETRY_AXIS_Z,
    TELEMETRY_FAN_EXTRUDER,
    TELEMETRY_FAN_HOTEND,
    TELEMETRY_FAN_PRINT,
    TELEMETRY_TARGET_FAN_EXTRUDER,
    TELEMETRY_TARGET_FAN_HOTEND,
    TELEMETRY_TARGET_FAN_PRINT,
    TELEMETRY_PROGRESS,
    TELEMETRY_FLOW,
    TELEMETRY_SPEED,
    TELEMETRY_TIME_PRINTING,
    TELEMETRY_TIME_REMAINING,
    TELEMETRY_TOTAL_FILAMENT,
    TELEMETRY_TOTAL_PRINT_TIME,
    TELEMETRY_FILAMENT_CHANGE_IN,
    TELEMETRY_INACCURATE_ESTIMATES,
    TELEMETRY_SLOT_ACTIVE,
    TELEMETRY_SLOT_STATE,
    TELEMETRY_SLOT_COMMAND,
    TELEMETRY_KEYS,
};

/* Where a value comes from, hence when PrusaLink asks for it anew. */
enum telemetry_source {
    TELEMETRY_AUTO_REPORT, /* every 2 s from the firmware */
    TELEMETRY_HEATING, /* the two temperatures alone, every second while the firmware waits for one
                        */
    TELEMETRY_MULTIPLIERS, /* M220, M221 */
    TELEMETRY_STATISTICS,  /* EEPROM, after a print and at start */
    TELEMETRY_PRINT_INFO,  /* M73 and the print timer */
    TELEMETRY_MMU,
};

/* Values are kept as the firmware prints them, scaled to whole numbers: 21.5 C is 215. */
struct prusalink_telemetry {
    int32_t latest[TELEMETRY_KEYS]; /* as last seen, whatever the filters say */
    int32_t sent[TELEMETRY_KEYS];   /* as the server should know them */
    uint32_t known, visible,
        sent_known; /* bits by key: latest is set; it passed the filters; sent is set */
    uint8_t order[TELEMETRY_KEYS]; /* keys that wait for the next message, first to last */
    uint8_t waiting_count;
    uint8_t state;   /* enum printer_state that decides filters and pace */
    uint8_t filters; /* bits of prusalink_telemetry.c */
    bool sleeping;
    bool sleepless_prints; /* without defect Q-18: never asleep while printing */
    int64_t refreshed_us, active_us;
};

/* What a message may hold, and the room for what its fields point to. */
enum { TELEMETRY_FIELDS_MAX = TELEMETRY_KEYS };
struct telemetry_fields {
    struct connect_field fields[TELEMETRY_FIELDS_MAX];
    size_t count;
    char slot[96];
};

void prusalink_telemetry_init(struct prusalink_telemetry *telemetry, int64_t now_us);

/* Take the values of one source over. True: it was asleep and wakes up, the next message is due at
 * once. A complete resend is queued when the last is 300 s ago. */
bool prusalink_telemetry_set(struct prusalink_telemetry *telemetry, enum telemetry_source source,
                             const struct machine_readings *readings, int64_t now_us);
/* One whole number alone. */
bool prusalink_telemetry_set_key(struct prusalink_telemetry *telemetry, enum telemetry_key key,
                                 int32_t value, int64_t now_us);

/* The reported state is another one, or an MMU came or went: filters change, what they held back is
 * looked at anew. True: wakes up. */
bool prusalink_telemetry_state(struct prusalink_telemetry *telemetry, enum printer_state state,
                               bool mmu, int64_t now_us);
/* Something that counts as activity happened. True: it was asleep, the next message is due at once.
 */
bool prusalink_telemetry_active(struct prusalink_telemetry *telemetry, int64_t now_us);
/* The printer was lost or reset: what the server knows is void. */
void prusalink_telemetry_wipe(struct prusalink_telemetry *telemetry);
/* Everything known waits for the next message. */
void prusalink_telemetry_resend(struct prusalink_telemetry *telemetry);
/* A message is due now: how long to wait for the one behind it. Decides on sleep. */
int64_t prusalink_telemetry_interval_us(struct prusalink_telemetry *telemetry, int64_t now_us);
/* Take what waits; it counts as sent. */
void prusalink_telemetry_take(struct prusalink_telemetry *telemetry,
                              struct telemetry_fields *fields);
/* As PrusaLink last knew it (JOB_INFO, LOAD_FILAMENT); false: unknown, or filtered in this state.
 */
bool prusalink_telemetry_value(const struct prusalink_telemetry *telemetry, enum telemetry_key key,
                               int32_t *value);

/* A complete telemetry of these readings as a host without deltas sends it (captures/connect-sdk
 * 10, 20). */
void telemetry_fields_full(struct telemetry_fields *fields, const struct machine_readings *readings,
                           enum printer_state state);

bool telemetry_state_prints(enum printer_state state); /* PRINTING, PAUSED, FINISHED, STOPPED */

#endif
