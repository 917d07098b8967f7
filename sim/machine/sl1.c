#include "sim/machine/sl1.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/archive.h"
#include "sim/machine/sl1_config.h"
#include "sim/machine/sl1_layer.h"

struct sl1 {
    struct archive *archive;
    struct sl1_config config;
    enum sl1_warning warning;
    size_t *layers; /* entries of the archive, by name */
    size_t layer_count;
};

static bool read_config(struct sl1 *project, struct error *error)
{
    struct buffer text = {0};
    long json = archive_find(project->archive, "config.json");
    long entry = json >= 0 ? json : archive_find(project->archive, "config.ini");
    bool good = entry >= 0 || error_set(error, "neither config.json nor config.ini in the archive");
    good =
        good && archive_read(project->archive, (size_t)entry, SL1_CONFIG_BYTES_MAX, &text, error);
    good = good &&
           (json >= 0 ? sl1_config_read_json(&project->config, &text, &project->warning, error)
                      : sl1_config_read_ini(&project->config, &text, &project->warning, error));
    buffer_free(&text);
    return good;
}

static bool is_layer(const struct sl1 *project, const char *name)
{
    size_t size = strlen(name), begin = strlen(project->config.job_dir);
    return strncmp(name, project->config.job_dir, begin) == 0 && size >= 4 &&
           strcmp(name + size - 4, ".png") == 0;
}

static int by_name(const void *a, const void *b, void *archive)
{
    return strcmp(archive_name(archive, *(const size_t *)a),
                  archive_name(archive, *(const size_t *)b));
}

static enum sl1_fault find_layers(struct sl1 *project, struct error *error)
{
    size_t entries = archive_count(project->archive);
    project->layers = memory_new_array(entries + 1, sizeof *project->layers);
    for (size_t i = 0; i < entries; i++) {
        if (is_layer(project, archive_name(project->archive, i))) {
            project->layers[project->layer_count++] = i;
        }
    }
    if (project->layer_count == 0) {
        error_set(error, "no picture of a layer: none that begins with \"%s\"",
                  project->config.job_dir);
        return SL1_NOT_ENOUGH_LAYERS;
    }
    if (project->layer_count > SL1_LAYERS_MAX) {
        error_set(error, "%zu layers, at most %d can be printed", project->layer_count,
                  (int)SL1_LAYERS_MAX);
        return SL1_UNREADABLE;
    }
    qsort_r(project->layers, project->layer_count, sizeof *project->layers, by_name,
            project->archive);
    return SL1_GOOD;
}

struct sl1 *sl1_open(const struct file_content *content, enum sl1_fault *fault, struct error *error)
{
    struct sl1 *project = memory_new(sizeof *project);
    enum sl1_fault found = SL1_UNREADABLE;
    project->archive = archive_open(content, error);
    if (project->archive != NULL && read_config(project, error)) {
        found = find_layers(project, error);
    }
    if (fault != NULL) {
        *fault = found;
    }
    if (found == SL1_GOOD) {
        return project;
    }
    sl1_close(project);
    return NULL;
}

void sl1_close(struct sl1 *project)
{
    if (project != NULL) {
        archive_close(project->archive);
        free(project->layers);
        free(project);
    }
}

const struct sl1_config *sl1_config(const struct sl1 *project)
{
    return &project->config;
}

enum sl1_warning sl1_warning(const struct sl1 *project)
{
    bool other = strcmp(project->config.printer_variant, "default") != 0;
    return project->warning != SL1_NO_WARNING ? project->warning
           : other                            ? SL1_OTHER_VARIANT
                                              : SL1_NO_WARNING;
}

size_t sl1_layer_count(const struct sl1 *project)
{
    return project->layer_count;
}

const char *sl1_layer_name(const struct sl1 *project, size_t layer)
{
    assert(layer < project->layer_count);
    return archive_name(project->archive, project->layers[layer]);
}

double sl1_height_mm(const struct sl1 *project)
{
    return project->config.layer_height_first_mm +
           (double)(project->layer_count - 1) * project->config.layer_height_mm;
}

enum sl1_fault sl1_check(const struct sl1 *project, const char *printer_model, struct error *error)
{
    if (strcmp(project->config.printer_model, printer_model) == 0) {
        return SL1_GOOD;
    }
    error_set(error, "the project is for \"%s\", the printer is \"%s\"",
              project->config.printer_model, printer_model);
    return SL1_WRONG_MODEL;
}

enum sl1_fault sl1_test(struct sl1 *project, struct error *error)
{
    return archive_test(project->archive, SL1_UNPACKED_BYTES_MAX, error) ? SL1_GOOD : SL1_CORRUPTED;
}

enum sl1_fault sl1_test_rest(struct sl1 *project, struct error *error)
{
    uint64_t left = SL1_REST_BYTES_MAX;
    for (size_t i = 0; i < archive_count(project->archive); i++) {
        if (!is_layer(project, archive_name(project->archive, i)) &&
            !archive_test_entry(project->archive, i, &left, error)) {
            return SL1_CORRUPTED;
        }
    }
    return SL1_GOOD;
}

bool sl1_layer_picture(struct sl1 *project, size_t layer, struct buffer *picture,
                       struct error *error)
{
    assert(layer < project->layer_count);
    return archive_read(project->archive, project->layers[layer], SL1_LAYER_BYTES_MAX, picture,
                        error);
}

bool sl1_layer_area(struct sl1 *project, size_t layer, double *white_pixels, double *pixels,
                    struct error *error)
{
    struct buffer picture = {0};
    bool good = sl1_layer_picture(project, layer, &picture, error) &&
                (sl1_layer_measure(&picture, white_pixels, pixels, error) ||
                 error_prefix(error, "%s", sl1_layer_name(project, layer)));
    buffer_free(&picture);
    return good;
}
