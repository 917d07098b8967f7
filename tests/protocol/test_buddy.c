#include "tests/protocol/buddy_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/buddy.h"
#include "sim/protocol/connect/buddy_files.h"

/* ---- tests ---- */

/* BUD-PLN-01 to -05, BUD-HTTP-01 to -06, BUD-TEL-02 */
static void starts_as_the_firmware_does(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "mk4", "abcdefghij1234567890");
    run(&bench, 60);
    assert_has(bench.seen[0].head,
               "POST /p/events HTTP/1.1\r\nHost: connect\r\nConnection: keep-alive\r\n"
               "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\nFingerprint: ");
    assert_has(bench.seen[0].head, "\r\nToken: abcdefghij1234567890\r\nUser-Agent-Printer: "
                                   "Buddy_MK4\r\nUser-Agent-Version: 6.3.0+10073\r\n\r\n");
    assert_has(bench.seen[0].body, "\"printer_type\":\"1.4.0\"");
    assert_has(bench.seen[0].body, "\"transfer_paused\":true");
    assert_has(bench.seen[0].body, "\"state\":\"IDLE\",\"event\":\"INFO\"}");
    assert_string_equal(bench.seen[1].body, "{\"data\":{\"objects\":[]},\"state\":\"IDLE\","
                                            "\"event\":\"CANCELABLE_CHANGED\"}");
    assert_string_equal(bench.seen[2].target, "/p/telemetry");
    assert_has(bench.seen[2].body, "{\"temp_nozzle\":");
    assert_has(bench.seen[3].body, "\"transfer_paused\":false");
    assert_int_equal(bench.seen[0].connection, bench.seen[bench.count - 1].connection);
    for (size_t i = 6; i < bench.count; i++) {
        assert_string_equal(bench.seen[i].body, "{\"state\":\"IDLE\"}");
        assert_int_equal(bench.seen[i].time_us - bench.seen[i - 1].time_us, SECONDS(4));
    }
    assert_true(bench.count > 15);
    end(&bench);
}

/* BUD-CMD-06, -07, -10, BUD-EVT-09, BUD-PLN-06 */
static void prints_pauses_resumes_and_stops(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "mk4s", "t");
    run(&bench, 20);
    assert_has(ask(&bench, COMMAND("PAUSE_PRINT", "")), "\"reason\":\"No print to pause\"");
    assert_has(ask(&bench, COMMAND("START_PRINT", "\"path\":\"/usb/none.gcode\"")),
               "\"reason\":\"File not found\"");
    const char *info = ask(&bench, COMMAND("START_PRINT", "\"path\":\"/usb/BOX02MM~1.GCO\""));
    if (strstr(info, "File not found") != NULL) {
        info = ask(&bench, COMMAND("START_PRINT", "\"path\":\"/usb/Box 0.2mm.gcode\""));
    }
    assert_has(info, "\"display_name\":\"Box 0.2mm.gcode\",\"start_cmd_id\":");
    assert_has(info, "\"event\":\"JOB_INFO\"}");
    size_t from = bench.count;
    run(&bench, 10);
    assert_has(bench.seen[find(&bench, from, "\"time_printing\"")].body, "\"state\":\"PRINTING\"");
    assert_true(bench.count - from >= 10);
    assert_has(ask(&bench, COMMAND("START_PRINT", "\"path\":\"/usb/full/x.gcode\"")),
               "\"reason\":\"Can't print now\"");
    assert_has(ask(&bench, COMMAND("SET_PRINTER_READY", "")), "\"Can't set ready now\"");
    assert_has(ask(&bench, COMMAND("DELETE_FILE", "\"path\":\"/usb/box 0.2mm.GCODE\"")),
               "\"reason\":\"File is busy\"");
    run(&bench, 60);
    assert_has(ask(&bench, COMMAND("PAUSE_PRINT", "")), "\"event\":\"FINISHED\"}");
    run(&bench, 60);
    assert_has(ask(&bench, COMMAND("RESUME_PRINT", "")), "\"event\":\"FINISHED\"}");
    run(&bench, 60);
    assert_has(ask(&bench, COMMAND("STOP_PRINT", "")), "\"event\":\"FINISHED\"}");
    run(&bench, 600);
    assert_has(bench.seen[bench.count - 1].body, "\"state\":\"STOPPED\"}");
    assert_has(ask(&bench, COMMAND("SEND_JOB_INFO", "\"job_id\":1")),
               "{\"data\":{\"state\":\"FIN_STOPPED\"},\"state\":\"STOPPED\"");
    assert_has(ask(&bench, COMMAND("SEND_JOB_INFO", "\"job_id\":2")), "No job in progress");
    assert_has(ask(&bench, COMMAND("SET_IDLE", "")), "\"event\":\"FINISHED\"}");
    assert_has(bench.seen[bench.count - 1].body, "\"state\":\"IDLE\"}");
    assert_has(ask(&bench, COMMAND("SET_IDLE", "")), "\"reason\":\"Can't set idle now\"");
    assert_has(ask(&bench, COMMAND("SET_PRINTER_READY", "")), "\"event\":\"FINISHED\"}");
    assert_has(bench.seen[bench.count - 1].body, "\"state\":\"READY\"}");
    assert_has(ask(&bench, COMMAND("CANCEL_PRINTER_READY", "")), "\"event\":\"FINISHED\"}");
    end(&bench);
}

/* BUD-CMD-11, -13, -14, BUD-EVT-11, -13, -15 */
static void works_on_files(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "mini", "t");
    run(&bench, 20);
    const char *made = ask(&bench, COMMAND("CREATE_FOLDER", "\"path\":\"/usb/new\""));
    assert_has(made, "\"new_path\":\"/usb/NEW\",\"file\":{\"size\":0,");
    assert_has(made, "\"type\":\"FOLDER\",\"name\":\"new\"}}");
    assert_has(ask(&bench, COMMAND("CREATE_FOLDER", "\"path\":\"/usb/NEW\"")),
               "\"reason\":\"Directory already exists\"");
    assert_has(ask(&bench, COMMAND("CREATE_FOLDER", "\"path\":\"/usb/a/b\"")),
               "\"reason\":\"Error creating directory\"");
    assert_has(ask(&bench, COMMAND("DELETE_FOLDER", "\"path\":\"/usb/full\"")),
               "\"reason\":\"Directory not empty\"");
    assert_has(ask(&bench, COMMAND("SEND_FILE_INFO", "\"path\":\"/usb/full/x.gcode\"")),
               "{\"data\":{\"layer_height\":0.20,\"filament_type\":\"PLA\",\"size\":");
    const char *root = ask(&bench, COMMAND("SEND_FILE_INFO", "\"path\":\"/usb\""));
    assert_has(root, "\"file_count\":3,\"read_only\":false,\"display_name\":\"usb\"");
    assert_has(ask(&bench, COMMAND("DELETE_FILE", "\"path\":\"/usb/full/x.gcode\"")),
               "\"old_path\":\"/usb/full/x.gcode\",\"file\":{\"type\":\"PRINT_FILE\"");
    assert_has(ask(&bench, COMMAND("DELETE_FOLDER", "\"path\":\"/usb/full\"")),
               "\"old_path\":\"/usb/full\"");
    assert_has(ask(&bench, COMMAND("SEND_FILE_INFO", "\"path\":\"/etc/x\"")), "Forbidden path");
    end(&bench);
}

/* BUD-PLN-15, BUD-CMD-18, -21, -23, -16, BUD-HTTP-11, -13 */
static void obeys_the_other_commands(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "coreone", "t");
    run(&bench, 20);
    bench.type = "text/x.gcode";
    size_t from = bench.count;
    assert_has(ask(&bench, "M104 S50\n\n G28 \n"), "\"event\":\"ACCEPTED\"}");
    size_t running = find(&bench, from, "{\"command_id\":1,\"state\":\"IDLE\"}");
    assert_true(find(&bench, running, "\"command_id\":1,\"event\":\"FINISHED\"}") > running);
    bench.type = "text/plain";
    assert_has(ask(&bench, "hello"), "\"reason\":\"Unknown command\"");
    bench.type = NULL;
    char long_body[600];
    memset(long_body, ' ', sizeof long_body);
    long_body[sizeof long_body - 1] = '\0';
    assert_has(ask(&bench, long_body), "\"reason\":\"Response too long\"");
    from = bench.count;
    assert_has(ask(&bench, COMMAND("SET_VALUE", "\"tools.1.hardened\":true")),
               "\"event\":\"FINISHED\"}");
    assert_has(bench.seen[find(&bench, from, "\"event\":\"INFO\"")].body, "\"hardened\":true");
    ask(&bench, COMMAND("SET_VALUE", "\"chamber.target_temp\":90"));
    ask(&bench, COMMAND("SET_VALUE", "\"chamber.fan_pwm_target\":100"));
    run(&bench, 310);
    const struct seen *last = &bench.seen[bench.count - 1];
    while (strstr(last->body, "\"chamber\"") == NULL) {
        last--;
    }
    assert_has(last->body, "\"target_temp\":55,\"fan_1_rpm\":8500,\"fan_2_rpm\":8500,"
                           "\"fan_pwm_target\":100,\"led_intensity\":100}");
    from = bench.count;
    bench.command = COMMAND("RESET", "");
    bench.command_id = 99;
    run(&bench, 60);
    assert_int_equal(count_of(&bench, from, "\"command_id\":99"), 0);
    assert_has(bench.seen[find(&bench, from, "\"event\":\"INFO\"")].body,
               "\"transfer_paused\":true");
    end(&bench);
}

/* BUD-EVT-20, BUD-CMD-17, BUD-PLN-20, BUD-EVT-04 */
static void shows_dialogs_and_misses_its_drive(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "xl", "t");
    run(&bench, 20);
    ask(&bench, COMMAND("START_PRINT", "\"path\":\"/usb/Box 0.2mm.gcode\""));
    run(&bench, 120);
    size_t from = bench.count;
    machine_set_fault(printer_machine(bench.printer), FAULT_FILAMENT_RUNOUT, true);
    run(&bench, 120);
    const char *changed =
        bench.seen[find(&bench, from, "\"code\":\"17829\",\"buttons\":[\"Continue\",\"Stop\"]")]
            .body;
    assert_has(changed, "\"state\":\"ATTENTION\",\"event\":\"STATE_CHANGED\"}");
    unsigned id = (unsigned)strtoul(strstr(changed, "\"dialog_id\":") + 12, NULL, 10);
    char command[160];
    snprintf(command, sizeof command,
             COMMAND("DIALOG_ACTION", "\"dialog_id\":%u,\"button\":\"Continue\""), id + 1);
    assert_has(ask(&bench, command), "\"reason\":\"Invalid dialog id\"");
    snprintf(command, sizeof command,
             COMMAND("DIALOG_ACTION", "\"dialog_id\":%u,\"button\":\"Yes\""), id);
    assert_has(ask(&bench, command), "\"reason\":\"Invalid button for dialog\"");
    snprintf(command, sizeof command,
             COMMAND("DIALOG_ACTION", "\"dialog_id\":%u,\"button\":\"Stop\""), id);
    assert_has(ask(&bench, command), "\"event\":\"FINISHED\"}");
    run(&bench, 60);
    from = bench.count;
    assert_true(machine_detach(printer_machine(bench.printer), "usb", NULL));
    run(&bench, 5);
    assert_has(bench.seen[find(&bench, from, "\"event\":\"INFO\"")].body, "\"storages\":[],");
    end(&bench);
}

/* BUD-CMD-15 */
static void takes_a_new_token(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "mk4", "old");
    run(&bench, 20);
    size_t from = bench.count;
    ask(&bench, COMMAND("SET_TOKEN", "\"token\":\"new-token\""));
    size_t finished = find(&bench, from, "\"event\":\"FINISHED\"");
    assert_has(bench.seen[finished].head, "Token: new-token\r\n");
    assert_true(find(&bench, finished, "\"event\":\"INFO\"") == finished + 1);
    assert_string_equal(bench.token, "new-token");
    end(&bench);
}

/* BUD-PLN-11, -12, -13, BUD-HTTP-07, -08 */
static void backs_off(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {100, 200, 400, 800, 1600, 3200, 6400};
    struct bench bench;
    begin(&bench, "mk4", "t");
    bench.status = 503;
    run(&bench, 40);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        assert_has(bench.seen[i].body, "\"event\":\"INFO\"");
        assert_int_equal(bench.seen[i + 1].time_us - bench.seen[i].time_us,
                         MILLISECONDS(waits_ms[i]));
        assert_int_not_equal(bench.seen[i].connection, bench.seen[i + 1].connection);
    }
    bench.status = 0;
    run(&bench, 30);
    bench.event_status = 503;
    size_t from = bench.count;
    bench.command = COMMAND("PAUSE_PRINT", "");
    bench.command_id = 7;
    run(&bench, 20);
    assert_int_equal(count_of(&bench, from, "\"command_id\":7"), 5);
    bench.event_status = 500;
    from = bench.count;
    bench.command = COMMAND("PAUSE_PRINT", "");
    bench.command_id = 8;
    run(&bench, 20);
    assert_int_equal(count_of(&bench, from, "\"command_id\":8"), 1);
    end(&bench);
}

/* BUD-REG-01 to -03, -06, -07 */
static void registers(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, "mk4", NULL);
    run(&bench, 60);
    assert_has(bench.seen[0].head, "POST /p/register HTTP/1.1\r\nHost: connect\r\n");
    assert_null(strstr(bench.seen[0].head, "Fingerprint"));
    assert_has(bench.seen[0].body, "{\"sn\":\"4914-");
    assert_has(bench.seen[1].head, "\r\nCode: ABCDEFGHIJKLMNOPQRSTUVWXY\r\n");
    assert_string_equal(bench.code, "ABCDEFGHIJKLMNOPQRSTUVWXY");
    for (size_t i = 1; i < 5; i++) {
        assert_string_equal(bench.seen[i].target, "/p/register");
        assert_true(bench.seen[i].time_us - bench.seen[i - 1].time_us > SECONDS(5));
        assert_int_not_equal(bench.seen[i].connection, bench.seen[i - 1].connection);
    }
    assert_string_equal(bench.token, "abcdefghij1234567890");
    assert_string_equal(bench.seen[5].target, "/p/events");
    assert_has(bench.seen[5].head, "\r\nToken: abcdefghij1234567890\r\n");
    end(&bench);
}

/* BUD-TEL-10, BUD-EVT-08 and that every model gets along with its server */
static void all_models_talk(void **state)
{
    (void)state;
    for (size_t i = 0; i < model_count(); i++) {
        const struct model *model = model_at(i);
        if (strcmp(model->family, "buddy") != 0) {
            continue;
        }
        struct bench bench;
        begin(&bench, model->name, "t");
        run(&bench, 30);
        assert_true(bench.count > 5);
        char type[48];
        snprintf(type, sizeof type, "\"printer_type\":\"%d.%d.%d\"", model->type, model->version,
                 model->subversion);
        assert_has(bench.seen[0].body, type);
        bool five = model->mmu || model->buddy.tools == 5;
        assert_has(bench.seen[0].body, five ? "\"slots\":5}" : "\"slots\":1}");
        assert_true((strstr(bench.seen[2].body, "\"slot\":{\"1\":") != NULL) == five);
        assert_int_equal(connect_face_host(printer_connect_face(bench.printer)),
                         CONNECT_HOST_BUDDY);
        end(&bench);
    }
}

/* Vectors of connect-buddy.md 10.4. */
static void fingerprints_are_those_of_the_document(void **state)
{
    (void)state;
    static const uint8_t id[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t mac[6] = {0x00, 0x08, 0xdc, 0x11, 0x22, 0x33};
    char out[51];
    buddy_fingerprint(id, mac, "4587-27143200321230001", out);
    assert_string_equal(out, "DFETTFKBQQTMBQP3TULO7O2LCBI6GUE7BM7S360KQD78JTRUR5");
    buddy_fingerprint(id, mac, "CZPX1234X004XC12345", out);
    assert_string_equal(out, "VEUK3LVOUB3N66JJ18CKVB5PJT2G2NLKBET7BJQ49UGH432300");
}

static void short_names_are_those_of_fat(void **state)
{
    (void)state;
    static const struct {
        const char *name, *expected;
    } rows[] = {
        {"cube.gco", "CUBE.GCO"},
        {"Box 0.2mm.gcode", "BOX02M~1.GCO"},
        {"Box 0.2mm PLA.gcode", "BOX02M~2.GCO"},
        {"notes", "NOTES"},
        {"a,b.txt", "A_B~1.TXT"},
        {"příklad.gcode", "P__KLA~1.GCO"},
    };
    struct file_node *folder = file_node_folder("", false, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        file_node_add(folder, file_node_file(rows[i].name, false, 0, file_content_of_bytes("", 0)));
    }
    for (uint32_t i = 0; i < folder->child_count; i++) {
        char name[13];
        buddy_short_name(folder, i, name);
        assert_string_equal(name, rows[i].expected);
    }
    file_node_release(folder);
}

/* After five of a kind FatFs counts no further: it sums the long name up in UTF-16. */
static void short_names_of_many_alike_are_sums(void **state)
{
    (void)state;
    static const char *const expected[] = {"PARTNU~1.GCO", "PARTNU~2.GCO", "PARTNU~3.GCO",
                                           "PARTNU~4.GCO", "PARTNU~5.GCO", "PAR~E676.GCO",
                                           "PAR~4CD7.GCO", "PAR~62C6.GCO", "PAR~C867.GCO"};
    struct file_node *folder = file_node_folder("", false, 0);
    for (int i = 1; i <= 9; i++) {
        char name[32];
        snprintf(name, sizeof name, "part number %d.gcode", i);
        file_node_add(folder, file_node_file(name, false, 0, file_content_of_bytes("", 0)));
    }
    for (uint32_t i = 0; i < 9; i++) {
        char name[13];
        buddy_short_name(folder, i, name);
        assert_string_equal(name, expected[i]);
    }
    file_node_release(folder);
}

/* Over UTF-16, whatever the letters. */
static void the_sum_is_of_utf_16(void **state)
{
    (void)state;
    static const char *const names[] = {"café 😀 pa.gcode", "café 😀 pb.gcode", "café 😀 pc.gcode",
                                        "café 😀 pd.gcode", "café 😀 pe.gcode", "café 😀 part.gcode"};
    struct file_node *folder = file_node_folder("", false, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        file_node_add(folder, file_node_file(names[i], false, 0, file_content_of_bytes("", 0)));
    }
    char last[13] = "";
    for (uint32_t i = 0; i < folder->child_count; i++) {
        buddy_short_name(folder, i, last);
    }
    assert_string_equal(last, "CAF~3160.GCO");
    file_node_release(folder);
}

/* They stay when others go, and a new file takes the number that is free. */
static void short_names_stay(void **state)
{
    (void)state;
    struct storage storage;
    char name[13];
    storage_init(&storage, "usb", STORAGE_USB, NULL);
    static const char *const files[] = {"long name one.gcode", "long name two.gcode",
                                        "long name three.gcode"};
    static const char *const left[] = {"LONGNA~2.GCO", "LONGNA~3.GCO", "LONGNA~1.GCO"};
    for (size_t i = 0; i < 3; i++) {
        storage_put(&storage, files[i], file_content_of_bytes("", 0), 1);
    }
    buddy_short_name(storage.root, 2, name);
    assert_string_equal(name, "LONGNA~3.GCO");
    assert_int_equal(storage_remove(&storage, files[0], false, 1), STORAGE_OK);
    storage_put(&storage, "long name four.gcode", file_content_of_bytes("", 0), 1);
    for (uint32_t i = 0; i < 3; i++) {
        buddy_short_name(storage.root, i, name);
        assert_string_equal(name, left[i]);
    }
    storage_free(&storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_as_the_firmware_does),
        cmocka_unit_test(prints_pauses_resumes_and_stops),
        cmocka_unit_test(works_on_files),
        cmocka_unit_test(obeys_the_other_commands),
        cmocka_unit_test(shows_dialogs_and_misses_its_drive),
        cmocka_unit_test(takes_a_new_token),
        cmocka_unit_test(backs_off),
        cmocka_unit_test(registers),
        cmocka_unit_test(all_models_talk),
        cmocka_unit_test(fingerprints_are_those_of_the_document),
        cmocka_unit_test(short_names_are_those_of_fat),
        cmocka_unit_test(short_names_of_many_alike_are_sums),
        cmocka_unit_test(the_sum_is_of_utf_16),
        cmocka_unit_test(short_names_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
