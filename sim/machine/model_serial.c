#include <stdio.h>
#include <string.h>

#include "sim/base/random.h"
#include "sim/machine/model.h"
#include "sim/machine/model_take.h"

/* Serial numbers: patterns, and what is made from them (printer-models.md 1, PM-12). */

bool model_serial_sound(const char *pattern)
{
    bool number = false;
    size_t length = 0;
    while (*pattern != '\0') {
        static const struct {
            const char *text;
            size_t length;
        } parts[] = {{"{week}", 2}, {"{year}", 2}, {"{kit}", 1}, {"{number}", 5}};
        size_t i = 0;
        while (i < 4 && strncmp(pattern, parts[i].text, strlen(parts[i].text)) != 0) {
            i++;
        }
        if (i < 4) {
            number = number || i == 3;
            length += parts[i].length;
            pattern += strlen(parts[i].text);
        } else if (*pattern >= '!' && *pattern <= '~' && *pattern != '{' && *pattern != '}') {
            length++;
            pattern++;
        } else {
            return false;
        }
    }
    return number && length < 32;
}

void model_serial(const struct model *model, uint64_t seed, uint64_t index, char *out, size_t size)
{
    /* Five digits run through all 100,000 in an order of the seed's, then the week moves on: unique
     * for 36 million. */
    struct random random = random_of(seed, UINT64_C(0x5e71a1));
    uint64_t first = random_below(&random, 100000);
    uint64_t step = random_below(&random, 20000) * 10 +
                    50001; /* odd and not a multiple of 5: coprime to 100,000 */
    unsigned number = (unsigned)((first + index % 100000 * step) % 100000);
    uint64_t week = random_below(&random, 364) + index / 100000;
    unsigned week_of_year = (unsigned)(week % 52) + 1;
    unsigned year = 17 + (unsigned)(week / 52 % 7);
    size_t used = 0;
    out[0] = '\0';
    for (const char *pattern = model->serial_pattern; *pattern != '\0' && used + 6 < size;) {
        char *at = out + used;
        size_t left = size - used;
        const char *end = *pattern == '{' ? strchr(pattern, '}') : NULL;
        if (end == NULL) {
            used += (size_t)snprintf(at, left, "%c", *pattern++);
            continue;
        }
        switch (pattern[1]) {
        case 'w':
            used += (size_t)snprintf(at, left, "%02u", week_of_year);
            break;
        case 'y':
            used += (size_t)snprintf(at, left, "%02u", year);
            break;
        case 'k':
            used += (size_t)snprintf(at, left, "%c",
                                     number % 3 == 0 ? 'C' : 'K'); /* most came as kits */
            break;
        default:
            used += (size_t)snprintf(at, left, "%05u", number);
            break;
        }
        pattern = end + 1;
    }
}
