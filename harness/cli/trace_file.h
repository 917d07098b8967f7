#ifndef HOTBED_CLI_TRACE_FILE_H
#define HOTBED_CLI_TRACE_FILE_H

#include "harness/report/output_file.h"
#include "sim/base/trace.h"

/* A trace on disk, that nobody reads half of (harness/report/output_file.h). */
struct trace_file {
    struct trace trace;
    struct output_file file;
};

/* False with the reason, which begins with "--trace PATH". */
bool trace_file_open(struct trace_file *file, const char *path, struct error *error);
/* False with the reason when the disk failed; closed either way. Fine when not open. */
bool trace_file_close(struct trace_file *file, struct error *error);
/* Close and leave what was there before: nothing was run. Fine when not open. */
void trace_file_drop(struct trace_file *file);

#endif
