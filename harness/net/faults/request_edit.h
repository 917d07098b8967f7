#ifndef HOTBED_NET_FAULTS_REQUEST_EDIT_H
#define HOTBED_NET_FAULTS_REQUEST_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"
#include "sim/wire/http.h"

/* A request in the hands of faults: its parts as they will go out. Zeroed is empty. */
struct request_edit {
    struct buffer method, target, body;
    struct buffer names[HTTP_HEADERS_MAX], values[HTTP_HEADERS_MAX];
    size_t header_count;
    bool body_changed;  /* Content-Length is written anew */
    size_t chunk_bytes; /* of a body in chunks; 0: as Buddy printers cut them */
};

void request_edit_init(struct request_edit *edit, const struct http_message *request);
void request_edit_free(struct request_edit *edit);
void request_edit_write(const struct request_edit *edit, struct buffer *out);

void request_edit_drop_header(struct request_edit *edit, const char *name);
void request_edit_set_header(struct request_edit *edit, const char *name,
                             const char *value); /* added at the end */
void request_edit_set_body(struct request_edit *edit, const char *body);
/* `path` is "state" or "data.files.children.0.name"; `json` any JSON text, NULL removes. A body
 * that is no JSON, or has no such place, stays as it is. */
void request_edit_json(struct request_edit *edit, const char *path, const char *json);

#endif
