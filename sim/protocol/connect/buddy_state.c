#include "sim/protocol/connect/buddy_state.h"

#include <string.h>

static const char *const device_state_names[BUDDY_DEVICE_STATES] = {
    "UNKNOWN", "IDLE",  "PRINTING", "PAUSED",    "FINISHED",
    "STOPPED", "READY", "BUSY",     "ATTENTION", "ERROR",
};

/* PFB: src/common/general_response.cpp; the first stands for none. */
static const char *const button_names[] = {
    "",
    "Abort",
    "Abort_invalidate_test",
    "Adjust",
    "All",
    "Back",
    "Calibrate",
    "Cancel",
    "Help",
    "Change",
    "Continue",
    "Cooldown",
    "Disable",
    "Done",
    "Filament",
    "Filament_removed",
    "Finish",
    "FS_disable",
    "Ignore",
    "Left",
    "Load",
    "MMU_disable",
    "Never",
    "Next",
    "No",
    "NotNow",
    "Ok",
    "Pause",
    "Print",
    "Purge_more",
    "Quit",
    "Reheat",
    "Replace",
    "Remove",
    "Restart",
    "Resume",
    "Retry",
    "Right",
    "Skip",
    "Slowly",
    "SpoolJoin",
    "Stop",
    "Unload",
    "Yes",
    "Heatup",
    "Postpone5Days",
    "PRINT",
    "Tool1",
    "Tool2",
    "Tool3",
    "Tool4",
    "Tool5",
};

enum { BUTTON_COUNT = sizeof button_names / sizeof button_names[0] };

const char *buddy_device_state_name(enum buddy_device_state state)
{
    return device_state_names[state];
}

const char *buddy_button_name(enum buddy_button button)
{
    return button_names[button];
}

enum buddy_button buddy_button_find(const char *name, size_t size)
{
    for (int i = 1; i < BUTTON_COUNT; i++) {
        if (strlen(button_names[i]) == size && memcmp(button_names[i], name, size) == 0) {
            return (enum buddy_button)i;
        }
    }
    return BUDDY_BUTTON_NONE;
}

int buddy_slot_count(const struct buddy_state *state)
{
    int count = 0;
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        count += (state->slot_mask >> i & 1U) != 0;
    }
    return count;
}

int buddy_preferred_slot(const struct buddy_state *state)
{
    if (state->slot_active > 0) {
        return state->slot_active - 1;
    }
    for (int i = 0; i < BUDDY_SLOTS; i++) {
        if ((state->slot_mask >> i & 1U) != 0) {
            return i;
        }
    }
    return 0;
}

int buddy_preferred_head(const struct buddy_build *build, const struct buddy_state *state)
{
    return build->tool_changer ? buddy_preferred_slot(state) : 0;
}

int buddy_error_code(const struct buddy_build *build, int generic)
{
    enum { CODES_OF_A_PREFIX = 1000, MMU_PREFIX = 4 };
    if (generic == 0 || generic / CODES_OF_A_PREFIX == MMU_PREFIX) {
        return generic;
    }
    return build->error_prefix * CODES_OF_A_PREFIX + generic % CODES_OF_A_PREFIX;
}

uint32_t buddy_transfer_remaining_s(const struct buddy_transfer *transfer)
{
    if (transfer->received_bytes == 0 || transfer->received_bytes >= transfer->size_bytes) {
        return 0;
    }
    uint64_t left = transfer->size_bytes - transfer->received_bytes;
    return (uint32_t)(left * transfer->seconds / transfer->received_bytes);
}

double buddy_transfer_percent(const struct buddy_transfer *transfer)
{
    return transfer->size_bytes == 0
               ? 0.0
               : (double)transfer->received_bytes / (double)transfer->size_bytes * 100.0;
}
