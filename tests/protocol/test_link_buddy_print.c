/* Jobs, states and uploads of the Buddy dialect (prusalink.md 3.5, 3.9, 3.11, 5, flavour B). */
#include "tests/protocol/firmware_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/transfer.h"

static const char file[] = "/api/v1/files/usb/cube.gcode";

static void begin_with_file(struct firmware *printer)
{
    firmware_begin(printer, "mk4", 0);
    firmware_put(printer, "/usb/cube.gcode", firmware_gcode);
}

static int ask(struct firmware *printer, const char *method, const char *target)
{
    firmware_ask(printer, method, target, NULL, NULL);
    return printer->status;
}

static int tell(struct firmware *printer, const char *body)
{
    firmware_ask(printer, "POST", "/api/job", NULL, body);
    return printer->status;
}

static void assert_state(struct firmware *printer, const char *state, bool job)
{
    char text[48];
    snprintf(text, sizeof text, "\"state\":\"%s\"", state);
    firmware_ask(printer, "GET", "/api/v1/status", NULL, NULL);
    const char *body = firmware_body(printer);
    assert_text(body, text);
    assert_int_equal(strstr(body, "{\"job\":{\"id\":") != NULL, job);
    assert_int_equal(ask(printer, "GET", "/api/v1/job"), job ? 200 : 204);
}

/* ---- jobs ---- */

static void a_job_goes_through_its_states(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    assert_state(&printer, "IDLE", false);
    assert_int_equal(ask(&printer, "POST", file), 204);
    assert_text(buffer_text(&printer.reply), "Connection: close\r\n");
    firmware_run(&printer, 120);
    assert_state(&printer, "PRINTING", true);
    firmware_ask(&printer, "GET", "/api/v1/status", NULL, NULL);
    assert_null(strstr(firmware_body(&printer), "axis_x"));
    firmware_ask(&printer, "GET", "/api/v1/job", NULL, NULL);
    assert_text(
        firmware_body(&printer),
        "{\"id\":42,\"state\":\"PRINTING\",\"progress\":0.00,\"time_remaining\":900,"
        "\"time_printing\":120,\"file\":{\"refs\":{\"icon\":\"/thumb/s/usb/CUBE~1.GCO\","
        "\"thumbnail\":\"/thumb/l/usb/CUBE~1.GCO\",\"download\":\"/usb/CUBE~1.GCO\"},"
        "\"name\":\"CUBE~1.GCO\",\"display_name\":\"cube.gcode\",\"path\":\"/usb\",\"size\":");
    firmware_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_text(firmware_body(&printer),
                "{\"state\":\"Printing\",\"job\":{\"estimatedPrintTime\":1020,\"file\":{"
                "\"name\":\"cube.gcode\",\"path\":\"/usb/CUBE~1.GCO\",\"display\":\"cube.gcode\"}},"
                "\"progress\":{\"printTimeLeft\":900,\"completion\":0.00,\"printTime\":120}}");
    assert_int_equal(ask(&printer, "POST", file), 409); /* PL-FILE-17 */
    assert_int_equal(ask(&printer, "DELETE", file), 409);
    assert_text(buffer_text(&printer.reply), "File is busy");
    firmware_run(&printer, 1200);
    assert_state(&printer, "FINISHED", false);
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/job/42"), 409); /* PL-JOB-10 */
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/job/43"), 404);
    firmware_run(&printer, 3600);
    assert_state(&printer, "FINISHED", false); /* PL-STAT-13 */
    assert_int_equal(ask(&printer, "DELETE", file), 204);
    assert_state(&printer, "IDLE", false);
    firmware_end(&printer);
}

static void pause_and_resume_show_when_the_document_says(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    ask(&printer, "POST", file);
    firmware_run(&printer, 120);
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42/resume"), 409);
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42/pause"), 204);
    assert_state(&printer, "PAUSED", true); /* at once, though the head is still on its way */
    firmware_ask(&printer, "GET", "/api/printer", NULL, NULL);
    assert_text(firmware_body(&printer), "\"link_state\":\"PAUSED\",\"operational\":false,"
                                         "\"paused\":true,\"printing\":true,\"cancelling\":false,"
                                         "\"pausing\":true");
    assert_int_equal(tell(&printer, "{\"command\":\"pause\",\"action\":\"resume\"}"), 409);
    firmware_run(&printer, 30);
    firmware_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_text(firmware_body(&printer), "{\"state\":\"Paused\"");
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42/pause"), 409);
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42/resume"), 204);
    firmware_run(&printer, 0.1);
    assert_state(&printer, "PAUSED", true); /* until the head is back */
    firmware_run(&printer, 60);
    assert_state(&printer, "PRINTING", true);
    assert_int_equal(tell(&printer, "{\"command\":\"pause\",\"action\":\"toggle\"}"), 204);
    firmware_run(&printer, 30);
    assert_state(&printer, "PAUSED", true);
    assert_int_equal(tell(&printer, "{\"command\":\"cancel\"}"), 204);
    assert_state(&printer, "PRINTING", true); /* while it aborts: PL-JOB-16 */
    firmware_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_text(firmware_body(&printer), "{\"state\":\"Cancelling\"");
    assert_int_equal(tell(&printer, "{\"command\":\"pause\",\"action\":\"pause\"}"), 409);
    firmware_run(&printer, 60);
    assert_state(&printer, "STOPPED", false);
    assert_int_equal(ask(&printer, "POST", file), 204); /* PL-FILE-18 */
    firmware_run(&printer, 60);
    assert_state(&printer, "PRINTING", true);
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42/pause"), 404);
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/job/43"), 204);
    firmware_end(&printer);
}

static void commands_have_forms(void **state)
{
    (void)state;
    struct firmware printer;
    char big[128];
    begin_with_file(&printer);
    ask(&printer, "POST", file);
    firmware_run(&printer, 60);
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42/continue"), 400);
    assert_int_equal(ask(&printer, "PUT", "/api/v1/job/42"), 400);
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/job/abc"), 400);
    assert_int_equal(ask(&printer, "GET", "/api/v1/job/42abc"), 405);
    assert_int_equal(ask(&printer, "GET", "/api/v1/job/41"), 404);
    assert_int_equal(ask(&printer, "POST", "/api/v1/job"), 405);
    assert_int_equal(tell(&printer, "{\"command\":\"start\"}"), 400);
    assert_string_equal(firmware_body(&printer),
                        "{\"title\": \"400: Bad Request\",\"message\":\"\"}"); /* quirk 22 */
    printer.settings.quirks &= ~(UINT64_C(1) << 22);
    tell(&printer, "{\"command\":\"start\"}");
    assert_string_equal(firmware_body(&printer), "400: Bad Request\n\nUnknown job command\n");
    tell(&printer, "nonsense");
    assert_string_equal(firmware_body(&printer), "400: Bad Request\n\nCouldn't parse JSON\n");
    memset(big, ' ', sizeof big);
    big[101] = '\0';
    assert_int_equal(tell(&printer, big), 413);
    tell(&printer, "{\"a\":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]}");
    assert_text(firmware_body(&printer), "Too many JSON tokens");
    assert_int_equal(ask(&printer, "POST", "/api/job"), 411);
    assert_int_equal(ask(&printer, "PUT", "/api/job"), 405);
    firmware_end(&printer);
}

static void files_are_started_by_the_old_way_too(void **state)
{
    (void)state;
    struct firmware printer;
    static const char start[] = "{\"command\": \"start\"}";
    begin_with_file(&printer);
    firmware_ask(&printer, "POST", "/api/files/usb/no.gcode", NULL, start);
    assert_text(buffer_text(&printer.reply), "404: Not Found\n\nGcode doesn't exist\n");
    firmware_ask(&printer, "POST", "/api/files/usb/CUBE~1.GCO", NULL,
                 "{\"command\":     \"start\"}  ");
    assert_int_equal(printer.status, 413);
    firmware_ask(&printer, "POST", "/api/files/usb/CUBE~1.GCO",
                 "Content-Type: multipart/form-data; boundary=x\r\n", start);
    assert_int_equal(printer.status, 410);
    firmware_ask(&printer, "POST", "/api/files/usb/usb/CUBE~1.GCO", NULL, start); /* quirk 27 */
    assert_int_equal(printer.status, 204);
    firmware_ask(&printer, "POST", "/api/files/usb/CUBE~1.GCO", NULL, start);
    assert_text(buffer_text(&printer.reply), "409: Conflict\n\nCan't start print now\n");
    firmware_end(&printer);
}

static void attention_is_a_paused_job(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    ask(&printer, "POST", file);
    firmware_run(&printer, 120);
    machine_set_fault(printer.machine, FAULT_FILAMENT_RUNOUT, true);
    firmware_run(&printer, 60);
    assert_state(&printer, "ATTENTION", true);
    firmware_ask(&printer, "GET", "/api/v1/job", NULL, NULL);
    assert_text(firmware_body(&printer), "\"state\":\"PAUSED\"");
    firmware_ask(&printer, "GET", "/api/printer", NULL, NULL);
    assert_text(firmware_body(&printer), "\"link_state\":\"ATTENTION\"");
    firmware_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_text(firmware_body(&printer), "{\"state\":\"Error\",\"job\":{");
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/job/42"), 204); /* PL-JOB-12 */
    firmware_run(&printer, 60);
    assert_state(&printer, "STOPPED", false);
    firmware_end(&printer);
}

/* It is accepted, and asked about on the screen, where PrusaLink cannot answer (PFB:
 * src/common/marlin_client.cpp, is_print_started). */
static void a_broken_file_is_a_job_that_asks(void **state)
{
    (void)state;
    struct firmware printer;
    static const char broken[] = "/api/v1/files/usb/broken.bgcode";
    firmware_begin(&printer, "mk4", 0);
    firmware_put(&printer, "/usb/broken.bgcode", "no binary g-code");
    for (uint16_t job = 42; job < 45; job++) {
        char path[48];
        if (job == 42) {
            assert_int_equal(ask(&printer, "POST", broken), 204);
        } else if (job == 43) {
            firmware_ask(&printer, "POST", "/api/files/usb/broken.bgcode", NULL,
                         "{\"command\":\"start\"}");
            assert_int_equal(printer.status, 204);
        } else {
            firmware_ask(&printer, "PUT", broken, "Overwrite: ?1\r\nPrint-After-Upload: ?1\r\n",
                         "GCDE");
            assert_int_equal(printer.status, 201);
        }
        firmware_run(&printer, 5);
        assert_state(&printer, "ATTENTION", true);
        firmware_ask(&printer, "GET", "/api/v1/job", NULL, NULL);
        assert_text(firmware_body(&printer), "\"display_name\":\"broken.bgcode\"");
        assert_int_equal(ask(&printer, "POST", broken), 409);
        assert_int_equal(ask(&printer, "DELETE", broken), 409);
        snprintf(path, sizeof path, "/api/v1/job/%u", job);
        assert_int_equal(ask(&printer, "DELETE", path), 204);
        assert_state(&printer, "IDLE", false);
    }
    assert_int_equal(ask(&printer, "DELETE", broken), 204);
    firmware_end(&printer);
}

static void ready_is_idle_and_a_halted_printer_is_dumb(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    assert_int_equal(machine_set_ready(printer.machine, true), MACHINE_ACCEPTED);
    assert_state(&printer, "IDLE", false); /* PL-STAT-12 */
    assert_int_equal(ask(&printer, "POST", file), 204);
    machine_set_fault(printer.machine, FAULT_NOZZLE_THERMISTOR_OPEN, true);
    firmware_run(&printer, 60);
    assert_int_equal(machine_state(printer.machine), STATE_ERROR);
    assert_int_equal(ask(&printer, "GET", "/api/v1/status"), 0);
    firmware_end(&printer);
}

/* Between the reset and the first confirmed line. */
static void a_booting_printer_is_busy(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    machine_reset(printer.machine);
    for (int i = 0; i < 100 && machine_state(printer.machine) != STATE_BUSY; i++) {
        firmware_run(&printer, 0.1);
    }
    assert_state(&printer, "BUSY", false);
    assert_int_equal(ask(&printer, "POST", file), 409);
    firmware_end(&printer);
}

/* ---- uploads ---- */

static void an_upload_is_answered_with_its_file(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    static const char target[] =
        "/api/v1/files/usb//new/deep/%C5%BElu%C5%A5ou%C4%8Dk%C3%BD%20k.gcode";
    const char *answer = firmware_ask(&printer, "PUT", target, NULL, "G28\n");
    assert_text(answer, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                        "Connection: close\r\nRead-Only: false\r\nCurrently-Printing: false\r\n\r\n"
                        "{\"name\":\"");
    assert_text(answer, "\"size\":4,");
    assert_text(answer, "\"display_name\":\"\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd k.gcode\"}");
    assert_text(firmware_tree(&printer),
                "/usb/new/deep/\xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd k.gcode ");
    const char *ref = strstr(answer, "\"download\":\"") + 12;
    char download[128];
    snprintf(download, sizeof download, "%.*s", (int)strcspn(ref, "\""), ref);
    assert_text(firmware_ask(&printer, "GET", download, NULL, NULL),
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                "Connection: keep-alive\r\nContent-Length: 4\r\n"
                "Content-Disposition: attachment\r\n\r\nG28\n");
    firmware_end(&printer);
}

static const char *put(struct firmware *printer, const char *name, const char *headers,
                       const char *body)
{
    char target[256];
    snprintf(target, sizeof target, "/api/v1/files/usb/%s", name);
    return firmware_ask(printer, "PUT", target, headers, body);
}

static void names_and_lengths_are_refused(void **state)
{
    (void)state;
    struct firmware printer;
    char name[128];
    firmware_begin(&printer, "mk4", 0);
    assert_text(put(&printer, "x.txt", NULL, "G28"),
                "415: Unsupported Media Type\n\nNot a GCODE\n");
    assert_text(put(&printer, "x.bbf", NULL, "G28"), "Not a GCODE");
    static const char *const good[] = {"X.BGCODE", "x.gco", "x.g", "x.gc", "x.bgc"};
    for (size_t i = 0; i < 5; i++) {
        put(&printer, good[i], "Content-Type: whatever\r\n", "G28");
        assert_int_equal(printer.status, 201);
    }
    assert_text(put(&printer, "a%3Fb.gcode", NULL, "G28"),
                "422: Unprocessable Entity\n\nFilename contains invalid characters\n");
    put(&printer, "a%5Cb.gcode", NULL, "G28");
    assert_int_equal(printer.status, 422);
    put(&printer, "a.gcode", NULL, NULL);
    assert_int_equal(printer.status, 411);
    put(&printer, "a.gcode", "Transfer-Encoding: chunked\r\n", NULL);
    assert_int_equal(printer.status, 411);
    assert_text(put(&printer, "a.gcode", NULL, ""), "501: Not Implemented\n\n0-sized files aren't");
    put(&printer, "a.gcode", "Content-Length: many\r\n", NULL);
    assert_int_equal(printer.status, 400);
    memset(name, 'n', sizeof name);
    snprintf(name + 92, 8, ".gcode"); /* 103 with "/usb/" */
    put(&printer, name, NULL, "G28");
    assert_int_equal(printer.status, 201);
    snprintf(name + 93, 8, ".gcode");
    put(&printer, name, NULL, "G28"); /* quirk 25 */
    assert_int_equal(printer.status, 415);
    printer.settings.quirks &= ~(UINT64_C(1) << 25);
    put(&printer, name, NULL, "G28");
    assert_int_equal(printer.status, 201);
    assert_text(put(&printer, "x.g/y.gcode", NULL, "G28"),
                "409: Conflict\n\nConflicting upload path\n");
    assert_null(strstr(firmware_tree(&printer), ".tmp"));
    firmware_end(&printer);
}

static void what_is_there_is_kept_unless_told_otherwise(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    static const char *const not_quite[] = {NULL, "Overwrite: ?0\r\n", "Overwrite: true\r\n"};
    for (size_t i = 0; i < 3; i++) {
        assert_text(put(&printer, "CUBE.gcode", not_quite[i], "new\n"), "File already exists");
        assert_int_equal(printer.status, 409);
    }
    put(&printer, "Cube.gcode", "OVERWRITE: ?1\r\n", "new\n");
    assert_int_equal(printer.status, 201);
    assert_string_equal(firmware_tree(&printer), "/usb/Cube.gcode ");
    assert_int_equal(machine_make_folder(printer.machine, "/usb/f.gcode"), STORAGE_OK);
    assert_text(put(&printer, "f.gcode", NULL, "x"), "File already exists");
    assert_text(put(&printer, "f.gcode", "Overwrite: ?1\r\n", "x"),
                "409: Conflict\n\nIs a directory or ongoing transfer\n");
    put(&printer, "p.gcode", NULL, firmware_gcode);
    ask(&printer, "POST", "/api/v1/files/usb/p.gcode");
    assert_text(put(&printer, "P.GCODE", "Overwrite: ?1\r\n", "x"), "File is busy");
    assert_text(firmware_ask(&printer, "HEAD", "/api/v1/files/usb/p.gcode", NULL, NULL),
                "Currently-Printing: true\r\n");
    firmware_end(&printer);
}

static void an_upload_may_be_printed(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    put(&printer, "a.gcode", "Print-After-Upload: ?0\r\n", firmware_gcode);
    assert_state(&printer, "IDLE", false);
    put(&printer, "b.gcode", "Print-After-Upload: true\r\n", firmware_gcode); /* PL-UPL-24 */
    assert_int_equal(printer.status, 201);
    assert_state(&printer, "PRINTING", true);
    assert_text(put(&printer, "c.gcode", "Print-After-Upload: ?1\r\n", firmware_gcode),
                "409: Conflict\n\nCan't print right now\n"); /* PL-UPL-06 */
    assert_text(firmware_tree(&printer), "/usb/c.gcode ");
    firmware_end(&printer);
}

/* A client that has sent half of a body of 1000 bytes. */
static struct firmware_client *half_sent(struct firmware *printer, const char *name)
{
    char text[512];
    struct firmware_client *client = firmware_connect(printer);
    snprintf(text, sizeof text,
             "PUT /api/v1/files/usb/%s HTTP/1.1\r\nX-Api-Key: %s\r\nContent-Length: 1000\r\n\r\n",
             name, link_face_api_key(printer->face));
    firmware_send(client, text);
    memset(text, ';', 500);
    firmware_send_bytes(client, text, 500);
    return client;
}

static void a_transfer_is_seen_and_is_the_only_one(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    struct firmware_client *first = half_sent(&printer, "slow%20one.gcode");
    firmware_run(&printer, 4);
    firmware_ask(&printer, "GET", "/api/v1/transfer", NULL, NULL);
    assert_string_equal(
        firmware_body(&printer),
        "{\"type\":\"FROM_CLIENT\",\"display_name\":\"slow one.gcode\",\"path\":\"/usb\","
        "\"size\":\"1000\",\"progress\":0.50,\"transferred\":500,"
        "\"time_remaining\":4,\"time_transferring\":4,\"to_print\":false}");
    firmware_ask(&printer, "GET", "/api/v1/status", NULL, NULL);
    assert_text(firmware_body(&printer),
                ",\"time_transferring\":4,\"progress\":0.50,\"transferred\":500},\"printer\":{");
    firmware_ask(&printer, "GET", "/api/transfer", NULL, NULL);
    assert_text(
        firmware_body(&printer),
        "{\"target\":\"usb\",\"type\":\"FROM_CLIENT\",\"size\":\"1000\",\"start_time\":\"17672256");
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/transfer"), 405);
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/transfer/1"), 404);
    assert_text(put(&printer, "slow%20one.gcode", NULL, "x"),
                "409: Conflict\n\nAnother transfer in progress\n");
    assert_int_equal(ask(&printer, "GET", "/api/v1/files/usb/slow%20one.gcode"), 404);
    char rest[500];
    memset(rest, ';', sizeof rest);
    firmware_send_bytes(first, rest, sizeof rest);
    assert_text(buffer_text(&first->received), "201 Created");
    assert_int_equal(ask(&printer, "GET", "/api/v1/transfer"), 204);
    assert_int_equal(ask(&printer, "DELETE", "/api/v1/transfer"), 204);
    assert_string_equal(firmware_tree(&printer), "/usb/slow one.gcode ");
    firmware_end(&printer);
}

static void nothing_is_left_of_what_was_cut(void **state)
{
    (void)state;
    struct firmware printer;
    begin_with_file(&printer);
    static const char kept[] = "/usb/cube.gcode ";
    firmware_close(half_sent(&printer, "a.gcode"));
    assert_string_equal(firmware_tree(&printer), kept);
    struct firmware_client *client = half_sent(&printer, "a.gcode");
    firmware_half_close(client);
    assert_text(buffer_text(&client->received),
                "400: Bad Request\n\nConnection closed by client\n");
    assert_string_equal(firmware_tree(&printer), kept);
    client = half_sent(&printer, "a.gcode");
    stream_reset(client->stream);
    client->stream = NULL;
    firmware_run(&printer, 0);
    assert_string_equal(firmware_tree(&printer), kept);
    client = half_sent(&printer, "a.gcode");
    firmware_run(&printer, 9.9);
    assert_int_equal(client->received.size, 0);
    firmware_run(&printer, 0.2);
    assert_text(buffer_text(&client->received), "408: Request Timeout\n\nConnection timeout\n");
    assert_string_equal(firmware_tree(&printer), kept);
    client = half_sent(&printer, "a.gcode");
    assert_true(machine_transfer_stop(printer.machine));
    firmware_send(client, ";");
    assert_text(buffer_text(&client->received), "Upload stopped from connect");
    assert_string_equal(firmware_tree(&printer), kept);
    put(&printer, "a.gcode", NULL, "G28\n");
    assert_int_equal(printer.status, 201);
    firmware_end(&printer);
}

static void a_full_drive_is_told_at_once(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 1200);
    put(&printer, "a.gcode", NULL, "G28\n");
    assert_int_equal(printer.status, 201);
    struct firmware_client *client = firmware_connect(&printer);
    char text[512];
    snprintf(
        text, sizeof text,
        "PUT /api/v1/files/usb/b.gcode HTTP/1.1\r\nX-Api-Key: %s\r\nContent-Length: 5000\r\n\r\n",
        link_face_api_key(printer.face));
    firmware_send(client, text);
    assert_text(buffer_text(&client->received), "507: Insufficient Storage\n\nUSB drive full\n");
    assert_int_equal(ask(&printer, "GET", "/api/v1/transfer"), 204);
    assert_string_equal(firmware_tree(&printer), "/usb/a.gcode ");
    client = half_sent(&printer, "c.gcode");
    assert_true(machine_detach(printer.machine, "usb", NULL));
    firmware_send(client, ";");
    assert_text(buffer_text(&client->received), "507: Insufficient Storage\n\nUSB write error");
    firmware_end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_goes_through_its_states),
        cmocka_unit_test(pause_and_resume_show_when_the_document_says),
        cmocka_unit_test(commands_have_forms),
        cmocka_unit_test(files_are_started_by_the_old_way_too),
        cmocka_unit_test(attention_is_a_paused_job),
        cmocka_unit_test(a_broken_file_is_a_job_that_asks),
        cmocka_unit_test(ready_is_idle_and_a_halted_printer_is_dumb),
        cmocka_unit_test(a_booting_printer_is_busy),
        cmocka_unit_test(an_upload_is_answered_with_its_file),
        cmocka_unit_test(names_and_lengths_are_refused),
        cmocka_unit_test(what_is_there_is_kept_unless_told_otherwise),
        cmocka_unit_test(an_upload_may_be_printed),
        cmocka_unit_test(a_transfer_is_seen_and_is_the_only_one),
        cmocka_unit_test(nothing_is_left_of_what_was_cut),
        cmocka_unit_test(a_full_drive_is_told_at_once),
    };
    return cmocka_run_group_tests_name("link_buddy_print", tests, NULL, NULL);
}
