#include "sim/machine/archive.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "sim/base/memory.h"

enum {
    CHUNK_BYTES = 65536,
    TAIL_BYTES = 65536 + 22 + 20 + 56, /* in which the end of the directory is looked for */
};

struct archive {
    const struct file_content *content; /* not owned */
    zip_t *zip;
    uint64_t at;      /* of the source */
    uint64_t allowed; /* bytes that may be read while the directory is */
    bool opening;
    size_t count;
};

static zip_int64_t source_read(struct archive *archive, void *bytes, zip_uint64_t size)
{
    if (archive->opening && size > archive->allowed) {
        return -1;
    }
    long got = file_content_read(archive->content, archive->at, bytes, (size_t)size, NULL);
    if (got > 0) {
        archive->at += (uint64_t)got;
        archive->allowed -= archive->opening ? (uint64_t)got : 0;
    }
    return got;
}

/* How libzip reads a file of ours (zip_source_function(3)). */
static zip_int64_t source(void *owner, void *bytes, zip_uint64_t size, zip_source_cmd_t command)
{
    struct archive *archive = owner;
    zip_error_t error;
    switch (command) {
    case ZIP_SOURCE_OPEN:
        archive->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return source_read(archive, bytes, size);
    case ZIP_SOURCE_SEEK: {
        zip_int64_t at = zip_source_seek_compute_offset(
            archive->at, file_content_size(archive->content), bytes, size, NULL);
        archive->at = at >= 0 ? (uint64_t)at : archive->at;
        return at >= 0 ? 0 : -1;
    }
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)archive->at;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *stat = bytes;
        zip_stat_init(stat);
        stat->valid = ZIP_STAT_SIZE;
        stat->size = file_content_size(archive->content);
        return sizeof *stat;
    }
    case ZIP_SOURCE_ERROR:
        zip_error_init(&error);
        zip_error_set(&error, ZIP_ER_READ, 0);
        return zip_error_to_data(&error, bytes, size);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                              ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                              ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, -1);
    default:
        return -1;
    }
}

/* The 64-bit directory may claim any number of entries, and libzip believes it. */
static bool small_directory(const struct file_content *content, struct error *error)
{
    uint64_t size = file_content_size(content);
    if (size > ARCHIVE_FILE_BYTES_MAX) {
        return error_set(error, "the archive has %llu bytes, at most %llu are read",
                         (unsigned long long)size, (unsigned long long)ARCHIVE_FILE_BYTES_MAX);
    }
    char *tail = memory_new(TAIL_BYTES);
    long got = file_content_read(content, size > TAIL_BYTES ? size - TAIL_BYTES : 0, tail,
                                 TAIL_BYTES, error);
    bool wide = got > 0 && memmem(tail, (size_t)got, "PK\6\7", 4) != NULL;
    free(tail);
    return got >= 0 &&
           (!wide || error_set(error, "a ZIP file of the 64-bit kind, which no project is"));
}

static bool open_zip(struct archive *archive, struct error *error)
{
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *from = zip_source_function_create(source, archive, &reason);
    if (from == NULL) {
        return error_set(error, "no valid ZIP file: %s", zip_error_strerror(&reason));
    }
    archive->opening = true;
    archive->allowed = ARCHIVE_DIRECTORY_BYTES_MAX;
    archive->zip = zip_open_from_source(from, ZIP_RDONLY, &reason);
    archive->opening = false;
    if (archive->zip == NULL) {
        zip_source_free(from);
        error_set(error, "no valid ZIP file: %s", zip_error_strerror(&reason));
    }
    zip_error_fini(&reason);
    return archive->zip != NULL;
}

struct archive *archive_open(const struct file_content *content, struct error *error)
{
    struct archive *archive = memory_new(sizeof *archive);
    archive->content = content;
    if (!small_directory(content, error) || !open_zip(archive, error)) {
        archive_close(archive);
        return NULL;
    }
    zip_int64_t count = zip_get_num_entries(archive->zip, 0);
    if (count > ARCHIVE_ENTRIES_MAX) {
        error_set(error, "the archive has %lld entries, at most %d are read", (long long)count,
                  (int)ARCHIVE_ENTRIES_MAX);
        archive_close(archive);
        return NULL;
    }
    archive->count = count > 0 ? (size_t)count : 0;
    return archive;
}

void archive_close(struct archive *archive)
{
    if (archive != NULL) {
        if (archive->zip != NULL) {
            zip_discard(archive->zip);
        }
        free(archive);
    }
}

size_t archive_count(const struct archive *archive)
{
    return archive->count;
}

const char *archive_name(const struct archive *archive, size_t index)
{
    const char *name = zip_get_name(archive->zip, index, 0);
    return name != NULL ? name : "";
}

long archive_find(const struct archive *archive, const char *name)
{
    for (size_t i = archive->count; i-- > 0;) {
        if (strcmp(archive_name(archive, i), name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

/* Whether the entry is of a kind that we read; `stat` is set. */
static bool plain_entry(struct archive *archive, size_t index, zip_stat_t *stat,
                        struct error *error)
{
    static const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive->zip, index, 0, stat) != 0 || (stat->valid & needed) != needed) {
        return error_set(error, "%s: damaged", archive_name(archive, index));
    }
    if (stat->encryption_method != ZIP_EM_NONE) {
        return error_set(error, "%s: encrypted", archive_name(archive, index));
    }
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE) {
        return error_set(error, "%s: compression %d, expected stored or deflated",
                         archive_name(archive, index), (int)stat->comp_method);
    }
    return true;
}

/* Unpack an entry; `out` may be NULL. `*left` is what may still be unpacked. */
static bool unpack(struct archive *archive, size_t index, uint64_t *left, struct buffer *out,
                   struct error *error)
{
    const char *name = archive_name(archive, index);
    zip_stat_t stat;
    if (!plain_entry(archive, index, &stat, error)) {
        return false;
    }
    uint64_t allowed = *left;
    zip_file_t *file = stat.size <= allowed ? zip_fopen_index(archive->zip, index, 0) : NULL;
    if (stat.size <= allowed && file == NULL) {
        return error_set(error, "%s: %s", name, zip_strerror(archive->zip));
    }
    char *bytes = memory_new(CHUNK_BYTES);
    zip_int64_t got = file != NULL ? 1 : 0;
    while (got > 0 && (got = zip_fread(file, bytes, CHUNK_BYTES)) > 0 && (uint64_t)got <= *left) {
        *left -= (uint64_t)got;
        if (out != NULL) {
            buffer_append(out, bytes, (size_t)got);
        }
    }
    free(bytes);
    bool large = file == NULL || got > 0;
    if (large) {
        error_set(error, "%s: unpacks to more than %llu bytes", name, (unsigned long long)allowed);
    } else if (got < 0) {
        error_set(error, "%s: %s", name, zip_file_strerror(file));
    }
    if (file != NULL) {
        zip_fclose(file);
    }
    return got == 0 && !large;
}

bool archive_read(struct archive *archive, size_t index, size_t size_max, struct buffer *out,
                  struct error *error)
{
    size_t before = out->size;
    uint64_t left = size_max;
    if (unpack(archive, index, &left, out, error)) {
        return true;
    }
    out->size = before;
    return false;
}

bool archive_test_entry(struct archive *archive, size_t index, uint64_t *left, struct error *error)
{
    return unpack(archive, index, left, NULL, error);
}

bool archive_test(struct archive *archive, uint64_t size_max, struct error *error)
{
    for (size_t i = 0; i < archive->count; i++) {
        if (!unpack(archive, i, &size_max, NULL, error)) {
            return false;
        }
    }
    return true;
}
