/* How the daemon on a Raspberry Pi answers: HTTP/1.0, one request a connection, headers in the
 * order of its framework, errors in the form that the client accepts (prusalink.md 3.1, 3.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/base/memory.h"
#include "sim/protocol/link/pi.h"

/* --- headers --- */

void pi_http_date(int64_t wall_us, char out[40])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, 40, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void pi_begin_reply(struct link_request *request, struct link_reply *reply, int status,
                    enum pi_headers headers)
{
    char date[40];
    pi_http_date(world_wall_us(request->face->world), date);
    *reply = (struct link_reply){.status = status, .length = true, .close = true};
    link_reply_header(reply, "Date", date);
    link_reply_header(reply, "Server", "PrusaLink");
    if (headers == PI_POWERED) {
        link_reply_header(reply, "X-Powered-By", "Poor WSGI for Python");
    }
}

/* Where Python's http.client.responses names a status as RFC 9110 does not. */
static const char *reason_of(int status)
{
    return status == 413   ? "Request Entity Too Large"
           : status == 431 ? "Request Header Fields Too Large"
                           : NULL;
}

void pi_send(struct link_request *request, struct link_reply *reply, const char *type)
{
    link_reply_header(reply, "Content-Type", type == NULL ? "text/html; charset=utf-8" : type);
    reply->reason = reason_of(reply->status);
    link_request_reply(request, reply);
}

void pi_send_empty(struct link_request *request, int status)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, status, PI_POWERED);
    pi_send(request, &reply, NULL);
}

void pi_send_json(struct link_request *request, int status, struct buffer *body)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, status, PI_POWERED);
    reply.body = *body;
    *body = (struct buffer){0};
    pi_send(request, &reply, "application/json; charset=utf-8");
}

void pi_send_text_json(struct link_request *request, int status, const char *json)
{
    struct buffer body = {0};
    buffer_append_text(&body, json);
    pi_send_json(request, status, &body);
}

const char *pi_host(struct link_request *request)
{
    const char *host = link_request_header(request, "Host");
    return host == NULL || *host == '\0' ? "localhost" : host;
}

/* --- pages of the framework --- */

static void append_escaped(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buffer_append_text(out, "&amp;");
            break;
        case '<':
            buffer_append_text(out, "&lt;");
            break;
        case '>':
            buffer_append_text(out, "&gt;");
            break;
        default:
            buffer_append_char(out, *text);
        }
    }
}

static void page_begin(struct buffer *out, const char *title, const char *style)
{
    buffer_format(out,
                  "<!DOCTYPE html>\n<html>\n <head>\n  <title>%s</title>\n"
                  "  <meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\"/>\n"
                  "  <style>\n   body {width: 80%%; margin: auto; padding-top: 30px;}\n%s"
                  "  </style>\n </head>\n <body>\n  <h1>%s</h1>\n",
                  title, style, title);
}

static const char usual_style[] =
    "   h1 {text-align: center; color: #707070;}\n"
    "   p {text-indent: 30px; margin-top: 30px; margin-bottom: 30px;}\n";

static void page_end(struct link_request *request, struct buffer *out)
{
    const char *host = pi_host(request);
    buffer_append_text(out, "  <hr>\n  <small><i>webmaster: webmaster@");
    buffer_append(out, host, strcspn(host, ":"));
    buffer_append_text(out, " </i></small>\n </body>\n</html>");
}

static void page_method(struct link_request *request, struct buffer *out, const char *title)
{
    page_begin(out, title, usual_style);
    buffer_append_text(out, "  <p>Method ");
    append_escaped(out, request->method);
    buffer_append_text(out, " for ");
    append_escaped(out, request->path);
    buffer_append_text(out, " uri.</p>\n");
    page_end(request, out);
}

void pi_send_challenge(struct link_request *request, const char *challenge)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, 401, PI_PLAIN);
    link_reply_header(&reply, "WWW-Authenticate", challenge);
    page_method(request, &reply.body, "401 - Unauthorized");
    pi_send(request, &reply, NULL);
}

void pi_send_400_page(struct link_request *request)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, 400, PI_POWERED);
    page_method(request, &reply.body, "400 - Bad Request");
    pi_send(request, &reply, NULL);
}

void pi_send_405(struct link_request *request)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, 405, PI_POWERED);
    page_begin(&reply.body, "405 - Method Not Allowed", usual_style);
    buffer_append_text(&reply.body, "  <p>This method ");
    append_escaped(&reply.body, request->method);
    buffer_append_text(&reply.body, " is not allowed to access <code>");
    append_escaped(&reply.body, request->path);
    buffer_append_text(&reply.body, "</code>\n   on this server.</p>\n");
    page_end(request, &reply.body);
    pi_send(request, &reply, NULL);
}

void pi_send_500_page(struct link_request *request)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, 500, PI_POWERED);
    page_begin(&reply.body, "500 - Internal Server Error",
               "    h1 {text-align: center; color: #707070;}\n"
               "    pre .line1 {background: #e0e0e0}\n");
    page_end(request, &reply.body);
    pi_send(request, &reply, NULL);
}

/* The error handlers of the program are there for three methods; others get the framework's page
 * (cap 61, 62). */
static bool has_handler(const struct link_request *request)
{
    return (pi_method(request) & (LINK_GET | LINK_HEAD | LINK_POST)) != 0;
}

void pi_send_500(struct link_request *request)
{
    if (has_handler(request)) {
        pi_send_error(request, PI_INTERNAL);
    } else {
        pi_send_500_page(request);
    }
}

void pi_send_404(struct link_request *request)
{
    if (has_handler(request)) {
        pi_send_error(request, PI_NOT_FOUND);
        return;
    }
    struct link_reply reply;
    pi_begin_reply(request, &reply, 404, PI_POWERED);
    page_begin(&reply.body, "404 - Page Not Found", usual_style);
    buffer_append_text(&reply.body, "  <p>Your reqeuest <code>");
    append_escaped(&reply.body, request->path);
    buffer_append_text(&reply.body, "</code> was not found.</p>\n");
    page_end(request, &reply.body);
    pi_send(request, &reply, NULL);
}

/* --- the program's own errors --- */

static const struct {
    int status;
    const char *id; /* NULL: it has no page */
    const char *title, *message;
    const char *page; /* where its page really is, if not at its id */
} errors[PI_ERRORS] = {
    [PI_NOT_FOUND] = {404, "not-found", "Not Found", "Resource you want not found.", NULL},
    [PI_FILE_NOT_FOUND] = {404, "not-found", "File Not Found", "File you want was not found.",
                           NULL},
    [PI_FOLDER_NOT_FOUND] = {404, "not-found", "Folder Not Found", "Folder you want was not found.",
                             NULL},
    [PI_LOCATION_NOT_FOUND] = {404, "location-not-found", "Location Not Found",
                               "Location not found, use local.", NULL},
    [PI_NOT_CURRENT_JOB] = {404, "not-found", "Not Current Job",
                            "Given job id does not belong to current job", NULL},
    [PI_FILE_EXISTS] = {409, "file-already-exists", "File Already Exists", "File already exists.",
                        NULL},
    [PI_FOLDER_EXISTS] = {409, "folder-already-exists", "Folder Already Exists",
                          "Folder already exists.", NULL},
    [PI_DIRECTORY_NOT_EMPTY] = {409, "directory-not-empty", "Directory is not empty",
                                "Directory can't be deleted, because it's not empty.",
                                "dir-not-empty"},
    [PI_SD_READ_ONLY] = {409, "entity-too-large", "SD Card Read Only",
                         "SD Card storage is read only.", "sdcard-read-only"},
    [PI_STORAGE_NOT_EXIST] = {409, "storage-not-exist", "Storage Does Not Exist",
                              "Storage doest not exist.", NULL},
    [PI_CURRENTLY_PRINTED] = {409, "file-currently-printed", "File is currently printed",
                              "You try to do an operation with the file, which is currently "
                              "printed.",
                              NULL},
    [PI_CURRENTLY_PRINTING] = {409, NULL, "Printer is currently printing",
                               "Printer is currently printing.", "currently-printing"},
    [PI_NOT_PRINTING] = {409, NULL, "Printer Is Not Printing",
                         "Operation you want can only be done when printer is printing.",
                         "not-printing"},
    [PI_NOT_PAUSED] = {409, NULL, "Printer Is Not Paused",
                       "Operation you want can only be done when printer is paused.", "not-paused"},
    [PI_NOT_STATE_TO_PRINT] = {409, "not-state-to-print", "Not in state to print",
                               "Printer is not in state to print.", NULL},
    [PI_TRANSFER_CONFLICT] = {409, "transfer-conflict", "Already in transfer process",
                              "Only one file at time can be transferred.", NULL},
    [PI_FORBIDDEN_CHARACTERS] = {400, "forbidden-characters", "Forbidden Characters",
                                 "Forbidden characters in file or folder name.", NULL},
    [PI_FILENAME_TOO_LONG] = {400, "filename-too-long", "Filename Too Long",
                              "File name length is too long", NULL},
    [PI_FOLDERNAME_TOO_LONG] = {400, "foldername-too-long", "Foldername Too Long",
                                "Folder name length is too long", NULL},
    [PI_NO_FILE] = {400, "no-file-in-request", "Missing file in payload.",
                    "File is not send in request payload or it hasn't right name.", NULL},
    [PI_SIZE_MISMATCH] = {400, "file-size-mismatch", "File Size Mismatch",
                          "You sent more or less data than is in Content-Length header.", NULL},
    [PI_UPLOAD_FAILED] = {400, "file-upload-failed", "File Upload Failed", "File upload has failed",
                          NULL},
    [PI_LENGTH_REQUIRED] = {411, "length-required", "Length Required",
                            "Missing Content-Length header or no content in request.", NULL},
    [PI_TOO_LARGE] = {413, "entity-too-large", "Request Entity Too Large",
                      "Not enough space in storage.", NULL},
    [PI_NOT_SUPPORTED] = {415, "not-supported-file-type", "Not Supported File Type",
                          "Uploaded file type is not supported.", NULL},
    [PI_MEDIA_TYPE] = {415, "unsupported-media-type", "Unsupported Media Type",
                       "Only G-Code for FDM printer can be uploaded.", NULL},
    [PI_THUMBNAIL_GONE] = {410, "file-gone", "Thumbnail Unavailable", "Thumbnail is unavailable.",
                           NULL},
    [PI_SAME_DESTINATION] = {400, "destination-same-as-source", "Destination same as source",
                             "Destination to move file is same as the source of the file", NULL},
    [PI_VALUE_TOO_LOW] = {400, "value-too-low", "Value too low", "Desired value is too low", NULL},
    [PI_VALUE_TOO_HIGH] = {400, "value-too-high", "Value too high", "Desired value is too high",
                           NULL},
    [PI_TEMPERATURE_TOO_LOW] = {400, "temperature-too-low", "Temperature too low",
                                "Desired temperature is too low", NULL},
    [PI_TEMPERATURE_TOO_HIGH] = {400, "temperature-too-high", "Temperature too high",
                                 "Desired temperature is too high", NULL},
    [PI_CANT_MOVE_AXIS] = {400, "cant-move-axis", "Can't move axis",
                           "Can't move axis in current state", NULL},
    [PI_CANT_MOVE_AXIS_Z] = {400, "cant-move-axis-z", "Can't Move Axis Z in current state",
                             "Axis Z can't be moved in current state", NULL},
    [PI_REQUEST_TIMEOUT] = {408, "request-timeout", "Request timeout.",
                            "PrusaLink got tired of waiting for your request. cancelled upload?",
                            NULL},
    [PI_RESPONSE_TIMEOUT] = {500, "response-timeout", "Response Timeout",
                             "There is some problem on PrusaLink.", NULL},
    [PI_INTERNAL] = {500, "internal-server-error", "Internal Server Error",
                     "We're sorry, but there is a error in service. Please try again later.", NULL},
    [PI_UNAVAILABLE] = {503, "printer-unavailable", "Printer Unavailable.",
                        "PrusaLink not finished initializing or Printer not connected.", NULL},
    [PI_FORBIDDEN] = {403, "forbidden", "Forbidden", "You don not have permission to access this.",
                      NULL},
    [PI_SD_NOT_SUPPORTED] = {409, "sdcard-not-supported", "SDCard is not Suppported",
                             "Location `sdcard` is not supported, use local.", NULL},
    [PI_TRANSFER_STOPPED] = {409, "transfer-stopped", "Transfer stopped",
                             "Transfer process was stopped by user.", NULL},
    [PI_CANT_CONNECT] = {400, "cant-connect", "Can't Connect", "Can't connect to PrusaConnect",
                         NULL},
    [PI_CANT_RESOLVE] = {400, "cant-resolve-hostname", "Can't resolve hostname",
                         "Can't resolve PrusaConnect hostname", NULL},
    [PI_UPDATE_UNAVAILABLE] = {409, "unavailable-update", "Unavailable update",
                               "Update is unavailable to install", NULL},
    [PI_UPDATE_FAILED] = {409, "unable-to-update", "Unable to update", "Unable to install update",
                          NULL},
    [PI_INVALID_INI] = {400, "invalid-ini-file-format", "Invalid ini File Format",
                        "Format or the structure of your ini file is invalid.", NULL},
    [PI_INVALID_BOOLEAN] = {400, "invalid-boolean-header", "Invalid Boolean Header",
                            "Invalid Boolean Header according to RFC8941 / 3.3.6", NULL},
};

/* The frame of the program's pages (cap 60, 61). */
static const char page_head[] =
    "\n\n<!DOCTYPE html>\n<html id=\"html\" lang=\"cs\">\n\n<head>\n    <meta charset=\"utf-8\">\n"
    "    <title>Prusa Link%s%s</title>\n"
    "    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1.0\">\n"
    "    <meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\" />\n</head>\n\n"
    "<body bgcolor=\"black\" text=\"white\" link=\"white\">\n";
static const char page_foot[] = "</body>\n</html>";

static void error_page(struct link_request *request, enum pi_error error)
{
    struct link_reply reply;
    const bool internal = error == PI_INTERNAL; /* whose page has no text (cap 61) */
    pi_begin_reply(request, &reply, errors[error].status, PI_POWERED);
    buffer_format(&reply.body, page_head, internal ? "" : " | ",
                  internal ? "" : errors[error].title);
    if (!internal) {
        buffer_format(&reply.body, "    <h1>%d %s</h1>\n    <p>\n      %s\n    </p>\n",
                      errors[error].status, errors[error].title, errors[error].message);
    }
    buffer_append_text(&reply.body, page_foot);
    pi_send(request, &reply, NULL);
}

void pi_send_gone_page(struct link_request *request)
{
    struct link_reply reply;
    pi_begin_reply(request, &reply, 410, PI_POWERED);
    buffer_format(&reply.body, page_head, " | ", "410 Gone");
    buffer_append_text(&reply.body, "    <h1>410 Gone</h1>\n    <p>\n      Target resource <code>");
    append_escaped(&reply.body, request->path);
    buffer_append_text(&reply.body,
                       "</code> is no longer available\n      on this server.\n    </p>\n");
    buffer_append_text(&reply.body, page_foot);
    pi_send(request, &reply, NULL);
}

static void error_json(struct link_request *request, enum pi_error error, const char *url,
                       struct buffer *body)
{
    bool quirk = link_quirk(request->face, 19);
    struct json_writer json;
    json_begin(&json, body, JSON_PYTHON);
    json_object(&json, NULL);
    json_string(&json, "title", errors[error].title);
    json_string(&json, quirk ? "message" : "text", errors[error].message);
    if (url != NULL) {
        json_string(&json, "url", url);
    }
    json_object_end(&json);
}

void pi_send_error(struct link_request *request, enum pi_error error)
{
    pi_send_error_details(request, error, "");
}

void pi_send_error_details(struct link_request *request, enum pi_error error, const char *details)
{
    const char *accept = link_request_header(request, "Accept");
    bool json = accept != NULL && strstr(accept, "application/json") != NULL;
    if (!json && accept != NULL && strstr(accept, "text/html") != NULL) {
        error_page(request, error);
        return;
    }
    struct link_reply reply;
    struct buffer url = {0};
    bool named = errors[error].id != NULL;
    pi_begin_reply(request, &reply, errors[error].status, PI_PLAIN);
    buffer_format(&url, "http://%s/error/%s", pi_host(request), named ? errors[error].id : "");
    if (named) {
        link_reply_header(&reply, "Content-Location", url.bytes);
    }
    if (json) {
        error_json(request, error, named ? url.bytes : NULL, &reply.body);
    } else {
        buffer_format(&reply.body, "%s\n%s\n%s", errors[error].title, errors[error].message,
                      details);
        if (named) {
            buffer_format(&reply.body, "\n\nSee: %s", url.bytes);
        }
    }
    buffer_free(&url);
    pi_send(request, &reply,
            json ? "application/json; charset=utf-8" : "text/plain; charset=utf-8");
}

/* The pages have the errors' own status (cap 62). "Not Found" is shown for what has no page, too.
 */
bool pi_send_error_named(struct link_request *request, const char *name)
{
    for (int i = 0; i < PI_ERRORS; i++) {
        const char *page = errors[i].page == NULL ? errors[i].id : errors[i].page;
        if (page != NULL && strcmp(name, page) == 0) {
            pi_send_error(request, (enum pi_error)i);
            return true;
        }
    }
    return false;
}

enum { LINE_BYTES_MAX = 65536 };

/* --- what is no request: Python's http.server answers --- */

static void python_error(struct link_request *request, int status, const char *message,
                         const char *explanation)
{
    char date[40];
    struct link_reply reply = {.status = status, .length = true, .close = true};
    struct buffer shown = {0};
    append_escaped(&shown, message);
    buffer_format(&reply.body,
                  "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n"
                  "        <meta charset=\"utf-8\">\n        <title>Error response</title>\n"
                  "    </head>\n    <body>\n        <h1>Error response</h1>\n"
                  "        <p>Error code: %d</p>\n        <p>Message: %s.</p>\n"
                  "        <p>Error code explanation: %d - %s.</p>\n    </body>\n</html>\n",
                  status, buffer_text(&shown), status, explanation);
    buffer_free(&shown);
    pi_http_date(world_wall_us(request->face->world), date);
    link_reply_header(&reply, "Server", "PrusaLink/0.8.1 Python/3.11.2");
    link_reply_header(&reply, "Date", date);
    link_reply_header(&reply, "Connection", "close");
    link_reply_header(&reply, "Content-Type", "text/html;charset=utf-8");
    reply.reason = link_request_text(request, slice_of(message));
    link_request_reply(request, &reply);
}

/* The first line of what came, without its end. */
static struct slice first_line(struct slice seen)
{
    size_t size = 0;
    while (size < seen.size && seen.bytes[size] != '\n') {
        size++;
    }
    while (size > 0 && (seen.bytes[size - 1] == '\r' || seen.bytes[size - 1] == ' ')) {
        size--;
    }
    return (struct slice){seen.bytes, size};
}

static size_t count_words(struct slice line)
{
    size_t words = 0;
    for (size_t i = 0; i < line.size; i++) {
        words += line.bytes[i] != ' ' && (i == 0 || line.bytes[i - 1] == ' ') ? 1 : 0;
    }
    return words;
}

/* Whether the last word is a version that Python can read: "HTTP/2.0". */
static bool ends_with_version(struct slice line, int *major)
{
    if (line.size < 9 || memcmp(line.bytes + line.size - 8, "HTTP/", 5) != 0) {
        return false;
    }
    *major = line.bytes[line.size - 3] - '0';
    return true;
}

static void bad_syntax(struct link_request *request, struct slice line)
{
    struct buffer message = {0};
    buffer_append_text(&message, "Bad request syntax ('");
    buffer_append(&message, line.bytes, line.size < 512 ? line.size : 512);
    buffer_append_text(&message, "')");
    python_error(request, 400, message.bytes, "Bad request syntax or unsupported method");
    buffer_free(&message);
}

/* The last of three words or more must be a version. */
static void bad_version(struct link_request *request, struct slice line)
{
    struct buffer message = {0};
    const char *word = line.bytes + line.size;
    while (word > line.bytes && word[-1] != ' ') {
        word--;
    }
    size_t size = (size_t)(line.bytes + line.size - word);
    buffer_append_text(&message, "Bad request version ('");
    buffer_append(&message, word, size < 512 ? size : 512);
    buffer_append_text(&message, "')");
    request->quiet = true;
    python_error(request, 400, message.bytes, "Bad request syntax or unsupported method");
    buffer_free(&message);
}

/* "GET /path" and nothing more is HTTP/0.9: the page of the path, without a head (cap 63). */
static void version_nine(struct link_request *request, struct slice line)
{
    const char *blank = memchr(line.bytes, ' ', line.size);
    size_t size = line.size - (size_t)(blank - line.bytes) - 1;
    free(request->method);
    free(request->target);
    free(request->path);
    request->method = memory_copy_text("GET");
    request->target = memory_copy_slice(blank + 1, size);
    request->path = memory_new(size + 1);
    request->broken_path =
        !link_decode(request->path, request->target, strcspn(request->target, "?"), false);
    const char *query = strchr(request->target, '?');
    request->query = query == NULL ? NULL : query + 1;
    request->quiet = true;
    request->face->dialect->handle(request);
}

/* Of a request line it takes no more than so much: the version behind it is lost. False: it has
 * one. */
bool pi_version_lost(struct link_request *request)
{
    enum { SHORT_LINE_MAX = 2048 };
    if (strlen(request->method) + strlen(request->target) + sizeof "  HTTP/1.1" <= SHORT_LINE_MAX) {
        return false;
    }
    request->quiet = true;
    request->message = NULL; /* nor does it read headers */
    if (strcmp(request->method, "GET") == 0) {
        pi_send_404(request);
    } else {
        struct buffer message = {0};
        buffer_format(&message, "Bad HTTP/0.9 request type ('%.100s')", request->method);
        python_error(request, 400, message.bytes, "Bad request syntax or unsupported method");
        buffer_free(&message);
    }
    return true;
}

void pi_refused(struct link_request *request, enum http_problem problem, struct slice seen)
{
    struct slice line = first_line(seen);
    int major = 0;
    bool version = ends_with_version(line, &major);
    if (problem == HTTP_PROBLEM_TIME || (problem == HTTP_PROBLEM_CUT && line.size == 0)) {
        link_request_reset(request);
    } else if (problem == HTTP_PROBLEM_HEAD_SIZE &&
               (line.size == seen.size || line.size > LINE_BYTES_MAX)) {
        request->quiet = true; /* it has not read a version yet (cap 63) */
        python_error(request, 431, "Line too long",
                     "got more than 65536 bytes when reading header line");
    } else if (problem == HTTP_PROBLEM_HEAD_SIZE) {
        python_error(request, 431, "Too many headers", "got more than 100 headers");
    } else if (problem == HTTP_PROBLEM_VERSION && version && major >= 2) {
        char message[40];
        request->quiet = true;
        snprintf(message, sizeof message, "Invalid HTTP version (%.3s)",
                 line.bytes + line.size - 3);
        python_error(request, 505, message, "Cannot fulfill request");
    } else if (count_words(line) == 2 && !version && line.size > 4 &&
               memcmp(line.bytes, "GET ", 4) == 0) {
        version_nine(request, line);
    } else if (count_words(line) > 2 && !version) {
        bad_version(request, line);
    } else {
        request->quiet = !version;
        bad_syntax(request, line);
    }
}
