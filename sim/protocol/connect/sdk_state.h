#ifndef HOTBED_PROTOCOL_CONNECT_SDK_STATE_H
#define HOTBED_PROTOCOL_CONNECT_SDK_STATE_H

#include "sim/protocol/connect/quirks.h"
#include "sim/protocol/connect/sdk.h"
#include "sim/wire/http_client.h"

/* What the files of the SDK share among themselves; nobody else includes this. */

enum {
    SDK_TIMEOUT_S = 10,             /* connecting, and each wait for bytes (connect-sdk.md 1.9) */
    SDK_REDIRECTS_MAX = 30,         /* of the HTTP library */
    SDK_POLL_PAUSE_S = 1,           /* after a 202 */
    SDK_POLL_LIFE_S = 1800,         /* of a registration poll */
    SDK_RESET_WAIT_S = 1,           /* of a priority command for the running one */
    SDK_REPLY_BYTES_MAX = 1 << 20,  /* hotbed's own limit; the original has none */
    SDK_WATCH_INTERVAL_US = 200000, /* of PrusaLink (connect-sdk.md 8.5) */
};

enum sdk_item_kind { SDK_TELEMETRY, SDK_EVENT, SDK_POLL, SDK_REGISTER, SDK_CAMERA, SDK_SNAPSHOT };

/* A message that waits for its turn. What it says was fixed when it was made (connect-sdk.md 6.1).
 */
struct sdk_item {
    struct sdk_item *next;
    enum sdk_item_kind kind;
    char timestamp[32];
    int64_t expires_s;        /* poll: wall clock */
    int64_t due_us;           /* when it was to be said */
    struct buffer_pool *pool; /* that lends the body's memory */
    struct buffer body;       /* JSON; of a poll the code; of a snapshot see sdk_snapshot.c */
    char *camera_id;          /* of a registration of a camera, else NULL; owned */
};

/* Why an item is lost: the class of the exception decides which condition breaks (connect-sdk.md
 * 11). */
enum sdk_loss {
    SDK_LOSS_CONNECTION, /* ConnectionError: refused, reset, closed, not resolved, not HTTP */
    SDK_LOSS_OTHER,      /* any other of the library's: read time-out, broken body, redirects */
};

struct sdk_exchange;

/* A connection that is used again while it lives. */
struct sdk_link {
    struct connect_sdk *sdk;
    struct sdk_exchange *exchange; /* that waits for a reply; NULL: idle */
    char *origin;                  /* "http://host:port" when it is not the SDK's server; owned */
    struct endpoint *to;           /* only while it connects: it is large, and rarely needed */
    struct http_client client;
    struct buffer unsent; /* a request that waits for its connection */
    uint32_t connection;  /* that stands, as the observer knows it; 0: none */
    bool stale;           /* to be closed when its exchange is over */
};

/* One item on its way, through all its redirects. */
struct sdk_exchange {
    struct connect_sdk *sdk;
    struct sdk_item *item; /* NULL: free */
    struct sdk_link *link;
    char *url;     /* absolute, where a redirect led; NULL: the item's own place */
    bool bare;     /* a redirect has turned it into a GET without body */
    bool adjusted; /* the headers have Clock-Adjusted */
    uint8_t redirects;
};

/* A command from its acceptance to its end. */
struct sdk_command {
    struct connect_sdk_command shown;
    struct cJSON *body; /* kwargs are in it */
};

struct sdk_change {
    enum storage_change_kind kind;
    bool lost_storage;
    char path[];
};

/* What the watcher still has to tell, and the folders that it has seen badly. Made when needed. */
struct sdk_watch {
    struct timer timer;
    struct connect_sdk *sdk;
    struct sdk_change **changes;
    size_t count, capacity;
    struct sdk_flaw *flaws;
};

/* A storage's tree as it was attached: the reference keeps a folder's time as first seen, whatever
 * changes in it (S-42). Nodes never change, so this holds nothing that others don't hold, too. */
struct sdk_view {
    struct sdk_view *next;
    struct file_node *root;
    char storage[];
};

enum sdk_pause { SDK_RUNNING, SDK_POLL_PAUSE, SDK_RESET_WAIT };

struct sdk_transfer;
struct sdk_cameras;
struct sdk_snapshots;

struct connect_sdk {
    struct world *world;
    struct network *network;
    const char *name, *peer_name;
    const struct connect_host_class *host_class;
    void *host;
    const struct connect_observer_class *observer_class;
    void *observer;

    char *server, *token, *code;
    char *serial, *fingerprint, *firmware, *software;
    struct connect_type type;
    bool type_known, ready;
    uint8_t version;    /* enum connect_sdk_version */
    uint8_t state;      /* enum printer_state */
    uint8_t pause;      /* enum sdk_pause: why the sender waits */
    uint8_t last_state; /* enum connect_event_name: the remembered result */
    uint8_t conditions[CONNECT_CONDITIONS];
    bool slot_taken; /* a command is between ACCEPTED and its end */
    bool answering;  /* a reply is being worked on: nothing is sent before that is done */
    bool ended;      /* a command has ended since the last was accepted */
    uint32_t job_id;
    int64_t command_id;
    int64_t clock_shift_us, clock_reference_us;
    uint64_t requests;
    int64_t watch_interval_us;

    char *
        head; /* rendered header lines: before the Timestamp, and behind it; NULL: to be rendered */
    uint16_t head_host_size, head_size, tail_size;

    struct sdk_item *first, *last;
    uint32_t queued;
    struct sdk_link link;
    struct sdk_link *spare;       /* the second connection, while two requests are out at once */
    struct sdk_exchange exchange; /* of the queue */
    struct sdk_exchange *registration; /* of POST /p/register */
    struct timer sender;               /* ends `pause` */
    struct timer worker;               /* hands the accepted command to its handler */
    struct sdk_command *accepted, *running, *waiting_reset;
    struct sdk_watch *watch;
    struct sdk_view *views;
    struct sdk_transfer *transfer; /* NULL: there was none yet */
    int64_t transfer_turn_us;
    uint32_t quirks_off;             /* that are not shown */
    int64_t began_us;                /* the program's start */
    struct sdk_cameras *cameras;     /* NULL: none */
    struct sdk_snapshots *snapshots; /* NULL: no picture yet */
};

/* Whether the defect of connect-sdk.md 14 is shown; `number` is one of connect_quirk_number. */
static inline bool sdk_quirk(const struct connect_sdk *sdk, unsigned number)
{
    return (sdk->quirks_off & CONNECT_QUIRK(number)) == 0;
}

/* sdk_headers.c */
void sdk_headers_forget(struct connect_sdk *sdk); /* something in them has changed */
int64_t sdk_wall_us(const struct connect_sdk *sdk);
void sdk_timestamp(const struct connect_sdk *sdk, char text[32]);
/* True once after each jump of the wall clock by 1 s or more. */
bool sdk_clock_adjusted(struct connect_sdk *sdk);
void sdk_write_request(struct buffer *out, struct sdk_exchange *exchange);
/* GET of a file; `own`: with what only the server may see. */
void sdk_write_download(struct buffer *out, struct connect_sdk *sdk, const char *url, bool own,
                        bool adjusted);

void sdk_write_host(struct buffer *out, const char *url); /* "Host: …" */

/* sdk_camera.c */
void sdk_cameras_free(struct connect_sdk *sdk);
/* The timed schemes count from this time; else from the start of the program. */
void sdk_cameras_count_from(struct connect_sdk *sdk, int64_t since_us);
void sdk_camera_answered(struct connect_sdk *sdk, const struct sdk_item *item,
                         const struct http_message *message); /* NULL: it was lost */
void sdk_camera_refused(struct connect_sdk *sdk, const char *fingerprint);
/* sdk_snapshot.c */
void sdk_send_picture(struct connect_sdk *sdk, const char *fingerprint, const char *token,
                      struct buffer *jpeg); /* empties `jpeg` */
void sdk_picture_answered(struct connect_sdk *sdk, struct sdk_item *item,
                          const struct http_message *message); /* takes the item; NULL: lost */
void sdk_snapshots_free(struct connect_sdk *sdk);
/* sdk_blake2b.c */
void sdk_blake2b(const void *bytes, size_t size, unsigned char *digest, size_t digest_size);

/* sdk_link.c */
void sdk_link_init(struct sdk_link *link, struct connect_sdk *sdk);
void sdk_link_free(struct sdk_link *link); /* closes; only observers are told */
/* An idle link to where `url` leads (NULL: to the SDK's server), made when there is none. */
struct sdk_link *sdk_link_for(struct connect_sdk *sdk, const char *url);
/* Its exchange is over. A link besides the kept one lives only as long as something is asked on it.
 */
void sdk_link_release(struct sdk_link *link);
/* The server is another one now: the connection is of no use any more. */
void sdk_link_moved(struct sdk_link *link);
void sdk_link_send(struct sdk_link *link, struct sdk_exchange *exchange, const char *bytes,
                   size_t size);

bool sdk_same_origin(const char *a, const char *b);

/* sdk_queue.c */
/* Whether it is a redirect to `location`, which lives as long as the message. */
bool sdk_redirects(const struct http_message *message, struct slice *location);
char *sdk_join_url(const char *base, struct slice location); /* absolute; caller's */
struct sdk_item *sdk_item_new(struct connect_sdk *sdk, enum sdk_item_kind kind,
                              const char *timestamp);
void sdk_item_destroy(struct sdk_item *item);
void sdk_put(struct connect_sdk *sdk, struct sdk_item *item);
void sdk_pump(struct connect_sdk *sdk);
void sdk_pause_for(struct connect_sdk *sdk, enum sdk_pause pause, int64_t delay_us);
void sdk_exchange_begin(struct sdk_exchange *exchange, struct sdk_item *item);
void sdk_exchange_answered(struct sdk_exchange *exchange, const struct http_message *message);
void sdk_exchange_lost(struct sdk_exchange *exchange, enum sdk_loss loss, const char *why);
/* Before it: `failure` may be NULL. */
void sdk_told_lost(const struct sdk_exchange *exchange, const struct http_failure *failure);
void sdk_exchange_abandon(struct sdk_exchange *exchange); /* forget item and link, tell nobody */

/* sdk_register.c */
/* Takes the item over: it goes back into the queue, or polling is over. */
void sdk_poll_answered(struct connect_sdk *sdk, struct sdk_item *item,
                       const struct http_message *message);
void sdk_poll_lost(struct connect_sdk *sdk, struct sdk_item *item); /* takes it over, too */
void sdk_register_answered(struct connect_sdk *sdk, const struct http_message *message);
void sdk_register_lost(struct connect_sdk *sdk, const char *why);

/* sdk_events.c: an event is opened, its "data" written, and closed. False: no token, nothing to
 * write. */
struct sdk_event {
    struct sdk_item *item;
    enum connect_event_name name;
    struct json_writer json;
};
bool sdk_event_open(struct connect_sdk *sdk, struct sdk_event *event, enum connect_event_name name,
                    enum state_source source, const char *timestamp);
void sdk_event_close(struct connect_sdk *sdk, struct sdk_event *event,
                     const struct connect_event *envelope, enum printer_state state);
void sdk_send_event(struct connect_sdk *sdk, const struct connect_event *event);
void sdk_write_info(struct connect_sdk *sdk, struct json_writer *json); /* members of INFO's data */

/* sdk_command.c */
void sdk_telemetry_answered(struct connect_sdk *sdk, const struct http_message *message);
void sdk_command_work(void *sdk);                /* the worker's timer */
void sdk_command_reset(struct connect_sdk *sdk); /* the wait for the running command is over */
void sdk_command_destroy(struct sdk_command *command);
/* Ends of the running command: an event was sent for it already; or one of these sends it. */
void sdk_command_ended(struct connect_sdk *sdk, enum connect_event_name remembered);
void sdk_command_reject(struct connect_sdk *sdk, const char *reason);

/* sdk_builtin.c: false: the SDK has no handler for it. */
bool sdk_builtin(struct connect_sdk *sdk, const struct connect_sdk_command *command);

/* sdk_files.c */
void sdk_write_tree(struct connect_sdk *sdk, struct json_writer *json,
                    const char *key); /* INFO "files" */
struct storage *sdk_storage_named(struct connect_sdk *sdk, const char *name, size_t size);
bool sdk_hidden(const char *path); /* a component begins with a dot */
/* One node in the flat form; `path` is its full path. */
void sdk_write_file(struct connect_sdk *sdk, struct json_writer *json, const char *key,
                    const struct storage *storage, const char *path, const struct file_node *node);

void sdk_views_free(struct connect_sdk *sdk);
bool sdk_view_has(struct connect_sdk *sdk, const char *path);

/* sdk_watch.c */
void sdk_watch_free(struct connect_sdk *sdk);
enum sdk_sight {
    SDK_SEEN,
    SDK_SEEN_ANEW, /* what the view says of it is of a folder that has gone */
    SDK_SEEN_BARE, /* without attributes */
    SDK_UNSEEN,
};
enum sdk_sight sdk_sight(const struct connect_sdk *sdk, const char *path);

/* sdk_conditions.c */
void sdk_condition_set(struct connect_sdk *sdk, enum connect_condition condition,
                       enum connect_condition_state state);
/* is_initialised() of the original, which breaks API when it is not. */
bool sdk_initialised(struct connect_sdk *sdk);

#endif
