#include "sim/machine/model_read.h"

#include <stdio.h>
#include <string.h>

/* A model is a page or two of text. */
enum { FILE_SIZE_MAX = 64 * 1024 };

static const char *limit_of(const char *path)
{
    static const struct {
        const char *section;
        const struct model_limit *limits;
    } sections[] = {
        {"identity", model_identity_limits}, {"mmu", model_mmu_limits},
        {"nozzle", model_heater_limits},     {"bed", model_heater_limits},
        {"hotend_fan", model_fan_limits},    {"print_fan", model_fan_limits},
        {"motion", model_motion_limits},     {"buddy", model_buddy_limits},
        {"resin", model_resin_limits},       {"uploads", model_upload_limits},
    };
    size_t length = strcspn(path, ".");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0] && path[length] == '.'; i++) {
        if (strlen(sections[i].section) != length ||
            strncmp(sections[i].section, path, length) != 0) {
            continue;
        }
        for (const struct model_limit *limit = sections[i].limits; limit->path != NULL; limit++) {
            if (strcmp(limit->path, path + length + 1) == 0) {
                return limit->expected;
            }
        }
    }
    return NULL;
}

static const struct yaml_shape shape = {
    .schema = &model_schema,
    .fields = model_fields,
    .what = "model",
    .manual = "docs/models.md",
    .bytes_max = FILE_SIZE_MAX,
    .expected = limit_of,
};

bool model_text_reject(struct model_text *text, const char *path, const char *expected,
                       struct error *error)
{
    return yaml_text_reject(&text->yaml, path, expected, error);
}

static bool within(struct model_text *text, const char *section, const void *data,
                   const struct model_limit *limits, struct error *error)
{
    if (data == NULL) {
        return true;
    }
    for (const struct model_limit *limit = limits; limit->path != NULL; limit++) {
        const char *at = (const char *)data + limit->offset;
        double value;
        if (limit->whole) {
            int whole;
            memcpy(&whole, at, sizeof whole);
            value = whole;
        } else {
            memcpy(&value, at, sizeof value);
        }
        if (!(value >= limit->least && value <= limit->most)) { /* NaN is neither */
            char path[100];
            snprintf(path, sizeof path, "%s.%s", section, limit->path);
            return model_text_reject(text, path, limit->expected, error);
        }
    }
    return true;
}

static bool all_within(struct model_text *text, struct error *error)
{
    const struct model_document *document = text->document;
    if (document->board_above_room_k != NULL &&
        !(*document->board_above_room_k >= -50 && *document->board_above_room_k <= 100)) {
        return model_text_reject(text, "board_above_room_k", "a difference in K from -50 to 100",
                                 error);
    }
    return within(text, "identity", document->identity, model_identity_limits, error) &&
           within(text, "mmu", document->mmu, model_mmu_limits, error) &&
           within(text, "buddy", document->buddy, model_buddy_limits, error) &&
           within(text, "resin", document->resin, model_resin_limits, error) &&
           within(text, "nozzle", document->nozzle, model_heater_limits, error) &&
           within(text, "bed", document->bed, model_heater_limits, error) &&
           within(text, "hotend_fan", document->hotend_fan, model_fan_limits, error) &&
           within(text, "print_fan", document->print_fan, model_fan_limits, error) &&
           within(text, "motion", document->motion, model_motion_limits, error) &&
           within(text, "uploads", document->uploads, model_upload_limits, error);
}

bool model_text_read(struct model_text *text, const char *place, const char *bytes, size_t size,
                     struct error *error)
{
    *text = (struct model_text){.place = place};
    bool read = yaml_text_read(&text->yaml, &shape, place, bytes, size, error);
    text->document = text->yaml.document;
    return read && all_within(text, error);
}

void model_text_free(struct model_text *text)
{
    yaml_text_free(&text->yaml);
    *text = (struct model_text){0};
}
