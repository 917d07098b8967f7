#include "tests/golden/prusalink_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "tests/golden/flat_json.h"

/* ---- what differs, and why ---- */

/* Values that are not compared; the key, its place and its type are. */
static const struct {
    const char *key; /* last component of the path */
    const char *reason;
} other_values[] = {
    {"transfer_id", "is drawn"},
    {"m_timestamp", "folders are made at the time of the test"},
    {"free_space", "the disk of the recording host was in use by others"},
    {"progress", "the stand-in's moves are shorter than a printer's"},
    {"time_printing", "same"},
    {"time_remaining", "same"},
    {"axis_x", "the stand-in parks and homes elsewhere"},
    {"axis_y", "same"},
    {"axis_z", "same"},
    {"temp_nozzle", "the stand-in heats faster, in a room of 21.0 without noise"},
    {"temp_bed", "same"},
    {"target_nozzle", "at the time of a message another one may hold"},
    {"target_bed", "same"},
    {"fan_extruder", "the stand-in's fans turn at other speeds"},
    {"fan_hotend", "same"},
    {"fan_print", "same"},
    {"target_fan_extruder", "the stand-in switches its hot-end fan at another temperature"},
    {"target_fan_hotend", "same"},
    {"target_fan_print", "at the time of a message another one may hold"},
    {"total_filament", "the stand-in's counters stay 0"},
    {"total_print_time", "same"},
    {"inaccurate_estimates", "in the capture it depends on the prints before it"},
    {"flow", "M221 is polled each 10 s in a print; the shortened one was over before"},
};

/* Members of events that only one side has in some captures, with all that is in them. */
static const struct {
    const char *captures, *path, *reason;
} other_members[] = {
    {"03", "data.time_printing", "SEND_JOB_INFO 201 came before the stand-in's 100th command"},
    {"03", "data.mbl", "the stand-in measures no mesh"},
};

/* Events that only one side sends in some captures, by a part of their text. */
static const struct {
    const char *captures, *text, *reason;
} other_events[] = {
    {"11", "{\"event\": \"INFO\"", "seen after one of three resets; ours is like the two others"},
    {"11", "{\"event\": \"FAILED\"", "comes behind IDLE here: two threads; ours is like 13"},
    {"02 03 04 12 13", "{\"event\": \"MESH_BED_DATA\"", "the stand-in measures no mesh"},
    {"02", "\"command_id\": 107, \"state\": \"BUSY\"", "its G28 is too short for a \"busy\""},
    {"02", "\"source\": \"HW\"", "same"},
};

/* Keys of telemetry that one side has in one state and the other doesn't. */
static const struct {
    const char *captures, *state, *key, *reason;
} other_keys[] = {
    {"06", "IDLE", "temp_nozzle", "its nozzle still cools from the print before"},
    {"02", "BUSY", "state", "the stand-in's G28 is too short for a \"busy\""},
    {"02", "BUSY", "command_id", "same"},
    {"12", "ERROR", "axis_y", "the stand-in had not moved yet when its cable was pulled"},
    {"03 04 12 13", "STOPPED", "total_print_time", "the stand-in's counters stay 0"},
    {"03 04 12 13", "STOPPED", "total_filament", "same"},
    {"04", "STOPPED", "inaccurate_estimates", "was true since the print before"},
    {"04", "STOPPED", "flow", "M221 is polled each 10 s in a print, ours was told there"},
    {"04", "PRINTING", "flow", "same"},
    {"04", "STOPPED", "temp_bed", "a real bed needs longer than 11 s for half a degree"},
    {"04 12", "PRINTING", "fan_extruder",
     "the nozzle was hot and its fan on since the print before"},
    {"04 12", "PRINTING", "fan_hotend", "same"},
    {"04 12", "PRINTING", "target_fan_extruder", "same"},
    {"04 12", "PRINTING", "target_fan_hotend", "same"},
    {"04", "PRINTING", "command_id", "a real M603 waits for the moves that are planned"},
    {"04", "IDLE", "filament_change_in", "was told after the print before"},
    {"03", "PAUSED", "flow", "M221 is polled each 10 s in a print, ours was told there"},
    {"03", "PRINTING", "flow", "same"},
    {"03", "PRINTING", "speed", "the complete resend after 300 s; the stand-in's print was over"},
    {"03", "PRINTING", "total_filament", "same"},
    {"03", "PRINTING", "total_print_time", "same"},
    {"03", "FINISHED", "time_printing", "told for each 100th command: its last was before the end"},
    {"03", "FINISHED", "temp_bed", "a real bed needs longer than 11 s for half a degree"},
    {"03", "FINISHED", "fan_print", "goes off before the last moves, which the stand-in jumps"},
    {"03", "FINISHED", "target_fan_print", "same"},
    {"03", "PAUSED", "fan_print", "goes off in a pause; the stand-in leaves it on"},
    {"03", "PAUSED", "target_fan_print", "same"},
    {"03", "FINISHED", "total_filament", "the stand-in's counters stay 0"},
    {"03", "FINISHED", "total_print_time", "same"},
};

/* States in which telemetry keeps another pace. */
static const struct {
    const char *captures, *state, *reason;
} other_paces[] = {
    {"03", "FINISHED", "a real print takes longer than the 180 s after which it sleeps (Q-18)"},
    {"03", "IDLE", "a real print takes longer than the 180 s after which it sleeps (Q-18)"},
};

/* Headers whose value is not compared. */
static const char *const other_headers[] = {"Host", "Timestamp", "Token", "Content-Length", "Code"};

bool prusalink_is_absent(const struct prusalink_play *play, const struct prusalink_message *message)
{
    for (size_t i = 0; i < sizeof other_events / sizeof *other_events; i++) {
        bool here = strstr(other_events[i].captures, play->number) != NULL;
        if (here && strstr(message->body, other_events[i].text) != NULL &&
            strstr(message->body, "ACCEPTED") == NULL) {
            return true;
        }
    }
    return false;
}

/* ---- comparing ---- */

static bool value_differs(const char *path)
{
    const char *key = strrchr(path, '.');
    key = key == NULL ? path : key + 1;
    for (size_t i = 0; i < sizeof other_values / sizeof *other_values; i++) {
        if (strcmp(other_values[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static bool member_differs(const struct prusalink_play *play, const char *path)
{
    for (size_t i = 0; i < sizeof other_members / sizeof *other_members; i++) {
        if (strstr(other_members[i].captures, play->number) != NULL &&
            strncmp(other_members[i].path, path, strlen(other_members[i].path)) == 0) {
            return true;
        }
    }
    return false;
}

static void compare_bodies(const struct prusalink_play *play,
                           const struct prusalink_message *theirs,
                           const struct prusalink_message *ours)
{
    struct flat_json a = flat_json(theirs->body), b = flat_json(ours->body);
    size_t i = 0, j = 0;
    while (i < a.count || j < b.count) {
        const struct flat_value *x = i < a.count ? &a.values[i] : NULL;
        const struct flat_value *y = j < b.count ? &b.values[j] : NULL;
        bool paths = x != NULL && y != NULL && strcmp(x->path, y->path) == 0;
        if (!paths && x != NULL && member_differs(play, x->path)) {
            i++;
            continue;
        }
        if (!paths && y != NULL && member_differs(play, y->path)) {
            j++;
            continue;
        }
        bool same =
            paths && flat_kind(x) == flat_kind(y) && (flat_same(x, y) || value_differs(x->path));
        if (!same) {
            fail_msg("%s:%u: at %s\n theirs %s\n ours   %s", play->number, theirs->line,
                     x != NULL ? x->path : y->path, theirs->body, ours->body);
        }
        i++;
        j++;
    }
    flat_json_free(&a);
    flat_json_free(&b);
}

static bool header_differs(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof other_headers / sizeof *other_headers; i++) {
        if (strlen(other_headers[i]) == size && strncmp(other_headers[i], name, size) == 0) {
            return true;
        }
    }
    return false;
}

static void compare_heads(const struct prusalink_play *play, const struct prusalink_message *theirs,
                          const struct prusalink_message *ours)
{
    const char *a = theirs->head, *b = ours->head;
    while (*a != '\0' || *b != '\0') {
        size_t a_size = strcspn(a, "\r\n"), b_size = strcspn(b, "\r\n");
        size_t name = strcspn(a, ":\r\n");
        bool free_value = a[name] == ':' && header_differs(a, name);
        size_t compared = free_value ? name + 1 : (a_size > b_size ? a_size : b_size);
        if (strncmp(a, b, compared) != 0) {
            fail_msg("%s:%u: header %.*s, ours %.*s\n%s\n%s", play->number, theirs->line,
                     (int)a_size, a, (int)b_size, b, theirs->head, ours->head);
        }
        a += a_size + strspn(a + a_size, "\r\n");
        b += b_size + strspn(b + b_size, "\r\n");
    }
}

static const struct prusalink_message *next_compared(const struct prusalink_play *play, size_t *at)
{
    const struct prusalink_message *message;
    while ((message = prusalink_messages_next(&play->ours, at, false)) != NULL &&
           prusalink_is_absent(play, message)) {
    }
    return message;
}

/* Events, registration and probe: one for one, to the byte but for the tables. */
void prusalink_compare_events(const struct prusalink_play *play)
{
    size_t i = 0, j = 0;
    const struct prusalink_message *theirs, *ours;
    while ((theirs = prusalink_messages_next(&play->theirs, &i, false)) != NULL) {
        if (prusalink_is_absent(play, theirs)) {
            continue;
        }
        ours = next_compared(play, &j);
        if (ours == NULL) {
            fail_msg("%s:%u: ours ends before %s", play->number, theirs->line, theirs->body);
            return;
        }
        compare_bodies(play, theirs, ours);
        compare_heads(play, theirs, ours);
    }
    if ((ours = next_compared(play, &j)) != NULL) {
        fail_msg("%s: ours goes on with %s", play->number, ours->body);
    }
}

static bool is_minimal(const struct prusalink_message *message)
{
    struct flat_json flat = flat_json(message->body);
    size_t count = flat.count;
    for (size_t i = 0; i < flat.count; i++) {
        const char *path = flat.values[i].path;
        count -= strcmp(path, "state") == 0 || strcmp(path, "job_id") == 0 ||
                 strcmp(path, "command_id") == 0;
    }
    flat_json_free(&flat);
    return count == 0;
}

/* Telemetry of an idle printer: the first `count` messages that say something, one for one. */
void prusalink_compare_telemetry(const struct prusalink_play *play, size_t count)
{
    size_t i = 0, j = 0;
    const struct prusalink_message *theirs, *ours;
    while (count-- > 0) {
        while ((theirs = prusalink_messages_next(&play->theirs, &i, true)) != NULL &&
               is_minimal(theirs)) {
        }
        while ((ours = prusalink_messages_next(&play->ours, &j, true)) != NULL &&
               is_minimal(ours)) {
        }
        if (theirs == NULL && ours == NULL) {
            return;
        }
        if (theirs == NULL || ours == NULL) {
            fail_msg("%s: telemetry only one side sent: %s", play->number,
                     theirs == NULL ? ours->body : theirs->body);
            return;
        }
        compare_bodies(play, theirs, ours);
        compare_heads(play, theirs, ours);
    }
}

/* ---- telemetry of prints: keys, types and pace by state ---- */

struct key_use {
    char state[16], key[64], kind;
};

struct key_uses {
    struct key_use *list;
    size_t count;
};

static const struct key_use *find_use(const struct key_uses *uses, const char *state,
                                      const char *key)
{
    for (size_t i = 0; i < uses->count; i++) {
        if (strcmp(uses->list[i].state, state) == 0 && strcmp(uses->list[i].key, key) == 0) {
            return &uses->list[i];
        }
    }
    return NULL;
}

static void collect_uses(const struct prusalink_messages *messages, struct key_uses *uses)
{
    size_t at = 0;
    const struct prusalink_message *message;
    char state[16];
    while ((message = prusalink_messages_next(messages, &at, true)) != NULL) {
        struct flat_json flat = flat_json(message->body);
        flat_member(&flat, "state", state, sizeof state);
        for (size_t i = 0; i < flat.count; i++) {
            if (find_use(uses, state, flat.values[i].path) == NULL) {
                uses->list = memory_resize(uses->list, (uses->count + 1) * sizeof *uses->list);
                struct key_use *use = &uses->list[uses->count++];
                snprintf(use->state, sizeof use->state, "%s", state);
                snprintf(use->key, sizeof use->key, "%.60s", flat.values[i].path);
                use->kind = flat_kind(&flat.values[i]);
            }
        }
        flat_json_free(&flat);
    }
}

static bool key_differs(const struct prusalink_play *play, const struct key_use *use)
{
    for (size_t i = 0; i < sizeof other_keys / sizeof *other_keys; i++) {
        bool capture = strstr(other_keys[i].captures, play->number) != NULL;
        bool state = strcmp(other_keys[i].state, use->state) == 0;
        if (capture && state && strcmp(other_keys[i].key, use->key) == 0) {
            return true;
        }
    }
    return false;
}

static void compare_uses(const struct prusalink_play *play, const struct key_uses *some,
                         const struct key_uses *others, const char *whose, struct buffer *out)
{
    for (size_t i = 0; i < some->count; i++) {
        const struct key_use *use = &some->list[i];
        const struct key_use *other = find_use(others, use->state, use->key);
        if (other == NULL && !key_differs(play, use)) {
            buffer_format(out, "\n  %s in %s: only %s", use->key, use->state, whose);
        } else if (other != NULL && other->kind != use->kind) {
            buffer_format(out, "\n  %s in %s: type %c, %c", use->key, use->state, use->kind,
                          other->kind);
        }
    }
}

void prusalink_compare_keys(const struct prusalink_play *play)
{
    struct key_uses theirs = {NULL, 0}, ours = {NULL, 0};
    struct buffer out = {0};
    collect_uses(&play->theirs, &theirs);
    collect_uses(&play->ours, &ours);
    compare_uses(play, &theirs, &ours, "theirs", &out);
    compare_uses(play, &ours, &theirs, "ours", &out);
    free(theirs.list);
    free(ours.list);
    if (out.size > 0) {
        fail_msg("%s: keys of telemetry:%s", play->number, buffer_text(&out));
    }
    buffer_free(&out);
}

static bool pace_differs(const struct prusalink_play *play, const char *state)
{
    for (size_t i = 0; i < sizeof other_paces / sizeof *other_paces; i++) {
        if (strstr(other_paces[i].captures, play->number) != NULL &&
            strcmp(other_paces[i].state, state) == 0) {
            return true;
        }
    }
    return false;
}

void prusalink_compare_pace(const struct prusalink_play *play)
{
    for (int state = 0; state < STATE_COUNT; state++) {
        const char *name = printer_state_name((enum printer_state)state);
        if (pace_differs(play, name)) {
            continue;
        }
        double theirs = prusalink_usual_gap(&play->theirs, name),
               ours = prusalink_usual_gap(&play->ours, name);
        if (!isnan(theirs) && (isnan(ours) || fabs(theirs - ours) > 0.001)) {
            fail_msg("%s: telemetry in %s each %.2f s, ours each %.2f s", play->number, name,
                     theirs, ours);
        }
    }
}

/* Time between two events, where it is the protocol's and not the printer's. */
static double gap(const struct prusalink_messages *messages, const char *from, const char *to)
{
    for (size_t i = 0; i < messages->count; i++) {
        if (messages->list[i].kind == EVENT && strstr(messages->list[i].body, from) != NULL) {
            for (size_t j = i + 1; j < messages->count; j++) {
                if (messages->list[j].kind == EVENT && strstr(messages->list[j].body, to) != NULL) {
                    return (double)(messages->list[j].time_us - messages->list[i].time_us) / 1e6;
                }
            }
        }
    }
    return NAN;
}

void prusalink_compare_gap(const struct prusalink_play *play, const char *from, const char *to,
                           double within_s)
{
    double theirs = gap(&play->theirs, from, to), ours = gap(&play->ours, from, to);
    if (!(fabs(theirs - ours) <= within_s)) {
        fail_msg("%s: from %s to %s %.2f s, ours %.2f s", play->number, from, to, theirs, ours);
    }
}
