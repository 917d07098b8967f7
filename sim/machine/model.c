#include "sim/machine/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded_models.h"
#include "sim/base/memory.h"
#include "sim/base/random.h"
#include "sim/machine/heater.h"
#include "sim/machine/model_read.h"

/* A file may name a base that names a base; more than this is a circle. */
enum { BASE_DEPTH_MAX = 4, EMBEDDED_MAX = 64 };

static struct model *load(const char *bytes, size_t size, const char *name, const char *place,
                          int depth, struct error *error);

/* -- from a document to a model
 * ------------------------------------------------------------------------------------- */

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

static bool serial_is_sound(const char *pattern)
{
    bool number = false;
    size_t length = 0;
    while (*pattern != '\0') {
        static const struct {
            const char *text;
            size_t length;
        } parts[] = {{"{week}", 2}, {"{year}", 2}, {"{kit}", 1}, {"{number}", 5}};
        size_t i = 0;
        while (i < 4 && strncmp(pattern, parts[i].text, strlen(parts[i].text)) != 0) {
            i++;
        }
        if (i < 4) {
            number = number || i == 3;
            length += parts[i].length;
            pattern += strlen(parts[i].text);
        } else if (*pattern >= '!' && *pattern <= '~' && *pattern != '{' && *pattern != '}') {
            length++;
            pattern++;
        } else {
            return false;
        }
    }
    return number && length < 32;
}

static bool take_identity(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_identity *identity = text->document->identity;
    if (identity == NULL) {
        return true;
    }
    if (strcmp(identity->family, "mk3") != 0 && strcmp(identity->family, "buddy") != 0) {
        return model_text_reject(text, "identity.family", "mk3 or buddy", error);
    }
    if (!serial_is_sound(identity->serial)) {
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
        model->buddy.chamber_max_c = section->chamber_max_c;
    }
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

static bool complete(const struct model_text *text, const struct model *base, struct error *error)
{
    const struct model_document *document = text->document;
    return needs(text, document->identity, base, "identity", error) &&
           needs(text, document->regulator, base, "regulator", error) &&
           needs(text, document->nozzle, base, "nozzle", error) &&
           needs(text, document->bed, base, "bed", error) &&
           needs(text, document->hotend_fan, base, "hotend_fan", error) &&
           needs(text, document->print_fan, base, "print_fan", error) &&
           needs(text, document->motion, base, "motion", error) &&
           needs(text, document->storages, base, "storages", error);
}

/* A model of its own with all that `base` has. */
static struct model *copy_of(const struct model *base)
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
    model->firmware = memory_copy_text(base->firmware);
    model->serial_pattern = memory_copy_text(base->serial_pattern);
    model->ini_type = memory_copy_text(base->ini_type);
    model->storages = NULL;
    model->storages_count = 0;
    copy_storages(model, base->storages, base->storages_count);
    return model;
}

static bool take(struct model *model, struct model_text *text, struct error *error)
{
    const struct model_document *document = text->document;
    if (!take_identity(model, text, error) || !take_buddy(model, text, error) ||
        !take_heater(&model->nozzle, document->nozzle, text, "nozzle", error) ||
        !take_heater(&model->bed, document->bed, text, "bed", error) ||
        !take_motion(model, text, error) || !take_storages(model, text, error)) {
        return false;
    }
    take_fan(&model->hotend_fan, document->hotend_fan);
    take_fan(&model->print_fan, document->print_fan);
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

/* -- loading
 * --------------------------------------------------------------------------------------------------------
 */

static const struct embedded_file *embedded_find(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < embedded_models_count; i++) {
        const char *file = embedded_models[i].name;
        if (strncmp(file, name, length) == 0 && strcmp(file + length, ".yaml") == 0) {
            return &embedded_models[i];
        }
    }
    return NULL;
}

static bool load_base(struct model_text *text, int depth, struct model **base, struct error *error)
{
    *base = NULL;
    if (text->document->base == NULL) {
        return true;
    }
    const struct embedded_file *file = embedded_find(text->document->base);
    if (file == NULL || depth >= BASE_DEPTH_MAX) {
        return model_text_reject(text, "base",
                                 file == NULL ? "the name of a built-in model (hotbed models)"
                                              : "no circle of bases",
                                 error);
    }
    *base = load(file->bytes, file->size, text->document->base, file->name, depth + 1, error);
    return *base != NULL;
}

static struct model *load(const char *bytes, size_t size, const char *name, const char *place,
                          int depth, struct error *error)
{
    struct model_text text;
    struct model *base = NULL;
    struct model *model = NULL;
    if (model_text_read(&text, place, bytes, size, error) &&
        load_base(&text, depth, &base, error) && complete(&text, base, error)) {
        model = copy_of(base);
        model->name = memory_copy_text(name);
        if (!take(model, &text, error)) {
            model_destroy(model);
            model = NULL;
        }
    }
    model_destroy(base);
    model_text_free(&text);
    return model;
}

struct model *model_load_text(const char *text, size_t size, const char *name, struct error *error)
{
    return load(text, size, name, name, 0, error);
}

/* "dir/my-mk3.yaml" is the model "my-mk3". */
static char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    return memory_copy_slice(base,
                             dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

struct model *model_load_file(const char *path, struct error *error)
{
    enum { READ_MAX = 64 * 1024 + 1 }; /* one more than allowed, so that too large is seen */
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        error_set(error, "%s: can't be opened: %s", path, strerror(errno));
        return NULL;
    }
    char *bytes = memory_new(READ_MAX);
    size_t size = fread(bytes, 1, READ_MAX, file);
    struct model *model = NULL;
    if (ferror(file)) {
        error_set(error, "%s: can't be read: %s", path, strerror(errno));
    } else {
        char *name = name_of_path(path);
        model = load(bytes, size, name, path, 0, error);
        free(name);
    }
    free(bytes);
    fclose(file);
    return model;
}

void model_destroy(struct model *model)
{
    if (model == NULL) {
        return;
    }
    for (uint32_t i = 0; i < model->storages_count; i++) {
        free(model->storages[i].name);
        free(model->storages[i].kind);
    }
    free(model->storages);
    free(model->name);
    free(model->title);
    free(model->family);
    free(model->buddy.user_agent);
    free(model->buddy.hostname);
    free(model->firmware);
    free(model->serial_pattern);
    free(model->ini_type);
    free(model);
}

/* -- the embedded models
 * -------------------------------------------------------------------------------------------- */

size_t model_count(void)
{
    return embedded_models_count;
}

/* Constants of the program in the shape of a model; each is made when first asked for and stays. */
const struct model *model_at(size_t index)
{
    static const struct model *known[EMBEDDED_MAX];
    if (index >= embedded_models_count || index >= EMBEDDED_MAX) {
        return NULL;
    }
    if (known[index] == NULL) {
        const struct embedded_file *file = &embedded_models[index];
        char *name = name_of_path(file->name);
        struct error error;
        known[index] = load(file->bytes, file->size, name, file->name, 0, &error);
        free(name);
        if (known[index] == NULL) {
            fprintf(stderr, "hotbed: built-in model %s\n", error.text);
            abort(); /* test_model loads each of them */
        }
    }
    return known[index];
}

const struct model *model_find(const char *name)
{
    const struct embedded_file *file = embedded_find(name);
    return file == NULL ? NULL : model_at((size_t)(file - embedded_models));
}

/* -- serial numbers (printer-models.md 1, PM-12)
 * -------------------------------------------------------------------- */

void model_serial(const struct model *model, uint64_t seed, uint64_t index, char *out, size_t size)
{
    /* Five digits run through all 100,000 in an order of the seed's, then the week moves on: unique
     * for 36 million. */
    struct random random = random_of(seed, UINT64_C(0x5e71a1));
    uint64_t first = random_below(&random, 100000);
    uint64_t step = random_below(&random, 20000) * 10 +
                    50001; /* odd and not a multiple of 5: coprime to 100,000 */
    unsigned number = (unsigned)((first + index % 100000 * step) % 100000);
    uint64_t week = random_below(&random, 364) + index / 100000;
    unsigned week_of_year = (unsigned)(week % 52) + 1;
    unsigned year = 17 + (unsigned)(week / 52 % 7);
    size_t used = 0;
    out[0] = '\0';
    for (const char *pattern = model->serial_pattern; *pattern != '\0' && used + 6 < size;) {
        char *at = out + used;
        size_t left = size - used;
        const char *end = *pattern == '{' ? strchr(pattern, '}') : NULL;
        if (end == NULL) {
            used += (size_t)snprintf(at, left, "%c", *pattern++);
            continue;
        }
        switch (pattern[1]) {
        case 'w':
            used += (size_t)snprintf(at, left, "%02u", week_of_year);
            break;
        case 'y':
            used += (size_t)snprintf(at, left, "%02u", year);
            break;
        case 'k':
            used += (size_t)snprintf(at, left, "%c",
                                     number % 3 == 0 ? 'C' : 'K'); /* most came as kits */
            break;
        default:
            used += (size_t)snprintf(at, left, "%05u", number);
            break;
        }
        pattern = end + 1;
    }
}
