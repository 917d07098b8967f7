#include "tests/machine/gcode_support.h"

#include "sim/machine/ufp.h"
#include "tests/machine/zip_writer.h"

#define HEADER                                                                                     \
    ";START_OF_HEADER\n;HEADER_VERSION:0.1\n;FLAVOR:Griffin\n"                                     \
    ";GENERATOR.NAME:Cura_SteamEngine\n;GENERATOR.VERSION:5.2.1\n"                                 \
    ";GENERATOR.BUILD_DATE:2022-10-19\n;TARGET_MACHINE.NAME:Ultimaker S5\n"                        \
    ";EXTRUDER_TRAIN.0.INITIAL_TEMPERATURE:200\n;EXTRUDER_TRAIN.0.MATERIAL.VOLUME_USED:1234.5\n"   \
    ";EXTRUDER_TRAIN.0.MATERIAL.GUID:506c9f0d\n;EXTRUDER_TRAIN.0.NOZZLE.DIAMETER:0.4\n"            \
    ";EXTRUDER_TRAIN.0.NOZZLE.NAME:AA 0.4\n;BUILD_PLATE.INITIAL_TEMPERATURE:60\n"                  \
    ";PRINT.TIME:5220\n;PRINT.SIZE.MIN.X:9\n;PRINT.SIZE.MIN.Y:6\n;PRINT.SIZE.MIN.Z:0.27\n"         \
    ";PRINT.SIZE.MAX.X:10\n;PRINT.SIZE.MAX.Y:20\n;PRINT.SIZE.MAX.Z:30.5\n;END_OF_HEADER\n"
#define GCODE HEADER "G28\n;a:b:c\nG1 X10 F600\n"

static bool read_text(const char *text, struct griffin_header *header, struct error *error)
{
    struct file_content *content = file_content_of_bytes(text, strlen(text));
    bool good = griffin_read(header, content, error);
    file_content_release(content);
    return good;
}

static void headers_are_read(void **state)
{
    (void)state;
    struct griffin_header header;
    struct error error = {""};
    assert_true(read_text(GCODE, &header, &error));
    assert_string_equal(header.machine, "Ultimaker S5");
    assert_true(header.bed_c == 60 && header.time_s == 5220);
    assert_true(header.min_mm[2] == 0.27 && header.max_mm[0] == 10 && header.max_mm[2] == 30.5);
    assert_int_equal(header.tool_count, 1);
    assert_int_equal(header.tools[0].index, 0);
    assert_true(header.tools[0].volume_mm3 == 1234.5 && header.tools[0].nozzle_mm == 0.4);
    assert_string_equal(header.tools[0].nozzle, "AA 0.4");
    assert_string_equal(header.tools[0].material, "506c9f0d");
    assert_true(read_text(";FLAVOR:UltiGCode\n;TIME:5\nG28\n", &header, &error));
    assert_string_equal(header.machine, "ultimaker2");
}

/* The text with the first `what` replaced. */
static char *changed(const char *what, const char *by)
{
    struct buffer text = {0};
    const char *at = strstr(GCODE, what);
    assert_non_null(at);
    buffer_append(&text, GCODE, (size_t)(at - GCODE));
    buffer_append_text(&text, by);
    buffer_append_text(&text, at + strlen(what));
    return buffer_detach(&text);
}

static void headers_that_the_library_refuses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *by, *error;
    } cases[] = {
        {";FLAVOR:Griffin", "", "flavor \"\", expected Griffin, Cheetah or UltiGCode"},
        {"VERSION:0.1", "VERSION:0.2", "header_version \"0.2\", expected 0.1"},
        {"TARGET_MACHINE.NAME", "X", "target_machine.name must be set"},
        {"Cura_SteamEngine", " ", "generator.name must be set"},
        {"GENERATOR.VERSION", "X", "generator.version must be set"},
        {"BUILD_DATE", "X", "generator.build_date must be set"},
        {"TEMPERATURE:60", "TEMPERATURE:hot",
         "build_plate.initial_temperature must be set and be a number of 0 or more"},
        {"SIZE.MIN.Y", "X", "print.size.min.y must be set"},
        {"PRINT.TIME:5220", "TIME:-1", "time must be set and be a number of 0 or more"},
        {"VOLUME_USED:1234.5", "VOLUME_USED:-1",
         "extruder_train.0.material.volume_used must be set and be a number of 0 or more"},
        {"FLAVOR:Griffin", "FLAVOR:Griffin:", "line 3: a second colon in the line"},
        {"Ultimaker S5", "\xff", "line 7: not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = changed(cases[i].what, cases[i].by);
        struct griffin_header header;
        struct error error = {""};
        assert_false(read_text(text, &header, &error));
        assert_memory_equal(error.text, "header of the g-code: ", 22);
        assert_string_equal(error.text + 22, cases[i].error);
        free(text);
    }
    struct griffin_header header;
    assert_false(read_text("", &header, NULL));
    assert_false(read_text("G28\n", &header, NULL));
}

static void a_header_ends_after_a_hundred_and_one_lines(void **state)
{
    (void)state;
    for (int lines = 78; lines <= 84; lines++) {
        struct buffer text = {0};
        for (int i = 0; i < lines; i++) {
            buffer_append_text(&text, ";\n");
        }
        buffer_append_text(&text, GCODE);
        struct griffin_header header;
        /* The last that counts is the 20th of the header. */
        assert_int_equal(read_text(text.bytes, &header, NULL), lines + 20 <= GRIFFIN_LINES_MAX);
        buffer_free(&text);
    }
}

static void packages_are_read_with_either_kind_of_name(void **state)
{
    (void)state;
    for (int slash = 0; slash < 2; slash++) {
        const struct zip_written entries[] = {
            {.name = &"/3D/model.gcode"[slash], .bytes = GCODE, .size = strlen(GCODE)},
            {.name = &"/Metadata/thumbnail.png"[slash], .bytes = "png", .size = 3, .stored = true}};
        struct buffer bytes = {0};
        zip_write(&bytes, entries, 2);
        struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
        struct ufp package;
        struct error error;
        assert_true(ufp_read(&package, content, &error));
        assert_string_equal(package.header.machine, "Ultimaker S5");
        assert_int_equal(package.thumbnail_size, 3);
        struct plan *plan = plan_build(package.gcode, &test_model, &error);
        assert_int_equal(plan_summary(plan)->moves, 1);
        plan_release(plan);
        ufp_free(&package);
        file_content_release(content);
        for (size_t size = 0; size < bytes.size; size += 7) {
            content = file_content_of_bytes(bytes.bytes, size);
            assert_false(ufp_read(&package, content, &error));
            file_content_release(content);
        }
        buffer_free(&bytes);
    }
}

static void packages_without_what_is_needed_are_refused(void **state)
{
    (void)state;
    static const struct zip_written cases[] = {
        {.name = "/3D/other.gcode", .bytes = GCODE, .size = sizeof GCODE - 1},
        {.name = "/3D/model.gcode", .bytes = "G28\n", .size = 4},
    };
    static const char *const errors[] = {
        "no /3D/model.gcode in the package",
        "header of the g-code: flavor \"\", expected Griffin, Cheetah or UltiGCode"};
    for (size_t i = 0; i < 2; i++) {
        struct buffer bytes = {0};
        zip_write(&bytes, &cases[i], 1);
        struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
        struct ufp package;
        struct error error;
        assert_false(ufp_read(&package, content, &error));
        assert_string_equal(error.text, errors[i]);
        file_content_release(content);
        buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(headers_that_the_library_refuses_are_refused),
        cmocka_unit_test(a_header_ends_after_a_hundred_and_one_lines),
        cmocka_unit_test(packages_are_read_with_either_kind_of_name),
        cmocka_unit_test(packages_without_what_is_needed_are_refused),
    };
    return cmocka_run_group_tests_name("ufp", tests, NULL, NULL);
}
