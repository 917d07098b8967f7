/* hotbed models: which printers there are, one of them in full, or whether a model of one's own can
 * be read. */
#include <stdio.h>

#include "harness/cli/cli.h"
#include "sim/machine/model.h"

static const char *const example = "  hotbed models\n"
                                   "  hotbed models mk3s\n";

static void print_list(void)
{
    printf("%-12s %-34s %-8s %-14s %s\n", "NAME", "PRINTER", "TYPE", "FIRMWARE", "STORAGES");
    for (size_t i = 0; i < model_count(); i++) {
        const struct model *model = model_at(i);
        char type[40];
        snprintf(type, sizeof type, "%d.%d.%d", model->type, model->version, model->subversion);
        printf("%-12s %-34s %-8s %-14s ", model->name, model->title, type, model->firmware);
        for (uint32_t k = 0; k < model->storages_count; k++) {
            printf("%s/%s", k == 0 ? "" : ", ", model->storages[k].name);
        }
        putchar('\n');
    }
}

static void print_heater(const char *name, const struct model_heater *heater)
{
    printf("%-20s %g W, %g J/K, maximum %g C, sensor %g s + %g s, regulator %g/%g/%g each %g s\n",
           name, heater->power_w, heater->capacity_j_per_k, heater->max_c, heater->sensor_time_s,
           heater->delay_s, heater->kp, heater->ki, heater->kd, heater->period_s);
}

static void print_uploads(const struct model_uploads *uploads)
{
    if (uploads->ethernet_bytes_per_s > 0) {
        printf("%-20s %g bytes/s\n", "uploads by cable", uploads->ethernet_bytes_per_s);
    }
    if (uploads->wifi_bytes_per_s > 0) {
        printf("%-20s %g bytes/s\n", "uploads by air", uploads->wifi_bytes_per_s);
    }
}

static void print_model(const struct model *model)
{
    static const char axes[MODEL_AXES] = {'x', 'y', 'z', 'e'};
    char serial[64];
    model_serial(model, 1, 0, serial, sizeof serial);
    printf("%-20s %s\n", "name", model->name);
    printf("%-20s %s\n", "printer", model->title);
    printf("%-20s %d.%d.%d, M862.2 code %d\n", "type", model->type, model->version,
           model->subversion, model->mmu ? model->mmu_model_code : model->model_code);
    printf("%-20s %s\n", "firmware", model->firmware);
    printf("%-20s %s\n", "serial number like", serial);
    printf("%-20s %g mm\n", "nozzle", model->nozzle_diameter_mm);
    if (model->mmu) {
        printf("%-20s %d slots\n", "MMU", model->mmu_slots);
    }
    print_heater("nozzle heater", &model->nozzle);
    print_heater("bed heater", &model->bed);
    for (int i = 0; i < MODEL_AXES; i++) {
        const struct model_axis *axis = &model->axes[i];
        printf("axis %-15c %g..%g mm, at most %g mm/s, %g mm/s2\n", axes[i], axis->min_mm,
               axis->max_mm, axis->max_feed_mm_s, axis->max_acceleration_mm_s2);
    }
    print_uploads(&model->uploads);
    for (uint32_t i = 0; i < model->storages_count; i++) {
        const struct model_storage *storage = &model->storages[i];
        printf("%-20s /%s, %s%s\n", i == 0 ? "storages" : "", storage->name, storage->kind,
               storage->read_only ? ", read-only" : "");
    }
}

static int print_file(const char *path)
{
    struct error error;
    struct model *model = model_load_file(path, &error);
    if (model == NULL) {
        fprintf(stderr, "hotbed models: %s\n", error.text);
        return CLI_BAD_USAGE;
    }
    print_model(model);
    model_destroy(model);
    return CLI_HELD;
}

int cli_models(int argc, char **argv)
{
    const char *file = NULL;
    const struct cli_option options[] = {
        {.name = "file",
         .kind = CLI_TEXT,
         .value = &file,
         .argument = "FILE",
         .help = "read a model of your own from this YAML file and show it, or say what is wrong "
                 "in it"},
        {.name = NULL},
    };
    const struct cli_usage usage = {.line = "models [NAME] [OPTION...]",
                                    .about =
                                        "List the printer models, or show one of them in full.",
                                    .options = options,
                                    .example = example};
    struct cli_list names = {0};
    int result = cli_parse(argc, argv, &usage, &names);
    if (result == -1 && names.count + (file != NULL) > 1) {
        result = cli_complain(&usage, "expected one model at most");
    } else if (result == -1 && file != NULL) {
        result = print_file(file);
    } else if (result == -1 && names.count == 0) {
        print_list();
        result = CLI_HELD;
    } else if (result == -1) {
        const struct model *model = model_find(names.items[0]);
        if (model == NULL) {
            result = cli_complain(&usage, "there is no model '%s'; `hotbed models` lists them",
                                  names.items[0]);
        } else {
            print_model(model);
            result = CLI_HELD;
        }
    }
    cli_list_free(&names);
    return result;
}
