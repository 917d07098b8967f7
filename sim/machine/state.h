#ifndef HOTBED_MACHINE_STATE_H
#define HOTBED_MACHINE_STATE_H

#include <stdbool.h>
#include <stddef.h>

/* What a printer says it is doing. Three layers; the first that is set is reported
 * (connect-sdk.md 7.3, 7.4; LINK: prusa/link/printer_adapter/state_manager.py). All transitions are
 * one table in state.c. */

enum printer_state {
    STATE_IDLE,
    STATE_BUSY,
    STATE_PRINTING,
    STATE_PAUSED,
    STATE_FINISHED,
    STATE_STOPPED,
    STATE_ERROR,
    STATE_ATTENTION,
    STATE_READY,
    STATE_COUNT,
    STATE_NONE = STATE_COUNT, /* of the upper layers */
};

enum state_source {
    SOURCE_CONNECT,
    SOURCE_GUI,
    SOURCE_WUI,
    SOURCE_SERIAL,
    SOURCE_GCODE,
    SOURCE_MARLIN,
    SOURCE_FIRMWARE,
    SOURCE_HW,
    SOURCE_USER,
    SOURCE_SLOT,
    SOURCE_COUNT,
};

const char *printer_state_name(enum printer_state state); /* "IDLE" */
bool printer_state_parse(const char *name, enum printer_state *state);
const char *state_source_name(enum state_source source); /* "CONNECT" */

struct printer_layers {
    enum printer_state override; /* ERROR, ATTENTION, BUSY, NONE */
    enum printer_state printing; /* PRINTING, PAUSED, FINISHED, STOPPED, NONE */
    enum printer_state base;     /* BUSY, IDLE, READY */
};

enum state_trigger {
    TRIGGER_CONFIRMED, /* an instruction was confirmed and the print status is known */
    TRIGGER_BUSY,      /* the firmware says busy */
    TRIGGER_SET_READY,
    TRIGGER_CANCEL_READY,
    TRIGGER_PRINT_BEGAN,
    TRIGGER_PRINT_FOUND, /* printing, by polling */
    TRIGGER_PAUSED,
    TRIGGER_PAUSE_FOUND,
    TRIGGER_RESUMED,
    TRIGGER_PRINT_COMPLETED,
    TRIGGER_PRINT_CANCELLED,
    TRIGGER_PRINT_GONE,   /* the firmware says that it isn't printing */
    TRIGGER_PRINT_MISSED, /* the same, by polling */
    TRIGGER_HOLD_OVER,    /* confirmed, and more than 11 s since the end of the print */
    TRIGGER_USER_WANTED,  /* the firmware waits for a user */
    TRIGGER_FAN_FAILED,
    TRIGGER_MMU_FAILED,
    TRIGGER_ATTENTION_OVER,  /* by a user, or the fan runs again */
    TRIGGER_ATTENTION_STALE, /* not reported for 5 s */
    TRIGGER_HALTED,          /* of the firmware, with or without its reason */
    TRIGGER_SERIAL_LOST,
    TRIGGER_HARDWARE_TROUBLE,
    TRIGGER_TROUBLE_OVER,
    TRIGGER_SERIAL_BACK,
    TRIGGER_REBOOT,
    /* Of printers with a screen of their own, which are BUSY over a print (connect-buddy.md 8.2).
     */
    TRIGGER_RECOVERING,
    TRIGGER_RECOVERED,
    TRIGGER_COUNT,
};

enum state_layer { LAYER_OVERRIDE, LAYER_PRINTING, LAYER_BASE };

/* One row of connect-sdk.md 7.4. `from` has a bit for each state of the layer, STATE_NONE's too. */
#define STATE_BIT(state) (1U << (state))

struct state_rule {
    enum state_trigger trigger;
    enum state_layer layer;
    unsigned from;
    enum printer_state to;
    enum state_source source;
    enum printer_state
        unless_override; /* does nothing while this lies over it; NONE: whatever does */
};

size_t state_rule_count(void);
const struct state_rule *state_rule(size_t index);
/* "print completed: printing PRINTING -> FINISHED, MARLIN", at most `size` bytes with NUL. */
void state_rule_text(const struct state_rule *rule, char *out, size_t size);

enum printer_state printer_layers_reported(const struct printer_layers *layers);

/* Apply every rule of a trigger that fits. False: none did. `source` gets the default source of the
 * rule on the topmost layer that changed. */
bool printer_layers_trigger(struct printer_layers *layers, enum state_trigger trigger,
                            enum state_source *source);

#endif
