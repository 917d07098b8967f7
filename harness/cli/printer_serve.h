#ifndef HOTBED_CLI_PRINTER_SERVE_H
#define HOTBED_CLI_PRINTER_SERVE_H

#include "harness/cli/cli.h"
#include "sim/printer/printer.h"

/* --prusalink of `hotbed printer`: where its printers listen, as whom one logs in, how it is told.
 */
struct printer_serve {
    /* As given; NULL, or the environment. */
    const char *at; /* PORT or HOST:PORT */
    const char *user, *password, *api_key;
    const char *upload_rate;   /* of link_upload_rate() */
    const char *update;        /* of link_settings */
    struct cli_list misbehave; /* of sim/protocol/link/misbehave.h */
    /* Made of it. */
    struct endpoint place;
    struct link_settings settings;
    struct endpoint connect; /* of `settings`: whose host it names */
};

/* False with the reason: no address, or nothing that this model's server allows. `connect` is the
 * URL of Connect, NULL: none. */
bool printer_serve_prepare(struct printer_serve *serve, const struct model *model, const char *name,
                           const char *location, const char *connect, uint64_t quirks,
                           struct error *error);
/* Tell which misbehaviours there are. */
void printer_serve_list_misbehaviours(void);
/* The printer is on: it listens, the first at the port that was asked for, the others behind it;
 * and its user is told so on standard output. A password that was given is not repeated. */
bool printer_serve_open(struct printer_serve *serve, struct printer *printer, size_t index,
                        struct error *error);

#endif
