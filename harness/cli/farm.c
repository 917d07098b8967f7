/* hotbed farm: many printers against one server, with statistics that can be joined. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/cli/load_output.h"
#include "harness/cli/mock_front.h"
#include "harness/load/exercise.h"
#include "harness/load/identity.h"
#include "harness/load/run.h"
#include "sim/base/buffer.h"
#include "sim/base/duration.h"

enum { WORKERS_MAX = 1024 };

struct options {
    struct load_output output;
    const char *target, *control, *shard, *start_at, *result, *prometheus, *ca;
    struct cli_list sources, thresholds;
    uint64_t seed, workers, shards;
    int64_t duration_us;
    bool seed_given, duration_given, insecure, list, quiet;
};

static const char *const about = "Play the printers of a farm file against a server, measure from "
                                 "the instant at which each message was planned, and\n"
                                 "judge the thresholds. Says so, and ends with 4, when this "
                                 "machine and not the server was the limit.";

static const char *const example =
    "  hotbed mock connect --listen 127.0.0.1:8080 --adopt > mock.log &\n"
    "  hotbed farm scenarios/load/hundred.yaml --target connect=http://127.0.0.1:8080\n";

static const char *environment(const char *name)
{
    return getenv(name);
}

/* "2026-11-21T05:30:00Z" or seconds of Unix time. */
static bool parse_start(const char *text, int64_t *unix_us, struct error *error)
{
    struct tm tm = {0};
    char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    double seconds = -1;
    if (end != NULL && *end == '\0') {
        seconds = (double)timegm(&tm);
    } else if (strspn(text, "0123456789.") == strlen(text) && *text != '\0') {
        seconds = strtod(text, NULL);
    }
    double now = (double)time(NULL);
    *unix_us = (int64_t)(seconds * 1e6);
    if (seconds < 0) {
        return error_set(error,
                         "--start-at %.40s: expected a time such as 2026-11-21T05:30:00Z, or "
                         "seconds of Unix time",
                         text);
    }
    if (seconds < now - 2) {
        return error_set(error, "--start-at %.40s: that is %.0f s ago", text, now - seconds);
    }
    return seconds < now + 86400 * 7 ||
           error_set(error, "--start-at %.40s: that is more than a week ahead", text);
}

static bool apply(struct load_plan *plan, const struct options *options, struct error *error)
{
    plan->seed = options->seed_given ? options->seed : plan->seed;
    if (options->duration_given) {
        if (options->duration_us < SECONDS(1) || options->duration_us > LOAD_DURATION_MAX_US ||
            options->duration_us <= plan->warm_up_us) {
            return error_set(
                error,
                "--duration: expected a time from 1s to 24h that is longer than the warm-up");
        }
        plan->duration_us = options->duration_us;
    }
    for (size_t i = 0; i < options->thresholds.count; i++) {
        if (!load_plan_add_threshold(plan, options->thresholds.items[i], error)) {
            return error_prefix(error, "--threshold");
        }
    }
    return true;
}

/* --list: what would be played, printer by printer. */
static int list_printers(const struct load_plan *plan, const struct load_identity *identity)
{
    for (uint64_t k = identity->shard; k < plan->printers; k += identity->shards) {
        struct load_printer printer;
        load_plan_printer(plan, k, &printer);
        const struct load_group *group = &plan->groups[printer.group];
        int64_t at_us;
        bool on;
        char when[32] = "never";
        if (load_plan_switch(plan, printer.rank, -1, &at_us, &on)) {
            snprintf(when, sizeof when, "%.6f", (double)at_us / 1e6);
        }
        printf("%" PRIu64 "\t%s\t%s\t%s\t%s\n", k, group->name, group->model->name, when,
               printer.state->print != NULL           ? printer.state->print
               : printer.state->transfer.name != NULL ? printer.state->transfer.name
                                                      : "idle");
    }
    return CLI_HELD;
}

static const char *target_url(const struct options *options, struct error *error)
{
    struct endpoint endpoint;
    const char *path = NULL;
    if (options->target == NULL || strncmp(options->target, "connect=", 8) != 0) {
        error_set(error,
                  "--target: expected connect=http://HOST[:PORT] or connect=https://HOST[:PORT]");
        return NULL;
    }
    const char *url = options->target + 8;
    if (!endpoint_parse(&endpoint, url, &path, error)) {
        error_prefix(error, "--target");
        return NULL;
    }
    return url;
}

/* Where the result goes: as said, or, of a shard, a name of its own. */
static char *result_file(const struct options *options, const struct load_plan *plan,
                         const struct load_identity *identity)
{
    struct buffer name = {0};
    if (options->result != NULL) {
        buffer_append_text(&name, options->result);
    } else if (identity->from != NULL) {
        buffer_format(&name, "%s-%u-of-%u.json", plan->name, identity->shard, identity->shards);
    } else {
        return NULL;
    }
    return buffer_detach(&name);
}

/* What a hotbed mock connect is asked for by its control endpoint: the commands and the transfers
 * of the file. enum cli_exit. */
static int ask_control(const char *url, struct load_plan *plan, bool transfers, struct error *error)
{
    struct endpoint control;
    if (plan->command_count == 0 && !transfers) {
        return CLI_HELD;
    }
    if (url == NULL) {
        error_set(error, "%s a hotbed mock connect: --control URL says which",
                  transfers ? "transfers are begun by" : "the file's commands are given by");
        return CLI_BAD_USAGE;
    }
    if (!endpoint_parse(&control, url, NULL, error)) {
        error_prefix(error, "--control");
        return CLI_BAD_USAGE;
    }
    if ((transfers && !load_exercise_find_files(url, plan, error)) ||
        (plan->command_count > 0 && !load_exercise_ask(url, plan, error))) {
        return CLI_UNREACHABLE;
    }
    return CLI_HELD;
}

static int run_and_report(struct options *options, const struct load_run_settings *settings,
                          struct error *error)
{
    if (!load_output_open(&options->output, error)) {
        return CLI_BAD_USAGE;
    }
    cli_catch_signals();
    struct load_result *result = load_run(settings, error);
    int code = result != NULL    ? load_output_write(&options->output, result)
               : cli_interrupted ? CLI_INTERRUPTED
                                 : CLI_BAD_USAGE;
    if (result != NULL && result->unwritten) {
        code = CLI_BAD_USAGE;
    }
    load_output_drop(&options->output);
    load_result_destroy(result);
    return code;
}

static int play(struct options *options, struct load_plan *plan,
                const struct load_identity *identity, struct error *error)
{
    struct endpoint scrape;
    bool transfers = load_plan_transfers(plan);
    struct load_run_settings settings = {
        .workers = {.plan = plan,
                    .server = target_url(options, error),
                    .control = transfers ? options->control : NULL,
                    .tls = {.ca_file = options->ca, .insecure = options->insecure, .resume = true},
                    .sources = options->sources.items,
                    .source_count = options->sources.count,
                    .shard = identity->shard,
                    .shards = identity->shards,
                    .workers = (uint32_t)options->workers},
        .prometheus = options->prometheus != NULL ? &scrape : NULL,
        .live = !options->quiet && isatty(STDERR_FILENO),
    };
    if (settings.workers.server == NULL ||
        (options->prometheus != NULL && !mock_front_address(&scrape, options->prometheus, error)) ||
        (options->start_at != NULL &&
         !parse_start(options->start_at, &settings.start_unix_us, error))) {
        return CLI_BAD_USAGE;
    }
    int code = ask_control(options->control, plan, transfers, error);
    if (code != CLI_HELD) {
        return code;
    }
    char *file = result_file(options, plan, identity);
    settings.result_file = file;
    if (identity->from != NULL && !options->quiet) {
        fprintf(stderr, "shard %u of %u (from %s), result in %s\n", identity->shard,
                identity->shards, identity->from, file);
    }
    code = run_and_report(options, &settings, error);
    free(file);
    return code;
}

static int farm(struct options *options, const char *path)
{
    struct error error = {{0}};
    struct load_identity identity;
    struct load_plan *plan = load_plan_load(path, &error);
    int code = CLI_BAD_USAGE;
    if (plan != NULL && apply(plan, options, &error) &&
        load_identity_find(&identity, options->shard, options->shards, environment, &error)) {
        code =
            options->list ? list_printers(plan, &identity) : play(options, plan, &identity, &error);
    }
    if (code != CLI_HELD && error.text[0] != '\0') {
        fprintf(stderr, "hotbed farm: %s\n", error.text);
    }
    load_plan_destroy(plan);
    return code;
}

int cli_farm(int argc, char **argv)
{
    struct options o = {.workers = 1};
    const struct cli_option options[] = {
        {"target", CLI_TEXT, &o.target, "connect=URL", "the server", NULL},
        {"control", CLI_TEXT, &o.control, "URL",
         "of the control endpoint of a hotbed mock connect: it gives the\n"
         "file's commands, and begins its transfers",
         NULL},
        {"duration", CLI_DURATION, &o.duration_us, "TIME", "instead of the file's",
         &o.duration_given},
        {"seed", CLI_NUMBER, &o.seed, "N", "instead of the file's", &o.seed_given},
        {"threshold", CLI_LIST, &o.thresholds, "TEXT", "one more, e.g. \"telemetry.p99 < 200ms\"",
         NULL},
        {"workers", CLI_NUMBER, &o.workers, "N", "processes that share the printers; default 1",
         NULL},
        {"source-address", CLI_LIST, &o.sources, "ADDRESS", "connect from these addresses in turn",
         NULL},
        {"shard", CLI_TEXT, &o.shard, "I/N",
         "play part I of N, counted from 0; default what Open MPI, PMIx,\n"
         "Slurm, Kubernetes or Nomad say in the environment",
         NULL},
        {"shards", CLI_NUMBER, &o.shards, "N",
         "how many, where the launcher only tells which one this is", NULL},
        {"start-at", CLI_TEXT, &o.start_at, "TIME",
         "begin then: 2026-11-21T05:30:00Z, or Unix seconds", NULL},
        {"result", CLI_TEXT, &o.result, "FILE",
         "write the result there every 10 s and at the end, for hotbed\n"
         "merge; default NAME-I-of-N.json when this is a shard",
         NULL},
        {"prometheus", CLI_TEXT, &o.prometheus, "ADDRESS:PORT",
         "figures to scrape while it runs, at /metrics", NULL},
        LOAD_OUTPUT_ROWS(&o.output),
        {"ca", CLI_TEXT, &o.ca, "FILE", "trust these certificates (PEM) instead of the system's",
         NULL},
        {"insecure", CLI_FLAG, &o.insecure, NULL, "accept any certificate", NULL},
        {"list", CLI_FLAG, &o.list, NULL,
         "tell each printer, model, second of arrival and state; play\nnothing", NULL},
        {"quiet", CLI_FLAG, &o.quiet, NULL, "no line while it runs", NULL},
        {.name = NULL},
    };
    const struct cli_usage usage = {.line =
                                        "farm FARM.yaml|FARM.lua --target connect=URL [OPTION...]",
                                    .about = about,
                                    .options = options,
                                    .example = example};
    struct cli_list files = {0};
    int result = cli_parse(argc, argv, &usage, &files);
    if (result == -1 && files.count != 1) {
        result = cli_complain(&usage, "expected one farm file");
    } else if (result == -1 && !o.list && o.target == NULL) {
        result = cli_complain(&usage, "which server? --target connect=URL says it");
    } else if (result == -1 && (o.workers < 1 || o.workers > WORKERS_MAX)) {
        result = cli_complain(&usage, "--workers: expected a number from 1 to %d", WORKERS_MAX);
    } else if (result == -1) {
        result = farm(&o, files.items[0]);
    }
    cli_list_free(&files);
    cli_list_free(&o.sources);
    cli_list_free(&o.thresholds);
    return result;
}
