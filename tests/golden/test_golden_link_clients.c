/* What PrusaLink clients really send (captures/prusalink-clients) goes to virtual printers: what
 * was recorded at a stand-in server goes to an MK4 of ours, what was recorded at the real PrusaLink
 * goes to an MK3S. Each answer must be one that this client accepts (prusalink.md, 8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/wire/digest.h"
#include "tests/golden/capture.h"
#include "tests/golden/flat_json.h"
#include "tests/golden/link_play.h"
#include "tests/protocol/firmware_bench.h"

/* --- what each client accepts --- */

/* The first line that fits a request counts. Members are of a JSON answer with 200; "a|b": one of
 * them, "printer.state=": a word of the nine. */
struct accepted {
    const char *method, *target; /* patterns */
    const char *codes;
    const char *members; /* NULL: the body is not read */
};

/* Every code below 400 is a success, 401, 404 and 409 are errors of their own, anything else
 * raises; the codes here are those that its call was made for. */
static const struct accepted pyprusalink[] = {
    {"GET", "/api/version", "200", "api server text"},
    {"GET", "/api/printer", "200", "telemetry"},
    {"GET", "/api/v1/info", "200", "serial nozzle_diameter hostname"},
    {"GET", "/api/v1/status", "200", "printer.state= printer.temp_nozzle printer.temp_bed"},
    {"GET", "/api/v1/storage", "200", "storage_list"},
    {"GET", "/api/v1/transfer", "200 204", NULL},
    {"DELETE", "/api/v1/transfer/999999", "404", NULL},
    {"GET", "/api/v1/job", "200 204", "id state= progress file.name file.path file.refs.download"},
    {"PUT", "/api/v1/files/*", "201", NULL},
    {"PUT", "/api/v1/job/1*/pause", "404", NULL},       /* an id that never was */
    {"PUT", "/api/v1/job/*/continue", "204 400", NULL}, /* Buddy has no such command */
    {"PUT", "/api/v1/job/*", "204", NULL},
    {"DELETE", "/api/v1/job/*", "204", NULL},
    {"GET", "/usb/*", "200", NULL},
    {"GET", "/api/files/*", "200", NULL},
    {NULL, NULL, NULL, NULL},
};

/* Hands everything to its caller; HEAD must be exactly 200 for a file that is there, and it
 * descends by display names. Its storage is always "usb", which PrusaLink for a Raspberry Pi does
 * not have. */
static const struct accepted prusalinkpy[] = {
    {"GET", "/api/version", "200", "api server text"},
    {"GET", "/api/printer", "200", "telemetry"},
    {"GET", "/api/settings", "200", "printer"},
    {"GET", "/api/v1/status", "200", "printer.state="},
    {"GET", "/api/v1/storage", "200", "storage_list"},
    {"GET", "/api/v1/transfer", "200 204", NULL},
    {"GET", "/api/v1/job", "200 204", "id file.name"},
    {"GET", "/api/v1/files/usb/", "200",
     "type name children[0].type|children[]|children children[0].display_name|children[]|children"},
    {"HEAD", "*", "200 404", NULL},
    {"PUT", "/api/v1/files/*", "201 409", NULL},
    {"PUT", "/api/v1/job/*", "204", NULL},
    {"DELETE", "/api/v1/job/*", "204", NULL},
    {"DELETE", "/api/v1/files/*", "204 404", NULL},
    {"POST", "*", "204", NULL},
    {NULL, NULL, NULL, NULL},
};

/* Reads nothing of an answer to PUT and DELETE; on Buddy a folder cannot be made with the header
 * that it sends, and an old file not overwritten. */
static const struct accepted link_sync[] = {
    {"GET", "/api/v1/status", "200", "storage.path printer.state="},
    {"GET", "/api/v1/files/*", "200", "name type ro"},
    {"PUT", "/api/v1/files/usb/*.gcode", "201 409", NULL},
    {"PUT", "/api/v1/files/usb/*", "201 501", NULL},
    {"DELETE", "/api/v1/files/*", "204 404", NULL},
    {NULL, NULL, NULL, NULL},
};

static const struct accepted fdm_monster[] = {
    {"GET", "/api/version", "200", "server"},
    {"GET", "/api/printer", "200", "telemetry state"},
    {"GET", "/api/job", "200 204", "state|job"},
    {"GET", "/api/files", "200", "files[0].path files[0].children"},
    {"GET", "/api/v1/status", "200", "printer.state="},
    {"GET", "/api/v1/files/usb/*", "200", "name refs.download"},
    {"PUT", "/api/v1/files/*", "201", NULL},
    {"POST", "/api/v1/files/*", "204", NULL},
    {"PUT", "/api/v1/job/*", "204", NULL},
    {"DELETE", "*", "204", NULL},
    {"GET", "/usb/*", "200", NULL}, /* and three headers, below */
    {NULL, NULL, NULL, NULL},
};

static const struct accepted *accepted_of(const struct accepted *list, const char *method,
                                          const char *target)
{
    while (list->method != NULL &&
           (fnmatch(list->method, method, 0) != 0 || fnmatch(list->target, target, 0) != 0)) {
        list++;
    }
    return list->method == NULL ? NULL : list;
}

static bool is_state(const char *word)
{
    static const char *const words[] = {"IDLE",    "BUSY",  "PRINTING",  "PAUSED", "FINISHED",
                                        "STOPPED", "ERROR", "ATTENTION", "READY"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_member(const struct flat_json *flat, const char *name, size_t size)
{
    if (size > 0 && name[size - 1] == '=') {
        char path[64], word[32];
        snprintf(path, sizeof path, "%.*s", (int)size - 1, name);
        return flat_member(flat, path, word, sizeof word) && is_state(word);
    }
    for (size_t i = 0; i < flat->count; i++) {
        const char *path = flat->values[i].path;
        if (strncmp(path, name, size) == 0 && strchr(".[", path[size]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The first member that is not there; NULL: all are. */
static const char *missing_member(const char *body, const char *members, size_t *size)
{
    struct flat_json flat = flat_json(body);
    const char *missing = NULL;
    for (const char *at = members; *at != '\0' && missing == NULL; at += strspn(at, " ")) {
        size_t all = strcspn(at, " ");
        bool there = false;
        for (const char *one = at; one < at + all; one += strspn(one, "|")) {
            size_t length = strcspn(one, "| ");
            there = there || has_member(&flat, one, length);
            one += length;
        }
        missing = there ? NULL : at;
        *size = all;
        at += all;
    }
    flat_json_free(&flat);
    return missing;
}

/* --- one run --- */

struct run {
    const char *name; /* "pyprusalink/01-…" */
    const struct accepted *accepted;
    unsigned answers, refused;
    unsigned codes[600];
};

static void judge(struct run *run, unsigned line, const char *method, const char *target,
                  const char *answer, const char *body)
{
    int status = 0;
    sscanf(answer, "HTTP/1.%*d %d", &status);
    const struct accepted *accepted = accepted_of(run->accepted, method, target);
    char code[8];
    snprintf(code, sizeof code, "%d", status);
    run->answers++;
    run->codes[status >= 0 && status < 600 ? status : 0]++;
    if (accepted == NULL || strstr(accepted->codes, code) == NULL || status == 0) {
        print_message("%s:%u: %s %s: %d\n", run->name, line, method, target, status);
        run->refused++;
        return;
    }
    size_t size = 0;
    const char *missing = accepted->members == NULL || status != 200
                              ? NULL
                              : missing_member(body, accepted->members, &size);
    if (missing != NULL) {
        print_message("%s:%u: %s %s: no \"%.*s\" in %s\n", run->name, line, method, target,
                      (int)size, missing, body);
        run->refused++;
    }
}

/* --- to an MK4 --- */

enum { CONNECTIONS = 128 };

struct drive {
    struct run run;
    struct firmware firmware;
    struct firmware_client *talks[CONNECTIONS];
    struct buffer download; /* the last reference that an answer gave */
    char user[DIGEST_HEX_MAX];
};

/* Prints for an hour, whatever its size. */
static void append_gcode(struct buffer *out, size_t size)
{
    static const char program[] = "G28\nG4 S3600\n";
    for (size_t i = 0; i < size; i++) {
        buffer_append_char(out, i < sizeof program - 1 ? program[i] : i % 64 == 63 ? '\n' : ';');
    }
}

static bool header_of(const char *head, const char *name, char *value, size_t size)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strcasestr(head, wanted);
    if (at == NULL) {
        value[0] = '\0';
        return false;
    }
    at += strlen(wanted);
    snprintf(value, size, "%.*s", (int)strcspn(at, "\r"), at);
    return true;
}

/* Job 41 of the stand-in is the one that runs here; its file has another reference. */
static void translate_target(struct drive *drive, const char *captured, struct buffer *out)
{
    unsigned id;
    int end = 0;
    if (sscanf(captured, "/api/v1/job/%u%n", &id, &end) == 1 && end > 0) {
        unsigned ours = machine_last_job(drive->firmware.machine);
        buffer_format(out, "/api/v1/job/%u%s", id == 41 ? ours : ours + 1000, captured + end);
    } else if (strncmp(captured, "/usb/", 5) == 0 && drive->download.size > 0) {
        buffer_append_text(out, buffer_text(&drive->download));
    } else {
        buffer_append_text(out, captured);
    }
}

/* Whether the recorded answer to a challenge was right: then ours is too. */
static bool was_right(const char *authorization, const char *method, const char *target)
{
    char user[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];
    digest_user_hash(user, DIGEST_MD5, "maker", "Printer API", "secret");
    const struct digest_request request = {.user_hash = user,
                                           .nonce = "00c0ffee00000001",
                                           .method = slice_of(method),
                                           .uri = slice_of(target)};
    digest_response(response, DIGEST_MD5, &request);
    return strstr(authorization, response) != NULL;
}

/* The request as recorded but for what another server makes up. Returns whether its credentials are
 * right. */
static bool rebuild(struct drive *drive, const struct link_event *event, const char *method,
                    const char *captured, const char *target, struct buffer *out)
{
    bool right = false;
    struct buffer credentials = {0};
    const char *at = event->bytes.bytes;
    const char *end = at + event->head_size;
    buffer_format(out, "%s %s HTTP/1.1\r\n", method, target);
    for (at = strstr(at, "\r\n") + 2; at < end; at = strstr(at, "\r\n") + 2) {
        size_t size = strcspn(at, "\r");
        if (strncmp(at, "X-Api-Key: ", 11) == 0) {
            right = size == 11 + strlen("secret");
            buffer_format(out, "X-Api-Key: %s%s\r\n", link_face_api_key(drive->firmware.face),
                          right ? "" : "x");
        } else if (strncmp(at, "Authorization: ", 15) == 0) {
            char line[400];
            snprintf(line, sizeof line, "%.*s", (int)size, at);
            right = was_right(line, method, captured);
            firmware_authorize(&drive->firmware, out, method, target,
                               buffer_text(&drive->firmware.nonce),
                               right ? link_face_password(drive->firmware.face) : "wrong");
        } else {
            buffer_append(out, at, size + 2);
        }
    }
    buffer_free(&credentials);
    bool program = strcmp(method, "PUT") == 0 && strstr(captured, ".gcode") != NULL;
    if (program) {
        append_gcode(out, event->body_size);
    } else {
        buffer_append(out, end, event->bytes.size - event->head_size);
    }
    return right;
}

static void learn(struct drive *drive, const char *answer, const char *body)
{
    if (strstr(answer, "nonce=\"") != NULL && strstr(answer, "nonce=\"") < body) {
        firmware_take_nonce(&drive->firmware, answer);
    }
    const char *download = strstr(body, "\"download\":\"");
    if (download != NULL) {
        download += strlen("\"download\":\"");
        buffer_clear(&drive->download);
        buffer_append(&drive->download, download, strcspn(download, "\""));
    }
}

/* An order is carried out while this client waits for its next call. */
static bool is_order(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

static void check_download(struct drive *drive, const struct link_event *event, const char *answer)
{
    char value[256];
    static const char *const needed[] = {"Content-Length", "Content-Type", "Content-Disposition"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!header_of(answer, needed[i], value, sizeof value)) {
            print_message("%s:%u: a download without %s\n", drive->run.name, event->line,
                          needed[i]);
            drive->run.refused++;
        }
    }
}

static void ask(struct drive *drive, const struct link_event *event)
{
    char method[16], captured[300];
    struct buffer target = {0}, request = {0};
    struct firmware *firmware = &drive->firmware;
    assert_int_equal(sscanf(event->bytes.bytes, "%15s %299s", method, captured), 2);
    translate_target(drive, captured, &target);
    bool right = rebuild(drive, event, method, captured, buffer_text(&target), &request);
    struct firmware_client **talk = &drive->talks[event->connection % CONNECTIONS];
    if (*talk == NULL || (*talk)->stream == NULL || (*talk)->finished) {
        if (*talk != NULL) {
            firmware_close(*talk); /* the server has said that it closes */
        }
        *talk = firmware_connect(firmware);
    }
    buffer_clear(&(*talk)->received);
    firmware_send_bytes(*talk, request.bytes, request.size);
    firmware_run(firmware, 1);
    buffer_clear(&firmware->reply);
    buffer_append(&firmware->reply, buffer_text(&(*talk)->received), (*talk)->received.size);
    const char *answer = buffer_text(&firmware->reply);
    const char *body = strstr(answer, "\r\n\r\n") == NULL ? "" : firmware_body(firmware);
    if (right) {
        judge(&drive->run, event->line, method, captured, answer, body);
    } else if (strncmp(answer, "HTTP/1.1 401 ", 13) != 0 ||
               strstr(answer, "\r\nWWW-Authenticate: ") == NULL) {
        print_message("%s:%u: %s %s: no challenge: %s\n", drive->run.name, event->line, method,
                      captured, answer);
        drive->run.refused++;
    }
    if (right && drive->run.accepted == fdm_monster && strncmp(captured, "/usb/", 5) == 0) {
        check_download(drive, event, answer);
    }
    learn(drive, answer, body);
    if (right && is_order(method)) {
        firmware_run(firmware, 45);
    }
    buffer_free(&target);
    buffer_free(&request);
}

static bool load(struct link_capture *capture, const char *name)
{
    struct buffer relative = {0};
    buffer_format(&relative, "captures/prusalink-clients/%s", name);
    char *path = capture_path(buffer_text(&relative));
    buffer_free(&relative);
    if (path == NULL) {
        print_message("[  SKIPPED ] ../shared/captures/prusalink-clients/%s is not there\n", name);
        return false;
    }
    bool loaded = link_capture_load(capture, path);
    free(path);
    return loaded;
}

/* Sends everything; what the printer holds at the end is `tree`. */
static void drive_model(const char *model, const char *name, const struct accepted *accepted,
                        const char *const *files, const char *tree)
{
    struct link_capture capture;
    if (!load(&capture, name)) {
        skip();
    }
    struct drive *drive = calloc(1, sizeof *drive);
    drive->run = (struct run){.name = name, .accepted = accepted};
    firmware_begin(&drive->firmware, model, 64 << 20);
    for (; *files != NULL; files++) {
        firmware_put(&drive->firmware, *files, "G28\n");
    }
    for (size_t i = 0; i < capture.count; i++) {
        const struct link_event *event = &capture.events[i];
        struct firmware_client *talk = drive->talks[event->connection % CONNECTIONS];
        if (event->kind == LINK_SENT) {
            ask(drive, event);
        } else if (event->kind == LINK_CLOSED && talk != NULL) {
            firmware_close(talk);
        }
    }
    print_message("%s, %s: %u answers:", model, name, drive->run.answers);
    for (int code = 0; code < 600; code++) {
        if (drive->run.codes[code] > 0) {
            print_message(" %u x %d", drive->run.codes[code], code);
        }
    }
    print_message("\n");
    unsigned refused = drive->run.refused;
    char left[512];
    snprintf(left, sizeof left, "%s", firmware_tree(&drive->firmware));
    buffer_free(&drive->download);
    firmware_end(&drive->firmware);
    free(drive);
    link_capture_free(&capture);
    assert_int_equal(refused, 0);
    assert_string_equal(left, tree);
}

/* All have one server; what differs is what the printer is and has. */
static void drive_buddy(const char *name, const struct accepted *accepted, const char *const *files,
                        const char *tree)
{
    static const char *const models[] = {"mk4", "mini", "xl", "coreone", "mk3.5"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        drive_model(models[i], name, accepted, files, tree);
    }
}

static const char *const one_file[] = {"/usb/test part.gcode", NULL};

static void a_buddy_printer_serves_pyprusalink(void **state)
{
    (void)state;
    drive_buddy("pyprusalink/01-all-calls-stand-in.txt", pyprusalink, one_file,
                "/usb/test part.gcode /usb/kit_pyprusalink.gcode ");
}

static void a_buddy_printer_serves_prusalinkpy(void **state)
{
    (void)state;
    drive_buddy("PrusaLinkPy/01-all-calls-stand-in.txt", prusalinkpy, one_file,
                "/usb/test part.gcode ");
}

static void a_buddy_printer_serves_link_sync(void **state)
{
    static const char *const files[] = {"/usb/test part.gcode", "/usb/kitsync/sub/keep.gcode",
                                        NULL};
    (void)state;
    drive_buddy(
        "link-sync/01-classes-and-command-line-stand-in.txt", link_sync, files,
        "/usb/test part.gcode /usb/kitsync/ /usb/kitsync/sub/ /usb/kitsync/sub/keep.gcode ");
}

static void a_buddy_printer_serves_fdm_monster(void **state)
{
    (void)state;
    drive_buddy("fdm-monster/01-drive-stand-in.txt", fdm_monster, one_file,
                "/usb/test part.gcode ");
}

/* --- to an MK3S --- */

struct replay {
    struct run run;
    const struct link_event *asked[512]; /* by connection */
    const struct link_capture *capture;
    size_t seen;
};

static void compare(void *owner, const struct link_capture *capture, const struct link_event *event,
                    struct slice ours)
{
    struct replay *replay = owner;
    char method[16], target[300];
    int captured = 0, status = 0;
    const struct link_event *asked = NULL;
    for (const struct link_event *at = capture->events; at < event; at++) {
        asked = at->kind == LINK_SENT && at->connection == event->connection ? at : asked;
    }
    assert_non_null(asked);
    assert_int_equal(sscanf(asked->bytes.bytes, "%15s %299s", method, target), 2);
    sscanf(buffer_text(&event->bytes), "HTTP/1.%*d %d", &captured);
    sscanf(ours.bytes, "HTTP/1.%*d %d", &status);
    if (status != captured) {
        print_message("%s:%u: %s %s: %d is %d here\n", replay->run.name, event->line, method,
                      target, captured, status);
        replay->run.refused++;
    } else if (status < 400) {
        const char *body = strstr(ours.bytes, "\r\n\r\n");
        judge(&replay->run, event->line, method, target, ours.bytes, body == NULL ? "" : body + 4);
    }
}

/* The recorded file is not known: ours lasts long enough. */
static void fill(struct link_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        struct link_event *event = &capture->events[i];
        if (event->kind == LINK_SENT && event->named) {
            append_gcode(&event->bytes, event->body_size);
            event->named = false;
        }
    }
}

static void play_mk3s(const char *name, const struct accepted *accepted)
{
    struct link_capture capture;
    if (!load(&capture, name)) {
        skip();
    }
    struct replay replay = {.run = {.name = name, .accepted = accepted}};
    fill(&capture);
    struct link_player *player = link_player_new(capture.wall_us, 4);
    link_player_play(player, &capture, compare, &replay);
    print_message("%s: %u answers\n", name, replay.run.answers);
    link_player_destroy(player);
    link_capture_free(&capture);
    assert_int_equal(replay.run.refused, 0);
}

static void an_mk3s_serves_pyprusalink(void **state)
{
    (void)state;
    play_mk3s("pyprusalink/02-all-calls-real-prusa-link.txt", pyprusalink);
}

static void an_mk3s_serves_prusalinkpy(void **state)
{
    (void)state;
    play_mk3s("PrusaLinkPy/02-all-calls-real-prusa-link.txt", prusalinkpy);
}

/* It stops at the status, whose storage is a list: the one thing that it reads and does not get. */
static void an_mk3s_stops_link_sync_at_the_status(void **state)
{
    static const struct accepted reads[] = {
        {"GET", "/api/v1/status", "200", "storage[0].path printer.state="},
        {NULL, NULL, NULL, NULL},
    };
    (void)state;
    play_mk3s("link-sync/02-classes-real-prusa-link.txt", reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buddy_printer_serves_pyprusalink),
        cmocka_unit_test(a_buddy_printer_serves_prusalinkpy),
        cmocka_unit_test(a_buddy_printer_serves_link_sync),
        cmocka_unit_test(a_buddy_printer_serves_fdm_monster),
        cmocka_unit_test(an_mk3s_serves_pyprusalink),
        cmocka_unit_test(an_mk3s_serves_prusalinkpy),
        cmocka_unit_test(an_mk3s_stops_link_sync_at_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
