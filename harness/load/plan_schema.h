#ifndef HOTBED_LOAD_PLAN_SCHEMA_H
#define HOTBED_LOAD_PLAN_SCHEMA_H

#include <stdint.h>

#include "sim/machine/yaml_text.h"

/* The shape of a farm file as libcyaml is told. Part of plan_read.c; docs/farm.md says the same to
 * users. NULL: the file has no such field. */
struct plan_stage_text {
    char *duration;
    uint64_t printers;
};

struct plan_arrival_text {
    char *ramp;
    double *rate;
    struct plan_stage_text *stages;
    uint32_t stages_count;
};

struct plan_telemetry_text {
    char *style, *interval;
};

struct plan_state_text {
    uint32_t weight;
    char *print, *transfer;
};

struct plan_command_text {
    char *command, *gcode, *every;
};

struct plan_group_text {
    char *name, *model, *host, *sdk, *token, *pause;
    uint32_t count;
    bool *quirks, *websocket;
    struct plan_telemetry_text *telemetry;
    char **files;
    uint32_t files_count;
    char **faults;
    uint32_t faults_count;
    struct plan_state_text *states;
    uint32_t states_count;
};

struct plan_generator_text {
    char *lateness;
    double *cpu;
};

struct plan_text {
    char *name, *duration, *warm_up;
    uint64_t *seed;
    struct plan_arrival_text *arrival;
    struct plan_telemetry_text *telemetry;
    struct plan_group_text *groups;
    uint32_t groups_count;
    struct plan_command_text *commands;
    uint32_t commands_count;
    char **thresholds;
    uint32_t thresholds_count;
    struct plan_generator_text *generator;
};

extern const struct yaml_shape plan_shape;

#endif
