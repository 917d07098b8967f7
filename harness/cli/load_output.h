#ifndef HOTBED_CLI_LOAD_OUTPUT_H
#define HOTBED_CLI_LOAD_OUTPUT_H

#include "harness/cli/cli.h"
#include "harness/load/result.h"
#include "harness/report/output_file.h"

/* Where `farm` and `merge` report to, besides the table on standard output. */
enum load_output_kind { LOAD_OUTPUT_JSON, LOAD_OUTPUT_CSV, LOAD_OUTPUT_JUNIT, LOAD_OUTPUTS };

struct load_output {
    const char *paths[LOAD_OUTPUTS]; /* NULL: not wanted; "-": standard output */
    struct output_file files[LOAD_OUTPUTS];
};

/* Rows of an option table. */
#define LOAD_OUTPUT_ROWS(o)                                                                        \
    {"json",                                                                                       \
     CLI_TEXT,                                                                                     \
     &(o)->paths[LOAD_OUTPUT_JSON],                                                                \
     "FILE",                                                                                       \
     "everything, histograms too, as JSON; - is standard output",                                  \
     NULL},                                                                                        \
        {"csv",                                                                                    \
         CLI_TEXT,                                                                                 \
         &(o)->paths[LOAD_OUTPUT_CSV],                                                             \
         "FILE",                                                                                   \
         "a row for each second; - is standard output",                                            \
         NULL},                                                                                    \
    {                                                                                              \
        "junit", CLI_TEXT, &(o)->paths[LOAD_OUTPUT_JUNIT], "FILE",                                 \
            "a case for each threshold as JUnit XML; - is standard\noutput", NULL                  \
    }

/* Before the run, so that nobody waits for hours to hear that the folder does not exist. False with
 * the reason; nothing is open then. */
bool load_output_open(struct load_output *output, struct error *error);
/* Writes all of them and closes; returns what the command returns (load_result_exit_code(), or
 * CLI_BAD_USAGE when a file could not be written). */
int load_output_write(struct load_output *output, const struct load_result *result);
/* There is no result: closes and leaves nothing behind. Fine when nothing is open. */
void load_output_drop(struct load_output *output);

#endif
