/* Rules about commands: connect-sdk.md 13.4. */

#include <string.h>

#include "harness/check/connect_contract_internal.h"
#include "sim/base/world.h"

enum { ANSWER_TIME_S = 5, MISSING_IN_A_ROW = 3 };

static bool empty_data(const struct sight *sight)
{
    return cJSON_IsObject(sight->data) && sight->data->child == NULL;
}

static bool answers(const struct sight *sight, enum expectation expected)
{
    return (sight->kind & SEE_EVENT) != 0 && sight->command != NULL && !sight->command->answered &&
           sight->command->expected == expected;
}

/* At the end: deliveries of that kind which the printer, who went on talking, never answered. */
static void judge_silence(struct sight *sight, enum expectation expected, const char *what)
{
    struct subject *subject = sight->subject;
    if ((sight->kind & SEE_FINISH) == 0) {
        return;
    }
    for (size_t i = 0; i < subject->command_count; i++) {
        const struct seen_command *command = &subject->commands[i];
        if (command->expected == expected && !command->answered &&
            command->losses == subject->losses &&
            subject->seen_us - command->delivered_us > SECONDS(ANSWER_TIME_S)) {
            verdict(sight, false, what, "no answer to %s, id %lld",
                    command->name[0] == '\0' ? "a command" : command->name, (long long)command->id);
        }
    }
}

void judge_cmd_01(struct sight *sight)
{
    static const char what[] = "ACCEPTED with the id, source CONNECT, empty data";
    judge_silence(sight, EXPECT_ACCEPTED, what);
    if (!answers(sight, EXPECT_ACCEPTED)) {
        return;
    }
    bool again = sight->command->deliveries > 1 && !same(sight->event, "STATE_CHANGED");
    bool good = same(sight->event, "ACCEPTED") && same(sight->source, "CONNECT") &&
                empty_data(sight) &&
                (sight->command_id == sight->command->id || sight->command->id == 0);
    verdict(sight, good || again, what, "%s from %s%s", or_none(sight->event),
            or_none(sight->source), empty_data(sight) ? "" : " with data");
}

static bool is_end(const char *event)
{
    static const char *const ends[] = {"FINISHED",  "FAILED",   "REJECTED",      "INFO",
                                       "FILE_INFO", "JOB_INFO", "TRANSFER_INFO", NULL};
    return one_of(event, ends);
}

void judge_cmd_02(struct sight *sight)
{
    static const char what[] = "exactly one terminal event, after ACCEPTED";
    struct subject *subject = sight->subject;
    struct seen_command *running = running_command(subject);
    if ((sight->kind & SEE_TELEMETRY) != 0) {
        bool missing = running != NULL && running->accepted > 0 && sight->facts.command_id < 0 &&
                       running->losses == subject->losses && running->id != 0;
        subject->running_missing = missing ? subject->running_missing + 1 : 0;
        if (subject->running_missing == MISSING_IN_A_ROW) {
            verdict(sight, same(running->name, "UPGRADE"), what,
                    "none for %s, id %lld, which telemetry no longer names", running->name,
                    (long long)running->id);
        }
        return;
    }
    struct seen_command *command = sight->command;
    if (command == NULL || !is_end(sight->event) ||
        (!command->answered && command->expected != EXPECT_ACCEPTED)) {
        return;
    }
    bool again = command->deliveries > 1; /* answers to repetitions come in any number */
    bool good = command->accepted > 0 && command->ended == 0;
    verdict(sight, good || again || command->id == 0, what, "%s, id %lld, %s", sight->event,
            (long long)command->id,
            command->accepted == 0 ? "without ACCEPTED" : "after it had ended");
}

static void judge_refusal(struct sight *sight, enum expectation expected, const char *reason,
                          const char *what, bool with_id)
{
    judge_silence(sight, expected, what);
    if (!answers(sight, expected)) {
        return;
    }
    bool id = sight->command_id >= 0 || sight->command_id < -1;
    bool good = same(sight->event, "REJECTED") && same(sight->source, "CONNECT") &&
                id == (with_id && sight->command->id != 0) &&
                (reason == NULL ? sight->reason != NULL && *sight->reason != '\0'
                                : same(sight->reason, reason));
    verdict(sight, good, what, "%s from %s, \"%s\", %s id", or_none(sight->event),
            or_none(sight->source), or_none(sight->reason), id ? "with" : "without");
}

void judge_cmd_03(struct sight *sight)
{
    judge_refusal(sight, EXPECT_BAD_ID, "Invalid Command-Id header",
                  "REJECTED, \"Invalid Command-Id header\", no command_id", false);
}

void judge_cmd_04(struct sight *sight)
{
    judge_refusal(sight, EXPECT_BAD_TYPE, "Invalid command content type",
                  "REJECTED, \"Invalid command content type\", with command_id", true);
}

void judge_cmd_05(struct sight *sight)
{
    judge_refusal(sight, EXPECT_BAD_BODY, NULL, "REJECTED with command_id and a reason", true);
}

void judge_cmd_06(struct sight *sight)
{
    if (one_of(sight->command->name, contract_commands)) {
        return;
    }
    verdict(sight,
            same(sight->event, "REJECTED") && same(sight->source, "WUI") &&
                same(sight->reason, "Unknown command") && sight->command->accepted > 0,
            "ACCEPTED, then REJECTED from WUI, \"Unknown command\"", "%s from %s, \"%s\"",
            sight->event, or_none(sight->source), or_none(sight->reason));
}

void judge_cmd_07(struct sight *sight)
{
    static const char *const bare[] = {"SLOT_ACTION", "SET_VALUE", NULL};
    bool never_handled = one_of(sight->command->name, bare);
    bool said = same(sight->event, "REJECTED") && same(sight->reason, "Not Implemented");
    if (!never_handled && !said) {
        return;
    }
    if (same(sight->command->name, "SET_VALUE") && same(sight->reason, "Unknown command")) {
        return; /* the name is newer than 0.8.1 (12) */
    }
    verdict(sight, said && same(sight->source, "WUI") && sight->command->accepted > 0,
            "ACCEPTED, then REJECTED from WUI, \"Not Implemented\"", "%s from %s, \"%s\"",
            sight->event, or_none(sight->source), or_none(sight->reason));
}

void judge_cmd_08(struct sight *sight)
{
    if (!same(sight->event, "FAILED")) {
        return;
    }
    const char *why = text_of(sight->data, "error");
    verdict(sight,
            same(sight->source, "WUI") && same(sight->reason, "Command error") && why != NULL &&
                *why != '\0' && sight->command->accepted > 0,
            "ACCEPTED, then FAILED from WUI, \"Command error\", data.error",
            "FAILED from %s, \"%s\", data.error %s", or_none(sight->source), or_none(sight->reason),
            or_none(why));
}

void judge_cmd_09(struct sight *sight)
{
    static const char what[] = "REJECTED, \"Another command is running\", data.actual_command_id";
    judge_silence(sight, EXPECT_BUSY, what);
    if (!answers(sight, EXPECT_BUSY)) {
        return;
    }
    const struct seen_command *command = sight->command;
    const struct seen_command *other = course_command(sight->subject, command->busy_id);
    if (other != NULL && other->ended > 0) {
        return; /* it ended meanwhile: its end and this delivery crossed */
    }
    int64_t actual = whole_of(sight->data, "actual_command_id", -1);
    verdict(sight,
            same(sight->event, "REJECTED") && same(sight->source, "CONNECT") &&
                same(sight->reason, "Another command is running") && actual == command->busy_id,
            what, "%s, \"%s\", actual_command_id %lld for %lld", or_none(sight->event),
            or_none(sight->reason), (long long)actual, (long long)command->busy_id);
}

void judge_cmd_10(struct sight *sight)
{
    judge_silence(sight, EXPECT_ACCEPTED_AGAIN, "ACCEPTED again");
    if (!answers(sight, EXPECT_ACCEPTED_AGAIN) || same(sight->event, "STATE_CHANGED")) {
        return;
    }
    bool ended_first = is_end(sight->event) && !same(sight->event, "REJECTED");
    verdict(sight, same(sight->event, "ACCEPTED") || ended_first, "ACCEPTED again", "%s, \"%s\"",
            or_none(sight->event), or_none(sight->reason));
}

void judge_cmd_11(struct sight *sight)
{
    judge_silence(sight, EXPECT_REMEMBERED, "the remembered result");
    if (!answers(sight, EXPECT_REMEMBERED)) {
        return;
    }
    verdict(sight, same(sight->event, sight->command->remembered), "the remembered result",
            "%s instead of %s", or_none(sight->event), sight->command->remembered);
}

/* A quirk: counts as violated by a printer that does better. */
void judge_cmd_12(struct sight *sight)
{
    if (sight->command != NULL && sight->command->id == 0 &&
        sight->command->expected != EXPECT_BAD_ID && !same(sight->event, "STATE_CHANGED")) {
        verdict(sight, cJSON_GetObjectItemCaseSensitive(sight->body, "command_id") == NULL,
                "no command_id in events of id 0", "command_id %lld", (long long)sight->command_id);
    }
}

void judge_cmd_13(struct sight *sight)
{
    const struct seen_command *command = sight->command;
    if (command == NULL || command->answered || !command->busy_when_delivered ||
        !same(command->name, "RESET_PRINTER")) {
        return;
    }
    int64_t since_us = sight->time_us - command->delivered_us;
    verdict(sight, same(sight->event, "ACCEPTED") && since_us < SECONDS(2) + tolerance(sight),
            "ACCEPTED within about 1 s", "%s after %.3f s", or_none(sight->event),
            (double)since_us / 1e6);
}

static bool not_implemented(const struct sight *sight)
{
    return same(sight->reason, "Not Implemented");
}

/* Whether the state in which the command was accepted is still that in which it was worked on. */
static bool clear_state(const struct sight *sight)
{
    return sight->command->state[0] != '\0' && !sight->command->state_moved &&
           !sight->command->lost_to_reset && sight->command->deliveries == 1;
}

void judge_cmd_14(struct sight *sight)
{
    static const char *const guarded[] = {"PRINTING", "ATTENTION", "ERROR", NULL};
    const struct seen_command *command = sight->command;
    if (!same(command->name, "GCODE") || not_implemented(sight) || !clear_state(sight) ||
        !one_of(command->state, guarded)) {
        return;
    }
    const char *why = text_of(sight->data, "error");
    bool refused = same(sight->event, "FAILED");
    bool by_state = refused && why != NULL && strstr(why, "while in") != NULL;
    verdict(sight, command->forced ? !by_state : refused,
            "GCODE FAILS in PRINTING, ATTENTION, ERROR unless Force: 1", "%s %s Force in %s: %s",
            sight->event, command->forced ? "with" : "without", command->state, or_none(why));
}

void judge_cmd_15(struct sight *sight)
{
    if (same(sight->command->name, "SEND_INFO")) {
        verdict(sight, same(sight->event, "INFO") && sight->command->accepted > 0,
                "ACCEPTED, then INFO with the id", "%s", sight->event);
    }
}

void judge_cmd_16(struct sight *sight)
{
    const struct seen_command *command = sight->command;
    if (!same(command->name, "START_PRINT") || !same(sight->event, "FINISHED")) {
        return;
    }
    verdict(sight,
            same(command->last_change, "PRINTING") && command->change_with_id &&
                command->change_with_job && sight->job_id > 0,
            "STATE_CHANGED PRINTING and FINISHED, with command_id and job_id",
            "last change %s %s id, %s job_id; FINISHED %s job_id",
            command->last_change[0] == '\0' ? "(none)" : command->last_change,
            command->change_with_id ? "with" : "without", command->change_with_job ? "with" : "no",
            sight->job_id > 0 ? "with" : "without");
}

static void must_fail(struct sight *sight, bool in_wrong_state)
{
    if (in_wrong_state && clear_state(sight) && !not_implemented(sight)) {
        verdict(sight, same(sight->event, "FAILED"), "FAILED", "%s of %s accepted in %s",
                sight->event, sight->command->name, sight->command->state);
    }
}

void judge_cmd_17(struct sight *sight)
{
    static const char *const wrong[] = {"PRINTING",  "PAUSED", "FINISHED", "STOPPED",
                                        "ATTENTION", "ERROR",  NULL};
    must_fail(sight,
              same(sight->command->name, "START_PRINT") && one_of(sight->command->state, wrong));
}

void judge_cmd_18(struct sight *sight)
{
    const struct seen_command *command = sight->command;
    must_fail(sight, (same(command->name, "PAUSE_PRINT") && !same(command->state, "PRINTING")) ||
                         (same(command->name, "RESUME_PRINT") && !same(command->state, "PAUSED")));
}

void judge_cmd_19(struct sight *sight)
{
    const struct seen_command *command = sight->command;
    bool in_print = same(command->state, "PRINTING") || same(command->state, "PAUSED");
    if (!same(command->name, "STOP_PRINT") || !in_print || !clear_state(sight) ||
        !same(sight->event, "FINISHED")) {
        return;
    }
    verdict(sight, same(command->last_change, "STOPPED") && command->change_with_id,
            "STATE_CHANGED STOPPED with the id before FINISHED", "last change %s",
            command->last_change[0] == '\0' ? "(none)" : command->last_change);
}

static void judge_ready(struct sight *sight, const char *name, const char *from, const char *to)
{
    const struct seen_command *command = sight->command;
    if (!same(command->name, name) || not_implemented(sight) || command->lost_to_reset ||
        command->deliveries > 1) {
        return;
    }
    bool finished = same(sight->event, "FINISHED");
    bool went = same(command->last_change, to);
    if (same(command->state, from)) {
        verdict(sight, finished && went, "STATE_CHANGED, then FINISHED", "%s, last change %s",
                sight->event, command->last_change[0] == '\0' ? "(none)" : command->last_change);
    } else if (of_prusalink(sight) && !same(command->state, to) && !same(command->state, "BUSY")) {
        verdict(sight, same(sight->event, "FAILED"), "FAILED", "%s in %s", sight->event,
                command->state);
    } else if (!same(command->state, to) && same(name, "CANCEL_PRINTER_READY")) {
        verdict(sight, same(sight->event, "FAILED") || went, "FAILED when not ready", "%s in %s",
                sight->event, command->state);
    }
}

void judge_cmd_20(struct sight *sight)
{
    judge_ready(sight, "SET_PRINTER_READY", "IDLE", "READY");
}

void judge_cmd_21(struct sight *sight)
{
    judge_ready(sight, "CANCEL_PRINTER_READY", "READY", "IDLE");
}

/* A command in the reply to an event must never be accepted. */
void judge_cmd_22(struct sight *sight)
{
    if ((sight->kind & SEE_REPLY) != 0) {
        if (sight->asked->kind == SEE_EVENT && http_header(sight->reply, "Command-Id") != NULL) {
            verdict(sight, true, "", "%s", "");
        }
        return;
    }
    bool joined = sight->contract->settings.started_before && sight->subject->command_count == 0;
    if (same(sight->event, "ACCEPTED") && sight->command_id > 0 && !joined) {
        verdict(sight, sight->command != NULL, "only ids that came with telemetry",
                "ACCEPTED of id %lld", (long long)sight->command_id);
    }
}

/* ---- the server's ---- */

static const struct seen_command *delivered_before(const struct sight *sight)
{
    size_t count = sight->subject->command_count;
    return count == 0 ? NULL : &sight->subject->commands[count - 1];
}

/* The one before was delivered, and nothing shows that its printer has it or is done with it. */
static bool without_answer(const struct seen_command *command)
{
    return !command->answered || (command->accepted > 0 && command->ended == 0);
}

void judge_cmd_23(struct sight *sight)
{
    const struct seen_command *fresh = sight->command, *before = delivered_before(sight);
    bool again = before != NULL && before->id == fresh->id;
    bool other_body = again && before->body_hash != fresh->body_hash;
    verdict(sight, fresh->id != 0 && !other_body, "an id other than 0 and the one before", "%lld%s",
            (long long)fresh->id,
            other_body       ? " for another command"
            : fresh->id == 0 ? ", or one that reads as no number"
                             : "");
}

void judge_cmd_24(struct sight *sight)
{
    const struct seen_command *running = running_command(sight->subject);
    if (running == NULL || running->id == sight->command->id || running->id == 0) {
        if (delivered_before(sight) != NULL) {
            verdict(sight, true, "", "%s", "");
        }
        return;
    }
    bool repeated = running->body_hash == sight->command->body_hash;
    if (!repeated) {
        verdict(sight, same(sight->command->name, "RESET_PRINTER"),
                "no new command before the end of the running one", "id %lld while %lld runs",
                (long long)sight->command->id, (long long)running->id);
    }
}

void judge_cmd_25(struct sight *sight)
{
    const struct seen_command *before = delivered_before(sight);
    if (before == NULL || !without_answer(before) ||
        before->body_hash != sight->command->body_hash) {
        return;
    }
    verdict(sight, before->id == sight->command->id, "the same id again", "%lld instead of %lld",
            (long long)sight->command->id, (long long)before->id);
}

void judge_cmd_26(struct sight *sight)
{
    struct seen_command *known = course_command(sight->subject, sight->command->id);
    const struct seen_command *before = delivered_before(sight);
    if (before == NULL || before->ended == 0 || before->expected != EXPECT_ACCEPTED ||
        one_of(before->end, (const char *const[]){"FINISHED", "FAILED", "REJECTED", NULL})) {
        return;
    }
    bool again = known == before && known->body_hash == sight->command->body_hash;
    verdict(sight, !again, "a new command", "id %lld again after its %s",
            (long long)sight->command->id, before->end);
}
