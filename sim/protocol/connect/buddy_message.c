#include "sim/protocol/connect/buddy_message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

void buddy_message_free(struct buddy_message *message)
{
    buffer_free(&message->text);
    buffer_free(&message->tokens);
    *message = (struct buddy_message){0};
}

void buddy_message_borrow(struct buddy_message *message, struct buffer_pool *pool)
{
    buddy_message_give_back(message, pool);
    message->text = buffer_pool_take(pool);
    message->tokens = buffer_pool_take(pool);
}

void buddy_message_cut(struct buddy_message *message, struct buffer_pool *pool)
{
    buffer_pool_give(pool, &message->tokens);
    message->token_count = 0;
}

void buddy_message_give_back(struct buddy_message *message, struct buffer_pool *pool)
{
    buddy_message_cut(message, pool);
    buffer_pool_give(pool, &message->text);
}

/* The tokens as they lie in their buffer, whose bytes are aligned for anything. */
static struct buddy_token *tokens_of(const struct buddy_message *message)
{
    void *bytes = message->tokens.bytes;
    return bytes;
}

static size_t end_of(const struct buddy_message *message, size_t count)
{
    return count == 0 ? 0 : tokens_of(message)[count - 1].end;
}

void buddy_message_clear(struct buddy_message *message)
{
    buffer_clear(&message->text);
    buffer_clear(&message->tokens);
    message->token_count = 0;
    message->comma = false;
    message->aborted = false;
}

void buddy_message_end_room(struct buddy_message *message, size_t room)
{
    const struct buddy_token token = {.end = message->text.size, .room = (uint32_t)room};
    buffer_append(&message->tokens, &token, sizeof token);
    message->token_count++;
}

void buddy_message_end(struct buddy_message *message)
{
    size_t begin = end_of(message, message->token_count);
    buddy_message_end_room(message, message->text.size - begin + 1);
}

void buddy_message_end_fragile(struct buddy_message *message)
{
    buddy_message_end(message);
    tokens_of(message)[message->token_count - 1].fragile = true;
}

/* The letter behind the backslash; 0: the byte goes out as it is. */
static char escape_of(char byte)
{
    switch (byte) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return byte;
    default:
        return 0;
    }
}

void buddy_escape(struct buffer *out, const char *bytes, size_t size)
{
    size_t plain = 0; /* start of what needs no escape */
    for (size_t i = 0; i < size; i++) {
        char letter = escape_of(bytes[i]);
        if (letter == 0 && bytes[i] != '\0') {
            continue;
        }
        buffer_append(out, bytes + plain, i - plain);
        if (bytes[i] == '\0') {
            buffer_append_text(out, "\\u0000");
        } else {
            buffer_append_char(out, '\\');
            buffer_append_char(out, letter);
        }
        plain = i + 1;
    }
    buffer_append(out, bytes + plain, size - plain);
}

/* ---- values ---- */

static void begin_value(struct buddy_message *message, const char *name)
{
    if (message->comma) {
        buffer_append_char(&message->text, ',');
        buddy_message_end(message);
    }
    if (name != NULL) {
        buffer_append_char(&message->text, '"');
        buffer_append_text(&message->text, name);
        buffer_append(&message->text, "\":", 2);
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
    buffer_append_fixed(&message->text, value, decimals);
    buddy_message_end(message);
}

/* ---- pieces ---- */

enum buddy_piece buddy_message_piece(const struct buddy_message *message, size_t *token,
                                     size_t room, const char **bytes, size_t *size)
{
    size_t begin = end_of(message, *token);
    size_t end = begin;
    size_t first = *token;
    while (*token < message->token_count) {
        const struct buddy_token *next = &tokens_of(message)[*token];
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
