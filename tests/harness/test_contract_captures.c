/* Every recording of a real printer passes what the contract asks of printers; the server in them
 * was a hand-made one that breaks the rules on purpose in some files. What must differ is named
 * here, file by file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/check/connect_contract.h"

struct exception {
    const char *file; /* how its name begins */
    const char *id;
    const char *why;
};

static const struct exception exceptions[] = {
    /* the printer: defects of the reference, and what the small host program does by itself */
    {"33-", "CON-TEL-05", "Q-07: the reset is lost, nothing says so"},
    {"33-", "CON-CMD-02", "Q-07"},
    {"41-", "CON-EVT-11", "an odd JOB_INFO that the host program makes on purpose"},
    {"42-", "CON-TEL-03", "the host program's pace is 2 s"},
    {"43-", "CON-TEL-03", "the host program's pace is 2 s"},
    {"43-", "CON-FS-01", "the host program's SD card tree has no name"},
    {"43-", "CON-FS-09", "the same"},
    {"56-", "CON-TRN-06", "Q-21: a short body is taken for a whole one"},
    {"60-", "CON-TEL-03", "the host program's pace is 2 s"},
    {"61-", "CON-TEL-03", "the host program's pace is 2 s"},
    /* the server: told to misbehave */
    {"03-", "CON-CMD-23", "SEND_INFO with id 0, as Connect once did"},
    {"14-", "CON-CMD-23", "SEND_INFO with id 0"},
    {"04-", "CON-REG-09", "202, and 200 without Code"},
    {"05-", "CON-REG-10", "204, and 200 without Token"},
    {"05-", "CON-REG-11", "500 to a poll"},
    {"27-", "CON-TRP-16", "200 with an empty body"},
    {"27-", "CON-CMD-23", "missing and unreadable ids"},
    {"28-", "CON-CMD-23", "an old id for another command"},
    {"28-", "CON-CMD-26", "the id of a finished command again"},
    {"29-", "CON-CMD-24", "a second command while one runs"},
    {"31-", "CON-CMD-23", "id 0"},
    {"31-", "CON-CMD-26", "id 0 again"},
    {"53-", "CON-TRN-14", "404"},
    {"54-", "CON-TRN-14", "types that no printer takes, and none"},
    {"56-", "CON-TRN-14", "Content-Length 0"},
    {"58-", "CON-TRN-14", "a redirect"},
    {"06-connect", "CON-TRN-14", "404"},
    {"61-", "CON-CAM-08", "202 without Token"},
    {"61-", "CON-CAM-09", "404"},
    {"58-", "CON-TRP-14", "a redirected download"},
    {"72-", "CON-TRP-13", "silence"},
    {"74-", "CON-TRP-14", "redirects"},
};

static bool expected(const char *file, const char *id)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (strncmp(exceptions[i].file, file, strlen(exceptions[i].file)) == 0 &&
            strcmp(exceptions[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- reading: the bodies of some recordings had addresses replaced, so that their Content-Length
 * is not theirs; what is there counts ---- */

struct message {
    struct http_message http;
    bool http_at_all;
};

static size_t content_length(const struct http_message *http)
{
    struct slice text = http_header_value(http, "Content-Length");
    return text.bytes == NULL ? 0 : (size_t)strtoul(text.bytes, NULL, 10);
}

static char *read_line(char **at, char *end)
{
    char *line = *at, *lf = memchr(line, '\n', (size_t)(end - line));
    if (lf == NULL) {
        lf = end;
    }
    *at = lf == end ? end : lf + 1;
    if (lf < end) {
        *lf = '\0';
    }
    return line;
}

static void read_first_line(struct message *message, char *line, bool request)
{
    struct http_message *http = &message->http;
    if (!request) {
        message->http_at_all = strncmp(line, "HTTP/1.", 7) == 0 && strlen(line) > 9;
        http->status = message->http_at_all ? atoi(line + 9) : 0;
        return;
    }
    char *blank = strchr(line, ' ');
    char *second = blank == NULL ? NULL : strchr(blank + 1, ' ');
    message->http_at_all = second != NULL;
    if (second != NULL) {
        http->request = true;
        http->method = (struct slice){line, (size_t)(blank - line)};
        http->target = (struct slice){blank + 1, (size_t)(second - blank - 1)};
    }
}

static void read_message(struct message *message, char *text, char *end, bool request)
{
    memset(message, 0, sizeof *message);
    struct http_message *http = &message->http;
    char *at = text;
    read_first_line(message, read_line(&at, end), request);
    while (at < end && http->header_count < HTTP_HEADERS_MAX) {
        char *line = read_line(&at, end);
        char *colon = strchr(line, ':');
        if (*line == '\0' || colon == NULL) {
            break;
        }
        char *value = colon + 1 + strspn(colon + 1, " ");
        http->headers[http->header_count].name = (struct slice){line, (size_t)(colon - line)};
        http->headers[http->header_count++].value = (struct slice){value, strlen(value)};
    }
    size_t rest = (size_t)(end - at), length = content_length(http);
    bool added = rest > 0 && rest != length && end[-1] == '\n'; /* a line end that was not sent */
    http->body = (struct slice){at, length == 0 ? 0 : rest - added};
}

static void show_block(struct contract *contract, char *line, char *text, char *end,
                       int64_t *last_us)
{
    double time_s;
    char mark;
    unsigned connection = 0;
    if (sscanf(line, "=== T+%lf %c conn %u", &time_s, &mark, &connection) < 2) {
        return;
    }
    int64_t time_us = *last_us = (int64_t)(time_s * 1e6 + 0.5);
    struct message message;
    if (mark == '>' || mark == '<') {
        read_message(&message, text, end, mark == '>');
        if (!message.http_at_all) {
            contract_garbage(contract, time_us, connection);
        } else if (mark == '>') {
            contract_request(contract, time_us, connection, &message.http);
        } else {
            contract_reply(contract, time_us, connection, &message.http);
        }
        return;
    }
    const char *named = strstr(line, "conn ");
    bool ended = strstr(line, "* close") != NULL || strstr(line, "* reset") != NULL;
    if (mark == '*' && ended && named != NULL) {
        contract_ended(contract, time_us, (uint32_t)atoi(named + 5),
                       strstr(line, "server") == NULL);
    }
}

static void show_recording(struct contract *contract, char *text, size_t size)
{
    char *end = text + size, *at = text;
    int64_t last_us = 0;
    while ((at = strstr(at, "=== T+")) != NULL) {
        char *next = strstr(at + 1, "\n=== T+");
        char *stop = next == NULL ? end : next + 1;
        char *body = at;
        char *line = read_line(&body, stop);
        show_block(contract, line, body, stop, &last_us);
        at = stop == end ? end : stop;
        if (at == end) {
            break;
        }
    }
    contract_finish(contract, last_us);
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct buffer buffer = {0};
    char piece[65536];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;) {
        buffer_append(&buffer, piece, got);
    }
    fclose(file);
    *size = buffer.size;
    return buffer_detach(&buffer);
}

/* ---- judging ---- */

static size_t judge_file(const char *folder, const char *file, bool prusalink, bool *used)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    size_t size, wrong = 0, count;
    char *text = read_file(path, &size);
    struct contract *contract = contract_new(&(struct contract_settings){
        .ignore_clock = true, .prusalink = prusalink, .started_before = true});
    show_recording(contract, text, size);
    const struct contract_result *results = contract_results(contract, &count);
    for (size_t i = 0; i < count; i++) {
        const struct contract_rule *rule = results[i].rule;
        if (results[i].violated == 0 || rule->kind == CONTRACT_KIND_QUIRK) {
            continue;
        }
        if (expected(file, rule->id)) {
            continue;
        }
        wrong++;
        print_error("%s: %s %llu times; at %.3f s expected %s; seen: %s\n", file, rule->id,
                    (unsigned long long)results[i].violated,
                    (double)results[i].violations[0].time_us / 1e6,
                    results[i].violations[0].expected, results[i].violations[0].seen);
    }
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        const struct contract_result *result = contract_result(contract, exceptions[i].id);
        assert_non_null(result);
        used[i] |= result->violated > 0 &&
                   strncmp(exceptions[i].file, file, strlen(exceptions[i].file)) == 0;
    }
    contract_destroy(contract);
    free(text);
    return wrong;
}

static size_t judge_folder(const char *name, bool prusalink, size_t *files, bool *used)
{
    const char *shared = getenv("HOTBED_SHARED");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/captures/%s", shared == NULL ? "../shared" : shared, name);
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        print_message("%s is not there\n", folder);
        skip();
    }
    size_t wrong = 0;
    for (struct dirent *each; (each = readdir(directory)) != NULL;) {
        if (strstr(each->d_name, ".txt") != NULL) {
            wrong += judge_file(folder, each->d_name, prusalink, used);
            (*files)++;
        }
    }
    closedir(directory);
    return wrong;
}

static void recordings_keep_the_contract(void **state)
{
    (void)state;
    bool used[sizeof exceptions / sizeof exceptions[0]] = {false};
    size_t files = 0;
    size_t wrong = judge_folder("connect-sdk", false, &files, used);
    wrong += judge_folder("connect-prusalink", true, &files, used);
    print_message("%zu recordings judged\n", files);
    assert_true(files > 60);
    assert_int_equal(wrong, 0);
    for (size_t i = 0; i < sizeof used; i++) {
        if (!used[i]) { /* an exception that no file needs hides something */
            fail_msg("%s %s is never needed", exceptions[i].file, exceptions[i].id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordings_keep_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
