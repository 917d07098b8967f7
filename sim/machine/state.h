#ifndef HOTBED_MACHINE_STATE_H
#define HOTBED_MACHINE_STATE_H

#include <stdbool.h>

/* What a printer says it is doing. Three layers; the first that is set is reported (connect-sdk.md 7.3, 7.4;
 * LINK: prusa/link/printer_adapter/state_manager.py). All transitions are one table in state.c. */

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
    enum printer_state override; /* ERROR, ATTENTION, NONE */
    enum printer_state printing; /* PRINTING, PAUSED, FINISHED, STOPPED, NONE */
    enum printer_state base;     /* BUSY, IDLE, READY */
};

enum state_trigger {
    TRIGGER_CONFIRMED,       /* an instruction was confirmed, no print, or its end is long enough ago */
    TRIGGER_BUSY,
    TRIGGER_SET_READY,
    TRIGGER_CANCEL_READY,
    TRIGGER_PRINT_BEGAN,
    TRIGGER_PRINT_FOUND,     /* by polling */
    TRIGGER_PAUSED,
    TRIGGER_RESUMED,
    TRIGGER_PRINT_COMPLETED,
    TRIGGER_PRINT_CANCELLED,
    TRIGGER_PRINT_GONE,      /* found not printing */
    TRIGGER_HOLD_OVER,       /* 11 s since the end of the print */
    TRIGGER_ATTENTION,
    TRIGGER_ATTENTION_OVER,
    TRIGGER_ERROR,
    TRIGGER_ERROR_OVER,
    TRIGGER_REBOOT,
    TRIGGER_COUNT,
};

enum printer_state printer_layers_reported(const struct printer_layers *layers);

/* Apply a trigger by the table. False: it changes nothing in this state. `source` gets the default source of the
 * transition (it stays what it was when the table leaves it to the caller). */
bool printer_layers_trigger(struct printer_layers *layers, enum state_trigger trigger, enum state_source *source);

#endif
