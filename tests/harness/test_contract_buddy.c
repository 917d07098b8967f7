/* The judge beside a mock server and printers that talk as connect-buddy.md has it: they are
 * recognised, what binds SDK printers only is not asked of them, and what binds both still is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "harness/check/connect_contract.h"
#include "harness/net/faults/message_faults.h"
#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/machine/model.h"
#include "sim/printer/printer.h"
#include "sim/wire/http_server.h"

struct court {
    struct world world;
    struct memory_network *network;
    struct message_faults *faults;
    struct connect_server *server;
    struct http_server *front;
    struct contract *contract;
    struct contract_tap *tap;
    struct connect_face_settings face;
    struct printer *printer;
};

static const char print[] = "M73 P0 R2\nM104 S200\nG28\nM109 S200\nG1 X50 Y50 Z1 F3000\n"
                            "M73 P50 R1\nG4 S60\nM73 P100 R0\nM104 S0\n";

static void run(struct court *court, int seconds)
{
    world_run(&court->world, court->world.now_us + SECONDS(seconds), NULL);
}

static void open_printer(struct court *court, const char *model, struct network *network)
{
    struct error error = {""};
    connect_face_defaults(&court->face);
    court->face.server = "http://connect";
    court->face.register_at_start = true;
    struct file_node *tree = file_node_folder("", false, 1700000000);
    file_node_add(tree, file_node_file("a.gcode", false, 1700000000,
                                       file_content_of_bytes(print, sizeof print - 1)));
    struct printer_settings settings = {.model = model_find(model),
                                        .room_c = 25,
                                        .job_counter = 4,
                                        .tree = tree,
                                        .connect = &court->face};
    assert_non_null(settings.model);
    court->printer = printer_new(&court->world, network, &settings, &error);
    assert_non_null(court->printer);
    file_node_release(tree);
}

/* `fault` goes through all that the printer says; NULL: none. */
static void open_court(struct court *court, const char *model, const char *fault)
{
    struct error error = {""};
    memset(court, 0, sizeof *court);
    world_init(&court->world, 5);
    court->network = memory_network_new(&court->world);
    struct network *network = memory_network_face(court->network);
    court->server = connect_server_new(
        &court->world, &(struct connect_server_settings){.add_after_us = SECONDS(3)});
    court->front =
        http_server_new(&court->world, network, connect_server_service(court->server), NULL);
    struct endpoint at = {.host = "connect", .port = 80};
    assert_true(http_server_listen(court->front, &at, &error));
    court->contract = contract_new(
        &(struct contract_settings){.prusalink = true, .epoch_us = court->world.epoch_us});
    court->tap = contract_tap_new(court->contract, court->server);
    if (fault != NULL) {
        court->faults = message_faults_new(&court->world, network);
        assert_true(message_faults_add(court->faults, fault, &error));
        network = message_faults_face(court->faults);
    }
    open_printer(court, model, network);
    printer_power_on(court->printer);
    run(court, 60);
}

static void close_court(struct court *court)
{
    printer_destroy(court->printer);
    if (court->faults != NULL) {
        message_faults_destroy(court->faults);
    }
    http_server_destroy(court->front);
    contract_tap_destroy(court->tap);
    contract_destroy(court->contract);
    connect_server_destroy(court->server);
    memory_network_destroy(court->network);
    world_free(&court->world);
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

/* Commands of all kinds, those that it does not know too, a print, a reset. */
static void live(struct court *court)
{
    static const char *const commands[] = {
        "{\"command\": \"SEND_INFO\"}",
        "{\"command\": \"SEND_STATE_INFO\"}",
        "{\"command\": \"SEND_TRANSFER_INFO\"}",
        "{\"command\": \"SEND_JOB_INFO\", \"kwargs\": {\"job_id\": 5}}",
        "{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": \"/usb\"}}",
        "{\"command\": \"SEND_FILE_INFO\", \"kwargs\": {\"path\": \"/usb/a.gcode\"}}",
        "{\"command\": \"CREATE_FOLDER\", \"kwargs\": {\"path\": \"/usb/x\"}}",
        "{\"command\": \"DELETE_FOLDER\", \"kwargs\": {\"path\": \"/usb/x\"}}",
        "{\"command\": \"SET_PRINTER_READY\"}",
        "{\"command\": \"CANCEL_PRINTER_READY\"}",
        "{\"command\": \"PAUSE_PRINT\"}",
        "{\"command\": \"NO_SUCH_COMMAND\"}",
        "{\"gcode\": \"M115\\nM104 S0\"}",
        "{\"command\": \"START_PRINT\", \"kwargs\": {\"path\": \"/usb/a.gcode\"}}",
        "{\"command\": \"PAUSE_PRINT\"}",
        "{\"command\": \"RESUME_PRINT\"}",
        "{\"command\": \"STOP_PRINT\"}",
        "{\"command\": \"SET_IDLE\"}",
        "{\"command\": \"RESET_PRINTER\"}",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        order(court, commands[i], 20);
    }
    run(court, 400);
    contract_finish(court->contract, court->world.now_us);
}

static void nothing_is_wrong(const char *model)
{
    struct court court;
    open_court(&court, model, NULL);
    live(&court);
    struct buffer report = {0};
    contract_report(court.contract, true, &report);
    assert_string_equal(buffer_text(&report), "");
    buffer_free(&report);
    const struct connect_printer *printer = connect_server_printer(court.server, 0);
    assert_true(contract_is_buddy(court.contract, printer->token));
    static const char *const of_both[] = {"CON-TRP-01", "CON-TRP-11", "CON-REG-01", "CON-TEL-02"};
    static const char *const of_sdk[] = {"CON-TRP-05", "CON-REG-02", "CON-TEL-03", "CON-CMD-01",
                                         "CON-CMD-23", "CON-EVT-01", "CON-EVT-05", "CON-FS-01"};
    for (size_t i = 0; i < sizeof of_both / sizeof *of_both; i++) {
        assert_true(contract_result(court.contract, of_both[i])->exercised > 0);
    }
    for (size_t i = 0; i < sizeof of_sdk / sizeof *of_sdk; i++) {
        assert_int_equal(contract_result(court.contract, of_sdk[i])->exercised, 0);
    }
    close_court(&court);
}

static void a_mk4_breaks_nothing(void **state)
{
    (void)state;
    nothing_is_wrong("mk4");
}

static void a_mini_breaks_nothing(void **state)
{
    (void)state;
    nothing_is_wrong("mini");
}

static void what_binds_both_is_still_asked(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *breaks;
    } cases[] = {
        {"body=telemetry:[1]", "CON-TRP-01"},
        {"target=register:/p/telemetry", "CON-TRP-04"},
        {"drop-json=register:firmware", "CON-REG-01"},
        {"set-json=telemetry:temp_bed=null", "CON-TEL-02"},
        {"set-json=event/INFO:timestamp=1795223798.9", "CON-TRP-08"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct court court;
        open_court(&court, "mk4", cases[i].fault);
        if (contract_result(court.contract, cases[i].breaks)->violated == 0) {
            fail_msg("%s is not seen by %s", cases[i].fault, cases[i].breaks);
        }
        close_court(&court);
    }
}

/* Each rule about Buddy printers sees a wrong one. */
static void each_rule_can_fail(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *breaks;
    } cases[] = {
        {"target=event/INFO:/p/telemetry", "BUD-HTTP-01"},
        {"set-header=telemetry:Timestamp=1", "BUD-HTTP-02"},
        {"set-header=any:Host=connect:80", "BUD-HTTP-03"},
        {"chunk=telemetry:300", "BUD-HTTP-05"},
        {"set-json=telemetry:zzz=1", "BUD-TEL-01"},
        {"drop-json=telemetry:axis_z", "BUD-TEL-05"},
        {"set-json=telemetry:temp_bed=20", "BUD-TEL-06"},
        {"set-json=telemetry:time_remaining=4294967295", "BUD-TEL-07"},
        {"set-json=telemetry:transfer_progress=1.5", "BUD-TEL-08"},
        {"set-json=event:source=\"WUI\"", "BUD-EVT-01"},
        {"set-json=event/REJECTED:job_id=1", "BUD-EVT-02"},
        {"set-json=event/INFO:data.storages=[{}]", "BUD-EVT-04"},
        {"set-json=event/INFO:data.fingerprint=\"ABC\"", "BUD-EVT-05"},
        {"set-json=event/INFO:data.slots=3", "BUD-EVT-08"},
        {"set-json=event/FILE_INFO:data.file_count=9", "BUD-EVT-11"},
        {"set-json=event/TRANSFER_INFO:transfer_id=9", "BUD-EVT-18"},
        {"set-json=event/STATE_CHANGED:data.code=\"1\"", "BUD-EVT-20"},
        {"set-json=event/CANCELABLE_CHANGED:data.objects=1", "BUD-EVT-21"},
        {"set-json=event/FINISHED:event=\"ACCEPTED\"", "BUD-CMD-25"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct court court;
        open_court(&court, "mk4", cases[i].fault);
        live(&court);
        if (contract_result(court.contract, cases[i].breaks)->violated == 0) {
            fail_msg("%s is not seen by %s", cases[i].fault, cases[i].breaks);
        }
        close_court(&court);
    }
    for (size_t i = 0; i < contract_rule_count(); i++) {
        const char *id = contract_rule(i)->id; /* those of others have tests of their own */
        bool shown = strncmp(id, "BUD-", 4) != 0 || strncmp(id, "BUD-WS-", 7) == 0 ||
                     strncmp(id, "BUD-TRN-", 8) == 0;
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            shown = shown || strcmp(cases[k].breaks, id) == 0;
        }
        if (!shown) {
            fail_msg("nothing shows that %s can fail", id);
        }
    }
}

/* One that lacks what it is told by in some message stays what it was. */
static void a_spoilt_message_makes_no_sdk_printer(void **state)
{
    (void)state;
    struct court court;
    open_court(&court, "mk4", "drop-header=telemetry:User-Agent-Printer");
    run(&court, 60);
    assert_int_equal(contract_violated(court.contract, CONTRACT_PRINTER, CONTRACT_KIND_CONTRACT),
                     0);
    assert_int_equal(contract_violated(court.contract, CONTRACT_PRINTER, CONTRACT_KIND_FIDELITY),
                     contract_result(court.contract, "BUD-HTTP-02")->violated);
    assert_true(contract_is_buddy(court.contract, connect_server_printer(court.server, 0)->token));
    close_court(&court);
}

static void a_mk3s_is_no_buddy_printer(void **state)
{
    (void)state;
    struct court court;
    open_court(&court, "mk3s", NULL);
    assert_false(contract_is_buddy(court.contract, connect_server_printer(court.server, 0)->token));
    assert_true(contract_result(court.contract, "CON-TRP-05")->exercised > 0);
    close_court(&court);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mk4_breaks_nothing),
        cmocka_unit_test(a_mini_breaks_nothing),
        cmocka_unit_test(what_binds_both_is_still_asked),
        cmocka_unit_test(each_rule_can_fail),
        cmocka_unit_test(a_spoilt_message_makes_no_sdk_printer),
        cmocka_unit_test(a_mk3s_is_no_buddy_printer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
