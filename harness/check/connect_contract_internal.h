#ifndef HOTBED_CHECK_CONNECT_CONTRACT_INTERNAL_H
#define HOTBED_CHECK_CONNECT_CONTRACT_INTERNAL_H

#include <cjson/cJSON.h>

#include "harness/check/connect_contract.h"
#include "mockservers/connect/documents.h"
#include "sim/base/number_map.h"

/* What the files of the judge share. Each thing seen is a `struct sight`; the rules that want its
 * kind are asked in the order of the table, then connect_contract_course.c takes it over into the
 * state of the printer (`subject`). So a rule sees the state as it was before. */

enum {
    SEE_REQUEST = 1 << 0,   /* any request to /p/… */
    SEE_TELEMETRY = 1 << 1, /* each */
    SEE_CONTENT = 1 << 2,   /* a telemetry that is not equal to the one before */
    SEE_EVENT = 1 << 3,
    SEE_REGISTER = 1 << 4, /* POST /p/register */
    SEE_POLL = 1 << 5,     /* GET /p/register */
    SEE_REPLY = 1 << 6,    /* together with the kind of its request: see `asked` */
    SEE_UNANSWERED = 1 << 7,
    SEE_DELIVERY = 1 << 8, /* a reply with a command in it, behind its SEE_REPLY */
    SEE_TERMINAL = 1 << 9, /* an event that ends a command, behind its SEE_EVENT */
    SEE_FINISH = 1 << 10,  /* per printer */
    SEE_FILE = 1 << 12,    /* GET of a file, by /p/teams/… or by another address on the server */
    SEE_CAMERA = 1 << 13,  /* POST /p/camera */
    SEE_PICTURE = 1 << 14, /* PUT /c/snapshot */
    SEE_UPGRADE = 1 << 15, /* GET /p/ws */
    SEE_FRAME = 1 << 16,   /* in a WebSocket, either way: see `frame` */
    SEE_SOCKET_END = 1 << 17, /* of a WebSocket, or it should have ended: see `by_printer` */
    SEE_FETCH = 1 << 18,      /* GET /f/{iv}/raw: an encrypted file */
    SEE_OPEN = 1 << 11,       /* at the end, per request that was never answered */
};

enum { TOLERANCE_DEFAULT_US = 100000, SEEN_COMMANDS_MAX = 16, PACE_WINDOW = 8 };

/* The fields of a telemetry that rules compare. */
struct telemetry_facts {
    char state[16];
    int64_t command_id;  /* -1: none */
    int64_t job_id;      /* 0: none */
    int64_t transfer_id; /* -1: none */
};

enum expectation {
    EXPECT_ACCEPTED,       /* CON-CMD-01 */
    EXPECT_BAD_ID,         /* CON-CMD-03 */
    EXPECT_BAD_TYPE,       /* CON-CMD-04 */
    EXPECT_BAD_BODY,       /* CON-CMD-05 */
    EXPECT_BUSY,           /* CON-CMD-09 */
    EXPECT_ACCEPTED_AGAIN, /* CON-CMD-10 */
    EXPECT_REMEMBERED,     /* CON-CMD-11 */
    EXPECT_UNINITIALISED,  /* 5.1 row 2 */
};

/* A delivered command and what came of it. */
struct seen_command {
    int64_t id; /* 0 also when there was none that reads as a number */
    char name[32];
    char *path;          /* kwargs.path; NULL: none */
    uint64_t file_hash;  /* of what START_CONNECT_DOWNLOAD is to fetch; 0: no such command */
    int64_t transfer_id; /* kwargs.transfer_id; 0: none */
    bool has_kwargs, forced, force_flag, gcode_body;
    uint64_t body_hash;
    bool replied_late;         /* its printer had gone, or the reply was broken */
    enum expectation expected; /* of the last delivery */
    bool answered;             /* the last delivery */
    int64_t delivered_us;
    unsigned deliveries;
    unsigned accepted, ended; /* events seen */
    unsigned repeats;         /* deliveries of which the remembered result is expected */
    int64_t accepted_us, ended_us;
    char end[16];        /* "FINISHED", "INFO" … */
    char remembered[16]; /* FINISHED, FAILED or REJECTED: what a repetition is answered */
    char state[16];      /* at ACCEPTED */
    int64_t busy_id;     /* BUSY: the command that ran */
    bool state_moved; /* another state was reported between ACCEPTED and the end, without its id */
    char last_change[16]; /* last STATE_CHANGED while it ran … */
    bool change_with_id, change_with_job;
    bool busy_when_delivered;
    uint64_t losses;    /* subject->losses at the last delivery */
    bool lost_to_reset; /* RESET_PRINTER came while it ran */
};

enum registration { REG_UNKNOWN, REG_ASKED, REG_CODE, REG_REFUSED, REG_POLL_FAILED, REG_DONE };

struct subject {
    struct contract *contract;
    uint32_t number;
    /* identity */
    bool buddy; /* it talks as connect-buddy.md has it */
    bool resin; /* an SL1 or its kin: a host of the SDK, but no PrusaLink */
    char *fingerprint, *token, *code, *sn, *type;
    bool initialised_seen;
    /* registration */
    enum registration registration;
    bool registration_seen;
    int64_t code_us, pending_us; /* of the answers; -1 */
    /* telemetry */
    uint64_t last_body; /* its hash; 0: none */
    bool telemetry_seen;
    struct telemetry_facts now; /* of the last telemetry */
    int64_t telemetry_us;       /* the last one; -1 */
    bool disturbed; /* since then something happened that may hold telemetry up, or lose items */
    int64_t refused_us; /* telemetry was answered 4xx or 5xx and none has come since; -1 */
    int refused_status;
    int64_t pace_us[PACE_WINDOW];
    unsigned pace_count;
    bool pace_printing;
    unsigned command_off, job_off, state_off; /* telemetries in a row that disagree */
    unsigned after_printing;                  /* telemetries since a printing state was left */
    double temperature_sent[2];               /* nozzle, bed; NAN: none */
    /* transfers */
    int64_t transfer_id, transfer_ended_us, ended_transfer_id; /* -1 */
    double transferred, transfer_size;                         /* -1: unknown */
    bool transfer_to_print;
    struct seen_transfer *transfer; /* the last one; NULL: none (connect_contract_transfers.c) */
    struct seen_fetch *fetch;       /* the last one that it asked for (connect_contract_fetch.c) */
    char camera[72];                /* fingerprint of the camera that spoke last */
    /* commands */
    struct seen_command *commands; /* at most SEEN_COMMANDS_MAX, newest last */
    size_t command_count, command_capacity;
    struct seen_command *running; /* accepted and not ended */
    unsigned running_missing;     /* telemetries without command_id meanwhile */
    int64_t foreign_running;      /* a command of before we looked; -1: none */
    /* states and jobs */
    char state[16]; /* last reported by STATE_CHANGED or taken over; "" */
    int64_t state_us;
    bool state_over_error; /* that state came out of ERROR */
    int64_t last_job;
    char *job_path; /* NULL: not told */
    /* files */
    struct document *tree; /* NULL: not told */
    int64_t tree_us;
    bool tree_whole; /* an INFO has told it */
    /* clock */
    bool adjusted_last;
    unsigned since_adjusted; /* requests since Clock-Adjusted */
    double clock_offset;     /* Timestamp minus arrival, highest lately; NAN: unknown */
    /* a lost item */
    uint64_t lost_hash;
    int64_t lost_us; /* -1: none */
    uint64_t losses; /* items that may never have arrived, or been sent */
    int64_t seen_us; /* its last request */
    /* the request that is not answered */
    int64_t open_us; /* of the queue: telemetry, event, poll; -1 */
    uint32_t open_connection;
    int64_t unanswered_us; /* when the one that was given up was asked, until the next; -1 */
    int64_t given_up_us;
    int64_t socket_closed_us; /* the server closed its WebSocket and nothing was said since; -1 */
    struct subject *next;
};

/* A request whose reply is awaited. */
struct asked {
    uint32_t connection;
    unsigned kind; /* SEE_TELEMETRY … ; 0: other */
    bool used;
    bool to_p;  /* /p/… */
    bool noisy; /* Timestamp with more than one decimal */
    bool wide_transfer;
    int64_t range_start; /* of a FETCH; -1: none */
    int64_t time_us;
    uint64_t hash; /* of Timestamp and body */
    struct subject *subject;
};

struct name_slot {
    char kind; /* 'T' token, 'F' fingerprint, 'C' code; 0: free */
    char *text;
    struct subject *subject;
};

struct contract {
    struct contract_settings settings;
    struct contract_result *results;
    size_t rule; /* that is being asked */
    struct subject *subjects, **last_subject;
    uint32_t subject_count;
    struct subject *nobody; /* whoever talks without token and fingerprint */
    struct name_slot *names;
    size_t name_capacity, name_count;
    struct asked *asked;
    size_t asked_capacity, asked_count;
    void (*violated)(void *owner, const struct contract_result *result,
                     const struct contract_violation *violation);
    void *owner;
    int64_t now_us;
    struct seen_camera *cameras;
    struct documents documents; /* trees of files */
    struct number_map sockets;  /* struct seen_socket, by their connections */
    struct seen_fetch *fetches; /* that commands have told of */
    char server_host[128];      /* Host of its telemetry; "": none yet */
};

/* The request headers that rules look at: found once per request. */
enum seen_header {
    HEADER_FINGERPRINT,
    HEADER_TIMESTAMP,
    HEADER_USER_AGENT,
    HEADER_USER_AGENT_PRINTER,
    HEADER_USER_AGENT_VERSION,
    HEADER_TOKEN,
    HEADER_CODE,
    HEADER_CLOCK_ADJUSTED,
    HEADER_CONTENT_TYPE,
    HEADER_COUNT
};

struct sight {
    struct contract *contract;
    unsigned kind;
    int64_t time_us;
    uint32_t connection;
    struct subject *subject; /* never NULL but for replies to strangers */
    const struct http_message *request, *reply;
    struct slice headers[HEADER_COUNT]; /* of the request; bytes NULL: not there */
    double stamp;                       /* Timestamp; NAN: no decimal number */
    const struct asked *asked;          /* of replies and unanswered requests */
    const cJSON *body;            /* object, or NULL: none, no object, or an equal telemetry */
    bool body_bad;                /* there should be an object and is none */
    struct telemetry_facts facts; /* of TELEMETRY */
    /* events */
    const char *event, *source, *state, *reason;
    const cJSON *data;
    int64_t command_id, job_id;          /* -1, 0: none */
    struct seen_command *command;        /* of EVENT, DELIVERY, TERMINAL; NULL: not known */
    struct seen_socket *socket;          /* of what passes in a WebSocket; else NULL */
    const struct websocket_frame *frame; /* of FRAME */
    bool by_printer;                     /* UNANSWERED, SOCKET_END: who ended; FRAME: who sent */
};

typedef void contract_judge(struct sight *sight);

/* Whom a rule binds, and whose server. */
enum bound {
    OF_SDK,       /* printers that talk as the SDK does */
    OF_PRUSALINK, /* of those a PrusaLink */
    OF_ANY,       /* Buddy printers too, as connect-buddy.md has the same */
    OF_BUDDY,     /* those alone */
};

struct contract_row {
    struct contract_rule rule;
    unsigned kinds;
    contract_judge *judge;
    enum bound bound;
};

extern const struct contract_row contract_rows[];
extern const size_t contract_row_count;

/* Says how the rule that is being asked came out. The texts are made only of a violation. */
void verdict(struct sight *sight, bool good, const char *expected, const char *seen, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether it is a PrusaLink that this is about. */
bool of_prusalink(const struct sight *sight);

void ask_rules(struct sight *sight);
/* The files of a printer as it told of them; until the next look. NULL: it did not. */
const cJSON *tree_of(const struct subject *subject);

/* connect_contract_asked.c */
struct asked *find_asked(const struct contract *contract, uint32_t connection); /* NULL: none */
void put_asked(struct contract *contract, const struct asked *asked);
void drop_asked(struct contract *contract, struct asked *gone);

/* connect_contract_course.c: take over what was seen */
void course_request(struct sight *sight);
void course_reply(struct sight *sight);
void course_unanswered(struct sight *sight);
struct seen_command *course_command(struct subject *subject, int64_t id);
void commands_free(struct subject *subject);
void course_free(struct subject *subject);
/* connect_contract_transfers.c */
unsigned transfer_kind_of(const struct http_message *request);
uint64_t transfer_target_hash(const cJSON *kwargs);
struct subject *transfer_camera_subject(const struct contract *contract, struct slice fingerprint);
void transfer_course_request(struct sight *sight);
void transfer_course_reply(struct sight *sight);
void transfer_course_event(struct sight *sight);
void transfer_free(struct contract *contract);
/* connect_contract_fetch.c */
bool fetch_is_target(struct slice target);
int64_t fetch_range_start(const struct http_message *request); /* -1: none that can be read */
struct subject *fetch_subject(const struct contract *contract,
                              struct slice target); /* NULL: not known */
void fetch_course_delivery(struct sight *sight,
                           int64_t command_id); /* of START_ENCRYPTED_DOWNLOAD */
void fetch_course_request(struct sight *sight);
void fetch_course_reply(struct sight *sight);
void fetch_free(struct contract *contract);
/* connect_contract_websocket.c */
void websocket_course_request(struct sight *sight); /* GET /p/ws */
void websocket_course_reply(struct contract *contract, uint32_t connection,
                            const struct http_message *reply);
/* A command in a WebSocket that nobody asked for: what it stands behind. False: it is none. */
bool websocket_course_pushed(const struct contract *contract, uint32_t connection,
                             const struct http_message *reply, struct asked *asked);
/* The WebSocket that a message came in; NULL: it came over HTTP. */
struct seen_socket *websocket_course_message(struct contract *contract, uint32_t connection,
                                             const struct http_message *request);
void websocket_course_said(struct sight *sight); /* that message */
void websocket_course_ended(struct contract *contract, uint32_t connection, bool by_printer);
void websocket_course_finish(struct contract *contract);
void websocket_course_free(struct contract *contract);
uint64_t contract_hash(uint64_t hash, const void *bytes, size_t size);
#define CONTRACT_HASH_START UINT64_C(14695981039346656037)

/* small words */
static inline bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && __builtin_strcmp(a, b) == 0;
}
static inline const char *path_of(const struct seen_command *command)
{
    return command->path == NULL ? "" : command->path;
}
bool one_of(const char *text, const char *const *list); /* NULL ends the list */
const char *text_of(const cJSON *object, const char *key);
int64_t whole_of(const cJSON *object, const char *key, int64_t fallback);
const char *or_none(const char *text);
bool has_null(const cJSON *item);
bool printing_state(const char *state); /* PRINTING, PAUSED, FINISHED, STOPPED */
bool known_state(const char *state);
int64_t tolerance(const struct sight *sight);
void name_subject(struct contract *contract, char kind, const char *text, struct subject *subject);
struct seen_command *running_command(struct subject *subject); /* NULL: none */
bool python_integer(struct slice text, int64_t *value);

extern const char *const contract_commands[]; /* the 27 names of connect-sdk.md 5 */

#define JUDGE(name) void name(struct sight *sight)
JUDGE(judge_trp_01);
JUDGE(judge_trp_02);
JUDGE(judge_trp_03);
JUDGE(judge_trp_04);
JUDGE(judge_trp_05);
JUDGE(judge_trp_06);
JUDGE(judge_trp_07);
JUDGE(judge_trp_08);
JUDGE(judge_trp_09);
JUDGE(judge_trp_10);
JUDGE(judge_trp_11);
JUDGE(judge_trp_12);
JUDGE(judge_trp_13);
JUDGE(judge_trp_14);
JUDGE(judge_trp_15);
JUDGE(judge_trp_16);
JUDGE(judge_reg_01);
JUDGE(judge_reg_02);
JUDGE(judge_reg_03);
JUDGE(judge_reg_04);
JUDGE(judge_reg_05);
JUDGE(judge_reg_06);
JUDGE(judge_reg_07);
JUDGE(judge_reg_08);
JUDGE(judge_reg_09);
JUDGE(judge_reg_10);
JUDGE(judge_reg_11);
JUDGE(judge_tel_01);
JUDGE(judge_tel_02);
JUDGE(judge_tel_03);
JUDGE(judge_tel_04);
JUDGE(judge_tel_05);
JUDGE(judge_tel_06);
JUDGE(judge_tel_07);
JUDGE(judge_tel_08);
JUDGE(judge_tel_09);
JUDGE(judge_tel_10);
JUDGE(judge_tel_11);
JUDGE(judge_cmd_01);
JUDGE(judge_cmd_02);
JUDGE(judge_cmd_03);
JUDGE(judge_cmd_04);
JUDGE(judge_cmd_05);
JUDGE(judge_cmd_06);
JUDGE(judge_cmd_07);
JUDGE(judge_cmd_08);
JUDGE(judge_cmd_09);
JUDGE(judge_cmd_10);
JUDGE(judge_cmd_11);
JUDGE(judge_cmd_12);
JUDGE(judge_cmd_13);
JUDGE(judge_cmd_14);
JUDGE(judge_cmd_15);
JUDGE(judge_cmd_16);
JUDGE(judge_cmd_17);
JUDGE(judge_cmd_18);
JUDGE(judge_cmd_19);
JUDGE(judge_cmd_20);
JUDGE(judge_cmd_21);
JUDGE(judge_cmd_22);
JUDGE(judge_cmd_23);
JUDGE(judge_cmd_24);
JUDGE(judge_cmd_25);
JUDGE(judge_cmd_26);
JUDGE(judge_evt_01);
JUDGE(judge_evt_02);
JUDGE(judge_evt_03);
JUDGE(judge_evt_04);
JUDGE(judge_evt_05);
JUDGE(judge_evt_06);
JUDGE(judge_evt_07);
JUDGE(judge_evt_08);
JUDGE(judge_evt_09);
JUDGE(judge_evt_10);
JUDGE(judge_evt_11);
JUDGE(judge_evt_13);
JUDGE(judge_fs_01);
JUDGE(judge_fs_02);
JUDGE(judge_fs_03);
JUDGE(judge_fs_04);
JUDGE(judge_fs_05);
JUDGE(judge_fs_06);
JUDGE(judge_fs_07);
JUDGE(judge_fs_08);
JUDGE(judge_fs_09);
JUDGE(judge_fs_10);
JUDGE(judge_fs_11);
JUDGE(judge_fs_12);
JUDGE(judge_fs_13);
JUDGE(judge_fs_14);
JUDGE(judge_trn_01);
JUDGE(judge_trn_02);
JUDGE(judge_trn_03);
JUDGE(judge_trn_04);
JUDGE(judge_trn_05);
JUDGE(judge_trn_06);
JUDGE(judge_trn_07);
JUDGE(judge_trn_08);
JUDGE(judge_trn_09);
JUDGE(judge_trn_10);
JUDGE(judge_trn_11);
JUDGE(judge_trn_12);
JUDGE(judge_trn_13);
JUDGE(judge_trn_14);
JUDGE(judge_cam_01);
JUDGE(judge_cam_02);
JUDGE(judge_cam_03);
JUDGE(judge_cam_04);
JUDGE(judge_cam_05);
JUDGE(judge_cam_06);
JUDGE(judge_cam_07);
JUDGE(judge_cam_08);
JUDGE(judge_cam_09);
JUDGE(judge_ws_01);
JUDGE(judge_ws_02);
JUDGE(judge_ws_03);
JUDGE(judge_ws_04);
JUDGE(judge_ws_05);
JUDGE(judge_ws_06);
JUDGE(judge_ws_07);
JUDGE(judge_ws_08);
JUDGE(judge_btrn_01);
JUDGE(judge_btrn_05);
JUDGE(judge_btrn_07);
JUDGE(judge_btrn_08);
JUDGE(judge_btrn_10);
JUDGE(judge_bud_http_01);
JUDGE(judge_bud_http_02);
JUDGE(judge_bud_http_03);
JUDGE(judge_bud_http_05);
JUDGE(judge_bud_tel_01);
JUDGE(judge_bud_tel_05);
JUDGE(judge_bud_tel_06);
JUDGE(judge_bud_tel_07);
JUDGE(judge_bud_tel_08);
JUDGE(judge_bud_evt_01);
JUDGE(judge_bud_evt_02);
JUDGE(judge_bud_evt_04);
JUDGE(judge_bud_evt_05);
JUDGE(judge_bud_evt_08);
JUDGE(judge_bud_evt_11);
JUDGE(judge_bud_evt_18);
JUDGE(judge_bud_evt_20);
JUDGE(judge_bud_evt_21);
JUDGE(judge_bud_cmd_25);
#undef JUDGE

#endif
