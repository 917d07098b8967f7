#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/metadata_parts.h"
#include "sim/machine/metadata_value.h"

/* Reading the file itself (gcode-metadata: gcode_metadata/metadata.py, FDMMetaData). A line decides
 * by its first byte:
 * ';' is a comment, all others may hold an M73. Whatever the library stumbles over ends the
 * reading. */

enum {
    LINE_BYTES_MAX = 1 << 20, /* a longer line is skipped and with it the rest of the head */
    CHUNK_BYTES = 1 << 16,
    M73_SEARCH_BYTES = 100000,
};

struct content_reader {
    struct metadata *metadata;
    const struct file_content *content;
    uint64_t size;
    struct buffer window;
    uint64_t window_offset;
    size_t m73_searched_bytes;
    unsigned m73_found; /* bits of m73_groups */
    bool in_thumbnail;
    char *thumbnail_key;
    uint64_t thumbnail_size; /* announced */
    struct buffer thumbnail_text;
};

/* In the order in which the library's pattern wants them. It takes C for quiet and D for normal,
 * contrary to the printer (file-formats.md 2.1). */
static const struct {
    char letter;
    const char *key;
} m73_groups[] = {
    {'Q', "quiet_percent_present"},   {'S', "quiet_left_present"},
    {'C', "quiet_change_in_present"}, {'P', "normal_percent_present"},
    {'R', "normal_left_present"},     {'D', "normal_change_in_present"},
};
enum { M73_GROUPS = sizeof m73_groups / sizeof *m73_groups, M73_ALL = (1 << M73_GROUPS) - 1 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word(char byte)
{
    return is_digit(byte) || byte == '_' || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || (unsigned char)byte >= 0x80;
}

static bool begins(const char *text, size_t size, const char *with)
{
    return size >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* "; thumbnail", perhaps "_", perhaps QOI or JPG: the rest, and the format. NULL: it is not that.
 */
static const char *thumbnail_marker(const char *line, size_t size, const char **format)
{
    static const char marker[] = "; thumbnail";
    if (!begins(line, size, marker)) {
        return NULL;
    }
    const char *at = line + sizeof marker - 1, *end = line + size;
    at += at < end && *at == '_';
    *format = "PNG";
    if (begins(at, (size_t)(end - at), "QOI") || begins(at, (size_t)(end - at), "JPG")) {
        *format = *at == 'Q' ? "QOI" : "JPG";
        at += 3;
    }
    return at;
}

/* "160x120 1234": the size is the last number that stands behind a blank; what is before it is the
 * dimension. */
static bool thumbnail_begins(struct content_reader *reader, const char *line, size_t size)
{
    const char *format, *at = thumbnail_marker(line, size, &format), *end = line + size;
    if (at == NULL || !begins(at, (size_t)(end - at), " begin ")) {
        return false;
    }
    at += strlen(" begin ");
    const char *behind = at, *blank = NULL;
    for (; behind < end && (is_word(*behind) || *behind == ' '); behind++) {
        if (*behind == ' ' && behind > at && behind + 1 < end && is_digit(behind[1])) {
            blank = behind;
        }
    }
    if (blank == NULL) {
        return false;
    }
    uint64_t announced = 0;
    for (const char *c = blank + 1; c < end && is_digit(*c); c++) {
        announced =
            announced < UINT64_C(1) << 50 ? announced * 10 + (uint64_t)(*c - '0') : announced;
    }
    struct buffer key = {0};
    buffer_append(&key, at, (size_t)(blank - at));
    buffer_format(&key, "_%s", format);
    free(reader->thumbnail_key);
    reader->thumbnail_key = buffer_detach(&key);
    reader->thumbnail_size = announced;
    reader->in_thumbnail = true;
    buffer_clear(&reader->thumbnail_text);
    return true;
}

/* Keep the text under its key. False: it is not as long as announced, which ends the reading, but
 * after this. */
static bool thumbnail_ends(struct content_reader *reader)
{
    if (!reader->in_thumbnail) {
        return false;
    }
    size_t size = reader->thumbnail_text.size;
    reader->in_thumbnail = false;
    return metadata_put_thumbnail(reader->metadata, memory_copy_text(reader->thumbnail_key),
                                  buffer_detach(&reader->thumbnail_text), size) &&
           size == reader->thumbnail_size;
}

static void strip(const char **text, const char **end)
{
    while (*text < *end && (**text == ' ' || (**text >= '\t' && **text <= '\r'))) {
        (*text)++;
    }
    while (*text < *end && ((*end)[-1] == ' ' || ((*end)[-1] >= '\t' && (*end)[-1] <= '\r'))) {
        (*end)--;
    }
}

static bool is_layer_height(const char *line, size_t size)
{
    if (!begins(line, size, ";Z:")) {
        return false;
    }
    const char *at = line + 3, *end = line + size, *c = at;
    while (c < end && is_digit(*c)) {
        c++;
    }
    if (c == at || c == end || *c != '.') {
        return false;
    }
    const char *decimals = ++c;
    while (c < end && is_digit(*c)) {
        c++;
    }
    return c > decimals && c == end;
}

/* A line with ';' in front, without its LF. False: the library would stop here. */
static bool read_comment(struct content_reader *reader, const char *line, size_t size)
{
    if (!metadata_utf8_valid(line, size)) {
        return false;
    }
    const char *format, *marker = thumbnail_marker(line, size, &format);
    if (marker != NULL && thumbnail_begins(reader, line, size)) {
        return true;
    }
    if (marker != NULL && begins(marker, (size_t)(line + size - marker), " end")) {
        return thumbnail_ends(reader);
    }
    if (reader->in_thumbnail && size > 2) {
        const char *text = line + 2, *end = line + size;
        strip(&text, &end);
        buffer_append(&reader->thumbnail_text, text, (size_t)(end - text));
    }
    const char *equals = size > 2 && line[1] == ' ' ? memmem(line + 2, size - 2, " = ", 3) : NULL;
    if (equals != NULL) {
        const char *value = equals + 3;
        metadata_set(reader->metadata, line + 2, (size_t)(equals - line - 2), value,
                     (size_t)(line + size - value));
    }
    if (is_layer_height(line, size)) {
        metadata_set_true(reader->metadata, "layer_info_present");
    }
    return true;
}

/* The last M73 before any comment counts, with its letters in the one order. */
static void read_m73(struct content_reader *reader, const char *line, size_t size)
{
    const char *semicolon = memchr(line, ';', size);
    const char *end = line + size, *command_end = semicolon != NULL ? semicolon : end;
    const char *at = NULL;
    for (const char *c = line; (c = memmem(c, (size_t)(command_end - c), "M73", 3)) != NULL; c++) {
        at = c;
    }
    if (at == NULL) {
        return;
    }
    at += 3;
    for (unsigned i = 0; i < M73_GROUPS; i++) {
        at += at < end && *at == ' ';
        if (end - at >= 2 && *at == m73_groups[i].letter && is_digit(at[1])) {
            for (at++; at < end && is_digit(*at); at++) {
            }
            metadata_set_true(reader->metadata, m73_groups[i].key);
            reader->m73_found |= 1U << i;
        }
    }
}

static bool read_line(struct content_reader *reader, const char *line, size_t size)
{
    size_t text_size = size > 0 && line[size - 1] == '\n' ? size - 1 : size;
    if (size > 0 && *line == ';') {
        return read_comment(reader, line, text_size);
    }
    if (reader->m73_found == M73_ALL || reader->m73_searched_bytes > M73_SEARCH_BYTES) {
        return true;
    }
    if (!metadata_utf8_valid(line, size)) {
        return false;
    }
    read_m73(reader, line, text_size);
    reader->m73_searched_bytes += size;
    return true;
}

/* The line at `position` with its LF. Size 0: the file cannot be read on. A line over the limit is
 * cut. */
static size_t line_at(struct content_reader *reader, uint64_t position, const char **line)
{
    struct buffer *window = &reader->window;
    if (position < reader->window_offset || position > reader->window_offset + window->size) {
        buffer_clear(window);
        reader->window_offset = position;
    }
    for (;;) {
        size_t begin = (size_t)(position - reader->window_offset), left = window->size - begin;
        const char *newline = left > 0 ? memchr(window->bytes + begin, '\n', left) : NULL;
        if (newline != NULL || left >= LINE_BYTES_MAX || position + left >= reader->size) {
            *line = buffer_text(window) + begin;
            return newline != NULL ? (size_t)(newline - *line) + 1 : left;
        }
        buffer_consume(window, begin);
        reader->window_offset = position;
        buffer_reserve(window, CHUNK_BYTES);
        long got = file_content_read(reader->content, position + left, window->bytes + left,
                                     CHUNK_BYTES, NULL);
        if (got <= 0) {
            return 0;
        }
        window->size += (size_t)got;
        window->bytes[window->size] = '\0';
    }
}

void metadata_read_content(struct metadata *metadata, const struct file_content *content)
{
    struct content_reader *reader = memory_new(sizeof *reader);
    reader->metadata = metadata;
    reader->content = content;
    reader->size = file_content_size(content);
    uint64_t tail = reader->size > METADATA_TAIL_BYTES ? reader->size - METADATA_TAIL_BYTES : 0;
    for (uint64_t position = 0; position < reader->size;) {
        if (position >= METADATA_HEAD_BYTES && position < tail) {
            position = tail;
        }
        const char *line;
        size_t size = line_at(reader, position, &line);
        if (size == 0) {
            break;
        }
        bool cut = size >= LINE_BYTES_MAX && line[size - 1] != '\n';
        position += size;
        if (cut && position < tail) {
            position = tail;
        } else if (!read_line(reader, line, size)) {
            break;
        }
    }
    free(reader->thumbnail_key);
    buffer_free(&reader->thumbnail_text);
    buffer_free(&reader->window);
    free(reader);
}
