#ifndef HOTBED_MOCKSERVERS_CONNECT_PRINTERS_H
#define HOTBED_MOCKSERVERS_CONNECT_PRINTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* The printers that a server knows, and what it believes of each. Read-only for everyone but the
 * server; strings live until the next request of that printer. */

struct connect_server;
struct connect_command;

struct connect_printer {
    struct connect_server *server;
    uint32_t number; /* 1, 2, … in the order of their appearing: its name in the control endpoint */

    /* registration (connect-sdk.md 3) */
    char *fingerprint; /* NULL: never told; a printer may talk without it (3.6) */
    char *serial;
    char *type; /* "1.3.1" */
    char *firmware;
    char *code; /* NULL: none pending */
    int64_t code_since_us;
    bool added;   /* by its user: the next poll gets the token */
    char *token;  /* NULL: not registered */
    bool adopted; /* its token is not ours */

    /* what it said last */
    char state[16];               /* "IDLE"; "" before the first message */
    int64_t job_id;               /* 0: none */
    int64_t transfer_id;          /* unsigned 32 bit (7.6); -1: none */
    int64_t telemetry_command_id; /* in its last telemetry; -1: none */
    /* The same for long, as JSON text (connect_printer_telemetry() and so on read it); NULL: none
     * yet. */
    char *telemetry;       /* all telemetry merged: absent keys keep their value (4.4) */
    struct document *info; /* INFO merged (6.4), without `files` */
    struct document
        *files; /* the tree in the legacy form (8.2), kept up by INFO, MEDIUM_* and FILE_CHANGED */

    int64_t first_seen_us, last_seen_us, last_telemetry_us; /* -1: never */
    uint64_t telemetry_count, event_count, poll_count;
    uint64_t bad_count; /* requests that were no JSON object or lacked what they must have */

    /* commands: see commands.h */
    struct connect_command *running; /* delivered or accepted, not ended, newest first; NULL: none.
                                        More than one only after RESET_PRINTER or a provocation */
    struct connect_command *queue_first, *queue_last; /* wait for delivery, in order */
    size_t queue_count;
    struct connect_command *history_first, *history_last; /* ended, oldest first */
    size_t history_count;
    int64_t last_sent_id; /* the Command-Id that went out last; 0: none */

    struct connect_socket *socket;      /* see sockets.h; NULL: none */
    struct connect_file *inline_file;   /* that is sent through it; NULL: none */
    uint32_t inline_id;                 /* the printer's number of that */
    struct connect_transfer *transfers; /* that it told of, oldest first: see transfers.h */

    /* the server's own */
    uint64_t last_body; /* of the last telemetry: an equal one needs no reading; 0: none */
    unsigned
        without_command; /* telemetries in a row without command_id while a command is accepted */
};

size_t connect_server_printer_count(const struct connect_server *server);
struct connect_printer *connect_server_printer(struct connect_server *server,
                                               size_t index); /* by number - 1 */
/* NULL: none. */
struct connect_printer *connect_server_by_token(struct connect_server *server, const char *token);
struct connect_printer *connect_server_by_fingerprint(struct connect_server *server,
                                                      const char *fingerprint);
struct connect_printer *connect_server_by_serial(struct connect_server *server, const char *serial);
struct connect_printer *connect_server_by_code(struct connect_server *server, const char *code);

/* The user enters the code: the printer's next poll gets a token. False when it waits for none. */
bool connect_printer_add(struct connect_printer *printer);

/* Know a printer before it ever registered, by a token (as in its ini file). Its other values come
 * when it talks. */
struct connect_printer *connect_server_expect(struct connect_server *server, const char *token);

/* The server forgets that token: the printer gets 403 from now on. */
void connect_printer_revoke(struct connect_printer *printer);

/* What is believed of it, to be freed with cJSON_Delete. NULL: nothing yet. */
cJSON *connect_printer_telemetry(const struct connect_printer *printer);
cJSON *connect_printer_info(const struct connect_printer *printer);
cJSON *connect_printer_files(const struct connect_printer *printer);

/* What is believed, as one JSON object to be printed (parts of it are raw text). Caller frees with
 * cJSON_Delete. `files`: with the whole tree. */
cJSON *connect_printer_json(const struct connect_printer *printer, bool files);

#endif
