#include "harness/sync/progress.h"

#include <sys/ioctl.h>

#include "harness/sync/names.h"

#define REDRAW_US MILLISECONDS(200)

static void append_total(const struct sync_report *report, struct buffer *out)
{
    uint64_t bytes = 0, planned = 0;
    size_t ended = 0, failed = 0;
    for (size_t i = 0; i < report->count; i++) {
        const struct sync_seat_report *seat = &report->seats[i];
        bytes += seat->bytes + seat->sent;
        planned += seat->bytes_planned;
        ended += seat->outcome != SYNC_WAITING && seat->outcome != SYNC_WORKING;
        failed += seat->outcome == SYNC_FAILED || seat->outcome == SYNC_UNREACHED;
    }
    buffer_format(out, "%zu of %zu printers through", ended, report->count);
    if (failed > 0) {
        buffer_format(out, ", %zu of them not in step", failed);
    }
    if (planned > 0 && report->execute) {
        buffer_append_text(out, ", ");
        sync_append_bytes(out, (double)bytes);
        buffer_append_text(out, " of ");
        sync_append_bytes(out, (double)planned);
    }
}

void sync_progress_render(const struct sync_report *report, size_t rows, size_t columns,
                          int64_t now_us, struct buffer *out, size_t *lines)
{
    *lines = 0;
    for (size_t i = 0; i < report->count && *lines + 2 < rows; i++) {
        if (report->seats[i].outcome == SYNC_WORKING) {
            sync_report_line(&report->seats[i], columns - 1, now_us, out);
            buffer_append_text(out, "\x1b[K\n");
            ++*lines;
        }
    }
    append_total(report, out);
    buffer_append_text(out, "\x1b[K\n");
    ++*lines;
}

static void take_away(struct sync_progress *progress, struct buffer *out)
{
    if (progress->lines > 0) {
        buffer_format(out, "\x1b[%zuA\r\x1b[J", progress->lines);
    }
}

static void redraw(void *owner)
{
    struct sync_progress *progress = owner;
    struct buffer text = {0};
    struct winsize size = {0};
    bool known =
        ioctl(fileno(progress->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 && size.ws_row > 3;
    take_away(progress, &text);
    sync_progress_render(progress->report, known ? size.ws_row : 24, known ? size.ws_col : 80,
                         progress->world->now_us, &text, &progress->lines);
    fwrite(text.bytes, 1, text.size, progress->out);
    fflush(progress->out);
    buffer_free(&text);
    world_arm_in(progress->world, &progress->timer, REDRAW_US);
}

void sync_progress_begin(struct sync_progress *progress, struct world *world,
                         const struct sync_report *report, FILE *out)
{
    *progress = (struct sync_progress){.world = world, .report = report, .out = out};
    timer_init(&progress->timer, redraw, progress);
    redraw(progress);
}

void sync_progress_end(struct sync_progress *progress)
{
    struct buffer text = {0};
    world_cancel(progress->world, &progress->timer);
    take_away(progress, &text);
    fwrite(buffer_text(&text), 1, text.size, progress->out);
    fflush(progress->out);
    buffer_free(&text);
}
