#ifndef HOTBED_TESTS_GCODE_SUPPORT_H
#define HOTBED_TESTS_GCODE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/world.h"
#include "sim/machine/model.h"
#include "sim/machine/plan.h"

/* Round figures of an MK3S, so that the tests' expectations can be computed by hand. */
static const struct model test_model = {
    .name = "test",
    .family = "test",
    .print_acceleration_mm_s2 = 1000,
    .retract_acceleration_mm_s2 = 1250,
    .travel_acceleration_mm_s2 = 1000,
    .axes =
        {
            {.min_mm = 0,
             .max_mm = 250,
             .max_feed_mm_s = 200,
             .max_acceleration_mm_s2 = 1000,
             .home_feed_mm_s = 50,
             .jerk_mm_s = 8},
            {.min_mm = -4,
             .max_mm = 210,
             .max_feed_mm_s = 200,
             .max_acceleration_mm_s2 = 1000,
             .home_feed_mm_s = 50,
             .jerk_mm_s = 8},
            {.min_mm = 0.15,
             .max_mm = 210,
             .max_feed_mm_s = 12,
             .max_acceleration_mm_s2 = 200,
             .home_feed_mm_s = 13,
             .jerk_mm_s = 0.4},
            {.max_feed_mm_s = 120, .max_acceleration_mm_s2 = 5000, .jerk_mm_s = 4.5},
        },
};

static inline struct plan *plan_of_text(const char *text, const struct model *model)
{
    struct error error;
    struct file_content *content = file_content_of_bytes(text, strlen(text));
    struct plan *plan = plan_build(content, model, &error);
    if (plan == NULL) {
        print_error("%s\n", error.text);
    }
    file_content_release(content);
    assert_non_null(plan);
    return plan;
}

static inline const char *shared_path(const char *below, char *path, size_t size)
{
    const char *shared = getenv("HOTBED_SHARED");
    snprintf(path, size, "%s/%s", shared != NULL ? shared : "../shared", below);
    return path;
}

/* A file that others made; the test is skipped, visibly, where it is not there. */
static inline struct file_content *shared_content(const char *below)
{
    char path[1024];
    struct error error;
    struct file_content *content =
        file_content_of_file(shared_path(below, path, sizeof path), &error);
    if (content == NULL) {
        print_message("skipped: %s\n", error.text);
        skip();
    }
    return content;
}

static inline struct file_content *sample_content(const char *name)
{
    char path[8192];
    struct error error;
    snprintf(path, sizeof path, "scenarios/examples/files/%s", name);
    struct file_content *content = file_content_of_file(path, &error);
    if (content == NULL) {
        print_error("%s\n", error.text);
    }
    assert_non_null(content);
    return content;
}

#endif
