#ifndef HOTBED_CLI_PRINTER_OPTIONS_H
#define HOTBED_CLI_PRINTER_OPTIONS_H

#include "harness/cli/cli.h"
#include "harness/cli/printer_serve.h"

/* What `hotbed printer` can be told. Texts point into argv. */
struct printer_options {
    const char *connect, *ini, *token, *serial, *name, *location, *firmware, *host, *sdk,
        *model_file;
    const char *directory, *print, *ca, *trace;
    struct cli_list files, faults, spoils, quirks, cameras;
    struct printer_serve serve; /* its `at` NULL: no PrusaLink */
    uint64_t seed, index, job_counter, room, count;
    int64_t telemetry_interval_us, duration_us;
    bool no_quirks, list_quirks, list_misbehaviours, websocket, insecure, quiet, room_given,
        duration_given, telemetry_given, minimal;
};

/* As cli_parse(): -1 to go on. printer_options_free() in either case. */
int printer_options_parse(struct printer_options *options, int argc, char **argv,
                          struct cli_list *models);
void printer_options_free(struct printer_options *options);

#endif
