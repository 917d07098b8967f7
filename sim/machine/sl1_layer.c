#include "sim/machine/sl1_layer.h"

#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"

struct reader {
    const char *at;
    size_t left;
    struct error *error;
    png_structp png;
    png_infop info;
    png_bytep row;
    sl1_layer_row *take_row;
    void *owner;
    uint32_t width, height;
};

static void fail(png_structp png, png_const_charp text)
{
    struct reader *reader = png_get_error_ptr(png);
    error_set(reader->error, "no picture of a layer: %s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep bytes, size_t size)
{
    struct reader *reader = png_get_io_ptr(png);
    if (size > reader->left) {
        png_error(png, "it ends early");
    }
    memcpy(bytes, reader->at, size);
    reader->at += size;
    reader->left -= size;
}

static void read_header(struct reader *reader)
{
    int depth, colours, interlace;
    png_read_info(reader->png, reader->info);
    png_get_IHDR(reader->png, reader->info, &reader->width, &reader->height, &depth, &colours,
                 &interlace, NULL, NULL);
    if (depth != 8 || colours != PNG_COLOR_TYPE_GRAY || interlace != PNG_INTERLACE_NONE) {
        png_error(reader->png, "expected 8-bit greyscale, not interlaced");
    }
}

static bool read_picture(struct reader *reader)
{
    if (setjmp(png_jmpbuf(reader->png)) != 0) {
        return false;
    }
    png_set_user_limits(reader->png, SL1_PANEL_PIXELS_MAX, SL1_PANEL_PIXELS_MAX);
    png_set_read_fn(reader->png, reader, read_bytes);
    read_header(reader);
    reader->row = memory_new(reader->width);
    for (uint32_t y = 0; y < reader->height; y++) {
        png_read_row(reader->png, reader->row, NULL);
        reader->take_row(reader->owner, reader->row, reader->width, reader->height);
    }
    return true;
}

bool sl1_layer_read(const struct buffer *picture, sl1_layer_row *row, void *owner,
                    struct error *error)
{
    struct reader reader = {.at = buffer_text(picture),
                            .left = picture->size,
                            .error = error,
                            .take_row = row,
                            .owner = owner};
    reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, fail, ignore);
    if (reader.png == NULL) {
        return error_set(error, "libpng does not start");
    }
    reader.info = png_create_info_struct(reader.png);
    bool good = read_picture(&reader);
    png_destroy_read_struct(&reader.png, &reader.info, NULL);
    free(reader.row);
    return good;
}

struct measure {
    uint64_t white; /* in 255ths of a pixel */
    uint64_t pixels;
};

static void measure_row(void *owner, const unsigned char *pixels, uint32_t width, uint32_t height)
{
    struct measure *measure = owner;
    (void)height;
    for (uint32_t x = 0; x < width; x++) {
        measure->white += pixels[x];
    }
    measure->pixels += width;
}

bool sl1_layer_measure(const struct buffer *picture, double *white_pixels, double *pixels,
                       struct error *error)
{
    struct measure measure = {0};
    if (!sl1_layer_read(picture, measure_row, &measure, error)) {
        return false;
    }
    *white_pixels = (double)measure.white / 255;
    *pixels = (double)measure.pixels;
    return true;
}
