#include "sim/machine/buddy_lines.h"

/* Lines in pieces, as Prusa-Firmware-Buddy reads them: src/common/gcode/gcode_reader_interface.cpp
 * (stream_get_line_common), gcode_reader_plaintext.cpp, gcode_buffer.cpp. */

void buddy_lines_init(struct buddy_lines *lines, const struct file_content *content,
                      enum buddy_lines_mode mode)
{
    lines->content = content;
    lines->mode = mode;
    lines->at = lines->window_at = 0;
    lines->window_size = lines->size = 0;
    lines->commands = 0;
    lines->complete = true;
    lines->begin = lines->bytes;
}

int buddy_lines_byte(struct buddy_lines *lines)
{
    if (lines->at < lines->window_at || lines->at >= lines->window_at + lines->window_size) {
        long got =
            file_content_read(lines->content, lines->at, lines->window, sizeof lines->window, NULL);
        lines->window_at = lines->at;
        lines->window_size = got > 0 ? (size_t)got : 0;
        if (got <= 0) {
            return -1;
        }
    }
    return (unsigned char)lines->window[lines->at++ - lines->window_at];
}

/* isspace() of the C locale. */
static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool next_piece(struct buddy_lines *lines)
{
    lines->begin = lines->bytes;
    lines->size = 0;
    while (lines->size < sizeof lines->bytes) {
        int byte = buddy_lines_byte(lines);
        bool line_end = byte < 0 || byte == '\r' || byte == '\n';
        if (line_end && lines->size == 0 && lines->complete) {
            if (byte < 0) {
                return false;
            }
        } else if (line_end) {
            lines->complete = true;
            return true;
        } else {
            lines->bytes[lines->size++] = (char)byte;
        }
    }
    lines->complete = false;
    return true;
}

static void skip_space(struct buddy_lines *lines)
{
    while (lines->size > 0 && is_space(*lines->begin)) {
        lines->begin++;
        lines->size--;
    }
}

/* After the first command, once: the tail. In a file shorter than that the jump fails, and reading
 * simply goes on (file-formats.md 8). */
static void count_command(struct buddy_lines *lines)
{
    uint64_t size = file_content_size(lines->content);
    if (++lines->commands == BUDDY_COMMANDS_BEFORE_TAIL && size >= BUDDY_TAIL_BYTES) {
        lines->at = size - BUDDY_TAIL_BYTES;
    }
}

bool buddy_lines_next(struct buddy_lines *lines)
{
    bool continued = !lines->complete;
    for (;;) {
        if (!next_piece(lines)) {
            return false;
        }
        if (continued || lines->mode == BUDDY_ALL_LINES) {
            return true;
        }
        skip_space(lines);
        if (lines->size == 0) {
            continue;
        }
        if (lines->mode == BUDDY_PLAIN_LINES || *lines->begin == ';') {
            return true;
        }
        if (lines->commands < BUDDY_COMMANDS_BEFORE_TAIL) {
            count_command(lines);
        }
    }
}

static void trim(struct buddy_text *text)
{
    while (text->begin < text->end && is_space(*text->begin)) {
        text->begin++;
    }
    while (text->begin < text->end && text->end[-1] == ' ') {
        text->end--;
    }
}

bool buddy_lines_assignment(const struct buddy_lines *lines, struct buddy_text *name,
                            struct buddy_text *value)
{
    const char *begin = lines->begin, *end = begin + lines->size;
    while (begin < end && is_space(*begin)) {
        begin++;
    }
    begin += begin < end && *begin == ';';
    const char *equals = begin;
    while (equals < end && *equals != '=') {
        equals++;
    }
    if (equals == end) {
        return false;
    }
    *name = (struct buddy_text){begin, equals};
    *value = (struct buddy_text){equals + 1, end};
    trim(name);
    trim(value);
    return true;
}
