#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "sim/protocol/connect/sdk_camera.h"
#include "sim/protocol/connect/sdk_state.h"
#include "tests/golden/sdk_host.h"

/* The cameras of captures 60 and 61, as their registrations show them. */

enum { PICTURE_BYTES = 2680 };

static bool shoot(void *owner, const struct connect_camera_settings *settings, struct buffer *jpeg)
{
    static const char byte = 'j'; /* the captures don't show the pictures */
    (void)owner;
    (void)settings;
    for (int i = 0; i < PICTURE_BYTES; i++) {
        buffer_append_char(jpeg, byte);
    }
    return true;
}

static const struct connect_camera_class camera_class = {.shoot = shoot};

static struct connect_resolution resolution_of(const cJSON *object)
{
    const cJSON *width = cJSON_GetObjectItemCaseSensitive(object, "width");
    const cJSON *height = cJSON_GetObjectItemCaseSensitive(object, "height");
    return width == NULL || height == NULL
               ? (struct connect_resolution){0}
               : (struct connect_resolution){(unsigned)width->valueint, (unsigned)height->valueint};
}

static void add(struct sdk_host *host, const cJSON *body)
{
    static const char *const names[] = {"trigger_scheme", "imaging",  "resolution",
                                        "rotation",       "exposure", "focus"};
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(body, "config"), *item = NULL;
    struct connect_camera_settings settings = {
        .id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "camera_id")),
        .name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "name")),
        .resolution = resolution_of(cJSON_GetObjectItemCaseSensitive(config, "resolution")),
        .token = strncmp(host->name, "61-", 3) == 0 ? "camTOKEN1234567890AB" : NULL,
    };
    connect_trigger_parse(
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "trigger_scheme")),
        &settings.trigger);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "capabilities"))
    {
        for (int i = 0; i < CONNECT_CAPABILITIES; i++) {
            if (strcmp(item->valuestring, names[i]) == 0) {
                settings.capabilities[settings.capability_count++] = (enum connect_capability)i;
            }
        }
    }
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(body, "options");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(options, "available_resolutions"))
    {
        settings.resolutions[settings.resolution_count++] = resolution_of(item);
    }
    connect_sdk_add_camera(host->sdk, &settings, &camera_class, host);
}

void sdk_host_add_cameras(struct sdk_host *host)
{
    enum { PROGRAM_START_US = 55000 }; /* of capture 60 */
    const struct capture *capture = &host->replay->capture;
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_entry *entry = &capture->entries[i];
        if (entry->kind == CAPTURE_REQUEST && strncmp(entry->bytes, "POST /p/camera ", 15) == 0) {
            cJSON *body = cJSON_ParseWithLength(entry->body, entry->body_size);
            add(host, body);
            cJSON_Delete(body);
        }
    }
    if (connect_sdk_camera_count(host->sdk) > 0) {
        sdk_cameras_count_from(host->sdk, PROGRAM_START_US);
    }
}

bool sdk_host_camera_note(struct sdk_host *host, const char *note)
{
    if (connect_sdk_camera_count(host->sdk) == 0) {
        return false;
    }
    const char *id = connect_sdk_camera(host->sdk, 0)->id;
    if (strstr(note, "takes a picture") != NULL) {
        return connect_sdk_take_picture(host->sdk, id);
    }
    if (strstr(note, "registers the camera") != NULL) {
        return connect_sdk_register_camera(host->sdk, id);
    }
    return strstr(note, "trigger scheme of camera 1 to TEN_SEC") != NULL &&
           connect_sdk_set_trigger(host->sdk, id, CONNECT_TRIGGER_TEN_SEC);
}

void sdk_host_register_camera(struct sdk_host *host, const struct capture_entry *request)
{
    cJSON *body = cJSON_ParseWithLength(request->body, request->body_size);
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(body, "config");
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(config, "camera_id"));
    connect_sdk_register_camera(host->sdk, id);
    cJSON_Delete(body);
}
