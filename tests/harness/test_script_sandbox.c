#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "harness/script/sandbox.h"
#include "harness/script/sender.h"
#include "sim/base/duration.h"

static struct error run(const char *text)
{
    struct sandbox sandbox;
    struct error error = {"held"};
    assert_true(sandbox_init(&sandbox, 1, &error));
    sandbox.instructions_max = 2000000; /* sanitizers are slow */
    sandbox.limit_bytes = 8 * 1024 * 1024;
    if (sandbox_run_text(&sandbox, text, strlen(text), "@case.lua", &error)) {
        strcpy(error.text, "held");
    }
    sandbox_free(&sandbox);
    return error;
}

#define assert_says(script, words)                                                                 \
    do {                                                                                           \
        struct error said = run(script);                                                           \
        if (strstr(said.text, words) == NULL) {                                                    \
            fail_msg("\"%s\" is not in \"%s\"", words, said.text);                                 \
        }                                                                                          \
    } while (0)

static void durations_are_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"250ms", 250000}, {"5s", 5000000},
                {"2m", 120000000}, {"6h", INT64_C(21600000000)},
                {"0.5", 500000},   {"1h30m", INT64_C(5400000000)},
                {"10us", 10},      {"3", 3000000},
                {"0s", 0},         {"1d", INT64_C(86400000000)}};
    static const char *const bad[] = {"",     "s",   "-1s", "5 s",  "5x",
                                      "1e3s", "inf", "nan", "0x5s", "1.2.3s",
                                      "400d", "1h2", "s5",  "5s ",  "9999999999999999999999s"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t us = -1;
        struct error error;
        assert_true(duration_parse(good[i].text, &us, &error));
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us = -1;
        struct error error;
        if (duration_parse(bad[i], &us, &error)) {
            fail_msg("\"%s\" was taken as %ld", bad[i], (long)us);
        }
        assert_true(strlen(error.text) > 0);
    }
}

static void mistakes_name_their_line(void **state)
{
    (void)state;
    assert_says("local x =\n\nfoo bar", "case.lua:3:");
    assert_says("\nerror('no')", "case.lua:2: no");
    assert_says("local t = nil\nprint(t.x)", "case.lua:2: attempt to index a nil value");
    assert_says("error({})", "error(table)");
}

static void endless_loops_end(void **state)
{
    (void)state;
    assert_says("\nwhile true do end", "case.lua:2: endless loop");
    assert_says("while true do pcall(function() while true do end end) end", "endless loop");
    assert_says("local c = coroutine.wrap(function() while true do end end) c()", "endless loop");
    assert_says("local function f() return f() end f()", "endless loop");
    assert_says("local function f() return 1 + f() end f()", "case.lua:1: ");
}

static void memory_has_a_limit(void **state)
{
    (void)state;
    assert_says("local t = {}\nwhile true do t[#t + 1] = ('x'):rep(1000) .. #t end",
                "case.lua:2: out of memory");
    assert_says("\nlocal s = ('x'):rep(1e9)", "case.lua:2: out of memory");
    assert_says("local s = 'x' while true do s = s .. s end", "out of memory");
    assert_says("while true do pcall(string.rep, 'x', 1e9) end", "endless loop");
}

static void what_is_dangerous_is_not_there(void **state)
{
    (void)state;
    assert_says(
        "assert(io == nil and os == nil and require == nil and debug == nil and package == nil)",
        "held");
    assert_says("assert(dofile == nil and loadfile == nil and collectgarbage == nil and "
                "string.dump == nil)",
                "held");
    assert_says("assert(math.randomseed == nil)", "held");
    assert_says("assert(load('return 7')() == 7)", "held");
    assert_says("local f, why = load('\\27Lua') assert(f == nil and why:find('binary'))", "held");
    assert_says("local e = {} load('x = 1', 'c', 't', e)() assert(e.x == 1 and x == nil)", "held");
    assert_says("include '../secret.lua'", "below the scenario's own folder");
    assert_says("include '/etc/passwd'", "below the scenario's own folder");
    assert_says("include 'not-there.lua'", "not-there.lua");
}

static void pairs_has_an_order(void **state)
{
    (void)state;
    assert_says(
        "local t = {}\nfor i = 200, 1, -1 do t['k' .. string.format('%03d', i)] = i end\n"
        "local n = 0 for k, v in pairs(t) do n = n + 1 assert(v == n, k) end assert(n == 200)",
        "held");
    assert_says("local s = '' for k in pairs { 10, 20, x = 1, a = 2, [7] = 3 } do s = s .. k end\n"
                "assert(s == '127ax', s)",
                "held");
    assert_says(
        "local t = { a = 1, b = 2 } for k in pairs(t) do t[k] = nil end assert(next(t) == nil)",
        "held");
}

static void words_reach_the_shell_as_they_are(void **state)
{
    (void)state;
    struct sender_words words = {
        .fingerprint = "ab", .command = "X; rm -rf /", .kwargs = "{\"path\": \"it's\"}"};
    struct buffer out = {0};
    struct error error;
    assert_true(
        sender_fill("send {fingerprint} {command} {kwargs} ${HOME} {}", &words, &out, &error));
    assert_string_equal(out.bytes, "send 'ab' 'X; rm -rf /' '{\"path\": \"it'\\''s\"}' ${HOME} {}");
    buffer_clear(&out);
    assert_false(sender_fill("send {finger}", &words, &out, &error));
    assert_non_null(strstr(error.text, "{finger}"));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_people_write_them),
        cmocka_unit_test(mistakes_name_their_line),
        cmocka_unit_test(endless_loops_end),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(what_is_dangerous_is_not_there),
        cmocka_unit_test(pairs_has_an_order),
        cmocka_unit_test(words_reach_the_shell_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
