#ifndef HOTBED_WIRE_HTTP_HEAD_H
#define HOTBED_WIRE_HTTP_HEAD_H

#include "sim/wire/http.h"

/* The head of one message: start line, header lines, empty line. Used by the parser in http.c. */

enum http_body_kind { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_TO_END };

struct http_head {
    size_t size; /* with the empty line */
    enum http_body_kind body;
    uint64_t length; /* HTTP_BODY_LENGTH */
    enum http_problem problem;
    const char *why;
};

enum http_head_state { HTTP_HEAD_DONE, HTTP_HEAD_INCOMPLETE, HTTP_HEAD_FAILED };

/* Read a head from the beginning of `bytes` into `message`. `lax`: HTTP_LAX_*. */
enum http_head_state http_head_parse(struct http_message *message, bool request, unsigned lax,
                                     const char *bytes, size_t size, struct http_head *head);

/* The start line alone, `line` without its line end: so that nonsense is noticed at its first line.
 */
bool http_start_line_parse(struct http_message *message, bool request, struct slice line,
                           struct http_head *head);

/* One header or trailer line, without its line end. */
bool http_header_line_parse(struct http_header *header, struct slice line, struct http_head *head);

/* Cut off the line end: CR LF, or LF alone where `bare_lf` allows it. False: LF alone. */
bool http_line_trim(struct slice *line, bool bare_lf);

/* The line of a head that begins at `at`, without its end; *next is behind that. */
enum http_line { HTTP_LINE, HTTP_LINE_INCOMPLETE, HTTP_LINE_BARE_LF };
enum http_line http_line_read(const char *bytes, size_t size, size_t at, unsigned lax,
                              struct slice *line, size_t *next);

/* Where the head in `bytes` ends (behind the empty line), looking from `from` on; 0: not yet. */
size_t http_head_end(const char *bytes, size_t size, size_t from, unsigned lax);

#endif
