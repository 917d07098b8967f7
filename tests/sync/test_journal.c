/* What was brought to whom, kept between runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/sync/journal.h"

#define ADA "http://ada"

static char place[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(place, "/tmp/hotbed-journal-XXXXXX");
    char *folder = mkdtemp(place);
    strcat(place, "/below/journal.json");
    return folder == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    char command[120];
    snprintf(command, sizeof command, "rm -rf \"$(dirname \"$(dirname '%s')\")\"", place);
    return system(command);
}

static void what_is_put_is_found_until_it_is_forgotten(void **state)
{
    (void)state;
    struct sync_journal *journal = sync_journal_new();
    struct sync_record record = {.size = 1, .modified_us = 2, .remote_s = 3}, found;
    char path[40];
    for (int i = 199; i >= 0; i--) {
        snprintf(path, sizeof path, "/usb/%d.gcode", i);
        record.size = (uint64_t)i;
        sync_journal_put(journal, ADA, path, &record);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "/usb/%d.gcode", i);
        assert_true(sync_journal_find(journal, ADA, path, &found));
        assert_int_equal(found.size, i);
    }
    sync_journal_forget(journal, ADA, "/usb/7.gcode");
    assert_false(sync_journal_find(journal, ADA, "/usb/7.gcode", &found));
    assert_true(sync_journal_find(journal, ADA, "/usb/70.gcode", &found));
    assert_false(sync_journal_find(journal, "http://eve", "/usb/70.gcode", &found));
    sync_journal_destroy(journal);
}

static void it_survives_a_file(void **state)
{
    (void)state;
    struct error error = {{0}};
    const struct sync_record record = {
        .size = 5000000000, .modified_us = -7, .remote_s = 1767225600};
    struct sync_record found = {0};
    int64_t ahead_s = 0;
    struct sync_journal *journal = sync_journal_open(place, &error);
    assert_string_equal(error.text, "");
    sync_journal_put(journal, ADA, "/usb/caf\xc3\xa9 \"x\".gcode", &record);
    sync_journal_set_clock(journal, ADA, -3600);
    assert_true(sync_journal_save(journal, &error));
    sync_journal_destroy(journal);
    journal = sync_journal_open(place, &error);
    assert_string_equal(error.text, "");
    assert_true(sync_journal_find(journal, ADA, "/usb/caf\xc3\xa9 \"x\".gcode", &found));
    assert_memory_equal(&found, &record, sizeof found);
    assert_true(sync_journal_clock(journal, ADA, &ahead_s));
    assert_int_equal(ahead_s, -3600);
    assert_false(sync_journal_clock(journal, "http://eve", &ahead_s));
    sync_journal_destroy(journal);
}

static void a_file_that_is_none_is_told_and_begun_anew(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"hotbed sync\": 2, \"printers\": {}}",
        "{\"hotbed sync\": 1, \"printers\": {\"a\": {\"files\": {\"b\": [1, \"2\", 3]}}}}",
        "{\"hotbed sync\": 1, \"printers\": {\"a\": {\"files\": {\"b\": [-1, 2, 3]}}}}"};
    char file[100];
    snprintf(file, sizeof file, "%.*s.json", (int)(strstr(place, "/below") - place), place);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error warning = {{0}};
        struct sync_record found;
        FILE *out = fopen(file, "we");
        fputs(texts[i], out);
        fclose(out);
        struct sync_journal *journal = sync_journal_open(file, &warning);
        assert_non_null(strstr(warning.text, "this is no journal of hotbed sync"));
        assert_false(sync_journal_find(journal, "a", "b", &found));
        sync_journal_destroy(journal);
    }
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_is_forgotten),
        cmocka_unit_test_setup_teardown(it_survives_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_none_is_told_and_begun_anew, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
