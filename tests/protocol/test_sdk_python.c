#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/json.h"
#include "sim/protocol/connect/python.h"

/* The texts are those that CPython 3.11 prints for the same input; the first three are in capture
 * S-27, too. */
static void broken_json_is_refused_in_pythons_words(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "Expecting value: line 1 column 1 (char 0)"},
        {"{\"command\": \"SEND_INFO\"", "Expecting ',' delimiter: line 1 column 24 (char 23)"},
        {"x", "Expecting value: line 1 column 1 (char 0)"},
        {"  ", "Expecting value: line 1 column 3 (char 2)"},
        {"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
        {"{\"a\":1,}",
         "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)"},
        {"{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"},
        {"{\"a\":}", "Expecting value: line 1 column 6 (char 5)"},
        {"[1,]", "Expecting value: line 1 column 4 (char 3)"},
        {"[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"},
        {"[", "Expecting value: line 1 column 2 (char 1)"},
        {"\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"},
        {"\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"},
        {"\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"},
        {"\"\\u12\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"},
        {"{} {}", "Extra data: line 1 column 4 (char 3)"},
        {"01", "Extra data: line 1 column 2 (char 1)"},
        {"-", "Expecting value: line 1 column 1 (char 0)"},
        {"nul", "Expecting value: line 1 column 1 (char 0)"},
        {"{\n  \"\xC3\xA9\": ]", "Expecting value: line 2 column 8 (char 9)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {""};
        assert_null(python_json_parse(cases[i].text, strlen(cases[i].text), &error));
        assert_string_equal(error.text, cases[i].error);
    }
}

static void good_json_is_read(void **state)
{
    static const char text[] = " {\"a\": 1, \"b\": [1.5e1, NaN, -Infinity, true, null], "
                               "\"a\": \"\\u00e9\\ud83d\\ude00\\ud800\"} ";
    (void)state;
    struct error error = {""};
    cJSON *value = python_json_parse(text, strlen(text), &error);
    assert_non_null(value);
    assert_int_equal(cJSON_GetArraySize(value), 2); /* of equal keys the last counts */
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(value, "a")->valuestring,
                        "\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBD");
    const cJSON *b = cJSON_GetObjectItemCaseSensitive(value, "b");
    assert_true(cJSON_GetArrayItem(b, 0)->valuedouble == 15.0);
    assert_string_equal(python_type_name(cJSON_GetArrayItem(b, 3)), "bool");
    assert_string_equal(python_type_name(cJSON_GetArrayItem(b, 4)), "NoneType");
    cJSON_Delete(value);
}

static void json_has_limits(void **state)
{
    (void)state;
    struct buffer deep = {0}, wide = {0};
    for (int i = 0; i < 2000; i++) {
        buffer_append_char(&deep, '[');
    }
    buffer_append_char(&wide, '[');
    for (int i = 0; i < PYTHON_JSON_VALUES_MAX; i++) {
        buffer_append_text(&wide, "1,");
    }
    buffer_append_text(&wide, "1]");
    struct error error = {""};
    assert_null(python_json_parse(deep.bytes, deep.size, &error));
    assert_string_equal(error.text, "maximum recursion depth exceeded while decoding a JSON array "
                                    "from a unicode string");
    assert_null(python_json_parse(wide.bytes, wide.size, &error));
    assert_string_equal(error.text, "more than 4096 values");
    buffer_free(&deep);
    buffer_free(&wide);
}

static void integers_are_read_as_python_reads_them(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"12", true, 12},
        {" 129 ", true, 129},
        {"-1", true, -1},
        {"+7", true, 7},
        {"1_000", true, 1000},
        {"4294967297", true, 4294967297},
        {"130.0", false, 0},
        {"abc", false, 0},
        {"", false, 0},
        {"1__0", false, 0},
        {"_1", false, 0},
        {"1_", false, 0},
        {"- 1", false, 0},
        {"0x10", false, 0},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 0;
        assert_int_equal(python_int(cases[i].text, strlen(cases[i].text), &value), cases[i].good);
        assert_true(!cases[i].good || value == cases[i].value);
    }
}

static void texts_are_quoted_as_python_quotes_them(void **state)
{
    static const struct {
        const char *text, *repr;
    } cases[] = {
        {"plain", "'plain'"},
        {"it's", "\"it's\""},
        {"both ' and \"", "'both \\' and \"'"},
        {"a\\b\n\t\x01\x7F", "'a\\\\b\\n\\t\\x01\\x7f'"},
        {"\xC3\xA9", "'\xC3\xA9'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = {0};
        python_repr(&out, cases[i].text, strlen(cases[i].text));
        assert_string_equal(out.bytes, cases[i].repr);
        buffer_free(&out);
    }
}

static void timestamps_carry_the_noise_of_floats(void **state)
{
    (void)state;
    char text[32], slow[32];
    python_tenths_text(17952237998, text);
    assert_string_equal(text, "1795223799.8000002"); /* connect-sdk.md 1.4 */
    python_tenths_text(17952281610, text);
    assert_string_equal(text, "1795228161.0");
    for (int64_t tenths = 17672256000; tenths < 17672256000 + 20000; tenths++) {
        python_tenths_text(tenths, text);
        json_float_text((double)tenths * 0.1, slow);
        assert_string_equal(text, slow);
    }
    python_tenths_text(-15, text);
    assert_string_equal(text, "-1.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_json_is_refused_in_pythons_words),
        cmocka_unit_test(good_json_is_read),
        cmocka_unit_test(json_has_limits),
        cmocka_unit_test(integers_are_read_as_python_reads_them),
        cmocka_unit_test(texts_are_quoted_as_python_quotes_them),
        cmocka_unit_test(timestamps_carry_the_noise_of_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
