#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/json.h"
#include "sim/base/trace.h"
#include "sim/base/world.h"

/* What CPython prints for the same values. */
static void floats_are_printed_as_python_does(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {24.1, "24.1"},
        {100.0, "100.0"},
        {0.15, "0.15"},
        {24.123456, "24.123456"},
        {1e16, "1e+16"},
        {1e-7, "1e-07"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {-0.8125, "-0.8125"},
        {55.00000000000001, "55.00000000000001"},
        {1795223799.8000002, "1795223799.8000002"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {9007199254740993.0, "9007199254740992.0"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {5e-324, "5e-324"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        size_t size = json_float_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(size, strlen(text));
    }
}

static void floats_read_back_as_they_were(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    for (int i = 0; i < 20000; i++) {
        double value =
            (random_unit(&random) - 0.5) * pow(10.0, (double)random_below(&random, 30) - 12.0);
        char text[32];
        json_float_text(value, text);
        assert_true(strtod(text, NULL) == value);
    }
}

static void strings_are_escaped_in_both_styles(void **state)
{
    (void)state;
    struct buffer out = {0};
    const char *input = "a\"\\\n\x01\x7F\xC3\xA9\xF0\x9F\x98\x80\xFF";
    json_escape(&out, JSON_PYTHON, input, strlen(input));
    assert_string_equal(out.bytes, "a\\\"\\\\\\n\\u0001\x7F\\u00e9\\ud83d\\ude00\\ufffd");
    buffer_clear(&out);
    json_escape(&out, JSON_COMPACT, input, strlen(input));
    assert_string_equal(out.bytes, "a\\\"\\\\\\n\\u0001\x7F\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBD");
    buffer_free(&out);
}

static void json_is_nested_with_the_separators_of_its_style(void **state)
{
    (void)state;
    struct buffer out = {0};
    struct json_writer json;
    json_begin(&json, &out, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "event", "INFO");
    json_object(&json, "data");
    json_array(&json, "mbl");
    json_float(&json, NULL, 0.02);
    json_int(&json, NULL, -3);
    json_array_end(&json);
    json_object_end(&json);
    json_bool(&json, "ok", true);
    json_object_end(&json);
    assert_string_equal(out.bytes,
                        "{\"event\": \"INFO\", \"data\": {\"mbl\": [0.02, -3]}, \"ok\": true}");
    buffer_free(&out);
}

struct firing {
    struct world *world;
    struct timer timer;
    int64_t fired_us[8];
    int count;
    int64_t again_us;
};

static void on_fire(void *owner)
{
    struct firing *firing = owner;
    firing->fired_us[firing->count++] = firing->world->now_us;
    if (firing->again_us > 0 && firing->count < 4) {
        world_arm_in(firing->world, &firing->timer, firing->again_us);
    }
}

static void virtual_time_jumps_from_timer_to_timer(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    struct firing firing = {.world = &world, .again_us = SECONDS(3600)};
    timer_init(&firing.timer, on_fire, &firing);
    world_arm_in(&world, &firing.timer, SECONDS(1));
    world_run(&world, SECONDS(4000), NULL);
    assert_int_equal(firing.count, 2);
    assert_int_equal(firing.fired_us[1], SECONDS(3601));
    assert_int_equal(world.now_us, SECONDS(4000));
    world_run(&world, INT64_MAX, NULL);
    assert_int_equal(firing.count, 4);
    world_free(&world);
}

/* The queue against a plain sorted model, with cancelling and moving. */
static void timers_fire_in_order_whatever_is_moved_or_cancelled(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static struct timer timers[COUNT];
    static int64_t due[COUNT];
    static uint64_t armed[COUNT];
    struct timer_queue queue = {0};
    struct random random;
    random_seed(&random, 42);
    for (int i = 0; i < COUNT; i++) {
        timer_init(&timers[i], on_fire, NULL);
    }
    for (int step = 0; step < 20000; step++) {
        size_t i = (size_t)random_below(&random, COUNT);
        if (random_below(&random, 4) == 0) {
            timer_queue_cancel(&queue, &timers[i]);
            armed[i] = 0;
        } else {
            due[i] = (int64_t)random_below(&random, 1000);
            timer_queue_arm(&queue, &timers[i], due[i]);
            armed[i] = queue.armed;
        }
    }
    int64_t last_due = -1;
    uint64_t last_armed = 0;
    for (struct timer *timer = timer_queue_pop(&queue); timer != NULL;
         timer = timer_queue_pop(&queue)) {
        size_t i = (size_t)(timer - timers);
        assert_true(armed[i] != 0);
        assert_true(due[i] > last_due || (due[i] == last_due && armed[i] > last_armed));
        last_due = due[i];
        last_armed = armed[i];
        armed[i] = 0;
    }
    for (int i = 0; i < COUNT; i++) {
        assert_true(armed[i] == 0);
    }
    timer_queue_free(&queue);
}

static void collect(void *sink, const char *line, size_t size)
{
    buffer_append(sink, line, size);
}

static void a_trace_has_no_secret_in_it(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, 1);
    struct buffer lines = {0};
    struct trace trace;
    trace_init(&trace, collect, &lines);
    world.trace = &trace;
    const char *message =
        "POST /p/telemetry HTTP/1.1\r\nToken: hunter2\r\nHost: a\r\n\r\n{\"Token: x\": 1}";
    trace_http(&world, "mk3s-0", "connect", 1, "request", message, strlen(message));
    trace_note(&world, "world", "said \"%s\"", "hello");
    assert_null(strstr(lines.bytes, "hunter2"));
    assert_string_equal(
        lines.bytes,
        "{\"t\": 0.000000, \"from\": \"mk3s-0\", \"to\": \"connect\", \"conn\": 1, \"kind\": "
        "\"request\", \"text\": \"POST /p/telemetry HTTP/1.1\\r\\nToken: <redacted>\\r\\nHost: "
        "a\\r\\n\\r\\n{\\\"Token: x\\\": 1}\"}\n"
        "{\"t\": 0.000000, \"from\": \"world\", \"kind\": \"note\", \"text\": \"said "
        "\\\"hello\\\"\"}\n");
    buffer_free(&lines);
    trace_free(&trace);
    world_free(&world);
}

static void secret_members_of_a_body_are_replaced_however_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *body, *shown;
    } cases[] = {
        {"{\"api_key\": \"hunter2\", \"a\": 1}", "{\"api_key\": \"<redacted>\", \"a\": 1}"},
        {"{\"api_key\":\"hunter2\"}", "{\"api_key\":\"<redacted>\"}"},
        {"{\"x\": {\"token\"\t:\n\"hunter2\"}}", "{\"x\": {\"token\"\t:\n\"<redacted>\"}}"},
        {"{\"password\": \"hun\\\"ter2\"}", "{\"password\": \"<redacted>\"}"},
        {"{\"password\": \"hunter2", "{\"password\": \"<redacted>"},
        {"{\"password\": \"hunter2\\", "{\"password\": \"<redacted>"},
        {"{\"token\": null, \"token\": \"hunter2\"}",
         "{\"token\": null, \"token\": \"<redacted>\"}"},
        {"{\"api_key\": \"\"}", "{\"api_key\": \"<redacted>\"}"},
        {"{\"tokens\": \"a\", \"b\": \"token\"}", "{\"tokens\": \"a\", \"b\": \"token\"}"},
        {"\"token\"", "\"token\""},
        {"\"token\" ::\"a\"", "\"token\" ::\"a\""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = {0};
        trace_redact_json(&out, cases[i].body, strlen(cases[i].body));
        assert_string_equal(buffer_text(&out), cases[i].shown);
        buffer_free(&out);
    }
}

static void random_streams_depend_on_seed_and_number_alone(void **state)
{
    (void)state;
    struct random a = random_of(5, 100);
    struct random b = random_of(5, 100);
    struct random c = random_of(5, 101);
    assert_true(random_next(&a) == random_next(&b));
    assert_true(random_next(&a) != random_next(&c));
    int counts[6] = {0};
    for (int i = 0; i < 6000; i++) {
        counts[random_below(&a, 6)]++;
    }
    for (int i = 0; i < 6; i++) {
        assert_in_range(counts[i], 850, 1150);
    }
}

static void decimals_are_those_of_printf(void **state)
{
    (void)state;
    static const double picked[] = {0,     -0.0,  0.05F,  0.15F,   0.25,      0.35F, -0.04,
                                    0.5,   1.5,   2.5,    99.995F, 25.0F,     1e8,   1e15,
                                    -1e-9, 215.1, 0.0005, NAN,     -INFINITY, 1e300, 16777215.5F};
    struct random random;
    struct buffer out = {0};
    random_seed(&random, 7);
    for (size_t i = 0; i < 20000; i++) {
        double value =
            i < sizeof picked / sizeof *picked
                ? picked[i]
                : (double)(float)((double)(int64_t)random_below(&random, 2000001) / 1000 - 1000);
        for (int decimals = 0; decimals <= 4; decimals++) {
            char text[400];
            snprintf(text, sizeof text, "%.*f", decimals, value);
            buffer_clear(&out);
            buffer_append_fixed(&out, value, decimals);
            assert_string_equal(buffer_text(&out), text);
        }
    }
    buffer_free(&out);
}

static void a_pool_lends_what_it_was_given(void **state)
{
    (void)state;
    struct buffer_pool pool = {0};
    struct buffer first = buffer_pool_take(&pool), large = {0};
    assert_int_equal(first.size, 0);
    buffer_append_text(&first, "something");
    const char *bytes = first.bytes;
    buffer_pool_give(&pool, &first);
    assert_null(first.bytes);
    struct buffer again = buffer_pool_take(&pool);
    assert_ptr_equal(again.bytes, bytes);
    assert_string_equal(buffer_text(&again), "");
    buffer_reserve(&large, 2 * BUFFER_POOLED_BYTES_MAX);
    buffer_pool_give(&pool, &large);
    assert_int_equal(pool.count, 0);
    for (int i = 0; i < BUFFER_POOL + 2; i++) {
        struct buffer one = {0};
        buffer_append_char(&one, 'x');
        buffer_pool_give(&pool, &one);
    }
    assert_int_equal(pool.count, BUFFER_POOL);
    buffer_free(&again);
    buffer_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_those_of_printf),
        cmocka_unit_test(a_pool_lends_what_it_was_given),
        cmocka_unit_test(floats_are_printed_as_python_does),
        cmocka_unit_test(floats_read_back_as_they_were),
        cmocka_unit_test(strings_are_escaped_in_both_styles),
        cmocka_unit_test(json_is_nested_with_the_separators_of_its_style),
        cmocka_unit_test(virtual_time_jumps_from_timer_to_timer),
        cmocka_unit_test(timers_fire_in_order_whatever_is_moved_or_cancelled),
        cmocka_unit_test(a_trace_has_no_secret_in_it),
        cmocka_unit_test(secret_members_of_a_body_are_replaced_however_they_are_written),
        cmocka_unit_test(random_streams_depend_on_seed_and_number_alone),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
