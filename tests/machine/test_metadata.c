#include "tests/machine/gcode_support.h"

#include <math.h>
#include <unistd.h>

#include "sim/base/buffer.h"
#include "sim/machine/metadata.h"

/* All members as FILE_INFO shows them, to be freed. */
static char *told(const char *name, const char *text, size_t size)
{
    struct file_content *content = text != NULL ? file_content_of_bytes(text, size) : NULL;
    struct metadata metadata;
    assert_true(metadata_read(&metadata, name, content));
    struct buffer out = {0};
    struct json_writer json;
    json_begin(&json, &out, JSON_PYTHON);
    json_object(&json, NULL);
    metadata_write(&metadata, &json);
    json_object_end(&json);
    metadata_free(&metadata);
    file_content_release(content);
    return buffer_detach(&out);
}

static void assert_told(const char *name, const char *text, const char *expected)
{
    char *json = told(name, text, text != NULL ? strlen(text) : 0);
    assert_string_equal(json, expected);
    free(json);
}

static void assert_content_tells(const char *text, const char *expected)
{
    assert_told("x.gcode", text, expected);
}

/* FF-08 */
static void FF_08_tools_that_differ_have_no_common_value(void **state)
{
    (void)state;
    assert_content_tells("; filament_type = PLA;PETG\n",
                         "{\"filament_type per tool\": [\"PLA\", \"PETG\"]}");
    assert_content_tells(
        "; filament_type = PLA;PLA\n",
        "{\"filament_type per tool\": [\"PLA\", \"PLA\"], \"filament_type\": \"PLA\"}");
    assert_content_tells("; temperature = 215\n", "{\"temperature\": 215}");
    assert_content_tells("; nozzle_diameter = 0.4,0.40\n",
                         "{\"nozzle_diameter per tool\": [0.4, 0.4], \"nozzle_diameter\": 0.4}");
}

/* FF-09 */
static void FF_09_filament_is_summed_over_tools(void **state)
{
    (void)state;
    assert_content_tells(
        "; filament used [g] = 1.0, 2.0\n",
        "{\"filament used [g] per tool\": [1.0, 2.0], \"filament used [g]\": 3.0}");
    assert_content_tells("; filament used [g] = 1.0, x\n", "{}");
}

/* FF-10 */
static void FF_10_names_of_files_tell_too(void **state)
{
    (void)state;
    assert_told(
        "sh_bn_0.6n_0.32mm_PETG_MK4_8h55m.gcode", NULL,
        "{\"nozzle_diameter\": 0.6, \"layer_height\": 0.32, \"filament_type\": \"PETG\", "
        "\"printer_model\": \"MK4\", \"estimated printing time (normal mode)\": \"8h55m\"}");
    assert_told("HP_PLA,PLA_MK3SMMU3_3h22m.gcode", NULL,
                "{\"filament_type\": \"PLA\", \"printer_model\": \"MK3SMMU3\", "
                "\"estimated printing time (normal mode)\": \"3h22m\"}");
    assert_told(
        "PLA_0.6n 0.32mm_MK3S_1d1h42m.gco", "; printer_model = MK3\n; layer_height = 0.2\n",
        "{\"nozzle_diameter\": 0.6, \"layer_height\": 0.2, \"filament_type\": \"PLA\", "
        "\"printer_model\": \"MK3\", \"estimated printing time (normal mode)\": \"1d1h42m\"}");
    assert_told("42.gcode", NULL, "{}");
    assert_told("3h22x.gcode", NULL, "{}");
}

/* The library's defects: "mm" is a time, and a number that is none ends all reading, of the file
 * too. */
static void names_mislead_as_they_mislead_the_library(void **state)
{
    (void)state;
    assert_told("x_0.2mm.gcode", NULL,
                "{\"layer_height\": 0.2, \"estimated printing time (normal mode)\": \"2mm\"}");
    assert_told("part.new.gcode", "; layer_height = 0.2\n", "{}");
    assert_told("MK2x5.gcode", NULL, "{\"printer_model\": \"MK2x5\"}");
}

/* FF-11 */
static void FF_11_times_are_parsed(void **state)
{
    (void)state;
    assert_int_equal(metadata_seconds("8h55m"), 32100);
    assert_int_equal(metadata_seconds("2d 2h 2m 2s"), 180122);
    assert_int_equal(metadata_seconds("2M"), 120);
    assert_int_equal(metadata_seconds("2s"), 2);
    assert_int_equal(metadata_seconds("bad value"), -1);
    assert_int_equal(metadata_seconds(""), -1);
    assert_int_equal(metadata_seconds("0s"), -1);
    assert_int_equal(metadata_seconds("5s 3h"), 5); /* only in this order */
    assert_true(metadata_seconds("99999999999999999999999d 1s") > 0);
}

/* FF-12 */
static void FF_12_m73_sets_flags(void **state)
{
    (void)state;
    assert_content_tells("M73 P10 R20\n",
                         "{\"normal_percent_present\": true, \"normal_left_present\": true}");
    assert_content_tells(";M73 P10\n", "{}");
    assert_content_tells("G1 ; M73 P10\n", "{}");
    assert_content_tells("M73 R20 P10\n", "{\"normal_left_present\": true}");
    assert_content_tells("N5 M73 Q1 S2\nM73 C5\nM73 D6\n",
                         "{\"quiet_percent_present\": true, \"quiet_left_present\": true, "
                         "\"quiet_change_in_present\": true, \"normal_change_in_present\": true}");
    assert_content_tells(";Z:0.2\n", "{\"layer_info_present\": true}");
    assert_content_tells(";Z:1\n;Z:.2\n;Z:0.2 \n", "{}");
}

static void values_convert_as_in_python(void **state)
{
    (void)state;
    assert_content_tells("; brim_width = 0.5\n; ironing =  1 \n; support_material = x\n",
                         "{\"ironing\": 1}");
    assert_content_tells("; layer_height = 1e-1\n; max_layer_z = nan\n", "{\"layer_height\": 0.1}");
    assert_content_tells("; max_layer_z = 1e999\n; layer_height = 0x10\n", "{}");
    assert_content_tells("; extruder_colour = \"\"\n; fill_density = 15%\n",
                         "{\"fill_density\": \"15%\"}");
    assert_content_tells("; layer_height = 0.3\n; layer_height = 0.2\n", "{\"layer_height\": 0.2}");
    assert_content_tells("; unknown = 5\n;layer_height = 0.2\n; layer_height=0.2\n", "{}");
    assert_content_tells("; printer_model = MK\xc3\xa1\n", "{\"printer_model\": \"MK\\u00e1\"}");
    assert_content_tells("; printer_model = MK3\r\n; temperature = 0215\r\n",
                         "{\"printer_model\": \"MK3\\r\", \"temperature\": 215}");
}

static void objects_are_parsed_as_json(void **state)
{
    (void)state;
    assert_content_tells(
        "; objects_info = "
        "{\"objects\":[{\"name\":\"a\\u00e1\\n\",\"polygon\":[[1,-2.50],[3e2,0]]}],"
        "\"ok\":true,\"no\":null}\n",
        "{\"objects_info\": {\"objects\": [{\"name\": \"a\\u00e1\\n\", \"polygon\": [[1, -2.5], "
        "[300.0, 0]]}], \"ok\": true, \"no\": null}}");
    static const char *const broken[] = {"{",   "[1,]", "{\"a\" 1}",       "01", "\"x", "[1] 2",
                                         "NaN", "",     "{\"a\":\"\\q\"}", "-"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[64];
        snprintf(text, sizeof text, "; objects_info = %s\n", broken[i]);
        assert_content_tells(text, "{}");
    }
    struct buffer deep = {0};
    buffer_append_text(&deep, "; objects_info = ");
    for (int i = 0; i < 100000; i++) {
        buffer_append_char(&deep, '[');
    }
    assert_content_tells(deep.bytes, "{}");
    buffer_free(&deep);
}

static void the_longest_thumbnail_is_the_preview(void **state)
{
    (void)state;
    assert_content_tells(
        "; thumbnail begin 16x16 4\n; AAAA\n; thumbnail end\n"
        "; thumbnail_QOI begin 313x173 8\n; BBBB\n; CCC=\n; thumbnail_QOI end\n"
        "; thumbnail_JPG begin 1x1 4\n; DDDD\n; thumbnail_JPG end\n; layer_height = 0.2\n",
        "{\"layer_height\": 0.2, \"preview\": \"BBBBCCC=\"}");
}

/* FF-14 */
static void FF_14_the_local_web_shows_what_is_closest(void **state)
{
    (void)state;
    static const struct {
        const char *sizes[4], *preview, *icon;
    } cases[] = {
        {{"8000x20", "320x240"}, "320x240_PNG", "320x240_PNG"},
        {{"8000x20", "600x400", "800x600"}, "800x600_PNG", "600x400_PNG"},
        {{"500x100", "50x50", "900x400"}, "900x400_PNG", NULL},
        {{"500x100", "50x50", "120x110"}, NULL, "120x110_PNG"},
        {{"50x20"}, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        for (size_t k = 0; k < 4 && cases[i].sizes[k] != NULL; k++) {
            buffer_format(&text, "; thumbnail begin %s 4\n; AAAA\n; thumbnail end\n",
                          cases[i].sizes[k]);
        }
        buffer_append_text(&text, "; thumbnail_QOI begin 640x480 4\n; AAAA\n; thumbnail_QOI end\n");
        struct file_content *content = file_content_of_bytes(text.bytes, text.size);
        struct metadata metadata;
        assert_true(metadata_read(&metadata, "x.gcode", content));
        const struct metadata_thumbnail *preview = metadata_image(&metadata, 640, 480);
        const struct metadata_thumbnail *icon = metadata_image(&metadata, 100, 100);
        if (cases[i].preview != NULL) {
            assert_string_equal(preview->key, cases[i].preview);
        }
        if (cases[i].icon != NULL) {
            assert_string_equal(icon->key, cases[i].icon);
        }
        if (cases[i].preview == NULL && cases[i].icon == NULL) {
            assert_null(preview);
            assert_null(icon);
        }
        metadata_free(&metadata);
        file_content_release(content);
        buffer_free(&text);
    }
}

/* file-formats.md 8: reading stops, what was found stays. */
static void broken_files_keep_what_was_found_before(void **state)
{
    (void)state;
    assert_content_tells(
        "; layer_height = 0.2\n; thumbnail begin 16x16 5\n; AAAA\n; thumbnail end\n; ironing = 1\n",
        "{\"layer_height\": 0.2, \"preview\": \"AAAA\"}");
    assert_content_tells("; layer_height = 0.2\n; thumbnail end\n; ironing = 1\n",
                         "{\"layer_height\": 0.2}");
    assert_content_tells("; layer_height = 0.2\n; \xff\n; ironing = 1\n",
                         "{\"layer_height\": 0.2}");
    assert_content_tells("; layer_height = 0.2\nM117 \xff\n; ironing = 1\n",
                         "{\"layer_height\": 0.2}");
    assert_content_tells("; thumbnail begin 16x16 4\n; AAAA", "{}");
    assert_content_tells("", "{}");
}

/* FF-13 */
static void FF_13_only_head_and_tail_are_read(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, "; layer_height = 0.2\n");
    while (text.size < METADATA_HEAD_BYTES + 100) {
        buffer_append_text(&text, "G1 X1\n");
    }
    buffer_append_text(&text, "; printer_model = MK3\n");
    while (text.size < 10000000) {
        buffer_append_text(&text, "G1 X1\n");
    }
    buffer_append_text(&text, "; ironing = 1\n");
    assert_content_tells(text.bytes, "{\"layer_height\": 0.2, \"ironing\": 1}");
    buffer_free(&text);
}

static void a_sparse_file_of_two_gigabytes_is_read_at_its_ends(void **state)
{
    (void)state;
    char path[] = "/tmp/hotbed-sparse-XXXXXX";
    static const char head[] = "; layer_height = 0.2\n", tail[] = "\n; ironing = 1\n";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, head, sizeof head - 1), sizeof head - 1);
    assert_int_equal(pwrite(file, tail, sizeof tail - 1, INT64_C(2) << 30), sizeof tail - 1);
    close(file);
    struct error error;
    struct file_content *content = file_content_of_file(path, &error);
    assert_non_null(content);
    struct metadata metadata;
    assert_true(metadata_read(&metadata, "x.gcode", content));
    assert_string_equal(metadata_json(&metadata, "layer_height"), "0.2");
    assert_string_equal(metadata_json(&metadata, "ironing"), "1");
    metadata_free(&metadata);
    file_content_release(content);
    unlink(path);
}

static void other_kinds_of_files_have_none(void **state)
{
    (void)state;
    struct metadata metadata;
    assert_false(metadata_read(&metadata, "x.bgcode", NULL));
    assert_false(metadata_read(&metadata, "gcode", NULL));
    assert_false(metadata_read(&metadata, "", NULL));
    assert_true(metadata_read(&metadata, "X.GCODE", NULL));
    metadata_free(&metadata);
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    struct buffer text = {0};
    char bytes[65536];
    for (size_t got; (got = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        buffer_append(&text, bytes, got);
    }
    fclose(file);
    return buffer_detach(&text);
}

/* What the real SDK sent about the same file, byte for byte from the first key of the metadata on.
 */
static void the_real_file_info_is_ours(void **state)
{
    (void)state;
    static const char name[] = "full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode";
    char path[1024];
    char *capture =
        read_text(shared_path("captures/connect-sdk/24-send-file-info.txt", path, sizeof path));
    struct file_content *content =
        shared_content("data/full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode");
    char *expected = strstr(capture, "\"layer_height\"");
    assert_non_null(expected);
    char *end = strstr(expected, "}, \"command_id\"");
    assert_non_null(end);
    struct metadata metadata;
    assert_true(metadata_read(&metadata, name, content));
    struct buffer ours = {0};
    struct json_writer json;
    json_begin(&json, &ours, JSON_PYTHON);
    json_object(&json, NULL);
    metadata_write(&metadata, &json);
    json_object_end(&json);
    assert_int_equal(ours.size, (size_t)(end - expected) + 2);
    assert_memory_equal(ours.bytes + 1, expected, (size_t)(end - expected));
    buffer_free(&ours);
    metadata_free(&metadata);
    file_content_release(content);
    free(capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(FF_08_tools_that_differ_have_no_common_value),
        cmocka_unit_test(FF_09_filament_is_summed_over_tools),
        cmocka_unit_test(FF_10_names_of_files_tell_too),
        cmocka_unit_test(names_mislead_as_they_mislead_the_library),
        cmocka_unit_test(FF_11_times_are_parsed),
        cmocka_unit_test(FF_12_m73_sets_flags),
        cmocka_unit_test(values_convert_as_in_python),
        cmocka_unit_test(objects_are_parsed_as_json),
        cmocka_unit_test(the_longest_thumbnail_is_the_preview),
        cmocka_unit_test(FF_14_the_local_web_shows_what_is_closest),
        cmocka_unit_test(broken_files_keep_what_was_found_before),
        cmocka_unit_test(FF_13_only_head_and_tail_are_read),
        cmocka_unit_test(a_sparse_file_of_two_gigabytes_is_read_at_its_ends),
        cmocka_unit_test(other_kinds_of_files_have_none),
        cmocka_unit_test(the_real_file_info_is_ours),
    };
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
