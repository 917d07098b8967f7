#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/load/plan.h"
#include "sim/base/memory.h"

static const char whole[] = "name: mixed\n"                                            /* 1 */
                            "seed: 7\n"                                                /* 2 */
                            "duration: 5m\n"                                           /* 3 */
                            "warm_up: 30s\n"                                           /* 4 */
                            "arrival: {ramp: 10s}\n"                                   /* 5 */
                            "telemetry: {style: full, interval: 1s}\n"                 /* 6 */
                            "groups:\n"                                                /* 7 */
                            "  - name: one\n"                                          /* 8 */
                            "    model: mk3\n"                                         /* 9 */
                            "    count: 60\n"                                          /* 10 */
                            "    token: t{printer}\n"                                  /* 11 */
                            "    telemetry: {interval: 'normal(1s, 100ms)'}\n"         /* 12 */
                            "  - name: two\n"                                          /* 13 */
                            "    model: mk3s\n"                                        /* 14 */
                            "    count: 40\n"                                          /* 15 */
                            "    host: sdk\n"                                          /* 16 */
                            "    sdk: 0.8.0\n"                                         /* 17 */
                            "    files: [../../scenarios/examples/files/cube.gcode]\n" /* 18 */
                            "    states:\n"                                            /* 19 */
                            "      - {weight: 30}\n"                                   /* 20 */
                            "      - {weight: 10, print: cube.gcode}\n"                /* 21 */
                            "    pause: 1m\n"                                          /* 22 */
                            "thresholds:\n"                                            /* 23 */
                            "  - telemetry.p99 < 200ms\n"                              /* 24 */
                            "  - two/event.failed < 0.1%\n"                            /* 25 */
                            "generator: {lateness: 20ms, cpu: 90}\n";                  /* 26 */

static struct load_plan *parse(const char *text, struct error *error)
{
    return load_plan_parse("tests/load/own.yaml", text, strlen(text), error);
}

static struct load_plan *good(const char *text)
{
    struct error error = {{0}};
    struct load_plan *plan = parse(text, &error);
    if (plan == NULL) {
        fail_msg("%s", error.text);
    }
    return plan;
}

static char *changed(const char *passage, const char *by)
{
    const char *at = strstr(whole, passage);
    assert_non_null(at);
    char *out = memory_new(strlen(whole) + strlen(by) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - whole), whole, by, at + strlen(passage));
    return out;
}

static void a_farm_file_says_everything(void **state)
{
    (void)state;
    struct load_plan *plan = good(whole);
    assert_string_equal(plan->name, "mixed");
    assert_int_equal(plan->printers, 100);
    assert_int_equal(plan->duration_us, SECONDS(300));
    assert_int_equal(plan->warm_up_us, SECONDS(30));
    assert_int_equal(plan->groups[0].interval.kind, DISTRIBUTION_NORMAL);
    assert_int_equal(plan->groups[0].telemetry, CONNECT_TELEMETRY_FULL);
    assert_int_equal(plan->groups[1].interval.kind, DISTRIBUTION_CONSTANT);
    assert_int_equal(plan->groups[1].host, CONNECT_HOST_SDK);
    assert_int_equal(plan->groups[1].sdk_version, CONNECT_SDK_0_8_0);
    assert_string_equal(plan->groups[1].states[1].print, "/PrusaLink gcodes/cube.gcode");
    assert_int_equal(plan->threshold_count, 2);
    assert_int_equal(plan->lateness_most_us, 20000);
    assert_true(plan->cpu_most == 0.9);
    load_plan_destroy(plan);
}

static const struct {
    const char *passage, *by;
    unsigned line;
    const char *says;
} wrong_rows[] = {
    {"duration: 5m", "duration: 0s", 3, "'duration': expected a time from 1s to 24h"},
    {"duration: 5m", "duration: 25h", 3, "'duration': expected a time from 1s to 24h"},
    {"duration: 5m", "duration: -5m", 3, "'duration': expected a time"},
    {"warm_up: 30s", "warm_up: 5m", 4, "'warm_up': expected a time that is less than the duration"},
    {"ramp: 10s", "ramp: soon", 5, "'arrival.ramp': expected a time"},
    {"ramp: 10s", "ramp: 10s, rate: 5", 5, "'arrival': expected one of ramp, rate and stages"},
    {"ramp: 10s", "rate: 0", 5, "'arrival.rate': expected printers per second"},
    {"ramp: 10s", "stages: [{for: 1s, printers: 101}]", 5,
     "'arrival.stages[0].printers': expected a whole"},
    {"ramp: 10s", "stages: [{for: 1s, printers: 1}, {for: 0s, printers: 9}]", 5,
     "'arrival.stages[1].for': expected"},
    {"style: full", "style: fast", 6, "'telemetry.style': expected host, full or minimal"},
    {"token: t{printer}\n", "websocket: true\n", 11,
     "'groups[0].websocket': expected true of printers whose firmware can"},
    {"token: t{printer}\n", "faults: [delay=telemetry]\n", 11, "'groups[0].faults[0]': expected"},
    {"generator:", "commands: [{command: SEND_INFO, every: 1us}]\ngenerator:", 26,
     "'commands[0].every': expected a time from 100ms"},
    {"generator:", "commands: [{command: A, gcode: G28, every: 1s}]\ngenerator:", 26,
     "'commands[0]': expected one of command and gcode"},
    {"model: mk3\n", "model: mk33\n", 9,
     "'groups[0].model': expected the name of a built-in model"},
    {"count: 60", "count: 0", 10, "'groups[0].count': expected a whole number from 1"},
    {"count: 60", "count: -1", 10, "'groups[0].count'"},
    {"count: 60", "count: 10000001", 10,
     "'groups[0].count': expected a whole number from 1 to 10000000"},
    {"count: 40", "count: 99999999999999", 15, "'groups[1].count'"},
    {"count: 40", "count: 4.5", 15, "'groups[1].count': expected a whole number"},
    {"token: t{printer}", "token: same", 11, "'groups[0].token': expected printable characters"},
    {"normal(1s, 100ms)", "normal(1s)", 12,
     "'groups[0].telemetry.interval': expected a time from 1ms"},
    {"normal(1s, 100ms)", "uniform(2s, 1s)", 12, "'groups[0].telemetry.interval': expected"},
    {"normal(1s, 100ms)", "exponential(0s)", 12, "'groups[0].telemetry.interval': expected"},
    {"name: two", "name: one", 13, "'groups[1].name': expected a name of its own"},
    {"host: sdk", "host: octoprint", 16, "'groups[1].host': expected prusalink or sdk"},
    {"sdk: 0.8.0", "sdk: 0.9", 17, "'groups[1].sdk': expected 0.7.1, 0.8.0 or 0.8.1"},
    {"files/cube.gcode", "files/none.gcode", 18,
     "'groups[1].files[0]': expected a file that can be read"},
    {"weight: 10, print: cube.gcode", "weight: 10, print: x.gcode", 21,
     "'groups[1].states[1].print': expected the name"},
    {"weight: 30", "weight: 0", 20,
     "'groups[1].states[0].weight': expected a whole number from 1 to 1000"},
    {"pause: 1m", "pause: 0s", 22, "'groups[1].pause': expected a time from 1ms"},
    {"p99 < 200ms", "p99 < 200", 24, NULL}, /* seconds: fine */
    {"p99 < 200ms", "p99 < fast", 24, "'thresholds[0]': expected a threshold as"},
    {"p99 < 200ms", "p101 < 1s", 24, "'thresholds[0]': expected a threshold as"},
    {"two/event", "three/event", 25, "'thresholds[1]': expected the name of a group"},
    {"lateness: 20ms", "lateness: 0s", 26, "'generator.lateness': expected a time from 1ms"},
    {"cpu: 90", "cpu: 900", 26, "'generator.cpu': expected a percentage"},
    {"name: mixed", "nam: mixed", 1, "'nam': there is no such field; expected the keys name, seed"},
    {"count: 40\n", "count: 40\n    colour: red\n", 16,
     "'groups[1].colour': there is no such field; expected the keys name, model"},
    {"weight: 30", "weight: 30, wait: 1", 20, "'groups[1].states[0].wait': there is no such field"},
    {"seed: 7\n", "seed: 7\nseed: 8\n", 3, "'seed': it is there twice"},
    {"count: 40\n", "count: 40\n    host: sdk\n", 17, "'groups[1].host': it is there twice"},
    {"    model: mk3s\n", "", 13, "'groups[1].model': is missing; expected the name of"},
    {"duration: 5m\n", "", 1, "'duration': is missing; expected a time from 1s to 24h"},
    {"[../../scenarios/examples/files/cube.gcode]", "[]", 18, "'groups[1].files': too few entries"},
    {"cube.gcode]", "none]", 18, "a file that can be read ("},
    {"seed: 7", "\tseed: 7", 2, "found a tab character that violates indentation; expected YAML"},
    {"generator:", "---\ngenerator:", 26, "another document begins here"},
    {"seed: 7", "seed: &all 7", 2, NULL},
    {"warm_up: 30s", "warm_up: *all", 4, "'warm_up': YAML alias unsupported"},
    {"seed: 7\nduration: 5m", "seed: &d 7\nduration: *d", 3, "'duration': YAML alias unsupported"},
    {"seed: 7", "seed: seven", 2, "'seed'"},
    {"seed: 7", "seed: -1", 2, "'seed': expected a whole number from 0 to 2^64-1"},
    {"seed: 7", "seed: 18446744073709551616", 2, "'seed'"},
    {"seed: 7", "seed: 1e3", 2, "'seed'"},
    {"count: 60", "count: 1e30", 10, "'groups[0].count'"},
    {"count: 60", "count: .nan", 10, "'groups[0].count'"},
    {"count: 60", "count:", 10, "'groups[0].count'"},
    {"count: 60", "count: 4294967356", 10, "'groups[0].count'"}, /* 60 of 32 bits */
    {"duration: 5m", "duration: nan", 3, "'duration'"},
    {"duration: 5m", "duration: 1e30s", 3, "'duration'"},
    {"duration: 5m", "duration: 99999999999999999999h", 3, "'duration'"},
    {"ramp: 10s", "rate: nan", 5, "'arrival.rate'"},
    {"ramp: 10s", "rate: 1e30", 5, "'arrival.rate'"},
    {"ramp: 10s", "rate: -1", 5, "'arrival.rate'"},
    {"cpu: 90", "cpu: 1e400", 26, "'generator.cpu'"},
    {"weight: 10", "weight: 1e3", 21, "'groups[1].states[1].weight'"},
    {"name: mixed", "name: ../mixed", 1, "'name': expected a text without '/'"},
    {"name: one", "name: a b", 8, "'groups[0].name': expected a name of its own without blanks"},
    {"name: one", "name: \"a\\nb\"", 8, "'groups[0].name'"},
    {"name: one", "name: a<b", 8, "'groups[0].name'"},
    {"p99 < 200ms", "p1e1 < 200ms", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "p0x10 < 200ms", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "p0 < 200ms", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "p99 <> 200ms", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "p99 = 200ms", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "p99 < 200ms or so", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "rate >= 0.99", 24, "'thresholds[0]'"}, /* of what? */
    {"p99 < 200ms", "failed < nan", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "failed < -1", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "failed < 101%", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "count < 5%", 24, "'thresholds[0]'"},
    {"p99 < 200ms", "skipped < 5%", 24, NULL},
};

static void every_error_names_file_line_and_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_rows / sizeof *wrong_rows; i++) {
        char *text = changed(wrong_rows[i].passage, wrong_rows[i].by);
        struct error error = {{0}};
        struct load_plan *plan = parse(text, &error);
        char place[40];
        snprintf(place, sizeof place, "tests/load/own.yaml:%u: ", wrong_rows[i].line);
        if ((plan == NULL) != (wrong_rows[i].says != NULL)) {
            fail_msg("\"%s\": %s", wrong_rows[i].by, plan != NULL ? "was taken" : error.text);
        }
        if (plan == NULL && (strstr(error.text, place) != error.text ||
                             strstr(error.text, wrong_rows[i].says) == NULL)) {
            fail_msg("\"%s\" gives: %s", wrong_rows[i].by, error.text);
        }
        load_plan_destroy(plan);
        free(text);
    }
}

static void printers_have_the_shares_that_were_asked_for(void **state)
{
    (void)state;
    struct load_plan *plan = good(whole);
    unsigned of_two = 0, printing = 0;
    for (uint64_t k = 0; k < plan->printers; k++) {
        struct load_printer printer;
        load_plan_printer(plan, k, &printer);
        assert_int_equal(printer.group, k < 60 ? 0 : 1);
        of_two += printer.group == 1;
        printing += printer.state->print != NULL;
    }
    assert_int_equal(of_two, 40);
    assert_int_equal(printing, 10);
    load_plan_destroy(plan);
}

static void printers_come_mixed_and_each_once(void **state)
{
    (void)state;
    struct load_plan *plan = good(whole);
    for (uint64_t seed = 0; seed < 50; seed++) {
        bool taken[100] = {false};
        plan->seed = seed;
        for (uint64_t k = 0; k < 100; k++) {
            struct load_printer printer;
            load_plan_printer(plan, k, &printer);
            assert_true(printer.rank < 100 && !taken[printer.rank]);
            taken[printer.rank] = true;
        }
    }
    load_plan_destroy(plan);
}

/* How many are on at an instant, from their switches alone. */
static unsigned on_at(const struct load_plan *plan, int64_t us)
{
    unsigned count = 0;
    for (uint64_t rank = 0; rank < plan->printers; rank++) {
        bool now = false, on;
        int64_t at_us = -1;
        while (load_plan_switch(plan, rank, at_us, &at_us, &on) && at_us <= us) {
            assert_true(on != now);
            now = on;
        }
        count += now;
    }
    return count;
}

static void arrival_follows_ramp_rate_and_stages(void **state)
{
    (void)state;
    static const struct {
        const char *arrival;
        unsigned on[5]; /* after 0, 5, 10, 20 and 40 s */
    } rows[] = {
        {"ramp: 10s", {1, 51, 100, 100, 100}},
        {"ramp: 0s", {100, 100, 100, 100, 100}},
        {"rate: 5", {1, 26, 51, 100, 100}},
        {"stages: [{for: 10s, printers: 50}, {for: 10s, printers: 50}, {for: 10s, printers: 10}]",
         {1, 26, 50, 50, 10}},
        {"stages: [{for: 0s, printers: 20}, {for: 20s, printers: 100}]", {21, 41, 61, 100, 100}},
    };
    static const int seconds[] = {0, 5, 10, 20, 40};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = changed("ramp: 10s", rows[i].arrival);
        struct load_plan *plan = good(text);
        for (int at = 0; at < 5; at++) {
            assert_int_equal(on_at(plan, SECONDS(seconds[at])), rows[i].on[at]);
        }
        load_plan_destroy(plan);
        free(text);
    }
}

static void another_file_is_another_farm(void **state)
{
    (void)state;
    struct load_plan *one = good(whole), *same = good(whole);
    char *other_text = changed("count: 60", "count: 61");
    struct load_plan *other = good(other_text);
    assert_string_equal(one->digest, same->digest);
    assert_string_not_equal(one->digest, other->digest);
    load_plan_destroy(one);
    load_plan_destroy(same);
    load_plan_destroy(other);
    free(other_text);
}

static struct load_plan *load_lua(const char *text, struct error *error)
{
    char folder[] = "/tmp/hotbed-plan-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/farm.lua", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct load_plan *plan = load_plan_load(path, error);
    unlink(path);
    rmdir(folder);
    return plan;
}

static void a_lua_plan_computes_what_a_file_spells_out(void **state)
{
    (void)state;
    static const char text[] = "local groups = {}\n"
                               "for k, model in ipairs {'mk3', 'mk3s'} do\n"
                               "  groups[k] = {name = 'g' .. k, model = model, count = 10 * k}\n"
                               "end\n"
                               "farm {duration = '1m', groups = groups}\n";
    struct error error = {{0}};
    struct load_plan *plan = load_lua(text, &error), *again = load_lua(text, &error);
    if (plan == NULL) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(plan->group_count, 2);
    assert_int_equal(plan->printers, 30);
    assert_string_equal(plan->groups[1].name, "g2");
    assert_string_equal(plan->groups[1].model->name, "mk3s");
    assert_string_equal(plan->digest, again->digest);
    load_plan_destroy(plan);
    load_plan_destroy(again);
}

static void what_is_no_lua_plan_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"farm {", "farm.lua:1:"},
        {"x = 1", "expected a call of farm{...}"},
        {"farm {}\nfarm {}", "farm.lua:2: farm{...} is called twice"},
        {"farm {duration = '1m',\ngroups = print}", "farm.groups: function can't be JSON"},
        {"farm {duration = '1m', groups = {{name = 'a', model = 'mk3', count = -1}}}",
         "field 'groups[0].count'"},
        {"farm {duration = '1m', groups = {{name = 'a', model = 'mk9', count = 1}}}",
         "farm.lua: field 'groups[0].model': expected the name of a built-in model"},
        {"while true do end", "farm.lua:1: endless loop"},
        {"local t = 'x' while true do t = t .. t end", "memory"},
        {"os.remove('x')", "farm.lua:1:"},
        {"\033Lua", "bytecode"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {{0}};
        assert_null(load_lua(rows[i].text, &error));
        if (strstr(error.text, rows[i].says) == NULL) {
            fail_msg("%s: %s", rows[i].text, error.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_farm_file_says_everything),
        cmocka_unit_test(every_error_names_file_line_and_field),
        cmocka_unit_test(printers_have_the_shares_that_were_asked_for),
        cmocka_unit_test(printers_come_mixed_and_each_once),
        cmocka_unit_test(arrival_follows_ramp_rate_and_stages),
        cmocka_unit_test(another_file_is_another_farm),
        cmocka_unit_test(a_lua_plan_computes_what_a_file_spells_out),
        cmocka_unit_test(what_is_no_lua_plan_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
