/* The PrusaLink of a Raspberry Pi where no capture goes: what its quirks are without them, rates,
 * limits, and bad input of all kinds. What it answers to good input is
 * tests/golden/test_golden_link_pi.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/net/memory.h"
#include "sim/base/memory.h"
#include "sim/printer/printer.h"
#include "sim/protocol/link/dialect.h"

#define KEY "key-of-a-test"

struct bed {
    struct world world;
    struct memory_network *network;
    struct link_settings settings;
    struct printer *printer;
    struct endpoint at;
};

struct talk {
    struct stream *stream;
    struct buffer received;
    int64_t ended_us;
    struct bed *bed;
};

static void on_received(void *owner, const char *bytes, size_t size)
{
    struct talk *talk = owner;
    buffer_append(&talk->received, bytes, size);
}

static void on_ended(void *owner, enum stream_end end, const char *why)
{
    (void)end;
    (void)why;
    struct talk *talk = owner;
    talk->stream = NULL;
    talk->ended_us = talk->bed->world.now_us;
}

static const struct stream_events talk_events = {.received = on_received, .ended = on_ended};

static void run_for(struct bed *bed, int64_t us)
{
    world_run(&bed->world, bed->world.now_us + us, NULL);
}

static void bed_begin(struct bed *bed, uint64_t free_bytes, uint64_t rate, uint64_t quirks)
{
    memset(bed, 0, sizeof *bed);
    world_init(&bed->world, 3);
    bed->network = memory_network_new(&bed->world);
    link_settings_defaults(&bed->settings);
    bed->settings.at_work = true;
    bed->settings.api_key = KEY;
    bed->settings.upload_bytes_per_s = rate;
    bed->settings.quirks = quirks;
    const struct printer_storage storage = {
        .name = "PrusaLink gcodes", .kind = STORAGE_LOCAL, .total_bytes = free_bytes};
    const struct printer_settings settings = {.model = model_find("mk3s"),
                                              .room_c = 25,
                                              .storages = &storage,
                                              .storage_count = 1,
                                              .prusalink = &bed->settings};
    bed->printer = printer_new(&bed->world, memory_network_face(bed->network), &settings, NULL);
    printer_power_on(bed->printer);
    bed->at = (struct endpoint){.host = "pi", .port = 8080};
    assert_true(printer_listen(bed->printer, &bed->at, NULL));
    run_for(bed, SECONDS(60));
}

static void bed_end(struct bed *bed)
{
    printer_destroy(bed->printer);
    memory_network_destroy(bed->network);
    world_free(&bed->world);
}

static void talk_begin(struct talk *talk, struct bed *bed)
{
    *talk = (struct talk){.bed = bed, .ended_us = -1};
    talk->stream = network_connect(memory_network_face(bed->network), &bed->at, &talk_events, talk);
}

static int talk_end(struct talk *talk)
{
    int status = 0;
    sscanf(buffer_text(&talk->received), "HTTP/1.%*d %d", &status);
    if (talk->stream != NULL) {
        stream_reset(talk->stream);
    }
    buffer_free(&talk->received);
    return status;
}

static void send_head(struct talk *talk, const char *method, const char *path, const char *headers)
{
    struct buffer head = {0};
    buffer_format(&head, "%s %s HTTP/1.1\r\nHost: pi\r\nX-Api-Key: " KEY "\r\n%s\r\n", method, path,
                  headers);
    stream_send(talk->stream, head.bytes, head.size);
    buffer_free(&head);
}

/* The status of one request, after two seconds. */
static int ask(struct bed *bed, const char *method, const char *path, const char *headers,
               const char *body)
{
    struct talk talk;
    struct buffer all = {0};
    talk_begin(&talk, bed);
    buffer_append_text(&all, headers);
    if (*body != '\0') {
        buffer_format(&all, "Content-Length: %zu\r\n", strlen(body));
    }
    send_head(&talk, method, path, buffer_text(&all));
    stream_send(talk.stream, body, strlen(body));
    run_for(bed, SECONDS(2));
    buffer_free(&all);
    return talk_end(&talk);
}

static int put(struct bed *bed, const char *path)
{
    return ask(bed, "PUT", path, "Content-Type: text/x.gcode\r\n", "G28\n");
}

/* What lies on the medium, hidden files too. */
static uint32_t entries(struct bed *bed)
{
    return machine_storage(printer_machine(bed->printer), 0)->root->entries - 1;
}

static const struct file_node *file_at(struct bed *bed, const char *path)
{
    return storage_find(machine_storage(printer_machine(bed->printer), 0), path);
}

/* --- bad input --- */

static void lets_nothing_out_of_its_storage(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/../x.gcode",
        "/../../etc/x.gcode",
        "/%2e%2e/x.gcode",
        "/%2E%2e%2fx.gcode",
        "/a/%2e%2e/%2e%2e/x.gcode",
        "//etc/x.gcode",
        "/%2fetc%2fx.gcode",
        "/a/../../x.gcode",
        "/..%2f..%2fx.gcode",
        "/x%00.gcode",
        "/..",
    };
    for (int quirks = 0; quirks < 2; quirks++) {
        struct bed bed;
        bed_begin(&bed, 0, 0, quirks ? LINK_QUIRKS_ALL : 0);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
            char path[120];
            snprintf(path, sizeof path, "/api/v1/files/local%s", paths[i]);
            assert_int_equal(put(&bed, path), quirks ? 500 : 404);
            assert_int_equal(ask(&bed, "PUT", path, "Create-Folder: ?1\r\n", ""),
                             quirks ? 500 : 404);
            assert_in_range(ask(&bed, "GET", path, "", ""), 400, 499);
            assert_in_range(ask(&bed, "DELETE", path, "Force: ?1\r\n", ""), 400, 500);
        }
        assert_int_equal(entries(&bed), 0);
        bed_end(&bed);
    }
}

static void says_when_there_is_no_room(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, 1000, 0, 0);
    char *big = memory_new(2001);
    memset(big, 'x', 2000);
    assert_int_equal(
        ask(&bed, "PUT", "/api/v1/files/local/a.gcode", "Content-Type: text/x.gcode\r\n", big),
        500);
    free(big);
    assert_int_equal(entries(&bed), 0);
    assert_int_equal(put(&bed, "/api/v1/files/local/b.gcode"), 201);
    bed_end(&bed);
}

static void keeps_nothing_of_an_upload_that_is_cut(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, 0, 0, 0);
    char *part = memory_new(100000);
    memset(part, 'x', 100000);
    for (int reset = 0; reset < 2; reset++) {
        struct talk talk;
        talk_begin(&talk, &bed);
        send_head(&talk, "PUT", "/api/v1/files/local/a.gcode",
                  "Content-Type: text/x.gcode\r\nContent-Length: 200000\r\n");
        stream_send(talk.stream, part, 100000);
        run_for(&bed, SECONDS(1));
        assert_int_equal(entries(&bed), 1); /* the part */
        if (reset) {
            stream_reset(talk.stream);
            talk.stream = NULL;
        } else {
            stream_finish(talk.stream);
        }
        run_for(&bed, SECONDS(1));
        assert_int_equal(talk_end(&talk), reset ? 0 : 400);
        assert_int_equal(entries(&bed), 0);
        assert_null(machine_transfer(printer_machine(bed.printer)));
    }
    free(part);
    bed_end(&bed);
}

/* The real one forgets its transfer when a client resets; a restart frees it. */
static void keeps_the_slot_of_a_reset_until_a_restart(void **state)
{
    (void)state;
    struct bed bed;
    struct talk talk;
    bed_begin(&bed, 0, 0, LINK_QUIRKS_ALL);
    char *part = memory_new(100000);
    talk_begin(&talk, &bed);
    send_head(&talk, "PUT", "/api/v1/files/local/a.gcode",
              "Content-Type: text/x.gcode\r\nContent-Length: 200000\r\n");
    stream_send(talk.stream, part, 100000);
    run_for(&bed, SECONDS(1));
    stream_reset(talk.stream);
    talk.stream = NULL;
    run_for(&bed, SECONDS(1));
    talk_end(&talk);
    assert_int_equal(put(&bed, "/api/v1/files/local/b.gcode"), 500);
    printer_power_off(bed.printer);
    printer_power_on(bed.printer);
    run_for(&bed, SECONDS(15));
    assert_int_equal(put(&bed, "/api/v1/files/local/b.gcode"), 201);
    free(part);
    bed_end(&bed);
}

static void lets_one_of_two_clients_upload(void **state)
{
    (void)state;
    struct bed bed;
    struct talk first, second;
    bed_begin(&bed, 0, 0, LINK_QUIRKS_ALL);
    char *body = memory_new(140001);
    memset(body, 'x', 140000);
    const char *headers = "Content-Type: text/x.gcode\r\nContent-Length: 140000\r\n";
    talk_begin(&first, &bed);
    talk_begin(&second, &bed);
    send_head(&first, "PUT", "/api/v1/files/local/same.gcode", headers);
    send_head(&second, "PUT", "/api/v1/files/local/same.gcode", headers);
    stream_send(first.stream, body, 70000);
    run_for(&bed, SECONDS(1));
    assert_null(second.stream); /* refused with its head */
    stream_send(first.stream, body + 70000, 70000);
    run_for(&bed, SECONDS(1));
    assert_int_equal(talk_end(&second), 500);
    assert_int_equal(talk_end(&first), 201);
    assert_int_equal(file_at(&bed, "same.gcode")->size, 140000);
    assert_int_equal(entries(&bed), 1);
    free(body);
    bed_end(&bed);
}

static void ends_endless_heads(void **state)
{
    (void)state;
    struct bed bed;
    struct talk talk;
    bed_begin(&bed, 0, 0, LINK_QUIRKS_ALL);
    talk_begin(&talk, &bed);
    stream_send(talk.stream, "GET / HTTP/1.1\r\n", 16);
    for (int i = 0; i < 10000 && talk.stream != NULL; i++) {
        stream_send(talk.stream, "X-Header: endless\r\n", 19);
        run_for(&bed, 100);
    }
    run_for(&bed, SECONDS(3));
    assert_true(talk.ended_us >= 0);
    assert_int_equal(talk_end(&talk), 431);
    bed_end(&bed);
}

static void refuses_lengths_that_are_none(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, 0, 0, LINK_QUIRKS_ALL);
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Content-Type: text/x.gcode\r\nContent-Length: abc\r\n", 500},
        {"Content-Type: text/x.gcode\r\nContent-Length: -4\r\n", 411},
        {"Content-Type: text/x.gcode\r\nContent-Length: 0\r\n", 411},
        {"Content-Type: text/x.gcode\r\n", 411},
        {"Content-Type: text/x.gcode\r\nTransfer-Encoding: chunked\r\n", 411},
        {"Content-Type: text/x.gcode\r\nContent-Length: 99999999999999999999999\r\n", 500},
        {"Content-Length: 4\r\n", 415},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ask(&bed, "PUT", "/api/v1/files/local/a.gcode", cases[i].headers, ""),
                         cases[i].status);
    }
    assert_int_equal(entries(&bed), 0);
    bed_end(&bed);
}

/* --- rates --- */

static void takes_in_what_the_board_is_good_for(void **state)
{
    (void)state;
    struct bed bed;
    struct talk talk;
    bed_begin(&bed, 0, 50000, LINK_QUIRKS_ALL);
    enum { SIZE = 1000000 };
    char *body = memory_new(SIZE);
    memset(body, 'x', SIZE);
    talk_begin(&talk, &bed);
    send_head(&talk, "PUT", "/api/v1/files/local/slow.gcode",
              "Content-Type: text/x.gcode\r\nContent-Length: 1000000\r\n");
    int64_t began_us = bed.world.now_us;
    for (size_t at = 0; at < SIZE; at += 10000) {
        stream_send(talk.stream, body + at, 10000);
    }
    run_for(&bed, SECONDS(10));
    const struct transfer *transfer = machine_transfer(printer_machine(bed.printer));
    assert_non_null(transfer);
    assert_in_range(transfer->received, 400000, 500000);
    assert_true(link_face_bytes(printer_link_face(bed.printer)) <
                100000); /* the rest waits outside */
    run_for(&bed, SECONDS(30));
    double took_s = (double)(talk.ended_us - began_us) / 1e6;
    assert_true(took_s > 19.5 && took_s < 21);
    assert_int_equal(talk_end(&talk), 201);
    free(body);
    bed_end(&bed);
}

/* --- without its quirks --- */

static void does_what_is_meant_without_quirks(void **state)
{
    (void)state;
    struct bed bed;
    bed_begin(&bed, 0, 0, 0);
    const char *gcode = "Content-Type: text/x.gcode\r\n";
    assert_int_equal(ask(&bed, "PUT", "/api/v1/files/local/a.gcode",
                         "Content-Type: application/octet-stream\r\n", "G28\n"),
                     201);
    assert_int_equal(ask(&bed, "PUT", "/api/v1/files/local/b.gcode", "", "G28\n"), 201);
    char *body = memory_new(65367);
    memset(body, 'x', 65366);
    assert_int_equal(ask(&bed, "PUT", "/api/v1/files/local/c.gcode", gcode, body), 201);
    free(body);
    assert_int_equal(ask(&bed, "PUT", "/api/v1/files/local/n1/n2/n3/d.gcode", gcode, "G28\n"), 201);
    assert_int_equal(ask(&bed, "GET", "/api/v1/files/local/n1/n2/n3/d.gcode", "", ""), 200);
    assert_int_equal(ask(&bed, "GET", "/api/v1/files/local/a.gcode/", "", ""), 404);
    assert_int_equal(ask(&bed, "POST", "/api/v1/files/local/n1", "", ""), 404);
    assert_int_equal(ask(&bed, "FOO", "/api/version", "", ""), 405);
    assert_int_equal(ask(&bed, "POST", "/api/printer/ready", "", ""), 200);
    assert_int_equal(ask(&bed, "DELETE", "/api/printer/ready", "", ""), 200);
    assert_int_equal(ask(&bed, "GET", "/api/files/local/PrusaLink%20gcodes/a.gcode", "", ""), 200);
    bed_end(&bed);
}

/* --- the router --- */

static void finds_routes(void **state)
{
    (void)state;
    static const struct link_route routes[] = {
        {LINK_GET, "/a", NULL, NULL, 1},
        {LINK_PUT | LINK_DELETE, "/a", NULL, NULL, 2},
        {LINK_GET, "/job/{}/pause", NULL, NULL, 3},
        {LINK_GET, "/files/{}", NULL, NULL, 4},
        {LINK_GET, "/files/{}/{*}", NULL, NULL, 5},
    };
    static const struct {
        unsigned method;
        const char *path;
        unsigned flags; /* 0: none */
        const char *first, *second;
        bool other;
    } cases[] = {
        {LINK_GET, "/a", 1, NULL, NULL, false},
        {LINK_DELETE, "/a", 2, NULL, NULL, false},
        {LINK_POST, "/a", 0, NULL, NULL, true},
        {LINK_GET, "/a/", 0, NULL, NULL, false},
        {LINK_GET, "/job/7/pause", 3, "7", NULL, false},
        {LINK_GET, "/job//pause", 0, NULL, NULL, false},
        {LINK_GET, "/files/x", 4, "x", NULL, false},
        {LINK_GET, "/files/x/", 5, "x", "", false},
        {LINK_GET, "/files/x/a/b", 5, "x", "a/b", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[40];
        const char *parameters[LINK_PARAMETERS_MAX] = {NULL};
        const struct link_route *other;
        snprintf(path, sizeof path, "%s", cases[i].path);
        const struct link_route *route =
            link_route_find(routes, 5, cases[i].method, path, parameters, &other);
        assert_int_equal(route == NULL ? 0 : route->flags, cases[i].flags);
        assert_int_equal(other != NULL, cases[i].other || cases[i].flags == 2);
        if (cases[i].first != NULL) {
            assert_string_equal(parameters[0], cases[i].first);
        }
        if (cases[i].second != NULL) {
            assert_string_equal(parameters[1], cases[i].second);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_nothing_out_of_its_storage),
        cmocka_unit_test(says_when_there_is_no_room),
        cmocka_unit_test(keeps_nothing_of_an_upload_that_is_cut),
        cmocka_unit_test(keeps_the_slot_of_a_reset_until_a_restart),
        cmocka_unit_test(lets_one_of_two_clients_upload),
        cmocka_unit_test(ends_endless_heads),
        cmocka_unit_test(refuses_lengths_that_are_none),
        cmocka_unit_test(takes_in_what_the_board_is_good_for),
        cmocka_unit_test(does_what_is_meant_without_quirks),
        cmocka_unit_test(finds_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
