#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/machine/storage.h"

/* Files that come in pieces in any order: storage_reserve(), storage_write(). */

static const struct file_content *content_of(const struct storage *storage, const char *path)
{
    const struct file_node *node = storage_find(storage, path);
    assert_non_null(node);
    return node->content;
}

static void expect_bytes(const struct storage *storage, const char *path, uint64_t offset,
                         const char *expected, size_t size)
{
    char seen[64];
    struct error error;
    assert_true(size <= sizeof seen);
    assert_int_equal(file_content_read(content_of(storage, path), offset, seen, size, &error),
                     size);
    assert_memory_equal(seen, expected, size);
}

static void write_in_any_order(struct storage *storage)
{
    enum { SIZE = 200000 };
    assert_int_equal(storage_make_folder(storage, "x.gcode", 1), STORAGE_OK);
    assert_int_equal(storage_reserve(storage, "x.gcode/p", SIZE, 5), STORAGE_OK);
    assert_int_equal(storage_find(storage, "x.gcode/p")->size, SIZE);
    expect_bytes(storage, "x.gcode/p", SIZE - 4, "\0\0\0\0", 4);
    assert_int_equal(storage_write(storage, "x.gcode/p", SIZE - 3, "end", 3), STORAGE_OK);
    assert_int_equal(storage_write(storage, "x.gcode/p", 65534, "middle", 6), STORAGE_OK);
    expect_bytes(storage, "x.gcode/p", 65533, "\0middle\0", 8);
    expect_bytes(storage, "x.gcode/p", SIZE - 4, "\0end", 4);
    assert_int_equal(storage_rename(storage, "x.gcode/p", "y.gcode", 6), STORAGE_OK);
    expect_bytes(storage, "y.gcode", 65534, "middle", 6);
    /* what does not lie within it, and where nothing may be made */
    assert_int_equal(storage_write(storage, "y.gcode", SIZE - 1, "ab", 2), STORAGE_BAD_PATH);
    assert_int_equal(storage_write(storage, "y.gcode", UINT64_MAX, "ab", 2), STORAGE_BAD_PATH);
    assert_int_equal(storage_write(storage, "none", 0, "ab", 2), STORAGE_NOT_FOUND);
    assert_int_equal(storage_write(storage, "x.gcode", 0, "ab", 2), STORAGE_EXISTS);
    assert_int_equal(storage_reserve(storage, "y.gcode", 1, 5), STORAGE_EXISTS);
    assert_int_equal(storage_reserve(storage, "no/such/folder", 1, 5), STORAGE_NOT_FOUND);
    assert_int_equal(storage_reserve(storage, "../x", 1, 5), STORAGE_BAD_PATH);
    assert_int_equal(storage_reserve(storage, "huge", UINT64_C(1) << 62, 5), STORAGE_FULL);
    assert_null(storage_find(storage, "huge"));
}

static void in_memory(void **state)
{
    (void)state;
    struct storage storage;
    storage_init(&storage, "usb", STORAGE_USB, NULL);
    storage.total_bytes = UINT64_C(8) << 30;
    write_in_any_order(&storage);
    assert_int_equal(storage_free_bytes(&storage), storage.total_bytes - 200000);
    /* a file that is no such one is not written into: others may share its bytes */
    assert_int_equal(storage_put(&storage, "z", file_content_of_bytes("abc", 3), 1), STORAGE_OK);
    assert_int_equal(storage_write(&storage, "z", 0, "x", 1), STORAGE_READ_ONLY);
    /* the whole of 32 bits costs what is written of it */
    assert_int_equal(storage_reserve(&storage, "big", UINT32_MAX, 5), STORAGE_OK);
    assert_int_equal(storage_write(&storage, "big", UINT32_MAX - 1, "x", 1), STORAGE_OK);
    storage_free(&storage);
}

static void on_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/hotbed-test-XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    struct storage storage;
    struct error error;
    assert_true(storage_init_directory(&storage, "usb", STORAGE_USB, folder, &error));
    write_in_any_order(&storage);
    storage_free(&storage);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory),
        cmocka_unit_test(on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
