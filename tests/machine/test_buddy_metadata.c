#include "tests/machine/gcode_support.h"

#include "sim/machine/buddy_metadata.h"
#include "sim/machine/print_file.h"
#include "tests/machine/bgcode_writer.h"

static char *told_of(const char *name, const struct file_content *content)
{
    struct buddy_metadata metadata;
    struct buffer out = {0};
    struct json_writer json;
    buddy_metadata_read(&metadata, name, content);
    json_begin(&json, &out, JSON_COMPACT);
    json_object(&json, NULL);
    buddy_metadata_write(&metadata, &json);
    json_object_end(&json);
    buddy_metadata_free(&metadata);
    return buffer_detach(&out);
}

static void assert_bytes_tell(const char *name, const char *bytes, size_t size,
                              const char *expected)
{
    struct file_content *content = file_content_of_bytes(bytes, size);
    char *told = told_of(name, content);
    assert_string_equal(told, expected);
    free(told);
    file_content_release(content);
}

static void assert_tells(const char *text, const char *expected)
{
    assert_bytes_tell("x.gcode", text, strlen(text), expected);
}

/* FF-15 */
static void FF_15_each_key_has_its_type(void **state)
{
    (void)state;
    assert_tells("; temperature = 215\n; layer_height = 0.2\n; printer_model = MK4S\n"
                 "; nozzle_diameter = 0.4,0.4\n",
                 "{\"temperature\":215,\"layer_height\":0.20,\"printer_model\":\"MK4S\","
                 "\"nozzle_diameter\":\"0.4,0.4\"}");
    assert_tells("; temperature = 215,215\n; layer_height = 0.2mm\n; size = 5\n; path = x\n", "{}");
    assert_tells("; layer_height =\n;ironing=1\nfill_density = 5%\n",
                 "{\"layer_height\":0.00,\"ironing\":1}");
    assert_tells("; a = b = c \n; a = again\n", "{\"a\":\"b = c\",\"a\":\"again\"}");
    assert_tells("; temperature = 99999999999\n", "{\"temperature\":2147483647}");
}

static void long_lines_keep_strings_and_lose_numbers(void **state)
{
    (void)state;
    struct buffer text = {0}, expected = {0};
    buffer_append_text(&text, "; notes = ");
    buffer_append_text(&expected, "{\"notes\":\"");
    for (int i = 0; i < 300; i++) {
        buffer_append_char(&text, (char)('a' + i % 26));
        buffer_append_char(&expected, (char)('a' + i % 26));
    }
    buffer_append_text(&text, "\n; layer_height = 0.");
    buffer_append_text(&expected, "\",\"max_layer_z\":1.00}");
    for (int i = 0; i < 80; i++) {
        buffer_append_char(&text, '2');
    }
    buffer_append_text(&text, "\n; max_layer_z = 1\n");
    assert_tells(text.bytes, expected.bytes);
    buffer_free(&text);
    buffer_free(&expected);
}

static void a_plain_file_is_read_at_its_ends(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, "; a = 1\nG28\n; not = told\n");
    while (text.size < 100000) {
        buffer_append_text(&text, "G1 X1\n");
    }
    buffer_append_text(&text, "; b = 2\n");
    assert_tells(text.bytes, "{\"a\":\"1\",\"b\":\"2\"}");
    buffer_free(&text);
    /* Shorter than the tail: it simply goes on. */
    assert_tells("; a = 1\nG28\n; b = 2\nG1\n; c = 3", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
    /* A little longer, and the jump goes back: lines are told twice (file-formats.md 8). */
    struct buffer twice = {0};
    for (int i = 0; i < 3000; i++) {
        buffer_append_text(&twice, "; a = 1\n");
    }
    buffer_append_text(&twice, "G28\n");
    while (twice.size < BUDDY_TAIL_BYTES + 8 * 1000) {
        buffer_append_char(&twice, '\n');
    }
    struct file_content *content = file_content_of_bytes(twice.bytes, twice.size);
    struct buddy_metadata metadata;
    buddy_metadata_read(&metadata, "x.g", content);
    assert_int_equal(metadata.count, 3000 + 2000);
    buddy_metadata_free(&metadata);
    file_content_release(content);
    buffer_free(&twice);
}

/* FF-07 */
static void FF_07_qoi_is_not_taken_for_png(void **state)
{
    (void)state;
    assert_tells("; thumbnail_QOI begin 16x16 4\n; AAAA\n; thumbnail_QOI end\n"
                 "; thumbnail_QOI begin 220x124 4\n; AAAA\n; thumbnail_QOI end\n",
                 "{}");
    assert_tells("; thumbnail_JPG begin 220x124 4\n; AAAA\n"
                 "; thumbnail begin 16x16 4\n; BBBB\n"
                 "; thumbnail begin 17x17 8\n; CCCC\n; CC==\n; thumbnail end\n"
                 "; thumbnail begin 220x124 4\n; DDDD\n",
                 "{\"preview\":\"CCCCCCAA\",\"CC\":\"=\"}");
    assert_tells("; thumbnail begin 99x99 6\n; AAAAAB\n", "{\"preview\":\"AAAAAA==\"}");
    assert_tells("; thumbnail begin 99x99 60\n; AAAA*AAA\n", "{\"preview\":\"AAAA\"}");
}

static void assert_picture(const char *name, const struct file_content *content,
                           const struct buddy_wish *wish, const char *expected)
{
    struct buffer picture = {0};
    assert_int_equal(buddy_picture_read(&picture, name, content, wish), expected != NULL);
    assert_int_equal(picture.size, expected != NULL ? strlen(expected) : 0);
    assert_string_equal(buffer_text(&picture), expected != NULL ? expected : "");
    buffer_free(&picture);
}

/* FF-07 */
static void FF_07_pictures_are_found_by_size_and_format(void **state)
{
    (void)state;
    static const char text[] = "; thumbnail_QOI begin 16x16 4\n; cW9p\n; thumbnail_QOI end\n"
                               "; thumbnail begin 313x173 4\n; cG5n\n; thumbnail end\n"
                               "; thumbnail_JPG begin 32x32 4\n; anBn\n; thumbnail_JPG end\n";
    struct file_content *content = file_content_of_bytes(text, sizeof text - 1);
    static const struct {
        struct buddy_wish wish;
        const char *picture;
    } cases[] = {
        {{16, 16, BUDDY_QOI, false}, "qoi"},   {{16, 16, BUDDY_PNG, false}, NULL},
        {{313, 173, BUDDY_PNG, false}, "png"}, {{16, 16, BUDDY_PNG, true}, "png"},
        {{314, 100, BUDDY_PNG, true}, NULL},   {{17, 16, BUDDY_QOI, true}, NULL},
        {{32, 32, BUDDY_PNG, false}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_picture("x.gcode", content, &cases[i].wish, cases[i].picture);
        assert_picture("x.txt", content, &cases[i].wish, NULL);
    }
    file_content_release(content);
}

static void write_binary(struct buffer *out, const struct bgcode_written *blocks, size_t count)
{
    bgcode_write_header(out, true);
    for (size_t i = 0; i < count; i++) {
        bgcode_write_block(out, true, &blocks[i]);
    }
}

#define INI "temperature=215\nnotes=a=b\nfilament used [mm]=3471.06\n"

static void binary_files_tell_their_printer_metadata(void **state)
{
    (void)state;
    struct bgcode_written blocks[] = {
        {.type = BGCODE_PRINTER_METADATA, .data = INI, .size = strlen(INI)},
        {.type = BGCODE_THUMBNAIL,
         .encoding = BGCODE_QOI,
         .width = 99,
         .height = 99,
         .data = "qoi",
         .size = 3},
        {.type = BGCODE_THUMBNAIL,
         .encoding = BGCODE_PNG,
         .width = 16,
         .height = 16,
         .data = "png",
         .size = 3},
        {.type = BGCODE_THUMBNAIL,
         .encoding = BGCODE_PNG,
         .width = 99,
         .height = 99,
         .data = "big",
         .size = 3},
        {.type = BGCODE_PRINT_METADATA, .data = "x=1\n", .size = 4},
        {.type = BGCODE_GCODE, .data = "G28\n", .size = 4},
    };
    struct buffer bytes = {0};
    write_binary(&bytes, blocks, sizeof blocks / sizeof *blocks);
    assert_bytes_tell("x.BGCODE", bytes.bytes, bytes.size,
                      "{\"preview\":\"Ymln\",\"temperature\":215,\"notes\":\"a=b\","
                      "\"filament used [mm]\":3471.06}");
    struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
    assert_picture("x.bgc", content, &(struct buddy_wish){16, 16, BUDDY_PNG, false}, "png");
    assert_picture("x.bgc", content, &(struct buddy_wish){99, 99, BUDDY_QOI, false}, "qoi");
    assert_picture("x.bgc", content, &(struct buddy_wish){98, 99, BUDDY_QOI, false}, NULL);
    file_content_release(content);
    assert_bytes_tell("x.txt", bytes.bytes, bytes.size, "{}");
    assert_bytes_tell("x.bgc", bytes.bytes, 1, "{}");
    /* Compressed, or in another encoding: the printer shows nothing (file-formats.md 8). */
    buffer_clear(&bytes);
    blocks[0].compression = BGCODE_DEFLATE;
    write_binary(&bytes, blocks, sizeof blocks / sizeof *blocks);
    assert_bytes_tell("x.bgc", bytes.bytes, bytes.size, "{\"preview\":\"Ymln\"}");
    buffer_clear(&bytes);
    blocks[0].compression = BGCODE_UNCOMPRESSED;
    blocks[0].encoding = BGCODE_METADATA_JSON;
    write_binary(&bytes, blocks, sizeof blocks / sizeof *blocks);
    assert_bytes_tell("x.bgc", bytes.bytes, bytes.size, "{\"preview\":\"Ymln\"}");
    buffer_free(&bytes);
}

/* The comments that the captured firmware was given; what it sent, between the picture and the
 * fields of the file itself. */
static void the_captured_firmware_says_the_same(void **state)
{
    (void)state;
    static const char text[] =
        "G28\n; filament used [mm] = 1234.56\n; filament used [cm3] = 2.97\n"
        "; filament used [g] = 3.68\n; filament cost = 0.09\n; total filament used [g] = 3.68\n"
        "; total filament used for wipe tower [g] = 0.00\n"
        "; estimated printing time (normal mode) = 1h 2m 3s\n"
        "; estimated first layer printing time (normal mode) = 1m 2s\n"
        "; prusaslicer_config = begin\n; bed_temperature = 60\n; brim_width = 0\n"
        "; filament_type = PLA\n; fill_density = 15%\n; ironing = 0\n; layer_height = 0.2\n"
        "; nozzle_diameter = 0.4\n; printer_model = MK4\n; support_material = 1\n"
        "; temperature = 215\n; temperature = 215,215\n; size = 1\n; max_layer_z = 20.2\n"
        "; notes = a \"quoted\" \\ value\n; prusaslicer_config = end\n";
    char path[1024], line[4096];
    FILE *file =
        fopen(shared_path("captures/buddy/render-event-fileinfo-mk4.txt", path, sizeof path), "r");
    if (file == NULL) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    bool here = false;
    while (fgets(line, sizeof line, file) != NULL && !(here && *line == '{')) {
        here = here || strncmp(line, "=== 5 out", 9) == 0;
    }
    fclose(file);
    char *end = strstr(line, ",\"size\":");
    assert_true(here && end != NULL);
    strcpy(end, "}");
    assert_tells(text, line + strlen("{\"data\":"));
}

static void the_real_files_tell_their_metadata(void **state)
{
    (void)state;
    struct file_content *content = shared_content("data/benchyrules_pla_14m.bgcode");
    char *told = told_of("benchyrules_pla_14m.bgcode", content);
    static const char begin[] = "{\"preview\":\"iVBORw0KGgo";
    assert_memory_equal(told, begin, sizeof begin - 1);
    char *members = strstr(told, "\",\"printer_model\":\"MK4S\",\"filament_type\":\"PLA\",");
    assert_non_null(members);
    assert_non_null(strstr(members, "\"bed_temperature\":55,"));
    assert_non_null(strstr(members, "\"layer_height\":0.25,\"temperature\":220,"));
    assert_non_null(strstr(members, "\"max_layer_z\":48.00,\"extruder_colour\":\"\\\"\\\"\","));
    free(told);
    file_content_release(content);
}

/* FF-18 */
static void FF_18_wrong_suffixes_are_refused(void **state)
{
    (void)state;
    struct model model = test_model;
    static const char binary[] = "GCDE\1\0\0\0\0\0\1\0\0\0\4\0\0\0\0\0G28\n";
    static const struct {
        const char *name, *bytes;
        size_t size;
        const char *buddy, *mk3; /* what they say; NULL: they print */
    } cases[] = {
        {"a.gcode", "G28\n", 4, NULL, NULL},
        {"a.GCO", "; nothing\n", 10, NULL, NULL},
        {"a.gcode", binary, sizeof binary - 1,
         "The file seems to be a binary gcode with a wrong suffix.", NULL},
        {"a.bgcode", binary, sizeof binary - 1, NULL, "unknown file type"},
        {"a.bgcode", "G28\n", 4, "The file is not a valid bgcode file.", "unknown file type"},
        {"a.bgc", binary, 10, "File doesn't contain any print instructions", "unknown file type"},
        {"a.bgc", binary, 15, "Unknown file error", "unknown file type"},
        {"a.txt", "G28\n", 4, "unknown file type", "unknown file type"},
        {"gcode", "G28\n", 4, "unknown file type", "unknown file type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file_content *content = file_content_of_bytes(cases[i].bytes, cases[i].size);
        for (int buddy = 0; buddy < 2; buddy++) {
            char family[8];
            strcpy(family, buddy ? "buddy" : "mk3");
            model.family = family;
            struct error error = {""};
            const char *expected = buddy ? cases[i].buddy : cases[i].mk3;
            assert_int_equal(print_file_check(cases[i].name, content, &model, &error),
                             expected == NULL);
            assert_string_equal(error.text, expected != NULL ? expected : "");
        }
        file_content_release(content);
    }
    struct file_content *corrupt = shared_content("data/bad_crc_first_gcode.bgcode");
    struct error error;
    char family[] = "buddy";
    model.family = family;
    assert_false(print_file_check("x.bgcode", corrupt, &model, &error));
    assert_string_equal(error.text, "File corrupt");
    file_content_release(corrupt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(FF_15_each_key_has_its_type),
        cmocka_unit_test(long_lines_keep_strings_and_lose_numbers),
        cmocka_unit_test(a_plain_file_is_read_at_its_ends),
        cmocka_unit_test(FF_07_qoi_is_not_taken_for_png),
        cmocka_unit_test(FF_07_pictures_are_found_by_size_and_format),
        cmocka_unit_test(binary_files_tell_their_printer_metadata),
        cmocka_unit_test(the_captured_firmware_says_the_same),
        cmocka_unit_test(the_real_files_tell_their_metadata),
        cmocka_unit_test(FF_18_wrong_suffixes_are_refused),
    };
    return cmocka_run_group_tests_name("buddy_metadata", tests, NULL, NULL);
}
