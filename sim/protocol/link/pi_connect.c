/* Where the program stands with Connect and with its printer: its conditions, /api/connection, the
 * serial port (prusalink.md 3.4, 4.7). Its other half, the Connect face, is the truth of it. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
#include "sim/protocol/link/pi.h"

static const char port_path[] = "/dev/ttyAMA0";

/* --- the server of Connect --- */

void pi_server_of(const struct link_face *face, struct pi_server *out)
{
    const struct connect_face *connect = link_connect(face);
    const char *url = connect == NULL ? NULL : connect_face_server(connect);
    const struct link_settings *settings = face->settings;
    struct endpoint endpoint;
    *out = (struct pi_server){.port = settings->connect_port,
                              .tls = settings->connect_hostname == NULL || settings->connect_tls};
    if (url != NULL && endpoint_parse(&endpoint, url, NULL, NULL)) {
        snprintf(out->hostname, sizeof out->hostname, "%s", endpoint.host);
        out->port = endpoint.port;
        out->tls = endpoint.tls;
    } else {
        snprintf(out->hostname, sizeof out->hostname, "%s",
                 settings->connect_hostname == NULL ? "connect.prusa3d.com"
                                                    : settings->connect_hostname);
    }
}

static const char *token_of(const struct link_face *face)
{
    const struct connect_face *connect = link_connect(face);
    return connect == NULL ? NULL : connect_face_token(connect);
}

static const char *code_of(const struct link_face *face)
{
    const struct connect_face *connect = link_connect(face);
    return connect == NULL ? NULL : connect_face_code(connect);
}

/* --- conditions (Prusa-Link: prusa/link/conditions.py) --- */

static void write_condition(struct json_writer *json, const char *key, const char *broken,
                            const char *message)
{
    json_object(json, key);
    json_bool(json, "ok", broken == NULL);
    json_string(json, "message", broken == NULL ? message : broken);
    json_object_end(json);
}

/* NULL: the printer is fine. */
static const char *printer_broken(struct link_request *request)
{
    return machine_fault(pi_machine(request), FAULT_SERIAL_LOST) ? "Serial device does not exist"
           : pi_state(request) == STATE_ERROR ? "Firmware detected a hardware issue"
                                              : NULL;
}

/* Conditions of Connect count only for a printer that is registered. */
static const char *connect_broken(const struct link_face *face)
{
    if (token_of(face) == NULL) {
        return NULL;
    }
    enum connect_condition broken = connect_face_broken(link_connect(face));
    return broken == CONNECT_CONDITIONS ? NULL : connect_condition_message(broken);
}

void pi_write_conditions(struct link_request *request, struct json_writer *json,
                         const char *connect, const char *printer, bool printer_first)
{
    bool registered = token_of(request->face) != NULL;
    for (int turn = 0; turn < 2; turn++) {
        if ((turn == 0) == printer_first) {
            write_condition(json, printer, printer_broken(request), "OK");
        } else {
            write_condition(json, connect, connect_broken(request->face),
                            registered ? "OK" : "Connect isn't configured");
        }
    }
}

/* --- /api/connection --- */

static void write_options(struct link_request *request, struct json_writer *json)
{
    const struct model *model = machine_model(pi_machine(request));
    const char *title =
        strncmp(model->title, "Original ", 9) == 0 ? model->title + 9 : model->title;
    json_object(json, "options");
    json_array(json, "ports");
    json_string(json, NULL, port_path);
    json_array_end(json);
    json_array(json, "baudrates");
    json_int(json, NULL, 115200);
    json_array_end(json);
    json_array(json, "printerProfiles");
    json_object(json, NULL);
    json_string(json, "id", "_default");
    json_string(json, "name", title);
    json_object_end(json);
    json_array_end(json);
    json_bool(json, "autoconnect", true);
    json_object_end(json);
}

static void write_connect(struct link_request *request, struct json_writer *json)
{
    const char *code = code_of(request->face);
    struct pi_server server;
    pi_server_of(request->face, &server);
    json_object(json, "connect");
    json_string(json, "hostname", server.hostname);
    json_int(json, "port", server.port);
    json_bool(json, "tls", server.tls);
    json_string(json, "registration",
                token_of(request->face) != NULL ? "FINISHED"
                : code != NULL                  ? "IN_PROGRESS"
                                                : "NO_REGISTRATION");
    json_string(json, "code", code);
    json_object_end(json);
}

void pi_connection_get(struct link_request *request)
{
    struct buffer body;
    struct json_writer json;
    pi_begin_json(&json, &body);
    json_object(&json, "current");
    json_int(&json, "baudrate", 115200);
    json_string(&json, "port", port_path);
    json_string(&json, "printerProfile", "_default");
    json_string(&json, "state", pi_state_text(pi_state(request)));
    json_object_end(&json);
    write_options(request, &json);
    write_connect(request, &json);
    json_object(&json, "states");
    pi_write_conditions(request, &json, "connect", "printer", true);
    json_object_end(&json);
    pi_end_json(request, &json, &body);
}

/* --- registration: POST waits until Connect has given a code --- */

struct enrolment {
    struct link_task task;
    struct connect_face *connect;
    char *server;
};

static void forget_enrolment(struct link_task *task)
{
    struct enrolment *enrolment = (struct enrolment *)task;
    connect_face_enrol_forget(enrolment->connect);
    free(enrolment->server);
    free(enrolment);
}

/* What urlencode() of Python makes of a text. */
static void append_quoted(struct buffer *url, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || strchr("_.-~", byte) != NULL;
        if (byte == ' ') {
            buffer_append_char(url, '+');
        } else if (plain) {
            buffer_append_char(url, (char)byte);
        } else {
            buffer_format(url, "%%%02X", byte);
        }
    }
}

static void append_query(struct buffer *url, char *separator, const char *key, const char *value)
{
    if (*value != '\0') {
        buffer_format(url, "%c%s=", *separator, key);
        append_quoted(url, value);
        *separator = '&';
    }
}

/* Where its user adds the printer now. */
static void send_url(struct link_request *request, const char *server, const char *code)
{
    const struct model *model = machine_model(pi_machine(request));
    const struct pi *pi = pi_of(request);
    struct buffer url = {0}, body;
    struct json_writer json;
    char separator = '?';
    buffer_format(&url, "%s/add-printer/connect/%d.%d.%d/%s", server, model->type, model->version,
                  model->subversion, code);
    append_query(&url, &separator, "name", pi->printer_name);
    append_query(&url, &separator, "location", pi->location);
    pi_begin_json(&json, &body);
    json_string(&json, "url", buffer_text(&url));
    pi_end_json(request, &json, &body);
    buffer_free(&url);
}

static void enrolled(void *owner, enum connect_enrolment how, const char *code)
{
    struct enrolment *enrolment = owner;
    struct link_request *request = enrolment->task.request;
    switch (how) {
    case CONNECT_ENROLLED:
        send_url(request, enrolment->server, code);
        break;
    case CONNECT_NOT_RESOLVED:
        pi_send_error(request, PI_CANT_RESOLVE);
        break;
    case CONNECT_NOT_REACHED:
        pi_send_error(request, PI_CANT_CONNECT);
        break;
    case CONNECT_NOT_TAKEN: /* an exception that nobody catches */
        pi_send_500(request);
        break;
    }
}

static void enrol(struct link_request *request, const char *hostname, uint16_t port, bool tls)
{
    struct link_face *face = request->face;
    struct connect_face *connect =
        face->connect == NULL ? NULL : face->connect(face->connect_owner, true);
    struct buffer server = {0};
    if (connect == NULL) {
        pi_send_error(request, PI_CANT_CONNECT);
        return;
    }
    connect_base_url(&server, hostname, tls, port);
    struct enrolment *enrolment = memory_new(sizeof *enrolment);
    *enrolment = (struct enrolment){.task = {.free = forget_enrolment, .request = request},
                                    .connect = connect,
                                    .server = buffer_detach(&server)};
    request->task = &enrolment->task;
    if (!connect_face_enrol(connect, enrolment->server, enrolled, enrolment)) {
        pi_send_500(request); /* another one waits for its code */
    }
}

void pi_connection_post(struct link_request *request)
{
    if (token_of(request->face) != NULL) {
        pi_send_text_json(request, 409, "{}");
        return;
    }
    struct cJSON *body = pi_body(request);
    const struct cJSON *connect = cJSON_GetObjectItemCaseSensitive(body, "connect");
    const struct cJSON *hostname = cJSON_GetObjectItemCaseSensitive(connect, "hostname");
    const struct cJSON *port = cJSON_GetObjectItemCaseSensitive(connect, "port");
    const struct cJSON *tls = cJSON_GetObjectItemCaseSensitive(connect, "tls");
    bool numbered = cJSON_IsNumber(port) && port->valuedouble >= 0 && port->valuedouble <= 65535;
    bool named = cJSON_IsString(hostname) && hostname->valuestring[0] != '\0' &&
                 strcspn(hostname->valuestring, "/?#@: \t\r\n") == strlen(hostname->valuestring);
    if (!cJSON_IsObject(connect)) {
        pi_send_500(request);
    } else if (!named) {
        pi_send_error(request, PI_CANT_RESOLVE);
    } else if (port != NULL && !cJSON_IsNull(port) && !numbered) {
        pi_send_error(request, PI_CANT_CONNECT);
    } else {
        enrol(request, hostname->valuestring, numbered ? (uint16_t)port->valuedouble : 0,
              cJSON_IsTrue(tls) || (cJSON_IsNumber(tls) && tls->valuedouble != 0));
    }
    cJSON_Delete(body);
}

/* The server stays, the token goes. */
void pi_connection_delete(struct link_request *request)
{
    struct connect_face *connect = link_connect(request->face);
    if (connect != NULL) {
        connect_face_set_server(connect, connect_face_server(connect), NULL);
    }
    pi_send_text_json(request, 200, "{}");
}

/* --- /api/ports: a lost line is there no more --- */

void pi_ports(struct link_request *request)
{
    struct machine *machine = pi_machine(request);
    struct buffer body, text = {0};
    struct json_writer json;
    const char *title = machine_model(machine)->title;
    title = strncmp(title, "Original Prusa ", 15) == 0 ? title + 15 : title;
    buffer_format(&text, "Prusa I3%s - FW: %s", title, machine_firmware(machine));
    pi_begin_json(&json, &body);
    json_array(&json, "ports");
    if (!machine_fault(machine, FAULT_SERIAL_LOST)) {
        json_object(&json, NULL);
        json_string(&json, "path", port_path);
        json_bool(&json, "is_rpi_port", true);
        json_bool(&json, "checked", true);
        json_bool(&json, "usable", true);
        json_bool(&json, "selected", true);
        json_string(&json, "description", text.bytes);
        json_int(&json, "baudrate", 115200);
        json_int(&json, "timeout", 2);
        json_null(&json, "sn");
        json_object_end(&json);
    }
    json_array_end(&json);
    pi_end_json(request, &json, &body);
    buffer_free(&text);
}
