#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/sl1_link.h"
#include "sim/wire/digest.h"

/* Name, place, password and key, as the legacy specification has them (prusalink.md 4.7;
 * Prusa-Link-Web: spec/openapi-legacy.yaml, tools/server/settings.js). The user is always the same.
 */

enum { PASSWORD_MIN = 8, KEY_MIN = 7, TEXT_MAX = 255 };

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void refuse(struct link_request *request, const char *message)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_COMPACT);
    json_object(&json, NULL);
    json_string(&json, "message", message);
    json_object_end(&json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 400, &body, NULL);
    buffer_free(&body);
}

/* NULL: it may be. */
static const char *printer_trouble(const cJSON *printer)
{
    const char *name = text_of(printer, "name"), *location = text_of(printer, "location");
    bool good = name != NULL && location != NULL && *name != '\0' && *location != '\0' &&
                strlen(name) <= TEXT_MAX && strlen(location) <= TEXT_MAX;
    return printer == NULL || good ? NULL : "Required printer parameters are missing";
}

static const char *user_trouble(const struct link_face *face, const cJSON *user)
{
    const char *password = text_of(user, "password"), *fresh = text_of(user, "new_password");
    const char *again = text_of(user, "new_repassword"), *name = text_of(user, "username");
    if (user == NULL) {
        return NULL;
    }
    if (password == NULL || strcmp(password, face->password) != 0) {
        return "Invalid password";
    }
    if (name != NULL && strcmp(name, face->user) != 0) {
        return "The user of this printer cannot be changed";
    }
    if (fresh == NULL && again == NULL) {
        return NULL;
    }
    if (fresh == NULL || again == NULL || strcmp(fresh, again) != 0) {
        return "New password is missing or does not match repassword";
    }
    bool good = strlen(fresh) >= PASSWORD_MIN && strlen(fresh) <= TEXT_MAX;
    return good ? NULL : "New password is too short or too long";
}

static void replace(char **text, const char *by)
{
    if (by != NULL) {
        free(*text);
        *text = memory_copy_text(by);
    }
}

/* All of it or nothing. */
void sl1_settings_post(struct link_request *request)
{
    struct sl1_link *link = sl1_link_of(request);
    struct link_face *face = request->face;
    cJSON *body = sl1_body(request);
    const cJSON *printer = cJSON_GetObjectItemCaseSensitive(body, "printer");
    const cJSON *user = cJSON_GetObjectItemCaseSensitive(body, "user");
    const char *trouble = printer_trouble(printer);
    trouble = trouble != NULL ? trouble : user_trouble(face, user);
    if (trouble == NULL) {
        replace(&link->name, text_of(printer, "name"));
        replace(&link->location, text_of(printer, "location"));
        replace(&face->password, text_of(user, "new_password"));
    }
    cJSON_Delete(body);
    if (trouble == NULL) {
        sl1_reply_empty(request, 200);
    } else {
        refuse(request, trouble);
    }
}

/* ---- the key ---- */

static void answer_key(struct link_request *request)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_COMPACT);
    json_object(&json, NULL);
    json_string(&json, "api-key", request->face->api_key);
    json_object_end(&json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 200, &body, NULL);
    buffer_free(&body);
}

/* Another one, made anew: a function of seed, printer and how many there were. */
static void make_key(struct link_request *request)
{
    enum { KEY_SIZE = 14 };
    const struct link_face *face = request->face;
    char seed[128], hash[65], key[KEY_SIZE + 1];
    int size =
        snprintf(seed, sizeof seed, "%s %" PRIu64 " %" PRIu32 " key", machine_serial(face->machine),
                 face->world->seed, ++sl1_link_of(request)->nonce_count);
    digest_sha256_hex(hash, seed, (size_t)size);
    snprintf(key, sizeof key, "%.*s", KEY_SIZE, hash);
    replace(&request->face->api_key, key);
}

/* The specification regenerates it by GET. */
void sl1_key_get(struct link_request *request)
{
    make_key(request);
    answer_key(request);
}

/* {"api-key":"…"}, or {} for a new one. */
void sl1_key_post(struct link_request *request)
{
    char *key = sl1_body_text(request, "api-key");
    size_t size = key == NULL ? 0 : strlen(key);
    if (key != NULL && (size < KEY_MIN || size > TEXT_MAX)) {
        refuse(request, "The key must have at least 7 characters");
    } else {
        if (key != NULL) {
            replace(&request->face->api_key, key);
        } else {
            make_key(request);
        }
        answer_key(request);
    }
    free(key);
}

/* ---- the serial number: it has one, so nobody need type it in ---- */

void sl1_serial_get(struct link_request *request)
{
    struct buffer body = {0};
    struct json_writer json;
    json_begin(&json, &body, JSON_COMPACT);
    json_object(&json, NULL);
    json_string(&json, "serial", machine_serial(request->face->machine));
    json_object_end(&json);
    buffer_append_char(&body, '\n');
    sl1_reply_json(request, 200, &body, NULL);
    buffer_free(&body);
}

void sl1_serial_post(struct link_request *request)
{
    sl1_reply_error(request, SL1_NOT_IN_STATE, 0);
}
