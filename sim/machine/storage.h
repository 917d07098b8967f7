#ifndef HOTBED_MACHINE_STORAGE_H
#define HOTBED_MACHINE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"

/* File systems of printers. A tree is made of nodes that never change once they are shared:
 * changing a storage copies the nodes on the way from its root to the change and shares the rest,
 * so thousands of printers start from one tree and pay only for what each changes (FS checks:
 * connect-sdk.md 8).
 *
 * The tree holds what the medium holds, entries that begin with a dot too; a face that doesn't show
 * those (8.4) asks file_name_hidden(), and takes `size`, which leaves them out, for the size of a
 * folder. */

enum {
    FILE_NAME_BYTES_MAX = 255,    /* of one component, as Linux has it */
    FILE_PATH_BYTES_MAX = 4096,   /* of a path below a storage's root */
    FILE_DEPTH_MAX = 32,          /* components of a path */
    STORAGE_ENTRIES_MAX = 100000, /* files and folders of one storage */
};

/* The bytes of a file: in memory, or in a file on disk that is opened whenever it is read. Counted
 * references. */
struct file_content;

struct file_content *file_content_of_bytes(const void *bytes, size_t size); /* copies */
struct file_content *file_content_of_file(const char *path,
                                          struct error *error); /* NULL: not a readable file */
/* So many bytes in memory, 0 each until storage_write() puts something there; takes room only for
 * what was written. */
struct file_content *file_content_of_size(uint64_t size);
/* The first `size` bytes of another content, which it shares; of one that is written in place, as
 * they are when they are read. */
struct file_content *file_content_head(struct file_content *content, uint64_t size);
struct file_content *file_content_share(struct file_content *content);
void file_content_release(struct file_content *content); /* NULL is fine */
uint64_t file_content_size(
    const struct file_content *content); /* of a file on disk: when it was last looked at */
/* Up to `size` bytes from `offset`; 0 at the end; -1 with the reason when the disk fails. */
long file_content_read(const struct file_content *content, uint64_t offset, void *bytes,
                       size_t size, struct error *error);

struct file_node {
    uint32_t references;
    uint32_t entries; /* files and folders in this one, itself included */
    bool folder;
    bool read_only;
    uint16_t short_number; /* of its short name on a FAT drive, once one was asked for; 0: none */
    int64_t modified_s;    /* Unix time; as the file system says */
    uint64_t size;         /* of a folder: the sum of all shown below it, as faces print it */
    uint64_t medium_bytes; /* the same with hidden entries: what it takes of the medium */
    struct file_content *content; /* files only */
    struct file_node **children;  /* folders only, in the order in which a listing shows them */
    uint32_t child_count;
    char name[]; /* NUL-terminated UTF-8 */
};

struct file_node *file_node_folder(const char *name, bool read_only, int64_t modified_s);
/* Takes over the caller's reference to `content`. */
struct file_node *file_node_file(const char *name, bool read_only, int64_t modified_s,
                                 struct file_content *content);
struct file_node *file_node_share(struct file_node *node);
void file_node_release(struct file_node *node);
/* Put `child` last into a folder that nobody else shares; takes over the reference to it. For
 * building trees. */
void file_node_add(struct file_node *folder, struct file_node *child);
const struct file_node *file_node_child(const struct file_node *folder,
                                        const char *name); /* NULL: none */

bool file_name_hidden(const char *name); /* begins with a dot */
bool file_path_hidden(const char *path); /* one of its components does */
/* Whether `size` bytes name something below a root: 1 to FILE_DEPTH_MAX components between single
 * slashes, none of them "." or "..", each within FILE_NAME_BYTES_MAX, valid UTF-8, no NUL. Control
 * characters and anything else that Linux lets into a name are fine. */
bool file_path_good(const char *path, size_t size);

enum storage_kind { STORAGE_LOCAL, STORAGE_SDCARD, STORAGE_USB };

/* An open real directory, shared by the storage and by what was found in it. */
struct storage_directory;

/* One medium as one printer sees it. In memory, or a real directory that nothing here ever leaves:
 * each component of a path is opened below its parent's descriptor without following links, links
 * and special files are not listed, and files are written under a temporary name and renamed. */
struct storage {
    char *name; /* as in paths: "PrusaLink gcodes", "SD Card", "usb" */
    enum storage_kind kind;
    bool read_only;
    uint64_t total_bytes; /* of a medium in memory; 0: not known, not limited, not reported */
    uint64_t used_by_others_bytes;       /* of these, not by the tree */
    struct file_node *root;              /* folder with an empty name; owned reference */
    struct storage_directory *directory; /* NULL: in memory */
};

/* `root` may be shared, the reference is taken over; NULL: an empty folder. */
void storage_init(struct storage *storage, const char *name, enum storage_kind kind,
                  struct file_node *root);
/* Reads the tree. False with the reason when `path` is no readable directory or holds too many
 * entries; what lies deeper than FILE_DEPTH_MAX or has a name that is not UTF-8 is left out. */
bool storage_init_directory(struct storage *storage, const char *name, enum storage_kind kind,
                            const char *path, struct error *error);
void storage_free(struct storage *storage);
/* Of the whole medium, and what is left of it; of a real directory: its file system's, now. 0: not
 * known. */
uint64_t storage_total_bytes(const struct storage *storage);
uint64_t storage_free_bytes(const struct storage *storage);

enum storage_result {
    STORAGE_OK,
    STORAGE_NOT_FOUND,
    STORAGE_EXISTS, /* a file is where a folder should be, or the other way round, or the folder is
                       there */
    STORAGE_NOT_EMPTY,
    STORAGE_READ_ONLY,
    STORAGE_FULL,     /* bytes or entries */
    STORAGE_BAD_PATH, /* not file_path_good(): never touches anything */
    STORAGE_IO,       /* the real directory failed */
};

const char *storage_result_text(enum storage_result result); /* "the medium is full" */

/* Paths are below the storage's root, components separated by '/', without a leading one:
 * "sub/cube.gcode". `now_s` is Unix time for the modification times that change. A result that is
 * not OK has changed nothing in the tree. */
const struct file_node *storage_find(const struct storage *storage,
                                     const char *path); /* "" is the root */
enum storage_result storage_make_folder(struct storage *storage, const char *path,
                                        int64_t now_s); /* parents too */
/* Takes over the caller's reference to `content` whatever the result. Replaces a file of that name;
 * makes parents. */
enum storage_result storage_put(struct storage *storage, const char *path,
                                struct file_content *content, int64_t now_s);
enum storage_result storage_remove(struct storage *storage, const char *path, bool whole_tree,
                                   int64_t now_s);
/* A file that comes in piece by piece: what is there already is not copied again. Makes the file
 * and its parents when they are missing. A piece for which there is no room adds nothing. */
enum storage_result storage_append(struct storage *storage, const char *path, const void *bytes,
                                   size_t size, int64_t now_s);
/* A file that comes in pieces in any order: reserve makes it, `size` bytes long at once, in a
 * folder that is there and under a name that is free; write puts bytes into it in place, in
 * everybody's view of it. A piece that does not lie within the file is a STORAGE_BAD_PATH. Parents
 * are not made. */
enum storage_result storage_reserve(struct storage *storage, const char *path, uint64_t size,
                                    int64_t now_s);
enum storage_result storage_write(struct storage *storage, const char *path, uint64_t offset,
                                  const void *bytes, size_t size);
/* Of a file; replaces another file as rename() does and keeps the time of modification. */
enum storage_result storage_rename(struct storage *storage, const char *from, const char *to,
                                   int64_t now_s);
/* In memory only (else STORAGE_IO): a file or folder that can't be changed or removed. */
enum storage_result storage_set_read_only(struct storage *storage, const char *path,
                                          bool read_only);

/* What became of the tree, in the order of connect-sdk.md 8.5: of a folder that came or went as a
 * whole its files first, then the folder itself, its inner folders not at all. `path` is below the
 * root; hidden entries are told. */
enum storage_change_kind { STORAGE_CREATED, STORAGE_MODIFIED, STORAGE_DELETED };
typedef void storage_changed(void *owner, enum storage_change_kind kind, const char *path);

/* Every file of the subtree `node` found at `path`, then `path` itself. */
void storage_tell_tree(const struct file_node *node, const char *path,
                       enum storage_change_kind kind, storage_changed *changed, void *owner);

/* Read a real directory again and tell what has changed on it from outside since. The tree is the
 * new one already when things are told; not OK: nothing was told and the tree stayed. */
enum storage_result storage_rescan(struct storage *storage, storage_changed *changed, void *owner);

#endif
