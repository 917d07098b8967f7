/* Settings of the program: names, users, keys, the serial number (prusalink.md 4.7). */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/prusalink.h"
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

/* Connect is told of it in INFO (connect-sdk.md 6.3). */
static void tell_key(struct link_request *request)
{
    struct connect_face *connect = link_connect(request->face);
    const char *key = request->face->api_key;
    if (connect != NULL) {
        connect_face_set_api_key(connect, key == NULL ? "" : key);
    }
}

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
    tell_key(request);
    send_key(request);
}

void pi_apikey_delete(struct link_request *request)
{
    free(request->face->api_key);
    request->face->api_key = NULL;
    pi_of(request)->key_empty = true;
    tell_key(request);
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
