#include <math.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/print_file.h"
#include "sim/machine/resin_parts.h"

/* The course of a print from resin (printer-models.md 8.2; sla-fw: slafw/exposure/exposure.py).
 * Times of what is no layer are in no public source: they are plausible ones, and here alone. */

#define READ_LAYER_US MILLISECONDS(5) /* a picture is measured in that */
#define HOME_US       SECONDS(20)
#define STIR_US       SECONDS(15) /* three moves */
#define TILT_DOWN_US  SECONDS(2)
#define UNSTICK_US    SECONDS(10)
#define COOL_LOOK_US  SECONDS(3) /* 8.2: it looks with each beep */

static const double TOWER_MM_S = 20;

void resin_print_free(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    if (print != NULL) {
        plan_release(print->plan);
        file_content_release(print->content);
        free(print->info.path);
        free(print);
        machine->resin->print = NULL;
    }
}

/* --- the tower --- */

double resin_tower_mm(const struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    if (print == NULL) {
        return machine->resin->tower_mm;
    }
    if (print->held) {
        return print->from_mm;
    }
    if (print->due_us == INT64_MAX || print->due_us <= machine_now(machine)) {
        return print->to_mm;
    }
    double left_us = (double)(print->due_us - machine_now(machine));
    double whole_us = (double)(print->due_us - print->stage_us);
    return print->to_mm + (print->from_mm - print->to_mm) * left_us / whole_us;
}

static double layer_mm(const struct resin_print *print, uint32_t layer)
{
    const struct sl1_config *config = plan_resin_config(print->plan);
    return config->layer_height_first_mm + layer * config->layer_height_mm;
}

/* How long the way takes on which the stage that comes moves the tower. */
int64_t resin_drive(struct machine *machine, double to_mm)
{
    struct resin_print *print = machine->resin->print;
    print->from_mm = resin_tower_mm(machine);
    print->to_mm = to_mm;
    return (int64_t)ceil(fabs(to_mm - print->from_mm) / TOWER_MM_S * 1e6);
}

static int64_t drive_up(struct machine *machine)
{
    return resin_drive(machine, machine->model->resin.tower_mm);
}

/* --- stages --- */

static void enter(struct machine *machine, enum resin_stage stage, int64_t duration_us)
{
    struct resin_print *print = machine->resin->print;
    int64_t now_us = machine_now(machine);
    bool was_lit = print->stage == STAGE_LIT;
    print->stage = (uint8_t)stage;
    print->stage_us = now_us;
    print->held = false;
    print->due_us = duration_us == INT64_MAX ? INT64_MAX : now_us + duration_us;
    if (was_lit || stage == STAGE_LIT) {
        resin_light(machine, stage == STAGE_LIT);
    }
    if (resin_stage_moves(stage) && machine->resin->cover_open) {
        resin_print_cover(machine);
    }
}

void resin_enter(struct machine *machine, enum resin_stage stage, int64_t duration_us)
{
    enter(machine, stage, duration_us);
    resin_show(machine);
}

static void stand(struct machine *machine)
{
    resin_drive(machine, resin_tower_mm(machine));
}

void resin_print_cover(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    bool open = machine->resin->cover_open;
    int64_t now_us = machine_now(machine);
    if (open && !print->held && resin_stage_moves((enum resin_stage)print->stage)) {
        double at_mm = resin_tower_mm(machine);
        print->held = true;
        print->left_us = print->due_us - now_us;
        print->due_us = INT64_MAX;
        print->from_mm = at_mm;
        print->stage_us = now_us;
    } else if (!open && print->held) {
        print->held = false;
        print->due_us = now_us + print->left_us;
        print->stage_us = now_us;
    } else if (!open && (print->stage == STAGE_COVER || print->stage == STAGE_FEED_COVER)) {
        print->due_us = now_us;
    }
    if (print->stage == STAGE_LIT) {
        resin_light(machine, !print->held);
    }
}

/* --- the end --- */

static void end_print(struct machine *machine, enum resin_stage stage)
{
    struct resin_print *print = machine->resin->print;
    print->ended_us = machine_now(machine);
    if (print->begun_us != INT64_MAX) {
        machine->total_print_us += print->ended_us - print->begun_us;
    }
    resin_fans(machine, false);
    resin_enter(machine, stage, INT64_MAX);
    print->info.id = 0;
}

void resin_fail(struct machine *machine, int code)
{
    machine->resin->code = (uint16_t)code;
    drive_up(machine); /* it goes up if it can; nobody is told of that */
    end_print(machine, STAGE_FAILED);
}

static void leave(struct machine *machine)
{
    resin_print_free(machine);
    machine->resin->code = 0;
    resin_show(machine);
}

static void go_up(struct machine *machine)
{
    resin_enter(machine, STAGE_UP, drive_up(machine));
}

/* --- layers --- */

static void feed(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    print->by_user = print->pausing && !print->low;
    print->pausing = false;
    if (print->low) {
        machine->resin->code = RESIN_CODE_LOW;
    }
    resin_enter(machine, STAGE_FEED_UP, drive_up(machine));
}

/* Below 60 ml it warns, below 50 it stops; what was never measured runs out unseen. */
static void book_resin(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    const struct model_resin *model = &machine->model->resin;
    if (isnan(print->volume_ml)) {
        return;
    }
    double remaining_ml = print->volume_ml - print->consumed_ml;
    print->low = remaining_ml < model->feed_ml;
    if (remaining_ml < model->low_ml) {
        machine->resin->code = RESIN_CODE_LOW;
    } else if (machine->resin->code == RESIN_CODE_LOW) {
        machine->resin->code = 0;
    }
}

static void begin_layer(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    if (print->layer == plan_summary(print->plan)->layers) {
        go_up(machine);
        return;
    }
    if (print->cancelling) {
        stand(machine);
        resin_enter(machine, STAGE_TILT_DOWN, TILT_DOWN_US);
        return;
    }
    if (uv_led_check(&machine->resin->led, machine_now(machine))) {
        stand(machine);
        resin_enter(machine, STAGE_COOL, COOL_LOOK_US);
        return;
    }
    book_resin(machine);
    if (print->pausing || (print->low && !print->fed)) {
        feed(machine);
        return;
    }
    print->fed = false;
    if (print->begun_us == INT64_MAX) {
        print->begun_us = machine_now(machine);
    }
    if (resin_fan_stalled(machine)) {
        machine->resin->code = RESIN_CODE_OVERHEATING;
    }
    struct plan_resin_layer layer;
    plan_resin_layer(print->plan, print->layer, &layer);
    const struct exposure_layer *times = &layer.times;
    resin_drive(machine, layer_mm(print, print->layer));
    resin_enter(machine, STAGE_DARK,
                times->total_us - times->exposure_us - times->delay_after_us - times->peel_us);
    TELL(machine, layer_changed, (face, print->layer + 1));
}

static void light_layer(struct machine *machine)
{
    struct plan_resin_layer layer;
    plan_resin_layer(machine->resin->print->plan, machine->resin->print->layer, &layer);
    stand(machine);
    resin_panel_show(machine, machine->resin->print->layer);
    enter(machine, STAGE_LIT, layer.times.exposure_us);
}

static void peel_layer(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    struct plan_resin_layer layer;
    plan_resin_layer(print->plan, print->layer, &layer);
    bool last = print->layer + 1 == plan_summary(print->plan)->layers;
    resin_drive(machine, layer_mm(print, print->layer + !last));
    enter(machine, STAGE_PEEL, layer.times.delay_after_us + layer.times.peel_us);
}

static void end_layer(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    struct plan_resin_layer layer;
    plan_resin_layer(print->plan, print->layer, &layer);
    print->consumed_ml += layer.resin_ml;
    machine->resin->tank_ml = fmax(machine->resin->tank_ml - layer.resin_ml, 0);
    print->layer++;
    if (machine_fault(machine, FAULT_TILT_STUCK)) {
        machine->resin->code = RESIN_CODE_TILT;
        stand(machine);
        resin_enter(machine, STAGE_STUCK, INT64_MAX);
        return;
    }
    begin_layer(machine);
}

/* --- stages and what comes behind them --- */

static void home(struct machine *machine)
{
    drive_up(machine);
    resin_enter(machine, STAGE_HOME, HOME_US);
}

static void read_layers(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    plan_resin_measure(print->plan, print->measured); /* what it finds is told by the checks */
    if (++print->measured < plan_summary(print->plan)->layers) {
        print->due_us = machine_now(machine) + READ_LAYER_US;
        return;
    }
    if (print->at_once) {
        home(machine);
    } else {
        resin_enter(machine, STAGE_CONFIRM, INT64_MAX);
    }
}

static void end_cool(struct machine *machine)
{
    if (!machine->resin->print->cancelling &&
        uv_led_check(&machine->resin->led, machine_now(machine))) {
        enter(machine, STAGE_COOL, COOL_LOOK_US);
    } else {
        begin_layer(machine);
    }
}

static void stir(struct machine *machine, enum resin_stage stage)
{
    stand(machine);
    resin_enter(machine, stage, STIR_US);
}

static void ask_for_resin(struct machine *machine)
{
    stand(machine);
    resin_enter(machine, STAGE_POUR, INT64_MAX);
}

static void stir_first(struct machine *machine)
{
    stir(machine, STAGE_STIR);
}

static void end_feed_up(struct machine *machine)
{
    stand(machine);
    if (machine->resin->print->cancelling) {
        end_print(machine, STAGE_CANCELED);
    } else {
        resin_enter(machine, STAGE_FEED, INT64_MAX);
    }
}

static void end_feed(struct machine *machine)
{
    resin_enter(machine, STAGE_FEED_COVER, machine->resin->cover_open ? INT64_MAX : 0);
}

static void stir_fed(struct machine *machine)
{
    stir(machine, STAGE_FEED_STIR);
}

static void go_down(struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    resin_enter(machine, STAGE_FEED_DOWN, resin_drive(machine, layer_mm(print, print->layer)));
}

static void unstick(struct machine *machine)
{
    resin_enter(machine, STAGE_UNSTICK, UNSTICK_US);
}

static void stir_unstuck(struct machine *machine)
{
    stir(machine, STAGE_STUCK_STIR);
}

static void end_up(struct machine *machine)
{
    stand(machine);
    end_print(machine, machine->resin->print->cancelling ? STAGE_CANCELED : STAGE_FINISHED);
}

/* What comes behind a stage whose time is over, or that somebody has confirmed. */
static void (*const ends[RESIN_STAGES])(struct machine *machine) = {
    [STAGE_READ] = read_layers,
    [STAGE_CONFIRM] = home,
    [STAGE_HOME] = ask_for_resin,
    [STAGE_POUR] = resin_begin_checks,
    [STAGE_FANS] = resin_end_fans,
    [STAGE_COVER] = resin_end_cover,
    [STAGE_MEASURE] = resin_end_measure,
    [STAGE_WARNING] = resin_end_warning,
    [STAGE_START_POSITION] = stir_first,
    [STAGE_STIR] = begin_layer,
    [STAGE_DARK] = light_layer,
    [STAGE_LIT] = peel_layer,
    [STAGE_PEEL] = end_layer,
    [STAGE_COOL] = end_cool,
    [STAGE_FEED_UP] = end_feed_up,
    [STAGE_FEED] = end_feed,
    [STAGE_FEED_COVER] = stir_fed,
    [STAGE_FEED_STIR] = go_down,
    [STAGE_FEED_DOWN] = begin_layer,
    [STAGE_STUCK] = unstick,
    [STAGE_UNSTICK] = stir_unstuck,
    [STAGE_STUCK_STIR] = begin_layer,
    [STAGE_TILT_DOWN] = go_up,
    [STAGE_UP] = end_up,
    [STAGE_FINISHED] = leave,
    [STAGE_CANCELED] = leave,
    [STAGE_FAILED] = leave,
};

bool resin_print_step(struct machine *machine)
{
    const struct resin_print *print = machine->resin->print;
    if (print == NULL || print->due_us > machine_now(machine)) {
        return false;
    }
    ends[print->stage](machine);
    return true;
}

/* --- orders --- */

void resin_print_begin(struct machine *machine, const char *path, const struct file_node *file,
                       struct plan *plan, bool at_once)
{
    struct resin *resin = machine->resin;
    resin_print_free(machine);
    struct resin_print *print = resin->print = memory_new(sizeof *print);
    if (++machine->job_counter == 0) {
        machine->job_counter = 1; /* 0 is "no id" on the wire */
    }
    const char *below;
    const struct storage *storage = machine_storage_of(machine, path, &below);
    print->info = (struct machine_job){
        .id = machine->job_counter,
        .path = memory_copy_text(path),
        .size_bytes = file->size,
        .modified_s = file->modified_s,
        .from_sd = storage != NULL && storage->kind == STORAGE_SDCARD,
        .start_us = machine_now(machine),
    };
    print->plan = plan;
    print->content = file_content_share(file->content);
    print->at_once = at_once;
    print->begun_us = print->ended_us = INT64_MAX;
    print->volume_ml = NAN;
    print->from_mm = print->to_mm = resin->tower_mm;
    resin->code = 0;
    resin_panel_clear(machine);
    resin_enter(machine, STAGE_READ, READ_LAYER_US);
    TELL(machine, job_known_better, (face));
}

static void end_stage_now(struct machine *machine)
{
    machine->resin->print->due_us = machine_now(machine);
}

void resin_print_refill(struct machine *machine)
{
    struct resin *resin = machine->resin;
    resin->tank_ml = machine->model->resin.most_ml;
    if (resin->print->stage == STAGE_FEED) {
        resin->print->volume_ml = resin->tank_ml + resin->print->consumed_ml;
        book_resin(machine);
    }
}

enum machine_refusal resin_print_confirm(struct machine *machine, bool person)
{
    struct resin_print *print = machine->resin->print;
    switch (print == NULL ? RESIN_STAGES : (enum resin_stage)print->stage) {
    case STAGE_POUR:
    case STAGE_FEED:
        /* Who says so at the printer has filled the tank before, and a full one is counted; a
         * host's "continue" counts nothing (sla-fw: slafw/exposure/exposure.py, "continue" and
         * "back"). */
        if (person) {
            resin_print_refill(machine);
        }
        print->fed = print->stage == STAGE_FEED;
        end_stage_now(machine);
        return MACHINE_ACCEPTED;
    case STAGE_WARNING:
        print->warning_count--;
        for (unsigned i = 0; i < print->warning_count; i++) {
            print->warnings[i] = print->warnings[i + 1];
        }
        end_stage_now(machine);
        return MACHINE_ACCEPTED;
    case STAGE_CONFIRM:
    case STAGE_STUCK:
        end_stage_now(machine);
        return MACHINE_ACCEPTED;
    case STAGE_FINISHED:
    case STAGE_CANCELED:
    case STAGE_FAILED:
        if (person) {
            end_stage_now(machine);
            return MACHINE_ACCEPTED;
        }
        return MACHINE_WRONG_STATE;
    default:
        return MACHINE_WRONG_STATE;
    }
}

enum machine_refusal resin_print_pause(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    if (print == NULL || print->held || print->cancelling || print->pausing ||
        !resin_stage_prints((enum resin_stage)print->stage)) {
        return MACHINE_WRONG_STATE;
    }
    print->pausing = true;
    resin_show(machine);
    return MACHINE_ACCEPTED;
}

enum machine_refusal resin_print_stop(struct machine *machine)
{
    struct resin_print *print = machine->resin->print;
    switch (print == NULL ? STAGE_FINISHED : (enum resin_stage)print->stage) {
    case STAGE_FINISHED:
    case STAGE_CANCELED:
    case STAGE_FAILED:
        return MACHINE_WRONG_STATE;
    case STAGE_READ:
    case STAGE_CONFIRM: /* nothing has begun */
        leave(machine);
        return MACHINE_ACCEPTED;
    case STAGE_STUCK:
        resin_fail(machine, RESIN_CODE_TILT);
        return MACHINE_ACCEPTED;
    case STAGE_DARK:
    case STAGE_LIT:
    case STAGE_PEEL:
    case STAGE_UP:
    case STAGE_TILT_DOWN:
    case STAGE_FEED_UP:
    case STAGE_FEED_STIR:
    case STAGE_FEED_DOWN:
    case STAGE_UNSTICK:
    case STAGE_STUCK_STIR:
        print->cancelling = true;
        resin_show(machine);
        return MACHINE_ACCEPTED;
    case STAGE_COOL:
        print->cancelling = true;
        end_stage_now(machine);
        return MACHINE_ACCEPTED;
    default: /* before the first layer, or the tower is up */
        print->cancelling = true;
        drive_up(machine);
        end_print(machine, STAGE_CANCELED);
        return MACHINE_ACCEPTED;
    }
}
