#include "sim/protocol/connect/quirks.h"

#include <string.h>

#define QUIRK(digits, number, name, sentence)                                                      \
    {                                                                                              \
        number, "Q-" digits, name, sentence                                                        \
    }

const struct connect_quirk connect_quirks[] = {
    QUIRK("01", CONNECT_QUIRK_TARGET, "target",
          "a download to a bad path fails and is made all the same, over the file before"),
    QUIRK("02", CONNECT_QUIRK_TWO_ENDS, "two-ends",
          "a download that was stopped too late or must not replace its file ends twice"),
    QUIRK("03", CONNECT_QUIRK_PART_FILE, "part-file",
          "a download that was stopped or aborted leaves its .part file behind"),
    QUIRK("04", CONNECT_QUIRK_LATE_ABORT, "late-abort",
          "a print that cannot begin aborts the download that has finished"),
    QUIRK("05", CONNECT_QUIRK_OVERWRITE, "overwrite",
          "PrusaLink: a download replaces the file that is being printed"),
    QUIRK("06", CONNECT_QUIRK_ID_ZERO, "id-zero", "events do not name the command with the id 0"),
    QUIRK("07", CONNECT_QUIRK_LOST_RESET, "lost-reset",
          "a command that ends late takes an accepted RESET_PRINTER with it"),
    QUIRK("09", CONNECT_QUIRK_TOKEN_LEAK, "token-leak",
          "the token goes to URLs that only begin like the server's, and along redirects"),
    QUIRK("10", CONNECT_QUIRK_POLL, "poll",
          "a poll for the token that gets no answer ends the registration"),
    QUIRK("11", CONNECT_QUIRK_REMEMBERED, "remembered",
          "a rejected download that is repeated with its id is said to have FINISHED"),
    QUIRK("12", CONNECT_QUIRK_INNER_FOLDERS, "inner-folders",
          "folders inside a new folder have no attributes or are not seen at all"),
    QUIRK("13", CONNECT_QUIRK_SD_FOLDER, "sd-folder",
          "PrusaLink: CREATE_FOLDER on the SD card is FINISHED and makes nothing there"),
    QUIRK("14", CONNECT_QUIRK_FOLDER_GUARD, "folder-guard",
          "DELETE_FOLDER refuses a folder whose path is any part of the printed file's"),
    QUIRK("17", CONNECT_QUIRK_SD_TIME, "sd-time",
          "PrusaLink: the time of an SD print starts again after 24 h"),
    QUIRK("18", CONNECT_QUIRK_SLEEP, "sleep", "PrusaLink: telemetry sleeps while it prints"),
    QUIRK("19", CONNECT_QUIRK_CLOCK, "clock",
          "Clock-Adjusted is spent on a download instead of the next message"),
    QUIRK("20", CONNECT_QUIRK_CAMERA, "camera",
          "PrusaLink: a camera's token that was refused stays in its settings file"),
    QUIRK("21", CONNECT_QUIRK_CUT_SHORT, "cut-short",
          "a download that was closed before its end is taken as complete"),
    QUIRK("22", CONNECT_QUIRK_LATE_INFO, "late-info",
          "PrusaLink: the full INFO comes 30 s late, the first events without Fingerprint"),
    QUIRK("23", CONNECT_QUIRK_RECONNECT, "reconnect",
          "PrusaLink: a lost printer is back with source WUI and without a reason"),
    QUIRK("24", CONNECT_QUIRK_RESET, "reset",
          "PrusaLink: RESET_PRINTER never FINISHES, it FAILS after 30 s"),
};
const size_t connect_quirk_count = sizeof connect_quirks / sizeof *connect_quirks;

static const struct connect_quirk *find(const char *text, size_t size)
{
    for (size_t i = 0; i < connect_quirk_count; i++) {
        const struct connect_quirk *quirk = &connect_quirks[i];
        bool id = strlen(quirk->id) == size && memcmp(quirk->id, text, size) == 0;
        bool name = strlen(quirk->name) == size && memcmp(quirk->name, text, size) == 0;
        if (id || name) {
            return quirk;
        }
    }
    return NULL;
}

const struct connect_quirk *connect_quirk_find(const char *text)
{
    return find(text, strlen(text));
}

bool connect_quirks_change(uint32_t *quirks, const char *text, struct error *error)
{
    size_t size = strcspn(text, "=");
    const struct connect_quirk *quirk = find(text, size);
    if (quirk == NULL) {
        return error_set(error, "there is no quirk '%.*s'; hotbed printer --list-quirks lists them",
                         (int)size, text);
    }
    if (strcmp(text + size, "=off") == 0) {
        *quirks &= ~CONNECT_QUIRK(quirk->number);
    } else if (strcmp(text + size, "=on") == 0) {
        *quirks |= CONNECT_QUIRK(quirk->number);
    } else {
        return error_set(error, "%s: expected %s=on or %s=off", text, quirk->id, quirk->id);
    }
    return true;
}
