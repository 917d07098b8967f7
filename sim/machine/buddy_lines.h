#ifndef HOTBED_MACHINE_BUDDY_LINES_H
#define HOTBED_MACHINE_BUDDY_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/buffer.h"
#include "sim/machine/buddy_metadata.h"

/* How Buddy's readers go through a file: for buddy_*.c alone. */

enum buddy_lines_mode {
    BUDDY_PLAIN_METADATA, /* comment lines up to the first command, then those of the tail */
    BUDDY_PLAIN_LINES,    /* every line, without the blanks before it */
    BUDDY_ALL_LINES,      /* every line as it is */
};

struct buddy_lines {
    const struct file_content *content; /* not owned */
    enum buddy_lines_mode mode;
    uint64_t at; /* in the file, of the next byte */
    unsigned commands;
    bool complete; /* the last piece ended its line */
    char *begin;   /* the piece, in `bytes` */
    size_t size;
    char bytes[BUDDY_LINE_BYTES];
    uint64_t window_at; /* in the file */
    size_t window_size;
    char window[4096];
};

void buddy_lines_init(struct buddy_lines *lines, const struct file_content *content,
                      enum buddy_lines_mode mode);
/* The next piece of a line; false at the end. Blank lines are skipped. */
bool buddy_lines_next(struct buddy_lines *lines);
int buddy_lines_byte(struct buddy_lines *lines); /* -1: the end, or the disk failed */

struct buddy_text {
    const char *begin, *end;
};

/* The piece taken apart at its first '='; false: there is none. */
bool buddy_lines_assignment(const struct buddy_lines *lines, struct buddy_text *name,
                            struct buddy_text *value);

/* The lines of the printer metadata; NULL: not there, or packed so that a printer cannot read them.
 */
struct file_content *buddy_binary_metadata(const struct file_content *content);

#endif
