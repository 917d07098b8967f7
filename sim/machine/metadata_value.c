#include "sim/machine/metadata_value.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/json.h"

enum {
    INT_DIGITS_MAX = 4300, /* of CPython 3.11 */
    FLOAT_BYTES_MAX = 400,
    JSON_DEPTH_MAX = 100,
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* What str.strip() takes off, of ASCII. */
static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || (byte >= 0x1c && byte <= 0x1f);
}

static void strip(const char **text, size_t *size)
{
    while (*size > 0 && is_space(**text)) {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && is_space((*text)[*size - 1])) {
        (*size)--;
    }
}

bool metadata_value_string(struct buffer *out, const char *text, size_t size)
{
    buffer_append_char(out, '"');
    json_escape(out, JSON_PYTHON, text, size);
    buffer_append_char(out, '"');
    return true;
}

/* Digits with single underscores between them; returns how many bytes, 0 for none. */
static size_t digits_size(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && (is_digit(text[i]) || (text[i] == '_' && i > 0 && is_digit(text[i - 1]) &&
                                              i + 1 < size && is_digit(text[i + 1])))) {
        i++;
    }
    return i;
}

bool metadata_value_int(struct buffer *out, const char *text, size_t size)
{
    strip(&text, &size);
    bool negative = size > 0 && *text == '-';
    if (size > 0 && (*text == '-' || *text == '+')) {
        text++;
        size--;
    }
    if (size == 0 || size > INT_DIGITS_MAX || digits_size(text, size) != size) {
        return false;
    }
    while (size > 1 && (*text == '0' || *text == '_')) {
        text++;
        size--;
    }
    if (negative && *text != '0') {
        buffer_append_char(out, '-');
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '_') {
            buffer_append_char(out, text[i]);
        }
    }
    return true;
}

/* The grammar of float(): hexadecimal, "nan" and the like, which strtod takes, are not in it. */
static bool float_grammar(const char *text, size_t size)
{
    size_t at = size > 0 && (*text == '-' || *text == '+');
    size_t whole = digits_size(text + at, size - at), part = 0;
    at += whole;
    if (at < size && text[at] == '.') {
        at++;
        part = digits_size(text + at, size - at);
        at += part;
    }
    if (whole + part == 0) {
        return false;
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < size && (text[at] == '-' || text[at] == '+');
        size_t exponent = digits_size(text + at, size - at);
        at += exponent;
        if (exponent == 0) {
            return false;
        }
    }
    return at == size;
}

bool metadata_value_float(struct buffer *out, const char *text, size_t size, double *value)
{
    strip(&text, &size);
    char copy[FLOAT_BYTES_MAX + 1];
    if (size > FLOAT_BYTES_MAX || !float_grammar(text, size)) {
        return false;
    }
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '_') {
            copy[length++] = text[i];
        }
    }
    copy[length] = '\0';
    *value = strtod(copy, NULL);
    if (!isfinite(*value)) {
        return false;
    }
    char number[32];
    buffer_append(out, number, json_float_text(*value, number));
    return true;
}

bool metadata_utf8_valid(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned char first = (unsigned char)bytes[i];
        size_t more = first < 0x80   ? 0
                      : first < 0xc2 ? SIZE_MAX
                      : first < 0xe0 ? 1
                      : first < 0xf0 ? 2
                                     : 3;
        if (more == SIZE_MAX || first > 0xf4 || size - i <= more) {
            return false;
        }
        for (size_t k = 1; k <= more; k++) {
            unsigned char byte = (unsigned char)bytes[i + k];
            unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
            unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
            if (byte < (k == 1 ? low : 0x80) || byte > (k == 1 ? high : 0xbf)) {
                return false;
            }
        }
        i += more + 1;
    }
    return true;
}

/* JSON read as json.loads does and printed as json.dumps does, in one pass. */
struct transcoder {
    const char *at, *end;
    struct buffer *out;
    struct buffer text; /* of the string being read, in UTF-8 */
    int depth;
};

static bool transcode_value(struct transcoder *json);

static void skip_space(struct transcoder *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r')) {
        json->at++;
    }
}

static bool take(struct transcoder *json, char byte)
{
    skip_space(json);
    if (json->at == json->end || *json->at != byte) {
        return false;
    }
    json->at++;
    return true;
}

static void append_utf8(struct buffer *out, unsigned code)
{
    if (code < 0x80) {
        buffer_append_char(out, (char)code);
    } else if (code < 0x800) {
        buffer_append_char(out, (char)(0xc0 | code >> 6));
        buffer_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buffer_append_char(out, (char)(0xe0 | code >> 12));
        buffer_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buffer_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buffer_append_char(out, (char)(0xf0 | code >> 18));
        buffer_append_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
        buffer_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buffer_append_char(out, (char)(0x80 | (code & 0x3f)));
    }
}

/* Four hexadecimal digits; -1: they are not there. */
static int hex4(struct transcoder *json)
{
    if (json->end - json->at < 4) {
        return -1;
    }
    int code = 0;
    for (int i = 0; i < 4; i++) {
        char byte = json->at[i];
        int digit = is_digit(byte)               ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    json->at += 4;
    return code;
}

static bool read_escape(struct transcoder *json)
{
    static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    if (json->at == json->end) {
        return false;
    }
    char name = *json->at++;
    if (name != 'u') {
        const char *found = name != '\0' ? strchr(names, name) : NULL;
        if (found != NULL) {
            buffer_append_char(&json->text, bytes[found - names]);
        }
        return found != NULL;
    }
    int code = hex4(json);
    if (code < 0) {
        return false;
    }
    unsigned point = (unsigned)code;
    const char *behind = json->at;
    if (point >= 0xd800 && point < 0xdc00 && json->end - behind >= 6 && behind[0] == '\\' &&
        behind[1] == 'u') {
        json->at += 2;
        int low = hex4(json);
        if (low >= 0xdc00 && low < 0xe000) {
            point = 0x10000 + ((point - 0xd800) << 10) + ((unsigned)low - 0xdc00);
        } else {
            json->at = behind;
        }
    }
    append_utf8(&json->text, point);
    return true;
}

static bool transcode_string(struct transcoder *json)
{
    buffer_clear(&json->text);
    while (json->at < json->end) {
        char byte = *json->at++;
        if (byte == '"') {
            return metadata_value_string(json->out, buffer_text(&json->text), json->text.size);
        }
        if ((unsigned char)byte < 0x20) {
            return false;
        }
        if (byte != '\\') {
            buffer_append_char(&json->text, byte);
        } else if (!read_escape(json)) {
            return false;
        }
    }
    return false;
}

static bool transcode_number(struct transcoder *json)
{
    const char *begin = json->at, *c = begin;
    c += c < json->end && *c == '-';
    const char *digits = c;
    bool integer = true;
    while (c < json->end && is_digit(*c)) {
        c++;
    }
    if (c == digits || (*digits == '0' && c - digits > 1)) {
        return false;
    }
    if (c + 1 < json->end && *c == '.' && is_digit(c[1])) {
        integer = false;
        for (c++; c < json->end && is_digit(*c); c++) {
        }
    }
    const char *exponent = c;
    if (c < json->end && (*c == 'e' || *c == 'E')) {
        c++;
        c += c < json->end && (*c == '-' || *c == '+');
        const char *first = c;
        while (c < json->end && is_digit(*c)) {
            c++;
        }
        integer = integer && c == first;
        c = c == first ? exponent : c;
    }
    json->at = c;
    double value;
    return integer ? metadata_value_int(json->out, begin, (size_t)(c - begin))
                   : metadata_value_float(json->out, begin, (size_t)(c - begin), &value);
}

/* Members of an object or an array, behind the bracket. */
static bool transcode_members(struct transcoder *json, char close, bool keys)
{
    if (take(json, close)) {
        buffer_append_char(json->out, close);
        return true;
    }
    for (;;) {
        if (keys) {
            if (!take(json, '"') || !transcode_string(json) || !take(json, ':')) {
                return false;
            }
            buffer_append(json->out, ": ", 2);
        }
        if (!transcode_value(json)) {
            return false;
        }
        if (take(json, close)) {
            buffer_append_char(json->out, close);
            return true;
        }
        if (!take(json, ',')) {
            return false;
        }
        buffer_append(json->out, ", ", 2);
    }
}

static bool transcode_word(struct transcoder *json)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(json->end - json->at) >= size && memcmp(json->at, words[i], size) == 0) {
            buffer_append(json->out, words[i], size);
            json->at += size;
            return true;
        }
    }
    return transcode_number(json);
}

static bool transcode_value(struct transcoder *json)
{
    skip_space(json);
    if (json->at == json->end) {
        return false;
    }
    char byte = *json->at;
    if (byte == '"') {
        json->at++;
        return transcode_string(json);
    }
    if (byte != '{' && byte != '[') {
        return transcode_word(json);
    }
    if (json->depth == JSON_DEPTH_MAX) {
        return false;
    }
    json->at++;
    json->depth++;
    buffer_append_char(json->out, byte);
    bool done = transcode_members(json, byte == '{' ? '}' : ']', byte == '{');
    json->depth--;
    return done;
}

bool metadata_value_json(struct buffer *out, const char *text, size_t size)
{
    struct transcoder json = {.at = text, .end = text + size, .out = out};
    size_t before = out->size;
    bool done = transcode_value(&json);
    skip_space(&json);
    done = done && json.at == json.end;
    buffer_free(&json.text);
    if (!done) {
        out->size = before; /* take back what was written */
        if (out->bytes != NULL) {
            out->bytes[before] = '\0';
        }
    }
    return done;
}
