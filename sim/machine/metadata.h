#ifndef HOTBED_MACHINE_METADATA_H
#define HOTBED_MACHINE_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/machine/storage.h"

/* What PrusaLink and the SDK tell about a plain g-code file or an SL1 project: the dictionary of
 * gcode-metadata, with its names, types and order (file-formats.md 2.1, 6; gcode-metadata:
 * gcode_metadata/metadata.py). Of binary g-code they know nothing. */

enum {
    METADATA_HEAD_BYTES = 800000, /* read from the beginning */
    METADATA_TAIL_BYTES = 40000,  /* and from the end */
    METADATA_ITEMS_MAX = 64,
    METADATA_THUMBNAILS_MAX = 64,
};

struct metadata_item {
    char *key;
    char *json; /* the value as JSON text, Python's style */
};

struct metadata_thumbnail {
    char *key;  /* "160x120_PNG" */
    char *text; /* base64 */
    size_t size;
};

struct metadata {
    /* In the order in which they were first found. */
    struct metadata_item items[METADATA_ITEMS_MAX];
    size_t count;
    struct metadata_thumbnail thumbnails[METADATA_THUMBNAILS_MAX]; /* likewise */
    size_t thumbnail_count;
};

/* Read name (no folders, "x_0.2mm_PLA_MK3S_1h.gcode") and content. `content` NULL: the name alone,
 * as for files on the printer's own SD card. False: the name is of no kind that has metadata; the
 * caller's command fails (connect-sdk.md 8.6). A content that cannot be read or is broken gives
 * what was found before, as the original does. */
bool metadata_read(struct metadata *metadata, const char *name, const struct file_content *content);
void metadata_free(struct metadata *metadata);

const char *metadata_json(const struct metadata *metadata, const char *key); /* NULL: absent */
double metadata_number(const struct metadata *metadata, const char *key, double otherwise);

/* The longest text, which FILE_INFO has as `preview`; NULL: none. */
const struct metadata_thumbnail *metadata_preview(const struct metadata *metadata);
/* What the local web shows: the PNG or JPG that is closest to a size, both sides 50 pixels or more
 * (file-formats.md 2.2; the preview is for 640x480, the icon for 100x100); NULL: none. */
const struct metadata_thumbnail *metadata_image(const struct metadata *metadata, unsigned width,
                                                unsigned height);

/* The members of FILE_INFO, `preview` last, into an open object. */
void metadata_write(const struct metadata *metadata, struct json_writer *json);

/* "1d 2h 3m 4s" in seconds, any subset in this order, either case; -1: nothing of it (FF-11). */
int64_t metadata_seconds(const char *text);

#endif
