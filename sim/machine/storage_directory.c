#include "sim/machine/storage_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sim/base/memory.h"

/* Every path is walked component by component with O_NOFOLLOW below the descriptor that was opened
 * at first, so no link and no renaming of the directory itself leads anywhere else. (openat2()
 * would do it in one call, but many containers refuse it.) */

enum {
    COPY_BYTES = 64 * 1024,
    REMOVE_DEPTH_MAX =
        4 * FILE_DEPTH_MAX, /* of a tree on disk, which may be deeper than what is listed */
};

struct storage_directory {
    uint32_t references;
    uint32_t written; /* numbers the temporary names */
    int file;
};

static const int FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct storage_directory *storage_directory_open(const char *path, struct error *error)
{
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct storage_directory *directory = memory_new(sizeof *directory);
    directory->references = 1;
    directory->file = file;
    return directory;
}

struct storage_directory *storage_directory_share(struct storage_directory *directory)
{
    directory->references++;
    return directory;
}

void storage_directory_release(struct storage_directory *directory)
{
    if (--directory->references == 0) {
        close(directory->file);
        free(directory);
    }
}

void storage_directory_space(const struct storage_directory *directory, uint64_t *total_bytes,
                             uint64_t *free_bytes)
{
    struct statvfs info;
    if (fstatvfs(directory->file, &info) != 0) {
        *total_bytes = *free_bytes = 0;
        return;
    }
    *total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
    *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
}

/* Walk to the folder that holds the last component. With `make`, folders that are missing come into
 * being. */
static int open_parent(const struct storage_directory *directory, const char *path,
                       const char **last, bool make)
{
    int folder = openat(directory->file, ".", FOLDER_FLAGS);
    const char *at = path;
    for (const char *slash; folder >= 0 && (slash = strchr(at, '/')) != NULL; at = slash + 1) {
        char name[FILE_NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "%.*s", (int)(slash - at), at);
        if (make && mkdirat(folder, name, 0777) != 0 && errno != EEXIST) {
            int why = errno;
            close(folder);
            errno = why;
            return -1;
        }
        int next = openat(folder, name, FOLDER_FLAGS);
        int why = errno;
        close(folder);
        errno = why;
        folder = next;
    }
    *last = at;
    return folder;
}

static int open_regular(int folder, const char *name, struct stat *info)
{
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
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

int storage_directory_open_file(const struct storage_directory *directory, const char *path,
                                struct stat *info)
{
    const char *name;
    int folder = open_parent(directory, path, &name, false);
    if (folder < 0) {
        return -1;
    }
    int file = open_regular(folder, name, info);
    int why = errno;
    close(folder);
    errno = why;
    return file;
}

/* --- reading the tree --- */

struct reading {
    struct storage_directory *directory;
    uint32_t entries;
    struct error *error;
};

static struct file_node *read_folder(struct reading *reading, int folder, const char *name,
                                     const char *path, unsigned depth);

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in byte order: the order of a directory on disk differs from one machine to the next. */
static bool read_names(struct reading *reading, int folder, char ***names, size_t *count)
{
    *names = NULL;
    *count = 0;
    int again = openat(folder, ".", FOLDER_FLAGS);
    DIR *stream = again < 0 ? NULL : fdopendir(again);
    if (stream == NULL) {
        if (again >= 0) {
            close(again);
        }
        return error_set(reading->error, "cannot list a folder: %s", strerror(errno));
    }
    size_t capacity = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (!file_path_good(entry->d_name, strlen(entry->d_name))) {
            continue; /* "." and "..", and what is not UTF-8 */
        }
        if (*count + reading->entries >= STORAGE_ENTRIES_MAX) {
            closedir(stream);
            return error_set(reading->error, "more than %d files and folders", STORAGE_ENTRIES_MAX);
        }
        if (*count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            *names = memory_resize(*names, capacity * sizeof **names);
        }
        (*names)[(*count)++] = memory_copy_text(entry->d_name);
    }
    closedir(stream);
    if (*count > 0) {
        qsort(*names, *count, sizeof **names, compare_names);
    }
    return true;
}

/* False only when the whole reading has failed; an entry that vanished meanwhile or is no file is
 * just left out. */
static bool read_entry(struct reading *reading, int folder, struct file_node *parent,
                       const char *path, const char *name, unsigned depth)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return true;
    }
    char full[FILE_PATH_BYTES_MAX + 1];
    int size = snprintf(full, sizeof full, "%s%s%s", path, path[0] == '\0' ? "" : "/", name);
    if (size < 0 || (size_t)size >= sizeof full || depth > FILE_DEPTH_MAX) {
        return true;
    }
    struct file_node *node = NULL;
    if (S_ISREG(info.st_mode)) {
        bool read_only = faccessat(folder, name, W_OK, AT_EACCESS) != 0;
        node = file_node_file(name, read_only, info.st_mtim.tv_sec,
                              file_content_in_directory(reading->directory, full, &info));
    } else if (S_ISDIR(info.st_mode)) {
        int inner = openat(folder, name, FOLDER_FLAGS);
        if (inner < 0) {
            return true;
        }
        node = read_folder(reading, inner, name, full, depth);
        close(inner);
        if (node == NULL) {
            return false;
        }
    } else {
        return true; /* links, devices, pipes */
    }
    reading->entries++;
    file_node_add(parent, node);
    return true;
}

static struct file_node *read_folder(struct reading *reading, int folder, const char *name,
                                     const char *path, unsigned depth)
{
    struct stat info;
    char **names;
    size_t count;
    bool fine = read_names(reading, folder, &names, &count);
    struct file_node *node = NULL;
    if (fine && fstat(folder, &info) == 0) {
        bool read_only = faccessat(folder, ".", W_OK, AT_EACCESS) != 0;
        node = file_node_folder(name, read_only, info.st_mtim.tv_sec);
    }
    for (size_t i = 0; i < count; i++) {
        if (node != NULL && !read_entry(reading, folder, node, path, names[i], depth + 1)) {
            file_node_release(node);
            node = NULL;
        }
        free(names[i]);
    }
    free(names);
    return node;
}

struct file_node *storage_directory_read(struct storage_directory *directory, struct error *error)
{
    struct reading reading = {.directory = directory, .error = error};
    return read_folder(&reading, directory->file, "", "", 0);
}

/* --- changing it --- */

static enum storage_result result_of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return STORAGE_NOT_FOUND;
    case EEXIST:
    case EISDIR:
    case ENOTDIR:
    case ELOOP: /* a link: not ours to follow, so something else is there */
        return STORAGE_EXISTS;
    case ENOTEMPTY:
        return STORAGE_NOT_EMPTY;
    case EROFS:
    case EACCES:
    case EPERM:
        return STORAGE_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STORAGE_FULL;
    default:
        return STORAGE_IO;
    }
}

static bool write_all(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(file, bytes, size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

static bool copy_content(int file, const struct file_content *content)
{
    char *piece = memory_new(COPY_BYTES);
    uint64_t offset = 0;
    long got;
    while ((got = file_content_read(content, offset, piece, COPY_BYTES, NULL)) > 0) {
        if (!write_all(file, piece, (size_t)got)) {
            break;
        }
        offset += (uint64_t)got;
    }
    free(piece);
    if (got < 0) {
        errno = EIO;
    }
    return got == 0;
}

static int open_temporary(struct storage_directory *directory, int folder, char *name, size_t size)
{
    int file;
    do {
        snprintf(name, size, ".hotbed-%ld-%u.part", (long)getpid(), ++directory->written);
        file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    } while (file < 0 && errno == EEXIST && directory->written < UINT32_MAX);
    return file;
}

/* A name that is a folder or a link on disk is not replaced, although rename() would replace a
 * link. */
static bool replaceable(int folder, const char *name)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT;
    }
    errno = EEXIST;
    return S_ISREG(info.st_mode);
}

static bool write_in(struct storage_directory *directory, int folder, const char *name,
                     const struct file_content *content, int64_t now_s, struct stat *info)
{
    char temporary[64];
    if (!replaceable(folder, name)) {
        return false;
    }
    int file = open_temporary(directory, folder, temporary, sizeof temporary);
    if (file < 0) {
        return false;
    }
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)now_s}};
    bool fine = copy_content(file, content) && futimens(file, times) == 0 && fstat(file, info) == 0;
    int why = errno;
    fine = close(file) == 0 && fine;
    if (fine && renameat(folder, temporary, folder, name) != 0) {
        why = errno;
        fine = false;
    }
    if (!fine) {
        unlinkat(folder, temporary, 0);
        errno = why;
    }
    return fine;
}

enum storage_result storage_directory_write(struct storage_directory *directory, const char *path,
                                            const struct file_content *content, int64_t now_s,
                                            struct file_node **node)
{
    const char *name;
    int folder = open_parent(directory, path, &name, true);
    if (folder < 0) {
        return result_of_errno();
    }
    struct stat info;
    enum storage_result result = STORAGE_OK;
    if (write_in(directory, folder, name, content, now_s, &info)) {
        *node =
            file_node_file(name, false, now_s, file_content_in_directory(directory, path, &info));
    } else {
        result = result_of_errno();
    }
    close(folder);
    return result;
}

/* Behind what is there, or nothing at all. */
static bool append_all(int file, const void *bytes, size_t size, int64_t now_s, struct stat *info)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)now_s}};
    if (fstat(file, info) != 0 || !S_ISREG(info->st_mode)) {
        return false;
    }
    off_t had = info->st_size;
    if (!write_all(file, bytes, size)) {
        int why = errno;
        if (ftruncate(file, had) != 0) {
            why = EIO;
        }
        errno = why;
        return false;
    }
    return futimens(file, times) == 0 && fstat(file, info) == 0;
}

enum storage_result storage_directory_append(struct storage_directory *directory, const char *path,
                                             const void *bytes, size_t size, int64_t now_s,
                                             struct file_node **node)
{
    const char *name;
    int folder = open_parent(directory, path, &name, true);
    if (folder < 0) {
        return result_of_errno();
    }
    enum storage_result result = STORAGE_OK;
    struct stat info;
    int file = openat(folder, name,
                      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
    if (file >= 0 && append_all(file, bytes, size, now_s, &info)) {
        *node =
            file_node_file(name, false, now_s, file_content_in_directory(directory, path, &info));
    } else {
        result = result_of_errno();
    }
    if (file >= 0) {
        close(file);
    }
    close(folder);
    return result;
}

enum storage_result storage_directory_reserve(struct storage_directory *directory, const char *path,
                                              uint64_t size, int64_t now_s, struct file_node **node)
{
    const char *name;
    int folder = open_parent(directory, path, &name, false);
    if (folder < 0) {
        return result_of_errno();
    }
    struct stat info;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)now_s}};
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    bool fine = file >= 0 && ftruncate(file, (off_t)size) == 0 && futimens(file, times) == 0 &&
                fstat(file, &info) == 0;
    enum storage_result result = fine ? STORAGE_OK : result_of_errno();
    if (fine) {
        *node =
            file_node_file(name, false, now_s, file_content_in_directory(directory, path, &info));
    } else if (file >= 0) {
        unlinkat(folder, name, 0);
    }
    if (file >= 0) {
        close(file);
    }
    close(folder);
    return result;
}

static bool write_all_at(int file, const char *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t put = pwrite(file, bytes, size, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        bytes += put;
        offset += (uint64_t)put;
        size -= (size_t)put;
    }
    return true;
}

enum storage_result storage_directory_write_at(struct storage_directory *directory,
                                               const char *path, uint64_t offset, const void *bytes,
                                               size_t size)
{
    const char *name;
    int folder = open_parent(directory, path, &name, false);
    if (folder < 0) {
        return result_of_errno();
    }
    struct stat info;
    int file = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    enum storage_result result = STORAGE_OK;
    if (file < 0 || fstat(file, &info) != 0) {
        result = result_of_errno();
    } else if (!S_ISREG(info.st_mode)) {
        result = STORAGE_EXISTS;
    } else if (!write_all_at(file, bytes, size, offset)) {
        result = result_of_errno();
    }
    if (file >= 0) {
        close(file);
    }
    close(folder);
    return result;
}

enum storage_result storage_directory_rename(struct storage_directory *directory, const char *from,
                                             const char *to, struct file_node **node)
{
    const char *from_name, *to_name;
    int source = open_parent(directory, from, &from_name, false);
    int target = source < 0 ? -1 : open_parent(directory, to, &to_name, true);
    struct stat info;
    bool fine = target >= 0 && replaceable(target, to_name) &&
                renameat(source, from_name, target, to_name) == 0 &&
                fstatat(target, to_name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    enum storage_result result = fine ? STORAGE_OK : result_of_errno();
    if (fine) {
        *node = file_node_file(to_name, false, info.st_mtim.tv_sec,
                               file_content_in_directory(directory, to, &info));
    }
    if (target >= 0) {
        close(target);
    }
    if (source >= 0) {
        close(source);
    }
    return result;
}

enum storage_result storage_directory_make_folder(struct storage_directory *directory,
                                                  const char *path)
{
    const char *name;
    int folder = open_parent(directory, path, &name, true);
    if (folder < 0) {
        return result_of_errno();
    }
    enum storage_result result = mkdirat(folder, name, 0777) == 0 ? STORAGE_OK : result_of_errno();
    close(folder);
    return result;
}

/* The path of a deep tree isn't needed, only descriptors: removal goes by name within each opened
 * folder. */
static bool remove_tree(int folder, const char *name, unsigned depth)
{
    if (unlinkat(folder, name, 0) == 0) {
        return true; /* files, and links as such */
    }
    if (errno != EISDIR && errno != EPERM) {
        return false;
    }
    int inner = openat(folder, name, FOLDER_FLAGS);
    if (inner < 0) {
        return false;
    }
    DIR *stream = depth < REMOVE_DEPTH_MAX ? fdopendir(inner) : NULL;
    if (stream == NULL) {
        close(inner);
        errno = EIO;
        return false;
    }
    bool fine = true;
    for (struct dirent *entry; fine && (entry = readdir(stream)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            fine = remove_tree(inner, entry->d_name, depth + 1);
        }
    }
    int why = errno;
    closedir(stream);
    errno = why;
    return fine && unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

enum storage_result storage_directory_remove(struct storage_directory *directory, const char *path,
                                             bool folder)
{
    const char *name;
    int parent = open_parent(directory, path, &name, false);
    if (parent < 0) {
        return result_of_errno();
    }
    bool fine = folder ? remove_tree(parent, name, 0) : unlinkat(parent, name, 0) == 0;
    enum storage_result result = fine ? STORAGE_OK : result_of_errno();
    close(parent);
    return result;
}
