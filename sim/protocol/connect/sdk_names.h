#ifndef HOTBED_PROTOCOL_CONNECT_SDK_NAMES_H
#define HOTBED_PROTOCOL_CONNECT_SDK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The enumerations of the protocol and what each version of the SDK knows of them
 * (connect-sdk.md 5.3, 5.4, 6.2, 11, 12; SDK: prusa/connect/printer/const.py). States and sources
 * are sim/machine/state.h's. */

enum connect_sdk_version {
    CONNECT_SDK_0_7_1,
    CONNECT_SDK_0_8_0,
    CONNECT_SDK_0_8_1,
    CONNECT_SDK_VERSIONS
};

const char *connect_sdk_version_name(enum connect_sdk_version version); /* "0.8.1" */
bool connect_sdk_version_parse(const char *name, enum connect_sdk_version *version);

enum connect_event_name {
    CONNECT_EVENT_DEFAULT, /* FINISHED where a command ends, not a name of its own */
    CONNECT_ACCEPTED,
    CONNECT_REJECTED,
    CONNECT_FINISHED,
    CONNECT_FAILED,
    CONNECT_INFO,
    CONNECT_STATE_CHANGED,
    CONNECT_MEDIUM_EJECTED,
    CONNECT_MEDIUM_INSERTED,
    CONNECT_FILE_CHANGED,
    CONNECT_FILE_INFO,
    CONNECT_JOB_INFO,
    CONNECT_TRANSFER_INFO,
    CONNECT_TRANSFER_ABORTED,
    CONNECT_TRANSFER_STOPPED,
    CONNECT_TRANSFER_FINISHED,
    CONNECT_MESH_BED_DATA,
    CONNECT_SLOT_EVENT, /* not in 0.7.1 */
    CONNECT_EVENTS,
};

const char *connect_event_text(enum connect_event_name event); /* "ACCEPTED" */
bool connect_event_parse(const char *text, enum connect_event_name *event);

enum connect_command_name {
    CONNECT_COMMAND_UNKNOWN,
    CONNECT_SEND_INFO,
    CONNECT_SEND_STATE_INFO, /* since 0.8.0 */
    CONNECT_SEND_FILE_INFO,
    CONNECT_SEND_JOB_INFO,
    CONNECT_SEND_TRANSFER_INFO,
    CONNECT_CREATE_FOLDER,
    CONNECT_CREATE_DIRECTORY,
    CONNECT_DELETE_FILE,
    CONNECT_DELETE_FOLDER,
    CONNECT_DELETE_DIRECTORY,
    CONNECT_START_URL_DOWNLOAD,
    CONNECT_START_CONNECT_DOWNLOAD,
    CONNECT_STOP_TRANSFER,
    CONNECT_SET_PRINTER_READY,
    CONNECT_CANCEL_PRINTER_READY,
    CONNECT_DIALOG_ACTION, /* since 0.8.0 */
    CONNECT_GCODE,
    CONNECT_START_PRINT,
    CONNECT_STOP_PRINT,
    CONNECT_PAUSE_PRINT,
    CONNECT_RESUME_PRINT,
    CONNECT_LOAD_FILAMENT,
    CONNECT_UNLOAD_FILAMENT,
    CONNECT_RESET_PRINTER,
    CONNECT_UPGRADE,
    CONNECT_SET_VALUE,   /* since 0.8.1 */
    CONNECT_SLOT_ACTION, /* since 0.8.0 */
    CONNECT_COMMANDS,
};

const char *connect_command_text(enum connect_command_name name); /* "SEND_INFO" */
/* CONNECT_COMMAND_UNKNOWN: no such command in this version. */
enum connect_command_name connect_command_parse(const char *text, enum connect_sdk_version version);

/* A parent comes before its child: INTERNET > HTTP > TOKEN > API. */
enum connect_condition {
    CONNECT_INTERNET,
    CONNECT_HTTP,
    CONNECT_TOKEN,
    CONNECT_API,
    CONNECT_CONDITIONS
};
enum connect_condition_state {
    CONNECT_CONDITION_UNKNOWN,
    CONNECT_CONDITION_OK,
    CONNECT_CONDITION_NOK
};

const char *connect_condition_text(enum connect_condition condition); /* "INTERNET" */
/* What it says to a person when it is broken (SDK: prusa/connect/printer/conditions.py). */
const char *connect_condition_message(enum connect_condition condition);

#endif
