#include "sim/protocol/connect/sdk_camera.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/protocol/connect/sdk_state.h"

/* Cameras: their registration, when they take pictures, and what becomes of their tokens.
 * SDK: prusa/connect/printer/camera_controller.py, models.py */

struct sdk_camera {
    struct connect_camera_settings settings; /* texts are owned */
    const struct connect_camera_class *class;
    void *owner;
    char fingerprint[65];
    struct sdk_camera *next;
};

struct sdk_cameras {
    struct connect_sdk *sdk;
    struct sdk_camera *first;
    struct timer timer;
    int64_t since_us;     /* the timed schemes count from here */
    int64_t due_us;       /* what the timer is set to */
    unsigned layer_marks; /* runs on from one print to the next */
};

static const struct {
    const char *name;
    int64_t every_us; /* 0: not timed */
} triggers[CONNECT_TRIGGERS] = {
    [CONNECT_TRIGGER_TEN_SEC] = {"TEN_SEC", SECONDS(10)},
    [CONNECT_TRIGGER_THIRTY_SEC] = {"THIRTY_SEC", SECONDS(30)},
    [CONNECT_TRIGGER_SIXTY_SEC] = {"SIXTY_SEC", SECONDS(60)},
    [CONNECT_TRIGGER_EACH_LAYER] = {"EACH_LAYER", 0},
    [CONNECT_TRIGGER_FIFTH_LAYER] = {"FIFTH_LAYER", 0},
    [CONNECT_TRIGGER_MANUAL] = {"MANUAL", 0},
};

const char *connect_trigger_name(enum connect_trigger trigger)
{
    return triggers[trigger].name;
}

const char *connect_capability_name(enum connect_capability capability)
{
    static const char *const names[CONNECT_CAPABILITIES] = {
        [CONNECT_CAPABILITY_TRIGGER_SCHEME] = "trigger_scheme",
        [CONNECT_CAPABILITY_IMAGING] = "imaging",
        [CONNECT_CAPABILITY_RESOLUTION] = "resolution",
        [CONNECT_CAPABILITY_ROTATION] = "rotation",
        [CONNECT_CAPABILITY_EXPOSURE] = "exposure",
        [CONNECT_CAPABILITY_FOCUS] = "focus",
    };
    return names[capability];
}

int64_t connect_trigger_every_us(enum connect_trigger trigger)
{
    return triggers[trigger].every_us;
}

bool connect_trigger_parse(const char *name, enum connect_trigger *trigger)
{
    for (int i = 0; i < CONNECT_TRIGGERS; i++) {
        if (strcmp(triggers[i].name, name) == 0) {
            *trigger = (enum connect_trigger)i;
            return true;
        }
    }
    return false;
}

/* OpenSSL's BLAKE2b has no choice of length before version 3.2, and a shorter digest is no part of
 * a longer one. */
void connect_camera_id(const char *plain_id, char id[CONNECT_CAMERA_ID_SIZE])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char digest[9];
    sdk_blake2b(plain_id, strlen(plain_id), digest, sizeof digest);
    for (size_t i = 0; i < 3; i++) {
        uint32_t group =
            (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
        for (size_t k = 0; k < 4; k++) {
            id[4 * i + k] = alphabet[group >> (18 - 6 * k) & 63];
        }
    }
    id[12] = '\0';
}

/* ---- pictures ---- */

static void shoot(struct connect_sdk *sdk, struct sdk_camera *camera)
{
    const struct connect_camera_settings *settings = &camera->settings;
    struct buffer jpeg = {0};
    if (!camera->class->shoot(camera->owner, settings, &jpeg) || jpeg.size == 0 ||
        settings->token == NULL) {
        buffer_free(&jpeg);
        return; /* a picture without a token is thrown away */
    }
    sdk_send_picture(sdk, camera->fingerprint, settings->token, &jpeg);
}

static bool can_shoot(const struct sdk_camera *camera)
{
    for (size_t i = 0; i < camera->settings.capability_count; i++) {
        if (camera->settings.capabilities[i] == CONNECT_CAPABILITY_IMAGING) {
            return true;
        }
    }
    return false;
}

static void fire(struct sdk_cameras *cameras, enum connect_trigger trigger)
{
    for (struct sdk_camera *camera = cameras->first; camera != NULL; camera = camera->next) {
        if (camera->settings.trigger == trigger && can_shoot(camera)) {
            shoot(cameras->sdk, camera);
        }
    }
}

/* The next instant at which a scheme that some camera has is due. */
static void arm(struct sdk_cameras *cameras)
{
    int64_t now_us = cameras->sdk->world->now_us, next_us = INT64_MAX;
    for (struct sdk_camera *camera = cameras->first; camera != NULL; camera = camera->next) {
        int64_t every_us = triggers[camera->settings.trigger].every_us;
        if (every_us > 0) {
            int64_t due_us =
                cameras->since_us + ((now_us - cameras->since_us) / every_us + 1) * every_us;
            next_us = due_us < next_us ? due_us : next_us;
        }
    }
    if (next_us == INT64_MAX) {
        world_cancel(cameras->sdk->world, &cameras->timer);
    } else {
        cameras->due_us = next_us;
        world_arm(cameras->sdk->world, &cameras->timer, next_us);
    }
}

static void turn(void *owner)
{
    struct sdk_cameras *cameras = owner;
    int64_t since_us =
        cameras->due_us - cameras->since_us; /* on a wall clock it is a little later now */
    for (int i = 0; i < CONNECT_TRIGGERS; i++) {
        if (triggers[i].every_us > 0 && since_us % triggers[i].every_us == 0) {
            fire(cameras, (enum connect_trigger)i);
        }
    }
    arm(cameras);
}

void connect_sdk_layer_mark(struct connect_sdk *sdk)
{
    if (sdk->cameras == NULL) {
        return;
    }
    sdk->cameras->layer_marks++;
    fire(sdk->cameras, CONNECT_TRIGGER_EACH_LAYER);
    if (sdk->cameras->layer_marks % 5 == 0) {
        fire(sdk->cameras, CONNECT_TRIGGER_FIFTH_LAYER);
    }
}

/* ---- the cameras ---- */

void sdk_cameras_count_from(struct connect_sdk *sdk, int64_t since_us)
{
    if (sdk->cameras == NULL) {
        sdk->cameras = memory_new(sizeof *sdk->cameras);
        sdk->cameras->sdk = sdk;
        timer_init(&sdk->cameras->timer, turn, sdk->cameras);
    }
    sdk->cameras->since_us = since_us;
}

static struct sdk_camera *find(const struct connect_sdk *sdk, const char *id)
{
    struct sdk_camera *camera = sdk->cameras == NULL ? NULL : sdk->cameras->first;
    while (camera != NULL && strcmp(camera->settings.id, id) != 0) {
        camera = camera->next;
    }
    return camera;
}

static void set_token(struct sdk_camera *camera, const char *token)
{
    char *copy = memory_copy_text(token);
    free((char *)(uintptr_t)camera->settings.token);
    camera->settings.token = copy;
}

static void camera_free(struct sdk_camera *camera)
{
    set_token(camera, NULL);
    free((char *)(uintptr_t)camera->settings.id);
    free((char *)(uintptr_t)camera->settings.name);
    free(camera);
}

bool connect_sdk_add_camera(struct connect_sdk *sdk, const struct connect_camera_settings *settings,
                            const struct connect_camera_class *class, void *owner)
{
    if (find(sdk, settings->id) != NULL) {
        return false;
    }
    if (sdk->cameras == NULL) {
        sdk_cameras_count_from(sdk, sdk->began_us);
    }
    struct sdk_camera *camera = memory_new(sizeof *camera);
    camera->settings = *settings;
    camera->settings.id = memory_copy_text(settings->id);
    camera->settings.name = memory_copy_text(settings->name);
    camera->settings.token = memory_copy_text(settings->token);
    camera->class = class;
    camera->owner = owner;
    connect_fingerprint_of(settings->id, camera->fingerprint);
    struct sdk_camera **end = &sdk->cameras->first;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = camera;
    arm(sdk->cameras);
    return true;
}

bool connect_sdk_remove_camera(struct connect_sdk *sdk, const char *id)
{
    struct sdk_camera *camera = find(sdk, id);
    if (camera == NULL) {
        return false;
    }
    struct sdk_camera **at = &sdk->cameras->first;
    while (*at != camera) {
        at = &(*at)->next;
    }
    *at = camera->next;
    camera_free(camera);
    arm(sdk->cameras);
    return true;
}

void sdk_cameras_free(struct connect_sdk *sdk)
{
    if (sdk->cameras == NULL) {
        return;
    }
    world_cancel(sdk->world, &sdk->cameras->timer);
    while (sdk->cameras->first != NULL) {
        struct sdk_camera *camera = sdk->cameras->first;
        sdk->cameras->first = camera->next;
        camera_free(camera);
    }
    free(sdk->cameras);
    sdk->cameras = NULL;
}

size_t connect_sdk_camera_count(const struct connect_sdk *sdk)
{
    size_t count = 0;
    const struct sdk_camera *camera = sdk->cameras == NULL ? NULL : sdk->cameras->first;
    for (; camera != NULL; camera = camera->next) {
        count++;
    }
    return count;
}

const struct connect_camera_settings *connect_sdk_camera(const struct connect_sdk *sdk,
                                                         size_t index)
{
    const struct sdk_camera *camera = sdk->cameras->first;
    while (index-- > 0) {
        camera = camera->next;
    }
    return &camera->settings;
}

bool connect_sdk_take_picture(struct connect_sdk *sdk, const char *id)
{
    struct sdk_camera *camera = find(sdk, id);
    if (camera != NULL && can_shoot(camera)) {
        shoot(sdk, camera);
    }
    return camera != NULL;
}

bool connect_sdk_set_trigger(struct connect_sdk *sdk, const char *id, enum connect_trigger trigger)
{
    struct sdk_camera *camera = find(sdk, id);
    if (camera != NULL) {
        camera->settings.trigger = trigger;
        arm(sdk->cameras);
    }
    return camera != NULL;
}

bool connect_sdk_set_camera(struct connect_sdk *sdk, const char *id,
                            const struct connect_camera_settings *settings)
{
    struct sdk_camera *camera = find(sdk, id);
    if (camera == NULL) {
        return false;
    }
    char *name = memory_copy_text(settings->name), *token = memory_copy_text(settings->token);
    free((char *)(uintptr_t)camera->settings.name);
    free((char *)(uintptr_t)camera->settings.token);
    camera->settings.name = name;
    camera->settings.token = token;
    camera->settings.trigger = settings->trigger;
    camera->settings.resolution = settings->resolution;
    camera->settings.rotation = settings->rotation;
    camera->settings.exposure = settings->exposure;
    camera->settings.focus = settings->focus;
    arm(sdk->cameras);
    return true;
}

const struct connect_camera_settings *connect_sdk_find_camera(const struct connect_sdk *sdk,
                                                              const char *id)
{
    const struct sdk_camera *camera = find(sdk, id);
    return camera == NULL ? NULL : &camera->settings;
}

/* ---- registration ---- */

static void write_resolution(struct json_writer *json, const char *key,
                             struct connect_resolution resolution)
{
    json_object(json, key);
    json_int(json, "width", resolution.width);
    json_int(json, "height", resolution.height);
    json_object_end(json);
}

/* The order of what the camera can do is that of its set of capabilities, which is no order (10.1).
 */
static void write_config(struct json_writer *json, const struct connect_camera_settings *settings)
{
    json_object(json, "config");
    for (size_t i = 0; i < settings->capability_count; i++) {
        switch (settings->capabilities[i]) {
        case CONNECT_CAPABILITY_TRIGGER_SCHEME:
            json_string(json, "trigger_scheme", triggers[settings->trigger].name);
            break;
        case CONNECT_CAPABILITY_RESOLUTION:
            write_resolution(json, "resolution", settings->resolution);
            break;
        case CONNECT_CAPABILITY_ROTATION:
            json_int(json, "rotation", settings->rotation);
            break;
        case CONNECT_CAPABILITY_EXPOSURE:
            json_float(json, "exposure", settings->exposure);
            break;
        case CONNECT_CAPABILITY_FOCUS:
            json_float(json, "focus", settings->focus);
            break;
        case CONNECT_CAPABILITY_IMAGING:
        case CONNECT_CAPABILITIES:
            break;
        }
    }
    json_string(json, "name", settings->name);
    if (settings->token != NULL) {
        json_string(json, "token", settings->token);
    }
    json_string(json, "camera_id", settings->id);
    json_object_end(json);
}

static void write_registration(const struct sdk_camera *camera, struct buffer *body)
{
    const struct connect_camera_settings *settings = &camera->settings;
    struct json_writer json;
    json_begin(&json, body, JSON_PYTHON);
    json_object(&json, NULL);
    write_config(&json, settings);
    json_object(&json, "options");
    json_array(&json, "available_resolutions");
    for (size_t i = 0; i < settings->resolution_count; i++) {
        write_resolution(&json, NULL, settings->resolutions[i]);
    }
    json_array_end(&json);
    json_object_end(&json);
    json_array(&json, "capabilities");
    for (size_t i = 0; i < settings->capability_count; i++) {
        json_string(&json, NULL, connect_capability_name(settings->capabilities[i]));
    }
    json_array_end(&json);
    json_string(&json, "fingerprint", camera->fingerprint);
    json_object_end(&json);
}

bool connect_sdk_register_camera(struct connect_sdk *sdk, const char *id)
{
    struct sdk_camera *camera = find(sdk, id);
    if (camera == NULL) {
        return false;
    }
    struct sdk_item *item = sdk_item_new(sdk, SDK_CAMERA, NULL);
    write_registration(camera, &item->body);
    item->camera_id = memory_copy_text(id);
    sdk_put(sdk, item);
    return true;
}

/* The camera may be gone by now. */
void sdk_camera_answered(struct connect_sdk *sdk, const struct sdk_item *item,
                         const struct http_message *message)
{
    struct sdk_camera *camera = find(sdk, item->camera_id);
    if (camera == NULL) {
        return;
    }
    struct slice token =
        message == NULL ? (struct slice){NULL, 0} : http_header_value(message, "Token");
    bool good = message != NULL && message->status == 200 && token.size > 0;
    if (good) {
        char *text = memory_copy_slice(token.bytes, token.size);
        set_token(camera, text);
        free(text);
    }
    if (camera->class->registered != NULL) {
        camera->class->registered(camera->owner, &camera->settings,
                                  good ? camera->settings.token : NULL);
    }
}

void sdk_camera_refused(struct connect_sdk *sdk, const char *fingerprint)
{
    struct sdk_camera *camera = sdk->cameras == NULL ? NULL : sdk->cameras->first;
    for (; camera != NULL; camera = camera->next) {
        if (strcmp(camera->fingerprint, fingerprint) == 0) {
            set_token(camera, NULL); /* what is on disk is the host's business */
            if (camera->class->refused != NULL) {
                camera->class->refused(camera->owner, &camera->settings);
            }
        }
    }
}
