#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/base/memory.h"
#include "sim/base/trace.h"
#include "sim/protocol/connect/sdk.h"
#include "sim/wire/http_server.h"

/* What no capture shows: the decisions of the SDK at its edges, against a server that answers what
 * the test says. */

enum { REQUESTS_MAX = 200 };

struct bench {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server, *other; /* http://connect and http://other */
    struct connect_sdk *sdk;
    struct storage storage;
    struct http_reply reply; /* to all that comes */
    struct http_reply first; /* to the first that comes, when its status is not 0 */
    bool hold_register;      /* POST /p/register is not answered */
    char *requests[REQUESTS_MAX];
    int64_t times_us[REQUESTS_MAX];
    size_t count;
    bool take; /* the host takes commands and ends them never */
    int interrupts;
    char failure[300], code[40], token[40];
    int polls_ended;
    int opened, requested, replied, ended;
    struct buffer trace_text;
};

static void on_request(void *service, struct http_exchange *exchange,
                       const struct http_message *message)
{
    struct bench *bench = service;
    assert_true(bench->count < REQUESTS_MAX);
    struct buffer text = {0};
    buffer_append(&text, message->head.bytes, message->head.size);
    buffer_append(&text, message->body.bytes, message->body.size);
    bench->times_us[bench->count] = bench->world.now_us;
    bench->requests[bench->count++] = buffer_detach(&text);
    if (bench->hold_register && slice_is(message->target, "/p/register")) {
        http_exchange_reply(exchange, &(struct http_reply){.after = HTTP_AFTER_STALL});
        return;
    }
    struct http_reply reply = bench->first.status != 0 ? bench->first : bench->reply;
    bench->first = (struct http_reply){0};
    http_exchange_reply(exchange, &reply);
}

static bool on_command(void *host, const struct connect_sdk_command *command)
{
    (void)command;
    return ((struct bench *)host)->take;
}

static void on_interrupt(void *host)
{
    ((struct bench *)host)->interrupts++;
}

static void on_info(void *host, struct connect_info *info)
{
    (void)host;
    info->mmu_enabled = true;
}

static size_t on_storage_count(void *host)
{
    (void)host;
    return 1;
}

static struct storage *on_storage(void *host, size_t index)
{
    (void)index;
    return &((struct bench *)host)->storage;
}

static const char *below(const char *path)
{
    const char *slash = strchr(path + 1, '/');
    return slash == NULL ? "" : slash + 1;
}

static enum storage_result on_make_folder(void *host, const char *path)
{
    return storage_make_folder(&((struct bench *)host)->storage, below(path), 0);
}

static enum storage_result on_remove(void *host, const char *path, bool whole_tree)
{
    return storage_remove(&((struct bench *)host)->storage, below(path), whole_tree, 0);
}

static void on_failed(void *host, const char *error)
{
    struct bench *bench = host;
    snprintf(bench->failure, sizeof bench->failure, "%s", error);
}

static void on_code(void *host, const char *code)
{
    struct bench *bench = host;
    snprintf(bench->code, sizeof bench->code, "%s", code);
}

static void on_token(void *host, const char *token)
{
    struct bench *bench = host;
    snprintf(bench->token, sizeof bench->token, "%s", token);
}

static void on_poll_ended(void *host)
{
    ((struct bench *)host)->polls_ended++;
}

static void seen_open(void *observer, const struct connect_sdk *sdk, uint32_t connection)
{
    (void)sdk;
    assert_true(connection > 0);
    ((struct bench *)observer)->opened++;
}

static void seen_request(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                         const char *bytes, size_t size)
{
    (void)sdk;
    (void)connection;
    assert_true(size > 0 && bytes[size] == '\0');
    ((struct bench *)observer)->requested++;
}

static void seen_reply(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                       const struct http_message *message)
{
    (void)sdk;
    (void)connection;
    assert_true(message->status >= 100);
    ((struct bench *)observer)->replied++;
}

static void seen_end(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                     enum stream_end end, bool by_us, const char *why)
{
    (void)sdk;
    (void)connection;
    (void)end;
    (void)by_us;
    assert_non_null(why);
    ((struct bench *)observer)->ended++;
}

static struct http_server *serve(struct bench *bench, const char *host)
{
    struct http_server *server =
        http_server_new(&bench->world, memory_network_face(bench->network), &bench->service, NULL);
    struct endpoint at = {.port = 80};
    snprintf(at.host, sizeof at.host, "%s", host);
    assert_true(http_server_listen(server, &at, NULL));
    return server;
}

static void make_sdk(struct bench *bench, enum connect_sdk_version version)
{
    static const struct connect_host_class host_class = {
        .command = on_command,
        .interrupt = on_interrupt,
        .info = on_info,
        .storage_count = on_storage_count,
        .storage = on_storage,
        .make_folder = on_make_folder,
        .remove = on_remove,
        .register_failed = on_failed,
        .got_code = on_code,
        .got_token = on_token,
        .poll_ended = on_poll_ended,
    };
    static const struct connect_observer_class observer_class = {
        .opened = seen_open, .request = seen_request, .reply = seen_reply, .ended = seen_end};
    connect_sdk_destroy(bench->sdk);
    bench->sdk = connect_sdk_new(&(struct connect_sdk_settings){
        .world = &bench->world,
        .network = memory_network_face(bench->network),
        .version = version,
        .name = "printer",
        .host_class = &host_class,
        .host = bench,
        .observer_class = &observer_class,
        .observer = bench,
    });
    connect_sdk_set_type(bench->sdk, (struct connect_type){1, 3, 1});
    connect_sdk_set_serial(bench->sdk, "CZPX4720X004XC34242");
    connect_sdk_set_fingerprint(bench->sdk, "f1f2");
    connect_sdk_set_firmware(bench->sdk, "3.14.1");
    connect_sdk_set_connection(bench->sdk, "http://connect", "tok");
}

static int set_up(void **state)
{
    struct bench *bench = memory_new(sizeof *bench);
    world_init(&bench->world, 1);
    bench->network = memory_network_new(&bench->world);
    bench->service =
        (struct http_service){.request = on_request, .service = bench, .body_bytes_max = 1 << 20};
    bench->server = serve(bench, "connect");
    bench->other = serve(bench, "other");
    bench->reply.status = 204;
    storage_init(&bench->storage, "local", STORAGE_LOCAL, NULL);
    make_sdk(bench, CONNECT_SDK_0_8_1);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    connect_sdk_destroy(bench->sdk);
    http_server_destroy(bench->server);
    http_server_destroy(bench->other);
    memory_network_destroy(bench->network);
    storage_free(&bench->storage);
    for (size_t i = 0; i < bench->count; i++) {
        free(bench->requests[i]);
    }
    buffer_free(&bench->trace_text);
    world_free(&bench->world);
    free(bench);
    return 0;
}

static void run(struct bench *bench, double seconds)
{
    world_run(&bench->world, bench->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

static void tell(struct bench *bench)
{
    connect_sdk_telemetry(bench->sdk, NULL, 0);
}

/* A telemetry that is answered with this command; runs until all is said. */
static void command(struct bench *bench, const char *id, const char *type, const char *body)
{
    struct http_reply reply = {.status = 200, .body = body, .body_size = strlen(body)};
    http_reply_header(&reply, "Command-Id", id);
    http_reply_header(&reply, "Content-Type", type);
    bench->first = reply;
    tell(bench);
    run(bench, 0.01);
}

static const char *last(const struct bench *bench)
{
    assert_true(bench->count > 0);
    return bench->requests[bench->count - 1];
}

static void assert_last_has(const struct bench *bench, const char *text)
{
    if (strstr(last(bench), text) == NULL) {
        fail_msg("expected '%s' in: %s", text, last(bench));
    }
}

/* CON-TRP-04 */
static void without_a_token_nothing_is_queued(void **state)
{
    struct bench *bench = *state;
    connect_sdk_set_connection(bench->sdk, "http://connect", "");
    tell(bench);
    connect_sdk_set_state(bench->sdk, STATE_IDLE, &(struct connect_event){.source = SOURCE_HW});
    run(bench, 1);
    assert_int_equal(bench->count, 0);
    assert_int_equal(connect_sdk_queued(bench->sdk), 0);
    assert_int_equal(connect_sdk_state(bench->sdk), STATE_IDLE);
}

static void items_without_a_server_are_dropped(void **state)
{
    struct bench *bench = *state;
    connect_sdk_set_connection(bench->sdk, NULL, "tok");
    tell(bench);
    run(bench, 1);
    assert_int_equal(connect_sdk_queued(bench->sdk), 0);
    assert_false(connect_sdk_register(bench->sdk));
}

/* CON-TRP-09, CON-TRP-11 */
static void a_request_is_given_up_after_10_s(void **state)
{
    struct bench *bench = *state;
    bench->reply = (struct http_reply){.after = HTTP_AFTER_STALL};
    tell(bench);
    tell(bench);
    run(bench, 9.9);
    assert_int_equal(bench->count, 1);
    assert_int_equal(connect_sdk_queued(bench->sdk), 1);
    run(bench, 0.2);
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
        run(bench, 0.1);
        assert_int_equal(connect_sdk_broken(bench->sdk), cases[i].broken);
    }
    connect_sdk_set_connection(bench->sdk, "http://nobody", "tok");
    tell(bench);
    run(bench, 1);
    assert_int_equal(connect_sdk_broken(bench->sdk), CONNECT_HTTP);
    assert_int_equal(connect_sdk_condition(bench->sdk, CONNECT_INTERNET), CONNECT_CONDITION_OK);
    assert_int_equal(connect_sdk_condition(bench->sdk, CONNECT_API), CONNECT_CONDITION_NOK);
}

static void thirty_redirects_are_followed_and_no_more(void **state)
{
    struct bench *bench = *state;
    bench->reply = (struct http_reply){.status = 302};
    http_reply_header(&bench->reply, "Location", "/again?x=1");
    tell(bench);
    run(bench, 1);
    assert_int_equal(bench->count, 31);
    assert_memory_equal(last(bench), "GET /again?x=1 HTTP/1.1\r\nHost: connect\r\n", 40);
    assert_int_equal(connect_sdk_broken(bench->sdk), CONNECT_INTERNET);
    bench->reply = (struct http_reply){.status = 204};
    tell(bench);
    run(bench, 1);
    assert_int_equal(bench->count, 32);
}

/* 1.9, Q-09: the token goes with it; a 307 keeps method and body. */
static void a_redirect_leads_to_another_host(void **state)
{
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 307};
    http_reply_header(&bench->first, "Location", "http://other/there");
    tell(bench);
    run(bench, 1);
    assert_int_equal(bench->count, 2);
    assert_memory_equal(last(bench), "POST /there HTTP/1.1\r\nHost: other\r\n", 35);
    assert_last_has(bench, "\r\nToken: tok\r\n");
    assert_last_has(bench, "{\"state\": \"BUSY\"}");
    tell(bench);
    run(bench, 1);
    assert_last_has(bench, "Host: connect\r\n");
    assert_int_equal(bench->opened, 2); /* the first connection has stayed */
}

/* What follows a reply is nobody's: the next request goes out on a new connection. */
static void a_reply_with_more_behind_it_ends_the_connection(void **state)
{
    static const char raw[] = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 204, .raw = raw, .raw_size = sizeof raw - 1};
    tell(bench);
    run(bench, 1);
    assert_int_equal(bench->ended, 1);
    tell(bench);
    run(bench, 1);
    assert_int_equal(bench->count, 2);
    assert_int_equal(bench->opened, 2);
}

static void a_redirect_without_a_place_is_ignored(void **state)
{
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 301};
    tell(bench);
    run(bench, 1);
    assert_int_equal(bench->count, 1);
}

/* The host's thread registers while the queue waits for an answer: on a connection of its own. */
static void registering_does_not_wait_for_the_queue(void **state)
{
    struct bench *bench = *state;
    bench->first = (struct http_reply){.status = 204, .delay_us = SECONDS(5)};
    tell(bench);
    run(bench, 1);
    bench->first = (struct http_reply){.status = 200};
    http_reply_header(&bench->first, "Code", "ABC");
    assert_true(connect_sdk_register(bench->sdk));
    assert_false(connect_sdk_register(bench->sdk));
    run(bench, 1);
    assert_int_equal(bench->count, 2);
    assert_string_equal(bench->code, "ABC");
    assert_int_equal(bench->opened, 2);
    bench->first = (struct http_reply){0};
    run(bench, 10);
    assert_int_equal(bench->polls_ended, 1); /* 204 to the poll */
    assert_string_equal(connect_sdk_code(bench->sdk), "ABC");
}

static void a_registration_may_be_left_unanswered(void **state)
{
    struct bench *bench = *state;
    bench->hold_register = true;
    assert_true(connect_sdk_register(bench->sdk));
    run(bench, 11);
    assert_string_equal(bench->failure, "ReadTimeout: Read timed out.");
    assert_true(connect_sdk_register(bench->sdk));
    run(bench, 1);
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
        run(bench, 60);
    }
    assert_int_equal(bench->polls_ended, 1);
    assert_true(bench->world.now_us > SECONDS(1740) && bench->world.now_us < SECONDS(1900));
}

static void a_late_reply_to_a_reset_finds_no_command(void **state)
{
    struct bench *bench = *state;
    bench->take = true;
    command(bench, "7", "application/json", "{\"command\": \"START_PRINT\"}");
    assert_int_equal(connect_sdk_command(bench->sdk)->id, 7);
    command(bench, "8", "application/json", "{\"command\": \"RESET_PRINTER\"}");
    assert_int_equal(bench->interrupts, 1);
    run(bench, 1.1);
    assert_last_has(bench, "{\"event\": \"ACCEPTED\", \"source\": \"CONNECT\", \"data\": {}, "
                           "\"command_id\": 8, \"state\": \"BUSY\"}");
    connect_sdk_fail(bench->sdk, "CommandFailed('late')");
    run(bench, 5);
    assert_last_has(bench, "\"command_id\": 7, \"reason\": \"Command error\"");
    assert_null(connect_sdk_command(bench->sdk)); /* the reset is lost */
}

/* A telemetry is answered with each of these; what the last event says. */
static void commands_meet_their_answers(void **state)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"{\"command\": \"START_URL_DOWNLOAD\", \"kwargs\": {\"path\": \"/local/a\"}}",
         "\"reason\": \"Not Implemented\""},
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
        command(bench, id, "application/json", cases[i].body);
        assert_last_has(bench, cases[i].expected);
    }
}

/* connect-sdk.md 12 */
static void an_old_version_knows_less(void **state)
{
    struct bench *bench = *state;
    make_sdk(bench, CONNECT_SDK_0_7_1);
    connect_sdk_event(bench->sdk,
                      &(struct connect_event){.event = CONNECT_STATE_CHANGED, .dialog_id = 3});
    run(bench, 0.1);
    assert_last_has(bench, "\r\nUser-Agent: python-requests/2.28.1\r\n");
    assert_null(strstr(last(bench), "User-Agent-Printer"));
    assert_null(strstr(last(bench), "dialog_id"));
    command(bench, "1", "application/json", "{\"command\": \"SEND_STATE_INFO\"}");
    assert_last_has(bench, "\"reason\": \"Unknown command\"");
    command(bench, "2", "application/json", "{\"command\": \"SEND_INFO\"}");
    assert_last_has(bench, "\"sdk\": \"0.7.1\"");
    assert_null(strstr(last(bench), "\"mmu\""));
    make_sdk(bench, CONNECT_SDK_0_8_0);
    command(bench, "3", "application/json", "{\"command\": \"SEND_INFO\"}");
    assert_last_has(bench, "\"mmu\": {\"enabled\": true}, \"slots\": 5}");
    command(bench, "4", "application/json", "{\"command\": \"SET_VALUE\"}");
    assert_last_has(bench, "\"reason\": \"Unknown command\""); /* since 0.8.1 */
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
    tell(bench);
    run(bench, 1);
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
    tell(bench);
    run(bench, 1);
    assert_true(connect_sdk_bytes(bench->sdk) < 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_token_nothing_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(items_without_a_server_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_given_up_after_10_s, set_up, tear_down),
        cmocka_unit_test_setup_teardown(conditions_follow_what_happens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(thirty_redirects_are_followed_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_redirect_leads_to_another_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_with_more_behind_it_ends_the_connection, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_redirect_without_a_place_is_ignored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(registering_does_not_wait_for_the_queue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registration_may_be_left_unanswered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(polling_ends_after_half_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_late_reply_to_a_reset_finds_no_command, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(commands_meet_their_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_version_knows_less, set_up, tear_down),
        cmocka_unit_test(urls_are_made_as_the_sdk_makes_them),
        cmocka_unit_test_setup_teardown(all_traffic_is_traced_once_and_without_secrets, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_idle_printer_is_small, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
