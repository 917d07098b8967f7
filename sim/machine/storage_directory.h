#ifndef HOTBED_MACHINE_STORAGE_DIRECTORY_H
#define HOTBED_MACHINE_STORAGE_DIRECTORY_H

#include "sim/machine/storage.h"

/* The real directory below a storage: only storage*.c use this. Paths are file_path_good() already.
 */

struct stat;

struct storage_directory *storage_directory_open(const char *path, struct error *error);
struct storage_directory *storage_directory_share(struct storage_directory *directory);
void storage_directory_release(struct storage_directory *directory);

/* The tree as it is on disk now. NULL with the reason: unreadable or too many entries. */
struct file_node *storage_directory_read(struct storage_directory *directory, struct error *error);
void storage_directory_space(const struct storage_directory *directory, uint64_t *total_bytes,
                             uint64_t *free_bytes);

/* Open a regular file for reading, and say what it is; -1 with errno. */
int storage_directory_open_file(const struct storage_directory *directory, const char *path,
                                struct stat *info);

/* Write, then give the node that the tree shall hold for it. */
enum storage_result storage_directory_write(struct storage_directory *directory, const char *path,
                                            const struct file_content *content, int64_t now_s,
                                            struct file_node **node);
enum storage_result storage_directory_append(struct storage_directory *directory, const char *path,
                                             const void *bytes, size_t size, int64_t now_s,
                                             struct file_node **node);
/* A new file of that size, which takes no room on disk before it is written to. */
enum storage_result storage_directory_reserve(struct storage_directory *directory, const char *path,
                                              uint64_t size, int64_t now_s,
                                              struct file_node **node);
enum storage_result storage_directory_write_at(struct storage_directory *directory,
                                               const char *path, uint64_t offset, const void *bytes,
                                               size_t size);
enum storage_result storage_directory_rename(struct storage_directory *directory, const char *from,
                                             const char *to, struct file_node **node);
enum storage_result storage_directory_make_folder(struct storage_directory *directory,
                                                  const char *path);
enum storage_result storage_directory_remove(struct storage_directory *directory, const char *path,
                                             bool folder);

/* `content` (NULL: nothing) with more behind it. One that this has made before grows in place, so
 * only whoever holds the newest node of a file may let it grow; any other is copied. */
struct file_content *file_content_grown(struct file_content *content, const void *bytes,
                                        size_t size);

/* False: it is none of file_content_of_size(). */
bool file_content_write(struct file_content *content, uint64_t offset, const void *bytes,
                        size_t size);

/* Contents that lie in such a directory (storage_content.c). */
struct file_content *file_content_in_directory(struct storage_directory *directory,
                                               const char *path, const struct stat *info);
bool file_content_same_file(const struct file_content *a,
                            const struct file_content *b); /* untouched since */

#endif
