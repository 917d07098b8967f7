#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "harness/net/faults/message_faults.h"
#include "harness/net/memory.h"
#include "sim/wire/http_client.h"
#include "sim/wire/http_server.h"

/* A client behind faults; the log is what the server saw and what the client was told. */
struct bed {
    struct world world;
    struct memory_network *network;
    struct message_faults *faults;
    struct http_service service;
    struct http_server *server;
    struct endpoint at;
    struct http_client client;
    struct buffer log;
    struct http_reply reply;
};

static void on_request(void *owner, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct bed *bed = owner;
    struct slice token = http_header_value(message, "Token");
    buffer_format(&bed->log, "[%.1f %.*s %.*s", (double)bed->world.now_us / 1e6,
                  (int)message->method.size, message->method.bytes, (int)message->target.size,
                  message->target.bytes);
    buffer_format(&bed->log, " %.*s", (int)token.size, token.bytes == NULL ? "" : token.bytes);
    buffer_append_char(&bed->log, ' ');
    buffer_append(&bed->log, message->body.bytes, message->body.size);
    buffer_append_char(&bed->log, ']');
    http_exchange_reply(exchange, &bed->reply);
}

static void on_reply(void *owner, const struct http_message *message)
{
    struct bed *bed = owner;
    buffer_format(&bed->log, "<%d>", message->status);
}

static void on_failed(void *owner, const struct http_failure *failure)
{
    buffer_format(&((struct bed *)owner)->log, "!%s", http_failure_name(failure->kind));
}

static const struct http_client_events client_events = {.reply = on_reply, .failed = on_failed};

static int begin(void **state)
{
    static struct bed bed;
    bed = (struct bed){.at = {.host = "connect", .port = 80}};
    world_init(&bed.world, 1);
    bed.network = memory_network_new(&bed.world);
    bed.faults = message_faults_new(&bed.world, memory_network_face(bed.network));
    bed.service =
        (struct http_service){.request = on_request, .service = &bed, .body_bytes_max = 1000};
    bed.server = http_server_new(&bed.world, memory_network_face(bed.network), &bed.service, NULL);
    struct error error;
    assert_true(http_server_listen(bed.server, &bed.at, &error));
    http_client_init(&bed.client, &bed.world, message_faults_face(bed.faults), &bed.at,
                     &client_events, &bed);
    bed.reply = (struct http_reply){.status = 204};
    *state = &bed;
    return 0;
}

static int end(void **state)
{
    struct bed *bed = *state;
    http_client_free(&bed->client);
    http_server_destroy(bed->server);
    message_faults_destroy(bed->faults);
    memory_network_destroy(bed->network);
    buffer_free(&bed->log);
    world_free(&bed->world);
    return 0;
}

static void ask(struct bed *bed, const char *start_line, const char *body)
{
    struct buffer request = {0};
    buffer_format(&request,
                  "%s HTTP/1.1\r\nHost: connect\r\nToken: t\r\nContent-Length: %zu\r\n\r\n%s",
                  start_line, strlen(body), body);
    http_client_send(&bed->client, request.bytes, request.size, false);
    buffer_free(&request);
    world_run(&bed->world, bed->world.now_us + SECONDS(10), NULL);
}

/* With these faults, a telemetry and then an event are seen like this. */
static void expect(struct bed *bed, const char *const *faults, const char *log)
{
    for (; *faults != NULL; faults++) {
        struct error error;
        assert_true(message_faults_add(bed->faults, *faults, &error));
    }
    ask(bed, "POST /p/telemetry", "{\"state\":\"IDLE\",\"a\":{\"b\":[1,2]}}");
    ask(bed, "POST /p/events", "{\"event\": \"INFO\", \"x\": 1}");
    assert_string_equal(bed->log.bytes, log);
}

#define FAULTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void without_faults_bytes_pass_as_they_are(void **state)
{
    const char *const none[] = {NULL};
    expect(*state, none,
           "[0.0 POST /p/telemetry t {\"state\":\"IDLE\",\"a\":{\"b\":[1,2]}}]<204>"
           "[10.0 POST /p/events t {\"event\": \"INFO\", \"x\": 1}]<204>");
}

static void members_and_headers_are_changed_where_the_filter_says(void **state)
{
    expect(*state,
           FAULTS("drop-json=telemetry:state", "set-json=telemetry:a.b.1=null",
                  "set-json=event/INFO:x=\"y\"", "set-json=event/FINISHED:x=3",
                  "drop-header=event:Token", "set-header=telemetry:Token=u"),
           "[0.0 POST /p/telemetry u {\"a\":{\"b\":[1,null]}}]<204>"
           "[10.0 POST /p/events  {\"event\":\"INFO\",\"x\":\"y\"}]<204>");
}

static void a_request_can_vanish_come_late_and_come_again(void **state)
{
    expect(*state, FAULTS("drop=telemetry", "twice=event", "delay=event:2s"),
           "<204>[12.0 POST /p/events t {\"event\": \"INFO\", \"x\": 1}]"
           "[12.0 POST /p/events t {\"event\": \"INFO\", \"x\": 1}]<204>");
}

static void only_the_nth_match_is_meant(void **state)
{
    expect(*state, FAULTS("body=any#2:[1]"),
           "[0.0 POST /p/telemetry t {\"state\":\"IDLE\",\"a\":{\"b\":[1,2]}}]<204>[10.0 POST "
           "/p/events t [1]]<204>");
}

static void a_request_of_its_own_is_inserted_behind_the_reply(void **state)
{
    expect(*state,
           FAULTS("insert=telemetry:GET /p/register", "method=event:PUT", "target=event:/q"),
           "[0.0 POST /p/telemetry t {\"state\":\"IDLE\",\"a\":{\"b\":[1,2]}}]<204>[0.1 GET "
           "/p/register t ]"
           "[10.0 PUT /q t {\"event\": \"INFO\", \"x\": 1}]<204>");
}

static void a_copy_goes_out_on_a_second_connection(void **state)
{
    expect(*state, FAULTS("overlap=event", "drop=telemetry"),
           "<204>[10.0 POST /p/events t {\"event\": \"INFO\", \"x\": 1}]"
           "[10.0 POST /p/events t {\"event\": \"INFO\", \"x\": 1}]<204>");
}

/* Compact JSON in chunks (connect-buddy.md 1.3, 5.1): found by its event, and framed again. */
static void what_buddy_printers_send_is_changed_too(void **state)
{
    struct bed *bed = *state;
    static const char request[] =
        "POST /p/events HTTP/1.1\r\nHost: connect\r\nTransfer-Encoding: chunked\r\nToken: t\r\n\r\n"
        "0010\r\n{\"state\":\"IDLE\",\r\n0011\r\n\"event\":\"FAILED\"}\r\n0000\r\n\r\n";
    struct error error;
    assert_true(message_faults_add(bed->faults, "set-json=event/FAILED:state=7", &error));
    assert_true(message_faults_add(bed->faults, "set-json=event/INFO:state=8", &error));
    http_client_send(&bed->client, request, sizeof request - 1, false);
    world_run(&bed->world, bed->world.now_us + SECONDS(10), NULL);
    assert_string_equal(bed->log.bytes,
                        "[0.0 POST /p/events t {\"state\":7,\"event\":\"FAILED\"}]<204>");
}

static void what_was_lost_is_sent_again(void **state)
{
    struct bed *bed = *state;
    struct error error;
    assert_true(message_faults_add(bed->faults, "resend=telemetry", &error));
    bed->reply = (struct http_reply){.status = 0, .after = HTTP_AFTER_RESET};
    ask(bed, "POST /p/telemetry", "{}");
    bed->reply = (struct http_reply){.status = 204};
    ask(bed, "POST /p/events", "{}");
    assert_string_equal(bed->log.bytes,
                        "[0.0 POST /p/telemetry t {}]!no_reply"
                        "[10.0 POST /p/telemetry t {}][10.0 POST /p/events t {}]<204>");
}

static void wrong_texts_are_refused_with_the_reason(void **state)
{
    struct bed *bed = *state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "'' is no message fault"},
        {"smash=any", "'smash' is no message fault"},
        {"drop=everything",
         "'everything': expected any, register, poll, telemetry, event or event/NAME"},
        {"drop=telemetry/X", "'telemetry/X': only `event` takes a name"},
        {"drop=any#0", "expected a number from 1 behind '#'"},
        {"drop=any:x", "the form is drop=FILTER"},
        {"set-json=any:x", "the form is set-json=FILTER:PATH=JSON"},
        {"delay=any", "a duration is missing"},
        {"delay=any:soon", "soon"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error;
        assert_false(message_faults_add(bed->faults, cases[i].text, &error));
        assert_non_null(strstr(error.text, cases[i].error));
    }
    struct buffer list = {0};
    message_faults_list(&list);
    assert_non_null(strstr(list.bytes, "drop-json=FILTER:PATH\n"));
    buffer_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_faults_bytes_pass_as_they_are, begin, end),
        cmocka_unit_test_setup_teardown(members_and_headers_are_changed_where_the_filter_says,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_request_can_vanish_come_late_and_come_again, begin, end),
        cmocka_unit_test_setup_teardown(only_the_nth_match_is_meant, begin, end),
        cmocka_unit_test_setup_teardown(a_request_of_its_own_is_inserted_behind_the_reply, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_copy_goes_out_on_a_second_connection, begin, end),
        cmocka_unit_test_setup_teardown(what_buddy_printers_send_is_changed_too, begin, end),
        cmocka_unit_test_setup_teardown(what_was_lost_is_sent_again, begin, end),
        cmocka_unit_test_setup_teardown(wrong_texts_are_refused_with_the_reason, begin, end),
    };
    return cmocka_run_group_tests_name("message faults", tests, NULL, NULL);
}
