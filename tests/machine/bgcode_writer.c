#include "tests/machine/bgcode_writer.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/base/memory.h"

struct bits {
    struct buffer *out;
    unsigned byte, count;
};

static void put_bits(struct bits *bits, unsigned value, unsigned count)
{
    while (count-- > 0) {
        bits->byte = bits->byte << 1 | (value >> count & 1);
        if (++bits->count == 8) {
            buffer_append_char(bits->out, (char)bits->byte);
            bits->byte = bits->count = 0;
        }
    }
}

/* Length of the longest match for what is at `at`, and its distance: of equal ones the nearest. */
static size_t match(const uint8_t *bytes, size_t size, size_t at, size_t window, size_t *distance)
{
    size_t best = 0, most = size - at < 16 ? size - at : 16;
    for (size_t back = 1; back <= window && back <= at && best < most; back++) {
        size_t length = 0;
        while (length < most && bytes[at + length] == bytes[at - back + length]) {
            length++;
        }
        if (length > best) {
            best = length;
            *distance = back;
        }
    }
    return best;
}

void heatshrink_encode(struct buffer *out, unsigned window_bits, const void *bytes, size_t size)
{
    struct bits bits = {.out = out};
    const uint8_t *data = bytes;
    for (size_t at = 0; at < size;) {
        size_t distance = 0, length = match(data, size, at, 1U << window_bits, &distance);
        if (length * 9 > 1 + window_bits + 4) {
            put_bits(&bits, 0, 1);
            put_bits(&bits, (unsigned)distance - 1, window_bits);
            put_bits(&bits, (unsigned)length - 1, 4);
            at += length;
        } else {
            put_bits(&bits, 1, 1);
            put_bits(&bits, data[at++], 8);
        }
    }
    while (bits.count > 0) {
        put_bits(&bits, 0, 1);
    }
}

static unsigned nibble(char character)
{
    static const char codes[] = "0123456789.E\nGX"; /* no spaces */
    const char *found = character != '\0' ? strchr(codes, character) : NULL;
    return found != NULL ? (unsigned)(found - codes) : 15;
}

void meatpack_pack(struct buffer *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned low = nibble(text[i]);
        unsigned high = i + 1 < size && text[i] != '\n' ? nibble(text[i + 1]) : 12;
        buffer_append_char(out, (char)(high << 4 | low));
        if (low == 15) {
            buffer_append_char(out, text[i]);
        }
        i++;
        if (text[i - 1] != '\n' && i < size) {
            if (high == 15) {
                buffer_append_char(out, text[i]);
            }
            i++;
        }
    }
}

static void command(struct buffer *out, unsigned code)
{
    buffer_append(out, "\xff\xff", 2);
    buffer_append_char(out, (char)code);
}

static void pack_line(struct buffer *out, const char *line, size_t size)
{
    const char *g = memchr(line, 'G', size);
    bool move = g != NULL && g + 1 < line + size && g[1] >= '0' && g[1] <= '9';
    struct buffer kept = {0};
    for (size_t i = 0; i < size; i++) {
        if (!move || line[i] != ' ') {
            buffer_append_char(&kept, line[i]);
        }
    }
    buffer_append_char(&kept, '\n');
    meatpack_pack(out, kept.bytes, kept.size);
    buffer_free(&kept);
}

void meatpack_encode(struct buffer *out, const char *text, bool comments)
{
    command(out, 251);
    command(out, 247);
    bool packing = true;
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        if (*line == ';' && comments) {
            if (packing) {
                command(out, 250);
            }
            buffer_append(out, line, size);
            buffer_append_char(out, '\n');
            packing = false;
        } else if (*line != ';') {
            if (!packing) {
                command(out, 251);
            }
            packing = true;
            pack_line(out, line, size);
        }
        line += size + (line[size] == '\n');
    }
    if (!comments) {
        command(out, 249);
    }
}

static void put_u16(struct buffer *out, unsigned value)
{
    buffer_append_char(out, (char)(value & 255));
    buffer_append_char(out, (char)(value >> 8 & 255));
}

static void put_u32(struct buffer *out, size_t value)
{
    put_u16(out, (unsigned)(value & 65535));
    put_u16(out, (unsigned)(value >> 16 & 65535));
}

void bgcode_write_header(struct buffer *out, bool checksums)
{
    buffer_append_text(out, "GCDE");
    put_u32(out, 1);
    put_u16(out, checksums);
}

static void compress_data(struct buffer *out, const struct bgcode_written *block)
{
    uLongf size = compressBound((uLong)block->size);
    uint8_t *bytes = memory_new(size);
    switch (block->compression) {
    case BGCODE_DEFLATE:
        compress(bytes, &size, block->data, (uLong)block->size);
        buffer_append(out, bytes, size);
        break;
    case BGCODE_HEATSHRINK_11:
        heatshrink_encode(out, 11, block->data, block->size);
        break;
    case BGCODE_HEATSHRINK_12:
        heatshrink_encode(out, 12, block->data, block->size);
        break;
    default:
        buffer_append(out, block->data, block->size);
        break;
    }
    free(bytes);
}

void bgcode_write_block(struct buffer *out, bool checksums, const struct bgcode_written *block)
{
    struct buffer data = {0};
    compress_data(&data, block);
    size_t begin = out->size;
    put_u16(out, block->type);
    put_u16(out, block->compression);
    put_u32(out, block->size);
    if (block->compression != BGCODE_UNCOMPRESSED) {
        put_u32(out, data.size);
    }
    put_u16(out, block->encoding);
    if (block->type == BGCODE_THUMBNAIL) {
        put_u16(out, block->width);
        put_u16(out, block->height);
    }
    buffer_append(out, data.bytes, data.size);
    if (checksums) {
        put_u32(out, crc32(0, (const Bytef *)out->bytes + begin, (unsigned)(out->size - begin)));
    }
    buffer_free(&data);
}
