#ifndef HOTBED_REPORT_REPORT_H
#define HOTBED_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/base/buffer.h"
#include "sim/base/error.h"

/* What a run has to say: one outcome per scenario or check, and how it is written: for people
 * (console), JUnit XML, TAP 14, JSON. Nothing in here knows how an outcome came about. */

enum verdict {
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_WARN, /* a stranger differs from the reference (fidelity) */
    VERDICT_INFO, /* a stranger has not a known defect of the reference (quirk) */
    VERDICT_SKIP,
    VERDICT_COUNT,
};

const char *verdict_name(enum verdict verdict); /* "pass" */

/* One scenario or check. Texts are owned; NULL: nothing to say. */
struct report_outcome {
    char *id;       /* check id or the scenario's name; never NULL */
    char *sentence; /* what must be true */
    char *suite;    /* "connect-printer"; of a scenario its file */
    char *kind;     /* "contract", "fidelity", "quirk", "scenario" */
    char *file;     /* where it is defined */
    int line;
    enum verdict verdict;
    char *reason; /* of everything but pass: one line, without the place */
    char *where;  /* "file:line" of what failed */
    char *expected, *seen;
    char *messages;   /* the last ones on that wire, lines of text */
    char *reproduce;  /* the command */
    char *notes;      /* lines that the scenario wrote */
    int64_t world_us; /* how long it took in its world, */
    int64_t wall_us;  /* and on the clock */
};

struct report {
    char *title;   /* "connect-printer" */
    char *subject; /* "own printers against the own mock, virtual time" */
    uint64_t seed;
    struct report_outcome *outcomes;
    size_t count, capacity;
    bool interrupted;     /* Ctrl-C: what had not run is missing */
    size_t not_run;       /* that is how many */
    char *unreachable;    /* the subject could not be reached: why */
    int64_t began_unix_s; /* for JUnit and JSON; 0 leaves it out (reproducible reports) */
    int64_t wall_us;
};

void report_init(struct report *report, const char *title, const char *subject, uint64_t seed);
void report_free(struct report *report);
struct report_outcome *report_add(struct report *report,
                                  const char *id); /* valid until the next one is added */
size_t report_counted(const struct report *report, enum verdict verdict);
void report_sort(struct report *report); /* by suite, then id: side by side runs end in any order */

/* 0, 1, 3 or 130 (DESIGN "exit codes"). */
int report_exit_code(const struct report *report);

/* The renderers append to `out`; what they write is a function of the report alone. Text that is no
 * UTF-8 or no XML character is replaced. */
void report_junit(const struct report *report, struct buffer *out);
void report_tap(const struct report *report, struct buffer *out);
void report_json(const struct report *report, struct buffer *out); /* schema: docs/reports.md */

/* Console. `colour` when it is a terminal; `details`: also what passed, with its notes. */
struct report_console {
    FILE *out;
    bool colour;
    bool verbose;
    bool progress; /* a line that is rewritten while the run goes on */
};

void report_console_init(struct report_console *console, FILE *out,
                         bool verbose); /* asks the terminal, NO_COLOR */
void report_console_outcome(struct report_console *console,
                            const struct report_outcome *outcome); /* as it ends */
void report_console_progress(struct report_console *console, size_t done, size_t total,
                             int64_t elapsed_us, const char *running);
void report_console_end(struct report_console *console, const struct report *report);

/* A whole file or none (output_file.h). */
bool report_write_file(const char *path, const struct buffer *text, struct error *error);

#endif
