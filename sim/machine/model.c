#include "sim/machine/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded_models.h"
#include "sim/base/memory.h"
#include "sim/machine/model_take.h"

/* Models: loading them from files and from the program, and letting them go. */

/* A file may name a base that names a base; more than this is a circle. */
enum { BASE_DEPTH_MAX = 4, EMBEDDED_MAX = 64 };

static struct model *load(const char *bytes, size_t size, const char *name, const char *place,
                          int depth, struct error *error);

static const struct embedded_file *embedded_find(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < embedded_models_count; i++) {
        const char *file = embedded_models[i].name;
        if (strncmp(file, name, length) == 0 && strcmp(file + length, ".yaml") == 0) {
            return &embedded_models[i];
        }
    }
    return NULL;
}

static bool load_base(struct model_text *text, int depth, struct model **base, struct error *error)
{
    *base = NULL;
    if (text->document->base == NULL) {
        return true;
    }
    const struct embedded_file *file = embedded_find(text->document->base);
    if (file == NULL || depth >= BASE_DEPTH_MAX) {
        return model_text_reject(text, "base",
                                 file == NULL ? "the name of a built-in model (hotbed models)"
                                              : "no circle of bases",
                                 error);
    }
    *base = load(file->bytes, file->size, text->document->base, file->name, depth + 1, error);
    return *base != NULL;
}

static struct model *load(const char *bytes, size_t size, const char *name, const char *place,
                          int depth, struct error *error)
{
    struct model_text text;
    struct model *base = NULL;
    struct model *model = NULL;
    if (model_text_read(&text, place, bytes, size, error) &&
        load_base(&text, depth, &base, error) && model_complete(&text, base, error)) {
        model = model_copy(base);
        model->name = memory_copy_text(name);
        if (!model_take(model, &text, error)) {
            model_destroy(model);
            model = NULL;
        }
    }
    model_destroy(base);
    model_text_free(&text);
    return model;
}

struct model *model_load_text(const char *text, size_t size, const char *name, struct error *error)
{
    return load(text, size, name, name, 0, error);
}

/* "dir/my-mk3.yaml" is the model "my-mk3". */
static char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    return memory_copy_slice(base,
                             dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

struct model *model_load_file(const char *path, struct error *error)
{
    enum { READ_MAX = 64 * 1024 + 1 }; /* one more than allowed, so that too large is seen */
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        error_set(error, "%s: can't be opened: %s", path, strerror(errno));
        return NULL;
    }
    char *bytes = memory_new(READ_MAX);
    size_t size = fread(bytes, 1, READ_MAX, file);
    struct model *model = NULL;
    if (ferror(file)) {
        error_set(error, "%s: can't be read: %s", path, strerror(errno));
    } else {
        char *name = name_of_path(path);
        model = load(bytes, size, name, path, 0, error);
        free(name);
    }
    free(bytes);
    fclose(file);
    return model;
}

void model_destroy(struct model *model)
{
    if (model == NULL) {
        return;
    }
    for (uint32_t i = 0; i < model->storages_count; i++) {
        free(model->storages[i].name);
        free(model->storages[i].kind);
    }
    free(model->storages);
    free(model->name);
    free(model->title);
    free(model->family);
    free(model->buddy.user_agent);
    free(model->buddy.hostname);
    free(model->resin.project_model);
    free(model->firmware);
    free(model->serial_pattern);
    free(model->ini_type);
    free(model);
}

/* -- the embedded models -- */

size_t model_count(void)
{
    return embedded_models_count;
}

/* Constants of the program in the shape of a model; each is made when first asked for and stays. */
const struct model *model_at(size_t index)
{
    static const struct model *known[EMBEDDED_MAX];
    if (index >= embedded_models_count || index >= EMBEDDED_MAX) {
        return NULL;
    }
    if (known[index] == NULL) {
        const struct embedded_file *file = &embedded_models[index];
        char *name = name_of_path(file->name);
        struct error error;
        known[index] = load(file->bytes, file->size, name, file->name, 0, &error);
        free(name);
        if (known[index] == NULL) {
            fprintf(stderr, "hotbed: built-in model %s\n", error.text);
            abort(); /* test_model loads each of them */
        }
    }
    return known[index];
}

const struct model *model_find(const char *name)
{
    const struct embedded_file *file = embedded_find(name);
    return file == NULL ? NULL : model_at((size_t)(file - embedded_models));
}
