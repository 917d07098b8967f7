#include "harness/cli/printer_options.h"

#include <assert.h>
#include <string.h>

enum { ROOM_MAX_C = 80, COUNT_MAX = 10000, OPTIONS_MAX = 64 };

static const char *const about = "Play one virtual printer in real time: it boots, registers with "
                                 "the server (or uses the token of --token, the\n"
                                 "environment variable HOTBED_TOKEN or --ini), sends telemetry and "
                                 "does what it is told, until it is interrupted.\n"
                                 "With --prusalink it is a server as well, or only that.";

static const char *const example =
    "  hotbed mock connect --listen 127.0.0.1:8080 &\n"
    "  hotbed printer mk3s --connect http://127.0.0.1:8080 --duration 20s\n"
    "  hotbed printer mk4 --prusalink 8017 --count 3 --duration 20s\n";

/* Values that the types of the options let through, and options that need or exclude each other. */
static int check_options(const struct cli_usage *usage, const struct printer_options *options)
{
    const struct printer_serve *serve = &options->serve;
    if (options->connect == NULL && options->ini == NULL && serve->at == NULL) {
        return cli_complain(
            usage,
            "whom does it talk to? --connect URL or --ini FILE names its server, --prusalink "
            "PORT serves by itself");
    }
    if (serve->at == NULL &&
        (serve->user != NULL || serve->password != NULL || serve->api_key != NULL ||
         serve->upload_rate != NULL || serve->update != NULL || serve->misbehave.count > 0)) {
        return cli_complain(usage, "--user, --password, --api-key, --upload-rate, --update and "
                                   "--misbehave need --prusalink");
    }
    if (options->count < 1 || options->count > COUNT_MAX) {
        return cli_complain(usage, "--count: expected 1 to %d", COUNT_MAX);
    }
    if (options->count > 1 &&
        (options->serial != NULL || options->token != NULL || options->ini != NULL ||
         options->directory != NULL || options->cameras.count > 0)) {
        return cli_complain(usage, "--serial, --token, --ini, --directory and --camera are of one "
                                   "printer, not of --count of them");
    }
    if (options->minimal && !options->telemetry_given) {
        return cli_complain(usage, "--minimal needs --telemetry-interval");
    }
    if (options->telemetry_given && options->telemetry_interval_us == 0) {
        return cli_complain(usage, "--telemetry-interval must be longer than 0");
    }
    if (options->directory != NULL && options->files.count > 0) {
        return cli_complain(usage, "--directory is the only storage then; put the --file there");
    }
    if (options->room_given && options->room > ROOM_MAX_C) {
        return cli_complain(usage, "--room: expected 0 to %d degrees Celsius", ROOM_MAX_C);
    }
    if (options->job_counter > INT32_MAX) {
        return cli_complain(usage, "--job-counter: expected 0 to %d", INT32_MAX);
    }
    return -1;
}

/* Whom it talks to, and as whom. */
static size_t faces(struct printer_options *o, struct cli_option *out)
{
    const struct cli_option options[] = {
        {"connect", CLI_TEXT, &o->connect, "URL",
         "speak Prusa Connect with the server at http(s)://HOST[:PORT]", NULL},
        {"ini", CLI_TEXT, &o->ini, "FILE",
         "take server, token and names from a prusa_printer_settings.ini", NULL},
        {"websocket", CLI_FLAG, &o->websocket, NULL,
         "speak to it over a WebSocket, as Buddy firmware can be built", NULL},
        {"prusalink", CLI_TEXT, &o->serve.at, "PORT",
         "serve PrusaLink in the dialect of the model, at 127.0.0.1 or at\nHOST:PORT; 0: a free "
         "port, which is printed",
         NULL},
        {"user", CLI_TEXT, &o->serve.user, "NAME", "of PrusaLink; default maker", NULL},
        {"password", CLI_TEXT, &o->serve.password, "TEXT",
         "of PrusaLink; better kept in HOTBED_PASSWORD;\ndefault made from the serial number, and "
         "printed",
         NULL},
        {"api-key", CLI_TEXT, &o->serve.api_key, "TEXT",
         "of PrusaLink; better kept in HOTBED_API_KEY; default as delivered", NULL},
        {"upload-rate", CLI_TEXT, &o->serve.upload_rate, "RATE",
         "bytes a second that PrusaLink takes in, or what the real\nboard does: board, ethernet, "
         "wifi; default all",
         NULL},
        {"update", CLI_TEXT, &o->serve.update, "VERSION",
         "a newer version of the PrusaLink beside an MK3S that its user\ncan install; \"\": "
         "looking "
         "for one fails",
         NULL},
        {"misbehave", CLI_LIST, &o->serve.misbehave, "NAME[=ARG][@PLACE]",
         "let PrusaLink break its protocol in this way; may be given several times", NULL},
        {"list-misbehaviours", CLI_FLAG, &o->list_misbehaviours, NULL,
         "tell which there are, run nothing", NULL},
        {"count", CLI_NUMBER, &o->count, "N",
         "a row of printers, on ports one behind the other; default 1", NULL},
        {"token", CLI_TEXT, &o->token, "TOKEN",
         "be registered already; better kept in HOTBED_TOKEN", NULL},
        {"serial", CLI_TEXT, &o->serial, "TEXT", "serial number; default made from seed and index",
         NULL},
        {"name", CLI_TEXT, &o->name, "TEXT", "name of the printer; default MODEL-INDEX", NULL},
        {"location", CLI_TEXT, &o->location, "TEXT", "location, as the ini file has it", NULL},
        {"firmware", CLI_TEXT, &o->firmware, "TEXT", "firmware version; default the model's", NULL},
        {"host", CLI_TEXT, &o->host, "HOST",
         "prusalink (default), or sdk: a bare program on the SDK", NULL},
        {"camera", CLI_LIST, &o->cameras, "NAME[,SCHEME[,SIZE]]",
         "register a camera, too, and send its pictures, e.g. "
         "\"Bench,TEN_SEC,640x480\";\nPrusaLink "
         "shows them as well; may be given several times",
         NULL},
        {"sdk", CLI_TEXT, &o->sdk, "VERSION", "0.7.1, 0.8.0 or 0.8.1 (default)", NULL},
        {"no-quirks", CLI_FLAG, &o->no_quirks, NULL,
         "without the known defects of the real printer", NULL},
        {"quirk", CLI_LIST, &o->quirks, "ID=on|off",
         "one of them, e.g. Q-24=off; may be given several times", NULL},
        {"list-quirks", CLI_FLAG, &o->list_quirks, NULL, "tell which there are, run nothing", NULL},
    };
    memcpy(out, options, sizeof options);
    return sizeof options / sizeof *options;
}

/* What it does and with what. */
static size_t doings(struct printer_options *o, struct cli_option *out)
{
    const struct cli_option options[] = {
        {"telemetry-interval", CLI_DURATION, &o->telemetry_interval_us, "TIME",
         "send everything known this often, instead of what\nthe host program would",
         &o->telemetry_given},
        {"minimal", CLI_FLAG, &o->minimal, NULL, "with it: send the state alone", NULL},
        {"file", CLI_LIST, &o->files, "FILE",
         "put this file into its first storage; may be given several times", NULL},
        {"directory", CLI_TEXT, &o->directory, "DIR", "a real directory as its only storage", NULL},
        {"print", CLI_TEXT, &o->print, "PATH",
         "start this print, e.g. \"/PrusaLink gcodes/cube.gcode\"", NULL},
        {"fault", CLI_LIST, &o->faults, "NAME", "a fault of the machine, e.g. nozzle-heater-dead",
         NULL},
        {"spoil", CLI_LIST, &o->spoils, "VERB=FILTER[:ARG]",
         "spoil its requests, e.g. drop-json=telemetry:state;\ndocs/scenarios.md has all verbs",
         NULL},
        {"job-counter", CLI_NUMBER, &o->job_counter, "N", "id of its last job; default 0", NULL},
        {"room", CLI_NUMBER, &o->room, "C", "room temperature; default 25", &o->room_given},
        {"model-file", CLI_TEXT, &o->model_file, "FILE", "a model of your own instead of MODEL",
         NULL},
        {"ca", CLI_TEXT, &o->ca, "FILE", "trust these certificates (PEM) instead of the system's",
         NULL},
        {"insecure", CLI_FLAG, &o->insecure, NULL, "accept any certificate", NULL},
        {"seed", CLI_NUMBER, &o->seed, "N", "what chance follows; default 1", NULL},
        {"index", CLI_NUMBER, &o->index, "N", "which of the printers of that seed; default 0",
         NULL},
        {"duration", CLI_DURATION, &o->duration_us, "TIME", "end by itself after this time",
         &o->duration_given},
        {"trace", CLI_TEXT, &o->trace, "FILE", "record every message there (NDJSON)", NULL},
        {"quiet", CLI_FLAG, &o->quiet, NULL,
         "tell nothing but errors; the default in a pipe, but for the code", NULL},
    };
    memcpy(out, options, sizeof options);
    return sizeof options / sizeof *options;
}

int printer_options_parse(struct printer_options *o, int argc, char **argv, struct cli_list *models)
{
    struct cli_option options[OPTIONS_MAX] = {{0}};
    *o = (struct printer_options){.seed = 1, .count = 1};
    size_t count = faces(o, options);
    count += doings(o, options + count); /* the rest stays zeroed: that ends the table */
    assert(count < OPTIONS_MAX);
    const struct cli_usage usage = {.line = "printer MODEL [OPTION...]",
                                    .about = about,
                                    .options = options,
                                    .example = example};
    int result = cli_parse(argc, argv, &usage, models);
    bool plays = result == -1 && !o->list_quirks && !o->list_misbehaviours;
    if (plays && models->count + (o->model_file != NULL) != 1) {
        result = cli_complain(&usage, "expected one model");
    } else if (plays) {
        result = check_options(&usage, o);
    }
    return result;
}

void printer_options_free(struct printer_options *options)
{
    cli_list_free(&options->files);
    cli_list_free(&options->faults);
    cli_list_free(&options->spoils);
    cli_list_free(&options->quirks);
    cli_list_free(&options->cameras);
    cli_list_free(&options->serve.misbehave);
}
