#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/protocol/link/sl1_link.h"

/* Replies as nginx passes them on, and closes behind each (keepalive_timeout 0). */

static const struct {
    int code, status;
    const char *title, *message;
} errors[] = {
    {SL1_NOT_CALIBRATED, 409, "CALIBRATION ERROR",
     "The printer is not calibrated. Please run the Wizard first."},
    {10308, 409, "PRINTER NOT UV CALIBRATED",
     "The printer is not UV calibrated. Connect the UV calibrator and complete the calibration."},
    {SL1_INVALID_KEY, 401, "INVALID API KEY",
     "Please turn on the HTTP digest (which is the recommended security option) or correct the API "
     "key. You can find it in Settings > Network > Login credentials."},
    {SL1_UNAUTHORIZED, 401, "UNAUTHORIZED",
     "The printer uses HTTP digest security. Please enable it also in the Slicer (recommended), or "
     "turn this security option off in the printer. You can find it in Settings > Network > Login "
     "credentials."},
    {SL1_BAD_REQUEST, 400, "REMOTE API ERROR",
     "This request is not compatible with Prusa remote API. See our documentation."},
    {SL1_NOT_IN_STATE, 409, "PRINTER IS BUSY",
     "Cannot run this action, wait until the printer finishes the previous action."},
    {SL1_MEMORY_FULL, 409, "INTERNAL MEMORY FULL",
     "Internal memory is full. Delete some of your projects first."},
    {SL1_FILE_NOT_FOUND, 404, "FILE NOT FOUND", "Cannot find the selected file!"},
    {SL1_INVALID_EXTENSION, 415, "INVALID FILE EXTENSION",
     "File has an invalid extension! See the article for supported file extensions."},
    {SL1_FILE_EXISTS, 409, "FILE ALREADY EXISTS",
     "File already exists! Delete it in the printer first and try again."},
    {SL1_INVALID_PROJECT, 415, "INVALID PROJECT", "The project file is invalid!"},
    {SL1_NO_DRIVE, 404, "USB DRIVE NOT DETECTED", "USB drive is not connected to the printer."},
    {SL1_NOT_EMPTY, 409, "DIRECTORY NOT EMPTY", "Cannot remove the directory, it is not empty."},
    {SL1_PROJECT_UNREADABLE, 415, "CAN'T READ PROJECT",
     "Opening the project failed, the file is possibly corrupted. Please re-slice or re-export the "
     "project, try again."},
    {SL1_PROJECT_WITHOUT_LAYERS, 415, "NOT ENOUGHT LAYERS",
     "The project must have at least one layer"},
    {SL1_PROJECT_CORRUPTED, 415, "PROJECT IS CORRUPTED",
     "Opening the project failed, the file corrupted. Please re-slice or re-export the project, "
     "try "
     "again."},
    {SL1_PROJECT_WRONG_MODEL, 415, "WRONG PRINTER MODEL", "The project is for different printer"},
    {SL1_UNEXPECTED, 500, "UNEXPECTED ERROR", "An unexpected error has occurred :-(."},
};

enum { ERROR_COUNT = sizeof errors / sizeof errors[0] };

/* ---- heads ---- */

static void begin_reply(struct link_request *request, struct link_reply *reply, int status,
                        const char *type, uint64_t length)
{
    time_t now_s = (time_t)(world_wall_us(request->face->world) / SECONDS(1));
    struct tm utc;
    char date[40];
    gmtime_r(&now_s, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    *reply = (struct link_reply){.status = status,
                                 .minor = 1,
                                 .close = true,
                                 .drain = status >= 400,
                                 .without_body = request->head};
    link_reply_header(reply, "Server", "nginx");
    link_reply_header(reply, "Date", date);
    if (type != NULL) {
        link_reply_header(reply, "Content-Type", type);
        link_reply_header_format(reply, "Content-Length", "%" PRIu64, length);
    }
    link_reply_header(reply, "Connection", "close");
}

void sl1_reply_json(struct link_request *request, int status, const struct buffer *json,
                    const char *etag)
{
    struct link_reply reply;
    begin_reply(request, &reply, status, "application/json", json->size);
    if (etag != NULL) {
        link_reply_header(&reply, "ETag", etag);
    }
    buffer_append(&reply.body, buffer_text(json), json->size);
    link_request_reply(request, &reply);
}

void sl1_reply_empty(struct link_request *request, int status)
{
    struct link_reply reply;
    begin_reply(request, &reply, status, NULL, 0);
    link_request_reply(request, &reply);
}

void sl1_reply_content(struct link_request *request, const char *type, const char *disposition,
                       struct file_content *content)
{
    struct link_reply reply;
    begin_reply(request, &reply, 200, type, file_content_size(content));
    if (disposition != NULL) {
        link_reply_header(&reply, "Content-Disposition", disposition);
    }
    reply.content = file_content_share(content);
    link_request_reply(request, &reply);
}

void sl1_reply_bytes(struct link_request *request, const char *type, const void *bytes, size_t size)
{
    struct link_reply reply;
    begin_reply(request, &reply, 200, type, size);
    buffer_append(&reply.body, bytes, size);
    link_request_reply(request, &reply);
}

void sl1_reply_page(struct link_request *request, int status)
{
    struct link_reply reply;
    struct buffer page = {0};
    const char *reason = http_reason(status);
    buffer_format(&page,
                  "<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n"
                  "<center><h1>%d %s</h1></center>\r\n<hr><center>nginx</center>\r\n"
                  "</body>\r\n</html>\r\n",
                  status, reason, status, reason);
    begin_reply(request, &reply, status, "text/html", page.size);
    reply.body = page;
    link_request_reply(request, &reply);
}

/* ---- errors ---- */

static void write_error(struct buffer *out, size_t which, bool as_json)
{
    if (!as_json) {
        buffer_format(out, "%s\n%s\n", errors[which].title, errors[which].message);
        return;
    }
    struct json_writer json;
    char text[64];
    json_begin(&json, out, JSON_COMPACT);
    json_object(&json, NULL);
    snprintf(text, sizeof text, "#%d", errors[which].code);
    json_string(&json, "code", text);
    json_string(&json, "message", errors[which].message);
    json_string(&json, "title", errors[which].title);
    snprintf(text, sizeof text, "https://help.prusa3d.com/en/%d", errors[which].code);
    json_string(&json, "url", text);
    json_object_end(&json);
    buffer_append_char(out, '\n');
}

static size_t find_error(int code)
{
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        if (errors[i].code == code) {
            return i;
        }
    }
    return ERROR_COUNT - 1;
}

static void reply_error(struct link_request *request, int code, int status, const char *header)
{
    size_t which = find_error(code);
    bool as_json = request->accepts_json;
    struct buffer body = {0};
    struct link_reply reply;
    sl1_link_of(request)->last_error = errors[which].code;
    write_error(&body, which, as_json);
    begin_reply(request, &reply, status == 0 ? errors[which].status : status,
                as_json ? "application/json" : "text/plain; charset=utf-8", body.size);
    if (header != NULL) {
        buffer_append_text(&reply.head, header);
    }
    link_reply_header_format(&reply, "Content-Location", "http://%.200s/error", sl1_host(request));
    reply.body = body;
    link_request_reply(request, &reply);
}

void sl1_reply_error(struct link_request *request, int code, int status)
{
    reply_error(request, code, status, NULL);
}

void sl1_reply_refusal(struct link_request *request, int code, const char *header)
{
    reply_error(request, code, 0, header);
}

int sl1_error_of(struct machine *machine, enum machine_refusal refusal)
{
    int code = machine_resin_code(machine);
    if (refusal == MACHINE_NO_FILE) {
        return SL1_FILE_NOT_FOUND;
    }
    if (refusal == MACHINE_BAD_FILE && find_error(code) == ERROR_COUNT - 1) {
        return SL1_INVALID_PROJECT;
    }
    return find_error(code) < ERROR_COUNT - 1 ? code : SL1_NOT_IN_STATE;
}

const char *sl1_host(const struct link_request *request)
{
    bool there = request->host != NULL && *request->host != '\0';
    return there ? request->host : request->face->hostname;
}
