#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/gcode.h"
#include "sim/machine/machine_parts.h"

/* Lines of g-code that a host sends, one after the other, each when the one before was confirmed.
 */

/* Keep-alive: a command that takes longer is "busy" (mk3-serial.md 3.5). */
#define KEEP_ALIVE_US SECONDS(2)

static const double GUARD_C =
    170; /* PrusaLink's own guard against cold extrusion (printer-models.md 2) */
static const double HOME_SECONDS = 12; /* bumps included, from anywhere on the bed */
static const double MESH_SECONDS = 45;
static const double LOAD_MM = 70, UNLOAD_MM = -90, LOAD_FEED_MM_S = 6.7, UNLOAD_FEED_MM_S = 40;

static const double tool_change_s = 7; /* as in a print (plan_orders.c) */

static const char WHY_UNKNOWN[] = "Unknown command";
static const char WHY_COLD[] = "Cold extrusion prevented";
static const char WHY_INTERRUPTED[] = "interrupted";

enum host_wait {
    HOST_READY,
    HOST_PLANNER, /* room for one more move */
    HOST_STANDSTILL,
    HOST_NOZZLE,
    HOST_BED,
    HOST_PRINT, /* the state of the printing layer in `until` */
    HOST_USER,
};

struct host_request {
    struct host_request *next;
    machine_gcode_done *done;
    void *owner;
    char *text;
    size_t at;
    size_t line, line_size; /* the one under way or last */
};

struct machine_host {
    struct host_request *first, *last;
    enum host_wait wait;
    enum printer_state until;
    int64_t began_us; /* of the line under way */
    bool busy;        /* told */
};

/* --- commands; each returns why it failed, or NULL --- */

static const char *do_move(struct machine *machine, const struct gcode_line *line)
{
    static const char letters[MODEL_AXES] = {'X', 'Y', 'Z', 'E'};
    struct machine_host *host = machine->host;
    double from[MODEL_AXES], to[MODEL_AXES];
    motion_target(machine, from);
    for (int i = 0; i < MODEL_AXES; i++) {
        bool relative = machine->relative || (i == E && machine->relative_e);
        to[i] = gcode_valued(line, letters[i])
                    ? gcode_value(line, letters[i], 0) + (relative ? from[i] : 0)
                    : NAN;
    }
    if (!isnan(to[E]) && fabs(to[E] - from[E]) > 1e-9 &&
        heater_reading(&machine->nozzle) < GUARD_C) {
        return WHY_COLD;
    }
    if (gcode_valued(line, 'F') && gcode_value(line, 'F', 0) > 0) {
        machine->feed_mm_s = (float)(gcode_value(line, 'F', 0) / 60);
    }
    /* A job has the axes; a forced line gets its `ok` and is lost among the job's moves. */
    if (!print_moves(machine)) {
        motion_add(machine, to, (double)machine->feed_mm_s * machine->speed_percent / 100);
        host->wait = HOST_PLANNER;
    }
    return NULL;
}

static void home(struct machine *machine, bool x, bool y, bool z)
{
    double to[MODEL_AXES] = {NAN, NAN, NAN, NAN};
    to[X] = x ? fmax(machine->model->axes[X].min_mm, 0) : NAN;
    to[Y] = y ? machine->model->axes[Y].min_mm : NAN;
    to[Z] = z ? machine->model->axes[Z].min_mm : NAN;
    motion_add(machine, to, machine->model->axes[z ? Z : X].home_feed_mm_s);
    motion_dwell(machine, HOME_SECONDS / 3 * (x + y + z));
}

static const char *do_home(struct machine *machine, const struct gcode_line *line)
{
    bool x = gcode_has(line, 'X'), y = gcode_has(line, 'Y'), z = gcode_has(line, 'Z');
    bool all = !x && !y && !z;
    if (print_moves(machine)) {
        return NULL;
    }
    home(machine, x || all, y || all, z || all);
    if (all && !gcode_has(line, 'W')) { /* G28 levels the bed too unless told not to */
        motion_dwell(machine, MESH_SECONDS);
        machine_measure_mesh(machine);
    }
    machine->host->wait = HOST_STANDSTILL;
    return NULL;
}

static const char *do_mesh(struct machine *machine, const struct gcode_line *line)
{
    (void)line;
    if (!print_moves(machine)) {
        motion_dwell(machine, MESH_SECONDS);
        machine_measure_mesh(machine);
        machine->host->wait = HOST_STANDSTILL;
    }
    return NULL;
}

static const char *do_wait(struct machine *machine, const struct gcode_line *line)
{
    if (!print_moves(machine)) {
        double seconds = gcode_value(line, 'S', gcode_value(line, 'P', 0) / 1000);
        bool dwell = line->letter == 'G' || line->number == 300; /* G4, M300 */
        if (dwell && seconds > 0) {
            /* M300 without P sounds for a second; its S is a frequency */
            motion_dwell(machine,
                         line->number == 300 ? gcode_value(line, 'P', 1000) / 1000 : seconds);
        }
        machine->host->wait = HOST_STANDSTILL;
    }
    return NULL;
}

static const char *do_nozzle(struct machine *machine, const struct gcode_line *line)
{
    bool both = line->number == 109;
    if (!gcode_valued(line, 'S') && !(both && gcode_valued(line, 'R'))) {
        return NULL;
    }
    double target_c = gcode_value(line, 'S', gcode_value(line, 'R', 0));
    struct machine_head *head = tools_head(machine, 1 + (int)gcode_value(line, 'T', -1));
    if (head != NULL) { /* a host waits for the head in use alone */
        heater_set_target(&head->nozzle, machine_now(machine), target_c);
        return NULL;
    }
    machine_set_nozzle(machine, target_c);
    if (both && heater_target(&machine->nozzle) > 0 && !print_moves(machine)) {
        heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_BOTH);
        machine->host->wait = HOST_NOZZLE;
    }
    return NULL;
}

static const char *do_tool(struct machine *machine, const struct gcode_line *line)
{
    if (machine->tools != NULL && !print_moves(machine)) {
        motion_dwell(machine, tool_change_s);
        machine->host->wait = HOST_STANDSTILL;
        tools_pick(machine, line->number + 1);
    }
    return NULL;
}

static const char *do_bed(struct machine *machine, const struct gcode_line *line)
{
    bool waits = line->number == 190;
    if (!gcode_valued(line, 'S') && !(waits && gcode_valued(line, 'R'))) {
        return NULL;
    }
    machine_set_bed(machine, gcode_value(line, 'S', gcode_value(line, 'R', 0)));
    if (waits && heater_target(&machine->bed) > 0 && !print_moves(machine)) {
        heater_wait(&machine->bed, machine_now(machine),
                    gcode_valued(line, 'R') ? HEATER_WAIT_BOTH : HEATER_WAIT_HEATING);
        machine->host->wait = HOST_BED;
    }
    return NULL;
}

static const char *do_fan(struct machine *machine, const struct gcode_line *line)
{
    machine_set_print_fan(machine, line->number == 107 ? 0 : (int)gcode_value(line, 'S', 255));
    return NULL;
}

static const char *do_percent(struct machine *machine, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S')) {
        int percent = (int)gcode_value(line, 'S', 100);
        line->number == 220 ? machine_set_speed(machine, percent)
                            : machine_set_flow(machine, percent);
    }
    return NULL;
}

static const char *do_ready(struct machine *machine, const struct gcode_line *line)
{
    if (gcode_valued(line, 'S')) {
        machine_set_ready(machine, gcode_value(line, 'S', 0) > 0);
    }
    return NULL;
}

static const char *do_mode(struct machine *machine, const struct gcode_line *line)
{
    if (line->letter == 'G') {
        machine->relative = line->number == 91;
    }
    machine->relative_e = line->number == 91 || line->number == 83;
    return NULL;
}

static const char *do_position(struct machine *machine, const struct gcode_line *line)
{
    /* G92: only E may be given another name without losing where the bed is. */
    if (gcode_valued(line, 'E') && machine->motion == NULL && !print_moves(machine)) {
        machine->position[E] = gcode_value(line, 'E', 0);
    }
    return NULL;
}

static const char *do_filament(struct machine *machine, const struct gcode_line *line)
{
    if (heater_reading(&machine->nozzle) < GUARD_C) {
        return WHY_COLD;
    }
    if (!print_moves(machine)) {
        double to[MODEL_AXES];
        motion_target(machine, to);
        bool load = line->number == 701;
        to[E] += load ? LOAD_MM : UNLOAD_MM;
        motion_add(machine, to, load ? LOAD_FEED_MM_S : UNLOAD_FEED_MM_S);
        machine->host->wait = HOST_STANDSTILL;
    }
    return NULL;
}

static const char *do_print_order(struct machine *machine, const struct gcode_line *line)
{
    struct machine_host *host = machine->host;
    enum machine_refusal refusal = line->number == 601   ? machine_pause(machine)
                                   : line->number == 602 ? machine_resume(machine)
                                                         : machine_stop(machine);
    if (refusal == MACHINE_ACCEPTED &&
        line->number != 603) { /* else just `ok` (mk3-serial.md 7.3) */
        host->wait = HOST_PRINT;
        host->until = line->number == 601 ? STATE_PAUSED : STATE_PRINTING;
    }
    return NULL;
}

static const char *do_user(struct machine *machine, const struct gcode_line *line)
{
    (void)line;
    if (!print_moves(machine)) {
        machine->host->wait = HOST_USER;
        machine_trigger(machine, TRIGGER_USER_WANTED, SOURCE_COUNT, NULL);
    }
    return NULL;
}

/* Accepted with nothing to see from outside: settings, and questions whose answers readings give
 * anyway. */
static const char *do_nothing(struct machine *machine, const struct gcode_line *line)
{
    (void)machine;
    (void)line;
    return NULL;
}

static const struct command {
    char letter;
    int first, last;
    const char *(*run)(struct machine *machine, const struct gcode_line *line);
} commands[] = {
    {'G', 0, 1, do_move},
    {'G', 4, 4, do_wait},
    {'G', 28, 28, do_home},
    {'G', 29, 29, do_mesh},
    {'G', 80, 80, do_mesh},
    {'G', 90, 91, do_mode},
    {'G', 92, 92, do_position},
    {'G', 21, 21, do_nothing},
    {'G', 76, 76, do_nothing},
    {'G', 81, 81, do_nothing},
    {'M', 0, 1, do_user},
    {'M', 17, 18, do_nothing},
    {'M', 20, 20, do_nothing},
    {'M', 27, 27, do_nothing},
    {'M', 31, 31, do_nothing},
    {'M', 72, 72, do_ready},
    {'M', 73, 73, do_nothing},
    {'M', 75, 79, do_nothing},
    {'M', 82, 83, do_mode},
    {'M', 84, 84, do_nothing},
    {'M', 104, 104, do_nozzle},
    {'M', 105, 105, do_nothing},
    {'M', 106, 107, do_fan},
    {'M', 109, 109, do_nozzle},
    {'M', 110, 110, do_nothing},
    {'M', 113, 115, do_nothing},
    {'M', 117, 119, do_nothing},
    {'M', 123, 123, do_nothing},
    {'M', 140, 140, do_bed},
    {'M', 155, 155, do_nothing},
    {'M', 190, 190, do_bed},
    {'M', 201, 205, do_nothing},
    {'M', 220, 221, do_percent},
    {'M', 300, 300, do_wait},
    {'M', 301, 304, do_nothing},
    {'M', 400, 400, do_wait},
    {'M', 420, 420, do_nothing},
    {'M', 500, 503, do_nothing},
    {'M', 552, 552, do_nothing},
    {'M', 600, 600, do_user},
    {'M', 601, 603, do_print_order},
    {'M', 701, 702, do_filament},
    {'M', 862, 862, do_nothing},
    {'M', 900, 900, do_nothing},
    {'M', 907, 907, do_nothing},
    {'T', 0, 4, do_tool},
};

static const char *run_line(struct machine *machine, const char *text, size_t size)
{
    struct gcode_line line;
    if (!gcode_parse(&line, text, size)) {
        return NULL; /* blank, comment: the host doesn't send it */
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct command *command = &commands[i];
        if (line.letter == command->letter && line.number >= command->first &&
            line.number <= command->last) {
            return command->run(machine, &line);
        }
    }
    return WHY_UNKNOWN;
}

/* --- the queue --- */

void machine_gcode(struct machine *machine, const char *lines, machine_gcode_done *done,
                   void *owner)
{
    machine_settle(machine);
    if (machine->resin != NULL) { /* nothing in it reads g-code */
        done(owner, lines, "Unknown command");
        return;
    }
    struct host_request *request = memory_new(sizeof *request);
    *request = (struct host_request){.done = done, .owner = owner, .text = memory_copy_text(lines)};
    if (machine->host == NULL) {
        machine->host = memory_new(sizeof *machine->host);
        machine->host->began_us = machine_now(machine);
    }
    struct machine_host *host = machine->host;
    *(host->last == NULL ? &host->first : &host->last->next) = request;
    host->last = request;
    machine_settle(machine);
}

static void end_request(struct machine *machine, const char *why)
{
    struct machine_host *host = machine->host;
    struct host_request *request = host->first;
    host->first = request->next;
    if (host->first == NULL) {
        free(host);
        machine->host = NULL;
    }
    request->text[request->line + request->line_size] = '\0';
    if (request->done != NULL) {
        request->done(request->owner, request->text + request->line, why);
    }
    free(request->text);
    free(request);
}

static void confirm_line(struct machine *machine)
{
    machine->host->busy = false;
    if (machine->power == POWER_ON && machine->layers.base == STATE_BUSY) {
        machine_trigger(machine, TRIGGER_CONFIRMED, SOURCE_COUNT, NULL);
    }
}

void host_interrupt(struct machine *machine, const char *why)
{
    if (machine->host == NULL) {
        return;
    }
    bool user = machine->host->wait == HOST_USER;
    if (!print_moves(machine)) {
        heater_wait(&machine->nozzle, machine_now(machine), HEATER_WAIT_NONE);
        heater_wait(&machine->bed, machine_now(machine), HEATER_WAIT_NONE);
    }
    confirm_line(machine);
    if (user && machine->layers.override == STATE_ATTENTION) {
        machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    }
    unsigned count = 0; /* of now: who is told may send more */
    for (const struct host_request *request = machine->host->first; request != NULL;
         request = request->next) {
        count++;
    }
    machine->host->wait = HOST_READY;
    while (count-- > 0) {
        end_request(machine, why);
    }
}

void machine_gcode_interrupt(struct machine *machine)
{
    machine_settle(machine);
    host_interrupt(machine, WHY_INTERRUPTED);
    machine_settle(machine);
}

bool host_confirm(struct machine *machine)
{
    if (machine->host == NULL || machine->host->wait != HOST_USER) {
        return false;
    }
    machine->host->wait = HOST_READY;
    machine_trigger(machine, TRIGGER_ATTENTION_OVER, SOURCE_COUNT, NULL);
    return true;
}

static bool still_waits(const struct machine *machine)
{
    switch (machine->host->wait) {
    case HOST_READY:
        return false;
    case HOST_PLANNER:
        return motion_full(machine);
    case HOST_STANDSTILL:
        return machine->motion != NULL;
    case HOST_NOZZLE:
        return !heater_reached(&machine->nozzle);
    case HOST_BED:
        return !heater_reached(&machine->bed);
    case HOST_PRINT:
        return machine->print != NULL && machine->print->phase != PRINT_ENDED &&
               machine->layers.printing != machine->host->until;
    case HOST_USER:
        return true;
    }
    return false;
}

/* Find the next line of the first request; false: there is none. */
static bool next_line(struct host_request *request)
{
    const char *text = request->text + request->at;
    if (*text == '\0') {
        return false;
    }
    size_t size = strcspn(text, "\r\n");
    request->line = request->at;
    request->line_size = size;
    request->at += size + strspn(text + size, "\r\n");
    return true;
}

bool host_step(struct machine *machine)
{
    struct machine_host *host = machine->host;
    if (host == NULL || machine->halted || machine->power != POWER_ON) {
        return false; /* what is Stopped confirms nothing (mk3-serial.md 3.3) */
    }
    if (still_waits(machine)) {
        if (!host->busy && host->wait != HOST_USER &&
            machine_now(machine) >= host->began_us + KEEP_ALIVE_US) {
            host->busy = true;
            machine_trigger(machine, TRIGGER_BUSY, SOURCE_COUNT, NULL);
            return true;
        }
        return false;
    }
    if (host->wait != HOST_READY) {
        host->wait = HOST_READY;
        confirm_line(machine);
        return true;
    }
    struct host_request *request = host->first;
    if (!next_line(request)) {
        end_request(machine, NULL);
        return true;
    }
    host->began_us = machine_now(machine);
    machine->safety_us = INT64_MAX; /* counted anew from now */
    const char *why = run_line(machine, request->text + request->line, request->line_size);
    if (why != NULL && machine->host == host) {
        end_request(machine, why);
    }
    return true;
}

int64_t host_next_us(const struct machine *machine)
{
    const struct machine_host *host = machine->host;
    if (host == NULL || machine->halted || machine->power != POWER_ON || host->wait == HOST_USER) {
        return INT64_MAX;
    }
    return host->busy ? INT64_MAX : host->began_us + KEEP_ALIVE_US;
}
