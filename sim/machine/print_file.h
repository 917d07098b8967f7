#ifndef HOTBED_MACHINE_PRINT_FILE_H
#define HOTBED_MACHINE_PRINT_FILE_H

#include <stdbool.h>

#include "sim/base/error.h"
#include "sim/machine/model.h"
#include "sim/machine/storage.h"

/* What a file is by its name (file-formats.md, table of extensions). */
enum print_file_kind { PRINT_FILE_OTHER, PRINT_FILE_GCODE, PRINT_FILE_BGCODE, PRINT_FILE_SL1 };

enum print_file_kind print_file_kind(const char *name); /* case does not matter */

/* Whether a printer of this model starts to print the file. False with the printer's own words:
 * a suffix that does not fit what is inside, binary g-code that cannot be printed (FF-18,
 * file-formats.md 8). The MK3 family looks at names alone, as PrusaLink does. */
bool print_file_check(const char *name, const struct file_content *content,
                      const struct model *model, struct error *error);

/* The same, and whether it will find something wrong with it later: a project that cannot be
 * opened, binary g-code that ends early. What is no print file is fine. Nothing is unpacked. */
bool print_file_sound(const char *name, const struct file_content *content,
                      const struct model *model, struct error *error);

#endif
