#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_DIALOG_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_DIALOG_H

#include <stdbool.h>

#include "sim/machine/prompt.h"
#include "sim/protocol/connect/buddy_state.h"

/* Dialogs as Connect is told of them: what a printer asks, by the codes and buttons of
 * connect-buddy.md 8.3, and the screen that it shows after an error (8.4). */

/* All of it but the id. PROMPT_NONE: none is shown. */
void buddy_dialog_of(struct buddy_dialog *dialog, enum machine_prompt prompt);

/* What a button says to the printer; false: the dialog has no such button. */
bool buddy_dialog_answer(enum machine_prompt prompt, enum buddy_button button,
                         enum machine_answer *answer);

/* HALT_NONE: a cause that is not known. */
void buddy_dialog_of_error(struct buddy_dialog *dialog, const struct buddy_build *build,
                           enum machine_halt cause);

#endif
