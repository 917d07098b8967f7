/* Bad input of all kinds to every endpoint of a Pi that takes any: a clear answer, nothing written
 * outside of the storage and nothing half-written in it, and the next request is served. */
#include "tests/protocol/pi_bench.h"

static const struct file_node *root_of(struct pi_bench *bench)
{
    return machine_storage(printer_machine(bench->printer), 0)->root;
}

/* Whatever it is that came: it was refused, nothing new lies anywhere, and it goes on. */
static void refused(struct pi_bench *bench, const char *what, uint32_t entries)
{
    if (bench->status < 400 || bench->status > 599) {
        fail_msg("%s: %d", what, bench->status);
    }
    if (root_of(bench)->entries != entries) {
        fail_msg("%s: %u entries, expected %u", what, root_of(bench)->entries, entries);
    }
    pi_bench_get(bench, "/api/printer/sd");
    assert_int_equal(bench->status, 200);
    assert_null(machine_transfer(printer_machine(bench->printer)));
}

static void begin_with_file(struct pi_bench *bench)
{
    pi_bench_begin(bench, NULL, NULL, NULL, NULL);
    const char *put = "Content-Type: text/x.gcode\r\nContent-Length: 4\r\n\r\nG28\n";
    pi_bench_ask(bench, "PUT", "/api/v1/files/local/good.gcode", put, "");
    assert_int_equal(bench->status, 201);
    pi_bench_run(bench, 1);
}

/* A form with one file in it. */
static void post_form(struct pi_bench *bench, const char *folder, const char *name)
{
    struct buffer body = {0}, head = {0};
    buffer_format(&body,
                  "--b\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n%s\r\n"
                  "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                  "Content-Type: application/octet-stream\r\n\r\nG28\n\r\n--b--\r\n",
                  folder, name);
    buffer_format(&head,
                  "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %zu\r\n\r\n%s",
                  body.size, buffer_text(&body));
    pi_bench_ask(bench, "POST", "/api/files/local", buffer_text(&head), "");
    buffer_free(&body);
    buffer_free(&head);
}

/* --- paths that lead out --- */

static const char *const ways_out[] = {
    "../x.gcode",
    "%2e%2e/x.gcode",
    "%2E%2E%2Fx.gcode",
    "..%2fx.gcode",
    "a/../../x.gcode",
    "a/%2e%2e/%2e%2e/x.gcode",
    "%2e%2e%2f%2e%2e%2fx.gcode",
    "./../x.gcode",
    "/etc/x.gcode",
    "%2fetc%2fx.gcode",
    "%252e%252e/x.gcode",
    "..%5cx.gcode",
    "a/..",
    "..",
    "x%00/../y.gcode",
};

static void lets_nothing_out_by_any_endpoint(void **state)
{
    (void)state;
    struct pi_bench bench;
    begin_with_file(&bench);
    uint32_t entries = root_of(&bench)->entries;
    static const struct {
        const char *method, *before, *after, *headers;
    } doors[] = {
        {"GET", "/api/v1/files/local/", "", ""},
        {"DELETE", "/api/v1/files/local/", "", "Force: ?1\r\n"},
        {"POST", "/api/v1/files/local/", "", ""},
        {"PUT", "/api/v1/files/local/", "", "Create-Folder: ?1\r\n"},
        {"PUT", "/api/v1/files/local/", "",
         "Content-Type: text/x.gcode\r\nContent-Length: 4\r\n\r\nG28\n"},
        {"GET", "/api/files/local/PrusaLink%20gcodes/", "/raw", ""},
        {"GET", "/api/files/local/", "/raw", ""},
        {"GET", "/api/files/path/PrusaLink%20gcodes/", "", ""},
        {"GET", "/api/thumbnails/PrusaLink%20gcodes/", ".orig.png", ""},
        {"DELETE", "/api/files/local/", "", ""},
        {"POST", "/api/folder/local/", "", ""},
        {"DELETE", "/api/folder/local/", "", ""},
    };
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) {
        for (size_t k = 0; k < sizeof ways_out / sizeof *ways_out; k++) {
            char path[200], what[240];
            snprintf(path, sizeof path, "%s%s%s", doors[i].before, ways_out[k], doors[i].after);
            snprintf(what, sizeof what, "%s %s", doors[i].method, path);
            pi_bench_ask(&bench, doors[i].method, path, doors[i].headers, "");
            refused(&bench, what, entries);
        }
    }
    assert_asks(200, "GET", "/api/v1/files/local/good.gcode", "");
    pi_bench_end(&bench);
}

static void lets_nothing_out_by_forms_and_orders(void **state)
{
    (void)state;
    static const char *const names[] = {"../x.gcode",   "a/../../x.gcode", "..",
                                        "/etc/x.gcode", "..\\\\x.gcode",   "x%2f..gcode"};
    struct pi_bench bench;
    char body[200];
    begin_with_file(&bench);
    uint32_t entries = root_of(&bench)->entries;
    post_form(&bench, "../../etc", "x.gcode");
    refused(&bench, "a form into a folder above", entries);
    post_form(&bench, "/a/../../etc", "x.gcode");
    refused(&bench, "a form into a folder above", entries);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strchr(names[i], '%') == NULL && strchr(names[i], '\\') == NULL) {
            post_form(&bench, "/", names[i]);
            if (bench.status == 201) { /* its folders do not count: Python takes the last part */
                assert_int_equal(root_of(&bench)->entries, entries + 1);
                assert_asks(200, "DELETE", "/api/folder/local/etc", "");
            } else {
                refused(&bench, names[i], entries);
            }
        }
        snprintf(body, sizeof body, "{\"source\": \"good.gcode\", \"destination\": \"n/%s\"}",
                 names[i]);
        if (strchr(names[i], '%') == NULL && names[i][0] == '.') {
            pi_bench_ask(&bench, "POST", "/api/modify/local", "", body);
            refused(&bench, body, entries);
        }
        snprintf(body, sizeof body, "{\"source\": \"%s\", \"destination\": \"new/y.gcode\"}",
                 names[i]);
        pi_bench_ask(&bench, "POST", "/api/modify/local", "", body);
        refused(&bench, body, entries);
    }
    pi_bench_end(&bench);
}

/* --- forms that are none --- */

static void refuses_broken_forms(void **state)
{
    (void)state;
    static const struct {
        const char *head, *body;
        int status;
    } cases[] = {
        {"multipart/form-data; boundary=b", "", 411},
        {"multipart/form-data", "G28\n", 400},
        {"multipart/form-data; boundary=b", "no boundary at all", 400},
        {"multipart/form-data; boundary=b", "--b\r\n\r\nno name\r\n--b--\r\n", 400},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=\"file\"; "
         "filename=\"\"\r\n\r\nG28\r\n--b--\r\n",
         400},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\nG28\r\n"
         "--b--\r\n",
         415},
        {"multipart/form-data; boundary=b",
         "--b\r\nContent-Disposition: form-data; name=\"file\"; "
         "filename=\".x.gcode\"\r\n\r\nG28\r\n"
         "--b--\r\n",
         415},
        {"application/json", "{\"file\": 1}", 400},
        {"application/json", "{\"file\":", 400},
    };
    struct pi_bench bench;
    begin_with_file(&bench);
    uint32_t entries = root_of(&bench)->entries;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer head = {0};
        buffer_format(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", cases[i].head,
                      strlen(cases[i].body), cases[i].body);
        pi_bench_ask(&bench, "POST", "/api/files/local", buffer_text(&head), "");
        if (bench.status != cases[i].status) {
            fail_msg("%s: %d, expected %d", buffer_text(&head), bench.status, cases[i].status);
        }
        refused(&bench, buffer_text(&head), entries);
        buffer_free(&head);
    }
    pi_bench_end(&bench);
}

/* One that ends before its last boundary, with its end or by a reset; then a good one. */
static void keeps_nothing_of_a_form_that_is_cut(void **state)
{
    (void)state;
    static const char head[] =
        "POST /api/files/local HTTP/1.1\r\nX-Api-Key: " PI_BENCH_KEY
        "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 900000\r\n\r\n--b\r\n"
        "Content-Disposition: form-data; name=\"file\"; filename=\"cut.gcode\"\r\n\r\n";
    struct pi_bench bench;
    begin_with_file(&bench);
    uint32_t entries = root_of(&bench)->entries;
    char *body = memory_new(300000);
    memset(body, 'x', 300000);
    struct stream *talk = pi_bench_talk(&bench);
    buffer_clear(&bench.answer);
    stream_send(talk, head, strlen(head));
    stream_send(talk, body, 300000);
    pi_bench_run(&bench, 2);
    assert_non_null(machine_transfer(printer_machine(bench.printer)));
    stream_finish(talk);
    pi_bench_run(&bench, 2);
    assert_has(buffer_text(&bench.answer), "HTTP/1.0 400 ");
    bench.status = 400;
    refused(&bench, "a form that ends early", entries);
    free(body);
    post_form(&bench, "/", "whole.gcode");
    assert_int_equal(bench.status, 201);
    pi_bench_end(&bench);
}

static void two_ways_of_one_name(void **state)
{
    (void)state;
    static const char head[] =
        "PUT /api/v1/files/local/same.gcode HTTP/1.1\r\nX-Api-Key: " PI_BENCH_KEY
        "\r\nContent-Type: text/x.gcode\r\nContent-Length: 140000\r\n\r\n";
    struct pi_bench bench;
    begin_with_file(&bench);
    char *body = memory_new(140000);
    memset(body, 'x', 140000);
    struct stream *talk = pi_bench_talk(&bench);
    stream_send(talk, head, strlen(head));
    stream_send(talk, body, 70000);
    pi_bench_run(&bench, 1);
    post_form(&bench, "/", "same.gcode");
    assert_int_equal(bench.status, 409);
    buffer_clear(&bench.answer);
    stream_send(talk, body, 70000);
    pi_bench_run(&bench, 2);
    assert_has(buffer_text(&bench.answer), " 201 Created");
    assert_has(pi_bench_get(&bench, "/api/v1/files/local/same.gcode"), "\"size\": 140000");
    free(body);
    pi_bench_end(&bench);
}

/* --- JSON that is none, or of other types --- */

static const char *const json_doors[][2] = {
    {"POST", "/api/job"},
    {"POST", "/api/printer/printhead"},
    {"POST", "/api/printer/tool"},
    {"POST", "/api/printer/bed"},
    {"POST", "/api/files/local/PrusaLink%20gcodes/good.gcode"},
    {"POST", "/api/download/local"},
    {"POST", "/api/modify/local"},
    {"POST", "/api/settings/apikey"},
    {"POST", "/api/settings/sn"},
    {"POST", "/api/connection"},
    {"PUT", "/api/v1/cameras"},
    {"POST", "/api/v1/cameras/x"},
    {"PATCH", "/api/v1/cameras/x/config"},
    {"PUT", "/api/v1/job/1/pause"},
    {"POST", "/api/v1/files/local/none.gcode"},
    {"POST", "/api/login"},
};

static void answers_any_json(void **state)
{
    (void)state;
    static const char *const broken[] = {"{",        "{\"command\":",     "nonsense", "{\"a\": 1,}",
                                         "\xff\xfe", "{\"a\": \"\x01\"}", "[1, 2"};
    static const char *const odd[] = {"[]",
                                      "5",
                                      "null",
                                      "\"text\"",
                                      "{}",
                                      "{\"command\": 5}",
                                      "{\"command\": null, \"x\": []}",
                                      "{\"command\": \"jog\", \"x\": \"a\"}",
                                      "{\"command\": \"target\", \"targets\": 5}",
                                      "{\"command\": \"target\", \"target\": \"hot\"}",
                                      "{\"command\": \"home\", \"axes\": 7}",
                                      "{\"command\": \"extrude\", \"amount\": {}}",
                                      "{\"url\": [], \"rename\": 1}",
                                      "{\"source\": 1, \"destination\": []}",
                                      "{\"api-key\": 12345678}",
                                      "{\"serial\": {}}",
                                      "{\"connect\": []}",
                                      "{\"connect\": {\"hostname\": 5, \"port\": \"x\"}}",
                                      "{\"config\": 5}",
                                      "{\"config\": {\"driver\": {}}}",
                                      "{\"resolution\": {\"width\": \"a\"}}"};
    struct pi_bench bench;
    begin_with_file(&bench);
    uint32_t entries = root_of(&bench)->entries;
    for (size_t i = 0; i < sizeof json_doors / sizeof *json_doors; i++) {
        for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
            assert_asks(400, json_doors[i][0], json_doors[i][1], broken[k]);
            refused(&bench, broken[k], entries);
        }
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            if (strcmp(json_doors[i][1], "/api/settings/apikey") == 0) {
                continue; /* the key would be another one then */
            }
            pi_bench_ask(&bench, json_doors[i][0], json_doors[i][1], "", odd[k]);
            assert_in_range(bench.status, 200, 599);
            assert_int_equal(root_of(&bench)->entries, entries);
        }
    }
    assert_asks(200, "GET", "/api/v1/files/local/good.gcode", "");
    pi_bench_end(&bench);
}

static void bounds_json(void **state)
{
    (void)state;
    struct pi_bench bench;
    begin_with_file(&bench);
    char *deep = memory_new(60001);
    memset(deep, '[', 60000);
    pi_bench_ask(&bench, "POST", "/api/job", "", deep);
    assert_int_equal(bench.status, 400);
    memset(deep, ' ', 60000);
    memcpy(deep, "{}", 2);
    pi_bench_ask(&bench, "POST", "/api/job", "", deep);
    assert_int_equal(bench.status, 204);
    free(deep);
    refused((bench.status = 400, &bench), "deep JSON", root_of(&bench)->entries);
    pi_bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_nothing_out_by_any_endpoint),
        cmocka_unit_test(lets_nothing_out_by_forms_and_orders),
        cmocka_unit_test(refuses_broken_forms),
        cmocka_unit_test(keeps_nothing_of_a_form_that_is_cut),
        cmocka_unit_test(two_ways_of_one_name),
        cmocka_unit_test(answers_any_json),
        cmocka_unit_test(bounds_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
