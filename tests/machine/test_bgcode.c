#include "tests/machine/gcode_support.h"

#include <math.h>

#include "sim/base/memory.h"
#include "tests/machine/bgcode_writer.h"

/* The complete file of file-formats.md 4.2. */
static const char example[] = "GCDE\x01\0\0\0\x01\0"
                              "\x03\0\0\0\x13\0\0\0\0\0"
                              "printer_model=MK4S\n\x1a\xba\xd0\x04"
                              "\x04\0\0\0\x17\0\0\0\0\0"
                              "filament used [g]=1.00\n\x27\xa3\x0b\x42"
                              "\x02\0\0\0\x11\0\0\0\0\0"
                              "layer_height=0.2\n\x87\x32\x91\x89"
                              "\x01\0\0\0\x0b\0\0\0\0\0"
                              "G28\nG1 X10\n\x98\xb5\xc0\x67";
enum { EXAMPLE_BYTES = sizeof example - 1 };

static struct file_content *content_of(const struct buffer *bytes)
{
    return file_content_of_bytes(bytes->bytes, bytes->size);
}

/* All text of a file, or what is wrong with it. */
static enum bgcode_fault read_text(const struct file_content *content, enum bgcode_rules rules,
                                   struct buffer *out)
{
    struct error error = {""};
    enum bgcode_fault fault;
    struct bgcode_text *text = bgcode_text_new(content, rules, &fault, &error);
    if (text == NULL) {
        assert_int_not_equal(fault, BGCODE_FAULT_NONE);
        assert_string_not_equal(error.text, "");
        return fault;
    }
    char bytes[1000];
    long got;
    while ((got = bgcode_text_read(text, bytes, sizeof bytes, &error)) > 0) {
        buffer_append(out, bytes, (size_t)got);
    }
    fault = bgcode_text_fault(text);
    assert_int_equal(got < 0, fault != BGCODE_FAULT_NONE);
    assert_int_equal(bgcode_text_read(text, bytes, sizeof bytes, NULL), got);
    bgcode_text_destroy(text);
    return fault;
}

static void assert_fault(const struct buffer *bytes, enum bgcode_rules rules,
                         enum bgcode_fault expected)
{
    struct file_content *content = content_of(bytes);
    struct buffer text = {0};
    enum bgcode_fault fault = read_text(content, rules, &text);
    if (fault != expected) {
        print_error("expected \"%s\", found \"%s\"\n", bgcode_fault_text(expected),
                    bgcode_fault_text(fault));
    }
    assert_int_equal(fault, expected);
    buffer_free(&text);
    file_content_release(content);
}

static void assert_text(const struct buffer *bytes, enum bgcode_rules rules, const char *expected)
{
    struct file_content *content = content_of(bytes);
    struct buffer text = {0};
    assert_int_equal(read_text(content, rules, &text), BGCODE_FAULT_NONE);
    assert_string_equal(buffer_text(&text), expected);
    buffer_free(&text);
    file_content_release(content);
}

/* FF-01 */
static void FF_01_the_example_parses(void **state)
{
    (void)state;
    struct file_content *content = file_content_of_bytes(example, EXAMPLE_BYTES);
    struct bgcode file;
    struct bgcode_block block;
    static const enum bgcode_type types[] = {BGCODE_PRINTER_METADATA, BGCODE_PRINT_METADATA,
                                             BGCODE_SLICER_METADATA, BGCODE_GCODE};
    assert_true(bgcode_open(&file, content, BGCODE_LIBRARY, NULL));
    assert_true(file.checksums);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_BLOCK);
        assert_int_equal(block.type, types[i]);
        assert_true(bgcode_check(&file, &block, NULL));
    }
    assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_END);
    struct buffer text = {0};
    assert_int_equal(read_text(content, BGCODE_LIBRARY, &text), BGCODE_FAULT_NONE);
    assert_string_equal(buffer_text(&text), "G28\nG1 X10\n");
    buffer_free(&text);
    file_content_release(content);
}

/* FF-02 */
static void FF_02_a_flipped_bit_is_found_in_its_block(void **state)
{
    (void)state;
    for (size_t at = 20; at < 39 + 4; at++) { /* data and checksum of the first block */
        char bytes[EXAMPLE_BYTES];
        memcpy(bytes, example, sizeof bytes);
        bytes[at] ^= 0x10;
        struct file_content *content = file_content_of_bytes(bytes, sizeof bytes);
        struct bgcode file;
        struct bgcode_block block;
        struct error error;
        assert_true(bgcode_open(&file, content, BGCODE_LIBRARY, NULL));
        for (int i = 0; i < 4; i++) {
            assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_BLOCK);
            assert_int_equal(bgcode_check(&file, &block, &error), i != 0);
        }
        assert_string_equal(error.text, "block 0 (printer metadata) at byte 10: wrong checksum");
        file_content_release(content);
    }
}

/* A whole file with `count` g-code blocks packed one way. */
static void write_file(struct buffer *out, bool checksums, uint16_t compression, uint16_t encoding,
                       const char *const *texts, size_t count)
{
    bgcode_write_header(out, checksums);
    bgcode_write_block(out, checksums,
                       &(struct bgcode_written){.type = BGCODE_PRINTER_METADATA,
                                                .data = "temperature=215\n",
                                                .size = 16});
    bgcode_write_block(
        out, checksums,
        &(struct bgcode_written){
            .type = BGCODE_THUMBNAIL, .width = 16, .height = 9, .data = "PNG", .size = 3});
    for (int type = BGCODE_PRINT_METADATA; type >= BGCODE_SLICER_METADATA; type -= 2) {
        bgcode_write_block(out, checksums,
                           &(struct bgcode_written){.type = (uint16_t)type,
                                                    .compression = BGCODE_DEFLATE,
                                                    .data = "a=1\nb=c=d\n",
                                                    .size = 10});
    }
    for (size_t i = 0; i < count; i++) {
        struct buffer packed = {0};
        if (encoding == BGCODE_TEXT) {
            buffer_append_text(&packed, texts[i]);
        } else {
            meatpack_encode(&packed, texts[i], encoding == BGCODE_MEATPACK_COMMENTS);
        }
        bgcode_write_block(out, checksums,
                           &(struct bgcode_written){.type = BGCODE_GCODE,
                                                    .compression = compression,
                                                    .encoding = encoding,
                                                    .data = packed.bytes,
                                                    .size = packed.size});
        buffer_free(&packed);
    }
}

static const char *const two_texts[] = {";TYPE:Perimeter\nG1 X10 Y5\nM117 Hello you\n", "G28 W\n"};

/* FF-05 */
static void FF_05_header_sizes_and_all_ways_of_packing(void **state)
{
    (void)state;
    for (uint16_t compression = 0; compression < BGCODE_COMPRESSIONS; compression++) {
        for (uint16_t encoding = 0; encoding < BGCODE_GCODE_ENCODINGS; encoding++) {
            struct buffer bytes = {0};
            write_file(&bytes, compression != BGCODE_HEATSHRINK_11, compression, encoding,
                       two_texts, 2);
            assert_text(
                &bytes, BGCODE_LIBRARY,
                encoding == BGCODE_TEXT ? ";TYPE:Perimeter\nG1 X10 Y5\nM117 Hello you\nG28 W\n"
                : encoding == BGCODE_MEATPACK ? "G1X10Y5\nM117 Hello you\nG28W\n"
                                              : ";TYPE:Perimeter\nG1X10Y5\nM117 Hello you\nG28W\n");
            struct file_content *content = content_of(&bytes);
            struct bgcode file;
            struct bgcode_block block;
            assert_true(bgcode_open(&file, content, BGCODE_LIBRARY, NULL));
            while (bgcode_next(&file, &block, NULL) == BGCODE_BLOCK) {
                size_t parameters = block.type == BGCODE_THUMBNAIL ? 6 : 2;
                assert_int_equal(block.data_offset - block.offset - parameters,
                                 block.compression == BGCODE_UNCOMPRESSED ? 8 : 12);
                assert_int_equal(block.width, block.type == BGCODE_THUMBNAIL ? 16 : 0);
            }
            file_content_release(content);
            buffer_free(&bytes);
        }
    }
}

static void metadata_unpack_whatever_their_compression(void **state)
{
    (void)state;
    struct buffer bytes = {0}, out = {0};
    write_file(&bytes, true, BGCODE_HEATSHRINK_12, BGCODE_MEATPACK, two_texts, 1);
    struct file_content *content = content_of(&bytes);
    struct bgcode file;
    struct bgcode_block block;
    assert_true(bgcode_open(&file, content, BGCODE_LIBRARY, NULL));
    static const char *const expected[] = {"temperature=215\n", "PNG", "a=1\nb=c=d\n",
                                           "a=1\nb=c=d\n"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_BLOCK);
        buffer_clear(&out);
        assert_true(bgcode_unpack(&file, &block, &out, NULL));
        assert_string_equal(buffer_text(&out), expected[i]);
    }
    buffer_free(&out);
    buffer_free(&bytes);
    file_content_release(content);
}

static void printers_refuse_deflated_gcode(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    write_file(&bytes, true, BGCODE_DEFLATE, BGCODE_TEXT, two_texts, 1);
    assert_fault(&bytes, BGCODE_PRINTER, BGCODE_FAULT_COMPRESSION);
    buffer_free(&bytes);
}

static void blocks_packed_differently_are_refused_at_the_change(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    write_file(&bytes, true, BGCODE_HEATSHRINK_12, BGCODE_MEATPACK, two_texts, 1);
    size_t size = bytes.size;
    for (int i = 0; i < 2; i++) {
        bgcode_write_block(&bytes, true,
                           &(struct bgcode_written){.type = BGCODE_GCODE,
                                                    .compression = (uint16_t)(i == 0 ? 2 : 3),
                                                    .encoding = (uint16_t)(i == 0 ? 1 : 2),
                                                    .data = "G28\n",
                                                    .size = 4});
        assert_fault(&bytes, BGCODE_PRINTER, BGCODE_FAULT_MIXED);
        assert_fault(&bytes, BGCODE_LIBRARY, BGCODE_FAULT_MIXED);
        bytes.size = size;
    }
    bgcode_write_block(
        &bytes, true,
        &(struct bgcode_written){.type = BGCODE_PRINT_METADATA, .data = "", .size = 0});
    assert_fault(&bytes, BGCODE_PRINTER, BGCODE_FAULT_ORDER);
    buffer_free(&bytes);
}

/* The worked example with some bytes changed, so that each field is wrong once. */
static void every_wrong_field_has_its_name(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *bytes;
        size_t size;
        enum bgcode_fault library, printer;
    } cases[] = {
        {0, "X", 1, BGCODE_FAULT_MAGIC, BGCODE_FAULT_MAGIC},
        {4, "\2", 1, BGCODE_FAULT_VERSION, BGCODE_FAULT_NONE},
        {8, "\2", 1, BGCODE_FAULT_CHECKSUM_TYPE, BGCODE_FAULT_CHECKSUM_TYPE},
        {10, "\6", 1, BGCODE_FAULT_BLOCK_TYPE, BGCODE_FAULT_BLOCK_TYPE},
        {10, "\2", 1, BGCODE_FAULT_ORDER, BGCODE_FAULT_CHECKSUM},
        {12, "\4", 1, BGCODE_FAULT_COMPRESSION, BGCODE_FAULT_COMPRESSION},
        {14, "\xff\xff\xff\xff", 4, BGCODE_FAULT_TRUNCATED, BGCODE_FAULT_TRUNCATED},
        {14, "\x12", 1, BGCODE_FAULT_CHECKSUM, BGCODE_FAULT_CHECKSUM},
        {18, "\2", 1, BGCODE_FAULT_ENCODING, BGCODE_FAULT_CHECKSUM},
        {EXAMPLE_BYTES - 17, "\3", 1, BGCODE_FAULT_ENCODING, BGCODE_FAULT_ENCODING},
        {EXAMPLE_BYTES - 1, "\1", 1, BGCODE_FAULT_CHECKSUM, BGCODE_FAULT_CHECKSUM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer bytes = {0};
        buffer_append(&bytes, example, EXAMPLE_BYTES);
        memcpy(bytes.bytes + cases[i].at, cases[i].bytes, cases[i].size);
        assert_fault(&bytes, BGCODE_LIBRARY, cases[i].library);
        assert_fault(&bytes, BGCODE_PRINTER, cases[i].printer);
        buffer_free(&bytes);
    }
}

static void every_truncation_is_an_error_or_a_shorter_file(void **state)
{
    (void)state;
    struct buffer whole = {0};
    write_file(&whole, true, BGCODE_HEATSHRINK_12, BGCODE_MEATPACK_COMMENTS, two_texts, 2);
    int whole_blocks = 0;
    for (size_t size = 0; size < whole.size; size++) {
        struct buffer bytes = {0}, text = {0};
        buffer_append(&bytes, whole.bytes, size);
        struct file_content *content = content_of(&bytes);
        enum bgcode_fault fault = read_text(content, BGCODE_PRINTER, &text);
        whole_blocks += fault == BGCODE_FAULT_NONE;
        assert_true(fault == BGCODE_FAULT_NONE || fault == BGCODE_FAULT_MAGIC ||
                    fault == BGCODE_FAULT_TRUNCATED || fault == BGCODE_FAULT_NO_GCODE);
        buffer_free(&text);
        buffer_free(&bytes);
        file_content_release(content);
    }
    assert_int_equal(whole_blocks, 1); /* cut right behind the first g-code block */
    buffer_free(&whole);
}

static uint64_t last_block(const struct buffer *bytes)
{
    struct file_content *content = content_of(bytes);
    struct bgcode file;
    struct bgcode_block block;
    assert_true(bgcode_open(&file, content, BGCODE_LIBRARY, NULL));
    uint64_t offset = 0;
    while (bgcode_next(&file, &block, NULL) == BGCODE_BLOCK) {
        offset = block.offset;
    }
    file_content_release(content);
    return offset;
}

static void data_must_unpack_to_what_the_header_says(void **state)
{
    (void)state;
    static const int wrong_by[] = {-3, 5, 1000};
    for (uint16_t compression = 1; compression < BGCODE_COMPRESSIONS; compression++) {
        for (size_t i = 0; i < 3; i++) {
            struct buffer bytes = {0};
            static const char *const texts[] = {"G1 X1\nG1 X2\nG1 X3\n"};
            write_file(&bytes, false, compression, BGCODE_TEXT, texts, 1);
            uint64_t header = last_block(&bytes);
            int size = 18 + wrong_by[i];
            bytes.bytes[header + 4] = (char)(size & 255); /* of the data, unpacked */
            bytes.bytes[header + 5] = (char)(size >> 8);
            assert_fault(&bytes, BGCODE_LIBRARY, BGCODE_FAULT_DATA);
            buffer_free(&bytes);
        }
    }
}

/* A gigabyte and more of zeros in a megabyte: the text ends at its limit, in bounded memory. */
static void bombs_do_not_go_off(void **state)
{
    (void)state;
    struct buffer bytes = {0}, out = {0};
    enum { ZEROS = BGCODE_UNPACKED_BYTES_MAX + 1 };
    char *zeros = memory_new(ZEROS);
    bgcode_write_header(&bytes, true);
    bgcode_write_block(&bytes, true,
                       &(struct bgcode_written){.type = BGCODE_PRINTER_METADATA,
                                                .compression = BGCODE_DEFLATE,
                                                .data = zeros,
                                                .size = ZEROS});
    free(zeros);
    struct file_content *content = content_of(&bytes);
    struct bgcode file;
    struct bgcode_block block;
    assert_true(bgcode_open(&file, content, BGCODE_PRINTER, NULL));
    assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_BLOCK);
    assert_false(bgcode_unpack(&file, &block, &out, NULL));
    assert_int_equal(file.fault, BGCODE_FAULT_TOO_LARGE);
    assert_int_equal(out.size, 0);
    /* And one that lies about its size stops there. */
    block.data_bytes = 1000;
    assert_false(bgcode_unpack(&file, &block, &out, NULL));
    assert_int_equal(file.fault, BGCODE_FAULT_DATA);
    assert_true(out.size <= 1000);
    file_content_release(content);
    buffer_free(&out);
    buffer_free(&bytes);
}

/* The same 32 MiB of blanks again and again, 30 kB each in the file. */
static void a_text_ends_at_its_limit(void **state)
{
    (void)state;
    enum { BLANKS = 32 << 20 };
    struct buffer bytes = {0}, block = {0};
    static const char *const none[] = {""};
    char *blanks = memory_new(BLANKS);
    memset(blanks, ' ', BLANKS);
    write_file(&bytes, false, BGCODE_DEFLATE, BGCODE_TEXT, none, 1);
    bgcode_write_block(
        &block, false,
        &(struct bgcode_written){
            .type = BGCODE_GCODE, .compression = BGCODE_DEFLATE, .data = blanks, .size = BLANKS});
    free(blanks);
    for (uint64_t total = 0; total <= BGCODE_TEXT_BYTES_MAX; total += BLANKS) {
        buffer_append(&bytes, block.bytes, block.size);
    }
    assert_true(bytes.size < 2 << 20);
    struct file_content *content = content_of(&bytes);
    struct bgcode_text *text = bgcode_text_new(content, BGCODE_LIBRARY, NULL, NULL);
    assert_non_null(text);
    char part[BGCODE_CHUNK_BYTES];
    uint64_t total = 0;
    long got;
    while ((got = bgcode_text_read(text, part, sizeof part, NULL)) > 0) {
        total += (uint64_t)got;
    }
    assert_int_equal(got, -1);
    assert_int_equal(bgcode_text_fault(text), BGCODE_FAULT_TOO_LARGE);
    assert_int_equal(total, BGCODE_TEXT_BYTES_MAX);
    bgcode_text_destroy(text);
    file_content_release(content);
    buffer_free(&block);
    buffer_free(&bytes);
}

static void blocks_are_counted(void **state)
{
    (void)state;
    struct buffer bytes = {0};
    bgcode_write_header(&bytes, false);
    for (int i = 0; i <= BGCODE_BLOCKS_MAX; i++) {
        if (i == BGCODE_BLOCKS_MAX) {
            assert_text(&bytes, BGCODE_PRINTER, "");
        }
        buffer_append(&bytes, "\1\0\0\0\0\0\0\0\0\0", 10); /* of g-code, empty */
    }
    assert_fault(&bytes, BGCODE_PRINTER, BGCODE_FAULT_TOO_LARGE);
    buffer_free(&bytes);
}

/* FF-06 */
static void FF_06_keys_and_values_survive(void **state)
{
    (void)state;
    struct buffer bytes = {0}, out = {0};
    static const char ini[] = "filament used [mm]=1.5\nnotes=a=b = c\nestimated printing time "
                              "(normal mode)=1h 2m\n";
    bgcode_write_header(&bytes, true);
    bgcode_write_block(&bytes, true,
                       &(struct bgcode_written){
                           .type = BGCODE_PRINTER_METADATA, .data = ini, .size = sizeof ini - 1});
    struct file_content *content = content_of(&bytes);
    struct bgcode file;
    struct bgcode_block block;
    assert_true(bgcode_open(&file, content, BGCODE_LIBRARY, NULL));
    assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_BLOCK);
    assert_true(bgcode_unpack(&file, &block, &out, NULL));
    assert_string_equal(buffer_text(&out), ini);
    assert_int_equal(bgcode_next(&file, &block, NULL), BGCODE_FAILED);
    assert_int_equal(file.fault, BGCODE_FAULT_NO_GCODE);
    file_content_release(content);
    buffer_free(&out);
    buffer_free(&bytes);
}

static struct plan *plan_of(const char *below)
{
    struct file_content *content = shared_content(below);
    struct error error = {""};
    struct plan *plan = plan_build(content, &test_model, &error);
    file_content_release(content);
    if (plan == NULL) {
        print_error("%s: %s\n", below, error.text);
    }
    assert_non_null(plan);
    return plan;
}

static void assert_same_print(const char *text, const char *binary)
{
    struct plan *a = plan_of(text), *b = plan_of(binary);
    const struct plan_summary *one = plan_summary(a), *other = plan_summary(b);
    assert_true(one->total_us > 0 && one->layers > 10 && one->filament_mm > 100);
    assert_int_equal(one->total_us, other->total_us);
    assert_int_equal(one->estimate_us, other->estimate_us);
    assert_int_equal(one->layers, other->layers);
    assert_true(one->filament_mm == other->filament_mm);
    assert_true(one->max_z_mm == other->max_z_mm);
    assert_int_equal(one->commands, other->commands);
    assert_int_equal(one->moves, other->moves);
    assert_int_equal(plan_mark_count(a), plan_mark_count(b));
    for (size_t i = 0; i < plan_mark_count(a); i++) {
        const struct plan_mark *mark = plan_mark(a, i), *twin = plan_mark(b, i);
        assert_int_equal(mark->at_us, twin->at_us);
        assert_int_equal(mark->kind, twin->kind);
        assert_true(mark->value == twin->value);
    }
    plan_release(a);
    plan_release(b);
}

static void benchyrules_prints_as_its_text_twin(void **state)
{
    (void)state;
    assert_same_print("data/benchyrules_pla_14m.gcode", "data/benchyrules_pla_14m.bgcode");
}

static void mini_cube_prints_as_its_text_twin(void **state)
{
    (void)state;
    assert_same_print("data/mini_cube_ascii.gcode", "data/mini_cube_binary.bgcode");
}

static void heatshrink_and_meatpack_of_an_older_slicer_read(void **state)
{
    (void)state;
    struct plan *plan = plan_of("data/heatshrink_meatpack.bgcode");
    assert_true(plan_summary(plan)->layers > 100);
    plan_release(plan);
    struct file_content *content = shared_content("data/heatshrink_meatpack.bgcode");
    struct buffer text = {0};
    assert_int_equal(read_text(content, BGCODE_LIBRARY, &text), BGCODE_FAULT_NONE);
    assert_int_equal(bgcode_text_estimate(content), 1176995);
    file_content_release(content);
    buffer_free(&text);
}

static void a_wrong_checksum_ends_in_a_clear_error(void **state)
{
    (void)state;
    struct file_content *content = shared_content("data/bad_crc_first_gcode.bgcode");
    struct error error;
    assert_null(plan_build(content, &test_model, &error));
    assert_string_equal(error.text, "byte 0: block 7 (g-code) at byte 94003: wrong checksum");
    file_content_release(content);
}

static void an_mk3_takes_binary_gcode_for_rubbish(void **state)
{
    (void)state;
    struct model mk3 = test_model;
    char family[] = "mk3";
    mk3.family = family;
    struct file_content *content = file_content_of_bytes(example, EXAMPLE_BYTES);
    struct plan *plan = plan_build(content, &mk3, NULL);
    assert_non_null(plan);
    assert_int_equal(plan_summary(plan)->size_bytes, EXAMPLE_BYTES);
    plan_release(plan);
    file_content_release(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(FF_01_the_example_parses),
        cmocka_unit_test(FF_02_a_flipped_bit_is_found_in_its_block),
        cmocka_unit_test(FF_05_header_sizes_and_all_ways_of_packing),
        cmocka_unit_test(metadata_unpack_whatever_their_compression),
        cmocka_unit_test(printers_refuse_deflated_gcode),
        cmocka_unit_test(blocks_packed_differently_are_refused_at_the_change),
        cmocka_unit_test(every_wrong_field_has_its_name),
        cmocka_unit_test(every_truncation_is_an_error_or_a_shorter_file),
        cmocka_unit_test(data_must_unpack_to_what_the_header_says),
        cmocka_unit_test(bombs_do_not_go_off),
        cmocka_unit_test(a_text_ends_at_its_limit),
        cmocka_unit_test(blocks_are_counted),
        cmocka_unit_test(FF_06_keys_and_values_survive),
        cmocka_unit_test(benchyrules_prints_as_its_text_twin),
        cmocka_unit_test(mini_cube_prints_as_its_text_twin),
        cmocka_unit_test(heatshrink_and_meatpack_of_an_older_slicer_read),
        cmocka_unit_test(a_wrong_checksum_ends_in_a_clear_error),
        cmocka_unit_test(an_mk3_takes_binary_gcode_for_rubbish),
    };
    return cmocka_run_group_tests_name("bgcode", tests, NULL, NULL);
}
