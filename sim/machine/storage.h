#ifndef HOTBED_MACHINE_STORAGE_H
#define HOTBED_MACHINE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* File systems of printers. A tree is made of nodes that never change once they are shared: changing a storage copies
 * the nodes on the way from its root to the change and shares the rest, so thousands of printers start from one tree
 * and pay only for what each changes (FS checks: connect-sdk.md 8). */

enum { FILE_NAME_BYTES_MAX = 255, FILE_PATH_BYTES_MAX = 4096, FILE_DEPTH_MAX = 32 };

/* The bytes of a file: in memory, or in a file on disk that is opened when it is read. Counted references. */
struct file_content;

struct file_content *file_content_of_bytes(const void *bytes, size_t size);              /* copies */
struct file_content *file_content_of_file(const char *path, struct error *error);        /* NULL: not a readable file */
struct file_content *file_content_share(struct file_content *content);
void file_content_release(struct file_content *content);                                 /* NULL is fine */
uint64_t file_content_size(const struct file_content *content);
/* Up to `size` bytes from `offset`; 0 at the end; -1 with the reason when the disk fails. */
long file_content_read(const struct file_content *content, uint64_t offset, void *bytes, size_t size,
                       struct error *error);

struct file_node {
    uint32_t references;
    bool folder;
    bool read_only;
    int64_t modified_s;      /* Unix time; as the file system says */
    uint64_t size;           /* of a folder: the sum of all below it */
    struct file_content *content; /* files only */
    struct file_node **children;  /* folders only, in the order in which a listing shows them */
    uint32_t child_count;
    char name[]; /* NUL-terminated UTF-8 */
};

struct file_node *file_node_folder(const char *name, bool read_only, int64_t modified_s);
struct file_node *file_node_file(const char *name, bool read_only, int64_t modified_s, struct file_content *content);
struct file_node *file_node_share(struct file_node *node);
void file_node_release(struct file_node *node);
const struct file_node *file_node_child(const struct file_node *folder, const char *name); /* NULL: none */

enum storage_kind { STORAGE_LOCAL, STORAGE_SDCARD, STORAGE_USB };

/* One medium as one printer sees it. In memory, or a real directory that nothing here ever leaves: names are resolved
 * below the directory's own descriptor, links that point out of it are not followed and not listed. */
struct storage {
    char *name; /* as in paths: "PrusaLink gcodes", "SD Card", "usb" */
    enum storage_kind kind;
    bool read_only;
    bool attached;
    uint64_t total_bytes, used_by_others_bytes; /* of the medium; free = total - others - tree; total 0: unknown */
    struct file_node *root;                     /* folder; owned reference */
    int directory;                              /* descriptor of the real directory; -1: in memory */
};

void storage_init(struct storage *storage, const char *name, enum storage_kind kind, struct file_node *root);
bool storage_init_directory(struct storage *storage, const char *name, enum storage_kind kind, const char *path,
                            struct error *error);
void storage_free(struct storage *storage);
uint64_t storage_free_bytes(const struct storage *storage);

enum storage_result {
    STORAGE_OK,
    STORAGE_NOT_FOUND,
    STORAGE_EXISTS,       /* a file is where a folder should be, or the other way round */
    STORAGE_NOT_EMPTY,
    STORAGE_READ_ONLY,
    STORAGE_FULL,
    STORAGE_BAD_PATH,     /* "..", empty or over-long component, NUL, too deep: never touches anything */
    STORAGE_IO,           /* the real directory failed */
};

/* Paths are below the storage's root, components separated by '/', no leading slash needed: "sub/cube.gcode". */
const struct file_node *storage_find(const struct storage *storage, const char *path); /* "" is the root */
enum storage_result storage_make_folder(struct storage *storage, const char *path, int64_t now_s); /* parents too */
/* Takes over the caller's reference to `content` whatever the result. Replaces a file of that name; makes parents. */
enum storage_result storage_put(struct storage *storage, const char *path, struct file_content *content,
                                int64_t now_s);
enum storage_result storage_remove(struct storage *storage, const char *path, bool whole_tree);
enum storage_result storage_move(struct storage *storage, const char *from, const char *to, int64_t now_s);

/* What has changed on a real directory from outside since it was last read, told in the order files, then folders. */
enum storage_change_kind { STORAGE_CREATED, STORAGE_MODIFIED, STORAGE_DELETED };
typedef void storage_changed(void *owner, enum storage_change_kind kind, const char *path);
void storage_rescan(struct storage *storage, storage_changed *changed, void *owner);

#endif
