/* The SL1 dialect of PrusaLink (prusalink.md, flavour S). */
#include "tests/protocol/sl1_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/resin.h"
#include "sim/wire/digest.h"
#include "tests/machine/sl1_writer.h"

static struct buffer answer_copy;

static void begin(struct firmware *printer)
{
    firmware_begin(printer, "sl1", 0);
}

static const struct sl1_written part = {.printer_model = "SL1",
                                        .layers = 20,
                                        .width = 100,
                                        .height = 100,
                                        .white = 50,
                                        .exposure_s = 2,
                                        .exposure_first_s = 25,
                                        .used_ml = 0.01};

static void put_project(struct firmware *printer, const char *path)
{
    assert_int_equal(machine_put_file(printer->machine, path, sl1_content(&part)), STORAGE_OK);
}

static void end(struct firmware *printer)
{
    firmware_end(printer);
    sl1_forget();
    buffer_free(&answer_copy);
}

static void nginx_asks_for_digest_with_qop(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    const char *answer =
        firmware_ask_bare(&printer, "GET", "/api/version", "Accept: application/json\r\n", NULL);
    assert_text(answer, "HTTP/1.1 401 Unauthorized\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 ");
    assert_text(answer, "Connection: close\r\nWWW-Authenticate: Digest algorithm=\"MD5\", "
                        "qop=\"auth\", realm=\"prusa-sl1\", nonce=\"");
    assert_text(firmware_body(&printer), "{\"code\":\"#10406\",\"message\":\"");
    assert_text(firmware_body(&printer), "\"url\":\"https://help.prusa3d.com/en/10406\"}\n");
    sl1_ask(&printer, "GET", "/api/version", NULL, NULL);
    assert_int_equal(printer.status, 200);
    assert_string_equal(firmware_body(&printer),
                        "{\"api\":\"0.1\",\"hostname\":\"prusa-sl1\",\"server\":\"1.1.0\","
                        "\"text\":\"Prusa SLA 1.0.5\"}\n");
    firmware_ask_bare(&printer, "GET", "/anything", NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: x\r\n", NULL);
    assert_text(buffer_text(&printer.reply), "WWW-Authenticate: ApiKey ");
    assert_int_equal(strlen(link_face_password(printer.face)), 8);
    sl1_ask(&printer, "GET", "/api/v1/status", NULL, NULL);
    assert_int_equal(printer.status, 404);
    end(&printer);
}

static void nonces_wear_out_and_guessing_is_paid_for(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    firmware_ask_bare(&printer, "GET", "/api/version", NULL, NULL);
    sl1_authorize(&printer, "GET", "/api/version", link_face_password(printer.face));
    for (int i = 0; i < 30; i++) {
        firmware_ask_bare(&printer, "GET", "/api/version", sl1_credentials(), NULL);
        assert_int_equal(printer.status, 200);
    }
    assert_text(firmware_ask_bare(&printer, "GET", "/api/version", sl1_credentials(), NULL),
                ", stale=\"true\"");
    sl1_authorize(&printer, "GET", "/api/version", link_face_password(printer.face));
    firmware_run(&printer, 121);
    assert_text(firmware_ask_bare(&printer, "GET", "/api/version", sl1_credentials(), NULL),
                ", stale=\"true\"");
    for (int i = 0; i < 30; i++) {
        sl1_authorize(&printer, "GET", "/api/version", "guess");
        firmware_ask_bare(&printer, "GET", "/api/version", sl1_credentials(), NULL);
        assert_int_equal(printer.status, 401);
    }
    sl1_authorize(&printer, "GET", "/api/version", link_face_password(printer.face));
    firmware_ask_bare(&printer, "GET", "/api/version", sl1_credentials(), NULL);
    assert_int_equal(printer.status, 401);
    firmware_run(&printer, 6);
    sl1_authorize(&printer, "GET", "/api/version", link_face_password(printer.face));
    firmware_ask_bare(&printer, "GET", "/api/version", sl1_credentials(), NULL);
    assert_int_equal(printer.status, 200);
    end(&printer);
}

static void an_idle_printer_says_little(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    sl1_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_string_equal(firmware_body(&printer), "{\"state\":\"Ready\"}\n");
    sl1_ask(&printer, "GET", "/api/printer", NULL, NULL);
    assert_text(firmware_body(&printer),
                "{\"sd\":[{\"ready\":false}],\"state\":{\"flags\":{\"cancelling\":false,"
                "\"closedOrError\":false,\"error\":false,\"operational\":true,\"paused\":false,"
                "\"pausing\":false,\"printing\":false,\"ready\":true,\"sdReady\":true},"
                "\"text\":\"Ready\"},\"telemetry\":{\"coverClosed\":true,\"fanBlower\":");
    assert_text(firmware_body(&printer), "\"temperature\":{\"bed\":{\"actual\":");
    sl1_ask(&printer, "GET", "/api/printer?exclude=temperature,sd", NULL, NULL);
    assert_text(firmware_body(&printer), "{\"state\":{");
    assert_null(strstr(firmware_body(&printer), "temperature"));
    sl1_ask(&printer, "GET", "/api/printerprofiles", NULL, NULL);
    assert_text(firmware_body(&printer), "\"projectExtensions\":[\".sl1\"]");
    sl1_ask(&printer, "GET", "/api/printer/error", NULL, NULL);
    sl1_ask(&printer, "GET", "/api/transfer", NULL, NULL);
    assert_int_equal(printer.status, 204);
    printer.settings.quirks &= ~(UINT64_C(1) << 30);
    sl1_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_string_equal(firmware_body(&printer),
                        "{\"job\":null,\"progress\":null,\"state\":\"Ready\"}\n");
    end(&printer);
}

static int command(struct firmware *printer, const char *body)
{
    sl1_ask(printer, "POST", "/api/job", "Accept: application/json\r\n", body);
    return printer->status;
}

static void a_project_is_opened_confirmed_and_stopped(void **state)
{
    (void)state;
    struct firmware printer;
    begin(&printer);
    put_project(&printer, "/local/part one.sl1");
    sl1_ask(&printer, "GET", "/api/files", NULL, NULL);
    assert_text(firmware_body(&printer),
                "\"display\":\"part one.sl1\",\"gcodeAnalysis\":{\"estimatedPrintTime\":");
    assert_text(firmware_body(&printer),
                "\"download\":\"http://printer/api/downloads/local/part%20one.sl1\"");
    assert_int_equal(command(&printer, "{\"command\":\"start\"}"), 409);
    assert_text(firmware_body(&printer), "\"#10506\"");
    sl1_ask(&printer, "POST", "/api/files/local/part%20one.sl1", NULL, "{\"command\":\"select\"}");
    assert_int_equal(printer.status, 204);
    for (int i = 0; i < 60 && machine_resin_phase(printer.machine) != RESIN_CONFIRM; i++) {
        firmware_run(&printer, 1);
    }
    sl1_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_text(firmware_body(&printer), "\"state\":\"Selected\"}\n");
    sl1_ask(&printer, "DELETE", "/api/files/local/part%20one.sl1", NULL, NULL);
    assert_int_equal(printer.status, 204); /* who only looks at it lets it go */
    sl1_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_string_equal(firmware_body(&printer), "{\"state\":\"Ready\"}\n");
    put_project(&printer, "/local/part one.sl1");
    sl1_ask(&printer, "POST", "/api/files/local/part%20one.sl1", NULL, "{\"command\":\"select\"}");
    firmware_run(&printer, 10);
    assert_int_equal(command(&printer, "{\"command\":\"start\"}"), 204);
    for (int i = 0; i < 600 && machine_resin_phase(printer.machine) != RESIN_PRINTING; i++) {
        if (machine_resin_phase(printer.machine) == RESIN_POUR_IN_RESIN) {
            sl1_ask(&printer, "GET", "/api/job", NULL, NULL);
            assert_text(firmware_body(&printer), "\"state\":\"Paused\"}");
            command(&printer, "{\"command\":\"pause\",\"action\":\"resume\"}");
        }
        firmware_run(&printer, 1);
    }
    sl1_ask(&printer, "DELETE", "/api/files/local/part%20one.sl1", NULL, NULL);
    assert_int_equal(printer.status, 409);
    sl1_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_text(firmware_body(&printer), "{\"job\":{\"estimatedPrintTime\":");
    assert_text(firmware_body(&printer), "\"exposureTime\":2000,\"exposureTimeFirst\":25000,");
    assert_text(firmware_body(&printer), "\"progress\":{\"completion\":0.");
    assert_text(firmware_body(&printer), "\"state\":\"Printing\"}\n");
    assert_int_equal(command(&printer, "{\"command\":\"pause\",\"action\":\"pause\"}"), 204);
    for (int i = 0; i < 120 && machine_resin_phase(printer.machine) != RESIN_FEED_ME; i++) {
        firmware_run(&printer, 1);
    }
    sl1_ask(&printer, "POST", "/api/system/commands/custom/resinrefill", NULL, NULL);
    assert_int_equal(printer.status, 204);
    assert_int_equal(command(&printer, "{\"command\":\"pause\",\"action\":\"toggle\"}"), 204);
    for (int i = 0; i < 600 && machine_resin_phase(printer.machine) != RESIN_PRINTING; i++) {
        firmware_run(&printer, 1);
    }
    assert_int_equal(command(&printer, "{\"command\":\"cancel\"}"), 204);
    assert_int_equal(command(&printer, "{\"command\":\"fly\"}"), 400);
    assert_text(firmware_body(&printer), "\"#10407\"");
    end(&printer);
}

/* ---- uploads ---- */

static const char form_type[] = "Content-Type: multipart/form-data; boundary=xx\r\n"
                                "Accept: application/json\r\n";

static void make_form(struct buffer *out, const char *name, const char *print,
                      const struct buffer *content)
{
    buffer_clear(out);
    buffer_format(out,
                  "--xx\r\nContent-Disposition: form-data; name=\"print\"\r\n\r\n%s\r\n"
                  "--xx\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/new\r\n"
                  "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n",
                  print, name);
    buffer_append(out, content->bytes, content->size);
    buffer_append_text(out, "\r\n--xx--\r\n");
}

/* Bodies that are not text: over the wire by hand. */
static int post_form(struct firmware *printer, const struct buffer *form)
{
    struct buffer head = {0};
    firmware_ask_bare(printer, "GET", "/api/version", NULL, NULL);
    sl1_authorize(printer, "POST", "/api/files/local", link_face_password(printer->face));
    struct firmware_client *client = firmware_connect(printer);
    buffer_format(
        &head, "POST /api/files/local HTTP/1.1\r\nHost: printer\r\n%s%sContent-Length: %zu\r\n\r\n",
        sl1_credentials(), form_type, form->size);
    firmware_send_bytes(client, head.bytes, head.size);
    if (client->stream != NULL && !client->finished) {
        firmware_send_bytes(client, form->bytes, form->size);
    }
    int status = 0;
    sscanf(buffer_text(&client->received), "HTTP/1.1 %d", &status);
    buffer_clear(&answer_copy);
    buffer_append(&answer_copy, buffer_text(&client->received), client->received.size);
    firmware_close(client);
    buffer_free(&client->received);
    printer->client_count--;
    buffer_free(&head);
    return status;
}

static void read_project(struct buffer *out)
{
    sl1_write(out, &part);
}

static const char *local_tree(struct firmware *printer)
{
    const struct storage *local = machine_storage_of(printer->machine, "/local", NULL);
    buffer_clear(&answer_copy);
    for (uint32_t i = 0; i < local->root->child_count; i++) {
        const struct file_node *child = local->root->children[i];
        buffer_format(&answer_copy, "%s ", child->name);
        for (uint32_t k = 0; child->folder && k < child->child_count; k++) {
            buffer_format(&answer_copy, "%s/%s ", child->name, child->children[k]->name);
        }
    }
    return buffer_text(&answer_copy);
}

static void forms_bring_projects(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer form = {0}, project = {0};
    begin(&printer);
    read_project(&project);
    make_form(&form, "a.sl1", "false", &project);
    assert_int_equal(post_form(&printer, &form), 201);
    assert_text(buffer_text(&answer_copy),
                "{\"done\":true,\"files\":{\"local\":{\"name\":\"a.sl1\",\"origin\":\"local\","
                "\"path\":\"new/a.sl1\",\"refs\":{\"download\":"
                "\"http://printer/api/downloads/local/new/a.sl1\"");
    assert_string_equal(local_tree(&printer), "new new/a.sl1 ");
    assert_int_equal(post_form(&printer, &form), 409);
    assert_text(buffer_text(&answer_copy), "\"#10520\"");
    make_form(&form, "a.gcode", "false", &project);
    assert_int_equal(post_form(&printer, &form), 415);
    make_form(&form, "../a.sl1", "false", &project);
    assert_int_equal(post_form(&printer, &form), 400);
    form.size -= 20; /* cut, as announced */
    assert_int_equal(post_form(&printer, &form), 400);
    assert_string_equal(local_tree(&printer), "new new/a.sl1 ");
    make_form(&form, "b.sl1", "true", &project);
    assert_int_equal(post_form(&printer, &form), 201);
    make_form(&form, "c.sl1", "true", &project);
    int second = post_form(&printer, &form);
    assert_true(second == 201 || second == 409); /* opened anew unless it is confirmed already */
    assert_string_equal(local_tree(&printer), "new new/a.sl1 new/b.sl1 new/c.sl1 ");
    buffer_free(&form);
    buffer_free(&project);
    end(&printer);
}

static void what_is_cut_leaves_nothing(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer form = {0}, project = {0}, head = {0};
    begin(&printer);
    read_project(&project);
    make_form(&form, "a.sl1", "false", &project);
    firmware_ask_bare(&printer, "GET", "/api/version", NULL, NULL);
    sl1_authorize(&printer, "POST", "/api/files/local", link_face_password(printer.face));
    struct firmware_client *client = firmware_connect(&printer);
    buffer_format(
        &head, "POST /api/files/local HTTP/1.1\r\nHost: printer\r\n%s%sContent-Length: %zu\r\n\r\n",
        sl1_credentials(), form_type, form.size);
    firmware_send_bytes(client, head.bytes, head.size);
    firmware_send_bytes(client, form.bytes, form.size / 2);
    sl1_ask(&printer, "GET", "/api/transfer", NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_close(client);
    sl1_ask(&printer, "GET", "/api/transfer", NULL, NULL);
    assert_int_equal(printer.status, 204);
    assert_string_equal(local_tree(&printer), "");
    buffer_free(&form);
    buffer_free(&project);
    buffer_free(&head);
    end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nginx_asks_for_digest_with_qop),
        cmocka_unit_test(nonces_wear_out_and_guessing_is_paid_for),
        cmocka_unit_test(an_idle_printer_says_little),
        cmocka_unit_test(a_project_is_opened_confirmed_and_stopped),
        cmocka_unit_test(forms_bring_projects),
        cmocka_unit_test(what_is_cut_leaves_nothing),
    };
    return cmocka_run_group_tests_name("link_sl1", tests, NULL, NULL);
}
