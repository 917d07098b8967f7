#include "sim/machine/state.h"

#include <stddef.h>
#include <string.h>

static const char *const state_names[STATE_COUNT] = {
    [STATE_IDLE] = "IDLE",         [STATE_BUSY] = "BUSY",       [STATE_PRINTING] = "PRINTING",
    [STATE_PAUSED] = "PAUSED",     [STATE_FINISHED] = "FINISHED", [STATE_STOPPED] = "STOPPED",
    [STATE_ERROR] = "ERROR",       [STATE_ATTENTION] = "ATTENTION", [STATE_READY] = "READY",
};

static const char *const source_names[SOURCE_COUNT] = {
    [SOURCE_CONNECT] = "CONNECT", [SOURCE_GUI] = "GUI",         [SOURCE_WUI] = "WUI",
    [SOURCE_SERIAL] = "SERIAL",   [SOURCE_GCODE] = "GCODE",     [SOURCE_MARLIN] = "MARLIN",
    [SOURCE_FIRMWARE] = "FIRMWARE", [SOURCE_HW] = "HW",         [SOURCE_USER] = "USER",
    [SOURCE_SLOT] = "SLOT",
};

const char *printer_state_name(enum printer_state state)
{
    return state_names[state];
}

const char *state_source_name(enum state_source source)
{
    return source_names[source];
}

bool printer_state_parse(const char *name, enum printer_state *state)
{
    for (int i = 0; i < STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *state = (enum printer_state)i;
            return true;
        }
    }
    return false;
}
