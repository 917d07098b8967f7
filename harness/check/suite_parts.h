#ifndef HOTBED_CHECK_SUITE_PARTS_H
#define HOTBED_CHECK_SUITE_PARTS_H

#include "harness/check/suite.h"

/* What both kinds of time share; parts of suite.c. */
int64_t suite_clock_us(void);
void suite_skip(const struct suite_settings *settings, struct report *report,
                const struct definition *definition, const char *reason);
void suite_take(const struct suite_settings *settings, struct report *report, struct play *play,
                int64_t wall_us);
/* A check whose rule the judge has watched meanwhile: its verdict, though the check itself did not
 * take place. */
void suite_judged(const struct suite_settings *settings, struct report *report,
                  const struct definition *definition, const struct contract_result *result,
                  const char *reason);
void suite_refused(struct play *play, const struct error *error);
void suite_play_settings(const struct suite_settings *settings, struct ground *ground,
                         const struct stage_house *house, struct play_settings *out);

bool suite_run_real(const struct suite_settings *settings, const struct definitions *definitions,
                    struct report *report, struct error *error);

#endif
