/* Registration (connect-sdk.md 3): a code for POST /p/register, the token for a GET that shows the
 * code of a printer which its user has added. */

#include <string.h>

#include "mockservers/connect/internal.h"

enum { CODE_CHARACTERS = 10, TOKEN_CHARACTERS = 20, REGISTER_TEXT_BYTES_MAX = 256 };

static bool acceptable(const cJSON *body, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    if (item == NULL || cJSON_IsNull(item)) {
        return item != NULL; /* unknown values come as null (3.2) */
    }
    return cJSON_IsString(item) && strlen(item->valuestring) <= REGISTER_TEXT_BYTES_MAX;
}

static void refuse(struct connect_decision *decision, int status, const char *text)
{
    connect_reply_answer(decision->reply, status);
    connect_reply_set_header(decision->reply, "Content-Type", "text/plain");
    connect_reply_set_body(decision->reply, text, strlen(text));
}

/* The printer that this registration is about: the one with its token, else its fingerprint, else a
 * new one. */
static struct connect_printer *whose(struct connect_server *server,
                                     struct connect_decision *decision, const cJSON *body)
{
    if (decision->printer != NULL) {
        return decision->printer;
    }
    const char *fingerprint = json_string_of(body, "fingerprint");
    struct connect_printer *printer =
        fingerprint == NULL ? NULL : connect_server_by_fingerprint(server, fingerprint);
    if (printer == NULL) {
        printer = connect_printer_new(server);
    }
    decision->printer = printer;
    return printer;
}

static void learn(struct connect_printer *printer, const cJSON *body)
{
    const char *fingerprint = json_string_of(body, "fingerprint");
    if (fingerprint != NULL) {
        printer_set_fingerprint(printer, fingerprint, strlen(fingerprint));
    }
    if (json_string_of(body, "sn") != NULL) {
        printer_set_serial(printer, json_string_of(body, "sn"));
    }
    replace_text(&printer->type, json_string_of(body, "printer_type"));
    replace_text(&printer->firmware, json_string_of(body, "firmware"));
}

void serve_register(struct connect_server *server, struct connect_decision *decision)
{
    const struct http_message *request = decision->request;
    cJSON *body = cJSON_ParseWithLength(request->body.bytes, request->body.size);
    if (!cJSON_IsObject(body) || !acceptable(body, "sn") || !acceptable(body, "fingerprint") ||
        !acceptable(body, "printer_type") || !acceptable(body, "firmware")) {
        cJSON_Delete(body);
        refuse(decision, 400,
               "expected a JSON object with sn, fingerprint, printer_type and firmware");
        return;
    }
    struct connect_printer *printer = whose(server, decision, body);
    if (printer == NULL) {
        cJSON_Delete(body);
        refuse(decision, 503, "too many printers");
        return;
    }
    learn(printer, body);
    cJSON_Delete(body);
    char code[CODE_CHARACTERS + 1];
    do {
        random_text(server->world, code, sizeof code);
    } while (connect_server_by_code(server, code) != NULL);
    printer_set_code(printer, code);
    printer->added = false;
    connect_reply_answer(decision->reply, 200);
    connect_reply_set_header(decision->reply, "Code", code);
    tell_changed(printer, NULL);
}

static bool user_has_added(const struct connect_server *server,
                           const struct connect_printer *printer)
{
    int64_t after_us = server->settings.add_after_us;
    return printer->added || (after_us != CONNECT_ADD_NEVER &&
                              server->world->now_us - printer->code_since_us >= after_us);
}

void serve_poll(struct connect_server *server, struct connect_decision *decision)
{
    struct slice code = http_header_value(decision->request, "Code");
    struct connect_printer *printer = text_index_find(&server->by_code, code.bytes, code.size);
    if (printer != NULL &&
        server->world->now_us - printer->code_since_us > server->settings.code_lifetime_us) {
        printer_set_code(printer, NULL);
        printer = NULL;
    }
    if (printer == NULL) {
        refuse(decision, 404, "no printer waits with this code");
        return;
    }
    decision->printer = printer;
    printer->poll_count++;
    if (!user_has_added(server, printer)) {
        connect_reply_answer(decision->reply,
                             202); /* exactly: everything else ends polling (CON-REG-10, -11) */
        return;
    }
    char token[TOKEN_CHARACTERS + 1];
    do {
        random_text(server->world, token, sizeof token);
    } while (connect_server_by_token(server, token) != NULL);
    printer_set_token(printer, token);
    printer_set_code(printer, NULL);
    printer->added = false;
    printer->adopted = false;
    connect_reply_answer(decision->reply, 200);
    connect_reply_set_header(decision->reply, "Token", token);
    tell_changed(printer, NULL);
}
