#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/connect/buddy_files.h"
#include "sim/protocol/connect/buddy_json.h"
#include "sim/protocol/link/buddy_link.h"

/* What clients tell the printer to do (prusalink.md 3.5, 3.10 to 3.12, 4.4, 4.5; PFB:
 * lib/WUI/link_content/prusa_api_helpers.cpp, lib/WUI/nhttp/job_command.cpp, file_command.cpp). */

/* ---- files ---- */

/* The file of a print that has ended is free once its screen is left. */
static void leave_end_of(struct machine *machine, const char *path)
{
    const char *ended = machine_ended_print(machine);
    if (ended != NULL && strcmp(ended, path) == 0) {
        machine_dismiss_end(machine);
    }
}

void buddy_delete_file(struct link_request *request, const struct buddy_asked *asked,
                       const char *path)
{
    struct machine *machine = request->face->machine;
    const struct transfer *transfer = machine_transfer(machine);
    struct buddy_place place;
    bool found = buddy_place_find(machine, path, &place) && place.parent != NULL;
    const char *real = buffer_text(&place.path);
    if (found && buddy_prints(machine, real)) {
        buddy_refuse(request, asked, 409, "File is busy");
    } else if (found && transfer != NULL && strcmp(transfer->path, real) == 0) {
        buddy_refuse(request, asked, 409, "File is being transferred");
    } else if (!found) {
        buddy_refuse(request, asked, 404, NULL);
    } else {
        leave_end_of(machine, real);
        enum storage_result result = machine_remove(machine, real, false);
        /* A known defect: a folder with something in it is "not found". */
        int refused = result == STORAGE_NOT_EMPTY && !link_quirk(request->face, 26) ? 409 : 404;
        buddy_refuse(request, asked, result == STORAGE_OK ? 204 : refused, NULL);
    }
    buddy_place_free(&place);
}

/* One folder, in one that is there. */
void buddy_make_folder(struct link_request *request, const struct buddy_asked *asked,
                       const char *path)
{
    struct machine *machine = request->face->machine;
    struct buddy_place place;
    if (buddy_place_find(machine, path, &place)) {
        buddy_refuse(request, asked, 409, "Already exists");
        buddy_place_free(&place);
        return;
    }
    char *parent = memory_copy_slice(
        buffer_text(&place.path),
        (size_t)(buddy_path_name(buffer_text(&place.path)) - buffer_text(&place.path)));
    struct buddy_place above;
    bool made = buddy_place_find(machine, parent, &above) && above.node->folder &&
                buddy_fat_name_good(buffer_text(&place.path)) &&
                machine_make_folder(machine, buffer_text(&place.path)) == STORAGE_OK;
    if (made) {
        buddy_refuse(request, asked, 201, NULL);
    } else {
        buddy_refuse(request, asked, 500, "Error creating directory");
    }
    buddy_place_free(&above);
    buddy_place_free(&place);
    free(parent);
}

bool buddy_start(struct machine *machine, const char *path)
{
    struct buddy_place place;
    bool started = false;
    if (buddy_at_rest(machine) && buddy_place_find(machine, path, &place)) {
        if (!place.node->folder) {
            machine_dismiss_end(machine);
            started =
                machine_start_print(machine, buffer_text(&place.path), NULL) == MACHINE_ACCEPTED;
        }
        buddy_place_free(&place);
    }
    return started;
}

static bool exists(struct machine *machine, const char *path)
{
    struct buddy_place place;
    bool found = buddy_place_find(machine, path, &place);
    buddy_place_free(&place);
    return found;
}

/* A body is not read, so the connection closes. */
void buddy_print_file(struct link_request *request, const struct buddy_asked *asked,
                      const char *path)
{
    struct machine *machine = request->face->machine;
    int status = !exists(machine, path) ? 404 : buddy_start(machine, path) ? 204 : 409;
    buddy_refuse_body(request, asked->json, status, NULL);
}

/* ---- the job by its number ---- */

/* Leading digits count: "12abc" is 12. */
static bool job_number(const char *text, int *id)
{
    enum { SUFFIX_MAX = 33 };
    const char *digits = text + (*text == '-');
    if (strlen(text) > SUFFIX_MAX || *digits < '0' || *digits > '9') {
        return false;
    }
    long number = strtol(text, NULL, 10);
    *id = (int)number;
    return number >= INT_MIN && number <= INT_MAX;
}

static int stop_job(struct machine *machine)
{
    enum printer_state state = buddy_state_of(machine);
    if (state != STATE_PRINTING && state != STATE_PAUSED && state != STATE_ATTENTION) {
        return 409;
    }
    machine_stop(machine);
    return 204;
}

static int command_job(struct machine *machine, const char *command)
{
    enum printer_state state = buddy_state_of(machine);
    if (strcmp(command, "pause") == 0) {
        if (state != STATE_PRINTING) {
            return 409;
        }
        machine_pause(machine); /* without effect while aborting or finishing */
        return 204;
    }
    if (strcmp(command, "resume") == 0) {
        if (state != STATE_PAUSED) {
            return 409;
        }
        machine_resume(machine); /* … or pausing */
        return 204;
    }
    return 400;
}

void buddy_job_request(struct link_request *request, const struct buddy_asked *asked,
                       const char *suffix)
{
    struct machine *machine = request->face->machine;
    const char *slash = strchr(suffix, '/');
    int id, status = 405;
    if (!job_number(suffix, &id)) {
        status = 400;
    } else if (id != (uint16_t)machine_last_job(machine)) {
        status = 404;
    } else if (asked->method == LINK_PUT) {
        status = slash == NULL ? 400 : command_job(machine, slash + 1);
    } else if (asked->method == LINK_DELETE) {
        status = stop_job(machine);
    }
    buddy_refuse(request, asked, status, NULL);
}

/* ---- commands in a body ---- */

/* A body of a few bytes. */
struct command_task {
    struct link_task task;
    void (*run)(struct command_task *command);
    char *path; /* on the drive; NULL: the job's */
    uint32_t length, used;
    bool keep_alive, json;
    char bytes[BUDDY_LINK_JOB_BODY_MAX];
    /* what is in it */
    char command[8], action[8];
};

static void answer(struct command_task *command, int status, const char *text)
{
    buddy_page_reply(command->task.request,
                     &(struct buddy_page){.status = status,
                                          .closing = command->keep_alive ? BUDDY_KEEP : BUDDY_CLOSE,
                                          .json = command->json,
                                          .text = text});
}

/* A known defect: the text is taken for the wish for JSON. */
static void answer_unknown(struct command_task *command, const char *text)
{
    if (link_quirk(command->task.request->face, 22)) {
        command->json = true;
        text = NULL;
    }
    answer(command, 400, text);
}

static void take_text(char out[8], const struct buddy_json_item *item)
{
    bool fits = item->value_size < 8;
    memcpy(out, fits ? item->value : "?", fits ? item->value_size : 1);
    out[fits ? item->value_size : 1] = '\0';
}

static void take_item(void *owner, const struct buddy_json_item *item)
{
    struct command_task *command = owner;
    if (item->depth != 1 || item->type != BUDDY_JSON_STRING || item->key == NULL) {
        return;
    }
    if (item->key_size == 7 && memcmp(item->key, "command", 7) == 0) {
        take_text(command->command, item);
    } else if (item->key_size == 6 && memcmp(item->key, "action", 6) == 0) {
        take_text(command->action, item);
    }
}

/* As the tokenizer counts: brackets, strings and bare words, until it has had enough. */
static bool too_many_tokens(const char *text, size_t size)
{
    unsigned tokens = 0;
    for (size_t i = 0; i < size && text[i] != '\0'; i++) {
        if (strchr(" \t\r\n,:]}", text[i]) != NULL) {
            continue;
        }
        tokens++;
        if (text[i] == '"') {
            for (i++; i < size && text[i] != '"'; i++) {
                i += text[i] == '\\';
            }
        } else if (text[i] != '{' && text[i] != '[') {
            while (i + 1 < size && strchr(" \t\r\n,:]}", text[i + 1]) == NULL) {
                i++;
            }
        }
    }
    return tokens > BUDDY_LINK_JSON_TOKENS;
}

static void read_command(struct command_task *command)
{
    if (too_many_tokens(command->bytes, command->used)) {
        answer(command, 413, "Too many JSON tokens");
    } else if (!buddy_json_read(command->bytes, command->used, take_item, command)) {
        answer(command, 400, "Couldn't parse JSON");
    } else {
        command->run(command);
    }
}

static void on_piece(struct link_task *task, const char *bytes, size_t size)
{
    struct command_task *command = (struct command_task *)task;
    size_t room = command->length - command->used;
    size_t taken = size < room ? size : room;
    memcpy(command->bytes + command->used, bytes, taken);
    command->used += (uint32_t)taken;
}

static void on_whole(struct link_task *task)
{
    read_command((struct command_task *)task);
}

static void on_cut(struct link_task *task, enum link_cut cut)
{
    struct command_task *command = (struct command_task *)task;
    if (cut == LINK_CUT_CLOSED) {
        buddy_refuse_body(task->request, command->json, 400, "Truncated request");
    } else if (cut == LINK_CUT_SILENT) {
        buddy_goodbye(task->request);
    }
}

static void on_free(struct link_task *task)
{
    struct command_task *command = (struct command_task *)task;
    free(command->path);
    free(command);
}

static enum http_body_plan take_command(struct link_request *request,
                                        const struct buddy_asked *asked, uint32_t length_max,
                                        void (*run)(struct command_task *command), const char *path)
{
    if (!asked->has_length || asked->length > length_max) {
        buddy_refuse_body(request, asked->json, asked->has_length ? 413 : 411, NULL);
        return HTTP_BODY_IGNORED;
    }
    struct command_task *command = memory_new(sizeof *command);
    *command = (struct command_task){.run = run,
                                     .path = memory_copy_text(path),
                                     .length = (uint32_t)asked->length,
                                     .keep_alive = asked->keep_alive,
                                     .json = asked->json};
    command->task = (struct link_task){
        .piece = on_piece, .whole = on_whole, .cut = on_cut, .free = on_free, .request = request};
    request->task = &command->task;
    return HTTP_BODY_PIECES;
}

/* Stricter than the v1 commands: only what is exactly printing, or exactly paused (prusalink.md
 * 5.4; PFB: lib/WUI/nhttp/job_command_marlin.cpp). */
static bool do_job(struct machine *machine, const char *action)
{
    enum machine_print_stage stage = machine_print_stage(machine);
    bool attention = buddy_state_of(machine) == STATE_ATTENTION;
    bool printing = stage == MACHINE_STAGE_RUNNING && !attention;
    bool paused = stage == MACHINE_STAGE_PAUSED && !attention;
    bool toggle = strcmp(action, "toggle") == 0;
    if (strcmp(action, "cancel") == 0) {
        return (printing || paused || attention) && (machine_stop(machine), true);
    }
    if (printing && (toggle || strcmp(action, "pause") == 0)) {
        return machine_pause(machine) == MACHINE_ACCEPTED;
    }
    return paused && (toggle || strcmp(action, "resume") == 0) &&
           machine_resume(machine) == MACHINE_ACCEPTED;
}

static void run_job_command(struct command_task *command)
{
    const char *action = command->command;
    if (strcmp(action, "pause") == 0) {
        action = command->action;
    }
    bool known = strcmp(command->command, "cancel") == 0 ||
                 (action == command->action &&
                  (strcmp(action, "pause") == 0 || strcmp(action, "resume") == 0 ||
                   strcmp(action, "toggle") == 0));
    if (!known) {
        answer_unknown(command, "Unknown job command");
        return;
    }
    answer(command, do_job(command->task.request->face->machine, action) ? 204 : 409, NULL);
}

enum http_body_plan buddy_job_command(struct link_request *request, const struct buddy_asked *asked)
{
    return take_command(request, asked, BUDDY_LINK_JOB_BODY_MAX, run_job_command, NULL);
}

static void run_file_command(struct command_task *command)
{
    struct machine *machine = command->task.request->face->machine;
    const char *path = command->path;
    if (strcmp(command->command, "start") != 0) {
        answer_unknown(command, "Unknown file command");
        return;
    }
    /* What clients that put the drive's name twice send is repaired; a quirk. */
    if (!exists(machine, path) && strncmp(path, "/usb/usb/", 9) == 0 &&
        link_quirk(command->task.request->face, 27)) {
        path += 4;
    }
    if (!exists(machine, path)) {
        answer(command, 404, "Gcode doesn't exist");
    } else if (buddy_start(machine, path)) {
        answer(command, 204, NULL);
    } else {
        answer(command, 409, "Can't start print now");
    }
}

enum http_body_plan buddy_file_command(struct link_request *request,
                                       const struct buddy_asked *asked, const char *path)
{
    return take_command(request, asked, BUDDY_LINK_FILE_BODY_MAX, run_file_command, path);
}
