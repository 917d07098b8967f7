/* The program itself: its version, its update, its log (prusalink.md 1.2, 3.14, 4.7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/connect/python.h"
#include "sim/protocol/link/pi.h"

static const char delivered[] = "0.8.1";

const char *pi_version_text(const struct link_face *face)
{
    const struct pi *pi = face->dialect_state;
    return pi->version == NULL ? delivered : pi->version;
}

/* --- /api/version --- */

static void type_name(const struct model *model, char out[40])
{
    /* "mk3s", "mk2.5s-mmu2s": the type alone */
    char type[16] = "";
    for (size_t i = 0, at = 0; model->name[i] != '\0' && model->name[i] != '-' && at < 15; i++) {
        if (model->name[i] != '.') {
            char c = model->name[i];
            type[at++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            type[at] = '\0';
        }
    }
    snprintf(out, 40, "PrusaLink I3%s", type);
}

/* int() takes it and it is not 0. */
static bool wants_system(const char *query)
{
    const char *value = query == NULL ? NULL : strstr(query, "system=");
    if (value == NULL || (value != query && value[-1] != '&')) {
        return false;
    }
    value += strlen("system=");
    size_t size = strcspn(value, "&");
    char *text = memory_new(size + 1);
    int64_t number = 0;
    link_decode(text, value, size, true);
    bool wanted = python_int(text, strlen(text), &number) && number != 0;
    free(text);
    return wanted;
}

/* What the program stands on, as pip names it, and the Debian under it. The list of a real computer
 * is longer: it has whatever else is installed. */
static void write_system(const struct link_face *face, struct json_writer *json)
{
    static const char python[] = "3.11.2 (main, Mar 13 2023, 12:18:29) [GCC 12.2.0]";
    static const char folder[] = "/usr/local/lib/python3.11/dist-packages";
    const struct {
        const char *name, *version;
    } packages[] = {
        {"prusalink", pi_version_text(face)},
        {"prusa.connect.sdk.printer", delivered},
        {"PoorWSGI", "2.5.0"},
        {"requests", "2.28.1"},
    };
    json_array(json, "python");
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        json_object(json, NULL);
        json_string(json, "name", packages[i].name);
        json_string(json, "version", packages[i].version);
        json_string(json, "path", folder);
        json_object_end(json);
    }
    json_array_end(json);
    json_object(json, "system");
    json_string(json, "python", python);
    json_string(json, "ID", "Debian");
    json_string(json, "DESCRIPTION", "Debian GNU/Linux 12 (bookworm)");
    json_string(json, "RELEASE", "12");
    json_string(json, "CODENAME", "bookworm");
    json_object_end(json);
}

void pi_version(struct link_request *request)
{
    struct machine *machine = pi_machine(request);
    const char *version = pi_version_text(request->face);
    struct machine_readings readings;
    struct buffer body, text = {0};
    struct json_writer json;
    char original[40];
    pi_look(request, &readings);
    bool known = pi_known(request, PI_KNOWN_AFTER);
    type_name(machine_model(machine), original);
    buffer_format(&text, "PrusaLink %s", version);
    pi_begin_json(&json, &body);
    json_string(&json, "api", "2.0.0");
    json_string(&json, "server", version);
    json_string(&json, "original", known ? original : "Unknown printer type");
    json_string(&json, "text", buffer_text(&text));
    json_string(&json, "firmware", known ? machine_firmware(machine) : NULL);
    json_string(&json, "sdk", delivered);
    json_object(&json, "capabilities");
    json_bool(&json, "upload-by-put", true);
    json_object_end(&json);
    json_string(&json, "hostname", request->face->hostname);
    if (wants_system(request->query)) {
        write_system(request->face, &json);
    }
    pi_end_json(request, &json, &body);
    buffer_free(&text);
}

/* --- updates --- */

/* The newer version that pip would install; NULL: none. */
static const char *newer(const struct link_request *request)
{
    const char *update = request->face->settings->update;
    return update == NULL || strcmp(update, pi_version_text(request->face)) == 0 ? NULL : update;
}

/* False: answered, for there is nothing to look for. */
static bool is_program(struct link_request *request)
{
    const char *what = request->parameters[0];
    bool program = strcmp(what, "prusalink") == 0;
    if (!program) {
        pi_send_empty(request, strcmp(what, "system") == 0 ? 501 : 400);
    }
    return program;
}

static const char pip_failed[] =
    "ERROR: Could not find a version that satisfies the requirement prusalink\n";

static void send_available(struct link_request *request, const char *version)
{
    struct link_reply reply;
    struct json_writer json;
    pi_begin_reply(request, &reply, version == NULL ? 204 : 200, PI_PLAIN);
    link_reply_header(&reply, "Update-Available", version == NULL ? "False" : "True");
    if (version != NULL) {
        json_begin(&json, &reply.body, JSON_PYTHON);
        json_object(&json, NULL);
        json_string(&json, "new_version", version);
        json_object_end(&json);
    }
    pi_send(request, &reply, version == NULL ? NULL : "application/json; charset=utf-8");
}

void pi_update(struct link_request *request)
{
    if (!is_program(request)) {
        return;
    }
    const char *version = newer(request);
    if (version != NULL && *version == '\0') {
        pi_send_error_details(request, PI_UPDATE_UNAVAILABLE, pip_failed);
    } else {
        send_available(request, version);
    }
}

void pi_update_post(struct link_request *request)
{
    if (!is_program(request)) {
        return;
    }
    struct pi *pi = pi_of(request);
    const char *version = newer(request);
    if (version == NULL) {
        pi_send_empty(request, 204);
    } else if (*version == '\0') {
        pi_send_error_details(request, PI_UPDATE_FAILED, pip_failed);
    } else {
        free(pi->version);
        pi->version = memory_copy_text(version);
        world_arm_in(request->face->world, &pi->restart, 0);
        pi_send_empty(request, 200);
    }
}

/* With both of its faces. */
void pi_restart_now(void *owner)
{
    struct pi *pi = owner;
    struct connect_face *connect = link_connect(pi->face);
    if (connect != NULL) {
        connect_face_restart(connect, pi->version);
        pi->connect_us = connect_face_started_us(connect);
    }
    pi_restart(pi, pi->face->world->now_us, NULL);
}

/* --- the rest --- */

void pi_login(struct link_request *request)
{
    pi_send_text_json(request, 200,
                      "{\"session\": null, \"active\": true, \"admin\": true, \"user\": true, "
                      "\"name\": \"_api\"}");
}

void pi_timelapse(struct link_request *request)
{
    pi_send_text_json(request, 200,
                      "{\"config\": {\"type\": \"off\"}, \"enabled\": false, \"files\": [], "
                      "\"unrendered\": []}");
}

void pi_logs(struct link_request *request)
{
    struct buffer body = {0};
    buffer_format(&body, "{\"files\": [{\"name\": \"journal\", \"size\": null, \"date\": %lld}]}",
                  (long long)(world_wall_us(request->face->world) / 1000000));
    pi_send_json(request, 200, &body);
}

void pi_log(struct link_request *request)
{
    struct link_reply reply;
    if (strcmp(request->parameters[0], "journal") != 0) {
        pi_send_empty(request, 404);
        return;
    }
    pi_begin_reply(request, &reply, 200, PI_POWERED);
    buffer_format(&reply.body, "PrusaLink %s: %llu requests answered\n",
                  pi_version_text(request->face), (unsigned long long)request->face->answered);
    pi_send(request, &reply, "text/plain; charset=utf-8");
}
