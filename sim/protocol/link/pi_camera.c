/* Cameras of the computer beside the printer (prusalink.md 3.13; Prusa-Link:
 * prusa/link/web/cameras.py). They are those of the Connect face (connect/prusalink_camera.h),
 * which sends their pictures: a change here shows there and the other way about. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi_camera.h"

enum {
    PHOTO_LIFE_S = 30, /* of a camera without a timed scheme */
    SHOT_TAKES_S = 1,  /* TIME_FOR_SNAPSHOT: prusa/link/const.py */
};

/* --- which one --- */

struct connect_face *pi_camera_host(const struct link_request *request)
{
    struct connect_face *connect = link_connect(request->face);
    if (connect != NULL) {
        connect_face_keep_pictures(connect);
    }
    return connect;
}

static const struct connect_face_camera *first_of(const struct link_request *request)
{
    const struct connect_face *host = pi_camera_host(request);
    return host == NULL ? NULL : connect_face_cameras(host);
}

const struct connect_face_camera *pi_camera_find(const struct link_request *request, const char *id)
{
    const struct connect_face *host = pi_camera_host(request);
    return host == NULL ? NULL : connect_face_camera(host, id);
}

static bool supports(const struct connect_face_camera *camera, enum connect_capability wanted)
{
    for (size_t i = 0; i < camera->settings.capability_count; i++) {
        if (camera->settings.capabilities[i] == wanted) {
            return true;
        }
    }
    return false;
}

void pi_camera_say(struct link_request *request, int status, const char *format, const char *id)
{
    struct buffer message = {0}, body = {0};
    struct json_writer json;
    buffer_format(&message, format, id);
    json_begin(&json, &body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "message", buffer_text(&message));
    json_object_end(&json);
    buffer_free(&message);
    pi_send_json(request, status, &body);
}

const struct connect_face_camera *pi_camera_connected(struct link_request *request)
{
    const char *id = request->parameters[0];
    const struct connect_face_camera *camera = pi_camera_find(request, id);
    if (camera == NULL || !camera->connected) {
        pi_camera_say(request, 404, "Camera with id: %s was not found among the connected cameras",
                      id);
        return NULL;
    }
    return camera;
}

/* --- the list --- */

/* What stands in the ini file, or would: all values are texts there. */
static void write_config(struct json_writer *json, const struct connect_face_camera *camera)
{
    const struct connect_camera_settings *settings = &camera->settings;
    char text[32];
    json_object(json, "config");
    json_string(json, "path", camera->path);
    json_string(json, "name", settings->name);
    json_string(json, "driver", camera->driver);
    if (settings->resolution.width > 0) {
        snprintf(text, sizeof text, "%ux%u", settings->resolution.width,
                 settings->resolution.height);
        json_string(json, "resolution", text);
    }
    if (settings->stored && supports(camera, CONNECT_CAPABILITY_TRIGGER_SCHEME)) {
        json_string(json, "trigger_scheme", connect_trigger_name(settings->trigger));
    }
    if (settings->stored && supports(camera, CONNECT_CAPABILITY_ROTATION)) {
        snprintf(text, sizeof text, "%d", settings->rotation);
        json_string(json, "rotation", text);
    }
    if (settings->stored && supports(camera, CONNECT_CAPABILITY_EXPOSURE)) {
        snprintf(text, sizeof text, "%g", settings->exposure);
        json_string(json, "exposure", text);
    }
    if (settings->stored && supports(camera, CONNECT_CAPABILITY_FOCUS)) {
        snprintf(text, sizeof text, "%g", settings->focus);
        json_string(json, "focus", text);
    }
    if (settings->token != NULL) {
        json_string(json, "token", settings->token);
    }
    json_object_end(json);
}

static void write_listed(struct json_writer *json, const struct connect_face *host,
                         const struct connect_face_camera *camera)
{
    json_object(json, NULL);
    json_string(json, "camera_id", camera->settings.id);
    write_config(json, camera);
    json_bool(json, "connected", camera->connected);
    json_bool(json, "detected", camera->detected);
    json_bool(json, "stored", camera->settings.stored);
    json_bool(json, "registered", connect_face_camera_registered(host, camera));
    json_object_end(json);
}

void pi_cameras(struct link_request *request)
{
    const struct connect_face *host = pi_camera_host(request);
    struct buffer body;
    struct json_writer json;
    pi_begin_json(&json, &body);
    json_array(&json, "camera_list");
    for (int turn = 0; turn < 2; turn++) { /* those that work come first */
        for (const struct connect_face_camera *camera = first_of(request); camera != NULL;
             camera = camera->next) {
            if (camera->connected == (turn == 0)) {
                write_listed(&json, host, camera);
            }
        }
    }
    json_array_end(&json);
    pi_end_json(request, &json, &body);
}

void pi_write_status_camera(struct link_request *request, struct json_writer *json)
{
    const struct connect_face_camera *camera = first_of(request);
    if (camera != NULL) {
        json_object(json, "camera");
        json_string(json, "id", camera->settings.id);
        json_object_end(json);
    }
}

/* Python walks over whatever came: ids of a list, keys of an object, characters of a text. What is
 * no text is no id, and what can't be walked over or hashed is an exception. */
static bool read_order(const struct cJSON *order, const char **ids, size_t *count)
{
    const struct cJSON *item;
    *count = 0;
    if (order != NULL && !cJSON_IsArray(order) && !cJSON_IsObject(order)) {
        return cJSON_IsString(order);
    }
    cJSON_ArrayForEach(item, order)
    {
        bool list = cJSON_IsArray(order);
        if (list && (cJSON_IsArray(item) || cJSON_IsObject(item))) {
            return false;
        }
        const char *id = !list ? item->string : cJSON_IsString(item) ? item->valuestring : NULL;
        if (id != NULL) {
            ids[(*count)++] = id;
        }
    }
    return true;
}

void pi_cameras_order(struct link_request *request)
{
    struct connect_face *host = pi_camera_host(request);
    struct cJSON *order = pi_any_body(request);
    size_t count;
    int room = order == NULL ? 0 : cJSON_GetArraySize(order);
    const char **ids = memory_new_array((size_t)room + 1, sizeof *ids);
    bool good = read_order(order, ids, &count);
    if (good && host != NULL) {
        connect_face_camera_first(host, ids, count);
    }
    free(ids);
    cJSON_Delete(order);
    if (good) {
        pi_send_empty(request, 200);
    } else {
        pi_send_500(request);
    }
}

/* --- pictures --- */

static void photo_headers(struct link_request *request, struct link_reply *reply, int status,
                          const struct connect_face_camera *camera)
{
    int64_t every_s = connect_trigger_every_us(camera->settings.trigger) / 1000000;
    int64_t life_s = (every_s == 0 ? PHOTO_LIFE_S : every_s) + SHOT_TAKES_S;
    char date[40];
    *reply = (struct link_reply){.status = status, .length = true, .close = true};
    link_reply_header(reply, "Server", "PrusaLink");
    pi_http_date(world_wall_us(request->face->world), date);
    link_reply_header(reply, "Date", date);
    pi_http_date(camera->taken_us, date);
    link_reply_header(reply, "Last-Modified", date);
    pi_http_date(camera->taken_us + SECONDS(life_s), date);
    link_reply_header(reply, "Expires", date);
    link_reply_header_format(reply, "Cache-Control", "private, max-age=%d", (int)life_s);
}

/* The last one of it. */
static void send_last(struct link_request *request, const char *id)
{
    const struct connect_face_camera *camera = pi_camera_find(request, id);
    struct link_reply reply;
    if (camera == NULL || !camera->connected) {
        pi_camera_say(request, 404, "Camera with id: %s is not available", id);
        return;
    }
    if (camera->picture.size == 0 && link_quirk(request->face, 18)) {
        pi_camera_say(request, 204, "Camera with id: %s did not take a photo yet.", id);
        return;
    }
    if (camera->picture.size == 0) {
        pi_send_empty(request, 204);
        return;
    }
    const char *since = link_request_header(request, "If-Modified-Since");
    int64_t since_s = since == NULL ? -1 : pi_parse_date(since);
    if (since != NULL && since_s < 0) {
        pi_send_500(request);
        return;
    }
    /* It was taken at a tenth of a second: its own Last-Modified may be before it. */
    if (since != NULL && camera->taken_us / 100000 <= since_s * 10) {
        photo_headers(request, &reply, 304, camera);
        link_request_reply(request, &reply);
        return;
    }
    photo_headers(request, &reply, 200, camera);
    buffer_append(&reply.body, camera->picture.bytes, camera->picture.size);
    pi_send(request, &reply, "image/jpeg");
}

void pi_camera_snap(struct link_request *request)
{
    send_last(request, request->parameters[0]);
}

void pi_camera_snap_first(struct link_request *request)
{
    for (const struct connect_face_camera *camera = first_of(request); camera != NULL;
         camera = camera->next) {
        if (camera->connected && supports(camera, CONNECT_CAPABILITY_IMAGING)) {
            send_last(request, camera->settings.id);
            return;
        }
    }
    pi_camera_say(request, 404, "Camera is not available%s", "");
}

void pi_camera_shoot(struct link_request *request)
{
    const char *id = request->parameters[0];
    const struct connect_face_camera *camera = pi_camera_find(request, id);
    if (camera == NULL || !camera->connected) {
        pi_camera_say(request, 404, "Camera with id: %s is not available", id);
    } else if (!connect_face_camera_shoot(pi_camera_host(request), id)) {
        pi_camera_say(
            request, 409,
            "Camera with id: %s cannot take the picture: This camera does not support returning "
            "images",
            id);
    } else {
        struct link_reply reply;
        pi_begin_reply(request, &reply, 200, PI_POWERED);
        buffer_append(&reply.body, camera->picture.bytes, camera->picture.size);
        pi_send(request, &reply, "image/jpeg");
    }
}

/* --- settings --- */

static void write_resolution(struct json_writer *json, const char *key,
                             struct connect_resolution resolution)
{
    json_object(json, key);
    json_int(json, "width", resolution.width);
    json_int(json, "height", resolution.height);
    json_object_end(json);
}

static void write_settings(struct json_writer *json, const struct connect_face_camera *camera)
{
    const struct connect_camera_settings *settings = &camera->settings;
    if (supports(camera, CONNECT_CAPABILITY_TRIGGER_SCHEME)) {
        json_string(json, "trigger_scheme", connect_trigger_name(settings->trigger));
    }
    if (supports(camera, CONNECT_CAPABILITY_RESOLUTION)) {
        write_resolution(json, "resolution", settings->resolution);
    }
    if (supports(camera, CONNECT_CAPABILITY_ROTATION)) {
        json_int(json, "rotation", settings->rotation);
    }
    if (supports(camera, CONNECT_CAPABILITY_EXPOSURE)) {
        json_float(json, "exposure", settings->exposure);
    }
    if (supports(camera, CONNECT_CAPABILITY_FOCUS)) {
        json_float(json, "focus", settings->focus);
    }
    json_string(json, "name", settings->name);
}

static void write_abilities(struct json_writer *json, const struct connect_face_camera *camera)
{
    const struct connect_camera_settings *settings = &camera->settings;
    if (supports(camera, CONNECT_CAPABILITY_RESOLUTION)) {
        json_array(json, "available_resolutions");
        for (size_t i = 0; i < settings->resolution_count; i++) {
            write_resolution(json, NULL, settings->resolutions[i]);
        }
        json_array_end(json);
    }
    json_array(json, "capabilities"); /* by the names of the enumeration's members */
    for (size_t i = 0; i < settings->capability_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", connect_capability_name(settings->capabilities[i]));
        for (char *at = name; *at != '\0'; at++) {
            *at = (char)toupper((unsigned char)*at);
        }
        json_string(json, NULL, name);
    }
    json_array_end(json);
}

void pi_camera_get(struct link_request *request)
{
    const char *id = request->parameters[0];
    if (pi_camera_find(request, id) == NULL) {
        pi_camera_say(request, 404, "Camera with id: %s is not configured", id);
        return;
    }
    const struct connect_face_camera *camera = pi_camera_connected(request);
    struct buffer body;
    struct json_writer json;
    if (camera == NULL) {
        return;
    }
    pi_begin_json(&json, &body);
    write_settings(&json, camera);
    if (connect_face_camera_registered(pi_camera_host(request), camera)) {
        json_string(&json, "token", camera->settings.token);
    }
    write_abilities(&json, camera);
    pi_end_json(request, &json, &body);
}

/* A number that the camera can hold; what is none is a value that no camera takes. */
static double number_of(const struct cJSON *value)
{
    return cJSON_IsNumber(value) ? value->valuedouble : 1e9;
}

/* What the client wants on top of what there is. False: nothing that Python makes settings of. */
static bool read_wishes(const struct cJSON *wishes, const struct connect_face_camera *camera,
                        struct connect_camera_settings *settings)
{
    const struct cJSON *value = cJSON_GetObjectItemCaseSensitive(wishes, "trigger_scheme");
    if (value != NULL && (cJSON_IsArray(value) || cJSON_IsObject(value))) {
        return false; /* no key of an enumeration */
    }
    if (value != NULL && (!cJSON_IsString(value) ||
                          !connect_trigger_parse(value->valuestring, &settings->trigger))) {
        settings->trigger = CONNECT_TRIGGER_THIRTY_SEC;
    }
    value = cJSON_GetObjectItemCaseSensitive(wishes, "resolution");
    if (value != NULL) {
        const struct cJSON *width = cJSON_GetObjectItemCaseSensitive(value, "width");
        const struct cJSON *height = cJSON_GetObjectItemCaseSensitive(value, "height");
        if (width == NULL || height == NULL || cJSON_GetArraySize(value) != 2) {
            return false;
        }
        double w = number_of(width), h = number_of(height);
        settings->resolution = (struct connect_resolution){w >= 0 && w <= 1e6 ? (unsigned)w : 0,
                                                           h >= 0 && h <= 1e6 ? (unsigned)h : 0};
    }
    value = cJSON_GetObjectItemCaseSensitive(wishes, "rotation");
    if (value != NULL && supports(camera, CONNECT_CAPABILITY_ROTATION)) {
        double rotation = number_of(value);
        settings->rotation = rotation >= 0 && rotation <= 270 ? (int)rotation : -1;
    }
    value = cJSON_GetObjectItemCaseSensitive(wishes, "exposure");
    if (value != NULL && supports(camera, CONNECT_CAPABILITY_EXPOSURE)) {
        settings->exposure = number_of(value);
    }
    value = cJSON_GetObjectItemCaseSensitive(wishes, "focus");
    if (value != NULL && supports(camera, CONNECT_CAPABILITY_FOCUS)) {
        settings->focus = number_of(value);
    }
    value = cJSON_GetObjectItemCaseSensitive(wishes, "name");
    settings->name = cJSON_IsString(value) ? value->valuestring : settings->name;
    value = cJSON_GetObjectItemCaseSensitive(wishes, "token");
    settings->token = cJSON_IsString(value) ? value->valuestring
                      : cJSON_IsNull(value) ? NULL
                                            : settings->token;
    return true;
}

/* PATCH …/config. A value that it does not take costs the connection, as any failure of a driver.
 */
void pi_camera_set(struct link_request *request)
{
    const struct connect_face_camera *camera = pi_camera_connected(request);
    if (camera == NULL) {
        return;
    }
    struct connect_face *host = pi_camera_host(request);
    struct cJSON *wishes = pi_any_body(request);
    struct connect_camera_settings settings = camera->settings;
    if (!connect_face_camera_registered(host, camera)) {
        settings.token = NULL; /* an old one in the file is not in force */
    }
    bool good = (wishes == NULL || cJSON_IsObject(wishes)) &&
                read_wishes(wishes, camera, &settings) &&
                connect_face_camera_set(host, camera->settings.id, &settings);
    cJSON_Delete(wishes);
    if (good) {
        pi_send_empty(request, 200);
    } else {
        pi_send_500(request);
    }
}

void pi_camera_reset(struct link_request *request)
{
    const struct connect_face_camera *camera = pi_camera_connected(request);
    if (camera != NULL) {
        connect_face_camera_reset(pi_camera_host(request), camera->settings.id);
        pi_send_empty(request, 200);
    }
}
