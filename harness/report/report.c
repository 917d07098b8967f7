#include "harness/report/report.h"

#include <stdlib.h>
#include <string.h>

#include "harness/report/output_file.h"
#include "sim/base/memory.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICT_COUNT] = {"pass", "fail", "warn", "info", "skip"};
    return names[verdict];
}

void report_init(struct report *report, const char *title, const char *subject, uint64_t seed)
{
    *report = (struct report){
        .title = memory_copy_text(title), .subject = memory_copy_text(subject), .seed = seed};
}

static void free_outcome(struct report_outcome *outcome)
{
    char *texts[] = {outcome->id,   outcome->sentence, outcome->suite,     outcome->kind,
                     outcome->file, outcome->reason,   outcome->where,     outcome->expected,
                     outcome->seen, outcome->messages, outcome->reproduce, outcome->notes};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        free(texts[i]);
    }
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free_outcome(&report->outcomes[i]);
    }
    free(report->outcomes);
    free(report->title);
    free(report->subject);
    free(report->unreachable);
    *report = (struct report){0};
}

struct report_outcome *report_add(struct report *report, const char *id)
{
    if (report->count == report->capacity) {
        report->capacity = report->capacity == 0 ? 64 : report->capacity * 2;
        report->outcomes =
            memory_resize(report->outcomes, report->capacity * sizeof *report->outcomes);
    }
    struct report_outcome *outcome = &report->outcomes[report->count++];
    *outcome = (struct report_outcome){.id = memory_copy_text(id)};
    return outcome;
}

size_t report_counted(const struct report *report, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++) {
        count += report->outcomes[i].verdict == verdict;
    }
    return count;
}

static int compare_texts(const char *left, const char *right)
{
    return strcmp(left != NULL ? left : "", right != NULL ? right : "");
}

static int compare_outcomes(const void *left, const void *right)
{
    const struct report_outcome *a = left, *b = right;
    int order = compare_texts(a->suite, b->suite);
    order = order != 0 ? order : compare_texts(a->file, b->file);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

void report_sort(struct report *report)
{
    if (report->count > 1) {
        qsort(report->outcomes, report->count, sizeof *report->outcomes, compare_outcomes);
    }
}

int report_exit_code(const struct report *report)
{
    if (report->interrupted) {
        return 130;
    }
    if (report->unreachable != NULL) {
        return 3;
    }
    return report_counted(report, VERDICT_FAIL) > 0 ? 1 : 0;
}

bool report_write_file(const char *path, const struct buffer *text, struct error *error)
{
    struct output_file file;
    if (!output_file_open(&file, path, error)) {
        return false;
    }
    output_file_write(&file, buffer_text(text), text->size);
    return output_file_close(&file, error);
}
