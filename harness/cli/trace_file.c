#include "harness/cli/trace_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/buffer.h"

static void write_line(void *sink, const char *line, size_t size)
{
    struct trace_file *file = sink;
    fwrite(line, 1, size, file->file); /* ferror() is asked at the end */
}

bool trace_file_open(struct trace_file *file, const char *path, struct error *error)
{
    struct buffer name = {0};
    buffer_format(&name, "%s.part", path);
    *file = (struct trace_file){.path = path, .temporary = buffer_detach(&name)};
    file->file = fopen(file->temporary, "wbe");
    if (file->file == NULL) {
        error_set(error, "--trace %s: %s", path, strerror(errno));
        free(file->temporary);
        return false;
    }
    trace_init(&file->trace, write_line, file);
    return true;
}

bool trace_file_close(struct trace_file *file, struct error *error)
{
    if (file->file == NULL) {
        return true;
    }
    trace_free(&file->trace);
    bool done = ferror(file->file) == 0;
    done = fclose(file->file) == 0 && done;
    done = done && rename(file->temporary, file->path) == 0;
    if (!done) {
        error_set(error, "--trace %s: %s", file->path, strerror(errno));
        unlink(file->temporary);
    }
    free(file->temporary);
    file->file = NULL;
    return done;
}
