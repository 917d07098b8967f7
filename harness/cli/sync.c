/* hotbed sync: a farm of PrusaLink printers into step with a folder. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "harness/cli/cli.h"
#include "harness/net/real.h"
#include "harness/net/tls.h"
#include "harness/report/output_file.h"
#include "harness/sync/engine.h"
#include "harness/sync/names.h"
#include "harness/sync/progress.h"
#include "sim/base/buffer.h"
#include "sim/base/memory.h"

enum { JOBS_MAX = 1000, RETRIES_MAX = 20 };
#define JOURNAL_GAP_US SECONDS(5)

struct options {
    const char *destination, *relative_to, *json, *journal, *ca;
    struct cli_list printers, skipped, include, exclude, suffixes;
    uint64_t jobs, retries, delete_max;
    int64_t timeout_us, tolerance_us;
    bool execute, any_state, idle_only, keep_excess, delete_folders, copy_back, compare, verify,
        allow_empty, no_journal, insecure, verbose, quiet, delete_max_given;
};

static const char about[] = "Bring the PrusaLink printers of a farm file into step with a folder: "
                            "files that are missing there are uploaded,\n"
                            "older ones and those of another size replaced, print files that are "
                            "not here deleted. Without --execute nothing\n"
                            "is changed and the plan is told. A printer that is busy, fails or "
                            "does not answer stops no other. What is in\n"
                            "print is never touched. The farm file is the one of Link Sync, in "
                            "YAML or JSON: a mapping of names to host,\n"
                            "username, password and printer_type. A password that is not in it is "
                            "taken from the environment\n"
                            "(HOTBED_PASSWORD_<NAME>, HOTBED_PASSWORD) or asked for.\n"
                            "Exit codes: 0 in step (or planned), 1 a printer is not in step, 2 bad "
                            "usage or input, 3 no printer reached.";

static const char example[] =
    "  hotbed sync printers.yml ~/prints\n"
    "  hotbed sync printers.yml ~/prints --execute\n"
    "  hotbed sync printers.yml ~/prints --printer Ada --destination jobs --execute\n"
    "  hotbed sync printers.yml ~/prints --exclude 'draft*' --keep-excess --json report.json\n";

/* ---- Passwords ---- */

static const char *environment(const char *name)
{
    return getenv(name);
}

/* From the terminal, without showing it; NULL: there is none, or Ctrl-C. */
static char *ask_password(void *owner, const char *printer)
{
    (void)owner;
    FILE *terminal = fopen("/dev/tty", "r+e");
    struct termios before, hidden;
    if (terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        if (terminal != NULL) {
            fclose(terminal);
        }
        return NULL;
    }
    char line[512] = "";
    setvbuf(terminal, NULL, _IONBF, 0);
    hidden = before;
    hidden.c_lflag &= (tcflag_t)~ECHO;
    tcsetattr(fileno(terminal), TCSADRAIN,
              &hidden); /* before the question: who answers at once shows nothing */
    fprintf(terminal, "Password of %s: ", printer);
    bool got = fgets(line, sizeof line, terminal) != NULL && !cli_interrupted;
    tcsetattr(fileno(terminal), TCSADRAIN, &before);
    fputc('\n', terminal);
    fclose(terminal);
    line[strcspn(line, "\n")] = '\0';
    char *password = got && *line != '\0' ? memory_copy_text(line) : NULL;
    explicit_bzero(line, sizeof line);
    return password;
}

/* ---- What is to be done ---- */

static const char *const usual_suffixes[] = {"gcode", "bgcode", "sl1", "sl1s"};

struct job {
    const struct options *options;
    const char *path; /* the folder as named */
    struct sync_farm *farm;
    struct sync_folder folder;
    struct sync_rules rules;
    char *destination;
    struct sync_journal *journal;
    struct output_file json;
    FILE *console;
};

/* With --relative-to the folder lies below the destination as it lies below that one (SYNC-11). */
static bool find_destination(struct job *job, struct error *error)
{
    const struct options *options = job->options;
    const char *wanted = options->destination == NULL ? "" : options->destination;
    char base[PATH_MAX];
    if (options->relative_to == NULL) {
        job->destination = memory_copy_text(wanted);
        return true;
    }
    if (realpath(options->relative_to, base) == NULL) {
        return error_set(error, "--relative-to %s: %s", options->relative_to, strerror(errno));
    }
    size_t size = strlen(base);
    const char *root = job->folder.root;
    if (strncmp(root, base, size) != 0 || (root[size] != '/' && root[size] != '\0' && size > 1)) {
        return error_set(error, "--relative-to %s: expected the folder or one above it",
                         options->relative_to);
    }
    struct buffer out = {0};
    size_t length = strlen(wanted);
    while (length > 0 && wanted[length - 1] == '/') {
        length--;
    }
    const char *rest = root + size + strspn(root + size, "/");
    buffer_append(&out, wanted, length);
    buffer_format(&out, "%s%s", length > 0 && *rest != '\0' ? "/" : "", rest);
    job->destination = buffer_detach(&out);
    return true;
}

static bool read_folder(struct job *job, struct error *error)
{
    const struct options *options = job->options;
    job->rules = (struct sync_rules){
        .suffixes = options->suffixes.count > 0 ? options->suffixes.items : usual_suffixes,
        .suffix_count = options->suffixes.count > 0
                            ? options->suffixes.count
                            : sizeof usual_suffixes / sizeof *usual_suffixes,
        .include = options->include.items,
        .include_count = options->include.count,
        .exclude = options->exclude.items,
        .exclude_count = options->exclude.count};
    if (!sync_folder_read(&job->folder, job->path, &job->rules, error)) {
        return false;
    }
    return job->folder.count > 0 || options->keep_excess || options->allow_empty ||
           options->copy_back ||
           error_set(error,
                     "%s: there is no print file in it; --allow-empty if everything is to be "
                     "deleted from the printers",
                     job->path);
}

static void open_journal(struct job *job)
{
    struct error warning = {{0}};
    const struct options *options = job->options;
    char *place = options->journal != NULL ? memory_copy_text(options->journal)
                  : options->no_journal    ? NULL
                                           : sync_journal_place(job->farm->place);
    job->journal = place == NULL ? sync_journal_new() : sync_journal_open(place, &warning);
    if (warning.text[0] != '\0') {
        fprintf(stderr, "hotbed sync: %s\n", warning.text);
    }
    free(place);
}

static bool prepare(struct job *job, const char *farm, struct error *error)
{
    const struct options *options = job->options;
    bool asks = isatty(STDIN_FILENO) != 0;
    const struct sync_secrets secrets = {.environment = environment,
                                         .ask = asks ? ask_password : NULL};
    job->farm = sync_farm_load(farm, error);
    if (job->farm == NULL ||
        !sync_farm_select(job->farm, options->printers.items, options->printers.count,
                          options->skipped.items, options->skipped.count, error) ||
        !read_folder(job, error) || !find_destination(job, error) ||
        !sync_farm_passwords(job->farm, &secrets, error)) {
        return false;
    }
    char *probe =
        sync_destination(job->destination, "/usb", error); /* what no printer could have */
    bool good = probe != NULL;
    free(probe);
    if (!good || (options->json != NULL && strcmp(options->json, "-") != 0 &&
                  !output_file_open(&job->json, options->json, error))) {
        return false;
    }
    open_journal(job);
    return true;
}

static void job_free(struct job *job)
{
    output_file_drop(&job->json);
    sync_journal_destroy(job->journal);
    sync_folder_free(&job->folder);
    sync_farm_destroy(job->farm);
    free(job->destination);
}

/* ---- Doing it ---- */

static void save_journal(struct job *job)
{
    struct error error;
    if (job->options->execute && !sync_journal_save(job->journal, &error)) {
        fprintf(stderr, "hotbed sync: %s\n", error.text);
    }
}

static void fill_settings(struct job *job, bool copy_back, struct sync_settings *settings)
{
    const struct options *options = job->options;
    *settings = (struct sync_settings){
        .farm = job->farm,
        .folder = &job->folder,
        .policy = {.tolerance_s = options->tolerance_us / 1000000,
                   .keep_excess = options->keep_excess || options->copy_back,
                   .delete_folders = options->delete_folders,
                   .delete_max = options->delete_max_given ? (size_t)options->delete_max : SIZE_MAX,
                   .rules = &job->rules},
        .destination = job->destination,
        .execute = options->execute,
        .any_state = options->any_state,
        .compare_content = options->compare,
        .verify_content = options->verify,
        .copy_back = copy_back,
        .jobs = (unsigned)options->jobs,
        .retries = (unsigned)options->retries,
        .timeout_us = options->timeout_us,
        .journal = job->journal};
}

static void turn(struct job *job, struct world *world, struct sync_run *run)
{
    int64_t saved_us = world->now_us;
    const volatile bool *over = sync_run_over(run);
    while (!*over) {
        world_step(world, world->now_us + MILLISECONDS(200));
        if (cli_interrupted) {
            sync_run_stop(run);
        }
        if (world->now_us - saved_us > JOURNAL_GAP_US) {
            saved_us = world->now_us;
            save_journal(job);
        }
    }
}

static bool run_once(struct job *job, bool copy_back, struct sync_report *report,
                     struct error *error)
{
    struct world world;
    struct sync_settings settings;
    struct sync_progress progress;
    const struct tls_settings tls = {.ca_file = job->options->ca,
                                     .insecure = job->options->insecure};
    world_init(&world, 1);
    struct real_driver *driver = real_driver_new(&world, error);
    struct link_transport *transport =
        driver != NULL ? link_transport_curl(driver, &tls, error) : NULL;
    bool done = transport != NULL;
    bool shown = !job->options->quiet && isatty(STDERR_FILENO) != 0;
    fill_settings(job, copy_back, &settings);
    sync_report_init(report, job->farm->count);
    report->folder = job->folder.root;
    report->files = job->folder.count;
    report->bytes = job->folder.bytes;
    report->ignored = job->folder.ignored_count;
    if (done) {
        struct sync_run *run = sync_run_new(transport, &settings, report);
        if (shown) {
            sync_progress_begin(&progress, &world, report, stderr);
        }
        sync_run_start(run);
        turn(job, &world, run);
        if (shown) {
            sync_progress_end(&progress);
        }
        sync_run_destroy(run);
        save_journal(job);
    }
    link_transport_destroy(transport);
    if (driver != NULL) {
        real_driver_destroy(driver);
    }
    world_free(&world);
    return done;
}

/* What only printers have comes first, so that it is in the folder when the others are brought into
 * step with it. */
static bool run_all(struct job *job, struct sync_report *report, struct error *error)
{
    struct sync_report earlier = {0};
    bool done = !job->options->copy_back || run_once(job, true, &earlier, error);
    if (done && earlier.interrupted) {
        *report = earlier;
        return true;
    }
    if (done && job->options->copy_back) {
        sync_folder_free(&job->folder);
        done = read_folder(job, error);
    }
    done = done && run_once(job, false, report, error);
    if (done && job->options->copy_back) {
        sync_report_join(report, &earlier);
    }
    sync_report_free(&earlier);
    return done;
}

static int tell(struct job *job, const struct sync_report *report)
{
    struct buffer text = {0};
    struct error error;
    int code = sync_report_exit_code(report);
    if (job->options->json != NULL) {
        sync_report_json(report, &text);
        if (job->json.file == NULL) {
            fwrite(text.bytes, 1, text.size, stdout);
        } else {
            output_file_write(&job->json, text.bytes, text.size);
            if (!output_file_close(&job->json, &error)) {
                fprintf(stderr, "hotbed sync: %s\n", error.text);
                code = CLI_BAD_USAGE;
            }
        }
        buffer_clear(&text);
    }
    if (!job->options->quiet) {
        sync_report_text(report, job->options->verbose, &text);
        fwrite(text.bytes, 1, text.size, job->console);
    }
    buffer_free(&text);
    return code;
}

static int run_sync(const struct options *options, const char *farm, const char *folder)
{
    struct error error = {{0}};
    struct job job = {.options = options, .path = folder, .console = stdout};
    if (options->json != NULL && strcmp(options->json, "-") == 0) {
        job.console = stderr;
    }
    int code = CLI_BAD_USAGE;
    cli_catch_signals();
    struct sync_report report = {0};
    if (prepare(&job, farm, &error) && run_all(&job, &report, &error)) {
        code = tell(&job, &report);
    } else if (cli_interrupted) {
        code = CLI_INTERRUPTED;
    } else {
        fprintf(stderr, "hotbed sync: %s\n", error.text);
    }
    sync_report_free(&report);
    job_free(&job);
    return code;
}

static int check_options(const struct cli_usage *usage, const struct options *o,
                         const struct cli_list *arguments)
{
    if (arguments->count != 2) {
        return cli_complain(usage, "expected a farm file and a folder");
    }
    if (o->jobs < 1 || o->jobs > JOBS_MAX) {
        return cli_complain(usage, "--jobs: expected a number from 1 to %d", JOBS_MAX);
    }
    if (o->retries > RETRIES_MAX) {
        return cli_complain(usage, "--retries: expected a number up to %d", RETRIES_MAX);
    }
    if (o->timeout_us < SECONDS(1)) {
        return cli_complain(usage, "--timeout: expected at least 1s");
    }
    if (o->any_state && o->idle_only) {
        return cli_complain(usage, "--idle-only and --any-state exclude each other");
    }
    if (o->journal != NULL && o->no_journal) {
        return cli_complain(usage, "--journal and --no-journal exclude each other");
    }
    for (size_t i = 0; i < o->suffixes.count; i++) {
        if (*o->suffixes.items[i] == '\0' || strpbrk(o->suffixes.items[i], "./,*") != NULL) {
            return cli_complain(usage,
                                "--suffix %s: expected one suffix without its dot, such as gcode",
                                o->suffixes.items[i]);
        }
    }
    return -1;
}

int cli_sync(int argc, char **argv)
{
    struct options o = {.jobs = 16,
                        .retries = 3,
                        .timeout_us = SECONDS(30),
                        .tolerance_us = SECONDS(60),
                        .delete_max = 0};
    /* An option a row. */
    /* clang-format off */
    const struct cli_option table[] = {
        {"execute", CLI_FLAG, &o.execute, NULL, "do it; without it only tell what would be done", NULL},
        {"destination", CLI_TEXT, &o.destination, "PATH",
         "folder on the printers: \"jobs\", \"/usb/jobs\"; default the\nwhole storage", NULL},
        {"relative-to", CLI_TEXT, &o.relative_to, "FOLDER",
         "a folder above: the way from there is repeated on the printers", NULL},
        {"printer", CLI_LIST, &o.printers, "NAME", "only this one; may be repeated", NULL},
        {"skip", CLI_LIST, &o.skipped, "NAME", "not this one; may be repeated", NULL},
        {"include", CLI_LIST, &o.include, "PATTERN", "only files whose path or name matches, as a shell has it", NULL},
        {"exclude", CLI_LIST, &o.exclude, "PATTERN", "leave these alone, here and on the printers", NULL},
        {"suffix", CLI_LIST, &o.suffixes, "SUFFIX", "instead of gcode, bgcode, sl1 and sl1s; may be repeated", NULL},
        {"idle-only", CLI_FLAG, &o.idle_only, NULL, "leave printers alone that are not idle (the default)", NULL},
        {"any-state", CLI_FLAG, &o.any_state, NULL, "work on them all the same", NULL},
        {"keep-excess", CLI_FLAG, &o.keep_excess, NULL, "delete nothing", NULL},
        {"delete-folders", CLI_FLAG, &o.delete_folders, NULL, "also empty folders that are not here", NULL},
        {"max-delete", CLI_NUMBER, &o.delete_max, "N", "delete nothing on a printer where it would be more files",
         &o.delete_max_given},
        {"allow-empty", CLI_FLAG, &o.allow_empty, NULL, "accept a folder without any print file", NULL},
        {"copy-back", CLI_FLAG, &o.copy_back, NULL,
         "fetch files that are only on printers into the folder first,\nand delete nothing", NULL},
        {"tolerance", CLI_DURATION, &o.tolerance_us, "TIME", "a file is newer when it is by more; default 60s", NULL},
        {"compare-content", CLI_FLAG, &o.compare, NULL, "download what looks the same, and compare it", NULL},
        {"verify-content", CLI_FLAG, &o.verify, NULL,
         "download what was uploaded, and compare it; size and time\nare looked at always", NULL},
        {"jobs", CLI_NUMBER, &o.jobs, "N", "printers at a time; default 16", NULL},
        {"retries", CLI_NUMBER, &o.retries, "N", "of what fails for a moment; default 3", NULL},
        {"timeout", CLI_DURATION, &o.timeout_us, "TIME", "without a byte from a printer; default 30s", NULL},
        {"journal", CLI_TEXT, &o.journal, "FILE",
         "where to write down what was brought to whom, which makes\nclocks and time zones of printers irrelevant; default in\n"
         "~/.local/state/hotbed/sync",
         NULL},
        {"no-journal", CLI_FLAG, &o.no_journal, NULL, "write nothing down", NULL},
        {"ca", CLI_TEXT, &o.ca, "FILE", "trust these certificates (PEM) instead of the system's", NULL},
        {"insecure", CLI_FLAG, &o.insecure, NULL, "accept any certificate", NULL},
        {"json", CLI_TEXT, &o.json, "FILE", "the report for programs; - is standard output", NULL},
        {"verbose", CLI_FLAG, &o.verbose, NULL, "a line for each thing done, too", NULL},
        {"quiet", CLI_FLAG, &o.quiet, NULL, "no progress, no report", NULL},
        {.name = NULL},
    };
    /* clang-format on */
    const struct cli_usage usage = {.line = "sync FARM.yaml FOLDER [OPTION...]",
                                    .about = about,
                                    .options = table,
                                    .example = example};
    struct cli_list arguments = {0};
    int code = cli_parse(argc, argv, &usage, &arguments);
    code = code == -1 ? check_options(&usage, &o, &arguments) : code;
    if (code == -1) {
        code = run_sync(&o, arguments.items[0], arguments.items[1]);
    }
    struct cli_list *const lists[] = {&arguments, &o.printers, &o.skipped,
                                      &o.include, &o.exclude,  &o.suffixes};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        cli_list_free(lists[i]);
    }
    return code;
}
