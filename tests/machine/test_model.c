#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "embedded_models.h"
#include "sim/machine/model.h"

/* PM-12 */
/* Pairs of a printer with and without MMU. */
/* clang-format off */
static const struct {
    const char *name, *settings_type;
    int type, version, subversion, code, mmu_code;
} real_ones[] = {
    {"mk2.5", "MK2.5", 1, 2, 5, 250, 0},       {"mk2.5-mmu2s", "MK2.5", 1, 2, 5, 250, 20250},
    {"mk2.5s", "MK2.5S", 1, 2, 6, 252, 0},     {"mk2.5s-mmu2s", "MK2.5S", 1, 2, 6, 252, 20252},
    {"mk3", "MK3", 1, 3, 0, 300, 0},           {"mk3-mmu2s", "MK3", 1, 3, 0, 300, 20300},
    {"mk3s", "MK3S", 1, 3, 1, 302, 0},         {"mk3s-mmu2s", "MK3S", 1, 3, 1, 302, 20302},
    {"mk3.5", "MK3.5", 1, 3, 5, 230, 0},       {"mk3.5s", "MK3.5S", 1, 3, 6, 280, 0},
    {"mk3.9", "MK3.9", 1, 3, 9, 210, 0},       {"mk3.9s", "MK3.9S", 1, 3, 10, 270, 0},
    {"mk4", "MK4", 1, 4, 0, 130, 0},           {"mk4-mmu3", "MK4", 1, 4, 0, 130, 30130},
    {"mk4s", "MK4S", 1, 4, 1, 260, 0},         {"mk4s-mmu3", "MK4S", 1, 4, 1, 260, 30260},
    {"mini", "MINI", 2, 1, 0, 120, 0},         {"xl", "XL", 3, 1, 0, 170, 0},
    {"ix", "iX", 4, 1, 0, 160, 0},             {"coreone", "COREONE", 7, 1, 0, 310, 0},
    {"coreone-mmu3", "COREONE", 7, 1, 0, 310, 30310},
    {"sl1", "SL1", 5, 1, 0, 0, 0},             {"sl1s", "SL1S", 5, 1, 1, 0, 0},
};
/* clang-format on */

static void pm_12_types_codes_firmware_and_serials_are_those_of_the_real_ones(void **state)
{
    (void)state;
    regex_t serial_form;
    regex_t firmware_form;
    assert_int_equal(regcomp(&serial_form,
                             "^(CZPX[0-9]{4}X[0-9]{3}X.[0-9]{5}|4914-2[0-9]{16}|14558-[0-9]{16})$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    assert_int_equal(regcomp(&firmware_form, "^[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9]+)?$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    assert_int_equal(model_count(), sizeof real_ones / sizeof real_ones[0]);
    for (size_t i = 0; i < sizeof real_ones / sizeof real_ones[0]; i++) {
        const struct model *model = model_find(real_ones[i].name);
        assert_non_null(model);
        assert_string_equal(model->name, real_ones[i].name);
        assert_string_equal(model->ini_type, real_ones[i].settings_type);
        assert_int_equal(model->type, real_ones[i].type);
        assert_int_equal(model->version, real_ones[i].version);
        assert_int_equal(model->subversion, real_ones[i].subversion);
        assert_int_equal(model->model_code, real_ones[i].code);
        assert_int_equal(model->mmu_model_code, real_ones[i].mmu_code);
        assert_true(model->mmu == (real_ones[i].mmu_code > 0));
        assert_int_equal(model->mmu_slots, model->mmu ? 5 : 0);
        bool buddy = strcmp(model->family, "buddy") == 0;
        bool resin = strcmp(model->family, "sl1") == 0;
        assert_int_equal(model->storages_count, buddy ? 1 : 2);
        assert_string_equal(model->storages[0].name, buddy   ? "usb"
                                                     : resin ? "local"
                                                             : "PrusaLink gcodes");
        assert_true(buddy || strcmp(model->storages[1].name, resin ? "usb" : "SD Card") == 0);
        assert_true(resin == (model->resin.project_model != NULL));
        assert_true(buddy == (model->buddy.user_agent != NULL));
        assert_int_equal(regexec(&firmware_form, model->firmware, 0, NULL, 0), 0);
        for (uint64_t index = 0; index < 200000; index += 997) {
            char serial[32];
            model_serial(model, i, index, serial, sizeof serial);
            assert_int_equal(regexec(&serial_form, serial, 0, NULL, 0), 0);
        }
    }
    regfree(&serial_form);
    regfree(&firmware_form);
    assert_null(model_find("mk9"));
    assert_null(model_find("mk3.yaml"));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* PM-12 */
static void pm_12_serials_are_unique_and_a_matter_of_seed_and_index(void **state)
{
    (void)state;
    enum { COUNT = 250000 };
    const struct model *model = model_find("mk3s");
    char(*serials)[32] = calloc(COUNT, sizeof *serials);
    assert_non_null(serials);
    for (uint64_t i = 0; i < COUNT; i++) {
        model_serial(model, 42, i, serials[i], sizeof serials[i]);
    }
    char again[32];
    model_serial(model, 42, 77, again, sizeof again);
    assert_string_equal(again, serials[77]);
    model_serial(model, 43, 77, again, sizeof again);
    assert_string_not_equal(again, serials[77]);
    qsort(serials, COUNT, sizeof *serials, by_text);
    for (size_t i = 1; i < COUNT; i++) {
        assert_string_not_equal(serials[i - 1], serials[i]);
    }
    free(serials);
}

static const char *embedded_text(const char *name)
{
    for (size_t i = 0; i < embedded_models_count; i++) {
        if (strcmp(embedded_models[i].name, name) == 0) {
            return embedded_models[i].bytes;
        }
    }
    fail_msg("no %s", name);
    return NULL;
}

/* The text of the MK3 with one passage replaced. */
static char *changed(const char *passage, const char *by)
{
    const char *text = embedded_text("mk3.yaml");
    const char *at = strstr(text, passage);
    if (at == NULL) {
        fail_msg("mk3.yaml has no \"%s\"", passage);
    }
    size_t size = strlen(text) + strlen(by) + 1;
    char *out = calloc(1, size);
    assert_non_null(out);
    (void)snprintf(out, size, "%.*s%s%s", (int)(at - text), text, by, at + strlen(passage));
    return out;
}

static int line_of(const char *text, const char *passage)
{
    int line = 1;
    for (const char *at = text; at < strstr(text, passage); at++) {
        line += *at == '\n';
    }
    return line;
}

/* A line a mistake. */
/* clang-format off */
static const struct {
    const char *passage, *by, *field, *expected;
} wrong_models[] = {
    {"power_w: 38", "power_w: -38", "'nozzle.power_w'", "expected a power in W from 0 to 5000"},
    {"power_w: 38", "power_w: 1e9", "'nozzle.power_w'", "expected a power in W from 0 to 5000"},
    {"power_w: 38", "power_w: hot", "'nozzle.power_w'", "Invalid FLOAT value: hot; expected a power in W"},
    {"power_w: 38", "power_w: [38]", "'nozzle.power_w'", "expected a power in W"},
    {"power_w: 200", "power_w: .nan", "'bed.power_w'", "expected a power in W"},
    {"kp: 126.13", "kp: nan", "'bed.pid.kp'", "expected a gain from 0 to 10000"},
    {"kp: 126.13", "kp: inf", "'bed.pid.kp'", "expected a gain from 0 to 10000"},
    {"kp: 126.13, ", "", "'bed.pid.kp'", "is missing; expected a gain"},
    {"power_w: 200", "pwer_w: 200", "'bed.pwer_w'", "there is no such field; expected the keys power_w,"},
    {"regulator: mk3", "regulator: mk9", "'regulator'", "expected mk3 or buddy"},
    {"model_code: 300", "model_code: 300.5", "'identity.model_code'", "expected a whole number from 1 to 9999"},
    {"power_w: 38", "power_w: 38watt", "'nozzle.power_w'", "expected a power in W"},
    {"kp: 126.13", "kp: 12,6", "'bed.pid", "expected"},
    {"model_code: 300", "model_code: 3oo", "'identity.model_code'", "expected a whole number from 1 to 9999"},
    {"total_bytes: 0", "total_bytes: -1", "'storages[1].total_bytes'", "expected a number"},
    {"jerk_mm_s: 4.5", "jerk_mm_s: 4.5.1", "'motion.e.jerk_mm_s'", "expected a change of speed in mm/s"},
    {"model_code: 300", "model_code: 0", "'identity.model_code'", "expected a whole number from 1 to 9999"},
    {"model_code: 300", "model_code: 99999999999999999999", "'identity.model_code'", "expected a whole number"},
    {"type: [1, 3, 0]", "type: [1, 3]", "'identity.type'", "too few entries; expected three whole numbers"},
    {"type: [1, 3, 0]", "type: [1, 3, 1000]", "'identity.type'", "expected three whole numbers from 0 to 99"},
    {"family: mk3", "family: mk4", "'identity.family'", "expected mk3, buddy or sl1"},
    {"family: mk3", "family: sl1", "'identity.family'", "expected a section 'resin' beside sl1"},
    {"title: Original Prusa MK3", "resin: {project_model: SL1, panel: {width_px: 1, height_px: 1, pixel_um: 1}, "
     "tower_mm: 1, tilt_steps: 1, tank: {least_ml: 1, most_ml: 2, low_ml: 1, feed_ml: 1}, ambient: {min_c: 1, max_c: 2}, "
     "fans: {uv_led_rpm: 100, blower_rpm: 100, rear_rpm: 100}}\ntitle: x", "'resin'", "whose identity.family is sl1"},
    {"{number}\"", "\"", "'identity.serial'", "expected printable characters with {number}"},
    {"20.5, 18.4", "20.5, -18.4", "'nozzle.resistance_by_fan_k_per_w'", "expected resistances in K/W"},
    {"resistance_k_per_w: 0.62", "resistance_k_per_w: 0", "'bed'", "expected either loss"},
    {"resistance_k_per_w: 0.62", "resistance_k_per_w: 50", "'bed.resistance_k_per_w'", "3600 s at most"},
    {"delay_s: 2.16", "delay_s: 9", "'nozzle.sensor.delay_s'", "expected at most 23 periods"},
    {"lag_s: 1.89", "lag_s: 9", "'nozzle.observer.lag_s'", "expected at most 8 periods"},
    {"max_c: 305, min_c: 10", "max_c: 30, min_c: 40", "'nozzle.limits.min_c'", "expected less than max_c"},
    {"max_mm: 212.5", "max_mm: -212.5", "'motion.y.max_mm'", "expected more than min_mm"},
    {"kind: sdcard", "kind: tape", "'storages'", "expected each kind to be local, sdcard or usb"},
    {"name: SD Card", "name: SD/Card", "'storages'", "expected names without '/'"},
    {"read_only: true", "read_only: perhaps", "'storages[1].read_only'", "expected true or false"},
    {"board_above_room_k: 7", "board_above_room_k: 7000", "'board_above_room_k'", "expected a difference in K"},
    {"wifi_bytes_per_s: 1000000", "wifi_bytes_per_s: -1", "'uploads.wifi_bytes_per_s'", "expected a rate in bytes/s from 0 to 1e9"},
    {"wifi_bytes_per_s: 1000000", "wifi_bytes_per_s: fast", "'uploads.wifi_bytes_per_s'", "expected a rate in bytes/s"},
    {"wifi_bytes_per_s: 1000000", "wifi_bytes_per_s: -1", "'uploads.wifi_bytes_per_s'", "expected a rate in bytes/s from 0 to 1e9"},
    {"wifi_bytes_per_s: 1000000", "wifi_bytes_per_s: fast", "'uploads.wifi_bytes_per_s'", "expected a rate in bytes/s"},
    {"title: Original Prusa MK3", "title: ''", "'title'", "expected a text of 1 to 64 bytes"},
    {"title: Original Prusa MK3", "base: mk77\ntitle: x", "'base'", "expected the name of a built-in model"},
    {"regulator: mk3", "regulator: mk3\nregulator: mk3", "'regulator'", "it is there twice"},
    {"power_w: 38", "power_w: &a 38\n  power_offset: *a", "'nozzle.power_offset'", "alias"},
};
/* clang-format on */

static void every_error_names_file_line_field_and_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_models / sizeof wrong_models[0]; i++) {
        char *text = changed(wrong_models[i].passage, wrong_models[i].by);
        struct error error = {{0}};
        struct model *model = model_load_text(text, strlen(text), "own.yaml", &error);
        if (model != NULL) {
            fail_msg("\"%s\" was taken", wrong_models[i].by);
        }
        unsigned line = 0;
        if (sscanf(error.text, "own.yaml:%u: field ", &line) != 1 ||
            strstr(error.text, wrong_models[i].field) == NULL ||
            strstr(error.text, wrong_models[i].expected) == NULL) {
            fail_msg("\"%s\" gives: %s", wrong_models[i].by, error.text);
        }
        if (wrong_models[i].by[0] != '\0' && strchr(wrong_models[i].by, '\n') == NULL &&
            strncmp(wrong_models[i].field, "'storages", 9) != 0 &&
            strstr(wrong_models[i].expected, "either") == NULL && wrong_models[i].by[0] != '"') {
            int wanted = line_of(text, wrong_models[i].by);
            int above = strstr(wrong_models[i].by, "20.5") !=
                        NULL; /* within a list that begins a line above */
            if ((int)line < wanted - above || (int)line > wanted + 1) {
                fail_msg("\"%s\" is in line %d: %s", wrong_models[i].by, wanted, error.text);
            }
        }
        free(text);
    }
}

static void files_that_are_no_models_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "# nothing\n",
        "title",
        "- a\n- b\n",
        "title: x\n",
        "{",
        "[",
        "\x80\xff",
        "title: x\n\ttab: y\n",
        "title: x\nbase: mk3\n---\ntitle: y\n...\n}",
        "%YAML 9.9\n---\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error = {{0}};
        struct model *model = model_load_text(texts[i], strlen(texts[i]), "bad.yaml", &error);
        if (model == NULL) {
            assert_memory_equal(error.text, "bad.yaml:", 9);
        } else {
            assert_int_equal(i, 10); /* a second document is not looked at */
            model_destroy(model);
        }
    }
    size_t size = 70000;
    char *large = malloc(size);
    assert_non_null(large);
    memset(large, ' ', size);
    struct error error;
    assert_null(model_load_text(large, size, "large.yaml", &error));
    assert_non_null(strstr(error.text, "at most 65536 bytes"));
    free(large);
    assert_null(model_load_file("/nowhere/mk3.yaml", &error));
    assert_non_null(strstr(error.text, "/nowhere/mk3.yaml: can't be opened"));
    assert_null(model_load_file("/", &error));
}

static void a_printer_of_ones_own_is_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/hotbed-model-XXXXXX.yaml";
    int file = mkstemps(path, 5);
    assert_true(file >= 0);
    static const char text[] =
        "title: MK3S with a stronger bed\n"
        "base: mk3s-mmu2s\n"
        "print_fan: {full_rpm: 6000}\n"
        "storages: [{name: usb, kind: usb, total_bytes: 8000000000, free_bytes: 1}]\n";
    assert_int_equal(write(file, text, sizeof text - 1), sizeof text - 1);
    close(file);
    struct error error;
    struct model *model = model_load_file(path, &error);
    unlink(path);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    assert_memory_equal(model->name, "hotbed-model-", 13);
    assert_string_equal(model->title, "MK3S with a stronger bed");
    assert_int_equal(model->subversion, 1);         /* from mk3s */
    assert_int_equal(model->mmu_model_code, 20302); /* from mk3s-mmu2s */
    assert_true(model->nozzle.power_w == 38);       /* from mk3 */
    assert_int_equal(model->print_fan.full_rpm, 6000);
    assert_int_equal(model->storages_count, 1);
    assert_true(model->storages[0].total_bytes == 8000000000);
    model_destroy(model);
}

static void the_example_of_the_manual_is_a_model(void **state)
{
    (void)state;
    FILE *file = fopen("docs/models.md", "r");
    assert_non_null(file); /* ctest runs in the source root */
    char text[65536];
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *begin = strstr(text, "```yaml\n");
    assert_non_null(begin);
    begin += strlen("```yaml\n");
    char *end = strstr(begin, "```");
    assert_non_null(end);
    struct error error;
    struct model *model = model_load_text(begin, (size_t)(end - begin), "docs/models.md", &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    assert_true(model->bed.power_w == 350);
    model_destroy(model);
}

static void figures_of_the_mk3s(void **state)
{
    (void)state;
    const struct model *model = model_find("mk3s");
    assert_true(model->nozzle.resistance_k_per_w[0] == 20.5 &&
                model->nozzle.resistance_k_per_w[15] == 10.1);
    assert_true(model->bed.resistance_k_per_w[0] == 0.62 &&
                model->bed.resistance_k_per_w[15] == 0.62);
    assert_true(model->nozzle.power_offset == 1);
    assert_true(model->nozzle.pid == PID_MK3 && model->bed.pid == PID_MK3);
    assert_true(model->board_above_room_k == 7);
    assert_true(model->axes[0].max_mm == 255 && model->axes[1].min_mm == -4 &&
                model->axes[2].max_mm == 210);
    assert_true(fabs(model->axes[2].home_feed_mm_s * 60 - 800) < 1e-9);
    assert_true(model->min_extrusion_c == 175);
    assert_true(model->axes[3].max_feed_mm_s == 120 &&
                model->axes[3].max_acceleration_mm_s2 == 5000);
    const struct model *old = model_find("mk2.5s");
    assert_true(old->nozzle.observer.error_k_s == 0 && old->nozzle.min_c == 30 &&
                old->axes[0].max_mm == 250);
    assert_true(isnan(old->board_above_room_k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pm_12_types_codes_firmware_and_serials_are_those_of_the_real_ones),
        cmocka_unit_test(pm_12_serials_are_unique_and_a_matter_of_seed_and_index),
        cmocka_unit_test(every_error_names_file_line_field_and_what_was_expected),
        cmocka_unit_test(files_that_are_no_models_are_refused),
        cmocka_unit_test(a_printer_of_ones_own_is_a_file),
        cmocka_unit_test(the_example_of_the_manual_is_a_model),
        cmocka_unit_test(figures_of_the_mk3s),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
