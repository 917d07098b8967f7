/* Every misbehaviour of the PrusaLink server does what it says, and a server without any is as
 * before. */
#include "tests/protocol/firmware_bench.h"

#include <stdio.h>
#include <string.h>

#include "sim/protocol/link/misbehave.h"

static const char *with(struct firmware *printer, const char *misbehaviour, const char *method,
                        const char *target, const char *body)
{
    struct error error = {""};
    if (!link_face_misbehave(printer->face, misbehaviour, &error)) {
        fail_msg("%s", error.text);
    }
    const char *answer = firmware_ask(printer, method, target, NULL, body);
    assert_int_equal(link_face_behave(printer->face, NULL), 1);
    return answer;
}

static const char status[] = "/api/v1/status", version[] = "/api/version";

static void credentials_are_turned_away(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_text(with(&printer, "stale", "GET", status, NULL), "stale=true");
    assert_int_equal(printer.status, 401);
    assert_text(with(&printer, "unauthorized", "GET", status, NULL), "stale=false");
    assert_true(link_face_misbehave(printer.face, "no-nonce", NULL));
    assert_text(firmware_ask_bare(&printer, "GET", status, NULL, NULL),
                "WWW-Authenticate: Digest realm=\"Printer API\", stale=false\r\n");
    assert_true(link_face_misbehave(printer.face, "no-challenge", NULL));
    assert_null(strstr(firmware_ask_bare(&printer, "GET", status, NULL, NULL), "WWW-Auth"));
    assert_int_equal(link_face_behave(printer.face, NULL), 2);
    assert_true(link_face_misbehave(printer.face, "unauthorized:1", NULL));
    firmware_ask(&printer, "GET", status, NULL, NULL);
    assert_int_equal(printer.status, 401);
    firmware_ask(&printer, "GET", status, NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_end(&printer);
}

static int with_nonce(struct firmware *printer, const char *nonce)
{
    struct buffer credentials = {0};
    firmware_authorize(printer, &credentials, "GET", status, nonce,
                       link_face_password(printer->face));
    firmware_ask_bare(printer, "GET", status, buffer_text(&credentials), NULL);
    buffer_free(&credentials);
    return printer->status;
}

/* Who takes a new nonce for each request never meets one that is stale. */
static void a_nonce_expires_when_it_comes_again(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer first = {0};
    firmware_begin(&printer, "mk4", 0);
    assert_true(link_face_misbehave(printer.face, "expire:1", NULL));
    firmware_take_nonce(&printer, firmware_ask_bare(&printer, "GET", status, NULL, NULL));
    buffer_append_text(&first, buffer_text(&printer.nonce));
    assert_int_equal(with_nonce(&printer, buffer_text(&first)), 200);
    firmware_take_nonce(&printer, firmware_ask_bare(&printer, "GET", status, NULL, NULL));
    assert_int_equal(with_nonce(&printer, buffer_text(&printer.nonce)), 200);
    assert_int_equal(with_nonce(&printer, buffer_text(&first)), 401);
    assert_non_null(strstr(buffer_text(&printer.reply), "stale=true"));
    firmware_take_nonce(&printer, buffer_text(&printer.reply));
    assert_int_equal(with_nonce(&printer, buffer_text(&printer.nonce)), 200);
    assert_int_equal(with_nonce(&printer, buffer_text(&printer.nonce)), 200); /* it was once */
    buffer_free(&first);
    firmware_end(&printer);
}

static void a_daemon_can_be_lenient_too(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk3s", 0);
    firmware_run(&printer, 90); /* until the daemon knows its printer */
    firmware_ask_bare(&printer, "GET", status, NULL, NULL);
    assert_int_equal(printer.status, 401);
    assert_true(link_face_misbehave(printer.face, "open", NULL));
    firmware_ask_bare(&printer, "GET", status, NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_end(&printer);
}

static void lenient_servers_take_too_much(void **state)
{
    (void)state;
    struct firmware printer;
    char key[64];
    firmware_begin(&printer, "mk4", 0);
    assert_true(link_face_misbehave(printer.face, "open", NULL));
    firmware_ask_bare(&printer, "GET", status, NULL, NULL);
    assert_int_equal(printer.status, 200);
    link_face_behave(printer.face, NULL);
    assert_true(link_face_misbehave(printer.face, "key-prefix", NULL));
    snprintf(key, sizeof key, "X-Api-Key: %.5s\r\n", link_face_api_key(printer.face));
    firmware_ask_bare(&printer, "GET", status, key, NULL);
    assert_int_equal(printer.status, 200);
    firmware_ask_bare(&printer, "GET", status, "X-Api-Key: nothing\r\n", NULL);
    assert_int_equal(printer.status, 401);
    link_face_behave(printer.face, "key-prefix");
    firmware_ask_bare(&printer, "GET", status, key, NULL);
    assert_int_equal(printer.status, 401);
    struct buffer line = {0};
    firmware_take_nonce(&printer, firmware_ask_bare(&printer, "GET", status, NULL, NULL));
    firmware_authorize(&printer, &line, "GET", "/api/v1/transfer", buffer_text(&printer.nonce),
                       link_face_password(printer.face));
    firmware_ask_bare(&printer, "DELETE", "/api/v1/transfer", buffer_text(&line), NULL);
    assert_int_equal(printer.status, 401);
    assert_true(link_face_misbehave(printer.face, "any-method", NULL));
    firmware_ask_bare(&printer, "DELETE", "/api/v1/transfer", buffer_text(&line), NULL);
    assert_int_equal(printer.status, 204);
    buffer_clear(&line);
    firmware_authorize(&printer, &line, "GET", status, buffer_text(&printer.nonce), "guess");
    assert_true(link_face_misbehave(printer.face, "any-password", NULL));
    firmware_ask_bare(&printer, "GET", status, buffer_text(&line), NULL);
    assert_int_equal(printer.status, 200);
    buffer_free(&line);
    firmware_end(&printer);
}

static void replies_are_spoilt(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_text(with(&printer, "status=503", "GET", status, NULL),
                "HTTP/1.1 503 Service Unavailable\r\n");
    assert_text(with(&printer, "replace=200:202", "GET", status, NULL), "HTTP/1.1 202 Accepted");
    assert_text(with(&printer, "replace=204:200", "GET", status, NULL), "HTTP/1.1 200 OK");
    assert_text(with(&printer, "close-behind", "GET", status, NULL), "Connection: close\r\n");
    assert_text(with(&printer, "garbage", "GET", status, NULL), "SSH-2.0");
    assert_string_equal(with(&printer, "silent", "GET", status, NULL), "");
    assert_string_equal(with(&printer, "reset", "GET", status, NULL), "");
    assert_string_equal(with(&printer, "close", "GET", status, NULL), "");
    const char *half = with(&printer, "half-body", "GET", version, NULL);
    assert_null(strstr(half, "\r\n0\r\n"));
    assert_text(half, "{\"api\"");
    assert_text(with(&printer, "wrong-length=7", "GET", "/api/settings", NULL),
                "Content-Length: 22\r\n");
    assert_text(with(&printer, "endless-headers=300", "GET", version, NULL), "X-Filler-299: ");
    assert_text(with(&printer, "drop-header=content-type", "GET", version, NULL),
                "200 OK\r\nConnection");
    assert_text(with(&printer, "set-header=ETag: 1", "GET", version, NULL), "ETag: 1\r\n\r\n");
    assert_text(with(&printer, "body=<p>", "GET", version, NULL), "\r\n\r\n0003\r\n<p>\r\n0\r\n");
    assert_null(strstr(with(&printer, "broken-json", "GET", version, NULL), "true}}"));
    assert_text(with(&printer, "not-object", "GET", version, NULL), "[\"an array\"]");
    firmware_end(&printer);
}

static void members_of_documents_are_spoilt(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    with(&printer, "drop-key=api", "GET", version, NULL);
    assert_text(firmware_body(&printer), "{\"server\":\"2.1.2\",");
    with(&printer, "drop-key=capabilities", "GET", version, NULL);
    assert_text(firmware_body(&printer), "\"hostname\":\"prusa-mk4\"}");
    with(&printer, "drop-key=upload-by-put", "GET", version, NULL);
    assert_text(firmware_body(&printer), "\"capabilities\":{}}");
    with(&printer, "null-key=temp_bed", "GET", status, NULL);
    assert_text(firmware_body(&printer), "\"temp_bed\":null,\"target_bed\":0.0");
    with(&printer, "retype-key=nozzle_diameter", "GET", version, NULL);
    assert_text(firmware_body(&printer), "\"nozzle_diameter\":\"0.40\",");
    with(&printer, "retype-key=text", "GET", version, NULL);
    assert_text(firmware_body(&printer), "\"text\":PrusaLink,");
    with(&printer, "set-key=storage:[{\"path\":\"/local\"}]", "GET", status, NULL);
    assert_text(firmware_body(&printer), "{\"storage\":[{\"path\":\"/local\"}],\"printer\"");
    with(&printer, "rename-key=state:mood", "GET", status, NULL);
    assert_text(firmware_body(&printer), "\"mood\":\"IDLE\"");
    with(&printer, "add-key", "GET", version, NULL);
    assert_text(firmware_body(&printer), "{\"surprise\":{\"deep\":[1]},\"api\"");
    firmware_end(&printer);
}

static void requests_are_lied_about(void **state)
{
    (void)state;
    struct firmware printer;
    static const char file[] = "/api/v1/files/usb/a.gcode";
    firmware_begin(&printer, "mk4", 0);
    with(&printer, "lie=201@PUT/api/v1/files", "PUT", file, "G28\n");
    assert_int_equal(printer.status, 201);
    assert_string_equal(firmware_tree(&printer), "");
    with(&printer, "early=503@PUT", "PUT", file, "G28\n");
    assert_int_equal(printer.status, 503);
    assert_string_equal(with(&printer, "cut=2@PUT", "PUT", file, "G28\n"), "");
    assert_string_equal(firmware_tree(&printer), "");
    firmware_ask(&printer, "PUT", file, NULL, "G28\n");
    assert_int_equal(printer.status, 201);
    with(&printer, "assume-header=Overwrite: ?1", "PUT", file, "G29\n");
    assert_int_equal(printer.status, 201);
    assert_true(link_face_misbehave(printer.face, "ignore-header=Overwrite", NULL));
    firmware_ask(&printer, "PUT", file, "Overwrite: ?1\r\n", "G30\n");
    assert_int_equal(printer.status, 409);
    link_face_behave(printer.face, NULL);
    with(&printer, "lie@DELETE", "DELETE", file, NULL);
    assert_int_equal(printer.status, 204);
    assert_string_equal(firmware_tree(&printer), "/usb/a.gcode ");
    with(&printer, "as-method=GET@DELETE", "DELETE", file, NULL);
    assert_int_equal(printer.status, 200);
    firmware_end(&printer);
}

static void time_is_taken(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_true(link_face_misbehave(printer.face, "late=5@/api/version", NULL));
    assert_true(link_face_misbehave(printer.face, "slow=100@/api/v1/status", NULL));
    assert_string_equal(firmware_ask(&printer, "GET", version, NULL, NULL), "");
    struct firmware_client *client = firmware_connect(&printer);
    char text[160];
    snprintf(text, sizeof text, "GET /api/version HTTP/1.1\r\nX-Api-Key: %s\r\n\r\n",
             link_face_api_key(printer.face));
    firmware_send(client, text);
    firmware_run(&printer, 4.9);
    assert_int_equal(client->received.size, 0);
    firmware_run(&printer, 0.2);
    assert_text(buffer_text(&client->received), "200 OK");
    firmware_close(client);
    client = firmware_connect(&printer);
    snprintf(text, sizeof text, "GET /api/v1/status HTTP/1.1\r\nX-Api-Key: %s\r\n\r\n",
             link_face_api_key(printer.face));
    firmware_send(client, text);
    firmware_run(&printer, 2);
    assert_in_range(client->received.size, 190, 230);
    firmware_run(&printer, 10);
    assert_text(buffer_text(&client->received), "\r\n0\r\n\r\n");
    firmware_end(&printer);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"nothing", "no such misbehaviour"},    {"status=abc", "expected a status"},
        {"late=-1", "expected seconds"},        {"stale=1", "takes no argument"},
        {"set-header=Age", "expected NAME"},    {"drop-key", "needs KEY"},
        {"cut=1.5", "expected a whole number"}, {"replace=204", "expected STATUS:STATUS"},
        {"stale:0", "1 or more times"},         {"stale%101", "at most 100 %"},
        {"status503", "no such misbehaviour"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = {""};
        assert_false(link_misbehaviour_check(wrong[i][0], &error));
        assert_text(error.text, wrong[i][1]);
    }
    size_t count;
    const struct link_misbehaviour *list = link_misbehaviour_list(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(link_misbehaviour_find(list[i].name), &list[i]);
        assert_true(list[i].argument == NULL || list[i].fallback == NULL ||
                    link_misbehaviour_check(list[i].name, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_turned_away),
        cmocka_unit_test(a_nonce_expires_when_it_comes_again),
        cmocka_unit_test(lenient_servers_take_too_much),
        cmocka_unit_test(a_daemon_can_be_lenient_too),
        cmocka_unit_test(replies_are_spoilt),
        cmocka_unit_test(members_of_documents_are_spoilt),
        cmocka_unit_test(requests_are_lied_about),
        cmocka_unit_test(time_is_taken),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests_name("link_misbehave", tests, NULL, NULL);
}
