#include "sim/machine/machine_parts.h"

void machine_trigger(struct machine *machine, enum state_trigger trigger, enum state_source source,
                     const char *reason)
{
    enum printer_state before = printer_layers_reported(&machine->layers);
    enum state_source own = SOURCE_WUI;
    if (!printer_layers_trigger(&machine->layers, trigger, &own)) {
        return;
    }
    const struct state_change change = {
        .from = before,
        .to = printer_layers_reported(&machine->layers),
        .source = source == SOURCE_COUNT ? own : source,
        .reason = reason,
        .job_id = machine->print == NULL ? 0 : machine->print->info.id,
    };
    if (change.to != before) {
        TELL(machine, state_changed, (face, &change));
    }
}

void machine_show(struct machine *machine, enum printer_state state, enum state_source source,
                  const char *reason)
{
    const struct machine_job *job = machine_job(machine);
    const struct state_change change = {
        .from = printer_layers_reported(&machine->layers),
        .to = state,
        .source = source,
        .reason = reason,
        .job_id = job == NULL ? 0 : job->id,
    };
    if (change.to == change.from) {
        return;
    }
    machine->layers = (struct printer_layers){STATE_NONE, STATE_NONE, STATE_IDLE};
    switch (state) {
    case STATE_ERROR:
    case STATE_ATTENTION:
        machine->layers.override = state;
        break;
    case STATE_PRINTING:
    case STATE_PAUSED:
    case STATE_FINISHED:
    case STATE_STOPPED:
        machine->layers.printing = state;
        break;
    default:
        machine->layers.base = state;
    }
    TELL(machine, state_changed, (face, &change));
}

enum printer_state machine_state(const struct machine *machine)
{
    return printer_layers_reported(&machine->layers);
}

const struct printer_layers *machine_layers(const struct machine *machine)
{
    return &machine->layers;
}

const char *machine_refusal_name(enum machine_refusal refusal)
{
    static const char *const names[] = {
        [MACHINE_ACCEPTED] = "accepted",       [MACHINE_ALREADY_PRINTING] = "already-printing",
        [MACHINE_WRONG_STATE] = "wrong-state", [MACHINE_NO_FILE] = "no-file",
        [MACHINE_BAD_FILE] = "bad-file",
    };
    return names[refusal];
}

enum machine_refusal machine_set_ready(struct machine *machine, bool ready)
{
    machine_settle(machine);
    if (ready && machine->resin != NULL) {
        resin_dismiss_end(machine); /* who says that it is ready has cleared the platform */
    }
    enum printer_state wanted = ready ? STATE_IDLE : STATE_READY;
    /* Ready twice is fine (connect-sdk.md 5.4), "not ready" needs somebody to have been ready. */
    if (ready && machine_state(machine) == STATE_READY) {
        return MACHINE_ACCEPTED;
    }
    if (!machine_answers(machine) || machine_state(machine) != wanted) {
        return MACHINE_WRONG_STATE;
    }
    machine_trigger(machine, ready ? TRIGGER_SET_READY : TRIGGER_CANCEL_READY, SOURCE_COUNT, NULL);
    machine_settle(machine);
    return MACHINE_ACCEPTED;
}
