#ifndef HOTBED_CLI_LOAD_OUTPUT_H
#define HOTBED_CLI_LOAD_OUTPUT_H

#include "harness/cli/cli.h"
#include "harness/load/result.h"

/* Where `farm` and `merge` report to, besides the table on standard output. */
struct load_output {
    const char *json, *csv, *junit;
};

/* Rows of an option table. */
#define LOAD_OUTPUT_ROWS(o)                                                                        \
    {"json",                                                                                       \
     CLI_TEXT,                                                                                     \
     &(o)->json,                                                                                   \
     "FILE",                                                                                       \
     "everything, histograms too, as JSON; - is standard output",                                  \
     NULL},                                                                                        \
        {"csv", CLI_TEXT, &(o)->csv, "FILE", "a row for each second; - is standard output", NULL}, \
    {                                                                                              \
        "junit", CLI_TEXT, &(o)->junit, "FILE",                                                    \
            "a case for each threshold as JUnit XML; - is standard\noutput", NULL                  \
    }

/* Writes all of them; returns what the command returns (load_result_exit_code(), or CLI_BAD_USAGE
 * when a file could not be written). */
int load_output_write(const struct load_output *output, const struct load_result *result);

#endif
