#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/connect/settings_ini.h"
#include "tests/golden/capture.h"

static struct settings_ini *parse(const char *text, struct error *error)
{
    return settings_ini_parse("x.ini", text, strlen(text), error);
}

static void a_file_of_the_sdk_gives_its_connection(void **state)
{
    (void)state;
    struct error error = {""};
    struct settings_ini *ini =
        parse("[printer]\ntype = MK3S\nname = bench-07\n\n[service::connect]\n"
              "hostname = connect.example.net\ntls = True\nport = 0\n"
              "token = 9f1c2ab77e0d4c5e8a10\n",
              &error);
    assert_non_null(ini);
    struct settings_connect connect;
    assert_true(settings_ini_connect(ini, &connect, &error));
    assert_string_equal(connect.hostname, "connect.example.net");
    assert_string_equal(connect.token, "9f1c2ab77e0d4c5e8a10");
    assert_true(connect.tls);
    assert_int_equal(connect.port, 0);
    struct settings_printer printer;
    assert_true(settings_ini_printer(ini, &printer, &error));
    assert_string_equal(printer.type, "MK3S");
    assert_string_equal(printer.name, "bench-07");
    assert_false(printer.farm_mode);
    assert_int_equal(printer.local_enable, 1);
    settings_ini_destroy(ini);
}

static void the_rules_are_those_of_configparser(void **state)
{
    (void)state;
    struct error error = {""};
    struct settings_ini *ini =
        parse("# comment\n[DEFAULT]\nport: 8000\n[A]\n ; comment\nKey : one\n"
              "  two\n\n  three # kept\n[b]\nempty=\nurl = http://x:1/?a=b\n",
              &error);
    assert_non_null(ini);
    assert_string_equal(settings_ini_get(ini, "A", "KEY"), "one\ntwo\n\nthree # kept");
    assert_string_equal(settings_ini_get(ini, "A", "port"), "8000");
    assert_string_equal(settings_ini_get(ini, "b", "empty"), "");
    assert_string_equal(settings_ini_get(ini, "b", "url"), "http://x:1/?a=b");
    assert_null(settings_ini_get(ini, "a", "key")); /* sections mind the case */
    assert_null(settings_ini_get(ini, "none", "port"));
    assert_true(settings_ini_has_section(ini, "b"));
    settings_ini_destroy(ini);
}

static void booleans_are_pythons_words(void **state)
{
    static const struct {
        const char *text;
        bool good, value;
    } cases[] = {{"1", true, true},    {"YES", true, true},    {"On", true, true},
                 {"true", true, true}, {"0", true, false},     {"no", true, false},
                 {"off", true, false}, {"False", true, false}, {"2", false, false},
                 {"", false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        buffer_format(&text, "[a]\nflag = %s\n", cases[i].text);
        struct error error = {""};
        struct settings_ini *ini = settings_ini_parse("x.ini", text.bytes, text.size, &error);
        bool value = false;
        assert_int_equal(settings_ini_get_bool(ini, "a", "flag", &value, &error), cases[i].good);
        assert_int_equal(value, cases[i].value);
        settings_ini_destroy(ini);
        buffer_free(&text);
    }
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"key = 1\n", "x.ini:1: expected a section before 'key = 1'"},
        {"[a]\nnonsense\n", "x.ini:2: expected 'key = value' or 'key: value', not 'nonsense'"},
        {"[a]\n= 1\n", "x.ini:2: expected 'key = value' or 'key: value', not '= 1'"},
        {"[a]\nk=1\n[b]\n[a]\n", "x.ini:4: there is already a section 'a'"},
        {"[a]\nk=1\nK: 2\n", "x.ini:3: [a] has 'k' already in line 2"},
        {"[]\n", "x.ini:1: expected a section like [service::connect], not '[]'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {""};
        assert_null(parse(cases[i].text, &error));
        assert_string_equal(error.text, cases[i].error);
    }
}

static void assert_not_connected(const char *text, const char *expected)
{
    struct error error = {""};
    struct settings_ini *ini = parse(text, &error);
    assert_non_null(ini);
    struct settings_connect connect;
    assert_false(settings_ini_connect(ini, &connect, &error));
    assert_string_equal(error.text, expected);
    settings_ini_destroy(ini);
}

static void what_the_sdk_needs_is_asked_for(void **state)
{
    (void)state;
    assert_not_connected("[a]\n", "x.ini: section [service::connect] is missing");
    assert_not_connected("[service::connect]\ntoken = t\n",
                         "x.ini: [service::connect] hostname is missing");
    assert_not_connected("[service::connect]\nhostname = h\n",
                         "x.ini: [service::connect] token is missing");
    assert_not_connected(
        "[service::connect]\nhostname = h\ntoken = t\ntls = maybe\n",
        "x.ini:4: [service::connect] tls must be 1/0, yes/no, true/false or on/off, "
        "not 'maybe'");
    assert_not_connected("[service::connect]\nhostname = h\ntoken = t\nport = 70000\n",
                         "x.ini:4: [service::connect] port must be from 0 to 65535");
    assert_not_connected("[service::connect]\nhostname = h\ntoken = t\nport = x\n",
                         "x.ini:4: [service::connect] port must be a whole number, not 'x'");
}

static void prusalink_refuses_other_types(void **state)
{
    (void)state;
    struct error error = {""};
    struct settings_ini *ini = parse("[printer]\ntype = MK4\n", &error);
    struct settings_printer printer;
    assert_false(settings_ini_printer(ini, &printer, &error));
    assert_string_equal(error.text,
                        "x.ini:2: [printer] type must be MK2.5, MK2.5S, MK3 or MK3S, not 'MK4'");
    settings_ini_destroy(ini);
}

static void a_real_file_loads(void **state)
{
    (void)state;
    char *path = capture_path("data/prusa_printer_settings.ini");
    if (path == NULL) {
        print_message("data/prusa_printer_settings.ini is not here: skipped\n");
        skip();
    }
    struct error error = {""};
    struct settings_ini *ini = settings_ini_load(path, &error);
    free(path);
    assert_non_null(ini);
    struct settings_connect connect;
    assert_true(settings_ini_connect(ini, &connect, &error));
    assert_string_equal(connect.hostname, "buddy-a.connect.prusa3d.com");
    assert_string_equal(connect.token, "1234567890");
    assert_int_equal(connect.port, 443);
    assert_true(connect.tls);
    assert_string_equal(settings_ini_get(ini, "network", "dns4"), "192.168.0.1;192.168.0.2");
    settings_ini_destroy(ini);
}

static void a_missing_file_says_so(void **state)
{
    (void)state;
    struct error error = {""};
    assert_null(settings_ini_load("/nowhere/x.ini", &error));
    assert_string_equal(error.text, "/nowhere/x.ini: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_sdk_gives_its_connection),
        cmocka_unit_test(the_rules_are_those_of_configparser),
        cmocka_unit_test(booleans_are_pythons_words),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(what_the_sdk_needs_is_asked_for),
        cmocka_unit_test(prusalink_refuses_other_types),
        cmocka_unit_test(a_real_file_loads),
        cmocka_unit_test(a_missing_file_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
