#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/cli.h"
#include "harness/load/identity.h"
#include "harness/load/result.h"
#include "harness/load/summary.h"
#include "sim/base/memory.h"
#include "sim/base/random.h"

static const char farm_text[] = "duration: 10s\n"
                                "arrival: {ramp: 0s}\n"
                                "groups:\n"
                                "  - {name: a, model: mk3, count: 30, token: 't{printer}'}\n"
                                "  - {name: b, model: mk3s, count: 10, token: 't{printer}'}\n"
                                "thresholds: [telemetry.p99 < 1s, b/telemetry.failed == 0]\n";

static struct load_plan *plan_of(const char *text)
{
    struct error error;
    struct load_plan *plan = load_plan_parse("farm.yaml", text, strlen(text), &error);
    assert_non_null(plan);
    return plan;
}

/* A result with made-up figures, other ones for each shard. */
static struct load_result *made(const char *text, uint32_t shard, uint32_t shards)
{
    struct load_plan *plan = plan_of(text);
    struct load_result *result = load_result_new(plan, "http://server", shard, shards);
    struct random random = random_of(9, shard);
    struct load_stats *stats = result->stats;
    for (uint32_t g = 0; g < stats->groups; g++) {
        struct load_step_stats *step = &stats->group[g].steps[LOAD_TELEMETRY];
        stats->group[g].printers = stats->group[g].came = 3 + shard;
        stats->group[g].printer_us = SECONDS(30);
        for (int i = 0; i < 500; i++) {
            histogram_record(&step->latency, (int64_t)random_below(&random, 100000));
            histogram_record(&stats->lateness, (int64_t)random_below(&random, 900));
            step->ok++;
            step->planned++;
        }
    }
    stats->group[0].steps[LOAD_TELEMETRY].failed[LOAD_CAUSE_TIMEOUT] = 2;
    stats->bins = 5 + shard;
    for (uint32_t i = 0; i < stats->bins; i++) {
        load_stats_bins(stats)[i] =
            (struct load_bin){.on = 10, .connected = 9, .cpu_us = 1234, .queued_bytes = 7};
        load_stats_bins(stats)[i].steps[LOAD_TELEMETRY].ok = 100 + i;
        load_stats_bins(stats)[i].steps[LOAD_TELEMETRY].sum_us = UINT64_C(5000000000);
    }
    stats->measured_us = SECONDS(10);
    stats->finished = true;
    result->workers = 1;
    result->complete = true;
    result->began_unix_us = 1000000 + shard;
    result->written_unix_us = 20000000;
    load_plan_destroy(plan);
    return result;
}

static char *text_of(const struct load_result *result)
{
    struct buffer text = {0};
    load_result_write(result, &text);
    return buffer_detach(&text);
}

static struct load_result *read_back(const char *text, struct error *error)
{
    return load_result_read("r.json", text, strlen(text), error);
}

/* Adds shards of these numbers, each by way of its file, and ends. */
static struct load_result *joined(const uint32_t *shards, size_t count)
{
    struct load_join *join = load_join_new();
    for (size_t i = 0; i < count; i++) {
        struct load_result *result = made(farm_text, shards[i], 4);
        char *text = text_of(result);
        struct error error = {{0}};
        struct load_result *again = read_back(text, &error);
        if (again == NULL || !load_join_add(join, again, "r.json", &error)) {
            fail_msg("%s", error.text);
        }
        free(text);
        load_result_destroy(result);
    }
    return load_join_end(join);
}

static void a_result_survives_its_file(void **state)
{
    (void)state;
    struct load_result *result = made(farm_text, 1, 4);
    char *text = text_of(result);
    struct error error;
    struct load_result *again = read_back(text, &error);
    assert_non_null(again);
    char *second = text_of(again);
    assert_string_equal(text, second);
    assert_memory_equal(again->stats->group, result->stats->group,
                        2 * sizeof(struct load_group_stats));
    assert_memory_equal(load_stats_bins(again->stats), load_stats_bins(result->stats),
                        6 * sizeof(struct load_bin));
    free(text);
    free(second);
    load_result_destroy(result);
    load_result_destroy(again);
}

static void shards_join_in_any_order_and_each_once(void **state)
{
    (void)state;
    struct load_result *one = joined((uint32_t[]){0, 1, 2, 3}, 4);
    struct load_result *other = joined((uint32_t[]){3, 1, 0, 1, 2, 3}, 6);
    char *first = text_of(one), *second = text_of(other);
    assert_string_equal(first, second);
    assert_int_equal(one->stats->group[0].steps[LOAD_TELEMETRY].ok, 2000);
    assert_int_equal(one->stats->group[0].printers, 3 + 4 + 5 + 6);
    assert_int_equal(one->stats->bins, 8);
    assert_int_equal(load_stats_bins(one->stats)[0].steps[LOAD_TELEMETRY].ok, 400);
    assert_int_equal(load_result_exit_code(one), CLI_HELD);
    free(first);
    free(second);
    load_result_destroy(one);
    load_result_destroy(other);
}

static void missing_shards_are_named(void **state)
{
    (void)state;
    struct load_result *some = joined((uint32_t[]){2, 0}, 2);
    struct buffer text = {0};
    load_summary_text(some, &text);
    assert_non_null(strstr(text.bytes, "INCOMPLETE: of 4 shards these are missing: 1, 3"));
    assert_int_equal(load_result_exit_code(some), CLI_INCOMPLETE);
    buffer_free(&text);
    load_result_destroy(some);
}

static void mixtures_are_refused(void **state)
{
    (void)state;
    static const char other_text[] = "duration: 10s\narrival: {ramp: 0s}\ngroups:\n"
                                     "  - {name: a, model: mk3, count: 31, token: 't{printer}'}\n"
                                     "  - {name: b, model: mk3s, count: 9, token: 't{printer}'}\n"
                                     "thresholds: [telemetry.p99 < 1s, b/telemetry.failed == 0]\n";
    for (int kind = 0; kind < 5; kind++) {
        struct load_join *join = load_join_new();
        struct error error;
        assert_true(load_join_add(join, made(farm_text, 0, 4), "a.json", &error));
        struct load_result *other = made(kind == 0 ? other_text : farm_text, 1, kind == 1 ? 5 : 4);
        other->seed += kind == 2;
        other->duration_us += kind == 3;
        if (kind == 4) {
            other->server[7] = 'S';
        }
        assert_false(load_join_add(join, other, "b.json", &error));
        assert_non_null(strstr(error.text, "b.json: it "));
        load_result_destroy(other);
        load_result_destroy(load_join_end(join));
    }
}

/* What is cut off or edited is refused wherever it was done. */
static void damaged_files_are_refused(void **state)
{
    (void)state;
    struct load_result *result = made(farm_text, 1, 4);
    char *text = text_of(result);
    size_t size = strlen(text);
    struct error error;
    for (size_t cut = 0; cut < size - 2; cut += 1 + cut / 7) {
        assert_null(load_result_read("r.json", text, cut, &error));
        assert_non_null(strstr(error.text, "r.json: "));
    }
    static const char *const edits[][2] = {
        {"\"hotbed_farm_shard\":3", "\"hotbed_farm_shard\":1"},
        {"\"shard\":1", "\"shard\":7"},
        {"\"ok\":500", "\"ok\":501"},
        {"\"count\":500", "\"count\":499"},
        {"\"ok\":500", "\"ok\":-50"},
        {"\"ok\":500", "\"ok\":5e9"},
        {"\"seed\":\"1\"", "\"seed\":\"x\""},
        {"\"complete\":true", "\"complete\":1234"},
        {"\"seconds\":[[10", "\"seconds\":[[-1"},
        {"HISTFAAA", "HISTFAAB"},
        {"b/telemetry", "c/telemetry"},
        /* What may well be true, but is not what was counted. */
        {"\"timeout\":2", "\"timeout\":1"},
        {"\"printers_came\":4", "\"printers_came\":3"},
        {"\"seconds\":[[10", "\"seconds\":[[11"},
        {"\"interrupted\":false", "\"interrupted\": true"},
        {"\"crc32\":\"", "\"crc31\":\""},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char *at = strstr(text, edits[i][0]);
        assert_non_null(at);
        size_t length = strlen(edits[i][0]);
        assert_int_equal(length, strlen(edits[i][1]));
        memcpy(at, edits[i][1], length);
        if (load_result_read("r.json", text, size, &error) != NULL) {
            fail_msg("%s was taken", edits[i][1]);
        }
        memcpy(at, edits[i][0], length);
    }
    free(text);
    load_result_destroy(result);
}

static void the_exit_code_says_what_came_of_it(void **state)
{
    (void)state;
    struct load_result *result = made(farm_text, 0, 1);
    assert_int_equal(load_result_exit_code(result), CLI_HELD);
    result->stats->group[1].steps[LOAD_TELEMETRY].failed[LOAD_CAUSE_5XX] = 1;
    assert_int_equal(load_result_exit_code(result), CLI_FAILED);
    result->complete = false;
    assert_int_equal(load_result_exit_code(result), CLI_INCOMPLETE);
    result->complete = true;
    result->lateness_most_us = 100;
    load_result_judge_generator(result);
    assert_non_null(strstr(result->saturated, "late at p99"));
    assert_int_equal(load_result_exit_code(result), CLI_INCOMPLETE);
    memset(result->stats->group, 0, 2 * sizeof(struct load_group_stats));
    result->stats->group[0].steps[LOAD_CONNECT].ok = 5;
    result->stats->group[0].steps[LOAD_TELEMETRY].planned = 5;
    assert_int_equal(load_result_exit_code(result), CLI_UNREACHABLE);
    result->interrupted = true;
    assert_int_equal(load_result_exit_code(result), CLI_INTERRUPTED);
    load_result_destroy(result);
}

static void a_processor_at_its_limit_is_told(void **state)
{
    (void)state;
    struct load_result *result = made(farm_text, 0, 1);
    result->workers = 2;
    result->stats->cpu_us = (uint64_t)SECONDS(18);
    result->stats->busiest_us = (uint64_t)SECONDS(9);
    load_result_judge_generator(result);
    assert_null(result->saturated);
    /* One of two is too slow: their average would hide it. */
    result->stats->cpu_us = (uint64_t)SECONDS(12);
    result->stats->busiest_us = (uint64_t)SECONDS(10) - 1;
    load_result_judge_generator(result);
    assert_non_null(strstr(result->saturated, "a worker took 100 % of a core (at most 95 %)"));
    load_result_destroy(result);
}

static void a_machine_without_means_is_told(void **state)
{
    (void)state;
    struct load_result *result = made(farm_text, 0, 1);
    result->stats->exhausted = 3;
    result->stats->exhausted_code = EMFILE;
    load_result_judge_generator(result);
    assert_non_null(strstr(result->saturated, "no means for 3 connections (Too many open files)"));
    assert_int_equal(load_result_exit_code(result), CLI_INCOMPLETE);
    load_result_destroy(result);
}

/* ---- Who am I ---- */

static const char *const *variables; /* name, value, …, NULL */

static const char *environment(const char *name)
{
    for (size_t i = 0; variables[i] != NULL; i += 2) {
        if (strcmp(variables[i], name) == 0) {
            return variables[i + 1];
        }
    }
    return NULL;
}

static void launchers_tell_which_shard_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *shard;
        uint64_t shards;
        const char *const variables[7];
        uint32_t expected, of; /* of 0: refused */
    } rows[] = {
        {NULL, 0, {NULL}, 0, 1},
        {"2/5", 0, {NULL}, 2, 5},
        {"2/5", 0, {"SLURM_PROCID", "1", "SLURM_NTASKS", "3", NULL}, 2, 5},
        {NULL, 0, {"SLURM_PROCID", "1", "SLURM_NTASKS", "3", NULL}, 1, 3},
        {NULL, 0, {"OMPI_COMM_WORLD_RANK", "7", "OMPI_COMM_WORLD_SIZE", "8", NULL}, 7, 8},
        {NULL,
         0,
         {"OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "4", "SLURM_PROCID", "0", NULL},
         3,
         4},
        {NULL, 0, {"PMIX_RANK", "2", "SLURM_PROCID", "2", "SLURM_NTASKS", "4", NULL}, 2, 4},
        {NULL, 6, {"PMIX_RANK", "5", NULL}, 5, 6},
        {NULL, 10, {"JOB_COMPLETION_INDEX", "9", NULL}, 9, 10},
        {NULL, 2, {"NOMAD_ALLOC_INDEX", "0", NULL}, 0, 2},
        {NULL, 0, {"JOB_COMPLETION_INDEX", "9", NULL}, 0, 0},
        {NULL, 3, {NULL}, 0, 0},
        {"5/5", 0, {NULL}, 0, 0},
        {"-1/5", 0, {NULL}, 0, 0},
        {"1", 0, {NULL}, 0, 0},
        {"1/x", 0, {NULL}, 0, 0},
        {"1/10001", 0, {NULL}, 0, 0},
        {"1/99999999999999999999", 0, {NULL}, 0, 0},
        {"111111111111111111111111111111/5", 0, {NULL}, 0, 0},
        {NULL, 0, {"SLURM_PROCID", "3", "SLURM_NTASKS", "3", NULL}, 0, 0},
        {NULL, 0, {"SLURM_PROCID", "1", NULL}, 0, 0},
        {NULL, 2, {"SLURM_PROCID", "1", NULL}, 1, 2},
        {NULL, 0, {"SLURM_PROCID", "", "SLURM_NTASKS", "3", NULL}, 0, 0},
        {NULL, 0, {"SLURM_PROCID", "1", "SLURM_NTASKS", "many", NULL}, 0, 0},
        {NULL, 10, {"JOB_COMPLETION_INDEX", "+1", NULL}, 0, 0},
        {NULL, 10, {"JOB_COMPLETION_INDEX", "10", NULL}, 0, 0},
        {NULL, 10, {"NOMAD_ALLOC_INDEX", "0x1", NULL}, 0, 0},
        {NULL, 0, {"PMIX_RANK", "2", NULL}, 0, 0},
        /* Who says two things is asked which. */
        {"1/4", 5, {NULL}, 0, 0},
        {"1/4", 4, {NULL}, 1, 4},
        {NULL, 4, {"OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "8", NULL}, 0, 0},
        {NULL, 8, {"OMPI_COMM_WORLD_RANK", "3", "OMPI_COMM_WORLD_SIZE", "8", NULL}, 3, 8},
        {NULL, 3, {"PMIX_RANK", "2", "SLURM_NTASKS", "4", NULL}, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct load_identity identity;
        struct error error;
        variables = rows[i].variables;
        bool found =
            load_identity_find(&identity, rows[i].shard, rows[i].shards, environment, &error);
        assert_int_equal(found, rows[i].of != 0);
        if (found) {
            assert_int_equal(identity.shard, rows[i].expected);
            assert_int_equal(identity.shards, rows[i].of);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_survives_its_file),
        cmocka_unit_test(shards_join_in_any_order_and_each_once),
        cmocka_unit_test(missing_shards_are_named),
        cmocka_unit_test(mixtures_are_refused),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(the_exit_code_says_what_came_of_it),
        cmocka_unit_test(a_processor_at_its_limit_is_told),
        cmocka_unit_test(a_machine_without_means_is_told),
        cmocka_unit_test(launchers_tell_which_shard_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
