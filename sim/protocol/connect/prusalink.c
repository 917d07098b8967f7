#include "sim/protocol/connect/prusalink_face.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/memory.h"
#include "sim/machine/resin.h"
#include "sim/protocol/connect/buddy.h"

/* The course of the program's start (connect-sdk.md 3.6; captures/connect-prusalink 01). */
#define LOCAL_FOUND     MILLISECONDS(6240)
#define PRINTER_FOUND   MILLISECONDS(9250)
#define SERIAL_AFTER    MILLISECONDS(6)
#define FULL_INFO_AFTER SECONDS(30)
#define SD_READ_AFTER   MILLISECONDS(190)

static const char *const host_names[] = {"prusalink", "sdk", "buddy", "sl1"};

/* The table of a printer as it was recorded; all are made of eight. */
static const struct connect_sheet delivered_sheets[] = {
    {"Smooth1", -0.8125}, {"Smooth2", -0.7}, {"Custom3", 0.0}, {"Custom4", 0.0},
    {"Custom5", 0.0},     {"Custom6", 0.0},  {"Custom7", 0.0}, {"Custom8", 0.0},
};

const char *connect_host_name(enum connect_host_kind host)
{
    return host_names[host];
}

bool connect_host_parse(const char *name, enum connect_host_kind *host)
{
    for (int i = 0; i < 2; i++) {
        if (strcmp(name, host_names[i]) == 0) {
            *host = (enum connect_host_kind)i;
            return true;
        }
    }
    return false;
}

void connect_face_defaults(struct connect_face_settings *settings)
{
    *settings = (struct connect_face_settings){
        .host = CONNECT_HOST_PRUSALINK,
        .sdk_version = CONNECT_SDK_0_8_1,
        .host_version = "0.8.1",
        .quirks = CONNECT_QUIRKS_ALL,
        .sheets = delivered_sheets,
        .sheet_count = sizeof delivered_sheets / sizeof delivered_sheets[0],
        .mmu_version = "3.0.3",
    };
}

/* ---- storages ---- */

static bool shown(const struct connect_face *face, const struct storage *storage)
{
    return storage->kind == STORAGE_SDCARD && face_is_prusalink(face) ? face->sd_shown
                                                                      : face->located;
}

size_t face_storage_count(struct connect_face *face)
{
    size_t count = 0;
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        count += shown(face, machine_storage(face->machine, i));
    }
    return count;
}

struct storage *face_storage(struct connect_face *face, size_t index)
{
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        struct storage *storage = machine_storage(face->machine, i);
        if (shown(face, storage) && index-- == 0) {
            return storage;
        }
    }
    assert(false);
    return NULL;
}

static void tell_storages(struct connect_face *face, bool cards)
{
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        const struct storage *storage = machine_storage(face->machine, i);
        if ((storage->kind == STORAGE_SDCARD) == cards) {
            connect_sdk_medium_inserted(face->sdk, storage);
        }
    }
}

static bool has_card(struct connect_face *face)
{
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        if (machine_storage(face->machine, i)->kind == STORAGE_SDCARD) {
            return true;
        }
    }
    return false;
}

void face_show_sd(struct connect_face *face)
{
    if (face->sd_shown || !face->known || !has_card(face) ||
        connect_sdk_state(face->sdk) != STATE_IDLE) {
        return;
    }
    face->sd_shown = true;
    tell_storages(face, true);
}

void face_hide_sd(struct connect_face *face)
{
    face_cancel(face, STEP_SD_CARD);
    if (!face->sd_shown) {
        return;
    }
    face->sd_shown = false;
    for (size_t i = 0; i < machine_storage_count(face->machine); i++) {
        const struct storage *storage = machine_storage(face->machine, i);
        if (storage->kind == STORAGE_SDCARD) {
            connect_sdk_medium_ejected(face->sdk, storage->name);
        }
    }
}

/* ---- steps ---- */

static void arm_steps(struct connect_face *face)
{
    int64_t due_us = INT64_MAX;
    for (int step = 0; step < FACE_STEPS; step++) {
        due_us = face->step_due_us[step] < due_us ? face->step_due_us[step] : due_us;
    }
    if (due_us == INT64_MAX) {
        world_cancel(face->world, &face->step_timer);
    } else {
        world_arm(face->world, &face->step_timer, due_us);
    }
}

void face_plan(struct connect_face *face, enum face_step step, int64_t delay_us)
{
    face->step_due_us[step] = face->world->now_us + delay_us;
    arm_steps(face);
}

void face_cancel(struct connect_face *face, enum face_step step)
{
    face->step_due_us[step] = INT64_MAX;
    arm_steps(face);
}

static void set_identity(struct connect_face *face)
{
    char fingerprint[65];
    const char *serial = machine_serial(face->machine);
    connect_fingerprint_of(serial, fingerprint);
    connect_sdk_set_serial(face->sdk, serial);
    connect_sdk_set_fingerprint(face->sdk, fingerprint);
    face->known = true;
}

static void set_type(struct connect_face *face)
{
    const struct model *model = machine_model(face->machine);
    connect_sdk_set_type(face->sdk,
                         (struct connect_type){model->type, model->version, model->subversion});
    connect_sdk_set_firmware(face->sdk, machine_firmware(face->machine));
}

static void step_local(struct connect_face *face)
{
    if (!face_quirk(face, CONNECT_QUIRK_LATE_INFO)) {
        set_type(face);
        set_identity(face);
    }
    face->located = true;
    tell_storages(face, false);
    face_cameras_begin(face);
}

/* The printer answers, but it may not be ready to: then its first state that is not BUSY comes here
 * again. */
static void step_printer(struct connect_face *face)
{
    enum printer_state state = machine_state(face->machine);
    if (state == STATE_BUSY) {
        return;
    }
    face->found = true;
    if (!face->known) {
        set_type(face);
    }
    const struct machine_job *job = machine_job(face->machine);
    face_report(face,
                &(struct state_change){.from = STATE_BUSY,
                                       .to = state,
                                       .source = state == STATE_IDLE ? SOURCE_HW : SOURCE_FIRMWARE,
                                       .job_id = job == NULL ? 0 : job->id});
    face_plan(face, STEP_SERIAL, SERIAL_AFTER);
}

static void step_serial(struct connect_face *face)
{
    if (!face->known) {
        set_identity(face);
    }
    face_send_sheets(face);
    face->statistics_due = true;
    face->multiplier_due_us = face->world->now_us;
    face_auto_reports(face, true);
    face_telemetry_begin(face);
    face_send_active_sheet(face);
    face_plan(face, STEP_SD_CARD, SD_READ_AFTER);
    face_plan(face, STEP_FULL_INFO,
              face_quirk(face, CONNECT_QUIRK_LATE_INFO) ? FULL_INFO_AFTER - SERIAL_AFTER : 0);
    if (connect_sdk_token(face->sdk) != NULL) {
        face_cameras_register(face);
    } else if (face->settings->register_at_start) {
        connect_face_register(face);
    }
}

static void make_sdk(struct connect_face *face, const char *token);

/* UPGRADE ends in a restart of the program: everything is found anew (connect-sdk.md 5.4). */
static void step_restart(struct connect_face *face)
{
    char *token = memory_copy_text(connect_sdk_token(face->sdk));
    face_probe_destroy(face);
    world_cancel(face->world, &face->telemetry_timer);
    connect_sdk_destroy(face->sdk);
    make_sdk(face, token);
    free(token);
}

static void take_step(struct connect_face *face, enum face_step step)
{
    switch (step) {
    case STEP_BARE:
        face_start_bare(face);
        break;
    case STEP_LOCAL:
        step_local(face);
        break;
    case STEP_PRINTER:
        step_printer(face);
        break;
    case STEP_SERIAL:
        step_serial(face);
        break;
    case STEP_FULL_INFO:
        connect_sdk_send_info(face->sdk, SOURCE_CONNECT);
        break;
    case STEP_SD_CARD:
        face_show_sd(face);
        break;
    case STEP_COMMAND:
        face_command_step(face);
        break;
    case STEP_DOWNLOADED:
        face_downloaded_step(face);
        break;
    case STEP_RESTART:
        step_restart(face);
        break;
    case FACE_STEPS:
        break;
    }
}

static void step_fire(void *owner)
{
    struct connect_face *face = owner;
    for (int step = 0; step < FACE_STEPS; step++) {
        if (face->step_due_us[step] <= face->world->now_us) {
            face->step_due_us[step] = INT64_MAX;
            take_step(face, (enum face_step)step);
        }
    }
    arm_steps(face);
}

/* ---- life ---- */

void face_start_bare(struct connect_face *face)
{
    set_type(face);
    set_identity(face);
    face->located = true;
    face->found = true;
    tell_storages(face, false);
    tell_storages(face, true);
    if (machine_state(face->machine) != STATE_BUSY) {
        const struct machine_job *job = machine_job(face->machine);
        face_report(face, &(struct state_change){.from = STATE_BUSY,
                                                 .to = machine_state(face->machine),
                                                 .source = SOURCE_HW,
                                                 .job_id = job == NULL ? 0 : job->id});
    }
    face_telemetry_begin(face);
    face_cameras_begin(face);
    if (connect_sdk_token(face->sdk) != NULL) {
        face_cameras_register(face);
    } else if (face->settings->register_at_start) {
        connect_face_register(face);
    }
}

static void make_sdk(struct connect_face *face, const char *token)
{
    const struct connect_face_settings *settings = face->settings;
    face->sdk = connect_sdk_new(&(struct connect_sdk_settings){
        .world = face->world,
        .network = face->network,
        .version = settings->sdk_version,
        .name = face->name,
        .peer_name = settings->peer_name,
        .host_class = &face_host_class,
        .host = face,
        .observer_class = settings->observer_class,
        .observer = settings->observer,
        .quirks_off = ~settings->quirks,
    });
    if (face_is_prusalink(face)) {
        connect_sdk_set_software(face->sdk, face_version(face));
    } else if (settings->host_version != NULL && !face_is_sl1(face)) {
        connect_sdk_set_software(face->sdk, settings->host_version);
    }
    connect_sdk_set_connection(face->sdk, face->server, token);
    prusalink_telemetry_init(&face->telemetry, face->world->now_us);
    face->telemetry.sleepless_prints = !face_quirk(face, CONNECT_QUIRK_SLEEP);
    face->located = face->found = face->known = face->sd_shown = face->resetting = false;
    face->reports_on = face->gcode_running = face->interrupted = face->job_by_command = false;
    face->expected.active = false;
    face->wait_states = 0;
    face->job_id = 0;
    free(face->downloaded);
    face->downloaded = NULL;
    for (int step = 0; step < FACE_STEPS; step++) {
        face->step_due_us[step] = INT64_MAX;
    }
    if (face_is_prusalink(face)) {
        face_plan(face, STEP_LOCAL, LOCAL_FOUND);
        face_plan(face, STEP_PRINTER, PRINTER_FOUND);
    } else if (!face_is_sl1(face) || machine_state(face->machine) != STATE_BUSY) {
        face_plan(face, STEP_BARE,
                  0); /* whoever made the face may still say at which pace it tells */
    }                 /* else with the first state of its firmware */
}

/* An address and a name for a printer that was given none: a function of its serial number
 * (FNV-1a). */
static void make_network(struct connect_face *face)
{
    uint32_t hash = UINT32_C(2166136261);
    for (const char *at = machine_serial(face->machine); *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    unsigned a = hash >> 16 & 0xff, b = hash >> 8 & 0xff, c = hash & 0xff;
    snprintf(face->lan_mac, sizeof face->lan_mac, "02:00:5e:%02x:%02x:%02x", a, b, c);
    snprintf(face->lan_ipv4, sizeof face->lan_ipv4, "10.%u.%u.%u", a, b, c);
}

static enum connect_host_kind kind_of(const struct machine *machine,
                                      const struct connect_face_settings *settings)
{
    if (strcmp(machine_model(machine)->family, "buddy") == 0) {
        return CONNECT_HOST_BUDDY;
    }
    return machine_has_resin(machine) && settings->host == CONNECT_HOST_PRUSALINK ? CONNECT_HOST_SL1
                                                                                  : settings->host;
}

struct connect_face *connect_face_new(struct world *world, struct network *network,
                                      struct machine *machine,
                                      const struct connect_face_settings *settings,
                                      const char *name, const char *token)
{
    enum connect_host_kind kind = kind_of(machine, settings);
    struct connect_face *face =
        memory_new(kind == CONNECT_HOST_BUDDY ? FACE_BUDDY_BYTES : sizeof *face);
    face->world = world;
    face->network = network;
    face->machine = machine;
    face->settings = settings;
    face->kind = kind;
    face->name = name;
    if (face->kind == CONNECT_HOST_BUDDY) {
        face->buddy = buddy_new(world, network, machine, settings, name, token);
        return face;
    }
    face->active_sheet = (uint8_t)settings->active_sheet;
    face->server = memory_copy_text(settings->server);
    make_network(face);
    timer_init(&face->step_timer, step_fire, face);
    timer_init(&face->telemetry_timer, face_telemetry_fire, face);
    face->listener = (struct machine_listener){.events = &face_machine_events, .face = face};
    machine_listen(machine, &face->listener);
    make_sdk(face, token);
    return face;
}

void connect_face_destroy(struct connect_face *face)
{
    if (face == NULL) {
        return;
    }
    if (face->buddy != NULL) {
        buddy_destroy(face->buddy);
        free(face);
        return;
    }
    machine_unlisten(face->machine, &face->listener);
    if (face->gcode_running) {
        face->gcode_running = false;
        machine_gcode_interrupt(face->machine);
    }
    face_probe_destroy(face);
    world_cancel(face->world, &face->step_timer);
    world_cancel(face->world, &face->telemetry_timer);
    connect_sdk_destroy(face->sdk);
    free(face->server);
    free(face->api_key);
    face_web_free(face);
    free(face->downloaded);
    face_cameras_free(face);
    free(face);
}

void connect_face_find_now(struct connect_face *face)
{
    if (!face_is_prusalink(face) || face->located) {
        return;
    }
    face_cancel(face, STEP_LOCAL);
    face_cancel(face, STEP_PRINTER);
    step_local(face);
    step_printer(face); /* or with the first state that is not BUSY */
    if (face->found) {
        face_cancel(face, STEP_SERIAL);
        step_serial(face);
    }
}

void connect_face_restart(struct connect_face *face, const char *version)
{
    if (!face_is_prusalink(face)) {
        return;
    }
    char *copy = memory_copy_text(version);
    free(face_web(face)->version);
    face->web->version = copy;
    step_restart(face);
}
