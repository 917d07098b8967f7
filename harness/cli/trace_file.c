#include "harness/cli/trace_file.h"

static void write_line(void *sink, const char *line, size_t size)
{
    struct trace_file *file = sink;
    output_file_write(&file->file, line, size);
}

bool trace_file_open(struct trace_file *file, const char *path, struct error *error)
{
    *file = (struct trace_file){0};
    if (!output_file_open(&file->file, path, error)) {
        return error_prefix(error, "--trace");
    }
    trace_init(&file->trace, write_line, file);
    return true;
}

bool trace_file_close(struct trace_file *file, struct error *error)
{
    trace_free(&file->trace);
    return output_file_close(&file->file, error) || error_prefix(error, "--trace");
}

void trace_file_drop(struct trace_file *file)
{
    trace_free(&file->trace);
    output_file_drop(&file->file);
}
