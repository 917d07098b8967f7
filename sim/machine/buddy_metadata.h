#ifndef HOTBED_MACHINE_BUDDY_METADATA_H
#define HOTBED_MACHINE_BUDDY_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/json.h"
#include "sim/machine/storage.h"

/* What a Buddy printer tells about a print file in FILE_INFO: `preview` and one member per metadata
 * line, in the order of the file, keys that come twice told twice (file-formats.md 2.3,
 * connect-buddy.md 5.4; Prusa-Firmware-Buddy: src/connect/render.cpp, src/common/gcode). */

enum {
    BUDDY_LINE_BYTES = 81, /* a line is read in pieces of this size */
    BUDDY_TAIL_BYTES = 50000,
    /* Commands after which the reader jumps to the tail. The firmware of the captures (6.3.0) has 1
     * where file-formats.md says 200. */
    BUDDY_COMMANDS_BEFORE_TAIL = 1,
    BUDDY_PREVIEW_PIXELS_MIN = 17, /* of either side */
    BUDDY_PREVIEW_LINES_MAX = 2048,
    BUDDY_ITEMS_MAX = 10000,           /* what is behind is left out */
    BUDDY_PREVIEW_BYTES_MAX = 4 << 20, /* a longer one is cut */
};

struct buddy_item {
    char *key;
    char *text;  /* a number as it is sent, or the bytes of a string as the file has them */
    bool number; /* else a string */
    /* Bytes of a string that came with the first piece of its line; further ones have
     * BUDDY_LINE_BYTES each. The printer sends it in these pieces. */
    size_t first_piece;
};

struct buddy_metadata {
    char *preview; /* base64; NULL: none */
    size_t preview_size;
    struct buddy_item *items;
    size_t count, capacity;
};

/* A picture as one of the printer's readers asks for it; JPG is not known to any. */
enum buddy_picture { BUDDY_PNG, BUDDY_QOI };

struct buddy_wish {
    unsigned width, height;
    enum buddy_picture format;
    bool larger; /* one of this size or more on both sides, else exactly this */
};

/* The bytes of the first picture in the file that is as wished, appended to `out`; false: there is
 * none. Of binary g-code only uncompressed ones are taken (file-formats.md 1.3, 4.5). */
bool buddy_picture_read(struct buffer *out, const char *name, const struct file_content *content,
                        const struct buddy_wish *wish);

/* By its name the file is plain or binary g-code; other names and broken files have nothing. */
void buddy_metadata_read(struct buddy_metadata *metadata, const char *name,
                         const struct file_content *content);
void buddy_metadata_free(struct buddy_metadata *metadata);
/* Members into an open object, `preview` first. */
void buddy_metadata_write(const struct buddy_metadata *metadata, struct json_writer *json);

#endif
