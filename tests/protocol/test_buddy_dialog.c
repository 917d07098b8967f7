#include "tests/protocol/buddy_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/prompt.h"
#include "sim/protocol/connect/buddy_dialog.h"

/* What Connect is told of dialogs and errors (connect-buddy.md 8.3, 8.4). */

static const char print[] =
    "G28 W\nG90\nM83\nM104 S180\nM109 S180\nM106 S255\nM140 S60\nG1 Z0.2 F600\n"
    "G1 X110 Y50 F600\nG4 S3600\nG1 X10 Y50 F600\n";

static void begin_print(struct bench *bench, const char *model)
{
    struct error error = {""};
    begin_with_file(bench, model, print);
    run(bench, 20);
    assert_int_equal(machine_start_print(machine_of(bench), "/usb/print.gcode", &error),
                     MACHINE_ACCEPTED);
    run(bench, 300);
}

/* The last STATE_CHANGED. */
static const char *change(struct bench *bench)
{
    const char *found = NULL;
    for (size_t i = 0; i < bench->count; i++) {
        if (strstr(bench->seen[i].body, "\"event\":\"STATE_CHANGED\"") != NULL) {
            found = bench->seen[i].body;
        }
    }
    assert_non_null(found);
    return found;
}

static void press(struct bench *bench, const char *button)
{
    char command[160];
    unsigned long id = strtoul(strstr(change(bench), "\"dialog_id\":") + 12, NULL, 10);
    snprintf(command, sizeof command,
             "{\"command\":\"DIALOG_ACTION\",\"kwargs\":{\"dialog_id\":%lu,\"button\":\"%s\"}}", id,
             button);
    assert_has(ask(bench, command), "\"event\":\"FINISHED\"");
}

static void faults_show_their_dialogs(void **state)
{
    (void)state;
    static const struct {
        enum machine_fault fault;
        const char *data, *button, *then;
    } rows[] = {
        {FAULT_HOTEND_FAN_STALLED, "{\"code\":\"13828\",\"buttons\":[\"Continue\"]}", "Continue",
         "PAUSED"},
        {FAULT_PRINT_FAN_STALLED, "{\"code\":\"13816\",\"buttons\":[\"Continue\"]}", "Continue",
         "PAUSED"},
        {FAULT_FILAMENT_RUNOUT, "{\"code\":\"13829\",\"buttons\":[\"Continue\",\"Stop\"]}", "Stop",
         "STOPPED"},
        {FAULT_AXIS_BLOCKED, "{\"code\":\"13812\",\"buttons\":[\"Retry\"]}", "Retry", "ATTENTION"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench bench;
        begin_print(&bench, "mk4");
        machine_set_fault(machine_of(&bench), rows[i].fault, true);
        run(&bench, 60);
        assert_has(change(&bench), rows[i].data);
        assert_has(change(&bench), "\"state\":\"ATTENTION\"");
        press(&bench, rows[i].button);
        run(&bench, 60);
        assert_has(bench.seen[bench.count - 1].body, rows[i].then);
        end(&bench);
    }
}

/* The drive is missed at once, told by INFO and by a dialog, and the print goes on when it is back.
 */
static void a_pulled_drive_is_told_twice(void **state)
{
    (void)state;
    struct bench bench;
    struct storage kept;
    begin_print(&bench, "xl");
    size_t from = bench.count;
    assert_true(machine_detach(machine_of(&bench), "usb", &kept));
    run(&bench, 3);
    assert_has(bench.seen[find(&bench, from, "\"event\":\"INFO\"")].body, "\"storages\":[]");
    assert_has(change(&bench), "{\"code\":\"17821\",\"buttons\":[\"Continue\"]}");
    from = bench.count;
    machine_attach(machine_of(&bench), &kept);
    run(&bench, 3);
    assert_has(bench.seen[find(&bench, from, "\"event\":\"INFO\"")].body,
               "\"mountpoint\":\"/usb\"");
    press(&bench, "Continue");
    assert_has(ask(&bench, COMMAND("RESUME_PRINT", "")), "\"event\":\"FINISHED\"");
    run(&bench, 300);
    assert_has(bench.seen[bench.count - 1].body, "\"state\":\"PRINTING\"");
    end(&bench);
}

static void lost_mains_are_silence(void **state)
{
    (void)state;
    struct bench bench;
    begin_print(&bench, "coreone");
    machine_set_fault(machine_of(&bench), FAULT_MAINS_LOST, true);
    size_t from = bench.count;
    run(&bench, 3600);
    assert_int_equal(bench.count, from);
    machine_set_fault(machine_of(&bench), FAULT_MAINS_LOST, false);
    run(&bench, 30);
    assert_has(bench.seen[from].body, "\"event\":\"INFO\"");
    assert_has(bench.seen[from + 1].body, "{\"code\":\"31808\",\"buttons\":[\"Continue\"]}");
    press(&bench, "Continue");
    run(&bench, 600);
    assert_has(bench.seen[bench.count - 1].body, "\"job_id\":1,");
    assert_has(bench.seen[bench.count - 1].body, "\"state\":\"PRINTING\"");
    end(&bench);
}

/* INFO, STATE_CHANGED, a full telemetry: nothing about objects, and nothing that it does not know.
 */
static void an_error_has_a_screen_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        enum machine_fault fault;
        const char *data;
    } rows[] = {
        {"mk4", FAULT_NOZZLE_THERMISTOR_SHORT, "{\"code\":\"13206\",\"title\":\"MAXTEMP ERROR\","},
        {"mini", FAULT_BED_THERMISTOR_OPEN, "{\"code\":\"12207\",\"title\":\"MINTEMP ERROR\","},
        {"xl", FAULT_BED_THERMISTOR_OPEN, "{\"code\":\"17252\",\"title\":\"MODULAR BED ERROR\","},
        {"xl", FAULT_NOZZLE_THERMISTOR_OPEN,
         "{\"code\":\"17208\",\"title\":\"EXTRUDER MINTEMP ERROR\","},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench bench;
        begin(&bench, rows[i].model, "abcdefghij1234567890");
        run(&bench, 20);
        size_t from = bench.count;
        machine_set_fault(machine_of(&bench), rows[i].fault, true);
        run(&bench, 10);
        from = find(&bench, from, "\"state\":\"ERROR\"");
        assert_has(bench.seen[from].body, "\"nozzle_diameter\":0.00,\"transfer_paused\":true,"
                                          "\"storages\":[],\"network_info\":{\"hostname\":\"\"},"
                                          "\"tools\":{},");
        assert_has(bench.seen[from].body, "\"slots\":0}");
        assert_has(bench.seen[from + 1].body, rows[i].data);
        assert_null(strstr(bench.seen[from + 1].body, "buttons"));
        assert_has(bench.seen[from + 2].body, "{\"temp_nozzle\":0.0,\"temp_bed\":0.0,");
        assert_null(strstr(bench.seen[from + 2].body, "material"));
        assert_has(ask(&bench, COMMAND("PAUSE_PRINT", "")), "Won't accept commands in error state");
        machine_set_fault(machine_of(&bench), rows[i].fault, false);
        from = bench.count;
        bench.command = COMMAND("RESET_PRINTER", "");
        run(&bench, 30);
        from = find(&bench, from, "\"state\":\"IDLE\",\"event\":\"INFO\"");
        assert_has(bench.seen[from].body, "\"mountpoint\":\"/usb\"");
        end(&bench);
    }
}

/* Heaters that go off for want of use are a hint: no attention, and a print may begin. */
static void a_hint_is_no_attention(void **state)
{
    (void)state;
    struct bench bench;
    begin_with_file(&bench, "mk4", print);
    run(&bench, 20);
    machine_gcode(machine_of(&bench), "M140 S50", NULL, NULL);
    run(&bench, 2000);
    assert_has(change(&bench), "{\"code\":\"13817\",\"buttons\":[\"Continue\"]}");
    assert_has(change(&bench), "\"state\":\"IDLE\"");
    assert_has(ask(&bench, COMMAND("START_PRINT", "\"path\":\"/usb/print.gcode\"")), "JOB_INFO");
    end(&bench);
}

static void buttons_and_answers_agree(void **state)
{
    (void)state;
    for (int prompt = 0; prompt < PROMPT_COUNT; prompt++) {
        struct buddy_dialog dialog;
        buddy_dialog_of(&dialog, (enum machine_prompt)prompt);
        assert_int_equal(dialog.shown, prompt != PROMPT_NONE);
        for (int i = 0; i < dialog.button_count; i++) {
            enum machine_answer answer;
            assert_int_not_equal(dialog.buttons[i], BUDDY_BUTTON_NONE);
            assert_true(
                buddy_dialog_answer((enum machine_prompt)prompt, dialog.buttons[i], &answer));
        }
        enum machine_answer answer;
        assert_false(buddy_dialog_answer((enum machine_prompt)prompt, BUDDY_BUTTON_NONE, &answer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_show_their_dialogs),
        cmocka_unit_test(a_pulled_drive_is_told_twice),
        cmocka_unit_test(lost_mains_are_silence),
        cmocka_unit_test(an_error_has_a_screen_of_its_own),
        cmocka_unit_test(a_hint_is_no_attention),
        cmocka_unit_test(buttons_and_answers_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
