#include "sim/machine/resin_parts.h"
#include "sim/machine/sl1_preview.h"

/* What the panel shows, and for how long it shows what comes. */

void resin_panel_clear(struct machine *machine)
{
    file_content_release(machine->resin->shown);
    machine->resin->shown = NULL;
}

void resin_panel_show(struct machine *machine, uint32_t layer)
{
    struct resin *resin = machine->resin;
    if (resin->shown == NULL) {
        resin->shown = file_content_share(resin->print->content);
    }
    resin->shown_layer = layer;
}

bool machine_live_picture(struct machine *machine, struct buffer *png)
{
    struct error error;
    if (machine->resin == NULL) {
        return false;
    }
    machine_look(machine);
    const struct resin *resin = machine->resin;
    return resin->shown != NULL && sl1_preview(resin->shown, resin->shown_layer, png, &error);
}

/* --- times --- */

static bool within(int64_t value, int64_t least, int64_t most)
{
    return value < 0 || (value >= least && value <= most);
}

bool resin_exposure_good(const struct resin_exposure *exposure)
{
    enum { SLOWEST_PROFILE = 2 };
    return within(exposure->exposure_ms, 1000, 60000) &&
           within(exposure->first_ms, 10000, 120000) &&
           within(exposure->calibration_ms, 100, 5000) &&
           within(exposure->user_profile, 0, SLOWEST_PROFILE);
}

enum machine_refusal machine_set_exposure(struct machine *machine,
                                          const struct resin_exposure *exposure)
{
    machine_settle(machine);
    struct resin_print *print = machine->resin == NULL ? NULL : machine->resin->print;
    if (print == NULL || print->stage == STAGE_READ || print->stage >= STAGE_FINISHED) {
        return MACHINE_WRONG_STATE;
    }
    struct sl1_config config = *plan_resin_config(print->plan);
    if (exposure->exposure_ms >= 0) {
        config.exposure_s = (double)exposure->exposure_ms / 1000;
    }
    if (exposure->first_ms >= 0) {
        config.exposure_first_s = (double)exposure->first_ms / 1000;
    }
    if (exposure->calibration_ms >= 0) {
        config.calibrate_s = (double)exposure->calibration_ms / 1000;
    }
    if (exposure->user_profile >= 0) {
        config.user_profile = exposure->user_profile;
    }
    struct plan *plan = plan_resin_retimed(print->plan, &config);
    plan_release(print->plan);
    print->plan = plan;
    machine_settle(machine);
    return MACHINE_ACCEPTED;
}
