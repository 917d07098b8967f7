/* How fast the servers of firmware take uploads in, by name, and what is left of those that fail.
 */
#include "tests/protocol/firmware_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rates ---- */

static void rates_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *model, *name;
        uint64_t bytes_per_s;
    } rows[] = {{"mk4", "board", 300000},  {"mk4", "ethernet", 300000},
                {"mk4", "wifi", 100000},   {"xl", "board", 300000},
                {"mini", "wifi", 100000},  {"mk3s", "board", 1000000},
                {"mk3s", "wifi", 1000000}, {"sl1", "board", 5000000},
                {"sl1s", "wifi", 2000000}, {"coreone", "25000", 25000},
                {"mk2.5", "0", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {""};
        uint64_t rate = 1;
        if (!link_upload_rate(model_find(rows[i].model), rows[i].name, &rate, &error) ||
            rate != rows[i].bytes_per_s) {
            fail_msg("%s %s: %llu %s", rows[i].model, rows[i].name, (unsigned long long)rate,
                     error.text);
        }
    }
    static const char *const bad[] = {"", "fast", "Board", "-1", "1e6", "300000 ", "9999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error error = {""};
        uint64_t rate;
        assert_false(link_upload_rate(model_find("mk4"), bad[i], &rate, &error));
        assert_text(error.text, "expected bytes per second, \"board\", \"ethernet\" or \"wifi\"");
    }
    struct error error = {""};
    uint64_t rate;
    assert_false(link_upload_rate(model_find("mk3s"), "ethernet", &rate, &error));
    assert_text(error.text, "the model mk3s says nothing of \"ethernet\"");
}

/* What the client sends at once arrives at the board's pace. */
static void a_board_takes_its_time(void **state)
{
    (void)state;
    static char file[600000];
    struct firmware printer;
    struct error error;
    firmware_begin(&printer, "mk4", 0);
    memset(file, '\n', sizeof file);
    assert_true(link_upload_rate(machine_model(printer.machine), "board",
                                 &printer.settings.upload_bytes_per_s, &error));
    struct firmware_client *client = firmware_connect(&printer);
    char head[256];
    snprintf(
        head, sizeof head,
        "PUT /api/v1/files/usb/a.gcode HTTP/1.1\r\nX-Api-Key: %s\r\nContent-Length: %zu\r\n\r\n",
        link_face_api_key(printer.face), sizeof file);
    firmware_send(client, head);
    firmware_send_bytes(client, file, sizeof file);
    firmware_run(&printer, 1.9);
    assert_int_equal(client->received.size, 0);
    firmware_run(&printer, 0.2);
    assert_text(buffer_text(&client->received), "HTTP/1.1 201 Created");
    firmware_end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_have_names),
        cmocka_unit_test(a_board_takes_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
