#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_JSON_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* JSON as Buddy firmware reads it: with a lenient tokenizer that takes trailing commas, text behind
 * the first object and bare words, and without decoding \u (connect-buddy.md 6.2; the tokenizer is
 * jsmn, not strict). Where the firmware's behaviour is undefined, a key without a value or with
 * two, the text is refused. */

enum { BUDDY_JSON_TOKENS_MAX = 60 };

enum buddy_json_type {
    BUDDY_JSON_OBJECT,
    BUDDY_JSON_ARRAY,
    BUDDY_JSON_STRING,
    BUDDY_JSON_PRIMITIVE, /* number, true, false, null, or any bare word */
    BUDDY_JSON_POP,       /* the end of an object or array, at the depth of its beginning */
};

struct buddy_json_item {
    size_t depth; /* 1: a member of the outermost object */
    enum buddy_json_type type;
    const char *key; /* as in the text; NULL: none */
    size_t key_size;
    const char *value; /* escapes decoded, NUL behind; of strings and primitives */
    size_t value_size;
};

typedef void buddy_json_each(void *owner, const struct buddy_json_item *item);

/* Tells each item in order; false: broken somewhere. What came before was told. */
bool buddy_json_read(const char *text, size_t size, buddy_json_each *each, void *owner);

#endif
