/* One printer, seen by Connect and by PrusaLink at once: both tell the same, and what one of them
 * does the other one sees. */
#include "tests/protocol/buddy_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/link/link.h"
#include "tests/golden/flat_json.h"

struct both {
    struct bench bench;
    struct link_settings settings;
    struct link_face *face;
    struct http_server *server;
    struct buffer request, answer;
    struct stream *stream;
    int status;
};

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct both *both = owner;
    buffer_append(&both->answer, bytes, size);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    struct both *both = owner;
    (void)end;
    (void)why;
    both->stream = NULL;
}

static const struct stream_events client_events = {.received = on_received, .ended = on_ended};
static const struct endpoint place = {.host = "printer", .port = 80};

static struct connect_face *connect_of(void *owner, bool make)
{
    (void)make;
    return printer_connect_face(((struct both *)owner)->bench.printer);
}

static void begin_both(struct both *both)
{
    *both = (struct both){.status = 0};
    begin_with_file(&both->bench, "mk4",
                    "G28\nM73 P0 R60\nG4 S60\nM73 P10 R50\nG4 S3000\nM73 P100 R0\n");
    struct network *network = memory_network_face(both->bench.network);
    link_settings_defaults(&both->settings);
    both->face = link_face_new(&both->bench.world, machine_of(&both->bench), &both->settings, "it");
    link_face_set_connect(both->face, connect_of, both);
    both->server = http_server_new(&both->bench.world, network, link_face_service(both->face),
                                   link_face_limits(both->face));
    struct endpoint at = place;
    assert_true(http_server_listen(both->server, &at, NULL));
    run(&both->bench, 30);
}

static void end_both(struct both *both)
{
    if (both->stream != NULL) {
        stream_reset(both->stream);
    }
    http_server_destroy(both->server);
    link_face_destroy(both->face);
    buffer_free(&both->request);
    buffer_free(&both->answer);
    end(&both->bench);
}

/* Leaves the connection open; `size`: the length that it announces. */
static void send_link(struct both *both, const char *method, const char *target, const char *body,
                      size_t size)
{
    buffer_clear(&both->request);
    buffer_clear(&both->answer);
    buffer_format(&both->request,
                  "%s %s HTTP/1.1\r\nX-Api-Key: %s\r\nContent-Length: %zu\r\n\r\n%s", method,
                  target, link_face_api_key(both->face), size, body);
    if (both->stream == NULL) {
        both->stream =
            network_connect(memory_network_face(both->bench.network), &place, &client_events, both);
    }
    run(&both->bench, 0);
    stream_send(both->stream, both->request.bytes, both->request.size);
    run(&both->bench, 0.01);
    both->status = 0;
    sscanf(buffer_text(&both->answer), "HTTP/1.%*d %d", &both->status);
}

/* The body of the answer. */
static const char *ask_link(struct both *both, const char *method, const char *target)
{
    send_link(both, method, target, "", 0);
    const char *body = strstr(buffer_text(&both->answer), "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    if (strstr(buffer_text(&both->answer), "\r\nTransfer-Encoding: chunked\r\n") == NULL) {
        return body;
    }
    buffer_clear(&both->request);
    for (size_t size; (size = strtoul(body, NULL, 16)) > 0;) { /* documents come in chunks */
        body = strstr(body, "\r\n") + 2;
        buffer_append(&both->request, body, size);
        body += size + 2;
    }
    return buffer_text(&both->request);
}

static void value_of(const char *json, const char *name, char *out, size_t size)
{
    struct flat_json flat = flat_json(json);
    flat_member(&flat, name, out, size);
    flat_json_free(&flat);
}

/* What Connect was told last. */
static void told(const struct both *both, const char *name, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = both->bench.count; i > 0 && out[0] == '\0'; i--) {
        if (strcmp(both->bench.seen[i - 1].target, "/p/telemetry") == 0) {
            value_of(both->bench.seen[i - 1].body, name, out, size);
        }
    }
}

static void agree(struct both *both, const char *connect, const char *link, double tolerance)
{
    char there[64], here[64];
    told(both, connect, there, sizeof there);
    value_of(ask_link(both, "GET", "/api/v1/status"), link, here, sizeof here);
    assert_int_equal(both->status, 200);
    if (there[0] == '\0' || here[0] == '\0' ||
        (tolerance < 0 ? strcmp(there, here) != 0
                       : fabs(strtod(there, NULL) - strtod(here, NULL)) > tolerance)) {
        fail_msg("%s is %s to Connect, %s is %s to PrusaLink", connect, there, link, here);
    }
}

static void agree_on_state(struct both *both, const char *state)
{
    char told_state[32];
    agree(both, "state", "printer.state", -1);
    told(both, "state", told_state, sizeof told_state);
    assert_string_equal(told_state, state);
}

static void figures_are_the_same(void **state)
{
    (void)state;
    struct both both;
    begin_both(&both);
    agree_on_state(&both, "IDLE");
    send_link(&both, "POST", "/api/v1/files/usb/print.gcode", "", 0);
    assert_int_equal(both.status, 204);
    run(&both.bench, 100);
    agree_on_state(&both, "PRINTING");
    static const struct {
        const char *connect, *link;
        double tolerance;
    } figures[] = {
        {"job_id", "job.id", 0},
        {"progress", "job.progress", 0},
        {"time_printing", "job.time_printing", 4},
        {"time_remaining", "job.time_remaining", 60},
        {"temp_nozzle", "printer.temp_nozzle", 1},
        {"temp_bed", "printer.temp_bed", 1},
        {"target_nozzle", "printer.target_nozzle", 0},
        {"target_bed", "printer.target_bed", 0},
        {"axis_z", "printer.axis_z", 0.1},
        {"speed", "printer.speed", 0},
        {"flow", "printer.flow", 0},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        agree(&both, figures[i].connect, figures[i].link, figures[i].tolerance);
    }
    end_both(&both);
}

static void each_sees_what_the_other_orders(void **state)
{
    (void)state;
    struct both both;
    char path[64];
    begin_both(&both);
    assert_has(ask(&both.bench, COMMAND("START_PRINT", "\"path\":\"/usb/print.gcode\"")),
               "JOB_INFO");
    run(&both.bench, 30);
    agree_on_state(&both, "PRINTING");
    agree(&both, "job_id", "job.id", 0);
    send_link(&both, "POST", "/api/v1/files/usb/print.gcode", "", 0);
    assert_int_equal(both.status, 409);
    assert_has(ask(&both.bench, COMMAND("PAUSE_PRINT", "")), "FINISHED");
    run(&both.bench, 30);
    agree_on_state(&both, "PAUSED");
    unsigned id = machine_last_job(machine_of(&both.bench));
    snprintf(path, sizeof path, "/api/v1/job/%u/resume", id);
    send_link(&both, "PUT", path, "", 0);
    assert_int_equal(both.status, 204);
    run(&both.bench, 60);
    agree_on_state(&both, "PRINTING");
    snprintf(path, sizeof path, "/api/v1/job/%u", id);
    send_link(&both, "DELETE", path, "", 0);
    assert_int_equal(both.status, 204);
    run(&both.bench, 90);
    agree_on_state(&both, "STOPPED");
    assert_has(ask(&both.bench, COMMAND("SET_PRINTER_READY", "")), "FINISHED");
    run(&both.bench, 10);
    char word[32];
    told(&both, "state", word, sizeof word);
    assert_string_equal(word, "READY");
    value_of(ask_link(&both, "GET", "/api/v1/status"), "printer.state", word, sizeof word);
    assert_string_equal(word, "IDLE"); /* only Connect sees it (prusalink.md 5.1) */
    end_both(&both);
}

/* A name that Connect gives to the printer is its name on the web as well. */
static void they_have_one_name(void **state)
{
    (void)state;
    struct both both;
    char name[64];
    begin_both(&both);
    value_of(ask_link(&both, "GET", "/api/version"), "hostname", name, sizeof name);
    assert_string_equal(name, "prusa-mk4");
    assert_has(ask(&both.bench, COMMAND("SET_VALUE", "\"hostname\":\"bench-7\"")), "FINISHED");
    value_of(ask_link(&both, "GET", "/api/version"), "hostname", name, sizeof name);
    assert_string_equal(name, "bench-7");
    assert_has(ask(&both.bench, COMMAND("SEND_INFO", "")), "\"hostname\":\"bench-7\"");
    end_both(&both);
}

/* There is one place for a transfer, whoever begins it. */
static void they_share_one_transfer(void **state)
{
    (void)state;
    struct both both;
    begin_both(&both);
    send_link(&both, "PUT", "/api/v1/files/usb/new.gcode", "G28\n", 8);
    assert_int_equal(both.status, 0);
    run(&both.bench, 3);
    char there[32], name[64];
    told(&both, "transfer_id", there, sizeof there);
    assert_int_not_equal(strtoul(there, NULL, 10), 0);
    size_t from = both.bench.count;
    ask(&both.bench, COMMAND("SEND_TRANSFER_INFO", ""));
    assert_has(both.bench.seen[find(&both.bench, from, "TRANSFER_INFO")].body, "new.gcode");
    stream_send(both.stream, "G29\n", 4);
    run(&both.bench, 5);
    assert_has(buffer_text(&both.answer), "HTTP/1.1 201 Created");
    const char *file = ask(&both.bench, COMMAND("SEND_FILE_INFO", "\"path\":\"/usb/new.gcode\""));
    assert_has(file, "\"size\":8");
    value_of(ask_link(&both, "GET", "/api/v1/files/usb/new.gcode"), "name", name, sizeof name);
    struct buffer same = {0};
    buffer_format(&same, "\"path\":\"/usb/%s\"", name);
    assert_has(file, buffer_text(&same));
    buffer_free(&same);
    assert_has(ask(&both.bench, COMMAND("DELETE_FILE", "\"path\":\"/usb/new.gcode\"")),
               "FILE_CHANGED");
    ask_link(&both, "GET", "/api/v1/files/usb/new.gcode");
    assert_int_equal(both.status, 404);
    end_both(&both);
}

static void connect_stops_an_upload_of_prusalink(void **state)
{
    (void)state;
    struct both both;
    begin_both(&both);
    send_link(&both, "PUT", "/api/v1/files/usb/new.gcode", "G28\n", 8);
    run(&both.bench, 2);
    size_t from = both.bench.count;
    assert_has(ask(&both.bench, COMMAND("STOP_TRANSFER", "")), "FINISHED");
    stream_send(both.stream, "G29\n", 4);
    run(&both.bench, 5);
    assert_has(buffer_text(&both.answer), "Upload stopped from connect");
    find(&both.bench, from, "TRANSFER_");
    ask_link(&both, "GET", "/api/v1/files/usb/new.gcode");
    assert_int_equal(both.status, 404);
    end_both(&both);
}

/* No file comes, nor a word: it goes on until somebody stops it. */
static void never_answers(void *service, struct http_exchange *exchange,
                          const struct http_message *message)
{
    (void)service;
    (void)exchange;
    (void)message;
}

static void a_download_for_connect_is_seen_and_stopped(void **state)
{
    (void)state;
    struct both both;
    char there[32], here[32];
    const struct http_service silent = {.request = never_answers};
    struct endpoint files = {.host = "connect", .port = 9};
    begin_both(&both);
    struct http_server *server =
        http_server_new(&both.bench.world, memory_network_face(both.bench.network), &silent, NULL);
    assert_true(http_server_listen(server, &files, NULL));
    const char *answer =
        ask(&both.bench, COMMAND("START_ENCRYPTED_DOWNLOAD",
                                 "\"path\":\"/usb/far.gcode\",\"orig_size\":1000,"
                                 "\"key\":\"000102030405060708090a0b0c0d0e0f\","
                                 "\"iv\":\"000102030405060708090a0b0c0d0e0f\",\"port\":9"));
    assert_has(answer, "TRANSFER_INFO");
    told(&both, "transfer_id", there, sizeof there);
    ask_link(&both, "GET", "/api/v1/transfer");
    assert_int_equal(both.status, 200);
    value_of(ask_link(&both, "GET", "/api/v1/status"), "transfer.id", here, sizeof here);
    assert_string_equal(there, here);
    send_link(&both, "PUT", "/api/v1/files/usb/new.gcode", "G28\n", 4);
    assert_int_equal(both.status, 409);
    if (both.stream != NULL) {
        stream_reset(both.stream);
        both.stream = NULL;
    }
    ask_link(&both, "DELETE", "/api/v1/transfer");
    assert_int_equal(both.status, 405); /* PrusaLink of Buddy cannot stop it */
    size_t from = both.bench.count;
    assert_has(ask(&both.bench, COMMAND("STOP_TRANSFER", "")), "FINISHED");
    find(&both.bench, from, "TRANSFER_STOPPED");
    ask_link(&both, "GET", "/api/v1/transfer");
    assert_int_equal(both.status, 204);
    http_server_destroy(server);
    end_both(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_the_same),
        cmocka_unit_test(each_sees_what_the_other_orders),
        cmocka_unit_test(they_have_one_name),
        cmocka_unit_test(they_share_one_transfer),
        cmocka_unit_test(connect_stops_an_upload_of_prusalink),
        cmocka_unit_test(a_download_for_connect_is_seen_and_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
