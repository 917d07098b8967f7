/* From a farm file to a plan: what the schema cannot say, with the line and field of what is wrong.
 */
#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load/plan.h"
#include "harness/load/plan_lua.h"
#include "harness/load/plan_schema.h"
#include "harness/net/faults/message_faults.h"
#include "sim/base/buffer.h"
#include "sim/base/duration.h"
#include "sim/base/memory.h"

/* Of the files on the printers: so that a farm is the same whenever it is run. */
#define FILES_MODIFIED_S INT64_C(1767225600) /* 2026-01-01 */

struct reading {
    const struct yaml_text *yaml;
    const struct plan_text *text;
    struct load_plan *plan;
    EVP_MD_CTX *digest;
    struct error *error;
};

static bool reject(const struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What stands at this path is not what plan_shape expects there. */
static bool reject(const struct reading *reading, const char *format, ...)
{
    char path[120];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    return yaml_text_reject(reading->yaml, path, plan_shape.expected(path), reading->error);
}

static bool read_time(const char *text, int64_t least_us, int64_t most_us, int64_t *us)
{
    return text == NULL || (duration_parse(text, us, NULL) && *us >= least_us && *us <= most_us);
}

/* ---- When the printers come ---- */

static void one_stage(struct load_plan *plan, int64_t end_us)
{
    plan->stages = memory_new(sizeof *plan->stages);
    plan->stages[0] = (struct load_stage){.end_us = end_us, .printers = plan->printers};
    plan->stage_count = 1;
}

static bool read_stages(const struct reading *reading, const struct plan_arrival_text *arrival)
{
    struct load_plan *plan = reading->plan;
    plan->stages = memory_new_array(arrival->stages_count, sizeof *plan->stages);
    int64_t end_us = 0;
    for (uint32_t i = 0; i < arrival->stages_count; i++) {
        int64_t us = 0;
        if (!read_time(arrival->stages[i].duration, i == 0 ? 0 : 1000, LOAD_DURATION_MAX_US, &us)) {
            return reject(reading, "arrival.stages[%u].for", i);
        }
        if (arrival->stages[i].printers > plan->printers) {
            return reject(reading, "arrival.stages[%u].printers", i);
        }
        end_us += us;
        plan->stages[i] =
            (struct load_stage){.end_us = end_us, .printers = arrival->stages[i].printers};
        plan->stage_count = i + 1;
    }
    return true;
}

static bool read_arrival(const struct reading *reading)
{
    const struct plan_arrival_text *arrival = reading->text->arrival;
    struct load_plan *plan = reading->plan;
    int64_t ramp_us = SECONDS(10);
    if (arrival == NULL) {
        one_stage(plan, ramp_us);
        return true;
    }
    if ((arrival->ramp != NULL) + (arrival->rate != NULL) + (arrival->stages_count > 0) != 1) {
        return yaml_text_reject(reading->yaml, "arrival", "one of ramp, rate and stages",
                                reading->error);
    }
    if (!read_time(arrival->ramp, 0, LOAD_DURATION_MAX_US, &ramp_us)) {
        return reject(reading, "arrival.ramp");
    }
    if (arrival->rate != NULL) {
        if (!(*arrival->rate >= 0.001 && *arrival->rate <= 1e6)) {
            return reject(reading, "arrival.rate");
        }
        ramp_us = (int64_t)((double)plan->printers / *arrival->rate * 1e6);
    }
    if (arrival->stages_count > 0) {
        return read_stages(reading, arrival);
    }
    one_stage(plan, ramp_us);
    return true;
}

/* ---- Groups ---- */

static bool read_telemetry(const struct reading *reading, const struct plan_telemetry_text *text,
                           struct load_group *group, const char *path)
{
    static const char *const styles[] = {
        [CONNECT_TELEMETRY_OF_HOST] = "host",
        [CONNECT_TELEMETRY_FULL] = "full",
        [CONNECT_TELEMETRY_MINIMAL] = "minimal",
    };
    if (text != NULL && text->style != NULL) {
        size_t style = 0;
        while (style < 3 && strcmp(styles[style], text->style) != 0) {
            style++;
        }
        if (style == 3) {
            return reject(reading, "%s.style", path);
        }
        group->telemetry = (enum connect_telemetry_style)style;
    }
    if (text != NULL && text->interval != NULL) {
        group->paced = true;
        if (!distribution_parse(&group->interval, text->interval)) {
            return reject(reading, "%s.interval", path);
        }
    }
    return true;
}

static bool digest_content(const struct reading *reading, const struct file_content *content)
{
    char piece[4096];
    long size;
    for (uint64_t at = 0;
         (size = file_content_read(content, at, piece, sizeof piece, reading->error)) > 0;) {
        EVP_DigestUpdate(reading->digest, piece, (size_t)size);
        at += (uint64_t)size;
    }
    return size == 0;
}

static bool read_file(const struct reading *reading, struct load_group *group, uint32_t index,
                      uint32_t at, const char *name)
{
    struct buffer path = {0};
    const char *slash = strrchr(reading->yaml->place, '/');
    if (*name != '/' && slash != NULL) {
        buffer_append(&path, reading->yaml->place, (size_t)(slash - reading->yaml->place) + 1);
    }
    buffer_append_text(&path, name);
    struct error why = {0};
    struct file_content *content = file_content_of_file(buffer_text(&path), &why);
    buffer_free(&path);
    const char *base = strrchr(name, '/') == NULL ? name : strrchr(name, '/') + 1;
    if (content != NULL && file_node_child(group->tree, base) == NULL &&
        digest_content(reading, content)) {
        file_node_add(group->tree, file_node_file(base, false, FILES_MODIFIED_S, content));
        return true;
    }
    char field[60], expected[300];
    snprintf(field, sizeof field, "groups[%u].files[%u]", index, at);
    if (content == NULL) {
        snprintf(expected, sizeof expected, "a file that can be read (%.250s)", why.text);
    } else {
        snprintf(expected, sizeof expected, "files with different names");
    }
    file_content_release(content);
    return yaml_text_reject(reading->yaml, field, expected, reading->error);
}

static bool read_files(const struct reading *reading, const struct plan_group_text *text,
                       struct load_group *group, uint32_t index)
{
    if (text->files_count > 0) {
        group->tree = file_node_folder("", false, FILES_MODIFIED_S);
    }
    for (uint32_t i = 0; i < text->files_count; i++) {
        if (!read_file(reading, group, index, i, text->files[i])) {
            return false;
        }
    }
    return true;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Where it goes and what it is called, which the printer must like: it would refuse each command
 * otherwise (connect-sdk.md 9.3, connect-buddy.md 7.1). */
static bool read_transfer(const struct load_group *group, struct load_state *state,
                          const char *name)
{
    if (group->model->storages_count == 0 || !file_path_good(name, strlen(name)) ||
        strchr(name, '/') != NULL || file_name_hidden(name) || strchr(name, '.') == NULL) {
        return false;
    }
    struct buffer path = {0};
    buffer_format(&path, "/%s/%s", group->model->storages[0].name, name);
    state->transfer.path = buffer_detach(&path);
    state->transfer.name = memory_copy_text(name);
    return true;
}

static bool read_state(const struct reading *reading, const struct plan_state_text *text,
                       struct load_group *group, uint32_t index, uint32_t at)
{
    struct load_state *state = &group->states[at];
    group->state_count = at + 1;
    state->weight = text->weight;
    if (text->weight < 1 || text->weight > 1000) {
        return reject(reading, "groups[%u].states[%u].weight", index, at);
    }
    if (text->transfer != NULL) {
        return (text->print == NULL && read_transfer(group, state, text->transfer)) ||
               reject(reading, "groups[%u].states[%u].transfer", index, at);
    }
    if (text->print == NULL) {
        return true;
    }
    if (group->tree == NULL || file_node_child(group->tree, text->print) == NULL ||
        group->model->storages_count == 0) {
        char field[60];
        snprintf(field, sizeof field, "groups[%u].states[%u].print", index, at);
        return yaml_text_reject(reading->yaml, field, "the name of one of the group's files",
                                reading->error);
    }
    struct buffer path = {0};
    buffer_format(&path, "/%s/%s", group->model->storages[0].name, text->print);
    state->print = buffer_detach(&path);
    return true;
}

static bool read_states(const struct reading *reading, const struct plan_group_text *text,
                        struct load_group *group, uint32_t index)
{
    static const struct plan_state_text idle = {.weight = 1};
    const struct plan_state_text *states = text->states_count > 0 ? text->states : &idle;
    uint32_t count = text->states_count > 0 ? text->states_count : 1;
    group->states = memory_new_array(count, sizeof *group->states);
    uint32_t divisor = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_state(reading, &states[i], group, index, i)) {
            return false;
        }
        divisor = common_divisor(states[i].weight, divisor);
    }
    for (uint32_t i = 0; i < count; i++) {
        group->states[i].weight /= divisor;
        group->cycle += group->states[i].weight;
    }
    return true;
}

/* Only Buddy firmware is built for it (connect-buddy.md 1.6). */
static bool read_websocket(const struct reading *reading, const struct plan_group_text *text,
                           struct load_group *group, uint32_t index)
{
    group->websocket = text->websocket != NULL && *text->websocket;
    return !group->websocket || strcmp(group->model->family, "buddy") == 0 ||
           reject(reading, "groups[%u].websocket", index);
}

static bool read_faults(const struct reading *reading, const struct plan_group_text *text,
                        struct load_group *group, uint32_t index)
{
    group->faults = memory_new_array(text->faults_count, sizeof *group->faults);
    for (uint32_t i = 0; i < text->faults_count; i++) {
        struct error why;
        if (!message_faults_check(text->faults[i], &why)) {
            char field[60], expected[300];
            snprintf(field, sizeof field, "groups[%u].faults[%u]", index, i);
            snprintf(expected, sizeof expected, "a fault of messages (%.250s)", why.text);
            return yaml_text_reject(reading->yaml, field, expected, reading->error);
        }
        group->faults[i] = memory_copy_text(text->faults[i]);
        group->fault_count = i + 1;
    }
    return true;
}

static bool token_is_sound(const char *token)
{
    for (const char *at = token; *at != '\0'; at++) {
        if (*at < '!' || *at > '~') {
            return false;
        }
    }
    return strstr(token, "{printer}") != NULL;
}

/* It stands in tables, labels and file names, and is what a threshold begins with. */
static bool name_is_sound(const char *name, const char *without)
{
    for (const char *at = name; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return false;
        }
    }
    return strpbrk(name, without) == NULL;
}

static bool read_group(const struct reading *reading, const struct plan_group_text *text,
                       uint32_t index)
{
    struct load_plan *plan = reading->plan;
    struct load_group *group = &plan->groups[index];
    *group = (struct load_group){.model = model_find(text->model),
                                 .first = plan->printers,
                                 .count = text->count,
                                 .host = CONNECT_HOST_PRUSALINK,
                                 .sdk_version = CONNECT_SDK_0_8_1,
                                 .pause = {.first_us = 30e6}};
    group->no_quirks = text->quirks != NULL && !*text->quirks;
    uint32_t twin;
    if (load_plan_find_group(plan, text->name, &twin) || !name_is_sound(text->name, "/ <>=")) {
        return reject(reading, "groups[%u].name", index);
    }
    group->name = memory_copy_text(text->name);
    plan->group_count = index + 1;
    plan->printers += text->count;
    if (group->model == NULL) {
        return reject(reading, "groups[%u].model", index);
    }
    if (text->count == 0 || plan->printers > LOAD_PRINTERS_MAX) {
        return reject(reading, "groups[%u].count", index);
    }
    if (text->host != NULL && !connect_host_parse(text->host, &group->host)) {
        return reject(reading, "groups[%u].host", index);
    }
    if (text->sdk != NULL && !connect_sdk_version_parse(text->sdk, &group->sdk_version)) {
        return reject(reading, "groups[%u].sdk", index);
    }
    if (text->token != NULL && !token_is_sound(text->token)) {
        return reject(reading, "groups[%u].token", index);
    }
    group->token = memory_copy_text(text->token);
    if (text->pause != NULL && !distribution_parse(&group->pause, text->pause)) {
        return reject(reading, "groups[%u].pause", index);
    }
    char path[40];
    snprintf(path, sizeof path, "groups[%u].telemetry", index);
    return read_telemetry(reading, reading->text->telemetry, group, "telemetry") &&
           read_telemetry(reading, text->telemetry, group, path) &&
           read_websocket(reading, text, group, index) &&
           read_faults(reading, text, group, index) && read_files(reading, text, group, index) &&
           read_states(reading, text, group, index);
}

/* ---- The whole ---- */

static bool read_thresholds(const struct reading *reading)
{
    for (uint32_t i = 0; i < reading->text->thresholds_count; i++) {
        struct error why;
        if (!load_plan_add_threshold(reading->plan, reading->text->thresholds[i], &why)) {
            char field[40], expected[400];
            snprintf(field, sizeof field, "thresholds[%u]", i);
            const char *at = strstr(why.text, "expected ");
            snprintf(expected, sizeof expected, "%.390s",
                     at == NULL ? why.text : at + strlen("expected "));
            return yaml_text_reject(reading->yaml, field, expected, reading->error);
        }
    }
    return true;
}

static bool read_commands(const struct reading *reading)
{
    struct load_plan *plan = reading->plan;
    plan->commands = memory_new_array(reading->text->commands_count, sizeof *plan->commands);
    for (uint32_t i = 0; i < reading->text->commands_count; i++) {
        const struct plan_command_text *text = &reading->text->commands[i];
        struct load_command *command = &plan->commands[i];
        if ((text->command != NULL) + (text->gcode != NULL) != 1) {
            char field[40];
            snprintf(field, sizeof field, "commands[%u]", i);
            return yaml_text_reject(reading->yaml, field, "one of command and gcode",
                                    reading->error);
        }
        if (!read_time(text->every, MILLISECONDS(100), LOAD_DURATION_MAX_US, &command->every_us)) {
            return reject(reading, "commands[%u].every", i);
        }
        command->command = memory_copy_text(text->command);
        command->gcode = memory_copy_text(text->gcode);
        plan->command_count = i + 1;
    }
    return true;
}

static bool read_generator(const struct reading *reading)
{
    const struct plan_generator_text *generator = reading->text->generator;
    if (generator == NULL) {
        return true;
    }
    if (!read_time(generator->lateness, 1000, SECONDS(3600), &reading->plan->lateness_most_us)) {
        return reject(reading, "generator.lateness");
    }
    if (generator->cpu != NULL) {
        if (!(*generator->cpu >= 1 && *generator->cpu <= 100)) {
            return reject(reading, "generator.cpu");
        }
        reading->plan->cpu_most = *generator->cpu / 100;
    }
    return true;
}

static bool read_plan(const struct reading *reading)
{
    const struct plan_text *text = reading->text;
    struct load_plan *plan = reading->plan;
    plan->name = memory_copy_text(text->name != NULL ? text->name : "farm");
    if (!name_is_sound(plan->name, "/")) {
        return reject(reading, "name");
    }
    plan->seed = text->seed != NULL ? *text->seed : 1;
    plan->lateness_most_us = MILLISECONDS(50);
    plan->cpu_most = 0.95;
    if (!read_time(text->duration, SECONDS(1), LOAD_DURATION_MAX_US, &plan->duration_us)) {
        return reject(reading, "duration");
    }
    if (!read_time(text->warm_up, 0, plan->duration_us - 1, &plan->warm_up_us)) {
        return reject(reading, "warm_up");
    }
    plan->groups = memory_new_array(text->groups_count, sizeof *plan->groups);
    for (uint32_t i = 0; i < text->groups_count; i++) {
        if (!read_group(reading, &text->groups[i], i)) {
            return false;
        }
    }
    return read_arrival(reading) && read_commands(reading) && read_thresholds(reading) &&
           read_generator(reading);
}

static void end_digest(EVP_MD_CTX *digest, char text[65])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestFinal_ex(digest, hash, &size);
    for (size_t i = 0; i < 32; i++) {
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
}

static struct load_plan *parse(const struct yaml_shape *shape, const char *path, const char *bytes,
                               size_t size, struct error *error)
{
    struct yaml_text yaml;
    struct load_plan *plan = NULL;
    if (yaml_text_read(&yaml, shape, path, bytes, size, error)) {
        plan = memory_new(sizeof *plan);
        struct reading reading = {.yaml = &yaml,
                                  .text = yaml.document,
                                  .plan = plan,
                                  .digest = EVP_MD_CTX_new(),
                                  .error = error};
        EVP_DigestInit_ex(reading.digest, EVP_sha256(), NULL);
        EVP_DigestUpdate(reading.digest, bytes, size);
        bool read = read_plan(&reading);
        end_digest(reading.digest, plan->digest);
        EVP_MD_CTX_free(reading.digest);
        if (!read) {
            load_plan_destroy(plan);
            plan = NULL;
        }
    }
    yaml_text_free(&yaml);
    return plan;
}

struct load_plan *load_plan_parse(const char *path, const char *bytes, size_t size,
                                  struct error *error)
{
    return parse(&plan_shape, path, bytes, size, error);
}

/* What it makes is read as the text that it stands for, so that both kinds obey one reader. */
static struct load_plan *load_lua(const char *path, struct error *error)
{
    struct yaml_shape shape = plan_shape;
    shape.generated = true;
    struct buffer text = {0};
    struct load_plan *plan = NULL;
    if (plan_lua_read(path, &text, error)) {
        plan = parse(&shape, path, buffer_text(&text), text.size, error);
    }
    buffer_free(&text);
    return plan;
}

struct load_plan *load_plan_load(const char *path, struct error *error)
{
    size_t length = strlen(path);
    if (length > 4 && strcmp(path + length - 4, ".lua") == 0) {
        return load_lua(path, error);
    }
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct buffer text = {0};
    char piece[4096];
    size_t got;
    while (text.size <= plan_shape.bytes_max && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(&text, piece, got);
    }
    struct load_plan *plan = NULL;
    if (ferror(file) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
    } else {
        plan = load_plan_parse(path, buffer_text(&text), text.size, error);
    }
    fclose(file);
    buffer_free(&text);
    return plan;
}
