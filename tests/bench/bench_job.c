#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/base/buffer.h"
#include "sim/base/world.h"
#include "sim/machine/job.h"

/* Two figures of printing: what a question to a running job costs after one second and after six
 * hours, as a ratio, and how much g-code becomes a plan in a second of CPU, as a ratio to counting
 * the lines of the same bytes. */

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const struct model model = {
    .family = "mk3",
    .print_acceleration_mm_s2 = 1000,
    .travel_acceleration_mm_s2 = 1000,
    .retract_acceleration_mm_s2 = 1250,
    .axes = {{.max_mm = 250, .max_feed_mm_s = 200, .max_acceleration_mm_s2 = 1000, .jerk_mm_s = 8},
             {.max_mm = 210, .max_feed_mm_s = 200, .max_acceleration_mm_s2 = 1000, .jerk_mm_s = 8},
             {.max_mm = 210, .max_feed_mm_s = 12, .max_acceleration_mm_s2 = 200, .jerk_mm_s = 0.4},
             {.max_feed_mm_s = 120, .max_acceleration_mm_s2 = 5000, .jerk_mm_s = 4.5}},
};

/* Infill of 300 layers, some twelve hours: half a million moves. */
static void write_print(struct buffer *text)
{
    buffer_append_text(text, "M83\nG1 Z0.2 F600\n");
    for (int layer = 0; layer < 300; layer++) {
        buffer_format(text, ";LAYER_CHANGE\nG1 Z%.1f F720\nM73 P%d R%d\n", 0.2 * (layer + 1),
                      layer / 3, 450 - layer);
        for (int i = 0; i < 1700; i++) {
            buffer_format(text, "G1 X%.3f Y%.3f E0.05 F2400\n",
                          50 + 2.5 * (i % 2) + 0.02 * (i % 1000), 50 + 0.05 * i);
        }
    }
}

static double ns_per_question(const struct job *job, int64_t from_us)
{
    enum { QUESTIONS = 2000000 };
    struct job_reading reading;
    double sum = 0, begun_s = cpu_s();
    for (int i = 0; i < QUESTIONS; i++) {
        job_read(job, from_us + i, &reading);
        sum += reading.point.x_mm;
    }
    double spent_s = cpu_s() - begun_s;
    if (sum < 0) {
        puts("never");
    }
    return spent_s * 1e9 / QUESTIONS;
}

static void go_to(struct job *job, int64_t now_us)
{
    while (job_take_mark(job, now_us) != NULL) {
    }
}

int main(void)
{
    struct buffer text = {0};
    write_print(&text);
    double begun_s = cpu_s();
    size_t lines = 0;
    for (const char *c = text.bytes;
         (c = memchr(c, '\n', (size_t)(text.bytes + text.size - c))) != NULL; c++) {
        lines++;
    }
    double count_s = cpu_s() - begun_s;
    struct file_content *content = file_content_of_bytes(text.bytes, text.size);
    struct error error;
    begun_s = cpu_s();
    struct plan *plan = plan_build(content, &model, &error);
    double build_s = cpu_s() - begun_s;
    if (plan == NULL) {
        printf("%s\n", error.text);
        return 1;
    }
    double megabytes = (double)text.size / 1e6;
    printf("plan: %zu lines, %.1f MB, %.1f h of printing: %.0f MB/s, %.1f times counting its "
           "lines; %.1f bytes a move\n",
           lines, megabytes, (double)plan_summary(plan)->total_us / 3.6e9, megabytes / build_s,
           build_s / count_s, (double)plan_bytes(plan) / (double)plan_summary(plan)->moves);
    struct job job;
    job_start(&job, plan, 0);
    go_to(&job, SECONDS(1));
    double soon_ns = ns_per_question(&job, SECONDS(1));
    go_to(&job, SECONDS(6 * 3600));
    double late_ns = ns_per_question(&job, SECONDS(6 * 3600));
    printf("question: %.0f ns after 1 s, %.0f ns after 6 h, ratio %.2f\n", soon_ns, late_ns,
           late_ns / soon_ns);
    job_free(&job);
    file_content_release(content);
    buffer_free(&text);
    return 0;
}
