#include "tests/golden/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"

char *capture_path(const char *relative)
{
    const char *shared = getenv("HOTBED_SHARED");
    struct buffer path = {0};
    buffer_append_text(&path, shared == NULL ? "../shared" : shared);
    buffer_append_char(&path, '/');
    buffer_append_text(&path, relative);
    if (access(path.bytes, R_OK) != 0) {
        buffer_free(&path);
        return NULL;
    }
    return buffer_detach(&path);
}

bool capture_read_file(const char *path, struct buffer *text, struct error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return error_set(error, "%s: %s", path, strerror(errno));
    }
    char piece[65536];
    size_t size = 0;
    while ((size = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(text, piece, size);
    }
    bool broken = ferror(file) != 0;
    fclose(file);
    return broken ? error_set(error, "%s: cannot be read", path) : true;
}

/* The value of a header in the lines of a head; SIZE_MAX: it has no such length. */
static size_t content_length(const char *head, size_t size)
{
    static const char name[] = "\r\ncontent-length:";
    for (size_t i = 0; i + sizeof name - 1 < size; i++) {
        if (strncasecmp(head + i, name, sizeof name - 1) == 0) {
            return (size_t)strtoul(head + i + sizeof name - 1, NULL, 10);
        }
    }
    return SIZE_MAX;
}

/* The block of a message as it was on the wire: line ends of the head are CRLF again, the line end
 * that was added behind the body is gone. */
static void read_message(struct capture_entry *entry, const char *text, size_t size)
{
    const char *blank = memmem(text, size, "\n\n", 2);
    size_t head = blank == NULL ? size : (size_t)(blank - text) + 2;
    if (blank == NULL && size > 0 && text[size - 1] == '\n') {
        head--; /* not a whole head: that line end was added */
    }
    struct buffer bytes = {0};
    for (size_t i = 0; i < head; i++) {
        if (text[i] == '\n') {
            buffer_append_char(&bytes, '\r');
        }
        buffer_append_char(&bytes, text[i]);
    }
    size_t length = content_length(buffer_text(&bytes), bytes.size);
    size_t rest = blank == NULL ? 0 : size - head;
    if (length == SIZE_MAX || length > rest) {
        length = length == SIZE_MAX || rest == 0 ? 0 : rest - (text[size - 1] == '\n' ? 1 : 0);
    }
    bool cut = length < rest && text[head + length] != '\n';
    if (cut && (text[head] == '{' || text[head] == '[')) {
        /* Addresses and paths in it were replaced by longer ones (README of the captures). */
        length = rest - (text[size - 1] == '\n' ? 1 : 0);
    }
    entry->body_size = length;
    size_t head_size = bytes.size;
    buffer_append(&bytes, text + head, length);
    entry->size = bytes.size;
    entry->bytes = buffer_detach(&bytes);
    entry->body = entry->bytes + head_size;
}

static unsigned connection_of(const char *text)
{
    const char *mark = strstr(text, "conn ");
    return mark == NULL ? 0 : (unsigned)strtoul(mark + 5, NULL, 10);
}

static enum capture_kind kind_of(char mark, const char *text)
{
    switch (mark) {
    case '>':
        return CAPTURE_REQUEST;
    case '<':
        return CAPTURE_REPLY;
    case '#':
        return CAPTURE_NOTE;
    default:
        break;
    }
    if (strstr(text, "open from before") != NULL) {
        return CAPTURE_BEFORE;
    }
    if (strncmp(text, "open", 4) == 0) {
        return CAPTURE_OPEN;
    }
    if (strncmp(text, "close", 5) == 0) {
        return CAPTURE_CLOSE;
    }
    return strncmp(text, "reset", 5) == 0 ? CAPTURE_RESET : CAPTURE_NOTE;
}

/* "=== T+1.234 > conn 1" */
static bool read_mark(struct capture *capture, const char *line, unsigned number,
                      struct error *error, const char *path)
{
    char *end = NULL;
    double seconds = strtod(line + 6, &end);
    if (strncmp(line, "=== T+", 6) != 0 || end == line + 6 || *end != ' ') {
        return error_set(error, "%s:%u: expected '=== T+SECONDS MARK …'", path, number);
    }
    char mark = end[1];
    const char *text = end[2] == ' ' ? end + 3 : end + 2;
    if (capture->count % 64 == 0) {
        capture->entries =
            memory_resize(capture->entries, (capture->count + 64) * sizeof *capture->entries);
    }
    capture->entries[capture->count++] = (struct capture_entry){
        .kind = kind_of(mark, text),
        .time_us = (int64_t)(seconds * 1e6 + 0.5),
        .connection = connection_of(text),
        .text = memory_copy_text(text),
        .line = number,
    };
    return true;
}

static char *take_line(const char **at, const char *end)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    size_t size = stop == NULL ? (size_t)(end - *at) : (size_t)(stop - *at);
    char *line = memory_copy_slice(*at, size);
    *at += size + (stop == NULL ? 0 : 1);
    return line;
}

static size_t block_size(const char *at, const char *end)
{
    if (end - at >= 6 && memcmp(at, "=== T+", 6) == 0) {
        return 0;
    }
    const char *next = memmem(at, (size_t)(end - at), "\n=== T+", 7);
    return next == NULL ? (size_t)(end - at) : (size_t)(next - at) + 1;
}

bool capture_load(struct capture *capture, const char *path, struct error *error)
{
    *capture = (struct capture){0};
    struct buffer text = {0};
    if (!capture_read_file(path, &text, error)) {
        buffer_free(&text);
        return false;
    }
    const char *at = buffer_text(&text), *end = at + text.size;
    capture->program = take_line(&at, end);
    capture->situation = take_line(&at, end);
    capture->server = take_line(&at, end);
    unsigned number = 4;
    bool good = true;
    while (good && at < end) {
        char *line = take_line(&at, end);
        good = read_mark(capture, line, number, error, path);
        free(line);
        size_t size = block_size(at, end);
        struct capture_entry *entry = &capture->entries[capture->count - 1];
        if (good && (entry->kind == CAPTURE_REQUEST || entry->kind == CAPTURE_REPLY)) {
            read_message(entry, at, size);
        }
        for (size_t i = 0; i < size; i++) {
            number += at[i] == '\n' ? 1 : 0;
        }
        number++;
        at += size;
    }
    buffer_free(&text);
    if (!good) {
        capture_free(capture);
    }
    return good;
}

void capture_free(struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        free((char *)capture->entries[i].text);
        free((char *)capture->entries[i].bytes);
    }
    free(capture->entries);
    free(capture->program);
    free(capture->situation);
    free(capture->server);
    *capture = (struct capture){0};
}

bool capture_header(const struct capture_entry *entry, const char *name, char *value, size_t size)
{
    size_t name_size = strlen(name);
    const char *line = entry->bytes, *end = entry->body;
    while (line != NULL && line < end) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t length = stop == NULL ? (size_t)(end - line) : (size_t)(stop - line);
        if (length > name_size && line[name_size] == ':' &&
            strncasecmp(line, name, name_size) == 0) {
            const char *from = line + name_size + 1;
            while (*from == ' ') {
                from++;
            }
            snprintf(value, size, "%.*s", (int)(line + length - from), from);
            return true;
        }
        line = stop == NULL ? NULL : stop + 2;
    }
    return false;
}
