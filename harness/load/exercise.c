#include "harness/load/exercise.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>

#include "sim/base/buffer.h"

enum { REPLY_BYTES_MAX = 64 * 1024 };

static char *wishes(const struct load_plan *plan)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < plan->command_count; i++) {
        const struct load_command *command = &plan->commands[i];
        char every[32];
        snprintf(every, sizeof every, "%lldus", (long long)command->every_us);
        cJSON *each = cJSON_CreateObject();
        cJSON_AddStringToObject(each, "every", every);
        cJSON_AddStringToObject(each, command->gcode != NULL ? "gcode" : "command",
                                command->gcode != NULL ? command->gcode : command->command);
        cJSON_AddItemToArray(list, each);
    }
    char *text = cJSON_PrintUnformatted(list);
    cJSON_Delete(list);
    return text;
}

static size_t keep(char *bytes, size_t size, size_t count, void *owner)
{
    struct buffer *reply = owner;
    if (reply->size + count * size > REPLY_BYTES_MAX) {
        return 0;
    }
    buffer_append(reply, bytes, count * size);
    return count * size;
}

bool load_exercise_ask(const char *url, const struct load_plan *plan, struct error *error)
{
    struct buffer target = {0}, reply = {0};
    buffer_format(&target, "%s/exercise", url);
    char *body = wishes(plan);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, buffer_text(&target));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    bool asked = code == CURLE_OK && status == 200;
    if (!asked && code != CURLE_OK) {
        error_set(error, "--control %.200s: %s", url, curl_easy_strerror(code));
    } else if (!asked) {
        error_set(error, "--control %.200s: answered %ld: %.200s", url, status, buffer_text(&reply));
    }
    curl_easy_cleanup(curl);
    cJSON_free(body);
    buffer_free(&target);
    buffer_free(&reply);
    return asked;
}
