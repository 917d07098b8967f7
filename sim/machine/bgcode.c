#include "sim/machine/bgcode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/base/memory.h"
#include "sim/machine/bgcode_data.h"

enum {
    FILE_HEADER_BYTES = 10,
    BLOCK_HEADER_BYTES_MAX = 18, /* with the size compressed and a thumbnail's parameters */
    CHECKSUM_BYTES = 4,
    CHECKSUM_TYPES = 2, /* none, CRC32 */
    VERSION = 1,
};

static const char magic[4] = {'G', 'C', 'D', 'E'};

static const char *const fault_texts[BGCODE_FAULTS] = {
    [BGCODE_FAULT_NONE] = "nothing wrong",
    [BGCODE_FAULT_UNREADABLE] = "cannot be read",
    [BGCODE_FAULT_MAGIC] = "not binary g-code: it does not begin with GCDE",
    [BGCODE_FAULT_VERSION] = "unknown version, expected 1",
    [BGCODE_FAULT_CHECKSUM_TYPE] = "unknown type of checksum, expected 0 or 1",
    [BGCODE_FAULT_TRUNCATED] = "reaches beyond the end of the file",
    [BGCODE_FAULT_BLOCK_TYPE] = "unknown type of block, expected 0 to 5",
    [BGCODE_FAULT_COMPRESSION] = "compression that cannot be read here",
    [BGCODE_FAULT_ENCODING] = "unknown encoding",
    [BGCODE_FAULT_ORDER] = "block of a type that does not belong here",
    [BGCODE_FAULT_CHECKSUM] = "wrong checksum",
    [BGCODE_FAULT_DATA] = "data that do not unpack to the size in the header",
    [BGCODE_FAULT_TOO_LARGE] = "too large",
    [BGCODE_FAULT_MIXED] = "g-code that is packed in another way than the blocks before",
    [BGCODE_FAULT_NO_GCODE] = "no g-code in it",
};

static const char *const type_names[BGCODE_TYPES] = {
    "file metadata", "g-code", "slicer metadata", "printer metadata", "print metadata", "thumbnail",
};

/* Which types may follow which (file-formats.md 4.2), as bits; the first is the file's header. */
static const unsigned followers[1 + BGCODE_TYPES] = {
    1U << BGCODE_FILE_METADATA | 1U << BGCODE_PRINTER_METADATA,
    [1 + BGCODE_FILE_METADATA] = 1U << BGCODE_PRINTER_METADATA,
    [1 + BGCODE_PRINTER_METADATA] = 1U << BGCODE_THUMBNAIL | 1U << BGCODE_PRINT_METADATA,
    [1 + BGCODE_THUMBNAIL] = 1U << BGCODE_THUMBNAIL | 1U << BGCODE_PRINT_METADATA,
    [1 + BGCODE_PRINT_METADATA] = 1U << BGCODE_SLICER_METADATA,
    [1 + BGCODE_SLICER_METADATA] = 1U << BGCODE_GCODE,
    [1 + BGCODE_GCODE] = 1U << BGCODE_GCODE,
};

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return read_u16(bytes) | (uint32_t)read_u16(bytes + 2) << 16;
}

const char *bgcode_fault_text(enum bgcode_fault fault)
{
    assert(fault < BGCODE_FAULTS);
    return fault_texts[fault];
}

bool bgcode_fail(struct bgcode *file, const struct bgcode_block *block, enum bgcode_fault fault,
                 struct error *error)
{
    file->fault = fault;
    if (block == NULL) {
        return error_set(error, "%s", bgcode_fault_text(fault));
    }
    return error_set(error, "block %u (%s) at byte %llu: %s", (unsigned)block->number,
                     block->type < BGCODE_TYPES ? type_names[block->type] : "unknown",
                     (unsigned long long)block->offset, bgcode_fault_text(fault));
}

bool bgcode_magic(const struct file_content *content)
{
    char bytes[sizeof magic];
    return file_content_read(content, 0, bytes, sizeof bytes, NULL) == (long)sizeof bytes &&
           memcmp(bytes, magic, sizeof magic) == 0;
}

bool bgcode_open(struct bgcode *file, const struct file_content *content, enum bgcode_rules rules,
                 struct error *error)
{
    *file = (struct bgcode){
        .content = content, .rules = rules, .at = FILE_HEADER_BYTES, .last_type = -1};
    uint8_t header[FILE_HEADER_BYTES];
    long got = file_content_read(content, 0, header, sizeof header, error);
    if (got < 0) {
        file->fault = BGCODE_FAULT_UNREADABLE;
        return false;
    }
    if (got < (long)sizeof magic || memcmp(header, magic, sizeof magic) != 0) {
        return bgcode_fail(file, NULL, BGCODE_FAULT_MAGIC, error);
    }
    if (got < FILE_HEADER_BYTES) {
        bgcode_fail(file, NULL, BGCODE_FAULT_TRUNCATED, error);
        return error_prefix(error, "header of the file");
    }
    if (rules == BGCODE_LIBRARY && read_u32(header + 4) != VERSION) {
        return bgcode_fail(file, NULL, BGCODE_FAULT_VERSION, error);
    }
    uint16_t checksum = read_u16(header + 8);
    if (checksum >= CHECKSUM_TYPES) {
        return bgcode_fail(file, NULL, BGCODE_FAULT_CHECKSUM_TYPE, error);
    }
    file->checksums = checksum != 0;
    return true;
}

/* The fields of a header of which `size` bytes are there. */
static bool read_header(struct bgcode *file, struct bgcode_block *block, const uint8_t *bytes,
                        size_t size, struct error *error)
{
    if (size < 8) {
        return bgcode_fail(file, block, BGCODE_FAULT_TRUNCATED, error);
    }
    block->type = read_u16(bytes);
    block->compression = read_u16(bytes + 2);
    block->data_bytes = block->stored_bytes = read_u32(bytes + 4);
    if (block->type >= BGCODE_TYPES) {
        return bgcode_fail(file, block, BGCODE_FAULT_BLOCK_TYPE, error);
    }
    if (block->compression >= BGCODE_COMPRESSIONS) {
        return bgcode_fail(file, block, BGCODE_FAULT_COMPRESSION, error);
    }
    size_t parameters = block->compression == BGCODE_UNCOMPRESSED ? 8 : 12;
    size_t behind = parameters + (block->type == BGCODE_THUMBNAIL ? 6 : 2);
    if (size < behind) {
        return bgcode_fail(file, block, BGCODE_FAULT_TRUNCATED, error);
    }
    if (block->compression != BGCODE_UNCOMPRESSED) {
        block->stored_bytes = read_u32(bytes + 8);
    }
    block->encoding = read_u16(bytes + parameters);
    if (block->type == BGCODE_THUMBNAIL) {
        block->width = read_u16(bytes + parameters + 2);
        block->height = read_u16(bytes + parameters + 4);
    }
    block->data_offset = block->offset + behind;
    block->behind =
        block->data_offset + block->stored_bytes + (file->checksums ? CHECKSUM_BYTES : 0);
    return true;
}

static bool encoding_known(const struct bgcode_block *block)
{
    return block->encoding < (block->type == BGCODE_GCODE       ? BGCODE_GCODE_ENCODINGS
                              : block->type == BGCODE_THUMBNAIL ? BGCODE_THUMBNAIL_FORMATS
                                                                : BGCODE_METADATA_ENCODINGS);
}

/* What each kind of reader demands of a block at its place. */
static bool welcome(struct bgcode *file, const struct bgcode_block *block, struct error *error)
{
    bool strict = file->rules == BGCODE_LIBRARY;
    bool in_order = strict ? followers[1 + file->last_type] >> block->type & 1
                           : file->last_type != BGCODE_GCODE || block->type == BGCODE_GCODE;
    if (!in_order) {
        return bgcode_fail(file, block, BGCODE_FAULT_ORDER, error);
    }
    if ((strict || block->type == BGCODE_GCODE) && !encoding_known(block)) {
        return bgcode_fail(file, block, BGCODE_FAULT_ENCODING, error);
    }
    if (!strict && block->type == BGCODE_GCODE && block->compression == BGCODE_DEFLATE) {
        return bgcode_fail(file, block, BGCODE_FAULT_COMPRESSION, error);
    }
    return true;
}

enum bgcode_next bgcode_next(struct bgcode *file, struct bgcode_block *block, struct error *error)
{
    uint8_t bytes[BLOCK_HEADER_BYTES_MAX];
    *block =
        (struct bgcode_block){.offset = file->at, .number = file->blocks, .type = BGCODE_TYPES};
    long got = file_content_read(file->content, file->at, bytes, sizeof bytes, error);
    if (got < 0) {
        file->fault = BGCODE_FAULT_UNREADABLE;
        return BGCODE_FAILED;
    }
    if (got == 0) {
        if (file->last_type == BGCODE_GCODE) {
            return BGCODE_END;
        }
        bgcode_fail(file, NULL, BGCODE_FAULT_NO_GCODE, error);
        return BGCODE_FAILED;
    }
    if (!read_header(file, block, bytes, (size_t)got, error) || !welcome(file, block, error)) {
        return BGCODE_FAILED;
    }
    if (block->behind > file_content_size(file->content)) {
        bgcode_fail(file, block, BGCODE_FAULT_TRUNCATED, error);
        return BGCODE_FAILED;
    }
    if (file->blocks == BGCODE_BLOCKS_MAX) {
        bgcode_fail(file, block, BGCODE_FAULT_TOO_LARGE, error);
        return BGCODE_FAILED;
    }
    file->blocks++;
    file->last_type = block->type;
    file->at = block->behind;
    return BGCODE_BLOCK;
}

/* All of `size` bytes, which the file has or had when it was last looked at. */
static bool read_all(struct bgcode *file, const struct bgcode_block *block, uint64_t offset,
                     uint8_t *bytes, size_t size, struct error *error)
{
    for (size_t done = 0; done < size;) {
        long got =
            file_content_read(file->content, offset + done, bytes + done, size - done, error);
        if (got < 0) {
            file->fault = BGCODE_FAULT_UNREADABLE;
            return false;
        }
        if (got == 0) {
            return bgcode_fail(file, block, BGCODE_FAULT_TRUNCATED, error);
        }
        done += (size_t)got;
    }
    return true;
}

bool bgcode_check(struct bgcode *file, const struct bgcode_block *block, struct error *error)
{
    if (!file->checksums) {
        return true;
    }
    uint8_t bytes[BGCODE_CHUNK_BYTES];
    uint64_t end = block->behind - CHECKSUM_BYTES;
    unsigned long checksum = crc32(0, NULL, 0);
    for (uint64_t at = block->offset; at < end;) {
        size_t size = end - at < sizeof bytes ? (size_t)(end - at) : sizeof bytes;
        if (!read_all(file, block, at, bytes, size, error)) {
            return false;
        }
        checksum = crc32(checksum, bytes, (unsigned)size);
        at += size;
    }
    if (!read_all(file, block, end, bytes, CHECKSUM_BYTES, error)) {
        return false;
    }
    return checksum == read_u32(bytes) || bgcode_fail(file, block, BGCODE_FAULT_CHECKSUM, error);
}

bool bgcode_unpack(struct bgcode *file, const struct bgcode_block *block, struct buffer *out,
                   struct error *error)
{
    assert(block->type != BGCODE_GCODE);
    if (block->data_bytes > BGCODE_UNPACKED_BYTES_MAX) {
        return bgcode_fail(file, block, BGCODE_FAULT_TOO_LARGE, error);
    }
    struct bgcode_data *data = memory_new(sizeof *data);
    bool good = bgcode_data_begin(data, file, block, error);
    for (long got = 1; good && got > 0;) {
        uint8_t bytes[BGCODE_CHUNK_BYTES]; /* the buffer grows with what is there, not with what is
                                              claimed */
        got = bgcode_data_read(data, bytes, sizeof bytes, error);
        good = got >= 0;
        buffer_append(out, bytes, good ? (size_t)got : 0);
    }
    bgcode_data_end(data);
    free(data);
    return good;
}
