#ifndef HOTBED_TESTS_SL1_BENCH_H
#define HOTBED_TESTS_SL1_BENCH_H

#include "tests/protocol/firmware_bench.h"

/* Requests to the server of an SL1, which wants a digest with qop. */

/* Makes "Authorization: Digest …" for the challenge of the last answer. */
void sl1_authorize(struct firmware *printer, const char *method, const char *target,
                   const char *password);
const char *sl1_credentials(void); /* that line, until the next */
/* Asks for a challenge first; the whole answer. */
const char *sl1_ask(struct firmware *printer, const char *method, const char *target,
                    const char *headers, const char *body);
void sl1_forget(void); /* at the end of a test */

#endif
