#ifndef HOTBED_LOAD_RUN_H
#define HOTBED_LOAD_RUN_H

#include "harness/load/result.h"
#include "harness/load/workers.h"
#include "sim/wire/stream.h"

/* A farm, or one shard of it, from its start to its result. */
struct load_run_settings {
    struct workers_settings workers;
    int64_t start_unix_us;       /* 0: now */
    const char *result_file;     /* written every 10 s and at the end; NULL: not */
    struct endpoint *prometheus; /* where figures can be scraped while it runs; NULL: nowhere */
    bool live;                   /* a line on standard error that is rewritten each second */
};

/* Ends early, with what was counted, when cli_interrupted becomes true. NULL with the reason: it
 * could not begin. A result whose file could not be written at last is `unwritten`, with
 * the reason. */
struct load_result *load_run(const struct load_run_settings *settings, struct error *error);

#endif
