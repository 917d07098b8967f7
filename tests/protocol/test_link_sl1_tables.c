/* The rest of what the document and the legacy specification say of an SL1's server, row by row:
 * folders, copies, downloads, exposure, settings (prusalink.md 1.3, 4.2 to 4.7, flavour S). */
#include "tests/protocol/sl1_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/resin.h"
#include "sim/machine/transfer.h"
#include "tests/machine/sl1_writer.h"

static const struct sl1_written part = {.printer_model = "SL1",
                                        .layers = 20,
                                        .width = 100,
                                        .height = 100,
                                        .white = 50,
                                        .exposure_s = 2,
                                        .exposure_first_s = 25,
                                        .used_ml = 0.01};

static void begin(struct firmware *printer)
{
    firmware_begin(printer, "sl1", 0);
}

static void end(struct firmware *printer)
{
    firmware_end(printer);
    sl1_forget();
}

static void put(struct firmware *printer, const char *path)
{
    assert_int_equal(machine_put_file(printer->machine, path, sl1_content(&part)), STORAGE_OK);
}

static int ask(struct firmware *printer, const char *method, const char *target, const char *body)
{
    sl1_ask(printer, method, target, "Accept: application/json\r\n", body);
    return printer->status;
}

/* The status, and the firmware's number of an error. */
static void refused(struct firmware *printer, int status, const char *code, const char *method,
                    const char *target, const char *body)
{
    ask(printer, method, target, body);
    if (printer->status != status || strstr(firmware_body(printer), code) == NULL) {
        fail_msg("%s %s: %d %s, expected %d %s", method, target, printer->status,
                 firmware_body(printer), status, code);
    }
}

static bool there(struct firmware *printer, const char *path)
{
    const char *below;
    const struct storage *storage = machine_storage_of(printer->machine, path, &below);
    return storage != NULL && storage_find(storage, below) != NULL;
}

static void open_part(struct firmware *printer)
{
    put(printer, "/local/part.sl1");
    assert_int_equal(ask(printer, "POST", "/api/files/local/part.sl1", "{\"command\":\"select\"}"),
                     204);
    firmware_run(printer, 10);
    assert_int_equal(machine_resin_phase(printer->machine), RESIN_CONFIRM);
}

/* ---- folders and names ---- */

static const char form_type[] = "Content-Type: multipart/form-data; boundary=xx\r\n"
                                "Accept: application/json\r\n";

static int post_folder(struct firmware *printer, const char *path, const char *name)
{
    char form[512];
    snprintf(form, sizeof form,
             "--xx\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n%s\r\n"
             "--xx\r\nContent-Disposition: form-data; name=\"foldername\"\r\n\r\n%s\r\n--xx--\r\n",
             path, name);
    sl1_ask(printer, "POST", "/api/files/local", form_type, form);
    return printer->status;
}

static void folders_are_made_by_a_form_and_by_their_path(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    assert_int_equal(post_folder(&printer, "/", "parts"), 201);
    assert_string_equal(
        firmware_body(&printer),
        "{\"done\":true,\"folder\":{\"name\":\"parts\",\"origin\":\"local\",\"path\":\"parts\","
        "\"refs\":{\"resource\":\"http://printer/api/files/local/parts\"}}}\n");
    assert_int_equal(post_folder(&printer, "parts/", "more"), 201);
    assert_true(there(&printer, "/local/parts/more"));
    assert_int_equal(post_folder(&printer, "", "parts"), 409);
    assert_text(firmware_body(&printer), "#10520");
    static const char *const bad[] = {"", "..", ".hidden", "a/b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(post_folder(&printer, "", bad[i]), 400);
    }
    assert_int_equal(post_folder(&printer, "../..", "out"), 400);
    assert_int_equal(ask(&printer, "POST", "/api/folder/local/parts/third", NULL), 201);
    refused(&printer, 409, "#10520", "POST", "/api/folder/local/parts/third", NULL);
    refused(&printer, 404, "#10518", "POST", "/api/folder/sdcard/x", NULL);
    refused(&printer, 400, "#10407", "POST", "/api/folder/local/.x", NULL);
    refused(&printer, 409, "#10546", "DELETE", "/api/folder/local/parts", NULL);
    assert_int_equal(ask(&printer, "DELETE", "/api/folder/local/parts/third", NULL), 200);
    refused(&printer, 404, "#10518", "DELETE", "/api/folder/local/parts/third", NULL);
    refused(&printer, 404, "#10518", "DELETE", "/api/folder/local/", NULL);
    put(&printer, "/local/parts/a.sl1");
    refused(&printer, 404, "#10518", "DELETE", "/api/folder/local/parts/a.sl1", NULL);
    assert_int_equal(ask(&printer, "GET", "/api/files/local/parts?recursive=true", NULL), 200);
    assert_text(firmware_body(&printer), "\"display\":\"a.sl1\"");
    assert_int_equal(machine_transfer(printer.machine) == NULL, 1);
    end(&printer);
}

static void files_are_copied_and_moved(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    put(&printer, "/local/a.sl1");
    assert_int_equal(machine_make_folder(printer.machine, "/local/sub"), STORAGE_OK);
    static const char a[] = "/api/files/local/a.sl1";
    assert_int_equal(ask(&printer, "POST", a, "{\"command\":\"copy\",\"destination\":\"sub\"}"),
                     204);
    assert_true(there(&printer, "/local/a.sl1") && there(&printer, "/local/sub/a.sl1"));
    refused(&printer, 409, "#10520", "POST", a, "{\"command\":\"copy\",\"destination\":\"/sub/\"}");
    assert_int_equal(
        ask(&printer, "POST", a, "{\"command\":\"move\",\"destination\":\"sub/b.sl1\"}"), 204);
    assert_true(!there(&printer, "/local/a.sl1") && there(&printer, "/local/sub/b.sl1"));
    refused(&printer, 404, "#10518", "POST", a, "{\"command\":\"move\",\"destination\":\"c.sl1\"}");
    refused(&printer, 415, "#10519", "POST", "/api/files/local/sub/b.sl1",
            "{\"command\":\"move\",\"destination\":\"b.gcode\"}");
    refused(&printer, 400, "#10407", "POST", "/api/files/local/sub/b.sl1",
            "{\"command\":\"move\",\"destination\":\"../b.sl1\"}");
    refused(&printer, 400, "#10407", "POST", "/api/files/local/sub/b.sl1",
            "{\"command\":\"move\"}");
    assert_int_equal(ask(&printer, "POST", "/api/modify/local",
                         "{\"source\":\"sub/b.sl1\",\"destination\":\"b.sl1\"}"),
                     201);
    assert_true(there(&printer, "/local/b.sl1"));
    refused(&printer, 400, "#10407", "POST", "/api/modify/local",
            "{\"source\":\"b.sl1\",\"destination\":\"b.sl1\"}");
    refused(&printer, 404, "#10518", "POST", "/api/modify/local",
            "{\"source\":\"x.sl1\",\"destination\":\"y.sl1\"}");
    refused(&printer, 400, "#10407", "POST", "/api/modify/local", "{}");
    assert_int_equal(machine_start_print(printer.machine, "/local/b.sl1", NULL), MACHINE_ACCEPTED);
    firmware_run(&printer, 40); /* it homes by now */
    refused(&printer, 409, "#10506", "POST", "/api/modify/local",
            "{\"source\":\"b.sl1\",\"destination\":\"c.sl1\"}");
    end(&printer);
}

/* ---- what it fetches itself ---- */

/* Another server, which answers the first request that it gets. */
struct other {
    struct firmware *printer;
    struct listener *listener;
    struct stream *stream;
    struct buffer asked;
};

static void other_received(void *owner, const char *bytes, size_t size)
{
    struct other *other = owner;
    buffer_append(&other->asked, bytes, size);
}

static void other_ended(void *owner, enum stream_end how, const char *why)
{
    (void)how;
    (void)why;
    ((struct other *)owner)->stream = NULL;
}

static const struct stream_events other_events = {.received = other_received, .ended = other_ended};

static void other_accepted(void *owner, struct stream *stream)
{
    struct other *other = owner;
    other->stream = stream;
    stream->events = &other_events;
    stream->owner = other;
}

static void begin_with_other(struct firmware *printer, struct other *other)
{
    begin(printer);
    struct network *network = memory_network_face(printer->network);
    struct endpoint at = {.host = "other", .port = 80};
    *other = (struct other){0};
    link_face_set_network(printer->face, network);
    other->listener = network_listen(network, &at, other_accepted, other, NULL);
    assert_non_null(other->listener);
}

static void end_with_other(struct firmware *printer, struct other *other)
{
    if (other->stream != NULL) {
        stream_reset(other->stream);
    }
    network_unlisten(memory_network_face(printer->network), other->listener);
    buffer_free(&other->asked);
    end(printer);
}

static void other_says(struct other *other, const char *head, const void *bytes, size_t size)
{
    assert_non_null(other->stream);
    stream_send(other->stream, head, strlen(head));
    stream_send(other->stream, bytes, size);
}

static void a_project_is_fetched_from_another_server(void **state)
{
    (void)state;
    struct firmware printer;
    struct other other;
    struct buffer project = {0};
    char head[96];
    begin_with_other(&printer, &other);
    sl1_write(&project, &part);
    assert_int_equal(ask(&printer, "POST", "/api/download/local",
                         "{\"url\":\"http://other/a/my%20part.sl1?x=/y\",\"destination\":\"new\","
                         "\"to_select\":true,\"to_print\":false}"),
                     201);
    firmware_run(&printer, 1);
    assert_text(buffer_text(&other.asked), "GET /a/my%20part.sl1?x=/y HTTP/1.1\r\nHost: other\r\n");
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", project.size);
    other_says(&other, head, project.bytes, project.size / 2);
    firmware_run(&printer, 3);
    assert_int_equal(ask(&printer, "GET", "/api/download", NULL), 200);
    assert_text(firmware_body(&printer),
                "{\"destination\":\"/new/my part.sl1\",\"progress\":\"0.5\",\"remaining_time\":\"");
    assert_text(firmware_body(&printer), "\"target\":\"local\",\"to_print\":false,"
                                         "\"to_select\":true,\"type\":\"FROM_WEB\","
                                         "\"url\":\"http://other/a/my%20part.sl1?x=/y\"}\n");
    refused(&printer, 409, "#10506", "POST", "/api/download/local",
            "{\"url\":\"http://other/b.sl1\",\"destination\":\"\"}");
    assert_int_equal(post_folder(&printer, "", "x"), 409); /* one transfer, whoever asks */
    stream_send(other.stream, project.bytes + project.size / 2, project.size - project.size / 2);
    firmware_run(&printer, 1);
    assert_int_equal(ask(&printer, "GET", "/api/download", NULL), 204);
    assert_true(there(&printer, "/local/new/my part.sl1"));
    firmware_run(&printer, 10);
    assert_int_equal(machine_resin_phase(printer.machine), RESIN_CONFIRM); /* to_select */
    buffer_free(&project);
    end_with_other(&printer, &other);
}

static void what_cannot_be_fetched_leaves_nothing(void **state)
{
    (void)state;
    struct firmware printer;
    struct other other;
    begin_with_other(&printer, &other);
    static const struct {
        int status;
        const char *code, *body;
    } rows[] = {
        {400, "#10407", "{}"},
        {400, "#10407", "[1]"},
        {400, "#10407", "{\"url\":\"ftp://other/a.sl1\",\"destination\":\"\"}"},
        {400, "#10407", "{\"url\":\"http://other/a.sl1\",\"destination\":\"../a.sl1\"}"},
        {400, "#10407", "{\"url\":\"http://other/%2e%2e%2fa.sl1\",\"destination\":\"\"}"},
        {400, "#10407", "{\"url\":\"http://other/.a.sl1\",\"destination\":\"\"}"},
        {415, "#10519", "{\"url\":\"http://other/a.gcode\",\"destination\":\"\"}"},
        {409, "#10520", "{\"url\":\"http://other/b.sl1\",\"destination\":\"a.sl1\"}"},
    };
    put(&printer, "/local/a.sl1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refused(&printer, rows[i].status, rows[i].code, "POST", "/api/download/local",
                rows[i].body);
    }
    refused(&printer, 404, "#10518", "POST", "/api/download/sdcard",
            "{\"url\":\"http://other/b.sl1\",\"destination\":\"\"}");
    static const char b[] =
        "{\"url\":\"http://other/b.sl1\",\"destination\":\"\",\"rename\":\"c.sl1\"}";
    static const char *const answers[] = {"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                          "nonsense\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ask(&printer, "POST", "/api/download/local", b), 201);
        firmware_run(&printer, 1);
        other_says(&other, answers[i], "", 0);
        firmware_run(&printer, 1);
        if (i == 1) {
            stream_close(other.stream);
            other.stream = NULL;
            firmware_run(&printer, 1);
        }
        assert_int_equal(ask(&printer, "GET", "/api/transfer", NULL), 204);
        assert_false(there(&printer, "/local/c.sl1"));
        assert_int_equal(ask(&printer, "GET", "/api/printer/error", NULL), 200);
    }
    /* Told to stop. */
    assert_int_equal(ask(&printer, "POST", "/api/download/local", b), 201);
    firmware_run(&printer, 1);
    other_says(&other, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "", 0);
    firmware_run(&printer, 1);
    assert_int_equal(ask(&printer, "DELETE", "/api/download", NULL), 204);
    assert_int_equal(ask(&printer, "GET", "/api/download", NULL), 204);
    assert_int_equal(ask(&printer, "DELETE", "/api/download", NULL), 204);
    sl1_ask(&printer, "GET", "/api/files", NULL, NULL);
    assert_null(strstr(firmware_body(&printer), "c.sl1"));
    end_with_other(&printer, &other);
}

/* ---- exposure and the picture on the panel ---- */

static void exposure_is_changed_while_a_project_is_open(void **state)
{
    (void)state;
    struct firmware printer;
    static const char change[] = "/api/system/commands/custom/changeexposure";
    begin(&printer);
    assert_int_equal(ask(&printer, "GET", "/api/system/commands", NULL), 200);
    assert_string_equal(
        firmware_body(&printer),
        "{\"core\":[],\"custom\":[{\"action\":\"resinrefill\",\"confirm\":\"Are you sure?\","
        "\"name\":\"Resin Refill\","
        "\"resource\":\"http://printer/api/system/commands/custom/resinrefill\","
        "\"source\":\"custom\"},{\"action\":\"changeexposure\",\"name\":\"Print Settings\","
        "\"resource\":\"http://printer/api/system/commands/custom/changeexposure\","
        "\"source\":\"custom\"}]}\n");
    refused(&printer, 409, "#10506", "POST", change, "{\"exposureTime\":3000}");
    open_part(&printer);
    struct resin_readings before, after;
    machine_read_resin(printer.machine, &before);
    assert_int_equal(ask(&printer, "POST", change,
                         "{\"exposureTime\":3000,\"exposureTimeFirst\":30000,"
                         "\"exposureTimeCalibration\":null,\"exposureUserProfile\":1}"),
                     204);
    ask(&printer, "GET", "/api/job", NULL);
    assert_text(firmware_body(&printer), "\"exposureTime\":3000,\"exposureTimeFirst\":30000,"
                                         "\"exposureUserProfile\":1,");
    machine_read_resin(printer.machine, &after);
    assert_in_range(after.estimate_s, before.estimate_s + 20 + 5, 4 * before.estimate_s);
    static const char *const bad[] = {"{\"exposureTime\":999}",
                                      "{\"exposureTime\":60001}",
                                      "{\"exposureTime\":\"3000\"}",
                                      "{\"exposureTimeFirst\":9999}",
                                      "{\"exposureTimeCalibration\":6000}",
                                      "{\"exposureUserProfile\":3}",
                                      "{\"exposureTime\":-5}",
                                      "[3000]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        refused(&printer, 400, "#10407", "POST", change, bad[i]);
    }
    ask(&printer, "GET", "/api/job", NULL);
    assert_text(firmware_body(&printer), "\"exposureTime\":3000,");
    refused(&printer, 404, "#10407", "POST", "/api/system/commands/custom/fly", NULL);
    end(&printer);
}

static void the_panel_is_seen_once_a_layer_was_on_it(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    assert_int_equal(ask(&printer, "GET", "/live.png", NULL), 404);
    put(&printer, "/local/part.sl1");
    assert_int_equal(ask(&printer, "POST", "/api/files/local/part.sl1",
                         "{\"command\":\"select\",\"print\":true}"),
                     204);
    for (int i = 0; i < 600 && machine_resin_phase(printer.machine) != RESIN_PRINTING; i++) {
        firmware_run(&printer, 1);
        assert_int_equal(ask(&printer, "GET", "/live.png", NULL), 404);
        machine_confirm(printer.machine);
    }
    firmware_run(&printer, 20);
    firmware_ask_bare(&printer, "GET", "/live.png", NULL, NULL);
    assert_int_equal(printer.status, 401);
    const char *answer = sl1_ask(&printer, "GET", "/live.png", NULL, NULL);
    assert_text(answer, "Content-Type: image/png\r\n");
    /* A fifth of 100 x 100, whose upper half is lit. */
    static const unsigned char header[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0,  13, 'I',
                                           'H',  'D', 'R', 0,   0,  0,  20, 0,  0, 0, 20, 8,  0};
    assert_memory_equal(strstr(answer, "\r\n\r\n") + 4, header, sizeof header);
    end(&printer);
}

/* ---- the smaller rows ---- */

static void other_documents_are_those_of_the_specification(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    ask(&printer, "GET", "/api/version?system=1", NULL);
    assert_text(firmware_body(&printer), "\"python\":[],\"server\":\"1.1.0\",\"system\":{");
    ask(&printer, "GET", "/api/version?system=false", NULL);
    assert_null(strstr(firmware_body(&printer), "python"));
    ask(&printer, "GET", "/api/access/users", NULL);
    assert_string_equal(firmware_body(&printer),
                        "{\"users\":[{\"active\":true,\"admin\":true,\"apikey\":null,"
                        "\"name\":\"maker\",\"settings\":{},\"user\":true}]}\n");
    ask(&printer, "GET", "/api/printer/sd", NULL);
    assert_string_equal(firmware_body(&printer), "{\"ready\":false}\n");
    ask(&printer, "GET", "/api/logs", NULL);
    assert_string_equal(firmware_body(&printer), "{\"files\":[]}\n");
    refused(&printer, 404, "#10518", "GET", "/api/logs/system.log", NULL);
    assert_int_equal(ask(&printer, "GET", "/api/connection", NULL), 200);
    assert_text(firmware_body(&printer), "\"printerProfile\":\"_default\",\"state\":\"Ready\"");
    assert_int_equal(ask(&printer, "POST", "/api/connection", "{\"command\":\"connect\"}"), 204);
    assert_int_equal(ask(&printer, "GET", "/old-projects/", NULL), 200);
    assert_int_equal(ask(&printer, "HEAD", "/api/version", NULL), 200);
    assert_string_equal(firmware_body(&printer), "");
    refused(&printer, 405, "#10407", "PUT", "/api/files/local/a.sl1", "x");
    refused(&printer, 404, "#10407", "GET", "/api/v1/files/local", NULL);
    refused(&printer, 501, "#10407", "POST", "/api/job", "{\"command\":\"restart\"}");
    refused(&printer, 400, "#10407", "POST", "/api/job", "no JSON");
    refused(&printer, 409, "#10506", "POST", "/api/job", "{\"command\":\"cancel\"}");
    refused(&printer, 409, "#10506", "POST", "/api/job",
            "{\"command\":\"pause\",\"action\":\"resume\"}");
    end(&printer);
}

static void what_it_has_not_is_not_moved(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    static const struct {
        const char *path, *good;
    } rows[] = {{"/api/printer/printhead", "{\"command\":\"jog\",\"x\":10}"},
                {"/api/printer/printhead", "{\"command\":\"home\",\"axes\":[\"X\"]}"},
                {"/api/printer/tool", "{\"command\":\"target\",\"targets\":{\"tool0\":220}}"},
                {"/api/printer/bed", "{\"command\":\"target\",\"target\":75}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(ask(&printer, "POST", rows[i].path, rows[i].good), 204);
        refused(&printer, 400, "#10407", "POST", rows[i].path, "{\"command\":\"fly\"}");
        refused(&printer, 400, "#10407", "POST", rows[i].path, "{}");
    }
    open_part(&printer);
    refused(&printer, 409, "#10506", "POST", "/api/printer/printhead",
            "{\"command\":\"jog\",\"x\":10}");
    end(&printer);
}

static void settings_are_kept(void **state)
{
    (void)state;
    struct firmware printer;
    char body[256];
    begin(&printer);
    static const char settings[] = "/api/settings";
    assert_int_equal(ask(&printer, "POST", settings,
                         "{\"printer\":{\"name\":\"Vera\",\"location\":\"cellar\"}}"),
                     200);
    ask(&printer, "GET", settings, NULL);
    assert_text(firmware_body(&printer),
                "\"printer\":{\"location\":\"cellar\",\"name\":\"Vera\"},\"username\":\"maker\"");
    static const char *const bad[] = {
        "{\"printer\":{\"name\":\"Vera\"}}", "{\"user\":{\"password\":\"wrong\"}}",
        "{\"user\":{\"new_password\":\"longenough\",\"new_repassword\":\"longenough\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ask(&printer, "POST", settings, bad[i]), 400);
        assert_text(firmware_body(&printer), "{\"message\":\"");
    }
    const char *password = link_face_password(printer.face);
    snprintf(body, sizeof body,
             "{\"user\":{\"password\":\"%s\",\"new_password\":\"short\",\"new_repassword\":"
             "\"short\"}}",
             password);
    assert_int_equal(ask(&printer, "POST", settings, body), 400);
    snprintf(body, sizeof body, "{\"user\":{\"password\":\"%s\",\"username\":\"root\"}}", password);
    assert_int_equal(ask(&printer, "POST", settings, body), 400);
    snprintf(body, sizeof body,
             "{\"user\":{\"password\":\"%s\",\"new_password\":\"longenough\",\"new_repassword\":"
             "\"longenough\"}}",
             password);
    assert_int_equal(ask(&printer, "POST", settings, body), 200);
    assert_string_equal(link_face_password(printer.face), "longenough");
    assert_int_equal(ask(&printer, "GET", "/api/version", NULL), 200); /* by the new one */
    assert_int_equal(ask(&printer, "POST", "/api/settings/apikey", "{\"api-key\":\"sixsix\"}"),
                     400);
    assert_int_equal(ask(&printer, "POST", "/api/settings/apikey", "{\"api-key\":\"sevenup\"}"),
                     200);
    firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: sevenup\r\n", NULL);
    assert_int_equal(printer.status, 200);
    assert_int_equal(ask(&printer, "GET", "/api/settings/apikey", NULL), 200);
    firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: sevenup\r\n", NULL);
    assert_int_equal(printer.status, 401);
    assert_int_equal(ask(&printer, "GET", "/api/settings/sn", NULL), 200);
    assert_text(firmware_body(&printer), "{\"serial\":\"CZPX");
    assert_int_equal(ask(&printer, "POST", "/api/settings/sn", "{\"serial\":\"x\"}"), 409);
    end(&printer);
}

/* ---- uploads and what is shown of them ---- */

static int post_project(struct firmware *printer, const char *name, const char *fields,
                        const char *content)
{
    char form[1024];
    snprintf(form, sizeof form,
             "%s--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n%s"
             "\r\n--xx--\r\n",
             fields, name, content);
    sl1_ask(printer, "POST", "/api/files/local", form_type, form);
    return printer->status;
}

#define FIELD(name, value)                                                                         \
    "--xx\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* It is stored like any file; the firmware looks into it when it is opened (sla-fw:
 * slafw/project/project.py). */
static void a_broken_project_is_found_when_it_is_opened(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    assert_int_equal(post_project(&printer, "a.sl1", FIELD("print", "false"), "PK no archive"),
                     201);
    assert_int_equal(ask(&printer, "GET", "/api/job", NULL), 200);
    assert_string_equal(firmware_body(&printer), "{\"state\":\"Ready\"}\n");
    ask(&printer, "GET", "/api/printer/error", NULL);
    assert_text(firmware_body(&printer), "{\"code\":\"#10539\",\"message\":\"Opening the project "
                                         "failed, the file is possibly corrupted.");
    ask(&printer, "GET", "/api/files/local/a.sl1", NULL);
    assert_null(strstr(firmware_body(&printer), "gcodeAnalysis"));
    assert_null(strstr(firmware_body(&printer), "thumbnail"));
    refused(&printer, 415, "#10539", "POST", "/api/files/local/a.sl1", "{\"command\":\"select\"}");
    assert_int_equal(post_project(&printer, "b.sl1", FIELD("print", "true"), "PK no archive"), 415);
    assert_text(firmware_body(&printer), "#10539");
    assert_true(there(&printer, "/local/b.sl1")); /* all the same */
    assert_int_equal(post_project(&printer, "c.sl1", FIELD("select", "true"), "PK no archive"),
                     415);
    assert_int_equal(post_project(&printer, "d.sl1", FIELD("select", "false"), "PK no archive"),
                     201);
    end(&printer);
}

static void an_upload_is_shown_unless_told_otherwise(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer project = {0}, form = {0};
    begin(&printer);
    sl1_write(&project, &part);
    for (int told = 0; told < 2; told++) {
        struct buffer head = {0};
        buffer_clear(&form);
        buffer_format(&form,
                      "%s--xx\r\nContent-Disposition: form-data; name=\"file\"; "
                      "filename=\"%d.sl1\"\r\n\r\n",
                      told == 0 ? FIELD("select", "false") : "", told);
        buffer_append(&form, project.bytes, project.size);
        buffer_append_text(&form, "\r\n--xx--\r\n");
        firmware_ask_bare(&printer, "GET", "/api/version", NULL, NULL);
        sl1_authorize(&printer, "POST", "/api/files/local", link_face_password(printer.face));
        struct firmware_client *client = firmware_connect(&printer);
        buffer_format(
            &head,
            "POST /api/files/local HTTP/1.1\r\nHost: printer\r\n%s%sContent-Length: %zu\r\n\r\n",
            sl1_credentials(), form_type, form.size);
        firmware_send_bytes(client, head.bytes, head.size);
        firmware_send_bytes(client, form.bytes, form.size);
        assert_text(buffer_text(&client->received), "HTTP/1.1 201 Created");
        buffer_free(&head);
        firmware_run(&printer, 10);
        assert_int_equal(machine_resin_phase(printer.machine),
                         told == 0 ? RESIN_NO_PROJECT : RESIN_CONFIRM);
    }
    assert_int_equal(ask(&printer, "DELETE", "/api/files/local/1.sl1", NULL), 204);
    assert_int_equal(machine_resin_phase(printer.machine), RESIN_NO_PROJECT);
    buffer_free(&project);
    buffer_free(&form);
    end(&printer);
}

/* ---- what does not go well ---- */

/* A form of `size` bytes of content on a connection of its own, half of it sent. */
static struct firmware_client *half_sent(struct firmware *printer, const char *name, size_t size,
                                         struct buffer *rest)
{
    struct buffer form = {0}, head = {0};
    buffer_format(&form,
                  "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n",
                  name);
    for (size_t i = 0; i < size; i++) {
        buffer_append_char(&form, *name);
    }
    buffer_append_text(&form, "\r\n--xx--\r\n");
    firmware_ask_bare(printer, "GET", "/api/version", NULL, NULL);
    sl1_authorize(printer, "POST", "/api/files/local", link_face_password(printer->face));
    struct firmware_client *client = firmware_connect(printer);
    buffer_format(&head,
                  "POST /api/files/local HTTP/1.1\r\nHost: printer\r\n%s%sContent-Length: "
                  "%zu\r\n\r\n",
                  sl1_credentials(), form_type, form.size);
    firmware_send_bytes(client, head.bytes, head.size);
    size_t half = form.size / 2;
    if (!client->finished) {
        firmware_send_bytes(client, form.bytes, half);
    }
    buffer_clear(rest);
    buffer_append(rest, form.bytes + half, form.size - half);
    buffer_free(&head);
    buffer_free(&form);
    return client;
}

static uint64_t free_bytes(struct firmware *printer)
{
    return storage_free_bytes(machine_storage_of(printer->machine, "/local", NULL));
}

static void a_full_memory_is_told(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer rest = {0};
    firmware_begin(&printer, "sl1", 1000000);
    uint64_t before = free_bytes(&printer);
    struct firmware_client *client = half_sent(&printer, "a.sl1", 1200000, &rest);
    assert_text(buffer_text(&client->received), "HTTP/1.1 409 Conflict"); /* at once */
    assert_text(buffer_text(&client->received), "#10516");
    assert_true(free_bytes(&printer) == before && !there(&printer, "/local/a.sl1"));
    assert_null(machine_transfer(printer.machine));
    /* What fitted at first does no longer: somebody else has taken the room. */
    client = half_sent(&printer, "b.sl1", 700000, &rest);
    assert_int_equal(client->received.size, 0);
    assert_int_equal(
        machine_put_file(printer.machine, "/local/other.sl1", file_content_of_size(600000)),
        STORAGE_OK);
    firmware_send_bytes(client, rest.bytes, rest.size);
    assert_text(buffer_text(&client->received), "#10516");
    assert_int_equal(machine_remove(printer.machine, "/local/other.sl1", false), STORAGE_OK);
    assert_true(free_bytes(&printer) == before); /* nothing half-written */
    client = half_sent(&printer, "c.sl1", 900000, &rest);
    firmware_send_bytes(client, rest.bytes, rest.size);
    assert_text(buffer_text(&client->received), "HTTP/1.1 201 Created");
    assert_true(free_bytes(&printer) == before - 900000);
    ask(&printer, "GET", "/api/files", NULL);
    char text[64];
    snprintf(text, sizeof text, "\"free\":%llu,\"total\":1000000}",
             (unsigned long long)(before - 900000));
    assert_text(firmware_body(&printer), text);
    buffer_free(&rest);
    end(&printer);
}

static void of_two_with_one_name_the_first_is_taken(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer first_rest = {0}, second_rest = {0};
    begin(&printer);
    struct firmware_client *first = half_sent(&printer, "a.sl1", 500000, &first_rest);
    struct firmware_client *second = half_sent(&printer, "a.sl1", 1000, &second_rest);
    assert_text(buffer_text(&second->received), "HTTP/1.1 409 Conflict");
    assert_text(buffer_text(&second->received), "#10506");
    firmware_send_bytes(first, first_rest.bytes, first_rest.size);
    assert_text(buffer_text(&first->received), "HTTP/1.1 201 Created");
    second = half_sent(&printer, "a.sl1", 1000, &second_rest);
    firmware_send_bytes(second, second_rest.bytes, second_rest.size);
    assert_text(buffer_text(&second->received), "#10520");
    ask(&printer, "GET", "/api/files/local/a.sl1", NULL);
    assert_text(firmware_body(&printer), "\"size\":500000,");
    /* The name is taken while it is on its way. */
    first = half_sent(&printer, "b.sl1", 1000, &first_rest);
    put(&printer, "/local/b.sl1");
    firmware_send_bytes(first, first_rest.bytes, first_rest.size);
    assert_text(buffer_text(&first->received), "#10520");
    ask(&printer, "GET", "/api/files/local/b.sl1", NULL);
    assert_text(firmware_body(&printer), "\"gcodeAnalysis\"");
    /* Told by somebody else to stop. */
    first = half_sent(&printer, "c.sl1", 1000, &first_rest);
    assert_true(machine_transfer_stop(printer.machine));
    firmware_send_bytes(first, first_rest.bytes, first_rest.size);
    assert_text(buffer_text(&first->received), "HTTP/1.1 400 Bad Request");
    assert_false(there(&printer, "/local/c.sl1"));
    buffer_free(&first_rest);
    buffer_free(&second_rest);
    end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_made_by_a_form_and_by_their_path),
        cmocka_unit_test(files_are_copied_and_moved),
        cmocka_unit_test(a_project_is_fetched_from_another_server),
        cmocka_unit_test(what_cannot_be_fetched_leaves_nothing),
        cmocka_unit_test(exposure_is_changed_while_a_project_is_open),
        cmocka_unit_test(the_panel_is_seen_once_a_layer_was_on_it),
        cmocka_unit_test(other_documents_are_those_of_the_specification),
        cmocka_unit_test(what_it_has_not_is_not_moved),
        cmocka_unit_test(settings_are_kept),
        cmocka_unit_test(a_broken_project_is_found_when_it_is_opened),
        cmocka_unit_test(an_upload_is_shown_unless_told_otherwise),
        cmocka_unit_test(a_full_memory_is_told),
        cmocka_unit_test(of_two_with_one_name_the_first_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
