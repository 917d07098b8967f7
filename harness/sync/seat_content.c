/* Downloads that are compared with a file here while they come. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/sync/names.h"
#include "harness/sync/seat.h"
#include "sim/base/memory.h"

static bool take_piece(void *owner, const char *bytes, size_t size)
{
    struct seat_compare *compare = owner;
    char here[16384];
    while (size > 0) {
        size_t want = size < sizeof here ? size : sizeof here;
        ssize_t got = pread(compare->fd, here, want, (off_t)compare->at);
        if (got < 0) {
            snprintf(compare->why, sizeof compare->why, "%s", strerror(errno));
            compare->likeness = SEAT_UNREADABLE;
            return false;
        }
        if ((size_t)got < want || memcmp(here, bytes, want) != 0) {
            compare->likeness = SEAT_DIFFERENT;
            return false;
        }
        compare->at += want;
        bytes += want;
        size -= want;
    }
    return true;
}

static void tell(struct seat *seat)
{
    struct seat_compare compare = *seat->compare;
    free(seat->compare);
    seat->compare = NULL;
    compare.then(seat, compare.likeness, compare.why);
}

static void on_download(void *owner, const struct link_result *result)
{
    struct seat *seat = owner;
    struct seat_compare *compare = seat->compare;
    if (result->outcome == LINK_OK) {
        compare->likeness = compare->at == compare->file->size ? SEAT_ALIKE : SEAT_DIFFERENT;
    } else if (result->outcome != LINK_SINK) {
        snprintf(compare->why, sizeof compare->why, "%s", result->why);
        compare->likeness = SEAT_UNREADABLE;
    }
    close(compare->fd);
    compare->fd = -1;
    tell(seat);
}

void seat_content_compare(struct seat *seat, const char *download, const struct sync_file *file,
                          void (*then)(struct seat *seat, enum seat_likeness likeness,
                                       const char *why))
{
    struct seat_compare *compare = memory_new(sizeof *compare);
    *compare = (struct seat_compare){.seat = seat, .file = file, .then = then};
    seat->compare = compare;
    char *path = sync_path_join(seat->settings->folder->root, file->path);
    compare->fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (compare->fd < 0) {
        compare->likeness = SEAT_UNREADABLE;
        snprintf(compare->why, sizeof compare->why, "%s", strerror(errno));
        seat_later(seat, 0, tell);
        return;
    }
    const struct link_sink sink = {.write = take_piece, .owner = compare};
    link_client_download(seat->client, download, &sink, on_download, seat);
}

void seat_content_free(struct seat *seat)
{
    if (seat->compare != NULL) {
        if (seat->compare->fd >= 0) {
            close(seat->compare->fd);
        }
        free(seat->compare);
        seat->compare = NULL;
    }
}
