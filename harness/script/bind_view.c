#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/script/bind.h"
#include "mockservers/connect/cameras.h"
#include "mockservers/connect/transfers.h"
#include "sim/machine/resin.h"
#include "sim/protocol/connect/prusalink.h"

/* What our own server believes of a printer of ours, from its messages alone, beside what the
 * virtual machine is. Only what the protocol tells is compared: SDK printers tell their whole tree
 * of files, Buddy printers their drive and the files that changed (connect-sdk.md 8,
 * connect-buddy.md 5.2). */

enum { DIFFERENCES_SHOWN = 6 };

/* The same things in the same order, as they are and as they are believed to be. */
struct comparison {
    struct machine *machine;
    const struct connect_printer *believed;
    cJSON *telemetry, *info, *files; /* that are believed */
    bool buddy, resin, at_rest;
    struct buffer truth, view;
    unsigned count;
};

static bool differs(struct comparison *comparison)
{
    comparison->count++;
    if (comparison->count > DIFFERENCES_SHOWN) {
        return false;
    }
    if (comparison->count > 1) {
        buffer_append_text(&comparison->truth, ", ");
        buffer_append_text(&comparison->view, ", ");
    }
    return true;
}

static void texts(struct comparison *comparison, const char *what, const char *truth,
                  const char *view)
{
    if (strcmp(truth != NULL ? truth : "", view != NULL ? view : "") != 0 && differs(comparison)) {
        buffer_format(&comparison->truth, "%s %s", what, truth != NULL ? truth : "none");
        buffer_format(&comparison->view, "%s %s", what, view != NULL ? view : "none");
    }
}

static void counts(struct comparison *comparison, const char *what, int64_t truth, int64_t view)
{
    char texts_of[2][24];
    snprintf(texts_of[0], sizeof texts_of[0], "%" PRId64, truth);
    snprintf(texts_of[1], sizeof texts_of[1], "%" PRId64, view);
    texts(comparison, what, texts_of[0], texts_of[1]);
}

static int64_t whole(const cJSON *object, const char *key, int64_t fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : fallback;
}

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* ---- State, job, transfer ---- */

static void compare_state(struct comparison *comparison, const struct machine_readings *readings)
{
    texts(comparison, "state", printer_state_name(machine_state(comparison->machine)),
          comparison->believed->state);
    uint32_t job = readings->job ? readings->job_id : 0;
    counts(comparison, "job", comparison->buddy ? job & UINT16_MAX : job,
           comparison->believed->job_id);
}

/* Programs on the bare SDK tell INFO when they are asked for it (connect-sdk.md 6.4); so does what
 * isn't public of the SL1. While a Buddy printer shows an error it runs a client that knows less
 * (connect-buddy.md 8.4). */
static bool tells_info(struct connect_face *face, const struct connect_printer *believed)
{
    enum connect_host_kind host = connect_face_host(face);
    return believed->info != NULL || host == CONNECT_HOST_PRUSALINK || host == CONNECT_HOST_BUDDY;
}

static void compare_transfers(struct comparison *comparison)
{
    const struct transfer *transfer = machine_transfer(comparison->machine);
    int64_t id = transfer != NULL ? (int64_t)transfer->id : -1;
    counts(comparison, "transfer", id, comparison->believed->transfer_id);
    for (const struct connect_transfer *at = comparison->believed->transfers; at != NULL;
         at = at->next) {
        if (at->status == CONNECT_TRANSFER_RUNNING && at->id != id && differs(comparison)) {
            buffer_format(&comparison->truth, "transfer %" PRId64 " over", at->id);
            buffer_format(&comparison->view, "transfer %" PRId64 " running", at->id);
        }
    }
}

/* ---- Telemetry ---- */

/* `slack`: how far a value may go without being told again, and half of what the wire rounds away.
 */
static void numbers(struct comparison *comparison, const char *key, double truth, double slack)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(comparison->telemetry, key);
    double view = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!isfinite(truth) || fabs(truth - view) <= slack || !differs(comparison)) {
        return;
    }
    buffer_format(&comparison->truth, "%s %.2f", key, truth);
    if (isfinite(view)) {
        buffer_format(&comparison->view, "%s %.2f", key, view);
    } else {
        buffer_format(&comparison->view, "%s unknown", key);
    }
}

static void compare_resin(struct comparison *comparison)
{
    struct resin_readings resin;
    machine_read_resin(comparison->machine, &resin);
    numbers(comparison, "temp_uv_led", resin.uv_led_c, 0.55);
    numbers(comparison, "temp_ambient", resin.ambient_c, 0.55);
    numbers(comparison, "temp_cpu", resin.cpu_c, 0.55);
    const cJSON *cover = cJSON_GetObjectItemCaseSensitive(comparison->telemetry, "cover_closed");
    texts(comparison, "cover", resin.cover_closed ? "closed" : "open",
          cJSON_IsTrue(cover) ? "closed" : "open");
}

/* Measured temperatures of SDK printers are told when they have changed by more than 0.5
 * (connect-sdk.md 4.4), those of Buddy printers when they are another whole number
 * (connect-buddy.md 4.3); rounded to 0.1 they go out. */
static void compare_telemetry(struct comparison *comparison,
                              const struct machine_readings *readings)
{
    double drift = comparison->buddy ? 1.05 : 0.55;
    numbers(comparison, "temp_nozzle", readings->nozzle_c, drift);
    numbers(comparison, "temp_bed", readings->bed_c, drift);
    numbers(comparison, "target_nozzle", readings->nozzle_target_c, 0.051);
    numbers(comparison, "target_bed", readings->bed_target_c, 0.051);
    numbers(comparison, "axis_z", readings->z_mm, comparison->buddy ? 1.01 : 0.0051);
    numbers(comparison, "speed", readings->speed_percent, 0);
    numbers(comparison, "flow", readings->flow_percent, 0);
}

/* ---- Files ---- */

static void append_kind(struct buffer *out, bool folder, int64_t size, int64_t modified_s)
{
    if (folder) {
        buffer_append_text(out, " a folder");
    } else {
        buffer_format(out, " %" PRId64 " bytes of %" PRId64, size, modified_s);
    }
}

static void file_differs(struct comparison *comparison, const char *path,
                         const struct file_node *node, const cJSON *known)
{
    if (!differs(comparison)) {
        return;
    }
    buffer_append_text(&comparison->truth, path);
    buffer_append_text(&comparison->view, path);
    if (node == NULL) {
        buffer_append_text(&comparison->truth, " not there");
    } else {
        append_kind(&comparison->truth, node->folder, (int64_t)node->size, node->modified_s);
    }
    if (known == NULL) {
        buffer_append_text(&comparison->view, " not there");
    } else {
        const char *type = text_of(known, "type");
        append_kind(&comparison->view, type != NULL && strcmp(type, "DIR") == 0,
                    whole(known, "size", -1), whole(known, "m_timestamp", -1));
    }
}

static bool is_named(const cJSON *node, const char *name)
{
    const char *its = text_of(node, "name");
    return its != NULL && strcmp(its, name) == 0;
}

/* Both sides list in the same order but for what came later, so the next one is mostly the one that
 * is looked for. */
static const cJSON *find_child(const cJSON *children, const cJSON **next, const char *name)
{
    const cJSON *child = *next;
    if (child == NULL || !is_named(child, name)) {
        child = children != NULL ? children->child : NULL;
        while (child != NULL && !is_named(child, name)) {
            child = child->next;
        }
    }
    *next = child != NULL ? child->next : NULL;
    return child;
}

static void compare_folder(struct comparison *comparison, struct buffer *path,
                           const struct file_node *folder, const cJSON *known);

/* A folder's time is that of the attaching of its storage, its size that of then (connect-sdk.md
 * 14): not compared. */
static void compare_node(struct comparison *comparison, struct buffer *path,
                         const struct file_node *node, const cJSON *known)
{
    const char *type = known != NULL ? text_of(known, "type") : NULL;
    bool folder = type != NULL && strcmp(type, "DIR") == 0;
    if (type == NULL || folder != node->folder ||
        (!folder && (whole(known, "size", -1) != (int64_t)node->size ||
                     whole(known, "m_timestamp", -1) != node->modified_s))) {
        file_differs(comparison, path->bytes, node, known);
    } else if (folder) {
        compare_folder(comparison, path, node, known);
    }
}

static void go_back(struct buffer *path, size_t size)
{
    path->size = size;
    path->bytes[size] = '\0';
}

/* Depth is bounded by FILE_DEPTH_MAX. */
static void compare_folder(struct comparison *comparison, struct buffer *path,
                           const struct file_node *folder, const cJSON *known)
{
    const cJSON *children = cJSON_GetObjectItemCaseSensitive(known, "children");
    const cJSON *next = children != NULL ? children->child : NULL;
    size_t size = path->size;
    for (uint32_t i = 0; i < folder->child_count; i++) {
        const struct file_node *node = folder->children[i];
        if (!file_name_hidden(node->name)) {
            buffer_format(path, "/%s", node->name);
            compare_node(comparison, path, node, find_child(children, &next, node->name));
            go_back(path, size);
        }
    }
    const cJSON *child;
    cJSON_ArrayForEach(child, children)
    {
        const char *name = text_of(child, "name");
        if (name == NULL || file_node_child(folder, name) == NULL) {
            buffer_format(path, "/%s", name != NULL ? name : "?");
            file_differs(comparison, path->bytes, NULL, child);
            go_back(path, size);
        }
    }
}

static void compare_tree(struct comparison *comparison)
{
    const cJSON *children = cJSON_GetObjectItemCaseSensitive(comparison->files, "children");
    const cJSON *next = children != NULL ? children->child : NULL;
    size_t count = machine_storage_count(comparison->machine);
    for (size_t i = 0; i < count; i++) {
        const struct storage *storage = machine_storage(comparison->machine, i);
        struct buffer path = {0};
        buffer_format(&path, "/%s", storage->name);
        compare_node(comparison, &path, storage->root, find_child(children, &next, storage->name));
        buffer_free(&path);
    }
    counts(comparison, "storages", (int64_t)count,
           children != NULL ? cJSON_GetArraySize(children) : 0);
}

/* A Buddy printer tells in INFO whether there is a drive. That it fills up makes no new INFO due
 * (connect-buddy.md 4.3), and of what is on it only what changes is told. */
static void compare_drive(struct comparison *comparison)
{
    const char *below;
    const struct storage *usb = machine_storage_of(comparison->machine, "/usb", &below);
    const cJSON *storages = cJSON_GetObjectItemCaseSensitive(comparison->info, "storages");
    const cJSON *drive = storages != NULL ? storages->child : NULL;
    texts(comparison, "drive", usb != NULL ? "/usb" : NULL, text_of(drive, "mountpoint"));
}

/* ---- Who it is, and its cameras ---- */

static void compare_identity(struct comparison *comparison, const char *fingerprint)
{
    const struct connect_printer *believed = comparison->believed;
    const struct model *model = machine_model(comparison->machine);
    char type[40];
    snprintf(type, sizeof type, "%d.%d.%d", model->type, model->version, model->subversion);
    texts(comparison, "type", type, believed->type);
    texts(comparison, "firmware", machine_firmware(comparison->machine), believed->firmware);
    texts(comparison, "serial number", machine_serial(comparison->machine), believed->serial);
    /* The header of Buddy printers has the first characters of it (connect-buddy.md 2). */
    if (believed->fingerprint == NULL ||
        strncmp(fingerprint, believed->fingerprint, strlen(believed->fingerprint)) != 0) {
        texts(comparison, "fingerprint", fingerprint, believed->fingerprint);
    }
}

static void compare_cameras(struct comparison *comparison, struct connect_sdk *sdk)
{
    struct connect_server *server = comparison->believed->server;
    for (size_t i = 0; i < connect_sdk_camera_count(sdk); i++) {
        const struct connect_camera_settings *settings = connect_sdk_camera(sdk, i);
        if (settings->token == NULL) {
            continue; /* not registered, or it knows that its token is void */
        }
        char fingerprint[65];
        connect_fingerprint_of(settings->id, fingerprint);
        const struct connect_camera *camera = connect_server_camera(server, fingerprint);
        char what[80];
        snprintf(what, sizeof what, "camera %.60s",
                 settings->name != NULL ? settings->name : settings->id);
        texts(comparison, what, "registered",
              camera != NULL && camera->token != NULL ? "registered" : "unknown");
    }
}

/* ---- For the prelude ---- */

/* Whether a server can know the printer at all: it is on, up, and talks to ours with a token that
 * ours knows. */
static bool comparable(struct stage *stage, struct stage_printer *printer)
{
    struct actor *actor = printer->actor;
    const struct connect_printer *believed = stage_believed(stage, printer);
    if (actor == NULL || actor_face(actor) == NULL || stage->house.front == NULL ||
        believed == NULL) {
        return false;
    }
    const char *token = actor_token(actor), *server = actor_server(actor);
    struct machine *machine = actor_machine(actor);
    return machine_is_up(machine) && !machine_fault(machine, FAULT_SERIAL_LOST) &&
           machine_state(machine) != STATE_NONE && believed->token != NULL && token != NULL &&
           strcmp(token, believed->token) == 0 && server != NULL &&
           strcmp(server, stage->house.url) == 0 && believed->last_telemetry_us >= 0;
}

/* view_checked(number): whether the end of a scenario asks for its view. Not of what was meant to
 * be untrue. */
static int view_checked(lua_State *lua)
{
    struct stage *stage = bind_stage(lua);
    const struct play_settings *settings = &play_of(lua)->settings;
    struct stage_printer *printer = bind_check_printer(lua, 1);
    lua_pushboolean(lua, !stage->misbehaved && settings->misbehaviour_count == 0 &&
                             settings->quirks_off == 0 && printer->faults == NULL &&
                             comparable(stage, printer));
    return 1;
}

static bool rests(enum printer_state state)
{
    return state != STATE_PRINTING && state != STATE_BUSY;
}

static void compare(struct comparison *comparison, struct actor *actor)
{
    struct machine_readings readings;
    machine_read(comparison->machine, &readings);
    compare_state(comparison, &readings);
    compare_transfers(comparison);
    bool error_screen = comparison->buddy && machine_state(comparison->machine) == STATE_ERROR;
    if (tells_info(actor_face(actor), comparison->believed)) {
        compare_identity(comparison, actor_fingerprint(actor));
    }
    if (comparison->buddy && !error_screen) {
        compare_drive(comparison);
    } else if (!comparison->buddy) {
        compare_tree(comparison);
    }
    if (actor_sdk(actor) != NULL) {
        compare_cameras(comparison, actor_sdk(actor));
    }
    if (!comparison->at_rest || error_screen) {
        return;
    }
    if (comparison->resin) {
        compare_resin(comparison);
    } else {
        compare_telemetry(comparison, &readings);
    }
}

static void push_side(lua_State *lua, const struct comparison *comparison, struct buffer *side)
{
    if (comparison->count > DIFFERENCES_SHOWN) {
        buffer_format(side, ", and %u more", comparison->count - DIFFERENCES_SHOWN);
    }
    lua_pushlstring(lua, side->bytes, side->size);
    buffer_free(side);
}

/* view_differences(number) -> nil, or what it is and what is believed where these differ */
static int view_differences(lua_State *lua)
{
    struct actor *actor = bind_check_actor(lua, 1);
    struct machine *machine = actor_machine(actor);
    const char *family = machine_model(machine)->family;
    struct comparison comparison = {
        .machine = machine,
        .believed = bind_check_believed(lua, 1),
        .buddy = strcmp(family, "buddy") == 0,
        .resin = machine_has_resin(machine),
        .at_rest = rests(machine_state(machine)),
    };
    comparison.telemetry = connect_printer_telemetry(comparison.believed);
    comparison.info = connect_printer_info(comparison.believed);
    comparison.files = connect_printer_files(comparison.believed);
    compare(&comparison, actor);
    cJSON_Delete(comparison.telemetry);
    cJSON_Delete(comparison.info);
    cJSON_Delete(comparison.files);
    if (comparison.count == 0) {
        return 0;
    }
    push_side(lua, &comparison, &comparison.truth);
    push_side(lua, &comparison, &comparison.view);
    return 2;
}

void bind_view(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"view_checked", view_checked},
        {"view_differences", view_differences},
        {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
