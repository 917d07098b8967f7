/* What comes into an SL1: what it fetches itself, uploads, and what goes wrong with them
 * (prusalink.md 4.2 to 4.5, flavour S). */
#include "tests/protocol/sl1_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/resin.h"
#include "sim/machine/transfer.h"
#include "tests/machine/sl1_writer.h"

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
    sl1_begin(printer);
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
    sl1_end(printer);
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
    sl1_write(&project, &sl1_part);
    assert_int_equal(
        sl1_json(&printer, "POST", "/api/download/local",
                 "{\"url\":\"http://other/a/my%20part.sl1?x=/y\",\"destination\":\"new\","
                 "\"to_select\":true,\"to_print\":false}"),
        201);
    firmware_run(&printer, 1);
    assert_text(buffer_text(&other.asked), "GET /a/my%20part.sl1?x=/y HTTP/1.1\r\nHost: other\r\n");
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", project.size);
    other_says(&other, head, project.bytes, project.size / 2);
    firmware_run(&printer, 3);
    assert_int_equal(sl1_json(&printer, "GET", "/api/download", NULL), 200);
    assert_text(firmware_body(&printer),
                "{\"destination\":\"/new/my part.sl1\",\"progress\":\"0.5\",\"remaining_time\":\"");
    assert_text(firmware_body(&printer), "\"target\":\"local\",\"to_print\":false,"
                                         "\"to_select\":true,\"type\":\"FROM_WEB\","
                                         "\"url\":\"http://other/a/my%20part.sl1?x=/y\"}\n");
    sl1_refused(&printer, 409, "#10506", "POST", "/api/download/local",
                "{\"url\":\"http://other/b.sl1\",\"destination\":\"\"}");
    assert_int_equal(sl1_post_folder(&printer, "", "x"), 409); /* one transfer, whoever asks */
    stream_send(other.stream, project.bytes + project.size / 2, project.size - project.size / 2);
    firmware_run(&printer, 1);
    assert_int_equal(sl1_json(&printer, "GET", "/api/download", NULL), 204);
    assert_true(sl1_there(&printer, "/local/new/my part.sl1"));
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
    sl1_put(&printer, "/local/a.sl1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sl1_refused(&printer, rows[i].status, rows[i].code, "POST", "/api/download/local",
                    rows[i].body);
    }
    sl1_refused(&printer, 404, "#10518", "POST", "/api/download/sdcard",
                "{\"url\":\"http://other/b.sl1\",\"destination\":\"\"}");
    static const char b[] =
        "{\"url\":\"http://other/b.sl1\",\"destination\":\"\",\"rename\":\"c.sl1\"}";
    static const char *const answers[] = {"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                          "nonsense\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sl1_json(&printer, "POST", "/api/download/local", b), 201);
        firmware_run(&printer, 1);
        other_says(&other, answers[i], "", 0);
        firmware_run(&printer, 1);
        if (i == 1) {
            stream_close(other.stream);
            other.stream = NULL;
            firmware_run(&printer, 1);
        }
        assert_int_equal(sl1_json(&printer, "GET", "/api/transfer", NULL), 204);
        assert_false(sl1_there(&printer, "/local/c.sl1"));
        assert_int_equal(sl1_json(&printer, "GET", "/api/printer/error", NULL), 200);
    }
    /* Told to stop. */
    assert_int_equal(sl1_json(&printer, "POST", "/api/download/local", b), 201);
    firmware_run(&printer, 1);
    other_says(&other, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "", 0);
    firmware_run(&printer, 1);
    assert_int_equal(sl1_json(&printer, "DELETE", "/api/download", NULL), 204);
    assert_int_equal(sl1_json(&printer, "GET", "/api/download", NULL), 204);
    assert_int_equal(sl1_json(&printer, "DELETE", "/api/download", NULL), 204);
    sl1_ask(&printer, "GET", "/api/files", NULL, NULL);
    assert_null(strstr(firmware_body(&printer), "c.sl1"));
    end_with_other(&printer, &other);
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
    sl1_ask(printer, "POST", "/api/files/local", sl1_form_type, form);
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
    sl1_begin(&printer);
    assert_int_equal(post_project(&printer, "a.sl1", FIELD("print", "false"), "PK no archive"),
                     201);
    assert_int_equal(sl1_json(&printer, "GET", "/api/job", NULL), 200);
    assert_string_equal(firmware_body(&printer), "{\"state\":\"Ready\"}\n");
    sl1_json(&printer, "GET", "/api/printer/error", NULL);
    assert_text(firmware_body(&printer), "{\"code\":\"#10539\",\"message\":\"Opening the project "
                                         "failed, the file is possibly corrupted.");
    sl1_json(&printer, "GET", "/api/files/local/a.sl1", NULL);
    assert_null(strstr(firmware_body(&printer), "gcodeAnalysis"));
    assert_null(strstr(firmware_body(&printer), "thumbnail"));
    sl1_refused(&printer, 415, "#10539", "POST", "/api/files/local/a.sl1",
                "{\"command\":\"select\"}");
    assert_int_equal(post_project(&printer, "b.sl1", FIELD("print", "true"), "PK no archive"), 415);
    assert_text(firmware_body(&printer), "#10539");
    assert_true(sl1_there(&printer, "/local/b.sl1")); /* all the same */
    assert_int_equal(post_project(&printer, "c.sl1", FIELD("select", "true"), "PK no archive"),
                     415);
    assert_int_equal(post_project(&printer, "d.sl1", FIELD("select", "false"), "PK no archive"),
                     201);
    sl1_end(&printer);
}

static void an_upload_is_shown_unless_told_otherwise(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer project = {0}, form = {0};
    sl1_begin(&printer);
    sl1_write(&project, &sl1_part);
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
            sl1_credentials(), sl1_form_type, form.size);
        firmware_send_bytes(client, head.bytes, head.size);
        firmware_send_bytes(client, form.bytes, form.size);
        assert_text(buffer_text(&client->received), "HTTP/1.1 201 Created");
        buffer_free(&head);
        firmware_run(&printer, 10);
        assert_int_equal(machine_resin_phase(printer.machine),
                         told == 0 ? RESIN_NO_PROJECT : RESIN_CONFIRM);
    }
    assert_int_equal(sl1_json(&printer, "DELETE", "/api/files/local/1.sl1", NULL), 204);
    assert_int_equal(machine_resin_phase(printer.machine), RESIN_NO_PROJECT);
    buffer_free(&project);
    buffer_free(&form);
    sl1_end(&printer);
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
                  sl1_credentials(), sl1_form_type, form.size);
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
    assert_true(free_bytes(&printer) == before && !sl1_there(&printer, "/local/a.sl1"));
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
    sl1_json(&printer, "GET", "/api/files", NULL);
    char text[64];
    snprintf(text, sizeof text, "\"free\":%llu,\"total\":1000000}",
             (unsigned long long)(before - 900000));
    assert_text(firmware_body(&printer), text);
    buffer_free(&rest);
    sl1_end(&printer);
}

static void of_two_with_one_name_the_first_is_taken(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer first_rest = {0}, second_rest = {0};
    sl1_begin(&printer);
    struct firmware_client *first = half_sent(&printer, "a.sl1", 500000, &first_rest);
    struct firmware_client *second = half_sent(&printer, "a.sl1", 1000, &second_rest);
    assert_text(buffer_text(&second->received), "HTTP/1.1 409 Conflict");
    assert_text(buffer_text(&second->received), "#10506");
    firmware_send_bytes(first, first_rest.bytes, first_rest.size);
    assert_text(buffer_text(&first->received), "HTTP/1.1 201 Created");
    second = half_sent(&printer, "a.sl1", 1000, &second_rest);
    firmware_send_bytes(second, second_rest.bytes, second_rest.size);
    assert_text(buffer_text(&second->received), "#10520");
    sl1_json(&printer, "GET", "/api/files/local/a.sl1", NULL);
    assert_text(firmware_body(&printer), "\"size\":500000,");
    /* The name is taken while it is on its way. */
    first = half_sent(&printer, "b.sl1", 1000, &first_rest);
    sl1_put(&printer, "/local/b.sl1");
    firmware_send_bytes(first, first_rest.bytes, first_rest.size);
    assert_text(buffer_text(&first->received), "#10520");
    sl1_json(&printer, "GET", "/api/files/local/b.sl1", NULL);
    assert_text(firmware_body(&printer), "\"gcodeAnalysis\"");
    /* Told by somebody else to stop. */
    first = half_sent(&printer, "c.sl1", 1000, &first_rest);
    assert_true(machine_transfer_stop(printer.machine));
    firmware_send_bytes(first, first_rest.bytes, first_rest.size);
    assert_text(buffer_text(&first->received), "HTTP/1.1 400 Bad Request");
    assert_false(sl1_there(&printer, "/local/c.sl1"));
    buffer_free(&first_rest);
    buffer_free(&second_rest);
    sl1_end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_project_is_fetched_from_another_server),
        cmocka_unit_test(what_cannot_be_fetched_leaves_nothing),
        cmocka_unit_test(a_broken_project_is_found_when_it_is_opened),
        cmocka_unit_test(an_upload_is_shown_unless_told_otherwise),
        cmocka_unit_test(a_full_memory_is_told),
        cmocka_unit_test(of_two_with_one_name_the_first_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
