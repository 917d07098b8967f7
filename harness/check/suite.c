#include "harness/check/suite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/check/suite_parts.h"
#include "harness/script/bind.h"
#include "sim/base/memory.h"
#include "sim/protocol/connect/quirks.h"

enum { MESSAGES_SHOWN = 8 };

int64_t suite_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Whether whom this check judges is played by somebody else. */
static bool judges_stranger(const struct suite_settings *settings,
                            const struct definition *definition)
{
    if (!definition->check || settings->targets == NULL) {
        return false;
    }
    if (strcmp(definition->subject, "prusalink") == 0) {
        return settings->targets->link_url != NULL;
    }
    if (definition->side == NULL) {
        return false;
    }
    if (strcmp(definition->side, "tool") == 0) {
        return true; /* ours as well: it differs from the one that is described, for the better */
    }
    return strcmp(definition->side, "printer") == 0 ? settings->targets->printer_listen != NULL
                                                    : settings->targets->connect_url != NULL;
}

static enum verdict broken(const struct suite_settings *settings,
                           const struct definition *definition)
{
    if (judges_stranger(settings, definition)) {
        if (strcmp(definition->kind, "quirk") == 0) {
            return VERDICT_INFO;
        }
        if (strcmp(definition->kind, "fidelity") == 0 && !settings->strict) {
            return VERDICT_WARN;
        }
    }
    return VERDICT_FAIL;
}

static enum verdict verdict_of(const struct suite_settings *settings, const struct play *play)
{
    return play->end == PLAY_PASSED    ? VERDICT_PASS
           : play->end == PLAY_SKIPPED ? VERDICT_SKIP
                                       : broken(settings, play->definition);
}

/* As one word of a shell. */
static void append_word(struct buffer *out, const char *word)
{
    if (word[strspn(word,
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=%")] ==
        '\0') {
        buffer_append_text(out, word);
        return;
    }
    buffer_append_char(out, '\'');
    for (; *word != '\0'; word++) {
        buffer_append_text(out, *word == '\'' ? "'\\''" : "");
        if (*word != '\'') {
            buffer_append_char(out, *word);
        }
    }
    buffer_append_char(out, '\'');
}

static void append_quirks(struct buffer *out, uint32_t quirks_off)
{
    if (quirks_off == CONNECT_QUIRKS_ALL) {
        buffer_append_text(out, " --no-quirks");
        return;
    }
    for (size_t i = 0; i < connect_quirk_count; i++) {
        if (quirks_off & CONNECT_QUIRK(connect_quirks[i].number)) {
            buffer_format(out, " --quirk %s=off", connect_quirks[i].id);
        }
    }
}

static char *again_text(const struct suite_settings *settings, const struct definition *definition)
{
    struct buffer out = {0};
    buffer_append_text(&out, settings->again);
    if (!definition->check || strncmp(settings->again, "hotbed run", 10) == 0) {
        buffer_append_char(&out, ' ');
        append_word(&out, definition->file);
    }
    buffer_append_text(&out, " --only ");
    append_word(&out, definition->name);
    buffer_format(&out, " --seed %" PRIu64, settings->seed);
    for (size_t i = 0; i < settings->misbehaviour_count; i++) {
        buffer_append_text(&out, " --misbehave ");
        append_word(&out, settings->misbehaviours[i]);
    }
    if (settings->websocket) {
        buffer_append_text(&out, " --websocket");
    }
    append_quirks(&out, settings->quirks_off);
    if (settings->model != NULL) {
        buffer_append_text(&out, " --model ");
        append_word(&out, settings->model);
    }
    buffer_append_text(&out, settings->behind != NULL ? settings->behind : "");
    return buffer_detach(&out);
}

static struct report_outcome *add_outcome(struct report *report,
                                          const struct definition *definition)
{
    struct report_outcome *outcome = report_add(report, definition->name);
    outcome->sentence = memory_copy_text(definition->sentence);
    outcome->suite = memory_copy_text(definition->check ? definition->subject : definition->file);
    outcome->kind = memory_copy_text(definition->check ? definition->kind : "scenario");
    outcome->file = memory_copy_text(definition->file);
    outcome->line = definition->line;
    return outcome;
}

void suite_skip(const struct suite_settings *settings, struct report *report,
                const struct definition *definition, const char *reason)
{
    struct report_outcome *outcome = add_outcome(report, definition);
    outcome->verdict = VERDICT_SKIP;
    outcome->reason = memory_copy_text(reason);
    if (settings->console != NULL) {
        report_console_outcome(settings->console, outcome);
    }
}

static char *text_or_null(struct buffer *text)
{
    if (text->size == 0) {
        buffer_free(text);
        return NULL;
    }
    return buffer_detach(text);
}

void suite_take(const struct suite_settings *settings, struct report *report, struct play *play,
                int64_t wall_us)
{
    struct report_outcome *outcome = add_outcome(report, play->definition);
    outcome->verdict = verdict_of(settings, play);
    outcome->reason = memory_copy_text(play->reason);
    outcome->where = memory_copy_text(play->where);
    outcome->expected = memory_copy_text(play->expected);
    outcome->seen = memory_copy_text(play->seen);
    outcome->world_us = play->ended_us - play->began_us;
    outcome->wall_us = wall_us;
    if (outcome->verdict != VERDICT_PASS && outcome->verdict != VERDICT_SKIP) {
        struct buffer messages = {0};
        if (play->staged) {
            struct stage_printer *printer = stage_printer(&play->stage, play->printer);
            stage_last_messages(&play->stage, printer, MESSAGES_SHOWN, &messages);
        }
        outcome->messages = text_or_null(&messages);
        outcome->reproduce = again_text(settings, play->definition);
    }
    outcome->notes = text_or_null(&play->notes);
    char **const texts[] = {&outcome->reason, &outcome->expected, &outcome->seen, &outcome->notes};
    for (size_t i = 0; i < sizeof texts / sizeof *texts && play->staged; i++) {
        stage_redact(&play->stage, texts[i]);
    }
    if (settings->console != NULL) {
        report_console_outcome(settings->console, outcome);
    }
}

void suite_judged(const struct suite_settings *settings, struct report *report,
                  const struct definition *definition, const struct contract_result *result,
                  const char *reason)
{
    struct report_outcome *outcome = add_outcome(report, definition);
    struct buffer text = {0};
    if (result->violated > 0) {
        outcome->verdict = broken(settings, definition);
        buffer_format(&text, "%s was violated %" PRIu64 " times", definition->name,
                      result->violated);
        outcome->expected = memory_copy_text(result->violations[0].expected);
        outcome->seen = memory_copy_text(result->violations[0].seen);
        outcome->reproduce = again_text(settings, definition);
        outcome->reason = buffer_detach(&text);
    } else {
        outcome->verdict = VERDICT_PASS;
    }
    buffer_clear(&text);
    buffer_format(&text,
                  "judged by what was seen meanwhile, %" PRIu64 " times; the check itself: %s",
                  result->exercised, reason);
    outcome->notes = buffer_detach(&text);
    if (settings->console != NULL) {
        report_console_outcome(settings->console, outcome);
    }
}

void suite_play_settings(const struct suite_settings *settings, struct ground *ground,
                         const struct stage_house *house, struct play_settings *out)
{
    *out = (struct play_settings){.ground = ground,
                                  .house = house,
                                  .timeout_us = settings->timeout_us,
                                  .gifts = settings->gifts,
                                  .gift_count = settings->gift_count,
                                  .misbehaviours = settings->misbehaviours,
                                  .misbehaviour_count = settings->misbehaviour_count,
                                  .model = settings->model,
                                  .websocket = settings->websocket,
                                  .quirks_off = settings->quirks_off};
}

/* The play could not begin: what the file or the system says is its failure. */
void suite_refused(struct play *play, const struct error *error)
{
    play_judge(play, PLAY_FAILED, error->text, NULL, NULL, NULL, 0);
}

static void play_virtually(const struct suite_settings *settings,
                           const struct definition *definition, struct report *report)
{
    int64_t began_us = suite_clock_us();
    struct ground *ground =
        ground_new_virtual(play_seed(settings->seed, definition), settings->trace);
    struct play *play = memory_new(sizeof *play);
    struct play_settings play_settings;
    suite_play_settings(settings, ground, NULL, &play_settings);
    struct error error;
    if (!play_start(play, definition, &play_settings, settings->seed, &error)) {
        suite_refused(play, &error);
    }
    while (play->end == PLAY_RUNS && world_step(ground->world, INT64_MAX)) {
        if (settings->stop != NULL && *settings->stop) {
            break;
        }
    }
    if (play->end == PLAY_RUNS && settings->stop != NULL && *settings->stop) {
        report->not_run++;
        play_stop(play, "interrupted");
    }
    suite_take(settings, report, play, suite_clock_us() - began_us);
    play_free(play);
    free(play);
    ground_destroy(ground);
}

bool suite_run(const struct suite_settings *settings, const struct definitions *definitions,
               struct report *report, struct error *error)
{
    int64_t began_us = suite_clock_us();
    report->began_unix_s = (int64_t)time(NULL);
    bool done = true;
    if (settings->real || settings->ground != NULL) {
        done = suite_run_real(settings, definitions, report, error);
    } else {
        for (size_t i = 0; i < definitions->count; i++) {
            if (settings->stop != NULL && *settings->stop) {
                report->not_run += definitions->count - i;
                break;
            }
            if (settings->console != NULL) {
                report_console_progress(settings->console, i, definitions->count,
                                        suite_clock_us() - began_us, definitions->items[i]->name);
            }
            play_virtually(settings, definitions->items[i], report);
        }
    }
    report->interrupted = settings->stop != NULL && *settings->stop;
    report->wall_us = suite_clock_us() - began_us;
    report_sort(report);
    return done;
}
