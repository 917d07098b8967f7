#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/memory.h"
#include "sim/machine/storage_directory.h"

/* The bytes of files. What lies on disk is named, not held open: a farm has more files than
 * descriptors. */

struct file_content {
    uint32_t references;
    uint64_t size;
    void *bytes;                         /* in memory; NULL: on disk */
    size_t capacity;                     /* of the bytes of one that grows; 0: it never does */
    struct file_content *of;             /* whose first bytes these are; NULL: nobody's */
    char **pages;                        /* of one that is written in place; NULL: none there yet */
    struct storage_directory *directory; /* `path` is below it; NULL: `path` is the caller's own */
    char *path;
    struct timespec modified; /* on disk: with the number of the inode tells one file from the next
                                 at this path */
    ino_t inode;
};

static struct file_content *content_new(uint64_t size)
{
    struct file_content *content = memory_new(sizeof *content);
    content->references = 1;
    content->size = size;
    return content;
}

struct file_content *file_content_of_bytes(const void *bytes, size_t size)
{
    struct file_content *content = content_new(size);
    content->bytes = memory_copy_slice(bytes, size);
    return content;
}

/* ---- written in place ---- */

enum { PAGE_BYTES = 1 << 16 };

struct file_content *file_content_of_size(uint64_t size)
{
    struct file_content *content = content_new(size);
    content->pages = memory_new_array((size_t)((size + PAGE_BYTES - 1) / PAGE_BYTES) + 1,
                                      sizeof *content->pages);
    return content;
}

bool file_content_write(struct file_content *content, uint64_t offset, const void *bytes,
                        size_t size)
{
    if (content->pages == NULL) {
        return false;
    }
    assert(offset <= content->size && size <= content->size - offset);
    for (const char *from = bytes; size > 0;) {
        char **page = &content->pages[offset / PAGE_BYTES];
        size_t at = (size_t)(offset % PAGE_BYTES);
        size_t part = size < PAGE_BYTES - at ? size : PAGE_BYTES - at;
        if (*page == NULL) {
            *page = memory_new(PAGE_BYTES);
        }
        memcpy(*page + at, from, part);
        from += part;
        offset += part;
        size -= part;
    }
    return true;
}

struct file_content *file_content_head(struct file_content *content, uint64_t size)
{
    struct file_content *head = content_new(size < content->size ? size : content->size);
    head->of = file_content_share(content);
    return head;
}

static void read_pages(const struct file_content *content, uint64_t offset, char *to, size_t size)
{
    while (size > 0) {
        const char *page = content->pages[offset / PAGE_BYTES];
        size_t at = (size_t)(offset % PAGE_BYTES);
        size_t part = size < PAGE_BYTES - at ? size : PAGE_BYTES - at;
        if (page == NULL) {
            memset(to, 0, part);
        } else {
            memcpy(to, page + at, part);
        }
        to += part;
        offset += part;
        size -= part;
    }
}

static void free_pages(struct file_content *content)
{
    for (uint64_t i = 0; content->pages != NULL && i * PAGE_BYTES < content->size; i++) {
        free(content->pages[i]);
    }
    free(content->pages);
}

struct file_content *file_content_grown(struct file_content *content, const void *bytes,
                                        size_t size)
{
    uint64_t had = content == NULL ? 0 : content->size;
    struct file_content *grown = content;
    if (content != NULL && content->capacity > 0) {
        content->references++;
    } else {
        grown = content_new(had);
        grown->capacity = (size_t)had + size + 1;
        grown->bytes = memory_new(grown->capacity);
        if (had > 0 && file_content_read(content, 0, grown->bytes, (size_t)had, NULL) < 0) {
            memset(grown->bytes, 0, (size_t)had);
        }
    }
    if (grown->capacity - had < size) { /* half as much again: what it takes beyond its size */
        grown->capacity = (size_t)had + size + (size_t)had / 2;
        grown->bytes = memory_resize(grown->bytes, grown->capacity);
    }
    memcpy((char *)grown->bytes + had, bytes, size);
    grown->size = had + size;
    return grown;
}

static int open_plain(const char *path, struct stat *info)
{
    /* Without O_NONBLOCK a FIFO would hang here. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return -1;
    }
    if (fstat(file, info) == 0 && S_ISREG(info->st_mode)) {
        return file;
    }
    close(file);
    errno = EINVAL;
    return -1;
}

struct file_content *file_content_of_file(const char *path, struct error *error)
{
    struct stat info;
    int file = open_plain(path, &info);
    if (file < 0) {
        error_set(error, "%s: %s", path, errno == EINVAL ? "not a regular file" : strerror(errno));
        return NULL;
    }
    close(file);
    return file_content_in_directory(NULL, path, &info);
}

struct file_content *file_content_in_directory(struct storage_directory *directory,
                                               const char *path, const struct stat *info)
{
    struct file_content *content = content_new((uint64_t)info->st_size);
    content->directory = directory == NULL ? NULL : storage_directory_share(directory);
    content->path = memory_copy_text(path);
    content->modified = info->st_mtim;
    content->inode = info->st_ino;
    return content;
}

bool file_content_same_file(const struct file_content *a, const struct file_content *b)
{
    return a->size == b->size && a->inode == b->inode && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

struct file_content *file_content_share(struct file_content *content)
{
    content->references++;
    return content;
}

void file_content_release(struct file_content *content)
{
    if (content == NULL || --content->references > 0) {
        return;
    }
    if (content->directory != NULL) {
        storage_directory_release(content->directory);
    }
    free_pages(content);
    file_content_release(content->of);
    free(content->bytes);
    free(content->path);
    free(content);
}

uint64_t file_content_size(const struct file_content *content)
{
    return content->size;
}

static long read_disk(const struct file_content *content, uint64_t offset, void *bytes, size_t size,
                      struct error *error)
{
    struct stat info;
    int file = content->directory == NULL
                   ? open_plain(content->path, &info)
                   : storage_directory_open_file(content->directory, content->path, &info);
    if (file < 0) {
        error_set(error, "%s: %s", content->path, strerror(errno));
        return -1;
    }
    ssize_t got;
    do {
        got = pread(file, bytes, size, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        error_set(error, "%s: %s", content->path, strerror(errno));
    }
    close(file);
    return got;
}

long file_content_read(const struct file_content *content, uint64_t offset, void *bytes,
                       size_t size, struct error *error)
{
    if (offset >= content->size || size == 0) {
        return 0;
    }
    uint64_t left = content->size - offset;
    size_t wanted = size < left ? size : (size_t)left;
    if (wanted > INT32_MAX) {
        wanted = INT32_MAX;
    }
    if (content->bytes != NULL) {
        memcpy(bytes, (const char *)content->bytes + offset, wanted);
        return (long)wanted;
    }
    if (content->of != NULL) {
        return file_content_read(content->of, offset, bytes, wanted, error);
    }
    if (content->pages != NULL) {
        read_pages(content, offset, bytes, wanted);
        return (long)wanted;
    }
    return read_disk(content, offset, bytes, wanted, error);
}
