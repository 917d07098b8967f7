#ifndef HOTBED_MOCKSERVERS_CONNECT_LOG_H
#define HOTBED_MOCKSERVERS_CONNECT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/wire/http.h"

/* What went over the wire, in order: a ring of bytes in which the newest exchanges push out the
 * oldest. Entries have numbers from 1 without gaps; a reader keeps the number of the last one that
 * it has seen. Bytes are kept as they were; whatever leaves through connect_log_read() or
 * connect_log_json() has its secrets replaced. */

struct connect_log;

struct connect_log *connect_log_new(size_t bytes);
void connect_log_destroy(struct connect_log *log); /* NULL is fine */

enum {
    CONNECT_LOG_BODY_BYTES_MAX = 64 * 1024
}; /* longer bodies are cut in the log, with their full size told */

struct connect_log_entry {
    uint64_t number;
    int64_t time_us;       /* of the request */
    int64_t reply_time_us; /* -1: never answered */
    uint32_t printer;      /* its number; 0: not recognised */
    uint32_t connection;
    int status;                              /* 0: never answered, or raw bytes */
    struct slice request_head, request_body; /* head: request line and headers */
    struct slice reply_head, reply_body;
    size_t request_body_size, reply_body_size; /* as they were */
};

uint64_t
connect_log_last(const struct connect_log *log); /* number of the newest entry; 0: none yet */
uint64_t connect_log_first(
    const struct connect_log *log); /* of the oldest that is still kept; last + 1: none */

/* Add an exchange (slices are copied). O(size), no allocation. Gives it its number. */
uint64_t connect_log_add(struct connect_log *log, const struct connect_log_entry *entry);

/* The first kept entry behind `since`; false: none. Slices live until the next add. Not redacted.
 */
bool connect_log_next(const struct connect_log *log, uint64_t since,
                      struct connect_log_entry *entry);

/* Entries behind `since`, at most `max` and about `bytes_max` bytes, as lines of JSON, redacted,
 * appended to `out`. Returns the number of the last one written, or `since`. */
uint64_t connect_log_json(const struct connect_log *log, uint64_t since, size_t max,
                          size_t bytes_max, struct buffer *out);
/* The same as a person reads it: heads and bodies as text with times. */
uint64_t connect_log_text(const struct connect_log *log, uint64_t since, size_t max,
                          struct buffer *out);

#endif
