#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "harness/check/connect_contract.h"
#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/wire/http_server.h"

/* Our printers before the judge of the Connect contract: registered at the mock server, put through
 * commands, a print, faults and resets, they break no rule, with their quirks and without. */

struct court {
    struct world world;
    struct memory_network *network;
    struct connect_server_settings rules;
    struct connect_server *server;
    struct http_server *front;
    struct contract *contract;
    struct contract_tap *tap;
    struct machine *machine;
    struct connect_face_settings settings;
    struct connect_face *face;
};

static void run(struct court *court, int seconds)
{
    world_run(&court->world, court->world.now_us + SECONDS(seconds), NULL);
}

static void attach(struct court *court, const char *name, enum storage_kind kind)
{
    static const char print[] = "M73 P0 R2\nM104 S200\nG28 W\nM109 S200\nG1 X50 Y50 Z1 F3000\n"
                                "M73 P50 R1\nG4 S60\nM73 P100 R0\nM104 S0\n";
    struct storage storage;
    struct file_node *root = file_node_folder("", kind == STORAGE_SDCARD, 1700000000);
    file_node_add(root, file_node_file("a.gcode", kind == STORAGE_SDCARD, 1700000000,
                                       file_content_of_bytes(print, sizeof print - 1)));
    storage_init(&storage, name, kind, root);
    machine_attach(court->machine, &storage);
}

static void open_court(struct court *court, enum connect_host_kind host, uint32_t quirks)
{
    struct error error;
    struct endpoint at = {.host = "connect", .port = 80};
    memset(court, 0, sizeof *court);
    world_init(&court->world, 11);
    court->network = memory_network_new(&court->world);
    struct network *network = memory_network_face(court->network);
    court->rules.add_after_us = SECONDS(3);
    court->server = connect_server_new(&court->world, &court->rules);
    court->front =
        http_server_new(&court->world, network, connect_server_service(court->server), NULL);
    assert_true(http_server_listen(court->front, &at, &error));
    court->contract = contract_new(&(struct contract_settings){
        .prusalink = host == CONNECT_HOST_PRUSALINK, .epoch_us = court->world.epoch_us});
    court->tap = contract_tap_new(court->contract, court->server);
    court->machine = machine_new(
        &court->world, &(struct machine_settings){.model = model_find("mk3s"), .room_c = 21});
    attach(court, "PrusaLink gcodes", STORAGE_LOCAL);
    attach(court, "SD Card", STORAGE_SDCARD);
    machine_power_on(court->machine);
    connect_face_defaults(&court->settings);
    court->settings.host = host;
    court->settings.quirks = quirks;
    court->settings.server = "http://connect";
    court->settings.register_at_start = true;
    court->face =
        connect_face_new(&court->world, network, court->machine, &court->settings, "p", NULL);
    run(court, 60);
}

static void close_court(struct court *court)
{
    struct buffer report = {0};
    contract_finish(court->contract, court->world.now_us);
    contract_report(court->contract, true, &report);
    bool guilty =
        contract_violated(court->contract, CONTRACT_PRINTER, CONTRACT_KIND_CONTRACT) > 0 ||
        contract_violated(court->contract, CONTRACT_PRINTER, CONTRACT_KIND_FIDELITY) > 0;
    if (guilty) {
        print_error("%s\n", buffer_text(&report));
    }
    buffer_free(&report);
    assert_true(contract_result(court->contract, "CON-CMD-02")->exercised > 10);
    assert_true(contract_result(court->contract, "CON-EVT-06")->exercised > 2);
    contract_tap_destroy(court->tap);
    contract_destroy(court->contract);
    connect_face_destroy(court->face);
    machine_destroy(court->machine);
    http_server_destroy(court->front);
    connect_server_destroy(court->server);
    memory_network_destroy(court->network);
    world_free(&court->world);
    assert_false(guilty);
}

static void order(struct court *court, const char *json, int seconds)
{
    struct error error = {""};
    cJSON *object = cJSON_Parse(json);
    assert_non_null(object);
    struct connect_printer *printer = connect_server_printer(court->server, 0);
    if (connect_server_command_json(court->server, printer, object, &error) == NULL) {
        fail_msg("%s: %s", json, error.text);
    }
    cJSON_Delete(object);
    run(court, seconds);
}

static void every_command(struct court *court)
{
    static const char *const commands[] = {
        "{\"command\": \"SEND_INFO\"}",
        "{\"command\": \"SEND_STATE_INFO\"}",
        "{\"command\": \"SEND_JOB_INFO\"}",
        "{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": \"/PrusaLink gcodes/a.gcode\"}}",
        "{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": \"/SD Card/a.gcode\"}}",
        "{\"command\": \"CREATE_FOLDER\", \"kwargs\": {\"path\": \"/PrusaLink gcodes/x/y\"}}",
        "{\"command\": \"DELETE_FOLDER\", \"kwargs\": {\"path\": \"/PrusaLink gcodes/x\"}}",
        ("{\"command\": \"DELETE_FOLDER\", \"kwargs\": {\"path\": \"/PrusaLink gcodes/x\", "
         "\"force\": true}}"),
        "{\"command\": \"SET_PRINTER_READY\"}",
        "{\"command\": \"CANCEL_PRINTER_READY\"}",
        "{\"command\": \"PAUSE_PRINT\"}",
        "{\"command\": \"RESUME_PRINT\"}",
        "{\"command\": \"STOP_PRINT\"}",
        "{\"command\": \"SLOT_ACTION\"}",
        "{\"command\": \"NO_SUCH_COMMAND\"}",
        "{\"gcode\": \"M115\\nM104 S0\"}",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        order(court, commands[i], 5);
    }
}

static void a_print_with_everything(struct court *court)
{
    const char *start =
        "{\"command\": \"START_PRINT\", \"kwargs\": {\"path\": \"/PrusaLink gcodes/a.gcode\"}}";
    order(court, start, 10);
    order(court, start, 3);
    order(court, "{\"gcode\": \"M117 no\"}", 3);
    order(court, "{\"gcode\": \"M117 yes\", \"force\": true}", 3);
    order(court, "{\"command\": \"SEND_JOB_INFO\"}", 3);
    order(court, "{\"command\": \"PAUSE_PRINT\"}", 30);
    order(court, "{\"command\": \"RESUME_PRINT\"}", 60);
    run(court, 600);
    order(court, start, 20);
    order(court, "{\"command\": \"STOP_PRINT\"}", 40);
}

static void trouble(struct court *court)
{
    machine_set_fault(court->machine, FAULT_SERIAL_LOST, true);
    run(court, 20);
    machine_set_fault(court->machine, FAULT_SERIAL_LOST, false);
    run(court, 30);
    order(court, "{\"command\": \"RESET_PRINTER\"}", 60);
    machine_reset(court->machine);
    run(court, 400);
}

static void a_prusalink_keeps_the_contract(void **state)
{
    (void)state;
    struct court court;
    open_court(&court, CONNECT_HOST_PRUSALINK, CONNECT_QUIRKS_ALL);
    every_command(&court);
    a_print_with_everything(&court);
    trouble(&court);
    close_court(&court);
}

static void a_prusalink_without_quirks_keeps_it_too(void **state)
{
    (void)state;
    struct court court;
    open_court(&court, CONNECT_HOST_PRUSALINK, 0);
    every_command(&court);
    a_print_with_everything(&court);
    trouble(&court);
    close_court(&court);
}

static void a_bare_host_keeps_it(void **state)
{
    (void)state;
    struct court court;
    open_court(&court, CONNECT_HOST_SDK, CONNECT_QUIRKS_ALL);
    every_command(&court);
    trouble(&court);
    close_court(&court);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prusalink_keeps_the_contract),
        cmocka_unit_test(a_prusalink_without_quirks_keeps_it_too),
        cmocka_unit_test(a_bare_host_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
