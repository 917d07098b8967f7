#ifndef HOTBED_TESTS_BUDDY_MODELS_H
#define HOTBED_TESTS_BUDDY_MODELS_H

#include <string.h>

#include "sim/machine/model.h"

/* Heaters of the MK4 and the MINI (printer-models.md 3, 4, 9.4) as users would write them, so that
 * the Buddy regulator, losses with a square term and Marlin's watch are proven before these
 * printers exist. */

#define BUDDY_REST                                                                                 \
    "  runaway: {hysteresis_c: 10, period_s: 60}\n"                                                \
    "identity: {family: buddy, type: [1, 4, 0], model_code: 130, firmware: 6.3.0+1, serial: "      \
    "'CZPX{number}',\n"                                                                            \
    "           settings_type: MK4}\n"                                                             \
    "buddy: {user_agent: Buddy_MK4, hostname: prusa-mk4, error_prefix: 13}\n"                      \
    "storages: [{name: usb, kind: usb}]\n"

#define MK4_YAML                                                                                   \
    "title: MK4 heaters\n"                                                                         \
    "base: mk3\n"                                                                                  \
    "regulator: buddy\n"                                                                           \
    "nozzle:\n"                                                                                    \
    "  power_w: 40\n"                                                                              \
    "  capacity_j_per_k: 10\n"                                                                     \
    "  loss: {a_w_per_k: 0.0505, b_w_per_k2: 3.14e-5, fan_c: 9.24}\n"                              \
    "  sensor: {time_s: 2.5, delay_s: 2, open_c: 0, short_c: 713}\n"                               \
    "  pid: {kp: 14, ki: 1, kd: 100, derivative_keep: 0.95, period_s: 0.16}\n"                     \
    "  limits: {max_c: 305, settable_max_c: 290, min_c: 5}\n"                                      \
    "  wait: {window_c: 1, hold_s: 5, restart_c: 3}\n"                                             \
    "  watch: {rise_c: 2, period_s: 20, windows: 1}\n"                                             \
    "  runaway: {hysteresis_c: 12, period_s: 60}\n"                                                \
    "bed:\n"                                                                                       \
    "  power_w: 200\n"                                                                             \
    "  capacity_j_per_k: 600\n"                                                                    \
    "  resistance_k_per_w: 0.62\n"                                                                 \
    "  sensor: {time_s: 6, delay_s: 2, open_c: 0, short_c: 400}\n"                                 \
    "  pid: {kp: 126.13, ki: 4.30, kd: 924.76, derivative_keep: 0.95, period_s: 0.16}\n"           \
    "  limits: {max_c: 125, settable_max_c: 120, min_c: 5}\n"                                      \
    "  wait: {window_c: 1, hold_s: 5, restart_c: 3}\n"                                             \
    "  watch: {rise_c: 2, period_s: 60, windows: 1}\n" BUDDY_REST

#define MINI_YAML                                                                                  \
    "title: MINI heaters\n"                                                                        \
    "base: mk3\n"                                                                                  \
    "regulator: buddy\n"                                                                           \
    "nozzle:\n"                                                                                    \
    "  power_w: 40\n"                                                                              \
    "  capacity_j_per_k: 11.17\n"                                                                  \
    "  loss: {a_w_per_k: 0.0662, b_w_per_k2: 4.24e-5, fan_c: 4}\n"                                 \
    "  sensor: {time_s: 2, delay_s: 3.6, open_c: 0, short_c: 713}\n"                               \
    "  pid: {kp: 7, ki: 0.5, kd: 45, derivative_keep: 0.97, period_s: 0.16, feed_forward: true}\n" \
    "  limits: {max_c: 295, settable_max_c: 280, min_c: 10}\n"                                     \
    "  wait: {window_c: 2.5, hold_s: 1, restart_c: 3}\n"                                           \
    "  watch: {rise_c: 2, period_s: 20, windows: 1}\n"                                             \
    "  runaway: {hysteresis_c: 6, period_s: 20}\n"                                                 \
    "bed:\n"                                                                                       \
    "  power_w: 110\n"                                                                             \
    "  capacity_j_per_k: 340\n"                                                                    \
    "  resistance_k_per_w: 1\n"                                                                    \
    "  sensor: {time_s: 6, delay_s: 2, open_c: 0, short_c: 400}\n"                                 \
    "  pid: {kp: 120, ki: 1.5, kd: 600, derivative_keep: 0.95, period_s: 0.16}\n"                  \
    "  limits: {max_c: 110, settable_max_c: 100, min_c: 10}\n"                                     \
    "  wait: {window_c: 1, hold_s: 5, restart_c: 3}\n"                                             \
    "  watch: {rise_c: 2, period_s: 240, windows: 1}\n" BUDDY_REST

static inline struct model *buddy_model(const char *name, const char *text)
{
    struct error error;
    struct model *model = model_load_text(text, strlen(text), name, &error);
    if (model == NULL) {
        fail_msg("%s", error.text);
    }
    return model;
}

#endif
