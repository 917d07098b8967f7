/* How a mock Connect server is made to decide otherwise: by hooks and by misbehaviours. */

#include "tests/mockservers/connect_bench.h"

static void answer_418(void *owner, struct connect_decision *decision)
{
    (*(int *)owner)++;
    connect_reply_answer(decision->reply, 418);
    connect_reply_set_header(decision->reply, "Location", "teapot");
    decision->answered = true;
}

static void hold_back(void *owner, struct connect_decision *decision)
{
    (*(int *)owner)++;
    assert_non_null(decision->command);
    decision->hold = true;
}

static void hooks_decide(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    int calls = 0;
    connect_server_hook(bench.server, CONNECT_POINT_TELEMETRY, answer_418, &calls);
    telemetry(&bench, "{\"state\": \"BUSY\"}");
    assert_int_equal(bench.last.status, 418);
    assert_string_equal(bench.last.location, "teapot");
    assert_string_equal(printer->state, "BUSY"); /* still believed */
    connect_server_hook(bench.server, CONNECT_POINT_TELEMETRY, NULL, NULL);
    connect_server_hook(bench.server, CONNECT_POINT_DELIVERY, hold_back, &calls);
    struct connect_command *command = queue(&bench, printer, "SEND_INFO");
    idle(&bench);
    assert_int_equal(bench.last.status, 204);
    assert_int_equal(command->status, CONNECT_COMMAND_PENDING);
    assert_int_equal(calls, 2);
    close_bench(&bench);
}

struct outcome {
    const char *text;
    bool command;
    int status;
    enum http_after after;
    const char *id, *body_has, *raw_has; /* NULL: not looked at */
};

static void misbehaviours_do_what_they_say(void **state)
{
    (void)state;
    static const struct outcome outcomes[] = {
        {"telemetry-status=429", false, 429, HTTP_AFTER_KEEP, NULL, NULL, NULL},
        {"empty-200", false, 200, HTTP_AFTER_KEEP, "", NULL, NULL},
        {"no-command-id", true, 200, HTTP_AFTER_KEEP, "", NULL, NULL},
        {"bad-command-id=130.0", true, 200, HTTP_AFTER_KEEP, "130.0", NULL, NULL},
        {"id-zero", true, 200, HTTP_AFTER_KEEP, "0", NULL, NULL},
        {"non-object", true, 200, HTTP_AFTER_KEEP, NULL, "[\"SEND_INFO\"]", NULL},
        {"reset", false, 0, HTTP_AFTER_RESET, NULL, NULL, NULL},
        {"close", false, 0, HTTP_AFTER_CLOSE, NULL, NULL, NULL},
        {"silent", false, 0, HTTP_AFTER_STALL, NULL, NULL, NULL},
        {"redirect", false, 302, HTTP_AFTER_KEEP, NULL, NULL, NULL},
        {"twice", false, 204, HTTP_AFTER_KEEP, NULL, NULL, "No Content\r\n\r\nHTTP/1.1 204"},
        {"truncate=8", false, 204, HTTP_AFTER_CLOSE, NULL, NULL, "HTTP/1.1"},
        {"garbage", false, 0, HTTP_AFTER_CLOSE, NULL, NULL, "SSH-2.0"},
    };
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        struct bench bench;
        open_bench(&bench, &usual);
        struct connect_printer *printer = join(&bench);
        struct error error;
        char text[64];
        snprintf(text, sizeof text, "%s:1", outcomes[i].text);
        assert_true(connect_server_misbehave(bench.server, NULL, text, &error));
        if (outcomes[i].command) {
            queue(&bench, printer, "SEND_INFO");
        }
        idle(&bench);
        assert_true(bench.last.replied);
        assert_int_equal(bench.last.status, outcomes[i].status);
        assert_int_equal(bench.last.after, outcomes[i].after);
        if (outcomes[i].id != NULL) {
            assert_string_equal(bench.last.id, outcomes[i].id);
        }
        if (outcomes[i].body_has != NULL) {
            assert_non_null(strstr(bench.last.body, outcomes[i].body_has));
        }
        if (outcomes[i].raw_has != NULL) {
            assert_non_null(strstr(bench.last.raw, outcomes[i].raw_has));
        }
        if (!outcomes[i].command) { /* only once */
            idle(&bench);
            assert_int_equal(bench.last.status, 204);
            assert_int_equal(bench.last.raw_size, 0);
        }
        close_bench(&bench);
    }
}

static void late_replies_come_late_or_not_at_all(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    struct error error;
    assert_true(connect_server_misbehave(bench.server, printer, "late=11", &error));
    idle(&bench);
    assert_false(bench.last.replied);
    world_run(&bench.world, SECONDS(10), NULL);
    assert_false(bench.last.replied);
    world_run(&bench.world, SECONDS(12), NULL);
    assert_true(bench.last.replied);
    struct connect_command *command = queue(&bench, printer, "SEND_INFO");
    idle(&bench);
    struct http_service *service = connect_server_service(bench.server);
    service->gone(service->service, &bench.last.exchange);
    assert_true(command->resend);
    assert_int_equal(connect_server_behave(bench.server, NULL, NULL), 1);
    idle(&bench);
    assert_true(atoll(bench.last.id) == command->id);
    close_bench(&bench);
}

static void bad_misbehaviours_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    static const char *const bad[] = {
        "",        "unknown",   "late=soon",          "late=-1",   "reset=1",
        "reset:0", "reset%200", "telemetry-status=5", "resetting", "redirect=a\nb"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = {""};
        assert_false(connect_server_misbehave(bench.server, NULL, bad[i], &error));
        assert_true(error.text[0] != '\0');
    }
    size_t count;
    const struct connect_misbehaviour *list = connect_misbehaviour_list(&count);
    for (size_t i = 0; i < count; i++) { /* all work with their defaults */
        assert_true(connect_server_misbehave(bench.server, NULL, list[i].name, NULL));
    }
    assert_int_equal(connect_server_behave(bench.server, NULL, NULL), count);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_decide),
        cmocka_unit_test(misbehaviours_do_what_they_say),
        cmocka_unit_test(late_replies_come_late_or_not_at_all),
        cmocka_unit_test(bad_misbehaviours_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
