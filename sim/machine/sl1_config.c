#include "sim/machine/sl1_config.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

/* Keys, limits and defaults: file-formats.md 6, printer-models.md 8.1; sla-fw:
 * slafw/project/config.py. */

enum kind { KIND_TEXT, KIND_INT, KIND_NUMBER };

static const struct field {
    const char *key;
    enum kind kind;
    size_t offset;
    double min, max;
} fields[] = {
    {"jobDir", KIND_TEXT, offsetof(struct sl1_config, job_dir), 0, 0},
    {"printerModel", KIND_TEXT, offsetof(struct sl1_config, printer_model), 0, 0},
    {"printerVariant", KIND_TEXT, offsetof(struct sl1_config, printer_variant), 0, 0},
    {"expTime", KIND_NUMBER, offsetof(struct sl1_config, exposure_s), 1, 60},
    {"expTimeFirst", KIND_NUMBER, offsetof(struct sl1_config, exposure_first_s), 10, 120},
    {"expUserProfile", KIND_INT, offsetof(struct sl1_config, user_profile), 0, 2},
    {"layerHeight", KIND_NUMBER, offsetof(struct sl1_config, layer_height_mm), -1, 150},
    {"layerHeightFirst", KIND_NUMBER, offsetof(struct sl1_config, layer_height_first_mm), 0, 150},
    {"stepnum", KIND_INT, offsetof(struct sl1_config, layer_microsteps), 1, 120000},
    {"numFade", KIND_INT, offsetof(struct sl1_config, fade_layers), 2, 200},
    {"usedMaterial", KIND_NUMBER, offsetof(struct sl1_config, used_material_ml), 0, 1e6},
    {"calibrateRegions", KIND_INT, offsetof(struct sl1_config, calibrate_regions), 0, 10},
    {"calibrateTime", KIND_NUMBER, offsetof(struct sl1_config, calibrate_s), 0.1, 5},
};

static const struct sl1_config defaults = {
    .printer_model = "SL1",
    .printer_variant = "default",
    .exposure_s = 8,
    .exposure_first_s = 35,
    .layer_height_mm = -1,
    .layer_height_first_mm = 0.05,
    .layer_microsteps = 40,
    .fade_layers = 10,
    .used_material_ml = 131.5,
    .calibrate_s = 1,
    .area_fill_percent = 35,
};

/* Heights below this are the old projects' -1. */
static const double height_min_mm = 0.0099;
static const double microstep_mm = 0.00125;

static const struct field *field_of(const char *key)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].key, key) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static bool set_number(struct sl1_config *config, const struct field *field, double value,
                       enum sl1_warning *warning, struct error *error)
{
    if (!isfinite(value) || (field->kind == KIND_INT && value != floor(value))) {
        return error_set(error, "%s: expected %s", field->key,
                         field->kind == KIND_INT ? "an integer" : "a number");
    }
    double cut = fmin(fmax(value, field->min), field->max);
    *warning = cut != value ? SL1_SETTINGS_CHANGED : *warning;
    if (field->kind == KIND_INT) {
        int whole = (int)cut;
        memcpy((char *)config + field->offset, &whole, sizeof whole);
    } else {
        memcpy((char *)config + field->offset, &cut, sizeof cut);
    }
    return true;
}

static bool set_text(struct sl1_config *config, const struct field *field, const char *text,
                     struct error *error)
{
    size_t size = strlen(text);
    if (size >= SL1_TEXT_BYTES_MAX) {
        return error_set(error, "%s: longer than %d bytes", field->key, SL1_TEXT_BYTES_MAX - 1);
    }
    memcpy((char *)config + field->offset, text, size + 1);
    return true;
}

static bool add_exact(struct sl1_config *config, double value, struct error *error)
{
    if (config->calibrate_exact_count == SL1_REGIONS_MAX || !(value >= 0 && value <= 3600)) {
        return error_set(error, "calibrateTimeExact: expected at most %d times of 0 to 3600 s",
                         SL1_REGIONS_MAX);
    }
    config->calibrate_exact_s[config->calibrate_exact_count++] = value;
    return true;
}

static bool set_value(struct sl1_config *config, const char *key, const char *value,
                      enum sl1_warning *warning, struct error *error)
{
    if (strcmp(key, "calibrateTimeExact") == 0) {
        for (const char *at = value + strspn(value, "[], \t"); *at != '\0';) {
            char *end;
            double time = strtod(at, &end);
            if (end == at) {
                return error_set(error, "%s: expected numbers", key);
            }
            if (!add_exact(config, time, error)) {
                return false;
            }
            at = end + strspn(end, "[], \t");
        }
        return true;
    }
    const struct field *field = field_of(key);
    if (field == NULL || field->kind == KIND_TEXT) {
        return field == NULL || set_text(config, field, value, error);
    }
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != '\0') {
        number = NAN;
    }
    return set_number(config, field, number, warning, error);
}

/* An old project has its height in microsteps (sla-fw: slafw/project/project.py). */
static void settle(struct sl1_config *config)
{
    if (config->layer_height_mm <= height_min_mm) {
        config->layer_height_mm = config->layer_microsteps * microstep_mm;
    }
}

static char *stripped(char *text)
{
    text += strspn(text, " \t\r");
    for (size_t size = strlen(text); size > 0 && strchr(" \t\r", text[size - 1]) != NULL;) {
        text[--size] = '\0';
    }
    return text;
}

bool sl1_config_read_ini(struct sl1_config *config, const struct buffer *text,
                         enum sl1_warning *warning, struct error *error)
{
    *config = defaults;
    char *copy = memory_copy_text(buffer_text(text)), *next = copy;
    bool good = true;
    for (int number = 1; good && next != NULL; number++) {
        char *line = strsep(&next, "\n"), *equals = strchr(line, '=');
        if (equals != NULL && *line != '#') {
            *equals = '\0';
            good = set_value(config, stripped(line), stripped(equals + 1), warning, error) ||
                   error_prefix(error, "config.ini, line %d", number);
        }
    }
    free(copy);
    settle(config);
    return good;
}

/* Numbers of 0 to an hour; what is not there stays. */
static bool read_ms(const cJSON *object, const char *key, int *ms, struct error *error)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (item == NULL) {
        return true;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 3600e3)) {
        return error_set(error, "%s: expected 0 to 3600000 ms", key);
    }
    *ms = (int)item->valuedouble;
    return true;
}

static bool read_area(const cJSON *profile, const char *key, struct sl1_area_profile *area,
                      struct error *error)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(profile, key);
    return (cJSON_IsObject(object) || error_set(error, "expected an object")) &&
           read_ms(object, "delay_before_exposure_ms", &area->delay_before_ms, error) &&
           read_ms(object, "delay_after_exposure_ms", &area->delay_after_ms, error);
}

static bool read_profile(struct sl1_config *config, const cJSON *profile, struct error *error)
{
    if (!cJSON_IsObject(profile)) {
        return error_set(error, "exposure_profile: expected an object");
    }
    const cJSON *fill = cJSON_GetObjectItemCaseSensitive(profile, "area_fill");
    if (fill != NULL) {
        if (!cJSON_IsNumber(fill) || !(fill->valuedouble >= 0 && fill->valuedouble <= 100)) {
            return error_set(error, "exposure_profile.area_fill: expected 0 to 100");
        }
        config->area_fill_percent = fill->valuedouble;
    }
    config->has_profiles = true;
    return (read_area(profile, "below_area_fill", &config->below, error) ||
            error_prefix(error, "exposure_profile.below_area_fill")) &&
           (read_area(profile, "above_area_fill", &config->above, error) ||
            error_prefix(error, "exposure_profile.above_area_fill"));
}

static bool read_item(struct sl1_config *config, const cJSON *item, enum sl1_warning *warning,
                      struct error *error)
{
    const struct field *field = field_of(item->string);
    if (strcmp(item->string, "exposure_profile") == 0) {
        return read_profile(config, item, error);
    }
    if (strcmp(item->string, "calibrateTimeExact") == 0) {
        const cJSON *time;
        cJSON_ArrayForEach(time, item)
        {
            if (!cJSON_IsNumber(time)) {
                return error_set(error, "calibrateTimeExact: expected numbers");
            }
            if (!add_exact(config, time->valuedouble, error)) {
                return false;
            }
        }
        return true;
    }
    if (field == NULL) {
        return true;
    }
    if (field->kind != KIND_TEXT && cJSON_IsNumber(item)) {
        return set_number(config, field, item->valuedouble, warning, error);
    }
    return cJSON_IsString(item) ? set_value(config, item->string, item->valuestring, warning, error)
                                : error_set(error, "%s: expected %s", field->key,
                                            field->kind == KIND_TEXT ? "a string" : "a number");
}

bool sl1_config_read_json(struct sl1_config *config, const struct buffer *text,
                          enum sl1_warning *warning, struct error *error)
{
    *config = defaults;
    cJSON *root = cJSON_ParseWithLength(buffer_text(text), text->size);
    bool good = cJSON_IsObject(root) || error_set(error, "expected a JSON object");
    const cJSON *item;
    if (good) {
        cJSON_ArrayForEach(item, root)
        {
            good = good && read_item(config, item, warning, error);
        }
    }
    cJSON_Delete(root);
    settle(config);
    return good || error_prefix(error, "config.json");
}
