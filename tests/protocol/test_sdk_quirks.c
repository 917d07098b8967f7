#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/quirks.h"
#include "tests/protocol/sdk_bench.h"

/* Each defect of the SDK (connect-sdk.md 14) with its switch on, as the real one has it, and off.
 * Those of PrusaLink are in test_prusalink.c. */

static void make(struct bench *bench, enum connect_quirk_number off)
{
    bench->quirks_off = CONNECT_QUIRK(off);
    bench_make_sdk(bench, CONNECT_SDK_0_8_1);
}

static void command(struct bench *bench, const char *id, const char *name, const char *kwargs)
{
    char body[300];
    snprintf(body, sizeof body, "{\"command\": \"%s\", \"kwargs\": %s}", name, kwargs);
    bench_command(bench, id, "application/json", body);
}

static void id_zero(void **state)
{
    struct bench *bench = *state;
    command(bench, "0", "SEND_STATE_INFO", "{}");
    bench_last_has(bench, "\"STATE_CHANGED\", \"source\": \"CONNECT\", \"data\": {}, \"state\"");
    make(bench, CONNECT_QUIRK_ID_ZERO);
    command(bench, "0", "SEND_STATE_INFO", "{}");
    bench_last_has(bench, "\"data\": {}, \"command_id\": 0, \"state\"");
    connect_sdk_event(bench->sdk, &(struct connect_event){.event = CONNECT_INFO});
    bench_run(bench, 0.1);
    assert_null(strstr(bench_last(bench), "command_id")); /* where none is meant there is none */
}

/* A slow command, a reset that it does not heed, and its end; the command that runs then. */
static const struct connect_sdk_command *reset_in_vain(struct bench *bench)
{
    bench->take = true;
    command(bench, "7", "UPGRADE", "{}");
    command(bench, "8", "RESET_PRINTER", "{}");
    bench_run(bench, 1.1);
    bench_last_has(bench, "\"event\": \"ACCEPTED\", \"source\": \"CONNECT\", \"data\": {}, "
                          "\"command_id\": 8");
    connect_sdk_fail(bench->sdk, "CommandFailed('late')");
    bench_run(bench, 1);
    bench_last_has(bench, "\"command_id\": 7, \"reason\": \"Command error\"");
    return connect_sdk_command(bench->sdk);
}

static void lost_reset(void **state)
{
    struct bench *bench = *state;
    assert_null(reset_in_vain(bench));
    make(bench, CONNECT_QUIRK_LOST_RESET);
    const struct connect_sdk_command *running = reset_in_vain(bench);
    assert_non_null(running);
    assert_int_equal(running->id, 8);
    assert_int_equal(running->name, CONNECT_RESET_PRINTER);
    command(bench, "9", "SEND_STATE_INFO", "{}");
    bench_last_has(bench, "{\"actual_command_id\": 8}, \"command_id\": 9");
    connect_sdk_finish(bench->sdk, &(struct connect_result){.source = SOURCE_CONNECT});
    bench_run(bench, 1);
    bench_last_has(bench, "\"FINISHED\", \"source\": \"CONNECT\", \"data\": {}, \"command_id\": 8");
    assert_null(connect_sdk_command(bench->sdk));
}

/* Without the defect each reset that was accepted ends: a third one would take the second's place.
 */
static void many_resets(void **state)
{
    struct bench *bench = *state;
    make(bench, CONNECT_QUIRK_LOST_RESET);
    bench->take = true;
    command(bench, "7", "UPGRADE", "{}");
    command(bench, "8", "RESET_PRINTER", "{}");
    bench_run(bench, 1.1);
    command(bench, "9", "RESET_PRINTER", "{}");
    bench_last_has(bench, "\"command_id\": 9, \"reason\": \"Another command is running\"");
    command(bench, "8", "RESET_PRINTER", "{}");
    bench_last_has(bench, "\"ACCEPTED\", \"source\": \"CONNECT\", \"data\": {}, \"command_id\": 8");
    connect_sdk_destroy(bench->sdk); /* in the middle of it */
    bench->sdk = NULL;
}

/* Registers; the first poll is reset by the server, later ones get a 202. */
static void register_with_a_lost_poll(struct bench *bench)
{
    bench->polls_ended = 0;
    bench->first = (struct http_reply){.status = 200};
    http_reply_header(&bench->first, "Code", "ABC");
    bench->reply = (struct http_reply){.after = HTTP_AFTER_RESET};
    assert_true(connect_sdk_register(bench->sdk));
    bench_run(bench, 0.5);
    bench->reply = (struct http_reply){.status = 202};
    bench_run(bench, 5);
}

static void poll(void **state)
{
    struct bench *bench = *state;
    connect_sdk_set_connection(bench->sdk, "http://connect", NULL);
    register_with_a_lost_poll(bench);
    assert_int_equal(bench->polls_ended, 1);
    size_t before = bench->count;
    make(bench, CONNECT_QUIRK_POLL);
    connect_sdk_set_connection(bench->sdk, "http://connect", NULL);
    register_with_a_lost_poll(bench);
    assert_int_equal(bench->polls_ended, 0);
    assert_int_equal(bench->count - before, 1 + 1 + 5); /* POST, the lost one, one each second */
    assert_true(bench->times_us[before + 2] - bench->times_us[before + 1] >= SECONDS(1));
    bench->reply = (struct http_reply){.status = 404};
    bench_run(bench, 3);
    assert_int_equal(bench->polls_ended, 1); /* an answer ends it: CON-REG-07 */
}

/* Lost polls are not repeated for ever either. */
static void lost_polls_end_after_half_an_hour(void **state)
{
    struct bench *bench = *state;
    make(bench, CONNECT_QUIRK_POLL);
    connect_sdk_set_connection(bench->sdk, "http://connect", NULL);
    register_with_a_lost_poll(bench);
    connect_sdk_set_connection(bench->sdk, "http://nobody", NULL);
    bench_run(bench, 1700);
    assert_int_equal(bench->polls_ended, 0);
    bench_run(bench, 200);
    assert_int_equal(bench->polls_ended, 1);
}

static void reject_a_download_twice(struct bench *bench)
{
    static const char kwargs[] = "{\"path\": \"/local/a.gcode\", \"url\": \"http://other/a\"}";
    command(bench, "4", "START_URL_DOWNLOAD", kwargs);
    bench_last_has(bench, "TRANSFER_INFO");
    command(bench, "5", "START_URL_DOWNLOAD", kwargs);
    bench_last_has(bench, "\"reason\": \"Another transfer in progress\"");
    command(bench, "5", "START_URL_DOWNLOAD", kwargs);
}

static void remembered(void **state)
{
    struct bench *bench = *state;
    reject_a_download_twice(bench);
    bench_last_has(bench, "{\"event\": \"FINISHED\", \"source\": \"CONNECT\", \"data\": {}, "
                          "\"command_id\": 5");
    make(bench, CONNECT_QUIRK_REMEMBERED);
    reject_a_download_twice(bench);
    bench_last_has(bench, "{\"event\": \"REJECTED\", \"source\": \"CONNECT\", \"data\": {}, "
                          "\"command_id\": 5");
}

/* Folders in a folder that comes whole, and INFO of that. */
static void bring_folders(struct bench *bench)
{
    storage_remove(&bench->storage, "whole", true, 1);
    assert_int_equal(storage_make_folder(&bench->storage, "whole/first/second", 1000), STORAGE_OK);
    connect_sdk_file_changed(bench->sdk, STORAGE_CREATED, "/local/whole");
    bench_run(bench, 0.5);
    command(bench, "6", "SEND_INFO", "{}");
}

static void inner_folders(void **state)
{
    struct bench *bench = *state;
    bring_folders(bench);
    bench_last_has(bench,
                   "{\"type\": \"DIR\", \"name\": \"first\", \"size\": 0, \"children\": []}");
    command(bench, "7", "DELETE_FOLDER", "{\"path\": \"/local/whole/first\", \"force\": true}");
    bench_last_has(bench, "KeyError('read_only')");
    make(bench, CONNECT_QUIRK_INNER_FOLDERS);
    bring_folders(bench);
    bench_last_has(bench, "\"name\": \"first\", \"read_only\": false, \"m_timestamp\": 1000, "
                          "\"size\": 0, \"children\": [{\"type\": \"DIR\", \"name\": \"second\", "
                          "\"read_only\": false, \"m_timestamp\": 1000");
    command(bench, "7", "DELETE_FOLDER", "{\"path\": \"/local/whole/first\", \"force\": true}");
    bench_last_has(bench, "FINISHED");
    connect_sdk_file_changed(bench->sdk, STORAGE_DELETED, "/local/whole/first/second");
    connect_sdk_file_changed(bench->sdk, STORAGE_DELETED, "/local/whole/first");
    bench_run(bench, 0.5);
    bench_last_has(bench, "\"old_path\": \"/local/whole/first\""); /* the batch is not lost */
}

static void folder_guard(void **state)
{
    static const char refused[] = "The file inside of this folder is currently printed";
    static const struct {
        const char *path;
        bool guarded;
    } cases[] = {
        {"/a", false},
        {"/local/x", true},
        {"local/x", true},
        {"/local/x/a", false},
    };
    struct bench *bench = *state;
    bench->printed = "/local/x/ab/a.gcode";
    for (int off = 0; off < 2; off++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            storage_make_folder(&bench->storage, "x/a", 1);
            char id[8], kwargs[80];
            snprintf(id, sizeof id, "%zu", 10 + i);
            snprintf(kwargs, sizeof kwargs, "{\"path\": \"%s\"}", cases[i].path);
            command(bench, id, "DELETE_FOLDER", kwargs);
            bool exists = strcmp(cases[i].path, "/a") != 0; /* it looks that up first */
            bool guarded = exists && (cases[i].guarded || off == 0);
            assert_int_equal(strstr(bench_last(bench), refused) != NULL, guarded);
        }
        make(bench, CONNECT_QUIRK_FOLDER_GUARD);
    }
}

static void the_table_is_complete(void **state)
{
    (void)state;
    uint32_t seen = 0;
    FILE *file = fopen("docs/connect-printer.md", "r");
    assert_non_null(file);
    static char text[1 << 16];
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    for (size_t i = 0; i < connect_quirk_count; i++) {
        const struct connect_quirk *quirk = &connect_quirks[i];
        char id[8], row[40];
        snprintf(id, sizeof id, "Q-%02d", (int)quirk->number);
        assert_string_equal(quirk->id, id);
        assert_false(seen & CONNECT_QUIRK(quirk->number));
        seen |= CONNECT_QUIRK(quirk->number);
        assert_ptr_equal(connect_quirk_find(quirk->name), quirk); /* no other has its name */
        snprintf(row, sizeof row, "| %s | `%s` |", quirk->id, quirk->name);
        assert_non_null(strstr(text, row));
    }
}

static void switches_are_read(void **state)
{
    static const struct {
        const char *text;
        uint32_t mask; /* of CONNECT_QUIRKS_ALL; 0: refused */
    } cases[] = {
        {"Q-06=off", ~CONNECT_QUIRK(6)},
        {"id-zero=off", ~CONNECT_QUIRK(6)},
        {"Q-06=on", CONNECT_QUIRKS_ALL},
        {"Q-06", 0},
        {"Q-06=maybe", 0},
        {"Q-6=off", 0},
        {"=off", 0},
        {"", 0},
        {"Q-08=off", 0},
        {"id-zer=off", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t quirks = CONNECT_QUIRKS_ALL;
        struct error error = {0};
        bool done = connect_quirks_change(&quirks, cases[i].text, &error);
        assert_int_equal(done, cases[i].mask != 0);
        assert_true(done || *error.text != '\0');
        assert_true(quirks == (done ? cases[i].mask : CONNECT_QUIRKS_ALL));
    }
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_set_up, bench_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(id_zero),
        ON_BENCH(lost_reset),
        ON_BENCH(many_resets),
        ON_BENCH(poll),
        ON_BENCH(lost_polls_end_after_half_an_hour),
        ON_BENCH(remembered),
        ON_BENCH(inner_folders),
        ON_BENCH(folder_guard),
        cmocka_unit_test(the_table_is_complete),
        cmocka_unit_test(switches_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
