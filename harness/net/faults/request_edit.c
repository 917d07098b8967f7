#include "harness/net/faults/request_edit.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void keep(struct buffer *out, struct slice slice)
{
    buffer_append(out, slice.bytes, slice.size);
}

void request_edit_init(struct request_edit *edit, const struct http_message *request)
{
    *edit = (struct request_edit){.header_count = request->header_count};
    keep(&edit->method, request->method);
    keep(&edit->target, request->target);
    keep(&edit->body, request->body);
    for (size_t i = 0; i < request->header_count; i++) {
        keep(&edit->names[i], request->headers[i].name);
        keep(&edit->values[i], request->headers[i].value);
    }
}

static void free_header(struct request_edit *edit, size_t index)
{
    buffer_free(&edit->names[index]);
    buffer_free(&edit->values[index]);
}

void request_edit_free(struct request_edit *edit)
{
    buffer_free(&edit->method);
    buffer_free(&edit->target);
    buffer_free(&edit->body);
    for (size_t i = 0; i < edit->header_count; i++) {
        free_header(edit, i);
    }
    edit->header_count = 0;
}

/* As Buddy printers frame it (connect-buddy.md 1.3): sizes of four digits, chunks as their buffer
 * allows. */
static void write_chunks(const struct request_edit *edit, struct buffer *out)
{
    enum { BUDDY_BYTES = 248 };
    const struct buffer *body = &edit->body;
    size_t most = edit->chunk_bytes == 0 ? BUDDY_BYTES : edit->chunk_bytes;
    for (size_t at = 0; at < body->size; at += most) {
        size_t size = body->size - at < most ? body->size - at : most;
        buffer_format(out, edit->chunk_bytes == 0 ? "%04zX\r\n" : "%zx\r\n", size);
        buffer_append(out, body->bytes + at, size);
        buffer_append_text(out, "\r\n");
    }
    buffer_append_text(out, edit->chunk_bytes == 0 ? "0000\r\n\r\n" : "0\r\n\r\n");
}

void request_edit_write(const struct request_edit *edit, struct buffer *out)
{
    bool chunked = false;
    http_write_request(out, buffer_text(&edit->method), buffer_text(&edit->target));
    for (size_t i = 0; i < edit->header_count; i++) {
        const char *name = buffer_text(&edit->names[i]);
        chunked = chunked || strcasecmp(name, "Transfer-Encoding") == 0;
        if (edit->body_changed && strcasecmp(name, "Content-Length") == 0) {
            http_write_header_int(out, name, (int64_t)edit->body.size);
        } else {
            http_write_header(out, name, buffer_text(&edit->values[i]));
        }
    }
    http_write_end(out);
    if (chunked) {
        write_chunks(edit, out);
    } else {
        buffer_append(out, buffer_text(&edit->body), edit->body.size);
    }
}

void request_edit_drop_header(struct request_edit *edit, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < edit->header_count; i++) {
        if (strcasecmp(buffer_text(&edit->names[i]), name) == 0) {
            free_header(edit, i);
        } else {
            edit->names[kept] = edit->names[i];
            edit->values[kept] = edit->values[i];
            kept++;
        }
    }
    edit->header_count = kept;
}

void request_edit_set_header(struct request_edit *edit, const char *name, const char *value)
{
    for (size_t i = 0; i < edit->header_count; i++) {
        if (strcasecmp(buffer_text(&edit->names[i]), name) == 0) {
            buffer_clear(&edit->values[i]);
            buffer_append_text(&edit->values[i], value);
            return;
        }
    }
    if (edit->header_count < HTTP_HEADERS_MAX) {
        edit->names[edit->header_count] = (struct buffer){0};
        edit->values[edit->header_count] = (struct buffer){0};
        buffer_append_text(&edit->names[edit->header_count], name);
        buffer_append_text(&edit->values[edit->header_count], value);
        edit->header_count++;
    }
}

void request_edit_set_body(struct request_edit *edit, const char *body)
{
    buffer_clear(&edit->body);
    buffer_append_text(&edit->body, body);
    edit->body_changed = true;
}

static cJSON *child(cJSON *parent, const char *name)
{
    if (cJSON_IsArray(parent)) {
        return cJSON_GetArrayItem(parent, atoi(name));
    }
    return cJSON_GetObjectItemCaseSensitive(parent, name);
}

/* Replace, add or remove one member of `parent`. */
static void change(cJSON *parent, const char *name, const char *json)
{
    cJSON *value = json == NULL ? NULL : cJSON_Parse(json);
    if (json != NULL && value == NULL) {
        value = cJSON_CreateString(json);
    }
    cJSON *old = child(parent, name);
    if (value == NULL) {
        cJSON_Delete(old == NULL ? NULL : cJSON_DetachItemViaPointer(parent, old));
    } else if (old != NULL) {
        if (cJSON_IsObject(parent)) {
            cJSON_ReplaceItemInObjectCaseSensitive(parent, name, value);
        } else {
            cJSON_ReplaceItemViaPointer(parent, old, value);
        }
    } else if (cJSON_IsObject(parent)) {
        cJSON_AddItemToObject(parent, name, value);
    } else {
        cJSON_Delete(value);
    }
}

void request_edit_json(struct request_edit *edit, const char *path, const char *json)
{
    cJSON *root = cJSON_ParseWithLength(buffer_text(&edit->body), edit->body.size);
    if (root == NULL) {
        return;
    }
    cJSON *parent = root;
    char name[256];
    const char *at = path;
    size_t length = strcspn(at, ".");
    while (parent != NULL && at[length] == '.' && length < sizeof name) {
        memcpy(name, at, length);
        name[length] = '\0';
        parent = child(parent, name);
        at += length + 1;
        length = strcspn(at, ".");
    }
    if (cJSON_IsObject(parent) || cJSON_IsArray(parent)) {
        change(parent, at, json);
        char *text = cJSON_PrintUnformatted(root);
        if (text != NULL) {
            request_edit_set_body(edit, text);
            cJSON_free(text);
        }
    }
    cJSON_Delete(root);
}
