#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/connect/buddy_files.h"

/* What Buddy firmware reads out of a plain g-code file for FILE_INFO, and how it cuts it: lines go
 * through a buffer of 81 characters (PFB: src/common/gcode/gcode_buffer.cpp,
 * src/common/gcode/gcode_reader_plaintext.cpp, src/connect/render.cpp). */

enum {
    LINE_PIECE = 81,         /* characters of a line that are handled at once */
    TAIL_BYTES = 50000,      /* comments are read there, too */
    THUMBNAIL_LINES = 2048,  /* searched for a picture */
    THUMBNAIL_SIDE_MIN = 17, /* pixels */
    BASE64_GROUP = 4,
    READ_BYTES = 4096,
};

/* ---- lines of a content ---- */

struct line_reader {
    const struct file_content *content;
    uint64_t offset; /* of what follows the buffer in the file */
    char bytes[READ_BYTES];
    size_t used, at;
};

static bool next_byte(struct line_reader *reader, char *byte)
{
    if (reader->at == reader->used) {
        long got = file_content_read(reader->content, reader->offset, reader->bytes,
                                     sizeof reader->bytes, NULL);
        if (got <= 0) {
            return false;
        }
        reader->offset += (uint64_t)got;
        reader->used = (size_t)got;
        reader->at = 0;
    }
    *byte = reader->bytes[reader->at++];
    return true;
}

static uint64_t position(const struct line_reader *reader)
{
    return reader->offset - (reader->used - reader->at);
}

static void seek(struct line_reader *reader, uint64_t offset)
{
    reader->offset = offset;
    reader->used = reader->at = 0;
}

/* The next at most LINE_PIECE characters of a line, without its end. `*complete`: up to the line's
 * end. False: the file is over. */
static bool next_piece(struct line_reader *reader, char piece[LINE_PIECE + 1], size_t *size,
                       bool *complete)
{
    *size = 0;
    *complete = true;
    char byte;
    bool any = false;
    while (next_byte(reader, &byte)) {
        any = true;
        if (byte == '\n') {
            break;
        }
        if (*size == LINE_PIECE) {
            reader->at--; /* it was taken from this very buffer */
            *complete = false;
            break;
        }
        piece[(*size)++] = byte;
    }
    piece[*size] = '\0';
    return any;
}

/* ---- thumbnail ---- */

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    return text;
}

static bool is_base64(char letter)
{
    return isalnum((unsigned char)letter) || letter == '+' || letter == '/' || letter == '=';
}

/* "; thumbnail begin 220x124 3000": 3000, when it is big enough. */
static long thumbnail_size(const char *line)
{
    int width, height;
    long size;
    if (*line != ';' ||
        sscanf(skip_blanks(line + 1), "thumbnail begin %5dx%5d %9ld", &width, &height, &size) !=
            3 ||
        width < THUMBNAIL_SIDE_MIN || height < THUMBNAIL_SIDE_MIN) {
        return 0;
    }
    return size;
}

/* The base64 text is decoded and encoded again in groups; padding becomes zero bytes, so '=' comes
 * out as 'A' (connect-buddy.md 5.4). */
static void take_thumbnail(struct line_reader *reader, struct buffer *out, size_t wanted)
{
    char piece[LINE_PIECE + 1];
    size_t size;
    bool complete;
    while (out->size < wanted && next_piece(reader, piece, &size, &complete)) {
        const char *text = *piece == ';' ? skip_blanks(piece + 1) : piece;
        if (strncmp(text, "thumbnail end", 13) == 0) {
            break;
        }
        for (; *text != '\0' && out->size < wanted; text++) {
            if (is_base64(*text)) {
                buffer_append_char(out, *text == '=' ? 'A' : *text);
            }
        }
    }
    out->size -= out->size % BASE64_GROUP;
}

static void write_preview(struct buddy_message *message, const struct buffer *picture)
{
    if (message->comma) {
        buffer_append_char(&message->text, ',');
        buddy_message_end(message);
    }
    /* The opening goes out with the first group; there is no room for a NUL behind either. */
    buffer_append_text(&message->text, "\"preview\":\"");
    buddy_message_end(message);
    for (size_t at = 0; at < picture->size; at += BASE64_GROUP) {
        buffer_append(&message->text, picture->bytes + at, BASE64_GROUP);
        buddy_message_end(message);
    }
    /* That the picture is over is noticed only where another group would have fitted. */
    buffer_append_text(&message->text, "\",");
    buddy_message_end_room(message, BASE64_GROUP + 1);
    message->comma = false;
}

static void preview(struct buddy_message *message, const struct file_content *content)
{
    struct line_reader reader = {.content = content};
    char piece[LINE_PIECE + 1];
    size_t size;
    bool complete = true;
    for (int lines = 0; lines < THUMBNAIL_LINES; lines++) {
        bool begins = complete;
        if (!next_piece(&reader, piece, &size, &complete)) {
            return;
        }
        long wanted = begins ? thumbnail_size(piece) : 0;
        if (wanted > 0) {
            struct buffer picture = {0};
            take_thumbnail(&reader, &picture, (size_t)wanted);
            if (picture.size > 0) {
                write_preview(message, &picture);
            }
            buffer_free(&picture);
            return;
        }
    }
}

/* ---- metadata ---- */

enum meta_kind { META_TEXT, META_FIXED, META_INT, META_IGNORED };

/* All other names are text (PFB: src/connect/render.cpp). */
static const struct {
    const char *name;
    enum meta_kind kind;
} meta_kinds[] = {
    {"filament cost", META_FIXED},
    {"filament used [mm]", META_FIXED},
    {"filament used [cm3]", META_FIXED},
    {"filament used [mm3]", META_FIXED},
    {"filament used [m]", META_FIXED},
    {"layer_height", META_FIXED},
    {"max_layer_z", META_FIXED},
    {"total filament used for wipe tower [g]", META_FIXED},
    {"bed_temperature", META_INT},
    {"brim_width", META_INT},
    {"temperature", META_INT},
    {"ironing", META_INT},
    {"support_material", META_INT},
    {"estimated_print_time", META_INT},
    {"preview", META_IGNORED},
    {"size", META_IGNORED},
    {"m_timestamp", META_IGNORED},
    {"read_only", META_IGNORED},
    {"display_name", META_IGNORED},
    {"type", META_IGNORED},
    {"path", META_IGNORED},
};

static enum meta_kind kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof meta_kinds / sizeof meta_kinds[0]; i++) {
        if (strcmp(meta_kinds[i].name, name) == 0) {
            return meta_kinds[i].kind;
        }
    }
    return META_TEXT;
}

/* "; name = value" in place; false: it has no '='. */
static bool split(char *piece, char **name, char **value)
{
    char *equals = strchr(piece, '=');
    if (*piece != ';' || equals == NULL) {
        return false;
    }
    char *end = equals;
    *name = (char *)skip_blanks(piece + 1);
    while (end > *name && isspace((unsigned char)end[-1])) {
        end--;
    }
    *end = '\0';
    *value = (char *)skip_blanks(equals + 1);
    for (end = *value + strlen(*value); end > *value && isspace((unsigned char)end[-1]); end--) {
        end[-1] = '\0';
    }
    return **name != '\0';
}

/* The rest of a long line; each piece goes out as one token, the last with the quote and comma. */
static void continue_text(struct buddy_message *message, struct line_reader *reader, bool complete)
{
    char piece[LINE_PIECE + 1];
    size_t size;
    while (!complete && next_piece(reader, piece, &size, &complete)) {
        buddy_escape(&message->text, piece, size);
        if (complete) {
            buffer_append_text(&message->text, "\",");
            buddy_message_end_fragile(message);
        } else {
            buddy_message_end(message);
        }
    }
}

static void skip_line(struct line_reader *reader, bool complete)
{
    char piece[LINE_PIECE + 1];
    size_t size;
    while (!complete && next_piece(reader, piece, &size, &complete)) {
    }
}

static void write_number(struct buddy_message *message, enum meta_kind kind, const char *name,
                         const char *value)
{
    char *end = NULL;
    errno = 0;
    if (kind == META_FIXED) {
        double number = strtod(value, &end);
        if (*end != '\0') {
            return;
        }
        buffer_format(&message->text, "\"%s\":%.2f,", name, number);
    } else {
        long number = strtol(value, &end, 10);
        if (*end != '\0') {
            return;
        }
        buffer_format(&message->text, "\"%s\":%ld,", name, number);
    }
    buddy_message_end(message);
}

/* One comment line whose first piece was read. */
static void take_comment(struct buddy_message *message, struct line_reader *reader,
                         char piece[LINE_PIECE + 1], size_t size, bool complete)
{
    char *name, *value;
    bool whole = complete && size < LINE_PIECE;
    if (!split(piece, &name, &value)) {
        skip_line(reader, complete);
        return;
    }
    enum meta_kind kind = kind_of(name);
    if (kind == META_TEXT) {
        buffer_format(&message->text, "\"%s\":\"", name);
        buddy_escape(&message->text, value, strlen(value));
        buffer_append_text(&message->text, complete ? "\"," : "");
        buddy_message_end(message);
        continue_text(message, reader, complete);
        return;
    }
    skip_line(reader, complete);
    if (kind != META_IGNORED && whole) {
        write_number(message, kind, name, value);
    }
}

/* Comments up to the first command, then those of the last 50000 bytes; a shorter file is just read
 * on. Each goes out with the comma behind it. */
static void metadata(struct buddy_message *message, const struct file_content *content)
{
    struct line_reader reader = {.content = content};
    char piece[LINE_PIECE + 1];
    size_t size;
    bool complete, in_tail = false;
    uint64_t bytes = file_content_size(content);
    while (next_piece(&reader, piece, &size, &complete)) {
        if (piece[0] == ';') {
            take_comment(message, &reader, piece, size, complete);
            continue;
        }
        skip_line(&reader, complete);
        bool blank = skip_blanks(piece)[0] == '\0' || skip_blanks(piece)[0] == '\r';
        if (!in_tail && !blank) {
            in_tail = true;
            if (bytes > TAIL_BYTES && position(&reader) < bytes - TAIL_BYTES) {
                seek(&reader, bytes - TAIL_BYTES);
            }
        }
    }
}

void buddy_file_details(struct buddy_message *message, const char *path,
                        const struct file_content *content)
{
    static const char magic[] = {'G', 'C', 'D', 'E'};
    char first[sizeof magic];
    if (!buddy_file_printable(path) || content == NULL) {
        return;
    }
    bool binary = file_content_read(content, 0, first, sizeof first, NULL) == (long)sizeof first &&
                  memcmp(first, magic, sizeof magic) == 0;
    if (!binary) {
        preview(message, content);
        metadata(message, content);
    }
}
