#include "sim/protocol/connect/buddy_dialog.h"

#include <string.h>

/* Codes have the prefix that they have in the firmware's own list (PFB: lib/Prusa-Error-Codes:
 * yaml/buddy-error-codes.yaml); that of the model is put in when they are rendered. */
static const struct row {
    int code;
    struct {
        const char *button;
        enum machine_answer answer;
    } buttons[BUDDY_BUTTONS];
} rows[PROMPT_COUNT] = {
    [PROMPT_QUICK_PAUSE] = {12835, {{"Resume", ANSWER_RESUME}}},
    [PROMPT_CHANGE_UNLOAD] = {12829, {{NULL, 0}}},
    [PROMPT_CHANGE_INSERT] = {12829, {{"Continue", ANSWER_CONTINUE}, {"Stop", ANSWER_STOP}}},
    [PROMPT_CHANGE_LOAD] = {12829, {{NULL, 0}}},
    [PROMPT_CHANGE_COLOR] =
        {12829, {{"Yes", ANSWER_YES}, {"Purge_more", ANSWER_PURGE_MORE}, {"Retry", ANSWER_RETRY}}},
    [PROMPT_NO_FILAMENT] =
        {12804, {{"Yes", ANSWER_YES}, {"No", ANSWER_NO}, {"FS_disable", ANSWER_DISABLE_SENSOR}}},
    [PROMPT_FILE_ERROR] = {12807, {{"Abort", ANSWER_STOP}}},
    [PROMPT_HOTEND_FAN] = {12828, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_PRINT_FAN] = {12816, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_MEDIUM_GONE] = {12821, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_NOT_DOWNLOADED] = {12824, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_FILE_CORRUPT] = {12534, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_FILE_CROPPED] = {12535, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_CRASH_REPEATED] = {12811, {{"Resume", ANSWER_RESUME}, {"Pause", ANSWER_PAUSE}}},
    [PROMPT_HOME_FAILED] = {12812, {{"Retry", ANSWER_RETRY}}},
    [PROMPT_COLD_BED] = {12808, {{"Continue", ANSWER_CONTINUE}}},
    [PROMPT_HEATERS_TIMEOUT] = {12817, {{"Continue", ANSWER_CONTINUE}}},
};

void buddy_dialog_of(struct buddy_dialog *dialog, enum machine_prompt prompt)
{
    const struct row *row = &rows[prompt];
    *dialog = (struct buddy_dialog){
        .shown = prompt != PROMPT_NONE, .coded = true, .code = row->code, .has_buttons = true};
    for (int i = 0; i < BUDDY_BUTTONS && row->buttons[i].button != NULL; i++) {
        const char *name = row->buttons[i].button;
        dialog->buttons[dialog->button_count++] = buddy_button_find(name, strlen(name));
    }
}

bool buddy_dialog_answer(enum machine_prompt prompt, enum buddy_button button,
                         enum machine_answer *answer)
{
    const struct row *row = &rows[prompt];
    for (int i = 0; i < BUDDY_BUTTONS && row->buttons[i].button != NULL; i++) {
        if (strcmp(row->buttons[i].button, buddy_button_name(button)) == 0) {
            *answer = row->buttons[i].answer;
            return true;
        }
    }
    return false;
}

struct error_text {
    int code;
    const char *title, *text;
};

static const struct error_text error_texts[HALT_COUNT] = {
    [HALT_NONE] = {0, "UNKNOWN ERROR", "The printer has stopped."},
    [HALT_BED_PREHEAT] = {12201, "PREHEAT ERROR",
                          "Check the heatbed heater & thermistor wiring for possible damage."},
    [HALT_NOZZLE_PREHEAT] = {12202, "PREHEAT ERROR",
                             "Check the print head heater & thermistor wiring for possible "
                             "damage."},
    [HALT_BED_RUNAWAY] = {12203, "THERMAL RUNAWAY",
                          "Check the heatbed thermistor wiring for possible damage."},
    [HALT_NOZZLE_RUNAWAY] = {12204, "THERMAL RUNAWAY",
                             "Check the print head thermistor wiring for possible damage."},
    [HALT_BED_MAXTEMP] = {12205, "MAXTEMP ERROR",
                          "Check the heatbed thermistor wiring for possible damage."},
    [HALT_NOZZLE_MAXTEMP] = {12206, "MAXTEMP ERROR",
                             "Check the print head thermistor wiring for possible damage."},
    [HALT_BED_MINTEMP] = {12207, "MINTEMP ERROR",
                          "Check the heatbed thermistor wiring for possible damage."},
    [HALT_NOZZLE_MINTEMP] = {12208, "MINTEMP ERROR",
                             "Check the print head thermistor wiring for possible damage."},
};

/* The XL has other words for its extruders, and codes of their own for the tiles of its bed. */
static const struct error_text xl_error_texts[HALT_COUNT] = {
    [HALT_BED_PREHEAT] = {12256, "MODULAR BED ERROR", "Heatbed tile no. 1:\nPreheat error."},
    [HALT_NOZZLE_PREHEAT] = {12202, "EXTRUDER PREHEAT ERROR",
                             "Check the heater and thermistor wiring for potential damage."},
    [HALT_NOZZLE_RUNAWAY] = {12204, "EXTRUDER THERMAL RUNAWAY",
                             "Check the thermistor wiring for potential damage."},
    [HALT_BED_MAXTEMP] = {12253, "MODULAR BED ERROR",
                          "Heatbed tile no. 1: \nTemperature measurement error; thermistor may be "
                          "faulty."},
    [HALT_NOZZLE_MAXTEMP] = {12206, "EXTRUDER MAXTEMP ERROR",
                             "Check the thermistor wiring for potential damage."},
    [HALT_BED_MINTEMP] = {12252, "MODULAR BED ERROR",
                          "Heatbed tile no. 1: \nTemperature measurement error; thermistor may be "
                          "faulty."},
    [HALT_NOZZLE_MINTEMP] = {12208, "EXTRUDER MINTEMP ERROR",
                             "Check the thermistor wiring for potential damage."},
};

void buddy_dialog_of_error(struct buddy_dialog *dialog, const struct buddy_build *build,
                           enum machine_halt cause)
{
    const struct error_text *text = &error_texts[cause];
    if (build->tool_changer && xl_error_texts[cause].title != NULL) {
        text = &xl_error_texts[cause];
    }
    *dialog = (struct buddy_dialog){.shown = true,
                                    .coded = text->code != 0,
                                    .code = text->code,
                                    .title = text->title,
                                    .text = text->text};
}
