#include "harness/load/distribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/duration.h"

enum { WORD_MAX = 40, ARGUMENTS_MAX = 2 };

const char distribution_expected[] =
    "a time from 1ms to 1d as 1s, uniform(500ms, 1500ms), normal(1s, 200ms), lognormal(1s, 0.5) or "
    "exponential(1s)";

/* The next word up to one of `ends`, without the blanks around it. */
static bool take_word(const char **text, const char *ends, char word[WORD_MAX])
{
    const char *at = *text + strspn(*text, " ");
    size_t size = strcspn(at, ends);
    *text = at + size;
    while (size > 0 && at[size - 1] == ' ') {
        size--;
    }
    if (size == 0 || size >= WORD_MAX) {
        return false;
    }
    memcpy(word, at, size);
    word[size] = '\0';
    return true;
}

static bool within(double us)
{
    return us >= (double)DISTRIBUTION_LEAST_US && us <= (double)DISTRIBUTION_MOST_US;
}

static bool take_time(const char *word, double *us)
{
    int64_t time_us;
    bool good = duration_parse(word, &time_us, NULL);
    *us = good ? (double)time_us : 0;
    return good;
}

static bool take_number(const char *word, double *number)
{
    char *end;
    *number = strtod(word, &end);
    return *end == '\0' && *number >= 0 && *number <= 5;
}

static bool take_arguments(const char *text, char words[ARGUMENTS_MAX][WORD_MAX], size_t *count)
{
    for (*count = 0; *count < ARGUMENTS_MAX; text++) {
        if (!take_word(&text, ",)", words[(*count)++])) {
            return false;
        }
        if (*text == ')') {
            return text[1] == '\0';
        }
        if (*text == '\0') {
            return false;
        }
    }
    return false;
}

bool distribution_parse(struct distribution *distribution, const char *text)
{
    static const struct {
        const char *name;
        size_t arguments;
    } kinds[] = {
        [DISTRIBUTION_CONSTANT] = {"constant", 1},
        [DISTRIBUTION_UNIFORM] = {"uniform", 2},
        [DISTRIBUTION_NORMAL] = {"normal", 2},
        [DISTRIBUTION_LOGNORMAL] = {"lognormal", 2},
        [DISTRIBUTION_EXPONENTIAL] = {"exponential", 1},
    };
    *distribution = (struct distribution){.kind = DISTRIBUTION_CONSTANT};
    if (strchr(text, '(') == NULL) {
        return take_time(text, &distribution->first_us) && within(distribution->first_us);
    }
    char name[WORD_MAX], words[ARGUMENTS_MAX][WORD_MAX];
    size_t count, kind = 0;
    if (!take_word(&text, "(", name) || !take_arguments(text + 1, words, &count)) {
        return false;
    }
    while (kind < sizeof kinds / sizeof *kinds && strcmp(kinds[kind].name, name) != 0) {
        kind++;
    }
    if (kind == sizeof kinds / sizeof *kinds || kinds[kind].arguments != count ||
        !take_time(words[0], &distribution->first_us) || !within(distribution->first_us)) {
        return false;
    }
    distribution->kind = (enum distribution_kind)kind;
    switch (distribution->kind) {
    case DISTRIBUTION_UNIFORM:
        return take_time(words[1], &distribution->second) && within(distribution->second) &&
               distribution->second >= distribution->first_us;
    case DISTRIBUTION_NORMAL:
        return take_time(words[1], &distribution->second) &&
               distribution->second <= distribution->first_us;
    case DISTRIBUTION_LOGNORMAL:
        return take_number(words[1], &distribution->second);
    case DISTRIBUTION_CONSTANT:
    case DISTRIBUTION_EXPONENTIAL:
        break;
    }
    return true;
}

static double draw(const struct distribution *distribution, struct random *random)
{
    double first = distribution->first_us, second = distribution->second;
    switch (distribution->kind) {
    case DISTRIBUTION_CONSTANT:
        break;
    case DISTRIBUTION_UNIFORM:
        return first + (second - first) * random_unit(random);
    case DISTRIBUTION_NORMAL:
        return first + second * random_normal(random);
    case DISTRIBUTION_LOGNORMAL:
        return first * exp(second * random_normal(random));
    case DISTRIBUTION_EXPONENTIAL:
        return -first * log1p(-random_unit(random));
    }
    return first;
}

int64_t distribution_draw_us(const struct distribution *distribution, struct random *random)
{
    double us = draw(distribution, random);
    return us < (double)DISTRIBUTION_LEAST_US  ? DISTRIBUTION_LEAST_US
           : us > (double)DISTRIBUTION_MOST_US ? DISTRIBUTION_MOST_US
                                               : (int64_t)us;
}

double distribution_mean_us(const struct distribution *distribution)
{
    double first = distribution->first_us, second = distribution->second;
    switch (distribution->kind) {
    case DISTRIBUTION_UNIFORM:
        return (first + second) / 2;
    case DISTRIBUTION_LOGNORMAL:
        return first * exp(second * second / 2);
    case DISTRIBUTION_CONSTANT:
    case DISTRIBUTION_NORMAL:
    case DISTRIBUTION_EXPONENTIAL:
        break;
    }
    return first;
}
