#include "sim/machine/griffin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/gcode.h"
#include "sim/machine/metadata_value.h"

/* ";KEY:VALUE" lines; a key that comes again replaces the earlier one. */
struct pair {
    char key[GRIFFIN_TEXT_BYTES_MAX], value[GRIFFIN_TEXT_BYTES_MAX];
};

struct pairs {
    struct pair at[GRIFFIN_LINES_MAX];
    size_t count;
};

static bool begins(const char *line, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* Without white space at either end. */
static bool copy_stripped(char out[GRIFFIN_TEXT_BYTES_MAX], const char *text, size_t size)
{
    static const char space[] = " \t\r\v\f";
    while (size > 0 && memchr(space, *text, sizeof space - 1) != NULL) {
        text++;
        size--;
    }
    while (size > 0 && memchr(space, text[size - 1], sizeof space - 1) != NULL) {
        size--;
    }
    if (size >= GRIFFIN_TEXT_BYTES_MAX) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

static bool add_line(struct pairs *pairs, const char *line, size_t size, struct error *error)
{
    const char *colon = memchr(line, ':', size), *end = line + size;
    if (size == 0 || *line != ';' || colon == NULL) {
        return true;
    }
    if (memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL &&
        !begins(line, size, ";HEADER_VERSION")) {
        return error_set(error, "a second colon in the line");
    }
    struct pair *pair = &pairs->at[pairs->count];
    if (!copy_stripped(pair->key, line + 1, (size_t)(colon - line - 1)) ||
        !copy_stripped(pair->value, colon + 1, (size_t)(end - colon - 1))) {
        return error_set(error, "key or value longer than %d bytes", GRIFFIN_TEXT_BYTES_MAX - 1);
    }
    for (char *c = pair->key; *c != '\0'; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
    }
    pairs->count++;
    return true;
}

static bool read_pairs(struct pairs *pairs, const struct file_content *gcode, struct error *error)
{
    struct gcode_reader *reader = memory_new(sizeof *reader);
    gcode_reader_init(reader, gcode);
    bool good = true, more = true;
    for (int number = 1; good && more && number <= GRIFFIN_LINES_MAX; number++) {
        const char *line;
        size_t size;
        enum gcode_read result = gcode_reader_next(reader, &line, &size, error);
        good = result != GCODE_READ_FAILED;
        more = result == GCODE_READ_LINE && !begins(line, size, ";LAYER") &&
               !begins(line, size, ";END_OF_HEADER");
        if (more && !begins(line, size, ";START_OF_HEADER")) {
            good = (metadata_utf8_valid(line, size) || error_set(error, "not UTF-8")) &&
                   add_line(pairs, line, size, error);
            good = good || error_prefix(error, "line %d", number);
        }
    }
    free(reader);
    return good;
}

/* The last value of a key; NULL: not there or empty. */
static const char *value_of(const struct pairs *pairs, const char *key)
{
    for (size_t i = pairs->count; i-- > 0;) {
        if (strcmp(pairs->at[i].key, key) == 0) {
            return *pairs->at[i].value != '\0' ? pairs->at[i].value : NULL;
        }
    }
    return NULL;
}

static bool demand(const struct pairs *pairs, const char *key, struct error *error)
{
    return value_of(pairs, key) != NULL || error_set(error, "%s must be set", key);
}

static bool read_number(const struct pairs *pairs, const char *key, double *number,
                        struct error *error)
{
    const char *value = value_of(pairs, key);
    struct buffer text = {0};
    bool good =
        value != NULL && metadata_value_float(&text, value, strlen(value), number) && *number >= 0;
    buffer_free(&text);
    return good || error_set(error, "%s must be set and be a number of 0 or more", key);
}

static bool read_size(struct griffin_header *header, const struct pairs *pairs, struct error *error)
{
    for (int i = 0; i < 6; i++) {
        char key[32];
        snprintf(key, sizeof key, "print.size.%s.%c", i < 3 ? "min" : "max", "xyz"[i % 3]);
        const char *value = value_of(pairs, key);
        if (value == NULL) {
            return error_set(error, "%s must be set", key);
        }
        double number = strtod(value, NULL); /* the library takes any text for a size */
        *(i < 3 ? &header->min_mm[i] : &header->max_mm[i - 3]) = isfinite(number) ? number : 0;
    }
    return true;
}

static bool read_tool(struct griffin_header *header, const struct pairs *pairs, int index,
                      struct error *error)
{
    char prefix[32], key[64];
    int size = snprintf(prefix, sizeof prefix, "extruder_train.%d.", index);
    bool there = false;
    for (size_t i = 0; i < pairs->count; i++) {
        there = there || strncmp(pairs->at[i].key, prefix, (size_t)size) == 0;
    }
    if (!there) {
        return true;
    }
    struct griffin_tool *tool = &header->tools[header->tool_count++];
    tool->index = index;
    const struct {
        const char *name;
        double *number;
    } numbers[] = {{"nozzle.diameter", &tool->nozzle_mm},
                   {"material.volume_used", &tool->volume_mm3},
                   {"initial_temperature", &tool->initial_c}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(key, sizeof key, "%s%s", prefix, numbers[i].name);
        if (!read_number(pairs, key, numbers[i].number, error)) {
            return false;
        }
    }
    snprintf(key, sizeof key, "%snozzle.name", prefix);
    const char *nozzle = value_of(pairs, key);
    snprintf(tool->nozzle, sizeof tool->nozzle, "%s", nozzle != NULL ? nozzle : "");
    snprintf(key, sizeof key, "%smaterial.guid", prefix);
    const char *material = value_of(pairs, key);
    snprintf(tool->material, sizeof tool->material, "%s", material != NULL ? material : "");
    return true;
}

static bool read_griffin(struct griffin_header *header, const struct pairs *pairs,
                         struct error *error)
{
    static const char *const needed[] = {"target_machine.name", "generator.name",
                                         "generator.version", "generator.build_date"};
    const char *version = value_of(pairs, "header_version");
    if (version == NULL || strcmp(version, "0.1") != 0) {
        return error_set(error, "header_version \"%s\", expected 0.1",
                         version != NULL ? version : "");
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!demand(pairs, needed[i], error)) {
            return false;
        }
    }
    double time_s;
    bool own = value_of(pairs, "print.time") != NULL;
    if (!read_number(pairs, "build_plate.initial_temperature", &header->bed_c, error) ||
        !read_size(header, pairs, error) ||
        !read_number(pairs, own ? "print.time" : "time", &time_s, error)) {
        return false;
    }
    header->time_s = time_s < 1e15 ? (int64_t)time_s : INT64_C(1000000000000000);
    snprintf(header->machine, sizeof header->machine, "%s", value_of(pairs, "target_machine.name"));
    for (int index = 0; index < GRIFFIN_TOOLS_MAX; index++) {
        if (!read_tool(header, pairs, index, error)) {
            return false;
        }
    }
    return header->tool_count > 0 || error_set(error, "extruder_train must be set");
}

bool griffin_read(struct griffin_header *header, const struct file_content *gcode,
                  struct error *error)
{
    memset(header, 0, sizeof *header);
    struct pairs *pairs = memory_new(sizeof *pairs);
    bool good = read_pairs(pairs, gcode, error);
    const char *flavor = value_of(pairs, "flavor");
    snprintf(header->flavor, sizeof header->flavor, "%s", flavor != NULL ? flavor : "");
    if (good && strcmp(header->flavor, "UltiGCode") == 0) {
        strcpy(header->machine, "ultimaker2");
    } else if (good &&
               (strcmp(header->flavor, "Griffin") == 0 || strcmp(header->flavor, "Cheetah") == 0)) {
        good = read_griffin(header, pairs, error);
    } else if (good) {
        good = error_set(error, "flavor \"%s\", expected Griffin, Cheetah or UltiGCode",
                         header->flavor);
    }
    free(pairs);
    return good || error_prefix(error, "header of the g-code");
}
