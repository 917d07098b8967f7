#include "tests/machine/sl1_writer.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "tests/machine/zip_writer.h"

void sl1_write(struct buffer *out, const struct sl1_written *project)
{
    struct buffer config = {0}, picture = {0};
    buffer_format(&config,
                  "{\"version\": 1, \"action\": \"print\", \"jobDir\": \"part\", \"expTime\": %g, "
                  "\"expTimeFirst\": %g, \"expUserProfile\": 0, \"layerHeight\": %g, "
                  "\"numFade\": 10, \"numFast\": %u, \"numSlow\": 0, \"printTime\": 60.5, "
                  "\"printerModel\": \"%s\", \"printerVariant\": \"default\", "
                  "\"materialName\": \"Tough\", \"usedMaterial\": %g%s}",
                  project->exposure_s, project->exposure_first_s,
                  project->layer_mm > 0 ? project->layer_mm : 0.05, project->layers,
                  project->printer_model, project->used_ml,
                  project->more == NULL ? "" : project->more);
    png_write_layer(&picture, project->width, project->height, project->white);
    struct zip_written *entries = memory_new_array(project->layers + 1, sizeof *entries);
    char(*names)[24] = memory_new_array(project->layers + 1, sizeof *names);
    entries[0] =
        (struct zip_written){.name = "config.json", .bytes = config.bytes, .size = config.size};
    for (unsigned i = 0; i < project->layers; i++) {
        snprintf(names[i], sizeof names[i], "part%05u.png", i);
        entries[1 + i] =
            (struct zip_written){.name = names[i], .bytes = picture.bytes, .size = picture.size};
    }
    zip_write(out, entries, 1 + project->layers);
    free(entries);
    free(names);
    buffer_free(&config);
    buffer_free(&picture);
}

struct file_content *sl1_content(const struct sl1_written *project)
{
    struct buffer bytes = {0};
    sl1_write(&bytes, project);
    struct file_content *content = file_content_of_bytes(bytes.bytes, bytes.size);
    buffer_free(&bytes);
    return content;
}
