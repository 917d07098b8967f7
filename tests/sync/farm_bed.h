#ifndef HOTBED_TESTS_FARM_BED_H
#define HOTBED_TESTS_FARM_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/net/memory.h"
#include "harness/sync/engine.h"
#include "sim/printer/printer.h"

/* Virtual printers with PrusaLink in one virtual world, a folder on disk, and a sync between them.
 */

enum { BED_PRINTERS = 100 };

struct farm_bed {
    struct world world;
    struct memory_network *network;
    struct link_transport *transport;
    struct link_settings served;
    struct printer *printers[BED_PRINTERS];
    size_t count;
    struct buffer farm_text;
    struct sync_farm *farm;
    char root[64];
    struct sync_rules rules;
    struct sync_folder folder;
    struct sync_journal *journal;
    struct sync_settings settings; /* what the next sync is told */
    struct sync_report report;     /* of the last one */
    struct sync_run *run;
};

void farm_bed_begin(struct farm_bed *bed, uint64_t upload_bytes_per_s);
void farm_bed_end(struct farm_bed *bed);
/* "Printer-1", … with a drive of `total_bytes` (0: no limit). */
struct printer *farm_bed_add(struct farm_bed *bed, const char *model, uint64_t total_bytes);
/* Boots them all. */
void farm_bed_boot(struct farm_bed *bed);

/* In the folder: bytes of a g-code made from the path and the number, `modified_s` of the world's
 * clock. */
void farm_bed_write(struct farm_bed *bed, const char *path, size_t size, int number, int64_t age_s);
void farm_bed_remove(struct farm_bed *bed, const char *path);

/* On a printer's drive, past PrusaLink. */
void farm_bed_put(struct farm_bed *bed, size_t printer, const char *path, const char *text);
bool farm_bed_holds(struct farm_bed *bed, size_t printer, const char *path); /* below its storage */
struct storage *farm_bed_storage(struct farm_bed *bed, size_t printer);

/* Reads the folder and runs the sync until it is over, at most `limit_us` of the world; then it is
 * stopped. */
const struct sync_report *farm_bed_sync(struct farm_bed *bed, int64_t limit_us);
/* Whether the drive holds the folder's files that its model prints, and no other print file. */
void farm_bed_expect_in_step(struct farm_bed *bed, size_t printer);
struct sync_seat_report *farm_bed_seat(struct farm_bed *bed, size_t printer);

#endif
