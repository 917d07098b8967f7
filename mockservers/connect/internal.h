#ifndef HOTBED_MOCKSERVERS_CONNECT_INTERNAL_H
#define HOTBED_MOCKSERVERS_CONNECT_INTERNAL_H

#include "mockservers/connect/documents.h"
#include "mockservers/connect/server.h"

/* What the files of the mock Connect server share. */

/* Printers by a text of theirs; the keys belong to the printers. Open addressing. */
struct text_index {
    struct text_index_slot {
        const char *key;                 /* NULL: never used */
        struct connect_printer *printer; /* NULL with a key: taken out */
    } * slots;
    size_t capacity; /* a power of two, or 0 */
    size_t used;     /* taken out ones too */
};

void text_index_free(struct text_index *index);
void text_index_add(struct text_index *index, const char *key, struct connect_printer *printer);
void text_index_remove(struct text_index *index, const char *key);
struct connect_printer *text_index_find(const struct text_index *index, const char *bytes,
                                        size_t size);

struct hook_slot {
    connect_hook *hook;
    void *owner;
};

struct files;   /* files.c */
struct cameras; /* sockets.c */
void serve_socket(struct connect_server *server, struct connect_decision *decision);
/* The reply grants the upgrade that the request with this head asked for: who takes the stream. */
void sockets_upgrade(struct connect_server *server, struct connect_printer *printer,
                     struct connect_reply *reply, const struct http_exchange *exchange,
                     struct slice head);
void sockets_wake(struct connect_printer *printer);   /* a command may be due */
void sockets_revoke(struct connect_printer *printer); /* its token is no longer good */
void sockets_free(struct connect_server *server);
/* sockets_data.c */
void serve_data(struct connect_server *server, struct connect_decision *decision);

/* cameras.c */
struct misbehaving; /* misbehave.c */
struct held_reply;  /* server.c */
/* The log and the observers hear of a reply that goes out. */
void service_told(struct connect_server *server, struct connect_printer *printer,
                  const struct connect_reply *reply, struct connect_log_entry *entry);

struct connect_server {
    struct world *world;
    struct connect_server_settings settings;
    struct http_service service;
    struct connect_log *log;
    struct connect_printer **printers;
    size_t printer_count, printer_capacity;
    struct text_index by_token, by_fingerprint, by_serial, by_code;
    struct connect_observer *observers;
    struct hook_slot hooks[CONNECT_POINT_COUNT];
    struct misbehaving *misbehaving;
    struct files *files;            /* NULL: none */
    struct connect_secret *secrets; /* newest first; NULL: none */
    struct cameras *cameras;        /* NULL: none */
    struct documents documents;
    struct buffer merged;       /* scratch */
    struct connect_reply reply; /* scratch, so that an idle exchange allocates nothing */
    struct buffer raw;          /* scratch */
    struct held_reply *held;
    struct connect_socket *sockets;
    int64_t next_command_id;
    struct connect_command *oldest_ended, *newest_ended; /* of all printers */
    size_t ended_bytes;
};

/* printers.c */
struct connect_printer *connect_printer_new(struct connect_server *server); /* NULL: too many */
void connect_printer_destroy(struct connect_printer *printer);
void printer_set_token(struct connect_printer *printer, const char *token);
void printer_set_code(struct connect_printer *printer, const char *code);
void printer_set_fingerprint(struct connect_printer *printer, const char *bytes, size_t size);
void printer_set_serial(struct connect_printer *printer, const char *serial);
void random_text(struct world *world, char *text, size_t size); /* size - 1 characters and NUL */
void replace_text(char **text, const char *value);

/* register.c: POST and GET /p/register, GET /info */
void serve_register(struct connect_server *server, struct connect_decision *decision);
void serve_poll(struct connect_server *server, struct connect_decision *decision);

/* files.c */
bool is_file_target(struct slice target);
void serve_file(struct connect_server *server, struct connect_decision *decision);
void refuse_file(struct connect_decision *decision, int status, const char *text);
void files_free(struct connect_server *server);
/* hand_out.c: a body in the file's manner. True: it went out as it is. */
struct handed_body {
    int status;
    const char *bytes; /* live as long as the server */
    size_t size;
    struct {
        const char *name, *value;
    } headers[4]; /* besides Content-Length; value NULL or "": left out */
};
bool hand_out(struct connect_decision *decision, const struct handed_body *body,
              const struct connect_file_manner *manner);
void hand_out_file(struct connect_decision *decision, struct connect_file *file);
const struct connect_file_manner *manner_now(const struct connect_file *file); /* of this request */
/* secrets.c */
bool is_secret_target(struct slice target);
bool serve_secret(struct connect_server *server,
                  struct connect_decision *decision); /* false: not one of these */
struct connect_printer *
secret_printer(struct connect_server *server,
               struct slice target); /* for whom; NULL: none of these, or not said */
void secrets_free(struct connect_server *server);
/* cameras.c */
void serve_camera(struct connect_server *server, struct connect_decision *decision);
void serve_snapshot(struct connect_server *server, struct connect_decision *decision);
void cameras_free(struct connect_server *server);
/* transfers.c */
void view_transfer_event(struct connect_printer *printer, const char *event, const cJSON *tree,
                         const cJSON *data);
void view_transfer_telemetry(struct connect_printer *printer, const cJSON *body);
void transfers_free(struct connect_printer *printer);

/* view.c: what is believed. False: the message is no good; `why` says so in the reply. */
bool view_telemetry(struct connect_printer *printer, struct slice body, const char **why);
bool view_event(struct connect_printer *printer, struct slice body, const char **why);
/* commands.c */
void commands_answered(struct connect_printer *printer, const cJSON *event, struct slice body);
void commands_seen_in_telemetry(struct connect_printer *printer);
/* Put the command that is due into the decision's reply, if there is one. */
void commands_deliver(struct connect_server *server, struct connect_decision *decision);
/* A reply that brought this one was never read. */
void commands_not_arrived(struct connect_printer *printer, int64_t id);
void command_destroy(struct connect_command *command);
struct connect_command *command_by_sent_id(struct connect_printer *printer, int64_t id);

/* hooks.c */
void ask_hooks(struct connect_server *server, struct connect_decision *decision);

/* misbehave.c */
enum misbehaviour_switch {
    MISBEHAVE_NO_WAIT,
    MISBEHAVE_NEW_ID,
    MISBEHAVE_SAME_ID,
    MISBEHAVE_ID_ZERO,
    MISBEHAVE_FORGET_TELEMETRY,
    MISBEHAVE_FORGET_INFO,
    MISBEHAVE_IGNORE_REPLACEMENT,
    MISBEHAVE_SIGNED_TRANSFER,
    MISBEHAVE_HASTY_TRANSFER,
    MISBEHAVE_COMMAND_TO_EVENT,
    MISBEHAVE_DELIVER_TWICE,
    MISBEHAVE_SOCKET_MASKED,
    MISBEHAVE_SOCKET_RESERVED,
    MISBEHAVE_SOCKET_OVERSIZED,
    MISBEHAVE_SOCKET_ENDLESS,
    MISBEHAVE_SOCKET_EMPTY_END,
    MISBEHAVE_SOCKET_FRAGMENTS,
    MISBEHAVE_SOCKET_NO_PONG,
    MISBEHAVE_SOCKET_CLOSE,
    MISBEHAVE_SOCKET_DROP,
    MISBEHAVE_SOCKET_RESET,
    MISBEHAVE_DATA_SPOILT,
    MISBEHAVE_DATA_UNSAID,
    MISBEHAVE_REPLY, /* acts on replies by its function */
};
void misbehave_at(struct connect_decision *decision);
bool misbehaves(struct connect_server *server, struct connect_printer *printer,
                enum misbehaviour_switch which);
void misbehave_free(struct connect_server *server);

/* server.c */
void tell_changed(struct connect_printer *printer, const cJSON *event);
void tell_command(struct connect_command *command);
void tell_request(struct connect_server *server, uint32_t connection,
                  const struct http_message *request);
void tell_unanswered(struct connect_server *server, uint32_t connection,
                     enum connect_unanswered why);
void tell_reply(struct connect_server *server, uint32_t connection, struct connect_printer *printer,
                const struct connect_reply *reply);

/* small reading helpers over cJSON */
static inline const char *json_string_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* Whole numbers of up to 53 bits; `fallback` when there is none of that name. */
int64_t json_whole_of(const cJSON *object, const char *key, int64_t fallback);

#endif
