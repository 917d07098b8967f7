#include "tests/machine/gcode_support.h"

#include <math.h>

#include "sim/base/buffer.h"
#include "sim/base/random.h"
#include "sim/machine/gcode.h"
#include "sim/machine/kinematics.h"

static struct gcode_line parse(const char *text)
{
    struct gcode_line line;
    gcode_parse(&line, text, strlen(text));
    return line;
}

static void a_command_is_taken_apart(void **state)
{
    (void)state;
    struct gcode_line line = parse("G1 X10.5 Y-.25 E+3 F1200 ; there");
    assert_int_equal(line.letter, 'G');
    assert_int_equal(line.number, 1);
    assert_int_equal(line.sub, -1);
    assert_true(gcode_value(&line, 'X', 0) == 10.5);
    assert_true(gcode_value(&line, 'Y', 0) == -0.25);
    assert_true(gcode_value(&line, 'E', 0) == 3);
    assert_true(gcode_value(&line, 'F', 0) == 1200);
    assert_false(gcode_has(&line, 'Z'));
    assert_true(gcode_value(&line, 'Z', 7) == 7);
}

/* file-formats.md 5.1: MeatPack leaves no blanks, so E can't be an exponent. */
static void blanks_are_not_needed(void **state)
{
    (void)state;
    struct gcode_line line = parse("G1X10E.5Y2F9000");
    assert_true(gcode_value(&line, 'X', 0) == 10);
    assert_true(gcode_value(&line, 'E', 0) == 0.5);
    assert_true(gcode_value(&line, 'Y', 0) == 2);
    assert_true(gcode_value(&line, 'F', 0) == 9000);
}

static void letters_without_number_are_there(void **state)
{
    (void)state;
    struct gcode_line line = parse("G28 X W");
    assert_int_equal(line.number, 28);
    assert_true(gcode_has(&line, 'X') && !gcode_valued(&line, 'X'));
    assert_true(gcode_has(&line, 'W'));
    line = parse("T?");
    assert_int_equal(line.letter, 'T');
    assert_int_equal(line.number, -1);
}

static void numbers_of_commands_may_have_a_part(void **state)
{
    (void)state;
    struct gcode_line line = parse("M862.3 P \"MK3S X9\" S1");
    assert_int_equal(line.number, 862);
    assert_int_equal(line.sub, 3);
    assert_false(gcode_has(&line, 'X'));
    assert_true(gcode_value(&line, 'S', 0) == 1);
}

static void line_numbers_and_checksums_are_checked(void **state)
{
    (void)state;
    struct gcode_line line = parse("N3 T0*57"); /* RepRap's example of the field */
    assert_int_equal(line.line_number, 3);
    assert_int_equal(line.letter, 'T');
    assert_int_equal(line.checksum, 57);
    assert_true(line.checksum_right);
    line = parse("N3 T0*58");
    assert_int_equal(line.checksum, 58);
    assert_false(line.checksum_right);
    line = parse("G1 X1");
    assert_int_equal(line.line_number, -1);
    assert_int_equal(line.checksum, -1);
}

static void texts_and_comments_are_found(void **state)
{
    (void)state;
    struct gcode_line line = parse("M117  Hello bed  ; not this\r");
    assert_int_equal(line.text_size, strlen("Hello bed"));
    assert_memory_equal(line.text, "Hello bed", line.text_size);
    assert_null(line.comment);
    line = parse(";LAYER_CHANGE\r");
    assert_int_equal(line.letter, 0);
    assert_int_equal(line.comment_size, strlen("LAYER_CHANGE"));
    assert_memory_equal(line.comment, "LAYER_CHANGE", line.comment_size);
}

static void absurd_numbers_stay_finite(void **state)
{
    (void)state;
    struct gcode_line line =
        parse("G1 X99999999999999999999999999 Y-1e308 F0.00000000000000000001 ZNAN EINF");
    assert_true(gcode_value(&line, 'X', 0) == GCODE_NUMBER_MAX);
    assert_true(gcode_value(&line, 'Y', 0) == -1); /* no exponents */
    assert_false(gcode_valued(&line, 'Z'));
    assert_false(gcode_valued(&line, 'E'));
    assert_true(gcode_value(&line, 'F', 1) == 0);
    line = parse("G99999999999999999999 X1");
    assert_int_equal(line.number, -1);
    line = parse("G1 X123456789.123456789123456789 Y--5 Z.");
    assert_true(fabs(gcode_value(&line, 'X', 0) - 123456789.123456789) < 1e-6);
    assert_false(gcode_valued(&line, 'Y'));
    assert_false(gcode_valued(&line, 'Z'));
}

static void rubbish_is_no_command(void **state)
{
    (void)state;
    static const char *const rubbish[] = {"",    "   \t\r", ";",   "(comment)", "*",  "N",
                                          "N12", "g1 x1",   "123", "\xff\xfe",  "*55"};
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        struct gcode_line line;
        assert_false(gcode_parse(&line, rubbish[i], strlen(rubbish[i])));
        assert_int_equal(line.letter, 0);
    }
    struct random random;
    random_seed(&random, 11);
    for (int i = 0; i < 20000; i++) {
        char bytes[64];
        size_t size = (size_t)random_below(&random, sizeof bytes);
        for (size_t k = 0; k < size; k++) {
            bytes[k] = (char)random_next(&random);
        }
        struct gcode_line line;
        gcode_parse(&line, bytes, size);
        for (char letter = 'A'; letter <= 'Z'; letter++) {
            assert_true(fabs(gcode_value(&line, letter, 0)) <= GCODE_NUMBER_MAX + 1.0);
        }
    }
}

static void lines_are_read_one_by_one_with_their_places(void **state)
{
    (void)state;
    struct buffer text = {0};
    for (int i = 0; i < 20000; i++) {
        buffer_format(&text, "G1 X%d\n", i);
    }
    buffer_append_text(&text, "M84"); /* without an end */
    struct file_content *content = file_content_of_bytes(text.bytes, text.size);
    struct gcode_reader *reader = malloc(sizeof *reader);
    gcode_reader_init(reader, content);
    const char *line;
    size_t size;
    size_t expected = 0;
    for (int i = 0; i < 20000; i++) {
        char want[32];
        snprintf(want, sizeof want, "G1 X%d", i);
        assert_int_equal(gcode_reader_next(reader, &line, &size, NULL), GCODE_READ_LINE);
        assert_int_equal(size, strlen(want));
        assert_memory_equal(line, want, size);
        expected += size + 1;
        assert_int_equal(reader->offset, expected);
    }
    assert_int_equal(gcode_reader_next(reader, &line, &size, NULL), GCODE_READ_LINE);
    assert_int_equal(size, 3);
    assert_int_equal(gcode_reader_next(reader, &line, &size, NULL), GCODE_READ_END);
    free(reader);
    file_content_release(content);
    buffer_free(&text);
}

static void an_over_long_line_is_cut_and_the_next_one_is_whole(void **state)
{
    (void)state;
    struct buffer text = {0};
    buffer_append_text(&text, "G1 X1 ");
    for (int i = 0; i < 3 * GCODE_READER_BYTES; i++) {
        buffer_append_char(&text, ' ');
    }
    buffer_append_text(&text, "Y5\nG1 X2\n");
    struct file_content *content = file_content_of_bytes(text.bytes, text.size);
    struct gcode_reader *reader = malloc(sizeof *reader);
    gcode_reader_init(reader, content);
    const char *line;
    size_t size;
    assert_int_equal(gcode_reader_next(reader, &line, &size, NULL), GCODE_READ_LINE);
    assert_int_equal(size, GCODE_READER_BYTES);
    assert_int_equal(gcode_reader_next(reader, &line, &size, NULL), GCODE_READ_LINE);
    assert_int_equal(size, 5);
    assert_memory_equal(line, "G1 X2", 5);
    assert_int_equal(reader->offset, text.size);
    assert_int_equal(gcode_reader_next(reader, &line, &size, NULL), GCODE_READ_END);
    free(reader);
    file_content_release(content);
    buffer_free(&text);
}

struct total {
    double seconds;
    int moves;
};

static void add_up(void *owner, double duration_s)
{
    struct total *total = owner;
    total->seconds += duration_s;
    total->moves++;
}

/* By hand: from 8 mm/s (jerk) to 100 mm/s at 1000 mm/s² takes 92 ms and 4.968 mm, and so does
 * braking. */
static void a_lonely_move_is_a_trapezoid(void **state)
{
    (void)state;
    struct total total = {0};
    struct kinematics *kinematics = malloc(sizeof *kinematics);
    kinematics_init(kinematics, &test_model, add_up, &total);
    assert_true(kinematics_add(kinematics, (double[]){100, 0, 0, 0}, 100, 1000));
    kinematics_flush(kinematics);
    assert_true(fabs(total.seconds - (2 * 0.092 + (100 - 2 * 4.968) / 100)) < 1e-9);
    free(kinematics);
}

static void a_straight_way_in_pieces_takes_as_long_as_in_one(void **state)
{
    (void)state;
    struct total whole = {0}, pieces = {0};
    struct kinematics *kinematics = malloc(sizeof *kinematics);
    kinematics_init(kinematics, &test_model, add_up, &whole);
    kinematics_add(kinematics, (double[]){1000, 0, 0, 0}, 150, 1000);
    kinematics_flush(kinematics);
    kinematics_init(kinematics, &test_model, add_up, &pieces);
    for (int i = 0; i < 2000; i++) {
        assert_true(kinematics_add(kinematics, (double[]){0.5, 0, 0, 0}, 150, 1000));
    }
    kinematics_flush(kinematics);
    assert_int_equal(pieces.moves, 2000);
    assert_true(fabs(whole.seconds - pieces.seconds) < 1e-6);
    free(kinematics);
}

static void corners_and_slow_axes_cost_time(void **state)
{
    (void)state;
    struct total corner = {0}, straight = {0}, lift = {0};
    struct kinematics *kinematics = malloc(sizeof *kinematics);
    kinematics_init(kinematics, &test_model, add_up, &corner);
    kinematics_add(kinematics, (double[]){50, 0, 0, 0}, 100, 1000);
    kinematics_add(kinematics, (double[]){0, 50, 0, 0}, 100, 1000);
    kinematics_flush(kinematics);
    kinematics_init(kinematics, &test_model, add_up, &straight);
    kinematics_add(kinematics, (double[]){50, 0, 0, 0}, 100, 1000);
    kinematics_add(kinematics, (double[]){50, 0, 0, 0}, 100, 1000);
    kinematics_flush(kinematics);
    /* Both slow down from 100 to the jerk's 8 mm/s and speed up again: twice 92 ms for what
     * takes 99.36 ms. */
    assert_true(fabs(corner.seconds - straight.seconds - (0.184 - 0.09936)) < 1e-9);
    kinematics_init(kinematics, &test_model, add_up, &lift);
    kinematics_add(kinematics, (double[]){0, 0, 24, 0}, 100,
                   1000); /* at most 12 mm/s and 200 mm/s² */
    kinematics_flush(kinematics);
    assert_true(lift.seconds > 2 && lift.seconds < 2.2);
    assert_false(kinematics_add(kinematics, (double[]){0, 0, 0, 0}, 100, 1000));
    free(kinematics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_taken_apart),
        cmocka_unit_test(blanks_are_not_needed),
        cmocka_unit_test(letters_without_number_are_there),
        cmocka_unit_test(numbers_of_commands_may_have_a_part),
        cmocka_unit_test(line_numbers_and_checksums_are_checked),
        cmocka_unit_test(texts_and_comments_are_found),
        cmocka_unit_test(absurd_numbers_stay_finite),
        cmocka_unit_test(rubbish_is_no_command),
        cmocka_unit_test(lines_are_read_one_by_one_with_their_places),
        cmocka_unit_test(an_over_long_line_is_cut_and_the_next_one_is_whole),
        cmocka_unit_test(a_lonely_move_is_a_trapezoid),
        cmocka_unit_test(a_straight_way_in_pieces_takes_as_long_as_in_one),
        cmocka_unit_test(corners_and_slow_axes_cost_time),
    };
    return cmocka_run_group_tests_name("gcode", tests, NULL, NULL);
}
