/* What a printer of each model costs in virtual time, standing and printing: simulated seconds of
 * one printer per CPU second, with the Connect client of its own kind at its own pace, HTTP codec
 * and mock server included, and bytes of the printer with its connection, the server's side left
 * out. build/release/tests/bench_models [SECONDS [PRINTERS [MODEL]]] */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/net/memory.h"
#include "mockservers/connect/server.h"
#include "sim/base/memory.h"
#include "sim/machine/plan.h"
#include "sim/printer/printer.h"
#include "sim/wire/http_server.h"
#include "tests/machine/sl1_writer.h"

struct bed {
    struct world world;
    struct memory_network *network;
    struct connect_server *server;
    struct http_server *front;
    struct plan_cache *plans;
    struct storage files;
    struct connect_face_settings face;
    struct printer **printers;
    unsigned count;
};

struct cost {
    double rate;  /* simulated seconds of a printer per CPU second */
    double bytes; /* of a printer */
};

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t held_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static bool prints_resin(const struct model *model)
{
    return model->resin.project_model != NULL;
}

/* Hours of squares, or of small exposures. */
static struct file_content *long_print(const struct model *model)
{
    if (prints_resin(model)) {
        return sl1_content(&(struct sl1_written){.printer_model = model->resin.project_model,
                                                 .layers = 1000,
                                                 .width = 64,
                                                 .height = 64,
                                                 .white = 32,
                                                 .exposure_s = 6,
                                                 .exposure_first_s = 30,
                                                 .used_ml = 1});
    }
    struct buffer text = {0};
    buffer_append_text(&text, "M104 S215\nM190 S60\nM109 S215\nG28\nG90\nM83\n");
    for (int layer = 1; layer <= 1000; layer++) {
        buffer_format(&text,
                      "M73 P%d R%d\n;LAYER_CHANGE\nG1 Z%.2f F600\nG1 X100 Y100 F1800\nG1 X150 "
                      "E2\nG1 Y150 E2\n"
                      "G1 X100 E2\nG1 Y100 E2\n",
                      layer / 10, 120 - layer / 10, 0.1 * layer);
    }
    struct file_content *content = file_content_of_bytes(text.bytes, text.size);
    buffer_free(&text);
    return content;
}

static void fail(const struct error *error)
{
    fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static void bed_begin(struct bed *bed, const struct model *model, unsigned count)
{
    *bed = (struct bed){.count = count};
    struct error error;
    world_init(&bed->world, 1);
    bed->network = memory_network_new(&bed->world);
    bed->server = connect_server_new(
        &bed->world, &(struct connect_server_settings){.adopt_unknown_tokens = true});
    bed->front = http_server_new(&bed->world, memory_network_face(bed->network),
                                 connect_server_service(bed->server), NULL);
    if (!http_server_listen(bed->front, &(struct endpoint){.host = "connect", .port = 80},
                            &error)) {
        fail(&error);
    }
    bed->plans = plan_cache_new(16U << 20);
    storage_init(&bed->files, "files", STORAGE_LOCAL, file_node_folder("", false, 0));
    storage_put(&bed->files, prints_resin(model) ? "part.sl1" : "part.gcode", long_print(model), 0);
    connect_face_defaults(&bed->face);
    bed->face.server = "http://connect";
    bed->printers = memory_new_array(count, sizeof *bed->printers);
}

static void bed_fill(struct bed *bed, const struct model *model)
{
    for (unsigned i = 0; i < bed->count; i++) {
        char token[24];
        struct error error;
        snprintf(token, sizeof token, "token%u", i);
        const struct printer_settings settings = {.model = model,
                                                  .index = i,
                                                  .room_c = 25,
                                                  .plans = bed->plans,
                                                  .tree = bed->files.root,
                                                  .connect = &bed->face,
                                                  .token = token};
        bed->printers[i] =
            printer_new(&bed->world, memory_network_face(bed->network), &settings, &error);
        if (bed->printers[i] == NULL) {
            fail(&error);
        }
        printer_power_on(bed->printers[i]);
    }
    world_run(&bed->world, SECONDS(60), NULL);
}

static void bed_print(struct bed *bed, const struct model *model)
{
    for (unsigned i = 0; i < bed->count; i++) {
        struct machine *machine = printer_machine(bed->printers[i]);
        struct error error = {""};
        char path[96];
        snprintf(path, sizeof path, "/%s/part.%s", machine_storage(machine, 0)->name,
                 prints_resin(model) ? "sl1" : "gcode");
        if (machine_start_print(machine, path, &error) != MACHINE_ACCEPTED) {
            fail(&error);
        }
    }
    world_run(&bed->world, bed->world.now_us + SECONDS(60), NULL);
    for (unsigned i = 0; i < bed->count && prints_resin(model); i++) {
        machine_user_confirms(printer_machine(bed->printers[i])); /* pours the resin in */
    }
    world_run(&bed->world, bed->world.now_us + SECONDS(600), NULL); /* heated, or checked */
    for (unsigned i = 0; i < bed->count; i++) {
        if (machine_state(printer_machine(bed->printers[i])) != STATE_PRINTING) {
            fprintf(stderr, "%s: a printer does not print\n", model->name);
            exit(1);
        }
    }
}

static void bed_end(struct bed *bed)
{
    for (unsigned i = 0; i < bed->count; i++) {
        printer_destroy(bed->printers[i]);
    }
    free(bed->printers);
    memory_network_destroy(bed->network);
    plan_cache_destroy(bed->plans);
    storage_free(&bed->files);
    world_free(&bed->world);
}

static struct cost measure(const struct model *model, bool printing, double seconds, unsigned count)
{
    struct bed bed;
    struct cost cost;
    bed_begin(&bed, model, count);
    size_t before = held_bytes();
    bed_fill(&bed, model);
    if (printing) {
        bed_print(&bed, model);
    }
    double start_s = cpu_s();
    world_run(&bed.world, bed.world.now_us + (int64_t)(seconds * 1e6), NULL);
    cost.rate = seconds * count / (cpu_s() - start_s);
    size_t plans = 0; /* held while somebody prints it, however many */
    if (printing) {
        struct error error;
        const struct file_node *file = bed.files.root->children[0];
        struct plan *plan = plan_cache_get(bed.plans, file->content, model, &error);
        plans = plan_bytes(plan);
        plan_release(plan);
    }
    http_server_destroy(bed.front);
    connect_server_destroy(bed.server);
    cost.bytes = (double)(held_bytes() - before - plans) / count;
    bed_end(&bed);
    return cost;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1200;
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200;
    printf("%u printers of each model for %.0f s: simulated s of a printer per CPU s, bytes of a "
           "printer\n\n"
           "| model | idle | bytes | printing | bytes |\n|---|---|---|---|---|\n",
           count, seconds);
    for (size_t i = 0; i < model_count(); i++) {
        const struct model *model = model_at(i);
        if (argc > 3 && strcmp(model->name, argv[3]) != 0) {
            continue;
        }
        struct cost idle = measure(model, false, seconds, count),
                    printing = measure(model, true, seconds, count);
        printf("| %s | %.0f | %.0f | %.0f | %.0f |\n", model->name, idle.rate, idle.bytes,
               printing.rate, printing.bytes);
        fflush(stdout);
    }
    return 0;
}
