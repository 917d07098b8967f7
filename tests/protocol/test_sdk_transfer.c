#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "sim/machine/picture.h"
#include "sim/machine/storage.h"
#include "sim/protocol/connect/sdk_camera.h"

/* What the recorded downloads and pictures (tests/golden) don't show: identities, growing files,
 * pictures. */

static void a_camera_id_is_that_of_the_document(void **state)
{
    (void)state;
    char id[CONNECT_CAMERA_ID_SIZE], fingerprint[65];
    connect_camera_id("cam one", id); /* connect-sdk.md 10.2 */
    assert_string_equal(id, "CavnY_yrc7ES");
    connect_fingerprint_of(id, fingerprint);
    assert_string_equal(fingerprint,
                        "97349068586404bf09af437bdc1c0552933273035b3130ada7952482cb01830b");
    char plain[400]; /* more than one block of the hash */
    memset(plain, 'x', sizeof plain - 1);
    plain[sizeof plain - 1] = '\0';
    connect_camera_id(plain, id);
    assert_int_equal(strlen(id), 12);
}

static void a_file_grows_and_takes_its_place(void **state)
{
    (void)state;
    struct storage storage;
    storage_init(&storage, "local", STORAGE_LOCAL, NULL);
    storage.total_bytes = 100;
    assert_int_equal(storage_append(&storage, ".a.part", "", 0, 1), STORAGE_OK);
    assert_int_equal(storage_append(&storage, ".a.part", "0123456789", 10, 2), STORAGE_OK);
    struct file_node *before =
        file_node_share((struct file_node *)(uintptr_t)storage_find(&storage, ".a.part"));
    assert_int_equal(storage_append(&storage, ".a.part", "abc", 3, 3), STORAGE_OK);
    assert_int_equal(before->size, 10); /* whoever saw it keeps what he saw */
    file_node_release(before);
    assert_int_equal(storage_free_bytes(&storage), 87);
    char zeros[100] = "";
    assert_int_equal(storage_append(&storage, ".a.part", zeros, 88, 4), STORAGE_FULL);
    assert_int_equal(storage_find(&storage, ".a.part")->size, 13);
    assert_int_equal(storage_append(&storage, "../out", "x", 1, 4), STORAGE_BAD_PATH);
    assert_int_equal(storage_rename(&storage, ".a.part", "a.gcode", 9), STORAGE_OK);
    assert_null(storage_find(&storage, ".a.part"));
    const struct file_node *node = storage_find(&storage, "a.gcode");
    char text[16] = "";
    assert_int_equal(node->modified_s, 3);
    assert_int_equal(file_content_read(node->content, 0, text, sizeof text - 1, NULL), 13);
    assert_string_equal(text, "0123456789abc");
    assert_int_equal(storage_make_folder(&storage, "folder", 9), STORAGE_OK);
    assert_int_equal(storage_rename(&storage, "a.gcode", "folder", 9), STORAGE_EXISTS);
    assert_int_equal(storage_rename(&storage, "gone", "b", 9), STORAGE_NOT_FOUND);
    assert_int_equal(storage_rename(&storage, "a.gcode", "../b", 9), STORAGE_BAD_PATH);
    storage_free(&storage);
}

static struct buffer draw(unsigned rotation, uint32_t layer)
{
    struct buffer jpeg = {0};
    picture_draw(&(struct picture){.width = 320,
                                   .height = 240,
                                   .rotation = rotation,
                                   .title = "mk3s-0",
                                   .state = "PRINTING",
                                   .unix_s = 1767225600,
                                   .nozzle_c = 215.0,
                                   .bed_c = 60.0,
                                   .x_share = 0.3,
                                   .y_share = 0.5,
                                   .layer = layer,
                                   .layer_count = 40,
                                   .progress_percent = 25},
                 &jpeg);
    return jpeg;
}

static void equal_values_give_equal_pictures(void **state)
{
    (void)state;
    struct buffer one = draw(0, 10), same = draw(0, 10), other = draw(0, 30), turned = draw(90, 10);
    assert_int_equal(one.size, same.size);
    assert_memory_equal(one.bytes, same.bytes, one.size);
    assert_true(other.size != one.size || memcmp(other.bytes, one.bytes, one.size) != 0);
    assert_memory_equal(one.bytes, "\xFF\xD8\xFF", 3);
    assert_memory_equal(one.bytes + one.size - 2, "\xFF\xD9", 2);
    assert_memory_equal(turned.bytes, "\xFF\xD8\xFF", 3);
    assert_true(turned.size > 0);
    buffer_free(&one);
    buffer_free(&same);
    buffer_free(&other);
    buffer_free(&turned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_camera_id_is_that_of_the_document),
        cmocka_unit_test(a_file_grows_and_takes_its_place),
        cmocka_unit_test(equal_values_give_equal_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
