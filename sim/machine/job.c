#include "sim/machine/job.h"

#include <assert.h>
#include <string.h>

enum { SPEED_MIN_PERCENT = 10, SPEED_MAX_PERCENT = 999 };

static bool clock_runs(const struct job *job)
{
    return job->state == JOB_RUNNING && !job->held && !job->paused;
}

/* Time that passes on the plan's clock in `world_us`, and the other way round, rounded so that an
 * instant computed by the second is reached by the first. */
static int64_t plan_time(const struct job *job, int64_t world_us)
{
    static const int64_t longest_us = INT64_MAX / (SPEED_MAX_PERCENT + 1); /* 290 years */
    return (world_us < longest_us ? world_us : longest_us) * job->speed_percent / 100;
}

static int64_t world_time(const struct job *job, int64_t plan_us)
{
    return (plan_us * 100 + job->speed_percent - 1) /
           job->speed_percent; /* a plan has PLAN_DAYS_MAX */
}

/* The instant of the plan at which the clock stops by itself: the next mark that holds, at the
 * latest the end. Every mark stops it until it is taken, so that a late owner still does everything
 * in its order and place. */
static int64_t plan_limit_us(const struct job *job)
{
    if (job->next_mark < plan_mark_count(job->plan)) {
        return plan_mark(job->plan, job->next_mark)->at_us;
    }
    return plan_summary(job->plan)->total_us;
}

static int64_t plan_now_us(const struct job *job, int64_t now_us)
{
    if (!clock_runs(job)) {
        return job->plan_us;
    }
    int64_t at_us = job->plan_us + plan_time(job, now_us - job->since_us);
    int64_t limit_us = plan_limit_us(job);
    return at_us < limit_us ? at_us : limit_us;
}

/* A pause from outside does not count; neither does one of the file. */
static int64_t printing_now_us(const struct job *job, int64_t now_us)
{
    bool counts = job->state == JOB_RUNNING && !job->paused && !job->pause_held;
    return job->printing_us + (counts ? now_us - job->since_us : 0);
}

/* Printing time when the last 100th command was reached: in this stretch, or what it was before. */
static int64_t hundredth_now_us(const struct job *job, int64_t plan_us)
{
    int64_t at_us = plan_hundredth_at(job->plan, plan_us);
    if (at_us <= job->plan_us) {
        return job->hundredth_us;
    }
    return job->printing_us + world_time(job, at_us - job->plan_us);
}

/* Begin a new stretch at `now_us`; what was before is summed up. */
static void settle(struct job *job, int64_t now_us)
{
    now_us = now_us > job->since_us ? now_us : job->since_us;
    int64_t plan_us = plan_now_us(job, now_us);
    job->hundredth_us = hundredth_now_us(job, plan_us);
    job->printing_us = printing_now_us(job, now_us);
    job->plan_us = plan_us;
    job->since_us = now_us;
}

void job_start(struct job *job, struct plan *plan, int64_t now_us)
{
    memset(job, 0, sizeof *job);
    job->plan = plan;
    job->speed_percent = 100;
    job->begun_us = job->since_us = now_us;
}

void job_free(struct job *job)
{
    plan_release(job->plan);
    memset(job, 0, sizeof *job);
}

static void read_progress(const struct job *job, int64_t plan_us, struct job_reading *reading)
{
    const struct plan_progress *progress = plan_progress_at(job->plan, plan_us);
    for (unsigned mode = 0; mode < PLAN_MODES; mode++) {
        reading->percent[mode] = progress != NULL ? progress->mode[mode].percent : -1;
        reading->left_min[mode] = progress != NULL ? (double)progress->mode[mode].left_min : -1;
        reading->change_in_min[mode] =
            progress != NULL ? (double)progress->mode[mode].change_in_min : -1;
    }
}

void job_read(const struct job *job, int64_t now_us, struct job_reading *reading)
{
    assert(job->plan != NULL);
    now_us = now_us > job->since_us ? now_us : job->since_us;
    const struct plan_summary *summary = plan_summary(job->plan);
    int64_t plan_us = plan_now_us(job, now_us);
    plan_at(job->plan, plan_us, &reading->point);
    reading->point.filament_mm -= job->skipped_mm;
    if (job->state == JOB_DONE) {
        reading->point.offset = summary->size_bytes;
    } else if (job->mark_offset > reading->point.offset) {
        reading->point.offset = job->mark_offset;
    }
    reading->plan_us = plan_us;
    reading->printing_us = printing_now_us(job, now_us);
    reading->hundredth_us = hundredth_now_us(job, plan_us);
    reading->commands = plan_commands_at(job->plan, plan_us);
    reading->left_us = world_time(job, summary->total_us - plan_us);
    uint64_t size_bytes = job->whole_bytes > 0      ? job->whole_bytes
                          : summary->size_bytes > 0 ? summary->size_bytes
                                                    : 1;
    reading->percent_of_bytes = job->state == JOB_DONE && job->whole_bytes == 0
                                    ? 100
                                    : (int)(reading->point.offset * 100 / size_bytes);
    read_progress(job, plan_us, reading);
}

int64_t job_next_us(const struct job *job)
{
    if (job->plan == NULL || !clock_runs(job)) {
        return INT64_MAX;
    }
    return job->since_us + world_time(job, plan_limit_us(job) - job->plan_us);
}

const struct plan_mark *job_take_mark(struct job *job, int64_t now_us)
{
    if (job->plan == NULL || !clock_runs(job) || job_next_us(job) > now_us) {
        return NULL;
    }
    /* The instant at which it was due: a late owner loses no time of the plan. */
    settle(job, job_next_us(job));
    if (job->next_mark == plan_mark_count(job->plan)) {
        job->state = JOB_DONE;
        return NULL;
    }
    const struct plan_mark *mark = plan_mark(job->plan, job->next_mark++);
    job->mark_offset = mark->offset;
    bool pauses = mark->kind == PLAN_PAUSE;
    if (pauses || mark->kind == PLAN_NOZZLE_WAIT || mark->kind == PLAN_BED_WAIT) {
        job->held = true;
        job->pause_held = pauses;
    }
    return mark;
}

void job_go_on(struct job *job, int64_t now_us)
{
    settle(job, now_us);
    job->held = job->pause_held = false;
}

void job_skip(struct job *job, int64_t now_us)
{
    struct plan_point here, there;
    if (!clock_runs(job)) {
        return;
    }
    settle(job, now_us);
    plan_at(job->plan, job->plan_us, &here);
    job->plan_us = plan_limit_us(job);
    plan_at(job->plan, job->plan_us, &there);
    job->skipped_mm += there.filament_mm - here.filament_mm;
}

void job_pause(struct job *job, int64_t now_us)
{
    settle(job, now_us);
    job->paused = true;
}

void job_resume(struct job *job, int64_t now_us)
{
    settle(job, now_us);
    job->paused = false;
}

void job_extend(struct job *job, struct plan *plan, int64_t now_us)
{
    settle(job, now_us);
    assert(plan_mark_count(plan) >= job->next_mark);
    plan_release(job->plan);
    job->plan = plan;
    job->state = JOB_RUNNING;
}

void job_stop(struct job *job, int64_t now_us)
{
    settle(job, now_us);
    if (job->state == JOB_RUNNING) {
        job->state = JOB_STOPPED;
    }
}

void job_set_speed(struct job *job, int percent, int64_t now_us)
{
    settle(job, now_us);
    percent = percent < SPEED_MIN_PERCENT ? SPEED_MIN_PERCENT : percent;
    job->speed_percent = percent > SPEED_MAX_PERCENT ? SPEED_MAX_PERCENT : percent;
}
