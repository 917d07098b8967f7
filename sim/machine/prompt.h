#ifndef HOTBED_MACHINE_PROMPT_H
#define HOTBED_MACHINE_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

/* What a printer with a screen of its own (the Buddy family) asks on it or shows there, and what
 * somebody answers, by hand or from afar. Printers behind a host ask by their state alone. */

struct machine;

enum machine_prompt {
    PROMPT_NONE,
    PROMPT_QUICK_PAUSE,   /* M0, M1 */
    PROMPT_CHANGE_UNLOAD, /* M600 or runout: it parks and unloads; nothing can be answered */
    PROMPT_CHANGE_INSERT, /* other filament, please */
    PROMPT_CHANGE_LOAD,   /* nothing can be answered */
    PROMPT_CHANGE_COLOR,  /* does the new colour come? */
    PROMPT_NO_FILAMENT,   /* before a print: the sensor sees none */
    PROMPT_FILE_ERROR,    /* before a print: the file cannot be printed */
    PROMPT_HOTEND_FAN,
    PROMPT_PRINT_FAN,
    PROMPT_MEDIUM_GONE,    /* pulled while it was printed from */
    PROMPT_NOT_DOWNLOADED, /* the print is where its file ends as yet */
    PROMPT_FILE_CORRUPT,   /* the print is where its file is damaged */
    PROMPT_FILE_CROPPED,   /* the print is where its file was cut off */
    PROMPT_CRASH_REPEATED,
    PROMPT_HOME_FAILED,
    PROMPT_COLD_BED,        /* the mains came back too late */
    PROMPT_HEATERS_TIMEOUT, /* nobody used them: they are off; only a hint */
    PROMPT_COUNT,
};

enum machine_answer {
    ANSWER_CONTINUE,
    ANSWER_STOP,
    ANSWER_YES,
    ANSWER_NO,
    ANSWER_RETRY,
    ANSWER_PURGE_MORE,
    ANSWER_RESUME,
    ANSWER_PAUSE,
    ANSWER_DISABLE_SENSOR,
    ANSWER_COUNT,
};

const char *machine_prompt_name(enum machine_prompt prompt); /* "change-insert"; "none" */
const char *machine_answer_name(enum machine_answer answer); /* "purge-more" */
bool machine_answer_parse(const char *name, enum machine_answer *answer);

enum machine_prompt machine_prompt(const struct machine *machine);
/* How often the prompt has changed since the printer was made: two of one kind are told apart. */
uint32_t machine_prompt_changes(const struct machine *machine);
/* False: that is no answer to what is asked now. */
bool machine_answer(struct machine *machine, enum machine_answer answer);

/* Why the firmware has halted for good; the order is that of the firmware's error codes 201 to 208
 * (Prusa-Error-Codes: yaml/buddy-error-codes.yaml). */
enum machine_halt {
    HALT_NONE,
    HALT_BED_PREHEAT,
    HALT_NOZZLE_PREHEAT,
    HALT_BED_RUNAWAY,
    HALT_NOZZLE_RUNAWAY,
    HALT_BED_MAXTEMP,
    HALT_NOZZLE_MAXTEMP,
    HALT_BED_MINTEMP,
    HALT_NOZZLE_MINTEMP,
    HALT_COUNT,
};
enum machine_halt machine_halt_cause(const struct machine *machine);

#endif
