/* Results as JSON: written by our own writer, read by cJSON and checked figure by figure, for a
 * file that was cut off or edited must not become statistics. */
#include <cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "harness/load/result.h"
#include "sim/base/json.h"
#include "sim/base/memory.h"

enum { FILE_BYTES_MAX = 256 * 1024 * 1024 };

#define CRC_KEY "crc32"

/* ---- Writing ---- */

static void write_histogram(struct json_writer *json, const char *key,
                            const struct histogram *histogram)
{
    json_object(json, key);
    json_int(json, "count", (int64_t)histogram->count);
    json_int(json, "sum_us", (int64_t)histogram->sum_us);
    json_int(json, "min_us", histogram->count > 0 ? histogram->least_us : 0);
    json_int(json, "max_us", histogram->most_us);
    static const struct {
        const char *key;
        double percent;
    } told[] = {
        {"p50_us", 50}, {"p90_us", 90}, {"p99_us", 99}, {"p99.9_us", 99.9}, {"p99.99_us", 99.99}};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        json_int(json, told[i].key, histogram_percentile_us(histogram, told[i].percent));
    }
    struct buffer text = {0};
    histogram_encode(histogram, &text);
    json_text(json, "hdr", text.bytes, text.size);
    buffer_free(&text);
    json_object_end(json);
}

static void write_step(struct json_writer *json, enum load_step step,
                       const struct load_step_stats *stats)
{
    json_object(json, load_step_name(step));
    json_int(json, "planned", (int64_t)stats->planned);
    json_int(json, "ok", (int64_t)stats->ok);
    json_int(json, "skipped", (int64_t)stats->skipped);
    json_int(json, "unfinished", (int64_t)stats->unfinished);
    json_object(json, "failed");
    for (int i = 0; i < LOAD_CAUSES; i++) {
        if (stats->failed[i] > 0) {
            json_int(json, load_cause_name((enum load_cause)i), (int64_t)stats->failed[i]);
        }
    }
    json_object_end(json);
    write_histogram(json, "latency", &stats->latency);
    json_object_end(json);
}

static void write_group(struct json_writer *json, const struct load_result_group *group,
                        const struct load_group_stats *stats)
{
    json_object(json, NULL);
    json_string(json, "name", group->name);
    json_string(json, "model", group->model);
    json_int(json, "printers", (int64_t)group->printers);
    json_int(json, "printers_here", stats->printers);
    json_int(json, "printers_came", stats->came);
    json_int(json, "printer_us", (int64_t)stats->printer_us);
    json_object(json, "steps");
    for (int step = 0; step < LOAD_STEPS; step++) {
        const struct load_step_stats *it = &stats->steps[step];
        if (it->planned + it->ok + load_step_failed(it) > 0) {
            write_step(json, (enum load_step)step, it);
        }
    }
    json_object_end(json);
    json_object_end(json);
}

/* A second is a list: printers on, connected, processor time, lateness at most, bytes that have not
 * left, then for each step good, failed, skipped, sum and most of the latency. */
enum { SECOND_HEAD = 5, SECOND_STEP = 5, SECOND_VALUES = SECOND_HEAD + SECOND_STEP * LOAD_STEPS };

static void write_series(struct json_writer *json, struct load_stats *stats)
{
    const struct load_bin *bins = load_stats_bins(stats);
    json_array(json, "seconds");
    for (uint32_t i = 0; i < stats->bins; i++) {
        json_array(json, NULL);
        json_int(json, NULL, bins[i].on);
        json_int(json, NULL, bins[i].connected);
        json_int(json, NULL, bins[i].cpu_us);
        json_int(json, NULL, bins[i].late_most_us);
        json_int(json, NULL, bins[i].queued_bytes);
        for (int step = 0; step < LOAD_STEPS; step++) {
            json_int(json, NULL, bins[i].steps[step].ok);
            json_int(json, NULL, bins[i].steps[step].failed);
            json_int(json, NULL, bins[i].steps[step].skipped);
            json_int(json, NULL, (int64_t)bins[i].steps[step].sum_us);
            json_int(json, NULL, bins[i].steps[step].most_us);
        }
        json_array_end(json);
    }
    json_array_end(json);
}

static void write_head(struct json_writer *json, const struct load_result *result)
{
    json_int(json, result->joined ? "hotbed_farm" : "hotbed_farm_shard", LOAD_RESULT_VERSION);
    json_string(json, "plan", result->plan);
    json_string(json, "digest", result->digest);
    json_string(json, "server", result->server);
    char seed[24]; /* as text: 64 bits do not fit the numbers of many JSON readers */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)result->seed);
    json_string(json, "seed", seed);
    json_int(json, "printers", (int64_t)result->printers);
    json_int(json, "duration_us", result->duration_us);
    json_int(json, "warm_up_us", result->warm_up_us);
    json_int(json, "lateness_most_us", result->lateness_most_us);
    json_float(json, "cpu_most", result->cpu_most);
    json_int(json, "shards", result->shards);
    json_int(json, "shard", result->shard);
    json_array(json, "missing");
    for (uint32_t i = 0; result->joined && i < result->shards; i++) {
        if (!result->seen[i]) {
            json_int(json, NULL, i);
        }
    }
    json_array_end(json);
    json_int(json, "workers", result->workers);
    json_int(json, "workers_lost", result->workers_lost);
    json_bool(json, "complete", result->complete);
    json_bool(json, "interrupted", result->interrupted);
    json_int(json, "began_unix_us", result->began_unix_us);
    json_int(json, "written_unix_us", result->written_unix_us);
    json_string(json, "saturated", result->saturated);
}

static void write_thresholds(struct json_writer *json, const struct load_result *result)
{
    json_array(json, "thresholds");
    for (uint32_t i = 0; i < result->threshold_count; i++) {
        const struct load_threshold *threshold = &result->thresholds[i];
        char seen[48];
        uint32_t group = load_result_group_of(result, threshold);
        json_object(json, NULL);
        json_string(json, "text", threshold->text);
        json_bool(json, "holds", load_threshold_holds(threshold, result->stats, group, seen));
        json_string(json, "seen", seen);
        json_object_end(json);
    }
    json_array_end(json);
}

void load_result_write(const struct load_result *result, struct buffer *out)
{
    struct load_stats *stats = result->stats;
    struct json_writer json;
    size_t begin = out->size;
    json_begin(&json, out, JSON_COMPACT);
    json_object(&json, NULL);
    write_head(&json, result);
    write_thresholds(&json, result);
    json_int(&json, "cpu_us", (int64_t)stats->cpu_us);
    json_int(&json, "busiest_us", (int64_t)stats->busiest_us);
    json_int(&json, "measured_us", (int64_t)stats->measured_us);
    json_int(&json, "reconnects", stats->reconnects);
    json_int(&json, "tls_resumed", stats->resumed);
    json_int(&json, "prints_started", stats->prints_started);
    json_int(&json, "prints_refused", stats->prints_refused);
    json_int(&json, "exhausted", stats->exhausted);
    write_histogram(&json, "lateness", &stats->lateness);
    json_array(&json, "groups");
    for (uint32_t g = 0; g < result->group_count; g++) {
        write_group(&json, &result->groups[g], &stats->group[g]);
    }
    json_array_end(&json);
    write_series(&json, stats);
    char crc[9];
    snprintf(crc, sizeof crc, "%08lx",
             crc32_z(0, (const Bytef *)out->bytes + begin, out->size - begin));
    json_string(&json, CRC_KEY, crc);
    json_object_end(&json);
    buffer_append_char(out, '\n');
}

/* ---- Reading ---- */

struct reader {
    const char *file;
    struct error *error;
    bool failed;
};

static void complain(struct reader *reader, const char *key, const char *expected)
{
    if (!reader->failed) {
        error_set(reader->error, "%s: field '%s': expected %s", reader->file, key, expected);
    }
    reader->failed = true;
}

/* Doubles are exact up to 2^53, and so is what we ever count. */
static uint64_t whole(struct reader *reader, const cJSON *value, const char *key, double most)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble <= most) ||
        value->valuedouble != (double)(uint64_t)value->valuedouble) {
        complain(reader, key, "a whole number that is not negative");
        return 0;
    }
    return (uint64_t)value->valuedouble;
}

#define EXACT_MOST 9007199254740992.0

static uint64_t get(struct reader *reader, const cJSON *object, const char *key)
{
    return whole(reader, cJSON_GetObjectItemCaseSensitive(object, key), key, EXACT_MOST);
}

static uint32_t get_small(struct reader *reader, const cJSON *object, const char *key,
                          uint32_t most)
{
    return (uint32_t)whole(reader, cJSON_GetObjectItemCaseSensitive(object, key), key, most);
}

static bool get_bool(struct reader *reader, const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsBool(value)) {
        complain(reader, key, "true or false");
    }
    return cJSON_IsTrue(value);
}

static char *get_text(struct reader *reader, const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    if (text == NULL) {
        complain(reader, key, "a text");
    }
    return memory_copy_text(text == NULL ? "" : text);
}

static const cJSON *get_list(struct reader *reader, const cJSON *object, const char *key, int most)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > most) {
        complain(reader, key, "a list that is not too long");
        return NULL;
    }
    return list;
}

static void read_histogram(struct reader *reader, const cJSON *object, const char *key,
                           struct histogram *histogram)
{
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(object, key);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "hdr"));
    struct error why = {{0}};
    if (text == NULL || !histogram_decode(histogram, text, strlen(text), &why)) {
        complain(reader, key, text == NULL ? "a histogram" : why.text);
        return;
    }
    uint64_t count = get(reader, json, "count"), sum_us = get(reader, json, "sum_us");
    int64_t least_us = (int64_t)get(reader, json, "min_us"),
            most_us = (int64_t)get(reader, json, "max_us");
    bool same = count == histogram->count;
    if (count > 0) {
        same = same && least_us >= histogram->least_us && most_us <= histogram->most_us &&
               least_us <= most_us && histogram_percentile_us(histogram, 0) >= least_us;
    }
    if (!same) {
        complain(reader, key, "count, min and max to be those of its histogram");
        return;
    }
    histogram->sum_us = sum_us;
    histogram->least_us = least_us;
    histogram->most_us = most_us;
}

static void read_step(struct reader *reader, const cJSON *object, struct load_step_stats *stats)
{
    stats->planned = get(reader, object, "planned");
    stats->ok = get(reader, object, "ok");
    stats->skipped = get(reader, object, "skipped");
    stats->unfinished = get(reader, object, "unfinished");
    const cJSON *failed = cJSON_GetObjectItemCaseSensitive(object, "failed");
    for (int i = 0; i < LOAD_CAUSES; i++) {
        const char *name = load_cause_name((enum load_cause)i);
        const cJSON *count = cJSON_GetObjectItemCaseSensitive(failed, name);
        stats->failed[i] = count == NULL ? 0 : whole(reader, count, name, EXACT_MOST);
    }
    read_histogram(reader, object, "latency", &stats->latency);
    if (!reader->failed && stats->latency.count != stats->ok) {
        complain(reader, "ok", "as many as its latency counts");
    }
}

static void read_group(struct reader *reader, const cJSON *object, struct load_result_group *group,
                       struct load_group_stats *stats)
{
    group->name = get_text(reader, object, "name");
    group->model = get_text(reader, object, "model");
    group->printers = get(reader, object, "printers");
    stats->printers = get_small(reader, object, "printers_here", LOAD_PRINTERS_MAX);
    stats->came = get_small(reader, object, "printers_came", LOAD_PRINTERS_MAX);
    stats->printer_us = get(reader, object, "printer_us");
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(object, "steps"), *step;
    cJSON_ArrayForEach(step, steps)
    {
        enum load_step which;
        if (load_step_parse(step->string, strlen(step->string), &which)) {
            read_step(reader, step, &stats->steps[which]);
        } else {
            complain(reader, "steps", "steps that are known");
        }
    }
}

static void read_second(struct reader *reader, const cJSON *list, struct load_bin *bin)
{
    uint64_t values[SECOND_VALUES] = {0};
    size_t count = 0;
    const cJSON *value;
    cJSON_ArrayForEach(value, list)
    {
        if (count < SECOND_VALUES) {
            bool sum = count >= SECOND_HEAD && (count - SECOND_HEAD) % SECOND_STEP == 3;
            values[count] = whole(reader, value, "seconds", sum ? EXACT_MOST : UINT32_MAX);
        }
        count++;
    }
    if (count != SECOND_VALUES) {
        char expected[40];
        snprintf(expected, sizeof expected, "lists of %d numbers", SECOND_VALUES);
        complain(reader, "seconds", expected);
        return;
    }
    bin->on = (uint32_t)values[0];
    bin->connected = (uint32_t)values[1];
    bin->cpu_us = (uint32_t)values[2];
    bin->late_most_us = (uint32_t)values[3];
    bin->queued_bytes = (uint32_t)values[4];
    for (size_t step = 0; step < LOAD_STEPS; step++) {
        const uint64_t *of_step = &values[SECOND_HEAD + SECOND_STEP * step];
        bin->steps[step].ok = (uint32_t)of_step[0];
        bin->steps[step].failed = (uint32_t)of_step[1];
        bin->steps[step].skipped = (uint32_t)of_step[2];
        bin->steps[step].sum_us = of_step[3];
        bin->steps[step].most_us = (uint32_t)of_step[4];
    }
}

static void read_head(struct reader *reader, const cJSON *json, struct load_result *result)
{
    result->plan = get_text(reader, json, "plan");
    result->digest = get_text(reader, json, "digest");
    result->server = get_text(reader, json, "server");
    char *seed = get_text(reader, json, "seed"), *end;
    result->seed = strtoull(seed, &end, 10);
    if (*seed < '0' || *seed > '9' || *end != '\0') {
        complain(reader, "seed", "a whole number as text");
    }
    free(seed);
    result->printers = get(reader, json, "printers");
    result->duration_us = (int64_t)get(reader, json, "duration_us");
    result->warm_up_us = (int64_t)get(reader, json, "warm_up_us");
    result->lateness_most_us = (int64_t)get(reader, json, "lateness_most_us");
    const cJSON *cpu = cJSON_GetObjectItemCaseSensitive(json, "cpu_most");
    result->cpu_most = cJSON_IsNumber(cpu) ? cpu->valuedouble : 0;
    if (!(result->cpu_most > 0 && result->cpu_most <= 1)) {
        complain(reader, "cpu_most", "a number from 0 to 1");
    }
    result->shards = get_small(reader, json, "shards", LOAD_SHARDS_MAX);
    result->shard = get_small(reader, json, "shard", LOAD_SHARDS_MAX);
    result->workers = get_small(reader, json, "workers", LOAD_SHARDS_MAX);
    result->workers_lost = get_small(reader, json, "workers_lost", LOAD_SHARDS_MAX);
    result->complete = get_bool(reader, json, "complete");
    result->interrupted = get_bool(reader, json, "interrupted");
    result->began_unix_us = (int64_t)get(reader, json, "began_unix_us");
    result->written_unix_us = (int64_t)get(reader, json, "written_unix_us");
    result->saturated =
        memory_copy_text(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "saturated")));
    if (!reader->failed && result->shard >= result->shards) {
        complain(reader, "shard", "one that is less than 'shards'");
    }
}

static void read_thresholds(struct reader *reader, const cJSON *json, struct load_result *result)
{
    const cJSON *list = get_list(reader, json, "thresholds", 10000), *item;
    result->thresholds =
        memory_new_array((size_t)cJSON_GetArraySize(list) + 1, sizeof *result->thresholds);
    cJSON_ArrayForEach(item, list)
    {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "text"));
        struct load_threshold *threshold = &result->thresholds[result->threshold_count];
        if (text == NULL || !load_threshold_parse(threshold, text, NULL)) {
            complain(reader, "thresholds", "thresholds as in a farm file");
            return;
        }
        result->threshold_count++;
        if (load_result_group_of(result, threshold) == result->group_count) {
            complain(reader, "thresholds", "groups that are there");
        }
    }
}

static void read_counted(struct reader *reader, const cJSON *json, struct load_result *result)
{
    const cJSON *groups = get_list(reader, json, "groups", LOAD_GROUPS_MAX);
    const cJSON *seconds = get_list(reader, json, "seconds", LOAD_BINS_MAX), *item;
    result->group_count = (uint32_t)cJSON_GetArraySize(groups);
    result->groups = memory_new_array(result->group_count + 1, sizeof *result->groups);
    result->stats = load_stats_new(result->group_count);
    struct load_stats *stats = result->stats;
    stats->cpu_us = get(reader, json, "cpu_us");
    stats->busiest_us = get(reader, json, "busiest_us");
    stats->measured_us = get(reader, json, "measured_us");
    stats->reconnects = get_small(reader, json, "reconnects", UINT32_MAX);
    stats->resumed = get_small(reader, json, "tls_resumed", UINT32_MAX);
    stats->prints_started = get_small(reader, json, "prints_started", UINT32_MAX);
    stats->prints_refused = get_small(reader, json, "prints_refused", UINT32_MAX);
    stats->exhausted = get_small(reader, json, "exhausted", UINT32_MAX);
    stats->finished = result->complete;
    read_histogram(reader, json, "lateness", &stats->lateness);
    uint32_t g = 0;
    cJSON_ArrayForEach(item, groups)
    {
        read_group(reader, item, &result->groups[g], &stats->group[g]);
        g++;
    }
    struct load_bin *bins = load_stats_bins(stats);
    cJSON_ArrayForEach(item, seconds)
    {
        read_second(reader, item, &bins[stats->bins++]);
    }
}

/* Every figure may be possible and yet not be what was counted. */
static void check_crc(struct reader *reader, const cJSON *json, const char *bytes, size_t size)
{
    static const char mark[] = ",\"" CRC_KEY "\":";
    const char *told = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, CRC_KEY));
    size_t end = size;
    while (end >= sizeof mark &&
           memcmp(bytes + end - (sizeof mark - 1), mark, sizeof mark - 1) != 0) {
        end--;
    }
    char crc[9] = "";
    if (end >= sizeof mark) {
        end -= sizeof mark - 1;
        snprintf(crc, sizeof crc, "%08lx", crc32_z(0, (const Bytef *)bytes, end));
    }
    if (told == NULL || strcmp(told, crc) != 0) {
        complain(reader, CRC_KEY, "that of the file: it was changed after hotbed farm wrote it");
    }
}

struct load_result *load_result_read(const char *file, const char *bytes, size_t size,
                                     struct error *error)
{
    cJSON *json = cJSON_ParseWithLength(bytes, size);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "hotbed_farm_shard");
    struct load_result *result = NULL;
    if (!cJSON_IsObject(json)) {
        error_set(error, "%s: it is no JSON, or cut off; expected a result of hotbed farm", file);
    } else if (!cJSON_IsNumber(version)) {
        error_set(error, "%s: expected a result of one shard, as hotbed farm --result writes it",
                  file);
    } else if (version->valuedouble != LOAD_RESULT_VERSION) {
        error_set(error, "%s: field 'hotbed_farm_shard': expected version %d, found %.6g", file,
                  LOAD_RESULT_VERSION, version->valuedouble);
    } else {
        struct reader reader = {.file = file, .error = error};
        result = memory_new(sizeof *result);
        read_head(&reader, json, result);
        read_counted(&reader, json, result);
        read_thresholds(&reader, json, result);
        check_crc(&reader, json, bytes, size);
        result->seen_count = 1;
        result->seen = memory_new_array(result->shards + 1, sizeof(bool));
        if (reader.failed) {
            load_result_destroy(result);
            result = NULL;
        } else {
            result->seen[result->shard] = true;
        }
    }
    cJSON_Delete(json);
    return result;
}

struct load_result *load_result_load(const char *path, struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        error_set(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct buffer text = {0};
    char piece[16384];
    size_t got;
    while (text.size <= FILE_BYTES_MAX && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        buffer_append(&text, piece, got);
    }
    struct load_result *result = NULL;
    if (ferror(file) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
    } else if (text.size > FILE_BYTES_MAX) {
        error_set(error, "%s: a result has at most %d MiB, this file has more", path,
                  FILE_BYTES_MAX >> 20);
    } else {
        result = load_result_read(path, buffer_text(&text), text.size, error);
    }
    fclose(file);
    buffer_free(&text);
    return result;
}
