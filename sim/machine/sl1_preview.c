#include "sim/machine/sl1_preview.h"

#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/base/memory.h"
#include "sim/machine/sl1_layer.h"

/* A layer as a small picture: the mean of each square of pixels (slafw/image/preloader.py resizes
 * with a filter of its own, which nobody can tell from this one by eye). */

struct preview {
    uint32_t width, height; /* of the small one */
    uint32_t *sums;
    uint32_t y; /* rows taken of the large one */
};

static void take_row(void *owner, const unsigned char *pixels, uint32_t width, uint32_t height)
{
    struct preview *preview = owner;
    if (preview->sums == NULL) {
        preview->width = width / SL1_PREVIEW_FACTOR > 0 ? width / SL1_PREVIEW_FACTOR : 1;
        preview->height = height / SL1_PREVIEW_FACTOR > 0 ? height / SL1_PREVIEW_FACTOR : 1;
        preview->sums =
            memory_new_array((size_t)preview->width * preview->height, sizeof *preview->sums);
    }
    uint32_t row = preview->y++ / SL1_PREVIEW_FACTOR;
    uint32_t right = preview->width * SL1_PREVIEW_FACTOR;
    for (uint32_t x = 0; x < width && x < right && row < preview->height; x++) {
        preview->sums[(size_t)row * preview->width + x / SL1_PREVIEW_FACTOR] += pixels[x];
    }
}

/* --- writing --- */

struct writer {
    struct buffer *out;
    struct error *error;
};

static void fail(png_structp png, png_const_charp text)
{
    const struct writer *writer = png_get_error_ptr(png);
    error_set(writer->error, "no preview: %s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t size)
{
    const struct writer *writer = png_get_io_ptr(png);
    buffer_append(writer->out, bytes, size);
}

static void flush(png_structp png)
{
    (void)png;
}

static void write_rows(png_structp png, png_infop info, const struct preview *preview)
{
    enum { PIXELS = SL1_PREVIEW_FACTOR * SL1_PREVIEW_FACTOR };
    unsigned char row[SL1_PANEL_PIXELS_MAX];
    png_set_IHDR(png, info, preview->width, preview->height, 8, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < preview->height; y++) {
        for (uint32_t x = 0; x < preview->width; x++) {
            row[x] = (unsigned char)(preview->sums[(size_t)y * preview->width + x] / PIXELS);
        }
        png_write_row(png, row);
    }
    png_write_end(png, info);
}

static bool write_preview(const struct preview *preview, struct buffer *out, struct error *error)
{
    struct writer writer = {out, error};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, fail, ignore);
    if (png == NULL) {
        return error_set(error, "libpng does not start");
    }
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_write_fn(png, &writer, write_bytes, flush);
    write_rows(png, info, preview);
    png_destroy_write_struct(&png, &info);
    return true;
}

bool sl1_preview(const struct file_content *content, size_t layer, struct buffer *png,
                 struct error *error)
{
    struct sl1 *project = sl1_open(content, NULL, error);
    if (project == NULL) {
        return false;
    }
    struct buffer picture = {0};
    struct preview preview = {0};
    bool good = (layer < sl1_layer_count(project) || error_set(error, "no such layer")) &&
                sl1_layer_picture(project, layer, &picture, error) &&
                sl1_layer_read(&picture, take_row, &preview, error) &&
                write_preview(&preview, png, error);
    free(preview.sums);
    buffer_free(&picture);
    sl1_close(project);
    return good;
}
