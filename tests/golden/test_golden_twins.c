#include "tests/machine/bed.h"

/* A .bgcode prints exactly as its text twin does: the same time to the microsecond, layers,
 * filament, temperatures and states, heating and parking included (../shared/data/README.md has the
 * twins; that their plans are equal move by move, tests/machine/test_bgcode.c says). */

struct twins {
    const char *text, *binary, *model;
};

static const struct twins benchy_mk4 = {"benchyrules_pla_14m.gcode", "benchyrules_pla_14m.bgcode",
                                        "mk4"};
static const struct twins benchy_xl = {"benchyrules_pla_14m.gcode", "benchyrules_pla_14m.bgcode",
                                       "xl"};
static const struct twins cube_mini = {"mini_cube_ascii.gcode", "mini_cube_binary.bgcode", "mini"};
static const struct twins cube_coreone = {"mini_cube_ascii.gcode", "mini_cube_binary.bgcode",
                                          "coreone"};

static struct file_content *content_of(const char *name)
{
    const char *shared = getenv("HOTBED_SHARED");
    char path[512], chunk[65536];
    snprintf(path, sizeof path, "%s/data/%s", shared != NULL ? shared : "../shared", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("%s is not here\n", path);
        skip();
    }
    struct buffer bytes = {0};
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) {
        buffer_append(&bytes, chunk, got);
    }
    fclose(file);
    struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
    buffer_free(&bytes);
    return content;
}

struct printed {
    double took_s, nozzle_c, bed_c;
    uint32_t layer, layers;
    double filament_mm;
    uint64_t total_filament_mm;
    char said[SAID_BYTES];
};

static void print_one(const char *name, const char *path, const char *model,
                      struct printed *printed)
{
    struct bed bed;
    struct error error = {""};
    struct file_content *content = content_of(name);
    bed_setup(&bed, model, 1);
    assert_int_equal(machine_put_file(bed.machine, path, content), STORAGE_OK);
    bed.said[0] = '\0';
    if (machine_start_print(bed.machine, path, &error) != MACHINE_ACCEPTED) {
        fail_msg("%s: %s", name, error.text);
    }
    printed->took_s = bed_until(&bed, STATE_FINISHED, 24 * 3600);
    struct machine_readings readings = bed_read(&bed);
    printed->nozzle_c = readings.nozzle_c;
    printed->bed_c = readings.bed_c;
    printed->layer = readings.layer;
    printed->layers = readings.layer_count;
    printed->filament_mm = readings.filament_used_mm;
    printed->total_filament_mm = readings.total_filament_mm;
    memcpy(printed->said, bed.said, sizeof printed->said);
    bed_teardown(&bed);
}

/* With heating, waiting and parking. */
static void printers_do_the_same(void **state)
{
    const struct twins *twins = *state;
    static struct printed text, binary;
    print_one(twins->text, "/usb/part.gcode", twins->model, &text);
    print_one(twins->binary, "/usb/part.bgcode", twins->model, &binary);
    assert_true(text.took_s == binary.took_s);
    assert_int_equal(text.layer, binary.layer);
    assert_true(text.layers > 100 && text.filament_mm > 900);
    assert_int_equal(text.layers, binary.layers);
    assert_true(text.filament_mm == binary.filament_mm);
    assert_int_equal(text.total_filament_mm, binary.total_filament_mm);
    assert_true(text.nozzle_c == binary.nozzle_c && text.bed_c == binary.bed_c);
    assert_string_equal(text.said, binary.said);
    print_message("%s: %.1f s from order to end\n", twins->text, text.took_s);
}

#define TWINS(test, twins_)                                                                        \
    {                                                                                              \
        .name = #test " " #twins_, .test_func = (test),                                            \
        .initial_state = (void *)(uintptr_t) & (twins_)                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWINS(printers_do_the_same, benchy_mk4),
        TWINS(printers_do_the_same, benchy_xl),
        TWINS(printers_do_the_same, cube_mini),
        TWINS(printers_do_the_same, cube_coreone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
