#include "sim/protocol/link/quirks.h"

#include <stdlib.h>
#include <string.h>

const struct link_quirk link_quirks[] = {
    {1, "L-01", "octet-stream", 'P',
     "PUT as application/octet-stream: 500 for a new file, and over an old one it may delete that"},
    {2, "L-02", "last-byte", 'P', "a body of 65365 times k plus 1 bytes loses its last byte: 400"},
    {3, "L-03", "two-puts", 'P', "a second PUT at the same time: 500"},
    {4, "L-04", "put-traversal", 'P',
     "the path of a PUT may lead out of the storage; here it is refused as 500 and writes nothing"},
    {5, "L-05", "stuck-slot", 'P', "an upload that breaks leaves the one transfer slot taken"},
    {6, "L-06", "no-read-timeout", 'P', "a silent client holds its upload for ever"},
    {7, "L-07", "two-clocks", 'P', "times of a PUT transfer mix two clocks"},
    {8, "L-08", "head-storage", 'P', "HEAD with an unknown storage looks the path up from the top"},
    {9, "L-09", "head-open", 'P', "HEAD on files needs no credentials"},
    {10, "L-10", "info-host", 'P', "hostname and port of /api/v1/info are Connect's"},
    {11, "L-11", "status-array", 'P', "storage in /api/v1/status is an array"},
    {12, "L-12", "job-any-command", 'P', "continue and unknown job commands: 204"},
    {13, "L-13", "toogle", 'P', "the legacy toggle has no effect"},
    {14, "L-14", "legacy-file", 'P', "GET of one file in the legacy interface: 500"},
    {15, "L-15", "modify", 'P', "/api/modify moves only into a new folder"},
    {16, "L-16", "empty-key", 'P', "an empty X-Api-Key is good after the key was deleted"},
    {17, "L-17", "jog-list", 'P', "jog and home send a printed list as g-code"},
    {18, "L-18", "camera-204", 'P', "the 204 of a camera without photo has a body"},
    {19, "L-19", "error-message", 'P', "errors have message, not text, and no code"},
    {51, "L-19a", "no-type", 'P', "a PUT without Content-Type is 415"},
    {52, "L-19b", "deep-folders", 'P',
     "a file below two new folders is stored but not found until a restart"},
    {53, "L-19c", "cancel-ready", 'P', "cancelling READY: 500"},
    {54, "L-19d", "any-method", 'P', "an unknown method is GET"},
    {55, "L-19e", "trailing-slash", 'P',
     "a file with a slash behind it is 200 with an empty display_name"},
    {56, "L-19f", "start-folder", 'P', "starting a folder, or deleting a file twice: 500"},
    {20, "L-20", "names", 'B',
     "ro, Currently-Printing and transferred instead of the names of the interface"},
    {21, "L-21", "fraction", 'B', "progress of a transfer is a fraction"},
    {22, "L-22", "job-json", 'B', "an unknown legacy job command: JSON whatever is accepted"},
    {23, "L-23", "closed-on-error", 'B', "closedOnError instead of closedOrError"},
    {24, "L-24", "head-body", 'B', "an error answering HEAD has a body"},
    {25, "L-25", "path-cut", 'B', "a path over 103 bytes is cut and 415"},
    {26, "L-26", "full-folder", 'B', "a folder that is not empty: 404 on delete"},
    {27, "L-27", "usb-usb", 'B', "/usb/usb in a legacy start is mended"},
    {28, "L-28", "stored-409", 'B',
     "an upload that cannot be printed is 409 though the file is there"},
    {29, "L-29", "get-body", 'B', "the body of a GET is read as the next request"},
    {30, "L-30", "sl1-shapes", 'S', "sd is an array, and an idle job only a state"},
};
const size_t link_quirk_count = sizeof link_quirks / sizeof *link_quirks;

const struct link_quirk *link_quirk_find(const char *text)
{
    for (size_t i = 0; i < link_quirk_count; i++) {
        if (strcmp(text, link_quirks[i].id) == 0 || strcmp(text, link_quirks[i].name) == 0) {
            return &link_quirks[i];
        }
    }
    return NULL;
}

bool link_quirks_change(uint64_t *quirks, const char *text, struct error *error)
{
    const char *equals = strchr(text, '=');
    bool on = equals != NULL && strcmp(equals + 1, "on") == 0;
    char name[32];
    if (equals == NULL || (!on && strcmp(equals + 1, "off") != 0) ||
        (size_t)(equals - text) >= sizeof name) {
        return error_set(error, "\"%s\" is not QUIRK=on or QUIRK=off", text);
    }
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    const struct link_quirk *quirk = link_quirk_find(name);
    if (quirk == NULL) {
        return error_set(error, "no quirk of PrusaLink is called \"%s\"", name);
    }
    *quirks = on ? *quirks | LINK_QUIRK(quirk->number) : *quirks & ~LINK_QUIRK(quirk->number);
    return true;
}
