#ifndef HOTBED_SCRIPT_GROUND_H
#define HOTBED_SCRIPT_GROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/error.h"
#include "sim/base/world.h"
#include "sim/wire/service.h"
#include "sim/wire/stream.h"

/* Where scenarios take place: a world, the network that printers connect through, and a way to
 * listen. In virtual time each scenario has one of its own; in real time all share one. */

/* Who plays a role instead of us, and how that somebody is reached. All NULL: nobody. Texts outlive
 * the ground. */
struct ground_targets {
    const char *connect_url;    /* a server that is not ours */
    const char *control_url;    /* it is a `hotbed mock connect`: its control endpoint */
    const char *send_template;  /* a shell command that makes it send a command */
    const char *printer_listen; /* a device comes to our server here: "ADDRESS:PORT" */
    const char *listen_certificate, *listen_key; /* PEM: it comes by TLS; NULL: by plain TCP */
    const char *link_url;                        /* a PrusaLink server that is not ours */
    const char *link_user, *link_password, *link_api_key;
    const char *link_folder;     /* what may be made and removed in its storage */
    bool link_write, link_print; /* what it may be made to do, besides being read */
    bool link_patient;           /* checks that take minutes take place */
    int64_t link_by_hand_us;     /* a client is used by hand for so long; 0: it is not */
    const char *const
        *command;        /* a program that is judged: its words, NULL at the end; NULL: ours */
    bool bare_sdk;       /* that device is a host of the SDK that is no PrusaLink */
    const char *ca_file; /* CA certificates to trust besides; NULL: the system's alone */
    bool insecure;       /* don't verify certificates */
};

struct ground;
struct real_driver;
struct front; /* something that listens for a service */

struct ground_class {
    /* Listen for `service`; `url` gets how printers reach it. `at` NULL: wherever is free. */
    struct front *(*open)(struct ground *ground, const struct http_service *service, const char *at,
                          char *url, size_t url_size, struct error *error);
    void (*close)(struct ground *ground, struct front *front);
    void (*destroy)(struct ground *ground);
};

struct ground {
    const struct ground_class *class;
    struct world *world;
    struct network *network;
    struct real_driver *driver; /* NULL: virtual time */
    bool real;
    const struct ground_targets *targets; /* never NULL */
};

extern const struct ground_targets ground_nobody_outside;

/* A world in virtual time with a network in memory. `trace` (may be NULL) gets what happens. */
struct ground *ground_new_virtual(uint64_t seed, struct trace *trace);

/* The wall clock, sockets, libmicrohttpd. NULL with the reason when the system refuses. */
struct ground *ground_new_real(uint64_t seed, struct trace *trace,
                               const struct ground_targets *targets, struct error *error);

/* SIGINT and SIGTERM set `*stop` and end a real ground's wait. */
bool ground_catch_signals(struct ground *ground, volatile bool *stop, struct error *error);
/* What waits for a real ground's descriptors, for programs and clients beside it; NULL of a virtual
 * one. */
struct real_driver *ground_driver(struct ground *ground);

static inline void ground_destroy(struct ground *ground)
{
    ground->class->destroy(ground);
}

#endif
