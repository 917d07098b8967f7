#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/state.h"

/* The rows of connect-sdk.md 7.4 in its order, the words of its table on the left, ours on the
 * right. */
static const struct {
    const char *row; /* how the document's row begins */
    const char *ours[4];
} rows[] = {
    {"any instruction confirmed, print status known",
     {"instruction confirmed: base BUSY -> IDLE, HW"}},
    {"firmware says busy", {"firmware says busy: base IDLE/READY -> BUSY, MARLIN"}},
    {"set ready / cancel ready",
     {"set ready: base IDLE -> READY, USER", "cancel ready: base READY -> IDLE, USER"}},
    {"print begins or is observed",
     {"print begins: printing PAUSED/none -> PRINTING, USER",
      "print found by polling: printing PAUSED/none -> PRINTING, FIRMWARE"}},
    {"pause seen",
     {"pause seen: printing PRINTING/none -> PAUSED, USER",
      "pause found by polling: printing PRINTING/none -> PAUSED, FIRMWARE"}},
    {"resume seen", {"resume seen: printing PAUSED -> PRINTING, USER"}},
    {"print completed", {"print completed: printing PRINTING -> FINISHED, MARLIN"}},
    {"print cancelled",
     {"print cancelled: printing PRINTING -> STOPPED, USER",
      "print cancelled: printing PAUSED -> STOPPED, WUI"}},
    {"printer found not printing",
     {"not printing: printing PRINTING/PAUSED -> none, MARLIN",
      "not printing by polling: printing PRINTING/PAUSED -> none, FIRMWARE"}},
    {"instruction confirmed and more than 11 s since the end of the print, no ATTENTION",
     {"11 s since the end of the print: printing FINISHED/STOPPED -> none, MARLIN",
      "11 s since the end of the print: base READY -> IDLE, MARLIN"}},
    {"firmware waits for user, fan error outside a print, MMU error",
     {"firmware waits for user: override none -> ATTENTION, USER",
      "fan error: override none -> ATTENTION, FIRMWARE",
      "MMU error: override none -> ATTENTION, SLOT"}},
    {"instruction confirmed, or 5 s without a waiting report, or recovery of the fan",
     {"attention over: override ATTENTION -> none, USER",
      "attention not reported for 5 s: override ATTENTION -> none, MARLIN"}},
    {"firmware halted, serial or identification trouble",
     {"firmware halted: override ATTENTION/none -> ERROR, MARLIN",
      "serial lost: override ATTENTION/none -> ERROR, SERIAL",
      "identification trouble: override ATTENTION/none -> ERROR, WUI"}},
    {"trouble gone",
     {"trouble gone: override ERROR -> none, USER", "serial back: override ERROR -> none, SERIAL"}},
    {"printer reboot",
     {"printer reboot: override ERROR/ATTENTION -> none, USER",
      "printer reboot: printing PRINTING -> STOPPED, USER",
      "printer reboot: printing PAUSED -> STOPPED, WUI",
      "printer reboot: base IDLE/READY -> BUSY, MARLIN"}},
};

static void the_table_is_the_documents(void **state)
{
    (void)state;
    size_t next = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t j = 0; j < 4 && rows[i].ours[j] != NULL; j++) {
            char text[160];
            assert_true(next < state_rule_count());
            state_rule_text(state_rule(next++), text, sizeof text);
            assert_string_equal(text, rows[i].ours[j]);
        }
    }
    static const char *const of_buddy[] = {
        /* connect-buddy.md 8.2 */
        "finds back into the print: override none -> BUSY, FIRMWARE",
        "has found back: override BUSY -> none, FIRMWARE",
    };
    for (size_t i = 0; i < sizeof of_buddy / sizeof *of_buddy; i++) {
        char text[160];
        state_rule_text(state_rule(next++), text, sizeof text);
        assert_string_equal(text, of_buddy[i]);
    }
    assert_int_equal(next, state_rule_count());
}

static void every_row_of_the_document_is_there(void **state)
{
    (void)state;
    const char *shared = getenv("HOTBED_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/protocols/connect-sdk.md",
             shared == NULL ? "../shared" : shared);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        skip();
    }
    static char line[16384];
    size_t next = 0;
    bool within = false;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "### ", 4) == 0) {
            within = strncmp(line, "### 7.4", 7) == 0;
        }
        bool row =
            within && line[0] == '|' && line[1] == ' ' && strncmp(line, "| Trigger", 9) != 0 &&
            strncmp(line, "| start of the program", 22) != 0; /* how a machine begins: no event */
        if (row) {
            assert_true(next < sizeof rows / sizeof *rows);
            assert_memory_equal(line + 2, rows[next].row, strlen(rows[next].row));
            next++;
        }
    }
    fclose(file);
    assert_int_equal(next, sizeof rows / sizeof *rows);
}

/* The topmost layer that is set is reported (7.3), for each combination. */
static void the_topmost_layer_is_reported(void **state)
{
    (void)state;
    static const enum printer_state override[] = {STATE_NONE, STATE_ERROR, STATE_ATTENTION,
                                                  STATE_BUSY};
    static const enum printer_state printing[] = {STATE_NONE, STATE_PRINTING, STATE_PAUSED,
                                                  STATE_FINISHED, STATE_STOPPED};
    static const enum printer_state base[] = {STATE_BUSY, STATE_IDLE, STATE_READY};
    for (size_t i = 0; i < 4 * 5 * 3; i++) {
        const struct printer_layers layers = {override[i / 15], printing[i / 3 % 5], base[i % 3]};
        enum printer_state expected = layers.override != STATE_NONE   ? layers.override
                                      : layers.printing != STATE_NONE ? layers.printing
                                                                      : layers.base;
        assert_int_equal(printer_layers_reported(&layers), expected);
    }
}

/* From every combination of layers, every trigger changes exactly what some rule of it says, or
 * nothing. */
static void triggers_do_what_the_rules_say_and_no_more(void **state)
{
    (void)state;
    static const enum printer_state override[] = {STATE_NONE, STATE_ERROR, STATE_ATTENTION,
                                                  STATE_BUSY};
    static const enum printer_state printing[] = {STATE_NONE, STATE_PRINTING, STATE_PAUSED,
                                                  STATE_FINISHED, STATE_STOPPED};
    static const enum printer_state base[] = {STATE_BUSY, STATE_IDLE, STATE_READY};
    for (size_t i = 0; i < 4 * 5 * 3 * TRIGGER_COUNT; i++) {
        const struct printer_layers before = {override[i / 15 % 4], printing[i / 3 % 5],
                                              base[i % 3]};
        enum state_trigger trigger = (enum state_trigger)(i / 60);
        const enum printer_state was[] = {before.override, before.printing, before.base};
        enum printer_state expected[] = {before.override, before.printing, before.base};
        enum state_source expected_source = SOURCE_COUNT;
        for (size_t j = 0; j < state_rule_count(); j++) {
            const struct state_rule *rule = state_rule(j);
            bool blocked =
                rule->unless_override == before.override && before.override != STATE_NONE;
            if (rule->trigger == trigger && !blocked && (rule->from >> was[rule->layer] & 1) != 0) {
                expected[rule->layer] = rule->to;
                expected_source = expected_source == SOURCE_COUNT ? rule->source : expected_source;
            }
        }
        struct printer_layers after = before;
        enum state_source source = SOURCE_COUNT;
        assert_int_equal(printer_layers_trigger(&after, trigger, &source),
                         expected_source != SOURCE_COUNT);
        assert_int_equal(source, expected_source);
        assert_int_equal(after.override, expected[0]);
        assert_int_equal(after.printing, expected[1]);
        assert_int_equal(after.base, expected[2]);
    }
}

static void finished_stays_under_attention(void **state)
{
    (void)state;
    struct printer_layers layers = {STATE_ATTENTION, STATE_FINISHED, STATE_IDLE};
    enum state_source source;
    assert_false(printer_layers_trigger(&layers, TRIGGER_HOLD_OVER, &source));
    assert_true(printer_layers_trigger(&layers, TRIGGER_ATTENTION_OVER, &source));
    assert_int_equal(printer_layers_reported(&layers), STATE_FINISHED);
    assert_true(printer_layers_trigger(&layers, TRIGGER_HOLD_OVER, &source));
    assert_int_equal(printer_layers_reported(&layers), STATE_IDLE);
}

static void names_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < STATE_COUNT; i++) {
        enum printer_state read;
        assert_true(printer_state_parse(printer_state_name((enum printer_state)i), &read));
        assert_int_equal(read, i);
    }
    enum printer_state read;
    assert_false(printer_state_parse("PREPARED", &read));
    assert_string_equal(state_source_name(SOURCE_MARLIN), "MARLIN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_documents),
        cmocka_unit_test(every_row_of_the_document_is_there),
        cmocka_unit_test(the_topmost_layer_is_reported),
        cmocka_unit_test(triggers_do_what_the_rules_say_and_no_more),
        cmocka_unit_test(finished_stays_under_attention),
        cmocka_unit_test(names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
