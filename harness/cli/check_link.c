#include "harness/cli/check_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/check/registry.h"
#include "harness/cli/suite_options.h"

static const char about[] = "Judge a PrusaLink server by what prusalink.md says of its dialect: "
                            "the Raspberry Pi's, Buddy firmware's or\n"
                            "SL1's, which it finds out by itself. Without an address our own "
                            "printers of each dialect are judged in\n"
                            "virtual time, and all must hold. With URL it is the server there, a "
                            "real printer as well: then a broken\n"
                            "contract fails, a broken fidelity warns (--strict: fails), a missing "
                            "quirk is told, and it is only read\n"
                            "unless you allow more. What is not allowed, or can't be judged from "
                            "outside, is skipped with the reason.\n"
                            "--allow-write uploads, makes folders and deletes, all inside a folder "
                            "of its own (hotbed-check-…) that\n"
                            "is removed at the end. --allow-print, with it, starts, pauses and "
                            "stops prints that move and heat nothing;\n"
                            "a printer that prints somebody else's file is left alone.\n"
                            "The password is better kept in the environment than on the command "
                            "line, where others see it:\n"
                            "HOTBED_PRUSALINK_USER, HOTBED_PRUSALINK_PASSWORD and "
                            "HOTBED_PRUSALINK_API_KEY stand for the options.";

static const char example[] =
    "  hotbed check prusalink\n"
    "  hotbed check prusalink --model mini --only PL-AUTH-05,PL-STAT-01\n"
    "  hotbed check prusalink --list\n"
    "  HOTBED_PRUSALINK_PASSWORD=secret hotbed check prusalink http://192.168.1.20 --user maker\n"
    "  hotbed check prusalink http://192.168.1.20 --password secret --allow-write --junit "
    "report.xml\n"
    "  hotbed check prusalink --misbehave link:status=500@GET/api/version";

/* Who may do what at the server. */
struct link_options {
    const char *user, *password, *api_key;
    bool write, print, no_quirks;
};

static const char *from_environment(const char *given, const char *name)
{
    const char *value = given != NULL ? given : getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static int complain_of(const struct cli_usage *usage, const struct link_options *link,
                       const char *url)
{
    if (url == NULL && (link->user != NULL || link->password != NULL || link->api_key != NULL ||
                        link->write || link->print)) {
        return cli_complain(
            usage, "--user, --password, --api-key and --allow-... are for a server at URL");
    }
    if (link->print && !link->write) {
        return cli_complain(usage,
                            "--allow-print needs --allow-write: what is printed must be uploaded");
    }
    return -1;
}

static int play(const struct cli_usage *usage, struct suite_options *options,
                const struct link_options *link, const char *url)
{
    char folder[40], again[700];
    /* Nobody else's, and the next run's is another one. */
    snprintf(folder, sizeof folder, "hotbed-check-%08llx",
             (unsigned long long)time(NULL) & 0xFFFFFFFFu);
    struct ground_targets targets = {
        .link_url = url,
        .link_user = from_environment(link->user, "HOTBED_PRUSALINK_USER"),
        .link_password = from_environment(link->password, "HOTBED_PRUSALINK_PASSWORD"),
        .link_api_key = from_environment(link->api_key, "HOTBED_PRUSALINK_API_KEY"),
        .link_folder = folder,
        .link_write = link->write,
        .link_print = link->print,
        .link_patient = options->only.count > 0,
        .ca_file = options->ca,
        .insecure = options->insecure};
    if (url != NULL && !options->list && targets.link_password == NULL &&
        targets.link_api_key == NULL) {
        return cli_complain(usage, "a password is needed, HOTBED_PRUSALINK_PASSWORD, or a key, "
                                   "HOTBED_PRUSALINK_API_KEY; any key does for a server that "
                                   "asks for none");
    }
    snprintf(again, sizeof again, "hotbed check prusalink%s%s%s%s%s%s%s", url != NULL ? " " : "",
             url != NULL ? url : "", targets.link_user != NULL && url != NULL ? " --user " : "",
             targets.link_user != NULL && url != NULL ? targets.link_user : "",
             link->write ? " --allow-write" : "", link->print ? " --allow-print" : "",
             options->real && url == NULL ? " --real" : "");
    options->real = options->real || url != NULL;
    struct definitions definitions = {0};
    struct error error;
    int code = CLI_BAD_USAGE;
    if (registry_subject(&definitions, "prusalink", &error)) {
        if (link->no_quirks &&
            options->only.count ==
                0) { /* what else is judged is judged on the real thing's likes */
            registry_drop_kind(&definitions, "quirk");
        }
        struct suite_settings settings = {
            .title = "prusalink", .again = again, .targets = &targets};
        const char *what = url != NULL     ? url
                           : options->real ? "our own, in real time"
                                           : "our own, in virtual time";
        code = suite_options_run(usage, options, &settings, what, &definitions);
    } else {
        fprintf(stderr, "hotbed: %s\n", error.text);
    }
    definitions_free(&definitions);
    return code;
}

static int check(const struct cli_usage *usage, struct suite_options *options,
                 const struct link_options *link, const struct cli_list *arguments)
{
    const char *url = arguments->count > 0 ? arguments->items[0] : NULL;
    struct endpoint endpoint;
    struct error error;
    const char *path = NULL;
    if (arguments->count > 1) {
        return cli_complain(usage, "expected prusalink [URL]");
    }
    if (url != NULL && !endpoint_parse(&endpoint, url, &path, &error)) {
        return cli_complain(usage, "%s", error.text);
    }
    if (path != NULL && *path != '\0' && strcmp(path, "/") != 0) {
        return cli_complain(usage, "%s: expected the address of a printer, without a path", url);
    }
    int code = complain_of(usage, link, url);
    return code != -1 ? code : play(usage, options, link, url);
}

int cli_check_link(int argc, char **argv)
{
    struct suite_options options = {.seed = 1, .wires = SUITE_LINK};
    struct cli_list arguments = {0};
    struct link_options link = {0};
    const struct cli_option table[] = {
        {"user", CLI_TEXT, &link.user, "NAME", "of the server; default maker", NULL},
        {"password", CLI_TEXT, &link.password, "TEXT", "of the user", NULL},
        {"api-key", CLI_TEXT, &link.api_key, "TEXT",
         "X-Api-Key; with a password, both ways are judged", NULL},
        {"allow-write", CLI_FLAG, &link.write, NULL,
         "upload, make folders and delete, in a folder of its own", NULL},
        {"allow-print", CLI_FLAG, &link.print, NULL, "start, pause and stop prints of its own",
         NULL},
        {"strict", CLI_FLAG, &options.strict, NULL, "a broken fidelity of a stranger is a failure",
         NULL},
        SUITE_OPTION_ROWS(&options, "link: and one of hotbed\nprinter --list-misbehaviours"),
        {"no-quirks", CLI_FLAG, &link.no_quirks, NULL, "leave out the checks of known defects",
         NULL},
        SUITE_TIME_ROWS(&options),
        SUITE_SERVER_ROWS(&options),
        {NULL, CLI_FLAG, NULL, NULL, NULL, NULL},
    };
    const struct cli_usage usage = {.line = "check prusalink [URL] [OPTION...]",
                                    .about = about,
                                    .options = table,
                                    .example = example};
    int code = cli_parse(argc, argv, &usage, &arguments);
    if (code == -1) {
        code = check(&usage, &options, &link, &arguments);
    }
    cli_list_free(&arguments);
    suite_options_free(&options);
    return code;
}
