#include "harness/load/exercise.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/base/memory.h"

enum { REPLY_BYTES_MAX = 16 * 1024 * 1024 };

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

/* One request to the control endpoint. `body` NULL: a GET. */
static bool call(const char *url, const char *path, const char *body, struct buffer *reply,
                 struct error *error)
{
    struct buffer target = {0};
    size_t size = strlen(url);
    buffer_format(&target, "%.*s%s", (int)(size > 0 && url[size - 1] == '/' ? size - 1 : size), url,
                  path);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, buffer_text(&target));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    buffer_free(&target);
    if (code != CURLE_OK) {
        return error_set(error, "--control %.200s: %s", url, curl_easy_strerror(code));
    }
    return status == 200 || error_set(error, "--control %.200s: answered %ld: %.200s", url, status,
                                      buffer_text(reply));
}

bool load_exercise_ask(const char *url, const struct load_plan *plan, struct error *error)
{
    struct buffer reply = {0};
    char *body = wishes(plan);
    bool asked = call(url, "/exercise", body, &reply, error);
    cJSON_free(body);
    buffer_free(&reply);
    return asked;
}

/* ---- Files on offer ---- */

/* How each kind of printer gets its files: bare SDK and PrusaLink by a plain download, Buddy
 * firmware encrypted, or in pieces through its WebSocket (connect-sdk.md 9, connect-buddy.md 7). */
static const char *manner_of(const struct load_group *group)
{
    return group->websocket                             ? "inline"
           : strcmp(group->model->family, "buddy") == 0 ? "encrypted"
                                                        : "connect";
}

static char *wish_of(const struct load_group *group, const struct load_state *state,
                     const cJSON *files)
{
    const cJSON *file;
    cJSON_ArrayForEach(file, files)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(file, "name"));
        const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(file, "hash"));
        if (name != NULL && hash != NULL && strcmp(name, state->transfer.name) == 0) {
            cJSON *wish = cJSON_CreateObject();
            cJSON_AddStringToObject(wish, "hash", hash);
            cJSON_AddStringToObject(wish, "path", state->transfer.path);
            cJSON_AddStringToObject(wish, "how", manner_of(group));
            char *text = cJSON_PrintUnformatted(wish), *copy = memory_copy_text(text);
            cJSON_free(text);
            cJSON_Delete(wish);
            return copy;
        }
    }
    return NULL;
}

static bool find_all(const char *url, struct load_plan *plan, const cJSON *files,
                     struct error *error)
{
    for (uint32_t g = 0; g < plan->group_count; g++) {
        struct load_group *group = &plan->groups[g];
        for (uint32_t s = 0; s < group->state_count; s++) {
            struct load_state *state = &group->states[s];
            if (state->transfer.name == NULL) {
                continue;
            }
            state->transfer.wish = wish_of(group, state, files);
            if (state->transfer.wish == NULL) {
                return error_set(error,
                                 "--control %.200s: no file \"%.100s\" is offered there: hotbed "
                                 "mock connect --serve FILE does",
                                 url, state->transfer.name);
            }
        }
    }
    return true;
}

bool load_exercise_find_files(const char *url, struct load_plan *plan, struct error *error)
{
    struct buffer reply = {0};
    bool found = call(url, "/files", NULL, &reply, error);
    cJSON *files = found ? cJSON_ParseWithLength(buffer_text(&reply), reply.size) : NULL;
    if (found && !cJSON_IsArray(files)) {
        found = error_set(error, "--control %.200s: that is no list of files", url);
    }
    found = found && find_all(url, plan, files, error);
    cJSON_Delete(files);
    buffer_free(&reply);
    return found;
}
