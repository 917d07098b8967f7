#include "tests/machine/bed.h"

#include "sim/machine/objects.h"
#include "sim/machine/print_file.h"
#include "sim/machine/prompt.h"
#include "tests/machine/bgcode_writer.h"

/* What a printer with a screen asks, and what becomes of the answers (connect-buddy.md 8). */

/* Ten minutes of squares, hot, with a stop of each kind on the way. */
static char *squares(const char *first, const char *second)
{
    struct buffer text = {0};
    buffer_append_text(&text, "G28 W\nG90\nM83\nM104 S180\nM109 S180\nM106 S255\nG1 Z0.2 F600\n");
    for (int i = 0; i < 60; i++) {
        buffer_append_text(&text, i == 5 ? first : i == 30 ? second : "");
        buffer_append_text(&text, "G1 X110 Y50 E1 F1200\nG1 X10 Y50 E1 F1200\n");
    }
    return buffer_detach(&text);
}

static void begin(struct bed *bed, const char *model, const char *first, const char *second)
{
    struct error error = {""};
    char *text = squares(first, second);
    bed_setup(bed, model, 1);
    bed_put(bed, "/usb/squares.gcode", text);
    free(text);
    bed->said[0] = '\0';
    assert_int_equal(machine_start_print(bed->machine, "/usb/squares.gcode", &error),
                     MACHINE_ACCEPTED);
}

static void until(struct bed *bed, enum machine_prompt prompt, double most_s)
{
    int64_t until_us = bed->world.now_us + (int64_t)(most_s * 1e6);
    while (machine_prompt(bed->machine) != prompt && world_step(&bed->world, until_us)) {
    }
    assert_string_equal(machine_prompt_name(machine_prompt(bed->machine)),
                        machine_prompt_name(prompt));
}

static void in_state(struct bed *bed, enum printer_state state)
{
    assert_string_equal(printer_state_name(machine_state(bed->machine)), printer_state_name(state));
}

static void filament_is_changed_by_answers(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mk4", "M600\n", "");
    until(&bed, PROMPT_CHANGE_UNLOAD, 600);
    in_state(&bed, STATE_ATTENTION);
    assert_false(machine_answer(bed.machine, ANSWER_CONTINUE)); /* nothing can be answered yet */
    uint32_t changes = machine_prompt_changes(bed.machine);
    until(&bed, PROMPT_CHANGE_INSERT, 60);
    assert_int_equal(machine_prompt_changes(bed.machine), changes + 1);
    assert_false(machine_answer(bed.machine, ANSWER_YES));
    assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
    until(&bed, PROMPT_CHANGE_COLOR, 60);
    assert_true(machine_answer(bed.machine, ANSWER_PURGE_MORE));
    until(&bed, PROMPT_CHANGE_COLOR, 60);
    assert_true(machine_answer(bed.machine, ANSWER_RETRY));
    until(&bed, PROMPT_CHANGE_INSERT, 60);
    assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
    until(&bed, PROMPT_CHANGE_COLOR, 60);
    assert_true(machine_answer(bed.machine, ANSWER_YES));
    in_state(&bed, STATE_PRINTING);
    assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
    bed_until(&bed, STATE_FINISHED, 3600);
    bed_teardown(&bed);
}

static void a_change_can_be_stopped(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mini", "M600\n", "");
    until(&bed, PROMPT_CHANGE_INSERT, 600);
    assert_true(machine_answer(bed.machine, ANSWER_STOP));
    assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
    bed_until(&bed, STATE_STOPPED, 60);
    bed_teardown(&bed);
}

static void a_pause_of_the_file_is_a_quick_one(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mk4", "M0\n", "M0\n");
    until(&bed, PROMPT_QUICK_PAUSE, 600);
    in_state(&bed, STATE_PAUSED);
    assert_true(machine_answer(bed.machine, ANSWER_RESUME));
    in_state(&bed, STATE_PRINTING);
    until(&bed, PROMPT_QUICK_PAUSE, 600);
    assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
    in_state(&bed, STATE_PRINTING);
    assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
    bed_teardown(&bed);
}

static void runout_before_a_print_is_asked_about(void **state)
{
    (void)state;
    static const struct {
        enum machine_answer answer;
        enum printer_state then;
    } rows[] = {{ANSWER_YES, STATE_PRINTING},
                {ANSWER_NO, STATE_IDLE},
                {ANSWER_DISABLE_SENSOR, STATE_PRINTING}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bed bed;
        struct error error = {""};
        char *text = squares("", "");
        bed_setup(&bed, "mk4", 1);
        bed_put(&bed, "/usb/squares.gcode", text);
        free(text);
        machine_set_fault(bed.machine, FAULT_FILAMENT_RUNOUT, true);
        assert_int_equal(machine_start_print(bed.machine, "/usb/squares.gcode", &error),
                         MACHINE_ACCEPTED);
        assert_int_equal(machine_prompt(bed.machine), PROMPT_NO_FILAMENT);
        in_state(&bed, STATE_ATTENTION);
        bed_wait(&bed, 60);
        assert_near(bed_read(&bed).x_mm, 0, 0.01); /* nothing moves before it is answered */
        assert_true(machine_answer(bed.machine, rows[i].answer));
        bed_wait(&bed, 20);
        in_state(&bed, rows[i].then);
        assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
        bed_teardown(&bed);
    }
}

/* ---- files that cannot be printed (file-formats.md 8) ---- */

/* Two blocks of g-code, the first of a minute. */
static void write_blocks(struct buffer *out)
{
    static const char *const texts[] = {"G28 W\nG4 S60\n", "G4 S60\nG4 S61\n"};
    static const char metadata[] = "printer_model=MK4\n";
    const struct bgcode_written first = {
        .type = BGCODE_PRINTER_METADATA, .data = metadata, .size = sizeof metadata - 1};
    bgcode_write_header(out, true);
    bgcode_write_block(out, true, &first);
    for (int i = 0; i < 2; i++) {
        const struct bgcode_written block = {
            .type = BGCODE_GCODE, .data = texts[i], .size = strlen(texts[i])};
        bgcode_write_block(out, true, &block);
    }
}

static void begin_file(struct bed *bed, const char *model, const char *name,
                       const struct buffer *bytes)
{
    struct error error = {""};
    char path[64];
    bed_setup(bed, model, 1);
    snprintf(path, sizeof path, "/usb/%s", name);
    assert_int_equal(
        machine_put_file(bed->machine, path, file_content_of_bytes(bytes->bytes, bytes->size)),
        STORAGE_OK);
    if (machine_start_print(bed->machine, path, &error) != MACHINE_ACCEPTED) {
        fail_msg("%s: %s", name, error.text);
    }
}

static void what_cannot_be_printed_is_asked_about_before(void **state)
{
    (void)state;
    static const char text[] = "G28\nG1 X10\n";
    struct buffer good = {0}, files[5] = {{0}};
    write_blocks(&good);
    size_t behind_metadata = 10 + 10 + 18 + 4;
    buffer_append(&files[0], good.bytes, behind_metadata); /* no print instructions */
    buffer_append(&files[1], good.bytes, good.size);       /* a wrong sum in the first block */
    files[1].bytes[behind_metadata + 12] ^= 1;
    buffer_append(&files[2], good.bytes, behind_metadata + 15); /* cut in the first block */
    buffer_append(&files[3], text, sizeof text - 1);            /* not binary at all */
    buffer_append(&files[4], good.bytes, good.size);            /* with a wrong suffix */
    for (size_t i = 0; i < 5; i++) {
        struct bed bed;
        begin_file(&bed, i == 3 ? "mini" : "mk4", i == 4 ? "a.gcode" : "a.bgcode", &files[i]);
        assert_string_equal(machine_prompt_name(machine_prompt(bed.machine)), "file-error");
        in_state(&bed, STATE_ATTENTION);
        assert_non_null(machine_job(bed.machine));
        bed_wait(&bed, 600);
        in_state(&bed, STATE_ATTENTION);
        assert_false(machine_answer(bed.machine, ANSWER_CONTINUE));
        if (i == 0) {
            assert_int_equal(machine_stop(bed.machine), MACHINE_ACCEPTED);
        } else if (i == 1) {
            machine_user_confirms(bed.machine);
        } else {
            assert_true(machine_answer(bed.machine, ANSWER_STOP));
        }
        bed_wait(&bed, 1);
        in_state(&bed, STATE_IDLE);
        assert_null(machine_job(bed.machine));
        assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
        bed_teardown(&bed);
        buffer_free(&files[i]);
    }
    buffer_free(&good);
}

static void trouble_with_files_is_seen_beforehand(void **state)
{
    (void)state;
    static const struct {
        const char *model, *name;
        size_t cut;
        bool binary;
        const char *words;
    } rows[] = {{"mk4", "a.bgcode", 0, true, NULL},
                {"mk4", "a.bgcode", 8, true, "beyond the end of the file"},
                {"mk4", "a.bgcode", 0, false, "not a valid bgcode file"},
                {"mk4", "a.gcode", 0, true, "wrong suffix"},
                {"mk4", "a.gcode", 0, false, NULL},
                {"mk4", "notes.txt", 0, true, NULL},
                {"mk3s", "a.bgcode", 0, true, "unknown file type"},
                {"mk3s", "a.gcode", 0, true, NULL},
                {"sl1", "a.sl1", 0, false, "#10539 "},
                {"sl1", "a.gcode", 0, false, NULL}};
    struct buffer good = {0};
    write_blocks(&good);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {""};
        struct file_content *content =
            rows[i].binary ? file_content_of_bytes(good.bytes, good.size - rows[i].cut)
                           : file_content_of_bytes("G28\n", 4);
        bool sound = print_file_sound(rows[i].name, content, model_find(rows[i].model), &error);
        if (sound != (rows[i].words == NULL) ||
            (!sound && strstr(error.text, rows[i].words) == NULL)) {
            fail_msg("%s %s (row %zu): %s", rows[i].model, rows[i].name, i, error.text);
        }
        file_content_release(content);
    }
    buffer_free(&good);
}

static void a_file_is_printed_as_far_as_it_is_good(void **state)
{
    (void)state;
    for (int cropped = 0; cropped < 2; cropped++) {
        struct bed bed;
        struct buffer file = {0};
        write_blocks(&file);
        if (cropped) {
            file.size -= 8;
        } else {
            file.bytes[file.size - 8] ^= 1;
        }
        begin_file(&bed, "mk4", "a.bgcode", &file);
        in_state(&bed, STATE_PRINTING);
        bed_wait(&bed, 59);
        in_state(&bed, STATE_PRINTING);
        until(&bed, cropped ? PROMPT_FILE_CROPPED : PROMPT_FILE_CORRUPT, 60);
        in_state(&bed, STATE_ATTENTION);
        assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
        in_state(&bed, STATE_PAUSED);
        assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
        until(&bed, cropped ? PROMPT_FILE_CROPPED : PROMPT_FILE_CORRUPT, 60); /* no better now */
        assert_int_equal(machine_stop(bed.machine), MACHINE_ACCEPTED);
        bed_wait(&bed, 60);
        in_state(&bed, STATE_STOPPED);
        bed_teardown(&bed);
        buffer_free(&file);
    }
}

static void a_fan_that_stalls_pauses_until_somebody_has_seen_it(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mk4", "", "");
    bed_until(&bed, STATE_PRINTING, 1);
    bed_wait(&bed, 120);
    machine_set_fault(bed.machine, FAULT_PRINT_FAN_STALLED, true);
    until(&bed, PROMPT_PRINT_FAN, 60);
    in_state(&bed, STATE_ATTENTION);
    machine_set_fault(bed.machine, FAULT_PRINT_FAN_STALLED, false);
    bed_wait(&bed, 60);
    in_state(&bed, STATE_ATTENTION);
    assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
    in_state(&bed, STATE_PAUSED);
    assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
    bed_until(&bed, STATE_PRINTING, 300);
    bed_teardown(&bed);
}

static void a_medium_that_is_pulled_is_missed(void **state)
{
    (void)state;
    struct bed bed;
    struct storage kept;
    begin(&bed, "mk4", "", "");
    bed_wait(&bed, 120);
    assert_true(machine_detach(bed.machine, "usb", &kept));
    assert_int_equal(machine_prompt(bed.machine), PROMPT_MEDIUM_GONE);
    in_state(&bed, STATE_ATTENTION);
    assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
    in_state(&bed, STATE_PAUSED);
    assert_int_equal(machine_resume(bed.machine),
                     MACHINE_ACCEPTED); /* and finds it still missing */
    in_state(&bed, STATE_ATTENTION);
    machine_attach(bed.machine, &kept);
    assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
    assert_int_equal(machine_resume(bed.machine), MACHINE_ACCEPTED);
    bed_until(&bed, STATE_FINISHED, 3600);
    bed_teardown(&bed);
}

static void crashes_are_recovered_from(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mk4", "", "");
    bed_wait(&bed, 120);
    machine_set_fault(bed.machine, FAULT_AXIS_BLOCKED, true);
    in_state(&bed, STATE_BUSY);
    until(&bed, PROMPT_HOME_FAILED, 30);
    in_state(&bed, STATE_ATTENTION);
    assert_true(machine_answer(bed.machine, ANSWER_RETRY));
    in_state(&bed, STATE_BUSY);
    until(&bed, PROMPT_HOME_FAILED, 30);
    machine_set_fault(bed.machine, FAULT_AXIS_BLOCKED, false);
    assert_true(machine_answer(bed.machine, ANSWER_RETRY));
    bed_until(&bed, STATE_PRINTING, 30);
    bed_wait(&bed, 100);
    in_state(&bed, STATE_PRINTING);
    for (int i = 0; i < 3; i++) { /* three in a row are too many */
        assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
        bed_wait(&bed, 9);
        machine_set_fault(bed.machine, FAULT_AXIS_BLOCKED, true);
        machine_set_fault(bed.machine, FAULT_AXIS_BLOCKED, false);
        in_state(&bed, STATE_BUSY);
        bed_wait(&bed, 7);
    }
    assert_int_equal(machine_prompt(bed.machine), PROMPT_CRASH_REPEATED);
    assert_true(machine_answer(bed.machine, ANSWER_PAUSE));
    in_state(&bed, STATE_PAUSED);
    bed_teardown(&bed);
}

static void a_mini_does_not_notice_obstacles(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mini", "", "");
    bed_wait(&bed, 120);
    machine_set_fault(bed.machine, FAULT_AXIS_BLOCKED, true);
    bed_wait(&bed, 20);
    in_state(&bed, STATE_PRINTING);
    bed_teardown(&bed);
}

static void a_print_survives_the_loss_of_mains(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mk4", "M140 S60\n", "");
    bed_wait(&bed, 300);
    for (int i = 0; i < 2; i++) {
        double out_s = i == 0 ? 5 : 3600; /* the bed keeps warm, or not */
        machine_set_fault(bed.machine, FAULT_MAINS_LOST, true);
        assert_false(machine_is_up(bed.machine));
        bed_wait(&bed, out_s);
        assert_near(bed_read(&bed).nozzle_target_c, 0, 0);
        machine_set_fault(bed.machine, FAULT_MAINS_LOST, false);
        bed_wait(&bed, 10);
        assert_true(machine_is_up(bed.machine));
        if (i == 1) {
            assert_int_equal(machine_prompt(bed.machine), PROMPT_COLD_BED);
            in_state(&bed, STATE_ATTENTION);
            assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
        }
        in_state(&bed, STATE_BUSY);
        bed_until(&bed, STATE_PRINTING, 600);
        assert_int_equal(machine_job(bed.machine)->id, 57);
    }
    bed_until(&bed, STATE_FINISHED, 3600);
    bed_teardown(&bed);
}

static void a_mini_forgets_its_print_with_the_mains(void **state)
{
    (void)state;
    struct bed bed;
    begin(&bed, "mini", "", "");
    bed_wait(&bed, 200);
    machine_set_fault(bed.machine, FAULT_MAINS_LOST, true);
    bed_wait(&bed, 10);
    machine_set_fault(bed.machine, FAULT_MAINS_LOST, false);
    bed_wait(&bed, 10);
    in_state(&bed, STATE_IDLE);
    assert_null(machine_job(bed.machine));
    bed_teardown(&bed);
}

static void heaters_that_nobody_uses_are_a_hint(void **state)
{
    (void)state;
    struct bed bed;
    bed_setup(&bed, "mk4", 1);
    machine_gcode(bed.machine, "M140 S50", NULL, NULL);
    until(&bed, PROMPT_HEATERS_TIMEOUT, 3600);
    in_state(&bed, STATE_IDLE);
    assert_near(bed_read(&bed).bed_target_c, 0, 0);
    assert_true(machine_answer(bed.machine, ANSWER_CONTINUE));
    assert_int_equal(machine_prompt(bed.machine), PROMPT_NONE);
    bed_teardown(&bed);
}

static void halts_name_their_causes(void **state)
{
    (void)state;
    static const struct {
        enum machine_fault fault;
        enum machine_halt cause;
    } rows[] = {
        {FAULT_NOZZLE_THERMISTOR_OPEN, HALT_NOZZLE_MINTEMP},
        {FAULT_NOZZLE_THERMISTOR_SHORT, HALT_NOZZLE_MAXTEMP},
        {FAULT_BED_THERMISTOR_OPEN, HALT_BED_MINTEMP},
        {FAULT_BED_THERMISTOR_SHORT, HALT_BED_MAXTEMP},
        {FAULT_NOZZLE_HEATER_DEAD, HALT_NOZZLE_RUNAWAY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bed bed;
        begin(&bed, "mk4", "", "");
        bed_wait(&bed, 200);
        machine_set_fault(bed.machine, rows[i].fault, true);
        bed_until(&bed, STATE_ERROR, 600);
        assert_int_equal(machine_halt_cause(bed.machine), rows[i].cause);
        machine_set_fault(bed.machine, rows[i].fault, false);
        machine_reset(bed.machine);
        assert_int_equal(machine_halt_cause(bed.machine), HALT_NONE);
        bed_until(&bed, STATE_IDLE, 30);
        bed_teardown(&bed);
    }
    struct bed bed;
    bed_setup(&bed, "mk4", 1);
    machine_set_fault(bed.machine, FAULT_NOZZLE_HEATER_DEAD, true);
    machine_gcode(bed.machine, "M104 S200", NULL, NULL);
    bed_until(&bed, STATE_ERROR, 600);
    assert_int_equal(machine_halt_cause(bed.machine), HALT_NOZZLE_PREHEAT);
    bed_teardown(&bed);
}

static const char objects[] =
    "M486 T3\nM486 S0\nM486 ALeft box.stl\nM486 S1\nM486 ARight box.stl\nM486 S-1\n";

static double seconds_to_the_end(uint32_t cancel, bool by_file)
{
    struct bed bed;
    struct error error = {""};
    struct buffer text = {0};
    buffer_append_text(&text, objects);
    buffer_append_text(&text, by_file ? "M486 P1\n" : "");
    buffer_append_text(&text, "G28 W\nG90\nM83\nG1 Z0.2 F600\n");
    for (int i = 0; i < 20; i++) {
        buffer_format(&text, "M486 S%d\nG1 X110 Y50 F1200\nG1 X10 Y50 F1200\nM486 S-1\n", i % 2);
    }
    bed_setup(&bed, "mk4", 1);
    bed_put(&bed, "/usb/objects.gcode", text.bytes);
    buffer_free(&text);
    assert_int_equal(machine_start_print(bed.machine, "/usb/objects.gcode", &error),
                     MACHINE_ACCEPTED);
    bed_wait(&bed, 1);
    const struct machine_objects *seen = machine_objects(bed.machine);
    assert_non_null(seen);
    assert_int_equal(seen->count, 3);
    assert_string_equal(seen->names[0], "Left box.stl");
    assert_string_equal(seen->names[1], "Right box.stl");
    assert_string_equal(seen->names[2], "");
    if (cancel < 100) {
        machine_cancel_object(bed.machine, cancel, true);
    }
    double seconds = bed_until(&bed, STATE_FINISHED, 3600);
    bed_teardown(&bed);
    return seconds;
}

static void objects_that_are_cancelled_take_no_time(void **state)
{
    (void)state;
    double all_s = seconds_to_the_end(100, false);
    double half_s = seconds_to_the_end(1, false);
    assert_near(all_s - half_s, 100, 3); /* ten times 2 x 100 mm at 20 mm/s */
    assert_near(seconds_to_the_end(99, true), half_s, 0.1);
    assert_near(seconds_to_the_end(63, false), all_s, 0.1); /* nobody is that */
}

static void names_of_answers_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < ANSWER_COUNT; i++) {
        enum machine_answer answer;
        assert_true(machine_answer_parse(machine_answer_name((enum machine_answer)i), &answer));
        assert_int_equal(answer, i);
    }
    enum machine_answer answer;
    assert_false(machine_answer_parse("maybe", &answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filament_is_changed_by_answers),
        cmocka_unit_test(a_change_can_be_stopped),
        cmocka_unit_test(a_pause_of_the_file_is_a_quick_one),
        cmocka_unit_test(runout_before_a_print_is_asked_about),
        cmocka_unit_test(what_cannot_be_printed_is_asked_about_before),
        cmocka_unit_test(trouble_with_files_is_seen_beforehand),
        cmocka_unit_test(a_file_is_printed_as_far_as_it_is_good),
        cmocka_unit_test(a_fan_that_stalls_pauses_until_somebody_has_seen_it),
        cmocka_unit_test(a_medium_that_is_pulled_is_missed),
        cmocka_unit_test(crashes_are_recovered_from),
        cmocka_unit_test(a_mini_does_not_notice_obstacles),
        cmocka_unit_test(a_print_survives_the_loss_of_mains),
        cmocka_unit_test(a_mini_forgets_its_print_with_the_mains),
        cmocka_unit_test(heaters_that_nobody_uses_are_a_hint),
        cmocka_unit_test(halts_name_their_causes),
        cmocka_unit_test(objects_that_are_cancelled_take_no_time),
        cmocka_unit_test(names_of_answers_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
