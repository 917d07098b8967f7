#ifndef HOTBED_PRINTER_CAMERAS_H
#define HOTBED_PRINTER_CAMERAS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"
#include "sim/protocol/connect/sdk_camera.h"
#include "sim/protocol/connect/settings_ini.h"

/* The cameras that a printer is given, with the texts that they point into. Zeroed: none. */
struct printer_cameras {
    struct connect_camera_settings *list;
    size_t count;
    char **texts;
    size_t text_count;
};

/* "Bench cam[,THIRTY_SEC[,640x480]]". False with the reason. */
bool printer_cameras_add(struct printer_cameras *cameras, const char *text, struct error *error);
/* The sections camera::<id> (connect-sdk.md 10.3). False with the reason: "NAME: [camera::x]: …".
 */
bool printer_cameras_read(struct printer_cameras *cameras, const struct settings_ini *ini,
                          struct error *error);
void printer_cameras_free(struct printer_cameras *cameras);

#endif
