#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/connect/python.h"

/* A reader of JSON after CPython 3.11 (Modules/_json.c, Lib/json/decoder.py): the same texts at the
 * same places for what it refuses, the same extras for what it takes. */
struct scan {
    const char *text;
    size_t size, at;
    size_t values;
    unsigned depth;
    struct error *error;
    struct buffer string; /* scratch */
};

/* The exception's text: line, column and place count characters, not bytes. */
static void refuse(struct scan *scan, const char *what, size_t at)
{
    size_t line = 1, column = 1, place = 0;
    for (size_t i = 0; i < at; i++) {
        if (((unsigned char)scan->text[i] & 0xC0) == 0x80) {
            continue;
        }
        place++;
        column++;
        if (scan->text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    error_set(scan->error, "%s: line %zu column %zu (char %zu)", what, line, column, place);
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->size && strchr(" \t\n\r", scan->text[scan->at]) != NULL &&
           scan->text[scan->at] != '\0') {
        scan->at++;
    }
}

static bool next_is(const struct scan *scan, char byte)
{
    return scan->at < scan->size && scan->text[scan->at] == byte;
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* The four digits at `at`; -1: they are none. */
static long hex4(const struct scan *scan, size_t at)
{
    if (scan->size - at < 4) {
        return -1;
    }
    long value = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(scan->text[at + i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static void append_character(struct buffer *out, long code)
{
    if (code == 0 || (code >= 0xD800 && code < 0xE000)) {
        code = 0xFFFD; /* C text and UTF-8 have no place for these */
    }
    if (code < 0x80) {
        buffer_append_char(out, (char)code);
    } else if (code < 0x800) {
        buffer_append_char(out, (char)(0xC0 | code >> 6));
        buffer_append_char(out, (char)(0x80 | (code & 0x3F)));
    } else {
        if (code < 0x10000) {
            buffer_append_char(out, (char)(0xE0 | code >> 12));
        } else {
            buffer_append_char(out, (char)(0xF0 | code >> 18));
            buffer_append_char(out, (char)(0x80 | (code >> 12 & 0x3F)));
        }
        buffer_append_char(out, (char)(0x80 | (code >> 6 & 0x3F)));
        buffer_append_char(out, (char)(0x80 | (code & 0x3F)));
    }
}

/* \uXXXX, scan->at on the 'u'; a second escape belongs to it when both are a surrogate pair. */
static bool scan_unicode_escape(struct scan *scan)
{
    size_t u = scan->at;
    long code = hex4(scan, u + 1);
    if (code < 0 || u + 5 >= scan->size) {
        refuse(scan, "Invalid \\uXXXX escape", u);
        return false;
    }
    scan->at = u + 5;
    if (code >= 0xD800 && code < 0xDC00 && scan->size - scan->at >= 6 &&
        scan->text[scan->at] == '\\' && scan->text[scan->at + 1] == 'u') {
        long low = hex4(scan, scan->at + 2);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            scan->at += 6;
        }
    }
    append_character(&scan->string, code);
    return true;
}

static bool scan_escape(struct scan *scan, size_t begin)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    scan->at++;
    if (scan->at >= scan->size) {
        refuse(scan, "Unterminated string starting at", begin);
        return false;
    }
    char byte = scan->text[scan->at];
    if (byte == 'u') {
        return scan_unicode_escape(scan);
    }
    const char *name = byte == '\0' ? NULL : strchr(names, byte);
    if (name == NULL) {
        refuse(scan, "Invalid \\escape", scan->at - 1);
        return false;
    }
    buffer_append_char(&scan->string, values[name - names]);
    scan->at++;
    return true;
}

/* A string into scan->string; scan->at on its first quote. */
static bool scan_string(struct scan *scan)
{
    size_t begin = scan->at++;
    buffer_clear(&scan->string);
    for (;;) {
        size_t run = scan->at;
        while (run < scan->size && scan->text[run] != '"' && scan->text[run] != '\\' &&
               (unsigned char)scan->text[run] >= 0x20) {
            run++;
        }
        buffer_append(&scan->string, scan->text + scan->at, run - scan->at);
        scan->at = run;
        if (run >= scan->size) {
            refuse(scan, "Unterminated string starting at", begin);
            return false;
        }
        if (scan->text[run] == '"') {
            scan->at++;
            return true;
        }
        if (scan->text[run] != '\\') {
            refuse(scan, "Invalid control character at", run);
            return false;
        }
        if (!scan_escape(scan, begin)) {
            return false;
        }
    }
}

static size_t digits(const struct scan *scan, size_t at)
{
    while (at < scan->size && scan->text[at] >= '0' && scan->text[at] <= '9') {
        at++;
    }
    return at;
}

/* The end of the number at scan->at; scan->at itself: there is none. */
static size_t number_end(const struct scan *scan)
{
    size_t at = scan->at;
    at += next_is(scan, '-') ? 1 : 0;
    size_t end = digits(scan, at);
    if (end == at) {
        return scan->at;
    }
    if (scan->text[at] == '0') {
        end = at + 1;
    }
    if (end < scan->size && scan->text[end] == '.' && digits(scan, end + 1) > end + 1) {
        end = digits(scan, end + 1);
    }
    if (end < scan->size && (scan->text[end] | 0x20) == 'e') {
        size_t exponent = end + 1;
        if (exponent < scan->size && (scan->text[exponent] == '+' || scan->text[exponent] == '-')) {
            exponent++;
        }
        end = digits(scan, exponent) > exponent ? digits(scan, exponent) : end;
    }
    return end;
}

static cJSON *scan_number(struct scan *scan)
{
    size_t end = number_end(scan);
    if (end == scan->at) {
        refuse(scan, "Expecting value", scan->at);
        return NULL;
    }
    buffer_clear(&scan->string);
    buffer_append(&scan->string, scan->text + scan->at, end - scan->at);
    scan->at = end;
    return cJSON_CreateNumber(strtod(scan->string.bytes, NULL));
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    if (scan->size - scan->at < size || memcmp(scan->text + scan->at, word, size) != 0) {
        return false;
    }
    scan->at += size;
    return true;
}

static cJSON *scan_value(struct scan *scan);

static bool enter(struct scan *scan, const char *what)
{
    if (++scan->depth > PYTHON_JSON_DEPTH_MAX) {
        return error_set(scan->error,
                         "maximum recursion depth exceeded while decoding a JSON %s from a "
                         "unicode string",
                         what);
    }
    return true;
}

/* One member behind its key's place; scan->at on the key's quote. */
static bool scan_member(struct scan *scan, cJSON *object)
{
    if (!next_is(scan, '"')) {
        refuse(scan, "Expecting property name enclosed in double quotes", scan->at);
        return false;
    }
    if (!scan_string(scan)) {
        return false;
    }
    struct buffer key = scan->string;
    scan->string = (struct buffer){0};
    bool done = false;
    skip_blanks(scan);
    if (!next_is(scan, ':')) {
        refuse(scan, "Expecting ':' delimiter", scan->at);
    } else {
        scan->at++;
        skip_blanks(scan);
        cJSON *value = scan_value(scan);
        if (value != NULL) {
            if (cJSON_GetObjectItemCaseSensitive(object, buffer_text(&key)) != NULL) {
                cJSON_ReplaceItemInObjectCaseSensitive(object, buffer_text(&key), value);
            } else {
                cJSON_AddItemToObject(object, buffer_text(&key), value);
            }
            done = true;
        }
    }
    buffer_free(&key);
    return done;
}

static cJSON *scan_object(struct scan *scan)
{
    if (!enter(scan, "object")) {
        return NULL;
    }
    cJSON *object = cJSON_CreateObject();
    scan->at++;
    skip_blanks(scan);
    while (!next_is(scan, '}')) {
        if (!scan_member(scan, object)) {
            cJSON_Delete(object);
            return NULL;
        }
        skip_blanks(scan);
        if (next_is(scan, '}')) {
            break;
        }
        if (!next_is(scan, ',')) {
            refuse(scan, "Expecting ',' delimiter", scan->at);
            cJSON_Delete(object);
            return NULL;
        }
        scan->at++;
        skip_blanks(scan);
        if (next_is(scan, '}')) {
            refuse(scan, "Expecting property name enclosed in double quotes", scan->at);
            cJSON_Delete(object);
            return NULL;
        }
    }
    scan->at++;
    scan->depth--;
    return object;
}

static cJSON *scan_array(struct scan *scan)
{
    if (!enter(scan, "array")) {
        return NULL;
    }
    cJSON *array = cJSON_CreateArray();
    scan->at++;
    skip_blanks(scan);
    while (!next_is(scan, ']')) {
        cJSON *value = scan_value(scan);
        if (value == NULL) {
            cJSON_Delete(array);
            return NULL;
        }
        cJSON_AddItemToArray(array, value);
        skip_blanks(scan);
        if (next_is(scan, ']')) {
            break;
        }
        if (!next_is(scan, ',')) {
            refuse(scan, "Expecting ',' delimiter", scan->at);
            cJSON_Delete(array);
            return NULL;
        }
        scan->at++;
        skip_blanks(scan);
        if (next_is(scan, ']')) {
            refuse(scan, "Expecting value", scan->at);
            cJSON_Delete(array);
            return NULL;
        }
    }
    scan->at++;
    scan->depth--;
    return array;
}

static cJSON *scan_value(struct scan *scan)
{
    if (++scan->values > PYTHON_JSON_VALUES_MAX) {
        error_set(scan->error, "more than %d values", PYTHON_JSON_VALUES_MAX);
        return NULL;
    }
    switch (scan->at < scan->size ? scan->text[scan->at] : '\0') {
    case '{':
        return scan_object(scan);
    case '[':
        return scan_array(scan);
    case '"':
        return scan_string(scan) ? cJSON_CreateString(buffer_text(&scan->string)) : NULL;
    case 'n':
        return scan_word(scan, "null") ? cJSON_CreateNull() : scan_number(scan);
    case 't':
        return scan_word(scan, "true") ? cJSON_CreateTrue() : scan_number(scan);
    case 'f':
        return scan_word(scan, "false") ? cJSON_CreateFalse() : scan_number(scan);
    case 'N':
        return scan_word(scan, "NaN") ? cJSON_CreateNumber(NAN) : scan_number(scan);
    case 'I':
        return scan_word(scan, "Infinity") ? cJSON_CreateNumber(INFINITY) : scan_number(scan);
    case '-':
        return scan_word(scan, "-Infinity") ? cJSON_CreateNumber(-INFINITY) : scan_number(scan);
    default:
        return scan_number(scan);
    }
}

cJSON *python_json_parse(const char *text, size_t size, struct error *error)
{
    struct scan scan = {.text = text, .size = size, .error = error};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        scan.text += 3; /* requests takes a byte order mark for the name of the encoding */
        scan.size -= 3;
    }
    skip_blanks(&scan);
    cJSON *value = scan_value(&scan);
    if (value != NULL) {
        skip_blanks(&scan);
        if (scan.at < scan.size) {
            refuse(&scan, "Extra data", scan.at);
            cJSON_Delete(value);
            value = NULL;
        }
    }
    buffer_free(&scan.string);
    return value;
}

const char *python_type_name(const cJSON *value)
{
    if (value == NULL || cJSON_IsNull(value)) {
        return "NoneType";
    }
    if (cJSON_IsBool(value)) {
        return "bool";
    }
    if (cJSON_IsNumber(value)) {
        return floor(value->valuedouble) == value->valuedouble ? "int" : "float";
    }
    if (cJSON_IsString(value)) {
        return "str";
    }
    return cJSON_IsArray(value) ? "list" : "dict";
}

bool python_truth(const cJSON *value)
{
    if (value == NULL || cJSON_IsNull(value) || cJSON_IsFalse(value)) {
        return false;
    }
    if (cJSON_IsNumber(value)) {
        return value->valuedouble != 0.0;
    }
    if (cJSON_IsString(value)) {
        return value->valuestring[0] != '\0';
    }
    return cJSON_IsTrue(value) || value->child != NULL;
}
