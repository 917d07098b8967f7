#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/metadata_parts.h"

bool metadata_put_thumbnail(struct metadata *metadata, char *key, char *text, size_t size)
{
    size_t index = 0;
    while (index < metadata->thumbnail_count && strcmp(metadata->thumbnails[index].key, key) != 0) {
        index++;
    }
    if (index == METADATA_THUMBNAILS_MAX) {
        free(key);
        free(text);
        return false;
    }
    struct metadata_thumbnail *thumbnail = &metadata->thumbnails[index];
    if (index == metadata->thumbnail_count) {
        metadata->thumbnail_count++;
        thumbnail->key = key;
    } else {
        free(key);
        free(thumbnail->text);
    }
    thumbnail->text = text;
    thumbnail->size = size;
    return true;
}

void metadata_drop_thumbnails(struct metadata *metadata)
{
    for (size_t i = 0; i < metadata->thumbnail_count; i++) {
        free(metadata->thumbnails[i].key);
        free(metadata->thumbnails[i].text);
    }
    metadata->thumbnail_count = 0;
}

const struct metadata_thumbnail *metadata_preview(const struct metadata *metadata)
{
    const struct metadata_thumbnail *longest = NULL;
    for (size_t i = 0; i < metadata->thumbnail_count; i++) {
        const struct metadata_thumbnail *thumbnail = &metadata->thumbnails[i];
        if (longest == NULL || thumbnail->size > longest->size) {
            longest = thumbnail;
        }
    }
    return longest;
}

/* Pixels too many count once, pixels too few by their square. */
static double side_penalty(double pixels, double wanted)
{
    return pixels < wanted ? (wanted - pixels + 2) * (wanted - pixels + 2) : pixels - wanted;
}

static double penalty(double width, double height, double wanted_width, double wanted_height)
{
    double ratio = width / height, wanted = wanted_width / wanted_height;
    return (fmax(ratio, wanted) / fmin(ratio, wanted) - 0.99) *
           (side_penalty(width, wanted_width) + side_penalty(height, wanted_height));
}

const struct metadata_thumbnail *metadata_image(const struct metadata *metadata, unsigned width,
                                                unsigned height)
{
    enum { SIDE_MIN = 50 };
    const struct metadata_thumbnail *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < metadata->thumbnail_count; i++) {
        unsigned w, h;
        char format[4], more;
        bool read =
            sscanf(metadata->thumbnails[i].key, "%ux%u_%3[A-Z]%c", &w, &h, format, &more) == 3;
        bool shown = read && (strcmp(format, "PNG") == 0 || strcmp(format, "JPG") == 0);
        if (shown && w >= SIDE_MIN && h >= SIDE_MIN && penalty(w, h, width, height) < least) {
            least = penalty(w, h, width, height);
            best = &metadata->thumbnails[i];
        }
    }
    return best;
}
