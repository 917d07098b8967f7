/* The cameras of a PrusaLink as its user sees and changes them, and as Connect does (prusalink.md
 * 3.13). */
#include "tests/protocol/pi_bench.h"

static const char *const two[] = {"Bench cam,TEN_SEC,320x240", "Other", NULL};

static void lists_and_orders_cameras(void **state)
{
    (void)state;
    struct pi_bench bench;
    char id[CONNECT_CAMERA_ID_SIZE], other[CONNECT_CAMERA_ID_SIZE], text[160];
    connect_camera_id("Bench cam", id);
    connect_camera_id("Other", other);
    pi_bench_begin(&bench, NULL, NULL, NULL, two);
    snprintf(text, sizeof text,
             "{\"camera_list\": [{\"camera_id\": \"%s\", \"config\": {\"path\": \"/dev/video0\", "
             "\"name\": \"Bench cam\"",
             id);
    assert_has(pi_bench_get(&bench, "/api/v1/cameras"), text);
    assert_has(
        buffer_text(&bench.answer),
        "\"driver\": \"V4L2\", \"resolution\": \"320x240\"}, \"connected\": true, \"detected\": "
        "true, \"stored\": false, \"registered\": false}");
    snprintf(text, sizeof text, "\"camera\": {\"id\": \"%s\"}", id);
    assert_has(pi_bench_get(&bench, "/api/v1/status"), text);
    snprintf(text, sizeof text, "[\"%s\", \"nobody\", 5]", other);
    assert_asks(200, "PUT", "/api/v1/cameras", text);
    snprintf(text, sizeof text, "\"camera\": {\"id\": \"%s\"}", other);
    assert_has(pi_bench_get(&bench, "/api/v1/status"), text);
    assert_asks(500, "PUT", "/api/v1/cameras", "[[]]");
    assert_asks(500, "PUT", "/api/v1/cameras", "7");
    assert_asks(405, "POST", "/api/v1/cameras", "[]");
    assert_has(pi_bench_get(&bench, "/api/v1/status"), text);
    pi_bench_end(&bench);
}

static void shows_pictures(void **state)
{
    (void)state;
    struct pi_bench bench;
    char id[CONNECT_CAMERA_ID_SIZE], path[64], head[96], first[40] = "", later[40] = "";
    connect_camera_id("Bench cam", id);
    pi_bench_begin(&bench, NULL, NULL, NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s/snap", id);
    pi_bench_get(&bench, path); /* whoever looks for the first time: nothing was kept */
    pi_bench_run(&bench, 11);
    const char *answer = pi_bench_get(&bench, path);
    assert_int_equal(bench.status, 200);
    assert_has(answer, "HTTP/1.0 200 OK\r\nServer: PrusaLink\r\nDate: ");
    assert_has(answer, "\r\nCache-Control: private, max-age=11\r\nContent-Type: image/jpeg\r\n");
    const char *body = strstr(answer, "\r\n\r\n");
    assert_memory_equal(body + 4, "\xff\xd8\xff", 3);
    sscanf(strstr(answer, "\r\nLast-Modified: "), "\r\nLast-Modified: %39[^\r]", first);
    snprintf(head, sizeof head, "If-Modified-Since: %s\r\n", "Fri, 31 Dec 2038 00:00:00 GMT");
    assert_has(pi_bench_ask(&bench, "GET", path, head, ""),
               "HTTP/1.0 304 Not Modified\r\nServer: PrusaLink\r\nDate: ");
    assert_has(pi_bench_ask(&bench, "GET", path, "If-Modified-Since: nonsense\r\n", ""), " 500 ");
    snprintf(head, sizeof head, "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
    assert_has(pi_bench_ask(&bench, "GET", path, head, ""), " 200 OK");
    pi_bench_run(&bench, 12);
    sscanf(strstr(pi_bench_get(&bench, path), "\r\nLast-Modified: "), "\r\nLast-Modified: %39[^\r]",
           later);
    assert_string_not_equal(first, later); /* its scheme has had its turn */
    assert_has(pi_bench_get(&bench, "/api/v1/cameras/snap"), "max-age=11");
    assert_has(pi_bench_ask(&bench, "POST", path, "", ""), "Content-Type: image/jpeg");
    assert_int_equal(bench.status, 200);
    assert_asks(404, "GET", "/api/v1/cameras/nobody/snap", "");
    assert_has(buffer_text(&bench.answer),
               "{\"message\": \"Camera with id: nobody is not available\"}");
    assert_asks(404, "POST", "/api/v1/cameras/nobody/snap", "");
    pi_bench_end(&bench);
}

static void says_that_there_is_no_picture(void **state)
{
    (void)state;
    struct pi_bench bench;
    char blind[CONNECT_CAMERA_ID_SIZE], path[64];
    static const char *const cameras[] = {"Blind", NULL};
    connect_camera_id("Blind", blind);
    pi_bench_begin(&bench, NULL, NULL, NULL, cameras);
    snprintf(path, sizeof path, "/api/v1/cameras/%s/snap", blind);
    assert_asks(204, "GET", path, "");
    assert_has(buffer_text(&bench.answer), "did not take a photo yet.\"}"); /* quirk L-18 */
    assert_asks(409, "POST", path, "");
    assert_has(buffer_text(&bench.answer), "This camera does not support returning images");
    assert_asks(404, "GET", "/api/v1/cameras/snap", "");
    assert_has(buffer_text(&bench.answer), "{\"message\": \"Camera is not available\"}");
    pi_bench_end(&bench);
    pi_bench_begin(&bench, NULL, NULL, NULL, NULL);
    assert_asks(404, "GET", "/api/v1/cameras/snap", "");
    assert_has(pi_bench_get(&bench, "/api/v1/cameras"), "{\"camera_list\": []}");
    assert_asks(200, "PUT", "/api/v1/cameras", "[\"x\"]");
    assert_asks(404, "GET", "/api/v1/cameras/x", "");
    assert_has(buffer_text(&bench.answer), "is not configured");
    assert_asks(404, "DELETE", "/api/v1/cameras/x", "");
    assert_asks(500, "POST", "/api/v1/cameras/x",
                "{\"config\": {\"driver\": \"V4L2\", \"name\": \"a\", \"path\": \"/dev/video0\"}}");
    pi_bench_end(&bench);
}

static void changes_a_camera(void **state)
{
    (void)state;
    struct pi_bench bench;
    char id[CONNECT_CAMERA_ID_SIZE], path[64], config[80];
    connect_camera_id("Bench cam", id);
    pi_bench_begin(&bench, NULL, NULL, NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s", id);
    snprintf(config, sizeof config, "%s/config", path);
    assert_has(
        pi_bench_get(&bench, path),
        "{\"trigger_scheme\": \"TEN_SEC\", \"resolution\": {\"width\": 320, \"height\": 240}, "
        "\"rotation\": 0, \"name\": \"Bench cam\", \"available_resolutions\": [{\"width\": 320, "
        "\"height\": 240}], \"capabilities\": [\"TRIGGER_SCHEME\", \"IMAGING\", \"RESOLUTION\", "
        "\"ROTATION\"]}");
    assert_asks(200, "PATCH", config,
                "{\"trigger_scheme\": \"MANUAL\", \"rotation\": 90, \"name\": \"New name\"}");
    assert_has(pi_bench_get(&bench, path), "\"trigger_scheme\": \"MANUAL\"");
    assert_has(buffer_text(&bench.answer), "\"rotation\": 90, \"name\": \"New name\"");
    assert_has(pi_bench_get(&bench, "/api/v1/cameras"),
               "\"rotation\": \"90\"}, \"connected\": true, \"detected\": "
               "true, \"stored\": true");
    assert_asks(200, "PATCH", config, "{\"trigger_scheme\": \"NO_SUCH\"}");
    assert_has(pi_bench_get(&bench, path), "THIRTY_SEC");
    assert_asks(500, "PATCH", config, "{\"resolution\": 5}");
    assert_asks(500, "PATCH", config, "[1]");
    assert_asks(400, "PATCH", config, "{\"rotation\":");
    assert_asks(200, "GET", path, "");
    assert_asks(500, "PATCH", config, "{\"rotation\": 45}"); /* its driver gives up */
    assert_asks(404, "GET", path, "");
    assert_has(buffer_text(&bench.answer), "was not found among the connected cameras");
    pi_bench_run(&bench, 31); /* and is found again */
    assert_has(pi_bench_get(&bench, path), "\"rotation\": 90");
    assert_asks(200, "DELETE", config, "");
    assert_has(pi_bench_get(&bench, path), "\"trigger_scheme\": \"THIRTY_SEC\"");
    assert_has(buffer_text(&bench.answer), "\"rotation\": 0");
    assert_asks(404, "PATCH", "/api/v1/cameras/x/config", "{}");
    assert_asks(404, "DELETE", "/api/v1/cameras/x/config", "");
    assert_asks(404, "GET", config, ""); /* no such method there */
    pi_bench_end(&bench);
}

static void adds_and_removes_cameras(void **state)
{
    (void)state;
    struct pi_bench bench;
    char id[CONNECT_CAMERA_ID_SIZE], path[64];
    static const char good[] =
        "{\"config\": {\"driver\": \"V4L2\", \"name\": \"Mine\", \"path\": \"/dev/video7\"}}";
    connect_camera_id("Bench cam", id);
    pi_bench_begin(&bench, NULL, NULL, NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s", id);
    assert_asks(409, "POST", path, good);
    assert_has(buffer_text(&bench.answer), "is already running");
    assert_asks(409, "DELETE", path, "");
    assert_has(buffer_text(&bench.answer), "Cannot remove an auto-detected camera");
    assert_asks(400, "POST", "/api/v1/cameras/mine", "{}");
    assert_has(buffer_text(&bench.answer), "Configuration is missing");
    assert_asks(400, "POST", "/api/v1/cameras/mine",
                "{\"config\": {\"driver\": \"no\", \"n\": [1, null]}}");
    assert_has(buffer_text(&bench.answer), "not valid {'driver': 'no', 'n': [1, None]}");
    assert_asks(200, "POST", "/api/v1/cameras/mine", good);
    assert_has(pi_bench_get(&bench, "/api/v1/cameras"), "\"camera_id\": \"mine\"");
    assert_has(
        buffer_text(&bench.answer),
        "\"connected\": false, \"detected\": false, \"stored\": true, \"registered\": false}]}");
    assert_asks(404, "GET", "/api/v1/cameras/mine/snap", "");
    for (int i = 0; i < 70; i++) {
        snprintf(path, sizeof path, "/api/v1/cameras/many%d", i);
        pi_bench_ask(&bench, "POST", path, "", good);
    }
    assert_int_equal(bench.status, 500); /* there is an end to it */
    assert_asks(200, "DELETE", "/api/v1/cameras/mine", "");
    assert_asks(404, "DELETE", "/api/v1/cameras/mine", "");
    pi_bench_end(&bench);
}

static void registers_cameras_with_connect(void **state)
{
    (void)state;
    struct pi_bench bench;
    char id[CONNECT_CAMERA_ID_SIZE], path[64];
    connect_camera_id("Bench cam", id);
    pi_bench_begin(&bench, "http://connect", "a-token", NULL, two);
    snprintf(path, sizeof path, "/api/v1/cameras/%s/connection", id);
    assert_int_equal(bench.pictures, 0);
    assert_asks(409, "DELETE", path, "");
    bench.takes_cameras = false;
    int64_t before_us = bench.world.now_us;
    assert_asks(408, "POST", path, "");
    assert_true(bench.world.now_us - before_us >= SECONDS(5));
    bench.takes_cameras = true;
    assert_asks(200, "POST", path, "");
    assert_has(pi_bench_get(&bench, "/api/v1/cameras"),
               "\"token\": \"cam-token\"}, \"connected\": true");
    assert_has(buffer_text(&bench.answer), "\"registered\": true");
    pi_bench_run(&bench, 21);
    assert_true(bench.pictures >= 2);
    assert_asks(409, "POST", path, "");
    assert_asks(200, "DELETE", path, "");
    pi_bench_run(&bench, 2);
    unsigned sent = bench.pictures;
    pi_bench_run(&bench, 30);
    assert_int_equal(bench.pictures, sent);
    assert_has(pi_bench_get(&bench, "/api/v1/cameras"), "\"stored\": true, \"registered\": false");
    assert_asks(404, "POST", "/api/v1/cameras/x/connection", "");
    assert_asks(404, "DELETE", "/api/v1/cameras/x/connection", "");
    pi_bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_orders_cameras),
        cmocka_unit_test(shows_pictures),
        cmocka_unit_test(says_that_there_is_no_picture),
        cmocka_unit_test(changes_a_camera),
        cmocka_unit_test(adds_and_removes_cameras),
        cmocka_unit_test(registers_cameras_with_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
