#include "mockservers/connect/merge.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

/* On the texts themselves, which costs neither a tree for each value nor the printing of numbers.
 * What is unusual (many members, names with escapes, a name twice, objects in objects) goes the way
 * over trees. */

enum { MEMBERS_MAX = 64, DEPTH_MAX = 4 };

struct member {
    struct slice name, value;
    bool used;
};

struct members {
    struct member list[MEMBERS_MAX];
    size_t count;
};

/* ---- reading ---- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) {
        at++;
    }
    return at;
}

/* Behind the string that begins at `at`; `end`: it does not end. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        at += *at == '\\';
    }
    return at < end ? at + 1 : end;
}

static const char *skip_value(const char *at, const char *end)
{
    int depth = 0;
    for (; at < end; at++) {
        if (*at == '"') {
            at = skip_string(at, end) - 1;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (depth == 0 && (*at == ',' || *at == '}')) {
            break;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
    }
    return at;
}

static struct slice between(const char *begin, const char *end)
{
    while (end > begin && skip_blanks(end - 1, end) == end) {
        end--;
    }
    return (struct slice){begin, (size_t)(end - begin)};
}

static bool is_plain_name(struct slice name)
{
    return name.size < 2 || memchr(name.bytes, '\\', name.size) == NULL;
}

static struct member *find(struct members *members, struct slice name, size_t likely)
{
    for (size_t i = 0; i < members->count; i++) {
        size_t at = likely + i < members->count ? likely + i : likely + i - members->count;
        struct member *member = &members->list[at];
        if (member->name.size == name.size &&
            memcmp(member->name.bytes, name.bytes, name.size) == 0) {
            return member;
        }
    }
    return NULL;
}

/* False: it is unusual. */
static bool read_members(struct members *members, struct slice object)
{
    const char *at = skip_blanks(object.bytes, object.bytes + object.size);
    const char *end = object.bytes + object.size;
    members->count = 0;
    if (at == end || *at != '{') {
        return false;
    }
    for (at = skip_blanks(at + 1, end); at < end && *at == '"';) {
        const char *name = at;
        at = skip_string(at, end);
        struct member member = {.name = {name, (size_t)(at - name)}};
        at = skip_blanks(at, end);
        if (at == end || *at != ':' || !is_plain_name(member.name) ||
            members->count == MEMBERS_MAX || find(members, member.name, 0) != NULL) {
            return false;
        }
        const char *value = skip_blanks(at + 1, end);
        at = skip_value(value, end);
        member.value = between(value, at);
        members->list[members->count++] = member;
        at = skip_blanks(at < end && *at == ',' ? at + 1 : at, end);
    }
    return at < end && *at == '}';
}

/* ---- writing ---- */

static bool left_out(struct slice name, const char *const *without)
{
    for (; without != NULL && *without != NULL; without++) {
        size_t size = strlen(*without);
        if (name.size == size + 2 && memcmp(name.bytes + 1, *without, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool merge_text(struct buffer *out, struct slice known, struct slice fresh,
                       const char *const *without, int depth);

static bool write_member(struct buffer *out, struct slice name, struct slice known,
                         struct slice fresh, int depth)
{
    if (out->bytes[out->size - 1] != '{') {
        buffer_append_char(out, ',');
    }
    buffer_append(out, name.bytes, name.size);
    buffer_append_char(out, ':');
    if (known.size > 0 && fresh.size > 0 && *known.bytes == '{' && *fresh.bytes == '{') {
        return merge_text(out, known, fresh, NULL, depth + 1);
    }
    struct slice value = fresh.size > 0 ? fresh : known;
    buffer_append(out, value.bytes, value.size);
    return true;
}

static bool merge_text(struct buffer *out, struct slice known, struct slice fresh,
                       const char *const *without, int depth)
{
    struct members before, after;
    bool good = depth < DEPTH_MAX && read_members(&before, known) && read_members(&after, fresh);
    size_t likely = 0;
    buffer_append_char(out, '{');
    for (size_t i = 0; good && i < before.count; i++) {
        struct member *now = find(&after, before.list[i].name, likely);
        struct slice value = {0};
        if (now != NULL) {
            now->used = true;
            likely = (size_t)(now - after.list) + 1;
            likely = likely == after.count ? 0 : likely;
            value = now->value;
        }
        good = left_out(before.list[i].name, without) ||
               write_member(out, before.list[i].name, before.list[i].value, value, depth);
    }
    for (size_t i = 0; good && i < after.count; i++) {
        if (!after.list[i].used && !left_out(after.list[i].name, without)) {
            good = write_member(out, after.list[i].name, (struct slice){0}, after.list[i].value,
                                depth);
        }
    }
    buffer_append_char(out, '}');
    return good;
}

/* ---- over trees ---- */

static void merge_trees(cJSON *into, cJSON *from)
{
    for (cJSON *item = from->child, *next; item != NULL; item = next) {
        next = item->next;
        cJSON *old = cJSON_GetObjectItemCaseSensitive(into, item->string);
        if (old != NULL && cJSON_IsObject(old) && cJSON_IsObject(item)) {
            merge_trees(old, item);
            continue;
        }
        cJSON_DetachItemViaPointer(from, item);
        if (old != NULL) {
            cJSON_ReplaceItemViaPointer(into, old, item);
        } else {
            cJSON_AddItemToObject(into, item->string, item);
        }
    }
}

static void merge_unusual(struct buffer *out, struct slice known, struct slice fresh,
                          const char *const *without)
{
    cJSON *into = cJSON_ParseWithLength(known.bytes, known.size);
    cJSON *from = cJSON_ParseWithLength(fresh.bytes, fresh.size);
    assert(cJSON_IsObject(into) && cJSON_IsObject(from));
    merge_trees(into, from);
    for (; without != NULL && *without != NULL; without++) {
        cJSON_DeleteItemFromObjectCaseSensitive(into, *without);
    }
    char *text = cJSON_PrintUnformatted(into);
    buffer_append_text(out, text);
    cJSON_free(text);
    cJSON_Delete(into);
    cJSON_Delete(from);
}

void json_merge(struct buffer *out, struct slice known, struct slice fresh,
                const char *const *without)
{
    /* A byte 0, which cJSON reads over, would end the text for whoever reads it next. */
    if (memchr(fresh.bytes, '\0', fresh.size) == NULL) {
        size_t begin = out->size;
        if (merge_text(out, known, fresh, without, 0)) {
            return;
        }
        out->size = begin;
        out->bytes[begin] = '\0';
    }
    merge_unusual(out, known, fresh, without);
}
