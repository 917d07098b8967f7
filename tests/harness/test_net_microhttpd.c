#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/harness/net_bed.h"

#include "harness/net/curl.h"
#include "harness/net/microhttpd.h"

/* libcurl against libmicrohttpd, both on our loop; and bare streams, to see the very bytes. */
struct bed {
    struct net_bed net;
    struct microhttpd_front *front;
    struct curl_client *curl;
    struct socket_network *network;
    struct endpoint at;
    struct stream *stream;
    const char *until; /* of a bare stream's input */
    struct buffer input;
};

static void on_done(void *owner, const struct curl_reply *reply)
{
    struct bed *bed = owner;
    buffer_format(&bed->net.log, "<%d ", reply->status);
    if (reply->status == 0) {
        assert_non_null(reply->error);
    } else {
        buffer_append(&bed->net.log, reply->body, reply->body_size);
    }
    buffer_append_char(&bed->net.log, '>');
    bed->net.stop = true;
}

static void bed_begin_with(struct bed *bed, const struct microhttpd_settings *settings,
                           const struct tls_settings *tls)
{
    struct error error;
    bed->at = (struct endpoint){.host = "localhost"};
    bed->front =
        microhttpd_front_new(bed->net.driver, &bed->at, &bed->net.service, settings, &error);
    bed->curl = curl_client_new(bed->net.driver, tls, &error);
    bed->network = socket_network_new(bed->net.driver, tls, &error);
    assert_true(bed->front != NULL && bed->curl != NULL && bed->network != NULL);
    assert_true(bed->at.port != 0);
}

static void bed_begin(struct bed *bed)
{
    *bed = (struct bed){0};
    net_bed_begin(&bed->net);
    bed_begin_with(bed, NULL, NULL);
}

static void bed_end(struct bed *bed)
{
    microhttpd_front_destroy(bed->front);
    curl_client_destroy(bed->curl);
    socket_network_destroy(bed->network);
    buffer_free(&bed->input);
    net_bed_end(&bed->net);
}

static void start_curl(struct bed *bed, const char *method, const char *path, const char *body)
{
    char url[256];
    struct error error;
    snprintf(url, sizeof url, "%s://localhost:%u%s", bed->at.tls ? "https" : "http",
             (unsigned)bed->at.port, path);
    struct curl_request request = {
        .method = method, .url = url, .body = body, .body_size = body == NULL ? 0 : strlen(body)};
    assert_true(curl_client_send(bed->curl, &request, on_done, bed, &error));
}

static void ask(struct bed *bed, const char *method, const char *path, const char *body)
{
    start_curl(bed, method, path, body);
    net_bed_wait(&bed->net);
}

static void on_bytes(void *owner, const char *bytes, size_t size)
{
    struct bed *bed = owner;
    buffer_append(&bed->input, bytes, size);
    if (bed->until != NULL && strstr(bed->input.bytes, bed->until) != NULL) {
        bed->net.stop = true;
    }
}

static void on_end(void *owner, enum stream_end end, const char *why)
{
    (void)why;
    struct bed *bed = owner;
    buffer_format(&bed->input, "{%s}", stream_end_name(end));
    bed->stream = NULL;
    bed->net.stop = true;
}

static const struct stream_events bytes_events = {.received = on_bytes, .ended = on_end};

/* Send bytes, and read until `until` was seen or the connection has ended. */
static void talk(struct bed *bed, const char *request, const char *until)
{
    buffer_clear(&bed->input);
    bed->until = until;
    if (bed->stream == NULL) {
        struct endpoint at = bed->at;
        strcpy(at.host, "127.0.0.1");
        bed->stream = network_connect(socket_network_face(bed->network), &at, &bytes_events, bed);
    }
    stream_send(bed->stream, request, strlen(request));
    net_bed_wait(&bed->net);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: a\r\n\r\n"

static void requests_are_shown_as_they_came(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    ask(&bed, "POST", "/a%20b?x=%31", "{}");
    ask(&bed, "GET", "/2", NULL);
    net_bed_expect(&bed.net, "[POST /a%20b?x=%31 {}]<200 yes>[GET /2 ]<200 yes>");
    bed_end(&bed);
}

static void replies_keep_the_order_of_their_headers_on_one_connection(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    http_reply_header(&bed.net.reply, "Zeta", "1");
    http_reply_header(&bed.net.reply, "Command-Id", "7");
    http_reply_header(&bed.net.reply, "alpha", "2");
    talk(&bed, GET("/1"), "yes");
    const char *zeta = strstr(bed.input.bytes, "Zeta: 1\r\n");
    const char *command = strstr(bed.input.bytes, "Command-Id: 7\r\n");
    const char *alpha = strstr(bed.input.bytes, "alpha: 2\r\n");
    assert_true(zeta != NULL && zeta < command && command < alpha);
    assert_null(strstr(bed.input.bytes, "Date:"));
    assert_null(strstr(bed.input.bytes, "Server:"));
    talk(&bed, GET("/2"), "yes");
    net_bed_expect(&bed.net, "[GET /1 ][GET /2 ]");
    assert_null(strstr(bed.input.bytes, "{"));
    stream_close(bed.stream);
    bed_end(&bed);
}

static void replies_may_come_later(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    bed.net.reply.delay_us = MILLISECONDS(20);
    int64_t begin_us = bed.net.world.now_us;
    ask(&bed, "GET", "/delay", NULL);
    assert_true(bed.net.world.now_us >= begin_us + MILLISECONDS(20));
    bed.net.reply.delay_us = 0;
    bed.net.reply.piece_bytes = 1;
    bed.net.reply.piece_gap_us = MILLISECONDS(10);
    begin_us = bed.net.world.now_us;
    ask(&bed, "GET", "/pieces", NULL);
    assert_true(bed.net.world.now_us >= begin_us + MILLISECONDS(20));
    bed.net.reply.piece_bytes = 0;
    bed.net.later = true;
    ask(&bed, "PUT", "/later", "x");
    http_exchange_reply(bed.net.waiting, &bed.net.reply);
    net_bed_wait(&bed.net);
    net_bed_expect(&bed.net,
                   "[GET /delay ]<200 yes>[GET /pieces ]<200 yes>[PUT /later x]<200 yes>");
    bed_end(&bed);
}

static void it_misbehaves_in_its_bytes(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    bed.net.reply = (struct http_reply){.raw = "no HTTP at all", .raw_size = 14, .piece_bytes = 5};
    talk(&bed, GET("/"), NULL);
    assert_string_equal(bed.input.bytes, "no HTTP at all{closed}");
    bed.net.reply = (struct http_reply){.after = HTTP_AFTER_RESET};
    talk(&bed, GET("/"), NULL);
    assert_string_equal(bed.input.bytes, "{reset}");
    bed.net.reply = (struct http_reply){
        .status = 200, .body = "abc", .body_size = 3, .after = HTTP_AFTER_RESET};
    http_reply_header(&bed.net.reply, "Content-Length", "9");
    talk(&bed, GET("/"), NULL);
    assert_string_equal(bed.input.bytes, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc{reset}");
    bed.net.reply =
        (struct http_reply){.status = 204, .reason = "Nothing", .after = HTTP_AFTER_CLOSE};
    talk(&bed, GET("/"), NULL);
    assert_string_equal(bed.input.bytes, "HTTP/1.1 204 Nothing\r\n\r\n{closed}");
    bed.net.reply = (struct http_reply){
        .status = 200, .body = "abc", .body_size = 3, .after = HTTP_AFTER_STALL};
    talk(&bed, GET("/"), "abc");
    stream_close(bed.stream);
    bed_end(&bed);
}

static void a_client_that_leaves_is_noticed(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    bed.net.later = true;
    talk(&bed, GET("/"), NULL);
    stream_close(bed.stream);
    net_bed_wait(&bed.net);
    net_bed_expect(&bed.net, "[GET / ][gone]");
    start_curl(&bed, "GET", "/open", NULL);
    net_bed_wait(&bed.net);
    net_bed_expect(&bed.net, "[GET /open ]");
    microhttpd_front_destroy(bed.front); /* with a request that was never answered */
    bed.front = NULL;
    net_bed_expect(&bed.net, "[gone]");
    bed_end(&bed);
}

/* It leaves between two pieces of a reply; the front then serves the next one. */
static void a_client_that_leaves_in_mid_reply_does_no_harm(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    bed.net.reply.piece_bytes = 1;
    bed.net.reply.piece_gap_us = SECONDS(100);
    talk(&bed, GET("/1"), "\r\n\r\ny");
    stream_reset(bed.stream);
    bed.stream = NULL;
    bed.net.reply.piece_bytes = 0;
    ask(&bed, "GET", "/2", NULL);
    net_bed_expect(&bed.net, "[GET /1 ][GET /2 ]<200 yes>");
    bed_end(&bed);
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    bed.net.service.body_bytes_max = 4;
    ask(&bed, "POST", "/", "12345");
    net_bed_expect(&bed.net, "<413 the body is larger than allowed>");
    talk(&bed,
         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n",
         NULL);
    assert_non_null(strstr(bed.input.bytes, "HTTP/1.1 413 "));
    if (bed.stream != NULL) {
        stream_close(bed.stream);
        bed.stream = NULL;
    }
    talk(&bed, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
         "HTTP/1.1 400 ");
    net_bed_expect(&bed.net, "");
    if (bed.stream != NULL) {
        stream_close(bed.stream);
    }
    bed_end(&bed);
}

static void tls_bed(struct bed *bed, bool known_ca)
{
    *bed = (struct bed){0};
    net_bed_begin(&bed->net);
    net_bed_make_certificates(&bed->net);
    struct microhttpd_settings settings = {.certificate_file = bed->net.certificate,
                                           .key_file = bed->net.key};
    struct tls_settings tls = {.ca_file = known_ca ? bed->net.ca : bed->net.other_ca};
    bed_begin_with(bed, &settings, &tls);
}

static void tls_is_verified_and_cannot_misbehave(void **state)
{
    (void)state;
    struct bed bed;
    tls_bed(&bed, true);
    struct error error;
    ask(&bed, "GET", "/", NULL);
    net_bed_expect(&bed.net, "[GET / ]<200 yes>");
    bed.net.reply.delay_us = MILLISECONDS(5);
    ask(&bed, "GET", "/", NULL);
    net_bed_expect(&bed.net, "[GET / ]<200 yes>");
    bed.net.reply = (struct http_reply){.raw = "x", .raw_size = 1};
    assert_false(microhttpd_front_can(bed.front, &bed.net.reply, &error));
    ask(&bed, "GET", "/", NULL);
    assert_non_null(strstr(bed.net.log.bytes, "<500 raw bytes"));
    buffer_clear(&bed.net.log);
    bed.net.reply = (struct http_reply){.after = HTTP_AFTER_RESET};
    assert_true(microhttpd_front_can(bed.front, &bed.net.reply, &error));
    ask(&bed, "GET", "/", NULL);
    assert_non_null(strstr(bed.net.log.bytes,
                           "<0 >")); /* libcurl tries again, as the connection was an old one */
    bed_end(&bed);
    tls_bed(&bed, false);
    ask(&bed, "GET", "/", NULL);
    net_bed_expect(&bed.net, "<0 >");
    bed_end(&bed);
}

static void starting_on_what_cannot_be_fails_with_the_reason(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    struct error error;
    struct endpoint taken = bed.at;
    assert_null(microhttpd_front_new(bed.net.driver, &taken, &bed.net.service, NULL, &error));
    assert_non_null(strstr(error.text, "127.0.0.1:"));
    struct endpoint at = {.host = "localhost"};
    struct microhttpd_settings settings = {.certificate_file = "/nonexistent",
                                           .key_file = "/nonexistent"};
    assert_null(microhttpd_front_new(bed.net.driver, &at, &bed.net.service, &settings, &error));
    assert_non_null(strstr(error.text, "/nonexistent"));
    bed_end(&bed);
}

static void curl_has_limits(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed);
    char url[64];
    struct error error;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)bed.at.port);
    struct curl_request request = {.method = "GET", .url = url, .reply_bytes_max = 2};
    assert_true(curl_client_send(bed.curl, &request, on_done, &bed, &error));
    net_bed_wait(&bed.net);
    net_bed_expect(&bed.net, "[GET / ]<0 >");
    bed.net.reply = (struct http_reply){.after = HTTP_AFTER_STALL};
    request = (struct curl_request){.method = "GET", .url = url, .timeout_us = MILLISECONDS(50)};
    assert_true(curl_client_send(bed.curl, &request, on_done, &bed, &error));
    net_bed_wait(&bed.net);
    net_bed_expect(&bed.net, "[GET / ]<0 >");
    bed_end(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_shown_as_they_came),
        cmocka_unit_test(replies_keep_the_order_of_their_headers_on_one_connection),
        cmocka_unit_test(replies_may_come_later),
        cmocka_unit_test(it_misbehaves_in_its_bytes),
        cmocka_unit_test(a_client_that_leaves_is_noticed),
        cmocka_unit_test(a_client_that_leaves_in_mid_reply_does_no_harm),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(tls_is_verified_and_cannot_misbehave),
        cmocka_unit_test(starting_on_what_cannot_be_fails_with_the_reason),
        cmocka_unit_test(curl_has_limits),
    };
    return cmocka_run_group_tests_name("net_microhttpd", tests, NULL, NULL);
}
