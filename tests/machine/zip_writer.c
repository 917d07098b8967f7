#include "tests/machine/zip_writer.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "sim/base/memory.h"

static void *made(void *pointer)
{
    if (pointer == NULL) {
        abort(); /* a test that cannot make its input says nothing */
    }
    return pointer;
}

void zip_write(struct buffer *out, const struct zip_written *entries, size_t count)
{
    zip_source_t *archive = made(zip_source_buffer_create(NULL, 0, 0, NULL));
    zip_source_keep(archive);
    zip_t *zip = made(zip_open_from_source(archive, ZIP_TRUNCATE, NULL));
    for (size_t i = 0; i < count; i++) {
        zip_source_t *bytes = made(zip_source_buffer(zip, entries[i].bytes, entries[i].size, 0));
        zip_int64_t index = zip_file_add(zip, entries[i].name, bytes, ZIP_FL_ENC_UTF_8);
        if (index < 0 ||
            zip_set_file_compression(zip, (zip_uint64_t)index,
                                     entries[i].stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0) != 0) {
            abort();
        }
    }
    if (zip_close(zip) != 0 || zip_source_open(archive) != 0) {
        abort();
    }
    char bytes[4096];
    for (zip_int64_t got; (got = zip_source_read(archive, bytes, sizeof bytes)) > 0;) {
        buffer_append(out, bytes, (size_t)got);
    }
    zip_source_close(archive);
    zip_source_free(archive);
}

static void append(png_structp png, png_bytep bytes, size_t size)
{
    buffer_append(png_get_io_ptr(png), bytes, size);
}

static void flush(png_structp png)
{
    (void)png;
}

void png_write_layer(struct buffer *out, unsigned width, unsigned height, unsigned white)
{
    png_structp png = made(png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL));
    png_infop info = made(png_create_info_struct(png));
    png_bytep row = memory_new(width);
    png_set_write_fn(png, out, append, flush);
    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (unsigned y = 0; y < height; y++) {
        memset(row, y < white ? 255 : 0, width);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
}
