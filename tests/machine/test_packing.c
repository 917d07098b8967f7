#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine/heatshrink.h"
#include "sim/machine/meatpack.h"
#include "tests/machine/bgcode_writer.h"

/* How g-code is packed within the blocks of a binary file: MeatPack and heatshrink by themselves.
 */

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__})
#define SIZE(...)  (sizeof BYTES(__VA_ARGS__))

static void assert_unpacks(const uint8_t *packed, size_t size, const char *text)
{
    for (size_t cut = 0; cut <= size; cut++) { /* state is carried over a cut */
        struct meatpack meatpack;
        meatpack_init(&meatpack);
        meatpack.active = meatpack.no_spaces = true;
        char out[64];
        size_t written = meatpack_decode(&meatpack, packed, cut, out);
        written += meatpack_decode(&meatpack, packed + cut, size - cut, out + written);
        assert_int_equal(written, strlen(text));
        assert_memory_equal(out, text, written);
    }
    struct buffer again = {0};
    meatpack_pack(&again, text, strlen(text));
    assert_int_equal(again.size, size);
    assert_memory_equal(again.bytes, packed, size);
    buffer_free(&again);
}

static void assert_shrinks(unsigned window, const uint8_t *packed, size_t size, const char *text)
{
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= size; cut++) {
        struct heatshrink heatshrink;
        heatshrink_init(&heatshrink, window);
        uint8_t out[64];
        size_t left = cut;
        size_t written = heatshrink_decode(&heatshrink, packed, &left, out, length);
        assert_int_equal(left, 0);
        left = size - cut;
        written +=
            heatshrink_decode(&heatshrink, packed + cut, &left, out + written, length - written);
        assert_int_equal(written, length);
        assert_memory_equal(out, text, written);
    }
    struct buffer again = {0};
    heatshrink_encode(&again, window, text, length);
    assert_int_equal(again.size, size);
    assert_memory_equal(again.bytes, packed, size);
    buffer_free(&again);
}

#define UNPACKS(text, ...) assert_unpacks(BYTES(__VA_ARGS__), SIZE(__VA_ARGS__), text)
#define SHRINKS(window, text, ...)                                                                 \
    assert_shrinks(window, BYTES(__VA_ARGS__), SIZE(__VA_ARGS__), text)

/* FF-03 */
static void FF_03_the_vectors_both_ways(void **state)
{
    (void)state;
    UNPACKS("G1X10\n", 0x1d, 0x1e, 0xc0);
    UNPACKS("G1X10E.5\n", 0x1d, 0x1e, 0xb0, 0x5a, 0xcc);
    UNPACKS("M73P5R10\n", 0x7f, 0x4d, 0xf3, 0x50, 0xf5, 0x52, 0x01, 0xcc);
    UNPACKS("G28\n", 0x2d, 0xc8);
    SHRINKS(11, "G1 X1\nG1 X1\nG1 X1\n", 0xa3, 0xcc, 0x64, 0x15, 0x89, 0x8c, 0x28, 0x01, 0x6c);
    SHRINKS(12, "G1 X1\nG1 X1\nG1 X1\n", 0xa3, 0xcc, 0x64, 0x15, 0x89, 0x8c, 0x28, 0x00, 0xb6);
    SHRINKS(12, "G28\nG1 X10\n", 0xa3, 0xcc, 0xa7, 0x10, 0xaa, 0x3c, 0xc6, 0x41, 0x58, 0x98, 0xcc,
            0x21, 0x40);
}

static void meatpack_obeys_its_commands(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
        size_t size;
    } cases[] = {
        {"G1\n\xff\xff\xfb\x2d\xc8", "G1\nG28\n", 8},
        {"\xff\xff\xfb\x2d\xb1\xff\xff\xf7\xb1", "G21 1E", 9},
        {"\xff\xff\xfb\xff\xff\xf7\xff\xff\xf6\xb1", "1 ", 10},
        {"\xff\xff\xfb\xff\xff\xfa;a\n", ";a\n", 9},
        {"\xff\xff\xfb\xff\xff\xf9G\xff\xff\xf8\n", "G\n", 11},
        {"\xff\xff\xfb\xffM;", "M;", 6}, /* one FF: two bytes as they are */
        {"a\xff\x62", "a\xff\x62", 3},   /* not packing: as it is */
        {"\xff\xff\xfb\xdc\xff\x4d\x2f", "\nM/", 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct meatpack meatpack;
        meatpack_init(&meatpack);
        char out[64];
        size_t written =
            meatpack_decode(&meatpack, (const uint8_t *)cases[i].bytes, cases[i].size, out);
        assert_true(written <= meatpack_room(cases[i].size));
        assert_int_equal(written, strlen(cases[i].text));
        assert_memory_equal(out, cases[i].text, written);
    }
}

/* FF-04 */
static void FF_04_windows_are_not_interchangeable(void **state)
{
    (void)state;
    static const uint8_t packed[] = {0xa3, 0xcc, 0x64, 0x15, 0x89, 0x8c, 0x28, 0x01, 0x6c};
    struct heatshrink heatshrink;
    heatshrink_init(&heatshrink, 12);
    uint8_t out[18] = {0};
    size_t left = sizeof packed;
    heatshrink_decode(&heatshrink, packed, &left, out, sizeof out);
    assert_memory_not_equal(out, "G1 X1\nG1 X1\nG1 X1\n", sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(FF_03_the_vectors_both_ways),
        cmocka_unit_test(meatpack_obeys_its_commands),
        cmocka_unit_test(FF_04_windows_are_not_interchangeable),
    };
    return cmocka_run_group_tests_name("packing", tests, NULL, NULL);
}
