/* The Buddy dialect of PrusaLink, byte for byte (prusalink.md, flavour B). */
#include "tests/protocol/firmware_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answers_are_written_as_the_firmware_writes_them(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/version", NULL, NULL),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0087\r\n"
        "{\"api\":\"2.0.0\",\"server\":\"2.1.2\",\"nozzle_diameter\":0.40,\"text\":\"PrusaLink\","
        "\"hostname\":\"prusa-mk4\",\"capabilities\":{\"upload-by-put\":true}}\r\n0\r\n\r\n");
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/v1/storage", "Connection: close\r\n", NULL),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"storage_list\":[{\"path\":\"/usb/\",\"name\":\"usb\",\"type\":\"USB\","
        "\"read_only\":false,\"available\":true}]}");
    firmware_ask(&printer, "GET", "/api/v1/status", NULL, NULL);
    assert_string_equal(
        firmware_body(&printer),
        "{\"storage\":{\"path\":\"/usb/\",\"name\":\"usb\",\"read_only\":false},\"printer\":{"
        "\"state\":\"IDLE\",\"temp_bed\":25.0,\"target_bed\":0.0,\"temp_nozzle\":25.0,"
        "\"target_nozzle\":0.0,\"axis_z\":0.0,\"axis_x\":0.0,\"axis_y\":0.0,\"flow\":100,"
        "\"speed\":100,\"fan_hotend\":0,\"fan_print\":0}}");
    firmware_ask(&printer, "GET", "/api/printer", NULL, NULL);
    assert_string_equal(
        firmware_body(&printer),
        "{\"telemetry\":{\"temp-bed\":25.0,\"temp-nozzle\":25.0,\"print-speed\":100,"
        "\"z-height\":0.0,\"material\":\"PLA\"},\"temperature\":{\"tool0\":{\"actual\":25.0,"
        "\"target\":0.0,\"display\":0.0,\"offset\":0},\"bed\":{\"actual\":25.0,\"target\":0.0,"
        "\"offset\":0}},\"state\":{\"text\":\"Operational\",\"flags\":{\"operational\":true,"
        "\"paused\":false,\"printing\":false,\"cancelling\":false,\"pausing\":false,"
        "\"error\":false,\"sdReady\":false,\"closedOnError\":false,\"ready\":true,"
        "\"busy\":false}}}");
    firmware_ask(&printer, "GET", "/api/job", NULL, NULL);
    assert_string_equal(firmware_body(&printer),
                        "{\"state\":\"Operational\",\"job\": null,\"progress\": null}");
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/settings", NULL, NULL),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        "Content-Length: 15\r\n\r\n{\"printer\": {}}");
    assert_string_equal(
        firmware_ask(&printer, "GET", "/api/v1/job", NULL, NULL),
        "HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n"
        "Content-Length: 0\r\n\r\n");
    firmware_end(&printer);
}

/* ---- credentials (PL-AUTH) ---- */

static void challenges_are_the_firmwares(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    const char *answer = firmware_ask_bare(&printer, "GET", "/api/version", NULL, NULL);
    assert_text(answer, "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\n"
                        "Connection: keep-alive\r\nContent-Length: 20\r\n"
                        "WWW-Authenticate: Digest realm=\"Printer API\", nonce=\"");
    assert_text(answer, "\", stale=false\r\n\r\n401: Unauthorized\n\n\n");
    firmware_take_nonce(&printer, answer);
    assert_int_equal(printer.nonce.size, 16);
    firmware_ask_digest(&printer, "GET", "/api/v1/status", NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_ask_bare(&printer, "GET", "/api/not", NULL, NULL); /* PL-AUTH-17 */
    assert_int_equal(printer.status, 401);
    firmware_ask(&printer, "GET", "/api/not", NULL, NULL);
    assert_int_equal(printer.status, 404);
    assert_text(firmware_ask_bare(&printer, "PUT", "/api/v1/files/usb/a.gcode", NULL, "G28"),
                "Connection: close\r\n"); /* PL-AUTH-19 */
    assert_int_equal(printer.status, 401);
    assert_text(firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: wrong\r\n", NULL),
                "WWW-Authenticate: ApiKey realm=\"Printer API\"\r\n");
    assert_text(firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: \r\n", NULL),
                "WWW-Authenticate: Digest");
    assert_text(firmware_ask_bare(&printer, "GET", "/api/version",
                                  "Authorization: Basic bWFrZXI6cGFzc3dvcmQ=\r\n", NULL),
                "stale=false");
    firmware_ask_bare(&printer, "GET", "/", NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_end(&printer);
}

static int status_of(struct firmware *printer, const char *headers)
{
    firmware_ask_bare(printer, "GET", "/api/version", headers, NULL);
    return printer->status;
}

static void keys_are_compared_whole_and_the_last_credentials_count(void **state)
{
    (void)state;
    struct firmware printer;
    char text[512];
    firmware_begin(&printer, "mk4", 0);
    const char *key = link_face_api_key(printer.face);
    assert_int_equal(strlen(key), 15);
    assert_string_equal(key, link_face_password(printer.face));
    snprintf(text, sizeof text, "x-api-key: %s\r\n", key);
    assert_int_equal(status_of(&printer, text), 200);
    snprintf(text, sizeof text, "X-Api-Key: %sx\r\n", key);
    assert_int_equal(status_of(&printer, text), 401);
    snprintf(text, sizeof text, "X-Api-Key: %.14s\r\n", key);
    assert_int_equal(status_of(&printer, text), 401);
    static const char digest[] =
        "Authorization: Digest nonce=\"0000000000000000\", response=\"00\"\r\n";
    snprintf(text, sizeof text, "%sX-Api-Key: %s\r\n", digest, key); /* PL-AUTH-18 */
    assert_int_equal(status_of(&printer, text), 200);
    snprintf(text, sizeof text, "X-Api-Key: %s\r\n%s", key, digest);
    assert_int_equal(status_of(&printer, text), 401);
    firmware_end(&printer);
}

static void nonces_grow_stale_with_their_time_and_their_boot(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer line = {0};
    static const char target[] = "/api/version";
    firmware_begin(&printer, "mk4", 0);
    firmware_take_nonce(&printer, firmware_ask_bare(&printer, "GET", target, NULL, NULL));
    const char *password = link_face_password(printer.face);
    firmware_authorize(&printer, &line, "GET", target, buffer_text(&printer.nonce), password);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(status_of(&printer, buffer_text(&line)), 200); /* PL-AUTH-08 */
    }
    firmware_run(&printer, 298);
    assert_int_equal(status_of(&printer, buffer_text(&line)), 200);
    firmware_run(&printer, 2);
    assert_text(firmware_ask_bare(&printer, "GET", target, buffer_text(&line), NULL), "stale=true");
    /* A foreign nonce is stale only for who knows the password (PL-AUTH-07). */
    buffer_clear(&line);
    firmware_authorize(&printer, &line, "GET", target, "dcd98b7102dd2f0e", "guess");
    assert_text(firmware_ask_bare(&printer, "GET", target, buffer_text(&line), NULL),
                "stale=false");
    buffer_clear(&line);
    firmware_authorize(&printer, &line, "GET", target, "dcd98b7102dd2f0e", password);
    assert_text(firmware_ask_bare(&printer, "GET", target, buffer_text(&line), NULL), "stale=true");
    firmware_take_nonce(&printer, firmware_ask_bare(&printer, "GET", target, NULL, NULL));
    buffer_clear(&line);
    firmware_authorize(&printer, &line, "GET", target, buffer_text(&printer.nonce), password);
    machine_reset(printer.machine);
    firmware_run(&printer, 30);
    assert_text(firmware_ask_bare(&printer, "GET", target, buffer_text(&line), NULL), "stale=true");
    buffer_free(&line);
    firmware_end(&printer);
}

/* The document's vectors (prusalink.md 2.2): this server finds its own nonces, so only the sum is
 * looked at. */
static void sums_are_those_of_the_document(void **state)
{
    (void)state;
    struct firmware printer;
    struct buffer line = {0};
    firmware_begin(&printer, "mk4", 0);
    firmware_authorize(&printer, &line, "GET", "/api/v1/status", "4f0d1c2b00000e10", "password");
    assert_text(buffer_text(&line), "57962bc3795de0f49dad41265d068c61");
    buffer_clear(&line);
    firmware_authorize(&printer, &line, "GET", "/secret.html", "aaaaaaaa00000000", "password");
    assert_text(buffer_text(&line), "0cbf0ac5ca4c879c35a3b91430214a47");
    buffer_free(&line);
    firmware_end(&printer);
}

/* ---- transport (PL-NET) ---- */

static void form_comes_before_credentials(void **state)
{
    (void)state;
    struct firmware printer;
    char target[200];
    firmware_begin(&printer, "mk4", 0);
    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[169] = '\0';
    assert_text(firmware_ask_bare(&printer, "GET", target, NULL, NULL), "414 URI Too Long");
    target[168] = '\0';
    firmware_ask_bare(&printer, "GET", target, NULL, NULL);
    assert_int_equal(printer.status, 404);
    assert_text(firmware_ask_bare(&printer, "POST", target,
                                  "Content-Type: multipart/form-data; boundary=x\r\n", "x"),
                "431 Request Header Fields Too Large");
    assert_text(firmware_ask_bare(&printer, "PATCH", "/api/v1/status", NULL, NULL),
                "405: Method Not Allowed\n\nUnrecognized method\n");
    firmware_ask(&printer, "get", "/api/version", NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_ask(&printer, "GET", "/api/v1/status?x=1", NULL, NULL); /* PL-NET-13 */
    assert_int_equal(printer.status, 404);
    firmware_end(&printer);
}

static void errors_are_text_unless_json_comes_first(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_text(firmware_ask(&printer, "GET", "/api/no", "Accept: application/json, */*\r\n", NULL),
                "Content-Type: application/json\r\n");
    assert_string_equal(firmware_body(&printer),
                        "{\"title\": \"404: Not Found\",\"message\":\"\"}");
    firmware_ask(&printer, "GET", "/api/no", "Accept: text/html, application/json\r\n", NULL);
    assert_string_equal(firmware_body(&printer), "404: Not Found\n\n\n");
    firmware_ask(&printer, "HEAD", "/api/v1/files/usb/no.gcode", NULL, NULL); /* quirk 24 */
    assert_string_equal(firmware_body(&printer), "404: Not Found\n\n\n");
    printer.settings.quirks &= ~(UINT64_C(1) << 24);
    firmware_ask(&printer, "HEAD", "/api/v1/files/usb/no.gcode", NULL, NULL);
    assert_string_equal(firmware_body(&printer), "");
    firmware_end(&printer);
}

static const char two_gets[] = "GET /w HTTP/1.1\r\n\r\nGET /x HTTP/1.1\n\nGET /y HTTP/1.0\r\r\n";

static void connections_are_kept(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    struct firmware_client *whole = firmware_connect(&printer);
    struct firmware_client *bytes = firmware_connect(&printer);
    firmware_send(whole, two_gets);
    for (const char *at = two_gets; *at != '\0'; at++) {
        firmware_send_bytes(bytes, at, 1);
    }
    assert_text(buffer_text(&whole->received), "Connection: keep-alive\r\nContent-Length: 17\r\n");
    assert_text(buffer_text(&whole->received), "Connection: close\r\nContent-Length: 17\r\n");
    assert_true(whole->finished);
    assert_int_equal(whole->received.size, bytes->received.size);
    assert_memory_equal(whole->received.bytes, bytes->received.bytes, whole->received.size);
    firmware_end(&printer);
}

static void a_get_with_a_body_is_two_requests(void **state)
{
    (void)state;
    struct firmware printer;
    static const char text[] = "GET /x HTTP/1.1\r\nContent-Length: 21\r\n\r\n"
                               "GET /api/x HTTP/1.1\r\n\r\n";
    firmware_begin(&printer, "mk4", 0);
    struct firmware_client *client = firmware_connect(&printer);
    firmware_send(client, text);
    assert_text(buffer_text(&client->received), "401 Unauthorized");
    firmware_close(client);
    printer.settings.quirks &= ~(UINT64_C(1) << 29);
    client = firmware_connect(&printer);
    firmware_send(client, text);
    assert_null(strstr(buffer_text(&client->received), "401"));
    assert_text(buffer_text(&client->received), "404 Not Found");
    firmware_end(&printer);
}

static void silence_ends_connections(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    struct firmware_client *idle = firmware_connect(&printer);
    struct firmware_client *half = firmware_connect(&printer);
    firmware_send(half, "GET /api/ver");
    firmware_run(&printer, 9.9);
    assert_int_equal(half->received.size, 0);
    firmware_run(&printer, 0.2);
    assert_int_equal(half->received.size, 33);
    assert_memory_equal(half->received.bytes, "HTTP/1.1 408 Request Timeout\r\n\r\n\0", 33);
    firmware_run(&printer, 49);
    assert_false(idle->finished);
    firmware_run(&printer, 122);
    assert_true(idle->finished);
    assert_int_equal(idle->received.size, 0);
    struct firmware_client *nonsense = firmware_connect(&printer);
    firmware_send(nonsense, "\x16\x03\x01 what is this\r\n\r\n");
    assert_text(buffer_text(&nonsense->received), "HTTP/1.1 400 Bad Request\r\n");
    firmware_ask(&printer, "GET", "/api/version", NULL, NULL);
    assert_int_equal(printer.status, 200);
    firmware_end(&printer);
}

/* PL-NET-11 */
static void a_fourth_busy_connection_waits_for_one_of_three(void **state)
{
    (void)state;
    struct firmware printer;
    struct firmware_client *busy[3];
    static const char get[] = "GET /x HTTP/1.1\r\n\r\n";
    firmware_begin(&printer, "mk4", 0);
    struct firmware_client *idle = firmware_connect(&printer);
    firmware_send(idle, get);
    assert_text(buffer_text(&idle->received), "404");
    for (int i = 0; i < 3; i++) {
        busy[i] = firmware_connect(&printer);
        firmware_send(busy[i], "GET /x HT");
    }
    struct firmware_client *fourth = firmware_connect(&printer);
    struct firmware_client *fifth = firmware_connect(&printer);
    firmware_send(fourth, get);
    firmware_send(fifth, "GET /x HTTP/1.1\r\n");
    firmware_send(fifth, "\r\n");
    firmware_half_close(fifth);
    buffer_clear(&idle->received);
    firmware_send(idle, get);
    firmware_run(&printer, 5);
    assert_int_equal(fourth->received.size + fifth->received.size + idle->received.size, 0);
    firmware_send(busy[1], "TP/1.1\r\n\r\n");
    firmware_run(&printer, 0.001);
    assert_text(buffer_text(&busy[1]->received), "404");
    assert_text(buffer_text(&fourth->received), "404");
    assert_text(buffer_text(&fifth->received), "404");
    assert_text(buffer_text(&idle->received), "404");
    firmware_run(&printer, 6); /* the others were silent for too long */
    assert_text(buffer_text(&busy[0]->received), "408");
    assert_false(idle->finished);
    firmware_end(&printer);
}

/* ---- files (PL-FILE) ---- */

static void files_are_told_by_short_and_long_names(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    firmware_put(&printer, "/usb/Box 0.2mm.gcode", "G28\n");
    firmware_put(&printer, "/usb/Sub folder/a.bgcode", "x");
    firmware_put(&printer, "/usb/notes.txt", "x");
    firmware_put(&printer, "/usb/.hidden.gcode", "x");
    assert_int_equal(machine_make_folder(printer.machine, "/usb/x.gcode"), STORAGE_OK);
    const char *answer = firmware_ask(&printer, "GET", "/api/v1/files/usb/", NULL, NULL);
    assert_text(answer, "\r\nETag: \"");
    assert_text(answer, "\r\nRead-Only: false\r\nCurrently-Printing: false\r\n\r\n");
    assert_string_equal(
        firmware_body(&printer),
        "{\"type\":\"FOLDER\",\"ro\":false,\"name\":\"usb\",\"children\":[{\"name\":\"BOX02M~1."
        "GCO\","
        "\"ro\":false,\"type\":\"PRINT_FILE\",\"m_timestamp\":1767225615,\"refs\":{"
        "\"icon\":\"/thumb/s/usb/BOX02M~1.GCO\",\"thumbnail\":\"/thumb/l/usb/BOX02M~1.GCO\","
        "\"download\":\"/usb/BOX02M~1.GCO\"},\"display_name\":\"Box 0.2mm.gcode\"},{"
        "\"name\":\"SUBFOL~1\",\"ro\":false,\"type\":\"FOLDER\",\"m_timestamp\":1767225615,"
        "\"display_name\":\"Sub folder\"}]}");
    static const char file[] =
        "{\"name\":\"BOX02M~1.GCO\",\"ro\":false,\"type\":\"PRINT_FILE\","
        "\"m_timestamp\":1767225615,\"size\":4,\"refs\":{\"icon\":\"/thumb/s/usb/BOX02M~1.GCO\","
        "\"thumbnail\":\"/thumb/l/usb/BOX02M~1.GCO\",\"download\":\"/usb/BOX02M~1.GCO\"},"
        "\"display_name\":\"Box 0.2mm.gcode\"}";
    static const char *const spellings[] = {
        "/api/v1/files/usb/Box%200.2mm.gcode", "/api/v1/files/usb//box+0.2MM.GCODE",
        "/api/v1/files/usb/BOX02M~1.GCO", "/api/v1/files/usb/box02m~1.gco"};
    for (size_t i = 0; i < 4; i++) {
        firmware_ask(&printer, "GET", spellings[i], NULL, NULL);
        assert_string_equal(firmware_body(&printer), file);
        assert_null(strstr(buffer_text(&printer.reply), "ETag"));
    }
    firmware_ask(&printer, "GET", "/api/files/usb/BOX02M~1.GCO", NULL, NULL);
    assert_string_equal(firmware_body(&printer),
                        "{\"name\":\"Box 0.2mm.gcode\",\"origin\":\"local\",\"size\":4,\"refs\":{"
                        "\"resource\":\"/api/files/usb/BOX02M~1.GCO\","
                        "\"thumbnailSmall\":\"/thumb/s/usb/BOX02M~1.GCO\","
                        "\"thumbnailBig\":\"/thumb/l/usb/BOX02M~1.GCO\","
                        "\"download\":\"/usb/BOX02M~1.GCO\"}}");
    firmware_ask(&printer, "GET", "/api/files/local", NULL, NULL);
    assert_text(firmware_body(&printer),
                "{\"files\":[{\"name\":\"USB\",\"path\":\"/usb\",\"display\":\"USB\","
                "\"type\":\"folder\",\"origin\":\"usb\",\"children\":[{\"name\":\"BOX02M~1.GCO\","
                "\"display\":\"Box 0.2mm.gcode\",\"path\":\"usb/BOX02M~1.GCO\","
                "\"origin\":\"usb\",\"refs\":{\"resource\":\"/api/files/usb/BOX02M~1.GCO\",");
    firmware_ask(&printer, "GET", "/api/v1/files/local/x.gcode", NULL, NULL);
    assert_int_equal(printer.status, 403);
    firmware_end(&printer);
}

static void long_listings_come_in_chunks_of_the_buffer(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    for (int i = 0; i < 40; i++) {
        char path[64];
        snprintf(path, sizeof path, "/usb/part number %d.gcode", i);
        firmware_put(&printer, path, "G28\n");
    }
    const char *answer = firmware_ask(&printer, "GET", "/api/v1/files/usb", NULL, NULL);
    const char *at = strstr(answer, "\r\n\r\n") + 4;
    size_t chunks = 0, room = 1024 - (size_t)(at - answer);
    for (unsigned long size; (size = strtoul(at, NULL, 16)) > 0; chunks++) {
        bool last = at[6 + size + 2] == '0' && at[6 + size + 3] == '\r';
        assert_in_range(size, 1, room - 8);
        assert_in_range(last ? 0 : room - 8 - size, 0, 120); /* no token is longer */
        room = 1024;
        at += 6 + size + 2;
        if (strtoul(at, NULL, 16) == 0) {
            break;
        }
    }
    assert_string_equal(at, "0\r\n\r\n");
    assert_in_range(chunks, 8, 12);
    firmware_end(&printer);
}

static void listings_have_tags_that_change(void **state)
{
    (void)state;
    struct firmware printer;
    char line[64];
    unsigned first, second;
    firmware_begin(&printer, "mk4", 0);
    const char *answer = firmware_ask(&printer, "GET", "/api/v1/files/usb", NULL, NULL);
    assert_int_equal(sscanf(strstr(answer, "ETag"), "ETag: \"%u\"", &first), 1);
    snprintf(line, sizeof line, "If-None-Match: \"%u\"\r\n", first);
    assert_text(firmware_ask(&printer, "GET", "/api/v1/files/usb", line, NULL),
                "HTTP/1.1 304 Not Modified\r\nContent-Type: text/plain\r\n"
                "Connection: keep-alive\r\nContent-Length: 0\r\nETag: \"");
    firmware_ask(&printer, "GET", "/api/v1/files/usb", "If-None-Match: null\r\n", NULL);
    assert_int_equal(printer.status, 200);
    firmware_ask(&printer, "PUT", "/api/v1/files/usb/a.gcode", NULL, "G28\n");
    answer = firmware_ask(&printer, "GET", "/api/v1/files/usb", line, NULL);
    assert_int_equal(printer.status, 200);
    assert_int_equal(sscanf(strstr(answer, "ETag"), "ETag: \"%u\"", &second), 1);
    assert_int_not_equal(first, second);
    firmware_end(&printer);
}

static void without_a_drive_the_root_is_empty(void **state)
{
    (void)state;
    struct firmware printer;
    firmware_begin(&printer, "mk4", 0);
    assert_true(machine_detach(printer.machine, "usb", NULL));
    firmware_ask(&printer, "GET", "/api/v1/files/usb/", NULL, NULL);
    assert_text(firmware_body(&printer), "\"children\":[]}");
    firmware_ask(&printer, "GET", "/api/v1/files/usb/a.gcode", NULL, NULL);
    assert_int_equal(printer.status, 404);
    firmware_ask(&printer, "GET", "/api/v1/storage", NULL, NULL);
    assert_text(firmware_body(&printer), "\"available\":false");
    assert_text(firmware_ask(&printer, "PUT", "/api/v1/files/usb/a.gcode", NULL, "G28\n"),
                "507: Insufficient Storage\n\nFailed to write to location\n");
    firmware_end(&printer);
}

static void folders_are_made_and_removed_one_by_one(void **state)
{
    (void)state;
    struct firmware printer;
    static const char make[] = "Create-Folder: ?1\r\n";
    firmware_begin(&printer, "mk4", 0);
    assert_text(firmware_ask(&printer, "PUT", "/api/v1/files/usb/TEST", make, ""),
                "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n");
    assert_string_equal(firmware_body(&printer), "201: Created\n\n\n");
    assert_text(firmware_ask(&printer, "PUT", "/api/v1/files/usb/test", make, ""),
                "409: Conflict\n\nAlready exists\n");
    assert_text(firmware_ask(&printer, "PUT", "/api/v1/files/usb/a/b", make, ""),
                "500: Infernal Server Error\n\nError creating directory\n");
    firmware_ask(&printer, "PUT", "/api/v1/files/usb/TEST/in.gcode", NULL, "G28\n");
    firmware_ask(&printer, "DELETE", "/api/v1/files/usb/TEST", "Force: ?1\r\n", NULL);
    assert_int_equal(printer.status, 404); /* quirk 26 */
    printer.settings.quirks &= ~(UINT64_C(1) << 26);
    firmware_ask(&printer, "DELETE", "/api/v1/files/usb/TEST", NULL, NULL);
    assert_int_equal(printer.status, 409);
    firmware_ask(&printer, "DELETE", "/api/v1/files/usb/TEST/in.gcode", NULL, NULL);
    assert_int_equal(printer.status, 204);
    firmware_ask(&printer, "DELETE", "/api/v1/files/usb/TEST", NULL, NULL);
    assert_int_equal(printer.status, 204);
    assert_string_equal(firmware_tree(&printer), "");
    firmware_end(&printer);
}

/* No spelling of ".." leaves the drive, or reads or writes anything. */
static void nobody_leaves_the_drive(void **state)
{
    (void)state;
    struct firmware printer;
    static const char *const ways[] = {"/api/v1/files/usb/../x.gcode",
                                       "/api/v1/files/usb/%2e%2e/x.gcode",
                                       "/api/v1/files/usb/..%2fx.gcode",
                                       "/api/v1/files/usb/%2E%2E%2Fx.gcode",
                                       "/api/v1/files/usb/a/../../x.gcode",
                                       "/api/v1/files/usb/a/../x.gcode",
                                       "/api/v1/files/usb/..",
                                       "/api/v1/files/usb/../",
                                       "/api/v1/files/../usb/x.gcode",
                                       "/api/v1/files/usb/..%5cx.gcode",
                                       "/api/v1/files/usb/%00../x.gcode",
                                       "/api/v1/files/usb/./x.gcode",
                                       "/api/v1/files/usb/%c0%ae%c0%ae/x.gcode",
                                       "/api/v1/files//etc/passwd",
                                       "/api/v1/files/usb/x%zz.gcode"};
    firmware_begin(&printer, "mk4", 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        static const char *const methods[] = {"GET", "HEAD", "DELETE", "POST", "PUT"};
        for (size_t k = 0; k < 5; k++) {
            firmware_ask(&printer, methods[k], ways[i], NULL, k == 4 ? "G28\n" : NULL);
            bool root = i == 10 && k < 2; /* what is behind a NUL is nothing: the root */
            if (!root && (printer.status < 400 || printer.status >= 510)) {
                fail_msg("%s %s: %d", methods[k], ways[i], printer.status);
            }
            assert_string_equal(firmware_tree(&printer), "");
        }
    }
    firmware_ask(&printer, "GET", "/usb/../usb/x", NULL, NULL);
    assert_text(firmware_body(&printer), "This doesn't look like file name");
    firmware_end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_written_as_the_firmware_writes_them),
        cmocka_unit_test(challenges_are_the_firmwares),
        cmocka_unit_test(keys_are_compared_whole_and_the_last_credentials_count),
        cmocka_unit_test(nonces_grow_stale_with_their_time_and_their_boot),
        cmocka_unit_test(sums_are_those_of_the_document),
        cmocka_unit_test(form_comes_before_credentials),
        cmocka_unit_test(errors_are_text_unless_json_comes_first),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(a_get_with_a_body_is_two_requests),
        cmocka_unit_test(silence_ends_connections),
        cmocka_unit_test(a_fourth_busy_connection_waits_for_one_of_three),
        cmocka_unit_test(files_are_told_by_short_and_long_names),
        cmocka_unit_test(long_listings_come_in_chunks_of_the_buffer),
        cmocka_unit_test(listings_have_tags_that_change),
        cmocka_unit_test(without_a_drive_the_root_is_empty),
        cmocka_unit_test(folders_are_made_and_removed_one_by_one),
        cmocka_unit_test(nobody_leaves_the_drive),
    };
    return cmocka_run_group_tests_name("link_buddy", tests, NULL, NULL);
}
