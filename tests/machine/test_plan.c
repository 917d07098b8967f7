#include "tests/machine/gcode_support.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"
#include "sim/base/random.h"
#include "sim/machine/metadata.h"

static const struct plan_mark *mark_of(const struct plan *plan, enum plan_mark_kind kind,
                                       size_t index)
{
    for (size_t i = 0; i < plan_mark_count(plan); i++) {
        if (plan_mark(plan, i)->kind == kind && index-- == 0) {
            return plan_mark(plan, i);
        }
    }
    return NULL;
}

static size_t marks_of(const struct plan *plan, enum plan_mark_kind kind)
{
    size_t count = 0;
    while (mark_of(plan, kind, count) != NULL) {
        count++;
    }
    return count;
}

/* Total time, filament and layers against what the file's own slicer promises. */
static void assert_keeps_promises(struct file_content *content, const char *name, uint32_t layers,
                                  const struct model *model)
{
    struct error error;
    struct plan *plan = plan_build(content, model, &error);
    assert_non_null(plan);
    struct metadata metadata;
    assert_true(metadata_read(&metadata, "x.gcode", content));
    const struct plan_summary *summary = plan_summary(plan);
    const char *json = metadata_json(&metadata, "estimated printing time (normal mode)");
    if (json != NULL) {
        double promised_s = (double)metadata_seconds(json + 1);
        double promised_mm = metadata_number(&metadata, "filament used [mm]", NAN);
        double seconds = (double)summary->total_us / 1e6,
               estimate_s = (double)summary->estimate_us / 1e6;
        print_message(
            "%s: %.0f s, as a slicer counts %.0f s of %.0f s; %.1f mm of %.1f mm; %u layers\n",
            name, seconds, estimate_s, promised_s, summary->filament_mm, promised_mm,
            summary->layers);
        assert_true(fabs(estimate_s / promised_s - 1) < 0.15);
        if (promised_s > 200) { /* in a very short print homing and levelling outweigh the rest */
            assert_true(fabs(seconds / promised_s - 1) < 0.15);
        }
        assert_true(fabs(summary->filament_mm / promised_mm - 1) < 0.02);
    }
    assert_int_equal(summary->layers, layers);
    assert_int_equal(marks_of(plan, PLAN_LAYER), layers);
    metadata_free(&metadata);
    plan_release(plan);
    file_content_release(content);
}

static void the_mk3s_file_keeps_its_promises(void **state)
{
    (void)state;
    const struct model *model = model_find("mk3s-mmu2s");
    assert_non_null(model);
    assert_keeps_promises(shared_content("data/full_m73_layers_0.2mm_PLA_MK3SMMU2S_11m.gcode"),
                          "MK3SMMU2S", 31, model);
}

static void the_benchy_keeps_its_promises(void **state)
{
    (void)state;
    assert_keeps_promises(shared_content("data/benchyrules_pla_14m.gcode"), "benchy", 192,
                          &test_model);
}

static void the_box_keeps_its_promises(void **state)
{
    (void)state;
    assert_keeps_promises(shared_content("data/box.gcode"), "box", 125, &test_model);
}

static void the_mini_cube_keeps_its_promises(void **state)
{
    (void)state;
    assert_keeps_promises(shared_content("data/mini_cube_ascii.gcode"), "mini cube", 120,
                          &test_model);
}

/* Of another slicer, without promises but with ";Layer count: 70". */
static void the_case_has_its_layers(void **state)
{
    (void)state;
    assert_keeps_promises(shared_content("data/bp_case.gcode"), "case", 70, &test_model);
}

static void our_samples_keep_their_promises(void **state)
{
    (void)state;
    assert_keeps_promises(sample_content("cube.gcode"), "cube", 5, &test_model);
    assert_keeps_promises(sample_content("pauses.gcode"), "pauses", 5, &test_model);
    assert_keeps_promises(sample_content("short.gcode"), "short", 2, &test_model);
}

static void our_samples_are_what_their_generator_makes(void **state)
{
    (void)state;
    static const char *const names[] = {"cube", "pauses", "short"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char command[128], bytes[4096];
        snprintf(command, sizeof command, "sh tests/machine/make_samples.sh %s", names[i]);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        struct buffer made = {0};
        for (size_t got; (got = fread(bytes, 1, sizeof bytes, pipe)) > 0;) {
            buffer_append(&made, bytes, got);
        }
        assert_int_equal(pclose(pipe), 0);
        snprintf(bytes, sizeof bytes, "%s.gcode", names[i]);
        struct file_content *content = sample_content(bytes);
        assert_int_equal(file_content_size(content), made.size);
        char *kept = malloc(made.size);
        assert_int_equal(file_content_read(content, 0, kept, made.size, NULL), made.size);
        assert_memory_equal(kept, made.bytes, made.size);
        free(kept);
        buffer_free(&made);
        file_content_release(content);
    }
}

static void positions_lie_on_the_way(void **state)
{
    (void)state;
    struct plan *plan = plan_of_text(
        "G90\nM83\nG92 X0 Y0 Z0.2 E0\nG1 X100 E10 F6000\nG1 Y100 E10\nG4 S5\nG1 X0 Y0 F6000\n",
        &test_model);
    struct plan_point point;
    plan_at(plan, 0, &point);
    assert_true(point.x_mm == 0 && point.y_mm == 0 && fabs(point.z_mm - 0.2) < 1e-6);
    plan_at(plan, 600000, &point);
    assert_true(point.x_mm > 50 && point.x_mm < 60 && point.y_mm == 0);
    assert_true(fabs(point.e_mm - point.x_mm / 10) < 1e-3);
    assert_true(fabs(point.filament_mm - point.e_mm) < 1e-6);
    plan_at(plan, SECONDS(4), &point); /* in the dwell */
    assert_true(point.x_mm == 100 && point.y_mm == 100 && fabs(point.filament_mm - 20) < 1e-9);
    plan_at(plan, INT64_MAX, &point);
    assert_true(point.x_mm == 0 && point.y_mm == 0);
    assert_int_equal(point.offset, plan_summary(plan)->size_bytes);
    plan_at(plan, -5, &point);
    assert_int_equal(point.offset, 0);
    plan_release(plan);
}

static void offsets_are_those_of_the_line_under_way(void **state)
{
    (void)state;
    struct plan *plan = plan_of_text("G1 X10 F600\nG1 X20\n;\n", &test_model);
    struct plan_point point;
    plan_at(plan, 500000, &point);
    assert_int_equal(point.offset, strlen("G1 X10 F600\n"));
    plan_at(plan, 1500000, &point);
    assert_int_equal(point.offset, strlen("G1 X10 F600\nG1 X20\n"));
    plan_release(plan);
}

static void e_goes_on_in_filament_when_its_zero_moves(void **state)
{
    (void)state;
    struct plan *plan =
        plan_of_text("M82\nG1 X10 E5 F600\nG92 E0\nG1 X20 E5\nG92 E0\n", &test_model);
    struct plan_point point;
    plan_at(plan, 1500000, &point);
    assert_true(point.filament_mm > 6 && point.filament_mm < 9);
    assert_true(fabs(point.e_mm - (point.filament_mm - 5)) < 1e-6);
    assert_true(fabs(plan_summary(plan)->filament_mm - 10) < 1e-9);
    plan_at(plan, INT64_MAX, &point);
    assert_true(fabs(point.e_mm) < 1e-6);
    plan_release(plan);
}

/* MK3 (EXTRUDE_MAXLENGTH): such a move goes its way without the filament. Old Cura files end with
 * one. */
static void lengthy_extrusions_are_ignored(void **state)
{
    (void)state;
    struct plan *plan = plan_of_text("M82\nG92 E5000\nG91\nG1 E-1 F300\n", &test_model);
    assert_true(plan_summary(plan)->filament_mm == 0);
    assert_true(plan_summary(plan)->total_us == 0);
    plan_release(plan);
}

static void inches_relative_moves_and_end_stops(void **state)
{
    (void)state;
    struct plan_point point;
    struct plan *plan = plan_of_text("G20\nG1 X1 Y1 F600\n", &test_model);
    plan_at(plan, INT64_MAX, &point);
    assert_true(fabs(point.x_mm - 25.4) < 1e-4 && fabs(point.y_mm - 25.4) < 1e-4);
    plan_release(plan);
    plan = plan_of_text("G91\nG1 X10 Z1 F600\nG1 X10 Z1\nG1 Y-100\n", &test_model);
    plan_at(plan, INT64_MAX, &point);
    assert_true(point.x_mm == 20 && fabs(point.z_mm - 2.15) < 1e-4 && point.y_mm == -4);
    plan_release(plan);
}

/* A half circle of 20 mm and a whole one, by centre and by radius: way = pi * r, 2 pi * r. */
static void arcs_are_as_long_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double way_mm;
    } arcs[] = {
        {"G1 X100 Y100 F60000\nM400\nM117\nG2 X140 Y100 I20 J0 F600\n", 20 * M_PI},
        {"G1 X100 Y100 F60000\nM400\nM117\nG3 X140 Y100 R20 F600\n", 20 * M_PI},
        {"G1 X100 Y100 F60000\nM400\nM117\nG3 I20 J0 F600\n", 40 * M_PI},
        {"G1 X100 Y100 F60000\nM400\nM117\nG2 X120 Y120 R-20 F600\n", 30 * M_PI},
        {"G1 X100 Y100 F60000\nM400\nM117\nG2 X120 Y120 R20 F600\n", 10 * M_PI},
    };
    for (size_t i = 0; i < sizeof arcs / sizeof *arcs; i++) {
        struct plan *plan = plan_of_text(arcs[i].text, &test_model);
        int64_t arc_us = plan_summary(plan)->total_us - mark_of(plan, PLAN_MESSAGE, 0)->at_us;
        assert_true(fabs((double)arc_us / 1e6 - arcs[i].way_mm / 10) < 0.1);
        plan_release(plan);
    }
}

static void marks_come_in_order_with_what_they_say(void **state)
{
    (void)state;
    static const char text[] =
        "M104 S200\nM140 S60\nM190 S60\nM109 R180\nG1 X50 F3000\nM106 S128\nG1 X100\nM107\n"
        "M117 Hello there ; you\nM0 Click me\nM601\nT1\nT1\nM221 S95\nG1 X0\nM600\nM84\nM84 E\n"
        "M9999\nbinary \x01\x02\n";
    struct plan *plan = plan_of_text(text, &test_model);
    static const struct {
        enum plan_mark_kind kind;
        float value;
        int code;
        const char *text;
    } expected[] = {
        {PLAN_NOZZLE_TARGET, 200, 0, ""},
        {PLAN_BED_TARGET, 60, 0, ""},
        {PLAN_BED_WAIT, 60, 0, ""},
        {PLAN_NOZZLE_WAIT, 180, 0, ""},
        {PLAN_FAN, 128, 0, ""},
        {PLAN_FAN, 0, 0, ""},
        {PLAN_MESSAGE, 0, 0, "Hello there"},
        {PLAN_PAUSE, 0, 0, "Click me"},
        {PLAN_PAUSE, 0, 601, ""},
        {PLAN_TOOL, 1, 0, ""},
        {PLAN_FLOW, 95, 0, ""},
        {PLAN_PAUSE, 0, 600, ""},
        {PLAN_MOTORS_OFF, 0, 0, ""},
    };
    assert_int_equal(plan_mark_count(plan), sizeof expected / sizeof *expected);
    int64_t before_us = 0;
    for (size_t i = 0; i < plan_mark_count(plan); i++) {
        const struct plan_mark *mark = plan_mark(plan, i);
        assert_int_equal(mark->kind, expected[i].kind);
        assert_true(mark->value == expected[i].value);
        assert_int_equal(mark->code, expected[i].code);
        assert_string_equal(mark->text, expected[i].text);
        assert_true(mark->at_us >= before_us);
        before_us = mark->at_us;
    }
    assert_true(mark_of(plan, PLAN_NOZZLE_WAIT, 0)->cooling);
    assert_int_equal(mark_of(plan, PLAN_NOZZLE_WAIT, 0)->at_us, 0);
    assert_true(mark_of(plan, PLAN_FAN, 0)->at_us > SECONDS(1)); /* behind 50 mm at 50 mm/s */
    plan_release(plan);
}

static void progress_is_what_m73_said_last(void **state)
{
    (void)state;
    struct plan *plan = plan_of_text(
        "M73 P0 R10\nM73 Q0 S11\nM73 C3\nM73 D4.5\nG1 X50 F3000\nM73 P50 R5\nM73 P50 R5\n"
        "G1 X100\nM73 P100 R0\n",
        &test_model);
    const struct plan_progress *progress = plan_progress_at(plan, 0);
    assert_int_equal(progress->mode[PLAN_NORMAL].percent, 0);
    assert_true(progress->mode[PLAN_NORMAL].left_min == 10.0F);
    assert_true(progress->mode[PLAN_NORMAL].change_in_min == 3.0F);
    assert_int_equal(progress->mode[PLAN_QUIET].percent, 0);
    assert_true(progress->mode[PLAN_QUIET].left_min == 11.0F);
    assert_true(progress->mode[PLAN_QUIET].change_in_min == 4.5F);
    progress = plan_progress_at(plan, 1500000);
    assert_int_equal(progress->mode[PLAN_NORMAL].percent, 50);
    assert_true(progress->mode[PLAN_QUIET].left_min == 11.0F);
    assert_int_equal(plan_progress_at(plan, INT64_MAX)->mode[PLAN_NORMAL].percent, 100);
    assert_true(plan_summary(plan)->has_progress);
    plan_release(plan);
    plan = plan_of_text("G1 X5\n;M73 P10\n", &test_model);
    assert_null(plan_progress_at(plan, INT64_MAX));
    assert_false(plan_summary(plan)->has_progress);
    plan_release(plan);
}

static void layers_are_found_without_comments_too(void **state)
{
    (void)state;
    struct plan *plan = plan_of_text(
        "M83\nG1 Z0.2 F600\nG1 X10 E1\nG1 X20 E1\nG1 Z0.6\nG1 X30\nG1 Z0.4\nG1 X40 E1\n"
        "G1 Z0.6\nG1 X50 E1\n",
        &test_model);
    assert_int_equal(plan_summary(plan)->layers, 3);
    assert_true(fabs(plan_summary(plan)->max_z_mm - 0.6) < 1e-9);
    plan_release(plan);
    /* What was laid down before the first comment is no layer. */
    plan = plan_of_text("M83\nG1 Z0.2 F600\nG1 X10 E1\nM106\n;LAYER_CHANGE\nG1 X20 "
                        "E1\n;LAYER:9\n;LAYER_CHANGE\nG1 X30 E1\n",
                        &test_model);
    assert_int_equal(plan_summary(plan)->layers, 2);
    assert_int_equal(marks_of(plan, PLAN_LAYER), 2);
    assert_int_equal(marks_of(plan, PLAN_FAN), 1);
    plan_release(plan);
}

static void limits_of_the_file_count(void **state)
{
    (void)state;
    struct plan *fast = plan_of_text("G1 X200 F12000\n", &test_model);
    struct plan *feed = plan_of_text("M203 X50\nG1 X200 F12000\n", &test_model);
    struct plan *acceleration = plan_of_text("M201 X100\nG1 X200 F12000\n", &test_model);
    struct plan *travel = plan_of_text("M204 T100\nG1 X200 F12000\n", &test_model);
    struct plan *old = plan_of_text("M204 S100\nG1 X200 F12000\n", &test_model);
    assert_true(plan_summary(fast)->total_us < 1300000);
    assert_true(plan_summary(feed)->total_us > SECONDS(4));
    assert_true(plan_summary(acceleration)->total_us > 2500000);
    assert_int_equal(plan_summary(acceleration)->total_us, plan_summary(travel)->total_us);
    assert_int_equal(plan_summary(old)->total_us, plan_summary(travel)->total_us);
    plan_release(fast);
    plan_release(feed);
    plan_release(acceleration);
    plan_release(travel);
    plan_release(old);
}

static void homing_an_mk3_levels_its_bed_unless_told_not_to(void **state)
{
    (void)state;
    struct model mk3 = test_model;
    mk3.family = "mk3";
    static const struct {
        const char *text;
        size_t meshes;
    } cases[] = {{"G28\n", 1}, {"G28 W\n", 0}, {"G28 X Y\n", 0}, {"G28 W\nG80\n", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan *plan = plan_of_text(cases[i].text, &mk3);
        assert_int_equal(marks_of(plan, PLAN_MESH), cases[i].meshes);
        assert_int_equal(marks_of(plan, PLAN_HOMED), 1);
        assert_int_equal(plan_summary(plan)->estimate_us, 0);
        plan_release(plan);
    }
    struct plan *plan = plan_of_text("G28\nG29 P1\nG29 P3.2\nG29 A\nG29\n", &test_model);
    assert_int_equal(marks_of(plan, PLAN_MESH), 2);
    plan_release(plan);
}

static void speed_of_the_file_is_in_the_estimate_alone(void **state)
{
    (void)state;
    struct plan *plan =
        plan_of_text("M220 B\nM220 S50\nG1 X100 F6000\nM220 R\nG1 X0\n", &test_model);
    const struct plan_summary *summary = plan_summary(plan);
    assert_true(llabs(2 * summary->estimate_us - 3 * summary->total_us) < MILLISECONDS(200));
    assert_true(mark_of(plan, PLAN_SPEED, 0)->value == 50.0F);
    assert_true(mark_of(plan, PLAN_SPEED, 1)->value == 100.0F);
    plan_release(plan);
}

static void every_hundredth_command_has_its_instant(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 250; i++) {
        buffer_append_text(&text, i % 2 == 0 ? "; comment\nG1 X10 F600\n" : "\nG1 X0\n");
    }
    struct plan *plan = plan_of_text(text.bytes, &test_model);
    assert_int_equal(plan_summary(plan)->commands, 250);
    int64_t each_us = plan_summary(plan)->total_us / 250;
    assert_int_equal(plan_hundredth_at(plan, each_us * 99), 0);
    assert_true(llabs(plan_hundredth_at(plan, each_us * 150) - each_us * 100) < MILLISECONDS(100));
    assert_true(llabs(plan_hundredth_at(plan, INT64_MAX) - each_us * 200) < MILLISECONDS(100));
    plan_release(plan);
    buffer_free(&text);
}

static void bad_files_give_plans_or_errors(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "\xff\xfe\x00",
        "G1",
        "G1 X",
        "G2 I0 J0",
        "G3 X1 Y1 R0.0001",
        "G2 X5 Y5 I999999999 J-999999999",
        "G1 X1e308 Y-1e308 Z1e308 E1e308 F1e-308",
        "G92 X1e9 E-999999999\nG1 X0 E999999999",
        "M201 X0 Y0 Z0 E0\nG1 X100",
        "M203 X0\nG1 X1",
        "M204 S0\nG1 X1",
        "M205 X0 Y0 Z0 E0 S-5 T1e9\nG1 X9",
        "G4 S-5",
        "M220 S-1\nG1 X5",
        "T99999999",
        "M73 P1000 R-5",
        "G20\nG1 X999999999 F0",
        "M0 P-5\nM117",
        "G28 Q\nG80\nG29 P9",
        "N5 G1 X5*200",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct plan *plan = plan_of_text(texts[i], &test_model);
        struct plan_point point;
        plan_at(plan, plan_summary(plan)->total_us / 2, &point);
        assert_true(isfinite(point.x_mm) && isfinite(point.e_mm) && isfinite(point.filament_mm));
        plan_release(plan);
    }
}

static void assert_refused(struct file_content *content, const char *why)
{
    struct error error;
    assert_null(plan_build(content, &test_model, &error));
    if (strstr(error.text, why) == NULL) {
        print_error("\"%s\" does not say \"%s\"\n", error.text, why);
        fail();
    }
    file_content_release(content);
}

static void refusals_say_why_and_where(void **state)
{
    (void)state;
    static const char forever[] = "G1 X5\nG4 S999999999\n";
    assert_refused(file_content_of_bytes(forever, strlen(forever)),
                   "byte 20: the print would take more than 400 days");
    struct buffer text = {0};
    for (int i = 0; i <= PLAN_MARKS_MAX; i++) {
        buffer_append_text(&text, "M106\n");
    }
    assert_refused(file_content_of_bytes(text.bytes, text.size), "more than 1048576 orders");
    buffer_free(&text);
}

/* Two gigabytes without a line end, which take no room on the disk. */
static void a_file_of_two_gigabytes_is_refused_at_once(void **state)
{
    (void)state;
    char path[] = "/tmp/hotbed-sparse-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, INT64_C(2) << 30), 0);
    close(file);
    struct error error;
    struct file_content *content = file_content_of_file(path, &error);
    assert_non_null(content);
    unlink(path);
    assert_refused(content, "the file has 2147483648 bytes; at most 1073741824 can be printed");
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char alphabet[] = "GMTXYZEFSPRIJN0123456789.-+*;: \n\n\n\r\x00\xff";
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 300; i++) {
        char bytes[4096];
        for (size_t k = 0; k < sizeof bytes; k++) {
            bytes[k] = alphabet[random_below(&random, sizeof alphabet - 1)];
        }
        struct error error;
        struct file_content *content = file_content_of_bytes(bytes, sizeof bytes);
        struct plan *plan = plan_build(content, &test_model, &error);
        plan_release(plan);
        file_content_release(content);
    }
}

/* More moves than keys: the plan stays small and right. */
static void a_long_print_is_sampled_more_coarsely(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, "M83\nG91\nG92 X0 Y0\n");
    for (int i = 0; i < PLAN_KEYS_MAX + 200000; i++) {
        buffer_append_text(&text, i / 100 % 2 == 0 ? "G1X.4F6000\n" : "G1X-.4\n");
    }
    struct plan *plan = plan_of_text(text.bytes, &test_model);
    assert_true(plan_summary(plan)->moves > PLAN_KEYS_MAX);
    assert_true(plan_bytes(plan) < (size_t)64 << 20);
    struct plan_point point;
    int64_t total_us = plan_summary(plan)->total_us;
    uint64_t before = 0;
    for (int i = 0; i <= 1000; i++) {
        plan_at(plan, total_us / 1000 * i, &point);
        assert_true(point.offset >= before);
        assert_true(point.x_mm >= 0 && point.x_mm <= 250);
        before = point.offset;
    }
    assert_true(fabs((double)before / (double)plan_summary(plan)->size_bytes - 1) < 0.01);
    plan_release(plan);
    buffer_free(&text);
}

static void the_cache_reads_a_file_once(void **state)
{
    (void)state;
    struct plan_cache *cache = plan_cache_new(1 << 20);
    struct error error;
    struct file_content *content = file_content_of_bytes("G1 X5\n", 6);
    struct file_content *other = file_content_of_bytes("G1 X5\n", 6);
    struct plan *first = plan_cache_get(cache, content, &test_model, &error);
    struct plan *again = plan_cache_get(cache, content, &test_model, &error);
    struct plan *of_other = plan_cache_get(cache, other, &test_model, &error);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, of_other);
    plan_release(first);
    plan_release(again);
    first = plan_cache_get(cache, content, &test_model, &error); /* kept although nobody used it */
    assert_ptr_equal(first, again);
    plan_cache_destroy(cache);
    assert_int_equal(plan_summary(first)->moves, 1); /* still ours */
    plan_release(first);
    plan_release(of_other);
    file_content_release(content);
    file_content_release(other);
}

static void the_cache_lets_go_of_what_does_not_fit(void **state)
{
    (void)state;
    struct plan_cache *cache = plan_cache_new(1);
    struct error error;
    struct file_content *content = file_content_of_bytes("G1 X5\n", 6);
    struct plan *first = plan_cache_get(cache, content, &test_model, &error);
    struct plan *again = plan_cache_get(cache, content, &test_model, &error);
    assert_ptr_equal(first, again); /* living plans are found whatever their size */
    plan_release(first);
    plan_release(again);
    static const char forever[] = "G4 S999999999\n";
    struct file_content *bad = file_content_of_bytes(forever, strlen(forever));
    assert_null(plan_cache_get(cache, bad, &test_model, &error));
    file_content_release(bad);
    file_content_release(content);
    plan_cache_destroy(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mk3s_file_keeps_its_promises),
        cmocka_unit_test(the_benchy_keeps_its_promises),
        cmocka_unit_test(the_box_keeps_its_promises),
        cmocka_unit_test(the_mini_cube_keeps_its_promises),
        cmocka_unit_test(the_case_has_its_layers),
        cmocka_unit_test(our_samples_keep_their_promises),
        cmocka_unit_test(our_samples_are_what_their_generator_makes),
        cmocka_unit_test(positions_lie_on_the_way),
        cmocka_unit_test(offsets_are_those_of_the_line_under_way),
        cmocka_unit_test(e_goes_on_in_filament_when_its_zero_moves),
        cmocka_unit_test(lengthy_extrusions_are_ignored),
        cmocka_unit_test(inches_relative_moves_and_end_stops),
        cmocka_unit_test(arcs_are_as_long_as_they_are),
        cmocka_unit_test(marks_come_in_order_with_what_they_say),
        cmocka_unit_test(progress_is_what_m73_said_last),
        cmocka_unit_test(layers_are_found_without_comments_too),
        cmocka_unit_test(limits_of_the_file_count),
        cmocka_unit_test(homing_an_mk3_levels_its_bed_unless_told_not_to),
        cmocka_unit_test(speed_of_the_file_is_in_the_estimate_alone),
        cmocka_unit_test(every_hundredth_command_has_its_instant),
        cmocka_unit_test(bad_files_give_plans_or_errors),
        cmocka_unit_test(refusals_say_why_and_where),
        cmocka_unit_test(a_file_of_two_gigabytes_is_refused_at_once),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(a_long_print_is_sampled_more_coarsely),
        cmocka_unit_test(the_cache_reads_a_file_once),
        cmocka_unit_test(the_cache_lets_go_of_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
