#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "sim/wire/multipart.h"

static void on_part(void *owner, const struct multipart_part *part)
{
    buffer_format(owner, "[%s|%s|%s|", part->name, part->has_filename ? part->filename : "-",
                  part->content_type);
}

static void on_content(void *owner, const char *bytes, size_t size)
{
    buffer_append(owner, bytes, size);
}

static void on_part_end(void *owner)
{
    buffer_append_text(owner, "]");
}

static void on_end(void *owner)
{
    buffer_append_text(owner, ".");
}

static void on_failed(void *owner, const char *why)
{
    (void)why;
    buffer_append_text(owner, "!");
}

static const struct multipart_events events = {.part = on_part,
                                               .content = on_content,
                                               .part_end = on_part_end,
                                               .end = on_end,
                                               .failed = on_failed};

/* In pieces of this size; what was told. */
static void feed(struct buffer *told, const char *body, size_t size, size_t step)
{
    struct multipart multipart;
    buffer_clear(told);
    multipart_init(&multipart, "xx", &events, told);
    for (size_t at = 0; at < size; at += step) {
        multipart_feed(&multipart, body + at, size - at < step ? size - at : step);
    }
    multipart_finish(&multipart);
    multipart_free(&multipart);
}

static void tells(const char *body, const char *wanted)
{
    struct buffer told = {0};
    for (size_t step = 1; step <= strlen(body) + 1; step++) {
        feed(&told, body, strlen(body), step);
        assert_string_equal(buffer_text(&told), wanted);
    }
    buffer_free(&told);
}

static void tells_parts_however_they_are_cut(void **state)
{
    (void)state;
    tells("--xx\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/a\r\n"
          "--xx\r\ncontent-disposition: form-data; name=file; filename=\"b \\\"c\\\".gcode\"\r\n"
          "Content-Type: text/x.gcode\r\n\r\nG28\r\n--x\r\n-\r\n--xx--\r\nepilogue",
          "[path|-||/a][file|b \"c\".gcode|text/x.gcode|G28\r\n--x\r\n-].");
}

static void tells_empty_parts_and_names(void **state)
{
    (void)state;
    tells("preamble\r\n--xx\r\nContent-Disposition: form-data; name=\"file\"; "
          "filename=\"\"\r\n\r\n\r\n"
          "--xx  \r\n\r\ntext\r\n--xx--",
          "[file|||][|-||text].");
}

static void says_when_a_body_is_none(void **state)
{
    (void)state;
    tells("", "!");
    tells("nothing", "!");
    tells("--xx", "!");
    tells("--xx\r\nContent-Disposition: form-data; name=a\r\n\r\nb", "[a|-||!");
    tells("--xxy\r\n\r\n", "!");
}

static void keeps_its_bounds(void **state)
{
    (void)state;
    struct buffer body = {0}, told = {0};
    buffer_append_text(&body, "--xx\r\nX: ");
    for (size_t i = 0; i < MULTIPART_HEAD_BYTES_MAX; i++) {
        buffer_append_char(&body, 'x');
    }
    feed(&told, body.bytes, body.size, 100);
    assert_string_equal(buffer_text(&told), "!");
    buffer_clear(&body);
    for (size_t i = 0; i < MULTIPART_PARTS_MAX + 1; i++) {
        buffer_append_text(&body, "--xx\r\n\r\n\r\n");
    }
    feed(&told, body.bytes, body.size, 100);
    assert_int_equal(told.bytes[told.size - 1], '!');
    /* A content is never held. */
    struct multipart multipart;
    buffer_clear(&told);
    multipart_init(&multipart, "xx", &events, &told);
    multipart_feed(&multipart, "--xx\r\n\r\n", 8);
    for (size_t i = 0; i < 1000; i++) {
        multipart_feed(&multipart, body.bytes, 100);
        assert_true(multipart.held.size < 100);
        buffer_clear(&told);
    }
    multipart_free(&multipart);
    buffer_free(&body);
    buffer_free(&told);
}

static void finds_the_boundary_of_a_type(void **state)
{
    (void)state;
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    assert_true(multipart_boundary(slice_of("multipart/form-data; boundary=ab"), boundary));
    assert_string_equal(boundary, "ab");
    assert_true(multipart_boundary(slice_of("Multipart/Form-Data; charset=utf-8; boundary=\"a b\""),
                                   boundary));
    assert_string_equal(boundary, "a b");
    static const char *const others[] = {
        "",
        "text/plain; boundary=a",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        ("multipart/form-data; boundary="
         "0123456789012345678901234567890123456789012345678901234567890123456789x"),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(multipart_boundary(slice_of(others[i]), boundary));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_parts_however_they_are_cut),
        cmocka_unit_test(tells_empty_parts_and_names),
        cmocka_unit_test(says_when_a_body_is_none),
        cmocka_unit_test(keeps_its_bounds),
        cmocka_unit_test(finds_the_boundary_of_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
