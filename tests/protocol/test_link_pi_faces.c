/* The two faces of an MK3S with a PrusaLink: what its user does on the web, and what Connect does,
 * shows on the other side; cameras, registration, updates (prusalink.md 3.13, 3.14, 4.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/base/memory.h"
#include "sim/printer/printer.h"

#define KEY "key-of-a-test"

struct bed {
    struct world world;
    struct memory_network *network;
    struct http_service connect;
    struct http_server *connect_server;
    struct buffer told;  /* what Connect was told, a line each */
    const char *command; /* the next telemetry gets it; NULL: none */
    int info_status;     /* of GET /info */
    int register_status; /* of POST /p/register */
    bool gives_token;    /* to who polls */
    bool takes_cameras;
    bool silent;          /* does not answer who looks whether it is there */
    int telemetry_status; /* of what has no command */
    unsigned pictures, commands;
    struct printer_cameras cameras;
    struct link_settings settings;
    struct connect_face_settings face;
    struct printer *printer;
    struct buffer answer;
    int status;
};

/* --- Connect --- */

static void tell(struct bed *bed, const struct http_message *message)
{
    buffer_append(&bed->told, message->target.bytes, message->target.size);
    buffer_append_char(&bed->told, ' ');
    if (message->body.size < 4096 && !slice_is(message->target, "/c/snapshot")) {
        buffer_append(&bed->told, message->body.bytes, message->body.size);
    }
    buffer_append_char(&bed->told, '\n');
}

static void serve(void *owner, struct http_exchange *exchange, const struct http_message *message)
{
    struct bed *bed = owner;
    struct http_reply reply = {.status = 204};
    char id[16];
    tell(bed, message);
    if (slice_is(message->target, "/info")) {
        reply.status = bed->silent ? 0 : bed->info_status;
        reply.after = bed->silent ? HTTP_AFTER_STALL : HTTP_AFTER_KEEP;
    } else if (slice_is(message->target, "/p/register") && slice_is(message->method, "POST")) {
        reply.status = bed->register_status;
        http_reply_header(&reply, "Code", "CODE123");
    } else if (slice_is(message->target, "/p/register")) {
        reply.status = bed->gives_token ? 200 : 202;
        if (bed->gives_token) {
            http_reply_header(&reply, "Token", "a-token");
        }
    } else if (slice_is(message->target, "/p/camera")) {
        reply.status = bed->takes_cameras ? 200 : 400;
        http_reply_header(&reply, "Token", "cam-token");
    } else if (slice_is(message->target, "/c/snapshot")) {
        bed->pictures++;
    } else if (slice_is(message->target, "/p/telemetry") && bed->command != NULL) {
        reply.status = 200;
        snprintf(id, sizeof id, "%u", ++bed->commands);
        http_reply_header(&reply, "Command-Id", id);
        http_reply_header(&reply, "Content-Type", "application/json");
        reply.body = bed->command;
        reply.body_size = strlen(bed->command);
        bed->command = NULL;
    } else if (slice_is(message->target, "/p/telemetry")) {
        reply.status = bed->telemetry_status;
    }
    http_exchange_reply(exchange, &reply);
}

/* --- the printer --- */

static void run_for(struct bed *bed, double seconds)
{
    world_run(&bed->world, bed->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

/* `server`: of Connect, NULL: it knows none; `token`: registered there. */
static void bed_begin(struct bed *bed, const char *server, const char *token, const char *update,
                      const char *const *cameras)
{
    memset(bed, 0, sizeof *bed);
    world_init(&bed->world, 5);
    bed->network = memory_network_new(&bed->world);
    struct network *network = memory_network_face(bed->network);
    bed->connect =
        (struct http_service){.request = serve, .service = bed, .body_bytes_max = 1 << 20};
    bed->connect_server = http_server_new(&bed->world, network, &bed->connect, NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    assert_true(http_server_listen(bed->connect_server, &at, NULL));
    bed->info_status = bed->register_status = 200;
    bed->takes_cameras = true;
    bed->telemetry_status = 204;
    for (size_t i = 0; cameras != NULL && cameras[i] != NULL; i++) {
        assert_true(printer_cameras_add(&bed->cameras, cameras[i], NULL));
        if (strcmp(cameras[i], "Blind") == 0) { /* it only clicks, with what is at another place */
            bed->cameras.list[i].capability_count = 1;
        }
    }
    link_settings_defaults(&bed->settings);
    bed->settings.api_key = KEY;
    bed->settings.update = update;
    connect_face_defaults(&bed->face);
    bed->face.server = server;
    bed->face.cameras = bed->cameras.list;
    bed->face.camera_count = bed->cameras.count;
    const struct printer_settings settings = {
        .model = model_find("mk3s"),
        .room_c = 25,
        .name = "it",
        .token = token,
        .connect = server != NULL || cameras != NULL ? &bed->face : NULL,
        .prusalink = &bed->settings,
    };
    bed->printer = printer_new(&bed->world, network, &settings, NULL);
    printer_power_on(bed->printer);
    struct endpoint place = {.host = "pi", .port = 8080};
    assert_true(printer_listen(bed->printer, &place, NULL));
    run_for(bed, 60);
}

static void bed_end(struct bed *bed)
{
    printer_destroy(bed->printer);
    http_server_destroy(bed->connect_server);
    memory_network_destroy(bed->network);
    printer_cameras_free(&bed->cameras);
    buffer_free(&bed->told);
    buffer_free(&bed->answer);
    world_free(&bed->world);
}

/* --- its PrusaLink --- */

static void on_received(void *owner, const char *bytes, size_t size)
{
    buffer_append(&((struct bed *)owner)->answer, bytes, size);
}

static struct stream *talk;

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)owner;
    (void)end;
    (void)why;
    talk = NULL;
}

/* Ends as soon as the answer is whole, after 20 s at the latest. */
static const char *ask(struct bed *bed, const char *method, const char *path, const char *headers,
                       const char *json)
{
    static const struct stream_events events = {.received = on_received, .ended = on_ended};
    const struct endpoint at = {.host = "pi", .port = 8080};
    struct buffer head = {0};
    buffer_clear(&bed->answer);
    buffer_format(&head, "%s %s HTTP/1.1\r\nHost: pi\r\nX-Api-Key: " KEY "\r\n%s", method, path,
                  headers);
    if (*json != '\0') {
        buffer_format(&head, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                      strlen(json));
    }
    buffer_format(&head, "\r\n%s", json);
    talk = network_connect(memory_network_face(bed->network), &at, &events, bed);
    stream_send(talk, head.bytes, head.size);
    buffer_free(&head);
    for (int i = 0; i < 200 && talk != NULL; i++) {
        run_for(bed, 0.1);
    }
    if (talk != NULL) {
        stream_reset(talk);
        talk = NULL;
    }
    bed->status = 0;
    sscanf(buffer_text(&bed->answer), "HTTP/1.%*d %d", &bed->status);
    return buffer_text(&bed->answer);
}

static const char *get(struct bed *bed, const char *path)
{
    return ask(bed, "GET", path, "", "");
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        const char *has_ = text;                                                                   \
        if (strstr(has_, part) == NULL) {                                                          \
            fail_msg("no %s in %s", part, has_);                                                   \
        }                                                                                          \
    } while (0)

#define assert_asks(wanted, method, path, json)                                                    \
    do {                                                                                           \
        ask(&bed, method, path, "", json);                                                         \
        if (bed.status != (wanted)) {                                                              \
            fail_msg("%s %s: %d, expected %d: %s", method, path, bed.status, wanted,               \
                     buffer_text(&bed.answer));                                                    \
        }                                                                                          \
    } while (0)

/* --- registration --- */

static void is_registered_by_its_web(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL, NULL, NULL, NULL);
    assert_has(get(&bed, "/api/connection"),
               "\"registration\": \"NO_REGISTRATION\", \"code\": null");
    assert_has(get(&bed, "/api/v1/status"),
               "{\"ok\": true, \"message\": \"Connect isn't configured\"}");
    assert_asks(200, "POST", "/api/connection",
                "{\"connect\": {\"hostname\": \"connect\", \"port\": 0, \"tls\": false}}");
    assert_has(buffer_text(&bed.answer),
               "{\"url\": \"http://connect/add-printer/connect/1.3.1/CODE123\"}");
    assert_has(buffer_text(&bed.told), "\"sn\": \"CZPX");
    assert_has(get(&bed, "/api/connection"),
               "\"registration\": \"IN_PROGRESS\", \"code\": \"CODE123\"");
    assert_has(get(&bed, "/api/v1/info"), "\"hostname\": \"connect\", \"port\": 0");
    bed.gives_token = true;
    run_for(&bed, 30);
    assert_has(get(&bed, "/api/connection"), "\"registration\": \"FINISHED\", \"code\": null");
    assert_has(get(&bed, "/api/v1/status"),
               "\"status_connect\": {\"ok\": true, \"message\": \"OK\"}");
    assert_has(buffer_text(&bed.told), "/p/telemetry");
    assert_asks(409, "POST", "/api/connection", "{\"connect\": {\"hostname\": \"connect\"}}");
    assert_asks(200, "DELETE", "/api/connection", "");
    assert_has(get(&bed, "/api/connection"), "\"hostname\": \"connect\"");
    assert_has(buffer_text(&bed.answer), "NO_REGISTRATION");
    run_for(&bed, 10);
    buffer_clear(&bed.told);
    run_for(&bed, 30);
    assert_int_equal(bed.told.size, 0); /* Connect hears no more of it */
    bed_end(&bed);
}

static void says_why_it_is_not_registered(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL, NULL, NULL, NULL);
    static const struct {
        const char *body, *answer;
        int info, registered, status;
    } cases[] = {
        {"{\"connect\": {\"hostname\": \"no/name\"}}", "resolve hostname", 200, 200, 400},
        {"{\"connect\": {}}", "resolve hostname", 200, 200, 400},
        {"{\"connect\": {\"hostname\": \"nobody\"}}", "resolve hostname", 200, 200, 400},
        {"{\"connect\": {\"hostname\": \"connect\", \"port\": 81}}", "Can't Connect", 200, 200,
         400},
        {"{\"connect\": {\"hostname\": \"connect\"}}", "Can't Connect", 503, 200, 400},
        {"{\"connect\": {\"hostname\": \"connect\", \"port\": 99999}}", "Can't Connect", 200, 200,
         400},
        {"{\"connect\": {\"hostname\": \"connect\"}}", "Internal Server Error", 200, 503, 500},
        {"{}", "Internal Server Error", 200, 200, 500},
        {"{\"connect\"", "Bad Request", 200, 200, 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bed.info_status = cases[i].info;
        bed.register_status = cases[i].registered;
        assert_asks(cases[i].status, "POST", "/api/connection", cases[i].body);
        assert_has(buffer_text(&bed.answer), cases[i].answer);
        assert_has(get(&bed, "/api/connection"), "NO_REGISTRATION");
    }
    bed_end(&bed);
}

static void survives_a_client_that_does_not_wait(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL, NULL, NULL, NULL);
    static const struct stream_events events = {.received = on_received, .ended = on_ended};
    const struct endpoint at = {.host = "pi", .port = 8080};
    static const char body[] = "{\"connect\": {\"hostname\": \"connect\"}}";
    struct buffer head = {0};
    buffer_format(&head,
                  "POST /api/connection HTTP/1.1\r\nX-Api-Key: " KEY "\r\nContent-Type: "
                  "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  strlen(body), body);
    bed.silent = true;
    talk = network_connect(memory_network_face(bed.network), &at, &events, &bed);
    stream_send(talk, head.bytes, head.size);
    run_for(&bed, 1);
    stream_reset(talk);
    buffer_free(&head);
    assert_asks(500, "POST", "/api/connection", body); /* one is under way */
    bed.silent = false;
    run_for(&bed, 11);
    assert_asks(200, "POST", "/api/connection", body);
    assert_has(get(&bed, "/api/connection"), "IN_PROGRESS");
    bed_end(&bed);
}

/* --- what one side tells, the other one tells too --- */

static void has_one_name_and_key(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, "http://connect", "a-token", NULL, NULL);
    assert_has(buffer_text(&bed.told), "\"hostname\": \"it\"");
    assert_has(buffer_text(&bed.told), "\"api_key\": \"" KEY "\"");
    assert_has(get(&bed, "/api/version"), "\"hostname\": \"it\"");
    assert_has(get(&bed, "/api/v1/info"), "\"hostname\": \"connect\"");
    buffer_clear(&bed.told);
    assert_asks(200, "POST", "/api/settings/apikey", "{\"api-key\": \"another-key\"}");
    run_for(&bed, 5);
    assert_has(buffer_text(&bed.told), "\"api_key\": \"another-key\"");
    bed_end(&bed);
}

static void tells_what_is_wrong_with_connect(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, "http://connect", "a-token", NULL, NULL);
    assert_has(get(&bed, "/api/v1/status"),
               "\"status_connect\": {\"ok\": true, \"message\": \"OK\"}");
    bed.telemetry_status = 403;
    run_for(&bed, 15);
    assert_has(get(&bed, "/api/connection"),
               "\"connect\": {\"ok\": false, \"message\": \"Printer has no "
               "valid token");
    bed.telemetry_status = 204;
    run_for(&bed, 15);
    assert_has(get(&bed, "/api/connection"), "\"connect\": {\"ok\": true, \"message\": \"OK\"}");
    machine_set_fault(printer_machine(bed.printer), FAULT_SERIAL_LOST, true);
    run_for(&bed, 15);
    assert_has(get(&bed, "/api/connection"),
               "\"printer\": {\"ok\": false, \"message\": \"Serial device does not exist\"}");
    assert_has(buffer_text(&bed.answer), "\"state\": \"Error\"");
    assert_has(get(&bed, "/api/ports"), "{\"ports\": []}");
    bed_end(&bed);
}

/* An upload that comes in is Connect's transfer as well, by the same number, and ends there. */
static void shares_one_transfer(void **state)
{
    (void)state;
    struct bed bed;
    char id[40] = "";
    bed_begin(&bed, "http://connect", "a-token", NULL, NULL);
    static const struct stream_events events = {.received = on_received, .ended = on_ended};
    const struct endpoint at = {.host = "pi", .port = 8080};
    static const char head[] = "PUT /api/v1/files/local/big.gcode HTTP/1.1\r\nX-Api-Key: " KEY
                               "\r\nContent-Type: text/x.gcode\r\nContent-Length: 200000\r\n\r\n";
    char *body = memory_new(200000);
    memset(body, 'x', 200000);
    struct stream *upload = network_connect(memory_network_face(bed.network), &at, &events, &bed);
    stream_send(upload, head, strlen(head));
    stream_send(upload, body, 150000);
    run_for(&bed, 3);
    assert_has(get(&bed, "/api/v1/status"), "\"transfer\": {\"id\": ");
    sscanf(strstr(buffer_text(&bed.answer), "\"transfer\": {\"id\": ") + 19, "%30[0-9]", id);
    bed.command = "{\"command\": \"SEND_TRANSFER_INFO\"}";
    buffer_clear(&bed.told);
    run_for(&bed, 5);
    struct buffer wanted = {0};
    buffer_format(&wanted, "\"transfer_id\": %s", id);
    assert_has(buffer_text(&bed.told), buffer_text(&wanted));
    assert_has(buffer_text(&bed.told), "\"FROM_CLIENT\"");
    buffer_clear(&bed.told);
    bed.command = "{\"command\": \"STOP_TRANSFER\"}";
    run_for(&bed, 5);
    stream_send(upload, body, 50000);
    run_for(&bed, 5);
    assert_has(buffer_text(&bed.told), "\"FINISHED\""); /* the command */
    assert_has(buffer_text(&bed.told),
               "{\"event\": \"TRANSFER_FINISHED\", \"source\": \"WUI\", \"data\": "
               "{\"destination\": \"big.gcode\"}");
    assert_has(buffer_text(&bed.answer), "400 Bad Request"); /* of the upload: it was stopped */
    assert_asks(204, "GET", "/api/v1/transfer", "");
    buffer_free(&wanted);
    free(body);
    bed_end(&bed);
}

/* --- cameras --- */

static const char *const two[] = {"Bench cam,TEN_SEC,320x240", "Other", NULL};

static void lists_and_orders_cameras(void **state)
{
    (void)state;
    struct bed bed;
    char bench[CONNECT_CAMERA_ID_SIZE], other[CONNECT_CAMERA_ID_SIZE], text[160];
    connect_camera_id("Bench cam", bench);
    connect_camera_id("Other", other);
    bed_begin(&bed, NULL, NULL, NULL, two);
    snprintf(text, sizeof text,
             "{\"camera_list\": [{\"camera_id\": \"%s\", \"config\": {\"path\": \"/dev/video0\", "
             "\"name\": \"Bench cam\"",
             bench);
    assert_has(get(&bed, "/api/v1/cameras"), text);
    assert_has(
        buffer_text(&bed.answer),
        "\"driver\": \"V4L2\", \"resolution\": \"320x240\"}, \"connected\": true, \"detected\": "
        "true, \"stored\": false, \"registered\": false}");
    snprintf(text, sizeof text, "\"camera\": {\"id\": \"%s\"}", bench);
    assert_has(get(&bed, "/api/v1/status"), text);
    snprintf(text, sizeof text, "[\"%s\", \"nobody\", 5]", other);
    assert_asks(200, "PUT", "/api/v1/cameras", text);
    snprintf(text, sizeof text, "\"camera\": {\"id\": \"%s\"}", other);
    assert_has(get(&bed, "/api/v1/status"), text);
    assert_asks(500, "PUT", "/api/v1/cameras", "[[]]");
    assert_asks(500, "PUT", "/api/v1/cameras", "7");
    assert_asks(405, "POST", "/api/v1/cameras", "[]");
    assert_has(get(&bed, "/api/v1/status"), text);
    bed_end(&bed);
}

static void shows_pictures(void **state)
{
    (void)state;
    struct bed bed;
    char bench[CONNECT_CAMERA_ID_SIZE], path[64], head[96], first[40] = "", later[40] = "";
    connect_camera_id("Bench cam", bench);
    bed_begin(&bed, NULL, NULL, NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s/snap", bench);
    get(&bed, path); /* whoever looks for the first time: nothing was kept */
    run_for(&bed, 11);
    const char *answer = get(&bed, path);
    assert_int_equal(bed.status, 200);
    assert_has(answer, "HTTP/1.0 200 OK\r\nServer: PrusaLink\r\nDate: ");
    assert_has(answer, "\r\nCache-Control: private, max-age=11\r\nContent-Type: image/jpeg\r\n");
    const char *body = strstr(answer, "\r\n\r\n");
    assert_memory_equal(body + 4, "\xff\xd8\xff", 3);
    sscanf(strstr(answer, "\r\nLast-Modified: "), "\r\nLast-Modified: %39[^\r]", first);
    snprintf(head, sizeof head, "If-Modified-Since: %s\r\n", "Fri, 31 Dec 2038 00:00:00 GMT");
    assert_has(ask(&bed, "GET", path, head, ""),
               "HTTP/1.0 304 Not Modified\r\nServer: PrusaLink\r\nDate: ");
    assert_has(ask(&bed, "GET", path, "If-Modified-Since: nonsense\r\n", ""), " 500 ");
    snprintf(head, sizeof head, "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
    assert_has(ask(&bed, "GET", path, head, ""), " 200 OK");
    run_for(&bed, 12);
    sscanf(strstr(get(&bed, path), "\r\nLast-Modified: "), "\r\nLast-Modified: %39[^\r]", later);
    assert_string_not_equal(first, later); /* its scheme has had its turn */
    assert_has(get(&bed, "/api/v1/cameras/snap"), "max-age=11");
    assert_has(ask(&bed, "POST", path, "", ""), "Content-Type: image/jpeg");
    assert_int_equal(bed.status, 200);
    assert_asks(404, "GET", "/api/v1/cameras/nobody/snap", "");
    assert_has(buffer_text(&bed.answer),
               "{\"message\": \"Camera with id: nobody is not available\"}");
    assert_asks(404, "POST", "/api/v1/cameras/nobody/snap", "");
    bed_end(&bed);
}

static void says_that_there_is_no_picture(void **state)
{
    (void)state;
    struct bed bed;
    char blind[CONNECT_CAMERA_ID_SIZE], path[64];
    static const char *const cameras[] = {"Blind", NULL};
    connect_camera_id("Blind", blind);
    bed_begin(&bed, NULL, NULL, NULL, cameras);
    snprintf(path, sizeof path, "/api/v1/cameras/%s/snap", blind);
    assert_asks(204, "GET", path, "");
    assert_has(buffer_text(&bed.answer), "did not take a photo yet.\"}"); /* quirk L-18 */
    assert_asks(409, "POST", path, "");
    assert_has(buffer_text(&bed.answer), "This camera does not support returning images");
    assert_asks(404, "GET", "/api/v1/cameras/snap", "");
    assert_has(buffer_text(&bed.answer), "{\"message\": \"Camera is not available\"}");
    bed_end(&bed);
    bed_begin(&bed, NULL, NULL, NULL, NULL);
    assert_asks(404, "GET", "/api/v1/cameras/snap", "");
    assert_has(get(&bed, "/api/v1/cameras"), "{\"camera_list\": []}");
    assert_asks(200, "PUT", "/api/v1/cameras", "[\"x\"]");
    assert_asks(404, "GET", "/api/v1/cameras/x", "");
    assert_has(buffer_text(&bed.answer), "is not configured");
    assert_asks(404, "DELETE", "/api/v1/cameras/x", "");
    assert_asks(500, "POST", "/api/v1/cameras/x",
                "{\"config\": {\"driver\": \"V4L2\", \"name\": \"a\", \"path\": \"/dev/video0\"}}");
    bed_end(&bed);
}

static void changes_a_camera(void **state)
{
    (void)state;
    struct bed bed;
    char bench[CONNECT_CAMERA_ID_SIZE], path[64], config[80];
    connect_camera_id("Bench cam", bench);
    bed_begin(&bed, NULL, NULL, NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s", bench);
    snprintf(config, sizeof config, "%s/config", path);
    assert_has(
        get(&bed, path),
        "{\"trigger_scheme\": \"TEN_SEC\", \"resolution\": {\"width\": 320, \"height\": 240}, "
        "\"rotation\": 0, \"name\": \"Bench cam\", \"available_resolutions\": [{\"width\": 320, "
        "\"height\": 240}], \"capabilities\": [\"TRIGGER_SCHEME\", \"IMAGING\", \"RESOLUTION\", "
        "\"ROTATION\"]}");
    assert_asks(200, "PATCH", config,
                "{\"trigger_scheme\": \"MANUAL\", \"rotation\": 90, \"name\": \"New name\"}");
    assert_has(get(&bed, path), "\"trigger_scheme\": \"MANUAL\"");
    assert_has(buffer_text(&bed.answer), "\"rotation\": 90, \"name\": \"New name\"");
    assert_has(get(&bed, "/api/v1/cameras"),
               "\"rotation\": \"90\"}, \"connected\": true, \"detected\": "
               "true, \"stored\": true");
    assert_asks(200, "PATCH", config, "{\"trigger_scheme\": \"NO_SUCH\"}");
    assert_has(get(&bed, path), "THIRTY_SEC");
    assert_asks(500, "PATCH", config, "{\"resolution\": 5}");
    assert_asks(500, "PATCH", config, "[1]");
    assert_asks(400, "PATCH", config, "{\"rotation\":");
    assert_asks(200, "GET", path, "");
    assert_asks(500, "PATCH", config, "{\"rotation\": 45}"); /* its driver gives up */
    assert_asks(404, "GET", path, "");
    assert_has(buffer_text(&bed.answer), "was not found among the connected cameras");
    run_for(&bed, 31); /* and is found again */
    assert_has(get(&bed, path), "\"rotation\": 90");
    assert_asks(200, "DELETE", config, "");
    assert_has(get(&bed, path), "\"trigger_scheme\": \"THIRTY_SEC\"");
    assert_has(buffer_text(&bed.answer), "\"rotation\": 0");
    assert_asks(404, "PATCH", "/api/v1/cameras/x/config", "{}");
    assert_asks(404, "DELETE", "/api/v1/cameras/x/config", "");
    assert_asks(404, "GET", config, ""); /* no such method there */
    bed_end(&bed);
}

static void adds_and_removes_cameras(void **state)
{
    (void)state;
    struct bed bed;
    char bench[CONNECT_CAMERA_ID_SIZE], path[64];
    static const char good[] =
        "{\"config\": {\"driver\": \"V4L2\", \"name\": \"Mine\", \"path\": \"/dev/video7\"}}";
    connect_camera_id("Bench cam", bench);
    bed_begin(&bed, NULL, NULL, NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s", bench);
    assert_asks(409, "POST", path, good);
    assert_has(buffer_text(&bed.answer), "is already running");
    assert_asks(409, "DELETE", path, "");
    assert_has(buffer_text(&bed.answer), "Cannot remove an auto-detected camera");
    assert_asks(400, "POST", "/api/v1/cameras/mine", "{}");
    assert_has(buffer_text(&bed.answer), "Configuration is missing");
    assert_asks(400, "POST", "/api/v1/cameras/mine",
                "{\"config\": {\"driver\": \"no\", \"n\": [1, null]}}");
    assert_has(buffer_text(&bed.answer), "not valid {'driver': 'no', 'n': [1, None]}");
    assert_asks(200, "POST", "/api/v1/cameras/mine", good);
    assert_has(get(&bed, "/api/v1/cameras"), "\"camera_id\": \"mine\"");
    assert_has(
        buffer_text(&bed.answer),
        "\"connected\": false, \"detected\": false, \"stored\": true, \"registered\": false}]}");
    assert_asks(404, "GET", "/api/v1/cameras/mine/snap", "");
    for (int i = 0; i < 70; i++) {
        snprintf(path, sizeof path, "/api/v1/cameras/many%d", i);
        ask(&bed, "POST", path, "", good);
    }
    assert_int_equal(bed.status, 500); /* there is an end to it */
    assert_asks(200, "DELETE", "/api/v1/cameras/mine", "");
    assert_asks(404, "DELETE", "/api/v1/cameras/mine", "");
    bed_end(&bed);
}

static void registers_cameras_with_connect(void **state)
{
    (void)state;
    struct bed bed;
    char bench[CONNECT_CAMERA_ID_SIZE], path[64];
    connect_camera_id("Bench cam", bench);
    bed_begin(&bed, "http://connect", "a-token", NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s/connection", bench);
    assert_int_equal(bed.pictures, 0);
    assert_asks(409, "DELETE", path, "");
    bed.takes_cameras = false;
    int64_t before_us = bed.world.now_us;
    assert_asks(408, "POST", path, "");
    assert_true(bed.world.now_us - before_us >= SECONDS(5));
    bed.takes_cameras = true;
    assert_asks(200, "POST", path, "");
    assert_has(get(&bed, "/api/v1/cameras"), "\"token\": \"cam-token\"}, \"connected\": true");
    assert_has(buffer_text(&bed.answer), "\"registered\": true");
    run_for(&bed, 21);
    assert_true(bed.pictures >= 2);
    assert_asks(409, "POST", path, "");
    assert_asks(200, "DELETE", path, "");
    run_for(&bed, 2);
    unsigned sent = bed.pictures;
    run_for(&bed, 30);
    assert_int_equal(bed.pictures, sent);
    assert_has(get(&bed, "/api/v1/cameras"), "\"stored\": true, \"registered\": false");
    assert_asks(404, "POST", "/api/v1/cameras/x/connection", "");
    assert_asks(404, "DELETE", "/api/v1/cameras/x/connection", "");
    bed_end(&bed);
}

/* --- updates and restarts --- */

static void updates_itself(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, "http://connect", "a-token", "0.9.0", NULL);
    assert_has(get(&bed, "/api/v1/update/prusalink"), "Update-Available: True\r\n");
    assert_has(buffer_text(&bed.answer), "{\"new_version\": \"0.9.0\"}");
    assert_asks(501, "GET", "/api/v1/update/system", "");
    assert_asks(400, "GET", "/api/v1/update/other", "");
    assert_asks(501, "POST", "/api/v1/update/system", "");
    assert_asks(400, "POST", "/api/v1/update/other", "");
    assert_asks(404, "DELETE", "/api/v1/update/prusalink", "");
    assert_asks(200, "POST", "/api/v1/update/prusalink", "");
    assert_asks(503, "GET", "/api/version", "");
    buffer_clear(&bed.told);
    run_for(&bed, 60);
    assert_has(get(&bed, "/api/version"), "\"server\": \"0.9.0\"");
    assert_has(buffer_text(&bed.answer), "\"text\": \"PrusaLink 0.9.0\"");
    assert_has(buffer_text(&bed.told), "\"prusalink\": \"0.9.0\"");
    assert_has(get(&bed, "/api/v1/update/prusalink"), "HTTP/1.0 204 No Content\r\n");
    assert_has(buffer_text(&bed.answer), "Update-Available: False\r\n");
    assert_asks(204, "POST", "/api/v1/update/prusalink", "");
    bed_end(&bed);
}

static void says_that_an_update_fails(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL, NULL, "", NULL);
    assert_asks(409, "GET", "/api/v1/update/prusalink", "");
    assert_has(buffer_text(&bed.answer),
               "Unavailable update\nUpdate is unavailable to install\nERROR");
    assert_asks(409, "POST", "/api/v1/update/prusalink", "");
    assert_has(buffer_text(&bed.answer), "Unable to update");
    bed_end(&bed);
}

/* UPGRADE of Connect's is a restart of the whole program: its server is away as well. */
static void restarts_with_connect(void **state)
{
    (void)state;
    struct bed bed;
    char before[80] = "", after[80] = "";
    bed_begin(&bed, "http://connect", "a-token", NULL, NULL);
    sscanf(strstr(ask(&bed, "HEAD", "/", "", ""), "Instance-ID: "), "Instance-ID: %70s", before);
    connect_face_restart(printer_connect_face(bed.printer), NULL);
    assert_asks(503, "GET", "/api/version", "");
    run_for(&bed, 20);
    assert_asks(200, "GET", "/api/version", "");
    sscanf(strstr(ask(&bed, "HEAD", "/", "", ""), "Instance-ID: "), "Instance-ID: %70s", after);
    assert_string_not_equal(before, after);
    bed_end(&bed);
}

static void tells_its_system_to_who_asks(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, NULL, NULL, NULL, NULL);
    static const struct {
        const char *query;
        bool told;
    } cases[] = {{"", false},
                 {"?system=0", false},
                 {"?system=x", false},
                 {"?system=", false},
                 {"?system=1", true},
                 {"?system=%201_0", true},
                 {"?a=1&system=-1", true},
                 {"?system=1.5", false},
                 {"?system=1x", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/version%s", cases[i].query);
        bool told = strstr(get(&bed, path), "\"python\": [{\"name\": ") != NULL &&
                    strstr(buffer_text(&bed.answer), "\"system\": {\"python\": ") != NULL;
        if (told != cases[i].told) {
            fail_msg("%s: %s", path, buffer_text(&bed.answer));
        }
    }
    bed_end(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_registered_by_its_web),
        cmocka_unit_test(says_why_it_is_not_registered),
        cmocka_unit_test(survives_a_client_that_does_not_wait),
        cmocka_unit_test(has_one_name_and_key),
        cmocka_unit_test(tells_what_is_wrong_with_connect),
        cmocka_unit_test(shares_one_transfer),
        cmocka_unit_test(lists_and_orders_cameras),
        cmocka_unit_test(shows_pictures),
        cmocka_unit_test(says_that_there_is_no_picture),
        cmocka_unit_test(changes_a_camera),
        cmocka_unit_test(adds_and_removes_cameras),
        cmocka_unit_test(registers_cameras_with_connect),
        cmocka_unit_test(updates_itself),
        cmocka_unit_test(says_that_an_update_fails),
        cmocka_unit_test(restarts_with_connect),
        cmocka_unit_test(tells_its_system_to_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
