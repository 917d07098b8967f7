#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "sim/base/world.h"
#include "sim/machine/heater.h"
#include "sim/machine/model.h"

/* What it costs to ask a heater for its temperature after a second and after six hours: the ratio
 * must be near 1 whatever the heater does meanwhile. And what a transient costs once. */

enum { ROUNDS = 200000, WARM_UPS = 2000 };

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static volatile double sink; /* keeps the compiler from dropping the work */

static double advance_ns(const struct heater *from, int64_t step_us)
{
    double start = cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        struct heater heater = *from;
        heater_advance(&heater, heater.now_us + step_us + i);
        sink = heater_reading(&heater);
    }
    return (cpu_ns() - start) / ROUNDS;
}

static void compare(const char *name, const struct heater *heater)
{
    double second = advance_ns(heater, SECONDS(1));
    double hours = advance_ns(heater, SECONDS(6 * 3600));
    printf("%-24s after 1 s %7.1f ns   after 6 h %7.1f ns   ratio %.2f\n", name, second, hours,
           hours / second);
}

int main(void)
{
    const struct model *model = model_find("mk3s");
    struct heater heater;
    heater_init(&heater, &model->nozzle, 1, 25, 0);
    compare("off", &heater);
    heater_set_target(&heater, 0, 215);
    heater_advance(&heater, SECONDS(600));
    compare("at 215", &heater);
    heater_set_target(&heater, SECONDS(600), 0);
    compare("cooling", &heater);

    double start = cpu_ns();
    for (int i = 0; i < WARM_UPS; i++) {
        heater_init(&heater, &model->nozzle, 1, 25, 0);
        heater_set_target(&heater, 0, 215);
        heater_advance(&heater, SECONDS(6 * 3600));
        sink = heater_reading(&heater);
    }
    printf("%-24s %.1f us, bytes per heater: %zu\n", "warming up to 215, once",
           (cpu_ns() - start) / WARM_UPS / 1000, sizeof heater);
    return 0;
}
