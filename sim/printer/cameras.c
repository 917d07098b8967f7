#include "sim/printer/cameras.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/picture.h"

enum { WIDTH_USUAL = 640, HEIGHT_USUAL = 480 };

static const char section_prefix[] = "camera::";

static const char *keep(struct printer_cameras *cameras, char *text)
{
    cameras->texts =
        memory_resize(cameras->texts, (cameras->text_count + 1) * sizeof *cameras->texts);
    cameras->texts[cameras->text_count++] = text;
    return text;
}

/* With the capabilities that PrusaLink's drivers offer (connect-sdk.md 10.3). */
static struct connect_camera_settings *add(struct printer_cameras *cameras, const char *id,
                                           const char *name)
{
    cameras->list = memory_resize(cameras->list, (cameras->count + 1) * sizeof *cameras->list);
    struct connect_camera_settings *camera = &cameras->list[cameras->count++];
    *camera = (struct connect_camera_settings){
        .id = keep(cameras, memory_copy_text(id)),
        .name = keep(cameras, memory_copy_text(name)),
        .trigger = CONNECT_TRIGGER_THIRTY_SEC,
        .capabilities = {CONNECT_CAPABILITY_TRIGGER_SCHEME, CONNECT_CAPABILITY_IMAGING,
                         CONNECT_CAPABILITY_RESOLUTION, CONNECT_CAPABILITY_ROTATION},
        .capability_count = 4,
        .resolution = {WIDTH_USUAL, HEIGHT_USUAL},
        .resolution_count = 1,
    };
    camera->resolutions[0] = camera->resolution;
    return camera;
}

static bool set_scheme(struct connect_camera_settings *camera, const char *text,
                       struct error *error)
{
    return connect_trigger_parse(text, &camera->trigger) ||
           error_set(error,
                     "\"%s\" is no trigger scheme: expected TEN_SEC, THIRTY_SEC, SIXTY_SEC, "
                     "EACH_LAYER, FIFTH_LAYER or MANUAL",
                     text);
}

static bool set_resolution(struct connect_camera_settings *camera, const char *text,
                           struct error *error)
{
    char *end;
    unsigned long width = strtoul(text, &end, 10), height = 0;
    if (*end == 'x') {
        height = strtoul(end + 1, &end, 10);
    }
    if (*end != '\0' || width < PICTURE_SIDE_MIN || width > PICTURE_SIDE_MAX ||
        height < PICTURE_SIDE_MIN || height > PICTURE_SIDE_MAX) {
        return error_set(error,
                         "resolution \"%s\": expected one like 640x480, with sides of %d to %d",
                         text, PICTURE_SIDE_MIN, PICTURE_SIDE_MAX);
    }
    camera->resolution = camera->resolutions[0] =
        (struct connect_resolution){(unsigned)width, (unsigned)height};
    return true;
}

bool printer_cameras_add(struct printer_cameras *cameras, const char *text, struct error *error)
{
    char *name = memory_copy_text(text), *scheme = strchr(name, ','), *resolution = NULL;
    if (scheme != NULL) {
        *scheme++ = '\0';
        resolution = strchr(scheme, ',');
    }
    if (resolution != NULL) {
        *resolution++ = '\0';
    }
    char id[CONNECT_CAMERA_ID_SIZE];
    connect_camera_id(name, id);
    bool known = false;
    for (size_t i = 0; i < cameras->count; i++) {
        known = known || strcmp(cameras->list[i].id, id) == 0;
    }
    bool good = *name != '\0' || error_set(error, "a camera needs a name");
    good = good && (!known || error_set(error, "there is a camera \"%s\" already", name));
    if (good) {
        struct connect_camera_settings *camera = add(cameras, id, name);
        good = (scheme == NULL || set_scheme(camera, scheme, error)) &&
               (resolution == NULL || set_resolution(camera, resolution, error));
    }
    free(name);
    return good;
}

/* A number of the file; `value` stays what it was when there is none. */
static bool read_number(const struct settings_ini *ini, const char *section, const char *key,
                        double least, double most, double *value, struct error *error)
{
    const char *text = settings_ini_get(ini, section, key);
    char *end;
    if (text == NULL) {
        return true;
    }
    *value = strtod(text, &end);
    return (end != text && *end == '\0' && *value >= least && *value <= most) ||
           error_set(error, "%s \"%s\": expected %g to %g", key, text, least, most);
}

static bool read_camera(struct printer_cameras *cameras, const struct settings_ini *ini,
                        const char *section, struct error *error)
{
    const char *id = section + sizeof section_prefix - 1;
    const char *name = settings_ini_get(ini, section, "name");
    struct connect_camera_settings *camera = add(cameras, id, name != NULL ? name : id);
    const char *scheme = settings_ini_get(ini, section, "trigger_scheme");
    const char *resolution = settings_ini_get(ini, section, "resolution");
    const char *token = settings_ini_get(ini, section, "token");
    double rotation = 0;
    camera->stored = true;
    if (token != NULL && *token != '\0') {
        camera->token = keep(cameras, memory_copy_text(token));
    }
    if ((scheme != NULL && !set_scheme(camera, scheme, error)) ||
        (resolution != NULL && !set_resolution(camera, resolution, error)) ||
        !read_number(ini, section, "rotation", 0, 270, &rotation, error) ||
        !read_number(ini, section, "exposure", -2, 2, &camera->exposure, error) ||
        !read_number(ini, section, "focus", 0, 1, &camera->focus, error)) {
        return false;
    }
    camera->rotation = (int)rotation;
    if (settings_ini_get(ini, section, "exposure") != NULL) {
        camera->capabilities[camera->capability_count++] = CONNECT_CAPABILITY_EXPOSURE;
    }
    if (settings_ini_get(ini, section, "focus") != NULL) {
        camera->capabilities[camera->capability_count++] = CONNECT_CAPABILITY_FOCUS;
    }
    return fmod(rotation, 90) == 0 || error_set(error, "rotation: expected 0, 90, 180 or 270");
}

bool printer_cameras_read(struct printer_cameras *cameras, const struct settings_ini *ini,
                          struct error *error)
{
    const char *section;
    for (size_t i = 0; (section = settings_ini_section(ini, i)) != NULL; i++) {
        if (strncmp(section, section_prefix, sizeof section_prefix - 1) == 0 &&
            !read_camera(cameras, ini, section, error)) {
            char prefix[120];
            snprintf(prefix, sizeof prefix, "[%.100s]", section);
            return error_prefix(error, "%s", prefix);
        }
    }
    return true;
}

void printer_cameras_free(struct printer_cameras *cameras)
{
    for (size_t i = 0; i < cameras->text_count; i++) {
        free(cameras->texts[i]);
    }
    free(cameras->texts);
    free(cameras->list);
    *cameras = (struct printer_cameras){0};
}
