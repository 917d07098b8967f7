/* The judge beside a mock server and a virtual printer, in virtual time: nothing is wrong while
 * both behave, and each misbehaviour of the server is found by the check that it is said to break.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/check/connect_contract.h"
#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/machine/model.h"
#include "sim/printer/printer.h"
#include "sim/wire/http_server.h"

struct stage {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct http_server *front;
    struct contract *contract;
    struct contract_tap *tap;
    struct connect_face_settings face;
    struct printer *printer;
};

static void open_stage(struct stage *stage)
{
    struct error error = {""};
    memset(stage, 0, sizeof *stage);
    world_init(&stage->world, 3);
    stage->network = memory_network_new(&stage->world);
    struct network *network = memory_network_face(stage->network);
    stage->server = connect_server_new(
        &stage->world, &(struct connect_server_settings){.add_after_us = SECONDS(3)});
    stage->front =
        http_server_new(&stage->world, network, connect_server_service(stage->server), NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    assert_true(http_server_listen(stage->front, &at, &error));
    stage->contract = contract_new(
        &(struct contract_settings){.prusalink = true, .epoch_us = stage->world.epoch_us});
    stage->tap = contract_tap_new(stage->contract, stage->server);
    connect_face_defaults(&stage->face);
    stage->face.server = "http://connect";
    stage->face.register_at_start = true;
    struct printer_settings settings = {
        .model = model_find("mk3s"), .room_c = 25, .job_counter = 4, .connect = &stage->face};
    assert_non_null(settings.model);
    stage->printer = printer_new(&stage->world, network, &settings, &error);
    assert_non_null(stage->printer);
}

static void close_stage(struct stage *stage)
{
    printer_destroy(stage->printer);
    http_server_destroy(stage->front);
    contract_tap_destroy(stage->tap);
    contract_destroy(stage->contract);
    connect_server_destroy(stage->server);
    memory_network_destroy(stage->network);
    world_free(&stage->world);
}

static void order(struct stage *stage, const char *name, int64_t then_us)
{
    if (connect_server_printer_count(stage->server) > 0) {
        connect_server_command(stage->server, connect_server_printer(stage->server, 0), name, NULL,
                               NULL);
    }
    world_run(&stage->world, stage->world.now_us + then_us, NULL);
}

/* Power, registration, a few commands. */
static void play(struct stage *stage)
{
    printer_power_on(stage->printer);
    world_run(&stage->world, SECONDS(60), NULL);
    order(stage, "SEND_INFO", SECONDS(3));
    if (connect_server_printer_count(stage->server) > 0) { /* one that takes its time */
        connect_server_gcode(stage->server, connect_server_printer(stage->server, 0), "G4 S3",
                             false, NULL);
    }
    order(stage, "SEND_STATE_INFO", SECONDS(8));
    order(stage, "SET_PRINTER_READY", 0);
    order(stage, "CANCEL_PRINTER_READY", SECONDS(3));
    order(stage, "PAUSE_PRINT", SECONDS(3));
    order(stage, "DANCE", SECONDS(30));
    contract_finish(stage->contract, stage->world.now_us);
}

static void nothing_is_wrong_while_both_behave(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    play(&stage);
    struct buffer report = {0};
    contract_report(stage.contract, true, &report);
    assert_string_equal(buffer_text(&report), "");
    buffer_free(&report);
    static const char *const exercised[] = {"CON-REG-05", "CON-TEL-03", "CON-TEL-04", "CON-CMD-01",
                                            "CON-CMD-06", "CON-CMD-15", "CON-CMD-18", "CON-CMD-20",
                                            "CON-CMD-21", "CON-EVT-05", "CON-FS-01"};
    for (size_t i = 0; i < sizeof exercised / sizeof exercised[0]; i++) {
        if (contract_result(stage.contract, exercised[i])->exercised == 0) {
            fail_msg("%s saw nothing", exercised[i]);
        }
    }
    close_stage(&stage);
}

/* What the wire can't show, or shows only at other times (noise of floats) or with another printer,
 * is left to tests of the server itself. */
static bool visible(const struct connect_misbehaviour *misbehaviour)
{
    static const char *const others[] = {
        "CON-TEL-12", "CON-EVT-12", "CON-EVT-13", "CON-CMD-25", "CON-TRP-15",
        "CON-TRN-14", "CON-TRN-15", "CON-CAM-08", "CON-CAM-09", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(others[i], misbehaviour->breaks) == 0) {
            return false;
        }
    }
    return true;
}

static void each_misbehaviour_is_found(void **state)
{
    (void)state;
    size_t count, missed = 0;
    const struct connect_misbehaviour *list = connect_misbehaviour_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (!visible(&list[i])) {
            continue;
        }
        struct stage stage;
        open_stage(&stage);
        assert_true(connect_server_misbehave(stage.server, NULL, list[i].name, NULL));
        play(&stage);
        const struct contract_result *result = contract_result(stage.contract, list[i].breaks);
        assert_non_null(result);
        if (result->violated == 0) {
            print_error("%s: %s found nothing (looked %llu times)\n", list[i].name, list[i].breaks,
                        (unsigned long long)result->exercised);
            missed++;
        }
        close_stage(&stage);
    }
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_wrong_while_both_behave),
        cmocka_unit_test(each_misbehaviour_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
