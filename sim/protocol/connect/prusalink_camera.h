#ifndef HOTBED_PROTOCOL_CONNECT_PRUSALINK_CAMERA_H
#define HOTBED_PROTOCOL_CONNECT_PRUSALINK_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/protocol/connect/prusalink.h"

/* The cameras that a host program knows, as its user sees and changes them: those that are plugged
 * in and those that only stand in its ini file (SDK: prusa/connect/printer/camera_configurator.py).
 * What a virtual camera is plugged into is "/dev/video0" for the first of the face's settings, and
 * so on. */

#define CONNECT_CAMERA_DRIVER "V4L2" /* the only one without the libraries of a Pi's own camera */

enum {
    CONNECT_FACE_CAMERAS_MAX = 64, /* known at once; the original has no limit */
    CONNECT_CAMERA_SCAN_S = 30,    /* how often it looks for those that are gone */
};

struct connect_face_camera {
    struct connect_face_camera *next;        /* in their order */
    struct connect_camera_settings settings; /* as stored; texts are owned */
    char *driver, *path;
    bool detected;         /* plugged in */
    bool connected;        /* and it works */
    struct buffer picture; /* the last one; empty: none, or nobody wants to see them */
    int64_t taken_us;      /* wall clock */
};

/* The first of them, in order; of a face that has none, NULL. */
const struct connect_face_camera *connect_face_cameras(const struct connect_face *face);
const struct connect_face_camera *connect_face_camera(const struct connect_face *face,
                                                      const char *id);
/* Registered with Connect, as the program believes. */
bool connect_face_camera_registered(const struct connect_face *face,
                                    const struct connect_face_camera *camera);
/* From now on the last picture of each is kept. */
void connect_face_keep_pictures(struct connect_face *face);

/* The user, about a camera that is known, … */
void connect_face_camera_first(struct connect_face *face, const char *const *ids, size_t count);
bool connect_face_camera_remove(struct connect_face *face, const char *id);
/* … about one that is connected. False: it is not, or it can't take pictures. */
bool connect_face_camera_shoot(struct connect_face *face, const char *id);
bool connect_face_camera_register(struct connect_face *face, const char *id);
bool connect_face_camera_unregister(struct connect_face *face, const char *id);
/* False: a value that the camera does not take. It is disconnected then, until it is found again.
 */
bool connect_face_camera_set(struct connect_face *face, const char *id,
                             const struct connect_camera_settings *settings);
/* Only what it takes to find it stays. */
void connect_face_camera_reset(struct connect_face *face, const char *id);
/* … and about one that is not connected: with this name at this device. It works if there is such
 * a device and no other camera at it. False: there are too many. */
bool connect_face_camera_add(struct connect_face *face, const char *id, const char *name,
                             const char *path);

#endif
