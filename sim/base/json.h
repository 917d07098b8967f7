#ifndef HOTBED_BASE_JSON_H
#define HOTBED_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"

/* JSON as another program would have written it, straight into a buffer: key order, separators and
 * number formats are part of what hotbed promises, so bodies that must be exact are written here;
 * cJSON reads and prints all others. */
enum json_style {
    JSON_PYTHON,  /* ", " and ": ", non-ASCII as \uXXXX: json.dumps of CPython with its defaults */
    JSON_COMPACT, /* no blanks, UTF-8 as it is */
};

struct json_writer {
    struct buffer *out; /* not owned; appended to */
    enum json_style style;
    bool comma; /* a value was written on this level */
};

void json_begin(struct json_writer *json, struct buffer *out, enum json_style style);

void json_object(struct json_writer *json, const char *key); /* key NULL: root or array member */
void json_object_end(struct json_writer *json);
void json_array(struct json_writer *json, const char *key);
void json_array_end(struct json_writer *json);
void json_string(struct json_writer *json, const char *key,
                 const char *value); /* value NULL: writes null */
void json_text(struct json_writer *json, const char *key, const char *bytes, size_t size);
void json_int(struct json_writer *json, const char *key, int64_t value);
void json_bool(struct json_writer *json, const char *key, bool value);
void json_null(struct json_writer *json, const char *key);
void json_float(struct json_writer *json, const char *key,
                double value); /* as json_float_text; finite */
void json_raw(struct json_writer *json, const char *key, const char *bytes,
              size_t size); /* JSON made elsewhere */

/* repr() of a Python float: the shortest text that reads back as the same value, always with a
 * point or an exponent: 24.1, 0.0, 55.00000000000001, 1e-07, 1e+16. Returns its length; `text` gets
 * a NUL. */
size_t json_float_text(double value, char text[32]);

/* Append `size` bytes of UTF-8 with JSON's escapes, without the quotes; invalid UTF-8 becomes
 * U+FFFD. */
void json_escape(struct buffer *out, enum json_style style, const char *bytes, size_t size);

#endif
