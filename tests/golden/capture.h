#ifndef HOTBED_TESTS_GOLDEN_CAPTURE_H
#define HOTBED_TESTS_GOLDEN_CAPTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* A recorded exchange of ../shared/captures (format: README.md there): a list of what happened, in
 * order. */
enum capture_kind {
    CAPTURE_REQUEST, /* client to server ('>') */
    CAPTURE_REPLY,   /* server to client ('<') */
    CAPTURE_OPEN,    /* "* open conn n" */
    CAPTURE_CLOSE,   /* "* close…" */
    CAPTURE_RESET,   /* "* reset…" */
    CAPTURE_BEFORE,  /* "* conn n is open from before" */
    CAPTURE_NOTE,    /* "# text": something done from outside */
};

/* ("* server stays silent" and the like are notes too.) */
struct capture_entry {
    enum capture_kind kind;
    int64_t time_us;     /* since the capture began */
    unsigned connection; /* 0: none named */
    const char *text;    /* of a connection line or note: the line behind the mark */
    const char
        *bytes; /* of a message: as on the wire, with CRLF in its head and the body of its length */
    size_t size;
    const char *body; /* in bytes */
    size_t body_size;
    unsigned line; /* of the file, for messages of a test */
};

struct capture {
    char *program, *situation, *server; /* the three lines at the top */
    struct capture_entry *entries;
    size_t count;
};

/* Path of a file below the shared folder (HOTBED_SHARED, else ../shared); NULL when it is not
 * there. Free it. */
char *capture_path(const char *relative);

/* The bytes of a whole file, appended. */
bool capture_read_file(const char *path, struct buffer *text, struct error *error);

bool capture_load(struct capture *capture, const char *path, struct error *error);
void capture_free(struct capture *capture);

/* The value of a header of a message, copied into `value`; false: it has none. */
bool capture_header(const struct capture_entry *entry, const char *name, char *value, size_t size);

#endif
