#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/report/report.h"
#include "sim/base/memory.h"

static struct report_outcome *add(struct report *report, const char *id, enum verdict verdict,
                                  const char *reason)
{
    struct report_outcome *outcome = report_add(report, id);
    outcome->verdict = verdict;
    outcome->sentence = memory_copy_text("what must be true");
    outcome->reason = memory_copy_text(reason);
    return outcome;
}

static void one_of_each(struct report *report)
{
    report_init(report, "connect-printer", "own", 18446744073709551615U);
    add(report, "A-1", VERDICT_PASS, NULL);
    struct report_outcome *failed = add(report, "A-2", VERDICT_FAIL, "expected <1> & got \"2\"");
    failed->messages = memory_copy_text("line 1\nline 2 \x01 \xff");
    failed->where = memory_copy_text("a.lua:7");
    add(report, "A-3", VERDICT_WARN, "differs");
    add(report, "A-4", VERDICT_INFO, "has not the defect");
    add(report, "A-5", VERDICT_SKIP, "needs # hands");
}

static void exit_codes_follow_the_design(void **state)
{
    (void)state;
    struct report report;
    report_init(&report, "t", "s", 1);
    assert_int_equal(report_exit_code(&report), 0);
    add(&report, "A", VERDICT_WARN, "w");
    add(&report, "B", VERDICT_SKIP, "s");
    add(&report, "C", VERDICT_INFO, "i");
    assert_int_equal(report_exit_code(&report), 0);
    add(&report, "D", VERDICT_FAIL, "f");
    assert_int_equal(report_exit_code(&report), 1);
    report.unreachable = memory_copy_text("nobody there");
    assert_int_equal(report_exit_code(&report), 3);
    report.interrupted = true;
    assert_int_equal(report_exit_code(&report), 130);
    report_free(&report);
}

static void junit_escapes_what_xml_does_not_allow(void **state)
{
    (void)state;
    struct report report;
    struct buffer out = {0};
    one_of_each(&report);
    report_junit(&report, &out);
    assert_non_null(strstr(out.bytes, "tests=\"5\" failures=\"1\" errors=\"0\" skipped=\"1\""));
    assert_non_null(strstr(out.bytes, "message=\"expected &lt;1&gt; &amp; got &quot;2&quot;\""));
    assert_non_null(strstr(out.bytes, "line 2 \xEF\xBF\xBD \xEF\xBF\xBD"));
    assert_non_null(strstr(out.bytes, "<skipped message=\"needs # hands\"/>"));
    assert_null(strchr(out.bytes, '\x01'));
    buffer_free(&out);
    report_free(&report);
}

static void tap_has_a_plan_and_a_line_for_each(void **state)
{
    (void)state;
    struct report report;
    struct buffer out = {0};
    one_of_each(&report);
    report_tap(&report, &out);
    assert_int_equal(strncmp(out.bytes, "TAP version 14\n1..5\n", 20), 0);
    assert_non_null(strstr(out.bytes, "\nok 1 - A-1 what must be true\n"));
    assert_non_null(strstr(out.bytes, "\nnot ok 2 - A-2 what must be true\n  ---\n"));
    assert_non_null(strstr(out.bytes, "  at: \"a.lua:7\"\n"));
    assert_non_null(strstr(out.bytes, "  messages: |-\n    line 1\n    line 2 . "));
    assert_non_null(strstr(out.bytes, "\nok 5 - A-5 what must be true # SKIP needs \\# hands\n"));
    buffer_free(&out);
    report_free(&report);
}

static void json_can_be_read_and_counts(void **state)
{
    (void)state;
    struct report report;
    struct buffer out = {0};
    one_of_each(&report);
    report_json(&report, &out);
    cJSON *json = cJSON_Parse(out.bytes);
    assert_non_null(json);
    const cJSON *counts = cJSON_GetObjectItem(json, "counts");
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_int_equal(cJSON_GetObjectItem(counts, verdict_name((enum verdict)i))->valueint, 1);
    }
    assert_string_equal(cJSON_GetObjectItem(json, "seed")->valuestring, "18446744073709551615");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "outcomes")), 5);
    cJSON_Delete(json);
    buffer_free(&out);
    report_free(&report);
}

static void a_report_file_is_there_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    char folder[] = "/tmp/hotbed-report-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/report.xml", folder);
    struct buffer text = {0};
    struct error error;
    buffer_append_text(&text, "<x/>\n");
    assert_true(report_write_file(path, &text, &error));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 5);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
    assert_false(report_write_file(path, &text, &error));
    assert_non_null(strstr(error.text, path));
    buffer_free(&text);
}

static void the_console_shows_what_failed_and_how_to_repeat_it(void **state)
{
    (void)state;
    struct report report;
    one_of_each(&report);
    report.outcomes[1].expected = memory_copy_text("1");
    report.outcomes[1].seen = memory_copy_text("\033[2Jevil");
    report.outcomes[1].reproduce = memory_copy_text("hotbed check x --only A-2 --seed 1");
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&bytes, &size);
    struct report_console console = {.out = file};
    for (size_t i = 0; i < report.count; i++) {
        report_console_outcome(&console, &report.outcomes[i]);
    }
    report_console_end(&console, &report);
    fclose(file);
    assert_non_null(strstr(bytes, "fail  A-2  what must be true\n      a.lua:7: expected <1>"));
    assert_non_null(strstr(bytes, "again     hotbed check x --only A-2 --seed 1"));
    assert_null(strchr(bytes, '\033'));
    assert_non_null(strstr(bytes, "\n1 passed, 1 failed, 1 skipped\n"));
    free(bytes);
    report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_follow_the_design),
        cmocka_unit_test(junit_escapes_what_xml_does_not_allow),
        cmocka_unit_test(tap_has_a_plan_and_a_line_for_each),
        cmocka_unit_test(json_can_be_read_and_counts),
        cmocka_unit_test(a_report_file_is_there_as_a_whole_or_not_at_all),
        cmocka_unit_test(the_console_shows_what_failed_and_how_to_repeat_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
