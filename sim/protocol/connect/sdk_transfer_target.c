#include <string.h>

#include "sim/protocol/connect/sdk_transfer.h"

/* Where a download may go (connect-sdk.md 8.4, 9.3). */

enum { NAME_BYTES_MAX = 248, FOLDER_CHARACTERS_MAX = 255 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool has_forbidden(const char *name)
{
    static const char *const forbidden[] = {
        "\\", "?", "\"", "%", "\xC2\xAF", "\xC2\xB0", "#", "\xCB\x87",
    };
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        if (strstr(name, forbidden[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static size_t characters(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return count;
}

bool sdk_transfer_name_good(const char *path, struct buffer *error)
{
    const char *name = base_name(path);
    if (has_forbidden(name)) {
        connect_python_error(error, "ForbiddenCharactersError",
                             "Forbidden characters in filename or foldername");
        return false;
    }
    if (strlen(name) > NAME_BYTES_MAX) {
        connect_python_error(error, "FilenameTooLongError", "Filename length is too long");
        return false;
    }
    for (const char *at = path; *at != '\0';) {
        size_t size = strcspn(at, "/");
        if (characters(at, size) > FOLDER_CHARACTERS_MAX) {
            connect_python_error(error, "FoldernameTooLongError", "Foldername length is too long");
            return false;
        }
        at += size + (at[size] == '/');
    }
    return true;
}

/* Append the components of `rest` as normpath() would leave them; false: they lead out. (The
 * original compares texts of paths, so that a sibling with a longer name is reached, Q-08: a
 * storage here has no siblings.) */
static bool append_normal(struct buffer *target, const char *rest)
{
    size_t root = target->size;
    while (*rest != '\0') {
        rest += strspn(rest, "/");
        size_t size = strcspn(rest, "/");
        if (size == 2 && memcmp(rest, "..", 2) == 0) {
            if (target->size == root) {
                return false;
            }
            while (target->bytes[--target->size] != '/') {
            }
            target->bytes[target->size] = '\0';
        } else if (size > 0 && !(size == 1 && *rest == '.')) {
            buffer_append_char(target, '/');
            buffer_append(target, rest, size);
        }
        rest += size;
    }
    return true;
}

static bool refuse(struct buffer *error, const char *format, const char *name, size_t name_size,
                   const char *path)
{
    struct buffer text = {0};
    buffer_format(&text, format, (int)name_size, name, path);
    connect_python_error(error, "ValueError", buffer_text(&text));
    buffer_free(&text);
    return false;
}

bool sdk_transfer_resolve(struct connect_sdk *sdk, const char *path, struct buffer *target,
                          struct buffer *error)
{
    if (*path != '/') {
        connect_python_error(error, "ValueError", "Destination must be absolute");
        return false;
    }
    const char *name = path + 1;
    size_t size = strcspn(name, "/");
    if (name[size] == '\0') {
        connect_python_error(error, "ValueError",
                             "not enough values to unpack (expected 3, got 2)");
        return false;
    }
    const struct storage *storage = sdk_storage_named(sdk, name, size);
    if (storage == NULL) {
        return refuse(error, "Invalid storage: `%.*s` in `%s`", name, size, path);
    }
    if (storage->kind == STORAGE_SDCARD) {
        connect_python_error(error, "ValueError", "Storage does not have path_storage.");
        return false;
    }
    buffer_append_char(target, '/');
    buffer_append(target, name, size);
    if (!append_normal(target, name + size)) {
        return refuse(error, "Destination is outside of defined path_storage for storage: %.*s%s",
                      name, size, "");
    }
    return true;
}

bool sdk_transfer_make_folders(struct connect_sdk *sdk, const char *target, struct buffer *error)
{
    static const char *const texts[] = {
        [STORAGE_NOT_FOUND] = "FileNotFoundError(2, 'No such file or directory')",
        [STORAGE_EXISTS] = "NotADirectoryError(20, 'Not a directory')",
        [STORAGE_NOT_EMPTY] = "OSError(39, 'Directory not empty')",
        [STORAGE_READ_ONLY] = "OSError(30, 'Read-only file system')",
        [STORAGE_FULL] = "OSError(28, 'No space left on device')",
        [STORAGE_BAD_PATH] = "OSError(36, 'File name too long')",
        [STORAGE_IO] = "OSError(5, 'Input/output error')",
    };
    const char *storage_end = strchr(target + 1, '/'), *last = strrchr(target, '/');
    if (storage_end == NULL || last == storage_end) {
        return true; /* right in the storage */
    }
    struct buffer folder = {0};
    buffer_append(&folder, target, (size_t)(last - target));
    const struct storage *storage =
        sdk_storage_named(sdk, target + 1, (size_t)(storage_end - target) - 1);
    const struct file_node *there =
        storage_find(storage, folder.bytes + (storage_end - target) + 1);
    enum storage_result result = STORAGE_OK;
    if (there == NULL || !there->folder) {
        result = sdk->host_class->make_folder == NULL
                     ? STORAGE_IO
                     : sdk->host_class->make_folder(sdk->host, folder.bytes);
    }
    buffer_free(&folder);
    if (result != STORAGE_OK) {
        buffer_append_text(error, texts[result]);
    }
    return result == STORAGE_OK;
}

void sdk_transfer_part(const char *target, struct buffer *part)
{
    const char *name = base_name(target);
    buffer_append(part, target, (size_t)(name - target));
    buffer_append_char(part, '.');
    buffer_append_text(part, name);
    buffer_append_text(part, ".part");
}

const char *sdk_os_error(enum storage_result result)
{
    static const char *const texts[] = {
        [STORAGE_NOT_FOUND] = "[Errno 2] No such file or directory",
        [STORAGE_EXISTS] = "[Errno 21] Is a directory",
        [STORAGE_NOT_EMPTY] = "[Errno 39] Directory not empty",
        [STORAGE_READ_ONLY] = "[Errno 30] Read-only file system",
        [STORAGE_FULL] = "[Errno 28] No space left on device",
        [STORAGE_BAD_PATH] = "[Errno 36] File name too long",
        [STORAGE_IO] = "[Errno 5] Input/output error",
    };
    return texts[result];
}
