#include "sim/machine/metadata.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/base/memory.h"
#include "sim/machine/metadata_parts.h"
#include "sim/machine/metadata_value.h"

/* How a value of the file becomes JSON, and how those of several tools become one. */
enum value_type { VALUE_STRING, VALUE_INT, VALUE_FLOAT, VALUE_JSON };
enum combine { COMBINE_NONE, COMBINE_SUM, COMBINE_SAME };

static const struct attribute {
    const char *name;
    enum value_type type;
    enum combine combine;
    const char *separator;
} attributes[] = {
    {"estimated printing time (normal mode)", VALUE_STRING, COMBINE_NONE, NULL},
    {"printer_model", VALUE_STRING, COMBINE_NONE, NULL},
    {"layer_height", VALUE_FLOAT, COMBINE_NONE, NULL},
    {"fill_density", VALUE_STRING, COMBINE_NONE, NULL},
    {"brim_width", VALUE_INT, COMBINE_NONE, NULL},
    {"support_material", VALUE_INT, COMBINE_NONE, NULL},
    {"ironing", VALUE_INT, COMBINE_NONE, NULL},
    {"max_layer_z", VALUE_FLOAT, COMBINE_NONE, NULL},
    {"objects_info", VALUE_JSON, COMBINE_NONE, NULL},
    {"filament used [cm3]", VALUE_FLOAT, COMBINE_SUM, ", "},
    {"filament used [mm]", VALUE_FLOAT, COMBINE_SUM, ", "},
    {"filament used [g]", VALUE_FLOAT, COMBINE_SUM, ", "},
    {"filament cost", VALUE_FLOAT, COMBINE_SUM, ", "},
    {"filament_type", VALUE_STRING, COMBINE_SAME, ";"},
    {"temperature", VALUE_INT, COMBINE_SAME, ","},
    {"bed_temperature", VALUE_INT, COMBINE_SAME, ","},
    {"nozzle_diameter", VALUE_FLOAT, COMBINE_SAME, ","},
    {"extruder_colour", VALUE_STRING, COMBINE_SAME, ";"},
    {"nozzle_high_flow", VALUE_INT, COMBINE_SAME, ","},
    {"filament_abrasive", VALUE_INT, COMBINE_SAME, ","},
};

/* Endings, whatever is before them: those of projects have no point in the library. */
static const char *const extensions[] = {".gcode", ".gc", ".g", ".gco"};
static const char *const project_extensions[] = {"sl1", "sl1s", "m1"};

void metadata_put(struct metadata *metadata, const char *key, char *json)
{
    for (size_t i = 0; i < metadata->count; i++) {
        if (strcmp(metadata->items[i].key, key) == 0) {
            free(metadata->items[i].json);
            metadata->items[i].json = json;
            return;
        }
    }
    assert(metadata->count < METADATA_ITEMS_MAX); /* there are fewer names than that */
    metadata->items[metadata->count++] =
        (struct metadata_item){.key = memory_copy_text(key), .json = json};
}

static bool convert(struct buffer *out, enum value_type type, const char *text, size_t size,
                    double *number)
{
    switch (type) {
    case VALUE_STRING:
        return metadata_value_string(out, text, size);
    case VALUE_INT:
        return metadata_value_int(out, text, size);
    case VALUE_FLOAT:
        return metadata_value_float(out, text, size, number);
    case VALUE_JSON:
        return metadata_value_json(out, text, size);
    }
    return false;
}

/* What has been read of "0.4,0.4,0.6". */
struct tools {
    struct buffer list, first;
    size_t count;
    bool same;
    double sum, first_number;
};

static bool add_tool(struct tools *tools, const struct attribute *attribute, const char *text,
                     size_t size)
{
    struct buffer value = {0};
    double number = 0;
    if (!convert(&value, attribute->type, text, size, &number)) {
        buffer_free(&value);
        return false;
    }
    buffer_append_text(&tools->list, tools->count > 0 ? ", " : "[");
    buffer_append(&tools->list, value.bytes, value.size);
    if (tools->count++ == 0) {
        buffer_append(&tools->first, value.bytes, value.size);
        tools->first_number = number;
        tools->same = true;
    }
    bool equal = attribute->type == VALUE_FLOAT
                     ? number == tools->first_number
                     : strcmp(buffer_text(&value), buffer_text(&tools->first)) == 0;
    tools->same = tools->same && equal;
    tools->sum += number;
    buffer_free(&value);
    return true;
}

static bool read_tools(struct tools *tools, const struct attribute *attribute, const char *value,
                       size_t size)
{
    size_t separator_size = strlen(attribute->separator);
    for (const char *at = value, *end = value + size;;) {
        const char *separator =
            memmem(at, (size_t)(end - at), attribute->separator, separator_size);
        const char *behind = separator != NULL ? separator : end;
        if (!add_tool(tools, attribute, at, (size_t)(behind - at))) {
            return false;
        }
        if (separator == NULL) {
            return true;
        }
        at = separator + separator_size;
    }
}

static void set_tools(struct metadata *metadata, const struct attribute *attribute,
                      const char *value, size_t size)
{
    struct tools tools = {0};
    if (read_tools(&tools, attribute, value, size)) {
        if (tools.count > 1) {
            buffer_append_char(&tools.list, ']');
            struct buffer key = {0};
            buffer_format(&key, "%s per tool", attribute->name);
            metadata_put(metadata, buffer_text(&key), buffer_detach(&tools.list));
            buffer_free(&key);
        }
        if (attribute->combine == COMBINE_SUM && isfinite(tools.sum)) {
            char number[32];
            metadata_put(metadata, attribute->name,
                         memory_copy_slice(number, json_float_text(tools.sum, number)));
        } else if (attribute->combine == COMBINE_SAME && tools.same) {
            metadata_put(metadata, attribute->name, buffer_detach(&tools.first));
        }
    }
    buffer_free(&tools.list);
    buffer_free(&tools.first);
}

void metadata_set(struct metadata *metadata, const char *name, size_t name_size, const char *value,
                  size_t size)
{
    const struct attribute *attribute = NULL;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes && attribute == NULL; i++) {
        bool equal = strlen(attributes[i].name) == name_size &&
                     memcmp(attributes[i].name, name, name_size) == 0;
        attribute = equal ? &attributes[i] : NULL;
    }
    if (attribute == NULL || (size == 2 && memcmp(value, "\"\"", 2) == 0)) {
        return;
    }
    if (attribute->combine != COMBINE_NONE) {
        set_tools(metadata, attribute, value, size);
        return;
    }
    struct buffer json = {0};
    double number;
    if (convert(&json, attribute->type, value, size, &number)) {
        metadata_put(metadata, attribute->name, buffer_detach(&json));
    }
    buffer_free(&json);
}

void metadata_set_true(struct metadata *metadata, const char *name)
{
    metadata_put(metadata, name, memory_copy_text("true"));
}

void metadata_free(struct metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        free(metadata->items[i].key);
        free(metadata->items[i].json);
    }
    metadata_drop_thumbnails(metadata);
    memset(metadata, 0, sizeof *metadata);
}

static bool ends_with_one(const char *name, const char *const *endings, size_t count)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(endings[i]);
        if (size >= length && strcasecmp(name + size - length, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool metadata_read(struct metadata *metadata, const char *name, const struct file_content *content)
{
    memset(metadata, 0, sizeof *metadata);
    if (ends_with_one(name, project_extensions,
                      sizeof project_extensions / sizeof *project_extensions)) {
        if (content != NULL) {
            metadata_read_sl1(metadata, content);
        }
        return true;
    }
    if (!ends_with_one(name, extensions, sizeof extensions / sizeof *extensions)) {
        return false;
    }
    if (metadata_read_name(metadata, name) && content != NULL) {
        metadata_read_content(metadata, content);
    }
    return true;
}

const char *metadata_json(const struct metadata *metadata, const char *key)
{
    for (size_t i = 0; i < metadata->count; i++) {
        if (strcmp(metadata->items[i].key, key) == 0) {
            return metadata->items[i].json;
        }
    }
    return NULL;
}

double metadata_number(const struct metadata *metadata, const char *key, double otherwise)
{
    const char *json = metadata_json(metadata, key);
    char *end = NULL;
    double value = json != NULL ? strtod(json, &end) : otherwise;
    return json != NULL && end != json && *end == '\0' ? value : otherwise;
}

void metadata_write(const struct metadata *metadata, struct json_writer *json)
{
    for (size_t i = 0; i < metadata->count; i++) {
        const struct metadata_item *item = &metadata->items[i];
        json_raw(json, item->key, item->json, strlen(item->json));
    }
    const struct metadata_thumbnail *preview = metadata_preview(metadata);
    if (preview != NULL) {
        json_text(json, "preview", preview->text, preview->size);
    }
}

/* Python: ((\d+)d\s*)?((\d+)h\s*)?((\d+)m\s*)?((\d+)s)? on the text in lower case; nothing or zero
 * is None. */
int64_t metadata_seconds(const char *text)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    static const int64_t most = INT64_C(1000000000000);
    int64_t seconds = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t number = 0;
        const char *c = text;
        for (; *c >= '0' && *c <= '9'; c++) {
            number = number < most ? number * 10 + (*c - '0') : most;
        }
        if (c == text || (*c | 0x20) != units[i].unit) {
            continue;
        }
        seconds += number * units[i].seconds;
        for (text = c + 1; *text == ' ' || (*text >= '\t' && *text <= '\r'); text++) {
        }
    }
    return seconds > 0 ? seconds : -1;
}
