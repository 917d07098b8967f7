#ifndef HOTBED_REPORT_TEXT_H
#define HOTBED_REPORT_TEXT_H

#include "sim/base/buffer.h"

/* Append `text` with XML's escapes; what XML 1.0 has no character for, and bytes that are no UTF-8,
 * become U+FFFD. */
void report_append_xml(struct buffer *out, const char *text);

/* Append `text` as a TAP description: one line, with # and \ escaped. */
void report_append_tap(struct buffer *out, const char *text);

/* Append `text` as the value of a YAML key at `indent` blanks: a quoted scalar, or a block for
 * several lines. */
void report_append_yaml(struct buffer *out, const char *key, const char *text, int indent);

#endif
