/* Settings of the program, and what little it says of its host: keys, names, the serial line, logs,
 * cameras, updates (prusalink.md 3.13, 3.14, 4.7). */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

enum { USER_BYTES_MIN = 3, USER_BYTES_MAX = 256, KEY_BYTES_MIN = 7 };

/* --- what user and password may be (Prusa-Link: prusa/link/web/lib/wizard.py) --- */

static bool good_user(const char *user)
{
    size_t size = strlen(user);
    if (size < USER_BYTES_MIN || size > USER_BYTES_MAX || user[0] == ' ' || user[size - 1] == ' ') {
        return false;
    }
    for (const char *at = user; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~' || *at == '"' || *at == ':') {
            return false;
        }
    }
    return true;
}

/* 8 word characters with both cases and a digit, or 8 with a special one, or any 15. */
static bool good_password(const char *password)
{
    bool lower = false, upper = false, digit = false, special = false;
    for (const char *at = password; *at != '\0'; at++) {
        lower = lower || islower((unsigned char)*at);
        upper = upper || isupper((unsigned char)*at);
        digit = digit || isdigit((unsigned char)*at);
        special = special || !(isalnum((unsigned char)*at) || *at == '_');
    }
    size_t size = strlen(password);
    return size >= 15 || (size >= 8 && (special || (lower && upper && digit)));
}

bool pi_check(const struct link_settings *settings, struct error *error)
{
    if (settings->user != NULL && !good_user(settings->user)) {
        return error_set(error, "the user of a PrusaLink on a Raspberry Pi has 3 to 256 printable "
                                "ASCII characters without \" and :, no blank at its ends");
    }
    if (settings->password != NULL && !good_password(settings->password)) {
        return error_set(error,
                         "the password of a PrusaLink on a Raspberry Pi has 8 characters with "
                         "small and capital letters and digits, or 8 with a special one, or "
                         "any 15");
    }
    if (settings->api_key != NULL && strlen(settings->api_key) < KEY_BYTES_MIN) {
        return error_set(error, "the API key must be at least 7 characters long");
    }
    return true;
}

/* --- settings --- */

void pi_settings_get(struct link_request *request)
{
    struct pi *pi = pi_of(request);
    struct buffer body = {0};
    struct json_writer json;
    const char *key = request->face->api_key;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "api-key", key == NULL ? "" : key);
    json_string(&json, "username", request->face->user);
    json_object(&json, "printer");
    json_string(&json, "name", pi->printer_name);
    json_string(&json, "location", pi->location);
    json_bool(&json, "farm_mode", pi->farm_mode);
    json_bool(&json, "network_error_chime", pi->chime);
    json_object_end(&json);
    json_object_end(&json);
    pi_send_json(request, 200, &body);
}

static void refuse(struct link_request *request, const char *title, const char *message)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "title", title);
    json_string(&json, "message", message);
    json_object_end(&json);
    pi_send_json(request, 400, &body);
}

static const char *text_of(const struct cJSON *object, const char *key)
{
    const struct cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

static void set_text(char **place, const char *text)
{
    char *copy = memory_copy_text(text);
    free(*place);
    *place = copy;
}

/* In the order of the program; false: answered. */
static bool set_user(struct link_request *request, const struct cJSON *user)
{
    struct link_face *face = request->face;
    const char *name = text_of(user, "username"), *old = text_of(user, "password");
    const char *new = text_of(user, "new_password"), *again = text_of(user, "new_repassword");
    name = name == NULL ? face->user : name;
    new = new == NULL || *new == '\0' ? face->password : new;
    again = again == NULL || *again == '\0' ? new : again;
    const char *title = NULL, *message = NULL;
    if (old == NULL || strcmp(old, face->password) != 0) {
        title = "Invalid old password";
        message = "Password is not correct";
    } else if (!good_user(name)) {
        title = "Invalid username";
        message = "Username is shorter than 3 characters or in invalid format";
    } else if (strcmp(new, again) != 0) {
        title = "Invalid new password";
        message = "New passwords are not same";
    } else if (!good_password(new)) {
        title = "Invalid new password";
        message = "New password is not valid";
    } else if (strcmp(name, face->user) == 0 && strcmp(new, face->password) == 0) {
        title = "Nothing to change";
        message = "Nothing to change. All credentials are same as old ones";
    }
    if (title != NULL) {
        refuse(request, title, message);
        return false;
    }
    set_text(&face->user, name);
    set_text(&face->password, new);
    return true;
}

static bool set_switch(const struct cJSON *body, const char *key, bool *value)
{
    const struct cJSON *member = cJSON_GetObjectItemCaseSensitive(body, key);
    if (cJSON_IsBool(member)) {
        *value = cJSON_IsTrue(member);
    }
    return member != NULL;
}

void pi_settings_post(struct link_request *request)
{
    struct pi *pi = pi_of(request);
    struct cJSON *body = pi_body(request);
    const struct cJSON *printer = cJSON_GetObjectItemCaseSensitive(body, "printer");
    const struct cJSON *user = cJSON_GetObjectItemCaseSensitive(body, "user");
    const char *name = text_of(printer, "name"), *location = text_of(printer, "location");
    bool changed = printer != NULL || user != NULL;
    if (user != NULL && !set_user(request, user)) {
        cJSON_Delete(body);
        return;
    }
    if (name != NULL && *name != '\0') { /* an empty one changes nothing (cap 72) */
        set_text(&pi->printer_name, name);
    }
    if (location != NULL && *location != '\0') {
        set_text(&pi->location, location);
    }
    changed = set_switch(body, "farm_mode", &pi->farm_mode) || changed;
    changed = set_switch(body, "network_error_chime", &pi->chime) || changed;
    cJSON_Delete(body);
    pi_send_text_json(request, changed ? 200 : 204, "{}");
}

/* --- the key --- */

static void send_key(struct link_request *request)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "api-key", request->face->api_key);
    json_object_end(&json);
    pi_send_json(request, 200, &body);
}

void pi_apikey_post(struct link_request *request)
{
    struct link_face *face = request->face;
    struct cJSON *body = pi_body(request);
    const char *key = text_of(body, "api-key");
    char sum[65];
    if (key != NULL && strlen(key) < KEY_BYTES_MIN) {
        cJSON_Delete(body);
        pi_send_text_json(request, 400,
                          "{\"message\": \"Api-Key must be at least 7 characters long\"}");
        return;
    }
    if (key == NULL) { /* it makes one */
        struct buffer text = {0};
        buffer_format(&text, "%s key %llu", pi_of(request)->secret,
                      (unsigned long long)face->answered);
        digest_sha256_hex(sum, text.bytes, text.size);
        buffer_free(&text);
        sum[16] = '\0';
        key = sum;
    }
    set_text(&face->api_key, key);
    pi_of(request)->key_empty = false;
    cJSON_Delete(body);
    send_key(request);
}

void pi_apikey_delete(struct link_request *request)
{
    free(request->face->api_key);
    request->face->api_key = NULL;
    pi_of(request)->key_empty = true;
    pi_send_text_json(request, 200, "{}");
}

/* --- the serial number, which is good as long as the printer has one --- */

void pi_serial_get(struct link_request *request)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "serial",
                pi_known(request, PI_KNOWN_AFTER) ? machine_serial(pi_machine(request)) : NULL);
    json_object_end(&json);
    pi_send_json(request, 200, &body);
}

void pi_serial_post(struct link_request *request)
{
    struct cJSON *body = pi_body(request);
    const char *serial = text_of(body, "serial");
    bool same = serial != NULL && strcmp(serial, machine_serial(pi_machine(request))) == 0;
    cJSON_Delete(body);
    if (same) {
        pi_send_text_json(request, 200, "{}");
    } else {
        struct buffer text = {0};
        buffer_append_text(&text, "{\"title\": \"Serial number is valid\", "
                                  "\"message\": \"The serial number of the printer is valid\"}");
        pi_send_json(request, serial == NULL ? 400 : 409, &text);
    }
}

/* --- the connection to the printer and to Connect --- */

static const char port_path[] = "/dev/ttyAMA0";

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
    const struct link_settings *settings = request->face->settings;
    const char *hostname = settings->connect_hostname;
    json_object(json, "connect");
    json_string(json, "hostname", hostname == NULL ? "connect.prusa3d.com" : hostname);
    json_int(json, "port", settings->connect_port);
    json_bool(json, "tls", hostname == NULL || settings->connect_tls);
    json_string(json, "registration",
                settings->connect_registered ? "FINISHED" : "NO_REGISTRATION");
    json_null(json, "code");
    json_object_end(json);
}

void pi_connection_get(struct link_request *request)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
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
    json_object_end(&json);
    pi_send_json(request, 200, &body);
}

/* Which server a printer of ours talks to is a setting of the printer: the web cannot move it. */
void pi_connection_post(struct link_request *request)
{
    struct pi_refusal {
        int status;
        const char *text;
    } refusal = {400, "{\"title\": \"Can't Connect\", \"message\": \"Can't connect to Connect "
                      "server.\"}"};
    if (request->face->settings->connect_registered) {
        refusal = (struct pi_refusal){
            409, "{\"title\": \"Already registered\", \"message\": \"Printer is already "
                 "registered.\"}"};
    }
    pi_send_text_json(request, refusal.status, refusal.text);
}

void pi_connection_delete(struct link_request *request)
{
    pi_send_text_json(request, 200, "{}");
}

void pi_ports(struct link_request *request)
{
    struct machine *machine = pi_machine(request);
    struct buffer body = {0}, text = {0};
    struct json_writer json;
    const char *title = machine_model(machine)->title;
    title = strncmp(title, "Original Prusa ", 15) == 0 ? title + 15 : title;
    buffer_format(&text, "Prusa I3%s - FW: %s", title, machine_firmware(machine));
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_array(&json, "ports");
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
    json_array_end(&json);
    json_object_end(&json);
    buffer_free(&text);
    pi_send_json(request, 200, &body);
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
    buffer_format(&reply.body, "PrusaLink 0.8.1: %llu requests answered\n",
                  (unsigned long long)request->face->answered);
    pi_send(request, &reply, "text/plain; charset=utf-8");
}

void pi_cameras(struct link_request *request)
{
    if (pi_method(request) == LINK_PUT) {
        pi_send_empty(request, 200);
    } else {
        pi_send_text_json(request, 200, "{\"camera_list\": []}");
    }
}

/* No camera is attached to a printer of ours but through Connect, which has its own. */
void pi_camera(struct link_request *request)
{
    const char *id = request->parameters[0], *part = request->parameters[1];
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    struct buffer message = {0};
    if (strcmp(id, "snap") == 0 && part == NULL) {
        buffer_append_text(&message, "Camera is not available");
    } else {
        buffer_format(&message, "Camera with id: %s is not %s", id,
                      part == NULL ? "configured" : "available");
    }
    json_string(&json, "message", message.bytes);
    buffer_free(&message);
    json_object_end(&json);
    pi_send_json(request, 404, &body);
}

void pi_update(struct link_request *request)
{
    const char *what = request->parameters[0];
    if (strcmp(what, "prusalink") != 0) {
        pi_send_empty(request, strcmp(what, "system") == 0 ? 501 : 400);
        return;
    }
    struct link_reply reply;
    pi_begin_reply(request, &reply, 204, PI_POWERED);
    link_reply_header(&reply, "Update-Available", "False");
    pi_send(request, &reply, NULL);
}
