#ifndef HOTBED_PROTOCOL_CONNECT_SDK_H
#define HOTBED_PROTOCOL_CONNECT_SDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/json.h"
#include "sim/base/world.h"
#include "sim/machine/state.h"
#include "sim/machine/storage.h"
#include "sim/machine/transfer.h"
#include "sim/protocol/connect/sdk_names.h"
#include "sim/wire/http.h"
#include "sim/wire/stream.h"

struct cJSON;
struct http_failure;
struct websocket_frame;

/* The printer's side of Prusa Connect as the Python SDK speaks it (connect-sdk.md, sections 1-8,
 * 11, 12): one FIFO of telemetry, events and registration polls, one request at a time, the command
 * state machine, registration, events and file trees, byte for byte. It knows no machine: the host
 * (PrusaLink, or a bare SDK program) passes telemetry, states and events in, and handles the
 * commands that the SDK does not handle alone. Everything runs in the world's loop. */
struct connect_sdk;

/* A command that the host may take. Everything in it lives until the command has ended. */
struct connect_sdk_command {
    int64_t id;
    enum connect_command_name name;
    const struct cJSON
        *kwargs; /* of any JSON type, NULL when missing; a text/x.gcode body is {"gcode": text} */
    bool force;  /* "Force: 1" of a text/x.gcode command */
};

/* How a command ends (connect-sdk.md 5.2). Zeroed except for `source` it is a plain FINISHED. */
struct connect_result {
    enum connect_event_name event; /* CONNECT_EVENT_DEFAULT: FINISHED */
    enum state_source source;
    const char *data; /* members as JSON text, "{…}", Python style, without nulls; NULL: {} */
    size_t data_size;
    const char *reason; /* NULL: none */
};

struct connect_sheet {
    const char *name;
    double z_offset_mm;
};

enum connect_network_member {
    CONNECT_LAN_MAC,
    CONNECT_LAN_IPV4,
    CONNECT_LAN_IPV6,
    CONNECT_WIFI_MAC,
    CONNECT_WIFI_IPV4,
    CONNECT_WIFI_IPV6,
    CONNECT_WIFI_SSID,
    CONNECT_HOSTNAME,
    CONNECT_USERNAME,
    CONNECT_DIGEST,
    CONNECT_NETWORK_MEMBERS,
};

/* What INFO says besides identity and files (connect-sdk.md 6.3). NULL or as said: not known, left
 * out. */
struct connect_info {
    const char *network[CONNECT_NETWORK_MEMBERS];
    const enum connect_network_member *network_order; /* of all members; NULL: as they stand here */
    const char *api_key;
    const double *mesh; /* bed levelling mesh, flattened */
    size_t mesh_count;
    const struct connect_sheet *sheets;
    size_t sheet_count;
    int active_sheet;   /* -1: unknown */
    bool mmu_supported; /* false: no "mmu" member; SDK 0.7.1 has none anyway */
    bool mmu_enabled;
    const char *mmu_version;
};

/* What the host does for the SDK. Any member may be NULL but `info`, `storage_count` and, if there
 * are storages, those for them. */
struct connect_host_class {
    /* A command begins. Return true to take it: exactly one connect_sdk_finish() or
     * connect_sdk_fail() follows, at once or later. False: the SDK's own handler runs, and where it
     * has none the answer is REJECTED "Not Implemented". */
    bool (*command)(void *host, const struct connect_sdk_command *command);
    /* A priority command (RESET_PRINTER) has come: end the running one as soon as possible
     * (connect-sdk.md 5.7). */
    void (*interrupt)(void *host);

    void (*info)(void *host,
                 struct connect_info *info); /* zeroed, active_sheet -1, mmu_supported */
    void (*info_more)(void *host, struct json_writer *data); /* members behind the SDK's own */

    /* The tree: storages in the order in which they were attached. Detached ones are not in it. */
    size_t (*storage_count)(void *host);
    struct storage *(*storage)(void *host, size_t index);
    /* CREATE_*, DELETE_*: change the tree; tell what changed with connect_sdk_file_changed(). */
    enum storage_result (*make_folder)(void *host, const char *path);
    enum storage_result (*remove)(void *host, const char *path, bool whole_tree);
    const char *(*printed_file)(void *host); /* full virtual path; NULL: nothing is printed */

    /* Downloads: a file that comes in piece by piece (the first is empty and makes it), and its
     * renaming, which replaces a file. Both NULL: nothing can be downloaded. */
    enum storage_result (*append)(void *host, const char *path, const void *bytes, size_t size);
    enum storage_result (*rename)(void *host, const char *from, const char *to);
    /* What a download must not replace; NULL: nothing is printed, or the host tells the SDK in a
     * way that it does not understand. */
    const char *(*printed_target)(void *host);
    /* A download is in place; `to_print`: it was meant to be printed. Exactly one
     * connect_sdk_transfer_over() follows, at once or later. */
    void (*downloaded)(void *host, const char *path, bool to_print);

    /* The printer takes in one file at a time, whoever sends it (sim/machine/transfer.h): the one
     * that is under way (NULL: none), and what the SDK's own do with it. All NULL: there are only
     * these. */
    const struct transfer *(*transfer)(void *host);
    bool (*transfer_begin)(void *host, const struct transfer *transfer);
    void (*transfer_advance)(void *host, uint64_t size, uint64_t received);
    void (*transfer_end)(void *host, enum transfer_change how);
    void (*transfer_stop)(void *host); /* that one of another's shall end */

    void (*got_code)(void *host, const char *code); /* POST /p/register succeeded */
    void (*register_failed)(void *host,
                            const char *error); /* it did not: "TYPE: text" of the exception */
    void (*got_token)(void *host, const char *token); /* already in use */
    void (*poll_ended)(void *host);                   /* polling is over without a token */
    void (*condition_changed)(void *host, enum connect_condition condition,
                              enum connect_condition_state state);
    /* A telemetry was answered with this status: hosts break conditions of their own (PrusaLink on
     * 400 and 503). */
    void (*telemetry_answered)(void *host, int status);
};

/* One thing that the printer has to say, through all its redirects. */
enum connect_asked_kind {
    CONNECT_ASKED_TELEMETRY,
    CONNECT_ASKED_EVENT,
    CONNECT_ASKED_POLL,
    CONNECT_ASKED_REGISTER,
    CONNECT_ASKED_PROBE, /* GET /info, by which PrusaLink looks for the server before it registers
                          */
};
struct connect_asked {
    enum connect_asked_kind kind;
    int64_t due_us;   /* when it was to be said: a telemetry's turn, else when it was made */
    const char *body; /* of the request */
};

/* Told of all that passes between one printer and its server, in order, after trace_http() was
 * told. */
struct connect_observer_class {
    void (*opened)(void *observer, const struct connect_sdk *sdk, uint32_t connection);
    void (*request)(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                    const char *bytes, size_t size);
    void (*reply)(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                  const struct http_message *message);
    /* `end` is how it ended; `by_us`: the printer closed it (`why`: time-out, bad reply, …). */
    void (*ended)(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                  enum stream_end end, bool by_us, const char *why);
    /* A frame of a WebSocket; the messages in them are told as requests and replies as well, see
     * ws_told.h. May be NULL. */
    void (*frame)(void *observer, const struct connect_sdk *sdk, uint32_t connection,
                  bool by_printer, const struct websocket_frame *frame);
    /* Something was answered at last, or lost for good: `failure` is NULL when the printer itself
     * gave up (redirects without end). Either may be NULL. */
    void (*answered)(void *observer, const struct connect_sdk *sdk,
                     const struct connect_asked *asked, const struct http_message *message);
    void (*lost)(void *observer, const struct connect_sdk *sdk, const struct connect_asked *asked,
                 const struct http_failure *failure);
    /* A file that the server has it download: that it begins and how it ends; a connection of the
     * download's own, told as opened next; an attempt that failed, because of the status of its
     * reply or, when that is 0, of `failure` (NULL: what came was not to be taken). May be NULL. */
    void (*transfer)(void *observer, enum transfer_change change);
    void (*fetches)(void *observer, uint32_t connection);
    void (*fetch_failed)(void *observer, int status, const struct http_failure *failure);
};

typedef void connect_asked_told(void *owner, const struct connect_asked *asked);

struct connect_sdk_settings {
    struct world *world;
    struct network *network;
    enum connect_sdk_version version;
    const char *name;      /* of the printer in traces; outlives the SDK */
    const char *peer_name; /* of the server in traces; NULL: "connect" */
    const struct connect_host_class *host_class;
    void *host;
    const struct connect_observer_class *observer_class; /* NULL: none */
    void *observer;
    uint32_t quirks_off;       /* defects (quirks.h) that the SDK shall not show; 0: it shows all */
    int64_t transfer_turn_us;  /* how often the thread of downloads looks for work; 0: 0.1 s */
    int64_t watch_interval_us; /* how often the host polls the file watcher; 0: 0.2 s, PrusaLink's
                                  (connect-sdk.md 8.5) */
};

struct connect_sdk *
connect_sdk_new(const struct connect_sdk_settings *settings); /* state BUSY, nothing known */
void connect_sdk_destroy(struct connect_sdk *sdk);
const char *connect_sdk_name(const struct connect_sdk *sdk);
int64_t connect_sdk_began_us(const struct connect_sdk *sdk); /* when it was made */
void connect_sdk_observe(struct connect_sdk *sdk, const struct connect_observer_class *class,
                         void *observer);

/* Each message that waits for its answer or for its turn, in their order; without those about
 * cameras. */
void connect_sdk_waiting(const struct connect_sdk *sdk, connect_asked_told *tell, void *owner);
/* To the observer, of what the host asks past the SDK. `message` NULL: it is lost, by `failure`. */
void connect_sdk_tell_over(const struct connect_sdk *sdk, const struct connect_asked *asked,
                           const struct http_message *message, const struct http_failure *failure);

/* Identity (connect-sdk.md 2). Type, serial and fingerprint may each be set once: a second set is
 * an assert. */
struct connect_type {
    int type, version, subversion;
};
void connect_sdk_set_type(struct connect_sdk *sdk, struct connect_type type);
void connect_sdk_set_serial(struct connect_sdk *sdk, const char *serial);
void connect_sdk_set_fingerprint(struct connect_sdk *sdk, const char *fingerprint);
void connect_sdk_set_firmware(struct connect_sdk *sdk, const char *firmware);
void connect_sdk_set_software(struct connect_sdk *sdk,
                              const char *version); /* the host's own, of User-Agent-Version */
bool connect_sdk_initialised(const struct connect_sdk *sdk);
const char *connect_sdk_fingerprint(const struct connect_sdk *sdk); /* NULL: not known */
void connect_fingerprint_of(const char *serial,
                            char fingerprint[65]); /* SHA-256, lower-case hex (2.2) */

/* Where the server is and the token; NULL or "": none. Telemetry and events without a token are not
 * even queued. */
void connect_sdk_set_connection(struct connect_sdk *sdk, const char *base_url, const char *token);
const char *connect_sdk_token(const struct connect_sdk *sdk); /* NULL: none */
void connect_base_url(struct buffer *out, const char *host, bool tls,
                      uint16_t port); /* connect-sdk.md 1.1 */

/* POST /p/register now, then poll. What comes of it is told to the host. False: no base URL, or a
 * registration of this SDK is still waiting for its first answer. */
bool connect_sdk_register(struct connect_sdk *sdk);
const char *connect_sdk_code(const struct connect_sdk *sdk); /* NULL: none */

/* One value of a telemetry. */
enum connect_value {
    CONNECT_NULL,
    CONNECT_INT,
    CONNECT_FLOAT,
    CONNECT_BOOL,
    CONNECT_TEXT,
    CONNECT_JSON
};
struct connect_field {
    const char *key;
    enum connect_value kind;
    union {
        int64_t integer;
        double number; /* finite */
        bool truth;
        const char *text; /* TEXT: UTF-8; JSON: rendered in Python style without nulls */
    };
};

/* Queue a telemetry with these fields in this order; `state` and what 4.2 adds come behind them. */
void connect_sdk_telemetry(struct connect_sdk *sdk, const struct connect_field *fields,
                           size_t count);
/* The same with a Timestamp of the host's, sent as its text is (connect-sdk.md 1.4). */
void connect_sdk_telemetry_at(struct connect_sdk *sdk, const char *timestamp,
                              const struct connect_field *fields, size_t count);
/* The same when it was this instant's turn already: for whoever observes. */
void connect_sdk_telemetry_due(struct connect_sdk *sdk, int64_t due_us,
                               const struct connect_field *fields, size_t count);
size_t
connect_sdk_queued(const struct connect_sdk *sdk); /* items that wait, without the one in flight */

/* An event of the host's own (connect-sdk.md 6). The SDK adds state, job_id. */
struct connect_event {
    enum connect_event_name event;
    enum state_source source;
    const char *data; /* as in connect_result */
    size_t data_size;
    bool with_command_id; /* command_id is meant; 0 is still dropped (5.6, Q-06) */
    int64_t command_id;
    const char *reason;
    int64_t dialog_id;     /* 0: none; not in 0.7.1 */
    const char *timestamp; /* NULL: now */
    bool with_job_id;      /* this job id instead of the SDK's; 0 is dropped */
    uint32_t job_id;
};
void connect_sdk_event(struct connect_sdk *sdk, const struct connect_event *event);

enum printer_state connect_sdk_state(const struct connect_sdk *sdk);
/* Set the state and queue its STATE_CHANGED; `event` gives source, reason, ids (event, data
 * unused). */
void connect_sdk_set_state(struct connect_sdk *sdk, enum printer_state state,
                           const struct connect_event *event);
void connect_sdk_set_ready(struct connect_sdk *sdk,
                           bool ready); /* the SDK's ready flag alone (7.1) */
void connect_sdk_set_job(struct connect_sdk *sdk, uint32_t job_id); /* 0: none */

void connect_sdk_send_info(struct connect_sdk *sdk,
                           enum state_source source); /* full form, unsolicited (6.4) */

/* The running command, NULL when there is none; and its end. Both assert that there is one that the
 * host took. */
const struct connect_sdk_command *connect_sdk_command(const struct connect_sdk *sdk);
void connect_sdk_finish(struct connect_sdk *sdk, const struct connect_result *result);
void connect_sdk_fail(struct connect_sdk *sdk, const char *error); /* repr of a Python exception */
/* repr() of an exception with one text: ValueError('File is read only'). */
void connect_python_error(struct buffer *out, const char *type, const char *text);

/* What happened to the storages, in order. Changes of files wait for the watcher's next turn (8.5);
 * a medium is told at once. `path` is the full virtual path. */
void connect_sdk_file_changed(struct connect_sdk *sdk, enum storage_change_kind kind,
                              const char *path);
void connect_sdk_medium_inserted(struct connect_sdk *sdk, const struct storage *storage);
void connect_sdk_medium_ejected(struct connect_sdk *sdk, const char *storage_name);
/* The directory behind a storage is gone while it is attached (8.5, last row of the table). */
void connect_sdk_storage_lost(struct connect_sdk *sdk, const struct storage *storage);

/* Transfers (connect-sdk.md 9) are begun by commands. The id of the one that runs, 0: none. */
uint32_t connect_sdk_transfer(const struct connect_sdk *sdk);
/* The next transfer has this id instead of one that is drawn: for those who replay something. */
void connect_sdk_set_next_transfer(struct connect_sdk *sdk, uint32_t transfer_id);
/* The host has done what `downloaded` asked for. `error`: what went wrong with the print, told as
 * TRANSFER_ABORTED although the transfer is finished; NULL: nothing. */
void connect_sdk_transfer_over(struct connect_sdk *sdk, const char *error);

/* Conditions (connect-sdk.md 11). */
enum connect_condition_state connect_sdk_condition(const struct connect_sdk *sdk,
                                                   enum connect_condition condition);
void connect_sdk_set_condition(struct connect_sdk *sdk, enum connect_condition condition,
                               enum connect_condition_state state);
/* The broken one with the highest priority; CONNECT_CONDITIONS: none is broken. */
enum connect_condition connect_sdk_broken(const struct connect_sdk *sdk);

/* The wall clock of this printer jumped: the next headers carry Clock-Adjusted if it was 1 s or
 * more (1.5). */
void connect_sdk_shift_clock(struct connect_sdk *sdk, int64_t shift_us);

/* How many requests were sent and how many bytes the SDK holds now, for load reports. */
uint64_t connect_sdk_requests(const struct connect_sdk *sdk);
size_t connect_sdk_bytes(const struct connect_sdk *sdk);

#endif
