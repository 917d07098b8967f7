#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/picture.h"
#include "sim/protocol/connect/prusalink_camera.h"
#include "sim/protocol/connect/prusalink_face.h"

/* The cameras of a host: what they see is drawn from the machine, and what the ini file holds of
 * them stays there when the server refuses a token (connect-sdk.md 10.3, defect Q-20). */

static double share(double value, struct model_axis axis)
{
    return axis.max_mm > axis.min_mm ? (value - axis.min_mm) / (axis.max_mm - axis.min_mm) : 0.5;
}

static struct connect_face_camera *find(const struct connect_face *face, const char *id)
{
    struct connect_face_camera *camera = face->cameras;
    while (camera != NULL && strcmp(camera->settings.id, id) != 0) {
        camera = camera->next;
    }
    return camera;
}

static void keep_picture(struct connect_face *face, const char *id, const struct buffer *jpeg)
{
    struct connect_face_camera *camera = find(face, id);
    if (face->web != NULL && face->web->shows_pictures && camera != NULL) {
        buffer_clear(&camera->picture);
        buffer_append(&camera->picture, jpeg->bytes, jpeg->size);
        camera->taken_us = world_wall_us(face->world);
    }
}

static bool shoot(void *owner, const struct connect_camera_settings *settings, struct buffer *jpeg)
{
    struct connect_face *face = owner;
    const struct model *model = machine_model(face->machine);
    struct machine_readings readings;
    machine_read(face->machine, &readings);
    picture_draw(
        &(struct picture){
            .width = settings->resolution.width,
            .height = settings->resolution.height,
            .rotation = (unsigned)settings->rotation,
            .title = face->name,
            .state = printer_state_name(machine_state(face->machine)),
            .unix_s = world_wall_us(face->world) / 1000000,
            .nozzle_c = readings.nozzle_c,
            .bed_c = readings.bed_c,
            .x_share = share(readings.x_mm, model->axes[0]),
            .y_share = share(readings.y_mm, model->axes[1]),
            .layer = readings.job ? readings.layer : 0,
            .layer_count = readings.job ? readings.layer_count : 0,
            .progress_percent = readings.job ? readings.progress_percent : -1,
        },
        jpeg);
    keep_picture(face, settings->id, jpeg);
    return true;
}

/* --- what is stored of them --- */

static void set_text(const char **place, const char *text)
{
    char *copy = memory_copy_text(text);
    free((char *)(uintptr_t)*place);
    *place = copy;
}

static void registered(void *owner, const struct connect_camera_settings *settings,
                       const char *token)
{
    struct connect_face_camera *camera = find(owner, settings->id);
    if (camera != NULL && token != NULL) {
        set_text(&camera->settings.token, token);
        camera->settings.stored = true;
    }
}

static void refused(void *owner, const struct connect_camera_settings *settings)
{
    struct connect_face *face = owner;
    struct connect_face_camera *camera = find(face, settings->id);
    if (camera != NULL && !face_quirk(face, CONNECT_QUIRK_CAMERA)) {
        set_text(&camera->settings.token, NULL);
    }
}

static struct connect_face_camera *
append(struct connect_face *face, const struct connect_camera_settings *settings, const char *path)
{
    struct connect_face_camera **end = &face->cameras, *camera = memory_new(sizeof *camera);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *camera = (struct connect_face_camera){
        .settings = *settings,
        .driver = memory_copy_text(CONNECT_CAMERA_DRIVER),
        .path = memory_copy_text(path),
    };
    camera->settings.id = memory_copy_text(settings->id);
    camera->settings.name = memory_copy_text(settings->name);
    camera->settings.token = memory_copy_text(settings->token);
    *end = camera;
    return camera;
}

static void camera_free(struct connect_face_camera *camera)
{
    free((char *)(uintptr_t)camera->settings.id);
    free((char *)(uintptr_t)camera->settings.name);
    free((char *)(uintptr_t)camera->settings.token);
    free(camera->driver);
    free(camera->path);
    buffer_free(&camera->picture);
    free(camera);
}

/* --- which of them work --- */

static void device_path(size_t index, char out[32])
{
    snprintf(out, 32, "/dev/video%zu", index);
}

/* The settings of what is plugged in there; NULL: nothing is. */
static const struct connect_camera_settings *device_at(const struct connect_face *face,
                                                       const char *path)
{
    char device[32];
    for (size_t i = 0; i < face->settings->camera_count; i++) {
        device_path(i, device);
        if (strcmp(device, path) == 0) {
            return &face->settings->cameras[i];
        }
    }
    return NULL;
}

/* A camera that is found at a device has it; others come as they are loaded. */
static bool device_is_free(const struct connect_face *face, const struct connect_face_camera *wants)
{
    for (const struct connect_face_camera *camera = face->cameras; camera != NULL;
         camera = camera->next) {
        if (camera != wants && (camera->connected || camera->detected) &&
            strcmp(camera->path, wants->path) == 0) {
            return false;
        }
    }
    return device_at(face, wants->path) != NULL;
}

/* A newly loaded one takes a picture at once. */
static void load(struct connect_face *face, struct connect_face_camera *camera)
{
    static const struct connect_camera_class class = {
        .shoot = shoot, .registered = registered, .refused = refused};
    if (!camera->connected && device_is_free(face, camera)) {
        camera->connected = connect_sdk_add_camera(face->sdk, &camera->settings, &class, face);
        connect_sdk_take_picture(face->sdk, camera->settings.id);
    }
}

static void unload(struct connect_face *face, struct connect_face_camera *camera)
{
    connect_sdk_remove_camera(face->sdk, camera->settings.id);
    camera->connected = false;
}

static void load_all(struct connect_face *face)
{
    for (struct connect_face_camera *camera = face->cameras; camera != NULL;
         camera = camera->next) {
        load(face, camera);
    }
}

void face_cameras_begin(struct connect_face *face)
{
    char device[32];
    for (size_t i = 0; !face->cameras_known && i < face->settings->camera_count; i++) {
        device_path(i, device);
        append(face, &face->settings->cameras[i], device)->detected =
            !face->settings->cameras[i].stored;
    }
    face->cameras_known = true;
    for (struct connect_face_camera *camera = face->cameras; camera != NULL;
         camera = camera->next) {
        camera->connected = false; /* to this SDK it is not */
    }
    load_all(face);
}

void face_cameras_scan(void *owner)
{
    struct connect_face *face = owner;
    if (face->located) {
        load_all(face);
    }
}

void face_cameras_register(struct connect_face *face)
{
    for (size_t i = 0; face->settings->register_cameras && i < connect_sdk_camera_count(face->sdk);
         i++) {
        const struct connect_camera_settings *camera = connect_sdk_camera(face->sdk, i);
        if (camera->token == NULL) {
            connect_sdk_register_camera(face->sdk, camera->id);
        }
    }
}

void face_cameras_free(struct connect_face *face)
{
    while (face->cameras != NULL) {
        struct connect_face_camera *camera = face->cameras;
        face->cameras = camera->next;
        camera_free(camera);
    }
}

/* Layer marks are seen only in files of the host's own (10.4). */
void face_layer_changed(void *owner, uint32_t layer)
{
    struct connect_face *face = owner;
    const struct machine_job *job = machine_job(face->machine);
    (void)layer;
    if (job != NULL && !job->from_sd) {
        connect_sdk_layer_mark(face->sdk);
    }
}

/* --- the user --- */

const struct connect_face_camera *connect_face_cameras(const struct connect_face *face)
{
    return face->cameras;
}

const struct connect_face_camera *connect_face_camera(const struct connect_face *face,
                                                      const char *id)
{
    return find(face, id);
}

bool connect_face_camera_registered(const struct connect_face *face,
                                    const struct connect_face_camera *camera)
{
    return camera->connected &&
           connect_sdk_find_camera(face->sdk, camera->settings.id)->token != NULL;
}

void connect_face_keep_pictures(struct connect_face *face)
{
    face_web(face)->shows_pictures = true;
}

/* The named ones to the front; the others stay as they are (set_order()). */
void connect_face_camera_first(struct connect_face *face, const char *const *ids, size_t count)
{
    struct connect_face_camera *front = NULL, **end = &front;
    for (size_t i = 0; i < count; i++) {
        struct connect_face_camera **at = &face->cameras;
        while (*at != NULL && strcmp((*at)->settings.id, ids[i]) != 0) {
            at = &(*at)->next;
        }
        if (*at != NULL) {
            *end = *at;
            *at = (*at)->next;
            end = &(*end)->next;
        }
    }
    *end = face->cameras;
    face->cameras = front;
}

bool connect_face_camera_remove(struct connect_face *face, const char *id)
{
    struct connect_face_camera **at = &face->cameras;
    while (*at != NULL && strcmp((*at)->settings.id, id) != 0) {
        at = &(*at)->next;
    }
    struct connect_face_camera *gone = *at;
    if (gone == NULL) {
        return false;
    }
    unload(face, gone);
    *at = gone->next;
    camera_free(gone);
    return true;
}

bool connect_face_camera_shoot(struct connect_face *face, const char *id)
{
    const struct connect_camera_settings *settings = connect_sdk_find_camera(face->sdk, id);
    bool can = false;
    for (size_t i = 0; settings != NULL && i < settings->capability_count; i++) {
        can = can || settings->capabilities[i] == CONNECT_CAPABILITY_IMAGING;
    }
    return can && connect_sdk_take_picture(face->sdk, id);
}

bool connect_face_camera_register(struct connect_face *face, const char *id)
{
    return connect_sdk_register_camera(face->sdk, id);
}

/* What is stored of the token stays (connect-sdk.md 10.3, defect Q-20). */
bool connect_face_camera_unregister(struct connect_face *face, const char *id)
{
    const struct connect_camera_settings *settings = connect_sdk_find_camera(face->sdk, id);
    if (settings == NULL) {
        return false;
    }
    struct connect_camera_settings changed = *settings;
    changed.token = NULL;
    refused(face, settings);
    find(face, id)->settings.stored = true;
    return connect_sdk_set_camera(face->sdk, id, &changed);
}

static bool has_resolution(const struct connect_camera_settings *settings,
                           struct connect_resolution wanted)
{
    for (size_t i = 0; i < settings->resolution_count; i++) {
        if (settings->resolutions[i].width == wanted.width &&
            settings->resolutions[i].height == wanted.height) {
            return true;
        }
    }
    return false;
}

/* What each setting may be (connect-sdk.md 10.5). */
static bool takes(const struct connect_camera_settings *camera,
                  const struct connect_camera_settings *wanted)
{
    bool rotation = wanted->rotation >= 0 && wanted->rotation <= 270 && wanted->rotation % 90 == 0;
    return has_resolution(camera, wanted->resolution) && rotation && wanted->exposure >= -2 &&
           wanted->exposure <= 2 && wanted->focus >= 0 && wanted->focus <= 1;
}

bool connect_face_camera_set(struct connect_face *face, const char *id,
                             const struct connect_camera_settings *settings)
{
    struct connect_face_camera *camera = find(face, id);
    if (!takes(&camera->settings, settings)) {
        unload(face, camera);
        int64_t turn_us = SECONDS(CONNECT_CAMERA_SCAN_S);
        world_arm_in(face->world, &face_web(face)->scan, turn_us - face->world->now_us % turn_us);
        return false;
    }
    connect_sdk_set_camera(face->sdk, id, settings);
    camera->settings.trigger = settings->trigger;
    camera->settings.resolution = settings->resolution;
    camera->settings.rotation = settings->rotation;
    camera->settings.exposure = settings->exposure;
    camera->settings.focus = settings->focus;
    set_text(&camera->settings.name, settings->name);
    if (settings->token != NULL) {
        set_text(&camera->settings.token, settings->token);
    }
    camera->settings.stored = true;
    return true;
}

/* As a camera is when it is first found. */
static void set_defaults(struct connect_camera_settings *settings,
                         const struct connect_camera_settings *device)
{
    settings->trigger = CONNECT_TRIGGER_THIRTY_SEC;
    settings->rotation = 0;
    settings->exposure = settings->focus = 0;
    if (device != NULL) {
        settings->resolution = device->resolution;
        memcpy(settings->resolutions, device->resolutions, sizeof settings->resolutions);
        settings->resolution_count = device->resolution_count;
        memcpy(settings->capabilities, device->capabilities, sizeof settings->capabilities);
        settings->capability_count = device->capability_count;
    }
}

bool connect_face_camera_add(struct connect_face *face, const char *id, const char *name,
                             const char *path)
{
    size_t count = 0;
    for (const struct connect_face_camera *camera = face->cameras; camera != NULL;
         camera = camera->next) {
        count++;
    }
    struct connect_face_camera *camera = find(face, id);
    if (camera == NULL && count == CONNECT_FACE_CAMERAS_MAX) {
        return false;
    }
    if (camera == NULL) {
        const struct connect_camera_settings settings = {.id = id, .name = name};
        camera = append(face, &settings, path);
    } else {
        char *copy = memory_copy_text(path);
        free(camera->path);
        camera->path = copy;
        set_text(&camera->settings.name, name);
    }
    set_defaults(&camera->settings, device_at(face, path));
    camera->settings.stored = true;
    load(face, camera);
    return true;
}

void connect_face_camera_reset(struct connect_face *face, const char *id)
{
    struct connect_face_camera *camera = find(face, id), **at = &face->cameras;
    unload(face, camera);
    set_text(&camera->settings.token, NULL);
    buffer_clear(&camera->picture);
    set_defaults(&camera->settings, device_at(face, camera->path));
    camera->settings.stored = true;
    if (!camera->detected) { /* it is forgotten and added anew: behind the others */
        while (*at != camera) {
            at = &(*at)->next;
        }
        *at = camera->next;
        camera->next = NULL;
        while (*at != NULL) {
            at = &(*at)->next;
        }
        *at = camera;
    }
    load(face, camera);
}
