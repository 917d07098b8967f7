#include "tests/sync/farm_bed.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/sync/names.h"
#include "sim/base/memory.h"

static const char *const suffixes[] = {"gcode", "bgcode", "sl1", "sl1s"};

void farm_bed_begin(struct farm_bed *bed, uint64_t upload_bytes_per_s)
{
    memset(bed, 0, sizeof *bed);
    world_init(&bed->world, 7);
    bed->network = memory_network_new(&bed->world);
    bed->transport = link_transport_wire(&bed->world, memory_network_face(bed->network));
    link_settings_defaults(&bed->served);
    bed->served.at_work = true;
    bed->served.password = "Bed-secret-1";
    bed->served.upload_bytes_per_s = upload_bytes_per_s;
    strcpy(bed->root, "/tmp/hotbed-sync-XXXXXX");
    assert_non_null(mkdtemp(bed->root));
    bed->rules = (struct sync_rules){.suffixes = suffixes,
                                     .suffix_count = sizeof suffixes / sizeof *suffixes};
    bed->journal = sync_journal_new();
    bed->settings = (struct sync_settings){
        .policy = {.tolerance_s = 60, .delete_max = SIZE_MAX, .rules = &bed->rules},
        .execute = true,
        .retries = 2,
    };
}

void farm_bed_end(struct farm_bed *bed)
{
    char command[100];
    sync_run_destroy(bed->run);
    sync_report_free(&bed->report);
    link_transport_destroy(bed->transport);
    for (size_t i = 0; i < bed->count; i++) {
        printer_destroy(bed->printers[i]);
    }
    sync_journal_destroy(bed->journal);
    sync_folder_free(&bed->folder);
    sync_farm_destroy(bed->farm);
    buffer_free(&bed->farm_text);
    memory_network_destroy(bed->network);
    world_free(&bed->world);
    snprintf(command, sizeof command, "rm -rf '%s'", bed->root);
    assert_int_equal(system(command), 0);
}

struct printer *farm_bed_add(struct farm_bed *bed, const char *model, uint64_t total_bytes)
{
    struct error error = {{0}};
    const struct model *found = model_find(model);
    const char *dialect = link_dialect_name(link_dialect_of(found));
    bool usb = strcmp(dialect, "buddy") == 0;
    const struct printer_storage storages[] = {{.name = usb ? "usb"
                                                        : strcmp(dialect, "pi") == 0
                                                            ? "PrusaLink gcodes"
                                                            : "local",
                                                .kind = usb ? STORAGE_USB : STORAGE_LOCAL,
                                                .total_bytes = total_bytes}};
    const struct printer_settings settings = {.model = found,
                                              .index = bed->count,
                                              .room_c = NAN,
                                              .storages = storages,
                                              .storage_count = 1,
                                              .prusalink = &bed->served};
    struct printer *printer =
        printer_new(&bed->world, memory_network_face(bed->network), &settings, &error);
    assert_string_equal(error.text, "");
    bed->printers[bed->count++] = printer;
    buffer_format(&bed->farm_text,
                  "Printer-%zu: {host: 'http://printer-%zu', username: maker, password: "
                  "Bed-secret-1, printer_type: %s}\n",
                  bed->count, bed->count, model);
    return printer;
}

void farm_bed_boot(struct farm_bed *bed)
{
    struct error error = {{0}};
    for (size_t i = 0; i < bed->count; i++) {
        struct endpoint at = {.port = 80};
        snprintf(at.host, sizeof at.host, "printer-%zu", i + 1);
        printer_power_on(bed->printers[i]);
        assert_true(printer_listen(bed->printers[i], &at, &error));
    }
    bed->farm = sync_farm_parse("farm.yml", bed->farm_text.bytes, bed->farm_text.size, &error);
    assert_string_equal(error.text, "");
    world_run(&bed->world, bed->world.now_us + SECONDS(60), NULL);
}

void farm_bed_write(struct farm_bed *bed, const char *path, size_t size, int number, int64_t age_s)
{
    char whole[400];
    snprintf(whole, sizeof whole, "%s/%s", bed->root, path);
    for (char *slash = strchr(whole + strlen(bed->root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0755);
        *slash = '/';
    }
    struct buffer text = {0};
    while (text.size < size) {
        buffer_format(&text, "; %s %d %zu\nG1 X%zu\n", path, number, text.size, text.size % 100);
    }
    FILE *file = fopen(whole, "we");
    fwrite(text.bytes, 1, size, file);
    fclose(file);
    buffer_free(&text);
    int64_t modified_s = world_wall_us(&bed->world) / 1000000 - age_s;
    const struct timespec times[2] = {{.tv_sec = (time_t)modified_s},
                                      {.tv_sec = (time_t)modified_s}};
    assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

void farm_bed_remove(struct farm_bed *bed, const char *path)
{
    char whole[400];
    snprintf(whole, sizeof whole, "%s/%s", bed->root, path);
    assert_int_equal(unlink(whole), 0);
}

struct storage *farm_bed_storage(struct farm_bed *bed, size_t printer)
{
    return machine_storage(printer_machine(bed->printers[printer]), 0);
}

void farm_bed_put(struct farm_bed *bed, size_t printer, const char *path, const char *text)
{
    char whole[400];
    snprintf(whole, sizeof whole, "/%s/%s", farm_bed_storage(bed, printer)->name, path);
    assert_int_equal(machine_put_file(printer_machine(bed->printers[printer]), whole,
                                      file_content_of_bytes(text, strlen(text))),
                     STORAGE_OK);
}

bool farm_bed_holds(struct farm_bed *bed, size_t printer, const char *path)
{
    return storage_find(farm_bed_storage(bed, printer), path) != NULL;
}

const struct sync_report *farm_bed_sync(struct farm_bed *bed, int64_t limit_us)
{
    struct error error = {{0}};
    sync_run_destroy(bed->run);
    sync_report_free(&bed->report);
    sync_folder_free(&bed->folder);
    if (!sync_folder_read(&bed->folder, bed->root, &bed->rules, &error)) {
        fail_msg("%s", error.text);
    }
    bed->settings.farm = bed->farm;
    bed->settings.folder = &bed->folder;
    bed->settings.journal = bed->journal;
    sync_report_init(&bed->report, bed->farm->count);
    bed->report.folder = bed->root;
    bed->run = sync_run_new(bed->transport, &bed->settings, &bed->report);
    sync_run_start(bed->run);
    world_run(&bed->world, bed->world.now_us + limit_us, sync_run_over(bed->run));
    if (!*sync_run_over(bed->run)) {
        sync_run_stop(bed->run);
    }
    return &bed->report;
}

/* ---- Comparing ---- */

static bool same_bytes(const struct farm_bed *bed, const char *path, const struct file_node *node)
{
    char whole[400], here[4096], there[4096];
    snprintf(whole, sizeof whole, "%s/%s", bed->root, path);
    FILE *file = fopen(whole, "re");
    bool same = file != NULL;
    size_t got = 1;
    for (uint64_t at = 0; same && got > 0; at += got) {
        got = fread(here, 1, sizeof here, file);
        long read = file_content_read(node->content, at, there, sizeof there, NULL);
        same = read == (long)got && memcmp(here, there, got) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return same;
}

static enum link_flavour flavour_of(const struct storage *storage)
{
    return storage->kind == STORAGE_USB          ? LINK_FLAVOUR_BUDDY
           : strcmp(storage->name, "local") == 0 ? LINK_FLAVOUR_SLA
                                                 : LINK_FLAVOUR_PI;
}

static size_t count_prints(const struct file_node *folder, enum link_flavour flavour)
{
    size_t count = 0;
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const struct file_node *child = folder->children[i];
        count += child->folder ? count_prints(child, flavour)
                               : sync_name_prints(flavour, NULL, child->name);
    }
    return count;
}

void farm_bed_expect_in_step(struct farm_bed *bed, size_t printer)
{
    struct storage *storage = farm_bed_storage(bed, printer);
    enum link_flavour flavour = flavour_of(storage);
    size_t wanted = 0;
    for (size_t i = 0; i < bed->folder.count; i++) {
        const char *path = bed->folder.files[i].path;
        if (!sync_name_prints(flavour, NULL, path)) {
            continue;
        }
        const struct file_node *node = storage_find(storage, path);
        wanted++;
        if (node == NULL || node->folder || !same_bytes(bed, path, node)) {
            struct buffer text = {0};
            sync_report_text(&bed->report, true, &text);
            print_error("%s", buffer_text(&text));
            buffer_free(&text);
            fail_msg("printer %zu: %s is %s", printer + 1, path,
                     node == NULL ? "missing" : "another");
        }
    }
    assert_int_equal(count_prints(storage->root, flavour), wanted);
}

struct sync_seat_report *farm_bed_seat(struct farm_bed *bed, size_t printer)
{
    return &bed->report.seats[printer];
}
