#ifndef HOTBED_SCRIPT_SENDER_CONTROL_H
#define HOTBED_SCRIPT_SENDER_CONTROL_H

#include "harness/script/ground.h"
#include "harness/script/sender.h"

/* Ask the control endpoint of a `hotbed mock connect` to queue a command. Returns at once; the
 * request runs on the ground's loop. False with the reason when it can't even be made. */
bool sender_control(struct ground *ground, const char *url, const struct sender_words *words,
                    struct error *error);

#endif
