#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/machine/machine.h"
#include "sim/printer/printer.h"

/* What a printer costs without its Connect face: bytes of each of 10,000 idle ones that share a
 * storage tree of 100 files, and simulated seconds per CPU second while all of them stand, and
 * while some print. Ratios in one run; no figure is judged here. */

enum { PRINTERS = 10000, PRINTING = 100, FILES = 100 };

static size_t bytes_now(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct file_content *square(void)
{
    struct buffer text = {0};
    buffer_append_text(&text, "M104 S215\nM190 S60\nM109 S215\nG28 W\nG90\nM83\n");
    for (int layer = 1; layer <= 1000; layer++) {
        buffer_format(&text,
                      "M73 P%d R%d\n;LAYER_CHANGE\nG1 Z%.2f F600\nG1 X100 Y100 F1800\nG1 X150 "
                      "E2\nG1 Y150 E2\n"
                      "G1 X100 E2\nG1 Y100 E2\n",
                      layer / 10, 120 - layer / 10, 0.2 * layer);
    }
    struct file_content *content = file_content_of_bytes(text.bytes, text.size);
    buffer_free(&text);
    return content;
}

static struct file_node *shared_tree(void)
{
    struct storage storage;
    storage_init(&storage, "", STORAGE_LOCAL, NULL);
    struct file_content *content = square();
    for (int i = 0; i < FILES; i++) {
        char path[64];
        snprintf(path, sizeof path, "folder-%d/part-%d.gcode", i % 10, i);
        storage_put(&storage, path, file_content_share(content), 0);
    }
    file_content_release(content);
    struct file_node *tree = file_node_share(storage.root);
    storage_free(&storage);
    return tree;
}

static void report(const char *what, struct world *world, double seconds, unsigned machines)
{
    double before_s = cpu_s();
    int64_t until_us = world->now_us + (int64_t)(seconds * 1e6);
    world_run(world, until_us, NULL);
    double used_s = cpu_s() - before_s;
    printf("%-34s %12.0f printer seconds per CPU second\n", what,
           seconds * machines / (used_s > 0 ? used_s : 1e-9));
}

static void read_each(struct printer **printers, unsigned count, const char *what)
{
    enum { ROUNDS = 20 };
    double before_s = cpu_s(), sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < count; i++) {
            struct machine_readings readings;
            machine_read(printer_machine(printers[i]), &readings);
            sum += readings.nozzle_c;
        }
    }
    double used_s = cpu_s() - before_s;
    printf("%-34s %12.0f ns (mean nozzle %.1f C)\n", what, used_s * 1e9 / ROUNDS / count,
           sum / ROUNDS / count);
}

int main(void)
{
    struct world world;
    world_init(&world, 1);
    struct file_node *tree = shared_tree();
    struct plan_cache *plans = plan_cache_new(16U << 20);
    struct printer **printers = calloc(PRINTERS, sizeof *printers);
    size_t before = bytes_now();
    for (unsigned i = 0; i < PRINTERS; i++) {
        const struct printer_settings settings = {
            .model = model_find("mk3s"), .index = i, .room_c = NAN, .tree = tree, .plans = plans};
        printers[i] = printer_new(&world, NULL, &settings, NULL);
        printer_power_on(printers[i]);
    }
    world_run(&world, SECONDS(60), NULL);
    size_t idle = bytes_now();
    printf("%-34s %12.0f bytes\n", "an idle printer, without its face",
           (double)(idle - before) / PRINTERS);
    report("10,000 idle ones", &world, 3600, PRINTERS);
    read_each(printers, PRINTERS, "reading an idle one");
    for (unsigned i = 0; i < PRINTING; i++) {
        char path[96];
        struct machine *machine = printer_machine(printers[i]);
        snprintf(path, sizeof path, "/%s/folder-0/part-0.gcode", machine_storage(machine, 0)->name);
        machine_start_print(machine, path, NULL);
    }
    report("100 of them heat and print", &world, 3600, PRINTING);
    printf("%-34s %12.0f bytes more\n", "a printing one, plan shared",
           (double)(bytes_now() - idle) / PRINTING);
    read_each(printers, PRINTING, "reading a printing one");
    for (unsigned i = 0; i < PRINTERS; i++) {
        printer_destroy(printers[i]);
    }
    free(printers);
    plan_cache_destroy(plans);
    file_node_release(tree);
    world_free(&world);
    return 0;
}
