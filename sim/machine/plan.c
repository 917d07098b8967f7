#include "sim/machine/plan.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/bgcode.h"
#include "sim/machine/plan_data.h"

void plan_builder_fail(struct plan_builder *builder, const char *format, ...)
{
    if (builder->failed) {
        return;
    }
    builder->failed = true;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_set(builder->error, "byte %llu: %s", (unsigned long long)builder->line_offset, text);
}

static void read_lines(struct plan_builder *builder, struct gcode_reader *reader)
{
    const char *text;
    size_t size;
    while (!builder->failed) {
        struct error error;
        enum gcode_read result = gcode_reader_next(reader, &text, &size, &error);
        if (result == GCODE_READ_FAILED) {
            plan_builder_fail(builder, "%s", error.text);
        }
        if (result != GCODE_READ_LINE) {
            return;
        }
        builder->line_offset = reader->offset;
        struct gcode_line line;
        if (gcode_parse(&line, text, size)) {
            plan_orders_run(builder, &line);
            if (++builder->plan->summary.commands % 100 == 0) {
                plan_timeline_hundredth(builder);
            }
        } else if (line.comment != NULL) {
            plan_orders_comment(builder, line.comment, line.comment_size);
        }
    }
}

static void *fitted(void *array, size_t count, size_t size)
{
    return count > 0 ? memory_resize(array, count * size) : array;
}

static void finish(struct plan_builder *builder, uint64_t size_bytes)
{
    struct plan *plan = builder->plan;
    kinematics_flush(&builder->kinematics);
    builder->line_offset = size_bytes;
    plan_timeline_key(builder);
    plan->summary.total_us = plan->keys[plan->key_count - 1].at_us;
    plan->summary.estimate_us = (int64_t)llround(builder->estimate_us);
    plan->summary.filament_mm = builder->filament_mm;
    plan->summary.size_bytes = size_bytes;
    plan->keys = fitted(plan->keys, plan->key_count, sizeof *plan->keys);
    plan->marks = fitted(plan->marks, plan->mark_count, sizeof *plan->marks);
    plan->progress = fitted(plan->progress, plan->progress_count, sizeof *plan->progress);
    plan->hundredths = fitted(plan->hundredths, plan->hundredth_count, sizeof *plan->hundredths);
}

/* All commands of the file. Printers of the MK3 family know no binary g-code: to them it is lines
 * of rubbish (file-formats.md 8). */
static void read_file(struct plan_builder *builder, const struct file_content *content)
{
    struct bgcode_text *binary = NULL;
    struct error error;
    if (strcmp(builder->model->family, "mk3") != 0 && bgcode_magic(content)) {
        binary = bgcode_text_new(content, BGCODE_PRINTER, NULL, &error);
        if (binary == NULL) {
            plan_builder_fail(builder, "%s", error.text);
            return;
        }
    }
    struct gcode_reader *reader = memory_new(sizeof *reader);
    if (binary != NULL) {
        gcode_reader_init_binary(reader, binary);
    } else {
        gcode_reader_init(reader, content);
    }
    read_lines(builder, reader);
    if (!builder->failed) {
        finish(builder, binary != NULL ? reader->offset : file_content_size(content));
    }
    free(reader);
    bgcode_text_destroy(binary);
}

struct plan *plan_build(struct file_content *content, const struct model *model,
                        struct error *error)
{
    uint64_t size_bytes = file_content_size(content);
    if (size_bytes > PLAN_FILE_BYTES_MAX) {
        error_set(error, "the file has %llu bytes; at most %llu can be printed",
                  (unsigned long long)size_bytes, (unsigned long long)PLAN_FILE_BYTES_MAX);
        return NULL;
    }
    if (model->resin.project_model != NULL) {
        return plan_resin_build(content, model, error);
    }
    struct plan *plan = memory_new(sizeof *plan);
    plan->references = 1;
    struct plan_builder *builder = memory_new(sizeof *builder);
    builder->plan = plan;
    builder->model = model;
    builder->error = error;
    builder->speed_percent = builder->saved_speed_percent = 100;
    builder->tool = -1;
    for (unsigned mode = 0; mode < PLAN_MODES; mode++) {
        builder->last_progress.mode[mode].percent = -1;
        builder->last_progress.mode[mode].left_min = -1;
        builder->last_progress.mode[mode].change_in_min = -1;
    }
    plan_motion_init(builder);
    plan_timeline_key(builder);
    read_file(builder, content);
    bool failed = builder->failed;
    free(builder);
    if (failed) {
        plan_free(plan);
        return NULL;
    }
    return plan;
}

void plan_free(struct plan *plan)
{
    for (size_t i = 0; i < plan->mark_count; i++) {
        if (plan->marks[i].text[0] != '\0') {
            free((char *)(uintptr_t)plan->marks[i].text); /* ours; "" is the constant */
        }
    }
    plan_resin_free(plan->resin);
    free(plan->keys);
    free(plan->marks);
    free(plan->progress);
    free(plan->hundredths);
    free(plan);
}

struct plan *plan_share(struct plan *plan)
{
    plan->references++;
    return plan;
}

void plan_release(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    assert(plan->references > 0);
    if (--plan->references == 0) {
        if (plan->cache != NULL) {
            plan_cache_forget(plan->cache, plan);
        }
        plan_free(plan);
    }
}

const struct plan_summary *plan_summary(const struct plan *plan)
{
    return &plan->summary;
}

void plan_at(const struct plan *plan, int64_t at_us, struct plan_point *point)
{
    size_t low = 0,
           high = plan->key_count; /* the last key at or before `at_us` is in [low, high) */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (plan->keys[middle].at_us <= at_us) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const struct plan_key *a = &plan->keys[low];
    const struct plan_key *b = low + 1 < plan->key_count && at_us > a->at_us ? a + 1 : a;
    double part = b == a ? 0 : (double)(at_us - a->at_us) / (double)(b->at_us - a->at_us);
    point->x_mm = a->x_mm + part * (b->x_mm - a->x_mm);
    point->y_mm = a->y_mm + part * (b->y_mm - a->y_mm);
    point->z_mm = a->z_mm + part * (b->z_mm - a->z_mm);
    point->filament_mm = a->filament_mm + part * (b->filament_mm - a->filament_mm);
    point->e_mm = point->filament_mm - b->e_zero_mm;
    point->offset = b->offset;
}

size_t plan_mark_count(const struct plan *plan)
{
    return plan->mark_count;
}

const struct plan_mark *plan_mark(const struct plan *plan, size_t index)
{
    assert(index < plan->mark_count);
    return &plan->marks[index];
}

const struct plan_progress *plan_progress_at(const struct plan *plan, int64_t at_us)
{
    size_t low = 0,
           high = plan->progress_count; /* of those at or before `at_us` there are low..high */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plan->progress[middle].at_us <= at_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &plan->progress[low - 1] : NULL;
}

/* How many 100th commands there are at or before `at_us`. */
static size_t hundredths_at(const struct plan *plan, int64_t at_us)
{
    size_t low = 0, high = plan->hundredth_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plan->hundredths[middle] <= at_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t plan_hundredth_at(const struct plan *plan, int64_t at_us)
{
    size_t count = hundredths_at(plan, at_us);
    return count > 0 ? plan->hundredths[count - 1] : 0;
}

uint64_t plan_commands_at(const struct plan *plan, int64_t at_us)
{
    return hundredths_at(plan, at_us) * UINT64_C(100);
}

size_t plan_bytes(const struct plan *plan)
{
    return sizeof *plan + plan->key_count * sizeof *plan->keys +
           plan->mark_count * sizeof *plan->marks + plan->progress_count * sizeof *plan->progress +
           plan->hundredth_count * sizeof *plan->hundredths + plan->text_bytes +
           (plan->resin != NULL ? plan_resin_bytes(plan->resin) : 0);
}
