#include <string.h>

#include "sim/machine/machine_parts.h"

/* What is on the screen. */

static const char *const prompt_names[PROMPT_COUNT] = {
    [PROMPT_NONE] = "none",
    [PROMPT_QUICK_PAUSE] = "quick-pause",
    [PROMPT_CHANGE_UNLOAD] = "change-unload",
    [PROMPT_CHANGE_INSERT] = "change-insert",
    [PROMPT_CHANGE_LOAD] = "change-load",
    [PROMPT_CHANGE_COLOR] = "change-color",
    [PROMPT_NO_FILAMENT] = "no-filament",
    [PROMPT_FILE_ERROR] = "file-error",
    [PROMPT_HOTEND_FAN] = "hotend-fan",
    [PROMPT_PRINT_FAN] = "print-fan",
    [PROMPT_MEDIUM_GONE] = "medium-gone",
    [PROMPT_NOT_DOWNLOADED] = "not-downloaded",
    [PROMPT_FILE_CORRUPT] = "file-corrupt",
    [PROMPT_FILE_CROPPED] = "file-cropped",
    [PROMPT_CRASH_REPEATED] = "crash-repeated",
    [PROMPT_HOME_FAILED] = "home-failed",
    [PROMPT_COLD_BED] = "cold-bed",
    [PROMPT_HEATERS_TIMEOUT] = "heaters-timeout",
};

static const char *const answer_names[ANSWER_COUNT] = {
    [ANSWER_CONTINUE] = "continue",
    [ANSWER_STOP] = "stop",
    [ANSWER_YES] = "yes",
    [ANSWER_NO] = "no",
    [ANSWER_RETRY] = "retry",
    [ANSWER_PURGE_MORE] = "purge-more",
    [ANSWER_RESUME] = "resume",
    [ANSWER_PAUSE] = "pause",
    [ANSWER_DISABLE_SENSOR] = "disable-sensor",
};

const char *machine_prompt_name(enum machine_prompt prompt)
{
    return prompt_names[prompt];
}

const char *machine_answer_name(enum machine_answer answer)
{
    return answer_names[answer];
}

bool machine_answer_parse(const char *name, enum machine_answer *answer)
{
    for (int i = 0; i < ANSWER_COUNT; i++) {
        if (strcmp(name, answer_names[i]) == 0) {
            *answer = (enum machine_answer)i;
            return true;
        }
    }
    return false;
}

void prompt_show(struct machine *machine, enum machine_prompt prompt)
{
    if (machine->prompt != prompt) {
        machine->prompt = (uint8_t)prompt;
        machine->prompt_changes++;
    }
}

static void show_warning(struct machine *machine, enum machine_prompt warning)
{
    if (machine->warning != warning) {
        machine->warning = (uint8_t)warning;
        machine->prompt_changes++;
    }
}

void prompt_warn(struct machine *machine, enum machine_prompt warning)
{
    if (!print_has_screen(machine)) {
        return;
    }
    show_warning(machine, warning);
    if (warning != PROMPT_HEATERS_TIMEOUT || machine->print != NULL) {
        machine_trigger(machine, TRIGGER_USER_WANTED, SOURCE_COUNT, NULL);
    }
}

void prompt_clear(struct machine *machine)
{
    prompt_show(machine, PROMPT_NONE);
    show_warning(machine, PROMPT_NONE);
}

enum machine_prompt machine_prompt(const struct machine *machine)
{
    return (enum machine_prompt)(machine->warning != PROMPT_NONE ? machine->warning
                                                                 : machine->prompt);
}

uint32_t machine_prompt_changes(const struct machine *machine)
{
    return machine->prompt_changes;
}

enum machine_halt machine_halt_cause(const struct machine *machine)
{
    return (enum machine_halt)machine->halt;
}

/* What it lay over is asked again, if there is such a thing. */
static void dismiss_warning(struct machine *machine)
{
    bool cold = machine->warning == PROMPT_COLD_BED;
    show_warning(machine, PROMPT_NONE);
    if (machine->prompt == PROMPT_NONE || machine->prompt == PROMPT_QUICK_PAUSE) {
        machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    }
    if (cold) {
        recovery_go_on_cold(machine);
    }
}

bool machine_answer(struct machine *machine, enum machine_answer answer)
{
    machine_settle(machine);
    bool done;
    if (machine->warning != PROMPT_NONE) {
        done = answer == ANSWER_CONTINUE;
        if (done) {
            dismiss_warning(machine);
        }
    } else {
        done = print_change_answer(machine, answer) || recovery_answer(machine, answer);
    }
    machine_settle(machine);
    return done;
}
