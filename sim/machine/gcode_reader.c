#include <string.h>

#include "sim/machine/bgcode.h"
#include "sim/machine/gcode.h"

void gcode_reader_init(struct gcode_reader *reader, const struct file_content *content)
{
    reader->content = content;
    reader->binary = NULL;
    reader->offset = reader->filled_to = 0;
    reader->begin = reader->end = 0;
    reader->at_end = reader->skipping = false;
}

void gcode_reader_init_binary(struct gcode_reader *reader, struct bgcode_text *text)
{
    gcode_reader_init(reader, NULL);
    reader->binary = text;
}

/* Move what is left to the front and read more behind it. */
static bool fill(struct gcode_reader *reader, struct error *error)
{
    memmove(reader->bytes, reader->bytes + reader->begin, reader->end - reader->begin);
    reader->end -= reader->begin;
    reader->begin = 0;
    char *to = reader->bytes + reader->end;
    size_t room = sizeof reader->bytes - reader->end;
    long got = reader->binary != NULL
                   ? bgcode_text_read(reader->binary, to, room, error)
                   : file_content_read(reader->content, reader->filled_to, to, room, error);
    if (got < 0) {
        return reader->binary == NULL &&
               error_prefix(error, "at byte %llu", (unsigned long long)reader->filled_to);
    }
    reader->at_end = got == 0;
    reader->filled_to += (uint64_t)got;
    reader->end += (size_t)got;
    return true;
}

static void take(struct gcode_reader *reader, size_t size, const char **text)
{
    *text = reader->bytes + reader->begin;
    reader->begin += size;
    reader->offset += size;
}

enum gcode_read gcode_reader_next(struct gcode_reader *reader, const char **text, size_t *size,
                                  struct error *error)
{
    for (;;) {
        size_t left = reader->end - reader->begin;
        const char *newline = left > 0 ? memchr(reader->bytes + reader->begin, '\n', left) : NULL;
        bool whole = newline != NULL || (reader->at_end && left > 0);
        if (whole || left == sizeof reader->bytes) {
            *size = newline != NULL ? (size_t)(newline - (reader->bytes + reader->begin)) : left;
            take(reader, *size + (newline != NULL), text);
            bool rest = reader->skipping;
            reader->skipping = !whole;
            if (!rest) {
                return GCODE_READ_LINE;
            }
        } else if (reader->at_end) {
            return GCODE_READ_END;
        } else if (!fill(reader, error)) {
            return GCODE_READ_FAILED;
        }
    }
}
