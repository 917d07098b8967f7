#ifndef HOTBED_PROTOCOL_CONNECT_SDK_CAMERA_H
#define HOTBED_PROTOCOL_CONNECT_SDK_CAMERA_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/buffer.h"
#include "sim/protocol/connect/sdk.h"

/* Cameras of an SDK printer (connect-sdk.md 10): registered through the printer's queue, they send
 * pictures beside it with a token of their own. */

enum connect_trigger {
    CONNECT_TRIGGER_TEN_SEC,
    CONNECT_TRIGGER_THIRTY_SEC,
    CONNECT_TRIGGER_SIXTY_SEC,
    CONNECT_TRIGGER_EACH_LAYER,
    CONNECT_TRIGGER_FIFTH_LAYER,
    CONNECT_TRIGGER_MANUAL,
    CONNECT_TRIGGERS,
};

const char *connect_trigger_name(enum connect_trigger trigger); /* "TEN_SEC" */
bool connect_trigger_parse(const char *name, enum connect_trigger *trigger);

enum connect_capability {
    CONNECT_CAPABILITY_TRIGGER_SCHEME,
    CONNECT_CAPABILITY_IMAGING,
    CONNECT_CAPABILITY_RESOLUTION,
    CONNECT_CAPABILITY_ROTATION,
    CONNECT_CAPABILITY_EXPOSURE,
    CONNECT_CAPABILITY_FOCUS,
    CONNECT_CAPABILITIES,
};

const char *connect_capability_name(enum connect_capability capability); /* "trigger_scheme" */
int64_t connect_trigger_every_us(enum connect_trigger trigger);          /* 0: it is not timed */

struct connect_resolution {
    unsigned width, height;
};

enum {
    CONNECT_RESOLUTIONS_MAX = 8,
    CONNECT_CAMERA_ID_SIZE =
        13, /* 12 characters and NUL, as made of a plain id; others may be longer */
    CONNECT_PICTURES_WAITING =
        16, /* of one printer; the oldest goes then. The original keeps all */
};

struct connect_camera_settings {
    const char *id; /* connect_camera_id() of a plain id, or any */
    const char *name;
    enum connect_trigger trigger;
    enum connect_capability
        capabilities[CONNECT_CAPABILITIES]; /* in the order in which they are told */
    size_t capability_count;
    struct connect_resolution resolution;
    struct connect_resolution resolutions[CONNECT_RESOLUTIONS_MAX]; /* to choose from */
    size_t resolution_count;
    int rotation;           /* 0, 90, 180, 270 */
    double exposure, focus; /* -2 to 2; 0 to 1 */
    const char *token;      /* of an earlier registration; NULL: none */
    bool stored;            /* it stands in the ini file; else it was found at a port */
};

struct connect_camera_class {
    /* Take a picture: append its bytes. False: the camera is busy and skips its turn. */
    bool (*shoot)(void *owner, const struct connect_camera_settings *settings, struct buffer *jpeg);
    /* Registration was answered: `token` NULL when it failed. May be NULL. */
    void (*registered)(void *owner, const struct connect_camera_settings *settings,
                       const char *token);
    /* A picture was answered 401 or 403: the token is void. May be NULL. */
    void (*refused)(void *owner, const struct connect_camera_settings *settings);
};

/* "cam one" -> "CavnY_yrc7ES": BLAKE2b of 9 bytes in URL-safe base64 (10.2). */
void connect_camera_id(const char *plain_id, char id[CONNECT_CAMERA_ID_SIZE]);

/* Everything is copied. False: there is a camera with that id already. */
bool connect_sdk_add_camera(struct connect_sdk *sdk, const struct connect_camera_settings *settings,
                            const struct connect_camera_class *class, void *owner);
bool connect_sdk_remove_camera(struct connect_sdk *sdk, const char *id);
size_t connect_sdk_camera_count(const struct connect_sdk *sdk);
const struct connect_camera_settings *connect_sdk_camera(const struct connect_sdk *sdk,
                                                         size_t index);

/* The local user: false when there is no such camera. */
bool connect_sdk_register_camera(struct connect_sdk *sdk, const char *id); /* POST /p/camera */
bool connect_sdk_take_picture(struct connect_sdk *sdk, const char *id);
bool connect_sdk_set_trigger(struct connect_sdk *sdk, const char *id, enum connect_trigger trigger);
/* All of its settings, token and name as well; its id and what it can do stay. */
bool connect_sdk_set_camera(struct connect_sdk *sdk, const char *id,
                            const struct connect_camera_settings *settings);
/* NULL: there is none of that id. */
const struct connect_camera_settings *connect_sdk_find_camera(const struct connect_sdk *sdk,
                                                              const char *id);

void connect_sdk_layer_mark(struct connect_sdk *sdk); /* the print has passed a ;LAYER_CHANGE */

#endif
