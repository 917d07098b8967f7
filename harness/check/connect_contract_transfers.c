/* Transfers and cameras (connect-sdk.md 13.7, 13.8): downloads on connections of their own,
 * pictures with tokens of their own. TRN-15 is not here: what the server believes can't be seen
 * from outside. */

#include <ctype.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/memory.h"
#include "sim/base/world.h"

struct seen_transfer {
    int64_t id, start_command;
    char path[256];
    double size; /* -1: not told */
    unsigned ends;
    bool stopping;  /* STOP_TRANSFER was answered FINISHED */
    int bad_status; /* of the file's reply; 0: it was 200 */
    bool bad_type;
    bool took_over; /* the one before had not ended */
};

struct seen_camera {
    struct subject *subject;
    char *fingerprint, *token; /* token NULL: none given, or refused */
    bool refused;
    double every_s;  /* 0: no timed scheme */
    int64_t last_us; /* of a picture; -1: none since its registration */
    struct seen_camera *next;
};

/* ---- what is seen ---- */

static bool begins(struct slice text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.bytes, start, size) == 0;
}

unsigned transfer_kind_of(const struct http_message *request)
{
    if (slice_is(request->target, "/p/camera") && slice_is(request->method, "POST")) {
        return SEE_CAMERA;
    }
    if (slice_is(request->target, "/c/snapshot")) {
        return SEE_PICTURE;
    }
    if (fetch_is_target(request->target) && slice_is(request->method, "GET")) {
        return SEE_FETCH;
    }
    bool file = begins(request->target, "/p/teams/") || begins(request->target, "/files/");
    return file && slice_is(request->method, "GET") ? SEE_FILE : 0;
}

uint64_t transfer_target_hash(const cJSON *kwargs)
{
    const cJSON *team = cJSON_GetObjectItemCaseSensitive(kwargs, "team_id");
    const char *hash = text_of(kwargs, "hash");
    if (!cJSON_IsNumber(team) || hash == NULL) {
        return 0;
    }
    char target[400];
    int size =
        snprintf(target, sizeof target, "/p/teams/%.0f/files/%.300s/raw", team->valuedouble, hash);
    return contract_hash(CONTRACT_HASH_START, target, (size_t)size);
}

static struct seen_camera *camera_of(const struct contract *contract, struct slice fingerprint)
{
    struct seen_camera *camera = contract->cameras;
    while (camera != NULL && !slice_is(fingerprint, camera->fingerprint)) {
        camera = camera->next;
    }
    return camera;
}

struct subject *transfer_camera_subject(const struct contract *contract, struct slice fingerprint)
{
    const struct seen_camera *camera = camera_of(contract, fingerprint);
    return camera == NULL ? NULL : camera->subject;
}

void transfer_free(struct contract *contract)
{
    while (contract->cameras != NULL) {
        struct seen_camera *camera = contract->cameras;
        contract->cameras = camera->next;
        free(camera->fingerprint);
        free(camera->token);
        free(camera);
    }
}

static double interval_of(const char *scheme)
{
    return same(scheme, "TEN_SEC")      ? 10
           : same(scheme, "THIRTY_SEC") ? 30
           : same(scheme, "SIXTY_SEC")  ? 60
                                        : 0;
}

static void take_camera(struct sight *sight)
{
    const char *fingerprint = text_of(sight->body, "fingerprint");
    if (fingerprint == NULL || sight->subject == NULL) {
        return;
    }
    struct seen_camera *camera = camera_of(sight->contract, slice_of(fingerprint));
    if (camera == NULL) {
        camera = memory_new(sizeof *camera);
        camera->fingerprint = memory_copy_text(fingerprint);
        camera->next = sight->contract->cameras;
        sight->contract->cameras = camera;
    }
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(sight->body, "config");
    camera->subject = sight->subject;
    camera->every_s =
        interval_of(text_of(config, "trigger_scheme")) > 0 ? 10 : 0; /* its user may change it */
    camera->last_us = -1;
    snprintf(sight->subject->camera, sizeof sight->subject->camera, "%s", fingerprint);
}

void transfer_course_request(struct sight *sight)
{
    if ((sight->kind & SEE_FETCH) != 0) {
        fetch_course_request(sight);
    } else if ((sight->kind & SEE_CAMERA) != 0) {
        take_camera(sight);
    } else if ((sight->kind & SEE_PICTURE) != 0) {
        struct seen_camera *camera = camera_of(sight->contract, sight->headers[HEADER_FINGERPRINT]);
        if (camera != NULL) {
            camera->last_us = sight->time_us;
        }
    }
}

static bool type_good(struct slice type)
{
    static const char *const good[] = {"text/plain", "text/x.gcode", "application/binary",
                                       "application/octet-stream"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (slice_is_nocase(type, good[i])) {
            return true;
        }
    }
    return type.size == 0;
}

static bool redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void transfer_course_reply(struct sight *sight)
{
    if ((sight->asked->kind & SEE_FETCH) != 0) {
        fetch_course_reply(sight);
        return;
    }
    int status = sight->reply->status;
    if (sight->asked->kind == SEE_FILE && sight->subject->transfer != NULL) {
        struct seen_transfer *transfer = sight->subject->transfer;
        transfer->bad_status = status == 200 || redirect(status) ? 0 : status;
        transfer->bad_type =
            status == 200 && !type_good(http_header_value(sight->reply, "Content-Type"));
    } else if (sight->asked->kind == SEE_CAMERA) {
        struct seen_camera *camera = camera_of(sight->contract, slice_of(sight->subject->camera));
        struct slice token = http_header_value(sight->reply, "Token");
        if (camera != NULL && status == 200 && token.size > 0) {
            free(camera->token);
            camera->token = memory_copy_slice(token.bytes, token.size);
            camera->refused = false;
        }
    } else if (sight->asked->kind == SEE_PICTURE && (status == 401 || status == 403)) {
        struct seen_camera *camera = camera_of(sight->contract, slice_of(sight->subject->camera));
        if (camera != NULL) {
            camera->refused = true;
        }
    }
}

static bool ends_transfer(const char *event)
{
    static const char *const ends[] = {"TRANSFER_FINISHED", "TRANSFER_STOPPED", "TRANSFER_ABORTED",
                                       NULL};
    return one_of(event, ends);
}

void transfer_course_event(struct sight *sight)
{
    struct subject *subject = sight->subject;
    int64_t id = whole_of(sight->body, "transfer_id", -1);
    if (same(sight->event, "TRANSFER_INFO") && id >= 0) {
        if (subject->transfer == NULL) {
            subject->transfer = memory_new(sizeof *subject->transfer);
            subject->transfer->id = -1;
        }
        struct seen_transfer *transfer = subject->transfer;
        if (transfer->id != id) {
            bool took_over = transfer->id >= 0 && transfer->ends == 0;
            *transfer = (struct seen_transfer){.id = id, .size = -1, .took_over = took_over};
        }
        transfer->start_command = whole_of(sight->data, "start_cmd_id", -1);
        const char *path = text_of(sight->data, "path");
        snprintf(transfer->path, sizeof transfer->path, "%s", path == NULL ? "" : path);
        const cJSON *size = cJSON_GetObjectItemCaseSensitive(sight->data, "size");
        transfer->size = cJSON_IsNumber(size) ? size->valuedouble : transfer->size;
    } else if (ends_transfer(sight->event) && subject->transfer != NULL &&
               subject->transfer->id == id) {
        subject->transfer->ends++;
    }
    if (same(sight->event, "FINISHED") && sight->command != NULL &&
        same(sight->command->name, "STOP_TRANSFER") && subject->transfer != NULL &&
        subject->transfer->ends == 0) {
        subject->transfer->stopping = true;
    }
}

/* ---- transfers ---- */

static bool is_start(const struct seen_command *command)
{
    return command != NULL && (same(command->name, "START_URL_DOWNLOAD") ||
                               same(command->name, "START_CONNECT_DOWNLOAD"));
}

static const struct seen_transfer *running(const struct sight *sight)
{
    const struct seen_transfer *transfer = sight->subject->transfer;
    return transfer != NULL && transfer->ends == 0 ? transfer : NULL;
}

static const struct seen_transfer *ended(const struct sight *sight)
{
    const struct seen_transfer *transfer = sight->subject->transfer;
    bool its = transfer != NULL && transfer->id == whole_of(sight->body, "transfer_id", -1);
    return its && ends_transfer(sight->event) ? transfer : NULL;
}

void judge_trn_01(struct sight *sight)
{
    struct slice target = sight->request->target;
    if (!begins(target, "/p/teams/")) {
        return;
    }
    const struct subject *subject = sight->subject;
    uint64_t hash = contract_hash(CONTRACT_HASH_START, target.bytes, target.size);
    bool asked = false;
    for (size_t i = 0; i < subject->command_count; i++) {
        asked = asked || subject->commands[i].file_hash == hash;
    }
    bool token = subject->token != NULL && slice_is(sight->headers[HEADER_TOKEN], subject->token);
    bool fingerprint = sight->headers[HEADER_FINGERPRINT].size > 0;
    verdict(sight, asked && token && fingerprint,
            "the file of a START_CONNECT_DOWNLOAD, with Token and Fingerprint", "%.*s%s%s%s",
            (int)(target.size < 120 ? target.size : 120), target.bytes,
            asked ? "" : ", not asked for", token ? "" : ", not its Token",
            fingerprint ? "" : ", no Fingerprint");
}

void judge_trn_02(struct sight *sight)
{
    struct slice host = http_header_value(sight->request, "Host");
    const char *server = sight->contract->server_host;
    if (server[0] == '\0' || host.size == 0 || slice_is(host, server)) {
        return;
    }
    bool bare = sight->headers[HEADER_TOKEN].bytes == NULL &&
                sight->headers[HEADER_FINGERPRINT].bytes == NULL &&
                sight->headers[HEADER_TIMESTAMP].bytes == NULL;
    verdict(sight, bare, "no Token, Fingerprint or Timestamp for another host",
            "one of them for %.*s", (int)(host.size < 100 ? host.size : 100), host.bytes);
}

void judge_trn_03(struct sight *sight)
{
    if (!is_start(sight->command) || !same(sight->event, "TRANSFER_INFO")) {
        return;
    }
    const char *due =
        same(sight->command->name, "START_URL_DOWNLOAD") ? "FROM_WEB" : "FROM_CONNECT";
    int64_t id = whole_of(sight->body, "transfer_id", -1),
            start = whole_of(sight->data, "start_cmd_id", -1);
    verdict(sight,
            id >= 0 && start == sight->command->id && same(text_of(sight->data, "type"), due),
            "transfer_id, start_cmd_id of the command, its type",
            "transfer_id %lld, start_cmd_id %lld, type %s", (long long)id, (long long)start,
            or_none(text_of(sight->data, "type")));
}

void judge_trn_04(struct sight *sight)
{
    if (!same(sight->event, "TRANSFER_FINISHED") || sight->subject->transfer == NULL ||
        text_of(sight->data, "destination") != NULL) {
        return; /* an upload names a destination (9.8) */
    }
    const struct seen_transfer *transfer = sight->subject->transfer;
    const char *path = text_of(sight->data, "path");
    bool good = whole_of(sight->body, "transfer_id", -1) == transfer->id &&
                same(path, transfer->path) &&
                whole_of(sight->data, "start_cmd_id", -1) == transfer->start_command;
    verdict(sight, good, "transfer_id, path and start_cmd_id of the transfer",
            "transfer_id %lld, path %s", (long long)whole_of(sight->body, "transfer_id", -1),
            or_none(path));
}

void judge_trn_05(struct sight *sight)
{
    const struct seen_transfer *transfer = ended(sight);
    if (transfer != NULL) {
        verdict(sight, transfer->ends == 0, "one end of each transfer", "%s after %u", sight->event,
                transfer->ends);
    }
}

void judge_trn_06(struct sight *sight)
{
    const struct seen_transfer *transfer = sight->subject->transfer;
    if (transfer == NULL || transfer->size < 0 || !same(sight->event, "FILE_CHANGED") ||
        !same(text_of(sight->data, "new_path"), transfer->path)) {
        return;
    }
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(sight->data, "file"), "size");
    double told = cJSON_IsNumber(size) ? size->valuedouble : -1;
    verdict(sight, told == transfer->size, "the file under its name only when all of it is there",
            "%.0f of %.0f bytes", told, transfer->size);
}

void judge_trn_07(struct sight *sight)
{
    const struct seen_transfer *transfer = running(sight);
    if (!is_start(sight->command) || transfer == NULL || same(sight->event, "FAILED")) {
        return;
    }
    if (transfer->start_command != sight->command->id || transfer->took_over) {
        verdict(sight,
                same(sight->event, "REJECTED") &&
                    same(sight->reason, "Another transfer in progress"),
                "REJECTED, \"Another transfer in progress\"", "%s, %s", sight->event,
                or_none(sight->reason));
    }
}

void judge_trn_08(struct sight *sight)
{
    const struct seen_transfer *transfer = ended(sight);
    if (transfer == NULL || transfer->bad_status == 0 || transfer->ends > 0) {
        return;
    }
    char due[64];
    snprintf(due, sizeof due, "Invalid status code: %d", transfer->bad_status);
    verdict(sight, same(sight->event, "TRANSFER_ABORTED") && same(sight->reason, due),
            "TRANSFER_ABORTED, \"Invalid status code: N\"", "%s, %s", sight->event,
            or_none(sight->reason));
}

void judge_trn_09(struct sight *sight)
{
    static const char start[] = "Invalid content type: ";
    const struct seen_transfer *transfer = ended(sight);
    if (transfer == NULL || !transfer->bad_type || transfer->ends > 0) {
        return;
    }
    bool good = sight->reason != NULL && strncmp(sight->reason, start, sizeof start - 1) == 0;
    verdict(sight, good && same(sight->event, "TRANSFER_ABORTED"),
            "TRANSFER_ABORTED, \"Invalid content type: …\"", "%s, %s", sight->event,
            or_none(sight->reason));
}

void judge_trn_10(struct sight *sight)
{
    const struct seen_transfer *transfer = ended(sight);
    if (transfer != NULL && transfer->stopping && transfer->ends == 0) {
        verdict(sight, same(sight->event, "TRANSFER_STOPPED"),
                "TRANSFER_STOPPED after STOP_TRANSFER", "%s", sight->event);
    }
}

void judge_trn_11(struct sight *sight)
{
    const struct seen_command *command = sight->command;
    const struct seen_transfer *transfer = running(sight);
    if (command != NULL && same(command->name, "STOP_TRANSFER") && transfer != NULL &&
        command->transfer_id > 0 && command->transfer_id != transfer->id) {
        verdict(sight, same(sight->event, "FAILED"), "FAILED for another transfer_id", "%s",
                sight->event);
    }
}

void judge_trn_12(struct sight *sight)
{
    if (sight->command == NULL || !same(sight->command->name, "SEND_TRANSFER_INFO") ||
        !same(sight->event, "TRANSFER_INFO") || whole_of(sight->body, "transfer_id", -1) >= 0) {
        return;
    }
    verdict(sight,
            same(text_of(sight->data, "type"), "NO_TRANSFER") &&
                cJSON_GetArraySize(sight->data) == 1,
            "data is {\"type\": \"NO_TRANSFER\"} without a transfer", "type %s and %d members",
            or_none(text_of(sight->data, "type")), cJSON_GetArraySize(sight->data));
}

/* Whether components ".." lead out of the path's storage. */
static bool leads_out(const char *path)
{
    int depth = -1; /* the storage itself */
    while (*path != '\0') {
        path += strspn(path, "/");
        size_t size = strcspn(path, "/");
        depth += size == 2 && path[0] == '.' && path[1] == '.' ? -1
                 : size == 0 || (size == 1 && *path == '.')    ? 0
                                                               : 1;
        if (depth < 0) {
            return true;
        }
        path += size;
    }
    return false;
}

static bool storage_known(const struct subject *subject, const char *path)
{
    const cJSON *child = NULL;
    const char *name = path + strspn(path, "/");
    size_t size = strcspn(name, "/");
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(tree_of(subject), "children"))
    {
        const char *known = text_of(child, "name");
        if (known != NULL && strlen(known) == size && strncmp(known, name, size) == 0) {
            return true;
        }
    }
    return false;
}

void judge_trn_13(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if (!is_start(sight->command) || path_of(sight->command)[0] == '\0' ||
        same(sight->event, "REJECTED")) {
        return;
    }
    const char *path = path_of(sight->command);
    bool unknown = subject->tree_whole && !storage_known(subject, path);
    if (path[0] != '/' || leads_out(path) || unknown) {
        verdict(sight, same(sight->event, "FAILED"), "FAILED for a path in no storage", "%s for %s",
                sight->event, path);
    }
}

void judge_trn_14(struct sight *sight)
{
    if (sight->asked->kind != SEE_FILE || !sight->asked->to_p) {
        return;
    }
    struct slice type = http_header_value(sight->reply, "Content-Type");
    struct slice length = http_header_value(sight->reply, "Content-Length");
    int64_t size = 0;
    bool sized = length.bytes != NULL && python_integer(length, &size) && size > 0;
    verdict(sight, sight->reply->status == 200 && type_good(type) && sized,
            "200, a type that printers take, a length above 0", "status %d, type %.*s, length %lld",
            sight->reply->status, (int)(type.size < 80 ? type.size : 80),
            type.size == 0 ? "" : type.bytes, (long long)size);
}

/* ---- cameras ---- */

void judge_cam_01(struct sight *sight)
{
    static const char *const keys[] = {"config", "options", "capabilities", "fingerprint"};
    const char *missing = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        missing =
            cJSON_GetObjectItemCaseSensitive(sight->body, keys[i]) == NULL ? keys[i] : missing;
    }
    bool token = sight->subject->token != NULL &&
                 slice_is(sight->headers[HEADER_TOKEN], sight->subject->token);
    verdict(sight, missing == NULL && token,
            "config, options, capabilities, fingerprint and the printer's Token", "%s%s missing",
            missing == NULL ? "" : missing, token ? "" : " Token");
}

void judge_cam_02(struct sight *sight)
{
    const char *id = text_of(cJSON_GetObjectItemCaseSensitive(sight->body, "config"), "camera_id");
    const char *told = text_of(sight->body, "fingerprint");
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    char due[65] = "";
    if (id != NULL && EVP_Digest(id, strlen(id), digest, &size, EVP_sha256(), NULL) == 1) {
        for (unsigned int i = 0; i < size && i < 32; i++) {
            snprintf(due + 2 * (size_t)i, 3, "%02x", digest[i]);
        }
    }
    verdict(sight, same(told, due), "the SHA-256 of config.camera_id", "%s for %s", or_none(told),
            or_none(id));
}

void judge_cam_03(struct sight *sight)
{
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(sight->body, "config"), *item = NULL;
    const char *missing = "trigger_scheme";
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(sight->body, "capabilities"))
    {
        const char *name = cJSON_GetStringValue(item);
        missing = same(name, "trigger_scheme") && same(missing, "trigger_scheme") ? NULL : missing;
        if (name != NULL && !same(name, "imaging") &&
            cJSON_GetObjectItemCaseSensitive(config, name) == NULL) {
            missing = name;
            break;
        }
    }
    verdict(sight, missing == NULL, "trigger_scheme, and a value in config for each capability",
            "%s is missing", or_none(missing));
}

void judge_cam_04(struct sight *sight)
{
    struct slice type = sight->headers[HEADER_CONTENT_TYPE];
    bool length = http_header_value(sight->request, "Content-Length").size > 0;
    bool named =
        sight->headers[HEADER_TOKEN].size > 0 && sight->headers[HEADER_FINGERPRINT].size > 0;
    verdict(sight,
            slice_is(sight->request->method, "PUT") && slice_is(type, "image/jpg") && length &&
                named,
            "PUT, image/jpg, Content-Length, Token and Fingerprint of the camera", "%.*s%s%s",
            (int)type.size, type.size == 0 ? "" : type.bytes, length ? "" : ", no Content-Length",
            named ? "" : ", not named");
}

void judge_cam_05(struct sight *sight)
{
    const struct seen_camera *camera =
        camera_of(sight->contract, sight->headers[HEADER_FINGERPRINT]);
    if (camera != NULL && !camera->refused) {
        verdict(sight,
                camera->token != NULL && slice_is(sight->headers[HEADER_TOKEN], camera->token),
                "a picture only with the token that the camera was given", "%s",
                camera->token == NULL ? "it was given none" : "another token");
    }
}

void judge_cam_06(struct sight *sight)
{
    const struct seen_camera *camera =
        camera_of(sight->contract, sight->headers[HEADER_FINGERPRINT]);
    if (camera != NULL) {
        verdict(sight, !camera->refused, "no picture after 401 or 403 until it is registered again",
                "one");
    }
}

void judge_cam_07(struct sight *sight)
{
    const struct seen_camera *camera =
        camera_of(sight->contract, sight->headers[HEADER_FINGERPRINT]);
    if (camera == NULL || camera->every_s == 0 || camera->last_us < 0) {
        return;
    }
    double gap_s = (double)(sight->time_us - camera->last_us) / 1e6;
    double turns = round(gap_s / camera->every_s);
    verdict(sight, turns >= 1 && fabs(gap_s - turns * camera->every_s) <= 1,
            "10, 30 or 60 s between pictures of a timed scheme", "%.1f s for each %.0f s", gap_s,
            camera->every_s);
}

void judge_cam_08(struct sight *sight)
{
    if (sight->asked->kind == SEE_CAMERA && sight->reply->status / 100 == 2) {
        bool token = http_header_value(sight->reply, "Token").size > 0;
        verdict(sight, sight->reply->status == 200 && token, "200 with Token", "%d%s",
                sight->reply->status, token ? "" : " without Token");
    }
}

void judge_cam_09(struct sight *sight)
{
    int status = sight->reply->status;
    if (sight->asked->kind == SEE_PICTURE && status != 401 && status != 403 && status / 100 != 5) {
        verdict(sight, status / 100 == 2, "image/jpg without the SDK's User-Agent is taken",
                "status %d", status);
    }
}
