#include "sim/protocol/connect/prusalink_values.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/json.h"

static const char *python_type(const cJSON *value)
{
    if (cJSON_IsString(value)) {
        return "str";
    }
    if (cJSON_IsBool(value)) {
        return "bool";
    }
    if (cJSON_IsNumber(value)) {
        return value->valuedouble == floor(value->valuedouble) ? "int" : "float";
    }
    if (cJSON_IsArray(value)) {
        return "list";
    }
    return cJSON_IsObject(value) ? "dict" : "NoneType";
}

/* kwargs that are missing or empty fail the handler's own assertion (LINK: prusa_link.py, `assert
 * caller.kwargs`). */
static const cJSON *member(const cJSON *kwargs, const char *key, struct value_error *error)
{
    *error = (struct value_error){.type = "AssertionError"};
    if (!cJSON_IsObject(kwargs)) {
        if (kwargs != NULL && !cJSON_IsNull(kwargs)) {
            error->type = "TypeError";
            snprintf(error->text, sizeof error->text, "'%s' object is not subscriptable",
                     python_type(kwargs));
        }
        return NULL;
    }
    if (kwargs->child == NULL) {
        return NULL;
    }
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(kwargs, key);
    if (value == NULL) {
        error->type = "KeyError";
        snprintf(error->text, sizeof error->text, "%s", key);
    }
    return value;
}

const char *value_text(const cJSON *kwargs, const char *key, struct value_error *error)
{
    const cJSON *value = member(kwargs, key, error);
    if (value == NULL) {
        return NULL;
    }
    if (!cJSON_IsString(value)) {
        error->type = strcmp(key, "path") == 0 ? "TypeError" : "AttributeError";
        snprintf(error->text, sizeof error->text,
                 "expected str, bytes or os.PathLike object, not %s", python_type(value));
        snprintf(error->split, sizeof error->split, "'%s' object has no attribute 'split'",
                 python_type(value));
        return NULL;
    }
    return value->valuestring;
}

static void print_number(double value, char text[32])
{
    if (value == floor(value) && fabs(value) < 1e15) {
        snprintf(text, 32, "%.0f", value); /* JSON's 60 is an int of Python */
    } else {
        json_float_text(value, text);
    }
}

const char *value_printed(const cJSON *kwargs, const char *key, struct buffer *scratch,
                          struct value_error *error)
{
    const cJSON *value = member(kwargs, key, error);
    if (value == NULL || cJSON_IsString(value)) {
        return value == NULL ? NULL : value->valuestring;
    }
    if (cJSON_IsNumber(value)) {
        char number[32];
        print_number(value->valuedouble, number);
        buffer_append_text(scratch, number);
    } else if (cJSON_IsBool(value)) {
        buffer_append_text(scratch, cJSON_IsTrue(value) ? "True" : "False");
    } else if (cJSON_IsNull(value)) {
        buffer_append_text(scratch, "None");
    } else {
        char *text = cJSON_PrintUnformatted(value);
        buffer_append_text(scratch, text);
        free(text);
    }
    return buffer_text(scratch);
}

static bool blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (strchr(" \t\r\f\v", line[i]) == NULL) {
            return false;
        }
    }
    return true;
}

void value_gcode_lines(const char *text, struct buffer *lines)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        if (!blank(text, size)) {
            if (lines->size > 0) {
                buffer_append_char(lines, '\n');
            }
            for (size_t i = 0; i < size; i++) {
                if (text[i] != '\r') {
                    buffer_append_char(lines, text[i]);
                }
            }
        }
        text += size + (text[size] == '\n');
    }
}

bool value_filament(const cJSON *kwargs, struct filament_heat *heat, struct value_error *error)
{
    if (kwargs == NULL || cJSON_IsNull(kwargs)) {
        *error = (struct value_error){.type = "TypeError",
                                      .text = "'NoneType' object is not subscriptable"};
        return false;
    }
    if (cJSON_IsObject(kwargs) && kwargs->child == NULL) {
        *error = (struct value_error){.type = "KeyError", .text = "bed_temperature"};
        return false;
    }
    const cJSON *bed = member(kwargs, "bed_temperature", error);
    const cJSON *nozzle = bed == NULL ? NULL : member(kwargs, "nozzle_temperature", error);
    if (nozzle == NULL) {
        return false;
    }
    if (!cJSON_IsNumber(nozzle) || !cJSON_IsNumber(bed) || fabs(nozzle->valuedouble) > 1e6) {
        const cJSON *wrong = cJSON_IsNumber(nozzle) ? bed : nozzle;
        error->type = "TypeError";
        if (cJSON_IsString(wrong) || cJSON_IsArray(wrong)) {
            snprintf(error->text, sizeof error->text,
                     "can't multiply sequence by non-int of type 'float'");
        } else {
            snprintf(error->text, sizeof error->text,
                     "unsupported operand type(s) for *: '%s' and 'float'", python_type(wrong));
        }
        return false;
    }
    print_number(bed->valuedouble, heat->bed);
    print_number(nozzle->valuedouble, heat->nozzle);
    heat->extrude_c =
        (int)nearbyint(nozzle->valuedouble * 0.9 / 5) * 5; /* round() of Python: half to even */
    return true;
}
