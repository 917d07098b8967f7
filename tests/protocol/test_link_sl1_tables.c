/* The rest of what the document and the legacy specification say of an SL1's server, row by row:
 * folders, copies, exposure, settings (prusalink.md 1.3, 4.2 to 4.7, flavour S). */
#include "tests/protocol/sl1_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/resin.h"
#include "sim/machine/transfer.h"
#include "tests/machine/sl1_writer.h"

/* ---- folders and names ---- */

static void folders_are_made_by_a_form_and_by_their_path(void **state)
{
    (void)state;
    struct firmware printer;
    sl1_begin(&printer);
    assert_int_equal(sl1_post_folder(&printer, "/", "parts"), 201);
    assert_string_equal(
        firmware_body(&printer),
        "{\"done\":true,\"folder\":{\"name\":\"parts\",\"origin\":\"local\",\"path\":\"parts\","
        "\"refs\":{\"resource\":\"http://printer/api/files/local/parts\"}}}\n");
    assert_int_equal(sl1_post_folder(&printer, "parts/", "more"), 201);
    assert_true(sl1_there(&printer, "/local/parts/more"));
    assert_int_equal(sl1_post_folder(&printer, "", "parts"), 409);
    assert_text(firmware_body(&printer), "#10520");
    static const char *const bad[] = {"", "..", ".hidden", "a/b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sl1_post_folder(&printer, "", bad[i]), 400);
    }
    assert_int_equal(sl1_post_folder(&printer, "../..", "out"), 400);
    assert_int_equal(sl1_json(&printer, "POST", "/api/folder/local/parts/third", NULL), 201);
    sl1_refused(&printer, 409, "#10520", "POST", "/api/folder/local/parts/third", NULL);
    sl1_refused(&printer, 404, "#10518", "POST", "/api/folder/sdcard/x", NULL);
    sl1_refused(&printer, 400, "#10407", "POST", "/api/folder/local/.x", NULL);
    sl1_refused(&printer, 409, "#10546", "DELETE", "/api/folder/local/parts", NULL);
    assert_int_equal(sl1_json(&printer, "DELETE", "/api/folder/local/parts/third", NULL), 200);
    sl1_refused(&printer, 404, "#10518", "DELETE", "/api/folder/local/parts/third", NULL);
    sl1_refused(&printer, 404, "#10518", "DELETE", "/api/folder/local/", NULL);
    sl1_put(&printer, "/local/parts/a.sl1");
    sl1_refused(&printer, 404, "#10518", "DELETE", "/api/folder/local/parts/a.sl1", NULL);
    assert_int_equal(sl1_json(&printer, "GET", "/api/files/local/parts?recursive=true", NULL), 200);
    assert_text(firmware_body(&printer), "\"display\":\"a.sl1\"");
    assert_int_equal(machine_transfer(printer.machine) == NULL, 1);
    sl1_end(&printer);
}

static void files_are_copied_and_moved(void **state)
{
    (void)state;
    struct firmware printer;
    sl1_begin(&printer);
    sl1_put(&printer, "/local/a.sl1");
    assert_int_equal(machine_make_folder(printer.machine, "/local/sub"), STORAGE_OK);
    static const char a[] = "/api/files/local/a.sl1";
    assert_int_equal(
        sl1_json(&printer, "POST", a, "{\"command\":\"copy\",\"destination\":\"sub\"}"), 204);
    assert_true(sl1_there(&printer, "/local/a.sl1") && sl1_there(&printer, "/local/sub/a.sl1"));
    sl1_refused(&printer, 409, "#10520", "POST", a,
                "{\"command\":\"copy\",\"destination\":\"/sub/\"}");
    assert_int_equal(
        sl1_json(&printer, "POST", a, "{\"command\":\"move\",\"destination\":\"sub/b.sl1\"}"), 204);
    assert_true(!sl1_there(&printer, "/local/a.sl1") && sl1_there(&printer, "/local/sub/b.sl1"));
    sl1_refused(&printer, 404, "#10518", "POST", a,
                "{\"command\":\"move\",\"destination\":\"c.sl1\"}");
    sl1_refused(&printer, 415, "#10519", "POST", "/api/files/local/sub/b.sl1",
                "{\"command\":\"move\",\"destination\":\"b.gcode\"}");
    sl1_refused(&printer, 400, "#10407", "POST", "/api/files/local/sub/b.sl1",
                "{\"command\":\"move\",\"destination\":\"../b.sl1\"}");
    sl1_refused(&printer, 400, "#10407", "POST", "/api/files/local/sub/b.sl1",
                "{\"command\":\"move\"}");
    assert_int_equal(sl1_json(&printer, "POST", "/api/modify/local",
                              "{\"source\":\"sub/b.sl1\",\"destination\":\"b.sl1\"}"),
                     201);
    assert_true(sl1_there(&printer, "/local/b.sl1"));
    sl1_refused(&printer, 400, "#10407", "POST", "/api/modify/local",
                "{\"source\":\"b.sl1\",\"destination\":\"b.sl1\"}");
    sl1_refused(&printer, 404, "#10518", "POST", "/api/modify/local",
                "{\"source\":\"x.sl1\",\"destination\":\"y.sl1\"}");
    sl1_refused(&printer, 400, "#10407", "POST", "/api/modify/local", "{}");
    assert_int_equal(machine_start_print(printer.machine, "/local/b.sl1", NULL), MACHINE_ACCEPTED);
    firmware_run(&printer, 40); /* it homes by now */
    sl1_refused(&printer, 409, "#10506", "POST", "/api/modify/local",
                "{\"source\":\"b.sl1\",\"destination\":\"c.sl1\"}");
    sl1_end(&printer);
}

/* ---- exposure and the picture on the panel ---- */

static void exposure_is_changed_while_a_project_is_open(void **state)
{
    (void)state;
    struct firmware printer;
    static const char change[] = "/api/system/commands/custom/changeexposure";
    sl1_begin(&printer);
    assert_int_equal(sl1_json(&printer, "GET", "/api/system/commands", NULL), 200);
    assert_string_equal(
        firmware_body(&printer),
        "{\"core\":[],\"custom\":[{\"action\":\"resinrefill\",\"confirm\":\"Are you sure?\","
        "\"name\":\"Resin Refill\","
        "\"resource\":\"http://printer/api/system/commands/custom/resinrefill\","
        "\"source\":\"custom\"},{\"action\":\"changeexposure\",\"name\":\"Print Settings\","
        "\"resource\":\"http://printer/api/system/commands/custom/changeexposure\","
        "\"source\":\"custom\"}]}\n");
    sl1_refused(&printer, 409, "#10506", "POST", change, "{\"exposureTime\":3000}");
    sl1_open_part(&printer);
    struct resin_readings before, after;
    machine_read_resin(printer.machine, &before);
    assert_int_equal(sl1_json(&printer, "POST", change,
                              "{\"exposureTime\":3000,\"exposureTimeFirst\":30000,"
                              "\"exposureTimeCalibration\":null,\"exposureUserProfile\":1}"),
                     204);
    sl1_json(&printer, "GET", "/api/job", NULL);
    assert_text(firmware_body(&printer), "\"exposureTime\":3000,\"exposureTimeFirst\":30000,"
                                         "\"exposureUserProfile\":1,");
    machine_read_resin(printer.machine, &after);
    assert_in_range(after.estimate_s, before.estimate_s + 20 + 5, 4 * before.estimate_s);
    static const char *const bad[] = {"{\"exposureTime\":999}",
                                      "{\"exposureTime\":60001}",
                                      "{\"exposureTime\":\"3000\"}",
                                      "{\"exposureTimeFirst\":9999}",
                                      "{\"exposureTimeCalibration\":6000}",
                                      "{\"exposureUserProfile\":3}",
                                      "{\"exposureTime\":-5}",
                                      "[3000]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sl1_refused(&printer, 400, "#10407", "POST", change, bad[i]);
    }
    sl1_json(&printer, "GET", "/api/job", NULL);
    assert_text(firmware_body(&printer), "\"exposureTime\":3000,");
    sl1_refused(&printer, 404, "#10407", "POST", "/api/system/commands/custom/fly", NULL);
    sl1_end(&printer);
}

static void the_panel_is_seen_once_a_layer_was_on_it(void **state)
{
    (void)state;
    struct firmware printer;
    sl1_begin(&printer);
    assert_int_equal(sl1_json(&printer, "GET", "/live.png", NULL), 404);
    sl1_put(&printer, "/local/part.sl1");
    assert_int_equal(sl1_json(&printer, "POST", "/api/files/local/part.sl1",
                              "{\"command\":\"select\",\"print\":true}"),
                     204);
    for (int i = 0; i < 600 && machine_resin_phase(printer.machine) != RESIN_PRINTING; i++) {
        firmware_run(&printer, 1);
        assert_int_equal(sl1_json(&printer, "GET", "/live.png", NULL), 404);
        machine_confirm(printer.machine);
    }
    firmware_run(&printer, 20);
    firmware_ask_bare(&printer, "GET", "/live.png", NULL, NULL);
    assert_int_equal(printer.status, 401);
    const char *answer = sl1_ask(&printer, "GET", "/live.png", NULL, NULL);
    assert_text(answer, "Content-Type: image/png\r\n");
    /* A fifth of 100 x 100, whose upper half is lit. */
    static const unsigned char header[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0,  13, 'I',
                                           'H',  'D', 'R', 0,   0,  0,  20, 0,  0, 0, 20, 8,  0};
    assert_memory_equal(strstr(answer, "\r\n\r\n") + 4, header, sizeof header);
    sl1_end(&printer);
}

/* ---- the smaller rows ---- */

static void other_documents_are_those_of_the_specification(void **state)
{
    (void)state;
    struct firmware printer;
    sl1_begin(&printer);
    sl1_json(&printer, "GET", "/api/version?system=1", NULL);
    assert_text(firmware_body(&printer), "\"python\":[],\"server\":\"1.1.0\",\"system\":{");
    sl1_json(&printer, "GET", "/api/version?system=false", NULL);
    assert_null(strstr(firmware_body(&printer), "python"));
    sl1_json(&printer, "GET", "/api/access/users", NULL);
    assert_string_equal(firmware_body(&printer),
                        "{\"users\":[{\"active\":true,\"admin\":true,\"apikey\":null,"
                        "\"name\":\"maker\",\"settings\":{},\"user\":true}]}\n");
    sl1_json(&printer, "GET", "/api/printer/sd", NULL);
    assert_string_equal(firmware_body(&printer), "{\"ready\":false}\n");
    sl1_json(&printer, "GET", "/api/logs", NULL);
    assert_string_equal(firmware_body(&printer), "{\"files\":[]}\n");
    sl1_refused(&printer, 404, "#10518", "GET", "/api/logs/system.log", NULL);
    assert_int_equal(sl1_json(&printer, "GET", "/api/connection", NULL), 200);
    assert_text(firmware_body(&printer), "\"printerProfile\":\"_default\",\"state\":\"Ready\"");
    assert_int_equal(sl1_json(&printer, "POST", "/api/connection", "{\"command\":\"connect\"}"),
                     204);
    assert_int_equal(sl1_json(&printer, "GET", "/old-projects/", NULL), 200);
    assert_int_equal(sl1_json(&printer, "HEAD", "/api/version", NULL), 200);
    assert_string_equal(firmware_body(&printer), "");
    sl1_refused(&printer, 405, "#10407", "PUT", "/api/files/local/a.sl1", "x");
    sl1_refused(&printer, 404, "#10407", "GET", "/api/v1/files/local", NULL);
    sl1_refused(&printer, 501, "#10407", "POST", "/api/job", "{\"command\":\"restart\"}");
    sl1_refused(&printer, 400, "#10407", "POST", "/api/job", "no JSON");
    sl1_refused(&printer, 409, "#10506", "POST", "/api/job", "{\"command\":\"cancel\"}");
    sl1_refused(&printer, 409, "#10506", "POST", "/api/job",
                "{\"command\":\"pause\",\"action\":\"resume\"}");
    sl1_end(&printer);
}

static void what_it_has_not_is_not_moved(void **state)
{
    (void)state;
    struct firmware printer;
    sl1_begin(&printer);
    static const struct {
        const char *path, *good;
    } rows[] = {{"/api/printer/printhead", "{\"command\":\"jog\",\"x\":10}"},
                {"/api/printer/printhead", "{\"command\":\"home\",\"axes\":[\"X\"]}"},
                {"/api/printer/tool", "{\"command\":\"target\",\"targets\":{\"tool0\":220}}"},
                {"/api/printer/bed", "{\"command\":\"target\",\"target\":75}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(sl1_json(&printer, "POST", rows[i].path, rows[i].good), 204);
        sl1_refused(&printer, 400, "#10407", "POST", rows[i].path, "{\"command\":\"fly\"}");
        sl1_refused(&printer, 400, "#10407", "POST", rows[i].path, "{}");
    }
    sl1_open_part(&printer);
    sl1_refused(&printer, 409, "#10506", "POST", "/api/printer/printhead",
                "{\"command\":\"jog\",\"x\":10}");
    sl1_end(&printer);
}

static void settings_are_kept(void **state)
{
    (void)state;
    struct firmware printer;
    char body[256];
    sl1_begin(&printer);
    static const char settings[] = "/api/settings";
    assert_int_equal(sl1_json(&printer, "POST", settings,
                              "{\"printer\":{\"name\":\"Vera\",\"location\":\"cellar\"}}"),
                     200);
    sl1_json(&printer, "GET", settings, NULL);
    assert_text(firmware_body(&printer),
                "\"printer\":{\"location\":\"cellar\",\"name\":\"Vera\"},\"username\":\"maker\"");
    static const char *const bad[] = {
        "{\"printer\":{\"name\":\"Vera\"}}", "{\"user\":{\"password\":\"wrong\"}}",
        "{\"user\":{\"new_password\":\"longenough\",\"new_repassword\":\"longenough\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sl1_json(&printer, "POST", settings, bad[i]), 400);
        assert_text(firmware_body(&printer), "{\"message\":\"");
    }
    const char *password = link_face_password(printer.face);
    snprintf(body, sizeof body,
             "{\"user\":{\"password\":\"%s\",\"new_password\":\"short\",\"new_repassword\":"
             "\"short\"}}",
             password);
    assert_int_equal(sl1_json(&printer, "POST", settings, body), 400);
    snprintf(body, sizeof body, "{\"user\":{\"password\":\"%s\",\"username\":\"root\"}}", password);
    assert_int_equal(sl1_json(&printer, "POST", settings, body), 400);
    snprintf(body, sizeof body,
             "{\"user\":{\"password\":\"%s\",\"new_password\":\"longenough\",\"new_repassword\":"
             "\"longenough\"}}",
             password);
    assert_int_equal(sl1_json(&printer, "POST", settings, body), 200);
    assert_string_equal(link_face_password(printer.face), "longenough");
    assert_int_equal(sl1_json(&printer, "GET", "/api/version", NULL), 200); /* by the new one */
    assert_int_equal(sl1_json(&printer, "POST", "/api/settings/apikey", "{\"api-key\":\"sixsix\"}"),
                     400);
    assert_int_equal(
        sl1_json(&printer, "POST", "/api/settings/apikey", "{\"api-key\":\"sevenup\"}"), 200);
    firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: sevenup\r\n", NULL);
    assert_int_equal(printer.status, 200);
    assert_int_equal(sl1_json(&printer, "GET", "/api/settings/apikey", NULL), 200);
    firmware_ask_bare(&printer, "GET", "/api/version", "X-Api-Key: sevenup\r\n", NULL);
    assert_int_equal(printer.status, 401);
    assert_int_equal(sl1_json(&printer, "GET", "/api/settings/sn", NULL), 200);
    assert_text(firmware_body(&printer), "{\"serial\":\"CZPX");
    assert_int_equal(sl1_json(&printer, "POST", "/api/settings/sn", "{\"serial\":\"x\"}"), 409);
    sl1_end(&printer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_made_by_a_form_and_by_their_path),
        cmocka_unit_test(files_are_copied_and_moved),
        cmocka_unit_test(exposure_is_changed_while_a_project_is_open),
        cmocka_unit_test(the_panel_is_seen_once_a_layer_was_on_it),
        cmocka_unit_test(other_documents_are_those_of_the_specification),
        cmocka_unit_test(what_it_has_not_is_not_moved),
        cmocka_unit_test(settings_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
