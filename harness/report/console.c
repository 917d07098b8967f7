#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/report/report.h"
#include "sim/base/duration.h"

static const char *const colours[VERDICT_COUNT] = {"\033[32m", "\033[31;1m", "\033[33m", "\033[36m",
                                                   "\033[2m"};

void report_console_init(struct report_console *console, FILE *out, bool verbose)
{
    const char *term = getenv("TERM");
    bool terminal = isatty(fileno(out)) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
    const char *no_colour = getenv("NO_COLOR");
    *console =
        (struct report_console){.out = out,
                                .colour = terminal && (no_colour == NULL || *no_colour == '\0'),
                                .verbose = verbose,
                                .progress = terminal};
}

static void clear_progress(struct report_console *console)
{
    if (console->progress) {
        fputs("\r\033[K", console->out);
    }
}

/* What comes from a wire must not steer the terminal: control characters are shown as dots. */
static void print_text(struct report_console *console, const char *text, const char *indent)
{
    fputs(indent, console->out);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '\n') {
            if (text[1] != '\0') {
                fprintf(console->out, "\n%s", indent);
            }
        } else if (byte != '\r') {
            fputc(byte < ' ' || byte == 127 ? '.' : byte, console->out);
        }
    }
    fputc('\n', console->out);
}

static void print_part(struct report_console *console, const char *label, const char *text)
{
    if (text == NULL) {
        return;
    }
    if (strchr(text, '\n') == NULL) {
        fprintf(console->out, "      %-10s", label);
        print_text(console, text, "");
    } else {
        fprintf(console->out, "      %s\n", label);
        print_text(console, text, "        ");
    }
}

void report_console_outcome(struct report_console *console, const struct report_outcome *outcome)
{
    clear_progress(console);
    fprintf(console->out, "%s%s%s  %s", console->colour ? colours[outcome->verdict] : "",
            verdict_name(outcome->verdict), console->colour ? "\033[0m" : "", outcome->id);
    if (outcome->sentence != NULL && strcmp(outcome->sentence, outcome->id) != 0) {
        fprintf(console->out, "  %s", outcome->sentence);
    }
    fputc('\n', console->out);
    if (outcome->verdict != VERDICT_PASS) {
        if (outcome->where != NULL) {
            fprintf(console->out, "      %s: ", outcome->where);
            print_text(console, outcome->reason != NULL ? outcome->reason : "failed", "");
        } else if (outcome->reason != NULL) {
            print_text(console, outcome->reason, "      ");
        }
        print_part(console, "expected", outcome->expected);
        print_part(console, "seen", outcome->seen);
        print_part(console, "messages", outcome->messages);
    }
    if (outcome->notes != NULL && (console->verbose || outcome->verdict != VERDICT_SKIP)) {
        print_part(console, "notes", outcome->notes);
    }
    if (outcome->verdict == VERDICT_FAIL || outcome->verdict == VERDICT_WARN) {
        print_part(console, "again", outcome->reproduce);
    }
    fflush(console->out);
}

void report_console_progress(struct report_console *console, size_t done, size_t total,
                             int64_t elapsed_us, const char *running)
{
    if (!console->progress) {
        return;
    }
    char elapsed[32];
    duration_text(elapsed_us / 1000000 * 1000000, elapsed, sizeof elapsed);
    fprintf(console->out, "\r\033[K%zu of %zu done, %s%s%.60s", done, total, elapsed,
            running != NULL ? ": " : "", running != NULL ? running : "");
    fflush(console->out);
}

void report_console_end(struct report_console *console, const struct report *report)
{
    clear_progress(console);
    FILE *out = console->out;
    char took[32];
    int64_t world_us = 0;
    for (size_t i = 0; i < report->count; i++) {
        world_us += report->outcomes[i].world_us;
    }
    duration_text(report->wall_us, took, sizeof took);
    char world[32];
    duration_text(world_us, world, sizeof world);
    fprintf(out, "\n%s: %s, seed %" PRIu64 "; %s of the printers' time in %s\n", report->title,
            report->subject != NULL ? report->subject : "", report->seed, world, took);
    if (report->unreachable != NULL) {
        print_text(console, report->unreachable, "could not be reached: ");
    }
    if (report->interrupted) {
        fprintf(out, "interrupted: %zu did not run to their end\n", report->not_run);
    }
    size_t warned = report_counted(report, VERDICT_WARN),
           informed = report_counted(report, VERDICT_INFO);
    if (warned + informed > 0) {
        fprintf(out, "%zu warned, %zu informed\n", warned, informed);
    }
    fprintf(out, "%zu passed, %zu failed, %zu skipped\n", report_counted(report, VERDICT_PASS),
            report_counted(report, VERDICT_FAIL), report_counted(report, VERDICT_SKIP));
    fflush(out);
}
