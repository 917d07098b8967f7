#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/bgcode.h"
#include "sim/machine/buddy_lines.h"
#include "sim/machine/print_file.h"

/* The pictures of a file, and what else is in the blocks of a binary one. */

static bool fits(const struct buddy_wish *wish, unsigned width, unsigned height)
{
    return wish->larger ? width >= wish->width && height >= wish->height
                        : width == wish->width && height == wish->height;
}

/* "; thumbnail begin 220x124 1234": PNG alone has no format in its marker (FF-07). */
static bool begins_picture(const struct buddy_lines *lines, const struct buddy_wish *wish,
                           unsigned long *characters)
{
    static const char *const markers[] = {
        [BUDDY_PNG] = "; thumbnail begin ", [BUDDY_QOI] = "; thumbnail_QOI begin "};
    char line[BUDDY_LINE_BYTES + 1];
    size_t size = strlen(markers[wish->format]);
    unsigned width, height;
    memcpy(line, lines->begin, lines->size);
    line[lines->size] = '\0';
    return strncmp(line, markers[wish->format], size) == 0 &&
           sscanf(line + size, "%ux%u %lu", &width, &height, characters) == 3 &&
           fits(wish, width, height);
}

/* The six bits of a character; padding counts as zero bits; -1: none of base64. */
static int bits_of(int character)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = character > 0 ? strchr(alphabet, character) : NULL;
    return character == '=' ? 0 : found != NULL ? (int)(found - alphabet) : -1;
}

/* The text decoded; its padding becomes zero bytes (connect-buddy.md 5.4). */
static void decode(struct buffer *out, struct buddy_lines *lines, unsigned long characters)
{
    unsigned held = 0, held_bits = 0;
    for (size_t end = out->size + BUDDY_PREVIEW_BYTES_MAX; characters > 0 && out->size < end;) {
        int character = buddy_lines_byte(lines);
        if (character == '\r' || character == '\n' || character == ' ' || character == ';') {
            continue;
        }
        int bits = bits_of(character);
        if (bits < 0) {
            break;
        }
        characters--;
        held = (held << 6 | (unsigned)bits) & 0xfff;
        held_bits += 6;
        if (held_bits >= 8) {
            held_bits -= 8;
            buffer_append_char(out, (char)(held >> held_bits & 0xff));
        }
    }
}

static bool read_plain(struct buffer *out, const struct file_content *content,
                       const struct buddy_wish *wish)
{
    struct buddy_lines *lines = memory_new(sizeof *lines);
    bool found = false;
    buddy_lines_init(lines, content, BUDDY_PLAIN_LINES);
    for (int line = 0; !found && line <= BUDDY_PREVIEW_LINES_MAX && buddy_lines_next(lines);
         line++) {
        unsigned long characters;
        found = lines->complete && begins_picture(lines, wish, &characters);
        if (found) {
            decode(out, lines, characters);
        }
        while (!lines->complete && buddy_lines_next(lines)) { /* the rest of the line */
        }
    }
    free(lines);
    return found;
}

static bool read_binary(struct buffer *out, const struct file_content *content,
                        const struct buddy_wish *wish)
{
    struct bgcode file;
    struct bgcode_block block;
    uint16_t format = wish->format == BUDDY_PNG ? BGCODE_PNG : BGCODE_QOI;
    if (!bgcode_open(&file, content, BGCODE_PRINTER, NULL)) {
        return false;
    }
    while (bgcode_next(&file, &block, NULL) == BGCODE_BLOCK && block.type != BGCODE_GCODE) {
        if (block.type == BGCODE_THUMBNAIL && block.compression == BGCODE_UNCOMPRESSED &&
            block.encoding == format && fits(wish, block.width, block.height)) {
            return bgcode_unpack(&file, &block, out, NULL);
        }
    }
    return false;
}

bool buddy_picture_read(struct buffer *out, const char *name, const struct file_content *content,
                        const struct buddy_wish *wish)
{
    switch (print_file_kind(name)) {
    case PRINT_FILE_GCODE:
        return read_plain(out, content, wish);
    case PRINT_FILE_BGCODE:
        return read_binary(out, content, wish);
    default:
        return false;
    }
}

struct file_content *buddy_binary_metadata(const struct file_content *content)
{
    struct bgcode file;
    struct bgcode_block block;
    if (!bgcode_open(&file, content, BGCODE_PRINTER, NULL)) {
        return NULL;
    }
    do {
        if (bgcode_next(&file, &block, NULL) != BGCODE_BLOCK) {
            return NULL;
        }
    } while (block.type != BGCODE_PRINTER_METADATA);
    struct buffer bytes = {0};
    struct file_content *lines = NULL;
    if (block.encoding == BGCODE_METADATA_INI && block.compression == BGCODE_UNCOMPRESSED &&
        bgcode_unpack(&file, &block, &bytes, NULL)) {
        lines = file_content_of_bytes(buffer_text(&bytes), bytes.size);
    }
    buffer_free(&bytes);
    return lines;
}
