#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/machine/job.h"

/* Any bytes as a print file: it becomes a plan, which a job goes through, or an error. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct model model = {
        .family = "mk3",
        .mmu = true,
        .mmu_slots = 5,
        .print_acceleration_mm_s2 = 1000,
        .axes =
            {{.max_mm = 250, .max_feed_mm_s = 200, .max_acceleration_mm_s2 = 1000, .jerk_mm_s = 8},
             {.max_mm = 210, .max_feed_mm_s = 200, .max_acceleration_mm_s2 = 1000, .jerk_mm_s = 8}},
    };
    struct error error;
    struct file_content *content = file_content_of_bytes(bytes, size);
    struct plan *plan = plan_build(content, &model, &error);
    file_content_release(content);
    if (plan == NULL) {
        return 0;
    }
    struct job job;
    job_start(&job, plan, 0);
    int64_t now_us = 0;
    while (job.state == JOB_RUNNING) {
        struct job_reading reading;
        int64_t next_us = job_next_us(&job);
        if (next_us < now_us) {
            abort();
        }
        now_us = next_us;
        job_take_mark(&job, now_us);
        if (job.held) {
            job_go_on(&job, now_us);
        }
        job_read(&job, now_us, &reading);
        if (reading.plan_us > plan_summary(plan)->total_us || reading.point.offset > size) {
            abort();
        }
    }
    job_free(&job);
    return 0;
}
