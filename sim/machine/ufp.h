#ifndef HOTBED_MACHINE_UFP_H
#define HOTBED_MACHINE_UFP_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/error.h"
#include "sim/machine/griffin.h"
#include "sim/machine/storage.h"

/* Ultimaker Format Package: g-code with its header and a picture in a ZIP file (file-formats.md 7,
 * cura-cluster.md 7; libCharon: Charon/filetypes/UltimakerFormatPackage.py). */

enum {
    UFP_GCODE_BYTES_MAX = 128 << 20, /* unpacked, in memory */
    UFP_THUMBNAIL_BYTES_MAX = 8 << 20,
};

struct ufp {
    struct file_content *gcode; /* owned reference */
    struct griffin_header header;
    char *thumbnail; /* a PNG, its bytes; NULL: none */
    size_t thumbnail_size;
};

/* Names with a leading slash, as the library writes them, and without. False with the reason: no
 * archive, no g-code in it, or a header that the printer refuses. */
bool ufp_read(struct ufp *package, const struct file_content *content, struct error *error);
void ufp_free(struct ufp *package); /* zeroed memory is fine */

#endif
