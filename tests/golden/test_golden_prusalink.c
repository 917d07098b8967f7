#include "tests/golden/prusalink_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What the real PrusaLink 0.8.1 sent (../shared/captures/connect-prusalink), against what ours
 * sends to the same server in virtual time: the server's side of each capture is played, ours must
 * send the same events in the same order, with the same headers, keys, types and values, and
 * telemetry with the same keys at the same pace. */

#define FOLDER "captures/connect-prusalink/"
#define TOKEN  "abcdefghij1234567890"

static void idle_capture(const char *number, const char *file, const char *token, double warm_up_s)
{
    struct prusalink_play play;
    prusalink_play_begin(&play, number, file, 56, token, warm_up_s);
    prusalink_compare_events(&play);
    prusalink_compare_telemetry(&play, SIZE_MAX);
    prusalink_compare_pace(&play);
    prusalink_play_end(&play);
}

static void the_first_minute(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "01", FOLDER "01-first-60s.txt", 56, TOKEN, 0);
    prusalink_compare_events(&play);
    prusalink_compare_telemetry(&play, SIZE_MAX);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "MEDIUM_INSERTED", "\"IDLE\"", 0.2);
    prusalink_compare_gap(&play, "\"HW\"", "\"firmware\"", 0.1);
    prusalink_compare_gap(&play, "\"HW\"", "/SD Card", 0.1);
    prusalink_play_end(&play);
}

static void each_command_while_idle(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "02", FOLDER "02-commands-while-idle.txt", 56, TOKEN, 60);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_play_end(&play);
}

static void a_whole_print(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "03", FOLDER "03-print-pause-resume-finish.txt", 56, TOKEN, 312);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "\"state\": \"FINISHED\"", "\"state\": \"IDLE\"", 0.3);
    prusalink_play_end(&play);
}

static void a_stopped_print(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "04", FOLDER "04-stop.txt", 57, TOKEN, 312);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "\"state\": \"STOPPED\"", "\"state\": \"IDLE\"", 0.3);
    prusalink_play_end(&play);
}

static void an_upload_by_web(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "05", FOLDER "05-upload-by-web.txt", 60, TOKEN, 60);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "TRANSFER_FINISHED", "FILE_CHANGED", 0.2);
    prusalink_play_end(&play);
}

static void a_download(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "06", FOLDER "06-connect-download.txt", 60, TOKEN, 60);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "\"WUI\"", "TRANSFER_FINISHED", 0.1);
    prusalink_compare_gap(&play, "TRANSFER_FINISHED", "FILE_CHANGED", 0.2);
    prusalink_play_end(&play);
}

static void a_cable_pulled(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "07", FOLDER "07-printer-unplugged.txt", 60, TOKEN, 60);
    prusalink_compare_events(&play);
    prusalink_compare_telemetry(&play,
                                1); /* the second depends on where the printer stood before */
    prusalink_compare_pace(&play);
    prusalink_play_end(&play);
}

static void sleep_and_awakening(void **state)
{
    (void)state;
    idle_capture("08", FOLDER "08-idle-falls-asleep.txt", TOKEN, 180);
}

static void a_server_that_answers_503(void **state)
{
    (void)state;
    idle_capture("09", FOLDER "09-503-for-6s.txt", TOKEN, 60);
}

static void a_server_that_answers_403(void **state)
{
    (void)state;
    idle_capture("10", FOLDER "10-403-for-4s.txt", TOKEN, 60);
}

static void a_reset(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "11", FOLDER "11-reset-printer.txt", 60, TOKEN, 60);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "ACCEPTED", "FAILED", 0.1);
    prusalink_play_end(&play);
}

static void a_cable_pulled_in_a_print(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "12", FOLDER "12-unplugged-while-printing.txt", 59, TOKEN, 60);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_play_end(&play);
}

static void a_reset_while_idle_and_in_a_print(void **state)
{
    (void)state;
    struct prusalink_play play;
    prusalink_play_begin(&play, "13", FOLDER "13-reset-idle-and-printing.txt", 58, TOKEN, 287);
    prusalink_compare_events(&play);
    prusalink_compare_keys(&play);
    prusalink_compare_pace(&play);
    prusalink_compare_gap(&play, "ACCEPTED", "FAILED", 0.1);
    prusalink_compare_gap(&play, "\"state\": \"STOPPED\"", "\"state\": \"IDLE\"", 1.1);
    prusalink_play_end(&play);
}

static void a_registration(void **state)
{
    (void)state;
    idle_capture("14", FOLDER "14-registration.txt", NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_minute),
        cmocka_unit_test(each_command_while_idle),
        cmocka_unit_test(a_whole_print),
        cmocka_unit_test(a_stopped_print),
        cmocka_unit_test(an_upload_by_web),
        cmocka_unit_test(a_download),
        cmocka_unit_test(a_cable_pulled),
        cmocka_unit_test(sleep_and_awakening),
        cmocka_unit_test(a_server_that_answers_503),
        cmocka_unit_test(a_server_that_answers_403),
        cmocka_unit_test(a_reset),
        cmocka_unit_test(a_cable_pulled_in_a_print),
        cmocka_unit_test(a_reset_while_idle_and_in_a_print),
        cmocka_unit_test(a_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
