#include <cjson/cJSON.h>
#include <string.h>

#include "sim/machine/metadata.h"
#include "sim/protocol/connect/python.h"
#include "sim/protocol/connect/sdk_transfer.h"

/* The commands that the SDK handles without its host (connect-sdk.md 5.3), with the texts of its
 * exceptions; those of transfers are in sdk_transfer.c. */

static void fail(struct connect_sdk *sdk, const char *type, const char *text)
{
    struct buffer error = {0};
    connect_python_error(&error, type, text);
    connect_sdk_fail(sdk, error.bytes);
    buffer_free(&error);
}

/* An exception of the operating system: FileExistsError(17, 'File exists'). */
static void fail_os(struct connect_sdk *sdk, const char *repr)
{
    connect_sdk_fail(sdk, repr);
}

static void fail_requires_kwargs(struct connect_sdk *sdk, const char *name)
{
    struct buffer text = {0};
    buffer_append_text(&text, name);
    buffer_append_text(&text, " requires kwargs");
    fail(sdk, "ValueError", text.bytes);
    buffer_free(&text);
}

static void finish(struct connect_sdk *sdk)
{
    connect_sdk_finish(sdk, &(struct connect_result){.source = SOURCE_CONNECT});
}

/* kwargs["path"]; NULL: the command has failed. */
static const char *path_of(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const cJSON *path = cJSON_IsObject(command->kwargs)
                            ? cJSON_GetObjectItemCaseSensitive(command->kwargs, "path")
                            : NULL;
    if (path == NULL) {
        fail_requires_kwargs(sdk, connect_command_text(command->name));
        return NULL;
    }
    if (!cJSON_IsString(path)) {
        struct buffer text = {0};
        buffer_append_char(&text, '\'');
        buffer_append_text(&text, python_type_name(path));
        buffer_append_text(&text, "' object has no attribute 'strip'");
        fail(sdk, "AttributeError", text.bytes);
        buffer_free(&text);
        return NULL;
    }
    return path->valuestring;
}

/* A tree look-up by exact components: no "..", and the leading slash is not needed (8.7). */
static const struct file_node *look_up(struct connect_sdk *sdk, const char *path,
                                       struct storage **storage)
{
    path += *path == '/' ? 1 : 0;
    size_t size = strcspn(path, "/");
    *storage = sdk_storage_named(sdk, path, size);
    if (*storage == NULL || sdk_hidden(path)) {
        return NULL;
    }
    const char *below = path[size] == '/' ? path + size + 1 : "";
    struct buffer full = {0};
    buffer_append_char(&full, '/');
    buffer_append_text(&full, path);
    bool unseen = sdk_sight(sdk, full.bytes) == SDK_UNSEEN;
    buffer_free(&full);
    return unseen ? NULL : storage_find(*storage, below);
}

static void send_info(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    (void)command;
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    sdk_write_info(sdk, &json);
    json_object_end(&json);
    connect_sdk_finish(sdk, &(struct connect_result){.event = CONNECT_INFO,
                                                     .source = SOURCE_CONNECT,
                                                     .data = data.bytes,
                                                     .data_size = data.size});
    buffer_free(&data);
}

static void send_state_info(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    (void)command;
    connect_sdk_finish(
        sdk, &(struct connect_result){.event = CONNECT_STATE_CHANGED, .source = SOURCE_CONNECT});
}

static void write_attributes(struct json_writer *json, const struct storage *storage,
                             const struct file_node *node)
{
    if (storage->kind == STORAGE_SDCARD) { /* the order in which the host has set them [S-43] */
        json_int(json, "size", (int64_t)node->size);
        json_int(json, "m_timestamp", node->modified_s);
        json_bool(json, "read_only", true);
        return;
    }
    json_bool(json, "read_only", storage->read_only || node->read_only);
    json_int(json, "size", (int64_t)node->size);
    json_int(json, "m_timestamp", node->modified_s);
}

static void send_file_info(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const char *path = path_of(sdk, command);
    if (path == NULL) {
        return;
    }
    struct storage *storage = NULL;
    const struct file_node *node = look_up(sdk, path, &storage);
    if (node == NULL) {
        struct buffer text = {0};
        buffer_append_text(&text, "File does not exist: ");
        buffer_append_text(&text, path);
        fail(sdk, "ValueError", text.bytes);
        buffer_free(&text);
        return;
    }
    if (node->folder) {
        fail(sdk, "ValueError", "FILE_INFO doesn't work for folders");
        return;
    }
    struct metadata metadata;
    bool in_files = storage->kind != STORAGE_SDCARD;
    if (!metadata_read(&metadata, node->name, in_files ? node->content : NULL)) {
        fail(sdk, "UnknownGcodeFileType", path);
        return;
    }
    struct buffer data = {0};
    struct json_writer json;
    json_begin(&json, &data, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "path", path);
    write_attributes(&json, storage, node);
    metadata_write(&metadata, &json);
    json_object_end(&json);
    connect_sdk_finish(sdk, &(struct connect_result){.event = CONNECT_FILE_INFO,
                                                     .source = SOURCE_CONNECT,
                                                     .data = data.bytes,
                                                     .data_size = data.size});
    buffer_free(&data);
    metadata_free(&metadata);
}

/* os.path.normpath() of a path with a leading slash, and the split of get_abs_os_path(): the
 * storage and "/storage/below". False: the command has failed. */
static bool resolve(struct connect_sdk *sdk, const char *path, struct buffer *full,
                    struct storage **storage)
{
    if (*path != '/') {
        fail(sdk, "ValueError", "list.remove(x): x not in list");
        return false;
    }
    bool twofold = path[1] == '/' && path[2] != '/'; /* POSIX lets two slashes stand */
    while (*path != '\0') {
        path += strspn(path, "/");
        size_t size = strcspn(path, "/");
        if (size == 2 && memcmp(path, "..", 2) == 0) {
            const char *cut = full->size == 0 ? NULL : strrchr(full->bytes, '/');
            full->size = cut == NULL ? 0 : (size_t)(cut - full->bytes);
            if (full->bytes != NULL) {
                full->bytes[full->size] = '\0';
            }
        } else if (size > 0 && !(size == 1 && *path == '.')) {
            buffer_append_char(full, '/');
            buffer_append(full, path, size);
        }
        path += size;
    }
    const char *name = full->size == 0 ? "" : full->bytes + 1;
    *storage = twofold ? NULL : sdk_storage_named(sdk, name, strcspn(name, "/"));
    if (*storage == NULL) {
        fail(sdk, "FileNotFoundError", "Storage doesn't exist.");
        return false;
    }
    return true;
}

static const char *below_of(const char *full)
{
    const char *slash = strchr(full + 1, '/');
    return slash == NULL ? "" : slash + 1;
}

/* How the operating system would have refused it. */
static void end_change(struct connect_sdk *sdk, enum storage_result result, bool leaf_exists)
{
    switch (result) {
    case STORAGE_OK:
        finish(sdk);
        return;
    case STORAGE_NOT_FOUND:
        fail_os(sdk, "FileNotFoundError(2, 'No such file or directory')");
        return;
    case STORAGE_EXISTS:
        fail_os(sdk, leaf_exists ? "FileExistsError(17, 'File exists')"
                                 : "NotADirectoryError(20, 'Not a directory')");
        return;
    case STORAGE_NOT_EMPTY:
        fail_os(sdk, "OSError(39, 'Directory not empty')");
        return;
    case STORAGE_READ_ONLY:
        fail_os(sdk, "OSError(30, 'Read-only file system')");
        return;
    case STORAGE_FULL:
        fail_os(sdk, "OSError(28, 'No space left on device')");
        return;
    case STORAGE_BAD_PATH:
        fail_os(sdk, "OSError(36, 'File name too long')");
        return;
    case STORAGE_IO:
        fail_os(sdk, "OSError(5, 'Input/output error')");
        return;
    }
}

static void create_folder(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const char *path = path_of(sdk, command);
    struct buffer full = {0};
    struct storage *storage = NULL;
    if (path != NULL && resolve(sdk, path, &full, &storage)) {
        const struct file_node *node = storage_find(storage, below_of(full.bytes));
        if (node != NULL && node->folder) {
            finish(sdk);
        } else { /* on an SD card the host may make it somewhere else */
            end_change(sdk, sdk->host_class->make_folder(sdk->host, full.bytes), node != NULL);
        }
    }
    buffer_free(&full);
}

/* Checks that both deletions share. NULL: the command has failed. */
static const struct file_node *deletable(struct connect_sdk *sdk, const char *path,
                                         const char *read_only)
{
    struct storage *storage = NULL;
    const struct file_node *node = look_up(sdk, path, &storage);
    if (node == NULL) {
        fail(sdk, "AttributeError", "'NoneType' object has no attribute 'to_dict'");
        return NULL;
    }
    struct buffer full = {0};
    buffer_append_text(&full, *path == '/' ? "" : "/");
    buffer_append_text(&full, path);
    bool bare = sdk_sight(sdk, full.bytes) == SDK_SEEN_BARE;
    buffer_free(&full);
    if (bare) {
        fail(sdk, "KeyError", "read_only"); /* */
        return NULL;
    }
    if (storage->kind == STORAGE_SDCARD || storage->read_only || node->read_only) {
        fail(sdk, "ValueError", read_only);
        return NULL;
    }
    return node;
}

static const char *printed(struct connect_sdk *sdk)
{
    return sdk->host_class->printed_file == NULL ? NULL : sdk->host_class->printed_file(sdk->host);
}

static void delete_file(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const char *path = path_of(sdk, command);
    const struct file_node *node = path == NULL ? NULL : deletable(sdk, path, "File is read only");
    if (node == NULL) {
        return;
    }
    const char *job = printed(sdk);
    if (job != NULL && strcmp(job, path) == 0) {
        fail(sdk, "ValueError", "This file is currently printed");
        return;
    }
    struct buffer full = {0};
    struct storage *storage = NULL;
    bool folder = node->folder;
    if (resolve(sdk, path, &full, &storage)) {
        if (folder) {
            fail_os(sdk, "IsADirectoryError(21, 'Is a directory')");
        } else {
            end_change(sdk, sdk->host_class->remove(sdk->host, full.bytes, false), false);
        }
    }
    buffer_free(&full);
}

/* Whether the folder's path says that the printed file is in it: a test of sub-strings in the
 * original. */
static bool guards(const struct connect_sdk *sdk, const char *job, const char *folder)
{
    if (sdk_quirk(sdk, CONNECT_QUIRK_FOLDER_GUARD)) {
        return strstr(job, folder) != NULL;
    }
    job += *job == '/' && *folder != '/' ? 1 : 0; /* a path may do without its first slash (8.7) */
    size_t size = strlen(folder);
    return strncmp(job, folder, size) == 0 && job[size] == '/';
}

static void delete_folder(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    const char *path = path_of(sdk, command);
    const struct file_node *node =
        path == NULL ? NULL : deletable(sdk, path, "Folder is read only");
    if (node == NULL) {
        return;
    }
    const char *job = printed(sdk);
    if (job != NULL && guards(sdk, job, path)) {
        fail(sdk, "ValueError", "The file inside of this folder is currently printed");
        return;
    }
    bool force = python_truth(cJSON_GetObjectItemCaseSensitive(command->kwargs, "force"));
    bool folder = node->folder, empty = node->child_count == 0;
    struct buffer full = {0};
    struct storage *storage = NULL;
    if (resolve(sdk, path, &full, &storage)) {
        if (!folder) {
            fail_os(sdk, "NotADirectoryError(20, 'Not a directory')");
        } else if (!empty && !force) {
            end_change(sdk, STORAGE_NOT_EMPTY, false);
        } else {
            end_change(sdk, sdk->host_class->remove(sdk->host, full.bytes, force), false);
        }
    }
    buffer_free(&full);
}

static void set_ready(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    (void)command;
    sdk->ready = true;
    connect_sdk_set_state(sdk, STATE_READY, &(struct connect_event){.source = SOURCE_CONNECT});
    finish(sdk);
}

static void cancel_ready(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    (void)command;
    if (!sdk->ready) {
        fail(sdk, "ValueError", "Can't cancel, printer isn't ready");
        return;
    }
    sdk->ready = false;
    connect_sdk_set_state(sdk, STATE_IDLE, &(struct connect_event){.source = SOURCE_CONNECT});
    finish(sdk);
}

static void dialog_action(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    if (python_truth(command->kwargs)) {
        finish(sdk);
    } else {
        fail_requires_kwargs(sdk, "Command.DIALOG_ACTION");
    }
}

bool sdk_builtin(struct connect_sdk *sdk, const struct connect_sdk_command *command)
{
    static void (*const handlers[CONNECT_COMMANDS])(struct connect_sdk *,
                                                    const struct connect_sdk_command *) = {
        [CONNECT_SEND_INFO] = send_info,
        [CONNECT_SEND_STATE_INFO] = send_state_info,
        [CONNECT_SEND_FILE_INFO] = send_file_info,
        [CONNECT_SEND_TRANSFER_INFO] = sdk_send_transfer_info,
        [CONNECT_CREATE_FOLDER] = create_folder,
        [CONNECT_CREATE_DIRECTORY] = create_folder,
        [CONNECT_DELETE_FILE] = delete_file,
        [CONNECT_DELETE_FOLDER] = delete_folder,
        [CONNECT_DELETE_DIRECTORY] = delete_folder,
        [CONNECT_START_URL_DOWNLOAD] = sdk_start_url_download,
        [CONNECT_START_CONNECT_DOWNLOAD] = sdk_start_connect_download,
        [CONNECT_STOP_TRANSFER] = sdk_stop_transfer,
        [CONNECT_SET_PRINTER_READY] = set_ready,
        [CONNECT_CANCEL_PRINTER_READY] = cancel_ready,
        [CONNECT_DIALOG_ACTION] = dialog_action,
    };
    if (handlers[command->name] == NULL) {
        return false;
    }
    handlers[command->name](sdk, command);
    return true;
}
