#ifndef HOTBED_SYNC_NAMES_H
#define HOTBED_SYNC_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/clients/link_client.h"
#include "sim/base/buffer.h"

/* What printers make of names (prusalink.md 6.1). */

/* The key under which a printer's file system finds a path: with `fold`, letters lose their case
 * (FAT); composed and decomposed letters are the same in either. A text to be freed. */
char *sync_name_key(const char *path, bool fold);

/* Why a printer of this flavour cannot have a file or folder at `path` ("jobs/a.gcode"), which
 * requests would name `address` ("/usb/JOBS~1/a.gcode"): forbidden characters, too long. NULL: it
 * can. */
const char *sync_name_problem(enum link_flavour flavour, const char *address, const char *path);

/* Whether printers of this flavour print files of this name (1.1); else a PUT of it is refused or
 * of no use. `suffixes`, if not NULL, are the printer's own, in lower case and between blanks: each
 * model of SLA has one. */
bool sync_name_prints(enum link_flavour flavour, const char *suffixes, const char *path);

/* "gcode" of "a/b.gcode": behind the last dot of the last component; "" when there is none. */
const char *sync_name_suffix(const char *path);

/* Whether a path is one that we may make below our own folder: file_path_good() and nothing hidden.
 */
bool sync_name_safe(const char *path);

/* "jobs" and "a.gcode" as "jobs/a.gcode"; either may be "". A text to be freed. */
char *sync_path_join(const char *folder, const char *name);

/* A size for people: "4.9 MB". */
void sync_append_bytes(struct buffer *out, double bytes);

#endif
