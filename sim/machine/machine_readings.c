#include <math.h>
#include <string.h>

#include "sim/machine/machine_parts.h"

static bool waits_for_heat(const struct machine *machine)
{
    return !heater_reached(&machine->nozzle) || !heater_reached(&machine->bed);
}

/* Without M73 the host guesses from the bytes that it has sent and the time since
 * (connect-sdk.md 4.3). */
static void guess_progress(struct machine_readings *readings, const struct job_reading *job)
{
    readings->progress_percent = job->percent_of_bytes;
    if (job->percent_of_bytes > 0) {
        int64_t elapsed_s = job->printing_us / 1000000;
        readings->time_remaining_s =
            elapsed_s * (100 - job->percent_of_bytes) / job->percent_of_bytes;
    }
    readings->estimates_inaccurate = true;
}

static void read_print(const struct machine *machine, struct machine_readings *readings)
{
    const struct machine_print *print = machine->print;
    struct job_reading job;
    job_read(&print->job, machine_now(machine), &job);
    readings->job = true;
    readings->job_id = print->info.id;
    readings->layer = print->layer;
    readings->layer_count = plan_summary(print->job.plan)->layers;
    readings->filament_used_mm = job.point.filament_mm;
    readings->printing_us = job.printing_us;
    /* SD prints are timed in hours and minutes (4.3). */
    readings->time_printing_s =
        print->info.from_sd ? job.printing_us / 60000000 * 60 : job.hundredth_us / 1000000;
    if (!plan_summary(print->job.plan)->has_progress) {
        guess_progress(readings, &job);
        return;
    }
    readings->estimates_of_file = true;
    readings->progress_percent = job.percent[PLAN_NORMAL];
    double speed = machine->speed_percent > 0 ? machine->speed_percent / 100.0 : 1;
    if (job.left_min[PLAN_NORMAL] >= 0) {
        readings->time_remaining_s = (int64_t)(job.left_min[PLAN_NORMAL] * 60 / speed);
    }
    if (job.change_in_min[PLAN_NORMAL] > 0) {
        readings->filament_change_in_s = (int64_t)(job.change_in_min[PLAN_NORMAL] * 60);
    }
    readings->estimates_inaccurate = machine->speed_percent != 100 || job.left_min[PLAN_NORMAL] < 0;
}

void machine_read(struct machine *machine, struct machine_readings *readings)
{
    machine_look(machine);
    if (machine->resin != NULL) {
        resin_read(machine, readings);
        return;
    }
    double at[MODEL_AXES];
    machine_position(machine, at);
    *readings = (struct machine_readings){
        .nozzle_c = heater_reading(&machine->nozzle),
        .nozzle_target_c = heater_target(&machine->nozzle),
        .bed_c = heater_reading(&machine->bed),
        .bed_target_c = heater_target(&machine->bed),
        .board_c = (double)machine->room_c + machine->model->board_above_room_k,
        .x_mm = at[X],
        .y_mm = at[Y],
        .z_mm = at[Z],
        .e_mm = at[E],
        .hotend_fan_rpm = fan_rpm(&machine->hotend_fan),
        .print_fan_rpm = fan_rpm(&machine->print_fan),
        .hotend_fan_power = fan_power(&machine->hotend_fan),
        .print_fan_power = fan_power(&machine->print_fan),
        .speed_percent = machine->speed_percent,
        .flow_percent = machine->flow_percent,
        .heating = waits_for_heat(machine),
        .total_filament_mm = machine->total_filament_um / 1000,
        .total_print_time_s = machine->total_print_us / 1000000,
        .progress_percent = -1,
        .time_remaining_s = -1,
        .time_printing_s = -1,
        .filament_change_in_s = -1,
        .mmu = machine->model->mmu,
        .slot_active = machine->tool,
        .slot_state = machine->slot_state,
    };
    memcpy(readings->slot_command, machine->slot_command, sizeof machine->slot_command);
    tools_read(machine, readings);
    chamber_read(machine, readings);
    if (machine->print != NULL) {
        read_print(machine, readings);
    }
}
