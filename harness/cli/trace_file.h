#ifndef HOTBED_CLI_TRACE_FILE_H
#define HOTBED_CLI_TRACE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/base/error.h"
#include "sim/base/trace.h"

/* A trace on disk. It grows under "PATH.part" and gets its name when it is complete, so that nobody reads half of one. */
struct trace_file {
    struct trace trace;
    FILE *file; /* NULL: not open */
    char *temporary;
    const char *path; /* the caller's */
};

bool trace_file_open(struct trace_file *file, const char *path, struct error *error);
/* False with the reason when the disk failed; closed either way. Fine when not open. */
bool trace_file_close(struct trace_file *file, struct error *error);

#endif
