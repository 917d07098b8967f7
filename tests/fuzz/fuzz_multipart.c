/* A body must be told alike in one piece and in many. The first byte chooses the pieces. */
#include <stddef.h>
#include <stdint.h>
#include <assert.h>
#include <string.h>

#include "sim/wire/multipart.h"

static void on_part(void *owner, const struct multipart_part *part)
{
    buffer_format(owner, "[%s|%s|%s|", part->name, part->filename, part->content_type);
}

static void on_content(void *owner, const char *bytes, size_t size)
{
    buffer_append(owner, bytes, size);
}

static void on_part_end(void *owner)
{
    buffer_append_text(owner, "]");
}

static void on_failed(void *owner, const char *why)
{
    buffer_append_text(owner, why);
}

static void feed(struct buffer *told, const char *body, size_t size, size_t step)
{
    static const struct multipart_events events = {.part = on_part,
                                                   .content = on_content,
                                                   .part_end = on_part_end,
                                                   .end = on_part_end,
                                                   .failed = on_failed};
    struct multipart multipart;
    multipart_init(&multipart, "x", &events, told);
    for (size_t at = 0; at < size; at += step) {
        multipart_feed(&multipart, body + at, size - at < step ? size - at : step);
    }
    multipart_finish(&multipart);
    multipart_free(&multipart);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole = {0}, cut = {0};
    if (size < 2) {
        return 0;
    }
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    multipart_boundary((struct slice){(const char *)data, size}, boundary);
    feed(&whole, (const char *)data + 1, size - 1, size);
    feed(&cut, (const char *)data + 1, size - 1, 1 + data[0] % 16);
    assert(whole.size == cut.size &&
           (whole.size == 0 || memcmp(whole.bytes, cut.bytes, whole.size) == 0));
    buffer_free(&whole);
    buffer_free(&cut);
    return 0;
}
