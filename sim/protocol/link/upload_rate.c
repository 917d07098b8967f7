#include <stdlib.h>
#include <string.h>

#include "sim/protocol/link/link.h"

/* Upload rates by name: the figures are the models' (docs/models.md, "uploads"). */

static bool read_number(const char *text, uint64_t *bytes_per_s)
{
    enum { DIGITS_MAX = 12 };
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || text[digits] != '\0') {
        return false;
    }
    *bytes_per_s = strtoull(text, NULL, 10);
    return true;
}

bool link_upload_rate(const struct model *model, const char *text, uint64_t *bytes_per_s,
                      struct error *error)
{
    const struct model_uploads *uploads = &model->uploads;
    bool by_cable = uploads->ethernet_bytes_per_s > 0;
    double rate = strcmp(text, "ethernet") == 0 ? uploads->ethernet_bytes_per_s
                  : strcmp(text, "wifi") == 0   ? uploads->wifi_bytes_per_s
                  : by_cable                    ? uploads->ethernet_bytes_per_s
                                                : uploads->wifi_bytes_per_s;
    if (read_number(text, bytes_per_s)) {
        return true;
    }
    if (strcmp(text, "board") != 0 && strcmp(text, "ethernet") != 0 && strcmp(text, "wifi") != 0) {
        return error_set(
            error, "\"%s\": expected bytes per second, \"board\", \"ethernet\" or \"wifi\"", text);
    }
    *bytes_per_s = (uint64_t)rate;
    return rate >= 1 || error_set(error, "the model %s says nothing of \"%s\": give a number",
                                  model->name, text);
}
