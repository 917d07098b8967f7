#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/protocol/connect/buddy_http.h"
#include "tests/golden/buddy_capture.h"
#include "tests/golden/buddy_words.h"
#include "tests/golden/capture.h"

/* All 65 render-* captures of Buddy firmware, byte for byte: messages, where they are cut, and
 * whole requests with one write each. What the host build could not do as a printer does is in the
 * drive that the tests hand in (buddy_drive.c); the one thing that differs between runs is this. */
static const struct {
    const char *what, *why;
} differences[] = {
    {"\"size\":200,\"m_timestamp\":", "the root's own time was the time of the recording"},
};

static const char *const builds[] = {"mini", "mk4", "xl", "ix", "coreone"};
static const char *const events[] = {"info",        "simple",   "jobinfo", "fileinfo",
                                     "filechanged", "transfer", "state",   "cancelable"};

struct fixture {
    struct buddy_capture capture;
    const struct buddy_build *build;
    struct host_drive drive;
    struct buddy_files files;
    struct buddy_message message;
    struct buddy_request request;
    struct buffer_pool pool; /* empty: what is given back is kept there until the end */
    char name[96];
};

static void set_up(struct fixture *fixture, const char *kind, const char *build)
{
    *fixture = (struct fixture){.build = buddy_build_named(build)};
    snprintf(fixture->name, sizeof fixture->name, "captures/buddy/render-%s-%s.txt", kind, build);
    char *path = capture_path(fixture->name);
    if (path == NULL) {
        print_message("%s is not here: skipped\n", fixture->name);
        skip();
    }
    struct error error = {""};
    if (!buddy_capture_load(&fixture->capture, path, &error)) {
        fail_msg("%s", error.text);
    }
    free(path);
    host_drive_init(&fixture->drive);
    fixture->files = host_drive_files(&fixture->drive);
}

static void tear_down(struct fixture *fixture)
{
    buddy_capture_free(&fixture->capture);
    host_drive_free(&fixture->drive);
    buddy_message_free(&fixture->message);
    buddy_request_give_back(&fixture->request, &fixture->pool);
    buffer_pool_free(&fixture->pool);
}

/* The time in the recorded text, for the differences. */
static void learn_root_time(struct fixture *fixture, const char *recorded)
{
    const char *at = strstr(recorded, differences[0].what);
    if (at != NULL) {
        fixture->drive.root_time_s = strtoll(at + strlen(differences[0].what), NULL, 10);
    }
}

static void compare(const struct fixture *fixture, const struct buddy_entry_text *entry,
                    const char *bytes, size_t size)
{
    if (entry->size != size || memcmp(entry->bytes, bytes, size) != 0) {
        fail_msg("%s, case %d, %s:\nrecorded %s\nrendered %.*s", fixture->name, entry->number,
                 entry->kind, entry->bytes, (int)size, bytes);
    }
}

static void compare_message(struct fixture *fixture, const struct buddy_entry_text *entry)
{
    static const char aborted[] = "\n[renderer answered: Abort]";
    if (fixture->message.aborted) {
        compare(fixture, entry, aborted, sizeof aborted - 1);
    } else {
        compare(fixture, entry, buffer_text(&fixture->message.text), fixture->message.text.size);
    }
}

static void telemetry(void **argument)
{
    const char *build = *argument;
    struct fixture fixture;
    set_up(&fixture, "telemetry", build);
    struct buddy_state state = {0};
    struct buddy_number command_id = {0};
    bool full = false;
    size_t compared = 0;
    for (size_t i = 0; i < fixture.capture.count; i++) {
        const struct buddy_entry_text *entry = &fixture.capture.entries[i];
        if (buddy_entry_is(entry, "state")) {
            words_telemetry(entry->bytes, &state, &command_id, &full);
        } else {
            buddy_render_telemetry(&fixture.message, fixture.build, &state, command_id, full);
            compare_message(&fixture, entry);
            compared++;
        }
    }
    assert_true(compared >= 62);
    tear_down(&fixture);
}

/* Inline data requests stand among the events of transfers. */
static bool data_request(struct fixture *fixture, const char *words)
{
    if (strncmp(words, "first inline", 12) == 0) {
        buddy_render_data_request(&fixture->message, "K2Zh7pQyJ0m1n3B5v8x9zA==", 42, 1234567, 0,
                                  262143);
    } else if (strncmp(words, "later inline", 12) == 0) {
        buddy_render_data_request(&fixture->message, NULL, 0, 1234567, 262144, 524287);
    } else if (strncmp(words, "largest numbers", 15) == 0) {
        buddy_render_data_request(&fixture->message, "x", UINT64_MAX, UINT32_MAX, 4294967040,
                                  UINT32_MAX);
    } else {
        return false;
    }
    return true;
}

static void events_of(struct fixture *fixture, const char *kind)
{
    struct buddy_state state = {0};
    struct buddy_event event = {0};
    char text[512];
    bool rendered = false;
    for (size_t i = 0; i < fixture->capture.count; i++) {
        const struct buddy_entry_text *entry = &fixture->capture.entries[i];
        if (buddy_entry_is(entry, "state")) {
            rendered = data_request(fixture, entry->bytes);
            if (!rendered) {
                words_event(kind, entry->bytes, &state, &event, text);
            }
            continue;
        }
        learn_root_time(fixture, entry->bytes);
        if (!rendered) {
            buddy_render_event(&fixture->message, fixture->build, &state, &fixture->files, &event);
        }
        compare_message(fixture, entry);
    }
}

static void all_events(void **argument)
{
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct fixture fixture;
        char kind[32];
        snprintf(kind, sizeof kind, "event-%s", events[i]);
        set_up(&fixture, kind, *argument);
        assert_true(fixture.capture.count >= 14);
        events_of(&fixture, events[i]);
        tear_down(&fixture);
    }
}

/* The messages of the captures about cuts and requests. */
static void render_words(struct fixture *fixture, const char *words)
{
    static char long_text[301], names[BUDDY_OBJECT_NAMES][BUDDY_OBJECT_NAME_BYTES];
    memset(long_text, 'x', sizeof long_text - 1);
    struct buddy_state state;
    struct buddy_event event = {.command_id = {true, 11}};
    words_idle(&state);
    if (strstr(words, "telemetry") != NULL) {
        if (strstr(words, "five slots") != NULL) {
            words_job(&state);
            state.slot_mask = 31;
        }
        buddy_render_telemetry(&fixture->message, fixture->build, &state, (struct buddy_number){0},
                               strstr(words, "reduced") == NULL);
        return;
    }
    if (strncmp(words, "INFO with five", 14) == 0) {
        state.slot_mask = 31;
        state.api_key = "Ab3dEf6hIj9k";
        state.hostname = "prusa-printer";
        state.lan = (struct buddy_interface){true, {1, 2, 3, 4, 5, 6}, {192, 168, 1, 77}};
    } else if (strcmp(words, "INFO") == 0) {
        state.hostname = "prusa-mk4";
        event.command_id.known = false;
    } else if (strstr(words, "cancellable") != NULL) {
        words_job(&state);
        event = (struct buddy_event){.type = BUDDY_EVENT_CANCELABLE_CHANGED};
        state.job_objects = 20;
        state.object_names = (const char(*)[BUDDY_OBJECT_NAME_BYTES])names;
        for (int i = 0; i < BUDDY_OBJECT_NAMES; i++) {
            snprintf(names[i], BUDDY_OBJECT_NAME_BYTES, "Cube_id_%d", i);
        }
    } else if (strncmp(words, "STATE_CHANGED", 13) == 0) {
        event = (struct buddy_event){.type = BUDDY_EVENT_STATE_CHANGED};
        state.device = BUDDY_ERROR;
        state.dialog = (struct buddy_dialog){.shown = true, .id = 1, .text = long_text};
    } else {
        event.type = BUDDY_EVENT_FILE_INFO;
        event.path = strstr(words, "/usb/dir") != NULL ? "/usb/dir" : "/usb/long.gcode";
    }
    buddy_render_event(&fixture->message, fixture->build, &state, &fixture->files, &event);
}

static void pieces_of(struct fixture *fixture)
{
    static const char *const results[] = {"Incomplete", "Complete", "BufferTooSmall"};
    size_t token = 0, room = 0;
    for (size_t i = 0; i < fixture->capture.count; i++) {
        const struct buddy_entry_text *entry = &fixture->capture.entries[i];
        if (buddy_entry_is(entry, "state")) {
            const char *buffer = strstr(entry->bytes, "buffer ");
            buffer += strncmp(buffer, "buffer of ", 10) == 0 ? 10 : 7;
            room = (size_t)strtoul(buffer, NULL, 10);
            token = 0;
            render_words(fixture, entry->bytes);
            continue;
        }
        const char *bytes;
        size_t size;
        enum buddy_piece result =
            buddy_message_piece(&fixture->message, &token, room, &bytes, &size);
        compare(fixture, entry, bytes, size);
        if (strstr(entry->kind, results[result]) == NULL) {
            fail_msg("%s, case %d, %s: not %s", fixture->name, entry->number, entry->kind,
                     results[result]);
        }
    }
}

static void pieces(void **argument)
{
    static const char *const kinds[] = {"chunks-info", "chunks-fileinfo"};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        set_up(&fixture, kinds[i], *argument);
        assert_true(fixture.capture.count > 20);
        pieces_of(&fixture);
        tear_down(&fixture);
    }
}

/* One write with the capture's plain line ends. */
static void compare_write(struct fixture *fixture, const struct buddy_entry_text *entry,
                          size_t number)
{
    struct buffer shown = {0};
    const struct buddy_request *request = &fixture->request;
    assert_true(number >= 1 && number <= request->write_count);
    size_t begin = number == 1 ? 0 : buddy_request_write_end(request, number - 2);
    size_t end = buddy_request_write_end(request, number - 1);
    for (size_t i = begin; i < end; i++) {
        if (request->bytes.bytes[i] != '\r') {
            buffer_append_char(&shown, request->bytes.bytes[i]);
        }
    }
    /* The line end behind an entry is not doubled when its bytes end in one. */
    if (shown.size > entry->size && shown.bytes[shown.size - 1] == '\n') {
        shown.size--;
    }
    compare(fixture, entry, buffer_text(&shown), shown.size);
    const char *told = strstr(entry->kind, ", ");
    assert_non_null(told);
    assert_int_equal(strtoul(told + 2, NULL, 10), end - begin);
    buffer_free(&shown);
}

static void requests_of(struct fixture *fixture,
                        void (*make)(struct fixture *fixture, const char *words))
{
    size_t writes = 0;
    for (size_t i = 0; i < fixture->capture.count; i++) {
        const struct buddy_entry_text *entry = &fixture->capture.entries[i];
        if (buddy_entry_is(entry, "state")) {
            make(fixture, entry->bytes);
            writes = 0;
        } else if (buddy_entry_is(entry, "write")) {
            writes++;
            compare_write(fixture, entry, strtoul(entry->kind + 6, NULL, 10));
        } else if (buddy_entry_is(entry, "result")) {
            assert_int_equal(writes, fixture->request.write_count);
            assert_int_equal(fixture->request.complete, strstr(entry->kind, "error 11") == NULL);
        }
    }
}

static void make_post(struct fixture *fixture, const char *words)
{
    const struct buddy_connection_names names = {
        "connect.example", "0123456789ABCDEFGHIJKLMNOPQRSTUV", "abcdefghij1234567890"};
    render_words(fixture, words);
    buddy_request_post(&fixture->request,
                       strstr(words, "telemetry") != NULL ? "/p/telemetry" : "/p/events", &names,
                       fixture->build, "6.3.0+10073", &fixture->message);
}

static void make_registration(struct fixture *fixture, const char *words)
{
    if (strncmp(words, "first request", 13) == 0) {
        struct buddy_state state;
        words_idle(&state);
        buddy_render_registration(&fixture->message, fixture->build, &state);
        buddy_request_register(&fixture->request, "connect.example", fixture->build, "6.3.0+10073",
                               &fixture->message);
    } else {
        buddy_request_poll(&fixture->request, "connect.example", "ABCDEF1234567", fixture->build,
                           "6.3.0+10073");
    }
}

static void requests(void **argument)
{
    struct fixture fixture;
    set_up(&fixture, "wire", *argument);
    assert_true(fixture.capture.count > 40);
    requests_of(&fixture, make_post);
    tear_down(&fixture);
    set_up(&fixture, "registration", *argument);
    assert_true(fixture.capture.count > 20);
    requests_of(&fixture, make_registration);
    tear_down(&fixture);
}

int main(void)
{
    static const struct {
        const char *name;
        CMUnitTestFunction function;
    } kinds[] = {{"telemetry", telemetry},
                 {"events", all_events},
                 {"pieces", pieces},
                 {"requests", requests}};
    enum { KINDS = 4, BUILDS = 5 };
    static char names[KINDS * BUILDS][32];
    struct CMUnitTest tests[KINDS * BUILDS];
    for (int i = 0; i < KINDS * BUILDS; i++) {
        snprintf(names[i], sizeof names[i], "%s-%s", kinds[i % KINDS].name, builds[i / KINDS]);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = kinds[i % KINDS].function,
                                       .initial_state = (void *)(uintptr_t)builds[i / KINDS]};
    }
    return _cmocka_run_group_tests("golden buddy render", tests, KINDS * BUILDS, NULL, NULL);
}
