#include "sim/machine/picture.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

#include "sim/base/memory.h"
#include "sim/machine/picture_font.h"

struct colour {
    uint8_t red, green, blue;
};

struct canvas {
    uint8_t *pixels;
    unsigned width, height;
};

static const struct colour wall = {38, 42, 48}, bed_colour = {64, 70, 80}, line = {92, 100, 112},
                           plastic = {250, 104, 49}, seam = {214, 82, 34}, metal = {196, 200, 206},
                           ink = {240, 240, 240};

static void fill(struct canvas *canvas, int x, int y, int width, int height, struct colour colour)
{
    for (int row = y < 0 ? 0 : y; row < y + height && row < (int)canvas->height; row++) {
        for (int column = x < 0 ? 0 : x; column < x + width && column < (int)canvas->width;
             column++) {
            uint8_t *pixel = canvas->pixels + ((size_t)row * canvas->width + (size_t)column) * 3;
            pixel[0] = colour.red;
            pixel[1] = colour.green;
            pixel[2] = colour.blue;
        }
    }
}

static void write_text(struct canvas *canvas, int x, int y, int scale, const char *text)
{
    for (; *text != '\0'; text++, x += (PICTURE_FONT_WIDTH + 1) * scale) {
        const uint8_t *columns = picture_glyph(*text);
        for (int column = 0; column < PICTURE_FONT_WIDTH; column++) {
            for (int row = 0; row < PICTURE_FONT_HEIGHT; row++) {
                if (columns[column] >> row & 1) {
                    fill(canvas, x + column * scale, y + row * scale, scale, scale, ink);
                }
            }
        }
    }
}

/* The bed as it is seen from the front and above: farther back is narrower. */
struct view {
    int left, right, top, bottom;
};

static int at_depth(const struct view *view, double depth, bool right)
{
    int inset = (int)((double)(view->right - view->left) * 0.16 * depth);
    return right ? view->right - inset : view->left + inset;
}

static void draw_bed(struct canvas *canvas, const struct view *view)
{
    int rows = view->bottom - view->top;
    for (int row = 0; row <= rows; row++) {
        double depth = 1.0 - (double)row / rows;
        int from = at_depth(view, depth, false), to = at_depth(view, depth, true);
        bool grid = row * 8 / (rows + 1) != (row + 1) * 8 / (rows + 1);
        fill(canvas, from, view->top + row, to - from, 1, grid ? line : bed_colour);
    }
}

/* Each layer is a stripe; the pile is as high as the print has come. */
static void draw_print(struct canvas *canvas, const struct view *view,
                       const struct picture *picture)
{
    if (picture->layer == 0 || picture->layer_count == 0) {
        return;
    }
    int full = view->top - (int)canvas->height / 6, floor = (view->top + view->bottom) / 2;
    uint32_t layer = picture->layer < picture->layer_count ? picture->layer : picture->layer_count;
    int height = (int)((double)(floor - full) * layer / picture->layer_count);
    int width = (view->right - view->left) / 3;
    for (int row = 0; row < height || row == 0; row++) {
        uint32_t of = (uint32_t)((double)row / (floor - full) * picture->layer_count);
        fill(canvas, (view->left + view->right - width) / 2, floor - row, width, 1,
             of % 2 == 0 ? plastic : seam);
    }
}

static double share(double value)
{
    return value >= 0 && value <= 1 ? value : 0.5;
}

static void draw_nozzle(struct canvas *canvas, const struct view *view,
                        const struct picture *picture)
{
    double depth = share(picture->y_share);
    int from = at_depth(view, depth, false), to = at_depth(view, depth, true);
    int x = from + (int)((to - from) * share(picture->x_share));
    int unit = (int)canvas->width / 40, floor = (view->top + view->bottom) / 2;
    int tip = view->bottom - (int)((view->bottom - view->top) * depth);
    if (picture->layer > 0 && picture->layer_count > 0) {
        int full = view->top - (int)canvas->height / 6;
        tip = floor - (int)((double)(floor - full) * picture->layer / picture->layer_count);
    }
    fill(canvas, x - unit, tip - 4 * unit, 2 * unit, 3 * unit, metal);
    fill(canvas, x - unit / 3, tip - unit, unit * 2 / 3 + 1, unit, metal);
}

static void draw_words(struct canvas *canvas, const struct picture *picture)
{
    int scale = (int)canvas->width / 320 + 1, row = 9 * scale, y = 2 * scale;
    char text[96], when[32];
    time_t seconds = (time_t)picture->unix_s;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &utc);
    snprintf(text, sizeof text, "%.40s %.20s", picture->title, picture->state);
    write_text(canvas, 2 * scale, y, scale, text);
    write_text(canvas, 2 * scale, y + row, scale, when);
    if (!isnan(picture->nozzle_c) && !isnan(picture->bed_c)) {
        snprintf(text, sizeof text, "NOZZLE %.1f BED %.1f", picture->nozzle_c, picture->bed_c);
        write_text(canvas, 2 * scale, y + 2 * row, scale, text);
    }
    if (picture->progress_percent >= 0) {
        snprintf(text, sizeof text, "LAYER %u/%u %d%%", picture->layer, picture->layer_count,
                 picture->progress_percent);
        write_text(canvas, 2 * scale, y + 3 * row, scale, text);
    }
}

/* ---- JPEG ---- */

/* Only memory can run out while a picture is made, and that ends the program elsewhere, too. */
static void give_up(j_common_ptr info)
{
    info->err->output_message(info);
    abort();
}

static void compress(const struct canvas *canvas, struct buffer *jpeg)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    info.err = jpeg_std_error(&errors);
    errors.error_exit = give_up;
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_width = canvas->width;
    info.image_height = canvas->height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 75, TRUE);
    info.dct_method = JDCT_ISLOW; /* the one that gives the same bytes on every machine */
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = canvas->pixels + (size_t)info.next_scanline * canvas->width * 3;
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    buffer_append(jpeg, bytes, size);
    free(bytes);
}

static struct canvas canvas_new(unsigned width, unsigned height)
{
    return (struct canvas){memory_new_array((size_t)width * height, 3), width, height};
}

/* Clockwise, in steps of 90 degrees. */
static struct canvas turned(const struct canvas *from, unsigned rotation)
{
    bool swaps = rotation == 90 || rotation == 270;
    struct canvas to =
        canvas_new(swaps ? from->height : from->width, swaps ? from->width : from->height);
    for (unsigned y = 0; y < from->height; y++) {
        for (unsigned x = 0; x < from->width; x++) {
            unsigned column = rotation == 90    ? from->height - 1 - y
                              : rotation == 180 ? from->width - 1 - x
                                                : y;
            unsigned row = rotation == 90    ? x
                           : rotation == 180 ? from->height - 1 - y
                                             : from->width - 1 - x;
            memcpy(to.pixels + ((size_t)row * to.width + column) * 3,
                   from->pixels + ((size_t)y * from->width + x) * 3, 3);
        }
    }
    return to;
}

void picture_draw(const struct picture *picture, struct buffer *jpeg)
{
    assert(picture->width >= PICTURE_SIDE_MIN && picture->width <= PICTURE_SIDE_MAX);
    assert(picture->height >= PICTURE_SIDE_MIN && picture->height <= PICTURE_SIDE_MAX);
    struct canvas canvas = canvas_new(picture->width, picture->height);
    int width = (int)canvas.width, height = (int)canvas.height;
    struct view view = {width / 10, width - width / 10, height * 11 / 20, height * 18 / 20};
    fill(&canvas, 0, 0, width, height, wall);
    draw_bed(&canvas, &view);
    draw_print(&canvas, &view, picture);
    draw_nozzle(&canvas, &view, picture);
    draw_words(&canvas, picture);
    if (picture->rotation != 0) {
        struct canvas other = turned(&canvas, picture->rotation);
        free(canvas.pixels);
        canvas = other;
    }
    compress(&canvas, jpeg);
    free(canvas.pixels);
}
