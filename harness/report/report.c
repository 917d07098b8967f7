#include "harness/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool write_all(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

bool report_write_file(const char *path, const struct buffer *text, struct error *error)
{
    if (strcmp(path, "-") == 0) {
        fflush(stdout);
        return write_all(STDOUT_FILENO, buffer_text(text), text->size) ||
               error_set(error, "standard output: %s", strerror(errno));
    }
    struct buffer temporary = {0};
    buffer_format(&temporary, "%s.XXXXXX", path);
    int file = mkostemp(temporary.bytes, O_CLOEXEC);
    bool done = file >= 0;
    if (done) {
        mode_t mask = umask(0);
        umask(mask);
        done = write_all(file, buffer_text(text), text->size) && fchmod(file, 0666 & ~mask) == 0 &&
               fsync(file) == 0;
        done = close(file) == 0 && done;
        done = done && rename(temporary.bytes, path) == 0;
    }
    if (!done) {
        error_set(error, "%s: cannot be written: %s", path, strerror(errno));
        if (file >= 0) {
            unlink(temporary.bytes);
        }
    }
    buffer_free(&temporary);
    return done;
}
