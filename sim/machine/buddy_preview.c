#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/base64.h"
#include "sim/machine/bgcode.h"
#include "sim/machine/buddy_lines.h"

/* The picture of a file, and what else is in the blocks of a binary one. */

static bool large_enough(unsigned width, unsigned height)
{
    return width >= BUDDY_PREVIEW_PIXELS_MIN && height >= BUDDY_PREVIEW_PIXELS_MIN;
}

/* "; thumbnail begin 220x124 1234": PNG alone has no format in its marker (FF-07). */
static bool begins_preview(const struct buddy_lines *lines, unsigned long *characters)
{
    char line[BUDDY_LINE_BYTES + 1];
    unsigned width, height;
    memcpy(line, lines->begin, lines->size);
    line[lines->size] = '\0';
    return strncmp(line, "; thumbnail begin ", strlen("; thumbnail begin ")) == 0 &&
           sscanf(line, "; thumbnail begin %ux%u %lu", &width, &height, characters) == 3 &&
           large_enough(width, height);
}

/* The six bits of a character; padding counts as zero bits; -1: none of base64. */
static int bits_of(int character)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = character > 0 ? strchr(alphabet, character) : NULL;
    return character == '=' ? 0 : found != NULL ? (int)(found - alphabet) : -1;
}

/* The text is decoded and encoded again, so padding comes out as zero bytes (connect-buddy.md 5.4).
 */
static void copy_preview(struct buffer *out, struct buddy_lines *lines, unsigned long characters)
{
    struct buffer bytes = {0};
    unsigned held = 0, held_bits = 0;
    while (characters > 0 && bytes.size < BUDDY_PREVIEW_BYTES_MAX) {
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
            buffer_append_char(&bytes, (char)(held >> held_bits & 0xff));
        }
    }
    base64_encode(out, bytes.bytes, bytes.size);
    buffer_free(&bytes);
}

void buddy_preview_plain(struct buffer *out, const struct file_content *content)
{
    struct buddy_lines *lines = memory_new(sizeof *lines);
    buddy_lines_init(lines, content, BUDDY_PLAIN_LINES);
    for (int line = 0; line <= BUDDY_PREVIEW_LINES_MAX && buddy_lines_next(lines); line++) {
        unsigned long characters;
        if (lines->complete && begins_preview(lines, &characters)) {
            copy_preview(out, lines, characters);
            break;
        }
        while (!lines->complete && buddy_lines_next(lines)) { /* the rest of the line */
        }
    }
    free(lines);
}

void buddy_preview_binary(struct buffer *out, const struct file_content *content)
{
    struct bgcode file;
    struct bgcode_block block;
    struct buffer bytes = {0};
    bool searching = bgcode_open(&file, content, BGCODE_PRINTER, NULL);
    while (searching && bgcode_next(&file, &block, NULL) == BGCODE_BLOCK &&
           block.type != BGCODE_GCODE) {
        if (block.type == BGCODE_THUMBNAIL && block.compression == BGCODE_UNCOMPRESSED &&
            block.encoding == BGCODE_PNG && large_enough(block.width, block.height)) {
            bool whole = bgcode_unpack(&file, &block, &bytes, NULL);
            base64_encode(out, bytes.bytes, whole ? bytes.size : 0);
            searching = false;
        }
    }
    buffer_free(&bytes);
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
