#ifndef HOTBED_LINK_PI_CAMERA_H
#define HOTBED_LINK_PI_CAMERA_H

#include "sim/protocol/connect/prusalink_camera.h"
#include "sim/protocol/link/pi.h"

/* What the files pi_camera*.c share. */

/* NULL: there is no Connect face, so nobody has cameras. */
struct connect_face *pi_camera_host(const struct link_request *request);
const struct connect_face_camera *pi_camera_find(const struct link_request *request,
                                                 const char *id);
/* The connected one of the path; NULL: answered. */
const struct connect_face_camera *pi_camera_connected(struct link_request *request);
/* {"message": …} with the camera's id in it. */
void pi_camera_say(struct link_request *request, int status, const char *format, const char *id)
    __attribute__((format(printf, 3, 0)));

#endif
