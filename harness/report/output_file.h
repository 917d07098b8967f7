#ifndef HOTBED_REPORT_OUTPUT_FILE_H
#define HOTBED_REPORT_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/base/error.h"

/* A file that a run leaves behind. It grows under a name of its own beside `path` and gets its name
 * when it is complete, so that a reader sees the old file or the whole new one. What is there and
 * is no plain file (/dev/null, a pipe of the shell) is written in place and stays what it is; a
 * symbolic link stays a link. */
struct output_file {
    FILE *file;      /* NULL: not open */
    char *path;      /* where it goes to, links followed */
    char *temporary; /* NULL: written in place */
    int failed;      /* errno of the first write that failed, 0: none */
};

/* False with the reason, which begins with `path`, when it cannot be written there. */
bool output_file_open(struct output_file *file, const char *path, struct error *error);

/* What fails is told by output_file_close(). */
void output_file_write(struct output_file *file, const void *bytes, size_t size);

/* Give the file its name. False with the reason when not all of it could be written; nothing is
 * left beside `path` then, and `path` is as it was. Closed either way; fine when not open. */
bool output_file_close(struct output_file *file, struct error *error);

/* Close and leave nothing behind. */
void output_file_drop(struct output_file *file);

#endif
