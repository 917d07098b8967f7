#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "sim/protocol/connect/prusalink_values.h"

/* Arguments as PrusaLink's Python takes them (connect-sdk.md 5.4). */

static void expect_error(const char *json, const char *type, const char *text)
{
    cJSON *kwargs = json == NULL ? NULL : cJSON_Parse(json);
    struct value_error error;
    assert_null(value_text(kwargs, "path", &error));
    assert_string_equal(error.type, type);
    assert_string_equal(error.text, text);
    cJSON_Delete(kwargs);
}

static void wrong_arguments_raise_what_python_raises(void **state)
{
    (void)state;
    expect_error(NULL, "AssertionError", "");
    expect_error("{}", "AssertionError", "");
    expect_error("{\"file\": 1}", "KeyError", "path");
    expect_error("{\"path\": 1}", "TypeError",
                 "expected str, bytes or os.PathLike object, not int");
    expect_error("[1]", "TypeError", "'list' object is not subscriptable");
}

static void lines_lose_their_blanks_and_carriage_returns(void **state)
{
    (void)state;
    struct buffer lines = {0};
    value_gcode_lines("G28\r\n\r\n  \t\nG1 X10\r\n", &lines);
    assert_string_equal(buffer_text(&lines), "G28\nG1 X10");
    buffer_clear(&lines);
    value_gcode_lines(" \n\r\n", &lines);
    assert_int_equal(lines.size, 0);
    buffer_free(&lines);
}

static void extrusion_heat_is_ninety_percent_in_steps_of_five(void **state)
{
    (void)state;
    struct filament_heat heat;
    struct value_error error;
    cJSON *kwargs = cJSON_Parse("{\"bed_temperature\": 60.5, \"nozzle_temperature\": 215}");
    assert_true(value_filament(kwargs, &heat, &error));
    assert_string_equal(heat.bed, "60.5");
    assert_string_equal(heat.nozzle, "215");
    assert_int_equal(heat.extrude_c, 195);
    cJSON_Delete(kwargs);
}

static void filament_needs_both_temperatures(void **state)
{
    (void)state;
    struct filament_heat heat;
    struct value_error error;
    cJSON *kwargs = cJSON_Parse("{\"bed_temperature\": 60}");
    assert_false(value_filament(kwargs, &heat, &error));
    assert_string_equal(error.type, "KeyError");
    assert_string_equal(error.text, "nozzle_temperature");
    cJSON_Delete(kwargs);
    kwargs = cJSON_Parse("{\"bed_temperature\": 60, \"nozzle_temperature\": \"215\"}");
    assert_false(value_filament(kwargs, &heat, &error));
    assert_string_equal(error.text, "can't multiply sequence by non-int of type 'float'");
    cJSON_Delete(kwargs);
    assert_false(value_filament(NULL, &heat, &error));
    assert_string_equal(error.text, "'NoneType' object is not subscriptable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_arguments_raise_what_python_raises),
        cmocka_unit_test(lines_lose_their_blanks_and_carriage_returns),
        cmocka_unit_test(extrusion_heat_is_ninety_percent_in_steps_of_five),
        cmocka_unit_test(filament_needs_both_temperatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
