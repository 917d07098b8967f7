#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/trace.h"
#include "tests/protocol/sdk_bench.h"

/* What no capture shows: the decisions of the SDK at its edges. */

/* CON-TRP-04 */
static void without_a_token_nothing_is_queued(void **state)
{
    struct bench *bench = *state;
    connect_sdk_set_connection(bench->sdk, "http://connect", "");
    bench_tell(bench);
    connect_sdk_set_state(bench->sdk, STATE_IDLE, &(struct connect_event){.source = SOURCE_HW});
    bench_run(bench, 1);
    assert_int_equal(bench->count, 0);
    assert_int_equal(connect_sdk_queued(bench->sdk), 0);
    assert_int_equal(connect_sdk_state(bench->sdk), STATE_IDLE);
}

static void items_without_a_server_are_dropped(void **state)
{
    struct bench *bench = *state;
    connect_sdk_set_connection(bench->sdk, NULL, "tok");
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(connect_sdk_queued(bench->sdk), 0);
    assert_false(connect_sdk_register(bench->sdk));
}

/* CON-TRP-09, CON-TRP-11 */
static void a_request_is_given_up_after_10_s(void **state)
{
    struct bench *bench = *state;
    bench->reply = (struct http_reply){.after = HTTP_AFTER_STALL};
    bench_tell(bench);
    bench_tell(bench);
    bench_run(bench, 9.9);
    assert_int_equal(bench->count, 1);
    assert_int_equal(connect_sdk_queued(bench->sdk), 1);
    bench_run(bench, 0.2);
    assert_int_equal(bench->count, 2);
    assert_true(bench->times_us[1] - bench->times_us[0] == SECONDS(10));
    assert_int_equal(connect_sdk_condition(bench->sdk, CONNECT_INTERNET), CONNECT_CONDITION_NOK);
    assert_int_equal(bench->ended, 1);
}

/* connect-sdk.md 11 and CON-CND-01, CON-CND-02 */
static void conditions_follow_what_happens(void **state)
{
    static const struct {
        int status;
        enum connect_condition broken;
    } cases[] = {{204, CONNECT_CONDITIONS}, {403, CONNECT_TOKEN}, {200, CONNECT_CONDITIONS},
                 {401, CONNECT_API},        {400, CONNECT_API},   {202, CONNECT_CONDITIONS},
                 {400, CONNECT_CONDITIONS}, {503, CONNECT_API}};
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench->reply = (struct http_reply){.status = cases[i].status};
        connect_sdk_event(bench->sdk, &(struct connect_event){.event = CONNECT_INFO});
        bench_run(bench, 0.1);
        assert_int_equal(connect_sdk_broken(bench->sdk), cases[i].broken);
    }
    connect_sdk_set_connection(bench->sdk, "http://nobody", "tok");
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(connect_sdk_broken(bench->sdk), CONNECT_HTTP);
    assert_int_equal(connect_sdk_condition(bench->sdk, CONNECT_INTERNET), CONNECT_CONDITION_OK);
    assert_int_equal(connect_sdk_condition(bench->sdk, CONNECT_API), CONNECT_CONDITION_NOK);
}

static void thirty_redirects_are_followed_and_no_more(void **state)
{
    struct bench *bench = *state;
    bench->reply = (struct http_reply){.status = 302};
    http_reply_header(&bench->reply, "Location", "/again?x=1");
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(bench->count, 31);
    assert_memory_equal(bench_last(bench), "GET /again?x=1 HTTP/1.1\r\nHost: connect\r\n", 40);
    assert_int_equal(connect_sdk_broken(bench->sdk), CONNECT_INTERNET);
    bench->reply = (struct http_reply){.status = 204};
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(bench->count, 32);
}

/* 1.9, Q-09: the token goes with it; a 307 keeps method and body. */
static void a_redirect_leads_to_another_host(void **state)
{
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 307};
    http_reply_header(&bench->first, "Location", "http://other/there");
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(bench->count, 2);
    assert_memory_equal(bench_last(bench), "POST /there HTTP/1.1\r\nHost: other\r\n", 35);
    bench_last_has(bench, "\r\nToken: tok\r\n");
    bench_last_has(bench, "{\"state\": \"BUSY\"}");
    bench_tell(bench);
    bench_run(bench, 1);
    bench_last_has(bench, "Host: connect\r\n");
    assert_int_equal(bench->opened, 2); /* the first connection has stayed */
}

/* What follows a reply is nobody's: the next request goes out on a new connection. */
static void a_reply_with_more_behind_it_ends_the_connection(void **state)
{
    static const char raw[] = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 204, .raw = raw, .raw_size = sizeof raw - 1};
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(bench->ended, 1);
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(bench->count, 2);
    assert_int_equal(bench->opened, 2);
}

static void a_redirect_without_a_place_is_ignored(void **state)
{
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 301};
    bench_tell(bench);
    bench_run(bench, 1);
    assert_int_equal(bench->count, 1);
}

/* The host's thread registers while the queue waits for an answer: on a connection of its own. */
static void registering_does_not_wait_for_the_queue(void **state)
{
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 204, .delay_us = SECONDS(5)};
    bench_tell(bench);
    bench_run(bench, 1);
    bench->first = (struct http_reply){.status = 200};
    http_reply_header(&bench->first, "Code", "ABC");
    assert_true(connect_sdk_register(bench->sdk));
    assert_false(connect_sdk_register(bench->sdk));
    bench_run(bench, 1);
    assert_int_equal(bench->count, 2);
    assert_string_equal(bench->code, "ABC");
    assert_int_equal(bench->opened, 2);
    bench->first = (struct http_reply){0};
    bench_run(bench, 10);
    assert_int_equal(bench->polls_ended, 1); /* 204 to the poll */
    assert_string_equal(connect_sdk_code(bench->sdk), "ABC");
}

static void a_registration_may_be_left_unanswered(void **state)
{
    struct bench *bench = *state;
    bench->hold_register = true;
    assert_true(connect_sdk_register(bench->sdk));
    bench_run(bench, 11);
    assert_string_equal(bench->failure, "ReadTimeout: Read timed out.");
    assert_true(connect_sdk_register(bench->sdk));
    bench_run(bench, 1);
    connect_sdk_destroy(bench->sdk); /* in the middle of it */
    bench->sdk = NULL;
}

/* 3.3: 1800 s, then a 202 ends it. */
static void polling_ends_after_half_an_hour(void **state)
{
    struct bench *bench = *state;
    bench->reply = (struct http_reply){.status = 202};
    bench->first = (struct http_reply){.status = 200};
    http_reply_header(&bench->first, "Code", "ABC");
    /* requests beyond what is kept here */
    assert_true(connect_sdk_register(bench->sdk));
    for (int i = 0; i < 36 && bench->polls_ended == 0; i++) {
        for (size_t r = 0; r < bench->count; r++) {
            free(bench->requests[r]);
        }
        bench->count = 0;
        bench_run(bench, 60);
    }
    assert_int_equal(bench->polls_ended, 1);
    assert_true(bench->world.now_us > SECONDS(1740) && bench->world.now_us < SECONDS(1900));
}

static void a_late_reply_to_a_reset_finds_no_command(void **state)
{
    struct bench *bench = *state;
    bench->take = true;
    bench_command(bench, "7", "application/json", "{\"command\": \"START_PRINT\"}");
    assert_int_equal(connect_sdk_command(bench->sdk)->id, 7);
    bench_command(bench, "8", "application/json", "{\"command\": \"RESET_PRINTER\"}");
    assert_int_equal(bench->interrupts, 1);
    bench_run(bench, 1.1);
    bench_last_has(bench, "{\"event\": \"ACCEPTED\", \"source\": \"CONNECT\", \"data\": {}, "
                          "\"command_id\": 8, \"state\": \"BUSY\"}");
    connect_sdk_fail(bench->sdk, "CommandFailed('late')");
    bench_run(bench, 5);
    bench_last_has(bench, "\"command_id\": 7, \"reason\": \"Command error\"");
    assert_null(connect_sdk_command(bench->sdk)); /* the reset is lost */
}

/* A telemetry is answered with each of these; what the last event says. */
static void commands_meet_their_answers(void **state)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"{\"command\": \"START_URL_DOWNLOAD\", \"kwargs\": {\"path\": \"/local/a\"}}",
         "ValueError(\\\"Command.START_URL_DOWNLOAD requires kwarg 'url'.\\\")"},
        {"{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": 5}}",
         "AttributeError(\\\"'int' object has no attribute 'strip'\\\")"},
        {"{\"command\": \"CREATE_FOLDER\", \"kwargs\": {\"path\": \"/local/../../x\"}}",
         "FileNotFoundError(\\\"Storage doesn't exist.\\\")"},
        {"{\"command\": \"CREATE_FOLDER\", \"kwargs\": {\"path\": \"/x/../local/./a//b\"}}",
         "\"event\": \"FINISHED\""},
        {"{\"command\": \"DELETE_FOLDER\", \"kwargs\": {\"path\": \"/local/../local/a\"}}",
         "'NoneType' object has no attribute 'to_dict'"},
        {"{\"command\": \"DELETE_FILE\", \"kwargs\": {\"path\": \"/local/a\"}}",
         "IsADirectoryError(21, 'Is a directory')"},
        {"{\"command\": \"DELETE_FOLDER\", \"kwargs\": {\"path\": \"/local/a\", \"force\": 1}}",
         "\"event\": \"FINISHED\""},
        {"{\"command\": \"DIALOG_ACTION\", \"kwargs\": {}}",
         "ValueError('Command.DIALOG_ACTION requires kwargs')"},
        {"null", "\"reason\": \"'NoneType' object has no attribute 'get'\""},
        {"\"x\"", "\"reason\": \"'str' object has no attribute 'get'\""},
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[8];
        snprintf(id, sizeof id, "%zu", 10 + i);
        bench_command(bench, id, "application/json", cases[i].body);
        bench_last_has(bench, cases[i].expected);
    }
}

/* connect-sdk.md 12 */
static void an_old_version_knows_less(void **state)
{
    struct bench *bench = *state;
    bench_make_sdk(bench, CONNECT_SDK_0_7_1);
    connect_sdk_event(bench->sdk,
                      &(struct connect_event){.event = CONNECT_STATE_CHANGED, .dialog_id = 3});
    bench_run(bench, 0.1);
    bench_last_has(bench, "\r\nUser-Agent: python-requests/2.28.1\r\n");
    assert_null(strstr(bench_last(bench), "User-Agent-Printer"));
    assert_null(strstr(bench_last(bench), "dialog_id"));
    bench_command(bench, "1", "application/json", "{\"command\": \"SEND_STATE_INFO\"}");
    bench_last_has(bench, "\"reason\": \"Unknown command\"");
    bench_command(bench, "2", "application/json", "{\"command\": \"SEND_INFO\"}");
    bench_last_has(bench, "\"sdk\": \"0.7.1\"");
    assert_null(strstr(bench_last(bench), "\"mmu\""));
    bench_make_sdk(bench, CONNECT_SDK_0_8_0);
    bench_command(bench, "3", "application/json", "{\"command\": \"SEND_INFO\"}");
    bench_last_has(bench, "\"mmu\": {\"enabled\": true}, \"slots\": 5}");
    bench_command(bench, "4", "application/json", "{\"command\": \"SET_VALUE\"}");
    bench_last_has(bench, "\"reason\": \"Unknown command\""); /* since 0.8.1 */
}

/* 1.2: a port that is the scheme's own is in no Host. */
static void urls_are_made_as_the_sdk_makes_them(void **state)
{
    (void)state;
    struct buffer url = {0};
    connect_base_url(&url, "connect.prusa3d.com", true, 0);
    assert_string_equal(url.bytes, "https://connect.prusa3d.com");
    buffer_clear(&url);
    connect_base_url(&url, "h", false, 8000);
    assert_string_equal(url.bytes, "http://h:8000");
    buffer_free(&url);
    char fingerprint[65];
    connect_fingerprint_of("CZPX4720X004XC34242", fingerprint);
    assert_string_equal(fingerprint,
                        "3a600e5a657a4332715ecd99e95419ad5f33608f1ae7f01e930659fb4bc00730");
}

static void write_trace(void *sink, const char *line, size_t size)
{
    buffer_append(sink, line, size);
}

static void all_traffic_is_traced_once_and_without_secrets(void **state)
{
    struct bench *bench = *state;
    struct trace trace;
    trace_init(&trace, write_trace, &bench->trace_text);
    bench->world.trace = &trace;
    bench_tell(bench);
    bench_run(bench, 1);
    bench->world.trace = NULL;
    trace_free(&trace);
    size_t lines = 0;
    for (const char *at = bench->trace_text.bytes; *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 3); /* open, request, reply */
    assert_non_null(strstr(bench->trace_text.bytes, "\"kind\": \"open\"}\n{"));
    assert_null(strstr(bench->trace_text.bytes, "tok\\r"));
    assert_non_null(strstr(bench->trace_text.bytes, "Token: <redacted>"));
    assert_int_equal(bench->opened, 1);
    assert_int_equal(bench->requested, 1);
    assert_int_equal(bench->replied, 1);
}

static void an_idle_printer_is_small(void **state)
{
    struct bench *bench = *state;
    bench_tell(bench);
    bench_run(bench, 1);
    assert_true(connect_sdk_bytes(bench->sdk) < 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_token_nothing_is_queued, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(items_without_a_server_are_dropped, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_given_up_after_10_s, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(conditions_follow_what_happens, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(thirty_redirects_are_followed_and_no_more, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(a_redirect_leads_to_another_host, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(a_reply_with_more_behind_it_ends_the_connection,
                                        bench_set_up, bench_tear_down),
        cmocka_unit_test_setup_teardown(a_redirect_without_a_place_is_ignored, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(registering_does_not_wait_for_the_queue, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(a_registration_may_be_left_unanswered, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(polling_ends_after_half_an_hour, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(a_late_reply_to_a_reset_finds_no_command, bench_set_up,
                                        bench_tear_down),
        cmocka_unit_test_setup_teardown(commands_meet_their_answers, bench_set_up, bench_tear_down),
        cmocka_unit_test_setup_teardown(an_old_version_knows_less, bench_set_up, bench_tear_down),
        cmocka_unit_test(urls_are_made_as_the_sdk_makes_them),
        cmocka_unit_test_setup_teardown(all_traffic_is_traced_once_and_without_secrets,
                                        bench_set_up, bench_tear_down),
        cmocka_unit_test_setup_teardown(an_idle_printer_is_small, bench_set_up, bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
