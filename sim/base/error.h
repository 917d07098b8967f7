#ifndef HOTBED_BASE_ERROR_H
#define HOTBED_BASE_ERROR_H

#include <stdbool.h>

/* Why an operation on somebody's input failed: one line for a person, naming file, line and field
 * of the input and what was expected. Only inputs fail this way; a programmer's mistake is an
 * assert. */
struct error {
    char text[512];
};

/* Set the text (cut at its size, `error` may be NULL) and return false, so that a failure is one
 * line. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "prefix: " before what is already said: a caller adds its place to a callee's reason. Returns
 * false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
