#include "sim/machine/model_take.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/exposure.h"
#include "sim/machine/heater.h"

/* From a document to a model: what each section says is judged, then taken. */

/* A section that the file doesn't have comes from the base, and without one it is missing. */
static bool needs(const struct model_text *text, const void *section, const struct model *base,
                  const char *name, struct error *error)
{
    return section != NULL || base != NULL ||
           error_set(error, "%s:1: field '%s' is missing: expected it here or a 'base' that has it",
                     text->place, name);
}

static void replace_text(char **member, const char *text)
{
    free(*member);
    *member = memory_copy_text(text);
}

static bool take_identity(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_identity *identity = text->document->identity;
    if (identity == NULL) {
        return true;
    }
    if (strcmp(identity->family, "mk3") != 0 && strcmp(identity->family, "buddy") != 0 &&
        strcmp(identity->family, "sl1") != 0) {
        return model_text_reject(text, "identity.family", "mk3, buddy or sl1", error);
    }
    if (identity->model_code == 0 && strcmp(identity->family, "sl1") != 0) {
        return model_text_reject(text, "identity.model_code", "a whole number from 1 to 9999",
                                 error);
    }
    if (!model_serial_sound(identity->serial)) {
        return model_text_reject(
            text, "identity.serial",
            "printable characters with {number} and perhaps {week}, {year}, {kit}, 31 at most",
            error);
    }
    replace_text(&model->family, identity->family);
    model->type = identity->type[0];
    model->version = identity->type[1];
    model->subversion = identity->type[2];
    model->model_code = identity->model_code;
    replace_text(&model->firmware, identity->firmware);
    replace_text(&model->serial_pattern, identity->serial);
    replace_text(&model->ini_type, identity->settings_type);
    return true;
}

/* Tools and buttons that are not said are those of a printer with one head. */
static bool take_buddy(struct model *model, struct model_text *text, struct error *error)
{
    enum { BUTTONS = 4 };
    const struct model_buddy_section *section = text->document->buddy;
    bool is_buddy = strcmp(model->family, "buddy") == 0;
    if (section != NULL && !is_buddy) {
        return model_text_reject(text, "buddy", "a printer whose identity.family is buddy", error);
    }
    if (is_buddy && section == NULL && model->buddy.user_agent == NULL) {
        return model_text_reject(text, "buddy", "the section for a printer of the buddy family",
                                 error);
    }
    if (section != NULL) {
        replace_text(&model->buddy.user_agent, section->user_agent);
        replace_text(&model->buddy.hostname, section->hostname);
        model->buddy.error_prefix = section->error_prefix;
        model->buddy.buttons = section->buttons == 0 ? BUTTONS : section->buttons;
        model->buddy.tools = section->tools == 0 ? 1 : section->tools;
        model->buddy.mmu_support = section->mmu_support;
        model->buddy.enclosure = section->enclosure;
        model->buddy.light = section->light;
        model->buddy.board_sensors = section->board_sensors;
        model->buddy.crash_detection = section->crash_detection;
        model->buddy.chamber_max_c = section->chamber_max_c;
    }
    return true;
}

static bool take_resin(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_resin *section = text->document->resin;
    bool is_resin = strcmp(model->family, "sl1") == 0;
    if (section != NULL && !is_resin) {
        return model_text_reject(text, "resin", "a printer whose identity.family is sl1", error);
    }
    if (is_resin && section == NULL && model->resin.project_model == NULL) {
        return model_text_reject(text, "identity.family", "a section 'resin' beside sl1", error);
    }
    if (section == NULL) {
        return true;
    }
    if (!exposure_machine_find(section->project_model, NULL)) {
        return model_text_reject(text, "resin.project_model", "SL1 or SL1S", error);
    }
    if (section->most_ml <= section->least_ml) {
        return model_text_reject(text, "resin.tank.most_ml", "more than least_ml", error);
    }
    free(model->resin.project_model);
    model->resin = *section;
    model->resin.project_model = memory_copy_text(section->project_model);
    return true;
}

/* Exactly one way to say how the heat is lost; fills all levels of the resistance. */
static bool take_loss(struct model_heater *heater, struct model_text *text, const char *section,
                      struct error *error)
{
    char path[64];
    bool by_loss = heater->loss_a_w_per_k > 0;
    bool by_resistance = heater->resistance_k_per_w[0] != 0;
    if (by_loss == by_resistance) {
        return model_text_reject(text, section,
                                 "either loss (with a_w_per_k above 0), resistance_k_per_w or "
                                 "resistance_by_fan_k_per_w",
                                 error);
    }
    if (by_loss) {
        double tau_s = heater->capacity_j_per_k / heater->loss_a_w_per_k;
        snprintf(path, sizeof path, "%s.loss", section);
        return tau_s <= 3600 ||
               model_text_reject(text, path, "a time constant of at most 3600 s", error);
    }
    bool by_fan = heater->resistance_k_per_w[1] != 0;
    for (int i = 0; i < MODEL_FAN_LEVELS; i++) {
        if (!by_fan) {
            heater->resistance_k_per_w[i] = heater->resistance_k_per_w[0];
        }
        double resistance = heater->resistance_k_per_w[i];
        if (!(resistance >= 0.01 && resistance <= 1000 &&
              resistance * heater->capacity_j_per_k <= 3600)) {
            snprintf(path, sizeof path, "%s.resistance_%sk_per_w", section,
                     by_fan ? "by_fan_" : "");
            return model_text_reject(
                text, path,
                "resistances in K/W from 0.01 to 1000, 3600 s at most when multiplied by "
                "capacity_j_per_k",
                error);
        }
    }
    return true;
}

static bool take_heater(struct model_heater *out, const struct model_heater *in,
                        struct model_text *text, const char *section, struct error *error)
{
    if (in == NULL) {
        return true;
    }
    *out = *in;
    if (out->power_offset == 0) {
        out->power_offset = 1;
    }
    char path[64];
    const char *expected = NULL;
    if (!take_loss(out, text, section, error)) {
        return false;
    }
    if (out->delay_s / out->period_s > HEATER_HISTORY - 1) {
        snprintf(path, sizeof path, "%s.sensor.delay_s", section);
        expected = "at most 23 periods of the regulator (pid.period_s)";
    } else if (out->min_c >= out->max_c) {
        snprintf(path, sizeof path, "%s.limits.min_c", section);
        expected = "less than max_c";
    } else if (out->settable_max_c > out->max_c) {
        snprintf(path, sizeof path, "%s.limits.settable_max_c", section);
        expected = "at most max_c";
    } else if (out->watch_windows > 0 && out->watch_period_s < 2.5) {
        snprintf(path, sizeof path, "%s.watch.period_s", section);
        expected = "at least 2.5 s";
    } else if (out->observer.error_k_s > 0 && out->observer.filter < 0.001) {
        snprintf(path, sizeof path, "%s.observer.filter", section);
        expected = "a share from 0.001 to 1";
    } else if (lround(out->observer.lag_s / out->period_s) > HEATER_LAG_MAX) {
        snprintf(path, sizeof path, "%s.observer.lag_s", section);
        expected = "at most 8 periods of the regulator (pid.period_s)";
    }
    return expected == NULL || model_text_reject(text, path, expected, error);
}

static bool take_motion(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_motion *motion = text->document->motion;
    if (motion == NULL) {
        return true;
    }
    static const char *const names[] = {"motion.x.max_mm", "motion.y.max_mm", "motion.z.max_mm"};
    for (int i = 0; i < MODEL_AXES - 1; i++) {
        if (motion->axes[i].max_mm <= motion->axes[i].min_mm) {
            return model_text_reject(text, names[i], "more than min_mm", error);
        }
    }
    memcpy(model->axes, motion->axes, sizeof model->axes);
    model->nozzle_diameter_mm = motion->nozzle_diameter_mm;
    model->min_extrusion_c = motion->min_extrusion_c;
    model->print_acceleration_mm_s2 = motion->print_acceleration_mm_s2;
    model->retract_acceleration_mm_s2 = motion->retract_acceleration_mm_s2;
    model->travel_acceleration_mm_s2 = motion->travel_acceleration_mm_s2;
    model->park_x_mm = motion->park_x_mm;
    model->park_y_mm = motion->park_y_mm;
    model->park_lift_mm = motion->park_lift_mm;
    return true;
}

static void copy_storages(struct model *model, const struct model_storage *storages, uint32_t count)
{
    for (uint32_t i = 0; i < model->storages_count; i++) {
        free(model->storages[i].name);
        free(model->storages[i].kind);
    }
    free(model->storages);
    model->storages = memory_new_array(count > 0 ? count : 1, sizeof *model->storages);
    model->storages_count = count;
    for (uint32_t i = 0; i < count; i++) {
        model->storages[i] = storages[i];
        model->storages[i].name = memory_copy_text(storages[i].name);
        model->storages[i].kind = memory_copy_text(storages[i].kind);
    }
}

static bool take_storages(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_document *document = text->document;
    if (document->storages == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < document->storages_count; i++) {
        const struct model_storage *storage = &document->storages[i];
        if (strcmp(storage->kind, "local") != 0 && strcmp(storage->kind, "sdcard") != 0 &&
            strcmp(storage->kind, "usb") != 0) {
            return model_text_reject(text, "storages", "each kind to be local, sdcard or usb",
                                     error);
        }
        if (strchr(storage->name, '/') != NULL) {
            return model_text_reject(text, "storages", "names without '/'", error);
        }
        if (storage->free_bytes > storage->total_bytes) {
            return model_text_reject(text, "storages", "free_bytes to be at most total_bytes",
                                     error);
        }
    }
    copy_storages(model, document->storages, document->storages_count);
    return true;
}

static void take_fan(struct model_fan *out, const struct model_fan *in)
{
    if (in != NULL) {
        *out = *in;
    }
}

bool model_complete(const struct model_text *text, const struct model *base, struct error *error)
{
    const struct model_document *document = text->document;
    if (!needs(text, document->identity, base, "identity", error) ||
        !needs(text, document->storages, base, "storages", error)) {
        return false;
    }
    if (document->identity != NULL && strcmp(document->identity->family, "sl1") == 0) {
        return true; /* it has nothing of what follows; see take_resin() */
    }
    return needs(text, document->regulator, base, "regulator", error) &&
           needs(text, document->nozzle, base, "nozzle", error) &&
           needs(text, document->bed, base, "bed", error) &&
           needs(text, document->hotend_fan, base, "hotend_fan", error) &&
           needs(text, document->print_fan, base, "print_fan", error) &&
           needs(text, document->motion, base, "motion", error);
}

struct model *model_copy(const struct model *base)
{
    struct model *model = memory_new(sizeof *model);
    if (base == NULL) {
        model->board_above_room_k = NAN;
        return model;
    }
    *model = *base;
    model->name = NULL;
    model->title = NULL;
    model->family = memory_copy_text(base->family);
    model->buddy.user_agent = memory_copy_text(base->buddy.user_agent);
    model->buddy.hostname = memory_copy_text(base->buddy.hostname);
    model->resin.project_model = memory_copy_text(base->resin.project_model);
    model->firmware = memory_copy_text(base->firmware);
    model->serial_pattern = memory_copy_text(base->serial_pattern);
    model->ini_type = memory_copy_text(base->ini_type);
    model->storages = NULL;
    model->storages_count = 0;
    copy_storages(model, base->storages, base->storages_count);
    return model;
}

bool model_take(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_document *document = text->document;
    if (!take_identity(model, text, error) || !take_buddy(model, text, error) ||
        !take_resin(model, text, error) ||
        !take_heater(&model->nozzle, document->nozzle, text, "nozzle", error) ||
        !take_heater(&model->bed, document->bed, text, "bed", error) ||
        !take_motion(model, text, error) || !take_storages(model, text, error)) {
        return false;
    }
    if (strcmp(model->family, "sl1") != 0 && model->nozzle.capacity_j_per_k == 0) {
        return model_text_reject(text, "base", "a printer with heaters", error);
    }
    take_fan(&model->hotend_fan, document->hotend_fan);
    take_fan(&model->print_fan, document->print_fan);
    if (document->uploads != NULL) {
        model->uploads = *document->uploads;
    }
    if (document->regulator != NULL) {
        model->pid = *document->regulator;
    }
    model->nozzle.pid = model->pid;
    model->bed.pid = model->pid;
    if (document->board_above_room_k != NULL) {
        model->board_above_room_k = *document->board_above_room_k;
    }
    if (document->mmu != NULL) {
        model->mmu = true;
        model->mmu_slots = document->mmu->slots;
        model->mmu_model_code = document->mmu->code_offset + model->model_code;
    }
    replace_text(&model->title, document->title);
    return true;
}
