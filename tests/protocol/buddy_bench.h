#ifndef HOTBED_TESTS_BUDDY_BENCH_H
#define HOTBED_TESTS_BUDDY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdint.h>
#include <cmocka.h>

#include "harness/net/memory.h"
#include "sim/printer/printer.h"
#include "sim/wire/http_server.h"

/* A Buddy printer in memory and a server that answers what the test says (connect-buddy.md 12). */

enum { SEEN_MAX = 2000 };

struct seen {
    int64_t time_us;
    uint32_t connection;
    char *target, *head, *body;
};

struct bench {
    struct world world;
    struct memory_network *network;
    struct http_service service;
    struct http_server *server;
    struct printer *printer;
    struct connect_face_settings settings;
    struct connect_face_events events;
    struct seen seen[SEEN_MAX];
    size_t count;
    int status;          /* to everything; 0: 204 */
    int event_status;    /* to events; 0: as above */
    const char *command; /* body of the next reply to a telemetry; NULL: none */
    const char *type;
    unsigned command_id;
    char code[64], token[64], failure[64];
};

/* token NULL: it registers. */
void begin(struct bench *bench, const char *model, const char *token);
/* With this print file on its drive, "/usb/print.gcode". */
void begin_with_file(struct bench *bench, const char *model, const char *gcode);
void end(struct bench *bench);
void run(struct bench *bench, double seconds);
struct machine *machine_of(struct bench *bench);

/* The first message from `from` on that has the text; its index. */
size_t find(const struct bench *bench, size_t from, const char *text);
size_t count_of(const struct bench *bench, size_t from, const char *text);
/* Sends a command and returns the one event that answers it. */
const char *ask(struct bench *bench, const char *command);
void assert_has(const char *text, const char *part);

#define COMMAND(name, kwargs) "{\"command\":\"" name "\",\"args\":[],\"kwargs\":{" kwargs "}}"

#endif
