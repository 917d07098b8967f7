#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "harness/cli/cli.h"

struct parsed {
    bool flag;
    const char *text;
    struct cli_list list, arguments;
    uint64_t number;
    int64_t duration_us;
    bool given;
    int code;
};

static struct parsed parse(char **argv)
{
    static struct parsed parsed;
    parsed = (struct parsed){.number = 7};
    const struct cli_option options[] = {
        {"flag", CLI_FLAG, &parsed.flag, NULL, "a flag", NULL},
        {"text", CLI_TEXT, &parsed.text, "T", "a text", NULL},
        {"list", CLI_LIST, &parsed.list, "L", "some", NULL},
        {"seed", CLI_NUMBER, &parsed.number, "N", "a number", &parsed.given},
        {"time", CLI_DURATION, &parsed.duration_us, "TIME", "a time", NULL},
        {NULL, CLI_FLAG, NULL, NULL, NULL, NULL},
    };
    const struct cli_usage usage = {.line = "test", .about = "about", .options = options};
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    parsed.code = cli_parse(argc, argv, &usage, &parsed.arguments);
    return parsed;
}

#define PARSE(...) parse((char *[]){"test", __VA_ARGS__, NULL})

static void drop(struct parsed *parsed)
{
    cli_list_free(&parsed->list);
    cli_list_free(&parsed->arguments);
}

static void options_and_arguments_may_mix(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("a", "--seed", "0x10", "--text=x=y", "b", "--flag", "--list", "1",
                                 "--list=2", "--time", "1m30s", "--", "--flag");
    assert_int_equal(parsed.code, -1);
    assert_true(parsed.flag && parsed.given);
    assert_int_equal(parsed.number, 16);
    assert_string_equal(parsed.text, "x=y");
    assert_int_equal(parsed.list.count, 2);
    assert_string_equal(parsed.list.items[1], "2");
    assert_int_equal(parsed.duration_us, 90000000);
    assert_int_equal(parsed.arguments.count, 3);
    assert_string_equal(parsed.arguments.items[2], "--flag");
    drop(&parsed);
}

static void mistakes_are_bad_usage(void **state)
{
    (void)state;
    struct parsed cases[] = {
        PARSE("--no"),        PARSE("--seed"),       PARSE("--seed", "-1"),
        PARSE("--seed", "x"), PARSE("--seed=1x"),    PARSE("--flag=1"),
        PARSE("-x"),          PARSE("--time", "5x"), PARSE("--seed", "99999999999999999999")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cases[i].code, CLI_BAD_USAGE);
        drop(&cases[i]);
    }
}

static void what_is_not_given_keeps_its_default(void **state)
{
    (void)state;
    struct parsed parsed = PARSE("-");
    assert_int_equal(parsed.code, -1);
    assert_int_equal(parsed.number, 7);
    assert_false(parsed.given);
    assert_string_equal(parsed.arguments.items[0], "-");
    drop(&parsed);
}

static void every_command_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        assert_non_null(cli_commands[i].summary);
        char *argv[] = {"hotbed", (char *)cli_commands[i].name, "--help", NULL};
        assert_int_equal(cli_main(3, argv), CLI_HELD);
    }
    char *unknown[] = {"hotbed", "no-such", NULL};
    assert_int_equal(cli_main(2, unknown), CLI_BAD_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_may_mix),
        cmocka_unit_test(mistakes_are_bad_usage),
        cmocka_unit_test(what_is_not_given_keeps_its_default),
        cmocka_unit_test(every_command_has_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
