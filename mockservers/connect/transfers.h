#ifndef HOTBED_MOCKSERVERS_CONNECT_TRANSFERS_H
#define HOTBED_MOCKSERVERS_CONNECT_TRANSFERS_H

#include <stdint.h>

#include <cjson/cJSON.h>

/* What a server knows of a printer's transfers, from its messages alone (connect-sdk.md 9). The
 * command that starts one ends long before it does (CON-TRN-15). */

struct connect_printer;

enum connect_transfer_status {
    CONNECT_TRANSFER_RUNNING,
    CONNECT_TRANSFER_DONE,
    CONNECT_TRANSFER_ENDED_BY_STOP,
    CONNECT_TRANSFER_ENDED_BY_ABORT,
};

enum { CONNECT_TRANSFERS_MAX = 16 /* remembered per printer */ };

struct connect_transfer {
    int64_t id;               /* unsigned 32 bit */
    int64_t start_command_id; /* -1: not told */
    char *type;               /* "FROM_CONNECT"; NULL: not told, as all texts here */
    char *path, *url, *reason;
    int64_t size; /* -1: not told */
    int64_t transferred;
    int64_t arrived_size; /* of the file that FILE_CHANGED told of at its path since; -1: none */
    enum connect_transfer_status status;
    unsigned ends;              /* events that ended it: more than one is a defect (CON-TRN-05) */
    int64_t began_us, ended_us; /* -1: not yet */
    struct connect_transfer *next;
};

const char *connect_transfer_status_name(enum connect_transfer_status status); /* "running" */
/* The last one with this id, NULL: none. */
const struct connect_transfer *connect_printer_transfer(const struct connect_printer *printer,
                                                        int64_t id);
cJSON *connect_transfers_json(const struct connect_printer *printer); /* oldest first; caller's */

#endif
