#ifndef HOTBED_TESTS_GOLDEN_PRUSALINK_COMPARE_H
#define HOTBED_TESTS_GOLDEN_PRUSALINK_COMPARE_H

#include "tests/golden/prusalink_play.h"

/* What the real PrusaLink said in a capture, against what ours said: the test fails where they
 * differ and no table of prusalink_compare.c has a reason for it. */

/* Whether a table says that only one side sends this event. */
bool prusalink_is_absent(const struct prusalink_play *play,
                         const struct prusalink_message *message);

void prusalink_compare_events(
    const struct prusalink_play *play); /* order, heads, members and values */
void prusalink_compare_telemetry(const struct prusalink_play *play,
                                 size_t count); /* the first ones, keys and values */
void prusalink_compare_keys(const struct prusalink_play *play); /* of telemetry, by state */
void prusalink_compare_pace(const struct prusalink_play *play); /* of telemetry, by state */
/* The time between two events, by parts of their text. */
void prusalink_compare_gap(const struct prusalink_play *play, const char *from, const char *to,
                           double within_s);

#endif
