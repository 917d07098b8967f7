#include "sim/wire/http_coding.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "sim/base/memory.h"

enum {
    WINDOW_BITS = 15,
    GZIP = WINDOW_BITS + 16,
    ZLIB_WRAPPER = WINDOW_BITS,
    BARE = -WINDOW_BITS,
    OUT_BYTES = 16 * 1024,
};

struct http_coding {
    z_stream stream;
    bool gzip;
    bool begun; /* something came out: it is no other form of deflate */
    bool over;  /* behind the end of a gzip member: another one may follow */
    char out[OUT_BYTES];
};

struct http_coding *http_coding_new(struct slice content_encoding)
{
    bool gzip =
        slice_is_nocase(content_encoding, "gzip") || slice_is_nocase(content_encoding, "x-gzip");
    if (!gzip && !slice_is_nocase(content_encoding, "deflate")) {
        return NULL;
    }
    struct http_coding *coding = memory_new(sizeof *coding);
    coding->gzip = gzip;
    if (inflateInit2(&coding->stream, gzip ? GZIP : ZLIB_WRAPPER) != Z_OK) {
        abort(); /* out of memory */
    }
    return coding;
}

void http_coding_destroy(struct http_coding *coding)
{
    if (coding != NULL) {
        inflateEnd(&coding->stream);
        free(coding);
    }
}

const char *http_coding_error(const struct http_coding *coding)
{
    return coding->stream.msg == NULL ? "" : coding->stream.msg;
}

/* One call of inflate(); false: what comes is no such thing. */
static bool step(struct http_coding *coding, const char *bytes, size_t size)
{
    z_stream *stream = &coding->stream;
    if (coding->over) {
        coding->over = false;
        inflateReset(stream);
    }
    stream->next_out = (Bytef *)coding->out;
    stream->avail_out = OUT_BYTES;
    int result = inflate(stream, Z_NO_FLUSH);
    if (result == Z_DATA_ERROR && !coding->gzip && !coding->begun) {
        inflateReset2(stream, BARE);
        stream->next_in = (Bytef *)(uintptr_t)bytes;
        stream->avail_in = (uInt)size;
        stream->next_out = (Bytef *)coding->out;
        stream->avail_out = OUT_BYTES;
        result = inflate(stream, Z_NO_FLUSH);
    }
    coding->over = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

enum http_coded http_coding_feed(struct http_coding *coding, const char *bytes, size_t size,
                                 bool (*out)(void *owner, const char *bytes, size_t size),
                                 void *owner)
{
    z_stream *stream = &coding->stream;
    while (size > 0) {
        uInt piece = size < UINT_MAX ? (uInt)size : UINT_MAX;
        stream->next_in = (Bytef *)(uintptr_t)bytes;
        stream->avail_in = piece;
        bool full = true;
        while (stream->avail_in > 0 || full) {
            if (coding->over && (!coding->gzip || stream->avail_in == 0)) {
                return HTTP_CODED_FINE; /* what follows is nobody's */
            }
            if (!step(coding, bytes, piece)) {
                return HTTP_CODED_BAD;
            }
            size_t got = OUT_BYTES - stream->avail_out;
            full = stream->avail_out == 0;
            coding->begun = coding->begun || got > 0;
            if (got > 0 && !out(owner, coding->out, got)) {
                return HTTP_CODED_STOPPED;
            }
            if (got == 0 && stream->avail_in == piece && !coding->over) {
                break; /* it needs more */
            }
        }
        bytes += piece;
        size -= piece;
    }
    return HTTP_CODED_FINE;
}
