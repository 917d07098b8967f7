/* Programs run beside the loop: what they print, how they end, and that none stays behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/net/process.h"

struct seen {
    bool over;
    int exit_code;
    char output[100], errors[100];
};

static void on_done(void *owner, const struct process_end *end)
{
    struct seen *seen = owner;
    seen->over = true;
    seen->exit_code = end->exit_code;
    snprintf(seen->output, sizeof seen->output, "%s", buffer_text(end->output));
    snprintf(seen->errors, sizeof seen->errors, "%s", buffer_text(end->errors));
}

struct bed {
    struct world world;
    struct real_driver *driver;
};

static int set_up(void **state)
{
    static struct bed bed;
    world_init(&bed.world, 1);
    bed.driver = real_driver_new(&bed.world, NULL);
    *state = &bed;
    return bed.driver == NULL;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    real_driver_destroy(bed->driver);
    world_free(&bed->world);
    return 0;
}

static struct process *start(struct bed *bed, const char *script, const char *const *environment,
                             struct seen *seen)
{
    const char *const arguments[] = {"sh", "-c", script, NULL};
    const struct process_settings settings = {.arguments = arguments, .environment = environment};
    struct error error = {{0}};
    struct process *process = process_start(bed->driver, &settings, on_done, seen, &error);
    assert_non_null(process);
    return process;
}

static void a_program_is_told_with_both_streams_and_its_code(void **state)
{
    struct bed *bed = *state;
    struct seen seen = {0};
    struct process *process = start(bed, "echo out; echo err >&2; exit 7", NULL, &seen);
    world_run(&bed->world, SECONDS(20), &seen.over);
    assert_true(seen.over);
    assert_int_equal(seen.exit_code, 7);
    assert_string_equal(seen.output, "out\n");
    assert_string_equal(seen.errors, "err\n");
    process_destroy(process);
}

static void the_environment_is_ours_but_for_what_is_said(void **state)
{
    struct bed *bed = *state;
    struct seen seen = {0};
    const char *const environment[] = {"HOTBED_TEST_WORD=blue", "HOME", NULL};
    struct process *process =
        start(bed, "echo $HOTBED_TEST_WORD ${HOME-none}; test -n \"$PATH\"", environment, &seen);
    world_run(&bed->world, SECONDS(20), &seen.over);
    assert_int_equal(seen.exit_code, 0);
    assert_string_equal(seen.output, "blue none\n");
    process_destroy(process);
}

static void a_signal_reaches_it_and_is_told_as_a_shell_would(void **state)
{
    struct bed *bed = *state;
    struct seen seen = {0};
    struct process *process = start(bed, "exec sleep 60", NULL, &seen);
    process_signal(process, SIGTERM);
    world_run(&bed->world, SECONDS(20), &seen.over);
    assert_int_equal(seen.exit_code, 128 + SIGTERM);
    process_destroy(process);
}

static void one_that_still_runs_ends_with_its_owner(void **state)
{
    struct bed *bed = *state;
    struct seen seen = {0};
    process_destroy(start(bed, "sleep 60 & sleep 60", NULL, &seen));
    assert_false(seen.over);
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    struct bed *bed = *state;
    const char *const arguments[] = {"/no/such/program", NULL};
    const struct process_settings settings = {.arguments = arguments};
    struct error error = {{0}};
    assert_null(process_start(bed->driver, &settings, on_done, NULL, &error));
    assert_string_equal(error.text, "/no/such/program: No such file or directory");
}

static void words_are_cut_as_a_shell_cuts_them(void **state)
{
    (void)state;
    struct error error;
    char **words = process_words(" tool  'a b' \"c \\\" d\" e\\ f ''", &error);
    assert_string_equal(words[0], "tool");
    assert_string_equal(words[1], "a b");
    assert_string_equal(words[2], "c \" d");
    assert_string_equal(words[3], "e f");
    assert_string_equal(words[4], "");
    assert_null(words[5]);
    process_words_free(words);
    assert_null(process_words("tool 'a", &error));
    assert_string_equal(error.text, "a quote does not end");
    assert_null(process_words("  ", &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_program_is_told_with_both_streams_and_its_code, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_environment_is_ours_but_for_what_is_said, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_signal_reaches_it_and_is_told_as_a_shell_would, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_still_runs_ends_with_its_owner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_is_not_there_is_an_error, set_up, tear_down),
        cmocka_unit_test(words_are_cut_as_a_shell_cuts_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
