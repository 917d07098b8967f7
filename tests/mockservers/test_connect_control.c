/* The control endpoint of the mock Connect server. */

#include "tests/mockservers/connect_bench.h"

static void control(struct bench *bench, struct connect_control *control, const char *method,
                    const char *target, const char *body, int status)
{
    ask_service(bench, connect_control_service(control), method, target, "", "1.5", body);
    if (bench->last.replied) {
        assert_int_equal(bench->last.status, status);
    } else {
        assert_int_equal(status, 0);
    }
}

static void a_person_drives_it(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_control *face = connect_control_new(bench.server);
    control(&bench, face, "GET", "/printers", "", 200);
    assert_string_equal(bench.last.body, "[]\n");
    struct connect_printer *printer = join(&bench);
    control(&bench, face, "GET", "/printers/1", "", 200);
    control(&bench, face, "GET", "/printers/2", "", 404);
    control(&bench, face, "GET", "/printers/x", "", 404);
    control(&bench, face, "PUT", "/printers", "", 405);
    control(&bench, face, "GET", "/a/b/c/d/e/f", "", 404);
    control(&bench, face, "POST", "/printers/1/add", "", 400);
    control(&bench, face, "POST", "/printers/1/commands", "{", 400);
    control(&bench, face, "POST", "/printers/1/commands", "{\"command\": 5}", 400);
    control(&bench, face, "POST", "/printers/1/commands", "{\"command\": \"X\", \"kwargs\": []}",
            400);
    control(&bench, face, "POST", "/printers/1/commands", "{\"gcode\": \"G28\", \"force\": true}",
            201);
    assert_non_null(printer->queue_first);
    char target[64];
    snprintf(target, sizeof target, "/commands/%lld", (long long)printer->queue_first->id);
    control(&bench, face, "GET", target, "", 200);
    assert_non_null(strstr(bench.last.body, "pending"));
    control(&bench, face, "DELETE", target, "", 200);
    control(&bench, face, "DELETE", target, "", 400);
    control(&bench, face, "GET", "/commands/1x", "", 404);
    control(&bench, face, "POST", "/misbehave", "{\"name\": \"late=1\", \"printer\": 9}", 400);
    control(&bench, face, "POST", "/misbehave", "{\"name\": \"late=1\"}", 200);
    control(&bench, face, "DELETE", "/misbehave/nothing", "", 404);
    control(&bench, face, "DELETE", "/misbehave/late", "", 200);
    control(&bench, face, "GET", "/contract", "", 404);
    connect_control_destroy(face);
    close_bench(&bench);
}

static void all_printers_are_exercised_in_turn(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_control *face = connect_control_new(bench.server);
    struct connect_printer *printer = join(&bench);
    control(&bench, face, "GET", "/exercise", "", 200);
    assert_string_equal(bench.last.body, "[]\n");
    control(&bench, face, "PUT", "/exercise", "{", 400);
    control(&bench, face, "PUT", "/exercise", "[{\"every\": \"1ms\", \"command\": \"SEND_INFO\"}]",
            400);
    control(&bench, face, "PUT", "/exercise", "[{\"every\": \"1s\"}]", 400);
    control(&bench, face, "PUT", "/exercise",
            "[{\"every\": \"1s\", \"command\": \"SEND_INFO\", \"gcode\": \"G28\"}]", 400);
    control(&bench, face, "PUT", "/exercise", "[{\"every\": \"2s\", \"command\": \"SEND_INFO\"}]",
            200);
    world_run(&bench.world, bench.world.now_us + SECONDS(1), NULL);
    assert_null(printer->queue_first);
    world_run(&bench.world, bench.world.now_us + SECONDS(1), NULL);
    assert_non_null(printer->queue_first);
    assert_string_equal(printer->queue_first->name, "SEND_INFO");
    /* One that has not answered yet gets no other. */
    world_run(&bench.world, bench.world.now_us + SECONDS(4), NULL);
    assert_int_equal(printer->queue_count, 1);
    control(&bench, face, "GET", "/exercise", "", 200);
    assert_non_null(strstr(bench.last.body, "\"queued\":\t1"));
    assert_non_null(strstr(bench.last.body, "\"passed_over\":\t2"));
    control(&bench, face, "PUT", "/exercise", "[]", 200);
    assert_true(connect_command_give_up(printer->queue_first));
    world_run(&bench.world, bench.world.now_us + SECONDS(4), NULL);
    assert_null(printer->queue_first);
    connect_control_destroy(face);
    close_bench(&bench);
}

static void the_log_can_be_waited_for(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_control *face = connect_control_new(bench.server);
    join(&bench);
    control(&bench, face, "GET", "/log?since=0&wait=x", "", 400);
    control(&bench, face, "GET", "/log?since=0&wait=9999", "", 400);
    control(&bench, face, "GET", "/log?since=0&wait=10", "", 0);
    static struct fake_exchange waiting;
    struct http_service *service = connect_control_service(face);
    service->gone(service->service, &bench.last.exchange);
    struct http_message message = {.request = true,
                                   .method = slice_of("GET"),
                                   .target = slice_of("/log?since=0&wait=10&format=text")};
    waiting.exchange.class = &fake_class;
    service->request(service->service, &waiting.exchange, &message);
    assert_false(waiting.replied);
    idle(&bench);
    world_run(&bench.world, SECONDS(1), NULL);
    assert_true(waiting.replied);
    assert_non_null(strstr(waiting.body, "/p/telemetry"));
    connect_control_destroy(face);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_drives_it),
        cmocka_unit_test(all_printers_are_exercised_in_turn),
        cmocka_unit_test(the_log_can_be_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
