#include "tests/machine/gcode_support.h"

#include <math.h>

#include "sim/base/memory.h"
#include "sim/machine/archive.h"
#include "sim/machine/metadata.h"
#include "sim/machine/sl1.h"
#include "tests/machine/zip_writer.h"

#define ENTRY(name_, text)                                                                         \
    {                                                                                              \
        .name = (name_), .bytes = (text), .size = sizeof(text) - 1                                 \
    }

static const char config_json[] =
    "{\"expTime\": 2.5, \"expTimeFirst\": 25, \"jobDir\": \"box\", \"layerHeight\": 0.05,"
    " \"materialName\": \"Tough\", \"numFade\": 10, \"printTime\": 2722.9, \"printerModel\": "
    "\"SL1S\","
    " \"usedMaterial\": 17.146979, \"total_layers\": 3}";
static const char config_ini[] = "expTime = 2.5\r\nexpTimeFirst = 25\njobDir = box\n"
                                 "layerHeight = 0.05\nmaterialName = a = b\nprinterModel = SL1S\n";

static struct file_content *zip_of(const struct zip_written *entries, size_t count)
{
    struct buffer bytes = {0};
    zip_write(&bytes, entries, count);
    struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
    buffer_free(&bytes);
    return content;
}

#define ZIP(entries) zip_of(entries, sizeof(entries) / sizeof *(entries))

static char *told_of(const struct file_content *content)
{
    struct metadata metadata;
    struct buffer out = {0};
    struct json_writer json;
    assert_true(metadata_read(&metadata, "x.SL1", content));
    json_begin(&json, &out, JSON_PYTHON);
    json_object(&json, NULL);
    metadata_write(&metadata, &json);
    json_object_end(&json);
    metadata_free(&metadata);
    return buffer_detach(&out);
}

static void assert_tells(struct file_content *content, const char *expected)
{
    char *told = told_of(content);
    assert_string_equal(told, expected);
    free(told);
    file_content_release(content);
}

static void assert_opens(const struct file_content *content, enum sl1_fault expected)
{
    struct error error = {""};
    enum sl1_fault fault;
    struct sl1 *project = sl1_open(content, &fault, &error);
    if (fault != expected) {
        print_error("%s\n", error.text);
    }
    assert_int_equal(fault, expected);
    assert_int_equal(project != NULL, expected == SL1_GOOD);
    assert_int_equal(*error.text == '\0', expected == SL1_GOOD);
    sl1_close(project);
}

/* FF-16 */
static void FF_16_config_json_tells_and_config_ini_prints(void **state)
{
    (void)state;
    const struct zip_written both[] = {ENTRY("config.ini", config_ini),
                                       ENTRY("config.json", config_json), ENTRY("box0.png", "")};
    assert_tells(ZIP(both), "{\"exposure_time\": 2.5, \"exposure_time_first\": 25.0, "
                            "\"layer_height\": 0.05, \"material\": \"Tough\", "
                            "\"estimated_print_time\": 2722, \"printer_model\": \"SL1S\", "
                            "\"resin_used_ml\": 17.15, \"total_layers\": 3}");
    const struct zip_written ini[] = {ENTRY("config.ini", config_ini), ENTRY("box0.png", "")};
    struct file_content *content = ZIP(ini);
    struct sl1 *project = sl1_open(content, NULL, NULL);
    assert_non_null(project);
    assert_true(sl1_config(project)->exposure_s == 2.5);
    assert_true(sl1_config(project)->exposure_first_s == 25);
    assert_int_equal(sl1_config(project)->fade_layers, 10);
    sl1_close(project);
    assert_tells(content, "{}");
}

/* FF-17 */
static void FF_17_layers_are_the_jobs_own_by_name(void **state)
{
    (void)state;
    const struct zip_written entries[] = {
        ENTRY("box00002.png", ""),     ENTRY("config.json", config_json), ENTRY("box00000.png", ""),
        ENTRY("other00001.png", ""),   ENTRY("box00001.png", ""),         ENTRY("box00003.PNG", ""),
        ENTRY("thumbnail/box.png", "")};
    struct file_content *content = ZIP(entries);
    struct sl1 *project = sl1_open(content, NULL, NULL);
    assert_non_null(project);
    assert_int_equal(sl1_layer_count(project), 3);
    assert_string_equal(sl1_layer_name(project, 0), "box00000.png");
    assert_string_equal(sl1_layer_name(project, 1), "box00001.png");
    assert_string_equal(sl1_layer_name(project, 2), "box00002.png");
    assert_true(fabs(sl1_height_mm(project) - 0.15) < 1e-9);
    sl1_close(project);
    file_content_release(content);
}

/* What the library converts, refuses and stumbles over. */
static void values_convert_as_in_python(void **state)
{
    (void)state;
    static const struct {
        const char *config, *told;
    } cases[] = {
        {"{\"expTime\": \"3\", \"expTimeFirst\": true, \"materialName\": 5}",
         "{\"exposure_time\": 3.0, \"exposure_time_first\": 1.0, \"material\": \"5\"}"},
        {"{\"expTime\": null, \"layerHeight\": \"x\", \"printTime\": \"12.9\"}",
         "{\"estimated_print_time\": 12}"},
        {"{\"total_layers\": 3.9, \"usedMaterial\": 2.675, \"total_height\": 1}",
         "{\"total_layers\": 3, \"resin_used_ml\": 2.67, \"total_height\": 1.0}"},
        {"{\"expTime\": 1, \"layerHeight\": [], \"printTime\": 1}", "{\"exposure_time\": 1.0}"},
        {"{\"expTime\": 1, \"exposure_time\": 2, \"printerModel\": \"\xc3\xa1\"}",
         "{\"exposure_time\": 2.0, \"printer_model\": \"\\u00e1\"}"},
        {"{\"expTime\": 1", "{}"},
        {"[1]", "{}"},
        {"{\"printerModel\": \"\xff\"}", "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct zip_written entries[] = {
            {.name = "config.json", .bytes = cases[i].config, .size = strlen(cases[i].config)}};
        assert_tells(ZIP(entries), cases[i].told);
    }
    const struct zip_written pictures[] = {
        ENTRY("thumbnail/thumbnail400x400.png", "small"),
        ENTRY("thumbnail/a800x480.png", "larger!"),
        ENTRY("thumbnail/icon.png", "far longer than the others"),
        ENTRY("400x400.png", "not one of them, and long")};
    assert_tells(ZIP(pictures), "{\"preview\": \"bGFyZ2VyIQ==\"}");
}

static void broken_projects_have_the_printers_codes(void **state)
{
    (void)state;
    struct file_content *text = file_content_of_bytes("no archive", 10);
    assert_opens(text, SL1_UNREADABLE);
    assert_tells(text, "{}");
    const struct zip_written none[] = {ENTRY("box0.png", "")};
    const struct zip_written no_layers[] = {ENTRY("config.json", config_json),
                                            ENTRY("other.png", "")};
    static const char *const bad_configs[] = {"{",
                                              "[]",
                                              "{\"expTime\": []}",
                                              "{\"expTime\": \"x\"}",
                                              "{\"numFade\": 2.5}",
                                              "{\"calibrateTimeExact\": [1,2,3,4,5,6,7,8,9,10,11]}",
                                              "{\"exposure_profile\": 1}",
                                              "{\"exposure_profile\": {\"area_fill\": 101}}",
                                              "{\"expTime\": 1e999}"};
    struct file_content *content = ZIP(none);
    assert_opens(content, SL1_UNREADABLE);
    file_content_release(content);
    content = ZIP(no_layers);
    assert_opens(content, SL1_NOT_ENOUGH_LAYERS);
    file_content_release(content);
    for (size_t i = 0; i < sizeof bad_configs / sizeof *bad_configs; i++) {
        const struct zip_written entries[] = {
            {.name = "config.json", .bytes = bad_configs[i], .size = strlen(bad_configs[i])},
            ENTRY("a.png", "")};
        content = ZIP(entries);
        assert_opens(content, SL1_UNREADABLE);
        file_content_release(content);
    }
}

static void models_and_limits_are_checked(void **state)
{
    (void)state;
    const struct zip_written entries[] = {
        ENTRY("config.ini", "expTime = 99\nprinterModel = SL1S\nstepnum = 80\nnumFade = 1\n"),
        ENTRY("0.png", "")};
    struct file_content *content = ZIP(entries);
    struct sl1 *project = sl1_open(content, NULL, NULL);
    struct error error;
    assert_non_null(project);
    assert_int_equal(sl1_warning(project), SL1_SETTINGS_CHANGED);
    assert_true(sl1_config(project)->exposure_s == 60);
    assert_int_equal(sl1_config(project)->fade_layers, 2);
    assert_true(fabs(sl1_config(project)->layer_height_mm - 0.1) < 1e-12);
    assert_int_equal(sl1_check(project, "SL1S", &error), SL1_GOOD);
    assert_int_equal(sl1_check(project, "SL1", &error), SL1_WRONG_MODEL);
    assert_string_equal(error.text, "the project is for \"SL1S\", the printer is \"SL1\"");
    sl1_close(project);
    file_content_release(content);
    const struct zip_written variant[] = {ENTRY("config.ini", "printerVariant = other\n"),
                                          ENTRY("0.png", "")};
    content = ZIP(variant);
    project = sl1_open(content, NULL, NULL);
    assert_int_equal(sl1_warning(project), SL1_OTHER_VARIANT);
    sl1_close(project);
    file_content_release(content);
}

static void a_flipped_bit_is_found_by_the_test(void **state)
{
    (void)state;
    const struct zip_written entries[] = {
        ENTRY("config.json", config_json),
        {.name = "box0.png", .bytes = "LAYERLAYER", .size = 10, .stored = true}};
    struct buffer bytes = {0};
    zip_write(&bytes, entries, 2);
    struct error error;
    for (int flipped = 0; flipped < 2; flipped++) {
        if (flipped) {
            *(char *)memmem(bytes.bytes, bytes.size, "LAYERLAYER", 10) ^= 1;
        }
        struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
        struct sl1 *project = sl1_open(content, NULL, NULL);
        assert_non_null(project);
        assert_int_equal(sl1_test(project, &error), flipped ? SL1_CORRUPTED : SL1_GOOD);
        sl1_close(project);
        file_content_release(content);
    }
    assert_string_equal(error.text, "box0.png: CRC error");
    buffer_free(&bytes);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    const struct zip_written entries[] = {ENTRY("config.json", config_json),
                                          ENTRY("box0.png", "x")};
    struct buffer bytes = {0};
    zip_write(&bytes, entries, 2);
    for (size_t size = 0; size < bytes.size; size++) {
        struct file_content *content = file_content_of_bytes(bytes.bytes, size);
        assert_opens(content, SL1_UNREADABLE);
        file_content_release(content);
    }
    buffer_free(&bytes);
}

static void bombs_do_not_go_off(void **state)
{
    (void)state;
    enum { ZEROS = 64 << 20 };
    char *zeros = memory_new(ZEROS);
    const struct zip_written entries[] = {
        {.name = "config.json", .bytes = zeros, .size = ZEROS},
        {.name = "thumbnail/9x9.png", .bytes = zeros, .size = ZEROS},
        ENTRY("a.png", "")};
    struct file_content *content = ZIP(entries);
    free(zeros);
    assert_true(file_content_size(content) < 1 << 20);
    assert_opens(content, SL1_UNREADABLE);
    struct archive *archive = archive_open(content, NULL);
    struct error error;
    struct buffer out = {0};
    assert_non_null(archive);
    assert_false(archive_read(archive, 0, 1000, &out, &error));
    assert_string_equal(error.text, "config.json: unpacks to more than 1000 bytes");
    assert_int_equal(out.size, 0);
    assert_false(archive_test(archive, ZEROS + 1, &error));
    archive_close(archive);
    assert_tells(content, "{}");
    /* An archive in an archive is an entry like any other. */
    const struct zip_written inner[] = {ENTRY("config.json", config_json), ENTRY("box0.png", "")};
    struct buffer bytes = {0};
    zip_write(&bytes, inner, 2);
    const struct zip_written outer[] = {
        {.name = "config.json", .bytes = bytes.bytes, .size = bytes.size},
        {.name = "inner.sl1", .bytes = bytes.bytes, .size = bytes.size}};
    content = ZIP(outer);
    assert_opens(content, SL1_UNREADABLE);
    file_content_release(content);
    buffer_free(&bytes);
}

/* The directory lies: more entries than there are, and the 64-bit kind with 2^60 of them. */
static void absurd_counts_are_refused(void **state)
{
    (void)state;
    const struct zip_written entries[] = {ENTRY("config.json", config_json),
                                          ENTRY("box0.png", "x")};
    struct buffer bytes = {0};
    zip_write(&bytes, entries, 2);
    size_t end = bytes.size - 22; /* of the directory, without a comment */
    memset(bytes.bytes + end + 8, 0xff, 4);
    struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
    assert_opens(content, SL1_UNREADABLE);
    file_content_release(content);
    struct buffer wide = {0};
    buffer_append(&wide, bytes.bytes, end);
    buffer_append(&wide, "PK\6\6,\0\0\0\0\0\0\0-\0-\0\0\0\0\0\0\0\0\0", 24);
    buffer_append(&wide, "\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0",
                  32);
    buffer_append(&wide, "PK\6\7\0\0\0\0", 8);
    buffer_append(&wide, (char[8]){(char)(end & 255), (char)(end >> 8)}, 8);
    buffer_append(&wide, "\1\0\0\0", 4);
    buffer_append(&wide, bytes.bytes + end, 22);
    struct error error;
    content = file_content_of_bytes(wide.bytes, wide.size);
    assert_null(archive_open(content, &error));
    assert_string_equal(error.text, "a ZIP file of the 64-bit kind, which no project is");
    file_content_release(content);
    buffer_free(&wide);
    buffer_free(&bytes);
}

static void entries_are_counted(void **state)
{
    (void)state;
    struct zip_written *entries = memory_new_array(ARCHIVE_ENTRIES_MAX + 1, sizeof *entries);
    char(*names)[16] = memory_new_array(ARCHIVE_ENTRIES_MAX + 1, sizeof *names);
    for (int i = 0; i <= ARCHIVE_ENTRIES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%05d.png", i);
        entries[i] = (struct zip_written){.name = names[i], .bytes = "", .stored = true};
    }
    struct error error;
    for (int more = 0; more < 2; more++) {
        struct file_content *content = zip_of(entries, ARCHIVE_ENTRIES_MAX + (size_t)more);
        struct archive *archive = archive_open(content, &error);
        assert_int_equal(archive == NULL, more);
        archive_close(archive);
        file_content_release(content);
    }
    assert_string_equal(error.text, "the archive has 20501 entries, at most 20500 are read");
    free(names);
    free(entries);
}

/* In the directory: the general flag at 8 and the method at 10 of an entry. */
static void only_plain_entries_are_read(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        char value;
        const char *error;
    } cases[] = {{8, 1, "a: encrypted"},
                 {10, 12, "a: compression 12, expected stored or deflated"}};
    const struct zip_written entries[] = {
        {.name = "a", .bytes = "text", .size = 4, .stored = true}};
    for (size_t i = 0; i < 2; i++) {
        struct buffer bytes = {0}, out = {0};
        zip_write(&bytes, entries, 1);
        char *entry = memmem(bytes.bytes, bytes.size, "PK\1\2", 4);
        assert_non_null(entry);
        entry[cases[i].at] = cases[i].value;
        struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
        struct error error;
        struct archive *archive = archive_open(content, &error);
        assert_non_null(archive);
        assert_false(archive_read(archive, 0, 100, &out, &error));
        assert_string_equal(error.text, cases[i].error);
        archive_close(archive);
        file_content_release(content);
        buffer_free(&bytes);
    }
}

static void layers_are_measured(void **state)
{
    (void)state;
    struct buffer picture = {0}, wide = {0};
    png_write_layer(&picture, 100, 50, 20);
    png_write_layer(&wide, 5000, 1, 1);
    const struct zip_written entries[] = {
        ENTRY("config.json", config_json),
        {.name = "box0.png", .bytes = picture.bytes, .size = picture.size},
        {.name = "box1.png", .bytes = picture.bytes, .size = picture.size - 30},
        {.name = "box2.png", .bytes = wide.bytes, .size = wide.size},
        ENTRY("box3.png", "no picture")};
    struct file_content *content = ZIP(entries);
    struct sl1 *project = sl1_open(content, NULL, NULL);
    assert_non_null(project);
    double white, pixels;
    struct error error;
    assert_true(sl1_layer_area(project, 0, &white, &pixels, &error));
    assert_true(white == 2000 && pixels == 5000);
    for (size_t i = 1; i < 4; i++) {
        assert_false(sl1_layer_area(project, i, &white, &pixels, &error));
        assert_non_null(strstr(error.text, "no picture of a layer"));
    }
    sl1_close(project);
    file_content_release(content);
    buffer_free(&picture);
    buffer_free(&wide);
}

static void the_real_project_opens(void **state)
{
    (void)state;
    struct file_content *content = shared_content("data/Shape-Box.sl1");
    struct error error;
    enum sl1_fault fault;
    struct sl1 *project = sl1_open(content, &fault, &error);
    assert_non_null(project);
    const struct sl1_config *config = sl1_config(project);
    assert_int_equal(sl1_layer_count(project), 620);
    assert_string_equal(sl1_layer_name(project, 619), "Shape-Box00619.png");
    assert_int_equal(sl1_check(project, "SL1S", &error), SL1_GOOD);
    assert_int_equal(sl1_warning(project), SL1_NO_WARNING);
    assert_true(config->exposure_s == 2 && config->exposure_first_s == 25);
    assert_true(config->has_profiles && config->area_fill_percent == 35);
    assert_int_equal(config->above.delay_before_ms, 1000);
    double white, pixels;
    assert_true(sl1_layer_area(project, 0, &white, &pixels, &error));
    assert_true(pixels == 1620 * 2560 && white > 10000 && white < pixels / 4);
    assert_int_equal(sl1_test(project, &error), SL1_GOOD);
    sl1_close(project);
    file_content_release(content);
}

/* What the real SDK sent about the same project, from the first key of the metadata on. */
static void the_real_file_info_is_ours(void **state)
{
    (void)state;
    struct file_content *content = shared_content("data/Shape-Box.sl1");
    struct file_content *capture =
        shared_content("captures/connect-sdk/34-commands-sl1-builtin-only.txt");
    size_t size = (size_t)file_content_size(capture);
    char *bytes = memory_new(size + 1);
    assert_int_equal(file_content_read(capture, 0, bytes, size, NULL), size);
    char *info = strstr(bytes, "\"event\": \"FILE_INFO\"");
    assert_non_null(info);
    char *expected = strstr(info, "\"exposure_time\"");
    char *end = strstr(info, "}, \"command_id\"");
    assert_true(expected != NULL && end > expected);
    end[1] = '\0';
    expected[-1] = '{';
    char *told = told_of(content);
    assert_string_equal(told, expected - 1);
    free(told);
    free(bytes);
    file_content_release(capture);
    file_content_release(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(FF_16_config_json_tells_and_config_ini_prints),
        cmocka_unit_test(FF_17_layers_are_the_jobs_own_by_name),
        cmocka_unit_test(values_convert_as_in_python),
        cmocka_unit_test(broken_projects_have_the_printers_codes),
        cmocka_unit_test(models_and_limits_are_checked),
        cmocka_unit_test(a_flipped_bit_is_found_by_the_test),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(bombs_do_not_go_off),
        cmocka_unit_test(absurd_counts_are_refused),
        cmocka_unit_test(entries_are_counted),
        cmocka_unit_test(only_plain_entries_are_read),
        cmocka_unit_test(layers_are_measured),
        cmocka_unit_test(the_real_project_opens),
        cmocka_unit_test(the_real_file_info_is_ours),
    };
    return cmocka_run_group_tests_name("sl1", tests, NULL, NULL);
}
