#include "sim/protocol/connect/buddy_json.h"

#include <string.h>

#include "sim/base/buffer.h"

struct token {
    enum buddy_json_type type;
    size_t start, end;
    bool open;
    int members; /* of an object its keys, of a key its values, of an array its elements */
};

enum { NOWHERE = -1 };

struct tokenizer {
    const char *text;
    size_t size, at;
    struct token tokens[BUDDY_JSON_TOKENS_MAX];
    int count;
    int above; /* token that the next one belongs to */
};

static bool add(struct tokenizer *t, enum buddy_json_type type, size_t start, size_t end, bool open)
{
    if (t->count == BUDDY_JSON_TOKENS_MAX) {
        return false;
    }
    if (t->above != NOWHERE) {
        t->tokens[t->above].members++;
    }
    t->tokens[t->count++] = (struct token){type, start, end, open, 0};
    return true;
}

static int innermost_open(const struct tokenizer *t, int from)
{
    while (from >= 0 && !t->tokens[from].open) {
        from--;
    }
    return from;
}

static bool close_level(struct tokenizer *t, enum buddy_json_type type)
{
    int open = innermost_open(t, t->count - 1);
    if (open == NOWHERE || t->tokens[open].type != type) {
        return false;
    }
    t->tokens[open].open = false;
    t->tokens[open].end = t->at + 1;
    t->above = innermost_open(t, open);
    return true;
}

static bool hexadecimal(char letter)
{
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f') ||
           (letter >= 'A' && letter <= 'F');
}

/* At a quote; ends at the closing one. */
static bool string(struct tokenizer *t)
{
    size_t start = ++t->at;
    for (; t->at < t->size; t->at++) {
        if (t->text[t->at] == '"') {
            return add(t, BUDDY_JSON_STRING, start, t->at, false);
        }
        if (t->text[t->at] != '\\' || t->at + 1 >= t->size) {
            continue;
        }
        t->at++;
        if (t->text[t->at] == 'u') {
            for (int i = 0; i < 4; i++) {
                if (t->at + 1 >= t->size || !hexadecimal(t->text[t->at + 1])) {
                    return false;
                }
                t->at++;
            }
        } else if (strchr("\"/\\bfrnt", t->text[t->at]) == NULL) {
            return false;
        }
    }
    return false;
}

/* A bare word; ends at its last character. */
static bool primitive(struct tokenizer *t)
{
    size_t start = t->at;
    for (; t->at < t->size; t->at++) {
        char letter = t->text[t->at];
        if (strchr("\t\r\n ,]}:", letter) != NULL) {
            break;
        }
        if (letter < ' ' || letter == 0x7f) { /* signed: beyond ASCII, too */
            return false;
        }
    }
    bool added = add(t, BUDDY_JSON_PRIMITIVE, start, t->at, false);
    t->at--;
    return added;
}

static bool step(struct tokenizer *t)
{
    switch (t->text[t->at]) {
    case '{':
    case '[': {
        bool object = t->text[t->at] == '{';
        if (!add(t, object ? BUDDY_JSON_OBJECT : BUDDY_JSON_ARRAY, t->at, 0, true)) {
            return false;
        }
        t->above = t->count - 1;
        return true;
    }
    case '}':
        return close_level(t, BUDDY_JSON_OBJECT);
    case ']':
        return close_level(t, BUDDY_JSON_ARRAY);
    case '"':
        return string(t);
    case '\t':
    case '\r':
    case '\n':
    case ' ':
        return true;
    case ':':
        t->above = t->count - 1;
        return true;
    case ',':
        if (t->above != NOWHERE && t->tokens[t->above].type != BUDDY_JSON_OBJECT &&
            t->tokens[t->above].type != BUDDY_JSON_ARRAY) {
            int open = innermost_open(t, t->count - 1);
            t->above = open == NOWHERE ? t->above : open;
        }
        return true;
    default:
        return primitive(t);
    }
}

static bool tokenize(struct tokenizer *t)
{
    for (; t->at < t->size; t->at++) {
        if (!step(t)) {
            return false;
        }
    }
    return innermost_open(t, t->count - 1) == NOWHERE;
}

/* ---- telling ---- */

struct telling {
    const struct tokenizer *tokens;
    buddy_json_each *each;
    void *owner;
    struct buffer value;
};

static void unescape(struct buffer *out, const char *text, size_t size)
{
    static const char letters[] = "bfnrt\"\\";
    static const char plain[] = "\b\f\n\r\t\"\\";
    buffer_clear(out);
    for (size_t i = 0; i < size; i++) {
        const char *found = text[i] == '\\' && i + 1 < size ? strchr(letters, text[i + 1]) : NULL;
        if (found != NULL && *found != '\0') {
            buffer_append_char(out, plain[found - letters]);
            i++;
        } else if (size - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0) {
            buffer_append_char(out, '\0');
            i += 5;
        } else {
            buffer_append_char(out, text[i]);
        }
    }
}

/* Tells token `at` and what is in it; returns the next one, NOWHERE: broken. At most as deep as
 * there are tokens. */
static int tell(struct telling *telling, int at, const struct token *key, size_t depth)
{
    const struct tokenizer *t = telling->tokens;
    if (at >= t->count) {
        return NOWHERE;
    }
    const struct token *token = &t->tokens[at];
    struct buddy_json_item item = {.depth = depth, .type = token->type};
    if (key != NULL) {
        item.key = t->text + key->start;
        item.key_size = key->end - key->start;
    }
    if (token->type == BUDDY_JSON_STRING || token->type == BUDDY_JSON_PRIMITIVE) {
        unescape(&telling->value, t->text + token->start, token->end - token->start);
        item.value = buffer_text(&telling->value);
        item.value_size = telling->value.size;
        telling->each(telling->owner, &item);
        return token->members == 0 ? at + 1 : NOWHERE;
    }
    if (depth > 0) {
        telling->each(telling->owner, &item);
    }
    int next = at + 1;
    for (int i = 0; next != NOWHERE && i < token->members; i++) {
        const struct token *member = NULL;
        if (token->type == BUDDY_JSON_OBJECT) {
            if (next >= t->count || t->tokens[next].type != BUDDY_JSON_STRING ||
                t->tokens[next].members != 1) {
                return NOWHERE;
            }
            member = &t->tokens[next++];
        }
        next = tell(telling, next, member, depth + 1);
    }
    if (depth > 0 && next != NOWHERE) {
        telling->each(telling->owner,
                      &(struct buddy_json_item){.depth = depth, .type = BUDDY_JSON_POP});
    }
    return next;
}

bool buddy_json_read(const char *text, size_t size, buddy_json_each *each, void *owner)
{
    struct tokenizer tokenizer = {.text = text, .size = strnlen(text, size), .above = NOWHERE};
    if (!tokenize(&tokenizer) || tokenizer.count == 0 ||
        tokenizer.tokens[0].type != BUDDY_JSON_OBJECT) {
        return false;
    }
    struct telling telling = {.tokens = &tokenizer, .each = each, .owner = owner};
    bool good = tell(&telling, 0, NULL, 0) != NOWHERE;
    buffer_free(&telling.value);
    return good;
}
