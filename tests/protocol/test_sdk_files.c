#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "tests/protocol/sdk_bench.h"

static void put(struct bench *bench, const char *path, int64_t now_s)
{
    assert_int_equal(
        storage_put(&bench->storage, bench_below(path), file_content_of_bytes("x", 1), now_s),
        STORAGE_OK);
    connect_sdk_file_changed(bench->sdk, STORAGE_CREATED, path);
    bench_run(bench, 0.3);
}

/* S-42: a folder keeps the time that it was first seen with; one that is made anew does not. */
static void a_folder_keeps_its_time(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(storage_make_folder(&bench->storage, "sub", 1000), STORAGE_OK);
    connect_sdk_medium_inserted(bench->sdk, &bench->storage);
    put(bench, "/local/sub/a.gcode", 2000);
    bench_command(bench, "1", "application/json", "{\"command\": \"SEND_INFO\"}");
    bench_last_has(bench,
                   "\"name\": \"sub\", \"read_only\": false, \"m_timestamp\": 1000, \"size\": 1");
    storage_remove(&bench->storage, "sub", true, 3000);
    connect_sdk_file_changed(bench->sdk, STORAGE_DELETED, "/local/sub/a.gcode");
    connect_sdk_file_changed(bench->sdk, STORAGE_DELETED, "/local/sub");
    bench_run(bench, 0.3);
    bench_last_has(bench, "\"data\": {\"old_path\": \"/local/sub\"}");
    assert_int_equal(storage_make_folder(&bench->storage, "sub", 4000), STORAGE_OK);
    connect_sdk_file_changed(bench->sdk, STORAGE_CREATED, "/local/sub");
    bench_run(bench, 0.3);
    bench_last_has(bench, "{\"type\": \"FOLDER\", \"name\": \"sub\", \"read_only\": false, "
                          "\"m_timestamp\": 4000, \"size\": 0, \"children\": []}");
}

/* CON-FS-03 */
static void hidden_entries_are_never_told(void **state)
{
    struct bench *bench = *state;
    put(bench, "/local/.x.gcode", 1);
    put(bench, "/local/.dir/y.gcode", 1);
    assert_int_equal(bench->count, 0);
    put(bench, "/local/z.GCO", 1);
    bench_last_has(bench, "\"type\": \"PRINT_FILE\", \"name\": \"z.GCO\"");
    bench_command(bench, "1", "application/json", "{\"command\": \"SEND_INFO\"}");
    assert_null(strstr(bench_last(bench), "\"."));
    bench_command(bench, "2", "application/json",
                  "{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": \"/local/.x.gcode\"}}");
    bench_last_has(bench, "ValueError('File does not exist: /local/.x.gcode')");
}

/* CON-FS-12 */
static void what_is_read_only_stays(void **state)
{
    struct bench *bench = *state;
    put(bench, "/local/a.gcode", 1);
    bench->storage.read_only = true;
    bench_command(bench, "1", "application/json",
                  "{\"command\": \"DELETE_FILE\", \"kwargs\": {\"path\": \"/local/a.gcode\"}}");
    bench_last_has(bench, "ValueError('File is read only')");
    assert_non_null(storage_find(&bench->storage, "a.gcode"));
    bench->storage.read_only = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_keeps_its_time, bench_set_up, bench_tear_down),
        cmocka_unit_test_setup_teardown(hidden_entries_are_never_told, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(what_is_read_only_stays, bench_set_up, bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
