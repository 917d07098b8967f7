#include "harness/report/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"

static int open_beside(struct output_file *file)
{
    struct buffer name = {0};
    buffer_format(&name, "%s.XXXXXX", file->path);
    int opened = mkostemp(name.bytes, O_CLOEXEC);
    if (opened < 0) {
        buffer_free(&name);
        return -1;
    }
    file->temporary = buffer_detach(&name);
    mode_t mask = umask(0);
    umask(mask);
    fchmod(opened, 0666 & ~mask); /* mkostemp() makes it private; a report is for others too */
    return opened;
}

bool output_file_open(struct output_file *file, const char *path, struct error *error)
{
    *file = (struct output_file){0};
    struct stat status;
    bool there = stat(path, &status) == 0;
    file->path = there ? realpath(path, NULL) : NULL;
    file->path = file->path != NULL ? file->path : memory_copy_text(path);
    bool in_place = there && !S_ISREG(status.st_mode);
    int opened = in_place ? open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY) : open_beside(file);
    file->file = opened < 0 ? NULL : fdopen(opened, "wb");
    if (file->file != NULL) {
        return true;
    }
    error_set(error, "%s: cannot be written: %s", path, strerror(errno));
    if (opened >= 0) {
        close(opened);
    }
    output_file_drop(file);
    return false;
}

void output_file_write(struct output_file *file, const void *bytes, size_t size)
{
    if (file->failed == 0 && fwrite(bytes, 1, size, file->file) != size) {
        file->failed = errno;
    }
}

bool output_file_close(struct output_file *file, struct error *error)
{
    if (file->file == NULL) {
        return true;
    }
    /* fsync(): a rename may reach the disk before the bytes do. */
    if (file->failed == 0 &&
        (fflush(file->file) != 0 || (file->temporary != NULL && fsync(fileno(file->file)) != 0))) {
        file->failed = errno;
    }
    if (fclose(file->file) != 0 && file->failed == 0) {
        file->failed = errno;
    }
    file->file = NULL;
    if (file->failed == 0 && file->temporary != NULL) {
        file->failed = rename(file->temporary, file->path) == 0 ? 0 : errno;
    }
    bool done = file->failed == 0;
    if (!done) {
        error_set(error, "%s: cannot be written: %s", file->path, strerror(file->failed));
    } else {
        free(file->temporary);
        file->temporary = NULL;
    }
    output_file_drop(file);
    return done;
}

void output_file_drop(struct output_file *file)
{
    if (file->file != NULL) {
        fclose(file->file);
    }
    if (file->temporary != NULL) {
        unlink(file->temporary);
    }
    free(file->temporary);
    free(file->path);
    *file = (struct output_file){0};
}
