#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/world.h"
#include "sim/protocol/connect/buddy_planner.h"
#include "tests/golden/buddy_capture.h"
#include "tests/golden/buddy_words.h"
#include "tests/golden/capture.h"

/* All parse-* captures of Buddy firmware: what the parser makes of a text, what the printer is
 * told, and the events that are sent back. The limits of the host build that made them are in the
 * printer below and in this table. */
static const char *const limits[] = {
    "knows the chamber, add-on power, light and five tools on every model",
    "no file can be created for a download",
    "a folder that isn't empty can't be told from other failures; any folder can be created",
    "a reset fails",
};

struct bench {
    struct buddy_capture capture;
    const struct buddy_build *build;
    struct buddy_build parsing; /* with what the host build knows on every model */
    struct host_drive drive;
    struct buddy_files files;
    struct buddy_state state;
    struct buddy_planner planner;
    struct buddy_command command;
    struct buddy_message message;
    struct buffer told;  /* what the printer was told */
    const char *words;   /* of the case */
    const char *removed; /* folder that was deleted in this case */
    char name[96];
    bool refuses, starts_at_once;
};

/* ---- the printer of the captures ---- */

static void __attribute__((format(printf, 2, 3))) tell(struct bench *bench, const char *format, ...)
{
    char text[700];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    buffer_append_text(&bench->told, bench->told.size == 0 ? "" : "; ");
    buffer_append_text(&bench->told, text);
}

static const char *refusal(const struct bench *bench)
{
    return bench->refuses ? "(reason given by the printer)" : NULL;
}

static bool control(void *host, enum buddy_control control)
{
    static const char *const names[] = {"Pause", "Resume", "Stop"};
    struct bench *bench = host;
    tell(bench, "job_control(%s)", names[control]);
    return !bench->refuses;
}

static const char *start_print(void *host, const struct buddy_command *command)
{
    struct bench *bench = host;
    tell(bench, "start_print(%s, %s tool mapping)", command->path, command->mapped ? "with" : "no");
    if (bench->starts_at_once) {
        words_job(&bench->state);
    }
    return refusal(bench);
}

static bool set_ready(void *host, bool ready)
{
    struct bench *bench = host;
    tell(bench, "set_ready(%s)", ready ? "true" : "false");
    return !bench->refuses;
}

static bool set_idle(void *host)
{
    struct bench *bench = host;
    tell(bench, "set_idle()");
    return !bench->refuses;
}

static const char *delete_file(void *host, const char *path)
{
    struct bench *bench = host;
    tell(bench, "delete_file(%s)", path);
    return refusal(bench);
}

static const char *delete_folder(void *host, const char *path)
{
    struct bench *bench = host;
    if (strcmp(path, "/usb/empty") != 0) {
        return "Error deleting directory";
    }
    bench->removed = "/usb/empty";
    return NULL;
}

static const char *make_folder(void *host, const char *path)
{
    (void)host;
    (void)path;
    return NULL;
}

static const char *download(void *host, const struct buddy_command *command,
                            enum buddy_machine_reason *machine_reason)
{
    struct bench *bench = host;
    struct buddy_entry entry;
    if (bench->files.class->look(bench->files.owner, command->path, &entry)) {
        *machine_reason = BUDDY_REASON_FILE_EXISTS;
        return "File already exists";
    }
    *machine_reason = BUDDY_REASON_STORAGE_FAILURE;
    return "Failed to create backup file";
}

static bool stop_transfer(void *host)
{
    return ((struct bench *)host)->state.transfer.running;
}

static const char *dialog_action(void *host, uint32_t dialog_id, enum buddy_button button)
{
    struct bench *bench = host;
    tell(bench, "dialog_action(%u, %s)", dialog_id, buddy_button_name(button));
    return refusal(bench);
}

static const char *set_value(void *host, const struct buddy_value *value)
{
    struct bench *bench = host;
    struct buddy_slot slot = bench->state.slots[value->tool];
    if (value->property == BUDDY_NOZZLE_DIAMETER) {
        slot.nozzle_diameter_mm = value->number;
    } else if (value->property == BUDDY_NOZZLE_HARDENED) {
        slot.hardened = value->flag;
    } else if (value->property == BUDDY_NOZZLE_HIGH_FLOW) {
        slot.high_flow = value->flag;
    } else {
        return NULL;
    }
    tell(bench, "set_slot_info(%d, diameter %.2f, hardened %d, high_flow %d)", value->tool,
         (double)slot.nozzle_diameter_mm, slot.hardened, slot.high_flow);
    return NULL;
}

static void set_token(void *host, const char *token)
{
    tell(host, "init_connect(%s)", token);
}

static bool reset(void *host)
{
    tell(host, "reset_printer()");
    return false;
}

static void cancel_object(void *host, uint8_t id, bool cancel)
{
    tell(host, "%s(%u)", cancel ? "cancel_object" : "uncancel_object", id);
}

static enum buddy_submit submit_gcode(void *host, const char *line)
{
    tell(host, "submit_gcode(%s)", line);
    return strlen(line) > BUDDY_GCODE_LINE_MAX ? BUDDY_NEVER : BUDDY_SUBMITTED;
}

static const struct buddy_host_class printer = {
    .control = control,
    .start_print = start_print,
    .set_ready = set_ready,
    .set_idle = set_idle,
    .delete_file = delete_file,
    .delete_folder = delete_folder,
    .make_folder = make_folder,
    .download = download,
    .stop_transfer = stop_transfer,
    .dialog_action = dialog_action,
    .set_value = set_value,
    .set_token = set_token,
    .reset = reset,
    .cancel_object = cancel_object,
    .submit_gcode = submit_gcode,
};

/* The drive of the captures, without the folder that was just deleted. */
static bool look(void *owner, const char *path, struct buddy_entry *entry)
{
    struct bench *bench = owner;
    struct buddy_files files = host_drive_files(&bench->drive);
    return (bench->removed == NULL || strcmp(bench->removed, path) != 0) &&
           files.class->look(files.owner, path, entry);
}

static void list(void *owner, const char *path, buddy_list_each *each, void *each_owner)
{
    struct bench *bench = owner;
    struct buddy_files files = host_drive_files(&bench->drive);
    files.class->list(files.owner, path, each, each_owner);
}

/* ---- what was understood, in the captures' words ---- */

static const char *const type_names[] = {
    "UnknownCommand",
    "BrokenCommand",
    "ProcessingOtherCommand",
    "ProcessingThisCommand",
    "Gcode",
    "GcodeTooLarge",
    "SendInfo",
    "SendJobInfo",
    "SendFileInfo",
    "SendTransferInfo",
    "SendStateInfo",
    "PausePrint",
    "ResumePrint",
    "StopPrint",
    "StartPrint",
    "SetPrinterReady",
    "CancelPrinterReady",
    "SetPrinterIdle",
    "StartEncryptedDownload",
    "StartInlineDownload",
    "StopTransfer",
    "DeleteFile",
    "DeleteFolder",
    "CreateFolder",
    "SetToken",
    "ResetPrinter",
    "DialogAction",
    "SetValue",
    "CancelObject",
    "UncancelObject",
};

static void describe_value(struct buffer *out, const struct buddy_build *build,
                           const struct buddy_value *value)
{
    int number = (int)value->property;
    /* The numbers are those of an enumeration that has the enclosure only where there is one. */
    number -= !build->enclosure && number > BUDDY_ENCLOSURE_POST_PRINT_TIME ? 4 : 0;
    buffer_format(out, ", property number %d, index %d, value ", number, value->tool);
    switch (value->property) {
    case BUDDY_HOSTNAME:
        buffer_format(out, "text \"%s\"", value->text);
        break;
    case BUDDY_NOZZLE_DIAMETER:
        buffer_format(out, "float %g", (double)value->number);
        break;
    case BUDDY_CHAMBER_FAN:
    case BUDDY_CHAMBER_LIGHT:
        buffer_format(out, "int8 %lld", (long long)value->whole);
        break;
    case BUDDY_CHAMBER_TARGET:
    case BUDDY_ENCLOSURE_POST_PRINT_TIME:
        buffer_format(out, "uint32 %lld", (long long)value->whole);
        break;
    default:
        buffer_format(out, "bool %s", value->flag ? "true" : "false");
        break;
    }
}

static void describe_mapping(struct buffer *out, const struct buddy_command *command)
{
    if (!command->mapped) {
        buffer_append_text(out, ", no tool mapping");
        return;
    }
    buffer_append_text(out, ", tool mapping (tool: list, counted from 0, 255 = none)");
    for (int i = 0; i < 5; i++) {
        buffer_format(out, " %d:", i);
        for (int k = 0; k < 5; k++) {
            buffer_format(out, "%s%u", k == 0 ? "" : ",", command->mapping[i][k]);
        }
    }
}

static void describe_download(struct buffer *out, const struct buddy_command *command)
{
    const struct buddy_download *download = &command->download;
    if (command->type == BUDDY_COMMAND_START_INLINE_DOWNLOAD) {
        buffer_format(out, ", team_id %llu, hash \"%s\", orig_size %u",
                      (unsigned long long)download->team_id, download->hash, download->size_bytes);
        return;
    }
    buffer_append_text(out, ", key ");
    for (int i = 0; i < BUDDY_KEY_BYTES; i++) {
        buffer_format(out, "%02x", download->key[i]);
    }
    buffer_append_text(out, ", iv ");
    for (int i = 0; i < BUDDY_KEY_BYTES; i++) {
        buffer_format(out, "%02x", download->iv[i]);
    }
    buffer_format(out, ", orig_size %u, port ", download->size_bytes);
    if (download->has_port) {
        buffer_append_int(out, download->port);
    } else {
        buffer_append_text(out, "(default)");
    }
}

static void describe(struct buffer *out, const struct bench *bench)
{
    const struct buddy_command *command = &bench->command;
    buffer_append_text(out, type_names[command->type]);
    switch (command->type) {
    case BUDDY_COMMAND_BROKEN:
        buffer_format(out, ", reason: %s", command->reason);
        break;
    case BUDDY_COMMAND_GCODE:
        buffer_format(out, ", %zu bytes", command->gcode_size);
        break;
    case BUDDY_COMMAND_SEND_JOB_INFO:
        buffer_format(out, ", job_id %u", command->job_id);
        break;
    case BUDDY_COMMAND_SET_TOKEN:
        buffer_format(out, ", token \"%s\"", command->token);
        break;
    case BUDDY_COMMAND_DIALOG_ACTION:
        buffer_format(out, ", dialog_id %u, button %s", command->dialog_id,
                      buddy_button_name(command->button));
        break;
    case BUDDY_COMMAND_SET_VALUE:
        describe_value(out, bench->build, &command->value);
        break;
    case BUDDY_COMMAND_CANCEL_OBJECT:
    case BUDDY_COMMAND_UNCANCEL_OBJECT:
        buffer_format(out, ", id %u", command->object_id);
        break;
    default:
        break;
    }
    if (command->path[0] != '\0' || command->type == BUDDY_COMMAND_SEND_FILE_INFO ||
        (command->type >= BUDDY_COMMAND_DELETE_FILE &&
         command->type <= BUDDY_COMMAND_CREATE_FOLDER) ||
        command->type == BUDDY_COMMAND_START_PRINT) {
        if (command->type != BUDDY_COMMAND_BROKEN) {
            buffer_format(out, ", path \"%s\"", command->path);
        }
    }
    if (command->type == BUDDY_COMMAND_START_PRINT) {
        describe_mapping(out, command);
    } else if (command->type == BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD ||
               command->type == BUDDY_COMMAND_START_INLINE_DOWNLOAD) {
        describe_download(out, command);
    }
}

/* ---- a case ---- */

static void compare(const struct bench *bench, const struct buddy_entry_text *entry,
                    const struct buffer *got)
{
    if (strcmp(entry->bytes, buffer_text(got)) != 0) {
        fail_msg("%s, case %d (%s), %s:\nrecorded %s\ngot      %s", bench->name, entry->number,
                 bench->words, entry->kind, entry->bytes, buffer_text(got));
    }
}

static struct buddy_action next_action(struct bench *bench)
{
    struct buddy_action action = buddy_planner_next(&bench->planner);
    while (action.kind == BUDDY_SLEEP) {
        buddy_planner_work(&bench->planner);
        bench->planner.now_us += action.sleep_us;
        action = buddy_planner_next(&bench->planner);
    }
    return action;
}

static void begin_case(struct bench *bench, const char *words)
{
    bench->words = words;
    bench->removed = NULL;
    bench->refuses = strstr(words, "refuses") != NULL || strstr(words, "refused") != NULL;
    bench->starts_at_once = strstr(words, "already started") != NULL;
    words_idle(&bench->state);
    if (strncmp(words, "while printing", 14) == 0) {
        words_job(&bench->state);
    }
    if (strstr(words, "error screen") != NULL) {
        bench->state.device = BUDDY_ERROR;
        bench->state.dialog = (struct buddy_dialog){.shown = true, .id = 1, .title = "BSOD"};
    }
    if (strstr(words, "transfer (77)") != NULL || strstr(words, "a transfer runs") != NULL) {
        bench->state.transfer = (struct buddy_transfer){
            .running = true, .id = 77, .size_bytes = 1024, .destination = "/usb/other.gcode"};
    }
    buddy_planner_init(&bench->planner, &printer, bench, bench->build, bench->files, &bench->state);
    buddy_planner_recovered(&bench->planner);
    while (buddy_planner_next(&bench->planner).kind != BUDDY_SLEEP) {
        buddy_planner_done(&bench->planner, BUDDY_OK);
    }
    buffer_clear(&bench->told);
}

static void send_back(struct bench *bench, const struct buddy_entry_text *entry)
{
    struct buddy_action action = next_action(bench);
    const char *time = strstr(entry->bytes, "\"size\":200,\"m_timestamp\":");
    if (time != NULL) {
        bench->drive.root_time_s = strtoll(strrchr(time, ':') == NULL ? "0" : time + 25, NULL, 10);
    }
    if (action.kind == BUDDY_SEND_EVENT) {
        buddy_render_event(&bench->message, bench->build, &bench->state, &bench->files,
                           &bench->planner.event);
    } else {
        buddy_render_telemetry(&bench->message, bench->build, &bench->state,
                               buddy_planner_background(&bench->planner), action.full);
    }
    compare(bench, entry, &bench->message.text);
    buddy_planner_done(&bench->planner, BUDDY_OK);
}

static void run_entry(struct bench *bench, const struct buddy_entry_text *entry, bool gcode)
{
    if (buddy_entry_is(entry, "state")) {
        begin_case(bench, entry->bytes);
    } else if (buddy_entry_is(entry, "in")) {
        /* The one body with carriage returns, which captures don't show (connect-buddy.md 6.5). */
        static const char returns[] = "M100\n  M200 X10 Y20 \r\n\r\n \nM300";
        if (gcode && strncmp(bench->words, "three lines", 11) == 0) {
            buddy_parse_gcode(&bench->command, 13, returns, sizeof returns - 1);
        } else if (gcode) {
            buddy_parse_gcode(&bench->command, 13, entry->bytes, entry->size);
        } else {
            buddy_parse_json(&bench->command, &bench->parsing, 13, entry->bytes, entry->size);
        }
    } else if (buddy_entry_is(entry, "parsed")) {
        struct buffer text = {0};
        describe(&text, bench);
        compare(bench, entry, &text);
        buffer_free(&text);
        buddy_planner_command(&bench->planner, &bench->command);
    } else if (buddy_entry_is(entry, "sent back")) {
        send_back(bench, entry);
    } else if (buddy_entry_is(entry, "printer was told")) {
        compare(bench, entry, &bench->told);
        buffer_clear(&bench->told);
    } else {
        fail_msg("%s, case %d: unknown entry \"%s\"", bench->name, entry->number, entry->kind);
    }
}

static void set_up(struct bench *bench, const char *kind, const char *build)
{
    *bench = (struct bench){.build = buddy_build_named(build)};
    snprintf(bench->name, sizeof bench->name, "captures/buddy/parse-%s-%s.txt", kind, build);
    char *path = capture_path(bench->name);
    if (path == NULL) {
        print_message("%s is not here: skipped\n", bench->name);
        skip();
    }
    struct error error = {""};
    if (!buddy_capture_load(&bench->capture, path, &error)) {
        fail_msg("%s", error.text);
    }
    free(path);
    bench->parsing = *bench->build;
    bench->parsing.chamber = bench->parsing.light = true;
    bench->parsing.mapped_tools = bench->parsing.tool_properties = 5;
    static const struct buddy_files_class class = {look, list};
    host_drive_init(&bench->drive);
    bench->files = (struct buddy_files){&class, bench};
}

static void replay(void **argument)
{
    const char *name = *argument;
    static const char *const builds[] = {"mini", "xl"};
    for (size_t b = 0; b < 2; b++) {
        struct bench bench;
        set_up(&bench, name, builds[b]);
        assert_true(bench.capture.count >= 40);
        for (size_t i = 0; i < bench.capture.count; i++) {
            const struct buddy_entry_text *entry = &bench.capture.entries[i];
            bool last = i + 1 == bench.capture.count ||
                        bench.capture.entries[i + 1].number != entry->number;
            run_entry(&bench, entry, strcmp(name, "gcode") == 0);
            if (last && bench.told.size > 0) {
                fail_msg("%s, case %d: the printer was told %s", bench.name, entry->number,
                         bench.told.bytes);
            }
        }
        buddy_capture_free(&bench.capture);
        host_drive_free(&bench.drive);
        buddy_message_free(&bench.message);
        buffer_free(&bench.told);
    }
}

int main(void)
{
    static const char *const kinds[] = {"noargs",      "broken",   "job",   "path",
                                        "toolmapping", "download", "other", "gcode"};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    struct CMUnitTest tests[KINDS];
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        print_message("limit of the host build: %s\n", limits[i]);
    }
    for (int i = 0; i < KINDS; i++) {
        tests[i] = (struct CMUnitTest){
            .name = kinds[i], .test_func = replay, .initial_state = (void *)(uintptr_t)kinds[i]};
    }
    return _cmocka_run_group_tests("golden buddy parse", tests, KINDS, NULL, NULL);
}
