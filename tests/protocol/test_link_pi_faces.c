/* The two faces of an MK3S with a PrusaLink: what its user does on the web, and what Connect does,
 * shows on the other side; cameras, registration, updates (prusalink.md 3.13, 3.14, 4.7). */
#include "tests/protocol/pi_bench.h"

/* --- registration --- */

static void is_registered_by_its_web(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, NULL, NULL, NULL, NULL);
    assert_has(pi_bench_get(&bench, "/api/connection"),
               "\"registration\": \"NO_REGISTRATION\", \"code\": null");
    assert_has(pi_bench_get(&bench, "/api/v1/status"),
               "{\"ok\": true, \"message\": \"Connect isn't configured\"}");
    assert_asks(200, "POST", "/api/connection",
                "{\"connect\": {\"hostname\": \"connect\", \"port\": 0, \"tls\": false}}");
    assert_has(buffer_text(&bench.answer),
               "{\"url\": \"http://connect/add-printer/connect/1.3.1/CODE123\"}");
    assert_has(buffer_text(&bench.told), "\"sn\": \"CZPX");
    assert_has(pi_bench_get(&bench, "/api/connection"),
               "\"registration\": \"IN_PROGRESS\", \"code\": \"CODE123\"");
    assert_has(pi_bench_get(&bench, "/api/v1/info"), "\"hostname\": \"connect\", \"port\": 0");
    bench.gives_token = true;
    pi_bench_run(&bench, 30);
    assert_has(pi_bench_get(&bench, "/api/connection"),
               "\"registration\": \"FINISHED\", \"code\": null");
    assert_has(pi_bench_get(&bench, "/api/v1/status"),
               "\"status_connect\": {\"ok\": true, \"message\": \"OK\"}");
    assert_has(buffer_text(&bench.told), "/p/telemetry");
    assert_asks(409, "POST", "/api/connection", "{\"connect\": {\"hostname\": \"connect\"}}");
    assert_asks(200, "DELETE", "/api/connection", "");
    assert_has(pi_bench_get(&bench, "/api/connection"), "\"hostname\": \"connect\"");
    assert_has(buffer_text(&bench.answer), "NO_REGISTRATION");
    pi_bench_run(&bench, 10);
    buffer_clear(&bench.told);
    pi_bench_run(&bench, 30);
    assert_int_equal(bench.told.size, 0); /* Connect hears no more of it */
    pi_bench_end(&bench);
}

static void says_why_it_is_not_registered(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, NULL, NULL, NULL, NULL);
    static const struct {
        const char *body, *answer;
        int info, registered, status;
    } cases[] = {
        {"{\"connect\": {\"hostname\": \"no/name\"}}", "resolve hostname", 200, 200, 400},
        {"{\"connect\": {}}", "resolve hostname", 200, 200, 400},
        {"{\"connect\": {\"hostname\": \"nobody\"}}", "resolve hostname", 200, 200, 400},
        {"{\"connect\": {\"hostname\": \"connect\", \"port\": 81}}", "Can't Connect", 200, 200,
         400},
        {"{\"connect\": {\"hostname\": \"connect\"}}", "Can't Connect", 503, 200, 400},
        {"{\"connect\": {\"hostname\": \"connect\", \"port\": 99999}}", "Can't Connect", 200, 200,
         400},
        {"{\"connect\": {\"hostname\": \"connect\"}}", "Internal Server Error", 200, 503, 500},
        {"{}", "Internal Server Error", 200, 200, 500},
        {"{\"connect\"", "Bad Request", 200, 200, 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench.info_status = cases[i].info;
        bench.register_status = cases[i].registered;
        assert_asks(cases[i].status, "POST", "/api/connection", cases[i].body);
        assert_has(buffer_text(&bench.answer), cases[i].answer);
        assert_has(pi_bench_get(&bench, "/api/connection"), "NO_REGISTRATION");
    }
    pi_bench_end(&bench);
}

static void survives_a_client_that_does_not_wait(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, NULL, NULL, NULL, NULL);
    static const char body[] = "{\"connect\": {\"hostname\": \"connect\"}}";
    struct buffer head = {0};
    buffer_format(&head,
                  "POST /api/connection HTTP/1.1\r\nX-Api-Key: " PI_BENCH_KEY "\r\nContent-Type: "
                  "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  strlen(body), body);
    bench.silent = true;
    struct stream *talk = pi_bench_talk(&bench);
    stream_send(talk, head.bytes, head.size);
    pi_bench_run(&bench, 1);
    stream_reset(talk);
    buffer_free(&head);
    assert_asks(500, "POST", "/api/connection", body); /* one is under way */
    bench.silent = false;
    pi_bench_run(&bench, 11);
    assert_asks(200, "POST", "/api/connection", body);
    assert_has(pi_bench_get(&bench, "/api/connection"), "IN_PROGRESS");
    pi_bench_end(&bench);
}

/* --- what one side tells, the other one tells too --- */

static void has_one_name_and_key(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, "http://connect", "a-token", NULL, NULL);
    assert_has(buffer_text(&bench.told), "\"hostname\": \"it\"");
    assert_has(buffer_text(&bench.told), "\"api_key\": \"" PI_BENCH_KEY "\"");
    assert_has(pi_bench_get(&bench, "/api/version"), "\"hostname\": \"it\"");
    assert_has(pi_bench_get(&bench, "/api/v1/info"), "\"hostname\": \"connect\"");
    buffer_clear(&bench.told);
    assert_asks(200, "POST", "/api/settings/apikey", "{\"api-key\": \"another-key\"}");
    pi_bench_run(&bench, 5);
    assert_has(buffer_text(&bench.told), "\"api_key\": \"another-key\"");
    pi_bench_end(&bench);
}

static void tells_what_is_wrong_with_connect(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, "http://connect", "a-token", NULL, NULL);
    assert_has(pi_bench_get(&bench, "/api/v1/status"),
               "\"status_connect\": {\"ok\": true, \"message\": \"OK\"}");
    bench.telemetry_status = 403;
    pi_bench_run(&bench, 15);
    assert_has(pi_bench_get(&bench, "/api/connection"),
               "\"connect\": {\"ok\": false, \"message\": \"Printer has no "
               "valid token");
    bench.telemetry_status = 204;
    pi_bench_run(&bench, 15);
    assert_has(pi_bench_get(&bench, "/api/connection"),
               "\"connect\": {\"ok\": true, \"message\": \"OK\"}");
    machine_set_fault(printer_machine(bench.printer), FAULT_SERIAL_LOST, true);
    pi_bench_run(&bench, 15);
    assert_has(pi_bench_get(&bench, "/api/connection"),
               "\"printer\": {\"ok\": false, \"message\": \"Serial device does not exist\"}");
    assert_has(buffer_text(&bench.answer), "\"state\": \"Error\"");
    assert_has(pi_bench_get(&bench, "/api/ports"), "{\"ports\": []}");
    pi_bench_end(&bench);
}

/* An upload that comes in is Connect's transfer as well, by the same number, and ends there. */
static void shares_one_transfer(void **state)
{
    (void)state;
    struct pi_bench bench;
    char id[40] = "";
    pi_bench_begin(&bench, "http://connect", "a-token", NULL, NULL);
    static const char head[] =
        "PUT /api/v1/files/local/big.gcode HTTP/1.1\r\nX-Api-Key: " PI_BENCH_KEY
        "\r\nContent-Type: text/x.gcode\r\nContent-Length: 200000\r\n\r\n";
    char *body = memory_new(200000);
    memset(body, 'x', 200000);
    struct stream *upload = pi_bench_talk(&bench);
    stream_send(upload, head, strlen(head));
    stream_send(upload, body, 150000);
    pi_bench_run(&bench, 3);
    assert_has(pi_bench_get(&bench, "/api/v1/status"), "\"transfer\": {\"id\": ");
    sscanf(strstr(buffer_text(&bench.answer), "\"transfer\": {\"id\": ") + 19, "%30[0-9]", id);
    bench.command = "{\"command\": \"SEND_TRANSFER_INFO\"}";
    buffer_clear(&bench.told);
    pi_bench_run(&bench, 5);
    struct buffer wanted = {0};
    buffer_format(&wanted, "\"transfer_id\": %s", id);
    assert_has(buffer_text(&bench.told), buffer_text(&wanted));
    assert_has(buffer_text(&bench.told), "\"FROM_CLIENT\"");
    buffer_clear(&bench.told);
    bench.command = "{\"command\": \"STOP_TRANSFER\"}";
    pi_bench_run(&bench, 5);
    stream_send(upload, body, 50000);
    pi_bench_run(&bench, 5);
    assert_has(buffer_text(&bench.told), "\"FINISHED\""); /* the command */
    assert_has(buffer_text(&bench.told),
               "{\"event\": \"TRANSFER_FINISHED\", \"source\": \"WUI\", \"data\": "
               "{\"destination\": \"big.gcode\"}");
    assert_has(buffer_text(&bench.answer), "400 Bad Request"); /* of the upload: it was stopped */
    assert_asks(204, "GET", "/api/v1/transfer", "");
    buffer_free(&wanted);
    free(body);
    pi_bench_end(&bench);
}

/* What its user has it fetch is the printer's transfer too. */
static void fetches_a_file(void **state)
{
    (void)state;
    struct pi_bench bench;
    char long_name[400], body[600];
    pi_bench_begin(&bench, "http://connect", "a-token", NULL, NULL);
    static const char rest[] = "\"to_select\": false, \"to_print\": false}";
    memset(long_name, 'x', 249);
    snprintf(long_name + 249, 10, ".gcode");
    const struct {
        const char *url, *path, *rename, *target;
        int status;
    } cases[] = {
        {"http://connect/files/a.gcode", "in/here", "\"rename\": \"new\", ", "local", 201},
        {"http://connect/files/b.gcode?key=1", "/", "\"rename\": \"\", ", "local", 201},
        {"http://connect/files/a.txt", "/", "\"rename\": \"\", ", "local", 415},
        {"http://connect/files/a.gcode", "/", "", "local", 500},
        {"http://nobody/a.gcode", "/", "\"rename\": \"\", ", "local", 400},
        {"http://connect/none.gcode", "/", "\"rename\": \"\", ", "local", 400},
        {"ftp", "/", "\"rename\": \"\", ", "local", 400},
        {"http://connect/files/a%23.gcode", "../../etc", "\"rename\": \"x\", ", "local", 400},
        {"http://connect/files/a.gcode", "/", "\"rename\": \"a#b\", ", "local", 400},
        {"http://connect/files/a.gcode", "/", "\"rename\": \"\", ", "sdcard", 409},
        {"http://connect/files/a.gcode", "/", "\"rename\": \"\", ", "other", 404},
        {long_name, "/", "\"rename\": \"\", ", "local", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char target[40];
        const char *url = cases[i].url;
        snprintf(target, sizeof target, "/api/download/%s", cases[i].target);
        snprintf(body, sizeof body, "{\"url\": \"%s%s\", \"path\": \"%s\", %s%s",
                 url == long_name ? "http://connect/files/" : "", url, cases[i].path,
                 cases[i].rename, rest);
        assert_asks(cases[i].status, "POST", target, body);
        pi_bench_run(&bench, 2);
        assert_asks(204, "GET", "/api/download", "");
    }
    assert_asks(200, "GET", "/api/v1/files/local/in/here/new.gcode", "");
    assert_asks(200, "GET", "/api/v1/files/local/b.gcode", "");
    assert_has(pi_bench_get(&bench, "/api/v1/files/local"), "\"size\": 8, ");
    pi_bench_run(&bench, 5);
    assert_has(buffer_text(&bench.told), "{\"event\": \"TRANSFER_FINISHED\", \"source\": "
                                         "\"CONNECT\", \"data\": {\"path\": \"/PrusaLink "
                                         "gcodes/in/here/new.gcode\"}");
    pi_bench_end(&bench);
}

/* --- updates and restarts --- */

static void updates_itself(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, "http://connect", "a-token", "0.9.0", NULL);
    assert_has(pi_bench_get(&bench, "/api/v1/update/prusalink"), "Update-Available: True\r\n");
    assert_has(buffer_text(&bench.answer), "{\"new_version\": \"0.9.0\"}");
    assert_asks(501, "GET", "/api/v1/update/system", "");
    assert_asks(400, "GET", "/api/v1/update/other", "");
    assert_asks(501, "POST", "/api/v1/update/system", "");
    assert_asks(400, "POST", "/api/v1/update/other", "");
    assert_asks(404, "DELETE", "/api/v1/update/prusalink", "");
    assert_asks(200, "POST", "/api/v1/update/prusalink", "");
    assert_asks(503, "GET", "/api/version", "");
    buffer_clear(&bench.told);
    pi_bench_run(&bench, 60);
    assert_has(pi_bench_get(&bench, "/api/version"), "\"server\": \"0.9.0\"");
    assert_has(buffer_text(&bench.answer), "\"text\": \"PrusaLink 0.9.0\"");
    assert_has(buffer_text(&bench.told), "\"prusalink\": \"0.9.0\"");
    assert_has(pi_bench_get(&bench, "/api/v1/update/prusalink"), "HTTP/1.0 204 No Content\r\n");
    assert_has(buffer_text(&bench.answer), "Update-Available: False\r\n");
    assert_asks(204, "POST", "/api/v1/update/prusalink", "");
    pi_bench_end(&bench);
}

static void says_that_an_update_fails(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, NULL, NULL, "", NULL);
    assert_asks(409, "GET", "/api/v1/update/prusalink", "");
    assert_has(buffer_text(&bench.answer),
               "Unavailable update\nUpdate is unavailable to install\nERROR");
    assert_asks(409, "POST", "/api/v1/update/prusalink", "");
    assert_has(buffer_text(&bench.answer), "Unable to update");
    pi_bench_end(&bench);
}

/* UPGRADE of Connect's is a restart of the whole program: its server is away as well. */
static void restarts_with_connect(void **state)
{
    (void)state;
    struct pi_bench bench;
    char before[80] = "", after[80] = "";
    pi_bench_begin(&bench, "http://connect", "a-token", NULL, NULL);
    sscanf(strstr(pi_bench_ask(&bench, "HEAD", "/", "", ""), "Instance-ID: "), "Instance-ID: %70s",
           before);
    connect_face_restart(printer_connect_face(bench.printer), NULL);
    assert_asks(503, "GET", "/api/version", "");
    pi_bench_run(&bench, 20);
    assert_asks(200, "GET", "/api/version", "");
    sscanf(strstr(pi_bench_ask(&bench, "HEAD", "/", "", ""), "Instance-ID: "), "Instance-ID: %70s",
           after);
    assert_string_not_equal(before, after);
    pi_bench_end(&bench);
}

static void tells_its_system_to_who_asks(void **state)
{
    (void)state;
    struct pi_bench bench;
    pi_bench_begin(&bench, NULL, NULL, NULL, NULL);
    static const struct {
        const char *query;
        bool told;
    } cases[] = {{"", false},
                 {"?system=0", false},
                 {"?system=x", false},
                 {"?system=", false},
                 {"?system=1", true},
                 {"?system=%201_0", true},
                 {"?a=1&system=-1", true},
                 {"?system=1.5", false},
                 {"?system=1x", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/version%s", cases[i].query);
        bool told = strstr(pi_bench_get(&bench, path), "\"python\": [{\"name\": ") != NULL &&
                    strstr(buffer_text(&bench.answer), "\"system\": {\"python\": ") != NULL;
        if (told != cases[i].told) {
            fail_msg("%s: %s", path, buffer_text(&bench.answer));
        }
    }
    pi_bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_registered_by_its_web),
        cmocka_unit_test(says_why_it_is_not_registered),
        cmocka_unit_test(survives_a_client_that_does_not_wait),
        cmocka_unit_test(has_one_name_and_key),
        cmocka_unit_test(tells_what_is_wrong_with_connect),
        cmocka_unit_test(shares_one_transfer),
        cmocka_unit_test(fetches_a_file),
        cmocka_unit_test(updates_itself),
        cmocka_unit_test(says_that_an_update_fails),
        cmocka_unit_test(restarts_with_connect),
        cmocka_unit_test(tells_its_system_to_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
