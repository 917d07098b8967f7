/* Farm files: those of Link Sync, and what is wrong with others, told with line and field
 * (link-sync.md 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/sync/farm.h"
#include "sim/base/memory.h"

#define ADA                                                                                        \
    "Ada:\n    printer_type: MK4\n    host: http://192.168.7.21\n    username: maker\n    "        \
    "password: \"p4ssw0rd\"\n"

static struct sync_farm *parse(const char *name, const char *text, struct error *error)
{
    *error = (struct error){{0}};
    return sync_farm_parse(name, text, strlen(text), error);
}

static void expect_refusal(const char *name, const char *text, const char *reason)
{
    struct error error;
    struct sync_farm *farm = parse(name, text, &error);
    if (farm != NULL) {
        sync_farm_destroy(farm);
        fail_msg("this was taken: %s", text);
    }
    assert_string_equal(error.text, reason);
}

static void the_file_of_link_sync_is_taken(void **state)
{
    (void)state;
    struct error error;
    struct sync_farm *farm = parse("printers.yml",
                                   ADA "Eve:\n  {host: 'https://eve:8443/', username: maker, "
                                       "password: '12', printer_type: MK3S}\n",
                                   &error);
    assert_non_null(farm);
    assert_int_equal(farm->count, 2);
    assert_string_equal(farm->printers[0].name, "Ada");
    assert_string_equal(farm->printers[0].host, "http://192.168.7.21");
    assert_string_equal(farm->printers[0].username, "maker");
    assert_string_equal(farm->printers[0].password, "p4ssw0rd");
    assert_string_equal(farm->printers[0].type, "MK4");
    assert_int_equal(farm->printers[1].line, 6);
    assert_string_equal(farm->printers[1].host, "https://eve:8443");
    sync_farm_destroy(farm);
}

static void json_is_taken_with_all_its_escapes(void **state)
{
    (void)state;
    struct error error;
    struct sync_farm *farm = parse(
        "printers.JSN",
        "{\n\t\"Ada \\ud83d\\ude00\": {\"host\": \"http:\\/\\/ada\", \"username\": \"maker\",\n"
        "\"password\": \"a\\\\b\\u00e9\\\"\", \"printer_type\": \"MK4\"}}",
        &error);
    assert_string_equal(error.text, "");
    assert_string_equal(farm->printers[0].name, "Ada \xf0\x9f\x98\x80");
    assert_string_equal(farm->printers[0].host, "http://ada");
    assert_string_equal(farm->printers[0].password, "a\\b\xc3\xa9\"");
    sync_farm_destroy(farm);
}

static void every_suffix_of_link_sync_is_known_in_any_case(void **state)
{
    (void)state;
    static const char *const names[] = {"a.yml", "a.YAML", "b/c.Yml"};
    struct error error;
    for (size_t i = 0; i < 3; i++) {
        struct sync_farm *farm = parse(names[i], ADA, &error);
        assert_non_null(farm);
        sync_farm_destroy(farm);
    }
    expect_refusal("a.txt", ADA,
                   "a.txt: expected a farm file with the suffix .yaml, .yml, .json, .jso or .jsn");
    expect_refusal("yaml", ADA,
                   "yaml: expected a farm file with the suffix .yaml, .yml, .json, .jso or .jsn");
}

static void what_is_missing_or_too_much_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "f.yml:1: expected a mapping of printer names to printers"},
        {"- a\n", "f.yml:1: expected a mapping of printer names to printers"},
        {"{}", "f.yml:1: expected a mapping of printer names to printers"},
        {"Ada:\n", "f.yml:1: Ada: expected a mapping with host, username, password, printer_type"},
        {"\nAda: 5\n",
         "f.yml:2: Ada: expected a mapping with host, username, password, printer_type"},
        {"Ada:\n  username: maker\n  printer_type: MK4\n",
         "f.yml:2: Ada: the field host is missing"},
        {"Ada:\n  host: http://a\n  printer_type: MK4\n",
         "f.yml:2: Ada: the field username is missing"},
        {"Ada:\n  host: http://a\n  username: maker\n",
         "f.yml:2: Ada: the field printer_type is missing"},
        {ADA "    port: 80\n",
         "f.yml:6: Ada.port: there is no such field; a printer has host, username, password, "
         "printer_type and api_key"},
        {ADA "    name: x\n",
         "f.yml:6: Ada.name: there is no such field; a printer has host, username, password, "
         "printer_type and api_key"},
        {ADA "    host: http://b\n", "f.yml:6: Ada.host: it is there twice"},
        {"Ada: {host: http://a, username: maker, printer_type: MK4,\n password: 1234}",
         "f.yml:2: Ada.password: expected a text; put a number or such a word between quotes"},
        {"Ada: {host: http://a, username: [maker], printer_type: MK4}",
         "f.yml:1: Ada.username: expected a text"},
        {"Ada: {host: http://a, username: '', printer_type: MK4}",
         "f.yml:1: Ada.username: it is empty"},
        {"Ada: {host: http://a, username: maker, printer_type: MK4, password: \"a\\nb\"}",
         "f.yml:1: Ada.password: expected a text"},
        {"Ada: {host: http://a/prusa, username: maker, printer_type: MK4}",
         "f.yml:1: Ada.host: expected \"http://HOST[:PORT]\" without a path"},
        {"Ada: {host: http://a, username: maker, printer_type: MK4",
         "f.yml:2: did not find expected ',' or '}'"},
        {"[1]: {}", "f.yml:1: name of a printer: expected a text of 1 to 128 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_refusal("f.yml", cases[i].text, cases[i].reason);
    }
    expect_refusal("f.json", "{\n \"Ada\": {\"host\": 'x'}}", "f.json:2: this is no JSON");
}

/* As PyYAML, with which Link Sync reads them, does it. */
static void what_yaml_takes_for_a_text_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *password;
        bool text;
    } cases[] = {{"12345e678901234", true},
                 {"infinity", true},
                 {"nan", true},
                 {"0x12G", true},
                 {"1.2.3", true},
                 {"truer", true},
                 {"1_000", false},
                 {"12:30", false},
                 {"0x12AB", false},
                 {"0o17", true},
                 {"017", false},
                 {"0b11", false},
                 {"1.5", false},
                 {".5e+3", false},
                 {"-.inf", false},
                 {"2024-01-02", false},
                 {"2024-1-2", true},
                 {"oFF", true},
                 {"off", false},
                 {"~", false},
                 {"'off'", true},
                 {"\"1\"", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        struct error error;
        snprintf(text, sizeof text,
                 "Ada: {host: http://a, username: maker, printer_type: 4, password: %s}",
                 cases[i].password);
        struct sync_farm *farm = parse("f.yml", text, &error);
        if ((farm != NULL) != cases[i].text) {
            fail_msg("%s: %s", cases[i].password, farm == NULL ? error.text : "it was taken");
        }
        sync_farm_destroy(farm);
    }
    expect_refusal(
        "f.json",
        "{\"Ada\": {\"host\": \"http://a\", \"username\": \"m\", \"printer_type\": null, "
        "\"password\": 1e5}}",
        "f.json:1: Ada.password: expected a text; put a number or such a word between quotes");
}

static void mappings_are_taken_over(void **state)
{
    (void)state;
    struct error error;
    struct sync_farm *farm =
        parse("f.yml",
              "Ada: &ada\n  <<: {username: maker, password: other}\n  host: http://a\n"
              "  password: hers\n  printer_type: MK4\n"
              "Eve:\n  host: http://b\n  <<: [{printer_type: XL}, *ada]\n",
              &error);
    assert_string_equal(farm == NULL ? error.text : "", "");
    assert_string_equal(farm->printers[0].password, "hers");
    assert_string_equal(farm->printers[0].username, "maker");
    assert_string_equal(farm->printers[1].host, "http://b");
    assert_string_equal(farm->printers[1].type, "XL");
    assert_string_equal(farm->printers[1].password, "hers");
    sync_farm_destroy(farm);
    expect_refusal("f.yml", "Ada: &a\n  <<: *a\n", "f.yml:1: <<: it leads to itself");
    expect_refusal("f.yml", "Ada:\n  <<: 5\n", "f.yml:2: <<: expected a mapping to take over");
}

static void a_mark_before_the_text_and_ends_of_lines_of_windows_are_no_trouble(void **state)
{
    (void)state;
    struct error error;
    struct sync_farm *farm =
        parse("f.yml",
              "\xef\xbb\xbf"
              "Ada:\r\n  host: HTTP://a/\r\n  username: m\r\n  printer_type: MK4\r\n",
              &error);
    assert_string_equal(farm == NULL ? error.text : "", "");
    assert_string_equal(farm->printers[0].host, "HTTP://a");
    sync_farm_destroy(farm);
}

/* libyaml would take minutes over it. */
static void what_is_nested_without_end_is_refused(void **state)
{
    (void)state;
    static char text[200001];
    memset(text, '[', sizeof text - 1);
    expect_refusal("f.yml", text, "f.yml:1: it is nested deeper than 16");
}

static void a_password_in_the_address_is_refused_and_not_told(void **state)
{
    (void)state;
    struct error error;
    assert_null(parse(
        "f.yml", "Ada: {host: 'http://maker:S3cret@a', username: m, printer_type: MK4}", &error));
    assert_null(strstr(error.text, "S3cret"));
    assert_non_null(strstr(error.text, "f.yml:1: Ada.host:"));
}

static void a_host_needs_a_scheme(void **state)
{
    (void)state;
    struct error error;
    assert_null(
        parse("f.yml", "Ada: {host: 192.168.7.21, username: maker, printer_type: MK4}", &error));
    assert_non_null(strstr(error.text, "f.yml:1: Ada.host: expected \"http://HOST[:PORT]\""));
}

static void duplicates_are_refused_by_name_and_by_host(void **state)
{
    (void)state;
    expect_refusal("f.yml", ADA ADA, "f.yml:6: Ada: this name is there twice, first in line 1");
    expect_refusal("f.yml", ADA "ada: {host: http://b, username: maker, printer_type: MK4}\n",
                   "f.yml:6: ada: this name is there twice, first in line 1");
    expect_refusal(
        "f.yml", ADA "Eve: {host: 'http://192.168.7.21:80', username: maker, printer_type: MK4}\n",
        "f.yml:6: Eve: its host is that of Ada in line 1");
}

static struct sync_farm *three(void)
{
    struct error error;
    return parse("f.yml",
                 "Ada: {host: http://a, username: maker, printer_type: MK4}\n"
                 "Bea 2: {host: http://b, username: maker, printer_type: MK4, password: b}\n"
                 "Eve: {host: http://c, username: maker, printer_type: MK4, api_key: k}\n",
                 &error);
}

static void names_select_in_any_case(void **state)
{
    (void)state;
    struct error error;
    static const char *const ada[] = {"ADA"}, *const bea[] = {"bea 2"}, *const nobody[] = {"Zoe"};
    struct sync_farm *farm = three();
    assert_true(sync_farm_select(farm, ada, 1, NULL, 0, &error));
    assert_int_equal(farm->count, 1);
    assert_string_equal(farm->printers[0].name, "Ada");
    assert_false(sync_farm_select(farm, NULL, 0, ada, 1, &error));
    assert_string_equal(error.text, "f.yml: no printer is left to be brought into step");
    sync_farm_destroy(farm);
    farm = three();
    assert_false(sync_farm_select(farm, nobody, 1, NULL, 0, &error));
    assert_string_equal(error.text, "f.yml: there is no printer \"Zoe\" in it");
    assert_true(sync_farm_select(farm, NULL, 0, bea, 1, &error));
    assert_int_equal(farm->count, 2);
    sync_farm_destroy(farm);
}

static const char *some_environment(const char *name)
{
    return strcmp(name, "HOTBED_PASSWORD_ADA") == 0 ? "secret of Ada" : NULL;
}

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static char *answer(void *owner, const char *printer)
{
    assert_string_equal(printer, "Ada");
    ++*(int *)owner;
    return memory_copy_text("typed");
}

static void passwords_come_from_file_environment_or_prompt(void **state)
{
    (void)state;
    struct error error;
    int asked = 0;
    struct sync_farm *farm = three();
    struct sync_secrets secrets = {.environment = some_environment, .ask = answer, .owner = &asked};
    assert_true(sync_farm_passwords(farm, &secrets, &error));
    assert_string_equal(farm->printers[0].password, "secret of Ada");
    assert_string_equal(farm->printers[1].password, "b");
    assert_null(farm->printers[2].password);
    assert_int_equal(asked, 0);
    sync_farm_destroy(farm);

    farm = three();
    secrets.environment = no_environment;
    assert_true(sync_farm_passwords(farm, &secrets, &error));
    assert_string_equal(farm->printers[0].password, "typed");
    assert_int_equal(asked, 1);
    sync_farm_destroy(farm);

    farm = three();
    secrets.ask = NULL;
    assert_false(sync_farm_passwords(farm, &secrets, &error));
    assert_string_equal(
        error.text, "f.yml:1: Ada.password: it is not in the file, neither HOTBED_PASSWORD_ADA nor "
                    "HOTBED_PASSWORD holds it, and there is nobody to ask");
    sync_farm_destroy(farm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_of_link_sync_is_taken),
        cmocka_unit_test(json_is_taken_with_all_its_escapes),
        cmocka_unit_test(every_suffix_of_link_sync_is_known_in_any_case),
        cmocka_unit_test(what_is_missing_or_too_much_is_told_with_its_line),
        cmocka_unit_test(what_yaml_takes_for_a_text_is_one),
        cmocka_unit_test(mappings_are_taken_over),
        cmocka_unit_test(a_mark_before_the_text_and_ends_of_lines_of_windows_are_no_trouble),
        cmocka_unit_test(what_is_nested_without_end_is_refused),
        cmocka_unit_test(a_password_in_the_address_is_refused_and_not_told),
        cmocka_unit_test(a_host_needs_a_scheme),
        cmocka_unit_test(duplicates_are_refused_by_name_and_by_host),
        cmocka_unit_test(names_select_in_any_case),
        cmocka_unit_test(passwords_come_from_file_environment_or_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
