#ifndef HOTBED_PROTOCOL_CONNECT_SDK_TRANSFER_H
#define HOTBED_PROTOCOL_CONNECT_SDK_TRANSFER_H

#include "sim/protocol/connect/sdk_state.h"

/* The one transfer of a printer (connect-sdk.md 9), shared by the files sdk_transfer*.c. */

enum {
    SDK_TRANSFER_PIECE_BYTES = 102400, /* what is read before anything is written (9.4) */
    SDK_TRANSFER_TURN_US = 100000,     /* how often the thread of downloads looks for work */
};

enum sdk_transfer_kind { SDK_NO_TRANSFER, SDK_FROM_WEB, SDK_FROM_CONNECT };

struct sdk_download; /* sdk_transfer_get.c */

struct sdk_transfer {
    struct connect_sdk *sdk;
    enum sdk_transfer_kind kind;
    uint32_t id;
    int64_t start_command_id;
    char *path;   /* as the command has it */
    char *url;    /* before any redirect */
    char *target; /* "/storage/below" that is written to; kept from one transfer to the next, for a
                     bad path leaves it as it was; NULL: there was none */
    int8_t to_print;           /* -1: null */
    bool started;              /* the GET has begun: the fields are told (4.5) */
    bool stop;                 /* asked for */
    bool slot;                 /* it has the printer's one transfer */
    bool busy;                 /* the host has the file and starts to print it */
    enum transfer_change over; /* what becomes of it */
    bool size_known, id_given;
    uint64_t size, transferred;
    int64_t start_us;
    uint32_t given_id;
    struct timer turn;
    struct sdk_download *download; /* NULL: no GET is under way */
};

static inline bool sdk_transfer_runs(const struct sdk_transfer *transfer)
{
    return transfer != NULL && transfer->kind != SDK_NO_TRANSFER;
}

/* The one that comes to the printer by another way than the SDK's; NULL: none. */
const struct transfer *sdk_other_transfer(const struct connect_sdk *sdk);
void sdk_transfer_advanced(const struct sdk_transfer *transfer);

/* sdk_transfer.c */
struct sdk_transfer *sdk_transfer_of(struct connect_sdk *sdk); /* made when there is none */
void sdk_transfer_free(struct connect_sdk *sdk);
void sdk_transfer_turn(void *transfer); /* the thread of downloads looks: begins the GET */
void sdk_transfer_accepted(struct sdk_transfer *transfer); /* the head is good: TRANSFER_INFO */
/* How it ends; the last two end the transfer. `reason` is the exception's text. */
void sdk_transfer_finished(struct sdk_transfer *transfer, bool in_place);
void sdk_transfer_stopped(struct sdk_transfer *transfer);
void sdk_transfer_aborted(struct sdk_transfer *transfer, const char *reason);
/* The commands (connect-sdk.md 5.3). */
void sdk_start_url_download(struct connect_sdk *sdk, const struct connect_sdk_command *command);
void sdk_start_connect_download(struct connect_sdk *sdk, const struct connect_sdk_command *command);
void sdk_stop_transfer(struct connect_sdk *sdk, const struct connect_sdk_command *command);
void sdk_send_transfer_info(struct connect_sdk *sdk, const struct connect_sdk_command *command);
/* What 4.2 adds to a telemetry. */
void sdk_transfer_write_telemetry(const struct connect_sdk *sdk, struct json_writer *json);
/* For the root of an event; 0: none. `named`: the event is about the transfer itself. */
uint32_t sdk_transfer_shown_id(const struct connect_sdk *sdk, bool named);

/* sdk_transfer_target.c: what 9.3 refuses. False: `error` has the repr of the exception. */
bool sdk_transfer_name_good(const char *path, struct buffer *error);
/* `target` is "/storage/below", without ".." in it. */
bool sdk_transfer_resolve(struct connect_sdk *sdk, const char *path, struct buffer *target,
                          struct buffer *error);
bool sdk_transfer_make_folders(struct connect_sdk *sdk, const char *target, struct buffer *error);
/* "/storage/sub/.name.part" */
void sdk_transfer_part(const char *target, struct buffer *part);
/* "[Errno 28] No space left on device" */
const char *sdk_os_error(enum storage_result result);

/* sdk_transfer_get.c */
void sdk_download_begin(struct sdk_transfer *transfer);
void sdk_download_destroy(struct sdk_download *download); /* NULL is fine */

#endif
