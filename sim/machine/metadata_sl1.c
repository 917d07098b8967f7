#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/archive.h"
#include "sim/machine/base64.h"
#include "sim/machine/metadata_parts.h"
#include "sim/machine/metadata_value.h"

/* Projects for resin printers, as the library reads them (gcode-metadata:
 * gcode_metadata/metadata.py, SLMetaData): config.json alone tells something (file-formats.md 6).
 */

enum {
    CONFIG_BYTES_MAX = 1 << 20,
    THUMBNAIL_BYTES_MAX = 8 << 20,
    THUMBNAILS_BYTES_MAX = 32 << 20, /* all together */
};

/* Under which name a key leaves and what its value becomes. Both names are keys. */
enum conversion { TO_INT, TO_WHOLE_SECONDS, TO_FLOAT, TO_HUNDREDTHS, TO_STRING };

static const struct {
    const char *key, *name;
    enum conversion conversion;
} attributes[] = {
    {"printTime", "estimated_print_time", TO_WHOLE_SECONDS},
    {"layerHeight", "layer_height", TO_FLOAT},
    {"materialName", "material", TO_STRING},
    {"expTime", "exposure_time", TO_FLOAT},
    {"expTimeFirst", "exposure_time_first", TO_FLOAT},
    {"total_layers", "total_layers", TO_INT},
    {"total_height", "total_height", TO_FLOAT},
    {"usedMaterial", "resin_used_ml", TO_HUNDREDTHS},
    {"printerModel", "printer_model", TO_STRING},
};

enum outcome { SET, NOT_SET, STOP }; /* STOP: what the library does not catch */

/* float(value) of Python. */
static enum outcome as_float(const cJSON *value, double *number)
{
    if (cJSON_IsString(value)) {
        struct buffer text = {0};
        bool good =
            metadata_value_float(&text, value->valuestring, strlen(value->valuestring), number);
        buffer_free(&text);
        return good ? SET : NOT_SET;
    }
    if (cJSON_IsBool(value)) {
        *number = cJSON_IsTrue(value);
        return SET;
    }
    *number = cJSON_IsNumber(value) ? value->valuedouble : 0;
    return cJSON_IsNumber(value) && isfinite(*number) ? SET : STOP;
}

static void append_float(struct buffer *out, double number)
{
    char text[32];
    buffer_append(out, text, json_float_text(number, text));
}

static enum outcome convert_number(struct buffer *out, enum conversion conversion,
                                   const cJSON *value)
{
    if (conversion == TO_INT && cJSON_IsString(value)) {
        return metadata_value_int(out, value->valuestring, strlen(value->valuestring)) ? SET
                                                                                       : NOT_SET;
    }
    double number;
    enum outcome outcome = as_float(value, &number);
    if (outcome != SET) {
        return outcome;
    }
    if (conversion == TO_FLOAT) {
        append_float(out, number);
    } else if (conversion == TO_HUNDREDTHS) {
        char text[400]; /* printf rounds as round() does: by the exact value */
        snprintf(text, sizeof text, "%.2f", number);
        append_float(out, strtod(text, NULL));
    } else {
        buffer_format(out, "%.0f", trunc(number) == 0 ? 0 : trunc(number));
    }
    return SET;
}

static enum outcome convert(struct buffer *out, enum conversion conversion, const cJSON *value)
{
    if (conversion != TO_STRING) {
        return convert_number(out, conversion, value);
    }
    if (cJSON_IsString(value)) {
        metadata_value_string(out, value->valuestring, strlen(value->valuestring));
    } else if (cJSON_IsBool(value)) {
        buffer_append_text(out, cJSON_IsTrue(value) ? "\"True\"" : "\"False\"");
    } else if (cJSON_IsNumber(value)) {
        char *text = cJSON_PrintUnformatted(value);
        buffer_format(out, "\"%s\"", text);
        cJSON_free(text);
    } else {
        return NOT_SET; /* Python's own text of a list or an object is nothing anyone wants */
    }
    return SET;
}

static enum outcome set_member(struct metadata *metadata, const cJSON *item)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        if (strcmp(item->string, attributes[i].key) == 0 ||
            strcmp(item->string, attributes[i].name) == 0) {
            struct buffer json = {0};
            enum outcome outcome =
                cJSON_IsNull(item) ? NOT_SET : convert(&json, attributes[i].conversion, item);
            if (outcome == SET) {
                metadata_put(metadata, attributes[i].name, buffer_detach(&json));
            }
            buffer_free(&json);
            return outcome;
        }
    }
    return NOT_SET;
}

/* False: reading stops here. An archive without config.json has thumbnails all the same. */
static bool read_config(struct metadata *metadata, struct archive *archive)
{
    long entry = archive_find(archive, "config.json");
    if (entry < 0) {
        return true;
    }
    struct buffer text = {0};
    bool good = archive_read(archive, (size_t)entry, CONFIG_BYTES_MAX, &text, NULL) &&
                metadata_utf8_valid(buffer_text(&text), text.size);
    cJSON *root =
        good ? cJSON_ParseWithLengthOpts(buffer_text(&text), text.size + 1, NULL, true) : NULL;
    good = cJSON_IsObject(root);
    const cJSON *item = NULL;
    if (good) {
        cJSON_ArrayForEach(item, root)
        {
            good = good && set_member(metadata, item) != STOP;
        }
    }
    cJSON_Delete(root);
    buffer_free(&text);
    return good;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* "thumbnail/x400x300.png": "400x300_PNG". NULL: the name says no size. */
static char *thumbnail_key(const char *name)
{
    static const char *const formats[][2] = {{".qoi", "_QOI"}, {".jpg", "_JPG"}, {".png", "_PNG"}};
    if (strncmp(name, "thumbnail/", strlen("thumbnail/")) != 0) {
        return NULL;
    }
    for (const char *at = name; *at != '\0'; at++) {
        size_t width = digits(at), height = 0;
        if (width > 0 && at[width] == 'x') {
            height = digits(at + width + 1);
        }
        size_t size = width + 1 + height;
        for (size_t i = 0; height > 0 && i < sizeof formats / sizeof *formats; i++) {
            if (strncmp(at + size, formats[i][0], strlen(formats[i][0])) == 0) {
                struct buffer key = {0};
                buffer_append(&key, at, size);
                buffer_append_text(&key, formats[i][1]);
                return buffer_detach(&key);
            }
        }
    }
    return NULL;
}

/* All or none: one that is damaged stops the library before it keeps any. */
static void read_thumbnails(struct metadata *metadata, struct archive *archive)
{
    size_t left = THUMBNAILS_BYTES_MAX;
    for (size_t i = 0; i < archive_count(archive); i++) {
        char *key = thumbnail_key(archive_name(archive, i));
        if (key == NULL) {
            continue;
        }
        struct buffer bytes = {0}, text = {0};
        bool good = archive_read(
            archive, i, left < THUMBNAIL_BYTES_MAX ? left : THUMBNAIL_BYTES_MAX, &bytes, NULL);
        base64_encode(&text, bytes.bytes, bytes.size);
        left -= bytes.size;
        size_t size = text.size;
        good = metadata_put_thumbnail(metadata, key, buffer_detach(&text), size) && good;
        buffer_free(&bytes);
        if (!good) {
            metadata_drop_thumbnails(metadata);
            return;
        }
    }
}

void metadata_read_sl1(struct metadata *metadata, const struct file_content *content)
{
    struct archive *archive = archive_open(content, NULL);
    if (archive != NULL && read_config(metadata, archive)) {
        read_thumbnails(metadata, archive);
    }
    archive_close(archive);
}
