#include "mockservers/connect/misbehave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mockservers/connect/internal.h"
#include "sim/base/json.h"
#include "sim/base/memory.h"

/* How a misbehaviour changes a reply: `argument` is what follows "=", checked by its kind when it
 * was switched on. */
typedef void reply_change(struct connect_decision *decision, const char *argument);

enum argument_kind { NO_ARGUMENT, STATUS, WHOLE, SECONDS_TEXT, TEXT };

static void put_status(struct connect_decision *decision, const char *argument)
{
    int64_t delay_us = decision->reply->http.delay_us;
    connect_reply_answer(decision->reply, atoi(argument));
    decision->reply->http.delay_us = delay_us;
}

static void no_command_id(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    connect_reply_set_header(decision->reply, "Command-Id", NULL);
}

static void bad_command_id(struct connect_decision *decision, const char *argument)
{
    connect_reply_set_header(decision->reply, "Command-Id", argument);
}

static void broken_json(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    struct http_reply *http = &decision->reply->http;
    if (http->body_size > 0) {
        connect_reply_set_header(decision->reply, "Content-Type", "application/json");
        connect_reply_set_body(decision->reply, http->body, http->body_size - 1);
    }
}

static void non_object(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    struct buffer list = {0};
    json_escape(&list, JSON_COMPACT, decision->command->name, strlen(decision->command->name));
    struct buffer body = {0};
    buffer_format(&body, "[\"%s\"]", buffer_text(&list));
    connect_reply_set_header(decision->reply, "Content-Type", "application/json");
    connect_reply_set_body(decision->reply, body.bytes, body.size);
    buffer_free(&list);
    buffer_free(&body);
}

static void content_type(struct connect_decision *decision, const char *argument)
{
    connect_reply_set_header(decision->reply, "Content-Type", argument);
}

static void empty_200(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    if (decision->command == NULL && decision->reply->http.status == 204) {
        connect_reply_answer(decision->reply, 200);
    }
}

static void late(struct connect_decision *decision, const char *argument)
{
    decision->reply->http.delay_us += (int64_t)(strtod(argument, NULL) * 1e6);
}

static void twice(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    decision->reply->copies = 2;
}

static void say_nothing(struct connect_decision *decision, enum http_after after)
{
    int64_t delay_us = decision->reply->http.delay_us;
    connect_reply_clear(decision->reply);
    decision->reply->http.after = after;
    decision->reply->http.delay_us = delay_us;
}

static void reset(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    say_nothing(decision, HTTP_AFTER_RESET);
}

static void close_instead(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    say_nothing(decision, HTTP_AFTER_CLOSE);
}

static void silent(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    say_nothing(decision, HTTP_AFTER_STALL);
}

static void close_behind(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    connect_reply_set_header(decision->reply, "Connection", "close");
    decision->reply->http.after = HTTP_AFTER_CLOSE;
}

static void truncate_reply(struct connect_decision *decision, const char *argument)
{
    decision->reply->cut_bytes = (size_t)atoi(argument);
    decision->reply->http.after = HTTP_AFTER_CLOSE;
}

static void wrong_length(struct connect_decision *decision, const char *argument)
{
    char text[32];
    size_t real = decision->reply->http.body_size;
    snprintf(text, sizeof text, "%zu", real + (size_t)atoi(argument));
    connect_reply_set_header(decision->reply, "Content-Length", text);
}

static void garbage(struct connect_decision *decision, const char *argument)
{
    connect_reply_clear(decision->reply);
    connect_reply_set_raw(decision->reply, argument, strlen(argument));
    decision->reply->http.after = HTTP_AFTER_CLOSE;
}

static void redirect(struct connect_decision *decision, const char *argument)
{
    connect_reply_answer(decision->reply, 302);
    connect_reply_set_header(decision->reply, "Location", argument);
}

static void spoil(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    struct http_reply *http = &decision->reply->http;
    if (http->body_size > 0) {
        connect_reply_set_body(decision->reply, http->body, http->body_size);
        decision->reply->body.bytes[0] ^= (char)0xFF;
    }
}

static void code_missing(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    connect_reply_set_header(decision->reply, "Code", NULL);
}

static void token_missing(struct connect_decision *decision, const char *argument)
{
    (void)argument;
    connect_reply_set_header(decision->reply, "Token", NULL);
}

static void slow(struct connect_decision *decision, const char *argument)
{
    decision->reply->http.piece_bytes = 1;
    decision->reply->http.piece_gap_us = (int64_t)(strtod(argument, NULL) * 1e6);
}

/* Answers a time stamp with float noise 400: what a server does that compares text (1.4). */
static void refuse_noise(struct connect_decision *decision, const char *argument)
{
    struct slice stamp = http_header_value(decision->request, "Timestamp");
    const char *point = stamp.bytes == NULL ? NULL : memchr(stamp.bytes, '.', stamp.size);
    if (point != NULL && stamp.bytes + stamp.size - point > 2) {
        put_status(decision, argument);
    }
}

/* ---- GET /p/ws ---- */

static void socket_accept(struct connect_decision *decision, const char *argument)
{
    if (decision->reply->http.status == 101) {
        connect_reply_set_header(decision->reply, "Sec-WebSocket-Accept", argument);
    }
}

static void socket_protocol(struct connect_decision *decision, const char *argument)
{
    if (decision->reply->http.status == 101) {
        connect_reply_set_header(decision->reply, "Sec-WebSocket-Protocol",
                                 *argument == '\0' ? NULL : argument);
    }
}

static void socket_connection(struct connect_decision *decision, const char *argument)
{
    if (decision->reply->http.status == 101) {
        connect_reply_set_header(decision->reply, "Connection", argument);
    }
}

/* ---- the table ---- */

enum place {
    AT_REGISTER = 1 << CONNECT_POINT_REGISTER,
    AT_POLL = 1 << CONNECT_POINT_POLL,
    AT_TELEMETRY = 1 << CONNECT_POINT_TELEMETRY,
    AT_EVENT = 1 << CONNECT_POINT_EVENT,
    AT_DELIVERY = 1 << CONNECT_POINT_DELIVERY,
    AT_FILE = 1 << CONNECT_POINT_FILE,
    AT_CAMERA = 1 << CONNECT_POINT_CAMERA,
    AT_SNAPSHOT = 1 << CONNECT_POINT_SNAPSHOT,
    AT_SOCKET = 1 << CONNECT_POINT_SOCKET,
    AT_ALL = AT_REGISTER | AT_POLL | AT_TELEMETRY | AT_EVENT,
};

/* Kept beside the public list, entry by entry. */
struct behaviour {
    enum misbehaviour_switch which;
    unsigned places; /* replies to which requests; DELIVERY: replies with a command */
    enum argument_kind argument;
    reply_change *change;
};

#define LIST(ENTRY)                                                                                \
    ENTRY("telemetry-status", "STATUS", "503", "Answers telemetry with a status and nothing else", \
          "", false, MISBEHAVE_REPLY, AT_TELEMETRY, STATUS, put_status)                            \
    ENTRY("event-status", "STATUS", "503", "Answers events with a status and nothing else", "",    \
          false, MISBEHAVE_REPLY, AT_EVENT, STATUS, put_status)                                    \
    ENTRY("register-status", "STATUS", "503", "Answers POST /p/register with a status", "", false, \
          MISBEHAVE_REPLY, AT_REGISTER, STATUS, put_status)                                        \
    ENTRY("poll-status", "STATUS", "500",                                                          \
          "Answers the registration poll with a status, which ends polling", "CON-REG-11", false,  \
          MISBEHAVE_REPLY, AT_POLL, STATUS, put_status)                                            \
    ENTRY("code-missing", NULL, NULL, "Answers POST /p/register 200 without Code", "CON-REG-09",   \
          false, MISBEHAVE_REPLY, AT_REGISTER, NO_ARGUMENT, code_missing)                          \
    ENTRY("token-missing", NULL, NULL, "Answers the last registration poll 200 without Token",     \
          "CON-REG-10", false, MISBEHAVE_REPLY, AT_POLL, NO_ARGUMENT, token_missing)               \
    ENTRY("no-command-id", NULL, NULL, "Delivers commands without Command-Id", "CON-CMD-23",       \
          false, MISBEHAVE_REPLY, AT_DELIVERY, NO_ARGUMENT, no_command_id)                         \
    ENTRY("bad-command-id", "TEXT", "abc", "Delivers commands with this text as Command-Id",       \
          "CON-CMD-23", false, MISBEHAVE_REPLY, AT_DELIVERY, TEXT, bad_command_id)                 \
    ENTRY("broken-json", NULL, NULL, "Cuts the last byte of a command's JSON", "", false,          \
          MISBEHAVE_REPLY, AT_DELIVERY, NO_ARGUMENT, broken_json)                                  \
    ENTRY("non-object", NULL, NULL, "Delivers a JSON list instead of an object", "", false,        \
          MISBEHAVE_REPLY, AT_DELIVERY, NO_ARGUMENT, non_object)                                   \
    ENTRY("content-type", "TYPE", "text/plain", "Delivers commands with this Content-Type", "",    \
          false, MISBEHAVE_REPLY, AT_DELIVERY, TEXT, content_type)                                 \
    ENTRY("empty-200", NULL, NULL, "Answers telemetry without a command 200 instead of 204",       \
          "CON-TRP-16", false, MISBEHAVE_REPLY, AT_TELEMETRY, NO_ARGUMENT, empty_200)              \
    ENTRY("late", "SECONDS", "11", "Answers that much later", "CON-TRP-13", false,                 \
          MISBEHAVE_REPLY, AT_ALL, SECONDS_TEXT, late)                                             \
    ENTRY("slow", "SECONDS", "0.1", "Sends replies byte by byte with this pause between", "",      \
          false, MISBEHAVE_REPLY, AT_ALL, SECONDS_TEXT, slow)                                      \
    ENTRY("twice", NULL, NULL, "Sends each reply twice", "", true, MISBEHAVE_REPLY, AT_ALL,        \
          NO_ARGUMENT, twice)                                                                      \
    ENTRY("reset", NULL, NULL, "Breaks the connection instead of answering", "", false,            \
          MISBEHAVE_REPLY, AT_ALL, NO_ARGUMENT, reset)                                             \
    ENTRY("close", NULL, NULL, "Closes the connection instead of answering", "", false,            \
          MISBEHAVE_REPLY, AT_ALL, NO_ARGUMENT, close_instead)                                     \
    ENTRY("close-behind", NULL, NULL, "Closes the connection behind each reply, and says so", "",  \
          false, MISBEHAVE_REPLY, AT_ALL, NO_ARGUMENT, close_behind)                               \
    ENTRY("silent", NULL, NULL, "Never answers", "CON-TRP-13", false, MISBEHAVE_REPLY, AT_ALL,     \
          NO_ARGUMENT, silent)                                                                     \
    ENTRY("truncate", "BYTES", "12", "Sends the first bytes of each reply, then closes", "", true, \
          MISBEHAVE_REPLY, AT_ALL, WHOLE, truncate_reply)                                          \
    ENTRY("wrong-length", "BYTES", "7", "Announces a body that is longer by that many bytes", "",  \
          true, MISBEHAVE_REPLY, AT_ALL, WHOLE, wrong_length)                                      \
    ENTRY("garbage", "TEXT", "SSH-2.0-OpenSSH_9.2\r\n", "Answers with something that is no HTTP",  \
          "", true, MISBEHAVE_REPLY, AT_ALL, TEXT, garbage)                                        \
    ENTRY("redirect", "URL", "/elsewhere", "Answers 302", "CON-TRP-14", false, MISBEHAVE_REPLY,    \
          AT_ALL, TEXT, redirect)                                                                  \
    ENTRY("refuse-noise", "STATUS", "400", "Refuses a Timestamp with float noise", "CON-TRP-15",   \
          false, MISBEHAVE_REPLY, AT_TELEMETRY | AT_EVENT, STATUS, refuse_noise)                   \
    ENTRY("file-status", "STATUS", "404", "Answers downloads with a status and nothing else",      \
          "CON-TRN-14", false, MISBEHAVE_REPLY, AT_FILE, STATUS, put_status)                       \
    ENTRY("file-type", "TYPE", "text/x.gcode; charset=utf-8",                                      \
          "Answers downloads with this Content-Type", "CON-TRN-14", false, MISBEHAVE_REPLY,        \
          AT_FILE, TEXT, content_type)                                                             \
    ENTRY("file-redirect", "URL", "/elsewhere", "Answers downloads 302", "CON-TRN-14", false,      \
          MISBEHAVE_REPLY, AT_FILE, TEXT, redirect)                                                \
    ENTRY("file-spoilt", NULL, NULL, "Turns over the bits of the first byte of each file", "",     \
          false, MISBEHAVE_REPLY, AT_FILE, NO_ARGUMENT, spoil)                                     \
    ENTRY("data-spoilt", NULL, NULL,                                                               \
          "Turns over the bits of the first byte of file data in a WebSocket", "", false,          \
          MISBEHAVE_DATA_SPOILT, 0, NO_ARGUMENT, NULL)                                             \
    ENTRY("data-unsaid", NULL, NULL, "Does not say in a WebSocket that there are no such data",    \
          "", false, MISBEHAVE_DATA_UNSAID, 0, NO_ARGUMENT, NULL)                                  \
    ENTRY("hasty-transfer", NULL, NULL, "Takes a TRANSFER_INFO for the end of a transfer",         \
          "CON-TRN-15", false, MISBEHAVE_HASTY_TRANSFER, 0, NO_ARGUMENT, NULL)                     \
    ENTRY("camera-status", "STATUS", "202",                                                        \
          "Answers POST /p/camera with a status and nothing else", "CON-CAM-08", false,            \
          MISBEHAVE_REPLY, AT_CAMERA, STATUS, put_status)                                          \
    ENTRY("camera-token-missing", NULL, NULL, "Answers POST /p/camera 200 without Token",          \
          "CON-CAM-08", false, MISBEHAVE_REPLY, AT_CAMERA, NO_ARGUMENT, token_missing)             \
    ENTRY("snapshot-status", "STATUS", "415", "Answers pictures with a status and nothing else",   \
          "CON-CAM-09", false, MISBEHAVE_REPLY, AT_SNAPSHOT, STATUS, put_status)                   \
    ENTRY("ws-status", "STATUS", "403", "Answers GET /p/ws with a status and nothing else", "",    \
          false, MISBEHAVE_REPLY, AT_SOCKET, STATUS, put_status)                                   \
    ENTRY("ws-accept", "TEXT",                                                                     \
          "HSmrc0sMlYUkAGmm5OPpG2HaGWk=", "Grants a WebSocket with this Sec-WebSocket-Accept", "", \
          false, MISBEHAVE_REPLY, AT_SOCKET, TEXT, socket_accept)                                  \
    ENTRY("ws-protocol", "TEXT", "", "Grants a WebSocket with this subprotocol, or without any",   \
          "", false, MISBEHAVE_REPLY, AT_SOCKET, TEXT, socket_protocol)                            \
    ENTRY("ws-connection", "TEXT", "keep-alive, Upgrade",                                          \
          "Grants a WebSocket with this Connection header", "", true, MISBEHAVE_REPLY, AT_SOCKET,  \
          TEXT, socket_connection)                                                                 \
    ENTRY("ws-close", NULL, NULL, "Closes a WebSocket as soon as it stands", "", false,            \
          MISBEHAVE_SOCKET_CLOSE, 0, NO_ARGUMENT, NULL)                                            \
    ENTRY("ws-drop", NULL, NULL, "Ends a WebSocket without a Close as soon as it stands", "",      \
          false, MISBEHAVE_SOCKET_DROP, 0, NO_ARGUMENT, NULL)                                      \
    ENTRY("ws-reset", NULL, NULL, "Breaks a WebSocket as soon as it stands", "", false,            \
          MISBEHAVE_SOCKET_RESET, 0, NO_ARGUMENT, NULL)                                            \
    ENTRY("ws-masked", NULL, NULL, "Masks the frames of a WebSocket", "", false,                   \
          MISBEHAVE_SOCKET_MASKED, 0, NO_ARGUMENT, NULL)                                           \
    ENTRY("ws-reserved", NULL, NULL, "Sets a reserved bit in the frames of a WebSocket", "",       \
          false, MISBEHAVE_SOCKET_RESERVED, 0, NO_ARGUMENT, NULL)                                  \
    ENTRY("ws-oversized", NULL, NULL, "Sends commands as frames of 65,536 bytes", "", false,       \
          MISBEHAVE_SOCKET_OVERSIZED, 0, NO_ARGUMENT, NULL)                                        \
    ENTRY("ws-endless", NULL, NULL, "Begins a command in a WebSocket and never ends it", "",       \
          false, MISBEHAVE_SOCKET_ENDLESS, 0, NO_ARGUMENT, NULL)                                   \
    ENTRY("ws-empty-end", NULL, NULL, "Ends commands in a WebSocket with an empty frame", "",      \
          false, MISBEHAVE_SOCKET_EMPTY_END, 0, NO_ARGUMENT, NULL)                                 \
    ENTRY("ws-fragments", NULL, NULL, "Cuts commands in a WebSocket into frames of 64 bytes", "",  \
          false, MISBEHAVE_SOCKET_FRAGMENTS, 0, NO_ARGUMENT, NULL)                                 \
    ENTRY("ws-no-pong", NULL, NULL, "Does not answer pings in a WebSocket", "", false,             \
          MISBEHAVE_SOCKET_NO_PONG, 0, NO_ARGUMENT, NULL)                                          \
    ENTRY("same-id", NULL, NULL, "Gives a new command the id of the one before", "CON-CMD-23",     \
          false, MISBEHAVE_SAME_ID, 0, NO_ARGUMENT, NULL)                                          \
    ENTRY("id-zero", NULL, NULL, "Gives commands the id 0", "CON-CMD-23", false,                   \
          MISBEHAVE_ID_ZERO, 0, NO_ARGUMENT, NULL)                                                 \
    ENTRY("no-wait", NULL, NULL, "Delivers a new command before the running one has ended",        \
          "CON-CMD-24", false, MISBEHAVE_NO_WAIT, 0, NO_ARGUMENT, NULL)                            \
    ENTRY("new-id", NULL, NULL, "Delivers a command whose answer was lost under a new id",         \
          "CON-CMD-25", false, MISBEHAVE_NEW_ID, 0, NO_ARGUMENT, NULL)                             \
    ENTRY("deliver-twice", NULL, NULL, "Delivers each command with two telemetries", "", false,    \
          MISBEHAVE_DELIVER_TWICE, 0, NO_ARGUMENT, NULL)                                           \
    ENTRY("command-to-event", NULL, NULL, "Puts commands into replies to events", "", false,       \
          MISBEHAVE_COMMAND_TO_EVENT, 0, NO_ARGUMENT, NULL)                                        \
    ENTRY("ignore-replacement", NULL, NULL,                                                        \
          "Takes only FINISHED, FAILED and REJECTED for the end of a command", "CON-CMD-26",       \
          false, MISBEHAVE_IGNORE_REPLACEMENT, 0, NO_ARGUMENT, NULL)                               \
    ENTRY("forget-telemetry", NULL, NULL, "Forgets values that are absent from a telemetry",       \
          "CON-TEL-12", false, MISBEHAVE_FORGET_TELEMETRY, 0, NO_ARGUMENT, NULL)                   \
    ENTRY("forget-info", NULL, NULL, "Replaces what it knows by a partial INFO", "CON-EVT-12",     \
          false, MISBEHAVE_FORGET_INFO, 0, NO_ARGUMENT, NULL)                                      \
    ENTRY("signed-transfer", NULL, NULL, "Refuses events whose transfer_id is beyond 2^31",        \
          "CON-EVT-13", false, MISBEHAVE_SIGNED_TRANSFER, 0, NO_ARGUMENT, NULL)

#define PUBLIC_PART(name, argument, fallback, help, breaks, raw, which, places, kind, change)      \
    {name, argument, fallback, help, breaks, raw},
#define OWN_PART(name, argument, fallback, help, breaks, raw, which, places, kind, change)         \
    {which, places, kind, change},

static const struct connect_misbehaviour public_list[] = {LIST(PUBLIC_PART)};
static const struct behaviour behaviours[] = {LIST(OWN_PART)};

enum { BEHAVIOUR_COUNT = sizeof behaviours / sizeof behaviours[0] };

const struct connect_misbehaviour *connect_misbehaviour_list(size_t *count)
{
    *count = BEHAVIOUR_COUNT;
    return public_list;
}

const struct connect_misbehaviour *connect_misbehaviour_find(const char *name)
{
    size_t size = strcspn(name, "=:%");
    for (size_t i = 0; i < BEHAVIOUR_COUNT; i++) {
        if (strlen(public_list[i].name) == size && memcmp(public_list[i].name, name, size) == 0) {
            return &public_list[i];
        }
    }
    return NULL;
}

/* ---- switching ---- */

struct misbehaving {
    size_t entry;
    struct connect_printer *printer; /* NULL: all */
    char *argument;
    char *text;     /* as it was switched on */
    int64_t times;  /* uses left; -1: no limit */
    double percent; /* of the occasions */
    struct misbehaving *next;
};

static bool check_argument(const struct connect_misbehaviour *entry, enum argument_kind kind,
                           const char *argument, struct error *error)
{
    char *end = NULL;
    double value = strtod(argument, &end);
    bool number = end != argument && *end == '\0' && value >= 0;
    switch (kind) {
    case NO_ARGUMENT:
        return *argument == '\0' || error_set(error, "%s takes no argument", entry->name);
    case STATUS:
        return (number && value >= 100 && value <= 999 && value == (int)value) ||
               error_set(error, "%s=%s: expected a status from 100 to 999", entry->name, argument);
    case WHOLE:
        return (number && value <= 1e6 && value == (int)value) ||
               error_set(error, "%s=%s: expected a whole number up to 1000000", entry->name,
                         argument);
    case SECONDS_TEXT:
        return (number && value <= 3600) ||
               error_set(error, "%s=%s: expected seconds, at most 3600", entry->name, argument);
    case TEXT:
        break;
    }
    bool chosen = entry->fallback == NULL || strcmp(argument, entry->fallback) != 0;
    bool line_end = chosen && strpbrk(argument, "\r\n") != NULL;
    return !line_end || error_set(error, "%s: line ends can't be in it", entry->name);
}

/* Cut "%PERCENT" and ":TIMES" off the end. An argument may hold both signs: only digits behind them
 * count. */
static bool take_suffix(char *text, char sign, double *value)
{
    char *at = strrchr(text, sign);
    if (at == NULL || at[1] < '0' || at[1] > '9') {
        return false;
    }
    char *end;
    double number = strtod(at + 1, &end);
    if (*end != '\0') {
        return false;
    }
    *value = number;
    *at = '\0';
    return true;
}

bool connect_server_misbehave(struct connect_server *server, struct connect_printer *printer,
                              const char *text, struct error *error)
{
    const struct connect_misbehaviour *entry = connect_misbehaviour_find(text);
    if (entry == NULL) {
        return error_set(error, "\"%.64s\": no such misbehaviour", text);
    }
    char *copy = memory_copy_text(text);
    double percent = 100, times = -1;
    take_suffix(copy, '%', &percent);
    take_suffix(copy, ':', &times);
    char *equals = strchr(copy, '=');
    const char *rest = copy + strlen(entry->name);
    const char *argument = equals != NULL            ? equals + 1
                           : entry->fallback != NULL ? entry->fallback
                                                     : "";
    size_t place = (size_t)(entry - public_list);
    bool good = (*rest == '\0' || rest == equals)
                    ? check_argument(entry, behaviours[place].argument, argument, error)
                    : error_set(error, "\"%.64s\": expected NAME[=ARG][:TIMES][%%PERCENT]", text);
    if (good && (percent > 100 || times == 0 || times > 1e9)) {
        good = error_set(error, "\"%.64s\": expected 1 or more times, at most 100 %%", text);
    }
    if (good) {
        struct misbehaving *fresh = memory_new(sizeof *fresh);
        *fresh = (struct misbehaving){
            place,   printer, memory_copy_text(argument), memory_copy_text(text), (int64_t)times,
            percent, NULL};
        struct misbehaving **end = &server->misbehaving;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        *end = fresh;
    }
    free(copy);
    return good;
}

static void take_off(struct misbehaving **at)
{
    struct misbehaving *gone = *at;
    *at = gone->next;
    free(gone->argument);
    free(gone->text);
    free(gone);
}

size_t connect_server_behave(struct connect_server *server, struct connect_printer *printer,
                             const char *name)
{
    const struct connect_misbehaviour *entry =
        name == NULL ? NULL : connect_misbehaviour_find(name);
    if (name != NULL && entry == NULL) {
        return 0;
    }
    size_t count = 0;
    for (struct misbehaving **at = &server->misbehaving; *at != NULL;) {
        bool its = (entry == NULL || &public_list[(*at)->entry] == entry) &&
                   (printer == NULL || (*at)->printer == printer);
        if (its) {
            take_off(at);
            count++;
        } else {
            at = &(*at)->next;
        }
    }
    return count;
}

void misbehave_free(struct connect_server *server)
{
    connect_server_behave(server, NULL, NULL);
}

size_t connect_server_misbehaviours(const struct connect_server *server, const char **texts,
                                    size_t max)
{
    size_t count = 0;
    for (const struct misbehaving *on = server->misbehaving; on != NULL; on = on->next) {
        if (count < max) {
            texts[count] = on->text;
        }
        count++;
    }
    return count;
}

/* ---- acting ---- */

/* Whether this occasion is one of its times. */
static bool its_turn(struct connect_server *server, struct misbehaving *on,
                     const struct connect_printer *printer)
{
    if (on->times == 0 || (on->printer != NULL && on->printer != printer)) {
        return false;
    }
    if (on->percent < 100 && random_unit(&server->world->random) * 100 >= on->percent) {
        return false;
    }
    on->times -= on->times > 0;
    return true;
}

bool misbehaves(struct connect_server *server, struct connect_printer *printer,
                enum misbehaviour_switch which)
{
    for (struct misbehaving *on = server->misbehaving; on != NULL; on = on->next) {
        if (behaviours[on->entry].which == which && its_turn(server, on, printer)) {
            return true;
        }
    }
    return false;
}

/* The request that a reply answers, as a bit of `enum place`. */
static unsigned place_of(const struct connect_decision *decision)
{
    const struct http_message *request = decision->request;
    if (slice_is(request->target, "/p/telemetry")) {
        return AT_TELEMETRY;
    }
    if (slice_is(request->target, "/p/events")) {
        return AT_EVENT;
    }
    if (slice_is(request->target, "/p/ws") && slice_is(request->method, "GET")) {
        return AT_SOCKET;
    }
    if (slice_is(request->target, "/p/camera")) {
        return AT_CAMERA;
    }
    if (slice_is(request->target, "/c/snapshot")) {
        return AT_SNAPSHOT;
    }
    if (!slice_is(request->target, "/p/register")) {
        return is_file_target(request->target) ? AT_FILE : 0;
    }
    return slice_is(request->method, "GET") ? AT_POLL : AT_REGISTER;
}

void misbehave_at(struct connect_decision *decision)
{
    unsigned place = decision->point == CONNECT_POINT_DELIVERY ? (unsigned)AT_DELIVERY
                     : decision->point == CONNECT_POINT_REPLY  ? place_of(decision)
                                                               : 0;
    for (struct misbehaving *on = decision->server->misbehaving; on != NULL; on = on->next) {
        const struct behaviour *behaviour = &behaviours[on->entry];
        if ((behaviour->places & place) != 0 && behaviour->change != NULL &&
            its_turn(decision->server, on, decision->printer)) {
            behaviour->change(decision, on->argument);
        }
    }
}
