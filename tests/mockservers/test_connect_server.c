/* The mock Connect server as a function from requests to replies, under a virtual clock. */

#include "tests/mockservers/connect_bench.h"

#include "mockservers/connect/tree.h"

static void event(struct bench *bench, const char *body)
{
    ask(bench, "POST", "/p/events", body);
    assert_int_equal(bench->last.status, 204);
}

static void answer(struct bench *bench, const char *name, int64_t id)
{
    char body[300];
    snprintf(body, sizeof body,
             "{\"event\": \"%s\", \"source\": \"CONNECT\", \"data\": {}, \"command_id\": %lld, "
             "\"state\": \"IDLE\"}",
             name, (long long)id);
    event(bench, body);
}

static const char registration[] =
    "{\"sn\": \"s\", \"fingerprint\": \"f\", \"printer_type\": \"1.3.1\", \"firmware\": null}";

static void poll_with(struct bench *bench, const char *code)
{
    ask_service(bench, connect_server_service(bench->server), "GET", "/p/register", code, "1.5",
                "");
}

/* ---- registration ---- */

static void a_printer_registers_when_its_user_says_so(void **state)
{
    (void)state;
    struct bench bench;
    usual.add_after_us = CONNECT_ADD_NEVER;
    open_bench(&bench, &usual);
    ask(&bench, "POST", "/p/register", registration);
    assert_int_equal(bench.last.status, 200);
    char code[64];
    snprintf(code, sizeof code, "%s", bench.last.code);
    assert_true(strlen(code) > 5);
    poll_with(&bench, code);
    assert_int_equal(bench.last.status, 202);
    struct connect_printer *printer = connect_server_by_code(bench.server, code);
    assert_non_null(printer);
    assert_ptr_equal(printer, connect_server_by_serial(bench.server, "s"));
    assert_true(connect_printer_add(printer));
    poll_with(&bench, code);
    assert_int_equal(bench.last.status, 200);
    assert_ptr_equal(connect_server_by_token(bench.server, bench.last.token), printer);
    snprintf(bench.token, sizeof bench.token, "%s", bench.last.token);
    poll_with(&bench, code);
    assert_int_equal(bench.last.status, 404);
    telemetry(&bench, "{\"state\": \"IDLE\"}");
    assert_int_equal(bench.last.status, 204);
    connect_printer_revoke(printer);
    telemetry(&bench, "{\"state\": \"IDLE\"}");
    assert_int_equal(bench.last.status, 403);
    usual.add_after_us = 0;
    close_bench(&bench);
}

static void added_after_a_while(void **state)
{
    (void)state;
    struct bench bench;
    struct connect_server_settings settings = {.add_after_us = SECONDS(5)};
    open_bench(&bench, &settings);
    ask(&bench, "POST", "/p/register", registration);
    char code[64];
    snprintf(code, sizeof code, "%s", bench.last.code);
    world_run(&bench.world, SECONDS(4), NULL);
    poll_with(&bench, code);
    assert_int_equal(bench.last.status, 202);
    world_run(&bench.world, SECONDS(5), NULL);
    poll_with(&bench, code);
    assert_int_equal(bench.last.status, 200);
    close_bench(&bench);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    static const char *const bodies[] = {"", "[]", "{\"sn\": 5}", "{\"sn\": \"x\"}", "{"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        ask(&bench, "POST", "/p/register", bodies[i]);
        assert_int_equal(bench.last.status, 400);
    }
    telemetry(&bench, "{\"state\": \"IDLE\"}");
    assert_int_equal(bench.last.status, 401);
    struct connect_printer *printer = join(&bench);
    static const char *const wrong[] = {"", "{}", "[1]", "{\"state\": 4}", "{\"state\": \"IDLE\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        telemetry(&bench, wrong[i]);
        assert_int_equal(bench.last.status, 400);
        ask(&bench, "POST", "/p/events", wrong[i]);
        assert_int_equal(bench.last.status, 400);
    }
    assert_int_equal(printer->bad_count, 10);
    ask(&bench, "GET", "/p/telemetry", "");
    assert_int_equal(bench.last.status, 404);
    ask(&bench, "GET", "/info", "");
    assert_int_equal(bench.last.status, 200);
    close_bench(&bench);
}

/* ---- what is believed ---- */

static double number(const struct connect_printer *printer, const char *key)
{
    cJSON *telemetry = connect_printer_telemetry(printer);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(telemetry, key);
    assert_true(cJSON_IsNumber(item));
    double value = item->valuedouble;
    cJSON_Delete(telemetry);
    return value;
}

static void telemetry_is_merged(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    telemetry(&bench,
              "{\"temp_bed\": 60.5, \"job_id\": 3, \"slot\": {\"active\": 1, \"state\": 0}, "
              "\"state\": \"PRINTING\"}");
    assert_int_equal(printer->job_id, 3);
    for (int i = 0; i < 3; i++) {
        telemetry(&bench, "{\"state\": \"IDLE\"}");
    }
    assert_string_equal(printer->state, "IDLE");
    assert_int_equal(printer->job_id, 0);
    assert_true(number(printer, "temp_bed") == 60.5);
    telemetry(&bench, "{\"temp_bed\": 61, \"slot\": {\"active\": 2}, \"state\": \"IDLE\"}");
    assert_true(number(printer, "temp_bed") == 61);
    assert_string_equal(printer->telemetry,
                        "{\"temp_bed\":61,\"slot\":{\"active\":2,\"state\":0}}");
    assert_int_equal(printer->telemetry_count, 5);
    telemetry(&bench,
              "{\"transfer_id\": 4294967295, \"transfer_progress\": 1.5, \"state\": \"IDLE\"}");
    assert_true(printer->transfer_id == INT64_C(4294967295));
    telemetry(&bench, "{\"state\": \"IDLE\"}");
    assert_true(printer->transfer_id == -1);
    assert_null(strstr(printer->telemetry, "transfer_progress"));
    close_bench(&bench);
}

/* "DIR" or "FILE"; "": nothing is there. */
static const char *type_of(const struct connect_printer *printer, const char *path)
{
    cJSON *files = connect_printer_files(printer);
    const cJSON *node = connect_tree_find(files, path);
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(node, "type"));
    type = type == NULL ? "" : strcmp(type, "DIR") == 0 ? "DIR" : "FILE";
    cJSON_Delete(files);
    return type;
}

static void info_and_files_are_merged(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    event(&bench,
          "{\"event\": \"INFO\", \"source\": \"CONNECT\", \"state\": \"IDLE\", \"data\": {"
          "\"sn\": \"s1\", \"type\": 1, \"version\": 3, \"subversion\": 1, \"active_sheet\": 0,"
          "\"files\": {\"type\": \"DIR\", \"name\": \"/\", \"children\": [{\"type\": \"DIR\","
          "\"name\": \"local\", \"children\": []}]}}}");
    assert_string_equal(printer->type, "1.3.1");
    event(&bench, "{\"event\": \"INFO\", \"source\": \"USER\", \"state\": \"IDLE\", \"data\": "
                  "{\"active_sheet\": 1}}");
    cJSON *info = connect_printer_info(printer);
    assert_int_equal(cJSON_GetObjectItem(info, "active_sheet")->valueint, 1);
    assert_non_null(cJSON_GetObjectItem(info, "sn"));
    assert_null(cJSON_GetObjectItem(info, "files"));
    cJSON_Delete(info);
    event(&bench,
          "{\"event\": \"FILE_CHANGED\", \"source\": \"WUI\", \"state\": \"IDLE\", \"data\": "
          "{\"new_path\": \"/local/a.gcode\", \"free_space\": 9, \"file\": {\"type\": "
          "\"PRINT_FILE\", \"name\": \"a.gcode\", \"size\": 3}}}");
    assert_string_equal(type_of(printer, "/local/a.gcode"), "FILE");
    event(&bench,
          "{\"event\": \"FILE_CHANGED\", \"source\": \"WUI\", \"state\": \"IDLE\", \"data\": "
          "{\"old_path\": \"/local/a.gcode\"}}");
    assert_string_equal(type_of(printer, "/local/a.gcode"), "");
    event(
        &bench,
        "{\"event\": \"MEDIUM_INSERTED\", \"source\": \"WUI\", \"state\": \"IDLE\", \"data\": "
        "{\"root\": \"/SD\", \"files\": {\"type\": \"DIR\", \"name\": \"SD\", \"children\": []}}}");
    assert_string_equal(type_of(printer, "/SD"), "DIR");
    event(&bench,
          "{\"event\": \"MEDIUM_EJECTED\", \"source\": \"WUI\", \"state\": \"IDLE\", \"data\": "
          "{\"root\": \"/SD\"}}");
    assert_string_equal(type_of(printer, "/SD"), "");
    close_bench(&bench);
}

/* ---- commands ---- */

static void commands_go_one_at_a_time(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    struct connect_command *first = queue(&bench, printer, "SEND_INFO");
    struct connect_command *second = queue(&bench, printer, "PAUSE_PRINT");
    assert_true(first->id != 0 && second->id != first->id);
    idle(&bench);
    assert_int_equal(bench.last.status, 200);
    assert_true(atoll(bench.last.id) == first->id);
    assert_string_equal(bench.last.body, "{\"command\":\"SEND_INFO\"}");
    idle(&bench);
    assert_int_equal(bench.last.status, 204);
    answer(&bench, "ACCEPTED", first->id);
    assert_int_equal(first->status, CONNECT_COMMAND_ACCEPTED);
    idle(&bench);
    assert_int_equal(bench.last.status, 204);
    answer(&bench, "INFO", first->id);
    assert_int_equal(first->status, CONNECT_COMMAND_FINISHED);
    assert_string_equal(connect_command_end(first)->event, "INFO");
    idle(&bench);
    assert_true(atoll(bench.last.id) == second->id);
    answer(&bench, "ACCEPTED", second->id);
    struct connect_command *reset = queue(&bench, printer, "RESET_PRINTER");
    idle(&bench);
    assert_true(atoll(bench.last.id) == reset->id);
    answer(&bench, "FAILED", second->id);
    assert_int_equal(second->status, CONNECT_COMMAND_FAILED);
    assert_ptr_equal(connect_server_command_by_id(bench.server, first->id), first);
    close_bench(&bench);
}

static void a_lost_answer_brings_the_same_id(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    struct connect_command *command = queue(&bench, printer, "SEND_INFO");
    idle(&bench);
    world_run(&bench.world, SECONDS(4), NULL);
    idle(&bench);
    assert_true(atoll(bench.last.id) == command->id);
    assert_int_equal(command->deliveries, 2);
    answer(&bench, "ACCEPTED", command->id);
    world_run(&bench.world, SECONDS(8), NULL);
    for (int i = 0; i < 3; i++) {
        idle(&bench); /* without command_id: its end was lost */
    }
    idle(&bench);
    assert_int_equal(command->deliveries, 3);
    answer(&bench, "FINISHED", command->id);
    assert_int_equal(command->status, CONNECT_COMMAND_FINISHED);
    assert_true(connect_command_repeat(command));
    idle(&bench);
    assert_true(atoll(bench.last.id) == command->id);
    close_bench(&bench);
}

/* Of all printers together: those that ended first go first. */
static void what_commands_ended_long_ago_is_forgotten(void **state)
{
    (void)state;
    enum { COMMANDS = 12 };
    struct connect_server_settings settings = usual;
    settings.history_bytes = 5000;
    struct bench bench;
    open_bench(&bench, &settings);
    struct connect_printer *printers[2] = {connect_server_expect(bench.server, "a"),
                                           connect_server_expect(bench.server, "b")};
    int64_t ids[COMMANDS];
    char event_text[1200];
    for (int i = 0; i < COMMANDS; i++) {
        snprintf(bench.token, sizeof bench.token, "%s", printers[i % 2]->token);
        ids[i] = queue(&bench, printers[i % 2], "SEND_INFO")->id;
        idle(&bench);
        snprintf(
            event_text, sizeof event_text,
            "{\"event\": \"INFO\", \"state\": \"IDLE\", \"command_id\": %lld, \"data\": {\"sn\": "
            "\"%01000d\"}}",
            (long long)ids[i], i);
        event(&bench, event_text);
    }
    size_t kept = 0;
    for (int i = 0; i < COMMANDS; i++) {
        bool there = connect_server_command_by_id(bench.server, ids[i]) != NULL;
        assert_true(there || kept == 0);
        kept += there;
    }
    assert_in_range(kept, 2, 4);
    assert_int_equal(printers[0]->history_count + printers[1]->history_count, kept);
    struct connect_command *again = connect_server_command_by_id(bench.server, ids[COMMANDS - 1]);
    assert_true(connect_command_repeat(again));
    assert_int_equal(printers[0]->history_count + printers[1]->history_count, kept - 1);
    idle(&bench);
    event(&bench, event_text);
    assert_int_equal(again->answer_count, 2);
    assert_ptr_equal(connect_server_command_by_id(bench.server, ids[COMMANDS - 1]), again);
    close_bench(&bench);
}

/* Who believes nothing still knows its printers, and what becomes of their commands. */
static void a_server_without_a_view_delivers_commands(void **state)
{
    (void)state;
    struct connect_server_settings settings = usual;
    settings.no_view = true;
    struct bench bench;
    open_bench(&bench, &settings);
    struct connect_printer *printer = join(&bench);
    struct connect_command *command = queue(&bench, printer, "SEND_INFO");
    telemetry(&bench, "{\"temp_bed\": 60.5, \"job_id\": 3, \"state\": \"PRINTING\"}");
    assert_true(atoll(bench.last.id) == command->id);
    answer(&bench, "ACCEPTED", command->id);
    telemetry(&bench, "{\"state\": \"PRINTING\", \"command_id\": 5}");
    assert_true(printer->telemetry_command_id == 5);
    event(&bench,
          "{\"event\": \"INFO\", \"state\": \"IDLE\", \"data\": {\"sn\": \"s1\", \"files\": {}}}");
    answer(&bench, "INFO", command->id);
    assert_int_equal(command->status, CONNECT_COMMAND_FINISHED);
    ask(&bench, "POST", "/p/events", "no JSON");
    assert_int_equal(bench.last.status, 400);
    assert_int_equal(printer->telemetry_count, 2);
    assert_int_equal(printer->event_count, 3);
    assert_true(printer->telemetry == NULL && printer->info == NULL && printer->files == NULL);
    assert_true(printer->serial == NULL && printer->state[0] == '\0' && printer->job_id == 0);
    close_bench(&bench);
}

static void gcode_goes_as_text(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, &usual);
    struct connect_printer *printer = join(&bench);
    struct error error;
    assert_non_null(connect_server_gcode(bench.server, printer, "G28", true, &error));
    idle(&bench);
    assert_string_equal(bench.last.type, "text/x.gcode");
    assert_string_equal(bench.last.force, "1");
    assert_string_equal(bench.last.body, "G28");
    connect_server_settings(bench.server)->queue_max = 1;
    queue(&bench, printer, "SEND_INFO");
    assert_null(connect_server_command(bench.server, printer, "SEND_INFO", NULL, &error));
    close_bench(&bench);
}

/* ---- log ---- */

static void the_log_is_a_ring_without_secrets(void **state)
{
    (void)state;
    struct bench bench;
    struct connect_server_settings settings = {.log_bytes = 4096};
    open_bench(&bench, &settings);
    join(&bench);
    for (int i = 0; i < 100; i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"n\": %d, \"x\": \"%.*s\", \"state\": \"IDLE\"}", i, i,
                 "----------------------------------------------------------------------------"
                 "------------------------");
        telemetry(&bench, body);
    }
    struct connect_log *log = connect_server_log(bench.server);
    assert_int_equal(connect_log_last(log), 100);
    assert_true(connect_log_first(log) > 80);
    struct connect_log_entry entry;
    uint64_t since = 0, seen = 0;
    while (connect_log_next(log, since, &entry)) {
        assert_true(seen == 0 || entry.number == since + 1);
        char number_text[32];
        snprintf(number_text, sizeof number_text, "{\"n\": %d,", (int)entry.number - 1);
        assert_memory_equal(entry.request_body.bytes, number_text, strlen(number_text));
        since = entry.number;
        seen++;
    }
    assert_int_equal(seen, 100 - connect_log_first(log) + 1);
    struct buffer text = {0};
    assert_int_equal(connect_log_json(log, 98, 10, 100000, &text), 100);
    assert_null(strstr(buffer_text(&text), "tok"));
    assert_non_null(strstr(buffer_text(&text), "redacted"));
    buffer_free(&text);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_printer_registers_when_its_user_says_so),
        cmocka_unit_test(added_after_a_while),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(telemetry_is_merged),
        cmocka_unit_test(info_and_files_are_merged),
        cmocka_unit_test(commands_go_one_at_a_time),
        cmocka_unit_test(a_lost_answer_brings_the_same_id),
        cmocka_unit_test(what_commands_ended_long_ago_is_forgotten),
        cmocka_unit_test(a_server_without_a_view_delivers_commands),
        cmocka_unit_test(gcode_goes_as_text),
        cmocka_unit_test(the_log_is_a_ring_without_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
