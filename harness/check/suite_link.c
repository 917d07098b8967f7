#include "harness/check/suite_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/clients/link_client.h"
#include "harness/net/tls.h"
#include "sim/base/memory.h"

enum { DEPTH_MAX = 8, NAMES_MAX = 500 };

struct entry {
    char *name;
    bool folder;
};

struct clean {
    struct world *world;
    struct link_client *client;
    bool done;
    /* of the last answer */
    enum link_outcome outcome;
    char why[300];
    enum link_flavour flavour;
    enum link_state state;
    int64_t job;
    char job_file[200];
    struct entry *entries;
    size_t entry_count;
};

static void keep(void *owner, const struct link_result *result)
{
    struct clean *clean = owner;
    clean->done = true;
    clean->outcome = result->outcome;
    snprintf(clean->why, sizeof clean->why, "%s", result->why);
    if (result->version != NULL) {
        clean->flavour = result->version->flavour;
    }
    if (result->status_report != NULL) {
        clean->state = result->status_report->state;
    }
    if (result->job != NULL) {
        clean->job = result->job->id;
        snprintf(clean->job_file, sizeof clean->job_file, "%s", result->job->file_display_name);
    }
    const struct link_listing *listing = result->listing;
    size_t count = listing == NULL ? 0 : listing->child_count;
    count = count < NAMES_MAX ? count : NAMES_MAX;
    clean->entries = memory_new_array(count + 1, sizeof *clean->entries);
    clean->entry_count = count;
    for (size_t i = 0; i < count; i++) {
        /* Short names may move when something is deleted; the long one names the same file. */
        clean->entries[i] =
            (struct entry){.name = memory_copy_text(listing->children[i].display_name),
                           .folder = listing->children[i].folder};
    }
}

static void entries_free(struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].name);
    }
    free(entries);
}

static bool await(struct clean *clean)
{
    int64_t limit_us = clean->world->now_us + SECONDS(60);
    while (!clean->done && world_step(clean->world, limit_us)) {
    }
    bool done = clean->done;
    clean->done = false;
    return done && clean->outcome == LINK_OK;
}

/* An answer of which only the outcome counts. */
static bool went_well(struct clean *clean)
{
    bool good = await(clean);
    entries_free(clean->entries, clean->entry_count);
    clean->entries = NULL;
    clean->entry_count = 0;
    return good;
}

static void stop_own_print(struct clean *clean)
{
    link_client_job(clean->client, keep, clean);
    if (!went_well(clean) || clean->job < 0 || strstr(clean->job_file, "hotbed") == NULL) {
        return;
    }
    link_client_job_command(clean->client, clean->job, LINK_JOB_STOP, keep, clean);
    went_well(clean);
    for (int i = 0; i < 60; i++) {
        link_client_status(clean->client, keep, clean);
        if (!went_well(clean) ||
            (clean->state != LINK_STATE_PRINTING && clean->state != LINK_STATE_PAUSED)) {
            return;
        }
        world_run(clean->world, clean->world->now_us + SECONDS(1), NULL);
    }
}

static bool remove_folder(struct clean *clean, const char *path, int depth)
{
    link_client_list(clean->client, path, NULL, keep, clean);
    bool listed = await(clean);
    struct entry *entries = clean->entries;
    size_t count = clean->entry_count;
    clean->entries = NULL;
    clean->entry_count = 0;
    if (!listed) {
        entries_free(entries, count);
        return clean->outcome == LINK_NOT_FOUND;
    }
    for (size_t i = 0; i < count && depth < DEPTH_MAX; i++) {
        struct buffer below = {0};
        buffer_format(&below, "%s/%s", path, entries[i].name);
        if (entries[i].folder) {
            remove_folder(clean, below.bytes, depth + 1);
        } else {
            link_client_remove(clean->client, below.bytes, false, keep, clean);
            went_well(clean);
        }
        buffer_free(&below);
    }
    entries_free(entries, count);
    /* The Pi's tree lags behind (6.3): force takes what it still believes to be in the folder. */
    link_client_remove(clean->client, path, true, keep, clean);
    return went_well(clean);
}

static bool clean_up(struct clean *clean, const char *folder, struct error *error)
{
    link_client_version(clean->client, keep, clean);
    if (!went_well(clean)) {
        return error_set(error, "%s may still be there: %s", folder, clean->why);
    }
    stop_own_print(clean);
    struct buffer path = {0};
    buffer_format(&path, "%s/%s", clean->flavour == LINK_FLAVOUR_PI ? "/local" : "/usb", folder);
    bool gone = remove_folder(clean, path.bytes, 0);
    if (!gone) { /* Buddy says 404 of a folder that is not empty, too (3.12) */
        char why[sizeof clean->why];
        memcpy(why, clean->why, sizeof why);
        link_client_list(clean->client, path.bytes, NULL, keep, clean);
        gone = !went_well(clean) && clean->outcome == LINK_NOT_FOUND;
        memcpy(clean->why, why, sizeof why);
    }
    if (!gone) {
        error_set(error, "%s could not be removed: %s", path.bytes, clean->why);
    }
    buffer_free(&path);
    return gone;
}

bool suite_link_clean(struct ground *ground, struct error *error)
{
    const struct ground_targets *targets = ground->targets;
    struct tls_settings tls = {.ca_file = targets->ca_file, .insecure = targets->insecure};
    struct link_transport *transport = ground->driver != NULL
                                           ? link_transport_curl(ground->driver, &tls, error)
                                           : link_transport_wire(ground->world, ground->network);
    if (transport == NULL) {
        return false;
    }
    struct link_client_settings settings = {
        .url = targets->link_url,
        .user = targets->link_user != NULL ? targets->link_user : "maker",
        .password = targets->link_password,
        .api_key = targets->link_password == NULL ? targets->link_api_key : NULL,
        .name = "clean-up"};
    struct clean clean = {.world = ground->world, .job = -1};
    clean.client = link_client_new(transport, &settings, error);
    bool gone = clean.client != NULL && clean_up(&clean, targets->link_folder, error);
    link_client_destroy(clean.client);
    link_transport_destroy(transport);
    return gone;
}
