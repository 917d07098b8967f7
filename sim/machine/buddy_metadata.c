#include "sim/machine/buddy_metadata.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/base64.h"
#include "sim/machine/buddy_lines.h"
#include "sim/machine/print_file.h"

enum kind { KIND_STRING, KIND_INT, KIND_FLOAT, KIND_IGNORE };

/* All other names are strings. The last ones are members that FILE_INFO has of its own. */
static const struct {
    const char *name;
    enum kind kind;
} records[] = {
    {"filament cost", KIND_FLOAT},
    {"filament used [mm]", KIND_FLOAT},
    {"filament used [cm3]", KIND_FLOAT},
    {"filament used [mm3]", KIND_FLOAT},
    {"filament used [m]", KIND_FLOAT},
    {"bed_temperature", KIND_INT},
    {"brim_width", KIND_INT},
    {"layer_height", KIND_FLOAT},
    {"temperature", KIND_INT},
    {"ironing", KIND_INT},
    {"support_material", KIND_INT},
    {"max_layer_z", KIND_FLOAT},
    {"estimated_print_time", KIND_INT},
    {"total filament used for wipe tower [g]", KIND_FLOAT},
    {"preview", KIND_IGNORE},
    {"size", KIND_IGNORE},
    {"m_timestamp", KIND_IGNORE},
    {"read_only", KIND_IGNORE},
    {"display_name", KIND_IGNORE},
    {"type", KIND_IGNORE},
    {"path", KIND_IGNORE},
};

static enum kind kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        if (strcmp(name, records[i].name) == 0) {
            return records[i].kind;
        }
    }
    return KIND_STRING;
}

/* Takes over key and text. */
static void add(struct buddy_metadata *metadata, char *key, char *text, bool number)
{
    if (metadata->count == metadata->capacity) {
        metadata->capacity = metadata->capacity > 0 ? 2 * metadata->capacity : 16;
        metadata->items =
            memory_resize(metadata->items, metadata->capacity * sizeof *metadata->items);
    }
    metadata->items[metadata->count++] =
        (struct buddy_item){.key = key, .text = text, .number = number};
}

/* strtol and strtod of the firmware decide, and nothing may be behind the number. An empty value is
 * a zero to them. */
static bool number_text(struct buffer *out, enum kind kind, const char *value)
{
    char *end = NULL;
    if (kind == KIND_FLOAT) {
        double number = strtod(value, &end);
        buffer_format(out, "%.2f", number);
    } else {
        long long number = strtoll(value, &end, 10);
        number = number > INT32_MAX ? INT32_MAX : number < INT32_MIN ? INT32_MIN : number;
        buffer_append_int(out, number);
    }
    return *end == '\0';
}

/* A line of which the first piece has been read: "; name = value" or "name=value". */
static void read_member(struct buddy_metadata *metadata, struct buddy_lines *lines)
{
    struct buddy_text name, value;
    if (!buddy_lines_assignment(lines, &name, &value)) {
        return;
    }
    char *key = memory_copy_slice(name.begin, (size_t)(name.end - name.begin));
    struct buffer text = {0}, number = {0};
    buffer_append(&text, value.begin, (size_t)(value.end - value.begin));
    size_t first_piece = text.size;
    enum kind kind = kind_of(key);
    bool cut = !lines->complete || lines->size == BUDDY_LINE_BYTES;
    while (!lines->complete && buddy_lines_next(lines)) {
        if (kind == KIND_STRING) {
            buffer_append(&text, lines->begin, lines->size);
        }
    }
    if (kind == KIND_STRING) {
        add(metadata, key, buffer_detach(&text), false);
        metadata->items[metadata->count - 1].first_piece = first_piece;
    } else if (kind != KIND_IGNORE && !cut && number_text(&number, kind, buffer_text(&text))) {
        add(metadata, key, buffer_detach(&number), true);
    } else {
        free(key);
    }
    buffer_free(&number);
    buffer_free(&text);
}

static void read_members(struct buddy_metadata *metadata, const struct file_content *content,
                         enum buddy_lines_mode mode)
{
    struct buddy_lines *lines = memory_new(sizeof *lines);
    buddy_lines_init(lines, content, mode);
    while (metadata->count < BUDDY_ITEMS_MAX && buddy_lines_next(lines)) {
        read_member(metadata, lines);
    }
    free(lines);
}

void buddy_metadata_read(struct buddy_metadata *metadata, const char *name,
                         const struct file_content *content)
{
    memset(metadata, 0, sizeof *metadata);
    static const struct buddy_wish wish = {BUDDY_PREVIEW_PIXELS_MIN, BUDDY_PREVIEW_PIXELS_MIN,
                                           BUDDY_PNG, .larger = true};
    struct buffer picture = {0}, preview = {0};
    enum print_file_kind kind = print_file_kind(name);
    if (buddy_picture_read(&picture, name, content, &wish)) {
        base64_encode(&preview, picture.bytes, picture.size);
    }
    if (kind == PRINT_FILE_GCODE) {
        read_members(metadata, content, BUDDY_PLAIN_METADATA);
    } else if (kind == PRINT_FILE_BGCODE) {
        struct file_content *block = buddy_binary_metadata(content);
        if (block != NULL) {
            read_members(metadata, block, BUDDY_ALL_LINES);
            file_content_release(block);
        }
    }
    metadata->preview_size = preview.size;
    metadata->preview = preview.size > 0 ? buffer_detach(&preview) : NULL;
    buffer_free(&preview);
    buffer_free(&picture);
}

void buddy_metadata_free(struct buddy_metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        free(metadata->items[i].key);
        free(metadata->items[i].text);
    }
    free(metadata->items);
    free(metadata->preview);
    memset(metadata, 0, sizeof *metadata);
}

void buddy_metadata_write(const struct buddy_metadata *metadata, struct json_writer *json)
{
    if (metadata->preview != NULL) {
        json_text(json, "preview", metadata->preview, metadata->preview_size);
    }
    for (size_t i = 0; i < metadata->count; i++) {
        const struct buddy_item *item = &metadata->items[i];
        if (item->number) {
            json_raw(json, item->key, item->text, strlen(item->text));
        } else {
            json_string(json, item->key, item->text);
        }
    }
}
