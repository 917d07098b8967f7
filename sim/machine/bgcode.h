#ifndef HOTBED_MACHINE_BGCODE_H
#define HOTBED_MACHINE_BGCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/machine/storage.h"

/* Binary g-code (file-formats.md 4; libbgcode: doc/specifications.md): a header, then blocks.
 * Everything is read through a buffer of fixed size; what a block claims to be is checked against
 * the file before anything is done about it. */

enum {
    BGCODE_BLOCKS_MAX = 1 << 17,
    /* What bgcode_unpack() gives at most; a slicer's whole configuration has some 30 kB. */
    BGCODE_UNPACKED_BYTES_MAX = 16 << 20,
    BGCODE_CHUNK_BYTES = 16384,
};

/* Bytes of the largest decoded g-code of one file. */
#define BGCODE_TEXT_BYTES_MAX (UINT64_C(1) << 30)

enum bgcode_type {
    BGCODE_FILE_METADATA,
    BGCODE_GCODE,
    BGCODE_SLICER_METADATA,
    BGCODE_PRINTER_METADATA,
    BGCODE_PRINT_METADATA,
    BGCODE_THUMBNAIL,
    BGCODE_TYPES,
};

enum bgcode_compression {
    BGCODE_UNCOMPRESSED,
    BGCODE_DEFLATE, /* with zlib's wrapper */
    BGCODE_HEATSHRINK_11,
    BGCODE_HEATSHRINK_12,
    BGCODE_COMPRESSIONS,
};

/* What `encoding` of a block says, by the block's type. */
enum { BGCODE_METADATA_INI, BGCODE_METADATA_JSON, BGCODE_METADATA_ENCODINGS };
enum { BGCODE_TEXT, BGCODE_MEATPACK, BGCODE_MEATPACK_COMMENTS, BGCODE_GCODE_ENCODINGS };
enum { BGCODE_PNG, BGCODE_JPG, BGCODE_QOI, BGCODE_THUMBNAIL_FORMATS };

/* What is wrong with a file. The text of the error says where. */
enum bgcode_fault {
    BGCODE_FAULT_NONE,
    BGCODE_FAULT_UNREADABLE, /* the disk failed */
    BGCODE_FAULT_MAGIC,      /* no binary g-code at all */
    BGCODE_FAULT_VERSION,
    BGCODE_FAULT_CHECKSUM_TYPE,
    BGCODE_FAULT_TRUNCATED, /* a header or a block reaches beyond the end of the file */
    BGCODE_FAULT_BLOCK_TYPE,
    BGCODE_FAULT_COMPRESSION,
    BGCODE_FAULT_ENCODING,
    BGCODE_FAULT_ORDER,
    BGCODE_FAULT_CHECKSUM,
    BGCODE_FAULT_DATA,      /* does not unpack to what the header says */
    BGCODE_FAULT_TOO_LARGE, /* for us: too many blocks, or too much in them */
    BGCODE_FAULT_MIXED,     /* g-code blocks packed in different ways */
    BGCODE_FAULT_NO_GCODE,
    BGCODE_FAULTS,
};

/* "wrong checksum" */
const char *bgcode_fault_text(enum bgcode_fault fault);

/* The slicer's library checks version, order and every field; a printer takes what it can print
 * (file-formats.md 4.5): any order before the first g-code block, no deflated g-code. */
enum bgcode_rules { BGCODE_LIBRARY, BGCODE_PRINTER };

struct bgcode_block {
    uint64_t offset;      /* of its header in the file */
    uint64_t data_offset; /* of its data */
    uint64_t behind;      /* of the next header */
    uint32_t stored_bytes;
    uint32_t data_bytes; /* unpacked */
    uint32_t number;     /* in the file, from 0 */
    uint16_t type;       /* enum bgcode_type */
    uint16_t compression;
    uint16_t encoding;      /* of a thumbnail: its format */
    uint16_t width, height; /* of thumbnails, pixels */
};

struct bgcode {
    const struct file_content *content; /* not owned */
    enum bgcode_rules rules;
    bool checksums; /* each block has one */
    uint64_t at;    /* of the next header */
    uint32_t blocks;
    int last_type; /* -1: none yet */
    enum bgcode_fault fault;
};

/* The file begins as binary g-code does, whatever its name. */
bool bgcode_magic(const struct file_content *content);

/* Read the header of the file. False with the reason, and `fault` says which kind. */
bool bgcode_open(struct bgcode *file, const struct file_content *content, enum bgcode_rules rules,
                 struct error *error);

enum bgcode_next { BGCODE_BLOCK, BGCODE_END, BGCODE_FAILED };

/* The header of the next block. Whether its data are right is not looked at. */
enum bgcode_next bgcode_next(struct bgcode *file, struct bgcode_block *block, struct error *error);

/* Compare the block's checksum; true in a file that has none. */
bool bgcode_check(struct bgcode *file, const struct bgcode_block *block, struct error *error);

/* The block's data, decompressed, appended to `out`. Not for g-code, which has its own reader. */
bool bgcode_unpack(struct bgcode *file, const struct bgcode_block *block, struct buffer *out,
                   struct error *error);

/* Fail with `fault` at `block` (NULL: the header of the file): sets it, says it, returns false. */
bool bgcode_fail(struct bgcode *file, const struct bgcode_block *block, enum bgcode_fault fault,
                 struct error *error);

/* The g-code of a file as text: all its blocks one after the other, each checked before anything of
 * it is given out. What MeatPack left out is not brought back: "G1X10Y5E.1", empty lines. */
struct bgcode_text;

/* NULL with the reason: no binary g-code, or none in it that can be read. `fault` may be NULL. */
struct bgcode_text *bgcode_text_new(const struct file_content *content, enum bgcode_rules rules,
                                    enum bgcode_fault *fault, struct error *error);
void bgcode_text_destroy(struct bgcode_text *text); /* NULL is fine */
/* Up to `size` bytes more; 0 at the end; -1 with the reason, and again at each later call. */
long bgcode_text_read(struct bgcode_text *text, char *bytes, size_t size, struct error *error);
enum bgcode_fault bgcode_text_fault(const struct bgcode_text *text);
/* Bytes of the file up to the end of the last g-code block that was read whole; 0: none yet. */
uint64_t bgcode_text_whole(const struct bgcode_text *text);

/* What a Buddy printer takes for the size of the text: by the ratio of the first two g-code blocks,
 * before MeatPack is decoded (Prusa-Firmware-Buddy: src/common/gcode/gcode_reader_binary.cpp). 0:
 * there is none. */
uint64_t bgcode_text_estimate(const struct file_content *content);

#endif
