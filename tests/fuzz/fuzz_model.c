#include <stddef.h>
#include <stdint.h>

#include "sim/machine/heater.h"
#include "sim/machine/model.h"

/* Any bytes are a model or an error; what is taken as a model heats without ever leaving its
 * numbers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct model *model = model_load_text((const char *)data, size, "fuzz.yaml", &error);
    if (model == NULL) {
        return 0;
    }
    char serial[32];
    model_serial(model, 1, 123456, serial, sizeof serial);
    struct heater heater;
    heater_init(&heater, &model->nozzle, 1, 25, 0);
    heater_set_target(&heater, 0, model->nozzle.max_c / 2);
    heater_wait(&heater, 0, HEATER_WAIT_BOTH);
    (void)heater_next_us(&heater);
    heater_advance(&heater, 600 * INT64_C(1000000));
    double block_c = heater_block_c(&heater);
    if (!(block_c > -300 && block_c < 1e7)) {
        __builtin_trap();
    }
    model_destroy(model);
    return 0;
}
