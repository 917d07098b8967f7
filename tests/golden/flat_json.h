#ifndef HOTBED_TESTS_GOLDEN_FLAT_JSON_H
#define HOTBED_TESTS_GOLDEN_FLAT_JSON_H

#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/buffer.h"

/* JSON text as the list of its scalars in the order in which they are written, each with its path
 * and its raw text: what must be equal between two programs that write the same message, order of
 * keys and kind of number included. Reads what json.dumps() writes; no validation. */
struct flat_value {
    char path[160];
    const char *raw; /* in the text */
    size_t size;
};

struct flat_json {
    struct flat_value *values;
    size_t count;
};

static const char *flat_skip_string(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++) {
        at += *at == '\\' && at[1] != '\0';
    }
    return *at == '"' ? at + 1 : at;
}

static void flat_add(struct flat_json *flat, const char *path, const char *raw, size_t size)
{
    flat->values = realloc(flat->values, (flat->count + 1) * sizeof *flat->values);
    struct flat_value *value = &flat->values[flat->count++];
    snprintf(value->path, sizeof value->path, "%s", path);
    value->raw = raw;
    value->size = size;
}

static const char *flat_walk(struct flat_json *flat, const char *at, const char *path)
{
    char below[160];
    char close = *at == '{' ? '}' : ']';
    if (*at != '{' && *at != '[') {
        const char *end = *at == '"' ? flat_skip_string(at) : at + strcspn(at, ",}] \n");
        flat_add(flat, path, at, (size_t)(end - at));
        return end;
    }
    bool object = *at == '{';
    int index = 0;
    at++;
    if (*at == close) {
        flat_add(flat, path, object ? "{}" : "[]", 2);
        return at + 1;
    }
    while (*at != close && *at != '\0') {
        if (object) {
            const char *end = flat_skip_string(at);
            snprintf(below, sizeof below, "%.100s%s%.*s", path, path[0] == '\0' ? "" : ".",
                     (int)(end - at < 50 ? end - at : 50) - 2, at + 1);
            at = end + strspn(end, ": ");
        } else {
            snprintf(below, sizeof below, "%.140s[%d]", path, index++);
        }
        at = flat_walk(flat, at, below);
        at += strspn(at, ", ");
    }
    return *at == '\0' ? at : at + 1;
}

static struct flat_json flat_json(const char *text)
{
    struct flat_json flat = {NULL, 0};
    if (text[0] != '\0') {
        flat_walk(&flat, text, "");
    }
    return flat;
}

static void flat_json_free(struct flat_json *flat)
{
    free(flat->values);
    *flat = (struct flat_json){NULL, 0};
}

/* 's' string, 'i' whole number, 'f' float, 'b' boolean, '{' and '[' empty ones. */
__attribute__((unused)) static char flat_kind(const struct flat_value *value)
{
    if (value->raw[0] == '"') {
        return 's';
    }
    if (value->raw[0] == '{' || value->raw[0] == '[') {
        return value->raw[0];
    }
    if (value->raw[0] == 't' || value->raw[0] == 'f') {
        return 'b';
    }
    for (size_t i = 0; i < value->size; i++) {
        if (strchr(".eE", value->raw[i]) != NULL) {
            return 'f';
        }
    }
    return 'i';
}

__attribute__((unused)) static bool flat_same(const struct flat_value *a,
                                              const struct flat_value *b)
{
    return a->size == b->size && memcmp(a->raw, b->raw, a->size) == 0;
}

/* Root member as text without quotes; false: there is none. */
__attribute__((unused)) static bool flat_member(const struct flat_json *flat, const char *path,
                                                char *out, size_t size)
{
    for (size_t i = 0; i < flat->count; i++) {
        if (strcmp(flat->values[i].path, path) == 0) {
            const struct flat_value *value = &flat->values[i];
            bool text = value->raw[0] == '"';
            snprintf(out, size, "%.*s", (int)(value->size - (text ? 2 : 0)), value->raw + text);
            return true;
        }
    }
    out[0] = '\0';
    return false;
}

#endif
