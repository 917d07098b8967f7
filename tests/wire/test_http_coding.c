#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/wire/http_coding.h"

static bool collect(void *owner, const char *bytes, size_t size)
{
    buffer_append(owner, bytes, size);
    return true;
}

static bool refuse(void *owner, const char *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)owner += size;
    return false;
}

static size_t pack(int window, const char *text, size_t size, char *out, size_t room)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = (uInt)size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t used = room - stream.avail_out;
    deflateEnd(&stream);
    return used;
}

/* However it is cut, in each form. */
static void every_form_comes_back(void **state)
{
    (void)state;
    enum { SIZE = 100000, ROOM = 4096 };
    static const struct {
        const char *name;
        int window;
    } forms[] = {{"gzip", 31}, {"X-GZIP", 31}, {"deflate", 15}, {"deflate", -15}};
    char *text = memory_new(SIZE), packed[ROOM];
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = "G1 X10 Y20 E0.5\n"[i % 16];
    }
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        size_t size = pack(forms[form].window, text, SIZE, packed, ROOM);
        for (size_t piece = size; piece > 1; piece = piece / 2) {
            struct buffer out = {0};
            struct http_coding *coding = http_coding_new(slice_of(forms[form].name));
            for (size_t at = 0; at < size; at += piece) {
                size_t part = size - at < piece ? size - at : piece;
                assert_int_equal(http_coding_feed(coding, packed + at, part, collect, &out),
                                 HTTP_CODED_FINE);
            }
            assert_int_equal(out.size, SIZE);
            assert_memory_equal(out.bytes, text, SIZE);
            http_coding_destroy(coding);
            buffer_free(&out);
        }
    }
    free(text);
}

static void members_follow_each_other(void **state)
{
    (void)state;
    char packed[256];
    size_t size = pack(31, "one ", 4, packed, sizeof packed);
    size += pack(31, "two", 3, packed + size, sizeof packed - size);
    struct buffer out = {0};
    struct http_coding *coding = http_coding_new(slice_of("gzip"));
    assert_int_equal(http_coding_feed(coding, packed, size, collect, &out), HTTP_CODED_FINE);
    assert_string_equal(out.bytes, "one two");
    http_coding_destroy(coding);
    buffer_free(&out);
}

static void what_is_none_is_said(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct http_coding *coding = http_coding_new(slice_of("gzip"));
    assert_int_equal(http_coding_feed(coding, "G28\nG1 X10\n", 11, collect, &out), HTTP_CODED_BAD);
    assert_string_equal(http_coding_error(coding), "incorrect header check");
    http_coding_destroy(coding);
    assert_null(http_coding_new(slice_of("identity")));
    assert_null(http_coding_new(slice_of("br")));
    assert_null(http_coding_new((struct slice){NULL, 0}));
    buffer_free(&out);
}

/* 100 MB of nothing stop where they are told to. */
static void a_bomb_can_be_stopped(void **state)
{
    (void)state;
    enum { SIZE = 10000000, ROOM = 65536 };
    char *nothing = memory_new(SIZE), *packed = memory_new(ROOM);
    size_t size = pack(31, nothing, SIZE, packed, ROOM), seen = 0;
    struct http_coding *coding = http_coding_new(slice_of("gzip"));
    assert_int_equal(http_coding_feed(coding, packed, size, refuse, &seen), HTTP_CODED_STOPPED);
    assert_true(seen <= 16384);
    http_coding_destroy(coding);
    free(nothing);
    free(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_comes_back),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(what_is_none_is_said),
        cmocka_unit_test(a_bomb_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
