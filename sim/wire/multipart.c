/* multipart/form-data piece by piece. `held` has what is not decided yet: in a head all of it, in a
 * content less than a delimiter. It begins with CR LF, so that the first boundary is found like all
 * others. */
#include "sim/wire/multipart.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

enum phase { PHASE_PREAMBLE, PHASE_BOUNDARY, PHASE_HEAD, PHASE_CONTENT, PHASE_END, PHASE_FAILED };

/* --- parameters of a header: name="value"; name=value --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The value of a parameter, without quotes and their backslashes; NULL: it is not there. */
static char *parameter(struct slice value, const char *name)
{
    const char *end = value.bytes + value.size;
    const char *at = value.size == 0 ? end : memchr(value.bytes, ';', value.size);
    while (at != NULL && at < end) {
        for (at++; at < end && is_blank(*at);) {
            at++;
        }
        const char *begin = at;
        while (at < end && *at != '=' && *at != ';') {
            at++;
        }
        struct slice found = {begin, (size_t)(at - begin)};
        struct buffer text = {0};
        bool quoted = at + 1 < end && at[0] == '=' && at[1] == '"';
        at += at < end && *at == '=' ? (quoted ? 2 : 1) : 0;
        while (at < end && (quoted ? *at != '"' : *at != ';' && !is_blank(*at))) {
            at += quoted && *at == '\\' && at + 1 < end && (at[1] == '"' || at[1] == '\\') ? 1 : 0;
            buffer_append_char(&text, *at++);
        }
        if (slice_is_nocase(found, name)) {
            return buffer_detach(&text);
        }
        buffer_free(&text);
        at = at < end ? memchr(at, ';', (size_t)(end - at)) : NULL;
    }
    return NULL;
}

bool multipart_boundary(struct slice content_type, char out[MULTIPART_BOUNDARY_MAX + 1])
{
    static const char type[] = "multipart/form-data";
    size_t size = sizeof type - 1;
    if (content_type.size <= size ||
        !slice_is_nocase((struct slice){content_type.bytes, size}, type)) {
        return false;
    }
    char *boundary = parameter(content_type, "boundary");
    bool good = boundary != NULL && *boundary != '\0' &&
                strlen(boundary) <= MULTIPART_BOUNDARY_MAX && strpbrk(boundary, "\r\n") == NULL;
    if (good) {
        memcpy(out, boundary, strlen(boundary) + 1);
    }
    free(boundary);
    return good;
}

void multipart_init(struct multipart *multipart, const char *boundary,
                    const struct multipart_events *events, void *owner)
{
    *multipart = (struct multipart){.events = events, .owner = owner, .phase = PHASE_PREAMBLE};
    buffer_append_text(&multipart->delimiter, "\r\n--");
    buffer_append_text(&multipart->delimiter, boundary);
    buffer_append_text(&multipart->held, "\r\n");
}

void multipart_free(struct multipart *multipart)
{
    buffer_free(&multipart->delimiter);
    buffer_free(&multipart->held);
}

static size_t fail(struct multipart *multipart, const char *why)
{
    multipart->phase = PHASE_FAILED;
    multipart->events->failed(multipart->owner, why);
    return 0;
}

/* Outside the parts, or in a content: up to the next delimiter. Returns how much of `bytes` is done
 * with; *more: there is something to do with the rest. */
static size_t step_content(struct multipart *multipart, struct slice bytes, bool *more)
{
    const struct buffer *delimiter = &multipart->delimiter;
    bool content = multipart->phase == PHASE_CONTENT;
    const char *found = memmem(bytes.bytes, bytes.size, delimiter->bytes, delimiter->size);
    size_t sure = found != NULL                   ? (size_t)(found - bytes.bytes)
                  : bytes.size >= delimiter->size ? bytes.size - delimiter->size + 1
                                                  : 0;
    if (content && sure > 0) {
        multipart->events->content(multipart->owner, bytes.bytes, sure);
    }
    *more = found != NULL;
    if (found == NULL) {
        return sure;
    }
    if (content) {
        multipart->events->part_end(multipart->owner);
    }
    multipart->phase = PHASE_BOUNDARY;
    return sure + delimiter->size;
}

/* Behind a boundary: "--" ends the body, blanks and a line end begin a part. */
static size_t step_boundary(struct multipart *multipart, struct slice bytes, bool *more)
{
    *more = false;
    size_t at = 0;
    if (bytes.size >= 2 && bytes.bytes[0] == '-' && bytes.bytes[1] == '-') {
        multipart->phase = PHASE_END;
        multipart->events->end(multipart->owner);
        return bytes.size;
    }
    while (at < bytes.size && is_blank(bytes.bytes[at])) {
        at++;
    }
    if (at > MULTIPART_BOUNDARY_MAX) {
        return fail(multipart, "a boundary is followed by too many blanks");
    }
    if (bytes.size < at + 2) {
        return 0;
    }
    if (bytes.bytes[at] != '\r' || bytes.bytes[at + 1] != '\n') {
        return fail(multipart, "a boundary is followed by something else than a line end");
    }
    if (++multipart->parts > MULTIPART_PARTS_MAX) {
        return fail(multipart, "the body has more than 64 parts");
    }
    multipart->phase = PHASE_HEAD;
    *more = true;
    return at; /* the line end is the head's, so that an empty head ends like any other */
}

static void read_line(struct slice line, char **disposition, char **type)
{
    const char *colon = memchr(line.bytes, ':', line.size);
    if (colon == NULL) {
        return;
    }
    struct slice name = {line.bytes, (size_t)(colon - line.bytes)};
    struct slice value = {colon + 1, (size_t)(line.bytes + line.size - colon - 1)};
    while (value.size > 0 && is_blank(*value.bytes)) {
        value.bytes++;
        value.size--;
    }
    char **place = slice_is_nocase(name, "content-disposition") ? disposition
                   : slice_is_nocase(name, "content-type")      ? type
                                                                : NULL;
    if (place != NULL && *place == NULL) {
        *place = memory_copy_slice(value.bytes, value.size);
    }
}

/* `head` begins with the line end behind the boundary and ends before the empty line. */
static void tell_part(struct multipart *multipart, struct slice head)
{
    char *disposition = NULL, *type = NULL;
    const char *at = head.bytes, *end = head.bytes + head.size;
    while (at < end) {
        at += 2;
        const char *line_end = at < end ? memmem(at, (size_t)(end - at), "\r\n", 2) : NULL;
        line_end = line_end == NULL ? end : line_end;
        read_line((struct slice){at, (size_t)(line_end - at)}, &disposition, &type);
        at = line_end;
    }
    struct slice value = slice_of(disposition == NULL ? "" : disposition);
    char *name = parameter(value, "name"), *filename = parameter(value, "filename");
    const struct multipart_part part = {
        .name = name == NULL ? "" : name,
        .filename = filename == NULL ? "" : filename,
        .content_type = type == NULL ? "" : type,
        .has_filename = filename != NULL,
    };
    multipart->events->part(multipart->owner, &part);
    free(name);
    free(filename);
    free(disposition);
    free(type);
}

static size_t step_head(struct multipart *multipart, struct slice bytes, bool *more)
{
    *more = false;
    const char *end = memmem(bytes.bytes, bytes.size, "\r\n\r\n", 4);
    size_t size = end == NULL ? bytes.size : (size_t)(end - bytes.bytes);
    if (size > MULTIPART_HEAD_BYTES_MAX) {
        return fail(multipart, "the head of a part is larger than 8 KiB");
    }
    if (end == NULL) {
        return 0;
    }
    if (memchr(bytes.bytes, '\0', size) != NULL) {
        return fail(multipart, "the head of a part holds a NUL");
    }
    tell_part(multipart, (struct slice){bytes.bytes, size});
    multipart->phase = PHASE_CONTENT;
    *more = true;
    return size + 4;
}

static size_t step(struct multipart *multipart, struct slice bytes, bool *more)
{
    switch ((enum phase)multipart->phase) {
    case PHASE_PREAMBLE:
    case PHASE_CONTENT:
        return step_content(multipart, bytes, more);
    case PHASE_BOUNDARY:
        return step_boundary(multipart, bytes, more);
    case PHASE_HEAD:
        return step_head(multipart, bytes, more);
    case PHASE_END:
    case PHASE_FAILED:
        break;
    }
    *more = false;
    return bytes.size;
}

void multipart_feed(struct multipart *multipart, const char *bytes, size_t size)
{
    if (multipart->phase == PHASE_END || multipart->phase == PHASE_FAILED) {
        return;
    }
    buffer_append(&multipart->held, bytes, size);
    size_t at = 0;
    for (bool more = true; more && at < multipart->held.size;) {
        struct slice rest = {multipart->held.bytes + at, multipart->held.size - at};
        at += step(multipart, rest, &more);
    }
    if (multipart->phase == PHASE_END || multipart->phase == PHASE_FAILED) {
        buffer_free(&multipart->held);
    } else {
        buffer_consume(&multipart->held, at);
    }
}

void multipart_finish(struct multipart *multipart)
{
    if (multipart->phase != PHASE_END && multipart->phase != PHASE_FAILED) {
        fail(multipart, "the body ends before its last boundary");
    }
}
