#include "sim/protocol/connect/sdk_names.h"

#include <string.h>

static const char *const version_names[CONNECT_SDK_VERSIONS] = {
    [CONNECT_SDK_0_7_1] = "0.7.1",
    [CONNECT_SDK_0_8_0] = "0.8.0",
    [CONNECT_SDK_0_8_1] = "0.8.1",
};

const char *connect_sdk_version_name(enum connect_sdk_version version)
{
    return version_names[version];
}

bool connect_sdk_version_parse(const char *name, enum connect_sdk_version *version)
{
    for (size_t i = 0; i < CONNECT_SDK_VERSIONS; i++) {
        if (strcmp(name, version_names[i]) == 0) {
            *version = (enum connect_sdk_version)i;
            return true;
        }
    }
    return false;
}

static const char *const event_texts[CONNECT_EVENTS] = {
    [CONNECT_EVENT_DEFAULT] = "",
    [CONNECT_ACCEPTED] = "ACCEPTED",
    [CONNECT_REJECTED] = "REJECTED",
    [CONNECT_FINISHED] = "FINISHED",
    [CONNECT_FAILED] = "FAILED",
    [CONNECT_INFO] = "INFO",
    [CONNECT_STATE_CHANGED] = "STATE_CHANGED",
    [CONNECT_MEDIUM_EJECTED] = "MEDIUM_EJECTED",
    [CONNECT_MEDIUM_INSERTED] = "MEDIUM_INSERTED",
    [CONNECT_FILE_CHANGED] = "FILE_CHANGED",
    [CONNECT_FILE_INFO] = "FILE_INFO",
    [CONNECT_JOB_INFO] = "JOB_INFO",
    [CONNECT_TRANSFER_INFO] = "TRANSFER_INFO",
    [CONNECT_TRANSFER_ABORTED] = "TRANSFER_ABORTED",
    [CONNECT_TRANSFER_STOPPED] = "TRANSFER_STOPPED",
    [CONNECT_TRANSFER_FINISHED] = "TRANSFER_FINISHED",
    [CONNECT_MESH_BED_DATA] = "MESH_BED_DATA",
    [CONNECT_SLOT_EVENT] = "SLOT_EVENT",
};

const char *connect_event_text(enum connect_event_name event)
{
    return event_texts[event];
}

bool connect_event_parse(const char *text, enum connect_event_name *event)
{
    for (size_t i = CONNECT_ACCEPTED; i < CONNECT_EVENTS; i++) {
        if (strcmp(text, event_texts[i]) == 0) {
            *event = (enum connect_event_name)i;
            return true;
        }
    }
    return false;
}

static const struct command_row {
    const char *text;
    enum connect_sdk_version since;
} commands[CONNECT_COMMANDS] = {
    [CONNECT_COMMAND_UNKNOWN] = {"", CONNECT_SDK_VERSIONS},
    [CONNECT_SEND_INFO] = {"SEND_INFO", CONNECT_SDK_0_7_1},
    [CONNECT_SEND_STATE_INFO] = {"SEND_STATE_INFO", CONNECT_SDK_0_8_0},
    [CONNECT_SEND_FILE_INFO] = {"SEND_FILE_INFO", CONNECT_SDK_0_7_1},
    [CONNECT_SEND_JOB_INFO] = {"SEND_JOB_INFO", CONNECT_SDK_0_7_1},
    [CONNECT_SEND_TRANSFER_INFO] = {"SEND_TRANSFER_INFO", CONNECT_SDK_0_7_1},
    [CONNECT_CREATE_FOLDER] = {"CREATE_FOLDER", CONNECT_SDK_0_7_1},
    [CONNECT_CREATE_DIRECTORY] = {"CREATE_DIRECTORY", CONNECT_SDK_0_7_1},
    [CONNECT_DELETE_FILE] = {"DELETE_FILE", CONNECT_SDK_0_7_1},
    [CONNECT_DELETE_FOLDER] = {"DELETE_FOLDER", CONNECT_SDK_0_7_1},
    [CONNECT_DELETE_DIRECTORY] = {"DELETE_DIRECTORY", CONNECT_SDK_0_7_1},
    [CONNECT_START_URL_DOWNLOAD] = {"START_URL_DOWNLOAD", CONNECT_SDK_0_7_1},
    [CONNECT_START_CONNECT_DOWNLOAD] = {"START_CONNECT_DOWNLOAD", CONNECT_SDK_0_7_1},
    [CONNECT_STOP_TRANSFER] = {"STOP_TRANSFER", CONNECT_SDK_0_7_1},
    [CONNECT_SET_PRINTER_READY] = {"SET_PRINTER_READY", CONNECT_SDK_0_7_1},
    [CONNECT_CANCEL_PRINTER_READY] = {"CANCEL_PRINTER_READY", CONNECT_SDK_0_7_1},
    [CONNECT_DIALOG_ACTION] = {"DIALOG_ACTION", CONNECT_SDK_0_8_0},
    [CONNECT_GCODE] = {"GCODE", CONNECT_SDK_0_7_1},
    [CONNECT_START_PRINT] = {"START_PRINT", CONNECT_SDK_0_7_1},
    [CONNECT_STOP_PRINT] = {"STOP_PRINT", CONNECT_SDK_0_7_1},
    [CONNECT_PAUSE_PRINT] = {"PAUSE_PRINT", CONNECT_SDK_0_7_1},
    [CONNECT_RESUME_PRINT] = {"RESUME_PRINT", CONNECT_SDK_0_7_1},
    [CONNECT_LOAD_FILAMENT] = {"LOAD_FILAMENT", CONNECT_SDK_0_7_1},
    [CONNECT_UNLOAD_FILAMENT] = {"UNLOAD_FILAMENT", CONNECT_SDK_0_7_1},
    [CONNECT_RESET_PRINTER] = {"RESET_PRINTER", CONNECT_SDK_0_7_1},
    [CONNECT_UPGRADE] = {"UPGRADE", CONNECT_SDK_0_7_1},
    [CONNECT_SET_VALUE] = {"SET_VALUE", CONNECT_SDK_0_8_1},
    [CONNECT_SLOT_ACTION] = {"SLOT_ACTION", CONNECT_SDK_0_8_0},
};

const char *connect_command_text(enum connect_command_name name)
{
    return commands[name].text;
}

enum connect_command_name connect_command_parse(const char *text, enum connect_sdk_version version)
{
    for (size_t i = CONNECT_COMMAND_UNKNOWN + 1; i < CONNECT_COMMANDS; i++) {
        if (version >= commands[i].since && strcmp(text, commands[i].text) == 0) {
            return (enum connect_command_name)i;
        }
    }
    return CONNECT_COMMAND_UNKNOWN;
}

const char *connect_condition_text(enum connect_condition condition)
{
    static const char *const texts[CONNECT_CONDITIONS] = {"INTERNET", "HTTP", "TOKEN", "API"};
    return texts[condition];
}

const char *connect_condition_message(enum connect_condition condition)
{
    static const char *const messages[CONNECT_CONDITIONS] = {
        [CONNECT_INTERNET] = ("DNS does not work, or there are other problems in communication to "
                              "other hosts in the Internet."),
        [CONNECT_HTTP] = "HTTP communication to Connect fails, we're getting 5XX statuses",
        [CONNECT_TOKEN] = "Printer has no valid token, it needs to be registered with Connect.",
        [CONNECT_API] = "Encountered 4XX problems while communicating to Connect",
    };
    return messages[condition];
}
