/* Cameras that are added, removed, registered with Connect (prusalink.md 3.13). */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/python.h"
#include "sim/protocol/link/pi_camera.h"

#define REGISTER_TURN    MILLISECONDS(200)
#define REGISTER_TIMEOUT SECONDS(5)

/* --- adding and removing --- */

static void repr(struct buffer *out, const struct cJSON *value)
{
    const struct cJSON *item;
    if (cJSON_IsString(value)) {
        python_repr(out, value->valuestring, strlen(value->valuestring));
    } else if (cJSON_IsArray(value) || cJSON_IsObject(value)) {
        bool object = cJSON_IsObject(value);
        buffer_append_char(out, object ? '{' : '[');
        cJSON_ArrayForEach(item, value)
        {
            buffer_append_text(out, item == value->child ? "" : ", ");
            if (object) {
                python_repr(out, item->string, strlen(item->string));
                buffer_append_text(out, ": ");
            }
            repr(out, item);
        }
        buffer_append_char(out, object ? '}' : ']');
    } else if (cJSON_IsNumber(value)) {
        buffer_format(out, "%.17g", value->valuedouble);
    } else {
        buffer_append_text(out, cJSON_IsNull(value)   ? "None"
                                : cJSON_IsTrue(value) ? "True"
                                                      : "False");
    }
}

static void refuse_config(struct link_request *request, const struct cJSON *config)
{
    struct buffer text = {0};
    repr(&text, config);
    pi_camera_say(
        request, 400,
        "Camera could not be created using the supplied config: Camera config is not valid %s",
        buffer_text(&text));
    buffer_free(&text);
}

static const char *text_of(const struct cJSON *config, const char *key)
{
    const struct cJSON *value = cJSON_GetObjectItemCaseSensitive(config, key);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* Set up a new one, or mend one that does not work. */
void pi_camera_post(struct link_request *request)
{
    const char *id = request->parameters[0];
    struct cJSON *body = pi_any_body(request);
    const struct cJSON *config = cJSON_GetObjectItemCaseSensitive(body, "config");
    const struct connect_face_camera *camera = pi_camera_find(request, id);
    struct connect_face *host = pi_camera_host(request);
    const char *name = text_of(config, "name"), *path = text_of(config, "path");
    const char *driver = text_of(config, "driver");
    bool known = driver != NULL && strcmp(driver, CONNECT_CAMERA_DRIVER) == 0;
    if (body != NULL && !cJSON_IsObject(body)) {
        pi_send_500(request);
    } else if (config == NULL || cJSON_IsNull(config)) {
        pi_camera_say(request, 400, "Configuration is missing. Cannot add a camera by ID alone.%s",
                      "");
    } else if (camera != NULL && camera->connected) {
        pi_camera_say(
            request, 409,
            "Camera with id: %s is already running, modification is not allowed. Delete it first",
            id);
    } else if (!known || name == NULL || path == NULL) {
        refuse_config(request, config);
    } else if (host == NULL || !connect_face_camera_add(host, id, name, path)) {
        pi_send_500(request);
    } else {
        pi_send_empty(request, 200);
    }
    cJSON_Delete(body);
}

void pi_camera_delete(struct link_request *request)
{
    const char *id = request->parameters[0];
    const struct connect_face_camera *camera = pi_camera_find(request, id);
    if (camera == NULL) {
        pi_camera_say(request, 404, "Camera with id: %s is not configured", id);
    } else if (camera->detected) {
        pi_camera_say(request, 409, "Cannot remove an auto-detected camera%s", "");
    } else {
        connect_face_camera_remove(pi_camera_host(request), id);
        pi_send_empty(request, 200);
    }
}

/* --- Connect --- */

struct registering {
    struct link_task task;
    struct timer turn;
    int64_t until_us;
    char *id;
};

static void forget_registering(struct link_task *task)
{
    struct registering *registering = (struct registering *)task;
    world_cancel(task->request->face->world, &registering->turn);
    free(registering->id);
    free(registering);
}

static void look(void *owner)
{
    struct registering *registering = owner;
    struct link_request *request = registering->task.request;
    const struct connect_face_camera *camera = pi_camera_find(request, registering->id);
    struct world *world = request->face->world;
    if (camera != NULL && connect_face_camera_registered(pi_camera_host(request), camera)) {
        pi_send_empty(request, 200);
    } else if (world->now_us > registering->until_us) {
        pi_camera_say(request, 408, "Timed out when registering camera: %s", registering->id);
    } else {
        world_arm_in(world, &registering->turn, REGISTER_TURN);
    }
}

void pi_camera_register(struct link_request *request)
{
    const struct connect_face_camera *camera = pi_camera_connected(request);
    if (camera == NULL) {
        return;
    }
    struct world *world = request->face->world;
    struct connect_face *host = pi_camera_host(request);
    if (connect_face_camera_registered(host, camera)) {
        pi_camera_say(request, 409, "Camera: %s is already registered.", camera->settings.id);
        return;
    }
    struct registering *registering = memory_new(sizeof *registering);
    *registering = (struct registering){.task = {.free = forget_registering, .request = request},
                                        .until_us = world->now_us + REGISTER_TIMEOUT,
                                        .id = memory_copy_text(camera->settings.id)};
    timer_init(&registering->turn, look, registering);
    request->task = &registering->task;
    connect_face_camera_register(host, registering->id);
    world_arm_in(world, &registering->turn, REGISTER_TURN);
}

void pi_camera_unregister(struct link_request *request)
{
    const struct connect_face_camera *camera = pi_camera_connected(request);
    if (camera == NULL) {
        return;
    }
    struct connect_face *host = pi_camera_host(request);
    if (!connect_face_camera_registered(host, camera)) {
        pi_camera_say(request, 409, "Cannot unregister a non-registered camera: %s",
                      camera->settings.id);
        return;
    }
    connect_face_camera_unregister(host, camera->settings.id);
    pi_send_empty(request, 200);
}
