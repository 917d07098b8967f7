#ifndef HOTBED_PROTOCOL_CONNECT_BUDDY_PARSE_H
#define HOTBED_PROTOCOL_CONNECT_BUDDY_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/protocol/connect/buddy_state.h"

/* Commands of Connect as Buddy firmware understands them (connect-buddy.md 6). */

enum {
    BUDDY_COMMAND_MAX = 512, /* bytes of a command's body, and of the buffer for paths and g-code */
    BUDDY_MAPPED_TOOLS_MAX = 6,
    BUDDY_NOT_MAPPED = 255,
    BUDDY_HASH_MAX = 28,
    BUDDY_KEY_BYTES = 16,
};

enum buddy_command_type {
    BUDDY_COMMAND_UNKNOWN,
    BUDDY_COMMAND_BROKEN,           /* `reason` */
    BUDDY_COMMAND_PROCESSING_OTHER, /* the buffer is in use */
    BUDDY_COMMAND_PROCESSING_THIS,  /* the id of the one in the background */
    BUDDY_COMMAND_GCODE,
    BUDDY_COMMAND_GCODE_TOO_LARGE,
    BUDDY_COMMAND_SEND_INFO,
    BUDDY_COMMAND_SEND_JOB_INFO,
    BUDDY_COMMAND_SEND_FILE_INFO,
    BUDDY_COMMAND_SEND_TRANSFER_INFO,
    BUDDY_COMMAND_SEND_STATE_INFO,
    BUDDY_COMMAND_PAUSE_PRINT,
    BUDDY_COMMAND_RESUME_PRINT,
    BUDDY_COMMAND_STOP_PRINT,
    BUDDY_COMMAND_START_PRINT,
    BUDDY_COMMAND_SET_PRINTER_READY,
    BUDDY_COMMAND_CANCEL_PRINTER_READY,
    BUDDY_COMMAND_SET_IDLE,
    BUDDY_COMMAND_START_ENCRYPTED_DOWNLOAD,
    BUDDY_COMMAND_START_INLINE_DOWNLOAD,
    BUDDY_COMMAND_STOP_TRANSFER,
    BUDDY_COMMAND_DELETE_FILE,
    BUDDY_COMMAND_DELETE_FOLDER,
    BUDDY_COMMAND_CREATE_FOLDER,
    BUDDY_COMMAND_SET_TOKEN,
    BUDDY_COMMAND_RESET,
    BUDDY_COMMAND_DIALOG_ACTION,
    BUDDY_COMMAND_SET_VALUE,
    BUDDY_COMMAND_CANCEL_OBJECT,
    BUDDY_COMMAND_UNCANCEL_OBJECT,
};

enum buddy_property {
    BUDDY_HOSTNAME,
    BUDDY_ENCLOSURE_ENABLED,
    BUDDY_ENCLOSURE_PRINTING_FILTRATION,
    BUDDY_ENCLOSURE_POST_PRINT,
    BUDDY_ENCLOSURE_POST_PRINT_TIME,
    BUDDY_NOZZLE_DIAMETER,
    BUDDY_NOZZLE_HIGH_FLOW,
    BUDDY_NOZZLE_HARDENED,
    BUDDY_CHAMBER_TARGET,
    BUDDY_CHAMBER_FAN,
    BUDDY_ADDON_POWER,
    BUDDY_CHAMBER_LIGHT,
};

struct buddy_value {
    enum buddy_property property;
    int tool; /* from 0 */
    bool flag;
    float number;
    int64_t whole;
    char text[BUDDY_HOSTNAME_MAX + 1];
};

struct buddy_download {
    uint8_t key[BUDDY_KEY_BYTES], iv[BUDDY_KEY_BYTES];
    uint32_t size_bytes;
    bool has_port;
    uint16_t port;
    uint64_t team_id;
    char hash[BUDDY_HASH_MAX + 1];
};

struct buddy_command {
    uint32_t id;
    enum buddy_command_type type;
    const char *reason; /* of a broken one */
    char path[BUDDY_COMMAND_MAX];
    uint16_t job_id;
    bool mapped;
    /* Of each tool of the g-code, from 0: the tool of the printer, and those that follow it when
     * its filament runs out; BUDDY_NOT_MAPPED: none. */
    uint8_t mapping[BUDDY_MAPPED_TOOLS_MAX][BUDDY_MAPPED_TOOLS_MAX];
    char token[BUDDY_TOKEN_MAX + 1];
    uint32_t dialog_id;
    enum buddy_button button;
    struct buddy_value value;
    struct buddy_download download;
    uint8_t object_id;
    char gcode[BUDDY_COMMAND_MAX];
    size_t gcode_size;
};

void buddy_parse_json(struct buddy_command *command, const struct buddy_build *build, uint32_t id,
                      const char *body, size_t size);
void buddy_parse_gcode(struct buddy_command *command, uint32_t id, const char *body, size_t size);

#endif
