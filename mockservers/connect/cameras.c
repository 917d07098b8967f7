#include "mockservers/connect/cameras.h"

#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/memory.h"

enum { TOKEN_CHARACTERS = 20, FINGERPRINT_BYTES_MAX = 256 };

struct cameras {
    struct connect_camera **list;
    size_t count;
};

struct connect_camera *connect_server_camera_at(struct connect_server *server, size_t index)
{
    return server->cameras != NULL && index < server->cameras->count ? server->cameras->list[index]
                                                                     : NULL;
}

static struct connect_camera *find(struct connect_server *server, struct slice fingerprint)
{
    struct connect_camera *camera;
    for (size_t i = 0; (camera = connect_server_camera_at(server, i)) != NULL; i++) {
        if (slice_is(fingerprint, camera->fingerprint)) {
            return camera;
        }
    }
    return NULL;
}

struct connect_camera *connect_server_camera(struct connect_server *server, const char *fingerprint)
{
    return find(server, slice_of(fingerprint));
}

void cameras_free(struct connect_server *server)
{
    struct connect_camera *camera;
    for (size_t i = 0; (camera = connect_server_camera_at(server, i)) != NULL; i++) {
        free(camera->fingerprint);
        free(camera->token);
        cJSON_Delete(camera->config);
        cJSON_Delete(camera->capabilities);
        buffer_free(&camera->picture);
        free(camera);
    }
    if (server->cameras != NULL) {
        free(server->cameras->list);
        free(server->cameras);
    }
}

void connect_camera_revoke(struct connect_camera *camera)
{
    replace_text(&camera->token, NULL);
}

static void refuse(struct connect_decision *decision, int status, const char *text)
{
    connect_reply_answer(decision->reply, status);
    connect_reply_set_header(decision->reply, "Content-Type", "text/plain");
    connect_reply_set_body(decision->reply, text, strlen(text));
}

static struct connect_camera *camera_for(struct connect_server *server,
                                         struct connect_printer *printer, const char *fingerprint)
{
    struct connect_camera *camera = connect_server_camera(server, fingerprint);
    if (server->cameras == NULL) {
        server->cameras = memory_new(sizeof *server->cameras);
    }
    struct cameras *cameras = server->cameras;
    if (camera == NULL && cameras->count < CONNECT_CAMERAS_MAX) {
        camera = memory_new(sizeof *camera);
        camera->fingerprint = memory_copy_text(fingerprint);
        camera->last_us = -1;
        cameras->list = memory_resize(cameras->list, (cameras->count + 1) * sizeof *cameras->list);
        cameras->list[cameras->count++] = camera;
    }
    if (camera != NULL) {
        camera->printer = printer;
    }
    return camera;
}

static void replace_json(cJSON **place, const cJSON *value)
{
    cJSON_Delete(*place);
    *place = cJSON_Duplicate(value, true);
}

void serve_camera(struct connect_server *server, struct connect_decision *decision)
{
    const struct http_message *request = decision->request;
    if (decision->printer == NULL) {
        refuse(decision, http_header_value(request, "Token").size > 0 ? 403 : 401,
               "not a printer's token");
        return;
    }
    cJSON *body = cJSON_ParseWithLength(request->body.bytes, request->body.size);
    const char *fingerprint = json_string_of(body, "fingerprint");
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(body, "config");
    const cJSON *capabilities = cJSON_GetObjectItemCaseSensitive(body, "capabilities");
    bool good = fingerprint != NULL && *fingerprint != '\0' &&
                strlen(fingerprint) <= FINGERPRINT_BYTES_MAX && cJSON_IsObject(config) &&
                cJSON_IsArray(capabilities);
    struct connect_camera *camera =
        good ? camera_for(server, decision->printer, fingerprint) : NULL;
    if (camera == NULL) {
        cJSON_Delete(body);
        refuse(decision, good ? 503 : 400,
               good ? "too many cameras" : "expected config, capabilities and fingerprint");
        return;
    }
    replace_json(&camera->config, config);
    cJSON_DeleteItemFromObjectCaseSensitive(camera->config, "token");
    replace_json(&camera->capabilities, capabilities);
    cJSON_Delete(body);
    char token[TOKEN_CHARACTERS + 1];
    random_text(server->world, token, sizeof token);
    replace_text(&camera->token, token);
    camera->registrations++;
    connect_reply_answer(decision->reply, 200);
    connect_reply_set_header(decision->reply, "Token", token);
}

/* Width and height in a JPEG's frame header (ITU-T T.81, B.2.2); 0 when there is none. */
static void measure(struct connect_camera *camera)
{
    const unsigned char *bytes = (const unsigned char *)camera->picture.bytes;
    size_t size = camera->picture.size;
    camera->width = camera->height = 0;
    if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8) {
        return;
    }
    for (size_t at = 2; at + 9 < size && bytes[at] == 0xFF;) {
        unsigned marker = bytes[at + 1];
        bool frame =
            marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (frame) {
            camera->height = (unsigned)bytes[at + 5] << 8 | bytes[at + 6];
            camera->width = (unsigned)bytes[at + 7] << 8 | bytes[at + 8];
            return;
        }
        at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
}

void serve_snapshot(struct connect_server *server, struct connect_decision *decision)
{
    const struct http_message *request = decision->request;
    struct slice token = http_header_value(request, "Token");
    struct connect_camera *camera = find(server, http_header_value(request, "Fingerprint"));
    if (token.size == 0) {
        refuse(decision, 401, "no token");
        return;
    }
    if (camera == NULL || camera->token == NULL || !slice_is(token, camera->token)) {
        if (camera != NULL) {
            camera->refused++;
        }
        refuse(decision, 403, "unknown token, or not that camera's");
        return;
    }
    struct slice type = http_header_value(request, "Content-Type");
    if (!slice_is_nocase(type, "image/jpg") && !slice_is_nocase(type, "image/jpeg")) {
        camera->refused++;
        refuse(decision, 415, "expected image/jpg or image/jpeg");
        return;
    }
    if (request->body.size == 0 || request->body.size > CONNECT_PICTURE_BYTES_MAX) {
        camera->refused++;
        refuse(decision, request->body.size == 0 ? 400 : 413,
               "expected a picture of at most 4 MiB");
        return;
    }
    buffer_clear(&camera->picture);
    buffer_append(&camera->picture, request->body.bytes, request->body.size);
    measure(camera);
    camera->pictures++;
    camera->last_us = server->world->now_us;
    decision->printer = camera->printer;
    connect_reply_answer(decision->reply, 204);
}

cJSON *connect_camera_json(const struct connect_camera *camera)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "printer", camera->printer->number);
    cJSON_AddStringToObject(object, "fingerprint", camera->fingerprint);
    cJSON_AddBoolToObject(object, "registered", camera->token != NULL);
    cJSON_AddNumberToObject(object, "registrations", camera->registrations);
    cJSON_AddItemToObject(object, "config", cJSON_Duplicate(camera->config, true));
    cJSON_AddItemToObject(object, "capabilities", cJSON_Duplicate(camera->capabilities, true));
    cJSON_AddNumberToObject(object, "pictures", (double)camera->pictures);
    cJSON_AddNumberToObject(object, "refused", (double)camera->refused);
    if (camera->last_us >= 0) {
        cJSON_AddNumberToObject(object, "last_picture", (double)camera->last_us / 1e6);
        cJSON_AddNumberToObject(object, "bytes", (double)camera->picture.size);
        cJSON_AddNumberToObject(object, "width", camera->width);
        cJSON_AddNumberToObject(object, "height", camera->height);
    }
    return object;
}
