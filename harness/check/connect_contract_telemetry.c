/* Rules about telemetry: connect-sdk.md 13.3, and EVT-06, which compares it with events. */

#include <math.h>
#include <string.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/world.h"

/* A telemetry made while another thread changes something may be one message behind; two in a row
 * are not. */
enum { IN_A_ROW = 2 };

void judge_tel_01(struct sight *sight)
{
    const char *state = text_of(sight->body, "state");
    verdict(sight, known_state(state), "a state of connect-sdk.md 7.1", "%s", or_none(state));
}

void judge_tel_02(struct sight *sight)
{
    verdict(sight, !has_null(sight->body), "no null in the body", "a null");
}

void judge_tel_03(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if (subject->telemetry_us < 0 || subject->disturbed ||
        subject->open_connection != sight->connection) {
        return; /* a new connection: some posts may have found nobody */
    }
    int64_t gap_us = sight->time_us - subject->telemetry_us;
    int64_t bound_us = of_prusalink(sight) ? SECONDS(4) : SECONDS(1);
    verdict(sight, gap_us <= bound_us + tolerance(sight),
            "telemetry at least each second "
            "(PrusaLink: 4 s)",
            "a gap of %.3f s", (double)gap_us / 1e6);
}

/* Eight steady gaps in one phase are a pace. */
void judge_tel_04(struct sight *sight)
{
    struct subject *subject = sight->subject;
    bool printing = printing_state(sight->facts.state);
    if (subject->telemetry_us < 0 || subject->disturbed || printing != subject->pace_printing) {
        subject->pace_count = 0;
        subject->pace_printing = printing;
        return;
    }
    subject->pace_us[subject->pace_count++] = sight->time_us - subject->telemetry_us;
    if (subject->pace_count < PACE_WINDOW) {
        return;
    }
    subject->pace_count = 0;
    int64_t least = INT64_MAX, most = 0, sum = 0;
    for (size_t i = 0; i < PACE_WINDOW; i++) {
        least = subject->pace_us[i] < least ? subject->pace_us[i] : least;
        most = subject->pace_us[i] > most ? subject->pace_us[i] : most;
        sum += subject->pace_us[i];
    }
    double mean = (double)sum / PACE_WINDOW / 1e6;
    if (mean < 0.05 || (double)(most - least) / 1e6 > 0.4 * mean) {
        return; /* a burst, or the pace has just changed */
    }
    double awake = printing ? 1.0 : 0.25;
    bool good = fabs(mean - awake) < 0.15 * awake || fabs(mean - 4) < 0.4;
    verdict(sight, good, printing ? "each 1 s, asleep 4 s" : "each 0.25 s, asleep 4 s",
            "each %.3f s in %s", mean, sight->facts.state);
}

void judge_tel_05(struct sight *sight)
{
    struct subject *subject = sight->subject;
    const struct seen_command *running = running_command(subject);
    int64_t told = sight->facts.command_id;
    if (running != NULL && running->accepted == 0) {
        return; /* delivered, its ACCEPTED is on its way */
    }
    bool good = running != NULL ? told == running->id
                                : told < 0 || told == subject->foreign_running ||
                                      (!subject->telemetry_seen && subject->command_count == 0);
    bool doubtful = subject->disturbed || subject->losses > 0;
    subject->command_off = good || doubtful ? 0 : subject->command_off + 1;
    if (!doubtful && (running != NULL || told >= 0 || subject->command_count > 0)) {
        verdict(sight, subject->command_off < IN_A_ROW, "command_id exactly while a command runs",
                "%lld while %lld runs (-1: none)", (long long)told,
                (long long)(running == NULL ? -1 : running->id));
    }
}

void judge_tel_06(struct sight *sight)
{
    static const char *const never[] = {"IDLE", "READY", "FINISHED", "STOPPED", "ERROR", NULL};
    static const char *const always[] = {"PRINTING", "PAUSED", NULL};
    struct subject *subject = sight->subject;
    const char *state = sight->facts.state;
    bool told = sight->facts.job_id > 0;
    bool good = told ? !one_of(state, never) : !one_of(state, always);
    subject->job_off = good ? 0 : subject->job_off + 1;
    if (told || one_of(state, always) || subject->last_job > 0) {
        verdict(sight, subject->job_off < IN_A_ROW, "job_id exactly while a job exists",
                "%s job_id in %s", told ? "a" : "no", state);
    }
}

void judge_tel_07(struct sight *sight)
{
    static const char *const keys[] = {"transfer_progress", "transfer_transferred",
                                       "time_transferring"};
    bool transfer = sight->facts.transfer_id >= 0;
    const char *wrong = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(sight->body, keys[i]);
        if (transfer != (item != NULL && cJSON_IsNumber(item))) {
            wrong = keys[i];
        }
    }
    if (transfer || wrong != NULL) {
        verdict(sight, wrong == NULL,
                "transfer_id, transfer_progress, transfer_transferred, time_transferring together",
                "%s transfer_id, %s is wrong", transfer ? "a" : "no", or_none(wrong));
    }
}

void judge_tel_08(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(sight->body, "transfer_transferred");
    const cJSON *progress = cJSON_GetObjectItemCaseSensitive(sight->body, "transfer_progress");
    if (!cJSON_IsNumber(bytes) || sight->facts.transfer_id < 0) {
        return;
    }
    bool same_one = sight->facts.transfer_id == subject->transfer_id;
    bool falls = same_one && subject->transferred >= 0 && bytes->valuedouble < subject->transferred;
    bool known = same_one && subject->transfer_size > 0 && cJSON_IsNumber(progress);
    double due = known ? bytes->valuedouble / subject->transfer_size * 100 : 0;
    double told = known ? progress->valuedouble : 0;
    verdict(sight, !falls && fabs(due - told) <= 0.01,
            "bytes that never decrease, progress = transferred / size x 100",
            "%.0f bytes after %.0f, progress %.4f for %.4f", bytes->valuedouble,
            subject->transferred, told, due);
}

void judge_tel_09(struct sight *sight)
{
    const struct subject *subject = sight->subject;
    if (subject->transfer_ended_us < 0 || subject->ended_transfer_id < 0) {
        return;
    }
    int64_t since_us = sight->time_us - subject->transfer_ended_us;
    int64_t bound_us = subject->transfer_to_print ? SECONDS(11) : SECONDS(1);
    if (since_us > bound_us + tolerance(sight)) {
        verdict(sight, sight->facts.transfer_id != subject->ended_transfer_id,
                "no transfer fields 1 s after its end (11 s when it is to be printed)",
                "transfer_id %lld after %.3f s", (long long)sight->facts.transfer_id,
                (double)since_us / 1e6);
    }
}

void judge_tel_10(struct sight *sight)
{
    static const char *const keys[] = {"progress", "time_remaining", "time_printing",
                                       "inaccurate_estimates"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (cJSON_GetObjectItemCaseSensitive(sight->body, keys[i]) != NULL) {
            found = keys[i];
        }
    }
    if (found == NULL) {
        return;
    }
    const struct subject *subject = sight->subject;
    bool just_left = subject->telemetry_seen && subject->after_printing == 0;
    verdict(sight, printing_state(sight->facts.state) || just_left,
            "print fields only in PRINTING, PAUSED, FINISHED, STOPPED and one message behind",
            "%s in %s", found, sight->facts.state);
}

void judge_tel_11(struct sight *sight)
{
    static const char *const keys[] = {"temp_nozzle", "temp_bed"};
    if (cJSON_GetArraySize(sight->body) >= 8) {
        return; /* everything is sent again each 300 s and after a trouble (4.4) */
    }
    for (size_t i = 0; i < 2; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(sight->body, keys[i]);
        double before = sight->subject->temperature_sent[i];
        if (cJSON_IsNumber(item) && !isnan(before)) {
            verdict(sight, fabs(item->valuedouble - before) > 0.499,
                    "a temperature only after a change of more than 0.5", "%s %.2f after %.2f",
                    keys[i], item->valuedouble, before);
        }
    }
}

void judge_evt_06(struct sight *sight)
{
    struct subject *subject = sight->subject;
    if (subject->state[0] == '\0' || subject->disturbed || sight->facts.state[0] == '\0') {
        return;
    }
    bool good = same(subject->state, sight->facts.state);
    subject->state_off = good ? 0 : subject->state_off + 1;
    verdict(sight, subject->state_off < IN_A_ROW, "the state of the last STATE_CHANGED",
            "%s in telemetry, %s in the last STATE_CHANGED", sight->facts.state, subject->state);
}
