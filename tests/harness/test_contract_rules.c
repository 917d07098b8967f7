/* Each rule of the judge can fail: for each a small conversation that breaks it, and one that keeps
 * all of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/check/connect_contract.h"

/* A conversation is lines:
 *   T time        the clock is there now (seconds)
 *   > WHAT [-Header] [+Header: value;]... [| body]    WHAT: tel, ev, reg, poll, or "METHOD target"
 *   < STATUS [+Header: value;]... [| body]
 *   x             the printer ends the connection;  X  the server does
 *   c N           from now on connection N
 * Requests have the headers of a registered printer unless taken away. */

#define FINGERPRINT                                                                                \
    "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090" /* of abc123 */
#define ON        "> tel | {\"state\": \"IDLE\"}\n< 204\n"
#define TEL(body) "> tel | {" body "}\n< 204\n"
#define EV(body)  "> ev | {" body "}\n< 204\n"
#define COMMAND(id, body)                                                                          \
    "> tel | {\"state\": \"IDLE\"}\n< 200 +Command-Id: " id                                        \
    "; +Content-Type: application/json; | " body "\n"
#define NAMED(id, name) COMMAND(id, "{\"command\": \"" name "\"}")
#define ANSWER(event, source, id, state, rest)                                                     \
    EV("\"event\": \"" event "\", \"source\": \"" source "\", \"data\": {}, \"command_id\": " id   \
       ", \"state\": \"" state "\"" rest)
#define ACCEPTED(id, state) ANSWER("ACCEPTED", "CONNECT", id, state, "")
#define FINISHED(id, state) ANSWER("FINISHED", "CONNECT", id, state, "")
#define CHANGED(state, rest)                                                                       \
    EV("\"event\": \"STATE_CHANGED\", \"source\": \"USER\", \"data\": {}, \"state\": \"" state     \
       "\"" rest)
#define DATA(event, source, data)                                                                  \
    EV("\"event\": \"" event "\", \"source\": \"" source "\", \"data\": {" data                    \
       "}, \"state\": \"IDLE\"")
#define FILE_CHANGED(data) DATA("FILE_CHANGED", "WUI", data)
#define REGISTER                                                                                   \
    "> reg -Token | {\"sn\": \"abc123\", \"fingerprint\": \"" FINGERPRINT                          \
    "\", \"printer_type\": \"1.3.1\", \"firmware\": \"3.14.0\"}\n"
#define CODE REGISTER "< 200 +Code: C0DE;\n"
#define POLL "> poll -Token +Code: C0DE;\n"
#define TREE                                                                                       \
    "\"files\": {\"type\": \"DIR\", \"name\": \"/\", \"read_only\": true, \"children\": "          \
    "[{\"type\": \"DIR\", \"name\": \"local\","                                                    \
    "\"read_only\": false, \"size\": 5, \"children\": [{\"type\": \"DIR\", \"name\": \"sub\", "    \
    "\"read_only\": false, \"size\": 5,"                                                           \
    "\"children\": [{\"type\": \"FILE\", \"name\": \"a.gcode\", \"size\": 5, \"read_only\": "      \
    "true, \"m_timestamp\": 7}]}]}]}"
#define IDENTITY                                                                                   \
    "\"type\": 1, \"version\": 3, \"subversion\": 1, \"firmware\": \"3.14.0\", \"sdk\": "          \
    "\"0.8.1\", \"network_info\": {},"                                                             \
    "\"sn\": \"abc123\", \"fingerprint\": \"" FINGERPRINT "\""
#define INFO DATA("INFO", "CONNECT", IDENTITY ", " TREE)
#define PATH(id, name, path, rest)                                                                 \
    COMMAND(id, "{\"command\": \"" name "\", \"kwargs\": {\"path\": \"" path "\"" rest "}}")       \
    ACCEPTED(id, "IDLE")
#define TRANSFER(id, bytes, progress)                                                              \
    TEL("\"transfer_id\": " id ", \"transfer_progress\": " progress                                \
        ", \"transfer_transferred\": " bytes ", \"time_transferring\": 1, \"state\": \"IDLE\"")

#define FETCH(id)                                                                                  \
    COMMAND(id, "{\"command\": \"START_CONNECT_DOWNLOAD\", \"kwargs\": {\"path\": "                \
                "\"/local/a.gcode\", \"team_id\": 1,"                                              \
                " \"hash\": \"H\"}}")                                                              \
    ACCEPTED(id, "IDLE")
#define TOLD(ids, start, type)                                                                     \
    EV("\"event\": \"TRANSFER_INFO\", \"source\": \"CONNECT\", \"data\": "                         \
       "{\"start_cmd_id\": " start ", \"type\": \"" type                                           \
       "\", \"path\": \"/local/a.gcode\", \"size\": 5}, " ids "\"state\": \"IDLE\"")
#define STARTED FETCH("1") TOLD("\"command_id\": 1, \"transfer_id\": 9, ", "1", "FROM_CONNECT")
#define END(event, id, path, rest)                                                                 \
    EV("\"event\": \"" event                                                                       \
       "\", \"source\": \"CONNECT\", \"data\": {\"start_cmd_id\": 1, \"path\": \"" path            \
       "\"}, \"transfer_id\": " id rest ", \"state\": \"IDLE\"")
#define CAMERA_PRINT "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" /* of x */
#define CAMERA(scheme, fingerprint, capabilities, token)                                           \
    ON "> cam | {\"config\": {\"camera_id\": \"x\", \"trigger_scheme\": \"" scheme                 \
       "\"}, \"options\": {}, \"capabilities\": [" capabilities                                    \
       "], \"fingerprint\": \"" fingerprint "\"}\n< 200 +Token: " token ";\n"
#define REGISTERED_CAMERA CAMERA("TEN_SEC", CAMERA_PRINT, "\"trigger_scheme\"", "t")
#define FROM_CAMERA(token)                                                                         \
    "-Fingerprint +Fingerprint: " CAMERA_PRINT "; -Token +Token: " token                           \
    "; -Content-Type +Content-Type: image/jpg;"                                                    \
    " +Content-Length: 1;"

struct wrong {
    const char *id;
    const char *talk;
};

/* A talk is read as its lines are. */
/* clang-format off */
static const struct wrong wrongs[] = {
    {"CON-TRP-01", "> tel | [1]\n< 204\n"},
    {"CON-TRP-02", ON "> tel -Fingerprint +Fingerprint: other; | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-03", ON "> tel -Token | {\"state\": \"IDLE\"}\n< 401\n"},
    {"CON-TRP-04", CODE "> tel -Token | {\"state\": \"IDLE\"}\n< 401\n"},
    {"CON-TRP-05", "> tel -Timestamp +Timestamp: today; | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-05", "> tel -Timestamp +Timestamp: 12.5; | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-06", "> tel -User-Agent +User-Agent: curl/8; | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-07", "> tel +Clock-Adjusted: 1; | {\"state\": \"IDLE\"}\n< 204\n"
                   "> tel +Clock-Adjusted: 1; | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-08", TEL("\"timestamp\": 12, \"state\": \"IDLE\"")},
    {"CON-TRP-09", "> tel | {\"state\": \"IDLE\"}\nT 4\nx\n"},
    {"CON-TRP-10", "> tel | {\"state\": \"IDLE\"}\nX\nc 2\n> tel | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-11", "> tel | {\"state\": \"IDLE\"}\nT 1\nc 2\n> tel | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-12", ON "> tel | {\"state\": \"IDLE\"}\n< 503\nT 3\n" CHANGED("IDLE", "") "T 30\n"},
    {"CON-TRP-13", "> tel | {\"state\": \"IDLE\"}\nT 12\n< 204\n"},
    {"CON-TRP-13", "> tel | {\"state\": \"IDLE\"}\nT 10\nc 2\n> tel | {\"state\": \"IDLE\"}\n< 204\n"},
    {"CON-TRP-14", "> tel | {\"state\": \"IDLE\"}\n< 302 +Location: /x;\n"},
    {"CON-TRP-15", "> tel -Timestamp +Timestamp: 1767225600.8000002; | {\"state\": \"IDLE\"}\n< 400\n"},
    {"CON-TRP-16", "> tel | {\"state\": \"IDLE\"}\n< 200\n"},

    {"CON-REG-01", "> reg -Token | {\"sn\": \"abc123\"}\n< 200 +Code: C;\n"},
    {"CON-REG-02", "> reg -Token | {\"sn\": \"other\", \"fingerprint\": \"" FINGERPRINT "\", \"printer_type\": \"1.3.1\", \"firmware\": \"3\"}\n< 400\n"},
    {"CON-REG-03", "> reg -Token | {\"sn\": \"abc123\", \"fingerprint\": \"" FINGERPRINT "\", \"printer_type\": \"9.9.9\", \"firmware\": \"3\"}\n< 400\n"},
    {"CON-REG-04", CODE "> poll -Token +Code: WRONG;\n< 202\n"},
    {"CON-REG-05", CODE POLL "< 202\nT 0.3\n" POLL "< 202\n"},
    {"CON-REG-06", CODE POLL "< 200 +Token: tok;\n" POLL "< 404\n"},
    {"CON-REG-07", CODE POLL "< 404\nT 2\n" POLL "< 404\n"},
    {"CON-REG-08", REGISTER "< 400\n> poll -Token +Code: X;\n< 404\n"},
    {"CON-REG-09", REGISTER "< 200\n"},
    {"CON-REG-10", CODE POLL "< 200\n"},
    {"CON-REG-11", CODE POLL "< 503\n"},

    {"CON-TEL-01", TEL("\"state\": \"DREAMING\"")},
    {"CON-TEL-02", TEL("\"temp_bed\": null, \"state\": \"IDLE\"")},
    {"CON-TEL-03", ON "T 6\n" ON},
    {"CON-TEL-04", ON "T 0.6\n" ON "T 1.2\n" ON "T 1.8\n" ON "T 2.4\n" ON "T 3\n" ON "T 3.6\n" ON "T 4.2\n" ON "T 4.8\n" ON},
    {"CON-TEL-05", ON NAMED("5", "GCODE") ACCEPTED("5", "IDLE") ON ON ON},
    {"CON-TEL-05", ON NAMED("5", "GCODE") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE")
                   TEL("\"command_id\": 5, \"state\": \"IDLE\"") TEL("\"command_id\": 5, \"state\": \"IDLE\"")},
    {"CON-TEL-06", TEL("\"state\": \"PRINTING\"") TEL("\"state\": \"PRINTING\"")},
    {"CON-TEL-06", TEL("\"job_id\": 4, \"state\": \"IDLE\"") TEL("\"job_id\": 4, \"state\": \"IDLE\"")},
    {"CON-TEL-07", TEL("\"transfer_id\": 4, \"transfer_progress\": 1.0, \"state\": \"IDLE\"")},
    {"CON-TEL-08", TRANSFER("4", "100", "1.0") TRANSFER("4", "50", "0.5")},
    {"CON-TEL-09", TRANSFER("4", "100", "1.0")
                   EV("\"event\": \"TRANSFER_FINISHED\", \"source\": \"CONNECT\", \"data\": {}, \"transfer_id\": 4, \"state\": \"IDLE\"")
                   "T 2\n" TRANSFER("4", "100", "1.0")},
    {"CON-TEL-10", ON ON TEL("\"progress\": 5, \"state\": \"IDLE\"")},
    {"CON-TEL-11", TEL("\"temp_bed\": 50.0, \"state\": \"IDLE\"") TEL("\"temp_bed\": 50.2, \"state\": \"IDLE\"")},

    {"CON-CMD-01", NAMED("5", "SEND_INFO") "T 1\n" ON "T 20\n" ON},
    {"CON-CMD-01", NAMED("5", "SEND_INFO") ANSWER("ACCEPTED", "WUI", "5", "IDLE", "")},
    {"CON-CMD-02", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE") FINISHED("5", "IDLE")},
    {"CON-CMD-02", NAMED("5", "GCODE") FINISHED("5", "IDLE")},
    {"CON-CMD-02", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") ON ON ON ON},
    {"CON-CMD-03", "> tel | {\"state\": \"IDLE\"}\n< 200 +Command-Id: x; +Content-Type: application/json; | {}\n"
                   EV("\"event\": \"REJECTED\", \"source\": \"CONNECT\", \"data\": {}, \"reason\": \"what?\", \"state\": \"IDLE\"")},
    {"CON-CMD-03", "> tel | {\"state\": \"IDLE\"}\n< 200 | {}\nT 20\n" ON},
    {"CON-CMD-04", "> tel | {\"state\": \"IDLE\"}\n< 200 +Command-Id: 5; +Content-Type: text/plain; | {}\n" ACCEPTED("5", "IDLE")},
    {"CON-CMD-05", COMMAND("5", "{\"comm") ACCEPTED("5", "IDLE")},
    {"CON-CMD-05", COMMAND("5", "[]") ANSWER("REJECTED", "CONNECT", "5", "IDLE", "")},
    {"CON-CMD-06", NAMED("5", "DANCE") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE")},
    {"CON-CMD-07", NAMED("5", "SLOT_ACTION") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE")},
    {"CON-CMD-08", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") ANSWER("FAILED", "WUI", "5", "IDLE", ", \"reason\": \"Command error\"")},
    {"CON-CMD-09", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") NAMED("6", "PAUSE_PRINT") ACCEPTED("6", "IDLE")},
    {"CON-CMD-10", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") NAMED("5", "GCODE")
                   ANSWER("REJECTED", "CONNECT", "5", "IDLE", ", \"reason\": \"again?\"")},
    {"CON-CMD-11", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE") NAMED("5", "GCODE") ACCEPTED("5", "IDLE")},
    {"CON-CMD-12", NAMED("0", "GCODE") ACCEPTED("0", "IDLE")},
    {"CON-CMD-13", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") NAMED("6", "RESET_PRINTER") "T 4\n" ACCEPTED("6", "IDLE")},
    {"CON-CMD-14", NAMED("5", "GCODE") ACCEPTED("5", "PRINTING") FINISHED("5", "PRINTING")},
    {"CON-CMD-15", NAMED("5", "SEND_INFO") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE")},
    {"CON-CMD-16", NAMED("5", "START_PRINT") ACCEPTED("5", "IDLE") FINISHED("5", "PRINTING")},
    {"CON-CMD-17", NAMED("5", "START_PRINT") ACCEPTED("5", "PAUSED") FINISHED("5", "PAUSED")},
    {"CON-CMD-18", NAMED("5", "PAUSE_PRINT") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE")},
    {"CON-CMD-18", NAMED("5", "RESUME_PRINT") ACCEPTED("5", "PRINTING") FINISHED("5", "PRINTING")},
    {"CON-CMD-19", NAMED("5", "STOP_PRINT") ACCEPTED("5", "PRINTING") FINISHED("5", "PRINTING")},
    {"CON-CMD-20", NAMED("5", "SET_PRINTER_READY") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE")},
    {"CON-CMD-20", NAMED("5", "SET_PRINTER_READY") ACCEPTED("5", "PRINTING") FINISHED("5", "PRINTING")},
    {"CON-CMD-21", NAMED("5", "CANCEL_PRINTER_READY") ACCEPTED("5", "READY") FINISHED("5", "READY")},
    {"CON-CMD-22", EV("\"event\": \"SLOT_EVENT\", \"source\": \"SLOT\", \"data\": {}, \"state\": \"IDLE\"") ACCEPTED("77", "IDLE")},
    {"CON-CMD-23", NAMED("0", "SEND_INFO")},
    {"CON-CMD-23", NAMED("5", "SEND_INFO") ACCEPTED("5", "IDLE") FINISHED("5", "IDLE") NAMED("5", "GCODE")},
    {"CON-CMD-24", NAMED("5", "GCODE") ACCEPTED("5", "IDLE") NAMED("6", "PAUSE_PRINT")},
    {"CON-CMD-25", NAMED("5", "GCODE") "T 3\n" NAMED("6", "GCODE")},
    {"CON-CMD-26", NAMED("5", "SEND_INFO") ACCEPTED("5", "IDLE") ANSWER("INFO", "CONNECT", "5", "IDLE", "") NAMED("5", "SEND_INFO")},

    {"CON-EVT-01", EV("\"event\": \"INFO\", \"source\": \"USER\", \"data\": {}")},
    {"CON-EVT-02", DATA("PARTY", "CONNECT", "")},
    {"CON-EVT-03", DATA("JOB_INFO", "CONNECT", "\"job_id\": 5")},
    {"CON-EVT-04", DATA("INFO", "USER", "\"active_sheet\": null")},
    {"CON-EVT-05", DATA("INFO", "CONNECT", "\"sdk\": \"0.8.1\"")},
    {"CON-EVT-06", ON TEL("\"state\": \"BUSY\"") TEL("\"state\": \"BUSY\"")},
    {"CON-EVT-07", CHANGED("IDLE", "") CHANGED("PRINTING", ", \"job_id\": 5") CHANGED("IDLE", "") CHANGED("PRINTING", ", \"job_id\": 7")},
    {"CON-EVT-08", CHANGED("FINISHED", "") "T 5\n" CHANGED("IDLE", "")},
    {"CON-EVT-09", CHANGED("PRINTING", ", \"job_id\": 1") CHANGED("READY", "")},
    {"CON-EVT-10", NAMED("5", "PAUSE_PRINT") ACCEPTED("5", "PRINTING") CHANGED("PAUSED", ", \"job_id\": 1")},
    {"CON-EVT-11", DATA("JOB_INFO", "CONNECT", "\"path\": \"/x\"")},
    {"CON-EVT-13", "> ev | {\"event\": \"TRANSFER_INFO\", \"source\": \"WUI\", \"data\": {}, \"transfer_id\": 4294967295, \"state\": \"IDLE\"}\n< 400\n"},

    {"CON-FS-01", DATA("INFO", "CONNECT", IDENTITY ", \"files\": {\"type\": \"DIR\", \"name\": \"/\", \"read_only\": false, \"children\": []}")},
    {"CON-FS-02", FILE_CHANGED("\"new_path\": \"/local/d\", \"file\": {\"type\": \"FOLDER\", \"name\": \"d\", \"size\": 9,"
                               "\"children\": [{\"type\": \"FILE\", \"name\": \"f\", \"size\": 4}]}")},
    {"CON-FS-03", FILE_CHANGED("\"new_path\": \"/local/.x.gcode\", \"file\": {\"type\": \"PRINT_FILE\", \"name\": \".x.gcode\"}")},
    {"CON-FS-04", FILE_CHANGED("\"new_path\": \"/local/x.gcode\"")},
    {"CON-FS-05", FILE_CHANGED("\"old_path\": \"/local/x.gcode\", \"new_path\": \"/local/x.gcode\"")},
    {"CON-FS-06", FILE_CHANGED("\"old_path\": \"/local/x.gcode\", \"file\": {\"type\": \"PRINT_FILE\", \"name\": \"x.gcode\"}")},
    {"CON-FS-07", FILE_CHANGED("\"old_path\": \"/local/x.gcode\", \"new_path\": \"/local/y.gcode\", \"file\": {\"name\": \"y.gcode\"}")},
    {"CON-FS-08", FILE_CHANGED("\"new_path\": \"/local/X.GCO\", \"file\": {\"type\": \"FILE\", \"name\": \"X.GCO\", \"size\": 1}")},
    {"CON-FS-09", DATA("MEDIUM_INSERTED", "WUI", "\"root\": \"/SD Card\"")},
    {"CON-FS-09", INFO DATA("MEDIUM_EJECTED", "WUI", "\"root\": \"/SD Card\"")},
    {"CON-FS-10", INFO PATH("5", "CREATE_FOLDER", "/local/sub", "") ANSWER("FAILED", "WUI", "5", "IDLE", "")},
    {"CON-FS-11", INFO PATH("5", "DELETE_FOLDER", "/local/sub", "") FINISHED("5", "IDLE")},
    {"CON-FS-11", INFO PATH("5", "DELETE_FOLDER", "/local/sub", ", \"force\": true") ANSWER("FAILED", "WUI", "5", "IDLE", "")},
    {"CON-FS-12", INFO PATH("5", "DELETE_FILE", "/local/sub/a.gcode", "") FINISHED("5", "IDLE")},
    {"CON-FS-12", INFO PATH("5", "DELETE_FILE", "/local/none.gcode", "") FINISHED("5", "IDLE")},
    {"CON-FS-13", INFO PATH("5", "SEND_FILE_INFO", "/local/sub/a.gcode", "")
                  EV("\"event\": \"FILE_INFO\", \"source\": \"CONNECT\", \"command_id\": 5, \"state\": \"IDLE\","
                     "\"data\": {\"path\": \"/local/sub/a.gcode\", \"size\": 6}")},
    {"CON-FS-14", INFO PATH("5", "DELETE_FOLDER", "/local/../../etc", "") FINISHED("5", "IDLE")},
    {"CON-TRN-01", ON "> file | \n< 404\n"},
    {"CON-TRN-01", ON FETCH("1") "> file -Token | \n< 404\n"},
    {"CON-TRN-02", ON "> url -Host +Host: elsewhere; | \n< 404\n"},
    {"CON-TRN-03", FETCH("1") TOLD("\"command_id\": 1, \"transfer_id\": 9, ", "2", "FROM_CONNECT")},
    {"CON-TRN-03", FETCH("1") TOLD("\"command_id\": 1, \"transfer_id\": 9, ", "1", "FROM_WEB")},
    {"CON-TRN-04", STARTED END("TRANSFER_FINISHED", "9", "/local/b.gcode", "")},
    {"CON-TRN-04", STARTED END("TRANSFER_FINISHED", "8", "/local/a.gcode", "")},
    {"CON-TRN-05", STARTED END("TRANSFER_FINISHED", "9", "/local/a.gcode", "")
                       END("TRANSFER_ABORTED", "9", "/local/a.gcode", "")},
    {"CON-TRN-06", STARTED FILE_CHANGED("\"new_path\": \"/local/a.gcode\", \"file\": {\"size\": 3}")},
    {"CON-TRN-07", STARTED FETCH("2") TOLD("\"command_id\": 2, \"transfer_id\": 10, ", "2", "FROM_CONNECT")},
    {"CON-TRN-08", STARTED "> file | \n< 404\n" END("TRANSFER_FINISHED", "9", "/local/a.gcode", "")},
    {"CON-TRN-08", STARTED "> file | \n< 404\n" END("TRANSFER_ABORTED", "9", "/local/a.gcode", ", \"reason\": \"no\"")},
    {"CON-TRN-09", STARTED "> file | \n< 200 +Content-Type: text/html; +Content-Length: 5;\n"
                       END("TRANSFER_FINISHED", "9", "/local/a.gcode", "")},
    {"CON-TRN-10", STARTED NAMED("2", "STOP_TRANSFER") ACCEPTED("2", "IDLE") FINISHED("2", "IDLE")
                       END("TRANSFER_FINISHED", "9", "/local/a.gcode", "")},
    {"CON-TRN-11", STARTED COMMAND("2", "{\"command\": \"STOP_TRANSFER\", \"kwargs\": {\"transfer_id\": 5}}")
                       ACCEPTED("2", "IDLE") FINISHED("2", "IDLE")},
    {"CON-TRN-12", NAMED("2", "SEND_TRANSFER_INFO") ACCEPTED("2", "IDLE")
                       EV("\"event\": \"TRANSFER_INFO\", \"source\": \"CONNECT\", \"data\": {\"type\": \"NO_TRANSFER\","
                          "\"progress\": 0}, \"command_id\": 2, \"state\": \"IDLE\"")},
    {"CON-TRN-13", PATH("1", "START_URL_DOWNLOAD", "/local/../x.gcode", "")
                       TOLD("\"command_id\": 1, \"transfer_id\": 9, ", "1", "FROM_WEB")},
    {"CON-TRN-13", INFO PATH("1", "START_URL_DOWNLOAD", "/nowhere/x.gcode", "")
                       TOLD("\"command_id\": 1, \"transfer_id\": 9, ", "1", "FROM_WEB")},
    {"CON-TRN-14", STARTED "> file | \n< 200 +Content-Type: text/html; +Content-Length: 5;\n"},
    {"CON-TRN-14", STARTED "> file | \n< 200 +Content-Type: text/plain;\n"},
    {"CON-CAM-01", "> cam | {\"config\": {}, \"capabilities\": [], \"fingerprint\": \"x\"}\n< 200 +Token: t;\n"},
    {"CON-CAM-02", CAMERA("TEN_SEC", "x", "\"trigger_scheme\", \"imaging\"", "t")},
    {"CON-CAM-03", CAMERA("TEN_SEC", CAMERA_PRINT, "\"imaging\"", "t")},
    {"CON-CAM-03", CAMERA("TEN_SEC", CAMERA_PRINT, "\"trigger_scheme\", \"focus\"", "t")},
    {"CON-CAM-04", REGISTERED_CAMERA "> pic " FROM_CAMERA("t") " -Content-Type +Content-Type: image/png; | j\n< 204\n"},
    {"CON-CAM-05", REGISTERED_CAMERA "> pic " FROM_CAMERA("other") " | j\n< 403\n"},
    {"CON-CAM-06", REGISTERED_CAMERA "> pic " FROM_CAMERA("t") " | j\n< 403\nT 10\n> pic " FROM_CAMERA("t") " | j\n< 403\n"},
    {"CON-CAM-07", REGISTERED_CAMERA "> pic " FROM_CAMERA("t") " | j\n< 204\nT 5\n> pic " FROM_CAMERA("t") " | j\n< 204\n"},
    {"CON-CAM-08", ON "> cam | {\"config\": {}, \"capabilities\": [], \"fingerprint\": \"x\"}\n< 202\n"},
    {"CON-CAM-09", REGISTERED_CAMERA "> pic " FROM_CAMERA("t") " | j\n< 415\n"},
};
/* clang-format on */

/* Nothing wrong in it: no rule may complain. */
static const char right[] = CODE POLL
    "< 202\nT 1.1\n" POLL "< 200 +Token: tok;\n"
    "T 1.2\n" ON "T 1.4\n" INFO "T 1.5\n" NAMED("5", "SEND_INFO") ACCEPTED("5", "IDLE") EV(
        "\"event\": \"INFO\", \"source\": \"CONNECT\", \"command_id\": 5, \"state\": \"IDLE\", "
        "\"data\": {" IDENTITY ", " TREE "}") "T 2\n" ON "T 2.2\n" NAMED("6", "SET_PRINTER_READY")
        ACCEPTED("6", "IDLE") EV("\"event\": \"STATE_CHANGED\", \"source\": \"CONNECT\", "
                                 "\"command_id\": 6, \"data\": {}, \"state\": \"READY\"")
            FINISHED("6", "READY") "T 3\n" TEL("\"state\": \"READY\"") "T 3.2\n" NAMED("7", "DANCE")
                ACCEPTED("7", "READY")
                    ANSWER("REJECTED", "WUI", "7", "READY",
                           ", \"reason\": \"Unknown command\"") "T 4\n" TEL("\"state\": \"READY\"")
                        FILE_CHANGED("\"new_path\": \"/local/X.GCO\", \"file\": {\"type\": "
                                     "\"PRINT_FILE\", \"name\": \"X.GCO\", \"size\": 1}");

/* ---- playing ---- */

struct player {
    struct contract *contract;
    int64_t time_us;
    uint32_t connection;
    char stamp[32];
};

static void set_header(struct http_message *message, char *name, char *value)
{
    message->headers[message->header_count].name = slice_of(name);
    message->headers[message->header_count++].value = slice_of(value);
}

static void drop_header(struct http_message *message, const char *name, size_t size)
{
    for (size_t i = 0; i < message->header_count; i++) {
        struct slice its = message->headers[i].name;
        if (its.size == size && memcmp(its.bytes, name, size) == 0) {
            message->header_count--;
            memmove(&message->headers[i], &message->headers[i + 1],
                    (message->header_count - i) * sizeof message->headers[0]);
            return;
        }
    }
}

/* "-Name" and "+Name: value;" up to "| body" */
static void read_rest(struct http_message *message, char *at)
{
    char *bar = strstr(at, " | ");
    if (bar != NULL) {
        *bar = '\0';
        message->body = slice_of(bar + 3);
    }
    while ((at = strpbrk(at, "+-")) != NULL) {
        char sign = *at++;
        size_t size = strcspn(at, sign == '+' ? ":" : " ");
        if (sign == '-') {
            drop_header(message, at, size);
            at += size;
            continue;
        }
        char *value = at + size + 2;
        char *semicolon = strchr(value, ';');
        assert_non_null(semicolon);
        at[size] = *semicolon = '\0';
        set_header(message, at, value);
        at = semicolon + 1;
    }
}

static void play_request(struct player *player, char *line)
{
    static const struct {
        const char *word, *method, *target;
    } words[] = {{"tel", "POST", "/p/telemetry"},    {"ev", "POST", "/p/events"},
                 {"reg", "POST", "/p/register"},     {"cam", "POST", "/p/camera"},
                 {"pic", "PUT", "/c/snapshot"},      {"file", "GET", "/p/teams/1/files/H/raw"},
                 {"url", "GET", "/files/H/a.gcode"}, {"poll", "GET", "/p/register"}};
    struct http_message message = {.request = true, .keep_alive = true};
    size_t size = strcspn(line, " ");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].word) == size && memcmp(words[i].word, line, size) == 0) {
            message.method = slice_of(words[i].method);
            message.target = slice_of(words[i].target);
        }
    }
    assert_non_null(message.method.bytes);
    snprintf(player->stamp, sizeof player->stamp, "%.1f",
             1767225600.0 + (double)player->time_us / 1e6);
    set_header(&message, "Host", "server");
    set_header(&message, "User-Agent", "Prusa-Connect-SDK-Printer/0.8.1");
    set_header(&message, "Fingerprint", FINGERPRINT);
    set_header(&message, "Timestamp", player->stamp);
    set_header(&message, "User-Agent-Printer", "1.3.1");
    set_header(&message, "User-Agent-Version", "0.8.1");
    set_header(&message, "Token", "tok");
    set_header(&message, "Content-Type", "application/json");
    read_rest(&message, line + size);
    contract_request(player->contract, player->time_us, player->connection, &message);
}

static void play_reply(struct player *player, char *line)
{
    struct http_message message = {.status = atoi(line), .keep_alive = true};
    read_rest(&message, line + strcspn(line, " "));
    contract_reply(player->contract, player->time_us, player->connection, &message);
}

static void play_line(struct player *player, char *line)
{
    switch (line[0]) {
    case 'T':
        player->time_us = (int64_t)(atof(line + 2) * 1e6);
        break;
    case '>':
        play_request(player, line + 2);
        break;
    case '<':
        play_reply(player, line + 2);
        break;
    case 'x':
    case 'X':
        contract_ended(player->contract, player->time_us, player->connection, line[0] == 'x');
        break;
    case 'c':
        player->connection = (uint32_t)atoi(line + 2);
        break;
    default:
        fail_msg("a line that says nothing: %s", line);
    }
}

static struct contract *play(const char *talk)
{
    struct player player = {
        .contract = contract_new(
            &(struct contract_settings){.prusalink = true, .epoch_us = INT64_C(1767225600000000)}),
        .connection = 1,
    };
    char *text = strdup(talk), *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        play_line(&player, line);
    }
    contract_finish(player.contract, player.time_us);
    free(text);
    return player.contract;
}

/* ---- tests ---- */

static void each_rule_can_fail(void **state)
{
    (void)state;
    size_t failed = 0;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct contract *contract = play(wrongs[i].talk);
        const struct contract_result *result = contract_result(contract, wrongs[i].id);
        assert_non_null(result);
        if (result->violated == 0) {
            failed++;
            print_error("%s saw nothing wrong (exercised %llu) in:\n%s\n", wrongs[i].id,
                        (unsigned long long)result->exercised, wrongs[i].talk);
        } else {
            assert_non_null(result->violations[0].expected);
            assert_non_null(result->violations[0].seen);
        }
        contract_destroy(contract);
    }
    assert_int_equal(failed, 0);
}

static void no_rule_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < contract_rule_count(); i++) {
        const char *id = contract_rule(i)->id;
        bool found = strncmp(id, "BUD-", 4) == 0; /* test_contract_buddy.c and its like */
        for (size_t k = 0; k < sizeof wrongs / sizeof wrongs[0]; k++) {
            found |= strcmp(wrongs[k].id, id) == 0;
        }
        if (!found) {
            fail_msg("nothing shows that %s can fail", id);
        }
        assert_ptr_equal(contract_rule_find(id), contract_rule(i));
    }
    assert_null(contract_rule_find("CON-REG-12"));
}

static void a_right_conversation_holds(void **state)
{
    (void)state;
    struct contract *contract = play(right);
    struct buffer report = {0};
    contract_report(contract, true, &report);
    assert_string_equal(buffer_text(&report), "");
    assert_int_equal(contract_violated(contract, CONTRACT_PRINTER, CONTRACT_KIND_CONTRACT), 0);
    assert_true(contract_result(contract, "CON-CMD-01")->exercised == 3);
    assert_true(contract_result(contract, "CON-CMD-06")->exercised == 1);
    buffer_free(&report);
    contract_destroy(contract);
}

static void several_printers_are_told_apart(void **state)
{
    (void)state;
    struct contract *contract =
        play("c 1\n" ON
             "c 2\n> tel -Token +Token: other; -Fingerprint | {\"state\": \"DREAMING\"}\n< 204\n");
    const struct contract_result *result = contract_result(contract, "CON-TEL-01");
    assert_int_equal(result->violated, 1);
    assert_int_equal(result->violations[0].printer, 2);
    assert_int_equal(result->violations[0].connection, 2);
    contract_destroy(contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_can_fail),
        cmocka_unit_test(no_rule_is_left_out),
        cmocka_unit_test(a_right_conversation_holds),
        cmocka_unit_test(several_printers_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
