#include <stdio.h>
#include <string.h>

#include "harness/check/registry.h"
#include "harness/cli/check_link.h"
#include "harness/cli/check_sync.h"
#include "harness/cli/suite_options.h"

static const char about[] =
    "Judge one side of a protocol, with hotbed playing the other: connect-printer or "
    "connect-server\n"
    "as said here; prusalink, prusalink-client and sync have options of their own (hotbed check "
    "prusalink --help).\n"
    "Without an address both sides are ours, in virtual time, and all must hold. With --listen "
    "the\n"
    "printer is a device that comes there; with URL the server is the one at that address. Then a\n"
    "broken contract fails, a broken fidelity warns (--strict: fails), a missing quirk is told, "
    "and\n"
    "what can't be judged from outside is skipped with the reason.\n"
    "A device that comes to --listen is given commands: it prints one of its files a few times, "
    "makes and\n"
    "deletes folders, is reset; a print that is under way is stopped. With --watch it is left "
    "alone.";

static const char example[] =
    "  hotbed check connect-printer\n"
    "  hotbed check connect-printer --only CON-CMD-01,CON-CMD-02 --junit report.xml\n"
    "  hotbed check connect-printer --list\n"
    "  hotbed check connect-printer --listen 0.0.0.0:8080 --watch 5m\n"
    "  hotbed check connect-server http://127.0.0.1:8080 --control http://127.0.0.1:8081\n"
    "  hotbed check connect-server --misbehave telemetry-status=503";

static bool is_subject(const char *name)
{
    for (size_t i = 0; registry_subjects[i] != NULL; i++) {
        if (strcmp(registry_subjects[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* What concerns a device from outside. */
struct device_options {
    const char *listen, *certificate, *key;
    int64_t watch_us;
    bool watch, bare_sdk;
};

static int check(const struct cli_usage *usage, struct suite_options *options,
                 const struct cli_list *arguments, const struct device_options *device)
{
    const char *listen = device->listen;
    if (listen == NULL &&
        (device->watch || device->bare_sdk || device->certificate != NULL || device->key != NULL)) {
        return cli_complain(
            usage, "--watch, --bare-sdk, --tls-cert and --tls-key are for a device that comes to "
                   "--listen");
    }
    if ((device->certificate == NULL) != (device->key == NULL)) {
        return cli_complain(usage, "--tls-cert and --tls-key go together");
    }
    if (arguments->count == 0 || !is_subject(arguments->items[0])) {
        return cli_complain(usage, "the subject must be connect-printer, connect-server, "
                                   "prusalink, prusalink-client or sync");
    }
    const char *subject = arguments->items[0];
    bool server = strcmp(subject, "connect-server") == 0;
    const char *url = arguments->count > 1 ? arguments->items[1] : NULL;
    if (arguments->count > (server ? 2 : 1) || (listen != NULL && server)) {
        return cli_complain(usage, server ? "expected connect-server [URL]"
                                          : "expected connect-printer [--listen ADDRESS]");
    }
    struct error error;
    struct endpoint endpoint;
    if (url != NULL && !endpoint_parse(&endpoint, url, NULL, &error)) {
        return cli_complain(usage, "%s", error.text);
    }
    struct ground_targets targets = {.connect_url = url,
                                     .printer_listen = listen,
                                     .listen_certificate = device->certificate,
                                     .listen_key = device->key,
                                     .bare_sdk = device->bare_sdk,
                                     .send_template = options->send,
                                     .control_url = options->control,
                                     .ca_file = options->ca,
                                     .insecure = options->insecure};
    struct definitions definitions = {0};
    int code = CLI_BAD_USAGE;
    if (registry_subject(&definitions, subject, &error)) {
        options->real = options->real || url != NULL || listen != NULL;
        char again[600];
        snprintf(again, sizeof again, "hotbed check %s%s%s%s%s%s", subject, url != NULL ? " " : "",
                 url != NULL ? url : "", listen != NULL ? " --listen " : "",
                 listen != NULL ? listen : "",
                 options->real && url == NULL && listen == NULL ? " --real" : "");
        struct suite_settings settings = {.title = subject,
                                          .again = again,
                                          .targets = &targets,
                                          .watch = device->watch,
                                          .watch_us = device->watch_us};
        const char *what = url != NULL      ? url
                           : listen != NULL ? "a printer from outside"
                           : options->real  ? "our own, in real time"
                                            : "our own, in virtual time";
        code = suite_options_run(usage, options, &settings, what, &definitions);
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    definitions_free(&definitions);
    return code;
}

/* Subjects with options of their own. */
static const struct cli_command others[] = {
    {"prusalink", "any PrusaLink server, ours or a real printer", cli_check_link},
    {"prusalink-client", "any PrusaLink client", cli_check_link_client},
    {"sync", "a tool that brings printers into step with a folder", cli_check_sync},
};

int cli_check(int argc, char **argv)
{
    const struct cli_command *other =
        argc > 1 ? cli_find(others, sizeof others / sizeof *others, argv[1]) : NULL;
    if (other != NULL) {
        return other->run(argc - 1, argv + 1);
    }
    struct suite_options options = {.seed = 1, .wires = SUITE_CONNECT};
    struct cli_list arguments = {0};
    struct device_options device = {0};
    const struct cli_option table[] = {
        {"listen", CLI_TEXT, &device.listen, "ADDRESS:PORT", "judge the device that comes here",
         NULL},
        {"tls-cert", CLI_TEXT, &device.certificate, "FILE", "PEM chain: it comes by TLS", NULL},
        {"tls-key", CLI_TEXT, &device.key, "FILE", "PEM key of it", NULL},
        {"watch", CLI_DURATION, &device.watch_us, "TIME",
         "for so long, by what it does by itself: no command is sent", &device.watch},
        {"bare-sdk", CLI_FLAG, &device.bare_sdk, NULL, "as a host of the SDK that is no PrusaLink",
         NULL},
        {"strict", CLI_FLAG, &options.strict, NULL, "a broken fidelity of a stranger is a failure",
         NULL},
        SUITE_OPTION_ROWS(&options, "hotbed mock connect\n--list-misbehaviours tells them"),
        SUITE_QUIRKS_ROW(&options),
        SUITE_TIME_ROWS(&options),
        SUITE_CONNECT_ROWS(&options),
        SUITE_SERVER_ROWS(&options),
        {NULL, CLI_FLAG, NULL, NULL, NULL, NULL},
    };
    const struct cli_usage usage = {.line = "check SUBJECT [URL] [OPTION...]",
                                    .about = about,
                                    .options = table,
                                    .example = example};
    int code = cli_parse(argc, argv, &usage, &arguments);
    if (code == -1) {
        code = check(&usage, &options, &arguments, &device);
    }
    cli_list_free(&arguments);
    suite_options_free(&options);
    return code;
}
