#include "sim/machine/ufp.h"

#include <stdlib.h>
#include <string.h>

#include "sim/machine/archive.h"

/* `name` has the slash. */
static long find(const struct archive *archive, const char *name)
{
    long entry = archive_find(archive, name);
    return entry >= 0 ? entry : archive_find(archive, name + 1);
}

static bool read_gcode(struct ufp *package, struct archive *archive, struct error *error)
{
    long entry = find(archive, "/3D/model.gcode");
    if (entry < 0) {
        return error_set(error, "no /3D/model.gcode in the package");
    }
    struct buffer bytes = {0};
    bool good = archive_read(archive, (size_t)entry, UFP_GCODE_BYTES_MAX, &bytes, error);
    if (good) {
        package->gcode = file_content_of_bytes(buffer_text(&bytes), bytes.size);
    }
    buffer_free(&bytes);
    return good && griffin_read(&package->header, package->gcode, error);
}

/* A package prints without its picture, and with a damaged one. */
static void read_thumbnail(struct ufp *package, struct archive *archive)
{
    long entry = find(archive, "/Metadata/thumbnail.png");
    struct buffer bytes = {0};
    if (entry >= 0 && archive_read(archive, (size_t)entry, UFP_THUMBNAIL_BYTES_MAX, &bytes, NULL)) {
        package->thumbnail_size = bytes.size;
        package->thumbnail = buffer_detach(&bytes);
    }
    buffer_free(&bytes);
}

bool ufp_read(struct ufp *package, const struct file_content *content, struct error *error)
{
    memset(package, 0, sizeof *package);
    struct archive *archive = archive_open(content, error);
    bool good = archive != NULL && read_gcode(package, archive, error);
    if (good) {
        read_thumbnail(package, archive);
    } else {
        ufp_free(package);
    }
    archive_close(archive);
    return good;
}

void ufp_free(struct ufp *package)
{
    file_content_release(package->gcode);
    free(package->thumbnail);
    memset(package, 0, sizeof *package);
}
