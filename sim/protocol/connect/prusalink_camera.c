#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/picture.h"
#include "sim/protocol/connect/prusalink_face.h"

/* The cameras of a host: what they see is drawn from the machine, and what the ini file holds of them stays there when
 * the server refuses a token (connect-sdk.md 10.3, defect Q-20). */

static double share(double value, struct model_axis axis)
{
    return axis.max_mm > axis.min_mm ? (value - axis.min_mm) / (axis.max_mm - axis.min_mm) : 0.5;
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
    return true;
}

static char **token_on_disk(struct connect_face *face, const struct connect_camera_settings *settings)
{
    for (size_t i = 0; i < face->settings->camera_count; i++) {
        if (strcmp(face->settings->cameras[i].id, settings->id) == 0) {
            return &face->camera_tokens[i];
        }
    }
    return NULL;
}

static void registered(void *owner, const struct connect_camera_settings *settings, const char *token)
{
    char **kept = token_on_disk(owner, settings);
    if (kept != NULL && token != NULL) {
        free(*kept);
        *kept = memory_copy_text(token);
    }
}

static void refused(void *owner, const struct connect_camera_settings *settings)
{
    struct connect_face *face = owner;
    char **kept = token_on_disk(face, settings);
    if (kept != NULL && !face_quirk(face, CONNECT_QUIRK_CAMERA)) {
        free(*kept);
        *kept = NULL;
    }
}

void face_cameras_begin(struct connect_face *face)
{
    static const struct connect_camera_class class = {
        .shoot = shoot, .registered = registered, .refused = refused};
    size_t count = face->settings->camera_count;
    bool first = face->camera_tokens == NULL && count > 0;
    if (first) {
        face->camera_tokens = memory_new_array(count, sizeof *face->camera_tokens);
    }
    for (size_t i = 0; i < count; i++) {
        struct connect_camera_settings camera = face->settings->cameras[i];
        if (first) {
            face->camera_tokens[i] = memory_copy_text(camera.token);
        }
        camera.token = face->camera_tokens[i];
        if (connect_sdk_add_camera(face->sdk, &camera, &class, face)) {
            connect_sdk_take_picture(face->sdk, camera.id); /* a newly loaded one takes one at once */
        }
    }
}

void face_cameras_register(struct connect_face *face)
{
    for (size_t i = 0; face->settings->register_cameras && i < connect_sdk_camera_count(face->sdk); i++) {
        const struct connect_camera_settings *camera = connect_sdk_camera(face->sdk, i);
        if (camera->token == NULL) {
            connect_sdk_register_camera(face->sdk, camera->id);
        }
    }
}

void face_cameras_free(struct connect_face *face)
{
    for (size_t i = 0; face->camera_tokens != NULL && i < face->settings->camera_count; i++) {
        free(face->camera_tokens[i]);
    }
    free(face->camera_tokens);
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
