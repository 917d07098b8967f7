#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/bgcode_data.h"
#include "sim/machine/meatpack.h"

/* The g-code of all blocks as one text. */

struct bgcode_text {
    struct bgcode file;
    struct bgcode_block block;
    struct bgcode_data data;
    struct meatpack meatpack;
    struct error error; /* once `failed` */
    bool failed, ended;
    uint64_t total; /* bytes given out */
    uint64_t whole; /* of the file: up to the end of the last block that is decoded */
    size_t begin, end;
    char text[2 * BGCODE_CHUNK_BYTES + 2]; /* meatpack_room(BGCODE_CHUNK_BYTES) */
};

/* Check a g-code block and begin with it. States restart at each (file-formats.md 4.5). */
static bool begin_block(struct bgcode_text *text)
{
    meatpack_init(&text->meatpack);
    return bgcode_check(&text->file, &text->block, &text->error) &&
           bgcode_data_begin(&text->data, &text->file, &text->block, &text->error);
}

static bool first_block(struct bgcode_text *text)
{
    while (bgcode_next(&text->file, &text->block, &text->error) == BGCODE_BLOCK) {
        /* A printer verifies the blocks on the way to the first g-code too. */
        if (text->block.type == BGCODE_GCODE) {
            return begin_block(text);
        }
        if (!bgcode_check(&text->file, &text->block, &text->error)) {
            return false;
        }
    }
    return false;
}

struct bgcode_text *bgcode_text_new(const struct file_content *content, enum bgcode_rules rules,
                                    enum bgcode_fault *fault, struct error *error)
{
    struct bgcode_text *text = memory_new(sizeof *text);
    bool good = bgcode_open(&text->file, content, rules, &text->error) && first_block(text);
    if (fault != NULL) {
        *fault = text->file.fault;
    }
    if (good) {
        return text;
    }
    error_set(error, "%s", text->error.text);
    bgcode_text_destroy(text);
    return NULL;
}

void bgcode_text_destroy(struct bgcode_text *text)
{
    if (text != NULL) {
        bgcode_data_end(&text->data);
        free(text);
    }
}

enum bgcode_fault bgcode_text_fault(const struct bgcode_text *text)
{
    return text->file.fault;
}

uint64_t bgcode_text_whole(const struct bgcode_text *text)
{
    return text->whole;
}

static bool next_block(struct bgcode_text *text)
{
    uint16_t compression = text->block.compression, encoding = text->block.encoding;
    enum bgcode_next next = bgcode_next(&text->file, &text->block, &text->error);
    text->ended = next == BGCODE_END;
    if (next != BGCODE_BLOCK) {
        return text->ended;
    }
    if (text->block.compression != compression || text->block.encoding != encoding) {
        return bgcode_fail(&text->file, &text->block, BGCODE_FAULT_MIXED, &text->error);
    }
    return begin_block(text);
}

/* Decode more into `text`, which is empty. It may stay so: commands of MeatPack are no text. */
static bool decode(struct bgcode_text *text)
{
    uint8_t bytes[BGCODE_CHUNK_BYTES];
    long got = bgcode_data_read(&text->data, bytes, sizeof bytes, &text->error);
    if (got == 0) {
        text->whole = text->block.behind;
        return next_block(text);
    }
    if (got < 0) {
        return false;
    }
    text->begin = 0;
    if (text->block.encoding == BGCODE_TEXT) {
        memcpy(text->text, bytes, (size_t)got);
        text->end = (size_t)got;
    } else {
        assert(meatpack_room((size_t)got) <= sizeof text->text);
        text->end = meatpack_decode(&text->meatpack, bytes, (size_t)got, text->text);
    }
    text->total += text->end;
    return text->total <= BGCODE_TEXT_BYTES_MAX ||
           bgcode_fail(&text->file, &text->block, BGCODE_FAULT_TOO_LARGE, &text->error);
}

long bgcode_text_read(struct bgcode_text *text, char *bytes, size_t size, struct error *error)
{
    while (!text->failed && !text->ended && text->begin == text->end) {
        text->failed = !decode(text);
    }
    if (text->failed) {
        error_set(error, "%s", text->error.text);
        return -1;
    }
    size_t left = text->end - text->begin, some = size < left ? size : left;
    memcpy(bytes, text->text + text->begin, some);
    text->begin += some;
    return (long)some;
}

uint64_t bgcode_text_estimate(const struct file_content *content)
{
    enum { BLOCKS = 2, PARAMETERS_BYTES = 2 };
    struct bgcode file;
    struct bgcode_block block;
    uint64_t first = 0, stored = 0, data = 0;
    if (!bgcode_open(&file, content, BGCODE_PRINTER, NULL)) {
        return 0;
    }
    for (int count = 0; count < BLOCKS && bgcode_next(&file, &block, NULL) == BGCODE_BLOCK;) {
        if (block.type == BGCODE_GCODE) {
            first = count++ == 0 ? block.data_offset - PARAMETERS_BYTES : first;
            stored += block.stored_bytes;
            data += block.data_bytes;
        }
    }
    if (stored == 0 || data == 0) {
        return 0;
    }
    float ratio = (float)stored / (float)data; /* single precision there too */
    float estimate = (float)(file_content_size(content) - first) / ratio;
    return (uint64_t)fminf(estimate, 1e18F);
}
