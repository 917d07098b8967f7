#include "sim/machine/bgcode_data.h"

#include <string.h>

bool bgcode_data_begin(struct bgcode_data *data, struct bgcode *file,
                       const struct bgcode_block *block, struct error *error)
{
    data->file = file;
    data->block = *block;
    data->at = block->data_offset;
    data->stored_left = block->stored_bytes;
    data->data_left = block->data_bytes;
    data->used = data->filled = 0;
    if (block->compression == BGCODE_DEFLATE) {
        bgcode_data_end(data);
        if (inflateInit(&data->inflate) != Z_OK) {
            return bgcode_fail(file, block, BGCODE_FAULT_DATA, error);
        }
        data->inflating = true;
        data->inflated = false;
    } else if (block->compression != BGCODE_UNCOMPRESSED) {
        heatshrink_init(&data->heatshrink, block->compression == BGCODE_HEATSHRINK_11 ? 11 : 12);
    }
    return true;
}

void bgcode_data_end(struct bgcode_data *data)
{
    if (data->inflating) {
        inflateEnd(&data->inflate);
        memset(&data->inflate, 0, sizeof data->inflate);
        data->inflating = false;
    }
}

static bool fill(struct bgcode_data *data, struct error *error)
{
    size_t size = sizeof data->stored < data->stored_left ? sizeof data->stored : data->stored_left;
    long got = file_content_read(data->file->content, data->at, data->stored, size, error);
    if (got < 0) {
        data->file->fault = BGCODE_FAULT_UNREADABLE;
        return false;
    }
    if (got == 0) {
        return bgcode_fail(data->file, &data->block, BGCODE_FAULT_TRUNCATED, error);
    }
    data->used = 0;
    data->filled = (size_t)got;
    data->at += (uint64_t)got;
    data->stored_left -= (uint32_t)got;
    return true;
}

static size_t copy(struct bgcode_data *data, uint8_t *bytes, size_t size)
{
    size_t left = data->filled - data->used;
    size_t some = size < left ? size : left;
    memcpy(bytes, data->stored + data->used, some);
    data->used += some;
    return some;
}

static long inflate_some(struct bgcode_data *data, uint8_t *bytes, size_t size)
{
    z_stream *stream = &data->inflate;
    stream->next_in = data->stored + data->used;
    stream->avail_in = (unsigned)(data->filled - data->used);
    stream->next_out = bytes;
    stream->avail_out = (unsigned)size;
    int result = inflate(stream, Z_NO_FLUSH);
    data->used = data->filled - stream->avail_in;
    data->inflated = result == Z_STREAM_END;
    bool good = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    return good ? (long)(size - stream->avail_out) : -1;
}

/* The deflate stream gives nothing more and ends with the block. */
static bool ends_inflating(struct bgcode_data *data)
{
    while (!data->inflated) {
        uint8_t more;
        bool last = data->used == data->filled && data->stored_left == 0;
        if ((data->used == data->filled && !last && !fill(data, NULL)) ||
            inflate_some(data, &more, sizeof more) != 0 || (last && !data->inflated)) {
            return false;
        }
    }
    return data->used == data->filled && data->stored_left == 0;
}

/* Nothing may be left over, but of heatshrink the byte that its encoder fills up. */
static bool complete(struct bgcode_data *data)
{
    size_t left = data->filled - data->used + data->stored_left;
    if (data->block.compression == BGCODE_DEFLATE) {
        return data->block.stored_bytes == 0 || ends_inflating(data);
    }
    return left <= (data->block.compression == BGCODE_UNCOMPRESSED ? 0 : 1);
}

long bgcode_data_read(struct bgcode_data *data, uint8_t *bytes, size_t size, struct error *error)
{
    if (data->data_left == 0) {
        bool good = complete(data);
        bgcode_data_end(data);
        data->used = data->filled = data->stored_left = 0; /* the next call ends quietly */
        data->block.compression = BGCODE_UNCOMPRESSED;
        return good ? 0 : (bgcode_fail(data->file, &data->block, BGCODE_FAULT_DATA, error), -1);
    }
    size = size < data->data_left ? size : data->data_left;
    for (;;) {
        long got = -1;
        if (data->block.compression == BGCODE_UNCOMPRESSED) {
            got = (long)copy(data, bytes, size);
        } else if (data->block.compression == BGCODE_DEFLATE) {
            got = inflate_some(data, bytes, size);
        } else {
            size_t left = data->filled - data->used;
            got = (long)heatshrink_decode(&data->heatshrink, data->stored + data->used, &left,
                                          bytes, size);
            data->used = data->filled - left;
        }
        if (got > 0) {
            data->data_left -= (uint32_t)got;
            return got;
        }
        bool more = data->stored_left > 0 && data->used == data->filled && !data->inflated;
        if (got < 0 || !more) {
            bgcode_fail(data->file, &data->block, BGCODE_FAULT_DATA, error);
            return -1;
        }
        if (!fill(data, error)) {
            return -1;
        }
    }
}
