/* Files that go to a server and come from it. */
#include "tests/clients/link_bed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Uploads ---- */

static size_t read_letters(void *owner, uint64_t offset, char *bytes, size_t size,
                           struct error *error)
{
    (void)error;
    const uint64_t *end = owner;
    if (offset >= *end) {
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)('a' + (offset + i) % 26);
    }
    return size < *end - offset ? size : (size_t)(*end - offset);
}

static void count_progress(void *owner, uint64_t sent, uint64_t size)
{
    struct link_bed *bed = owner;
    assert_true(sent >= bed->progress_last && sent <= size);
    bed->progress_calls++;
    bed->progress_last = sent;
}

static void uploads(struct link_bed *bed)
{
    bed->guard = LEGACY;
    struct http_reply replies[] = {TEXT_REPLY(200, LINK_BED_VERSION), TEXT_REPLY(201, ""),
                                   TEXT_REPLY(201, ""),
                                   TEXT_REPLY(409, "{\"message\":\"Can't print right now\"}")};
    link_bed_script(bed, replies, 4);
    uint64_t size = 300000;
    struct link_source source = {.read = read_letters, .owner = &size, .size = size};
    struct link_upload upload = {
        .path = "/usb//a b/c+d#.gcode", .source = &source, .progress = count_progress};
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_expect(
        bed, LINK_OK,
        "[?GET /api/version][GET /api/version][PUT /api/v1/files/usb/a%20b/c%2Bd%23.gcode "
        "300000 bytes]");
    assert_true(bed->stored && bed->progress_calls > 3);
    /* A new nonce in the middle: the body goes out again, from its beginning. */
    bed->nonce++;
    bed->progress_last = 0;
    upload = (struct link_upload){.path = "/usb/x.gcode",
                                  .source = &(struct link_source){read_letters, &size, 26}};
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK,
                    "[?PUT /api/v1/files/usb/x.gcode abcdefghijklmnopqrstuvwxyz]"
                    "[PUT /api/v1/files/usb/x.gcode abcdefghijklmnopqrstuvwxyz]");
    upload.print = true;
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_expect(bed, LINK_CONFLICT, NULL);
    assert_true(bed->stored); /* PL-CL-09 */
}

static void uploads_stream_and_tell_their_progress(void **state)
{
    (void)state;
    link_bed_both(uploads);
}

static void breaks_off(struct link_bed *bed)
{
    struct http_reply replies[] = {TEXT_REPLY(200, LINK_BED_VERSION)};
    link_bed_script(bed, replies, 1);
    uint64_t half = 50000;
    struct link_source source = {.read = read_letters, .owner = &half, .size = 100000};
    struct link_upload upload = {.path = "/usb/x.gcode", .source = &source};
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_expect(bed, LINK_SOURCE, "[GET /api/version]");
    upload = (struct link_upload){.path = "/usb/../x.gcode", .source = &source};
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_expect(bed, LINK_REFUSED, "");
    upload = (struct link_upload){.path = "/usb/x.gcode", .file = "/nowhere/x.gcode"};
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_expect(bed, LINK_SOURCE, "");
    assert_non_null(strstr(bed->why, "/nowhere/x.gcode: No such file"));
}

static void what_cannot_be_read_is_not_sent_in_half(void **state)
{
    (void)state;
    link_bed_both(breaks_off);
}

static void posts(struct link_bed *bed)
{
    struct http_reply replies[] = {TEXT_REPLY(200, LINK_BED_OLD_VERSION), TEXT_REPLY(201, "")};
    link_bed_script(bed, replies, 2);
    char name[] = "/tmp/hotbed-link-XXXXXX";
    int fd = mkstemp(name);
    assert_int_equal(write(fd, "resin", 5), 5);
    close(fd);
    struct link_upload upload = {.path = "/local/folder/x.sl1", .file = name};
    link_client_upload(bed->client, &upload, link_bed_keep, bed);
    link_bed_await(bed);
    assert_int_equal(bed->outcome, LINK_OK);
    assert_non_null(strstr(bed->log.bytes, "[POST /api/files/local "));
    assert_non_null(strstr(bed->log.bytes, "name=\"path\"\r\n\r\n/folder\r\n"));
    assert_non_null(strstr(bed->log.bytes, "filename=\"x.sl1\""));
    assert_non_null(strstr(bed->log.bytes, "\r\n\r\nresin\r\n--"));
    unlink(name);
}

static void servers_without_put_get_a_form(void **state)
{
    (void)state;
    link_bed_both(posts);
}

/* ---- Downloads ---- */

static bool take(void *owner, const char *bytes, size_t size)
{
    struct link_bed *bed = owner;
    buffer_append(&bed->sink, bytes, size);
    return bed->sink.size <= bed->sink_max;
}

static void downloads(struct link_bed *bed)
{
    static char content[100000];
    memset(content, 'g', sizeof content);
    struct http_reply whole = {.status = 200, .body = content, .body_size = sizeof content};
    struct http_reply replies[] = {whole, whole, whole,
                                   TEXT_REPLY(404, "{\"title\":\"File Not Found\"}")};
    link_bed_script(bed, replies, 4);
    struct link_sink sink = {.write = take, .owner = bed};
    link_client_download(bed->client, "/api/files/local/PrusaLink gcodes/a%41.gcode/raw", &sink,
                         link_bed_keep, bed);
    link_bed_expect(bed, LINK_OK, "[GET /api/files/local/PrusaLink%20gcodes/a%41.gcode/raw]");
    assert_int_equal(bed->sink.size, sizeof content);
    buffer_clear(&bed->sink);
    sink.bytes_max = 5000;
    link_client_download(bed->client, "usb/X", &sink, link_bed_keep, bed);
    link_bed_expect(bed, LINK_TOO_LARGE, "[GET /usb/X]");
    assert_true(bed->sink.size <= 5000);
    sink.bytes_max = 0;
    bed->sink_max = 0;
    link_client_download(bed->client, "http://elsewhere/usb/X", &sink, link_bed_keep, bed);
    link_bed_expect(bed, LINK_SINK, "[GET /usb/X]");
    buffer_clear(&bed->sink);
    link_client_download(bed->client, "/usb/Y", &sink, link_bed_keep, bed);
    link_bed_expect(bed, LINK_NOT_FOUND, NULL);
    assert_int_equal(bed->sink.size, 0); /* an error is no content */
    assert_string_equal(bed->why, "404 File Not Found");
}

static void downloads_go_to_their_sink(void **state)
{
    (void)state;
    link_bed_both(downloads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uploads_stream_and_tell_their_progress),
        cmocka_unit_test(what_cannot_be_read_is_not_sent_in_half),
        cmocka_unit_test(servers_without_put_get_a_form),
        cmocka_unit_test(downloads_go_to_their_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
