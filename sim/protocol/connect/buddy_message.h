#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_MESSAGE_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"

/* A JSON document as the firmware writes it: a run of tokens, none of which is ever cut. The
 * firmware renders it through a small buffer, again and again; a token goes into what is left of
 * the buffer only if it and one byte more fit (PFB: src/common/segmented_json.cpp, vsnprintf's
 * NUL). Here a document is rendered once and remembers where its tokens end. */

struct buddy_token {
    size_t end;    /* in the text */
    uint32_t room; /* of a buffer, that must be left for it */
    bool fragile;  /* it is lost where it fits but for one byte: see buddy_message_end_fragile() */
};

struct buddy_message {
    struct buffer text;
    struct buffer tokens; /* a run of struct buddy_token */
    size_t token_count;
    bool comma;   /* a value stands on this level: the next one is preceded by a comma */
    bool aborted; /* the firmware gives the message up: nothing of it is sent */
};

void buddy_message_free(struct buddy_message *message);
void buddy_message_clear(struct buddy_message *message);
/* Its storage comes from a pool, and goes back there: the tokens as soon as it is cut into pieces.
 */
void buddy_message_borrow(struct buddy_message *message, struct buffer_pool *pool);
void buddy_message_cut(struct buddy_message *message, struct buffer_pool *pool);
void buddy_message_give_back(struct buddy_message *message, struct buffer_pool *pool);

/* End a token here: all that was appended to `text` since the last end. */
void buddy_message_end(struct buddy_message *message);
void buddy_message_end_room(struct buddy_message *message, size_t room);
/* A defect of the firmware that shows on the wire: the end of a long metadata value goes out with
 * the comma behind it, but when only the comma's NUL has no room the value counts as done and its
 * end, quote and all, never appears (captures buddy/render-chunks-fileinfo-*.txt, case 3, piece
 * 10). */
void buddy_message_end_fragile(struct buddy_message *message);

/* A comma is a token of its own and goes out before the value that needs it. `name` NULL: a member
 * of an array, or the root. Names are not escaped. */
void buddy_object(struct buddy_message *message, const char *name);
void buddy_object_end(struct buddy_message *message);
void buddy_array(struct buddy_message *message, const char *name);
void buddy_array_end(struct buddy_message *message);
void buddy_text(struct buddy_message *message, const char *name, const char *value);
void buddy_int(struct buddy_message *message, const char *name, int64_t value);
void buddy_bool(struct buddy_message *message, const char *name, bool value);
void buddy_fixed(struct buddy_message *message, const char *name, double value, int decimals);

/* The firmware's escapes: \b \f \n \r \t \" \\ and NUL; everything else goes out as it is. */
void buddy_escape(struct buffer *out, const char *bytes, size_t size);

enum buddy_piece {
    BUDDY_PIECE_MORE,
    BUDDY_PIECE_LAST,
    BUDDY_PIECE_TOO_SMALL, /* the next token fits into no such buffer: the message can't be sent */
};

/* What goes into a buffer of `room` bytes from token `*token` on; `*token` moves behind it. */
enum buddy_piece buddy_message_piece(const struct buddy_message *message, size_t *token,
                                     size_t room, const char **bytes, size_t *size);

#endif
