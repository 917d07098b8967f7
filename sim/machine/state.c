#include "sim/machine/state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[STATE_COUNT] = {
    [STATE_IDLE] = "IDLE",     [STATE_BUSY] = "BUSY",           [STATE_PRINTING] = "PRINTING",
    [STATE_PAUSED] = "PAUSED", [STATE_FINISHED] = "FINISHED",   [STATE_STOPPED] = "STOPPED",
    [STATE_ERROR] = "ERROR",   [STATE_ATTENTION] = "ATTENTION", [STATE_READY] = "READY",
};

static const char *const source_names[SOURCE_COUNT] = {
    [SOURCE_CONNECT] = "CONNECT",   [SOURCE_GUI] = "GUI",     [SOURCE_WUI] = "WUI",
    [SOURCE_SERIAL] = "SERIAL",     [SOURCE_GCODE] = "GCODE", [SOURCE_MARLIN] = "MARLIN",
    [SOURCE_FIRMWARE] = "FIRMWARE", [SOURCE_HW] = "HW",       [SOURCE_USER] = "USER",
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

/* --- layers --- */

#define BIT STATE_BIT

/* All that can happen to the layers (connect-sdk.md 7.4, in its order). Rules of one trigger stand
 * from the topmost layer down. What the document leaves to who observed it has a trigger of its own
 * for each observer. */
static const struct state_rule rules[] = {
    {TRIGGER_CONFIRMED, LAYER_BASE, BIT(STATE_BUSY), STATE_IDLE, SOURCE_HW, STATE_NONE},
    {TRIGGER_BUSY, LAYER_BASE, BIT(STATE_IDLE) | BIT(STATE_READY), STATE_BUSY, SOURCE_MARLIN,
     STATE_NONE},
    {TRIGGER_SET_READY, LAYER_BASE, BIT(STATE_IDLE), STATE_READY, SOURCE_USER, STATE_NONE},
    {TRIGGER_CANCEL_READY, LAYER_BASE, BIT(STATE_READY), STATE_IDLE, SOURCE_USER, STATE_NONE},
    {TRIGGER_PRINT_BEGAN, LAYER_PRINTING, BIT(STATE_NONE) | BIT(STATE_PAUSED), STATE_PRINTING,
     SOURCE_USER, STATE_NONE},
    {TRIGGER_PRINT_FOUND, LAYER_PRINTING, BIT(STATE_NONE) | BIT(STATE_PAUSED), STATE_PRINTING,
     SOURCE_FIRMWARE, STATE_NONE},
    {TRIGGER_PAUSED, LAYER_PRINTING, BIT(STATE_PRINTING) | BIT(STATE_NONE), STATE_PAUSED,
     SOURCE_USER, STATE_NONE},
    {TRIGGER_PAUSE_FOUND, LAYER_PRINTING, BIT(STATE_PRINTING) | BIT(STATE_NONE), STATE_PAUSED,
     SOURCE_FIRMWARE, STATE_NONE},
    {TRIGGER_RESUMED, LAYER_PRINTING, BIT(STATE_PAUSED), STATE_PRINTING, SOURCE_USER, STATE_NONE},
    {TRIGGER_PRINT_COMPLETED, LAYER_PRINTING, BIT(STATE_PRINTING), STATE_FINISHED, SOURCE_MARLIN,
     STATE_NONE},
    {TRIGGER_PRINT_CANCELLED, LAYER_PRINTING, BIT(STATE_PRINTING), STATE_STOPPED, SOURCE_USER,
     STATE_NONE},
    {TRIGGER_PRINT_CANCELLED, LAYER_PRINTING, BIT(STATE_PAUSED), STATE_STOPPED, SOURCE_WUI,
     STATE_NONE},
    {TRIGGER_PRINT_GONE, LAYER_PRINTING, BIT(STATE_PRINTING) | BIT(STATE_PAUSED), STATE_NONE,
     SOURCE_MARLIN, STATE_NONE},
    {TRIGGER_PRINT_MISSED, LAYER_PRINTING, BIT(STATE_PRINTING) | BIT(STATE_PAUSED), STATE_NONE,
     SOURCE_FIRMWARE, STATE_NONE},
    {TRIGGER_HOLD_OVER, LAYER_PRINTING, BIT(STATE_FINISHED) | BIT(STATE_STOPPED), STATE_NONE,
     SOURCE_MARLIN, STATE_ATTENTION},
    {TRIGGER_HOLD_OVER, LAYER_BASE, BIT(STATE_READY), STATE_IDLE, SOURCE_MARLIN, STATE_ATTENTION},
    {TRIGGER_USER_WANTED, LAYER_OVERRIDE, BIT(STATE_NONE), STATE_ATTENTION, SOURCE_USER,
     STATE_NONE},
    {TRIGGER_FAN_FAILED, LAYER_OVERRIDE, BIT(STATE_NONE), STATE_ATTENTION, SOURCE_FIRMWARE,
     STATE_NONE},
    {TRIGGER_MMU_FAILED, LAYER_OVERRIDE, BIT(STATE_NONE), STATE_ATTENTION, SOURCE_SLOT, STATE_NONE},
    {TRIGGER_ATTENTION_OVER, LAYER_OVERRIDE, BIT(STATE_ATTENTION), STATE_NONE, SOURCE_USER,
     STATE_NONE},
    {TRIGGER_ATTENTION_STALE, LAYER_OVERRIDE, BIT(STATE_ATTENTION), STATE_NONE, SOURCE_MARLIN,
     STATE_NONE},
    {TRIGGER_HALTED, LAYER_OVERRIDE, BIT(STATE_NONE) | BIT(STATE_ATTENTION), STATE_ERROR,
     SOURCE_MARLIN, STATE_NONE},
    {TRIGGER_SERIAL_LOST, LAYER_OVERRIDE, BIT(STATE_NONE) | BIT(STATE_ATTENTION), STATE_ERROR,
     SOURCE_SERIAL, STATE_NONE},
    {TRIGGER_HARDWARE_TROUBLE, LAYER_OVERRIDE, BIT(STATE_NONE) | BIT(STATE_ATTENTION), STATE_ERROR,
     SOURCE_WUI, STATE_NONE},
    {TRIGGER_TROUBLE_OVER, LAYER_OVERRIDE, BIT(STATE_ERROR), STATE_NONE, SOURCE_USER, STATE_NONE},
    {TRIGGER_SERIAL_BACK, LAYER_OVERRIDE, BIT(STATE_ERROR), STATE_NONE, SOURCE_SERIAL, STATE_NONE},
    {TRIGGER_REBOOT, LAYER_OVERRIDE, BIT(STATE_ERROR) | BIT(STATE_ATTENTION), STATE_NONE,
     SOURCE_USER, STATE_NONE},
    {TRIGGER_REBOOT, LAYER_PRINTING, BIT(STATE_PRINTING), STATE_STOPPED, SOURCE_USER, STATE_NONE},
    {TRIGGER_REBOOT, LAYER_PRINTING, BIT(STATE_PAUSED), STATE_STOPPED, SOURCE_WUI, STATE_NONE},
    {TRIGGER_REBOOT, LAYER_BASE, BIT(STATE_IDLE) | BIT(STATE_READY), STATE_BUSY, SOURCE_MARLIN,
     STATE_NONE},
    /* connect-buddy.md 8.2 */
    {TRIGGER_RECOVERING, LAYER_OVERRIDE, BIT(STATE_NONE), STATE_BUSY, SOURCE_FIRMWARE, STATE_NONE},
    {TRIGGER_RECOVERED, LAYER_OVERRIDE, BIT(STATE_BUSY), STATE_NONE, SOURCE_FIRMWARE, STATE_NONE},
};

static const char *const trigger_names[TRIGGER_COUNT] = {
    [TRIGGER_CONFIRMED] = "instruction confirmed",
    [TRIGGER_BUSY] = "firmware says busy",
    [TRIGGER_SET_READY] = "set ready",
    [TRIGGER_CANCEL_READY] = "cancel ready",
    [TRIGGER_PRINT_BEGAN] = "print begins",
    [TRIGGER_PRINT_FOUND] = "print found by polling",
    [TRIGGER_PAUSED] = "pause seen",
    [TRIGGER_PAUSE_FOUND] = "pause found by polling",
    [TRIGGER_RESUMED] = "resume seen",
    [TRIGGER_PRINT_COMPLETED] = "print completed",
    [TRIGGER_PRINT_CANCELLED] = "print cancelled",
    [TRIGGER_PRINT_GONE] = "not printing",
    [TRIGGER_PRINT_MISSED] = "not printing by polling",
    [TRIGGER_HOLD_OVER] = "11 s since the end of the print",
    [TRIGGER_USER_WANTED] = "firmware waits for user",
    [TRIGGER_FAN_FAILED] = "fan error",
    [TRIGGER_MMU_FAILED] = "MMU error",
    [TRIGGER_ATTENTION_OVER] = "attention over",
    [TRIGGER_ATTENTION_STALE] = "attention not reported for 5 s",
    [TRIGGER_HALTED] = "firmware halted",
    [TRIGGER_SERIAL_LOST] = "serial lost",
    [TRIGGER_HARDWARE_TROUBLE] = "identification trouble",
    [TRIGGER_TROUBLE_OVER] = "trouble gone",
    [TRIGGER_SERIAL_BACK] = "serial back",
    [TRIGGER_REBOOT] = "printer reboot",
    [TRIGGER_RECOVERING] = "finds back into the print",
    [TRIGGER_RECOVERED] = "has found back",
};

size_t state_rule_count(void)
{
    return sizeof rules / sizeof *rules;
}

const struct state_rule *state_rule(size_t index)
{
    assert(index < state_rule_count());
    return &rules[index];
}

static const char *state_text(enum printer_state state)
{
    return state == STATE_NONE ? "none" : state_names[state];
}

void state_rule_text(const struct state_rule *rule, char *out, size_t size)
{
    static const char *const layer_names[] = {"override", "printing", "base"};
    char from[96] = "";
    for (unsigned i = 0; i <= STATE_NONE; i++) {
        if ((rule->from & BIT(i)) != 0) {
            size_t used = strlen(from);
            snprintf(from + used, sizeof from - used, "%s%s", used == 0 ? "" : "/",
                     state_text((enum printer_state)i));
        }
    }
    snprintf(out, size, "%s: %s %s -> %s, %s", trigger_names[rule->trigger],
             layer_names[rule->layer], from, state_text(rule->to), source_names[rule->source]);
}

static enum printer_state *layer_of(struct printer_layers *layers, enum state_layer layer)
{
    return layer == LAYER_OVERRIDE   ? &layers->override
           : layer == LAYER_PRINTING ? &layers->printing
                                     : &layers->base;
}

enum printer_state printer_layers_reported(const struct printer_layers *layers)
{
    if (layers->override != STATE_NONE) {
        return layers->override;
    }
    return layers->printing != STATE_NONE ? layers->printing : layers->base;
}

bool printer_layers_trigger(struct printer_layers *layers, enum state_trigger trigger,
                            enum state_source *source)
{
    const struct printer_layers before = *layers;
    bool changed = false;
    for (size_t i = 0; i < state_rule_count(); i++) {
        const struct state_rule *rule = &rules[i];
        struct printer_layers was = before;
        bool blocked =
            rule->unless_override != STATE_NONE && before.override == rule->unless_override;
        /* Compared with what was before: one trigger never goes two steps on one layer. */
        if (rule->trigger != trigger || blocked ||
            (rule->from & BIT(*layer_of(&was, rule->layer))) == 0) {
            continue;
        }
        *layer_of(layers, rule->layer) = rule->to;
        if (!changed) {
            *source = rule->source;
        }
        changed = true;
    }
    return changed;
}
