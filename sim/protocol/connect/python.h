#ifndef HOTBED_PROTOCOL_CONNECT_PYTHON_H
#define HOTBED_PROTOCOL_CONNECT_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

struct cJSON;

/* What of Python shows on the wire of a printer whose program is written in it. */

/* More than these of a command is refused: hotbed's own limits, the original has none. */
enum { PYTHON_JSON_VALUES_MAX = 4096, PYTHON_JSON_DEPTH_MAX = 990 };

/* json.loads: the value, or NULL with the text of the exception, as CPython 3.11's scanner words
 * it: "Expecting value: line 1 column 1 (char 0)". Of equal keys the last counts. NaN and Infinity
 * are numbers; half a surrogate pair and NUL become U+FFFD. Free with cJSON_Delete(). */
struct cJSON *python_json_parse(const char *text, size_t size, struct error *error);

/* type(value).__name__: "dict", "list", "str", "int", "float", "bool", "NoneType". */
const char *python_type_name(const struct cJSON *value);

bool python_truth(const struct cJSON *value); /* bool(value); NULL is None */

/* int(text) for values of 64 bit: blanks around it, a sign, single underscores between digits. */
bool python_int(const char *text, size_t size, int64_t *value);

/* repr(text) of a str: its choice of quotes and its escapes. */
void python_repr(struct buffer *out, const char *text, size_t size);

/* str(time) of a time in whole tenths of a second, which Python reached as tenths * 0.1, so that it
 * may carry the noise of that product: "1795223799.8000002" (connect-sdk.md 1.4). */
size_t python_tenths_text(int64_t tenths, char text[32]);

#endif
