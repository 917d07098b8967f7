#include "sim/protocol/connect/buddy_message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

void buddy_message_free(struct buddy_message *message)
{
    buffer_free(&message->text);
    free(message->tokens);
    *message = (struct buddy_message){0};
}

void buddy_message_clear(struct buddy_message *message)
{
    buffer_clear(&message->text);
    message->token_count = 0;
    message->comma = false;
    message->aborted = false;
}

void buddy_message_end_room(struct buddy_message *message, size_t room)
{
    enum { TOKENS_AT_FIRST = 64 };
    if (message->token_count == message->token_capacity) {
        message->token_capacity =
            message->token_capacity == 0 ? TOKENS_AT_FIRST : message->token_capacity * 2;
        message->tokens =
            memory_resize(message->tokens, message->token_capacity * sizeof message->tokens[0]);
    }
    message->tokens[message->token_count++] =
        (struct buddy_token){.end = message->text.size, .room = (uint32_t)room};
}

void buddy_message_end(struct buddy_message *message)
{
    size_t begin = message->token_count == 0 ? 0 : message->tokens[message->token_count - 1].end;
    buddy_message_end_room(message, message->text.size - begin + 1);
}

void buddy_message_end_fragile(struct buddy_message *message)
{
    buddy_message_end(message);
    message->tokens[message->token_count - 1].fragile = true;
}

void buddy_escape(struct buffer *out, const char *bytes, size_t size)
{
    static const char plain[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    for (size_t i = 0; i < size; i++) {
        const char *found = bytes[i] == '\0' ? NULL : strchr(plain, bytes[i]);
        if (bytes[i] == '\0') {
            buffer_append_text(out, "\\u0000");
        } else if (found != NULL) {
            buffer_append_char(out, '\\');
            buffer_append_char(out, letters[found - plain]);
        } else {
            buffer_append_char(out, bytes[i]);
        }
    }
}

/* ---- values ---- */

static void begin_value(struct buddy_message *message, const char *name)
{
    if (message->comma) {
        buffer_append_char(&message->text, ',');
        buddy_message_end(message);
    }
    if (name != NULL) {
        buffer_format(&message->text, "\"%s\":", name);
    }
    message->comma = true;
}

static void open_level(struct buddy_message *message, const char *name, char bracket)
{
    begin_value(message, name);
    buffer_append_char(&message->text, bracket);
    buddy_message_end(message);
    message->comma = false;
}

static void close_level(struct buddy_message *message, char bracket)
{
    buffer_append_char(&message->text, bracket);
    buddy_message_end(message);
    message->comma = true;
}

void buddy_object(struct buddy_message *message, const char *name)
{
    open_level(message, name, '{');
}

void buddy_object_end(struct buddy_message *message)
{
    close_level(message, '}');
}

void buddy_array(struct buddy_message *message, const char *name)
{
    open_level(message, name, '[');
}

void buddy_array_end(struct buddy_message *message)
{
    close_level(message, ']');
}

void buddy_text(struct buddy_message *message, const char *name, const char *value)
{
    begin_value(message, name);
    buffer_append_char(&message->text, '"');
    buddy_escape(&message->text, value, strlen(value));
    buffer_append_char(&message->text, '"');
    buddy_message_end(message);
}

void buddy_int(struct buddy_message *message, const char *name, int64_t value)
{
    begin_value(message, name);
    buffer_append_int(&message->text, value);
    buddy_message_end(message);
}

void buddy_bool(struct buddy_message *message, const char *name, bool value)
{
    begin_value(message, name);
    buffer_append_text(&message->text, value ? "true" : "false");
    buddy_message_end(message);
}

void buddy_fixed(struct buddy_message *message, const char *name, double value, int decimals)
{
    begin_value(message, name);
    buffer_format(&message->text, "%.*f", decimals, value);
    buddy_message_end(message);
}

/* ---- pieces ---- */

enum buddy_piece buddy_message_piece(const struct buddy_message *message, size_t *token,
                                     size_t room, const char **bytes, size_t *size)
{
    size_t begin = *token == 0 ? 0 : message->tokens[*token - 1].end;
    size_t end = begin;
    size_t first = *token;
    while (*token < message->token_count) {
        const struct buddy_token *next = &message->tokens[*token];
        size_t left = room - (end - begin);
        if (next->room > left || next->end - end > left) {
            *token += next->fragile && next->end - end == left;
            break;
        }
        end = next->end;
        (*token)++;
    }
    *bytes = buffer_text(&message->text) + begin;
    *size = end - begin;
    if (*token == message->token_count) {
        return BUDDY_PIECE_LAST;
    }
    return *token == first ? BUDDY_PIECE_TOO_SMALL : BUDDY_PIECE_MORE;
}
