#ifndef HOTBED_CHECK_SUITE_LINK_H
#define HOTBED_CHECK_SUITE_LINK_H

#include "harness/script/ground.h"

/* Take away what the checks have left at a PrusaLink server that is not ours: a print of their own
 * is stopped, their folder removed with what is in it. Nothing else is touched. False with what is
 * still there. */
bool suite_link_clean(struct ground *ground, struct error *error);

#endif
