#ifndef HOTBED_TESTS_MACHINE_BED_H
#define HOTBED_TESTS_MACHINE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/buffer.h"
#include "sim/machine/machine.h"

/* One booted MK3S with a card in memory, and what it said. */

enum { SAID_BYTES = 8192 };

struct bed {
    struct world world;
    struct machine *machine;
    struct machine_listener listener;
    char said[SAID_BYTES]; /* "PRINTING USER job 1; " */
};

#define assert_near(seen, expected, within)                                                        \
    do {                                                                                           \
        double seen_ = (seen), expected_ = (expected);                                             \
        if (!(fabs(seen_ - expected_) <= (within))) {                                              \
            fail_msg("%s is %g, expected %g", #seen, seen_, expected_);                            \
        }                                                                                          \
    } while (0)

static inline void bed_say(struct bed *bed, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void bed_say(struct bed *bed, const char *format, ...)
{
    size_t used = strlen(bed->said);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(bed->said + used, sizeof bed->said - used, format, arguments);
    va_end(arguments);
}

static inline void bed_state(void *face, const struct state_change *change)
{
    bed_say(face, "%s %s", printer_state_name(change->to), state_source_name(change->source));
    if (change->job_id > 0) {
        bed_say(face, " job %u", change->job_id);
    }
    if (change->reason != NULL) {
        bed_say(face, " \"%s\"", change->reason);
    }
    bed_say(face, "; ");
}

static inline void bed_file(void *face, const struct storage *storage,
                            enum storage_change_kind kind, const char *path)
{
    (void)storage;
    bed_say(face, "%c%s; ", "+*-"[kind], path);
}

static const struct machine_events bed_events = {.state_changed = bed_state,
                                                 .file_changed = bed_file};

static inline void bed_put(struct bed *bed, const char *path, const char *text)
{
    struct file_content *content = file_content_of_bytes(text, strlen(text));
    assert_int_equal(machine_put_file(bed->machine, path, content), STORAGE_OK);
}

static inline void bed_wait(struct bed *bed, double seconds)
{
    world_run(&bed->world, bed->world.now_us + (int64_t)(seconds * 1e6), NULL);
}

static inline void bed_setup(struct bed *bed, const char *model, uint64_t seed)
{
    *bed = (struct bed){0};
    world_init(&bed->world, seed);
    struct machine_settings settings = {
        .model = model_find(model), .room_c = NAN, .job_counter = 56};
    assert_non_null(settings.model);
    bed->machine = machine_new(&bed->world, &settings);
    bed->listener = (struct machine_listener){.events = &bed_events, .face = bed};
    struct storage storage;
    storage_init(&storage, "usb", STORAGE_LOCAL, NULL);
    machine_attach(bed->machine, &storage);
    machine_power_on(bed->machine);
    bed_wait(bed, 10);
    assert_int_equal(machine_state(bed->machine), STATE_IDLE);
    machine_listen(bed->machine, &bed->listener);
}

static inline void bed_teardown(struct bed *bed)
{
    machine_destroy(bed->machine);
    assert_int_equal(timer_queue_next_us(&bed->world.timers), INT64_MAX);
    world_free(&bed->world);
}

static inline struct machine_readings bed_read(struct bed *bed)
{
    struct machine_readings readings;
    machine_read(bed->machine, &readings);
    return readings;
}

/* What was said since the last time. */
static inline void bed_said(struct bed *bed, const char *expected)
{
    assert_string_equal(bed->said, expected);
    bed->said[0] = '\0';
}

/* Wait until the reported state is this one; the time that it took, s. */
static inline double bed_until(struct bed *bed, enum printer_state state, double most_s)
{
    int64_t from_us = bed->world.now_us, until_us = from_us + (int64_t)(most_s * 1e6);
    while (machine_state(bed->machine) != state && world_step(&bed->world, until_us)) {
    }
    assert_string_equal(printer_state_name(machine_state(bed->machine)), printer_state_name(state));
    return (double)(bed->world.now_us - from_us) / 1e6;
}

#endif
